"""What a container does: whether it starts, stays up, is healthy and answers, and what it prints and writes."""

import contextlib
import http.client
import re
import shlex
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from threading import Thread
from typing import IO, Any, Literal, NamedTuple

from echo_migrate.proof.builders import NOTHING, SHORT, Builder, Given, PassedOn
from echo_migrate.proof.image import Config, Reader

SETTLE = 3.0
"""The seconds after which a container that still runs counts as one that stays up."""

LONGER = 10.0
"""The seconds of a second look, where one of two containers has not printed or written what the other has."""

PATIENCE = 15.0
"""The seconds that a container has to become healthy, and to answer a smoke test."""

_BETWEEN = 0.5
_MISSING = re.compile(r"no such file or directory|executable file not found|not found|permission denied", re.IGNORECASE)
_MOST_BODY = 1_000_000

Start = Literal["up", "exited", "failed", "nothing", "not-run", "unmet"]
"""What came of a start; "unmet" is that of a service of which a sibling does not start."""


class Smoke(NamedTuple):
    """A test of a running container: a command in it, or a request to it with the status and text of its answer."""

    command: tuple[str, ...] = ()
    http: str = ""
    port: int = 0
    status: int = 200
    text: str = ""

    @property
    def title(self) -> str:
        """What is tested, as it is shown."""
        return f"GET {self.http}" if self.http else shlex.join(self.command)


class Running(NamedTuple):
    """What a container did. ``message`` says why it did not start; ``health`` and each of ``smoke`` are "ok" or what
    failed, ``health`` "" if the image has no check; ``written`` are paths that it added or changed."""

    start: Start
    code: int = 0
    message: str = ""
    output: str = ""
    errors: str = ""
    health: str = ""
    smoke: tuple[str, ...] = ()
    written: tuple[str, ...] = ()


class Look(NamedTuple):
    """A look at a container; ``again`` is the second, longer one, without its files. What it has written is only looked
    at if ``writes`` then returns that it counts: a builder compares two whole trees for that."""

    name: str
    again: bool = False
    writes: Callable[[], bool] = lambda: True


def observe(
    builder: Builder,
    id: str,
    config: Config,
    passed: PassedOn,
    smoke: Sequence[Smoke],
    look: Look,
    given: Given = NOTHING,
    alone: AbstractContextManager[Any] | None = None,
) -> tuple[Running, Reader]:
    """Start a container of an image, watch it, and read its files as they were before. It is removed in the end; as
    long as it runs, ``alone`` is held, where it is given."""
    reader = Reader()
    if not builder.runs:
        return Running("not-run", message=f"{builder.name} starts no containers"), reader
    wanted = [one.port or _port(config) for one in smoke if one.http]
    ports = [] if passed.network == "host" else [one for one in wanted if one]
    container, message = builder.create(id, passed, ports, given)
    try:
        if not container and not (config.entrypoint or config.command):
            return Running("nothing", message="the image has no command"), reader
        if not container:
            return Running("failed", message=message), reader
        if not look.again and not builder.export(container, reader.read, passed.timeout):
            reader.files, reader.cut = None, True
        if not (config.entrypoint or config.command):
            return Running("nothing", message="the image has no command"), reader
        with alone or nullcontext():
            running = _watched(builder, container, config, smoke, look)
            builder.remove_containers(container)  # before the next one wants its ports
            container = ""
        return running, reader
    finally:
        if container:
            builder.remove_containers(container)


