"""Compose files (the Compose specification, and the files of version 1 before it): images, contexts, inline Dockerfiles."""

import os
import re
from collections.abc import Iterable, Iterator
from typing import Any

from echo_migrate import yamltext
from echo_migrate.expand import expand
from echo_migrate.formats import dockerfile
from echo_migrate.ignores import in_yaml
from echo_migrate.model import Ignore, Image, Problem
from echo_migrate.source import Source, Traced, Unreadable
from echo_migrate.yamltext import NotYaml, documents, effective, is_mapping, is_scalar, items, traced

_YAML = re.compile(r"(?i).+\.ya?ml")
_OWN_NAME = re.compile(r"(?i)(?:.*[._-])?(?:docker-?)?compose(?:[._-].*)?\.ya?ml")
_SERVICES = re.compile(r"(?m)^(?:services|[\"']services[\"'])[ \t]*:|^\{.*services")
_SERVICE = re.compile(r"(?m)^[ \t]+(?:- )?[\"']?(?:image|build|extends)[\"']?[ \t]*:|[{,][ \t]*[\"']?(?:image|build)[\"']?[ \t]*:")
_OTHER = re.compile(r"(?m)^(?:apiVersion|jobs|stages|openapi|swagger)[ \t]*:")
_CONTEXT = "docker-image://"
_SINGLE_DOLLAR = re.compile(r"(?<!\$)(?:\$\$)*\$(?!\$)")
_VARIABLE = re.compile(r"(?<!\$)\$(?:\{(\w+)[^{}]*\}|(\w+))")
_SETTING = re.compile(r"(?m)^[ \t]*(?:export[ \t]+)?(\w+)[ \t]*=[ \t]*(.*?)[ \t]*\r?$")

Node = Image | Problem | Ignore


def candidate(path: str) -> bool:
    return bool(_YAML.fullmatch(path.rpartition("/")[2]))


def recognise(path: str, text: str) -> bool:
    """By content: services that have an image or a build. A file of version 1 is known by its name too."""
    if not candidate(path) or not _SERVICE.search(text) or _OTHER.search(text):
        return False
    return bool(_SERVICES.search(text) or _OWN_NAME.fullmatch(path.rpartition("/")[2]))


def parse(source: Source) -> list[Node]:
    """The images of a compose file, those of its inline Dockerfiles, ignore comments and problems; never raises."""
    try:
        roots = documents(source.text)
    except NotYaml as error:
        return [Problem(error.offset, error.offset, str(error))]
    nodes: list[Node] = [*in_yaml(source.text)]
    for root in roots:
        nodes += _Document(source, root).nodes()
    return nodes


def verify(before: Source, after: Source) -> str | None:
    """Why the second text must not take the first one's place: other keys, kinds or scalars than those of images."""
    try:
        old, new = documents(before.text), documents(after.text)
    except NotYaml as error:
        return f"the changed file {error}"
    sites = {id(site) for root in old for site in _Document(before, root).sites()}
    if len(old) != len(new) or not all(_alike(a, b, sites) for a, b in zip(old, new, strict=True)):
        return "something else than an image would change"
    for one, other in zip(_inlines(before, old), _inlines(after, new), strict=True):
        refused = dockerfile.verify(Source(before.path, one.value), Source(after.path, other.value))
        if refused:
            return refused
    return None


def _inlines(source: Source, roots: list[Any]) -> list[Traced]:
    return [inline for root in roots for _, inline in _Document(source, root).inlines()]


def _alike(one: Any, other: Any, sites: set[int], above: tuple[int, ...] = ()) -> bool:
    """Whether two trees have the same kinds, tags and scalars, the scalars at ``sites`` aside."""
    if one is None or other is None or id(one) in above:
        return (one is None) == (other is None)
    if one.id != other.id or one.tag != other.tag:
        return False
    if is_scalar(one):
        return id(one) in sites or one.value == other.value
    if len(one.value) != len(other.value):
        return False
    above = (*above, id(one))
    for a, b in zip(one.value, other.value, strict=True):
        pairs = zip(a, b, strict=True) if is_mapping(one) else ((a, b),)
        if not all(_alike(x, y, sites, above) for x, y in pairs):
            return False
    return True
