"""The command ``compare``: what each provider has of a tree's images."""

from typing import Unpack

import click

from echo_migrate.cli.online import with_answers
from echo_migrate.cli.options import Options, asks_registries
from echo_migrate.cli.output import publish
from echo_migrate.cli.results import discovered
from echo_migrate.cli.settings import catalog_of, settings_of
from echo_migrate.engine import run as runs
from echo_migrate.images.providers import providers


def run(**options: Unpack[Options]) -> int:
    """Print the comparison. Returns the exit code: 2 if a path does not exist, or a file could not be read."""
    from echo_migrate.reports import compare

    paths = options["paths"] or (".",)
    if "-" in paths:
        raise click.UsageError("compare reads files and folders: standard input has one file")
    plain: Options = {"registry": "", "mapping": "", "select": ("unhardened-image", "renamed-image")}
    catalogs = tuple(catalog_of({**options, **plain, "provider": name}) for name in providers())
    settings = settings_of({**options, **plain, "provider": providers()[0]})._replace(compared=catalogs)
    found = discovered(paths, options)
    if asks_registries(options):
        images = list(runs.images_of(found.files))
        catalogs = tuple(with_answers(options, one, images, settings.today) for one in catalogs)
        settings = settings._replace(compared=catalogs)
    results = [result for result in runs.run(found.files, settings, options["jobs"]) if result]
    comparison = compare.compared(results, catalogs)
    printed = publish(options, compare.FORMATS, lambda name: compare.render(name, comparison, options["verbose"]))
    return 2 if found.missing or found.closed or comparison.unread or not printed else 0
