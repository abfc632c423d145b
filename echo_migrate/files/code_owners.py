"""The owners of files, by CODEOWNERS as GitHub and GitLab read it.

What the two share: one rule a line, a pattern with its owners; ``#`` begins a comment; the last rule that matches
decides; a pattern without a slash matches at any depth, ``*`` within one part of the path, ``**`` any number of parts.

GitHub (docs.github.com, "About code owners"): as in ``.gitignore``, a slash before the last character anchors a
pattern, one that matches a folder matches all below it, and ``folder/*`` only what is directly in it. There are no
``!`` and no ``[…]``.

GitLab (docs.gitlab.com, "Code Owners syntax"): a pattern is anchored only if it begins with a slash, matches a folder
only if it ends with one, and belongs to a section, ``[Name]`` or ``^[Name][2] @owners``: the owners behind it are those
of rules without owners. Each section has its own last rule, and all of these owners count. ``!pattern`` takes files out
of a section. Sections of the same name, in any case, are one.
"""

import os
import re
import time
from collections.abc import Callable
from fnmatch import translate
from functools import lru_cache
from typing import Literal, NamedTuple

from echo_migrate.files.budget import Spent, bounded
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Unreadable, contents
from echo_migrate.files.tree import real

Grammar = Literal["github", "gitlab"]

PLACES: dict[Grammar, tuple[str, ...]] = {
    "github": (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"),
    "gitlab": ("CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"),
}
"""Where the file is looked for, the first one found alone."""

LARGEST = 3_000_000
MOST = 5_000
"""The limits: the size that GitHub reads, and the number of rules, as each may be asked for each file."""

_SECONDS = 20.0
"""The limit of CPU time for all files of a tree, in seconds."""

_SECTION = lazy_regex(r"\^?\[([^\]]+)\](?:\[\d+\])?(?:\s+(.*))?")
_OWNER = lazy_regex(r"@{1,2}[^\s@]+|[^\s@]+@[^\s@]+")
_SPACES = lazy_regex(r"(?<!\\)\s+")


class Rule(NamedTuple):
    """One line: what it matches, its owners, its section, and whether it takes files out of that."""

    parts: tuple[str, ...]
    inside: bool
    whole: bool
    owners: tuple[str, ...]
    section: str
    excludes: bool


class CodeOwners:
    """The rules of one file, in order. ``path`` is that of the file, below the top of its tree."""

    def __init__(self, text: str, grammar: Grammar, path: str = "") -> None:
        self.path = path
        self.rules = tuple(_rules(text, grammar))
        self.by_section = grammar == "gitlab"
        self._known: dict[str, tuple[str, ...]] = {}
        self._left = _SECONDS

    @property
    def exhausted(self) -> bool:
        """Whether the owners of some files were not found out, because it would take too long."""
        return self._left <= 0

    def of(self, path: str) -> tuple[str, ...]:
        """Return the owners of a file, by its path from the top of the tree; empty if it has none, or if the rules are
        ``exhausted``."""
        if path not in self._known and not self.exhausted:
            begin = time.process_time()
            try:
                with bounded():
                    self._known[path] = self._owners(path)
            except Spent:
                self._left = 0.0
            self._left -= time.process_time() - begin
        return self._known.get(path, ())

    def _owners(self, path: str) -> tuple[str, ...]:
        parts = path.split("/")
        found: dict[str, Rule] = {}
        excluded: set[str] = set()
        for rule in self.rules:
            if _matches(rule, parts):
                if rule.excludes:
                    excluded.add(rule.section)
                found[rule.section if self.by_section else ""] = rule
        return tuple(
            dict.fromkeys(owner for section, rule in found.items() if section not in excluded for owner in rule.owners)
        )


def code_owners(top: str, grammar: Grammar | None) -> CodeOwners | None:
    """Return the rules of a tree, None if it has no such file. Without a ``grammar``, the place of the file and its
    sections tell which it is."""
    places = PLACES[grammar] if grammar else tuple(dict.fromkeys((*PLACES["github"], *PLACES["gitlab"])))
    for place in places:
        path = os.path.join(top, place)
        if not real(path).startswith(real(top).rstrip("/") + "/") or not os.path.isfile(path):
            continue
        try:
            text = contents(path, LARGEST).decode("utf-8", "replace")
        except Unreadable:
            return None
        known: Grammar = "gitlab" if place.startswith(".gitlab") or _has_sections(text) else "github"
        try:
            with bounded():
                return CodeOwners(text, grammar or known, place)
        except Spent:
            return None
    return None


def _has_sections(text: str) -> bool:
    return any(_SECTION.fullmatch(line.strip()) for line in text.splitlines())


def _rules(text: str, grammar: Grammar) -> "list[Rule]":
    rules: list[Rule] = []
    section, default = "", tuple[str, ...]()
    for line in text.splitlines():
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        head = _SECTION.fullmatch(line) if grammar == "gitlab" else None
        if head:
            section, default = head[1].strip().lower(), _owners(head[2] or "")
            continue
        pattern, *rest = _SPACES.split(line, maxsplit=1)
        excludes = pattern.startswith("!")
        if grammar == "github" and (excludes or "[" in pattern):
            continue  # no rule there
        owners = _owners(rest[0] if rest else "") or default
        rules.append(
            _rule(pattern.removeprefix("!"), grammar)._replace(owners=owners, section=section, excludes=excludes)
        )
        if len(rules) == MOST:
            break
    return rules


def _owners(text: str) -> tuple[str, ...]:
    words = text.partition(" #")[0].split() if not text.startswith("#") else []
    return tuple(dict.fromkeys(word for word in words if _OWNER.fullmatch(word)))


def _rule(pattern: str, grammar: Grammar) -> Rule:
    """Return a rule with what a pattern matches: ``inside`` all below, ``whole`` also the path that ends with it."""
    pattern = pattern.replace("\\#", "#").replace("\\ ", " ")
    folder = pattern.endswith("/")
    bare = pattern.strip("/")
    anchored = pattern.startswith("/") or (grammar == "github" and "/" in bare)
    parts = bare.split("/") if bare else ["**"]
    inside = folder or (grammar == "github" and not (parts[-1] == "*" and len(parts) > 1))
    if grammar == "gitlab" and parts == ["*"]:
        parts, anchored = ["**"], True
    written = [] if anchored or parts[0] == "**" else ["**"]
    return Rule((*written, *parts), inside, not folder, (), "", False)


@lru_cache(maxsize=8192)
def _test(part: str) -> Callable[[str], object]:
    return re.compile(translate(part)).match


def _matches(rule: Rule, path: list[str]) -> bool:
    """Return whether a rule matches a path: its parts one by one, ``**`` any number of them."""
    places = _skipped(rule.parts, {0})
    last = len(rule.parts)
    for number, part in enumerate(path, 1):
        found = set()
        for place in places:
            if place == last:
                continue
            if rule.parts[place] == "**":
                found.add(place)
                if place + 1 == last:
                    found.add(last)  # a final ** matches at least one part
            elif _test(rule.parts[place])(part):
                found.add(place + 1)
        places = _skipped(rule.parts, found)
        if last in places and (rule.whole if number == len(path) else rule.inside):
            return True
        if not places:
            return False
    return False


def _skipped(parts: tuple[str, ...], places: set[int]) -> set[int]:
    """Return the places, and those behind each ``**`` but a final one, as it may match no folder."""
    found = set(places)
    for place in places:
        while place < len(parts) - 1 and parts[place] == "**":
            place += 1
            found.add(place)
    return found
