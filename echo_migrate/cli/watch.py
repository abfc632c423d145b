"""The command ``watch``: what has changed in a fleet since the last look, and the pull requests of what has."""

import http.client
import json
import os
from typing import Any, Unpack
from urllib.parse import urlsplit

import click

from echo_migrate import reports
from echo_migrate.cli.options import Options, refuse_proposal
from echo_migrate.cli.output import say, tell_configuration
from echo_migrate.files.write import NotWritten
from echo_migrate.fleet.advisories import Hit, hits
from echo_migrate.fleet.repositories import Repository
from echo_migrate.fleet.store import NotRead, Store
from echo_migrate.fleet.watch import CALLS, KINDS, WORDS, Change, Looked, changed, changes, mark, remembered, unkept
from echo_migrate.fleet.worker import Outcome
from echo_migrate.reports.inventory.comparison import ComparisonError
from echo_migrate.reports.migration.scans import ScanError

_SECONDS = 20
_MOST_TOLD = 200_000
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def run(store: str, webhook: str, **options: Unpack[Options]) -> int:
    """Print what has changed, send it and have pull requests if asked to, and remember it. Returns the exit code."""
    if webhook:
        _check(webhook)
    if options["pull_request"]:
        tell_configuration(options)
    else:
        refuse_proposal()
    try:
        kept = Store(store)
        now = kept.latest()
        if not now:
            raise click.UsageError("the store has no run yet: echo-migrate fleet LIST --store …")
        before, found = kept.looked(), _hits(options["feed"], options["sbom"])
        known = Looked(before["entries"], frozenset(before["told"])) if before else None
        listed = sorted(changes(kept, known, now, found), key=lambda one: (KINDS.index(one.kind), one))
        names = changed(known, now, listed)
        waiting = _waiting(names, now, options) if options["pull_request"] else []
        print_changes(listed, options["output_format"], first=known is None, quiet=options["quiet"])
        if webhook and listed:
            _send(webhook, _document(listed))
        failed = _proposed(waiting, options, kept)
        left = (unkept(known) - {one.repository.name for one in waiting}) | failed
        told = sorted({*(known.told if known else ()), *map(mark, found)})[:_MOST_TOLD]
        kept.put_looked({"version": 1, "entries": remembered(known, now, left), "told": told})
    except (ScanError, ComparisonError, NotRead, NotWritten, _NotSent) as error:
        say(str(error))
        return 2
    return 2 if failed else int(any(one.kind in CALLS for one in listed))


def _waiting(names: set[str], now: list[dict[str, Any]], options: Options) -> list[Outcome]:
    """Return the repositories of some names, as ``fleet`` has read them. Raises ``click.UsageError`` if their pull
    requests would be others than those of ``fleet``, by another provider or other options."""
    from echo_migrate.cli.fleet import chosen_of, provider_of
    from echo_migrate.cli.settings import catalog_of

    wanted, chosen = provider_of(catalog_of(options)), chosen_of(options)
    outcomes = []
    for entry in now:
        name, url, revision, provider = (str(entry.get(key)) for key in ("repository", "url", "revision", "provider"))
        if name not in names:
            continue
        if provider != wanted:
            both = f"{provider}, and the pull requests would be for {wanted}"
            raise click.UsageError(f"the results are for {reports.printable(both)}: give the options of fleet")
        if entry.get("options", chosen) != chosen:
            raise click.UsageError(
                "the last run of fleet had another mapping or other options, such as --exclude or --seen-only:"
                " give the same ones"
            )
        outcomes.append(Outcome(Repository(name, url), revision))
    return outcomes


def _proposed(waiting: list[Outcome], options: Options, store: Store) -> frozenset[str]:
    """Have the pull requests of repositories. Returns the names of those that failed. Raises ``NotWritten``."""
    if not waiting:
        return frozenset()
    from echo_migrate.cli.fleet_proposals import proposed

    return proposed(waiting, options, store)


def _hits(feed: tuple[str, ...], sbom: tuple[str, ...]) -> list[Hit]:
    """Return what the feeds say of bills of materials, and say what could not be matched. Raises ``ScanError``."""
    if feed and not sbom:
        raise click.UsageError("--feed is matched to the packages of --sbom: give one for each image")
    found, notes = hits(sbom, feed)
    for note in notes:
        say(note)
    return found


def _document(listed: list[Change]) -> dict[str, Any]:
    return {"version": 1, "changes": [one._asdict() for one in listed]}


def print_changes(listed: list[Change], output_format: str, first: bool, quiet: bool) -> None:
    """Print changes, by kind."""
    if output_format == "json":
        click.echo(reports.as_json(_document(listed)))
        return
    for kind in KINDS:
        of_kind = [one for one in listed if one.kind == kind]
        if of_kind:
            click.echo(f"{len(of_kind)} {WORDS[kind]}")
        for one in of_kind:
            click.echo(f"  {reports.printable(_line(one))}")
    if quiet:
        return
    if first:
        click.echo("First look: the next one tells what has changed since.")
    elif not listed:
        click.echo("Nothing has changed.")


def _line(one: Change) -> str:
    """Return the line of a change: where, what, and why."""
    place = f"{one.path}:{one.line}" if one.path else ""
    what = " -> ".join(dict.fromkeys(filter(None, (one.before, one.now))))
    return " ".join(filter(None, (one.repository, place, what, one.message and f"({one.message})")))


def _check(url: str) -> None:
    """Raise ``click.UsageError`` for a URL that nothing is posted to: what changed in a fleet goes by TLS."""
    try:
        parts = urlsplit(url)
        known = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
        known = known and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        known = False
    if not known:
        raise click.UsageError("--webhook wants an https URL")


class _NotSent(Exception):
    """A webhook did not take what was sent; its URL, which may be a secret, is not in the message."""


def _send(url: str, document: dict[str, Any]) -> None:
    """Post changes as JSON to a URL, which is asked for nothing else and followed nowhere. Raises ``_NotSent``."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    target = f"{parts.path or '/'}{'?' * bool(parts.query)}{parts.query}"
    try:
        connection = kind(host, parts.port, timeout=_SECONDS)
        headers = {"Content-Type": "application/json", "User-Agent": "echo-migrate"}
        connection.request("POST", target, json.dumps(document).encode(), headers)
        status = connection.getresponse().status
        connection.close()
    except (OSError, http.client.HTTPException, ValueError) as error:
        why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else type(error).__name__
        raise _NotSent(f"the webhook at {host} could not be reached ({why}): what has changed is told again") from None
    if not 200 <= status < 300:
        raise _NotSent(f"the webhook at {host} answered with {status}: what has changed is told again")
