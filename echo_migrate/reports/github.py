"""Workflow commands of GitHub Actions: annotations on the lines of a pull request.

Form and escapes: docs.github.com, "Workflow commands for GitHub Actions"; github.com/actions/toolkit, command.ts.
GitHub shows ten annotations of each level for a step, and silently drops more: the report has no more than that, and a
last line has the number of the others.
"""

from echo_migrate.model import LEVELS, Finding, Result
from echo_migrate.reports import RunReport, in_a_line, printable, visible

MOST = 10
_COMMANDS = {"note": "notice", "warning": "warning", "error": "error"}


def report(results: list[Result], run: RunReport) -> str:
    listed = [(result, finding) for result in results for finding in result.findings]
    lines = []
    left = 0
    for level in reversed(LEVELS):
        of_level = [pair for pair in listed if pair[1].level == level]
        room = MOST - (level == "note")  # one notice is reserved for the number of the others
        lines += [_command(result, finding) for result, finding in of_level[:room]]
        left += max(0, len(of_level) - room)
    if left:
        lines.append(
            f"::notice title=echo-migrate::{_data(f'{left} more findings: see the log, or another output format')}"
        )
    if not run.quiet:
        lines.append(_plain(in_a_line(results, run.login)))
    return "".join(f"{line}\n" for line in lines)


def _command(result: Result, finding: Finding) -> str:
    line, column = result.source.position(finding.start)
    end_line, end_column = result.source.position(finding.end)
    place = f"file={_property(result.source.path)},line={line},endLine={end_line}"
    if line == end_line:  # columns are only valid within one line
        place += f",col={column},endColumn={end_column}"
    title = f"title={_property(finding.rule)}"
    return f"::{_COMMANDS[finding.level or 'warning']} {place},{title}::{_data(printable(finding.message))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(visible(text)).replace(":", "%3A").replace(",", "%2C")


def _plain(text: str) -> str:
    """Return a line for the log that is not a workflow command."""
    return text.replace("::", ": :")
