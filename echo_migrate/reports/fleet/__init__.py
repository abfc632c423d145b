"""The report of many repositories: how far each is, and each team, what is left, and why; as a page, Markdown and JSON.

Every figure is a sum of rows: a row counts the references of a repository that share state, upstream image, reason and
owners.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any, NamedTuple

from echo_migrate.files.spelling import shown
from echo_migrate.model import STATES
from echo_migrate.reports import visible
from echo_migrate.reports.migration.figures import IN_SCOPE, LEFT, ORDER
from echo_migrate.reports.migration.history import Record
from echo_migrate.reports.migration.rows import NO_IMAGE, NO_OWNER

FORMATS = ("markdown", "html", "json")
UNREADABLE = "its result cannot be read: run fleet again"
LONGEST = 300


class Row(NamedTuple):
    """References of a repository that share all else: ``number`` is how many there are. Without an owner, it is told in
    which repository they are."""

    repository: str
    owners: tuple[str, ...]
    state: str
    upstream: str
    reason: str
    number: int


class Group(NamedTuple):
    """References that share a repository, an owner, an upstream image or a reason, by state; a repository has its
    address at a forge and its commit ("" for none), or the ``error`` for which there are no references."""

    name: str
    states: Mapping[str, int]
    url: str = ""
    revision: str = ""
    error: str = ""

    def number(self, *states: str) -> int:
        """Return the number of references in some states."""
        return sum(self.states.get(state, 0) for state in states)

    @property
    def left(self) -> int:
        """The number of references that can still move, or need review."""
        return self.number(*LEFT)

    @property
    def scope(self) -> int:
        """The number of references that can be hardened, or are."""
        return self.number(*IN_SCOPE)

    @property
    def share(self) -> int | None:
        """The percentage that is hardened, rounded down; None if nothing can be."""
        return self.number("hardened") * 100 // self.scope if self.scope else None


class Fleet(NamedTuple):
    """All that is rendered: the rows, and their sums; groups with the most left are first. ``trend`` are the records of
    a history, one a day, up to the report's own; ``providers`` are what the last run had the references move to."""

    rows: Sequence[Row]
    total: Group
    repositories: Sequence[Group]
    owners: Sequence[Group]
    upstreams: Sequence[Group]
    reasons: Sequence[Group]
    date: str = ""
    trend: Sequence[Record] = ()
    providers: Sequence[str] = ()

    @property
    def read(self) -> list[Group]:
        """The repositories that could be read."""
        return [one for one in self.repositories if not one.error]

    @property
    def ready(self) -> list[Group]:
        """The repositories that have safe fixes."""
        return [one for one in self.repositories if one.number("migrate")]

    @property
    def failed(self) -> list[Group]:
        """The repositories that could not be read."""
        return [one for one in self.repositories if one.error]

    def record(self, day: str) -> Record:
        """Return the record of this report for a history: it can be compared with those of the same repositories and
        providers, if all of them could be read."""
        names = "\n".join(sorted(one.name for one in self.repositories)).encode("utf-8", "backslashreplace")
        subject = f"fleet: {', '.join(self.providers)}: {hashlib.sha256(names).hexdigest()[:16]}"
        return Record(day, "", subject, tuple(self.total.number(state) for state in ORDER))


def fleet(results: Iterable[tuple[Mapping[str, Any], Mapping[str, Any] | None]], date: str = "") -> Fleet:
    """Return the report of a store's entries, each with its result, None if there is none. What of them is not of the
    form that is written is not believed: its repository counts as not read."""
    rows: list[Row] = []
    known: dict[str, Group] = {}
    messages: dict[str, Counter[str]] = {}
    providers = set[str]()
    for entry, result in results:
        name = _text(entry.get("repository")) or "?"
        providers.add(_text(entry.get("provider")))
        url, revision, error = (_text(entry.get(key)) for key in ("url", "revision", "error"))
        try:
            found = [] if error else _rows(name, result, messages)
        except (TypeError, AttributeError, KeyError):
            found, error = [], UNREADABLE
        rows += found
        known[name] = Group(name, {}, url if url.startswith("https://") else "", revision, error)
    rows = _told(rows, messages)
    repositories = {one.name: one for one in _groups((row.repository, row) for row in rows)}
    listed = [
        one._replace(states=repositories[name].states if name in repositories else {}) for name, one in known.items()
    ]
    return Fleet(
        rows,
        Group("all", _states(rows)),
        sorted(listed, key=_order),
        _groups((owner, row) for row in rows for owner in row.owners),
        _groups((row.upstream, row) for row in rows),
        _groups((row.reason, row) for row in rows if row.reason),
        date,
        providers=sorted(providers - {""}),
    )


def render(format: str, asked: Fleet) -> str:
    """Return a report in one of ``FORMATS``. Raises ``click.UsageError`` for one whose library is missing."""
    text: str = import_module(f"{__name__}.{format}").rendered(asked)
    return text


def _rows(name: str, result: Mapping[str, Any] | None, messages: dict[str, Counter[str]]) -> list[Row]:
    """Return the rows of a repository, with the ids of reasons, whose ``messages`` are counted. Raises ``TypeError``,
    ``KeyError`` or ``AttributeError`` for a result of another form."""
    if result is None:
        raise TypeError
    owners: Mapping[str, Any] = result.get("owners", {})
    counts: Counter[tuple[tuple[str, ...], str, str, str]] = Counter()
    for one in result["inventory"]["references"]:
        state = one.get("state")
        if state == "local":
            continue
        if state not in STATES:
            raise TypeError
        whose = owners.get(one.get("path")) or ()
        listed = tuple(_text(owner) for owner in whose) if isinstance(whose, list) else ()
        upstream = shown(_text(one.get("upstream"))) or shown(_text(one.get("resolved"))) or NO_IMAGE
        id, message = _first(one) if state == "needs-person" else ("", "")
        if id:
            messages.setdefault(id, Counter())[message] += 1
        counts[listed or (f"{NO_OWNER} {name}",), state, upstream, id] += 1
    return [Row(name, *kind, count) for kind, count in sorted(counts.items())]


def _first(reference: Mapping[str, Any]) -> tuple[str, str]:
    """Return the id and the message of a reference's first reason, "" if it has none."""
    reasons: list[dict[str, Any]] = reference.get("reasons") or [{}]
    return _text(reasons[0].get("id")), _text(reasons[0].get("message"))


def _told(rows: list[Row], messages: Mapping[str, Counter[str]]) -> list[Row]:
    """Return rows whose reasons are no ids, but the most frequent message of each."""
    most = {id: min(counts, key=lambda one: (-counts[one], one)) for id, counts in messages.items()}
    words = {id: f"{most[id]}{', and alike' if len(counts) > 1 else ''}" for id, counts in messages.items()}
    return [row._replace(reason=words[row.reason]) if row.reason in words else row for row in rows]


def _groups(rows: Iterable[tuple[str, Row]]) -> list[Group]:
    found: dict[str, list[Row]] = {}
    for name, row in rows:
        found.setdefault(name, []).append(row)
    return sorted((Group(name, _states(listed)) for name, listed in found.items()), key=_order)


def _states(rows: Iterable[Row]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for row in rows:
        counts[row.state] += row.number
    return {state: counts[state] for state in ORDER if counts[state]}


def _order(group: Group) -> tuple[int, int, str]:
    return -group.left, -sum(group.states.values()), group.name


def _text(value: Any) -> str:
    """Return a text of a store as it can be shown, "" if it is none."""
    return visible(value[:LONGEST]) if isinstance(value, str) else ""
