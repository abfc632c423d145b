"""From paths to results: discovery, standard input, progress."""

import os
import sys
from collections.abc import Iterable, Iterator
from functools import lru_cache

import click

from echo_migrate.cli.options import Options, asks_registries
from echo_migrate.cli.output import say
from echo_migrate.engine import run as runs
from echo_migrate.engine.discover import Discovery, discover
from echo_migrate.engine.run import check_safely, unreadable
from echo_migrate.files.source import Source, Unreadable
from echo_migrate.formats import dockerfile
from echo_migrate.model import Result
from echo_migrate.rules._rule import Settings

_LONG = 1.0
"""The duration of a run in seconds after which progress is shown."""


def results_of(options: Options, settings: Settings) -> tuple[Iterable[Result], bool]:
    """Return the results, read as they are consumed, and whether a path does not exist. Raises ``click.UsageError``."""
    results, missing, _ = answered(options, settings)
    return results, missing


def answered(options: Options, settings: Settings) -> tuple[Iterable[Result], bool, Settings]:
    """Return what ``results_of`` does, and the settings with the answers of registries that the results are by."""
    paths = options["paths"] or (".",)
    if "-" in paths:
        if len(paths) > 1:
            raise click.UsageError("give no other path with - (standard input)")
        result, settings = _standard_input(options, standard_input_data(), settings)
        return [result], False, settings
    found = discovered(paths, options)
    if asks_registries(options):
        from echo_migrate.cli.online import with_answers

        catalog = with_answers(options, settings.catalog, runs.images_of(found.files), settings.today)
        settings = settings._replace(catalog=catalog)
    return _found(found, paths, options, settings), bool(found.missing), settings


def discovered(paths: Iterable[str], options: Options) -> Discovery:
    """Return the files below paths, and say which paths do not exist and what is passed over. Raises
    ``click.UsageError`` for the whole machine."""
    paths = tuple(paths)
    if any(os.path.abspath(path) == os.sep for path in paths):
        raise click.UsageError(f"{os.sep} is the whole machine: name the folders to read")
    found = discover(paths, options["exclude"])
    for line in (*(f"{path}: no such file or folder" for path in found.missing), *found.notes):
        say(line)
    return found


def _found(found: Discovery, paths: Iterable[str], options: Options, settings: Settings) -> Iterator[Result]:
    """Yield the results of the discovered files; files of no known format are skipped, and listed with --verbose."""
    skipped = [*found.skipped]
    read = 0
    for result in runs.not_entered(found, settings):
        read += 1
        yield result
    results = _watched(runs.run(found.files, settings, options["jobs"]), len(found.files), options["quiet"])

    def counted() -> Iterator[tuple[str, Result | None]]:
        nonlocal read
        for path, result in zip(found.files, results, strict=True):
            read += result is not None
            if result is None and path in paths:
                skipped.append(path)
            yield path, result

    yield from runs.with_missing_logins(counted(), settings)
    if options["verbose"]:
        for path in skipped:
            say(f"{path}: skipped, no format recognises it")
    if not read and not found.missing and not options["quiet"]:
        say("no file that names images found")


@lru_cache
def standard_input_data() -> bytes:
    """Return the bytes of standard input, which is read once."""
    return sys.stdin.buffer.read()


def _standard_input(options: Options, data: bytes, settings: Settings) -> tuple[Result, Settings]:
    name = options["stdin_filename"]
    try:
        source = Source.of(name, data)
    except Unreadable as error:
        return unreadable(name, str(error), settings), settings
    if asks_registries(options):
        from echo_migrate.cli.online import with_answers

        images = runs.images_in(source, otherwise=dockerfile)
        settings = settings._replace(catalog=with_answers(options, settings.catalog, images, settings.today))
    result = check_safely(source, settings, otherwise=dockerfile)
    assert result is not None
    return result, settings


def _watched(results: Iterable[Result | None], total: int, quiet: bool) -> Iterator[Result | None]:
    """Yield the same results; a run that takes long shows a progress bar on a terminal."""
    if quiet or total < runs.MANY or not sys.stderr.isatty():
        yield from results
        return
    import time

    begun = time.monotonic()
    bar = task = None
    try:
        for count, result in enumerate(results, 1):
            if bar is None and time.monotonic() - begun > _LONG:
                from rich.console import Console
                from rich.progress import MofNCompleteColumn, Progress

                columns = (*Progress.get_default_columns(), MofNCompleteColumn())
                bar = Progress(*columns, console=Console(stderr=True), transient=True)
                task = bar.add_task("reading", total=total)
                bar.start()
            if bar is not None and task is not None:
                bar.update(task, completed=count)
            yield result
    finally:
        if bar is not None:
            bar.stop()
