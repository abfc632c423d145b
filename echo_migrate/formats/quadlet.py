"""Quadlets: the images of units that Podman makes services of.

Follows podman-systemd.unit(5) of Podman 5.6 (Image, Volume, Mount, Exec, User, Pull, PublishPort; units whose names end
in .image and .build) and systemd.syntax(7), read in November 2026.
"""

import re
import shlex
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from echo_migrate.dockerfile.container import Container, Located
from echo_migrate.dockerfile.startup import StartCommand, line, listed, unread
from echo_migrate.files.source import Edit, Source, Traced
from echo_migrate.formats import NO_REQUEST, Request
from echo_migrate.formats._ignores import in_yaml
from echo_migrate.formats._volumes import target_of
from echo_migrate.images.reference import is_number
from echo_migrate.images.variables import UNREAD
from echo_migrate.model import Ignore, Image, Problem
from echo_migrate.model.reasons import because
from echo_migrate.shell.container_commands import after_scheme

NAME = re.compile(r"(?!)")
_FILE = re.compile(r".+\.(?:container|image|volume)(?:\.d/[^/]+\.conf)?")
_SECTION = re.compile(r"(?m)^\[(?:Container|Image|Volume)\][ \t]*\r?$")
_LINE = re.compile(r"(?m)^(?:\[(?P<section>[^\]\n]+)\]|(?P<key>\w+)[ \t]*=[ \t]*(?P<value>[^\n]*))")
_TARGET = re.compile(r"(?:^|,)(?:target|dst|destination)=([^,]*)")

Node = Image | Container | Problem | Ignore


class _Entry(NamedTuple):
    """A key of a section with its value."""

    section: str
    key: str
    value: Traced


def candidate(path: str) -> bool:
    return bool(_FILE.fullmatch(path))


def recognise(path: str, text: str) -> bool:
    """Return whether a file is a unit with a section of Podman that names an image."""
    return candidate(path) and "Image" in text and bool(_SECTION.search(text))


def parse(source: Source, request: Request = NO_REQUEST) -> list[Node]:
    """Return the images, containers and ignore comments of a unit; never raises."""
    entries = list(_entries(source.text))
    nodes: list[Node] = [*in_yaml(source.text)]
    for one in {entry.section: entry for entry in entries if entry.key == "Image"}.values():  # the last one counts
        if one.value.value:
            beside = [other for other in entries if other.section == one.section]
            image = _image(one, beside)
            nodes.append(image)
            if one.section == "Container" and Container in request.kinds:
                nodes.append(_container(image, beside))
    return nodes


def verify(before: Source, after: Source, edits: Iterable[Edit]) -> str | None:
    """Return why ``after``, made from ``before`` by ``edits``, must not replace it, or None: no other value than that
    of a key Image may change."""
    old, new = list(_entries(before.text)), list(_entries(after.text))
    if [(one.section, one.key) for one in old] != [(one.section, one.key) for one in new]:
        return "the changed file has other keys"
    changed = [one.key for one, other in zip(old, new, strict=True) if one.value.value != other.value.value]
    lines = before.text.count("\n") == after.text.count("\n")
    return None if lines and set(changed) <= {"Image"} else "something else than an image would change"


def _entries(text: str) -> Iterator[_Entry]:
    """Yield the keys of a unit with their values; of a value that goes on, the first line with its backslash."""
    section = ""
    for match in _LINE.finditer(text):
        if match["section"]:
            section = match["section"]
        elif not text[max(0, match.start() - 3) : match.start()].rstrip("\r\n").endswith("\\"):
            start = match.start("value")
            yield _Entry(section, match["key"], Traced.of(text, start, start + len(match["value"].rstrip())))


def _image(entry: _Entry, beside: list[_Entry]) -> Image:
    value = entry.value.value
    never = any(one.key == "Pull" and one.value.value == "never" for one in beside)
    left = because("never-pulled") if never else because("template") if "%" in value else None
    left = left or (because("cannot-edit") if re.search(r"[\s\"'\\]", value) else None)
    ref = after_scheme(entry.value)
    return Image(
        ref,
        f"{entry.section}.Image",
        ref.start,
        ref.end,
        local="another unit" if value.endswith((".image", ".build")) else "",
        not_editable=left,
        mounts=tuple(_mounts(beside)),
        variables=tuple(_variables(beside)),
        needs_login=because("login-service"),
    )


def _mounts(entries: list[_Entry]) -> Iterator[str]:
    """Yield the container paths that volumes cover; ``/`` if they are not known."""
    for one in entries:
        value = one.value.value
        if one.key == "Volume" and value:
            target = target_of(value)
            yield target if target.startswith("/") and "%" not in target else "/"
        elif one.key == "Mount":
            match = _TARGET.search(value)
            yield match[1] if match and match[1].startswith("/") and "%" not in match[1] else "/"
        elif one.key == "PodmanArgs" and ("volume" in value or "mount" in value or "-v" in value):
            yield "/"


def _variables(entries: list[_Entry]) -> Iterator[str]:
    """Yield the names of the environment variables; ``UNREAD`` for those of a file."""
    for one in entries:
        if one.key == "Environment":
            yield from (word.strip("\"'").partition("=")[0] for word in one.value.value.split() if "=" in word)
        elif one.key in ("EnvironmentFile", "EnvironmentHost", "PodmanArgs"):
            yield UNREAD


def _container(image: Image, entries: list[_Entry]) -> Container:
    """Return a container with its start commands, user and ports."""
    values = {one.key: one.value for one in entries if one.value.value}
    commands = []
    for key, verb in (("Entrypoint", "entrypoint"), ("Exec", "command")):
        if key in values:
            commands.append(_launch(verb, values[key]))
    if "HealthCmd" in values and values["HealthCmd"].value != "none":
        check = values["HealthCmd"]
        commands.append(line("healthcheck", check.value, check.start, check.end))
    user = values.get("User")
    ports = [one.value for one in entries if one.key == "PublishPort"]
    return Container(
        "container",
        image,
        tuple(commands),
        Located(user.value, user.start, user.end) if user and "%" not in user.value else None,
        tuple(
            Located(number, port.start, port.end)
            for port in ports
            if is_number(number := port.value.partition("/")[0].rpartition(":")[2])
        ),
        bool({"AddCapability", "Sysctl", "PodmanArgs"} & values.keys()),
        image.mounts,
        open="PodmanArgs" in values,
        kind="quadlet",
    )


def _launch(verb: str, value: Traced) -> StartCommand:
    try:
        words = shlex.split(value.value)
    except ValueError:
        words = []
    if not words or any(mark in value.value for mark in ("%", "$", "\\")):
        return unread(verb, value.start, value.end)
    return listed(verb, words, value.start, value.end)
