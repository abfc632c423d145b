"""The figures of the report. Each is the number of rows for which some values hold: nothing is counted in any other
way, so that whoever has the rows can add every figure up."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from echo_migrate.model import Result
from echo_migrate.reports import not_read, visible
from echo_migrate.reports.migration.rows import NO_OWNER, ReportRow
from echo_migrate.rules import RULES, link

Where = tuple[tuple[str, str], ...]
"""Dimensions with a value each. A row meets them if it has, of each dimension that is named, one of the values."""

IN_SCOPE = ("hardened", "migrate", "needs-person")
LEFT = ("migrate", "needs-person")
_LEFT = tuple(("state", state) for state in LEFT)
WORDS = {
    "hardened": "hardened",
    "migrate": "ready",
    "needs-person": "need review",
    "no-replacement": "not offered",
    "first-party": "private or built here",
    "ignored": "ignored",
}
ORDER = tuple(WORDS)
LIFTS = {
    "online": "a look into the registry (--online)",
    "proof": "a build and a start with the new image",
    "login": "a login to the registry",
    "edit": "an edit by hand",
    "": "nothing: it states a fact",
}
EVIDENCE = {
    "available": "there, by the registry",
    "not-entitled": "there, but not for this account",
    "no-such-tag": "no such tag, by the registry",
    "no-such-image": "no such image, by the registry",
    "unconfirmed": "the registry gave no answer",
    "seen": "seen in public",
    "offered": "not verified: another vendor offers this image",
    "inferred": "not verified: the name is inferred",
}
PROOFS = {
    "same": "builds, starts and behaves the same",
    "not-started": "builds; it was not started",
    "differs": "behaves differently",
    "broken": "fails",
    "not-comparable": "cannot be compared",
    "not-checked": "could not be checked",
    "stale": "proven before the build context or a sibling changed",
}
UNVERIFIED = ("offered", "inferred", "unconfirmed")


class Figure(NamedTuple):
    """A number of references, of their files, or of the lines that their fixes change, and the rows that it is the sum
    of."""

    number: int
    where: Where
    unit: str = "references"


class Group(NamedTuple):
    """The references that share a value of a dimension: all, those that can still move or need review, and by state."""

    name: str
    total: Figure
    left: Figure
    states: dict[str, Figure]


class Blocker(NamedTuple):
    """A reason why references need review: all that have it, and those that have no other."""

    message: str
    remedies: tuple[str, ...]
    lift: str
    links: tuple[tuple[str, str], ...]
    total: Figure
    alone: Figure


class EndedLine(NamedTuple):
    """A line that has reached its end of life, and the references that are still on it."""

    line: str
    date: str
    follower: str
    total: Figure
    left: Figure


class Report(NamedTuple):
    """All that the report tells. ``about`` is what it is about, as names and values; ``groups`` are the groups of each
    dimension; ``not_read`` counts the files that have no reader."""

    title: str
    login: str
    about: tuple[tuple[str, str], ...]
    rows: list[ReportRow]
    total: Figure
    files: Figure
    scope: Figure
    left: Figure
    states: dict[str, Figure]
    groups: dict[str, list[Group]]
    blockers: list[Blocker]
    ended: list[EndedLine]
    evidence: list[tuple[str, Figure]]
    verified: list[tuple[str, Figure]]
    proofs: list[tuple[str, Figure]]
    not_read: dict[str, int]
    unread: tuple[str, ...]
    owned: bool

    @property
    def who(self) -> str:
        """The dimension by which it is told who has to act: owners if there are any, else services."""
        return "owner" if self.owned else "service"

    @property
    def share(self) -> int | None:
        """The percentage of the references in scope that are hardened, rounded down; None if none is in scope."""
        return self.states["hardened"].number * 100 // self.scope.number if self.scope.number else None


class Index:
    """The rows by the values of each dimension."""

    def __init__(self, rows: list[ReportRow]) -> None:
        self.rows = rows
        self.values_of = [row.values() for row in rows]
        self.having: dict[tuple[str, str], set[int]] = {}
        for number, by_dimension in enumerate(self.values_of):
            for dimension, values in by_dimension.items():
                for value in values:
                    self.having.setdefault((dimension, value), set()).add(number)

    def meeting(self, where: Where) -> set[int]:
        """Return the numbers of the rows that meet values."""
        found: set[int] | None = None
        for dimension in dict.fromkeys(name for name, _ in where):
            having = set[int]().union(*(self.having.get(one, ()) for one in where if one[0] == dimension))
            found = having if found is None else found & having
        return set(range(len(self.rows))) if found is None else found

    def figure(self, *where: tuple[str, str], unit: str = "references") -> Figure:
        """Return the number of the rows that meet values, or of their files or changed lines."""
        found = self.meeting(where)
        rows = [self.rows[number] for number in found]
        counts = {
            "references": lambda: len(rows),
            "files": lambda: len({row.path for row in rows}),
            "lines": lambda: len({(row.path, line) for row in rows for line in row.changed}),
        }
        return Figure(counts[unit](), where, unit)

    def values(self, dimension: str) -> list[str]:
        """Return the values of a dimension."""
        return sorted(value for name, value in self.having if name == dimension)

    def group(self, dimension: str, value: str) -> Group:
        """Return the group of a value."""
        own = (dimension, value)
        inside = self.having[own]
        states = {
            state: Figure(len(inside & self.having.get(("state", state), set())), (own, ("state", state)))
            for state in ORDER
        }
        left = Figure(sum(states[state].number for state in LEFT), (own, *_LEFT))
        return Group(value, Figure(len(inside), (own,)), left, states)

    def groups(self, dimension: str, *where: tuple[str, str]) -> list[tuple[str, Figure]]:
        """Return the values of a dimension that rows have which meet values, the most frequent first, with how many."""
        found = self.meeting(where)
        counts = Counter(value for number in found for value in self.values_of[number][dimension])
        ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
        return [(value, Figure(count, (*where, (dimension, value)))) for value, count in ordered]


DIMENSIONS = ("owner", "service", "upstream", "kind", "purpose")


def report(
    rows: list[ReportRow], results: Iterable[Result], title: str, login: str, about: Iterable[tuple[str, str]]
) -> Report:
    """Return the report of rows. ``title`` is the provider's, ``login`` the command that logs in to its registry."""
    results = list(results)
    index = Index(rows)
    return Report(
        title,
        login,
        tuple((name, visible(value)) for name, value in about if value),
        rows,
        index.figure(),
        index.figure(unit="files"),
        index.figure(*(("state", state) for state in IN_SCOPE)),
        index.figure(*_LEFT),
        {state: index.figure(("state", state)) for state in ORDER},
        {dimension: _groups(index, dimension) for dimension in DIMENSIONS},
        _blockers(index),
        _ended(index),
        [(name, index.figure(("evidence", name))) for name in EVIDENCE if ("evidence", name) in index.having],
        [(name, index.figure(("verified", name))) for name in index.values("verified")],
        [(name, index.figure(("proof", name))) for name in PROOFS if ("proof", name) in index.having],
        not_read(results),
        tuple(sorted(visible(result.source.path) for result in results if result.unread)),
        any(row.owners != (NO_OWNER,) for row in rows),
    )


