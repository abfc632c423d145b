"""Which files a run reads: what git knows of a tree, or a walk that finds the same."""

import errno
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from fnmatch import translate
from typing import NamedTuple

from echo_migrate.files import git
from echo_migrate.files.tree import DEEPEST, SKIPPED, TOO_DEEP, entered, followed, is_environment, top
from echo_migrate.files.workspace import begin, of_a_run
from echo_migrate.formats import candidate


class Discovery(NamedTuple):
    """What was found: the files to read, sorted; those that must not be read, with the reason; what could not be
    entered or reached, with the reason; what to tell the user; named files that are of no kind; paths that do not
    exist."""

    files: list[str]
    refused: dict[str, str]
    closed: dict[str, str]
    notes: list[str]
    skipped: list[str]
    missing: list[str]


def discover(paths: Iterable[str], exclude: Iterable[str] = ()) -> Discovery:
    """Find the files below folders whose names may be those of a kind that is read; a named file is always read.

    ``exclude`` holds glob patterns for paths and folders below the working folder, or the tree named, at any depth.
    """
    begin()
    excluded = _excluder(exclude)
    found = Discovery([], {}, {}, [], [], [])
    seen: set[str] = set()
    for path in paths:
        if os.path.islink(path) and os.path.isdir(path) and not _within(os.path.realpath(path), top(path)):
            found.refused[path] = "is a symbolic link that leaves the tree"
        elif os.path.isdir(path):
            root = os.path.realpath(path)
            names = _listed(path, found)
            names = _walk(path, found) if names is None else names
            full = (os.path.normpath(os.path.join(path, name)) for name in names)
            wanted = [name for name in full if not excluded(name, path)]
            for name in sorted(wanted, key=os.path.islink):  # a link to a file of the tree is that file again
                _add(name, root, seen, found)
        elif not os.path.lexists(path):
            found.missing.append(path)
        elif not excluded(path, os.path.dirname(os.path.abspath(path))):
            if path.count("/") > DEEPEST:
                found.closed[os.path.dirname(path)] = f"could not be entered: {TOO_DEEP}"
            elif candidate(path):
                _add(os.path.normpath(path), top(path), seen, found)
            else:
                found.skipped.append(path)
    for path in [*found.closed]:
        if excluded(path, path) or any(above in found.closed for above in _folders_above(path)):
            del found.closed[path]
    found.files.sort()
    return found


def _add(path: str, root: str, seen: set[str], found: Discovery) -> None:
    """Take a file in, unless it lies outside of the tree: behind a link, or by a name that git was made to list."""
    try:
        file = followed(path)
    except OSError as error:
        found.refused[path] = f"is a symbolic link that {error.strerror}"
        return
    if not _within(file, root):
        found.refused[path] = "is a symbolic link that leaves the tree"
    elif file not in seen:
        seen.add(file)
        found.files.append(path)


def _within(real: str, root: str) -> bool:
    return real == root or real.startswith(root.rstrip("/") + "/")


def _folders_above(path: str) -> Iterator[str]:
    while (above := os.path.dirname(path)) not in ("", path):
        yield above
        path = above


def _excluder(exclude: Iterable[str]) -> Callable[[str, str], bool]:
    """Return what says whether a pattern matches a path below the working folder or a tree, a folder of it, or their
    last parts. Patterns count without what leads or ends them; ``**`` is any number of folders, and what else stands
    for any text does so within one part."""
    plain = dict.fromkeys(one.strip().removeprefix("./").strip("/").removeprefix("**/") for one in exclude)
    patterns: _Patterns = [[(part, re.compile(translate(part)).match) for part in one.split("/")] for one in plain]
    first = _with_any_folders(patterns, {(number, 0) for number in range(len(patterns))})
    way: list[tuple[str, _Places | None]] = []
    """The parts of the path asked for last, each with how far behind it each pattern is matched that a path below may
    match; None where one is matched. Paths come folder by folder."""

    def reached(path: str) -> _Places | None:
        parts = path.split("/")
        same = 0
        while same < min(len(way), len(parts)) and way[same][0] == parts[same]:
            same += 1
        del way[same:]
        places = way[-1][1] if way else first
        for part in parts[same:]:
            places = None if places is None else _next(patterns, places, part, first)
            way.append((part, places))
        return places

    def excluded(path: str, root: str) -> bool:
        if not patterns:
            return False
        inside = os.path.relpath(os.path.abspath(path))
        inside = os.path.relpath(os.path.abspath(path), root) if inside.startswith("../") else inside
        return reached(inside) is None

    return excluded


