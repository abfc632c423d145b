"""Ansible: the images of tasks that run or pull containers.

Modules: docs.ansible.com, collections community.docker (docker_container, docker_image, docker_image_pull,
docker_swarm_service, docker_login) and containers.podman (podman_container, podman_image, podman_login), read in
November 2026.
"""

import shlex
from collections.abc import Iterator

from echo_migrate.dockerfile.container import Container, Located
from echo_migrate.dockerfile.startup import StartCommand, checked, listed, unread
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Source
from echo_migrate.files.yaml import YamlNode, effective, is_scalar, is_set, is_text, sequence
from echo_migrate.formats import NO_REQUEST, Request
from echo_migrate.formats._environment import variables_of
from echo_migrate.formats._logins import login_text
from echo_migrate.formats._volumes import mounts_of
from echo_migrate.formats._yaml import NO_NAME as NAME
from echo_migrate.formats._yaml import YAML, Around, Node, YamlFile, nodes, verify, walk
from echo_migrate.images.reference import is_number
from echo_migrate.model import COMMON_PLATFORMS, Image
from echo_migrate.model.reasons import because

__all__ = ["NAME", "candidate", "parse", "recognise", "verify"]

_RUNS = ("docker_container", "podman_container", "docker_swarm_service")
_PULLS = ("docker_image", "docker_image_pull", "podman_image")
_LOGINS = ("docker_login", "podman_login")
_OWN = frozenset(("archive_path", "build", "load_path", "path", "push", "repository"))
"""Keys of a task that makes, loads or pushes the image that it names."""

_MODULE = lazy_regex(
    rf"(?m)^[ \t]*+(?:- [ \t]*+)?[\"']?(?:community\.docker\.|community\.general\.|containers\.podman\.)?"
    rf"(?:{'|'.join(_RUNS + _PULLS)})[\"']?[ \t]*:"
)
_IN_A_LINE = lazy_regex(r"(?:^|\s)image=([^\s'\"{}]+)")
_NO_LOGIN = because("login-step")


def candidate(path: str) -> bool:
    return bool(YAML.fullmatch(path))


def recognise(path: str, text: str) -> bool:
    """Return whether a file is a list with tasks of modules for containers."""
    return candidate(path) and bool(_MODULE.search(text))


def parse(source: Source, request: Request = NO_REQUEST) -> list[Node]:
    """Return the images and containers of the tasks of a file, ignore comments and problems; never raises."""
    sheet = YamlFile(source)
    found = [node for root in sheet.roots if sequence(root) for node in _nodes(sheet, root)]
    if sheet.templated:
        sheet.problems = []
    return nodes(sheet, found, request)


def _nodes(sheet: YamlFile, root: YamlNode | None) -> Iterator[Image | Container]:
    tasks = [(key.rpartition(".")[2], node) for place in walk(root) for key, node in place.keys.items()]
    login = login_text(" ".join(sheet.under(node) for name, node in tasks if name in _LOGINS))
    for name, node in tasks:
        keys = effective(node)
        around: Around = {"needs_login": _NO_LOGIN, "login": login}
        if name in _RUNS and is_scalar(node):
            yield from _in_a_line(sheet, node, f"{name}.image", around)
        elif name in _RUNS:
            platform = keys.get("platform")
            asked = platform.value if is_text(platform) and "{" not in platform.value else ""
            around["platform"] = "" if asked in COMMON_PLATFORMS else asked
            around["mounts"] = tuple(_mounts(keys))
            around["variables"] = variables_of(keys)
            never = keys.get("pull")
            left = because("never-pulled") if is_text(never) and never.value == "never" else None
            for image in sheet.image(keys.get("image"), f"{name}.image", not_editable=left, **around):
                yield image
                yield _container(name, keys, image)
        elif name in _PULLS and _pulls(keys):
            tag = keys.get("tag")
            if tag is None:
                yield from sheet.image(keys.get("name"), f"{name}.name", **around)
            else:
                yield from sheet.parted(keys.get("name"), None, tag, f"{name}.name", **around)


def _in_a_line(sheet: YamlFile, node: YamlNode, where: str, around: Around) -> Iterator[Image]:
    """Yield the image of a task whose arguments are words of one text: ``name=web image=nginx``."""
    for image in sheet.image(node, where, **around):
        match = _IN_A_LINE.search(image.ref.value)
        if match and image.ref.spans:
            ref = image.ref.cut(*match.span(1))
            yield image._replace(ref=ref, start=ref.start, end=ref.end, mounts=("/",))


def _pulls(keys: dict[str, YamlNode]) -> bool:
    """Return whether a task pulls the image that it names, and does not make, load, push or remove it."""
    source, state = keys.get("source"), keys.get("state")
    pulled = not is_text(source) or source.value == "pull"
    return pulled and _OWN.isdisjoint(keys) and not (is_text(state) and state.value == "absent")


def _mounts(keys: dict[str, YamlNode]) -> Iterator[str]:
    """Yield the container paths that volumes cover; ``/`` if they are not known."""
    for key in ("volumes", "volume"):
        for volume in sequence(keys.get(key)) or ([keys[key]] if key in keys else []):
            filled = is_scalar(volume) and "{{" in volume.value.rpartition(":")[2]
            if filled or not is_scalar(volume):
                yield "/"
        yield from mounts_of(keys.get(key))
        yield from ("/",) if is_scalar(keys.get(key)) else ()
    for mount in (*sequence(keys.get("mounts")), *sequence(keys.get("mount"))):
        target = effective(mount).get("target")
        yield target.value if is_text(target) and target.value.startswith("/") else "/"
    if "volumes_from" in keys:
        yield "/"


def _container(name: str, keys: dict[str, YamlNode], image: Image) -> Container:
    """Return a container with its start commands, user and ports."""
    user = keys.get("user")
    check = effective(keys.get("healthcheck")).get("test")
    start_commands = [_launch("entrypoint", keys.get("entrypoint")), _launch("command", keys.get("command"))]
    words = [one.value for one in sequence(check) if is_scalar(one)]
    if check is not None and words:
        start_commands.append(checked(words, check.start_mark.index, check.end_mark.index))
    called = keys.get("name")
    return Container(
        called.value if is_text(called) else name,
        image,
        tuple(one for one in start_commands if one),
        Located(user.value, user.start_mark.index, user.end_mark.index) if is_text(user) else None,
        tuple(_ports(keys)),
        is_set(keys.get("privileged")) or "capabilities" in keys or "cap_add" in keys or "sysctls" in keys,
        image.mounts,
        kind="container",
    )


def _launch(verb: str, node: YamlNode | None) -> StartCommand | None:
    """Return a start command: a list of words, or a text that Ansible splits as a shell does."""
    if node is None or (is_scalar(node) and not is_text(node)):
        return None
    start, end = node.start_mark.index, node.end_mark.index
    words = [one.value for one in sequence(node) if is_scalar(one)]
    try:
        words = shlex.split(node.value) if is_scalar(node) else words
    except ValueError:
        return unread(verb, start, end)
    if any("{{" in word or "{%" in word for word in words):
        return unread(verb, start, end)
    return listed(verb, words, start, end)


def _ports(keys: dict[str, YamlNode]) -> Iterator[Located]:
    for key in ("published_ports", "ports", "publish"):
        for port in sequence(keys.get(key)):
            number = port.value.partition("/")[0].rpartition(":")[2] if is_scalar(port) else ""
            if is_number(number):
                yield Located(number, port.start_mark.index, port.end_mark.index)
