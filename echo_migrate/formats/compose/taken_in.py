"""The compose files of a tree that take in others: what they mount and set counts for the services of those.

Keys: the Compose specification, ``extends`` (``file``, ``service``) and ``include`` (a path, or ``path`` with one or
several, of which the later ones are laid over the first).
"""

import contextlib
import os
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import NamedTuple

from echo_migrate.files.budget import beside
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Source, TooMuch, Unreadable, contents, has_any
from echo_migrate.files.tree import at_written, real, searched, top
from echo_migrate.files.workspace import of_a_run
from echo_migrate.files.yaml import NotYaml, YamlNode, documents, effective, is_text, items, sequence
from echo_migrate.formats._build_places import COMPOSE, COPIED, files_in

_WORDS = (b"extends", b"include")
_OTHER = lazy_regex(r"(?i).+\.ya?ml")
_OPENING = lazy_regex(rb"(?m)^[\"']?(?:services|include)[\"']?[ \t]*:")
_MOST_OTHERS = 5_000
_LARGEST = 200_000
"""How many files of other names than usual are read, and how many bytes each may have."""

_MOST_STEPS = 50
_MOST_EXTENDING = 200
_MOST_OVER = 200
_LISTED = _MOST_STEPS + 1
_YAML = lazy_regex(rf"(?i).+\.ya?ml(?:{COPIED})?")

Keys = dict[str, YamlNode]
"""The keys of a service."""

Extending = tuple[Keys, str]
"""The keys of a service, and the path of their file."""


class TakenIn(NamedTuple):
    """What other files say of one that they take in: for each service that they extend the services that do, with the
    paths of their files, None if not all are known, and the paths of files that are laid over it, or beside it."""

    extended: Mapping[str, tuple[Extending, ...] | None]
    over: tuple[str, ...] = ()


class _Use(NamedTuple):
    """A file that is taken in: for one of its services alone, by a service, "" for the whole of it, with others laid
    over it."""

    by: str
    path: str
    service: str
    name: str
    keys: Keys
    over: tuple[str, ...] = ()


def taken_in(path: str) -> TakenIn:
    """Return what other compose files of the tree say of one, those that take in one of them included."""
    root, own = real(top(path)), real(path)
    services = dict.fromkeys(use.service for use in _of(_uses(root), own) if use.service)
    return TakenIn({service: _extending(root, own, service) for service in services}, _over(root, own))


@of_a_run(256)
def _over(root: str, path: str) -> tuple[str, ...]:
    """Return the paths of the files that are laid over one, or beside it, by those that include it."""
    uses = _uses(root)
    waiting = [path]
    over: dict[str, None] = {}
    seen, folders = {*waiting}, set[str]()
    for one in waiting:  # grows in the loop
        for use in _of(uses, one) if len(waiting) < _MOST_STEPS else ():
            if not use.service and use.by not in seen:
                seen.add(use.by)
                waiting.append(use.by)
                folder = os.path.dirname(use.by)
                over |= dict.fromkeys((*use.over[:_MOST_STEPS], *([] if folder in folders else files_in(folder, root))))
                folders.add(folder)
    inside = (one for one in over if real(one).startswith(root.rstrip(os.sep) + os.sep))
    return tuple(islice(inside, _MOST_OVER))


def _extending(root: str, path: str, service: str) -> tuple[Extending, ...] | None:
    """Return the services that extend one, those that extend them and what other files lay over them included; None if
    they are too many, or one of them is not known."""
    uses = _extended(root)
    steps = [(path, service)]
    seen = {*steps}
    found: list[Extending] = []
    for place, name in steps:  # grows in the loop
        for use in chain(uses.get((place, name), ()), uses.get((os.path.basename(place), name), ())):
            step = (use.by, use.name)
            if step in seen:
                continue
            if len(steps) >= _MOST_EXTENDING:
                return None
            seen.add(step)
            steps.append(step)
            laid = _laid(root, *step)
            if laid is None:
                return None
            found += [(use.keys, use.by), *laid]
    return tuple(found)


def _laid(root: str, path: str, service: str) -> list[Extending] | None:
    """Return what the files beside one, and those laid over it, have of a service, with what it extends there."""
    beside_it = yaml_in(os.path.dirname(path))
    if len(beside_it) > _MOST_STEPS:
        return None
    found: list[Extending] = []
    for one in dict.fromkeys((*beside_it, *map(real, _over(root, path)))):
        services = _services(one) if one != path else {}
        if service in services:
            extended = bases(one, services[service], services)
            if extended is None:
                return None
            found += [(services[service], one), *extended]
    return found


