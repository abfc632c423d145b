"""The compose files of a tree that take in others: what they mount and set counts for the services of those.

Keys: the Compose specification, ``extends`` (``file``, ``service``) and ``include`` (a path, or ``path`` with one or
several, of which the later ones are laid over the first).
"""

import contextlib
import os
from collections.abc import Iterator
from itertools import chain, islice
from typing import NamedTuple

from echo_migrate.files.budget import beside
from echo_migrate.files.source import Source, TooMuch, Unreadable, contents
from echo_migrate.files.tree import at_written, real, searched, top
from echo_migrate.files.workspace import of_a_run
from echo_migrate.files.yaml import NotYaml, YamlNode, documents, effective, is_text, items, sequence
from echo_migrate.formats._compose_files import NAME, files_in

_WORDS = (b"extends", b"include")
_MOST_STEPS = 50
_MOST_OVER = 200


class TakenIn(NamedTuple):
    """What other files say of one that they take in: the services that they extend, and the paths of files that are
    laid over it, or beside it."""

    extended: frozenset[str] = frozenset()
    over: tuple[str, ...] = ()


class _Use(NamedTuple):
    """A file that is taken in: for one of its services alone, "" for the whole of it, with others laid over it."""

    by: str
    path: str
    service: str
    over: tuple[str, ...] = ()


def taken_in(path: str) -> TakenIn:
    """Return what other compose files of the tree say of one, those that take in one of them included."""
    root = real(top(path))
    uses = _uses(root)
    waiting = [real(path)]
    extended = {use.service for use in _of(uses, waiting[0]) if use.service}
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
    return TakenIn(frozenset(extended), tuple(islice(inside, _MOST_OVER)))


def _of(uses: dict[str, list[_Use]], path: str) -> Iterator[_Use]:
    """Yield the uses of a file: those that name its path, and those with a variable before its name."""
    return chain(uses.get(path, ()), uses.get(os.path.basename(path), ()))


@of_a_run(64)
def _uses(root: str) -> dict[str, list[_Use]]:
    """Return the uses of compose files by others in a tree, by the path of the file that is taken in."""
    found: dict[str, list[_Use]] = {}
    for folder, names in searched(root):
        for name in names:
            path = os.path.join(folder, name)
            if NAME.fullmatch(name) and not os.path.islink(path):
                for use in _read(path):
                    found.setdefault(use.path, []).append(use)
    return found


def _read(path: str) -> list[_Use]:
    """Return what a compose file takes in; nothing if it cannot be read."""
    with contextlib.suppress(OSError, Unreadable, NotYaml, TooMuch), beside():
        if any(word in contents(path) for word in _WORDS):
            return [use for root in documents(Source.read(path).text) for use in _in_document(path, root)]
    return []


def _in_document(path: str, root: YamlNode | None) -> Iterator[_Use]:
    keys = effective(root)
    for name, node in items(keys.get("services", root)):
        extends = effective(effective(node).get("extends"))
        file, service = extends.get("file"), extends.get("service")
        taken = _at(path, file.value) if is_text(file) else None
        if taken:
            yield _Use(path, taken, service.value if is_text(service) else name)
    for entry in sequence(keys.get("include")):
        node = effective(entry).get("path", entry)
        written = (_at(path, one.value) for one in (sequence(node) or [node]) if is_text(one))
        paths = tuple(filter(None, written))
        known = tuple(one for one in paths if os.sep in one)
        for one in paths:
            yield _Use(path, one, "", known)


def _at(path: str, written: str) -> str | None:
    """Return the path that is written in a file, or only the name of the file if a variable is before it; None if no
    file can have it."""
    return os.path.basename(written) if "$" in written else at_written(os.path.dirname(path), written)
