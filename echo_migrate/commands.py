"""What the commands do: options in, exit code out; results to standard output, all else to standard error."""

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any

import click

from echo_migrate import catalog, engine, reports
from echo_migrate.catalog import near
from echo_migrate.discover import Discovery, discover
from echo_migrate.examine import Settings
from echo_migrate.formats import dockerfile
from echo_migrate.model import LEVELS, Result, Rule
from echo_migrate.rules import RULES
from echo_migrate.source import Source, Unreadable

_LONG = 1.0
"""Seconds after which a run shows its progress."""


def check(**options: Any) -> int:
    """Report findings. Returns the exit code."""
    settings = _settings(options)
    limit = _limit(options["diff_base"])
    results, wrong = _results(options, settings)
    done = list(results)
    wrong = wrong or any(map(_left_unread, done))
    if options["baseline"]:
        done = _new(done, options["baseline"], settings)
    done = list(map(limit, done))
    printed = _print(done, options, "check")
    fail_on = options["fail_on"]
    if wrong or not printed:
        return 2
    if fail_on == "never":
        return 0
    failing = LEVELS[LEVELS.index(fail_on) :]
    return int(any(finding.level in failing for result in done for finding in result.findings))


def _limit(revision: str) -> Callable[[Result], Result]:
    """What leaves of a result the findings on lines that changed since a revision; all of them, without one."""
    if not revision:
        return lambda result: result
    from echo_migrate.changed import NoRevision, changed

    try:
        return changed(revision).limited
    except NoRevision as error:
        raise click.UsageError(str(error)) from None


def _new(results: list[Result], path: str, settings: Settings) -> list[Result]:
    """The results with the findings that a baseline does not know; what is gone is taken out of it."""
    from echo_migrate import baseline
    from echo_migrate.write import NotWritten

    try:
        known = baseline.read(path)
    except baseline.Unusable as error:
        raise click.UsageError(str(error)) from None
    rules = frozenset(rule.id for rule in settings.rules)
    results, left = baseline.compare(results, known, os.path.dirname(os.path.abspath(path)), rules)
    if left != known:
        try:
            baseline.write(path, left)
        except NotWritten as error:
            _say(f"{path}: {error}")
    return results


def baseline(**options: Any) -> int:
    """Write what is found today, to be left out from now on. Returns the exit code."""
    from echo_migrate import baseline as kept
    from echo_migrate.write import NotWritten

    settings = _settings(options)
    results, wrong = _results(options, settings)
    done = list(results)
    wrong = _tell_unread(done) or wrong
    path = options["baseline"]
    if not kept.replaceable(path):
        raise click.UsageError(f"{path}: is no baseline, and is not overwritten: remove it, or name another file")
    known = kept.of(done, os.path.dirname(os.path.abspath(path)))
    try:
        kept.write(path, known)
    except NotWritten as error:
        _say(f"{path}: {error}")
        return 2
    tell_configuration(options)
    count = sum(marks.total() for marks in known.values())
    if not options["quiet"]:
        findings = f"{count} finding{'s' * (count != 1)} in {len(known)} file{'s' * (len(known) != 1)}"
        click.echo(f"{findings}: {reports.printable(path)} knows them from now on.")
    return 2 if wrong else 0


def fix(**options: Any) -> int:
    """Apply what was asked for. Returns the exit code."""
    settings = _settings(options)._replace(apply=True, unsafe=options["unsafe_fixes"])
    dry = options["diff"] or options["check"]
    stdin = options["paths"] == ("-",)
    results, wrong = _results(options, settings)
    done: list[Result] = []
    try:
        for result in results:
            with _undisturbed():
                result, failed = (result, result.refused is not None) if dry or stdin else _written(result)
                done.append(result)
            wrong = wrong or failed or _left_unread(result)
    except KeyboardInterrupt as stop:
        count = 0 if dry else sum(result.fixed is not result.source for result in done)
        stop.add_note(f"{count} files are changed, every file is whole")
        raise
    changed = any(result.fixed is not result.source for result in done)
    if not dry and not stdin:
        from echo_migrate.write import remove_stale

        for folder in sorted({os.path.dirname(os.path.realpath(result.source.path)) for result in done}):
            remove_stale(folder)
    if options["diff"]:
        from echo_migrate.patch import patch

        _binary(patch(done))
    elif stdin and not dry:
        _binary(_standard_input_data() if not changed else done[0].fixed.data)
    if dry:
        done = [engine.undone(result) for result in done]
    printed = _print(done, options, "fix", aside=options["diff"] or stdin)
    return 2 if wrong or not printed else int(dry and changed)


