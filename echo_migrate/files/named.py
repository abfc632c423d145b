"""Where a file lies in the folders that the user named."""

import os
from collections.abc import Iterable

from echo_migrate.files.workspace import of_a_run


def inside(path: str, named: Iterable[str]) -> str:
    """Return an absolute path from the deepest folder named that has it; "" if it was named itself, or lies in none."""
    folders = _absolute(named)
    above = None if path in folders else _deepest(os.path.dirname(path), folders)
    return "" if above is None else path[len(above.rstrip("/")) + 1 :]


@of_a_run(4096)
def _deepest(above: str, folders: frozenset[str]) -> str | None:
    """Return the deepest of some folders that is a folder or has it, None if none is."""
    while above not in folders:
        parent = os.path.dirname(above)
        if parent == above:
            return None
        above = parent
    return above


class _Last:
    """The folders named last, with what they are in the working folder: a run asks for the same with each file, and may
    have thousands of them."""

    named: Iterable[str] = ()
    working = ""
    folders: frozenset[str] = frozenset()


def _absolute(named: Iterable[str]) -> frozenset[str]:
    working = os.getcwd()
    if _Last.named is not named or _Last.working != working or not isinstance(named, tuple):
        _Last.named, _Last.working, _Last.folders = named, working, frozenset(map(os.path.abspath, named))
    return _Last.folders
