"""The command ``baseline``: writes the current findings to a file."""

import os
from typing import Unpack

import click

from echo_migrate import reports
from echo_migrate.cli.options import Options
from echo_migrate.cli.output import say, tell_configuration, tell_unread
from echo_migrate.cli.results import results_of
from echo_migrate.cli.settings import settings_of


def run(**options: Unpack[Options]) -> int:
    """Write the current findings to the baseline, so that they are no longer reported. Returns the exit code."""
    from echo_migrate.engine import baseline as kept
    from echo_migrate.files.write import NotWritten

    settings = settings_of(options)
    results, wrong = results_of(options, settings)
    done = list(results)
    wrong = tell_unread(done) or wrong
    path = options["baseline"]
    if not kept.replaceable(path):
        raise click.UsageError(f"{path}: is no baseline, and is not overwritten: remove it, or name another file")
    known = kept.of(done, os.path.dirname(os.path.abspath(path)))
    try:
        kept.write(path, known)
    except NotWritten as error:
        say(f"{path}: {error}")
        return 2
    tell_configuration(options)
    count = sum(len(result.findings) for result in done)
    if not options["quiet"]:
        shown = reports.printable(path)
        click.echo(
            f"Wrote {reports.plural(count, 'finding')} to {shown}. `check --baseline {shown}` reports only new ones."
        )
    return 2 if wrong else 0
