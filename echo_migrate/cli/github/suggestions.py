"""Safe fixes as suggestions on the lines of a pull request, which a reviewer accepts with a click.

Limits (docs.github.com, "REST API endpoints for pull request reviews"): a comment's lines must lie in one hunk of the
diff, on its right side; one that does not makes GitHub refuse the whole review, as does one that is too long. A
suggestion replaces exactly those lines. One of them at least is the pull request's own: what stands around it is not.
"""

import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from echo_migrate.cli.github.artifact import Report, ReportedFinding
from echo_migrate.cli.github.comment import LONGEST as LONGEST_COMMENT
from echo_migrate.cli.github.diff import Diff
from echo_migrate.files.source import Source, Unreadable, compatible
from echo_migrate.formats import recognised
from echo_migrate.reports import code, prose
from echo_migrate.rules import link
from echo_migrate.rules.secret_in_image import secret_in_image

LONGEST = 20
"""Lines of one suggestion; a fix that reaches further is read better as a patch."""


class Suggestion(NamedTuple):
    """A comment on lines of a file; ``key`` names it from run to run and stands in ``body`` too."""

    path: str
    first: int
    last: int
    body: str
    key: str


class _Piece(NamedTuple):
    first: int
    last: int
    findings: tuple[ReportedFinding, ...]


def marker(key: str) -> str:
    """Return the line by which a suggestion is known again; nobody sees it."""
    return f"<!-- echo-migrate:suggestion {key} -->"


def plan(report: Report, diffs: dict[str, Diff], root: str, most: int) -> list[Suggestion]:
    """Return the first suggestions, at most so many, by path and line: what of the report can be accepted with a click.

    Files are read below ``root``, and only if no link leads there. Where the lines of the checkout are not those that
    GitHub shows, which happens when the base has moved on, nothing is suggested.
    """
    planned: list[Suggestion] = []
    for path in sorted(diffs):
        findings = [one for one in report.findings if one.path == path]
        source = _source(root, path) if any(one.safe for one in findings) else None
        if source is not None:
            planned += islice(_of_file(source, path, findings, diffs[path]), most - len(planned))
        if len(planned) == most:
            break
    return planned


def _of_file(source: Source, path: str, findings: list[ReportedFinding], diff: Diff) -> Iterator[Suggestion]:
    private = {one.line for one in findings if one.rule == secret_in_image.id}
    seen: Counter[str] = Counter()
    for piece in _pieces(source, findings):
        shown = diff.around(piece.first, piece.last)
        lines = range(piece.first, piece.last + 1)
        if shown is None or not any(map(diff.adds, lines)) or not private.isdisjoint(lines):
            continue
        new = _replaced(source, piece, shown)
        if new is not None:
            written = "\0".join((path, *shown, new))
            seen[written] += 1
            key = hashlib.sha256(f"{written}\0{seen[written]}".encode("utf-8", "surrogateescape")).hexdigest()[:16]
            body = _body(piece, new, key)
            if len(body.encode("utf-8", "surrogatepass")) <= LONGEST_COMMENT:
                yield Suggestion(path, piece.first, piece.last, body, key)


def _pieces(source: Source, findings: list[ReportedFinding]) -> list[_Piece]:
    """Return the safe fixes, those that share lines in one; a fix that contradicts an earlier one is left out."""
    pieces: list[_Piece] = []
    for one in sorted((one for one in findings if one.safe and one.edits), key=lambda one: min(one.edits)):
        if max(edit.end for edit in one.edits) > len(source.text):
            continue
        first = source.position(min(one.edits).start)[0]
        last = source.position(max(edit.end for edit in one.edits))[0]
        if pieces and first <= pieces[-1].last:
            old = pieces[-1]
            both = (*old.findings, one)
            if all(compatible([found.edits for found in both])):
                pieces[-1] = _Piece(old.first, max(old.last, last), both)
        else:
            pieces.append(_Piece(first, last, (one,)))
    return [piece for piece in pieces if piece.last - piece.first < LONGEST]


def _replaced(source: Source, piece: _Piece, shown: tuple[str, ...]) -> str | None:
    """Return the new lines, or None where they cannot be suggested.

    What GitHub writes as line ends when a suggestion is accepted is not documented, so that lines with a carriage
    return are left to ``fix``, which keeps them; so are a byte order mark's line and what cannot be seen as it is.
    """
    edits = sorted({edit for one in piece.findings for edit in one.edits})
    changed = source.apply(edits)
    before = source.text.split("\n")[piece.first - 1 : piece.last]
    grown = changed.text.count("\n") - source.text.count("\n")
    after = changed.text.split("\n")[piece.first - 1 : piece.last + grown]
    if tuple(before) != shown or (source.bom and piece.first == 1) or not after or before == after:
        return None
    if not all(ch.isprintable() or ch == "\t" for line in (*before, *after) for ch in line):
        return None
    format = recognised(source.path, source.text)
    if format is None or format.verify(source, changed, edits) is not None:
        return None
    return "\n".join(after)


def _body(piece: _Piece, new: str, key: str) -> str:
    said = dict.fromkeys(f"[{code(one.rule)}]({link(one.rule)}): {prose(one.message)}" for one in piece.findings)
    fence = "`" * max(3, 1 + _longest_run(new))
    return "\n\n".join([*said, f"{fence}suggestion\n{new}\n{fence}", marker(key)])


def _longest_run(text: str) -> int:
    return max((len(run) for run in "".join(ch if ch == "`" else " " for ch in text).split()), default=0)


def _source(root: str, path: str) -> Source | None:
    """Return a file of the checkout, if it is one, and is where its path says."""
    top = os.path.realpath(root)
    full = os.path.join(top, *path.split("/"))
    if os.path.realpath(full) != full:
        return None
    try:
        return Source.read(full)
    except (Unreadable, ValueError):
        return None


@lru_cache(maxsize=1)  # asked for each reference of a file, one file after the other
def lines_of(root: str, path: str) -> tuple[str, ...]:
    """Return the lines of a file of the checkout; none if it is not one."""
    source = _source(root, path)
    return tuple(source.text.split("\n")) if source else ()
