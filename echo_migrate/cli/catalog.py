"""The commands ``catalog pull`` and ``catalog diff``: what an account can see at a registry, and what changed there."""

import os
from typing import Any, Unpack

import click

from echo_migrate import reports
from echo_migrate.cli.online import client
from echo_migrate.cli.options import Options
from echo_migrate.cli.output import print_bytes, say, tell_configuration
from echo_migrate.cli.settings import catalog_of, today
from echo_migrate.files.data import MappingError
from echo_migrate.files.spelling import few
from echo_migrate.files.write import NotWritten, replace
from echo_migrate.images.mapping_file import TAG_LISTS, read_mapping
from echo_migrate.images.providers import UPSTREAM
from echo_migrate.registry.pull import Difference, Pulled, differences, pull, text_of

_MOST_SHOWN = 8
"""The number of tags of an image that are shown as text."""


def run_pull(path: str, **options: Unpack[Options]) -> int:
    """Write a mapping file. Returns the exit code: 2 if the registry did not answer for all images."""
    known = catalog_of(options)
    if known.vendor == UPSTREAM:
        raise click.BadParameter("upstream images are at many registries: no list of them", param_hint="--provider")
    pulled = _pulled(options)
    if not pulled.tags:
        say(f"{known.registry}: no image of {known.title} is there for this account: nothing is written")
        return 2
    data = text_of(pulled, known.registry, today()).encode()
    how = "which lists its repositories" if pulled.listed else "asked name by name"
    tags = sum(map(len, pulled.tags.values()))
    said = (
        f"{reports.plural(len(pulled.tags), 'image')} with {reports.plural(tags, 'tag')} from {known.registry}, {how}"
    )
    if path == "-":
        print_bytes(data)
    else:
        try:
            replace(os.path.abspath(path), data)
        except NotWritten as error:
            say(f"{path}: {error}")
            return 2
        said += f", in {path}: use it with --mapping {path}"
    say(said)
    return 2 if pulled.failed else 0


def run_diff(old: str, new: str | None, **options: Unpack[Options]) -> int:
    """Print what differs between two mapping files, or between one and the registry. Returns 1 if anything does."""
    before = _listed(old)
    pulled = None if new else _pulled(options)
    found = differences(before, _listed(new) if new else pulled.tags if pulled else {})
    if options["output_format"] == "json":
        click.echo(reports.as_json([one._asdict() for one in found]))
    else:
        click.echo("\n".join(map(_shown, found)) or "no difference")
    return 2 if pulled and pulled.failed else int(bool(found))


def _pulled(options: Options) -> Pulled:
    tell_configuration(options)
    with client(options) as asked:
        pulled = pull(asked, catalog_of(options))
    for note in pulled.notes:
        say(note)
    return pulled


def _listed(path: str) -> dict[str, tuple[str, ...]]:
    """Return the tags in a mapping file, by image. Raises ``click.UsageError``."""
    try:
        data: dict[str, Any] = read_mapping(path)
    except MappingError as error:
        raise click.UsageError(str(error)) from None
    if TAG_LISTS not in data:
        raise click.UsageError(f"{path}: has no tags: it is not written by `echo-migrate catalog pull`")
    return {name: tuple(tags) for name, tags in data[TAG_LISTS].items()}


def _shown(one: Difference) -> str:
    marks = ((one.appeared, "+"), (one.vanished, "-"))
    told = [(mark, few([reports.printable(tag) for tag in tags], _MOST_SHOWN)) for tags, mark in marks if tags]
    return "\n".join(f"{mark} {one.image}: {tags}" for mark, tags in told)
