"""The code quality report of GitLab: docs.gitlab.com, "Code Quality", report format (a subset of Code Climate's)."""

from echo_migrate.engine.fingerprints import fingerprints
from echo_migrate.model import Result
from echo_migrate.reports import RunReport, as_json, printable

_SEVERITIES = {"note": "info", "warning": "minor", "error": "major"}


def report(results: list[Result], run: RunReport) -> str:
    return as_json([issue for result in results for issue in _issues(result)]) + "\n"


def _issues(result: Result) -> list[dict[str, object]]:
    path = printable(result.source.path.removeprefix("./"))
    issues: list[dict[str, object]] = []
    for finding, mark in fingerprints(result):
        begin, _ = result.source.position(finding.start)
        end, _ = result.source.position(finding.end)
        issues.append(
            {
                "description": printable(finding.message),
                "check_name": finding.rule,
                "fingerprint": f"{mark}:{path}",  # GitLab drops findings with equal fingerprints
                "severity": _SEVERITIES[finding.level or "warning"],
                "location": {"path": path, "lines": {"begin": begin, "end": end}},
            }
        )
    return issues
