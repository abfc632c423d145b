"""Where a tree ends."""

import os
from functools import lru_cache

from echo_migrate.lazy import lazy

_ELSEWHERE = lazy(r"[$:\0]|^/")


@lru_cache
def repository(folder: str) -> str | None:
    """The top folder of the repository that a folder lies in."""
    while not os.path.lexists(os.path.join(folder, ".git")):
        if folder == os.path.dirname(folder):
            return None
        folder = os.path.dirname(folder)
    return folder


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


def dockerfile_at(path: str, context: str, name: str) -> str | None:
    """The Dockerfile that a file builds, by the context and the name it says, if it lies inside of that file's tree."""
    if any(_ELSEWHERE.search(part) for part in (context, name)):
        return None
    folder = os.path.dirname(path)
    found = os.path.join(folder, context, name)
    root = repository(os.path.realpath(folder)) or os.path.realpath(folder)
    inside = os.path.realpath(found).startswith(root.rstrip("/") + "/")
    return found if inside and os.path.isfile(found) else None
