"""Who owns a file, by CODEOWNERS.

Form: docs.github.com, "About code owners": the last pattern that matches decides, one without owners leaves a file to
nobody; patterns are those of .gitignore, without ``!``, ``[…]`` and an escaped ``#``, and ``dir/*`` does not match what
lies deeper.
"""

import os
import re
from collections.abc import Callable, Iterable, Sequence
from fnmatch import translate
from typing import NamedTuple

from echo_migrate.files.source import Unreadable, contents

PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
"""Where GitHub looks, in order; the first file that exists counts."""

LARGEST = 3_000_000
_MOST_RULES = 5_000
_LONGEST_PATTERN = 500
_OWNER = re.compile(r"@[A-Za-z0-9-]{1,39}(?:/[A-Za-z0-9._-]{1,100})?")
"""A user, or a team of an organisation; addresses are owners too, but nobody can request a review by one."""


class Rule(NamedTuple):
    """A line: which paths it matches, and whose they are."""

    matches: Callable[[str], bool]
    owners: tuple[str, ...]


class Owners:
    """The rules of a file, in its order; each path is matched once."""

    def __init__(self, rules: Sequence[Rule] = ()) -> None:
        self._rules = rules
        self._known: dict[str, tuple[str, ...]] = {}

    def of(self, path: str) -> tuple[str, ...]:
        """Return the owners of a path from the top of the repository."""
        if path not in self._known:
            matching = (rule.owners for rule in reversed(self._rules) if rule.matches(path))
            self._known[path] = next(matching, ())
        return self._known[path]


NO_OWNERS = Owners()


def read(top: str) -> Owners:
    """Return the owners that a repository names; none if it has no file that can be read."""
    for place in PLACES:
        path = os.path.join(top, place)
        if os.path.lexists(path):
            if os.path.realpath(path) != os.path.join(os.path.realpath(top), place):
                return NO_OWNERS  # a link, which GitHub does not follow
            try:
                return parse(contents(path, LARGEST).decode("utf-8", "replace"))
            except Unreadable:
                return NO_OWNERS
    return NO_OWNERS


def parse(text: str) -> Owners:
    """Return the rules in the text of a file."""
    rules = []
    for line in text.splitlines()[:_MOST_RULES]:
        pattern, *words = line.split("#")[0].split() or [""]
        if pattern and len(pattern) <= _LONGEST_PATTERN and not pattern.startswith("!") and "[" not in pattern:
            rules.append(Rule(_matcher(pattern), tuple(word for word in words if _OWNER.fullmatch(word))))
    return Owners(rules)


def _matcher(pattern: str) -> Callable[[str], bool]:
    """Return whether a path matches a pattern, or lies in a folder that does."""
    anchored = "/" in pattern.rstrip("/")
    folder = pattern.endswith("/")
    parts = pattern.strip("/").split("/")
    direct = anchored and parts[-1] == "*"  # what lies in the folder itself
    if not anchored:
        parts = ["**", *parts]
    tests = [None if part == "**" else re.compile(translate(part)).match for part in parts]

    def matches(path: str) -> bool:
        names = path.split("/")
        ends = _ends(tests, names)
        if direct:
            return len(names) in ends
        return any(end < len(names) or (end == len(names) and not folder) for end in ends)

    return matches


def _ends(tests: Sequence[Callable[[str], object] | None], names: list[str]) -> set[int]:
    """Return after how many names of a path all parts of a pattern are matched."""
    places = {0}
    for test in tests:
        if test is None:
            places = set(range(min(places), len(names) + 1)) if places else places
        else:
            places = {place + 1 for place in places if place < len(names) and test(names[place])}
    return places - {0}


def reviewers(owned: Iterable[tuple[str, ...]], most: int) -> tuple[list[str], list[str]]:
    """Return the users and the teams that own the most of some files, at most so many in all."""
    from collections import Counter

    counts = Counter(owner for owners in owned for owner in owners)
    chosen = [owner.removeprefix("@") for owner, _ in counts.most_common(most)]
    return [name for name in chosen if "/" not in name], [name.partition("/")[2] for name in chosen if "/" in name]
