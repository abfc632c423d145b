"""The table ``exceptions`` of a configuration: images that are accepted for a reason, until a day.

[exceptions]
"docker.io/acme/tool" = { reason = "no hardened form yet", until = "2027-03-31" }
"""

import json
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

import click

from echo_migrate.files.spelling import unknown_key
from echo_migrate.images.approval import Exemption, problem

_KEYS = ("reason", "until")
_LAST_YEAR = 2200
"""Rego counts nanoseconds in 64 bits, which end in 2262."""


def rows(where: str, table: Any) -> list[str]:
    """Return the rows of the table as JSON. Raises ``click.UsageError``."""
    if not isinstance(table, dict):
        raise click.UsageError(f"{where}: exceptions must be a table")
    return [json.dumps(_row(f"{where}: exceptions: {name!r}", name, row)) for name, row in table.items()]


def exemptions(values: Iterable[str]) -> tuple[Exemption, ...]:
    """Return the exemptions that rows are. Raises ``click.UsageError`` for what the configuration did not write."""
    try:
        return tuple(Exemption(*json.loads(value)) for value in values)
    except (TypeError, ValueError):
        raise click.BadParameter("exceptions are set in the configuration", param_hint="--exceptions") from None


def _row(where: str, name: str, row: Any) -> Exemption:
    if reason := problem(name):
        raise click.UsageError(f"{where} {reason}")
    if not isinstance(row, dict):
        raise click.UsageError(f"{where} must be a table with reason and until")
    for key in row.keys() - {*_KEYS}:
        raise click.UsageError(f"{where}: {unknown_key(key, _KEYS)}")
    text, until = row.get("reason"), row.get("until")
    if not isinstance(text, str) or not text.strip() or not text.isprintable():
        raise click.UsageError(f"{where}: reason must be a text")
    return Exemption(name, text, _day(where, until))


def _day(where: str, until: Any) -> str:
    """Return a day of TOML, or a text in its form."""
    try:
        day = until if isinstance(until, date) and not isinstance(until, datetime) else date.fromisoformat(until)
    except (TypeError, ValueError):
        raise click.UsageError(f"{where}: until must be a day, YYYY-MM-DD") from None
    if day.year > _LAST_YEAR:
        raise click.UsageError(f"{where}: until must not be after {_LAST_YEAR}")
    return day.isoformat()
