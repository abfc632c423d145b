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
