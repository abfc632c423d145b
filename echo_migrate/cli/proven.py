"""Proofs in ``fix --proven`` and ``check --proofs``: what was proven before, by whom, and whether it still holds."""

from collections.abc import Iterable, Iterator

import click

from echo_migrate.cli.options import Options
from echo_migrate.cli.output import say
from echo_migrate.cli.results import results_of
from echo_migrate.cli.smoke import Tests
from echo_migrate.model import Result
from echo_migrate.proof.belief import Ids, believed, noted
from echo_migrate.proof.belief import proofs_of as proofs_of_result
from echo_migrate.proof.builders import NAMES, Builder, NoBuilder, chosen
from echo_migrate.proof.processes import Processes
from echo_migrate.proof.records import records
from echo_migrate.rules._rule import Settings

_WRITTEN = ", before the move was written; later changes are not compared"


def with_proven(results: Iterable[Result], options: Options, settings: Settings) -> Iterator[Result]:
    """Yield results; those of Dockerfiles with their unsafe fixes, where a proof of them holds.

    Raises ``click.UsageError``.
    """
    if options["unsafe_fixes"]:
        raise click.UsageError("--proven applies unsafe fixes that are proven, --unsafe-fixes all: give one of them")
    if "-" in options["paths"]:
        raise click.UsageError("--proven is for files: give their paths, not - (standard input)")
    others, _ = results_of({**options, "quiet": True, "verbose": False}, settings._replace(unsafe=True))
    unsafe = {other.source.path: other for other in others if other.kind == "dockerfile"}
    return _chosen(results, unsafe, options)


def _chosen(results: Iterable[Result], unsafe: dict[str, Result], options: Options) -> Iterator[Result]:
    store, tests, ids = records(options["proofs"]), Tests((), options["tests"]), _ids()
    for result in results:
        path = result.source.path
        other = unsafe.get(path)
        if other is None or other.fixed.text == result.fixed.text:
            yield result
            continue
        proof, why = believed(result, other, store, tests.context, ids)
        if proof:
            say(f"{path}: proven on {proof.date[:10]} by {proof.by}")
        else:
            say(f"{path}: unsafe fixes are not applied: {why}")
        yield other if proof else result


def with_notes(results: Iterable[Result], options: Options) -> list[Result]:
    """Return results whose unsafe fixes say what was proven of them."""
    store, tests = records(options["proofs"]), Tests((), options["tests"])
    return [noted(result, store, tests.context) for result in results]


def proofs_of(results: Iterable[Result], options: Options) -> dict[tuple[str, int], tuple[str, str]]:
    """Return what was proven of each move, by path and start: a state (the verdict; ``not-started`` for what was only
    built, ``stale`` where the build context or a sibling has changed since), and when and by whom."""
    store, tests = records(options["proofs"]), Tests((), options["tests"])
    found: dict[tuple[str, int], tuple[str, str]] = {}
    for result in results:
        path = result.source.path
        written = {one.image.start for one in result.outcomes if one.state == "hardened"}
        for start, (proof, holds) in proofs_of_result(result, store, tests.context).items():
            state = "not-started" if proof.verdict == "same" and not proof.passes else proof.verdict
            found[path, start] = (
                state if holds else "stale",
                f"{proof.date[:10]} by {proof.by}{_WRITTEN * (start in written)}",
            )
    return found


def _ids() -> Ids:
    """Return a function that asks builders for the ids of images; each builder is looked for once."""
    processes = Processes()
    builders: dict[str, Builder | None] = {}

    def id_of(name: str, image: str) -> str | None:
        if name not in builders:
            try:
                builders[name] = chosen(name, processes, "")[0] if name in NAMES else None
            except NoBuilder:
                builders[name] = None
        builder = builders[name]
        return str(builder.inspect(image).get("Id") or "") if builder else None

    return id_of