def inventory(**options: Any) -> int:
    """Print every reference. Returns the exit code."""
    from echo_migrate import inventory as listing

    settings = _settings(options)
    results, wrong = _results(options, settings)
    done = list(results)
    wrong = _tell_unread(done) or wrong
    chosen = configuration(options)
    if options["output_format"] not in ("text", "markdown", "json"):
        tell_configuration(options)
    printed = _publish(
        options, listing.FORMATS, lambda name: listing.render(name, done, settings.catalog.login, chosen)
    )
    return 2 if wrong or not printed else 0


def _left_unread(result: Result) -> bool:
    """Whether a file or a folder should have been read and was not."""
    return any(one.rule == "unreadable-file" and one.level == "error" for one in result.findings)


def _tell_unread(results: list[Result]) -> bool:
    """Say what was left unread, for a command that prints no findings; return whether there is any."""
    left = [result for result in results if _left_unread(result)]
    for result in left:
        _say(f"{result.source.path}: {result.findings[0].message}")
    return bool(left)


def configuration(options: dict[str, Any]) -> str:
    """Say which configuration file chose the provider, the registry or the mapping; "" if none did.

    It may have come with the tree, and what moves goes where it says.
    """
    context = click.get_current_context(silent=True)
    if not context or not context.default_map:
        return ""
    from echo_migrate.config import FOUND

    path, by_file = context.meta[FOUND], click.core.ParameterSource.DEFAULT_MAP
    chosen = [
        f"{name} {options[name]}"
        for name in ("provider", "registry", "mapping")
        if context.get_parameter_source(name) is by_file
    ]
    if options.get("unsafe_fixes") and context.get_parameter_source("unsafe_fixes") is by_file:
        chosen.append("unsafe-fixes")
    registry = catalog_of(options).registry if chosen else ""
    return f"Configuration {path} sets {', '.join(chosen)}: images come from {registry}" if chosen else ""


def tell_configuration(options: dict[str, Any]) -> None:
    """Say so to standard error, for an output that has no place for it."""
    if chosen := configuration(options):
        _say(chosen)


def catalog_of(options: dict[str, Any]) -> catalog.Catalog:
    """The provider's catalog that the options ask for."""
    if options["provider"] not in catalog.providers():
        raise click.BadParameter(
            f"{options['provider']!r}: known are {', '.join(catalog.providers())}", param_hint="--provider"
        )
    try:
        return catalog.load(options["provider"], options["registry"], options["mapping"])
    except catalog.MappingError as error:
        raise click.UsageError(str(error)) from None


def _settings(options: dict[str, Any]) -> Settings:
    known = catalog_of(options)
    for output in options["output"]:
        format, colon, _ = output.partition(":")
        if colon and format.isalpha() and format not in (*reports.FORMATS, "csv"):
            raise click.BadParameter(f"{output}: {_unknown(f'no format {format!r}', format, reports.FORMATS)}")
    images = options.get("image", ())
    for name in images:
        if name not in known.rows or name == "*":
            raise click.BadParameter(_unknown(f"no image {name!r} has a row", name, known.rows), param_hint="--image")
    return Settings(
        known,
        _selected(options.get("preset", "default"), options.get("select", ()), options.get("ignore", ())),
        frozenset(images),
        options["seen_only"],
        today=options.get("today") or _today(),
    )


