"""Nomad: the images of tasks in job files.

Follows developer.hashicorp.com/nomad, "Docker Task Driver" and "Podman Task Driver" (image, volumes, mount, auth,
load), and "Job Specification" (task, volume_mount), read in November 2026.
"""

import re
from collections.abc import Iterator

from echo_migrate.dockerfile.container import Container, Located
from echo_migrate.dockerfile.startup import StartCommand, listed, unread
from echo_migrate.files import hcl
from echo_migrate.files.source import Source
from echo_migrate.files.values import NotRead, Value
from echo_migrate.formats import NO_REQUEST, Request
from echo_migrate.formats._environment import of_values
from echo_migrate.formats._hcl import Named, image_of, names, verify
from echo_migrate.formats._ignores import SLASHED, in_yaml
from echo_migrate.formats._logins import login_text
from echo_migrate.formats._platforms import of_constraints
from echo_migrate.formats._volumes import target_of
from echo_migrate.model import Ignore, Image, Problem
from echo_migrate.model.reasons import because
from echo_migrate.shell.container_commands import after_scheme

__all__ = ["NAME", "candidate", "parse", "recognise", "verify"]

NAME = re.compile(r"(?i).+\.nomad(?:\.hcl)?")
_HCL = re.compile(r"(?i).+\.(?:nomad|hcl)")
_JOB = re.compile(r"(?m)^[ \t]*job[ \t]+(?:\"[^\"\n]*\"|[\w-]+)[ \t]*\{")
_DRIVERS = ("docker", "podman", "containerd-driver")
_DRIVER = re.compile(rf"\bdriver[ \t]*=[ \t]*\"(?:{'|'.join(_DRIVERS)})\"")

_ARCHIVE = re.compile(r"(?:docker|oci)-archive:")
"""Where the Podman driver reads an image from a file."""

Node = Image | Container | Problem | Ignore


def candidate(path: str) -> bool:
    return bool(_HCL.fullmatch(path.rpartition("/")[2]))


def recognise(path: str, text: str) -> bool:
    """Return whether a file is HCL with a job, of which a task runs a container."""
    return candidate(path) and bool(_JOB.search(text) and _DRIVER.search(text))


def parse(source: Source, request: Request = NO_REQUEST) -> list[Node]:
    """Return the images, containers and ignore comments of a job, or the problem with reading it; never raises."""
    try:
        root = hcl.read(source.text)
    except NotRead as error:
        return [Problem(error.offset, error.offset, str(error), "note")]
    known = names(root, source.text)
    nodes: list[Node] = [*in_yaml(source.text, SLASHED)]
    for where, around in _tasks(root, "", ()):
        for node in _nodes(where, around, known, source.text):
            nodes += [node] if isinstance(node, Image) or Container in request.kinds else []
    return nodes


def _tasks(node: Value, where: str, around: tuple[Value, ...]) -> Iterator[tuple[str, tuple[Value, ...]]]:
    """Yield the blocks that run a container, each behind those around it, with their names."""
    driver = dict(node.items).get("driver")
    around = (*around, node)
    if driver and driver.text in _DRIVERS:
        yield where, around
        return
    for key, value in node.items:
        if key in ("job", "group", "task"):
            for label, body in value.items:
                yield from _tasks(body, f"{where}.{label}".lstrip("."), around)


def _nodes(where: str, around: tuple[Value, ...], known: dict[str, Named], text: str) -> Iterator[Image | Container]:
    task = around[-1]
    config = dict(task.items).get("config")
    keys = dict(config.items) if config else {}
    image = image_of(keys["image"], known, text, f"{where}.image") if "image" in keys else None
    if image and dict(task.items)["driver"].text == "podman":
        ref = after_scheme(image.ref)
        image = image._replace(ref=ref, start=ref.start if ref.spans else image.start)
    if image is None or config is None or _ARCHIVE.match(image.ref.value):
        return
    login = login_text(" ".join(one.text for _, one in keys["auth"].items)) if "auth" in keys else ""
    image = image._replace(
        mounts=tuple(_mounts(task, config)),
        variables=of_values((key, value) for key, value in task.items if key == "env"),
        needs_login=because("login-other" if login else "login-service"),
        login=login,
        platform=of_constraints(around),
        not_editable=because("never-pulled") if "load" in keys else image.not_editable,
    )
    yield image
    user = dict(task.items).get("user")
    yield Container(
        where,
        image,
        tuple(_start_commands(keys)),
        Located(user.text, user.start, user.end) if user and user.text and "$" not in user.text else None,
        (),
        "privileged" in keys or "cap_add" in keys or "sysctl" in keys,
        image.mounts,
        kind="task",
    )


def _mounts(task: Value, config: Value) -> Iterator[str]:
    """Yield the container paths that volumes cover; ``/`` if they are not known."""
    for key, value in (*task.items, *config.items):
        if key == "volume_mount":
            yield _path(dict(value.items).get("destination"))
        elif key in ("mount", "mounts"):
            for one in value.each or [value]:
                yield _path(dict(one.items).get("target"))
        elif key == "volumes":
            for one in value.each:
                target = target_of(one.text)
                yield "/" if "$" in target or not target.startswith("/") else target
            if value.kind != "list":
                yield "/"


def _path(node: Value | None) -> str:
    return node.text if node and node.text.startswith("/") and "$" not in node.text else "/"


def _start_commands(keys: dict[str, Value]) -> Iterator[StartCommand]:
    """Yield what a task starts: ``command`` is the first word of the image's command, ``args`` the others."""
    if "entrypoint" in keys:
        yield _started("entrypoint", keys["entrypoint"].each or [keys["entrypoint"]])
    command = [keys["command"]] if "command" in keys else []
    words = command + (keys["args"].each if "args" in keys else [])
    if words:
        yield _started("command", words)


def _started(verb: str, words: list[Value]) -> StartCommand:
    start, end = words[0].start, words[-1].end
    if all(word.text and "${" not in word.text for word in words):
        return listed(verb, [word.text for word in words], start, end)
    return unread(verb, start, end)
