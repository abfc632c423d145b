"""The changes that the editor offers: single fixes, all fixes of a file, and a comment that ignores a finding."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from difflib import SequenceMatcher

from lsprotocol import types

from echo_migrate.engine.run import check_safely
from echo_migrate.files.budget import Spent, bounded
from echo_migrate.files.source import Edit, Source
from echo_migrate.formats import dockerfile, recognised
from echo_migrate.lsp.analysis import Analysis
from echo_migrate.lsp.answers import diagnostic
from echo_migrate.model import Finding, Fix, Result

FIX_ALL = f"{types.CodeActionKind.SourceFixAll.value}.echo-migrate"
"""All safe fixes of a file: what an editor may run when a file is saved."""

UNSAFE_ALL = f"{types.CodeActionKind.Source.value}.echo-migrate.unsafe"
"""All fixes of a file: not below ``source.fixAll``, so that no editor runs it unasked."""

KINDS = (types.CodeActionKind.QuickFix.value, FIX_ALL, UNSAFE_ALL)
_MARKS = ("#", "//")
_LONGEST_INSTRUCTION = 500
"""The number of lines above a finding in which its instruction is looked for."""


def code_actions(analysis: Analysis, span: types.Range, only: Iterable[str] | None) -> Iterator[types.CodeAction]:
    """Yield the changes for the findings in a range, and for the whole file; ``only`` are the kinds that are wanted."""
    if analysis.result is None:
        return
    start, end = analysis.positions.offset(span.start), analysis.positions.offset(span.end)
    if _wanted(KINDS[0], only):
        here = [found for found in analysis.result.findings if _meets(found, start, end)]
        for finding in here:
            yield from _fix(finding, analysis)
        for finding in here:
            yield from _ignore(finding, analysis)
    if _wanted(FIX_ALL, only):
        yield from _whole(analysis, "Apply all safe fixes in this file", FIX_ALL, unsafe=False)
    if _wanted(UNSAFE_ALL, only):
        yield from _whole(analysis, "Apply all fixes in this file, unsafe ones too", UNSAFE_ALL, unsafe=True)


def _meets(finding: Finding, start: int, end: int) -> bool:
    return any(first <= end and start <= last for first, last in finding.places)


def _wanted(kind: str, only: Iterable[str] | None) -> bool:
    """Return whether a kind is asked for, by its name or that of one above it."""
    return only is None or any(kind == one or kind.startswith(f"{one}.") for one in only)


def _fix(finding: Finding, analysis: Analysis) -> Iterator[types.CodeAction]:
    if finding.fix is None or not verified(finding.fix, analysis):
        return
    note = "" if finding.fix.safe else " (unsafe)"
    yield types.CodeAction(
        f"{finding.rule}: {finding.fix.title}{note}",
        types.CodeActionKind.QuickFix,
        diagnostics=[diagnostic(finding, analysis)],
        is_preferred=finding.fix.safe,
        edit=workspace_edit(finding.fix.edits, analysis),
    )


def verified(fix: Fix, analysis: Analysis) -> bool:
    """Return whether the text with a fix passes the verification that comes before a file is written."""
    source = analysis.source
    format = recognised(source.path, source.text) or dockerfile
    with suppress(Exception, Spent), bounded():
        return format.verify(source, source.apply(fix.edits), fix.edits) is None
    return False


def _whole(analysis: Analysis, title: str, kind: str, unsafe: bool) -> Iterator[types.CodeAction]:
    assert analysis.result is not None
    if not any(found.fix and (found.fix.safe or unsafe) for found in analysis.result.findings):
        return
    settings = analysis.settings._replace(apply=True, unsafe=unsafe)
    fixed = _checked(analysis.source, analysis, settings)
    if fixed and not fixed.refused and fixed.fixed is not fixed.source:
        edits = edits_between(analysis.source.text, fixed.fixed.text)
        yield types.CodeAction(title, kind, edit=workspace_edit(edits, analysis))


def _checked(source: Source, analysis: Analysis, settings: object = None) -> Result | None:
    given = analysis.settings if settings is None else settings
    return check_safely(source, given, otherwise=dockerfile)  # type: ignore[arg-type]


def edits_between(before: str, after: str) -> list[Edit]:
    """Return the edits of whole lines that make one text of another."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    starts = [0]
    for line in old:
        starts.append(starts[-1] + len(line))
    return [
        Edit(starts[first], starts[last], "".join(new[low:high]))
        for tag, first, last, low, high in SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
        if tag != "equal"
    ]


def _ignore(finding: Finding, analysis: Analysis) -> Iterator[types.CodeAction]:
    """Yield the comment that ignores a finding, on the first place above it where it does just that."""
    if not finding.rule:
        return
    for edit in _comments(finding, analysis):
        after = _checked(analysis.source.apply([edit]), analysis)
        if after and _is_the_rest(finding, analysis, after):
            yield types.CodeAction(
                f"{finding.rule}: ignore with a comment",
                types.CodeActionKind.QuickFix,
                diagnostics=[diagnostic(finding, analysis)],
                edit=workspace_edit([edit], analysis),
            )
            return


def _comments(finding: Finding, analysis: Analysis) -> Iterator[Edit]:
    """Yield comments above the line of a finding, and above the instruction that the line goes on with."""
    positions, text = analysis.positions, analysis.source.text
    line = first = positions.line_of(finding.start)
    for above in range(line - 1, max(-1, line - _LONGEST_INSTRUCTION), -1):
        start, end = positions.line(above)
        if not text[start:end].rstrip().endswith(("\\", "`")):
            break
        first = above
    for number in dict.fromkeys((line, first)):
        start, end = positions.line(number)
        indent = text[start : start + len(text[start:end]) - len(text[start:end].lstrip())]
        newline = "\r\n" if text[end : end + 2] == "\r\n" else "\n"
        for mark in _MARKS:
            yield Edit(start, start, f"{indent}{mark} echo-migrate: ignore[{finding.rule}]{newline}")


def _is_the_rest(finding: Finding, analysis: Analysis, after: Result) -> bool:
    """Return whether a text has the findings that it had before, without those of a rule in one place; those that
    were merged into one of these are findings of their own then."""
    assert analysis.result is not None
    own = (finding.rule, *finding.told)
    old = sorted((one.rule, one.message) for one in analysis.result.findings if one.rule not in own)
    new = sorted((one.rule, one.message) for one in after.findings if one.rule not in own)
    count = sum(one.rule == finding.rule for one in analysis.result.findings)
    left = sum(one.rule == finding.rule for one in after.findings)
    return old == new and left < count and after.kind == analysis.result.kind


def workspace_edit(edits: Iterable[Edit], analysis: Analysis) -> types.WorkspaceEdit:
    """Return the edits of one text, for the version of it that was checked."""
    changes = [analysis.positions.text_edit(edit) for edit in edits]
    document = types.OptionalVersionedTextDocumentIdentifier(analysis.uri, analysis.version)
    return types.WorkspaceEdit(document_changes=[types.TextDocumentEdit(document, list[object](changes))])  # type: ignore[arg-type]
