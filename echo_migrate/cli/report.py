"""The command ``report``: how far a migration is, what comes next, and who owns what is left."""

import os
from typing import Any, Unpack

import click

from echo_migrate import reports
from echo_migrate.cli import fleet_report
from echo_migrate.cli.options import Options
from echo_migrate.cli.output import put, say, tell_unread
from echo_migrate.cli.results import answered
from echo_migrate.cli.settings import DECIDING, configuration, settings_of
from echo_migrate.cli.trend import trend
from echo_migrate.model import Result
from echo_migrate.reports import migration
from echo_migrate.reports.migration import history, scans
from echo_migrate.reports.migration.rows import Proofs
from echo_migrate.reports.migration.savings import MinutesError

_MEANT = ("config", "no_config", "provider", "registry", "mapping", *DECIDING)
"""Options with which other commands mean the same references."""


def run(**options: Unpack[Options]) -> int:
    """Write the report. Returns the exit code."""
    outputs = [_output(output, options["output_format"]) for output in options["output"]]
    if options["from_store"]:
        return fleet_report.run(options, outputs)
    settings = settings_of({**options, "output": ()})  # its formats are others
    request = _evidence(options, migration.Request(_words(options), options["today"] or "", configuration(options)))
    results, wrong, settings = answered(options, settings)
    done = list(results)
    wrong = tell_unread(done) or wrong
    try:
        request = request._replace(lock=_lock(options), proofs=_proofs(done, options))
        made = migration.document(done, settings, request)
    except (MinutesError, scans.ScanError) as error:
        raise click.UsageError(str(error)) from None
    if options["history"]:
        records = trend(options["history"], history.record_of(made.report, settings.today))
        made, wrong = made._replace(trend=records or ()), wrong or records is None
    if not outputs:
        click.echo(migration.render(options["output_format"], made), nl=False)
    for format, path in outputs:
        if put(path, migration.render(format, made).encode("utf-8", "backslashreplace")):
            if not options["quiet"]:
                say(f"{path}: {reports.plural(made.report.total.number, 'image reference')}")
        else:
            wrong = True
    return 2 if wrong else 0


def _proofs(results: list[Result], options: Options) -> Proofs:
    """Return what was proven, by the records of a folder if one is named."""
    if not options["proofs"]:
        return {}
    from echo_migrate.cli.proven import proofs_of

    return proofs_of(results, options)


def _evidence(options: Options, request: migration.Request) -> migration.Request:
    """Return a request with what the user's files show. Raises ``click.UsageError``."""
    if options["vex"] and not options["scan"] and not options["feed"]:
        raise click.UsageError("--vex goes with --scan or --feed")
    if options["feed"] and not options["sbom"] and not options["deep"]:
        raise click.UsageError("--feed needs packages: give --sbom, or --online --deep")
    try:
        return request._replace(
            minutes=options["minutes"],
            scans=tuple((word, scans.read_scan(word)) for word in options["scan"]),
            statements=tuple(one for path in options["vex"] for one in scans.read_vex(path)),
            sboms=tuple((word, scans.read_sbom(word)) for word in options["sbom"]),
            feeds=options["feed"],
        )
    except scans.ScanError as error:
        raise click.UsageError(str(error)) from None


def _output(output: str, otherwise: str) -> tuple[str, str]:
    """Return the format and the path of a value of ``--output``. Raises ``click.UsageError`` for an unknown format."""
    format, colon, path = output.partition(":")
    if colon and format in migration.FORMATS:
        return format, path
    if colon and format.isalpha() and not os.path.lexists(output):
        raise click.BadParameter(f"{output}: known formats are {', '.join(migration.FORMATS)}", param_hint="--output")
    return migration.SUFFIXES.get(os.path.splitext(output)[1].lower(), otherwise), output


def _words(options: Options) -> tuple[str, ...]:
    """Return the paths and options with which other commands mean the same references."""
    context = click.get_current_context(silent=True)
    words: list[str] = list(options["paths"] or (".",))
    given: dict[str, Any] = dict(options)
    for parameter in context.command.params if context else ():
        name = parameter.name or ""
        by_user = context and context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
        if name not in _MEANT or not by_user:
            continue
        flag, value = max(parameter.opts, key=len), given[name]
        words += [flag] if value is True else [flag, ",".join(value) if isinstance(value, tuple) else value]
    return tuple(words)


def _lock(options: Options) -> Any:
    """Return the lock file of the working folder, None if it is not to be used."""
    if not options["locked"]:
        return None
    from echo_migrate.registry import lock

    return lock.read(lock.NAME)
