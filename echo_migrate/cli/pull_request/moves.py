"""What moves, and in which pull request: references by group, and the choices that people made among them.

All of it is a function of values: nothing is read, run or asked.
"""

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Literal, NamedTuple

from echo_migrate.cli.pull_request.owners import NO_OWNERS, with_account
from echo_migrate.files.code_owners import CodeOwners
from echo_migrate.model import Migration, Result

Split = Literal["", "service", "image", "owner"]
BRANCHES = "echo-migrate/"
"""The prefix of all our branches. Below it, ``all`` is a branch and the kinds of groups are folders, so that none is in
the way of another."""

_PLAIN = re.compile(r"[^A-Za-z0-9._/-]+")
_SLUG = re.compile(r"[^a-z0-9]+")
_LONGEST_NAME = 60
_BUILT = "dockerfile"


class Move(NamedTuple):
    """A reference that moves, with its place; ``path`` is from the top of the repository."""

    path: str
    line: int
    reference: str
    shown: str
    target: str
    upstream: str
    basis: str
    confirmed: bool

    @property
    def image_key(self) -> str:
        """What a choice about this reference in all files is remembered by."""
        return _key("image", self.reference)

    @property
    def file_key(self) -> str:
        """What a choice about this reference in this file is remembered by."""
        return _key("file", self.path, self.reference)

    def left_out(self, choices: frozenset[str]) -> bool:
        return self.image_key in choices or self.file_key in choices


class Group(NamedTuple):
    """What one pull request is about: ``kind`` and ``name`` are "" if it is about all of the repository."""

    kind: Split
    name: str

    @property
    def branch(self) -> str:
        """The name of its branch, which is the same as long as the group's name is."""
        if not self.kind:
            return f"{BRANCHES}all"
        slug = _SLUG.sub("-", self.name.lower()).strip("-")[:40].strip("-")
        exact = bool(slug) and slug == self.name
        return f"{BRANCHES}{self.kind}/{slug if exact else '-'.join(filter(None, (slug, _key(self.name)[:8])))}"

    @property
    def title(self) -> str:
        """Its name as plain text that mentions and closes nothing, for titles and commits."""
        return _PLAIN.sub("-", self.name.replace("@", ""))[:_LONGEST_NAME].strip("-") or "the top folder"


class Grouping(NamedTuple):
    """How references are split: by a kind of group, with what that kind asks for."""

    kind: Split
    owners: CodeOwners = NO_OWNERS
    services: frozenset[str] = frozenset()

    def of(self, path: str, upstream: str) -> Group:
        """Return the group of a reference, by the path of its file from the top and its upstream name."""
        if self.kind == "service":
            return Group(self.kind, service_of(path, self.services))
        if self.kind == "image":
            return Group(self.kind, upstream)
        if self.kind == "owner":
            return Group(self.kind, " ".join(with_account(self.owners.of(path))) or "nobody")
        return Group("", "")


def services(results: Iterable[Result], inside: Callable[[str], str]) -> frozenset[str]:
    """Return the folders that have a Dockerfile: each is a service. ``inside`` gives a path from the top."""
    return frozenset(os.path.dirname(inside(result.source.path)) for result in results if result.kind == _BUILT)


def service_of(path: str, services: frozenset[str]) -> str:
    """Return the service of a file: the nearest folder around it that has a Dockerfile, else its outermost folder; ""
    is the top."""
    folder = os.path.dirname(path)
    while folder:
        if folder in services:
            return folder
        folder = os.path.dirname(folder)
    return path.partition("/")[0] if "/" in path else ""


def moves_of(result: Result, path: str) -> list[Move]:
    """Return the references of a file that its fix moves. ``path`` is its path from the top."""
    if result.fixed is result.source:
        return []
    return [_move(result, one, path) for one in result.outcomes if one.state == "migrate" and one.target]


def _move(result: Result, one: Migration, path: str) -> Move:
    line, _ = result.source.position(one.image.start)
    upstream = one.upstream or one.image.shown
    confirmed = one.status == "available"
    reference = one.image.ref.value
    return Move(path, line, reference, one.image.shown, one.target or "", upstream, one.basis or "", confirmed)


def grouped(moves: Iterable[Move], grouping: Grouping) -> Mapping[Group, tuple[Move, ...]]:
    """Return the moves of each group, in order of the groups' names and of their places."""
    found: dict[Group, list[Move]] = {}
    for move in moves:
        found.setdefault(grouping.of(move.path, move.upstream), []).append(move)
    return {group: tuple(sorted(found[group])) for group in sorted(found)}


def digest(moves: Iterable[Move]) -> str:
    """Return what tells one set of moves from another; lines, which change with anything above them, do not count."""
    return _key(*sorted(f"{move.path}\0{move.reference}\0{move.target}" for move in moves)) if moves else ""


def _key(*parts: str) -> str:
    text = "\0".join((str(len(parts)), *parts))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
