"""The program in children of a process that has it loaded: each as a process of its own, without what a start costs.

``python -m tests.warm FD`` serves on a listening socket: a request is a connection, with its length, the files for
standard input, output and error, and a pickle of ``Request``; the answer is the child's exit code, as ``subprocess``
has it.
"""

import contextlib
import gc
import os
import pickle
import posix
import resource
import runpy
import select
import socket
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from tests.asking import NUMBER, Request, ask, received

if TYPE_CHECKING:
    from coverage import Coverage

_LOADED = (
    *("echo_migrate.cli.about", "echo_migrate.cli.baseline", "echo_migrate.cli.check", "echo_migrate.cli.config"),
    *("echo_migrate.cli.fix", "echo_migrate.cli.github", "echo_migrate.cli.init", "echo_migrate.cli.inventory"),
    *("echo_migrate.cli.match", "echo_migrate.cli.pull_request", "echo_migrate.cli.pull_request.github"),
    *("echo_migrate.cli.fleet", "echo_migrate.cli.pull_request.gitlab", "echo_migrate.cli.watch", "gitlab"),
    *("echo_migrate.cli.verify", "echo_migrate.registry.evidence", "echo_migrate.registry.transport", "httpcore"),
    *("echo_migrate.engine.baseline", "echo_migrate.engine.changed_lines", "echo_migrate.engine.patch"),
    *("echo_migrate.engine.registry_login", "echo_migrate.files.write", "github", "rich.progress"),
)

_TRIED = {
    "Dockerfile": "ARG V=22\nFROM node:${V} AS b\nRUN apt-get update && apt-get install -y curl\nFROM python:3.12\n",
    "app.py": "from testcontainers.redis import RedisContainer\nRedisContainer('redis:7')\n",
    "compose.yaml": "services:\n  a:\n    image: postgres:16\n",
    "run.sh": "docker run python:3.12\n",
}
"""A tree that is run on once: what it takes to read data and compile patterns is most of what a small run takes."""

MEASURED = "COVERAGE_PROCESS_CONFIG"
"""Where the environment has it, coverage is measured: with that configuration."""


class Warm:
    """The process that has the program loaded, from the side of the tests."""

    def __init__(self, root: Path) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.address = os.path.join(self.folder.name, "warm")
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(self.address)
            listening.listen(64)
            words = [sys.executable, "-m", "tests.warm", str(listening.fileno())]
            self.server = subprocess.Popen(words, cwd=root, pass_fds=[listening.fileno()], stdin=subprocess.PIPE)

    def run(self, request: Request, input: bytes) -> "subprocess.CompletedProcess[bytes]":
        """Run the program, and return it finished; of several threads, at once."""
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            given.write(input)
            given.seek(0)
            code = ask(self.address, request, [one.fileno() for one in (given, out, err)])
            out.seek(0)
            err.seek(0)
            return subprocess.CompletedProcess(["echo-migrate", *request.words], code, out.read(), err.read())

    def close(self) -> None:
        """End it."""
        assert self.server.stdin is not None
        self.server.stdin.close()
        self.server.wait()
        self.folder.cleanup()


def serve(listening: socket.socket) -> None:
    """Answer requests until standard input ends, as it does with the tests."""
    from importlib import import_module

    from echo_migrate.formats import FORMATS
    from echo_migrate.images import catalog
    from echo_migrate.reports import FORMATS as REPORTS

    for name in (*_LOADED, *(f"echo_migrate.formats.{one}" for one in FORMATS)):
        import_module(name)
    for name in REPORTS:
        import_module(f"echo_migrate.reports.{name}")
    catalog.load()
    measuring = _paused()
    _tried()
    gc.freeze()
    running: dict[int, tuple[int, int, socket.socket]] = {}
    while True:
        ready, _, _ = select.select([listening, sys.stdin, *running], [], [])
        if sys.stdin in ready:
            break
        for place in running.keys() & set(ready):
            child, found, connection = running.pop(place)
            _, status = os.waitpid(child, 0)
            os.close(place)
            with open(found, "rb") as file:
                file.seek(0)
                with contextlib.suppress(EOFError, pickle.UnpicklingError):  # of what is not measured, or was killed
                    if measuring:
                        measuring.add(pickle.load(file))
            with contextlib.suppress(OSError):  # whoever asked has gone
                connection.sendall(NUMBER.pack(os.waitstatus_to_exitcode(status)))
            connection.close()
        if listening in ready:
            connection, _ = listening.accept()
            child, found = _begun(connection, listening, measuring)
            running[os.pidfd_open(child)] = child, found, connection
    if measuring:
        measuring.save()


