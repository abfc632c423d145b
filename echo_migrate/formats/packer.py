"""Packer: the images that its Docker builder starts from, in HCL and JSON.

Follows developer.hashicorp.com/packer, "Docker Builder" (image, login, login_server, platform, pull, volumes,
windows_container), "source" and "JSON Template Configuration" (builders), read in November 2026. The images of other
builders are those of machines, and are ignored.
"""

import re
from collections.abc import Iterator

from echo_migrate.dockerfile.container import Container
from echo_migrate.files.source import Source
from echo_migrate.files.values import NotRead, Value
from echo_migrate.formats import NO_REQUEST, Request
from echo_migrate.formats._hcl import image_of, names, read_body, verify
from echo_migrate.formats._ignores import SLASHED, in_yaml
from echo_migrate.formats._logins import login_text
from echo_migrate.formats._platforms import of_block
from echo_migrate.model import WINDOWS, Ignore, Image, Problem
from echo_migrate.model.reasons import because

__all__ = ["NAME", "candidate", "parse", "recognise", "verify"]

NAME = re.compile(r"(?i).+\.pkr\.(?:hcl|json)")
_OLD = re.compile(r"(?i).+\.json")
_SOURCE = re.compile(r"(?m)^[ \t]*source[ \t]+\"?docker\"?[ \t]")
_SOURCE_IN_JSON = re.compile(r"\"source\"\s*:[\s\[{]*\"docker\"")
_BUILDERS = re.compile(r"\"builders\"\s*:")
_BUILDER = re.compile(r"\"type\"\s*:\s*\"docker\"")
_UNREAD = because("provisioners")

Node = Image | Container | Problem | Ignore


def candidate(path: str) -> bool:
    return bool(_OLD.fullmatch(path) or NAME.fullmatch(path.rpartition("/")[2]))


def recognise(path: str, text: str) -> bool:
    """Return whether a file is a template with a Docker builder: by its name, or JSON that has builders."""
    if NAME.fullmatch(path.rpartition("/")[2]):
        return bool((_SOURCE_IN_JSON if _OLD.fullmatch(path) else _SOURCE).search(text))
    return candidate(path) and bool(_BUILDERS.search(text) and _BUILDER.search(text))


def parse(source: Source, request: Request = NO_REQUEST) -> list[Node]:
    """Return the images, containers and ignore comments of a template, or the problem with reading it; never raises."""
    try:
        root = read_body(source)
    except NotRead as error:
        return [Problem(error.offset, error.offset, str(error), "note")]
    known, made = names(root, source.text), {*_results(root)}
    nodes: list[Node] = [*in_yaml(source.text, SLASHED)]
    for where, body in _builders(root):
        keys = dict(body.items)
        image = image_of(keys["image"], known, source.text, f"{where}.image") if "image" in keys else None
        if image is None:
            continue
        written = keys["image"].text
        local = "the result of a build" if made & {written, written.rpartition(":")[0]} else ""
        image = _placed(image, body, keys)._replace(local=local)
        nodes.append(image)
        if Container in request.kinds:
            nodes.append(Container(where, image, (), None, (), False, image.mounts, open=True))
    return nodes


def _builders(root: Value) -> Iterator[tuple[str, Value]]:
    """Yield the Docker builders of a template, each with its address."""
    for key, value in root.items:
        for index, one in enumerate(value.each or [value]):
            if key == "builders":
                kind = dict(one.items).get("type")
                yield from [(f"builders.{index}", one)] if kind and kind.text == "docker" else []
            elif key == "source":
                for label, body in one.items:
                    kind_of_it, _, name = label.partition(".")
                    blocks = [(name, body)] if name else body.items
                    for called, block in blocks if kind_of_it == "docker" else ():
                        yield f"source.docker.{called}", block


def _results(root: Value) -> Iterator[str]:
    """Yield the names that post-processors tag what is built with, as an image has them: ``var.x`` is ``${var.x}``. One
    word may be that of the public image that it was built from."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        for key, value in node.items:
            repository = dict(value.items).get("repository") if key == "docker-tag" else None
            name = (repository.text or f"${{{repository.value.strip()}}}") if repository else ""
            yield from [name] if "/" in name or "$" in name else []
            waiting.append(value)
        waiting += node.each


def _placed(image: Image, body: Value, keys: dict[str, Value]) -> Image:
    """Return an image with what its builder states about it; the provisioners, which run in it, are not read."""
    login = "login" in keys and keys["login"].value != "false"
    volumes = [value.text for _, value in keys["volumes"].items] if "volumes" in keys else []
    windows = "windows_container" in keys and keys["windows_container"].value != "false"
    unpulled = "pull" in keys and keys["pull"].value == "false"
    return image._replace(
        unsafe_reasons=(*image.unsafe_reasons, _UNREAD),
        platform=WINDOWS if windows else of_block(body),
        mounts=tuple(one if one.startswith("/") and "$" not in one else "/" for one in volumes),
        needs_login=because("login-other") if login else None,
        login=login_text(keys["login_server"].text) if login and "login_server" in keys else "",
        not_editable=because("never-pulled") if unpulled else image.not_editable,
    )
