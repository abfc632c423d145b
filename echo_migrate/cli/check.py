"""The command ``check``: reports findings, and sets the exit code by their level."""

import os
from collections.abc import Callable
from typing import Unpack

import click

from echo_migrate.cli.options import Options
from echo_migrate.cli.output import print_report, say
from echo_migrate.cli.results import results_of
from echo_migrate.cli.settings import settings_of
from echo_migrate.model import LEVELS, Result
from echo_migrate.rules._rule import Settings


def run(**options: Unpack[Options]) -> int:
    """Report findings. Returns the exit code: 1 for findings at or above the minimum level, 2 for errors."""
    settings = settings_of(options)
    limit = _limit(options["diff_base"])
    results, wrong = results_of(options, settings)
    done = list(results)
    wrong = wrong or any(result.unread for result in done)
    if options["baseline"]:
        done = _new(done, options["baseline"], settings)
    done = list(map(limit, done))
    if options["proofs"]:
        from echo_migrate.cli.proven import with_notes

        done = with_notes(done, options)
    printed = print_report(done, options, "check")
    fail_on = options["fail_on"]
    if wrong or not printed:
        return 2
    if fail_on == "never":
        return 0
    failing = LEVELS[LEVELS.index(fail_on) :]
    return int(any(finding.level in failing for result in done for finding in result.findings))


def _limit(revision: str) -> Callable[[Result], Result]:
    """Return a function that limits results to findings on lines changed since a revision, if one is given."""
    if not revision:
        return lambda result: result
    from echo_migrate.engine.changed_lines import NoRevision, changed

    try:
        return changed(revision).limited
    except NoRevision as error:
        raise click.UsageError(str(error)) from None


def _new(results: list[Result], path: str, settings: Settings) -> list[Result]:
    """Return the results with the findings that are not in a baseline, and remove those that are fixed from it."""
    from echo_migrate.engine import baseline
    from echo_migrate.files.write import NotWritten

    try:
        known = baseline.read(path)
    except baseline.Unusable as error:
        raise click.UsageError(str(error)) from None
    rules = frozenset(rule.id for rule in settings.rules)
    results, left = baseline.compare(results, known, os.path.dirname(os.path.abspath(path)), rules)
    if left != known:
        try:
            baseline.write(path, left)
        except NotWritten as error:
            say(f"{path}: {error}")
    return results
