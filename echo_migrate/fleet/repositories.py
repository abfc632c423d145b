"""Which repositories a fleet has: those of a list, or the clones in a folder."""

import os
import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from echo_migrate.files import git
from echo_migrate.files.source import Unreadable, contents
from echo_migrate.files.spelling import few

_URL = re.compile(r"(?:https?|file)://[!-~]{1,2000}")
_OTHER = re.compile(r"[a-z][a-z0-9+.-]{1,20}:|[\w.-]+@[\w.-]+:", re.IGNORECASE)
"""The beginning of URLs that git would start another program for."""

_MOST = 100_000


class FleetError(ValueError):
    """A list that cannot be used; the message names the line."""


class Repository(NamedTuple):
    """A repository: the name that reports have, and a URL that git reads without starting another program."""

    name: str
    url: str


def listed(path: str) -> list[Repository]:
    """Return the repositories of a list, or the clones in a folder, by name. Raises ``FleetError``.

    A list has a path or a URL on each line, and may have a name behind it; ``#`` begins a comment. Paths are relative
    to the list.
    """
    found = list(_clones(path) if os.path.isdir(path) else _lines(path))
    if not found:
        raise FleetError(f"{path}: has no repositories")
    if len(found) > _MOST:
        raise FleetError(f"{path}: has more than {_MOST:,} repositories")
    twice = [name for name, count in Counter(one.name for one in found).items() if count > 1]
    if twice:
        raise FleetError(f"{path}: {few(twice)} more than once: write another name behind one")
    return sorted(found)


def _clones(folder: str) -> Iterator[Repository]:
    """Yield the clones directly in a folder, or one folder further below, as ``owner/name`` has it."""
    for name in _folders(folder):
        if _is_repository(os.path.join(folder, name)):
            yield _local(os.path.join(folder, name), name)
        else:
            for below in _folders(os.path.join(folder, name)):
                if _is_repository(os.path.join(folder, name, below)):
                    yield _local(os.path.join(folder, name, below), f"{name}/{below}")


def _folders(path: str) -> list[str]:
    try:
        with os.scandir(path) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []


def _is_repository(path: str) -> bool:
    """Return whether a folder is a clone, or a bare repository."""
    return bool(git.place(path))


def _lines(path: str) -> Iterator[Repository]:
    try:
        text = contents(path).decode()
    except UnicodeDecodeError:
        raise FleetError(f"{path}: is not UTF-8") from None
    except Unreadable as error:
        raise FleetError(f"{path}: {error}") from None
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition(" #")[0].split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) > 2:
            raise FleetError(f"{path}:{number}: has more than a repository and a name")
        yield _of_line(words[0], words[1] if len(words) > 1 else "", path, number)


def _of_line(place: str, name: str, path: str, number: int) -> Repository:
    if not _URL.fullmatch(place):
        if _OTHER.match(place):
            raise FleetError(f"{path}:{number}: only https and file URLs are fetched: clone it, and name the clone")
        full = os.path.normpath(os.path.join(os.path.dirname(path), place))
        if not _is_repository(full):
            raise FleetError(f"{path}:{number}: is not a git repository")
        return _local(full, name or place.strip("./") or os.path.basename(os.path.realpath(full)))
    try:
        parts = urlsplit(place)
    except ValueError:
        raise FleetError(f"{path}:{number}: is not a URL of a repository") from None
    if parts.username or parts.password:
        raise FleetError(f"{path}:{number}: has a login: clone it with your own git, and name the clone")
    if not parts.path.strip("/"):
        raise FleetError(f"{path}:{number}: is not a URL of a repository")
    return Repository(name or f"{parts.netloc}{parts.path}".strip("/").removesuffix(".git"), place)


def _local(path: str, name: str) -> Repository:
    return Repository(name, f"file://{quote(os.path.realpath(path), errors='surrogateescape')}")
