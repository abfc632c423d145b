"""What comes next: the commands, each with the references that it is for. Verifying names aside, each reference is in
one step at most."""

from collections import Counter
from collections.abc import Sequence
from shlex import quote
from typing import NamedTuple

from echo_migrate.images.reference import is_open, parsed
from echo_migrate.reports import visible
from echo_migrate.reports.migration.figures import UNVERIFIED, Figure, Index, Report, Where
from echo_migrate.reports.migration.rows import ReportRow

MOST_NAMES = 3
"""The most names that are told of those who have to act, where there is room for a line."""


class Step(NamedTuple):
    """One step: what it does, why, its commands, the references and files that it is for, and whose these are."""

    title: str
    why: str
    commands: tuple[str, ...]
    figure: Figure
    files: Figure
    who: list[tuple[str, Figure]]


def steps(report: Report, words: Sequence[str]) -> list[Step]:
    """Return the steps that are left, in order. ``words`` are the paths and options that commands need to mean the same
    references."""
    index = Index(report.rows)
    asked = any(row.evidence == "available" for row in report.rows)
    found: list[Step] = []

    def add(where: str | Where, title: str, why: str, *commands: str) -> None:
        where = (("step", where),) if isinstance(where, str) else where
        figure = index.figure(*where)
        if figure.number:
            files = index.figure(*where, unit="files")
            found.append(Step(title, why, commands, figure, files, index.groups(report.who, *where)))

    if not asked:
        unverified = (("state", "migrate"), *(("evidence", one) for one in UNVERIFIED))
        online = _command("inventory", words, "--online")
        add(unverified, "Verify new names", "Asks the registry whether these images exist", online)
    pulls = f"; whoever pulls them needs: {visible(report.login)}" if report.login else ""
    add("fix", "Apply the safe fixes", f"Writes these moves{pulls}", _command("fix", words))
    add(
        "online",
        "Ask the registry",
        "Prints a patch: its answer decides these",
        _command("fix", words, "--online", "--diff"),
    )
    add(
        "login",
        "Set up logins",
        f"Prints a patch with the logins, which is all that these miss; {_first(report.rows, 'login')}",
        _login(words),
    )
    add(
        "review",
        "Review unsafe fixes",
        f"Prints a patch to review; {_first(report.rows, 'review')}",
        _command("fix", words, "--unsafe-fixes", "--diff"),
    )
    add("edit", "Edit by hand", f"No fix can be written; {_first(report.rows, 'edit')}", _command("check", words))
    images = (row.upstream for row in report.rows if row.step == "match")
    names = Counter(name for name in images if parsed(name) and not is_open(name))
    most = sorted(names, key=lambda name: (-names[name], name))[:3]  # none that a shell or click could misread
    named = f"echo-migrate match {' '.join(map(quote, most))} --provider all"
    add(
        "match",
        "Look for another source",
        f"{report.title} is not known to offer these images",
        named if most else _command("inventory", words),
    )
    return found


def _command(name: str, words: Sequence[str], *options: str) -> str:
    return visible(" ".join(["echo-migrate", name, *map(quote, words), *options]))


def _login(words: Sequence[str]) -> str:
    return _command("fix", words, "--add-logins", "--unsafe-fixes", "--diff")


def _first(rows: Sequence[ReportRow], step: str) -> str:
    """Return the most frequent first reason of the references of a step, and what to do about it."""
    found = Counter((row.reasons[0].kind, row.reasons[0].remedy) for row in rows if row.step == step and row.reasons)
    if not found:
        return ""
    kind, remedy = min(found, key=lambda one: (-found[one], one))
    remedy = "" if remedy.startswith("see echo-migrate") else remedy  # the step has its command
    return visible(f"most often: {kind}{f': {remedy}' if remedy else ''}")
