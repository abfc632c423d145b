"""The comment on a pull request, and the summary of a job: one text, cut to size between findings.

Names and messages are those of a pull request: each goes through ``code`` or ``prose``, so that none can write
Markdown, HTML, a mention or a link.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

from echo_migrate.cli.github.artifact import Report, ReportedFinding, ReportedReference
from echo_migrate.images import catalog, providers
from echo_migrate.proof.records import Proof
from echo_migrate.reports import AT_UPSTREAM, code, cut, plural, prose
from echo_migrate.rules import link
from echo_migrate.rules.unhardened_image import unhardened_image
from echo_migrate.rules.unresolved_image import unresolved_image

LONGEST = 65_536
"""Characters of a comment (GitHub's «Body is too long (maximum is 65536 characters)»); counted as bytes, to be sure."""

LONGEST_SUMMARY = 1_000_000
"""Bytes of a job summary: 1 MiB a step (docs.github.com, "Workflow commands", job summaries)."""

_LONGEST_NAME = 300
_IN_TABLE = (unhardened_image.id, unresolved_image.id)
"""The rules whose message repeats what the row of a reference has."""

_MOST_ROWS = 50
"""Of the table, which is read first; what more there is stands with the other findings."""


class View(NamedTuple):
    """What is told, and of what: ``files`` are those that the pull request changes (None: there is none, all counts),
    ``added`` the references on lines that it adds, ``suggested`` how many fixes it has as suggestions; ``notes`` are
    said below the table, as is what was proven."""

    report: Report
    files: frozenset[str] | None = None
    added: frozenset[ReportedReference] = frozenset()
    suggested: int = 0
    notes: tuple[str, ...] = ()
    proofs: tuple[Proof, ...] = ()

    @property
    def findings(self) -> tuple[ReportedFinding, ...]:
        """The findings in the files that count."""
        return tuple(one for one in self.report.findings if self.files is None or one.path in self.files)


def body(view: View, longest: int = LONGEST) -> str:
    """Return the text, of at most ``longest`` bytes."""
    head, foot = _headline(view), _account(view)
    notes = [f"> &#8203;{prose(_short(note))}" for note in view.notes]  # so that none begins a list
    pages = "\n".join(f"[{code(rule)}]: {link(rule)}" for rule in sorted({one.rule for one in view.findings}))
    proven = _proven(view, longest // 4)
    room = longest - sum(_size(block) for block in (head, foot, pages, proven, *notes)) - 2_000
    table, told = _table(view, room // 2)
    folds = _folds(view, told, room - _size(table))
    return "\n\n".join(block for block in (head, table, proven, *notes, *folds, foot, pages) if block) + "\n"


def _proven(view: View, room: int) -> str:
    """Return what building and running showed, the worst first, as far as there is room."""
    if not view.proofs:
        return ""
    from echo_migrate.cli.proofs import bounded  # few comments have one

    return f"**Built and run before and after**\n\n{bounded(view.proofs, room, _MOST_ROWS)}"


def _headline(view: View) -> str:
    """Return what to do, in a line or two."""
    findings = view.findings
    safe = [one for one in findings if one.safe]
    moves = sum(one.rule == unhardened_image.id for one in safe)
    title = prose(_catalog(view.report.provider)[0])
    run = f"Run {code(_command(view.report.provider))} to apply"
    if moves:
        others = len(safe) - moves
        more = f", with {plural(others, 'other safe fix', 'other safe fixes')}" if others else ""
        line = f"**{plural(moves, 'image reference')} can move to {title} safely.** {run}{more}."
    elif safe:
        line = f"**{plural(len(safe), 'safe fix', 'safe fixes')}.** {run}."
    elif not view.report.whole:
        line = "**Too many results to list.** `echo-migrate check .` lists them; the counts are of all."
    elif findings:
        line = f"**{plural(len(findings), 'finding')}, none with a safe fix.** The reasons and remedies are below."
    elif view.added:
        line = "**No new findings.** The table has the images on the lines that this pull request adds."
    else:
        line = "**All clear.** Nothing is left to do here."
    if view.suggested:
        line += f" {plural(view.suggested, 'suggestion')} on the changed lines can be accepted with a click."
    elsewhere = len(view.report.findings) - len(findings)
    if elsewhere:
        line += f"\n\n{plural(elsewhere, 'more finding')} in files that this pull request does not change."
    return line


def _command(provider: str) -> str:
    named = "" if provider == providers.PROVIDER or provider not in providers.providers() else f" --provider {provider}"
    return f"echo-migrate fix{named} ."


def _table(view: View, room: int) -> tuple[str, frozenset[tuple[str, int, int]]]:
    """Return the references that the pull request adds or changes, and the places of those that are told."""
    bases = {(one.path, one.line, one.column): one.basis for one in view.report.findings if one.basis}
    lines = ["| image | moves to | why | where |", "|---|---|---|---|"]
    told = set()
    listed = sorted(view.added, key=lambda one: (one.state != "migrate", one.path, one.line, one.column))
    left = room - _size(lines[0])
    for count, one in enumerate(listed):
        place = (one.path, one.line, one.column)
        target = code(_short(one.target)) if one.target else "–"
        why = prose(_short(_why(one, bases.get(place), _catalog(view.report.provider)[0])))
        row = f"| {code(_short(one.resolved))} | {target} | {why} | {code(_short(f'{one.path}:{one.line}'))} |"
        left -= _size(row)
        if left < 0 or count == _MOST_ROWS:
            lines.append(f"| {plural(len(listed) - count, 'more reference')}, see below | | | |")
            break
        lines.append(row)
        told.add(place)
    return ("\n".join(lines) if len(lines) > 2 else ""), frozenset(told)


def _why(one: ReportedReference, basis: str | None, title: str) -> str:
    if one.state == "migrate":
        return "safe, tag not verified" if basis == "offered" else "safe"
    if one.state == "no-replacement":
        return one.reason or f"not offered by {title}"
    return f"needs review: {one.reason}" if one.reason else "needs review"


def _folds(view: View, told: frozenset[tuple[str, int, int]], room: int) -> list[str]:
    """Return the findings that the table does not tell, a fold for each file; at the end, how many had no place."""
    findings = [
        one for one in view.findings if one.rule not in _IN_TABLE or (one.path, one.line, one.column) not in told
    ]
    blocks: list[str] = []
    left = len(findings)
    for path, group in groupby(sorted(findings, key=lambda one: (one.path, one.line, one.column)), _path):
        fold, count, room = _fold(path, list(group), room)
        left -= count
        if fold:
            blocks.append(fold)
        if room < 0:
            break
    if left:
        blocks.append(f"{plural(left, 'more finding')} not shown here: `echo-migrate check .` lists all.")
    return blocks


def _fold(path: str, findings: list[ReportedFinding], room: int) -> tuple[str, int, int]:
    """Return a file's findings, as many as there is room for; how many those are, and what room is left (below 0:
    none)."""
    head = f"<details><summary><code>{prose(_short(path))}</code>: {plural(len(findings), 'finding')}</summary>"
    start, end = f"{head}\n\n| line | rule | what |\n|---|---|---|\n", "\n\n</details>"
    room -= _size(start) + _size(end)
    rows: list[str] = []
    for row in _rows(findings):
        room -= _size(row)
        if room < 0:
            break
        rows.append(row)
    return (start + "\n".join(rows) + end if rows else ""), len(rows), room


def _rows(findings: Iterable[ReportedFinding]) -> Iterator[str]:
    for one in findings:
        fix = "" if one.safe is None else " (**safe fix**)" if one.safe else " (unsafe fix)"
        yield f"| {one.line} | {one.level} [{code(one.rule)}] | {prose(_short(one.message))}{fix} |"


def _account(view: View) -> str:
    """Return what became of every reference of the run, and the login that the moved ones need."""
    counts = view.report.summary
    title, login = _catalog(view.report.provider)
    files = plural(counts.files, "file")
    if not counts.references:
        return f"{files} checked: no image references."
    convention = f" ({counts.by_convention} with tags not verified)" if counts.by_convention else ""
    parts = (
        (counts.migrated, f"can move by a safe fix{convention}"),
        (counts.hardened, AT_UPSTREAM if view.report.provider == providers.UPSTREAM else "already hardened"),
        (counts.no_replacement, "not offered"),
        (counts.first_party, "private or built here"),
        (counts.needs_person, "need review"),
        (counts.ignored, "ignored"),
    )
    said = ", ".join(f"{count} {words}" for count, words in parts if count)
    line = f"{plural(counts.references, 'image reference')} in {files}: {said}."
    if (counts.migrated or counts.hardened) and login:
        line += f" Pulling from {prose(title)} needs {code(login)}."
    return line


def _catalog(provider: str) -> tuple[str, str]:
    """Return a provider's title, and the login that its registry needs; one of a user's own has its name alone."""
    if provider not in providers.providers():
        return _short(provider), ""
    known = catalog.load(provider)
    return known.title, known.login


def _path(one: ReportedFinding) -> str:
    return one.path


def _short(text: str) -> str:
    return cut(text, _LONGEST_NAME)


def _size(block: str) -> int:
    """Its bytes, with the empty line behind it."""
    return len(block.encode("utf-8", "surrogatepass")) + 2
