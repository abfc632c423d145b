"""Text: the findings by file, equal ones of a file in one line and files with the same findings together; a file with
one line of findings has its path in that line. Then the summary of all references."""

from collections.abc import Iterable, Iterator, Sequence

from click import style

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.model import Finding, Result
from echo_migrate.reports import RunReport, linked, printable
from echo_migrate.reports._closing import closing, fixed, in_lines, would_fix
from echo_migrate.rules import link
from echo_migrate.rules._rule import ALSO

COLOURS = {"note": "cyan", "warning": "yellow", "error": "red"}
_LEVEL = max(map(len, COLOURS))
_MOST_LINES = 6
"""The number of lines that are listed for a finding that a file has several times."""

_MOST_REASONS = 3
"""The number of reasons that are listed for an unsafe fix where not all of them fit."""

_DIGEST = lazy_regex(r"(:[\w.-]{1,128})@\w{1,20}:[0-9a-f]{6}…", needs=("@",), of_files=True)
"""A digest after a tag, which is omitted from messages."""

_ROOMY = 60
"""The width in columns from which all lines of a message are below each other; where there is less, they continue
further left, and one space is between columns."""


def report(results: list[Result], run: RunReport) -> str:
    """Return the remaining findings and the summary; if a patch is printed, only what it would fix."""
    patch = run.diff and not run.verbose
    shown = [result for result in results if result.unread or result.refused] if patch else results
    files: dict[tuple[_Row, ...], list[str]] = {}
    for result in shown:
        if rows := tuple(_findings(result, run)):
            files.setdefault(rows, []).append(printable(result.source.path))
    text = "".join(f"{line}\n" for rows, paths in files.items() for line in _file(rows, paths, run.width))
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


_Row = tuple[str, str, str, tuple[str, ...]]
"""Equal findings of a file: where they are, their level and rule, and the texts to choose from."""


def _findings(result: Result, run: RunReport) -> Iterator[_Row]:
    """Yield the findings of a file, without those that are fixed."""
    lines: dict[tuple[str, str, tuple[str, ...]], dict[int, None]] = {}
    places: dict[tuple[str, str, tuple[str, ...]], str] = {}
    for finding in result.findings:
        if finding.applied:
            continue
        line, column = result.source.position(finding.start)
        texts = tuple(map(printable, _texts(finding)[: 1 if run.verbose else None]))
        key = (str(finding.level or "warning"), finding.rule, texts)
        places.setdefault(key, f"{line}:{column}")
        lines.setdefault(key, {})[line] = None
    for key, found in lines.items():
        yield _lines(found) if len(found) > 1 else places[key], *key


def _file(rows: Sequence[_Row], paths: list[str], width: int) -> Iterator[str]:
    """Yield the lines for files with the same findings."""
    if len(rows) == len(paths) == 1:
        ((where, level, id, texts),) = rows
        left = width - len(f"{paths[0]}:{where}{level}{id}") - 3
        if fitting := next((text for text in texts if len(text) <= left), ""):
            columns = _columns(level, id, len(level), len(id))
            yield " ".join((f"{style(paths[0], bold=True)}:{where}", *columns, fitting))
            return
    yield from _paths(paths, width)
    place, rule = max(len(where) for where, _, _, _ in rows), max(len(id) for _, _, id, _ in rows)
    gap = "  " if width - (2 + place + 2 + _LEVEL + 2 + rule + 2) >= _ROOMY else " "
    indent = 2 + place + _LEVEL + rule + 3 * len(gap)
    hang = indent if len(gap) > 1 else 2 + place + 1
    for where, level, id, texts in rows:
        first, *more = min((_wrapped(text, width, indent, hang) for text in texts), key=len)
        yield gap.join((f"  {where:>{place}}", *_columns(level, id, _LEVEL, rule), first)).rstrip()
        yield from (" " * hang + line for line in more)


def _columns(level: str, id: str, width: int, wide: int) -> tuple[str, str]:
    """Return the level and the rule of findings, filled up to a number of characters each."""
    shown = linked(id, link(id))  # which has more characters than are seen
    return style(f"{level:<{width}}", fg=COLOURS[level]), shown + " " * (wide - len(id))


def _lines(lines: Iterable[int]) -> str:
    lines = list(lines)
    shown = ",".join(map(str, lines[:_MOST_LINES]))
    return f"{shown},…" if len(lines) > _MOST_LINES else shown


def _wrapped(text: str, width: int, indent: int, hang: int) -> list[str]:
    """Return text in lines, broken only between words, that fit behind ``indent`` columns, and from the second on
    behind ``hang``."""
    first, *more = in_lines(text, width - indent) or [""]
    if more and hang != indent:
        more = in_lines(" ".join(more), width - hang)
    return [first, *more]


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
