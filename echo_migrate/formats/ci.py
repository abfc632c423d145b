"""CI systems whose images are found by key path alone: CircleCI, Azure Pipelines, Bitbucket and others.

The files and key paths are defined in ``mappings/places/ci.yaml``.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from echo_migrate.files.data import read_data
from echo_migrate.files.source import Source
from echo_migrate.files.yaml import MappingNode, ScalarNode, YamlNode, effective, is_mapping, is_scalar
from echo_migrate.formats import NO_REQUEST, Request
from echo_migrate.formats._volumes import mounts_of
from echo_migrate.formats._yaml import NO_NAME as NAME
from echo_migrate.formats._yaml import YAML, Node, YamlFile, nodes, verify
from echo_migrate.model import Image
from echo_migrate.reasons import because

__all__ = ["NAME", "candidate", "parse", "recognise", "verify"]

_OTHER_LOGIN = because("login-other")
_NO_LOGIN = because("login-beside")


class Kind(NamedTuple):
    """A kind of file: patterns for its path and its text, key paths of images, the key of a login, and key paths of
    names that the file defines itself, which are not images."""

    name: str
    files: "re.Pattern[str]"
    needs: "re.Pattern[str]"
    images: tuple[tuple[str, ...], ...]
    login: str
    names: tuple[tuple[str, ...], ...]


@lru_cache
def kinds() -> list[Kind]:
    """Return the kinds that are defined in the data."""
    rows: dict[str, Any] = read_data("places/ci.yaml")
    return [
        Kind(
            name,
            re.compile(row["files"]),
            re.compile(rf"(?m)^[ \t-]*(?:{'|'.join(row['needs'])})[ \t]*:"),
            tuple(tuple(way.split(".")) for way in row["images"]),
            row.get("login", ""),
            tuple(tuple(way.split(".")) for way in row.get("names", ())),
        )
        for name, row in rows.items()
    ]


def candidate(path: str) -> bool:
    return bool(YAML.fullmatch(path))


def recognise(path: str, text: str) -> bool:
    """Return whether the path is that of a known CI system and the text has a key that leads to images."""
    return candidate(path) and _kind(path, text) is not None


def _kind(path: str, text: str) -> Kind | None:
    path = path.replace("\\", "/")
    return next((kind for kind in kinds() if kind.files.search(path) and kind.needs.search(text)), None)


def parse(source: Source, request: Request = NO_REQUEST) -> list[Node]:
    """Return the images of a file, ignore comments and problems; never raises."""
    sheet = YamlFile(source)
    kind = _kind(source.path, source.text)
    return nodes(sheet, (image for root in sheet.roots if kind for image in _images(sheet, root, kind)), request)


def _images(sheet: YamlFile, root: YamlNode | None, kind: Kind) -> Iterator[Image]:
    own = {node.value for way in kind.names for _, _, node in _follow(root, way, (), None, set())}
    for way in kind.images:
        for path, holder, node in _follow(root, way, (), None, set()):
            if node.value not in own:
                keys = effective(holder)
                login = sheet.under(keys.get(kind.login)) if kind.login else ""
                needs_login = (_OTHER_LOGIN if login else _NO_LOGIN) if kind.login else None
                mounts = tuple(mounts_of(keys.get("volumes")))
                pull = keys.get("pull")
                left = because("never-pulled") if is_scalar(pull) and pull.value == "never" else None
                yield from sheet.image(
                    node, ".".join(path), needs_login=needs_login, login=login, mounts=mounts, not_editable=left
                )


Placed = tuple[tuple[str, ...], MappingNode | None, ScalarNode]


def _follow(
    node: YamlNode | None,
    way: tuple[str, ...],
    path: tuple[str, ...],
    holder: MappingNode | None,
    seen: set[tuple[int, int]],
) -> Iterator[Placed]:
    """Yield the scalars at a key path pattern, each with its actual path and the mapping that contains it."""
    if not way:
        if is_scalar(node):
            yield path, holder, node
        return
    if node is None or is_scalar(node) or (id(node), len(way)) in seen:
        return
    seen.add((id(node), len(way)))
    step, rest = way[0], way[1:]
    if is_mapping(node):
        below = list(effective(node).items())
        holder = node
    else:
        below = [(str(index), child) for index, child in enumerate(node.value)]
    if step == "**":
        yield from _follow(node, rest, path, holder, seen)
    for key, child in below:
        if step == "**":
            yield from _follow(child, way, (*path, key), holder, seen)
        elif step in ("*", key):
            yield from _follow(child, rest, (*path, key), holder, seen)