def _today() -> str:
    """The date, as the clock has it."""
    from datetime import date

    return date.today().isoformat()


def _selected(preset: str, select: tuple[str, ...], ignore: tuple[str, ...]) -> tuple[Rule, ...]:
    names = select or _preset(preset)
    chosen = {rule_of(name).id for name in names if name not in ("all", "default")}
    if not {"all", "default"}.isdisjoint(names):
        chosen |= {name for name, rule in RULES.items() if rule.default or "all" in names}
    chosen -= {rule_of(name).id for name in ignore}
    return tuple(rule for name, rule in RULES.items() if name in chosen)


def _preset(name: str) -> list[str]:
    """The names of rules that a preset stands for."""
    from echo_migrate.data import read_data

    if name == "default":
        return ["default"]
    presets: dict[str, Any] = read_data("presets.yaml")
    if name not in presets:
        message = f"{_unknown(f'no preset {name!r}', name, presets)} (known are {', '.join(presets)})"
        raise click.BadParameter(message, param_hint="--preset")
    names: list[str] = presets[name]["rules"]
    return names


def rule_of(name: str) -> Rule:
    """A rule by its id, or by the one name that another linter has for it."""
    also = [rule for rule in RULES.values() if name in rule.also]
    if name not in RULES and len(also) != 1:
        raise click.UsageError(_unknown(f"no rule {name!r}", name, RULES) + " (see `echo-migrate rules`)")
    return RULES[name] if name in RULES else also[0]


def _unknown(message: str, name: str, known: Iterable[str]) -> str:
    remedy = near(name, known)
    return f"{message}: {remedy}" if remedy else message


def _results(options: dict[str, Any], settings: Settings) -> tuple[Iterable[Result], bool]:
    """The results as they come, and whether a path was wrong."""
    paths = options["paths"] or (".",)
    if "-" in paths:
        if len(paths) > 1:
            raise click.UsageError("- (standard input) stands alone: give no other path")
        return [_standard_input(options["stdin_filename"], _standard_input_data(), settings)], False
    found = discover(paths, options["exclude"])
    for path in found.missing:
        _say(f"{path}: no such file or folder")
    for note in found.notes:
        _say(note)
    return _found(found, paths, options, settings), bool(found.missing)


def _found(found: Discovery, paths: Iterable[str], options: dict[str, Any], settings: Settings) -> Iterator[Result]:
    """The results of what discovery found; files that are of no kind are passed over, with a word if named."""
    skipped = [*found.skipped]
    read = 0
    for path, reason in found.refused.items():
        read += 1
        yield engine.unreadable(path, reason, settings)
    for path, reason in sorted(found.closed.items()):
        read += 1
        yield engine.unread(Source(path, ""), f"this folder {reason}")
    pulls = False
    results = _watched(engine.run(found.files, settings, options["jobs"]), len(found.files), options["quiet"])
    for path, result in zip(found.files, results, strict=True):
        if result is not None:
            read += 1
            pulls = pulls or any(one.at(settings.catalog.registry) for one in result.outcomes)
            yield result
        elif path in paths:
            skipped.append(path)
    if pulls and settings.catalog.login and any(path.endswith((".yml", ".yaml")) for path in found.files):
        from echo_migrate.pipelines import login_results

        yield from login_results(found.files, settings)
    if options["verbose"]:
        for path in skipped:
            _say(f"{path}: skipped, no format recognises it")
    if not read and not found.missing and not options["quiet"]:
        _say("no file that names images found")


@lru_cache
def _standard_input_data() -> bytes:
    return sys.stdin.buffer.read()


def _standard_input(name: str, data: bytes, settings: Settings) -> Result:
    try:
        source = Source.of(name, data)
    except Unreadable as error:
        return engine.unreadable(name, str(error), settings)
    result = engine.guarded(source, settings, otherwise=dockerfile)
    assert result is not None
    return result


