"""What has become of the references since a former inventory: moved, came back, changed, appeared, gone."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Literal, NamedTuple, get_args

from echo_migrate.files.json_file import read_json
from echo_migrate.files.source import Unreadable
from echo_migrate.files.spelling import shown
from echo_migrate.images.reference import untagged
from echo_migrate.model import STATES
from echo_migrate.reports import as_json, code, plural, printable
from echo_migrate.reports.inventory.rows import InventoryRow

FORMATS = ("text", "json", "markdown")
MOST = 200_000
LONGEST = 10_000
"""The limits of an inventory: its references, and each text of one in characters."""

Change = Literal["moved", "came-back", "changed", "appeared", "gone", "same"]
CHANGES: tuple[Change, ...] = get_args(Change)
WORDS = {
    "moved": "moved to a hardened image",
    "came-back": "came back from a hardened image",
    "changed": "changed",
    "appeared": "appeared",
    "gone": "gone",
    "same": "the same",
}


class ComparisonError(ValueError):
    """A file that is no inventory; the message says why."""


class Reference(NamedTuple):
    """What is compared of a reference."""

    path: str
    line: int
    context: str
    resolved: str
    upstream: str | None
    target: str | None
    state: str


class Compared(NamedTuple):
    """A reference before and now, None where it is not there, and what has become of it."""

    change: Change
    before: Reference | None
    now: Reference | None

    @property
    def place(self) -> tuple[str, int]:
        """Where it is, or was."""
        one = self.now or self.before
        assert one is not None
        return one.path, one.line


def read(path: str) -> list[Reference]:
    """Return the references of a file that ``inventory --output-format json`` wrote. Raises ``ComparisonError``."""
    try:
        data = read_json(path)
    except Unreadable as error:
        raise ComparisonError(f"{path}: {error}") from None
    try:
        return listed(data)
    except ComparisonError as error:
        raise ComparisonError(f"{path}: {error}") from None


def listed(data: Any) -> list[Reference]:
    """Return the references of an inventory in JSON. Raises ``ComparisonError``."""
    rows = data.get("references") if isinstance(data, dict) and data.get("version") == 1 else None
    try:
        if isinstance(rows, list) and len(rows) <= MOST:
            return [_reference(one) for one in rows]
    except (KeyError, TypeError, ValueError):
        pass
    raise ComparisonError("is not what inventory --output-format json writes")


def _reference(one: Any) -> Reference:
    """Return a reference of a file. Raises ``KeyError``, ``TypeError`` or ``ValueError`` for what is none."""
    texts = [one[name] for name in ("path", "context", "resolved")]
    wishes = [one[name] for name in ("upstream", "target")]
    line, state = one["line"], one["state"]
    given = [*texts, *(wish for wish in wishes if wish is not None)]
    if not all(isinstance(text, str) and len(text) <= LONGEST for text in given) or state not in STATES:
        raise ValueError
    if not isinstance(line, int) or isinstance(line, bool) or not 0 < line < 10**9:
        raise ValueError
    return Reference(texts[0], line, texts[1], texts[2], wishes[0], wishes[1], state)


def references(rows: Iterable[InventoryRow]) -> list[Reference]:
    """Return what is compared of rows."""
    return [
        Reference(row.path, row.line, row.context, row.resolved, row.upstream, row.target, row.state) for row in rows
    ]


_Key = Callable[[Reference], str]
_KEYS: tuple[tuple[_Key, _Key], ...] = (
    (lambda before: before.resolved, lambda now: now.resolved),
    (lambda before: untagged(before.target or ""), lambda now: untagged(now.resolved)),
    (lambda before: untagged(before.resolved), lambda now: untagged(now.target or "")),
    (lambda before: before.upstream or "", lambda now: now.upstream or ""),
    (lambda before: untagged(before.resolved), lambda now: untagged(now.resolved)),
)
"""By what references of one file and context are the same, of a former and of this inventory, the surest first."""


def compare(before: Iterable[Reference], now: Iterable[Reference]) -> list[Compared]:
    """Return what has become of references, by place; those that are local count neither before nor now."""
    old = [one for one in before if one.state != "local"]
    new = [one for one in now if one.state != "local"]
    pairs: list[tuple[Reference, Reference]] = []
    for of_old, of_new in _KEYS:
        waiting: dict[tuple[str, str, str], list[int]] = {}
        for number, one in reversed([*enumerate(old)]):
            waiting.setdefault((one.path, one.context, of_old(one)), []).append(number)
        taken, left = set[int](), list[Reference]()
        for one in new:
            key = of_new(one)
            same = waiting.get((one.path, one.context, key)) if key else None
            if same:
                number = same.pop()
                taken.add(number)
                pairs.append((old[number], one))
            else:
                left.append(one)
        old, new = [one for number, one in enumerate(old) if number not in taken], left
    compared = [Compared(_change(one, other), one, other) for one, other in pairs]
    compared += [Compared("gone", one, None) for one in old] + [Compared("appeared", None, one) for one in new]
    return sorted(compared, key=lambda one: (CHANGES.index(one.change), one.place))


def _change(before: Reference, now: Reference) -> Change:
    if before.state != now.state and "hardened" in (before.state, now.state):
        return "moved" if now.state == "hardened" else "came-back"
    return "same" if (before.state, before.resolved) == (now.state, now.resolved) else "changed"


def render(format: str, compared: list[Compared], old: str) -> str:
    """Return a comparison in one of ``FORMATS``; ``old`` is the name of the former inventory."""
    return {"text": _text, "json": _json, "markdown": _markdown}[format](compared, old)


def _counts(compared: list[Compared]) -> dict[Change, int]:
    counts = Counter(one.change for one in compared)
    return {change: counts[change] for change in CHANGES}


def _closing(compared: list[Compared], old: str) -> str:
    counts = _counts(compared)
    said = ", ".join(f"{counts[change]} {change.replace('-', ' ')}" for change in CHANGES)
    return f"Since {old}: {plural(len(compared), 'image reference')}, {said}"


def _words(one: Compared) -> str:
    """Return what was and what is, each with its state where that differs."""
    before, now = one.before, one.now
    if before is None or now is None:
        only = before or now
        return f"{shown(only.resolved)} ({only.state})" if only else ""
    states = (before.state, now.state) if before.state != now.state else ("", "")
    sides = [
        f"{shown(side.resolved)}{f' ({state})' if state else ''}"
        for side, state in zip((before, now), states, strict=True)
    ]
    return " -> ".join(sides)


def _text(compared: list[Compared], old: str) -> str:
    lines: list[str] = []
    counts = _counts(compared)
    for change in CHANGES:
        if counts[change] and change != "same":
            lines += [f"{counts[change]} {WORDS[change]}"]
            of_change = (one for one in compared if one.change == change)
            lines += [f"  {printable(f'{one.place[0]}:{one.place[1]}')} {printable(_words(one))}" for one in of_change]
            lines.append("")
    return "\n".join([*lines, printable(_closing(compared, old))]) + "\n"


def _markdown(compared: list[Compared], old: str) -> str:
    lines = ["| change | where | reference |", "|---|---|---|"]
    for one in compared:
        if one.change != "same":
            place = code(f"{one.place[0]}:{one.place[1]}")
            lines.append(f"| {one.change.replace('-', ' ')} | {place} | {code(_words(one))} |")
    return "\n".join([*lines, "", f"{code(_closing(compared, old))}"]) + "\n"


def _json(compared: list[Compared], old: str) -> str:
    changes = [
        {
            "change": one.change,
            "before": one.before and one.before._asdict(),
            "now": one.now and one.now._asdict(),
        }
        for one in compared
        if one.change != "same"
    ]
    return as_json({"version": 1, "since": old, "counts": _counts(compared), "changes": changes}) + "\n"
