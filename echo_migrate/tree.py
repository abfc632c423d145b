"""Where a tree ends, and which of its folders are entered."""

import os
from collections.abc import Callable, Iterator
from functools import lru_cache

from echo_migrate.lazy import lazy

SKIPPED = frozenset((".git", ".hg", ".svn", "node_modules", "__pycache__", "site-packages", ".venv", "venv"))
"""Folders in which no file is anybody's own."""

_ELSEWHERE = lazy(r"[$:\0]|^/")


@lru_cache
def repository(folder: str) -> str | None:
    """The top folder of the repository that a folder lies in."""
    while not os.path.lexists(os.path.join(folder, ".git")):
        if folder == os.path.dirname(folder):
            return None
        folder = os.path.dirname(folder)
    return folder


def top(path: str) -> str:
    """The tree that a file belongs to: its repository, else the working folder above it, else its own folder."""
    here = os.path.realpath(os.path.dirname(os.path.abspath(path)))
    working = os.path.realpath(os.getcwd())
    below = (here + "/").startswith(working.rstrip("/") + "/")
    return repository(here) or (working if below else here)


@lru_cache
def ignore_file(path: str) -> bool:
    """Whether a .dockerignore may hold for a Dockerfile: its own, or one in its folder or above, within the tree."""
    if os.path.lexists(f"{path}.dockerignore"):
        return True
    folder = os.path.realpath(os.path.dirname(path) or ".")
    top = repository(folder) or folder
    while True:
        if os.path.lexists(os.path.join(folder, ".dockerignore")):
            return True
        if folder in (top, os.path.dirname(folder)):
            return False
        folder = os.path.dirname(folder)


def entered(path: str, other: Callable[[str], object] = str) -> Iterator[tuple[str, list[str]]]:
    """The folders below one, itself included, each with its files: none that is skipped, a link, or an environment.

    Another repository within is not entered; ``other`` is told of it.
    """
    for folder, folders, files in os.walk(path):
        yield folder, files
        kept = []
        for name in sorted(folders):
            full = os.path.join(folder, name)
            if name in SKIPPED or os.path.islink(full) or is_environment(full):
                continue
            if os.path.lexists(os.path.join(full, ".git")):
                other(full)
            else:
                kept.append(name)
        folders[:] = kept


@lru_cache
def is_environment(folder: str) -> bool:
    """Whether a folder is a virtual environment of Python's."""
    return os.path.exists(os.path.join(folder, "pyvenv.cfg"))


def dockerfile_at(path: str, context: str, name: str) -> str | None:
    """The Dockerfile that a file builds, by the context and the name it says, if it lies inside of that file's tree."""
    if any(_ELSEWHERE.search(part) for part in (context, name)):
        return None
    folder = os.path.dirname(path)
    found = os.path.join(folder, context, name)
    root = repository(os.path.realpath(folder)) or os.path.realpath(folder)
    inside = os.path.realpath(found).startswith(root.rstrip("/") + "/")
    return found if inside and os.path.isfile(found) else None
