"""The command line. Each command is a signature and one call, and imports what it needs when it runs; here are the two
that hooks start."""

import gc
import os
import signal
import sys
from typing import Any

import click

from echo_migrate import __version__
from echo_migrate.cli.options import (
    CATALOG,
    FILE,
    FILES,
    GATE,
    IMAGE,
    ONLINE,
    PATHS,
    PROGRAM,
    PROOFS,
    REPORTS,
    SELECTION,
    TESTS,
    TODAY,
)
from echo_migrate.cli.program import STOPPING, Program, give_up, options_of


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", prog_name="echo-migrate")
def cli() -> None:
    """Move container images to hardened ones, without breaking a file.

    \b
    echo-migrate check .          what would move, and what needs review
    echo-migrate fix --diff .     the safe changes, as a patch
    echo-migrate fix .            the safe changes, applied
    """


_STATISTICS = click.option("--statistics", is_flag=True, help="Print the number of findings of each rule.")


@cli.command()
@options_of(PATHS, CATALOG, ONLINE, SELECTION, GATE, TODAY, FILES, (REPORTS, _STATISTICS), PROOFS, TESTS, PROGRAM)
@click.option("--diff-base", metavar="REV", default="", help="Report only findings on lines changed since REV.")
@click.option(
    "--baseline", metavar="FILE", type=FILE, default="", help="Report only findings that are not in this baseline."
)
def check(**options: Any) -> None:
    """Report findings; write nothing.

    PATHS are files and folders; the default is the working folder, and - reads standard input.

    Exits with 0 if clean, 1 with findings at or above --fail-on, 2 on misuse.
    """
    from echo_migrate.cli.check import run

    sys.exit(run(**options))


@cli.command()
@options_of(PATHS, CATALOG, ONLINE, SELECTION, GATE, TODAY, FILES, (REPORTS, _STATISTICS), PROOFS, TESTS, PROGRAM)
@click.option("--proven", is_flag=True, help="Also apply unsafe fixes of Dockerfiles whose proof still holds.")
@click.option("--unsafe-fixes", is_flag=True, help="Also apply fixes that may change what runs.")
@click.option(
    "--add-logins", is_flag=True, help="Offer missing logins as unsafe fixes: they name secrets that you set up."
)
@IMAGE
@click.option("--pin", is_flag=True, help="Pin what moves by digest (--online or --locked).")
@click.option("--diff", is_flag=True, help="Print a patch for git apply; write nothing.")
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if anything would change.")
def fix(**options: Any) -> None:
    """Apply the safe fixes.

    PATHS are files and folders; the default is the working folder, and - reads standard input and writes the result to
    standard output.

    Exits with 0 when done, also if findings remain; 1 with --diff or --check if something would change; 2 on misuse, or
    if a file could not be written.
    """
    from echo_migrate.cli.fix import run

    sys.exit(run(**options))


def _others() -> tuple[click.Command, ...]:
    from echo_migrate.cli import asking, reading, starting

    return (*reading.COMMANDS, *asking.COMMANDS, *starting.COMMANDS)


cli.others = _others


def _stop(number: int, _: object) -> None:
    raise KeyboardInterrupt(number)


def main() -> None:
    """Run the command line, and exit."""
    for wish in STOPPING:
        if signal.getsignal(wish) is signal.SIG_DFL:
            signal.signal(wish, _stop)
    gc.freeze()  # modules stay loaded, and a run creates almost no cycles: collecting them takes a tenth of its time
    gc.enable()
    gc.set_threshold(200_000)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed by the caller
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - as long as the process
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        cli(prog_name="echo-migrate")
    except OSError as error:  # help, or a message about misuse, cannot be written
        give_up(error)
    finally:
        gc.freeze()  # what is left ends with the process, and is not searched for cycles