def _groups(index: Index, dimension: str) -> list[Group]:
    """Return the groups of a dimension, those with the most left first."""
    groups = [index.group(dimension, value) for value in index.values(dimension)]
    return sorted(groups, key=lambda group: (-group.left.number, -group.total.number, group.name))


def _blockers(index: Index) -> list[Blocker]:
    """Return the reasons of references that need review, the most frequent first."""
    remedies: dict[str, Counter[str]] = {}
    lifts: dict[str, str] = {}
    rules: dict[str, set[str]] = {}
    for row in index.rows:
        for reason in row.reasons if row.state == "needs-person" else ():
            kind = visible(reason.kind)
            remedies.setdefault(kind, Counter())[reason.remedy] += 1
            lifts[kind] = reason.lift
            rules.setdefault(kind, set()).update(value for _, value in reason.values if value in RULES)
    review = ("state", "needs-person")
    found = [
        Blocker(
            kind,
            tuple(visible(remedy) for remedy, _ in counts.most_common(2) if remedy),
            lifts[kind],
            tuple((rule, link(rule)) for rule in sorted(rules[kind])),
            index.figure(review, ("reason", kind)),
            index.figure(review, ("alone", kind)),
        )
        for kind, counts in remedies.items()
    ]
    return sorted(found, key=lambda one: (-one.total.number, -one.alone.number, one.message))


def _ended(index: Index) -> list[EndedLine]:
    """Return the ended lines, the one that ended first first; those without a date last."""
    lines = {one.line: one for row in index.rows for one in row.ended}
    found = [
        EndedLine(
            line,
            one.date,
            one.follower,
            index.figure(("ended", line)),
            index.figure(("ended", line), *_LEFT),
        )
        for line, one in lines.items()
    ]
    return sorted(found, key=lambda one: (one.date or "9", one.line))
