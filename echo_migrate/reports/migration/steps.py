"""What comes next: the commands, each with the references that it is for. Verifying names aside, each reference is in
one step at most."""

from collections import Counter
from collections.abc import Sequence
from shlex import quote
from typing import NamedTuple

from echo_migrate.images.reference import is_open, parsed
from echo_migrate.reports import visible
from echo_migrate.reports.migration.figures import UNVERIFIED, Figure, Index, Report
from echo_migrate.reports.migration.rows import ReportRow


class Step(NamedTuple):
    """One step: what it does, why, its commands, and the references and files that it is for."""

    title: str
    why: str
    commands: tuple[str, ...]
    figure: Figure
    files: Figure


def steps(report: Report, words: Sequence[str]) -> list[Step]:
    """Return the steps that are left, in order. ``words`` are the paths and options that commands need to mean the same
    references."""
    index = Index(report.rows)
    asked = any(row.evidence == "available" for row in report.rows)
    unverified = index.figure(("state", "migrate"), *(("evidence", one) for one in UNVERIFIED))
    found: list[Step] = []

    def add(step: str, title: str, why: str, *commands: str) -> None:
        figure = index.figure(("step", step))
        if figure.number:
            found.append(Step(title, why, commands, figure, index.figure(("step", step), unit="files")))

    if unverified.number and not asked:
        command = _command("inventory", words, "--online")
        files = index.figure(*unverified.where, unit="files")
        found.append(
            Step("Verify new names", "Asks the registry whether these images exist", (command,), unverified, files)
        )
    pulls = f"; pulling the new images needs: {visible(report.login)}" if report.login else ""
    add("fix", "Apply the safe fixes", f"Moves these references{pulls}", _command("fix", words))
    add("online", "Ask the registry", "Its answer decides these", _command("fix", words, "--online", "--diff"))
    add("login", "Set up logins", f"Only a login is missing; {_first(report.rows, 'login')}", _login(words))
    add(
        "review",
        "Review unsafe fixes",
        f"A fix is written and needs your review; {_first(report.rows, 'review')}",
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
        f"{report.title} does not offer these images",
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
