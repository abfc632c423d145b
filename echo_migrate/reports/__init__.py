"""The outputs: one module each with ``report(results, run) -> str``, registered as a format by its presence."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.plugins import failed, found
from echo_migrate.model import STATES, STATUSES, Result
from echo_migrate.model.reasons import Reason

if TYPE_CHECKING:
    from echo_migrate.files.entry_points import Plugin

_FOLDER = os.path.dirname(os.path.abspath(__file__))
_LINKED = lazy_regex(r"(?i)\bwww(?=\.)|\bgh-(?=[0-9])|(?<![0-9a-z])[0-9a-f]{7,40}(?![0-9a-z])")
"""Text that GitHub links without markup: addresses, issues as GH-1, and commits, which need at least seven digits
(docs.github.com, "Autolinked references and URLs")."""

FORMATS = sorted(name[:-3] for name in os.listdir(_FOLDER) if name.endswith(".py") and not name.startswith("_"))
ALSO = {"text": "grouped"}
"""The format for each alias."""

_PLUGINS: "dict[str, Plugin]" = {}
for _plugin in found("reports"):
    if _plugin.name in (*FORMATS, *ALSO):
        _plugin.broken("there is a report of this name")
    else:
        _PLUGINS[_plugin.name] = _plugin
        FORMATS.append(_plugin.name)

AT_UPSTREAM = "at upstream"
"""What is counted as hardened where images go back to upstream."""

COUNTED = tuple(state for state in STATES if state != "local")
"""The states of references that are counted, in the order of their columns."""

STATE_HEADS = ("ready", "hardened", "not offered", "first-party", "need review", "ignored")
"""The heads of the columns of ``COUNTED``."""

_LINK = lazy_regex(r"\x1b\]8;;[^\x1b]*\x1b\\", needs=("\x1b",))
_COMMAND = lazy_regex(r"(?i)##([a-z]*\[)")


class RunReport(NamedTuple):
    """What a report needs besides the results: the command, the provider, and the output options.

    ``configuration`` is the message about the file that set provider, registry or mapping, "" if none did; ``diff`` is
    true if a patch is printed too; ``width`` is the line length in columns.
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
    """The number of references in each of six states; ``references`` is their sum."""

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
    """Return the number of files, and of references by state; local names are not counted."""
    files: set[str] = set()
    convention = 0
    states: Counter[str] = Counter()
    for result in results:
        files.update(() if result.not_read else (result.source.path,))
        for outcome in result.outcomes:
            states[outcome.state] += 1
            unseen = outcome.basis != "seen" and outcome.status != "available"
            convention += outcome.state == "migrate" and unseen
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


def statuses(results: Iterable[Result]) -> dict[str, int]:
    """Return how many targets have each status at the registry; empty if it was not asked."""
    counts = Counter(outcome.status for result in results for outcome in result.outcomes if outcome.status)
    return {status: counts[status] for status in STATUSES if counts[status]}


def render(format: str, results: list[Result], run: RunReport) -> str:
    """Return the report in a format of ``FORMATS``, or in one of the aliases in ``ALSO``. Raises ``PluginFailed``."""
    from importlib import import_module

    if format in _PLUGINS:
        return _of_plugin(_PLUGINS[format], results, run)
    text: str = import_module(f"{__name__}.{ALSO.get(format, format)}").report(results, run)
    return text


def _of_plugin(plugin: "Plugin", results: list[Result], run: RunReport) -> str:
    try:
        text = plugin.load()(results, run)
    except (Exception, SystemExit) as error:
        failed(plugin, error)
    return text if isinstance(text, str) else failed(plugin, TypeError("its report is no text"))


def statistics(results: list[Result], run: RunReport, json: bool = False) -> str:
    """Return the findings and safe fixes of each rule, most frequent first, and the summary, as text or as JSON."""
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
    return "".join(f"{line}\n" for line in [*lines, in_a_line(results, run.login)])


def not_read(results: Iterable[Result]) -> dict[str, int]:
    """Return the number of files of each kind that names images and has no reader, most frequent first."""
    return dict(Counter(result.not_read for result in results if result.not_read).most_common())


