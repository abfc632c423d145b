"""One JSON document with all results, for other programs; the format is in ``report.schema.json``."""

from typing import Any

from echo_migrate.model import Finding, Result
from echo_migrate.reports import RunReport, as_json, not_read, reasons, statuses, summary


def report(results: list[Result], run: RunReport) -> str:
    document = {
        "version": 1,
        "provider": run.provider,
        "configuration": run.configuration or None,
        "summary": summary(results)._asdict(),
        **({"statuses": asked} if (asked := statuses(results)) else {}),
        "not_read": not_read(results),
        "findings": [_finding(result, finding) for result in results for finding in result.findings],
    }
    return as_json(document) + "\n"


def _finding(result: Result, finding: Finding) -> dict[str, Any]:
    line, column = result.source.position(finding.start)
    end_line, end_column = result.source.position(finding.end)
    fix = finding.fix
    return {
        "path": result.source.path,
        "rule": finding.rule,
        "level": finding.level,
        "message": finding.message,
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
        "start": finding.start,
        "end": finding.end,
        "basis": finding.basis,
        "fix": fix and {"title": fix.title, "safe": fix.safe, "edits": [edit._asdict() for edit in fix.edits]},
        "applied": finding.applied,
        "refused": finding.refused,
        "reasons": reasons(finding.reasons),
    }
