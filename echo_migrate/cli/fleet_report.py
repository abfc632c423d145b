"""``report --store``: the report of a fleet, from the results that ``fleet`` has kept."""

import click

from echo_migrate import reports
from echo_migrate.cli.options import Options
from echo_migrate.cli.output import put, say
from echo_migrate.cli.settings import settings_of
from echo_migrate.cli.trend import trend
from echo_migrate.files.write import NotWritten
from echo_migrate.fleet.store import NotRead, Store
from echo_migrate.reports import fleet

_MEANT = (
    "from_store",
    "history",
    "output",
    "output_format",
    "today",
    "quiet",
    "verbose",
    "color",
    "no_config",
    "config",
)
"""Options that are not for the files of one tree: the results were made with those of ``fleet``."""


def run(options: Options, outputs: list[tuple[str, str]]) -> int:
    """Write the report of a store. Returns the exit code. Raises ``click.UsageError``."""
    if options["paths"]:
        raise click.UsageError("--store has its own repositories: give no paths")
    context = click.get_current_context()
    for parameter in context.command.params:
        by_user = context.get_parameter_source(parameter.name or "") is click.core.ParameterSource.COMMANDLINE
        if by_user and parameter.name not in _MEANT:
            flag = max(parameter.opts, key=len)
            raise click.UsageError(f"{flag} is for the files of one tree: it does not go with --store")
    try:
        return _report(Store(options["from_store"]), options, outputs)
    except (NotRead, NotWritten) as error:
        say(str(error))
        return 2


def _report(store: Store, options: Options, outputs: list[tuple[str, str]]) -> int:
    entries = store.latest()
    if not entries:
        raise click.UsageError(f"{store.shown} has no results: run echo-migrate fleet LIST --store DIR|URL first")
    results = ((one, store.get(one["key"]) if isinstance(one.get("key"), str) else None) for one in entries)
    made = fleet.fleet(results, options["today"] or "")
    recorded = True
    if options["history"] and made.failed:
        failed = reports.plural(len(made.failed), "repository", "repositories")
        say(f"{options['history']}: no record is added, {failed} could not be read")
    elif options["history"]:
        records = trend(options["history"], made.record(settings_of({**options, "output": ()}).today))
        made, recorded = made._replace(trend=records or ()), records is not None
    if not outputs:
        click.echo(fleet.render(options["output_format"], made), nl=False)
    for format, path in outputs:
        if not put(path, fleet.render(format, made).encode("utf-8", "backslashreplace")):
            recorded = False
        elif not options["quiet"]:
            say(f"{path}: {reports.plural(len(made.repositories), 'repository', 'repositories')}")
    return 0 if recorded else 2