def _watched(results: Iterable[Result | None], total: int, quiet: bool) -> Iterator[Result | None]:
    """The same results, with a progress bar on a terminal once a run is long."""
    if quiet or total < engine.MANY or not sys.stderr.isatty():
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


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Let a signal that stops the run wait until a file is written and counted."""
    waiting: list[int] = []
    wishes = [one for one in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM) if callable(signal.getsignal(one))]
    before = [(one, signal.signal(one, lambda number, _: waiting.append(number))) for one in wishes]
    try:
        yield
    finally:
        for one, handler in before:
            signal.signal(one, handler)
    if waiting:
        raise KeyboardInterrupt(waiting[0])


def _written(result: Result) -> tuple[Result, bool]:
    """The result after its file is written, and whether that failed, or the change was refused."""
    if result.fixed is result.source:
        return result, result.refused is not None
    from echo_migrate.write import NotWritten, write

    try:
        write(result.source, result.fixed)
    except NotWritten as error:
        _say(f"{result.source.path}: {error}")
        return engine.refuse(result, str(error)), True
    return result, False


def _print(results: list[Result], options: dict[str, Any], command: str, aside: bool = False) -> bool:
    """Print the report (to standard error where a patch or a text has standard output), and write the files asked for.

    Returns whether all of them could be written.
    """
    known = catalog.load(options["provider"], options["registry"], options["mapping"])
    applied = command == "fix" and not (options["diff"] or options["check"])
    run = reports.Run(
        command,
        known.provider,
        known.title,
        known.login,
        applied,
        options.get("unsafe_fixes", False),
        options["quiet"],
        options["verbose"],
        configuration(options),
    )
    in_report = options["output_format"] in (("json",) if options["quiet"] else ("json", "markdown", "text"))
    if not in_report or options.get("statistics") or (aside and options["quiet"]):
        tell_configuration(options)
    told = reports.statistics(results, run) if options.get("statistics") else ""
    return _publish(options, tuple(reports.FORMATS), lambda name: reports.render(name, results, run), aside, told)


def _publish(
    options: dict[str, Any], formats: tuple[str, ...], render: Callable[[str], str], aside: bool = False, told: str = ""
) -> bool:
    """Print a report (or what is ``told`` in its place), and write it to the files asked for.

    Returns whether all of them could be written.
    """
    stream = sys.stderr if aside else sys.stdout
    colour = {"always": True, "never": False}.get(options["color"], _wants_colour(stream))
    rendered = {options["output_format"]: render(options["output_format"])}
    if not (aside and options["quiet"]):
        click.echo(told or rendered[options["output_format"]], nl=False, file=stream, color=colour)
        stream.flush()
    complete = True
    for output in options["output"]:
        format, colon, path = output.partition(":")
        if not colon or format not in formats:
            format, path = options["output_format"], output
        if format not in rendered:
            rendered[format] = render(format)
        complete = _put(path, click.unstyle(rendered[format]).encode("utf-8", "backslashreplace")) and complete
    return complete


def _put(path: str, data: bytes) -> bool:
    """Write a file that the user names, whole or not at all. Returns whether it could be written.

    Its name may stand in a tree that is not the user's: what is neither a file nor the system's own device is refused.
    """
    from echo_migrate.write import NotWritten, replace

    try:
        if os.path.abspath(path).startswith("/dev/"):
            with open(path, "wb") as file:
                file.write(data)
        else:
            replace(path, data)
        return True
    except NotWritten as error:
        _say(f"{path}: {error}")
    except OSError as error:
        _say(f"{path}: could not be written: {(error.strerror or str(error)).lower()}")
    return False


def _wants_colour(stream: Any) -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or stream.isatty()


def _binary(data: bytes) -> None:
    stream = sys.stdout.buffer
    stream.write(data)
    stream.flush()


def _say(message: str) -> None:
    click.echo(f"echo-migrate: {reports.printable(message)}", err=True)
