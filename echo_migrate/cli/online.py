"""The options that let a run know more than its lists: ``--online`` asks registries, ``--locked`` reads a lock file."""

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from echo_migrate.cli.options import Options
from echo_migrate.cli.output import say
from echo_migrate.images.catalog import Catalog
from echo_migrate.model import Image

if TYPE_CHECKING:
    from echo_migrate.images.answers import Answers
    from echo_migrate.registry.client import Client

_SILENCE = 60.0
"""The seconds for which a registry that could not be connected to is not asked again: its images are unconfirmed."""

MISSING = "needs the extra `registry`: pip install 'echo-migrate[registry]'"


def with_answers(options: Options, known: Catalog, images: Iterable[Image], today: str) -> Catalog:
    """Return the catalog with the answers that the options ask for. Raises ``click.UsageError``."""
    pin = options.get("pin", False)
    if options.get("locked"):
        return known._replace(answers=_locked(pin))
    from echo_migrate.registry.ask import Asking

    with client(options, _SILENCE) as asked:
        asking = Asking(asked, deep=options.get("deep", False))
        answers = asking.answers(images, known, today, pin)
    tell(asking.notes)
    return known._replace(answers=answers)


def client(options: Options, silence: float = 0.0) -> "Client":
    """Return the client of a run, for a ``with`` statement; ``silence`` as in ``Client``."""
    from echo_migrate.registry.cache import Cache
    from echo_migrate.registry.client import Client
    from echo_migrate.registry.logins import Logins

    refresh, offline = options.get("refresh", False), options.get("offline", False)
    return Client(Cache(), Logins(), refresh=refresh, offline=offline, silence=silence)


def tell(notes: dict[str, str]) -> None:
    """Print why registries gave no answer, to standard error."""
    for note in notes.values():
        say(note)


def _locked(pin: bool) -> "Answers":
    """Return the answers in the lock file of the working folder. Raises ``click.UsageError``."""
    from echo_migrate.registry import lock

    if not os.path.lexists(lock.NAME):
        raise click.UsageError(f"there is no {lock.NAME} in the working folder: write it with echo-migrate lock")
    try:
        return lock.answers(lock.read(lock.NAME), pin)
    except lock.LockError as error:
        raise click.UsageError(str(error)) from None
