"""The command ``prove``: builds and starts what a change of a Dockerfile gives, before and after, and compares.

It runs the code of the repository, and is the only command that does.
"""

import os
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NoReturn, Unpack

import click

from echo_migrate import reports
from echo_migrate.cli import proofs
from echo_migrate.cli.options import Options
from echo_migrate.cli.output import say
from echo_migrate.cli.program import undisturbed
from echo_migrate.cli.results import results_of
from echo_migrate.cli.settings import settings_of
from echo_migrate.cli.smoke import Tests
from echo_migrate.engine.run import check_safely
from echo_migrate.files.source import Edit, Source
from echo_migrate.files.threads import awaited
from echo_migrate.files.write import NotWritten, write
from echo_migrate.model import Result
from echo_migrate.proof.builders import NoBuilder, PassedOn, chosen
from echo_migrate.proof.processes import MARK, Processes
from echo_migrate.proof.prove import WATCHED, Bench, Change
from echo_migrate.proof.records import Proof, records
from echo_migrate.proof.workplace import Workplace
from echo_migrate.rules._rule import Settings


def run(**options: Unpack[Options]) -> int:
    """Prove changes. Returns the exit code: 1 if one breaks something, 2 without a builder or if a file could not be
    written."""
    if not hasattr(os, "getuid"):
        _misuse("prove builds on Linux and macOS alone")
    if "-" in options["paths"]:
        _misuse("prove builds files: give their paths, not - (standard input)")
    if options["blocked"] and options["apply"]:
        _misuse("--blocked builds what no fix writes: --apply does not go with it")
    tests = Tests(options["smoke"], options["tests"])
    settings = settings_of({**options, "output": (), "jobs": 0})._replace(apply=True, unsafe=options["unsafe_fixes"])
    results, wrong = results_of({**options, "stdin_filename": "Dockerfile", "jobs": 0}, settings)
    changes, others = [], 0
    for result in results:
        change = _blocked(result) if options["blocked"] else _change(result)
        if change and result.kind == "dockerfile":
            changes.append(change._replace(moved=check_safely(change.after, settings._replace(apply=False))))
        others += bool(change) and result.kind != "dockerfile"
        wrong = wrong or result.unread
    if others and not options["quiet"]:
        say(f"{reports.plural(others, 'other file')} would change, too: only Dockerfiles are built")
    found = _proven(changes, tests, options) if changes else []
    if found is None:
        return 2
    if options["apply"] and options["unsafe_fixes"]:
        rest = _safe_part(changes, found, options, settings)
        more = _proven(rest, tests, options) if rest else []
        changes, found = [*changes, *rest], [*found, *(more or ())]
    applied = _apply(changes, found) if options["apply"] else []
    if applied is None:
        return 2
    text = proofs.render(options["output_format"], found, applied, options["verbose"], options["quiet"])
    click.echo(text, nl=False)
    if wrong:
        return 2
    return int(any(proof.verdict == "broken" for proof in found))


def _misuse(message: str) -> NoReturn:
    raise click.UsageError(message)


def _change(result: Result) -> Change | None:
    """Return the change that fix would make."""
    if result.fixed is result.source:
        return None
    unsafe = any(finding.applied and finding.fix and not finding.fix.safe for finding in result.findings)
    return Change(result.source, result.fixed, result, unsafe)


def _safe_part(changes: list[Change], found: list[Proof], options: Options, settings: Settings) -> list[Change]:
    """Return the changes by safe fixes alone of the Dockerfiles whose unsafe ones do not pass."""
    left = {change.before.path: change for change, proof in zip(changes, found, strict=True) if not proof.passes}
    if not left:
        return []
    asked: Options = {**options, "stdin_filename": "Dockerfile", "jobs": 0, "quiet": True, "verbose": False}
    results, _ = results_of(asked, settings._replace(unsafe=False))
    safe = [_change(result) for result in results if result.source.path in left]
    return [one for one in safe if one and one.after.text != left[one.before.path].after.text]


def _blocked(result: Result) -> Change | None:
    """Return the change that is held back: each image that has a target is replaced by it."""
    if result.kind != "dockerfile":
        return None
    edits = [
        edit
        for move in result.outcomes
        if move.target and move.state == "needs-person" and not move.likely
        for edit in move.edits or (Edit(move.image.start, move.image.end, move.target),)
    ]
    if not edits:
        return None
    return Change(result.source, result.source.apply(list(dict.fromkeys(edits))), result, unsafe=True, blocked=True)


def _proven(changes: list[Change], tests: Tests, options: Options) -> list[Proof] | None:
    """Return the proofs of changes, in their order; None if there is no builder."""
    place = Workplace()
    processes = Processes({MARK: place.token})
    try:
        builder, version = chosen(options["builder"], processes, place.token)
    except NoBuilder as error:
        place.close()
        say(f"no builder can be used: {error}")
        return None
    except BaseException:
        place.close()
        raise
    if not options["quiet"]:
        say(f"building with {version}, which runs code of the repository: {_listed(changes)}")
    store = records(options["proofs"])
    passed = PassedOn(
        options["build_arg"],
        options["secret"],
        options["ssh"],
        options["network"],
        options["target"],
        options["platform"],
        options["pull"],
        options["timeout"],
    )
    shown = options["verbose"] or (sys.stderr.isatty() and not options["quiet"])
    tell = say if shown else lambda _: None
    jobs = max(1, options["jobs"])
    bench = Bench(builder, version, passed, place.folder, store, tests.of, tests.context, tell, jobs)
    try:
        if left := place.sweep(builder):
            say(f"removed {reports.plural(left, 'leftover', 'leftovers')} of a run that was killed")
        bench.expect(changes)
        with ThreadPoolExecutor(jobs + WATCHED) as pool:
            try:  # from the first build on: what leaves the pool by itself waits for all builds
                waiting = [pool.submit(bench.prove, change) for change in changes]
                return list(_kept(waiting, bench))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                with undisturbed():
                    processes.stop()
                raise
    finally:
        with undisturbed():
            if builder.made:
                place.sweep(builder, own=True)
            place.close()


def _kept(waiting: Iterable["Future[Proof]"], bench: Bench) -> Iterator[Proof]:
    """Yield the proofs as they are done, and keep them."""
    for future in waiting:
        proof = awaited(future)
        if not proof.remembered and proof.verdict not in ("not-checked", "not-comparable"):
            try:
                bench.records.keep(proof)
            except NotWritten as error:
                say(f"the proof of {proof.path}: {error}")
        yield proof


def _listed(changes: list[Change]) -> str:
    """Return the files that will be built."""
    shown = [change.before.path for change in changes[:5]]
    more = f" and {len(changes) - len(shown)} more" if len(changes) > len(shown) else ""
    return ", ".join(shown) + more


def _apply(changes: list[Change], found: list[Proof]) -> list[str] | None:
    """Write the changes that pass. Returns their paths; None if a file could not be written."""
    done: list[str] = []
    complete = True
    for change, proof in zip(changes, found, strict=True):
        if proof.passes:
            with undisturbed():
                complete = _written(change.before, change.after) and complete
                done.append(change.before.path)
    return done if complete else None


def _written(before: Source, after: Source) -> bool:
    try:
        write(before, after)
    except NotWritten as error:
        say(f"{before.path}: {error}")
        return False
    return True
