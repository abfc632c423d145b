"""Text for a person: each finding with its line and a caret, then what became of every reference."""

from collections import Counter

from click import style

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.model import Finding, Result
from echo_migrate.reports import RunReport, Summary, printable, summary

_COLOURS = {"note": "cyan", "warning": "yellow", "error": "red"}
_WIDEST = 160
_CREDENTIAL = lazy_regex(
    r"(?i)[\w.+-]{1,100}:[^\s/@]{1,200}@(?!sha\d)[\w.-]|://[^\s/@]{1,200}@|"
    r"(?:passw(?:or)?d|secret|token|api[-_]?key|credential|authorization|bearer|_?pwd|_pass|_key)\w{0,20}[\"']?[ =:]|"
    r"\b(?:curl|wget)\b[^\n]{0,200}\s(?:-u|--user)[ =]|\b(?:mysql\w*|mariadb\w*|login)\b[^\n]{0,200}\s-p|"
    r"\b(?:AKIA[0-9A-Z]{12}|gh[opsu]_\w{16}|github_pat_|glpat-|sk_live_|xox[abp]-)"
)
"""What may be a credential: a login before an address, a word for one before a value, options that take one, and the
beginnings by which vendors mark theirs."""


def report(results: list[Result], run: RunReport) -> str:
    blocks = [block for result in results for block in _findings(result)]
    if not run.quiet:
        blocks.append(_closing(results, run))
    return "\n".join(blocks)


def _findings(result: Result) -> list[str]:
    private = {result.source.position(one.start)[0] for one in result.findings if one.private}
    return [_finding(result, finding, private) for finding in result.findings]


def _finding(result: Result, finding: Finding, private: set[int]) -> str:
    """Return what is said of a finding, with its line, unless that may hold a credential."""
    source = result.source
    line, column = source.position(finding.start)
    level = finding.level or "warning"
    colour = _COLOURS[level]
    head = style(f"{printable(source.path)}:{line}:{column}:", bold=True)
    lines = [f"{head} {style(level, fg=colour)}[{finding.rule}] {printable(finding.message)}"]
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
    if finding.fix:
        lines.append(f"  = {_fix(finding, finding.fix.safe)}: {printable(finding.fix.title)}")
    return "\n".join(lines) + "\n"


def _fix(finding: Finding, safe: bool) -> str:
    if finding.refused:
        return style(f"fix refused ({printable(finding.refused)})", fg="red")
    if finding.applied:
        return style("fixed", fg="green")
    return style("fix", fg="green") if safe else style("unsafe fix", fg="magenta")


def _closing(results: list[Result], run: RunReport) -> str:
    counts = summary(results)
    files = f"{counts.files} file{'s' * (counts.files != 1)}"
    chosen = [printable(run.configuration)] if run.configuration else []
    if not counts.references:
        return "\n".join([f"Checked {files}: no image references.", *chosen]) + "\n"
    lines = [f"Checked {files}: {counts.references} image reference{'s' * (counts.references != 1)}"]
    done = "migrated" if run.written else "to migrate by a safe fix" if not run.unsafe else "to migrate"
    convention = f" ({counts.by_convention} by naming convention: their tags are unconfirmed)"
    rows = (
        (counts.migrated, done + convention * bool(counts.by_convention)),
        (counts.hardened, "already hardened"),
        (counts.no_replacement, f"without a replacement at {printable(run.title)}"),
        (counts.needs_person, f"need{'s' * (counts.needs_person == 1)} a person"),
        (counts.ignored, "ignored"),
    )
    width = len(str(counts.references))
    lines += [f"  {count:>{width}} {words}" for count, words in rows if count]
    if run.verbose:
        lines += _left(results)
    lines += chosen
    lines += _next(results, counts, run)
    return "\n".join(lines) + "\n"


def _left(results: list[Result]) -> list[str]:
    """Return what does not move, by name and reason, the most frequent first."""
    left = Counter(
        (outcome.image.shown, outcome.state, outcome.reason)
        for result in results
        for outcome in result.outcomes
        if outcome.state in ("no-replacement", "needs-person", "ignored")
    )
    return [
        "",
        *(
            f"  {count} × {printable(name)} ({state}): {printable(why)}"
            for (name, state, why), count in left.most_common()
        ),
    ]


def _next(results: list[Result], counts: Summary, run: RunReport) -> list[str]:
    lines = []
    fixes = [finding for result in results for finding in result.findings if finding.fix and not finding.refused]
    waiting = [finding.fix.safe for finding in fixes if finding.fix and not (finding.applied and run.written)]
    safe, unsafe = sum(waiting), len(waiting) - sum(waiting)
    if not run.written and (safe or unsafe):
        offer = f"Run `echo-migrate fix` to apply {safe} safe fix{'es' * (safe != 1)}" if safe else "No safe fix"
        lines.append(offer + (f"; {unsafe} more with --unsafe-fixes." if unsafe else "."))
    elif run.written and unsafe:
        lines.append(f"{unsafe} unsafe fix{'es' * (unsafe != 1)} left: see above, apply with --unsafe-fixes.")
    if counts.migrated and run.login:
        lines.append(f"Pulling from {printable(run.title)} needs a login: {printable(run.login)}")
    return ["", *lines] if lines else []
