"""Text: the findings by file, equal ones of a file in one line and files with the same findings together, then the
summary of all references."""

from collections.abc import Iterable, Iterator
from textwrap import wrap

from click import style

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.model import Finding, Result
from echo_migrate.reports import RunReport, linked, printable
from echo_migrate.reports._closing import closing, fixed, would_fix
from echo_migrate.rules import link
from echo_migrate.rules._rule import ALSO

COLOURS = {"note": "cyan", "warning": "yellow", "error": "red"}
_MOST_LINES = 6
"""The number of lines that are listed for a finding that a file has several times."""

_MOST_REASONS = 3
"""The number of reasons that are listed for an unsafe fix where not all of them fit."""

_DIGEST = lazy_regex(r"(:[\w.-]{1,128})@\w{1,20}:[0-9a-f]{6}…")
"""A digest after a tag, which is omitted from messages."""

_NARROWEST = 40
"""The minimum width of messages in columns, even if the terminal is narrower."""

_ROOMY = 60
"""The width in columns from which all lines of a message are below each other; where there is less, they continue
further left, and one space is between columns."""


def report(results: list[Result], run: RunReport) -> str:
    """Return the remaining findings and the summary; if a patch is printed, only what it would fix."""
    patch = run.diff and not run.verbose
    shown = [result for result in results if result.unread or result.refused] if patch else results
    files: dict[tuple[str, ...], list[str]] = {}
    for result in shown:
        if lines := tuple(_findings(result, run)):
            files.setdefault(lines, []).append(printable(result.source.path))
    text = "".join(f"{line}\n" for lines, paths in files.items() for line in (*_paths(paths, run.width), *lines))
    if patch:
        return "\n".join(filter(None, (text, would_fix(results, run))))
    changed = "".join(f"{_changed(result, run)}\n" for result in results if result.fixed is not result.source)
    return "\n".join(filter(None, (changed, text, "" if run.quiet else closing(results, run))))


def _paths(paths: list[str], width: int) -> Iterator[str]:
    """Yield the paths of files with the same findings, as many in a line as the width has place for."""
    line: list[str] = []
    for path in paths:
        if line and len(", ".join([*line, path])) >= width:
            yield ", ".join(style(one, bold=True) for one in line) + ","
            line = []
        line.append(path)
    yield ", ".join(style(one, bold=True) for one in line)


def _changed(result: Result, run: RunReport) -> str:
    count = fixed(result, run)
    done = "fixed" if run.written else "would be fixed"
    return f"{style(printable(result.source.path), bold=True)}: {count} {done}" if count else ""


def _findings(result: Result, run: RunReport) -> Iterator[str]:
    """Yield the lines for the findings of a file, without those that are fixed."""
    groups: dict[tuple[str, str, tuple[str, ...]], dict[int, None]] = {}
    places: dict[tuple[str, str, tuple[str, ...]], str] = {}
    for finding in result.findings:
        if finding.applied:
            continue
        line, column = result.source.position(finding.start)
        texts = tuple(map(printable, _texts(finding)[: 1 if run.verbose else None]))
        key = (str(finding.level or "warning"), finding.rule, texts)
        places.setdefault(key, f"{line}:{column}")
        groups.setdefault(key, {})[line] = None
    if not groups:
        return
    where = {key: _lines(lines) if len(lines) > 1 else places[key] for key, lines in groups.items()}
    width, rule_width = max(map(len, where.values())), max(len(rule) for _, rule, _ in groups)
    gap = "  " if run.width - (2 + width + 2 + 7 + 2 + rule_width + 2) >= _ROOMY else " "
    indent = 2 + width + 7 + rule_width + 3 * len(gap)
    hang = indent if len(gap) > 1 else 2 + width + 1
    for key in groups:
        level, rule, texts = key
        first, *more = min((_wrapped(text, run.width, indent, hang) for text in texts), key=len)
        shown = linked(rule, link(rule)) + " " * (rule_width - len(rule))
        columns = (f"  {where[key]:>{width}}", style(f"{level:<7}", fg=COLOURS[level]), shown, first)
        yield gap.join(columns).rstrip()
        yield from (" " * hang + line for line in more)


def _lines(lines: Iterable[int]) -> str:
    lines = list(lines)
    shown = ",".join(map(str, lines[:_MOST_LINES]))
    return f"{shown},…" if len(lines) > _MOST_LINES else shown


def _wrapped(text: str, width: int, indent: int, hang: int) -> list[str]:
    """Return text in lines, broken only between words, that fit behind ``indent`` columns, and from the second on
    behind ``hang``."""
    width = max(width, indent + _NARROWEST)
    before, below = " " * indent, " " * hang
    first, *more = wrap(
        text, width, initial_indent=before, subsequent_indent=below, break_long_words=False, break_on_hyphens=False
    ) or [before]
    return [first[indent:], *(line[hang:] for line in more)]


def _texts(finding: Finding) -> list[str]:
    """Return the message with a mark for its fix, with all reasons and then with fewer: the first that takes the fewest
    lines is shown. For an unsafe fix, the reasons are only in the mark."""
    message, fix = _DIGEST.sub(r"\1", finding.message), finding.fix
    if finding.refused:
        return [f"{message} [fix refused: {finding.refused}]"]
    if fix is None:
        return list(dict.fromkeys((message, message.partition(ALSO)[0])))
    if fix.safe or not finding.reasons:
        return [f"{message} [{'fix' if fix.safe else 'unsafe fix'}]"]
    message = message.partition(f": {finding.reasons[0].message}")[0]
    briefs = list(dict.fromkeys(reason.brief for reason in finding.reasons))
    counts = [count for count in range(_MOST_REASONS, 0, -1) if count < len(briefs)]
    shown = [", ".join(briefs), *(", ".join([*briefs[:count], "…"]) for count in counts)]
    return [f"{message} [unsafe: {some}]" for some in shown]
