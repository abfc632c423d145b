"""Which files a run reads: what git knows of a tree, or a walk that finds the same."""

import errno
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from fnmatch import translate
from typing import NamedTuple

from echo_migrate.files import git
from echo_migrate.files.tree import SKIPPED, entered, is_environment, top
from echo_migrate.files.workspace import of_a_run
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
            wanted = [name for name in full if candidate(name) and not excluded(name, path)]
            for name in sorted(wanted, key=os.path.islink):  # a link to a file of the tree is that file again
                _add(name, root, seen, found)
        elif not os.path.lexists(path):
            found.missing.append(path)
        elif not excluded(path, os.path.dirname(os.path.abspath(path))):
            if candidate(path):
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
    real = os.path.realpath(path) if os.path.islink(path) else os.path.join(_real(path), os.path.basename(path))
    if not _within(real, root):
        found.refused[path] = "is a symbolic link that leaves the tree"
    elif real not in seen:
        seen.add(real)
        found.files.append(path)


def _within(real: str, root: str) -> bool:
    return real == root or real.startswith(root.rstrip("/") + "/")


def _real(path: str) -> str:
    """Return the real path of a file's folder."""
    return _real_folder(os.path.dirname(os.path.abspath(path)))


@of_a_run(1)  # files come folder by folder
def _real_folder(folder: str) -> str:
    return os.path.realpath(folder)


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
    known: dict[str, set[tuple[int, int]] | None] = {"": first}
    """By a folder: how far each pattern is matched that a path below may match; None where one is matched."""

    def reached(path: str) -> set[tuple[int, int]] | None:
        begin = path
        while begin not in known:
            begin = begin.rpartition("/")[0]
        for part in path[len(begin) :].strip("/").split("/") if path != begin else ():
            places, begin = known[begin], f"{begin}/{part}".lstrip("/")
            known[begin] = None if places is None else _next(patterns, places, part, first)
        return known[path]

    def excluded(path: str, root: str) -> bool:
        if not patterns:
            return False
        inside = os.path.relpath(os.path.abspath(path))
        inside = os.path.relpath(os.path.abspath(path), root) if inside.startswith("../") else inside
        return reached(inside) is None

    return excluded


_Patterns = list[list[tuple[str, Callable[[str], object]]]]


def _next(
    patterns: _Patterns, places: set[tuple[int, int]], part: str, first: set[tuple[int, int]]
) -> set[tuple[int, int]] | None:
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


def _with_any_folders(patterns: _Patterns, places: set[tuple[int, int]]) -> set[tuple[int, int]]:
    """Return the places, with those behind each ``**`` at them, which may be no folder at all; one at the end is any
    part."""
    found = set(places)
    for number, place in places:
        while patterns[number][place][0] == "**" and place + 1 < len(patterns[number]):
            place += 1
            found.add((number, place))
    return found


def _listed(path: str, found: Discovery) -> list[str] | None:
    """Return what git lists below a folder, or None where git is missing, refuses, or ignores the whole folder."""
    try:
        answer = git.files(path)
    except git.TooSlow:
        found.notes.append(f"{os.path.normpath(path)}: git takes too long to list it, and what it ignores is read too")
        return None
    if not answer or not any(answer):
        return None
    listed, closed = answer
    for folder, reason in closed.items():
        if not _skipped(path, f"{folder}/"):
            _close(os.path.join(path, folder), reason, found)
    names = set()
    for tag, name in sorted(listed):
        full = os.path.join(path, name)
        kind = _kind(full, found)
        if name.endswith("/") or kind == "folder":
            found.notes.append(_other_repository(full))
        elif kind and (tag != "?" or not _skipped(path, name)):
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


def _skipped(path: str, name: str) -> bool:
    """Return whether a file lies in a folder that a walk would not enter."""
    folders = name.split("/")[:-1]
    return not SKIPPED.isdisjoint(folders) or any(
        is_environment(os.path.join(path, *folders[:depth])) for depth in range(1, len(folders) + 1)
    )


def _walk(path: str, found: Discovery) -> list[str]:
    def other(folder: str) -> None:
        found.notes.append(_other_repository(folder))

    def closed(error: OSError) -> None:
        _close(os.fsdecode(error.filename), error.strerror or str(error), found)

    names = []
    for folder, files in entered(path, other, closed):
        names += [os.path.relpath(os.path.join(folder, name), path) for name in files]
    return names


def _other_repository(path: str) -> str:
    return f"{os.path.normpath(path)}: another repository (a submodule or a clone), left to a run of its own"
