"""The outputs: one module each with ``report(results, run) -> str``; a module is an output format by being here."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.model import Result
from echo_migrate.reasons import Reason

_FOLDER = os.path.dirname(os.path.abspath(__file__))
_LINKED = lazy_regex(r"(?i)\bwww(?=\.)|\bgh-(?=[0-9])|(?<![0-9a-z])[0-9a-f]{7,40}(?![0-9a-z])")
"""What GitHub makes a link of without a mark: addresses, issues as GH-1, and commits (docs.github.com, "Autolinked
references and URLs"), which are known by no fewer than seven digits."""

FORMATS = sorted(name[:-3] for name in os.listdir(_FOLDER) if name.endswith(".py") and not name.startswith("_"))
ALSO = {"text": "grouped"}
"""Other names of formats."""


_LINK = lazy_regex(r"\x1b\]8;;[^\x1b]*\x1b\\")
_COMMAND = lazy_regex(r"(?i)##([a-z]*\[)")


class RunReport(NamedTuple):
    """What a report says beside the results: the command and its provider, and how the user wants to read.

    ``configuration`` says which file chose provider, registry or mapping, "" if none did; ``diff`` that a patch is
    printed beside it; ``width`` is how many columns there are.
    """

    command: str
    provider: str
    title: str
    login: str
    written: bool = False
    unsafe: bool = False
    quiet: bool = False
    verbose: bool = False
    configuration: str = ""
    diff: bool = False
    width: int = 120


class Summary(NamedTuple):
    """Every reference counted once: ``references`` is the sum of the six states."""

    files: int
    references: int
    migrated: int
    hardened: int
    no_replacement: int
    first_party: int
    needs_person: int
    ignored: int
    by_convention: int


def summary(results: Iterable[Result]) -> Summary:
    files = set()
    convention = 0
    states: Counter[str] = Counter()
    for result in results:
        files.add(result.source.path)
        for outcome in result.outcomes:
            states[outcome.state] += 1
            convention += outcome.state == "migrate" and outcome.basis != "seen"
    return Summary(
        len(files),
        states.total() - states["local"],
        states["migrate"],
        states["hardened"],
        states["no-replacement"],
        states["first-party"],
        states["needs-person"],
        states["ignored"],
        convention,
    )


def render(format: str, results: list[Result], run: RunReport) -> str:
    """Return the results in one of ``FORMATS``."""
    from importlib import import_module

    text: str = import_module(f"{__name__}.{ALSO.get(format, format)}").report(results, run)
    return text


def statistics(results: list[Result], run: RunReport, json: bool = False) -> str:
    """Return how many findings each rule has, the most first, and how many of them a safe fix mends, with the
    summary; as text or as JSON."""
    findings = [finding for result in results for finding in result.findings]
    counts = Counter((finding.rule, finding.level) for finding in findings)
    fixable = Counter((finding.rule, finding.level) for finding in findings if finding.fix and finding.fix.safe)
    if json:
        rows = [
            {"rule": rule, "level": level, "findings": count, "fixable": fixable[rule, level]}
            for (rule, level), count in counts.most_common()
        ]
        return as_json({"rules": rows, "summary": summary(results)._asdict()}) + "\n"
    lines = [f"{count:>6}  {fixable[key]:>6} fixable  {key[1]:<7}  {key[0]}" for key, count in counts.most_common()]
    return "".join(f"{line}\n" for line in [*lines, in_a_line(summary(results), run.login)])


def columns(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Return the lines of a table, each column as wide as what stands in it, numbers at its right end."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    numbers = [all(cell.isdigit() for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(row, widths, numbers, strict=True)
        ).rstrip()
        for row in (heads, *rows)
    ]


def printable(text: str) -> str:
    """Return text that does nothing where it is shown: as ``visible``, and no command where it begins a line.

    Runners of GitHub read ``::`` there.
    """
    shown = visible(text)
    return shown.replace("::", "\\x3a:", 1) if shown.lstrip().startswith("::") else shown


def visible(text: str) -> str:
    """Return text that cannot move the cursor, colour or hide anything: control and format characters as escapes.

    Nor is it a command to a runner of GitHub or Azure, which read ``##[`` and ``##vso[`` wherever they stand in a line
    of a log.
    """
    if not text.isprintable():
        text = "".join(ch if ch.isprintable() else ch.encode("unicode_escape", "surrogatepass").decode() for ch in text)
    return _COMMAND.sub(r"#\\x23\1", text) if "##" in text else text


def linked(text: str, address: str) -> str:
    """Return text that a terminal shows as a link, by the escape sequence OSC 8."""
    return f"\x1b]8;;{address}\x1b\\{text}\x1b]8;;\x1b\\"


def unlinked(text: str) -> str:
    """Return text without the links that ``linked`` made."""
    return _LINK.sub("", text)


def as_json(data: object, indent: int | None = 2) -> str:
    """Return data as JSON that is no command to a runner, in whose log it may stand."""
    import json

    text = json.dumps(data, indent=indent)
    return _COMMAND.sub(r"#\\u0023\1", text) if "##" in text else text


def reasons(found: Iterable[Reason]) -> list[dict[str, str]]:
    """Return reasons as JSON has them."""
    return [{"id": one.id, "message": one.message, "remedy": one.remedy} for one in found]


def plural(count: int, one: str, more: str = "") -> str:
    """Return a count with its noun."""
    return f"{count} {one if count == 1 else more or one + 's'}"


def in_a_line(counts: Summary, login: str = "", written: bool = False) -> str:
    """Return the summary in one line, with the login that what is migrated needs."""
    done = "migrated" if written else "ready to migrate"
    pulls = f"; pulling needs: {printable(login)}" if counts.migrated and login else ""
    return (
        f"{plural(counts.files, 'file')}, {plural(counts.references, 'image reference')}: {counts.migrated} {done} "
        f"({counts.by_convention} not verified), {counts.hardened} hardened, {counts.no_replacement} not offered, "
        f"{counts.first_party} private or built here, {counts.needs_person} need review, {counts.ignored} ignored"
        f"{pulls}"
    )


def code(text: str) -> str:
    """Text as code that can stand in a Markdown table: no character of it has a meaning, and nothing is linked."""
    shown = printable(text)
    if not shown or any(ch in "`|\\" for ch in shown):  # what ends a code span, or a cell within one
        return f"<code>{prose(text)}</code>"
    return f"`{shown}`"


def prose(text: str) -> str:
    """Text in which no character has a meaning in Markdown or HTML; nobody is mentioned, and nothing is linked.

    GitHub looks for mentions, references and addresses once entities are read: a space without width is put into them.
    """
    shown = "".join(f"&#{ord(ch)};" if ch in "\\`*_{}[]<>()#+!|@&~$:" else ch for ch in printable(text))
    shown = shown.replace("&#64;", "&#64;&#8203;").replace("&#35;", "&#35;&#8203;").replace("&#58;//", "&#58;&#8203;//")
    return _LINKED.sub(lambda found: "".join(f"{part}&#8203;" for part in _sixes(found[0])), shown)


def _sixes(text: str) -> list[str]:
    return [text[start : start + 6] for start in range(0, len(text), 6)]
