"""The command ``inventory``: lists every reference with its state, or what has changed since a former inventory."""

from typing import TYPE_CHECKING, Unpack

import click

from echo_migrate.cli.options import Options
from echo_migrate.cli.output import publish, tell_configuration, tell_unread
from echo_migrate.cli.results import results_of
from echo_migrate.cli.settings import configuration, settings_of

if TYPE_CHECKING:
    from echo_migrate.reports.inventory.comparison import Reference


def run(**options: Unpack[Options]) -> int:
    """Print every reference with its state, or what has become of them. Returns the exit code."""
    from echo_migrate.reports import inventory as listing
    from echo_migrate.reports.inventory import comparison
    from echo_migrate.reports.inventory.rows import rows

    settings = settings_of(options)
    before = _former(options)
    results, wrong = results_of(options, settings)
    done = list(results)
    wrong = tell_unread(done) or wrong
    if before is not None:
        compared = comparison.compare(before, comparison.references(rows(done)))
        name = options["compare"]
        printed = publish(options, comparison.FORMATS, lambda form: comparison.render(form, compared, name))
        return 2 if wrong or not printed else 0
    chosen = configuration(options)
    if options["output_format"] not in ("text", "markdown", "json"):
        tell_configuration(options)
    printed = publish(options, listing.FORMATS, lambda name: listing.render(name, done, settings.catalog.login, chosen))
    return 2 if wrong or not printed else 0


def _former(options: Options) -> "list[Reference] | None":
    """Return the references of the inventory to compare with, None without one. Raises ``click.UsageError``."""
    if not options["compare"]:
        return None
    from echo_migrate.reports.inventory import comparison

    if options["output_format"] not in comparison.FORMATS:
        raise click.UsageError(f"--compare goes with --output-format {', '.join(comparison.FORMATS)}")
    try:
        return comparison.read(options["compare"])
    except comparison.ComparisonError as error:
        raise click.UsageError(str(error)) from None
