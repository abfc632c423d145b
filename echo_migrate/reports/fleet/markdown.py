"""The report of a fleet as Markdown."""

from collections.abc import Iterator, Sequence

from echo_migrate.reports import code, plural, prose
from echo_migrate.reports.fleet import Fleet, Group
from echo_migrate.reports.migration.figures import IN_SCOPE, ORDER, WORDS

MOST = 500
"""The most rows of a table; JSON has all."""


def rendered(asked: Fleet) -> str:
    """Return the report as Markdown."""
    total, read = asked.total, asked.read
    share = "Nothing can be hardened yet" if total.share is None else f"**{total.share} %** hardened"
    lines = [f"# Migration of {plural(len(read), 'repository', 'repositories')}", ""]
    lines += [f"Date: {asked.date}", ""] if asked.date else []
    lines += [f"{share}: {total.number('hardened')} of {total.scope} references that can be, {total.left} left.", ""]
    lines += _table("state", [Group(WORDS[state], {state: total.number(state)}) for state in ORDER], ())
    if asked.trend:
        lines += ["", "## Since when", "", f"| date | {' | '.join(WORDS[state] for state in ORDER)} |"]
        lines += [f"|---{'|---:' * len(ORDER)}|"]
        lines += [f"| {one.date} | {' | '.join(map(str, one.states))} |" for one in reversed(asked.trend)]
    for title, head, groups in (
        ("By owner", "owner", asked.owners),
        ("By repository", "repository", read),
        ("By reason", "reason", asked.reasons),
        ("By upstream image", "upstream image", asked.upstreams),
    ):
        lines += ["", f"## {title}", "", *_table(head, groups, IN_SCOPE)] if groups else []
    if asked.failed:
        lines += ["", "## Not read", "", "| repository | reason |", "|---|---|"]
        lines += [f"| {code(one.name)} | {prose(one.error)} |" for one in asked.failed]
    return "\n".join(lines) + "\n"


def _table(head: str, groups: Sequence[Group], states: Sequence[str]) -> Iterator[str]:
    heads = ("share", "all", *(WORDS[state] for state in states)) if states else ("references",)
    yield f"| {head} | {' | '.join(heads)} |"
    yield f"|---{'|---:' * len(heads)}|"
    for one in groups[:MOST]:
        share = ["" if one.share is None else f"{one.share} %"] if states else []
        counts = [str(sum(one.states.values())), *(str(one.number(state)) for state in states)]
        yield f"| {code(one.name) if states else one.name} | {' | '.join([*share, *counts])} |"
    if len(groups) > MOST:
        yield f"| {len(groups) - MOST} more are in the JSON | {' | ' * (len(heads) - 1)} |"
