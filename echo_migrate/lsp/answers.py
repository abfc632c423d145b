"""What the editor shows of an analysis: diagnostics, hovers and lenses."""

from collections.abc import Iterator

from lsprotocol import types

from echo_migrate.lsp.analysis import Analysis
from echo_migrate.lsp.positions import Positions
from echo_migrate.model import Finding, Migration
from echo_migrate.rules import RULES, link, page

SOURCE = "echo-migrate"
MOVE = "echo-migrate.move"
"""The command of a lens: it moves one image."""

_SEVERITY = {
    "error": types.DiagnosticSeverity.Error,
    "warning": types.DiagnosticSeverity.Warning,
    "note": types.DiagnosticSeverity.Information,
}
_TAGS = {
    "retired-image": [types.DiagnosticTag.Deprecated],
    "unused-ignore": [types.DiagnosticTag.Unnecessary],
    "unused-stage": [types.DiagnosticTag.Unnecessary],
}
_STATES = {
    "hardened": "already hardened",
    "no-replacement": "not offered by {title}",
    "first-party": "private, or built here",
    "ignored": "ignored",
}


def diagnostics(analysis: Analysis) -> list[types.Diagnostic]:
    """Return the findings of a text."""
    findings = analysis.result.findings if analysis.result else ()
    return [diagnostic(finding, analysis) for finding in findings]


def diagnostic(finding: Finding, analysis: Analysis) -> types.Diagnostic:
    """Return one finding as a diagnostic."""
    positions = analysis.positions
    also = [
        types.DiagnosticRelatedInformation(types.Location(analysis.uri, positions.range(*place)), "here too")
        for place in finding.also
    ]
    return types.Diagnostic(
        _shown_range(finding, positions),
        finding.message,
        severity=_SEVERITY[finding.level or "note"],
        code=finding.rule,
        code_description=types.CodeDescription(link(finding.rule)) if finding.rule else None,
        source=SOURCE,
        tags=_TAGS.get(finding.rule),
        related_information=also or None,
    )


def _shown_range(finding: Finding, positions: Positions) -> types.Range:
    """Return the range of a finding; of one that ends on a later line the rest of its first line."""
    first = positions.line_of(finding.start)
    end = min(finding.end, positions.line(first)[1])
    return positions.range(finding.start, max(finding.start, end))


def hover(analysis: Analysis, position: types.Position) -> types.Hover | None:
    """Return what is known of the reference and the findings at a position, as Markdown; None if nothing is."""
    offset = analysis.positions.offset(position)
    move = analysis.at(offset)
    findings = [found for found in (analysis.result.findings if analysis.result else ()) if _covers(found, offset)]
    parts = [_of_image(move, analysis)] if move and not move.image.local else []
    parts += [_of_rule(finding) for finding in findings]
    if not parts:
        return None
    spans = [(found.start, found.end) for found in findings]
    start, end = (move.image.start, move.image.end) if move else min(spans, key=lambda span: span[1] - span[0])
    content = types.MarkupContent(types.MarkupKind.Markdown, "\n\n---\n\n".join(parts))
    return types.Hover(content, analysis.positions.range(start, end))


def _covers(finding: Finding, offset: int) -> bool:
    return any(start <= offset <= end for start, end in finding.places)


def _of_image(move: Migration, analysis: Analysis) -> str:
    lines = [f"**{code(move.image.shown)}** {_said(move, analysis)}"]
    for reason in move.reasons:
        remedy = f" ({plain(reason.remedy)})" if reason.remedy else ""
        lines.append(f"- {plain(reason.message)}{remedy}")
    if move.basis in ("offered", "inferred") and move.target:
        lines.append(f"- {move.basis} name: {plain(analysis.settings.catalog.title)} is not known to have this image")
    return "\n".join(lines)


def _said(move: Migration, analysis: Analysis) -> str:
    """Return in a few words what becomes of an image."""
    if move.target and move.state in ("migrate", "needs-person"):
        return f"→ {code(move.target)}, {'safe' if move.safe else 'needs review'}"
    title = plain(analysis.settings.catalog.title)
    return _STATES.get(move.state, "needs review").format(title=title)


def _of_rule(finding: Finding) -> str:
    """Return a finding with what its rule is about and why."""
    if not finding.rule:
        return plain(finding.message)
    _, _, why = page(finding.rule).partition("\n## Why\n\n")
    about = RULES[finding.rule].summary, why.partition("\n\n")[0]
    links = ", ".join(f"[{rule}]({link(rule)})" for rule in (finding.rule, *finding.told))
    return "\n\n".join((plain(finding.message), *about, links))


def code(text: str) -> str:
    """Return a text of a file as code in Markdown, on one line."""
    text = "".join(one if one.isprintable() else "?" for one in text)
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def plain(text: str) -> str:
    """Return a message, which may quote a file, as plain text in Markdown."""
    return "".join(f"\\{one}" if one in "\\`*_{}[]<>()#+!|~$" else one if one.isprintable() else "?" for one in text)


def lenses(analysis: Analysis) -> Iterator[types.CodeLens]:
    """Yield what becomes of the image of each FROM, above it."""
    for move in analysis.result.outcomes if analysis.result else ():
        if move.image.where != "FROM" or move.state == "local":
            continue
        where = analysis.positions.range(move.image.start, move.image.end)
        arguments = [analysis.uri, move.image.start, move.image.ref.value]
        command = MOVE if move.safe and move.edits else ""
        yield types.CodeLens(where, types.Command(_title(move, analysis), command, arguments=arguments))


def _title(move: Migration, analysis: Analysis) -> str:
    shown = "".join(one if one.isprintable() else "?" for one in move.target or "")
    if move.safe and move.target:
        return f"-> {shown}"
    if move.state != "needs-person":
        return _STATES[move.state].format(title=analysis.settings.catalog.title)
    count = len(move.reasons)
    blockers = f"{count} {'blocker' if count == 1 else 'blockers'}"
    return f"-> {shown}, {blockers}" if move.target else f"needs review, {blockers}"
