"""File discovery: the files that git lists for a tree, or an equivalent walk."""

import errno
import os
import stat
from collections.abc import Iterable, Iterator

from echo_migrate.files.patterns import matcher, slashed
from echo_migrate.files.tree import DEEPEST, SKIPPED, TOO_DEEP, entered, followed, is_environment, searched, top
from echo_migrate.files.workspace import begin, of_a_run
from echo_migrate.formats import candidate


class Discovery:
    """The result: sorted files to read; files that must not be read and folders that could not be entered, each with
    the reason; notes for the user; given files of no known format; given paths that do not exist."""

    def __init__(self) -> None:
        self.files: list[str] = []
        self.refused: dict[str, str] = {}
        self.closed: dict[str, str] = {}
        self.notes: list[str] = []
        self.skipped: list[str] = []
        self.missing: list[str] = []


def discover(paths: Iterable[str], exclude: Iterable[str] = ()) -> Discovery:
    """Find the files below the given folders, and the given files themselves, whose names match a known format.

    ``exclude`` has globs for files and folders at any depth below the working folder or, outside it, the given folder.
    """
    begin()
    excluded = matcher(exclude)
    found = Discovery()
    seen: set[str] = set()
    for path in map(slashed, paths):
        if os.path.islink(path) and os.path.isdir(path) and not _within(os.path.realpath(path), top(path)):
            found.refused[path] = "is a symbolic link that leaves the tree"
        elif os.path.isdir(path):
            root = os.path.realpath(path)
            names = _listed(path, found)
            names = _walk(path, found) if names is None else names
            full = (slashed(os.path.normpath(os.path.join(path, name))) for name in names)
            wanted = [name for name in full if not excluded(name, path)]
            for name in sorted(wanted, key=os.path.islink):  # links, which may be duplicates, come last
                _add(name, root, seen, found)
        elif not os.path.lexists(path):
            found.missing.append(path)
        elif not excluded(path, os.path.dirname(os.path.abspath(path))):
            if path.count("/") > DEEPEST:
                found.closed[os.path.dirname(path)] = f"could not be entered: {TOO_DEEP}"
            elif _wanted(path):
                _add(slashed(os.path.normpath(path)), top(path), seen, found)
            else:
                found.skipped.append(path)
    for path in [*found.closed]:
        if excluded(path, path) or any(above in found.closed for above in _folders_above(path)):
            del found.closed[path]
    found.files.sort()
    return found


def candidates(root: str) -> list[str]:
    """Return the files below a folder that match a known format, as ``discover`` finds them; no links. In a run: its
    caches stay."""
    names = _listed(root, Discovery())
    if names is None:
        names = [os.path.join(folder, name) for folder, files in searched(root) for name in files]
    paths = (os.path.join(root, name) for name in names)
    return sorted(path for path in paths if candidate(path) and not os.path.islink(path))


def _wanted(path: str) -> bool:
    """Return whether the name of a file is one that a format has, or a kind of files that names images and has none."""
    if candidate(path):
        return True
    from echo_migrate.files.unread import may_be_unread  # as few are asked

    return may_be_unread(path)


def _add(path: str, root: str, seen: set[str], found: Discovery) -> None:
    """Add a file, unless it is outside the tree: through a link, or through a crafted name in a git index."""
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


def _listed(path: str, found: Discovery) -> list[str] | None:
    """Return the candidates that git lists below a folder; None if it fails, is too slow or lists nothing."""
    from echo_migrate.files import git

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
        elif kind and _wanted(full) and (tag != "?" or not _skipped(path, _upper(folder))):
            if deep:
                _close(os.path.join(path, _upper(folder)), TOO_DEEP, found)
            else:
                names.add(name)
    return sorted(names)


def _kind(path: str, found: Discovery) -> str:
    """Return "folder" or "file" for a path; "" if it does not exist (as tracked files may) or is inaccessible."""
    try:
        return "folder" if stat.S_ISDIR(os.lstat(path).st_mode) else "file"
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENOTDIR):
            _close(os.path.dirname(path), error.strerror or str(error), found)
        return ""


def _close(folder: str, reason: str, found: Discovery) -> None:
    found.closed.setdefault(os.path.normpath(folder), f"could not be entered: {reason.lower()}")


def _upper(folder: str) -> str:
    """Return a folder, or its first parent that is too deep to be entered; relative to the tree."""
    return "/".join(folder.split("/")[: DEEPEST + 1])


@of_a_run(4096)
def _skipped(path: str, folder: str) -> bool:
    """Return whether a walk of ``path`` would skip ``folder`` or one of its parents."""
    above, name = os.path.split(folder)
    return bool(folder) and (name in SKIPPED or is_environment(os.path.join(path, folder)) or _skipped(path, above))


def _walk(path: str, found: Discovery) -> list[str]:
    def other(folder: str) -> None:
        found.notes.append(_other_repository(folder))

    def closed(error: OSError) -> None:
        _close(os.fsdecode(error.filename), error.strerror or str(error), found)

    names = []
    for folder, files in entered(path, other, closed):
        full = (slashed(os.path.join(folder, name)) for name in files)
        names += [slashed(os.path.relpath(one, path)) for one in full if _wanted(one)]
    return names


def _other_repository(path: str) -> str:
    return f"{os.path.normpath(path)}: skipped nested git repository: run echo-migrate inside it"
