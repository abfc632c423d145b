"""The boundaries of a file tree, and which of its folders are entered."""

import contextlib
import errno
import fnmatch
import os
from collections.abc import Callable, Iterator
from itertools import islice

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.workspace import of_a_run

SKIPPED = frozenset((".git", ".hg", ".svn", "node_modules", "__pycache__", "site-packages", ".venv", "venv"))
"""Names of folders whose files are not the project's own."""

LONGEST_PATH = 4096
"""The maximum length of a path on Linux, in bytes (PATH_MAX)."""

DEEPEST = 100
"""The maximum depth of folders below the top of a tree. The deepest of 122,000 files in public repositories is at
14."""

TOO_DEEP = f"it lies more than {DEEPEST} folders deep"

_MOST_STEPS = 200
"""The maximum number of path components on the way of a link, those of intermediate links included; ten times what
legitimate links need."""

_MOST_SEARCHED = 20_000

_NOT_ENCODED = lazy_regex(r"[\ud800-\udc7f\udd00-\udfff]")
"""Characters that stand for no bytes of a name."""


@of_a_run(4096)
def repository(folder: str) -> str | None:
    """Return the top folder of the repository that contains a folder, or None."""
    while not _has_git(folder):
        if folder == os.path.dirname(folder):
            return None
        folder = os.path.dirname(folder)
    return folder


@of_a_run(4096)
def _has_git(folder: str) -> bool:
    return os.path.lexists(os.path.join(folder, ".git"))


def top(path: str) -> str:
    """Return the root of a file's tree: its repository, else the working folder if it contains the file, else its own
    folder."""
    return _top(os.path.dirname(absolute(path)), os.getcwd())


@of_a_run(4096)
def _top(folder: str, working: str) -> str:
    here, working = real(folder), real(working)
    below = (here + "/").startswith(working.rstrip("/") + "/")
    return repository(here) or (working if below else here)


@of_a_run(4096)
def names_in(folder: str) -> frozenset[str]:
    """Return the names of what lies in a folder, none if it cannot be read."""
    with contextlib.suppress(OSError):
        return frozenset(os.listdir(folder))
    return frozenset()


def _above(folder: str) -> str:
    """Return the working folder if it has a folder in it, else the folder itself."""
    working = os.path.realpath(".")
    return working if os.path.commonpath((working, folder)) == working else folder


@of_a_run(4096)
def ignore_file(path: str, contexts: frozenset[str] = frozenset()) -> bool:
    """Return whether a .dockerignore may apply to a Dockerfile: its own, or one in a folder that it is built from; if
    none of these is known, in its folder or above, within the repository, or else within the working folder."""
    if os.path.lexists(f"{path}.dockerignore"):
        return True
    if contexts:
        return any(os.path.lexists(os.path.join(folder, ".dockerignore")) for folder in contexts)
    return any(at_or_above(path, ".dockerignore"))


def at_or_above(path: str, name: str) -> Iterator[str]:
    """Yield the paths of what has a name in the folder of a file or above it, within the repository, or else within the
    working folder."""
    folder = os.path.realpath(os.path.dirname(path) or ".")
    top = repository(folder) or _above(folder)
    while True:
        if os.path.lexists(os.path.join(folder, name)):
            yield os.path.join(folder, name)
        if folder in (top, os.path.dirname(folder)):
            return
        folder = os.path.dirname(folder)


def entered(
    path: str, other: Callable[[str], object] = str, closed: Callable[[OSError], object] = str
) -> Iterator[tuple[str, list[str]]]:
    """Yield a folder and those below it, each with its files, except skipped ones, links and virtual environments.

    Nested repositories are not entered but passed to ``other``; the errors of folders that cannot be read, or are too
    deep, are passed to ``closed``.
    """
    waiting = [(path, 0)]
    while waiting:  # os.walk is recursive in Python 3.11
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