def left_out(results: Iterable[Result]) -> str:
    """Return the counts of ``not_read`` in words, "" if there are none."""
    counts = not_read(results)
    if not counts:
        return ""
    from echo_migrate.files.unread import plural_of

    return f"not read: {', '.join(plural(count, name, plural_of(name)) for name, count in counts.items())}"


def columns(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Return the lines of a table, with columns as wide as their longest cell and numbers aligned right."""
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
    """Return text that has no effect where it is printed: as ``visible``, and no command at the start of a line.

    GitHub runners read ``::`` there.
    """
    shown = visible(text)
    return shown.replace("::", "\\x3a:", 1) if shown.lstrip().startswith("::") else shown


def visible(text: str) -> str:
    """Return text that cannot move the cursor, colour or hide anything: control and format characters are escaped.

    It is no command for runners of GitHub or Azure either, which read ``##[`` and ``##vso[`` anywhere in a log line.
    """
    if not text.isprintable():
        text = "".join(ch if ch.isprintable() else ch.encode("unicode_escape", "surrogatepass").decode() for ch in text)
    return _COMMAND.sub(r"#\\x23\1", text) if "##" in text else text


def linked(text: str, address: str) -> str:
    """Return text that a terminal shows as a link, with the escape sequence OSC 8."""
    return f"\x1b]8;;{address}\x1b\\{text}\x1b]8;;\x1b\\"


def unlinked(text: str) -> str:
    """Return text without the links of ``linked``."""
    return _LINK.sub("", text)


def as_json(data: object, indent: int | None = 2) -> str:
    """Return data as JSON that is no command for a runner that logs it."""
    import json

    text = json.dumps(data, indent=indent)
    return _COMMAND.sub(r"#\\u0023\1", text) if "##" in text else text


def reasons(found: Iterable[Reason]) -> list[dict[str, str]]:
    """Return reasons as data for JSON."""
    return [{"id": one.id, "message": one.message, "remedy": one.remedy} for one in found]


def plural(count: int, one: str, more: str = "") -> str:
    """Return a count with its noun; ``more`` is the plural if it is not formed with -s."""
    return f"{count} {one if count == 1 else more or one + 's'}"


def in_a_line(results: Sequence[Result], login: str = "", written: bool = False) -> str:
    """Return the summary as one line, with the login for migrated images if given."""
    counts = summary(results)
    done = "migrated" if written else "ready to migrate"
    left = left_out(results)
    pulls = f"; pulling needs: {printable(login)}" if counts.migrated and login else ""
    return (
        f"{plural(counts.files, 'file')}, {plural(counts.references, 'image reference')}: {counts.migrated} {done} "
        f"({counts.by_convention} not verified), {counts.hardened} hardened, {counts.no_replacement} not offered, "
        f"{counts.first_party} private or built here, {counts.needs_person} need review, {counts.ignored} ignored"
        f"{f'; {left}' if left else ''}{pulls}"
    )


def cut(text: str, most: int) -> str:
    """Return text of at most ``most`` characters, with an ellipsis behind it if that is not all."""
    return text if len(text) <= most else text[:most] + "…"


def code(text: str) -> str:
    """Return text as code for a Markdown table: no character has a meaning, and nothing is linked."""
    shown = printable(text)
    if not shown or any(ch in "`|\\" for ch in shown):  # these end a code span, or a cell within one
        return f"<code>{prose(text)}</code>"
    return f"`{shown}`"


def prose(text: str) -> str:
    """Return text in which no character has a meaning in Markdown or HTML, and which mentions and links nothing.

    GitHub looks for mentions, references and addresses after it decodes entities: a zero-width space is put into them.
    """
    shown = "".join(f"&#{ord(ch)};" if ch in "\\`*_{}[]<>()#+!|@&~$:" else ch for ch in printable(text))
    shown = shown.replace("&#64;", "&#64;&#8203;").replace("&#35;", "&#35;&#8203;").replace("&#58;//", "&#58;&#8203;//")
    return _LINKED.sub(lambda found: "".join(f"{part}&#8203;" for part in _sixes(found[0])), shown)


def _sixes(text: str) -> list[str]:
    return [text[start : start + 6] for start in range(0, len(text), 6)]
