"""One line for each finding, for editors, logs and grep; the last line is the summary."""

from echo_migrate.model import Result
from echo_migrate.reports import RunReport, in_a_line, printable


def report(results: list[Result], run: RunReport) -> str:
    lines = []
    for result in results:
        for finding in result.findings:
            line, column = result.source.position(finding.start)
            head = f"{printable(result.source.path)}:{line}:{column}: {finding.level}[{finding.rule}]"
            lines.append(f"{head} {printable(finding.message)}")
    if not run.quiet:
        lines.append(in_a_line(results, run.login, run.written))
    return "".join(f"{line}\n" for line in lines)