_Patterns = list[list[tuple[str, Callable[[str], object]]]]
_Places = set[tuple[int, int]]


def _next(patterns: _Patterns, places: _Places, part: str, first: _Places) -> _Places | None:
    """Return how far patterns are matched behind one part more of a path, each beginning anew too; None if one is
    matched."""
    found = set(first)
    for number, place in places:
        written, match = patterns[number][place]
        last = place + 1 == len(patterns[number])
        if written == "**" and not last:
            found |= _with_any_folders(patterns, {(number, place)})
        elif written == "**" or match(part):
            if last:
                return None
            found |= _with_any_folders(patterns, {(number, place + 1)})
    return found


def _with_any_folders(patterns: _Patterns, places: _Places) -> _Places:
    """Return the places, with those behind each ``**`` at them, which may be no folder at all; one at the end is any
    part."""
    found = set(places)
    for number, place in places:
        while patterns[number][place][0] == "**" and place + 1 < len(patterns[number]):
            place += 1
            found.add((number, place))
    return found


def _listed(path: str, found: Discovery) -> list[str] | None:
    """Return the candidates that git lists below a folder; None where it is missing, refuses, or ignores the whole."""
    try:
        answer = git.files(path)
    except git.TooSlow:
        found.notes.append(f"{os.path.normpath(path)}: git takes too long to list it, and what it ignores is read too")
        return None
    if not answer or not any(answer):
        return None
    listed, closed = answer
    for folder, reason in closed.items():
        if not _skipped(path, _upper(folder)):
            _close(os.path.join(path, folder), reason, found)
    names = set()
    for tag, name in sorted(listed):
        full, folder = os.path.join(path, name), os.path.dirname(name)
        deep = folder.count("/") >= DEEPEST
        kind = "file" if deep else _kind(full, found)
        if name.endswith("/") or kind == "folder":
            found.notes.append(_other_repository(full))
        elif kind and candidate(full) and (tag != "?" or not _skipped(path, _upper(folder))):
            if deep:
                _close(os.path.join(path, _upper(folder)), TOO_DEEP, found)
            else:
                names.add(name)
    return sorted(names)


def _kind(path: str, found: Discovery) -> str:
    """Return whether a path is a folder or a file; "" where nothing is (tracked files may be absent) or none can be
    reached."""
    try:
        return "folder" if stat.S_ISDIR(os.lstat(path).st_mode) else "file"
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENOTDIR):
            _close(os.path.dirname(path), error.strerror or str(error), found)
        return ""


def _close(folder: str, reason: str, found: Discovery) -> None:
    found.closed.setdefault(os.path.normpath(folder), f"could not be entered: {reason.lower()}")


def _upper(folder: str) -> str:
    """Return a folder below a tree's, or the one above it that is not entered because of its depth."""
    return "/".join(folder.split("/")[: DEEPEST + 1])


@of_a_run(4096)
def _skipped(path: str, folder: str) -> bool:
    """Return whether a walk would not enter a folder below one."""
    above, name = os.path.split(folder)
    return bool(folder) and (name in SKIPPED or is_environment(os.path.join(path, folder)) or _skipped(path, above))


def _walk(path: str, found: Discovery) -> list[str]:
    def other(folder: str) -> None:
        found.notes.append(_other_repository(folder))

    def closed(error: OSError) -> None:
        _close(os.fsdecode(error.filename), error.strerror or str(error), found)

    names = []
    for folder, files in entered(path, other, closed):
        full = (os.path.join(folder, name) for name in files)
        names += [os.path.relpath(one, path) for one in full if candidate(one)]
    return names


def _other_repository(path: str) -> str:
    return f"{os.path.normpath(path)}: skipped nested git repository: run echo-migrate inside it"
