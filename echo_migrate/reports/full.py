"""Text: each finding with its line and a caret, its reasons and remedies, then the summary of all references."""

from collections.abc import Iterator

from click import style

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.model import Finding, Result
from echo_migrate.reports import RunReport, linked, printable
from echo_migrate.reports._closing import closing
from echo_migrate.reports.grouped import COLOURS
from echo_migrate.rules import link

_WIDEST = 160
_CREDENTIAL = lazy_regex(
    r"(?i)[\w.+-]{1,100}:[^\s/@]{1,200}@(?!sha\d)[\w.-]|://[^\s/@]{1,200}@|"
    r"(?:passw(?:or)?d|secret|token|api[-_]?key|credential|authorization|bearer|_?pwd|_pass|_key)\w{0,20}[\"']?[ =:]|"
    r"\b(?:curl|wget)\b[^\n]{0,200}\s(?:-u|--user)[ =]|\b(?:mysql\w*|mariadb\w*|login)\b[^\n]{0,200}\s-p|"
    r"\b(?:AKIA[0-9A-Z]{12}|gh[opsu]_\w{16}|github_pat_|glpat-|sk_live_|xox[abp]-)"
)
"""Text that may be a credential: a login in an address, a word for a credential before a value, an option for one, and
the prefixes of tokens."""


def report(results: list[Result], run: RunReport) -> str:
    blocks = [block for result in results for block in _findings(result)]
    if not run.quiet:
        blocks.append(closing(results, run))
    return "\n".join(blocks)


def _findings(result: Result) -> list[str]:
    private = {result.source.position(one.start)[0] for one in result.findings if one.private}
    return [_finding(result, finding, private) for finding in result.findings]


def _finding(result: Result, finding: Finding, private: set[int]) -> str:
    """Return the text of a finding, with its line unless that may have a credential."""
    source = result.source
    line, column = source.position(finding.start)
    level = finding.level or "warning"
    colour = COLOURS[level]
    head = style(f"{printable(source.path)}:{line}:{column}:", bold=True)
    lines = [
        f"{head} {style(level, fg=colour)}[{linked(finding.rule, link(finding.rule))}] {printable(finding.message)}"
    ]
    begin = finding.start - column + 1
    end = source.text.find("\n", begin)
    end = len(source.text) if end < 0 else end
    text = source.text[begin:end].rstrip("\r") if end - begin <= _WIDEST + 1 else ""
    if text and len(text) <= _WIDEST and line not in private and not _CREDENTIAL.search(text):
        gutter = " " * len(str(line))
        before = "".join("\t" if ch == "\t" else " " * len(printable(ch)) for ch in text[: column - 1])
        caret = "^" * max(1, len(printable(text[column - 1 : finding.end - begin])))
        shown = "\t".join(map(printable, text.split("\t")))
        lines += [f"{gutter} |", f"{line} | {shown}", f"{gutter} | {before}{style(caret, fg=colour)}"]
    lines += [f"  = {said}" for said in map(printable, _reasons(finding)) if said]
    if finding.fix:
        lines.append(f"  = {_fix(finding, finding.fix.safe)}: {printable(finding.fix.title)}")
    return "\n".join(lines) + "\n"


def _reasons(finding: Finding) -> Iterator[str]:
    """Yield each reason and its remedy, without what the message has."""
    for one in finding.reasons:
        reason = "" if one.message in finding.message else f"also {one.message}"
        remedy = "" if one.remedy in finding.message else one.remedy
        yield ": ".join(filter(None, (reason, remedy)))


def _fix(finding: Finding, safe: bool) -> str:
    if finding.refused:
        return style(f"fix refused ({printable(finding.refused)})", fg="red")
    if finding.applied:
        return style("fixed", fg="green")
    return style("fix", fg="green") if safe else style("unsafe fix", fg="magenta")
