"""Where a tree ends, and which of its folders are entered."""

import errno
import os
from collections.abc import Callable, Iterator

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.workspace import of_a_run

SKIPPED = frozenset((".git", ".hg", ".svn", "node_modules", "__pycache__", "site-packages", ".venv", "venv"))
"""Folders in which no file is anybody's own."""

LONGEST_PATH = 4096
"""What Linux takes for a path (PATH_MAX)."""

DEEPEST = 100
"""How many folders a tree is entered below its top. Of 122,000 files in public repositories, the deepest lies in 14."""

TOO_DEEP = f"it lies more than {DEEPEST} folders deep"

_MOST_STEPS = 200
"""How many names the way of a link may have, those of the links on it included; no honest one needs a tenth."""

_ELSEWHERE = lazy_regex(r"[$:\0\ud800-\udc7f\udd00-\udfff]|^/")


@of_a_run(4096)
def repository(folder: str) -> str | None:
    """Return the top folder of the repository that a folder lies in."""
    while not os.path.lexists(os.path.join(folder, ".git")):
        if folder == os.path.dirname(folder):
            return None
        folder = os.path.dirname(folder)
    return folder


def top(path: str) -> str:
    """Return the tree that a file belongs to: its repository, else the working folder above it, else its own folder."""
    here = real(os.path.dirname(os.path.abspath(path)))
    working = real("")
    below = (here + "/").startswith(working.rstrip("/") + "/")
    return repository(here) or (working if below else here)


@of_a_run(4096)
def ignore_file(path: str) -> bool:
    """Return whether a .dockerignore may hold for a Dockerfile: its own, or one in its folder or above, within the
    tree."""
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


def entered(
    path: str, other: Callable[[str], object] = str, closed: Callable[[OSError], object] = str
) -> Iterator[tuple[str, list[str]]]:
    """Yield the folders below one, itself included, each with its files: none that is skipped, a link, or an
    environment.

    Another repository within is not entered, and ``other`` is told of it; ``closed`` is told of what cannot be entered,
    or lies too deep.
    """
    waiting = [(path, 0)]
    while waiting:  # os.walk of Python 3.11 is a recursion
        folder, depth = waiting.pop()
        if depth > DEEPEST:
            closed(OSError(errno.ENAMETOOLONG, TOO_DEEP, folder))
            continue
        try:
            with os.scandir(folder) as listed:
                entries = sorted(listed, key=lambda entry: entry.name)
        except OSError as error:
            closed(error)
            continue
        folders = [entry for entry in entries if _is_folder(entry)]
        names = {entry.name for entry in folders}
        yield folder, [entry.name for entry in entries if entry.name not in names]
        kept = []
        for entry in folders:
            if entry.name in SKIPPED or entry.is_symlink() or is_environment(entry.path):
                continue
            if os.path.lexists(os.path.join(entry.path, ".git")):
                other(entry.path)
            else:
                kept.append((entry.path, depth + 1))
        waiting += reversed(kept)


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to where nobody may look
        return False


def is_environment(folder: str) -> bool:
    """Return whether a folder is a virtual environment of Python's."""
    return os.path.exists(os.path.join(folder, "pyvenv.cfg"))


def real(path: str) -> str:
    """Return ``os.path.realpath``, which asks the system for each folder on the way, once a run."""
    return _real(os.path.join(os.getcwd(), path))


@of_a_run(4096)
def _real(path: str) -> str:
    return os.path.realpath(path)


def followed(path: str) -> str:
    """Return the real path of a link in a folder that is no link itself, whether anything is there or not.

    Raises ``OSError`` for a way that is longer than any that has a purpose: a text of 4 KB can lead through forty
    others of that length.
    """
    reached, ahead = real(os.path.dirname(path)), [os.path.basename(path)]
    for _ in range(_MOST_STEPS):
        if not ahead:
            return reached
        name = ahead.pop()
        if name == "..":
            reached = os.path.dirname(reached)
        elif name not in ("", "."):
            place = os.path.join(reached, name)
            try:
                said = os.readlink(place)
            except OSError:  # no link
                reached = place
                continue
            reached = "/" if said.startswith("/") else reached
            ahead += reversed(said.split("/"))
    raise OSError(errno.ELOOP, "leads in a circle, or too far")


def dockerfile_at(path: str, context: str, name: str) -> str | None:
    """Return the Dockerfile that a file builds, by the context and the name it says, if it lies inside of that file's
    tree."""
    folder = os.path.dirname(path)
    found = os.path.join(folder, context, name)
    if any(_ELSEWHERE.search(part) for part in (context, name)) or len(found) > LONGEST_PATH:
        return None
    root = repository(real(folder)) or real(folder)
    inside = real(found).startswith(root.rstrip("/") + "/")
    return found if inside and os.path.isfile(real(found)) else None
