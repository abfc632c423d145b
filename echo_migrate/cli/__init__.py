"""The command line. Each command is a signature and one call, and imports what it needs when it runs."""

import gc
import os
import signal
import sys
from typing import Any

import click

from echo_migrate import __version__
from echo_migrate.cli.options import (
    BUILD,
    CATALOG,
    EXCLUDE,
    FILE,
    FILES,
    GATE,
    IMAGE,
    INCLUDE,
    ONLINE,
    PATHS,
    PROGRAM,
    PROOFS,
    PROVIDER,
    REGISTRY,
    REPORTS,
    SELECTION,
    TESTS,
    TODAY,
    output_formats,
)
from echo_migrate.cli.program import Program, options_of
from echo_migrate.cli.signals import STOPPING


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
@click.argument("folder", default=".", type=click.Path(exists=True, file_okay=False, path_type=str))
@options_of((PROVIDER, REGISTRY, EXCLUDE))
@click.option("--hook/--no-hook", default=None, help="Also write .pre-commit-config.yaml.")
@click.option("--workflow/--no-workflow", default=None, help="Also write a GitHub workflow for pull requests.")
@click.option("--yes", is_flag=True, help="Ask nothing: use the defaults.")
@click.option("--diff", is_flag=True, help="Print a patch for git apply; write nothing.")
def init(**options: Any) -> None:
    """Write a configuration, hook and workflow.

    Counts the image references below FOLDER (default: the working folder), asks on a terminal for what no option sets,
    and writes .echo-migrate.toml there. Existing files are never changed. Exits with 0 when done, 2 if FOLDER is
    configured already or a file could not be written.
    """
    from echo_migrate.cli.init import run

    sys.exit(run(**options))


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
@options_of(PATHS, CATALOG, SELECTION, GATE, TODAY, FILES, PROGRAM)
@click.option(
    "--baseline",
    metavar="FILE",
    type=FILE,
    default="echo-migrate-baseline.json",
    show_default=True,
    help="File to write.",
)
def baseline(**options: Any) -> None:
    """Record today's findings in a file.

    check --baseline FILE then reports only new ones.

    Fixed findings are removed from the file by the next check, and are reported again if they reappear.
    """
    from echo_migrate.cli.baseline import run

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


@cli.command()
@options_of(PATHS, BUILD, (IMAGE,), CATALOG, ONLINE, SELECTION, TODAY, (EXCLUDE, INCLUDE), PROOFS, TESTS, PROGRAM)
@click.option("--unsafe-fixes", is_flag=True, help="Prove what --unsafe-fixes would write.")
@click.option("--blocked", is_flag=True, help="Build what is held back, to see whether it is so rightly.")
@click.option("--apply", is_flag=True, help="Write the changes whose proof shows no difference.")
@click.option(
    "--smoke",
    metavar="COMMAND",
    multiple=True,
    help="Command that must succeed in the container, before and after.",
)
@click.option(
    "--jobs",
    type=click.IntRange(0, 64),
    default=1,
    show_default=True,
    help="Number of Dockerfiles that are built at a time.",
)
@output_formats("text", "markdown", "json")
def prove(**options: Any) -> None:
    """Build and start before and after; compare.

    For each Dockerfile below PATHS (default: the working folder) that fix would change: builds it as it is and as it
    would be, from the same context, starts both images, and prints what differs. Runs the code of the repository, with
    your builder: docker, podman or buildah. Writes nothing but, with --apply, what is proven.

    Exits with 0 when done, 1 if a change breaks something, 2 on misuse or without a builder.
    """
    from echo_migrate.cli.prove import run

    sys.exit(run(**options))


@cli.command()
@click.option("--stdio", is_flag=True, hidden=True, help="Accepted, as editors give it: there is no other way.")
def lsp(stdio: bool) -> None:
    """Serve an editor (Language Server Protocol).

    Over standard input and output, with the settings of the configuration file of the editor's folder. Editors start
    it; it needs the extra lsp.
    """
    from echo_migrate.cli.lsp import run

    sys.exit(run())


@cli.command()
@click.argument("folder", default=".", type=click.Path(exists=True, file_okay=False, path_type=str))
@click.option("--write", is_flag=True, help="Also offer a tool that applies fixes.")
@click.option("--prove", is_flag=True, help="Also offer a tool that builds images, and so runs the repository's code.")
def mcp(folder: str, write: bool, prove: bool) -> None:
    """Serve an agent (Model Context Protocol).

    Over standard input and output: check, match, fix as a patch, and explain as tools, for FOLDER (default: the working
    folder) and nothing outside it. Agents start it; it needs the extra mcp.
    """
    from echo_migrate.cli.mcp import run

    sys.exit(run(folder, write, prove))


def _others() -> tuple[click.Command, ...]:
    from echo_migrate.cli import asking, reading

    return (*reading.COMMANDS, *asking.COMMANDS)


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
    finally:
        gc.freeze()  # what is left ends with the process, and is not searched for cycles
