"""A service as the container that Compose starts of it, and the services that it needs beside it.

Only what is written in the file is known: variables have their defaults. What a sibling has beyond that, such as files
of this machine that it mounts, says why it cannot be started as Compose would.
"""

import os
import re
import shlex
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.yaml import YamlNode, effective, is_scalar, is_sequence, is_set, items, sequence
from echo_migrate.formats.compose.document import Document
from echo_migrate.formats.compose.service import Build, build_in, dockerfile_of, ports_of

_VARIABLE = lazy_regex(r"\$\$|\$\{(\w+)(?::?-([^{}$]*))?\}|\$(\w+)")
_NEEDS = ("depends_on", "links")
_READ = frozenset(
    ("build", "command", "container_name", "entrypoint", "environment", "healthcheck", "hostname", "image", "user")
)
_NO_MATTER = frozenset(
    (
        *("annotations", "cpu_count", "cpu_shares", "cpus", "deploy", "expose", "init", "labels", "logging"),
        *("mem_limit", "mem_reservation", "networks", "platform", "ports", "profiles", "pull_policy", "restart"),
        *("scale", "shm_size", "stdin_open", "stop_grace_period", "stop_signal", "tty", "volumes", "working_dir"),
    )
)
"""Keys that decide neither whether a container starts nor what it answers, and those that are read with others."""

_UNSEEN = ("env_file", "extends")
"""Keys that are not read, though they may say with what a container starts."""

_LONGEST_PORT = 5

_OF_THE_MACHINE = ("/", "./", "../", "~", ".")


class _Unknown(Exception):
    """A value is not known; the message says what of it."""


class Service(NamedTuple):
    """How a container of a service is started. ``image`` is "" if it is built, from ``dockerfile`` by ``build``; None
    stands for what the image says itself, or for what is not known. ``needs`` are services with the condition under
    which each is ready (depends_on). ``unread`` says why it cannot be started by this alone; ``unknown`` is that part
    of it which decides what runs, and how it is checked."""

    name: str
    names: tuple[str, ...] = ()
    image: str = ""
    dockerfile: str = ""
    build: Build | None = None
    environment: tuple[tuple[str, str], ...] = ()
    entrypoint: tuple[str, ...] | None = None
    command: tuple[str, ...] | None = None
    user: str = ""
    folder: str = ""
    health: tuple[str, ...] | None = None
    volumes: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    needs: tuple[tuple[str, str], ...] = ()
    unread: str = ""
    unknown: str = ""


class Project(NamedTuple):
    """A service that is built, and the ones that it needs, directly or not, in the order in which they start."""

    own: Service
    siblings: tuple[Service, ...]


def project(document: Document, name: str) -> Project:
    """Return a service of a document with what it needs."""
    known = {one: _service(document, one, keys) for one, keys in document.keys.items()}
    found: dict[str, Service] = {}

    def add(needed: str, way: tuple[str, ...]) -> None:
        if needed in way or needed in found:
            return
        service = known.get(needed, Service(needed, unread="there is no such service"))
        for other, _ in service.needs:
            add(other, (*way, needed))
        found[needed] = service

    for needed, _ in known[name].needs:
        add(needed, (name,))
    return Project(known[name], tuple(found.values()))


