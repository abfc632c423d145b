"""The lock file: what registries answered for the hardened images of a tree, so that later runs need no network.

It is a claim of whoever wrote it: it is read only if asked for (``--locked``). One line an image, sorted, so that a
review shows what changed:

    "reg.example/python:3.13" = { digest = "sha256:…", platforms = ["linux/amd64"], date = "2026-11-27", … }
"""

import json
import re
from typing import Any, NamedTuple

from echo_migrate.files.source import Unreadable, contents
from echo_migrate.files.toml import read_toml
from echo_migrate.images.answers import Answer, Answers
from echo_migrate.images.reference import full_name, is_open, parsed
from echo_migrate.model import STATUSES
from echo_migrate.registry.names import DIGEST
from echo_migrate.registry.trust import KINDS

NAME = ".echo-migrate.lock"
_VERSION = 1
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_PLATFORM = re.compile(r"[a-z0-9]+/[a-z0-9_]+(?:/[a-z0-9.]+)?")
_PLAIN_VERSION = re.compile(r"\d{1,9}(?:\.\d{1,9}){1,5}")
_HEAD = "# Written by `echo-migrate lock`; read by --locked. What a registry answered for each image, and when.\n"


class LockError(ValueError):
    """A lock file that cannot be used; the message gives the file and the entry."""


class Locked(NamedTuple):
    """The entry of one image: what the registry answered, and the ISO date on which it did."""

    answer: Answer
    date: str


Lock = dict[str, Locked]
"""Entries by full name (``registry/repository:tag``)."""


def read(path: str) -> Lock:
    """Return the entries of a lock file. Raises ``LockError``."""
    try:
        return parse(path, contents(path).decode())
    except UnicodeDecodeError:
        raise LockError(f"{path}: is not UTF-8") from None
    except Unreadable as error:
        raise LockError(f"{path}: {error}") from None


def parse(path: str, text: str) -> Lock:
    """Return the entries in the text of a lock file. Raises ``LockError``."""
    try:
        table = read_toml(text)
    except Unreadable as error:
        raise LockError(f"{path}: {error}") from None
    if table.get("version") != _VERSION:
        raise LockError(f"{path}: is no lock file of this version of echo-migrate (version = {_VERSION})")
    images = table.get("images", {})
    if not isinstance(images, dict):
        raise LockError(f"{path}: images must be a table")
    return {_name(path, name): _entry(f"{path}: {name}", entry) for name, entry in images.items()}


def text_of(lock: Lock) -> str:
    """Return the text of a lock file."""
    lines = [_HEAD, f"version = {_VERSION}\n", "\n[images]\n"]
    lines += [f"{json.dumps(name)} = {_row(lock[name])}\n" for name in sorted(lock)]
    return "".join(lines)


def _row(entry: Locked) -> str:
    answer = entry.answer
    values = {
        "status": answer.status,
        "digest": answer.digest,
        "platforms": list(answer.platforms),
        "created": answer.created,
        "version": answer.version,
        "verified": list(answer.verified),
        "date": entry.date,
    }
    given = [f"{key} = {json.dumps(value)}" for key, value in values.items() if value]
    return f"{{ {', '.join(given)} }}"


def _name(path: str, name: str) -> str:
    reference = parsed(name)
    if not reference or is_open(name) or reference.digest is not None or full_name(reference) != name:
        raise LockError(f"{path}: images: an entry is not the full name of an image, registry/repository:tag")
    return name


def _entry(where: str, entry: Any) -> Locked:
    """Return an entry, checked: a lock may come with a tree. Raises ``LockError``."""
    values: dict[str, Any] = entry if isinstance(entry, dict) else {}
    status, digest, day = (values.get(key, "") for key in ("status", "digest", "date"))
    platforms, verified, created = values.get("platforms", []), values.get("verified", []), values.get("created", "")
    if status not in STATUSES or not isinstance(day, str) or not _DATE.fullmatch(day):
        raise LockError(f"{where}: needs a status ({', '.join(STATUSES)}) and a date")
    if not isinstance(digest, str) or (digest and not DIGEST.fullmatch(digest)):
        raise LockError(f"{where}: digest is not sha256:…")
    if status == "available" and not digest:
        raise LockError(f"{where}: an available image has a digest")
    if not _all(platforms, _PLATFORM.fullmatch) or not _all(verified, KINDS.__contains__):
        raise LockError(f"{where}: platforms are os/architecture, verified is one of {', '.join(KINDS)}")
    if not isinstance(created, str) or (created and not _DATE.fullmatch(created)):
        raise LockError(f"{where}: created is not a date")
    version = values.get("version", "")
    if not isinstance(version, str) or (version and not _PLAIN_VERSION.fullmatch(version)):
        raise LockError(f"{where}: version is not a version")
    answer = Answer(status, digest, tuple(platforms), created, version=version, verified=tuple(verified))
    return Locked(answer, day)


def _all(values: Any, fits: Any) -> bool:
    return isinstance(values, list) and all(isinstance(one, str) and fits(one) for one in values)


def answers(lock: Lock, pin: bool = False) -> Answers:
    """Return the answers that a lock holds. Where a tag is not there, the repository's other entries are its tags, so
    that the same one is chosen as when the registry was asked."""
    found = Answers(pin, locked=True)
    found.images = {name: entry.answer for name, entry in lock.items()}
    for name in [name for name, answer in found.images.items() if answer.status == "no-such-tag"]:
        repository = name.rpartition(":")[0]
        there = [one.rpartition(":") for one, answer in found.images.items() if answer.status == "available"]
        found.tags[repository] = frozenset(tag for of, _, tag in there if of == repository)
    return found