@of_a_run(256)
def yaml_in(folder: str) -> list[str]:
    """Return the real paths of the YAML files of a folder that are no links: the first of them, if they are many."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        named = (one for one in entries if _YAML.fullmatch(one.name))
        return [real(one) for one in sorted(one.path for one in named if one.is_file(follow_symlinks=False))[:_LISTED]]
    return []


def bases(path: str, keys: Keys, services: Mapping[str, Keys]) -> list[tuple[Keys, str]] | None:
    """Return the services that one extends, directly or not, with the paths of their files; ``services`` are those of
    its own file. None if one of them is not known."""
    root = real(top(path)).rstrip(os.sep) + os.sep
    found: list[tuple[Keys, str]] = []
    while "extends" in keys:
        node = keys["extends"]
        file, service = effective(node).get("file"), effective(node).get("service", node)
        if file is not None:
            written = at_written(os.path.dirname(path), file.value) if is_text(file) and "$" not in file.value else None
            if not written or not (real(written) + os.sep).startswith(root):
                return None
            path, services = written, _services(real(written))
        if not is_text(service) or service.value not in services or len(found) == _MOST_STEPS:
            return None
        keys = services[service.value]
        found.append((keys, path))
    return found


@of_a_run(256)
def _services(path: str) -> dict[str, Keys]:
    """Return the services of a compose file; none if it cannot be read."""
    with contextlib.suppress(OSError, Unreadable, NotYaml, TooMuch), beside():
        roots = documents(Source.read(path).text)
        return {name: effective(node) for root in roots for name, node in items(effective(root).get("services", root))}
    return {}


@of_a_run(64)
def _extended(root: str) -> dict[tuple[str, str], list[_Use]]:
    """Return the uses of single services in a tree, by the file, or its name if a variable is before that, and the
    service."""
    found: dict[tuple[str, str], list[_Use]] = {}
    for path, uses in _uses(root).items():
        for use in uses:
            if use.service:
                found.setdefault((path, use.service), []).append(use)
    return found


def _of(uses: dict[str, list[_Use]], path: str) -> Iterator[_Use]:
    """Yield the uses of a file: those that name its path, and those with a variable before its name."""
    return chain(uses.get(path, ()), uses.get(os.path.basename(path), ()))


@of_a_run(64)
def _uses(root: str) -> dict[str, list[_Use]]:
    """Return the uses of compose files by others in a tree, by the path of the file that is taken in."""
    found: dict[str, list[_Use]] = {}
    others = 0
    for folder, names in searched(root):
        for name in names:
            usual = bool(COMPOSE.fullmatch(name))
            others += not usual and bool(_OTHER.fullmatch(name))
            path = os.path.join(folder, name)
            if (usual or (_OTHER.fullmatch(name) and others <= _MOST_OTHERS)) and not os.path.islink(path):
                for use in _read(path, usual):
                    found.setdefault(use.path, []).append(use)
    return found


def _read(path: str, usual: bool) -> list[_Use]:
    """Return what a compose file takes in; nothing if it cannot be read. One of no usual name has services or takes in
    others."""
    with contextlib.suppress(OSError, Unreadable, NotYaml, TooMuch), beside():
        data = contents(path) if usual else contents(path, _LARGEST)
        if has_any(data, _WORDS) and (usual or _OPENING.search(data)):
            return [use for root in documents(Source.read(path).text) for use in _in_document(path, root)]
    return []


def _in_document(path: str, root: YamlNode | None) -> Iterator[_Use]:
    keys = effective(root)
    for name, node in items(keys.get("services", root)):
        own = effective(node)
        if "extends" not in own:
            continue
        extends = effective(own["extends"])
        file, service = extends.get("file"), extends.get("service", own["extends"])
        taken = _at(path, file.value) if is_text(file) else path
        if taken:
            yield _Use(path, taken, service.value if is_text(service) else name, name, own)
    for entry in sequence(keys.get("include")):
        node = effective(entry).get("path", entry)
        written = (_at(path, one.value) for one in (sequence(node) or [node]) if is_text(one))
        paths = tuple(filter(None, written))
        known = tuple(one for one in paths if os.sep in one)
        for one in paths:
            yield _Use(path, one, "", "", {}, known)


def _at(path: str, written: str) -> str | None:
    """Return the path that is written in a file, or only the name of the file if a variable is before it; None if no
    file can have it."""
    return os.path.basename(written) if "$" in written else at_written(os.path.dirname(path), written)
