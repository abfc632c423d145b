"""The output of commands: results to standard output and to files, everything else to standard error."""

import contextlib
import os
import sys
from collections.abc import Callable
from typing import Any

import click

from echo_migrate import reports
from echo_migrate.cli.options import Options
from echo_migrate.cli.settings import catalog_of, configuration
from echo_migrate.files.plugins import PluginFailed
from echo_migrate.files.source import reason_of
from echo_migrate.model import Result

_SUFFIXES = {".csv": "csv", ".json": "json", ".md": "markdown", ".sarif": "sarif", ".xml": "junit"}
"""The formats of files whose suffix is unambiguous."""


def tell_unread(results: list[Result]) -> bool:
    """Print which files were not read, for commands that print no findings. Returns whether there are any."""
    left = [result for result in results if result.unread]
    for result in left:
        say(f"{result.source.path}: {result.findings[0].message}")
    return bool(left)


def tell_configuration(options: Options) -> None:
    """Print the message of ``configuration`` to standard error, for output that does not contain it."""
    if chosen := configuration(options):
        say(chosen)


def print_report(results: list[Result], options: Options, command: str, aside: bool = False) -> bool:
    """Print the report, to standard error if ``aside`` (standard output has a patch or a file), and write it to the
    files of ``--output``. Returns whether all of them could be written."""
    known = catalog_of(options)
    applied = command == "fix" and not (options["diff"] or options["check"])
    run = reports.RunReport(
        command,
        known.provider,
        known.title,
        known.login,
        applied,
        options.get("unsafe_fixes", False),
        options["quiet"],
        options["verbose"],
        configuration(options),
        options.get("diff", False),
        _width(sys.stderr if aside else sys.stdout),
    )
    in_report = options["output_format"] in (
        ("json",) if options["quiet"] else ("json", "markdown", "text", "grouped", "full")
    )
    if not in_report or options.get("statistics") or (aside and options["quiet"]):
        tell_configuration(options)
    as_json = options["output_format"] == "json"
    told = reports.statistics(results, run, as_json) if options.get("statistics") else ""
    return publish(
        options, (*reports.FORMATS, *reports.ALSO), lambda name: reports.render(name, results, run), aside, told
    )


def publish(
    options: Options, formats: tuple[str, ...], render: Callable[[str], str], aside: bool = False, told: str = ""
) -> bool:
    """Print a report (or ``told`` instead, if given), and write it to the files of ``--output``.

    Returns whether all of them could be written.
    """
    stream = sys.stderr if aside else sys.stdout
    colour = {"always": True, "never": False}.get(options["color"], _wants_colour(stream))
    rendered = {options["output_format"]: _rendered(render, options["output_format"])}
    if not (aside and options["quiet"]):
        text = told or rendered[options["output_format"]] or ""
        click.echo(text if stream.isatty() else reports.unlinked(text), nl=False, file=stream, color=colour)
        stream.flush()
    complete = rendered[options["output_format"]] is not None
    for output in options["output"]:
        format, colon, path = output.partition(":")
        if not colon or format not in formats:
            named = _SUFFIXES.get(os.path.splitext(output)[1].lower(), "")
            format, path = named if named in formats else options["output_format"], output
        if format not in rendered:
            rendered[format] = _rendered(render, format)
        made = rendered[format]
        if made is None or not put(path, click.unstyle(reports.unlinked(made)).encode("utf-8", "backslashreplace")):
            complete = False
    return complete


def _rendered(render: Callable[[str], str], format: str) -> str | None:
    """Return a report; None, and told, if a plugin fails to make it."""
    try:
        return render(format)
    except PluginFailed as error:
        say(" ".join(reports.printable(str(error)).split()))
        return None


def put(path: str, data: bytes) -> bool:
    """Write a file named by the user, completely or not at all. Returns whether it could be written.

    Its path may be in a tree that others wrote: anything but a regular file or a device of the system is refused.
    """
    from echo_migrate.files.write import NotWritten, replace

    try:
        if os.path.abspath(path).startswith("/dev/"):
            with open(path, "wb") as file:
                file.write(data)
        else:
            replace(path, data)
        return True
    except NotWritten as error:
        say(f"{path}: {error}")
    except OSError as error:
        say(f"{path}: could not be written: {reason_of(error)}")
    return False


def _width(stream: Any) -> int:
    """Return the number of columns of a terminal; 120 if there is none."""
    try:
        return int(os.environ.get("COLUMNS", "")) or 120
    except ValueError:
        with contextlib.suppress(OSError, ValueError):
            return os.get_terminal_size(stream.fileno()).columns or 120
        return 120


def _wants_colour(stream: Any) -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or stream.isatty()


def print_patch(data: bytes, color: str) -> None:
    """Print a patch: coloured and printable on a terminal, unchanged elsewhere or without colours."""
    if not (sys.stdout.isatty() if color == "auto" and not os.environ.get("NO_COLOR") else color == "always"):
        print_bytes(data)
        return
    for line in data.decode("utf-8", "surrogateescape").split("\n")[:-1]:
        shown = "\t".join(map(reports.visible, line.removesuffix("\r").split("\t")))
        colours: dict[str, Any] = next((style for mark, style in _PATCH.items() if line.startswith(mark)), {})
        click.echo(click.style(shown, **colours), color=True)


_PATCH: dict[str, Any] = {
    "diff --git ": {"bold": True},
    "--- ": {"bold": True},
    "+++ ": {"bold": True},
    "@@ ": {"fg": "cyan"},
    "+": {"fg": "green"},
    "-": {"fg": "red"},
}
"""Colours of the lines of a patch, by prefix, as in git."""


def print_bytes(data: bytes) -> None:
    """Write bytes to standard output."""
    stream = sys.stdout.buffer
    stream.write(data)
    stream.flush()


def say(message: str) -> None:
    """Print a message to standard error."""
    click.echo(f"echo-migrate: {reports.printable(message)}", err=True)
