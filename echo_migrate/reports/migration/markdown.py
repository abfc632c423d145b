"""The report as Markdown: the figures, and the rows that they are sums of."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from echo_migrate.reports import code, plural, prose
from echo_migrate.reports.migration import Document
from echo_migrate.reports.migration.figures import EVIDENCE, LIFTS, ORDER, PROOFS, WORDS, Group, Report
from echo_migrate.reports.migration.images import Images, gains
from echo_migrate.reports.migration.purpose import WORDS as PURPOSES
from echo_migrate.reports.migration.rows import ReportRow
from echo_migrate.reports.migration.savings import Savings
from echo_migrate.reports.migration.scans import Risk
from echo_migrate.reports.migration.steps import MOST_NAMES

HEADS = {
    "owner": "owner",
    "service": "service",
    "purpose": "what it is for",
    "upstream": "upstream image",
    "kind": "kind of file",
}


def rendered(asked: Document) -> str:
    """Return the report as Markdown."""
    report = asked.report
    lines = [f"# {f'{prose(asked.subject)}: migration' if asked.subject else 'Migration'} to {prose(report.title)}", ""]
    lines += [f"- {name}: {code(value)}" for name, value in report.about]
    lines += ["", "## How far", "", _far(report), "", *_states(report)]
    if asked.steps:
        lines += ["", "## What next", ""]
        for number, step in enumerate(asked.steps, 1):
            count = f"{plural(step.figure.number, 'reference')} in {plural(step.files.number, 'file')}"
            commands = ", ".join(map(code, step.commands))
            numbers = ((code(name), figure.number) for name, figure in step.who[:MOST_NAMES])
            who = ", ".join(name if number == step.figure.number else f"{name} {number}" for name, number in numbers)
            more = f", {len(step.who) - MOST_NAMES} more" if len(step.who) > MOST_NAMES else ""
            lines.append(f"{number}. **{step.title}**: {count}. {prose(step.why)}: {commands} ({who}{more})")
    lines += _images(asked.images)
    lines += _risk(asked.risk) if asked.risk else ()
    lines += _savings(asked.savings)
    lines += _trend(asked)
    for dimension, head in HEADS.items():
        if dimension != "owner" or report.owned:
            lines += ["", f"## By {head}" if dimension != "purpose" else "## What ships", ""]
            words: Mapping[str, str] = PURPOSES if dimension == "purpose" else {}
            lines += _groups(report, head, report.groups[dimension], words)
    lines += _blockers(report)
    lines += _ended(report)
    rest = [(EVIDENCE[name], figure) for name, figure in report.evidence]
    rest += [(f"lock file: {name}", figure) for name, figure in report.verified]
    rest += [(f"proof: {PROOFS[name]}", figure) for name, figure in report.proofs]
    if rest:
        lines += ["", "## What the new images rest on", "", *_table(("evidence", "references"), 1)]
        lines += [_row([prose(name), str(figure.number)]) for name, figure in rest]
    lines += _left_out(report)
    lines += ["", "## References", "", *_table(("state", "reference", "new image", "where", "owner", "why"), 0)]
    lines += (_reference(asked, row) for row in report.rows)
    return "\n".join(lines) + "\n"


def _far(report: Report) -> str:
    counted = f"{plural(report.total.number, 'image reference')} in {plural(report.files.number, 'file')}."
    if report.share is None:
        return f"{counted} None has a hardened image yet, or can have one."
    hardened = report.states["hardened"].number
    return f"**{report.share} %** hardened: {hardened} of {report.scope.number} references that can be. {counted}"


def _states(report: Report) -> Iterator[str]:
    yield from _table(("state", "references"), 1)
    for state, figure in report.states.items():
        yield _row([WORDS[state], str(figure.number)])


def _trend(asked: Document) -> Iterator[str]:
    if asked.trend:
        yield from (
            "",
            "## Since when",
            "",
            *_table(("date", "commit", *(WORDS[state] for state in ORDER)), len(ORDER)),
        )
    for record in reversed(asked.trend):
        yield _row([record.date, code(record.revision[:12]) if record.revision else "", *map(str, record.states)])


def _groups(report: Report, head: str, groups: Iterable[Group], words: Mapping[str, str]) -> Iterator[str]:
    states = [state for state in ORDER if report.states[state].number]
    yield from _table((head, "all", *(WORDS[state] for state in states)), 1 + len(states))
    for group in groups:
        counts = (group.total, *(group.states[state] for state in states))
        name = words.get(group.name)
        yield _row([name or code(group.name), *(str(figure.number) for figure in counts)])


def _blockers(report: Report) -> Iterator[str]:
    if report.blockers:
        yield from ("", "## What blocks the references that need review", "")
        yield from _table(("references", "alone", "reason", "lifted by", "what to do"), 0)
    for one in report.blockers:
        rules = ", ".join(f"[{rule}]({address})" for rule, address in one.links)
        reason = f"{prose(one.message)}{f' ({rules})' if rules else ''}"
        remedy = prose("; or ".join(one.remedies))
        yield _row([str(one.total.number), str(one.alone.number), reason, LIFTS[one.lift], remedy])


def _ended(report: Report) -> Iterator[str]:
    if report.ended:
        yield from ("", "## Lines past their end of life", "")
        yield from _table(("line", "ended on", "oldest supported", "references", "can move"), 2)
    for one in report.ended:
        dates = [one.date or "not known", one.follower or "not known"]
        yield _row([prose(one.line), *map(prose, dates), str(one.total.number), str(one.left.number)])


def _images(found: Images) -> Iterator[str]:
    if not found.pairs:
        return
    yield from ("", "## Before and after", "")
    told = [f"{name}: {prose(value)} ({plural(number, 'image')})" for name, value, number in gains(found)]
    yield from (f"{'; '.join(told)}.", "") if told else ()
    yield from _table(("image", "new image", "references", *found.fields, "known from"), 0)
    for one in found.pairs:
        sides = [prose(one.told(field)) for field in found.fields]
        sources = prose(", ".join(dict.fromkeys([*one.old.sources, *one.new.sources])))
        yield _row([code(one.before), code(one.after), str(one.figure.number), *sides, sources])
    yield from ("", f"Alike in what is known: {found.alike}. Of {found.others}, nothing is known of both images.")


def _risk(found: Risk) -> Iterator[str]:
    yield from ("", "## Known vulnerabilities, by your scans and advisories", "")
    if any(one.scanned for one in found.images):
        before = found.total("removed", "stays", "found")
        yield from (f"Moving removes {found.total('removed')} of {before}, and adds {found.total('new')}.", "")
    yield from _table(("image", "new image", "references", "now", "removed", "new", "excluded"), 5)
    for one in found.images:
        counts = [str(one.number("removed", "stays", "found"))]
        counts += [str(one.number(fate)) if one.scanned else "no scan" for fate in ("removed", "new")]
        images = [code(one.before), code(one.after) if one.after else ""]
        yield _row([*images, str(one.figure.number), *counts, str(one.number("excluded"))])
    for note in found.notes:
        yield from ("", prose(note))
    if found.unmatched:
        yield from ("", f"Scans of images that no reference names: {', '.join(map(code, found.unmatched))}")
    yield from ("", *_table(("image", "vulnerability", "severity", "package", "fate"), 0))
    for one in found.images:
        for row in one.rows:
            package = code(f"{row.package} {row.version}".strip()) if row.package else ""
            fate = prose(f"{row.fate}: {row.why}" if row.why else row.fate)
            yield _row([code(one.before), code(row.id), prose(row.severity), package, fate])


def _savings(saved: Savings) -> Iterator[str]:
    if not saved.efforts:
        return
    changed = f"{plural(saved.lines.number, 'line')} in {plural(saved.files.number, 'file')}"
    yield from ("", "## What the safe fixes save", "")
    yield from (f"They change {changed}. By hand, these edits would take {saved.time}, by this table:", "")
    yield from _table(("edit", "references", "minutes for one"), 2)
    for one in saved.efforts:
        yield _row([prose(one.what), str(one.figure.number), f"{one.low} to {one.high}"])
    yield from ("", f"Assumed, not measured: {prose('; '.join(saved.assumptions))}.")


def _left_out(report: Report) -> Iterator[str]:
    if report.unread:
        yield from ("", f"Left unread: {', '.join(map(code, report.unread))}")
    if report.not_read:
        kinds = ", ".join(f"{count} × {prose(kind)}" for kind, count in report.not_read.items())
        yield from ("", f"Files that name images and have no reader: {kinds}")


def _reference(asked: Document, row: ReportRow) -> str:
    place = code(f"{asked.place(row.path)}:{row.line}")
    where = f"[{place}]({row.link})" if row.link else place
    why = "; ".join(dict.fromkeys(f"{one.message}{f': {one.remedy}' if one.remedy else ''}" for one in row.reasons))
    target = code(row.target) if row.target else ""
    return _row([WORDS[row.state], code(row.reference), target, where, prose(" ".join(row.owners)), prose(why)])


def _table(heads: Sequence[str], numbers: int) -> tuple[str, str]:
    """Return the head of a table, whose last columns are numbers."""
    return _row(heads), "|" + "---|" * (len(heads) - numbers) + "---:|" * numbers


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