def _service(document: Document, name: str, keys: dict[str, YamlNode]) -> Service:
    """Return a service. Of one with a value that is not known, that value is left out."""
    unread: list[str] = []

    def text(key: str) -> str:
        node = keys.get(key)
        return filled(node.value) if is_scalar(node) else ""

    def filled(value: str) -> str:
        try:
            return _filled(value)
        except _Unknown as error:
            unread.append(str(error))
            return ""

    def known(nodes: Iterable[YamlNode | None]) -> tuple[str, ...] | None:
        before = len(unread)
        found = tuple(filled(one.value) for one in nodes if is_scalar(one))
        return found if len(unread) == before else None

    def words(key: str) -> tuple[str, ...] | None:
        node = keys.get(key)
        if node is None or (is_scalar(node) and node.tag.endswith(":null")):
            return None
        if is_sequence(node):
            return known(sequence(node))
        try:
            if is_scalar(node):
                found = known([node])
                return found and tuple(shlex.split(found[0]))
        except ValueError:
            pass
        unread.append(f"its {key} is not valid")
        return None

    entrypoint, command, user, folder = words("entrypoint"), words("command"), text("user"), text("working_dir")
    health = _health(keys.get("healthcheck"), known)
    environment = []
    for variable, written in _environment(keys.get("environment")):
        if written is None:
            unread.append(f"{variable} is taken from the environment")
            continue
        before = len(unread)
        value = filled(written)
        environment += [(variable, value)] if len(unread) == before else []
    unread += [f"its {key} is not read" for key in _UNSEEN if key in keys]
    unknown = unread[:1]
    others = sorted(key for key in keys.keys() - _READ - _NO_MATTER - {*_NEEDS, *_UNSEEN} if not key.startswith("x-"))
    unread += [f"its {key} is not read" for key in others]
    dockerfile = dockerfile_of(document.source.path, keys["build"]) if keys.get("build") is not None else None
    build = build_in(document.source, keys["build"]) if dockerfile else None
    if "build" in keys and not build:
        unread.append("how it is built is not known" if dockerfile else "what it builds is not here")
    return Service(
        name,
        tuple(dict.fromkeys(filter(None, (name, text("container_name"), text("hostname"))))),
        "" if dockerfile else text("image"),
        os.path.relpath(dockerfile) if dockerfile else "",
        build,
        tuple(environment),
        entrypoint,
        command,
        user,
        folder,
        health,
        tuple(_volumes(keys.get("volumes"), unread)),
        tuple(int(one.value) for one in ports_of(keys.get("ports")) if len(one.value) <= _LONGEST_PORT),
        tuple(_needs(keys)),
        next(iter(unread), ""),
        next(iter(unknown), ""),
    )


def _filled(value: str) -> str:
    """Return a value with the defaults of its variables, by Compose's interpolation. Raises ``_Unknown``."""

    def replaced(match: re.Match[str]) -> str:
        name = match[1] or match[3]
        if name is None:
            return "\0"
        if match[2] is None:
            raise _Unknown(f"the value of {name} is not in the file")
        return match[2]

    found = _VARIABLE.sub(replaced, value)
    if "$" in found:
        raise _Unknown("a variable is not read")
    return found.replace("\0", "$")


def _environment(node: YamlNode | None) -> Iterator[tuple[str, str | None]]:
    """Yield variables with their values, None for one that Compose hands through."""
    for name, value in items(node):
        none = not is_scalar(value) or value.tag.endswith(":null")
        yield name, None if none or not is_scalar(value) else value.value
    for one in sequence(node):
        if is_scalar(one):
            variable, equals, written = one.value.partition("=")
            yield variable, written if equals else None


def _needs(keys: dict[str, YamlNode]) -> Iterator[tuple[str, str]]:
    for one in sequence(keys.get("depends_on")):
        if is_scalar(one):
            yield one.value, "service_started"
    for name, node in items(keys.get("depends_on")):
        condition = effective(node).get("condition")
        yield name, condition.value if is_scalar(condition) else "service_started"
    for one in sequence(keys.get("links")):
        if is_scalar(one):
            yield one.value.partition(":")[0], "service_started"


def _health(
    node: YamlNode | None, known: Callable[[Iterable[YamlNode | None]], tuple[str, ...] | None]
) -> tuple[str, ...] | None:
    """Return a check in the form that images have it, () for none at all, None if the service says nothing of it or
    what it says is not known."""
    check = effective(node)
    if is_set(check.get("disable")):
        return ()
    test = check.get("test")
    if is_scalar(test):
        line = known([test])
        return line and ("CMD-SHELL", *line)
    found = known(sequence(test)) if is_sequence(test) else None
    return () if found and found[0] == "NONE" else found or None


def _volumes(node: YamlNode | None, unread: list[str]) -> Iterator[str]:
    """Yield the folders at which volumes are mounted; what of this machine is mounted is told."""
    for one in sequence(node):
        if is_scalar(one):
            source, _, rest = one.value.partition(":")
            target = rest.partition(":")[0] or source  # a path alone is a volume without a name
            kind = "bind" if rest and source.startswith(_OF_THE_MACHINE) else "volume"
        else:
            keys = effective(one)
            found = [node.value if is_scalar(node := keys.get(key)) else "" for key in ("source", "target", "type")]
            source, target, kind = found
        if kind == "bind" or re.search("[$:]", source + target) or not target.startswith("/"):
            unread.append(f"it mounts {source or target}")
        else:
            yield target