def searched(root: str) -> Iterator[tuple[str, list[str]]]:
    """Yield what ``entered`` yields of a tree in which files are looked for; of one that is no repository, but all that
    lies below the working folder, only the first ``_MOST_SEARCHED`` folders."""
    return islice(entered(root), None if os.path.lexists(os.path.join(root, ".git")) else _MOST_SEARCHED)


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link into a folder without access
        return False


def is_environment(folder: str) -> bool:
    """Return whether a folder is a Python virtual environment."""
    return os.path.exists(os.path.join(folder, "pyvenv.cfg"))


def absolute(path: str) -> str:
    """Return ``os.path.abspath``, cached for a run, in which much is asked of the place of each file."""
    return _absolute(path, _working(path))


@of_a_run(4096)
def _absolute(path: str, working: str) -> str:
    return os.path.normpath(os.path.join(working, path))


def real(path: str) -> str:
    """Return ``os.path.realpath``, cached for a run, as it makes a system call for each folder of the path."""
    return _real_from(path, _working(path))


def _working(path: str) -> str:
    return "" if path.startswith(os.sep) else os.getcwd()


@of_a_run(4096)
def _real_from(path: str, working: str) -> str:
    return _real(os.path.join(working, path))


@of_a_run(4096)
def _real(path: str) -> str:
    """Return the real path, from that of the folder it is in, which others in it share: a system call for each name."""
    folder, name = os.path.split(path)
    if name in ("", os.curdir, os.pardir) or path.count(os.sep) > DEEPEST:
        return os.path.realpath(path)
    found = os.path.join(_real(folder), name)
    return os.path.realpath(found) if os.path.islink(found) else found


def upwards(path: str) -> Iterator[str]:
    """Yield the real paths of the folder of a file and of those above it, up to the top of its tree."""
    folder, root = os.path.dirname(real(path)), real(top(path))
    yield folder
    while folder not in (root, os.path.dirname(folder)):
        folder = os.path.dirname(folder)
        yield folder


def followed(path: str) -> str:
    """Return the real path of a link, whether its target exists or not.

    Raises ``OSError`` if resolving it takes more than ``_MOST_STEPS`` steps: a link of 4 KB can lead through forty
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


def at_written(folder: str, written: str) -> str | None:
    """Return the path that a file in a folder names, without ``.`` and ``..``; None if no file can have it: YAML and
    JSON can write characters that a system refuses in a name."""
    return None if _is_no_path(written) else os.path.normpath(os.path.join(folder, written))


def _is_no_path(written: str) -> bool:
    return "\0" in written or (not written.isascii() and bool(_NOT_ENCODED.search(written)))


def dockerfile_at(path: str, context: str, name: str) -> str | None:
    """Return the path of the Dockerfile that the file at ``path`` builds from a context and a Dockerfile name; None if
    it does not exist or is outside the tree of that file."""
    folder = os.path.dirname(path)
    found = os.path.join(folder, context, name)
    for part in (context, name):
        if part.startswith("/") or "$" in part or ":" in part or _is_no_path(part):
            return None
    if len(found) > LONGEST_PATH:
        return None
    root = repository(real(folder)) or real(folder)
    inside = real(found).startswith(root.rstrip("/") + "/")
    return found if inside and os.path.isfile(real(found)) else None


def matching(folder: str, pattern: str, root: str) -> list[str]:
    """Return the paths that a pattern stands for from a folder (fnmatch, a folder at a time, no hidden names for a
    ``*``). What lies outside of ``root``, a real path, is neither entered nor returned."""
    found = [] if _is_no_path(pattern) or len(pattern) > LONGEST_PATH else [folder]
    for part in pattern.split("/"):
        named = [os.path.join(place, name) for place in found for name in _names_like(place, part)]
        found = [path for path in named if f"{real(path)}/".startswith(f"{root.rstrip('/')}/")]
    return sorted(path for path in found if os.path.isfile(path))


def _names_like(folder: str, pattern: str) -> list[str]:
    if not {"*", "?", "["} & set(pattern):
        return [pattern]
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    return [name for name in fnmatch.filter(names, pattern) if name[:1] != "." or pattern[:1] == "."]
