"""The comparison of providers for a tree: how many references each has, moves safely, and why not."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from echo_migrate.images.catalog import Catalog
from echo_migrate.model import Migration, Result
from echo_migrate.model.reasons import Reason
from echo_migrate.reports import as_json, columns, plural, printable, prose

FORMATS = ("text", "json", "markdown")
_HEADS = ("provider", "offered", "safe", "unsafe fix", "by hand", "not offered", "hardened", "private", "ignored")
_MOST_REASONS = 5


class Row(NamedTuple):
    """The counts of a provider. ``offered`` is the sum of ``safe``, ``unsafe`` and ``by_hand``; references that have no
    value or are no image are in none of these, and are counted as ``unclear``."""

    provider: str
    title: str
    offered: int
    safe: int
    unsafe: int
    by_hand: int
    not_offered: int
    hardened: int
    first_party: int
    ignored: int
    unclear: int
    reasons: tuple[tuple[Reason, int], ...]


class Comparison(NamedTuple):
    """The rows of all providers, and how many files and references they are about. ``unread`` files had no text."""

    files: int
    references: int
    unread: int
    rows: tuple[Row, ...]


def compared(results: Iterable[Result], catalogs: Sequence[Catalog]) -> Comparison:
    """Return the comparison of providers, given results by each of them."""
    files = unread = 0
    moves: list[list[Migration]] = [[] for _ in catalogs]
    for result in results:
        files += not result.not_read
        unread += result.unread
        for found, one in zip(moves, result.compared, strict=False):
            found += [move for move in one if move.state != "local"]
    rows = [_row(catalog, found) for catalog, found in zip(catalogs, moves, strict=True)]
    rows.sort(key=lambda row: (-row.safe, -row.offered, row.provider))
    return Comparison(files, len(moves[0]) if moves else 0, unread, tuple(rows))


def _row(catalog: Catalog, moves: list[Migration]) -> Row:
    states = Counter(move.state for move in moves)
    review = [move for move in moves if move.state == "needs-person"]
    offered = [move for move in review if move.target]
    unsafe = sum(bool(move.edits) for move in offered)
    reasons: dict[str, Reason] = {}
    counts: Counter[str] = Counter()
    for move in offered:
        for reason in {one.kind: one for one in move.reasons}.values():
            reasons.setdefault(reason.kind, reason)
            counts[reason.kind] += 1
    return Row(
        catalog.provider,
        catalog.title,
        states["migrate"] + len(offered),
        states["migrate"],
        unsafe,
        len(offered) - unsafe,
        states["no-replacement"],
        states["hardened"],
        states["first-party"],
        states["ignored"],
        len(review) - len(offered),
        tuple((reasons[kind], count) for kind, count in counts.most_common()),
    )


def render(format: str, found: Comparison, verbose: bool = False) -> str:
    """Return the comparison in one of ``FORMATS``."""
    if format == "json":
        return as_json(_document(found)) + "\n"
    return _markdown(found) if format == "markdown" else _text(found, verbose)


def _document(found: Comparison) -> dict[str, Any]:
    providers = [
        row._asdict()
        | {
            "reasons": [
                {"id": reason.id, "message": printable(reason.kind), "references": count}
                for reason, count in row.reasons
            ]
        }
        for row in found.rows
    ]
    return {
        "version": 1,
        "files": found.files,
        "references": found.references,
        "unread": found.unread,
        "providers": providers,
    }


def _cells(row: Row) -> tuple[str, ...]:
    numbers = (row.offered, row.safe, row.unsafe, row.by_hand, row.not_offered, row.hardened, row.first_party)
    return (row.provider, *map(str, (*numbers, row.ignored)))


def _closing(found: Comparison) -> list[str]:
    """Return what the counts are of, and how many references they are not about."""
    lines = [f"{plural(found.references, 'image reference')} in {plural(found.files, 'file')}"]
    unclear = found.rows[0].unclear if found.rows else 0
    if unclear:
        lines.append(f"{unclear} of them without a value in their file, or no image: see echo-migrate inventory")
    if found.unread:
        lines.append(f"{plural(found.unread, 'file')} could not be read")
    return lines


def _text(found: Comparison, verbose: bool) -> str:
    lines = [*columns(_HEADS, [_cells(row) for row in found.rows]), ""]
    for row in found.rows:
        listed = row.reasons if verbose else row.reasons[:_MOST_REASONS]
        lines += [f"{row.title}: why {row.offered - row.safe} do not move safely"] if listed else []
        width = len(str(max((count for _, count in listed), default=0)))
        lines += [f"  {count:>{width}}  {printable(reason.kind)}" for reason, count in listed]
        left = len(row.reasons) - len(listed)
        lines += [f"  {'':>{width}}  {plural(left, 'more reason')}: see -v"] if left else []
    return "\n".join([*lines, *([""] if lines[-1] else []), *_closing(found)]) + "\n"


def _markdown(found: Comparison) -> str:
    lines = [f"| {' | '.join(_HEADS)} |", f"|---{'|---:' * (len(_HEADS) - 1)}|"]
    lines += [f"| {' | '.join(_cells(row))} |" for row in found.rows]
    lines += ["", "| provider | why a move is not safe | references |", "|---|---|---:|"]
    for row in found.rows:
        lines += [
            f"| {row.provider} | {prose(printable(reason.kind))} | {count} |"
            for reason, count in row.reasons[:_MOST_REASONS]
        ]
    return "\n".join([*lines, "", *(prose(line) + "." for line in _closing(found))]) + "\n"
