"""Which files a run reads: what git knows of a tree, or a walk that finds the same."""

import os
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import NamedTuple

from echo_migrate.formats import candidate
from echo_migrate.git import git
from echo_migrate.tree import SKIPPED, entered, is_environment, top


class Discovery(NamedTuple):
    """What was found: the files to read, sorted; those that must not be read, with the reason; what to tell the user;
    named files that are of no kind; paths that do not exist."""

    files: list[str]
    refused: dict[str, str]
    notes: list[str]
    skipped: list[str]
    missing: list[str]


def discover(paths: Iterable[str], exclude: Iterable[str] = ()) -> Discovery:
    """Find the files below folders whose names may be those of a kind that is read; a named file is always read.

    ``exclude`` holds glob patterns for paths and folders below the working folder, or the tree named, at any depth.
    """
    patterns = _patterns(exclude)
    found = Discovery([], {}, [], [], [])
    seen: set[str] = set()
    for path in paths:
        if os.path.isdir(path):
            root = os.path.realpath(path)
            names = _git(path, found.notes)
            names = _walk(path, found.notes) if names is None else names
            full = (os.path.normpath(os.path.join(path, name)) for name in names)
            wanted = [name for name in full if candidate(name) and not _excluded(name, path, patterns)]
            for name in sorted(wanted, key=os.path.islink):  # a link to a file of the tree is that file again
                _add(name, root, seen, found)
        elif not os.path.lexists(path):
            found.missing.append(path)
        elif not _excluded(path, os.path.dirname(os.path.abspath(path)), patterns):
            if candidate(path):
                _add(os.path.normpath(path), top(path), seen, found)
            else:
                found.skipped.append(path)
    found.files.sort()
    return found


def _add(path: str, root: str, seen: set[str], found: Discovery) -> None:
    real = os.path.realpath(path) if os.path.islink(path) else os.path.abspath(path)
    if os.path.islink(path) and not real.startswith(root.rstrip("/") + "/"):
        found.refused[path] = "is a symbolic link that leaves the tree"
    elif real not in seen:
        seen.add(real)
        found.files.append(path)


def _patterns(exclude: Iterable[str]) -> tuple[str, ...]:
    """Globs without what leads or ends them; ``**/x`` is ``x`` at any depth, as every pattern is."""
    return tuple(pattern.strip().removeprefix("./").strip("/").removeprefix("**/") for pattern in exclude)


def _excluded(path: str, root: str, patterns: tuple[str, ...]) -> bool:
    """Whether a pattern matches a path below the working folder or the tree, a folder of it, or their last parts."""
    if not patterns:
        return False
    inside = os.path.relpath(os.path.abspath(path))
    if inside.startswith("../"):
        inside = os.path.relpath(os.path.abspath(path), root)
    parts = inside.split("/")
    for end in range(1, len(parts) + 1):
        tails = ["/".join(parts[begin:end]) for begin in range(end)]
        if any(fnmatchcase(tail, pattern) for pattern in patterns for tail in tails):
            return True
    return False


def _git(path: str, notes: list[str]) -> list[str] | None:
    """What git lists below a folder, or None where git is missing, refuses, or ignores the whole folder."""
    listed = git(path, "ls-files", "-t", "-z", "--cached", "--others", "--exclude-standard")
    if not listed:
        return None
    names = []
    for entry in sorted(set(filter(None, os.fsdecode(listed).split("\0")))):
        tag, name = entry[0], entry[2:]
        full = os.path.join(path, name)
        if name.endswith("/") or (os.path.isdir(full) and not os.path.islink(full)):
            notes.append(_other_repository(full))
        elif os.path.lexists(full) if tag != "?" else not _skipped(path, name):  # tracked files may be absent
            names.append(name)
    return sorted(set(names))


def _skipped(path: str, name: str) -> bool:
    """Whether a file lies in a folder that a walk would not enter."""
    folders = name.split("/")[:-1]
    return not SKIPPED.isdisjoint(folders) or any(
        is_environment(os.path.join(path, *folders[:depth])) for depth in range(1, len(folders) + 1)
    )


def _walk(path: str, notes: list[str]) -> list[str]:
    names = []
    for folder, files in entered(path, lambda other: notes.append(_other_repository(other))):
        names += [os.path.relpath(os.path.join(folder, name), path) for name in files]
    return names


def _other_repository(path: str) -> str:
    return f"{os.path.normpath(path)}: another repository (a submodule or a clone), left to a run of its own"