def _watched(
    builder: Builder,
    container: str,
    config: Config,
    smoke: Sequence[Smoke],
    look: Look,
) -> Running:
    message = builder.start(container)
    if message:
        state = builder.state(container)
        if not state.running:
            return Running("failed", state.code, state.error or message)
    builder.wait(container, LONGER if look.again else SETTLE)
    state = builder.state(container)
    health, results = "", ["the container has ended"] * len(smoke)
    if state.running and config.health[:1] in (("CMD",), ("CMD-SHELL",)):
        health = healthy(builder, container, config.health)
    elif config.health[:1] in (("CMD",), ("CMD-SHELL",)):
        health = "the container has ended"
    if state.running:
        results = [_until_ok(lambda one=one: _smoke(builder, container, config, one)) for one in smoke]  # type: ignore[misc]
    if health or smoke:
        state = builder.state(container)
    output, errors = builder.logs(container)
    written = (*builder.written(container), *_in_volumes(builder, container, config)) if look.writes() else ()
    return Running(
        "up" if state.running else "exited", state.code, state.error, output, errors, health, (*results,), written
    )


def healthy(builder: Builder, container: str, check: Sequence[str]) -> str:
    """Return "ok" as soon as a health check, in the form that images have it, succeeds in a container; else what it
    said last."""
    kind, *rest = check
    words = ("/bin/sh", "-c", *rest[:1]) if kind == "CMD-SHELL" else tuple(rest)
    return _until_ok(lambda: _command(builder, container, words))


def _until_ok(check: Callable[[], str]) -> str:
    """Return "ok" as soon as a check succeeds, else what its last try said; what cannot be run is tried once."""
    limit = time.monotonic() + PATIENCE
    while (said := check()) != "ok" and time.monotonic() < limit and not _MISSING.search(said):
        time.sleep(_BETWEEN)
    return said


def _command(builder: Builder, container: str, words: Sequence[str], text: str = "") -> str:
    done = builder.execute(container, words, SHORT)
    if done.code is None:
        return f"took more than {SHORT:.0f} s"
    if done.code != 0:
        return done.text.strip() or f"exit code {done.code}"
    return "ok" if text in done.text else f"{text!r} is not in its output"


def _smoke(builder: Builder, container: str, config: Config, test: Smoke) -> str:
    if test.command:
        return _command(builder, container, test.command, test.text)
    port, state = test.port or _port(config), builder.state(container)
    if not port:
        return "no port: the image exposes none, and none is given"
    if not state.running:
        return "the container has ended"
    reached = port if state.host_network else state.ports.get(port)
    if not reached:
        return f"port {port} is not reached from here"
    said = [f"no answer in {PATIENCE:.0f} s"]
    thread = Thread(target=lambda: said.append(request(reached, test)), daemon=True)
    thread.start()
    limit = time.monotonic() + PATIENCE  # the time limit of a socket holds for each byte
    while thread.is_alive() and time.monotonic() < limit:
        thread.join(_BETWEEN)
        builder.processes.check()
    return said[-1]


def request(port: int, test: Smoke) -> str:
    """Send a request to a port of this machine; return "ok", or what is wrong with the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    with contextlib.closing(connection):
        try:
            connection.request("GET", test.http, headers={"Host": "localhost"})
            answer = connection.getresponse()
            body = answer.read(_MOST_BODY).decode("utf-8", "replace")
        except (OSError, http.client.HTTPException, ValueError) as error:
            return f"no answer: {error or type(error).__name__}".lower()
    if answer.status != test.status:
        return f"status {answer.status}"
    return "ok" if test.text in body else f"{test.text!r} is not in its answer"


def _port(config: Config) -> int:
    numbers = [one.partition("/")[0] for one in config.ports]
    return next((int(one) for one in numbers if one.isascii() and one.isdecimal()), 0)


def _in_volumes(builder: Builder, container: str, config: Config) -> list[str]:
    """Return the files in the volumes that an image declares: a container's own changes do not have them."""
    found: list[str] = []
    for volume in config.volumes:
        names: list[str] = []
        builder.copy(container, volume, _lister(names))
        base = volume.rstrip("/").rpartition("/")[0]
        found += [f"{base}/{name.strip('/')}" for name in names]
    return found


def _lister(names: list[str]) -> Callable[[IO[bytes]], None]:
    import tarfile

    def read(stream: IO[bytes]) -> None:
        with contextlib.suppress(tarfile.TarError, EOFError), tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                names.append(member.name)
                if len(names) >= 10_000:
                    return

    return read
