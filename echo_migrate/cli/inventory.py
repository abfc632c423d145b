"""The command ``inventory``: lists every reference with its state."""

from typing import Unpack

from echo_migrate.cli.options import Options
from echo_migrate.cli.output import publish, tell_configuration, tell_unread
from echo_migrate.cli.results import results_of
from echo_migrate.cli.settings import configuration, settings_of


def run(**options: Unpack[Options]) -> int:
    """Print every reference with its state. Returns the exit code."""
    from echo_migrate.reports import inventory as listing

    settings = settings_of(options)
    results, wrong = results_of(options, settings)
    done = list(results)
    wrong = tell_unread(done) or wrong
    chosen = configuration(options)
    if options["output_format"] not in ("text", "markdown", "json"):
        tell_configuration(options)
    printed = publish(options, listing.FORMATS, lambda name: listing.render(name, done, settings.catalog.login, chosen))
    return 2 if wrong or not printed else 0
