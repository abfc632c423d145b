"""The command ``lock``: writes what the registry answers for the images of a tree, for runs without a network."""

import os
from typing import TYPE_CHECKING, Unpack

import click

from echo_migrate import reports
from echo_migrate.cli.online import client, tell
from echo_migrate.cli.options import Options
from echo_migrate.cli.output import say, tell_configuration
from echo_migrate.cli.results import discovered
from echo_migrate.cli.settings import catalog_of, today
from echo_migrate.engine.run import images_of
from echo_migrate.files.write import NotWritten, replace
from echo_migrate.images.answers import Answer, Answers
from echo_migrate.images.catalog import Catalog
from echo_migrate.model import Image
from echo_migrate.registry import lock
from echo_migrate.registry.ask import Asking, note_questions

if TYPE_CHECKING:
    from echo_migrate.registry.client import Client
    from echo_migrate.registry.trust import Policy


def run(**options: Unpack[Options]) -> int:
    """Write the lock file. Returns the exit code: 1 with --check if it would change, 2 if something was not answered
    or could not be written."""
    known, day = catalog_of(options), today()
    tell_configuration(options)
    policies = _policies(options) if options["verify"] else ()
    before = _before()
    found = discovered(options["paths"] or (".",), options)
    kept = {} if options["update"] else {name: one for name, one in before.items() if one.answer.status == "available"}
    images = list(images_of(found.files))
    with client(options) as asked:
        asking = Asking(asked, {name: one.answer for name, one in kept.items()}, hardened=True)
        answers = asking.answers(images, known, day)
        fresh = _verified(asked, answers, known, policies, asking.notes) if options["verify"] else {}
    tell(asking.notes)
    kinds = {name: one.answer.verified for name, one in before.items() if _same(one.answer, answers.images.get(name))}
    for name, verified in (kinds | fresh).items():
        answers.images[name] = answers.images[name]._replace(verified=verified)
    after: lock.Lock = {}
    missing = [name for name, answer in answers.images.items() if answer.status in ("no-such-tag", "no-such-image")]
    for name in dict.fromkeys((*answers.used, *missing)):  # what is not there decides what is taken instead
        answer = answers.images[name]
        if answer.status == "unconfirmed" and name in before:
            after[name] = before[name]
        elif answer.status != "unconfirmed" and "@" not in name:
            same = name in before and before[name].answer == answer
            after[name] = before[name] if same and not options["update"] else lock.Locked(answer, day)
    silent = sum(answers.images[name].status == "unconfirmed" for name in answers.used)
    after = _needed(after, images, known, day)
    text = lock.text_of(after)
    changed = after != before
    click.echo(_said(before, after, silent))
    if changed and not options["check"]:
        try:
            replace(os.path.abspath(lock.NAME), text.encode())
        except NotWritten as error:
            say(f"{lock.NAME}: {error}")
            return 2
    if silent or found.missing:
        return 2
    return int(options["check"] and changed)


def _policies(options: Options) -> "tuple[Policy, ...]":
    from echo_migrate.cli.verify import needed

    return needed(options)


def _same(before: Answer, after: Answer | None) -> bool:
    """Return whether two answers are about the same bytes, of which what was verified stays so."""
    return after is not None and after.status == "available" and after.digest == before.digest


def _verified(
    asked: "Client", answers: Answers, known: Catalog, policies: "tuple[Policy, ...]", notes: dict[str, str]
) -> dict[str, tuple[str, ...]]:
    """Return what is verified of the images that are there, by their name and the digest that was answered."""
    from echo_migrate.cli.verify import asked_of, looked_at
    from echo_migrate.registry.verification import Verified

    there = [name for name, one in answers.images.items() if one.status == "available" and "@" not in name]
    asking = [asked_of(f"{name}@{answers.images[name].digest}", known, policies) for name in there]
    found = dict(zip(there, (one.found for one in looked_at(asked, asking)), strict=True))
    notes |= {name: f"{name}: not verified: {one}" for name, one in found.items() if isinstance(one, str)}
    return {name: one.kinds for name, one in found.items() if isinstance(one, Verified)}


def _needed(entries: lock.Lock, images: list[Image], known: Catalog, day: str) -> lock.Lock:
    """Return the entries that a run with them would look up."""
    answers = lock.answers(entries)
    note_questions(images, known._replace(answers=answers), day, hardened=True)
    return {name: entries[name] for name in answers.used if name in entries}


def _before() -> lock.Lock:
    """Return the entries of the lock file, none if there is no file. Raises ``click.UsageError``."""
    if not os.path.lexists(lock.NAME):
        return {}
    try:
        return lock.read(lock.NAME)
    except lock.LockError as error:
        raise click.UsageError(f"{error}; remove it to write a new one") from None


def _said(before: lock.Lock, after: lock.Lock, silent: int) -> str:
    """Return a line about what changed."""
    added, removed = len(after.keys() - before.keys()), len(before.keys() - after.keys())
    moved = sum(after[name].answer.digest != before[name].answer.digest for name in after.keys() & before.keys())
    changes = [
        f"{count} {words}" for count, words in ((added, "new"), (moved, "changed"), (removed, "removed")) if count
    ]
    said = f"{reports.plural(len(after), 'image')} in {lock.NAME}: {', '.join(changes) or 'no change'}"
    return said + f"; {silent} not answered" * bool(silent)
