"""The command ``fleet``: the inventory of many repositories, and their pull requests."""

import os
from collections import Counter
from typing import Any, Unpack

import click

from echo_migrate import reports
from echo_migrate.cli.options import Options, refuse_proposal
from echo_migrate.cli.output import say, tell_configuration
from echo_migrate.cli.settings import DECIDING, settings_of
from echo_migrate.files.data import latest_date
from echo_migrate.files.source import Unreadable, contents
from echo_migrate.files.threads import at_once
from echo_migrate.files.write import NotWritten
from echo_migrate.fleet import table
from echo_migrate.fleet.cluster import NoScheduler
from echo_migrate.fleet.repositories import FleetError, Repository, listed
from echo_migrate.fleet.store import NotRead, Store, key
from echo_migrate.fleet.task import Plan, program
from echo_migrate.fleet.worker import Outcome
from echo_migrate.images.catalog import Catalog

_AT_ONCE = 16


def run(fleet: str, store: str, **options: Unpack[Options]) -> int:
    """Print how far each repository is. Returns the exit code: 2 if one of them could not be read."""
    from echo_migrate.fleet.work import run as work

    if not options["pull_request"]:
        refuse_proposal()
    tell_configuration(options)
    repositories = _repositories(fleet)
    outcomes: dict[str, Outcome] = {}
    jobs = options["jobs"] or len(os.sched_getaffinity(0))
    plan, chosen = _plan(options), chosen_of(options)
    try:
        kept = Store(store)
        for one in work(repositories, plan, kept, jobs, options["scheduler"]):
            outcomes[one.repository.name] = one
            if one.error:
                say(f"{one.repository.name}: {one.error}")
        ordered = [outcomes[one.name] for one in repositories]
        kept.put_latest([_entry(one, plan.settings.catalog, chosen) for one in ordered])
        if options["parquet"]:
            table.write(options["parquet"], kept)
        whole = True
        if options["pull_request"]:
            from echo_migrate.cli.fleet_proposals import proposed

            whole = not proposed([one for one in ordered if not one.error], options, kept)
    except (NotRead, NotWritten, NoScheduler) as error:
        say(str(error))
        return 2
    rows = at_once(lambda one: _row(one, kept), ordered, _AT_ONCE)  # a store elsewhere answers slowly
    for row in (row for row, one in zip(rows, ordered, strict=True) if row["error"] and not one.error):
        say(f"{row['repository']}: {row['error']}")
    if options["output_format"] == "json":
        click.echo(reports.as_json({"version": 1, "repositories": rows, "total": _total(rows)}))
    else:
        click.echo(_text(rows, sum(one.known for one in ordered)))
    return 0 if whole and not any(row["error"] for row in rows) else 2


def _repositories(fleet: str) -> list[Repository]:
    """Return the repositories of a list. Raises ``click.UsageError``."""
    from echo_migrate.cli.organisations import is_one, members

    try:
        return members(fleet) if is_one(fleet) else listed(fleet)
    except FleetError as error:
        raise click.UsageError(reports.printable(str(error))) from None


def _plan(options: Options) -> Plan:
    """Return what is asked of each repository. Which lines have ended is a part of it, and no other is of the day."""
    settings, rows = settings_of(options), _mapped(options["mapping"])
    chosen = [f"{name}={options.get(name)!r}" for name in ("provider", "registry", *DECIDING)]
    return Plan(settings, options["exclude"], "\n".join([program(), latest_date(settings.today, rows), *chosen, rows]))


def _mapped(path: str) -> str:
    """Return the text of a mapping file, "" for none. Raises ``click.UsageError``."""
    try:
        return contents(path).decode("utf-8", "replace") if path else ""
    except Unreadable as error:
        raise click.UsageError(f"{path}: {error}") from None


def chosen_of(options: Options) -> str:
    """Return how the entries of a store name the options that decide a result, but the provider and the day. Raises
    ``click.UsageError``."""
    return key(*(repr(options.get(name)) for name in DECIDING), _mapped(options["mapping"]))


def provider_of(known: Catalog) -> str:
    """Return how the entries of a store name a provider."""
    return f"{known.title} ({known.registry})"


def _entry(one: Outcome, known: Catalog, chosen: str) -> dict[str, Any]:
    return {
        "repository": one.repository.name,
        "provider": provider_of(known),
        "options": chosen,
        "url": one.repository.url,
        "revision": one.revision or None,
        "key": one.key or None,
        "error": one.error or None,
    }


def _row(one: Outcome, store: Store) -> dict[str, Any]:
    """Return how many references a repository has in each state, or why that is not known."""
    found, error = None, one.error
    try:
        found = store.get(one.key) if not error else None
    except NotRead as failed:
        error = str(failed)
    if found is None and not error:
        error = "its result is not in the store"
    counts = Counter(row["state"] for row in found["inventory"]["references"]) if found else Counter[str]()
    return {
        "repository": one.repository.name,
        "revision": one.revision or None,
        "error": error or None,
        "states": {state: counts[state] for state in reports.COUNTED},
    }


def _total(rows: list[dict[str, Any]]) -> dict[str, int]:
    return {state: sum(row["states"][state] for row in rows) for state in reports.COUNTED}


def _text(rows: list[dict[str, Any]], known: int) -> str:
    """Return a table, the repositories with the most references that are not hardened yet first."""
    left = sorted(rows, key=lambda row: (row["states"]["hardened"] - sum(row["states"].values()), row["repository"]))
    shown = [_cells(reports.printable(row["repository"]), row["states"]) for row in left if not row["error"]]
    failed = sum(bool(row["error"]) for row in rows)
    total = _total(rows)
    moved, of = total["hardened"], sum(total.values())
    said = f"{reports.plural(len(rows), 'repository', 'repositories')}: {moved} of {of} references are hardened"
    said += f", {total['migrate']} are ready to migrate; {known} unchanged" + f"; {failed} not read" * bool(failed)
    heads = ("repository", "references", *reports.STATE_HEADS)
    return "\n".join([*reports.columns(heads, [*shown, _cells("all", total)]), "", said])


def _cells(name: str, states: dict[str, int]) -> tuple[str, ...]:
    return (name, str(sum(states.values())), *(str(states[state]) for state in reports.COUNTED))
