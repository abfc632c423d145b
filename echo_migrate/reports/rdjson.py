"""The diagnostic format of reviewdog (github.com/reviewdog/reviewdog, proto/rdf); columns are bytes of UTF-8."""

from typing import Any

from echo_migrate.model import Finding, Result
from echo_migrate.reports import RunReport, as_json, printable
from echo_migrate.rules import link

_SEVERITIES = {"note": "INFO", "warning": "WARNING", "error": "ERROR"}


def report(results: list[Result], run: RunReport) -> str:
    diagnostics = [_diagnostic(result, finding) for result in results for finding in result.findings]
    return as_json({"source": {"name": "echo-migrate"}, "diagnostics": diagnostics}) + "\n"


def _diagnostic(result: Result, finding: Finding) -> dict[str, Any]:
    path = printable(result.source.path.removeprefix("./"))
    found: dict[str, Any] = {
        "message": printable(finding.message),
        "location": {"path": path, "range": _range(result, finding.start, finding.end)},
        "severity": _SEVERITIES[finding.level or "warning"],
        "code": {"value": finding.rule, "url": link(finding.rule)},
    }
    if finding.fix and finding.fix.safe and len(finding.fix.edits) == 1:  # suggestions are applied one by one
        (edit,) = finding.fix.edits
        found["suggestions"] = [{"range": _range(result, edit.start, edit.end), "text": edit.text}]
    return found


def _range(result: Result, start: int, end: int) -> dict[str, dict[str, int]]:
    return {"start": _position(result, start), "end": _position(result, end)}


def _position(result: Result, offset: int) -> dict[str, int]:
    line, column = result.source.position(offset)
    if result.source.text.isascii():
        return {"line": line, "column": column}
    before = result.source.text[offset - column + 1 : offset]
    return {"line": line, "column": len(before.encode("utf-8", "surrogateescape")) + 1}
