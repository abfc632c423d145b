"""Every image reference with what becomes of it: the answer to «what is left?»."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from click import style

from echo_migrate.files.spelling import shown
from echo_migrate.model import STATES, Result
from echo_migrate.reports import (
    AT_UPSTREAM,
    COUNTED,
    STATE_HEADS,
    as_json,
    code,
    columns,
    in_a_line,
    printable,
    prose,
    reasons,
)
from echo_migrate.reports.inventory.rows import InventoryRow, rows

FORMATS = ("text", "json", "csv", "markdown", "cyclonedx")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_CSV = tuple(name for name in InventoryRow._fields if name != "reasons")
_WORDS = {
    "migrate": "ready to migrate",
    "hardened": "already hardened",
    "no-replacement": "not offered",
    "first-party": "private or built here",
    "needs-person": "need review",
    "ignored": "ignored",
    "local": "local: stages, scratch and results of builds (not counted)",
}


def _words(state: str, listed: list[InventoryRow]) -> str:
    back = state == "hardened" and any(reason.id == "at-upstream" for row in listed for reason in row.reasons)
    return AT_UPSTREAM if back else _WORDS[state]


def render(format: str, results: list[Result], login: str, configuration: str = "") -> str:
    """Return the inventory in one of ``FORMATS``. Raises ``click.UsageError`` for one whose library is missing.

    ``configuration`` says which file chose provider, registry or mapping.
    """
    listed = list(rows(results))
    if format == "json":
        return _json(listed, results, configuration)
    if format == "cyclonedx":
        from echo_migrate.reports.inventory.cyclonedx import cyclonedx

        return cyclonedx(listed)
    if format == "csv":
        return _csv(listed)
    closing = "\n".join(filter(None, [in_a_line(results, login), configuration]))
    return {"text": _text, "markdown": _markdown}[format](listed, results, closing)


def _grouped(listed: list[InventoryRow]) -> Iterator[tuple[str, str, list[InventoryRow]]]:
    """By state, then by upstream name, the largest group first."""
    for state in STATES:
        of_state = sorted((row for row in listed if row.state == state), key=_group)
        groups = [(name, list(group)) for name, group in groupby(of_state, _group)]
        for name, group in sorted(groups, key=lambda pair: (-len(pair[1]), pair[0])):
            yield state, name, group


def _group(row: InventoryRow) -> str:
    return row.upstream or row.resolved


_HEADS = ("kind", "references", *STATE_HEADS)


def _kinds(results: list[Result]) -> list[tuple[str, ...]]:
    """Of each kind of file: how many references it has, and how many of each state; the most first."""
    counts: dict[str, Counter[str]] = {}
    for result in results:
        counts.setdefault(result.kind, Counter()).update(found.state for found in result.outcomes)
    rows = [(kind, [states[state] for state in COUNTED]) for kind, states in counts.items()]
    ordered = sorted((row for row in rows if any(row[1])), key=lambda row: (-sum(row[1]), row[0]))
    return [(kind, str(sum(numbers)), *map(str, numbers)) for kind, numbers in ordered]


def _text(listed: list[InventoryRow], results: list[Result], closing: str) -> str:
    lines: list[str] = []
    last = ""
    for state, name, group in _grouped(listed):
        if state != last:
            count = sum(row.state == state for row in listed)
            lines += [""] * bool(lines) + [style(f"{count} {_words(state, listed)}", bold=True)]
            last = state
        lines.append(f"  {printable(shown(name))} ({len(group)})")
        for row in map(_shown, group):
            target = f" -> {printable(row.target)}" if row.target else ""
            reason = f"  ({printable(row.reason)})" if row.reason else ""
            where = style(f"{printable(row.path)}:{row.line}:{row.column}", fg="cyan")
            lines.append(f"    {where} {printable(row.resolved)}{target}{reason}")
    kinds = _kinds(results)
    lines += ["", *columns(_HEADS, kinds)] if kinds else []
    return "\n".join([*lines, "", *map(printable, closing.splitlines())]) + "\n"


def _json(listed: list[InventoryRow], results: list[Result], configuration: str) -> str:
    references: list[dict[str, Any]] = [{**row._asdict(), "reasons": reasons(row.reasons)} for row in listed]
    if not any(row.status for row in listed):
        for row in references:
            del row["status"]  # no registry was asked
    not_read = [{"path": result.source.path, "kind": result.not_read} for result in results if result.not_read]
    document = {
        "version": 1,
        "configuration": configuration or None,
        "references": references,
        "not_read": not_read,
    }
    return as_json(document) + "\n"


def _csv(listed: list[InventoryRow]) -> str:
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    names = [name for name in _CSV if name != "status" or any(row.status for row in listed)]
    writer.writerow(names)
    writer.writerows([_cell(getattr(row, name)) for name in names] for row in map(_shown, listed))
    return table.getvalue()


def _cell(value: object) -> str:
    """Return a value as a table's program shows it, and does not take it for a formula (OWASP, CSV Injection)."""
    text = "" if value is None else printable(str(value))
    return f"'{text}" if text.startswith(_FORMULA) else text


def _shown(row: InventoryRow) -> InventoryRow:
    """Return a row with its references as people are shown them."""
    raw, resolved, target = shown(row.raw), shown(row.resolved), row.target and shown(row.target)
    return row._replace(raw=raw, resolved=resolved, target=target)


def _markdown(listed: list[InventoryRow], results: list[Result], closing: str) -> str:
    lines = ["| state | upstream | reference | target | where | reason |", "|---|---|---|---|---|---|"]
    for state, name, group in _grouped(listed):
        for row in map(_shown, group):
            cells = (shown(name), row.resolved, row.target or "", f"{row.path}:{row.line}", row.reason)
            lines.append("| " + " | ".join([state, *(code(cell) if cell else "" for cell in cells)]) + " |")
    lines += ["", f"| {' | '.join(_HEADS)} |", f"|---{'|---:' * (len(_HEADS) - 1)}|"]
    lines += [f"| {' | '.join(row)} |" for row in _kinds(results)]
    return "\n".join([*lines, "", *map(prose, closing.splitlines())]) + "\n"
