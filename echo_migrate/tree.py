"""Where a tree ends."""

import os
from functools import lru_cache


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
