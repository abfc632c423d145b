"""Markdown for a merge request, a wiki or a job summary: a table of the findings, then the summary."""

from echo_migrate.model import Finding, Result
from echo_migrate.reports import RunReport, code, in_a_line, prose
from echo_migrate.rules import link


def report(results: list[Result], run: RunReport) -> str:
    rows = [_row(result, finding) for result in results for finding in result.findings]
    blocks = []
    if rows:
        blocks.append("\n".join(["| where | rule | what |", "|---|---|---|", *rows]))
    if not run.quiet:
        blocks.append(prose(in_a_line(results, run.login, run.written)))
        blocks += [prose(run.configuration)] if run.configuration else []
    return "\n\n".join(blocks) + "\n" if blocks else ""


def _row(result: Result, finding: Finding) -> str:
    line, _ = result.source.position(finding.start)
    fix = ""
    if finding.fix:
        kind = "fixed" if finding.applied else "fix" if finding.fix.safe else "unsafe fix"
        fix = f" **{kind}:** {prose(finding.fix.title)}"
    where = code(f"{result.source.path}:{line}")
    return f"| {where} | {finding.level} [{code(finding.rule)}]({link(finding.rule)}) | {prose(finding.message)}{fix} |"
