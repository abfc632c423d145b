"""Proofs as text, Markdown and JSON. What builds and containers print is a stranger's text: it is made printable."""

from collections import Counter
from collections.abc import Iterable

from echo_migrate import reports
from echo_migrate.proof.compare import VERDICTS, Row
from echo_migrate.proof.records import Proof, as_data

_MARK = {"broken": "✗", "differs": "≠", "information": " "}
_WORST = ("broken", "differs", "not-comparable", "not-checked", "same")
"""The verdicts, the worst first: what nobody could see is worse than what was seen to be the same."""

_WIDEST = 44
_MOST_ROWS = 30


def render(format: str, proofs: list[Proof], applied: list[str], verbose: bool, quiet: bool) -> str:
    """Return proofs in a format; ``applied`` are the paths of the changes that were written."""
    if format == "json":
        return reports.as_json({"version": 1, "proofs": [_as_json(proof, applied) for proof in proofs]}) + "\n"
    if format == "markdown":
        return "\n".join([markdown(proofs), *(line for proof in proofs for line in _details(proof))]) + "\n"
    if not proofs:
        return "" if quiet else "Nothing to prove: no Dockerfile would change.\n"
    again = Counter(proof.path for proof in proofs)
    blocks = [
        _line(proof, again[proof.path] > 1 and not proof.unsafe)
        + (_table(proof) if verbose or len(proofs) == 1 else "")
        for proof in proofs
    ]
    return "".join(blocks) + ("" if quiet else f"\n{_closing(proofs, applied)}\n")


def _as_json(proof: Proof, applied: list[str]) -> dict[str, object]:
    data = as_data(proof)
    data.pop("version")
    return {**data, "applied": proof.path in applied, "remembered": proof.remembered}


def _line(proof: Proof, alone: bool) -> str:
    said = f": {_said(proof)}" if proof.reason else ""
    again = " (proven before, nothing has changed since)" if proof.remembered else ""
    part = " with its safe fixes alone" if alone else ""
    return f"{proof.verdict:<14}  {reports.printable(proof.path)}{part}{said}{again}\n"


def _said(proof: Proof) -> str:
    """Return why a verdict is what it is, with the likely cause and what predicted it."""
    parts = [reports.printable(proof.reason)]
    failing = next((row for row in proof.rows if row.weight == "broken"), None)
    if failing:
        parts.append(reports.printable(failing.after.replace("\n", " ")))
    if proof.cause:
        parts.append(f"likely cause: {proof.cause}")
    if proof.predicted:
        parts.append(f"predicted: {reports.printable(proof.predicted)}")
    return "; ".join(parts)


def _table(proof: Proof) -> str:
    rows = [(_MARK[row.weight] + " " + row.name, *_cells(row)) for row in proof.rows[:_MOST_ROWS]]
    if not rows:
        return ""
    lines = reports.columns(("", "before", "after"), [cell for row in rows for cell in _wrapped(row)])
    return "".join(f"  {line}\n" for line in lines)


def _cells(row: Row) -> tuple[str, str]:
    return row.before or "-", row.after or "-"


def _wrapped(row: tuple[str, str, str]) -> list[tuple[str, str, str]]:
    """Return the lines of a row, as long as a column is wide."""
    from itertools import zip_longest
    from textwrap import wrap

    cells = [
        [part for line in cell.split("\n") for part in wrap(reports.printable(line), _WIDEST) or [""]] for cell in row
    ]
    cells[0] = [reports.printable(row[0])]
    return [(one, two, three) for one, two, three in zip_longest(*cells, fillvalue="")]


def _closing(proofs: list[Proof], applied: list[str]) -> str:
    counts = Counter(proof.verdict for proof in proofs)
    told = ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict])
    broken = [proof for proof in proofs if proof.verdict == "broken"]
    predicted = sum(bool(proof.predicted) for proof in broken)
    line = f"{reports.plural(len({proof.path for proof in proofs}), 'Dockerfile')}: {told}"
    if broken:
        line += f"; {predicted} of {reports.plural(len(broken), 'failure')} predicted"
    return line + (f"; {len(applied)} applied" if applied else "")


def markdown(proofs: Iterable[Proof]) -> str:
    """Return the table of proofs, a line for each."""
    lines = ["| Dockerfile | proof | what differs |", "|---|---|---|"]
    for proof in proofs:
        said = _said(proof) if proof.reason else "builds, starts and behaves the same"
        lines.append(f"| {reports.code(proof.path)} | **{proof.verdict}** | {_cell(said)} |")
    return "\n".join(lines)


def bounded(proofs: Iterable[Proof], room: int, most: int) -> str:
    """Return the table of proofs, the worst first, of at most ``room`` bytes and ``most`` lines; below it, how
    many more there are."""
    every = sorted(proofs, key=lambda one: _WORST.index(one.verdict))
    shown = every[:most]
    table = markdown(shown)
    while len(table.encode("utf-8", "surrogatepass")) > room and shown:
        table = markdown(shown := shown[: len(shown) // 2])
    left = len(every) - len(shown)
    return table + (f"\n\n{reports.plural(left, 'more proof')}." if left else "")


def _details(proof: Proof) -> list[str]:
    if not proof.rows:
        return []
    lines = ["", f"<details><summary>{_escaped(proof.path)}</summary>", "", "| | before | after |", "|---|---|---|"]
    cells = [map(_cell, (row.name, *_cells(row))) for row in proof.rows[:_MOST_ROWS]]
    return [*lines, *(f"| {' | '.join(one)} |" for one in cells), "", "</details>"]


def _cell(text: str) -> str:
    return reports.code(" ⏎ ".join(text.split("\n")))


def _escaped(text: str) -> str:
    return reports.printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