def _tried() -> None:
    """Run the program in this process, so that its children have the data that most of them would read."""
    from click.testing import CliRunner

    from echo_migrate.cli import cli

    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for name, text in _TRIED.items():
            Path(name).write_text(text)
        for words in (["check"], ["inventory"], ["fix", "--diff"]):
            CliRunner().invoke(cli, [*words, "--no-config"], catch_exceptions=False)


def _begun(connection: socket.socket, listening: socket.socket, measuring: "_Measuring | None") -> tuple[int, int]:
    """Read a request, and return the process that is what it asks for, a child, and the file for what it measures."""
    head, files, _, _ = socket.recv_fds(connection, NUMBER.size, 3)
    request: Request = pickle.loads(received(connection, NUMBER.unpack(head)[0]))
    found = os.memfd_create("found")
    child = os.fork()
    if not child:
        connection.close()
        listening.close()
        _become(request, files, measuring, found)
    for file in files:
        os.close(file)
    return child, found


def _become(request: Request, files: list[int], measuring: "_Measuring | None", found: int) -> None:
    """Be what a request asks for, in a child, to its end."""
    from echo_migrate.cli import main

    code: object = 1
    if MEASURED not in request.environment or request.limits:
        measuring = None  # limits are the program's alone, which would be three times as slow measured
    try:
        if measuring:
            measuring.coverage.start()
        for number, file in enumerate(files):
            os.dup2(file, number)
            os.close(file)
        os.chdir(request.cwd)
        os.environ.clear()
        os.environ.update(request.environment)
        for kind, most in request.limits:
            resource.setrlimit(kind, (most, most))
        sys.argv = ["echo-migrate", *request.words]
        sys.stdin = open(0, encoding="utf-8")  # noqa: SIM115 - as long as the process
        sys.stdout = open(1, "w", encoding="utf-8")  # noqa: SIM115
        sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace")  # noqa: SIM115
        if request.module:
            runpy.run_module(request.module, run_name="__main__")
        else:
            main()
        code = 0
    except SystemExit as end:
        code = 0 if end.code is None else end.code
    except BaseException:  # as the interpreter would: a child must not go on as the server
        traceback.print_exc()
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    if measuring:
        measuring.coverage.stop()
        with open(found, "wb") as handed:
            pickle.dump(measuring.new(), handed)
    posix._exit(code if isinstance(code, int) else 1)  # not os._exit, in whose place coverage has what writes a file


class _Measuring:
    """What measures coverage in this process and its children, and all that they have found, which is saved once.

    A file for each child, with thousands of lines that others have found as well, took longer than what most of them
    run, and as long again to be combined. The lines are out of what coverage has before it writes them.
    """

    def __init__(self, coverage: "Coverage") -> None:
        assert coverage._collector is not None
        self.coverage = coverage
        self.lines: dict[str, set[object]] = coverage._collector.data  # type: ignore[assignment]
        self.known: dict[str, set[object]] = {}
        self.add(self.new())
        for lines in self.lines.values():
            lines.clear()  # but stays: functions under way add to it

    def new(self) -> dict[str, set[object]]:
        """Return what was found in this process, by file, that is not known."""
        found = ((name, lines - self.known.get(name, set())) for name, lines in self.lines.copy().items())
        return {name: lines for name, lines in found if lines}

    def add(self, found: dict[str, set[object]]) -> None:
        for name, lines in found.items():
            self.known.setdefault(name, set()).update(lines)

    def save(self) -> None:
        """Write all that is known to a file."""
        self.lines.update(self.known)
        self.coverage.save()


def _paused() -> "_Measuring | None":
    """Return what measures coverage in this process, with what it has found: a child goes on with it."""
    if not os.environ.pop(MEASURED, ""):  # with which each fork would start one
        return None
    from coverage import Coverage

    measuring = Coverage.current()
    if not measuring:
        return None
    measuring.stop()
    return _Measuring(measuring)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
