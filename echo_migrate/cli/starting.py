"""The signatures of commands that start something: a configuration, a baseline, proofs, a server."""

import sys
from typing import Any

import click

from echo_migrate.cli.options import (
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
    SELECTION,
    TESTS,
    TODAY,
    Decorator,
    output_formats,
)
from echo_migrate.cli.program import Command, options_of

_BUILD: tuple[Decorator, ...] = (
    click.option(
        "--builder",
        type=click.Choice(["auto", "docker", "podman", "buildah"]),
        default="auto",
        show_default=True,
        help="Builder to use; auto: the first that works.",
    ),
    click.option("--build-arg", metavar="NAME[=VALUE]", multiple=True, help="Build argument, as for the builder."),
    click.option("--secret", metavar="id=ID[,src=PATH]", multiple=True, help="Secret to expose to the build."),
    click.option("--ssh", metavar="ID[=PATH]", multiple=True, help="SSH agent or keys to expose to the build."),
    click.option("--network", metavar="MODE", default="", help="Network of builds and containers."),
    click.option("--target", metavar="STAGE", default="", help="Stage to build."),
    click.option("--platform", metavar="OS/ARCH", default="", help="Platform to build for."),
    click.option(
        "--pull", is_flag=True, help="Pull base images, also those that are here, and missing ones of siblings."
    ),
    click.option(
        "--timeout",
        metavar="SECONDS",
        type=click.IntRange(1, 86_400),
        default=1800,
        show_default=True,
        help="Maximum duration of a build.",
    ),
)


@click.command(cls=Command)
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


@click.command(cls=Command)
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


@click.command(cls=Command)
@options_of(PATHS, _BUILD, (IMAGE,), CATALOG, ONLINE, SELECTION, TODAY, (EXCLUDE, INCLUDE), PROOFS, TESTS, PROGRAM)
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
    default=2,
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


@click.command(cls=Command)
@click.option("--stdio", is_flag=True, hidden=True, help="Accepted, as editors give it: there is no other way.")
def lsp(stdio: bool) -> None:
    """Serve an editor (Language Server Protocol).

    Over standard input and output, with the settings of the configuration file of the editor's folder. Editors start
    it; it needs the extra lsp.
    """
    from echo_migrate.cli.lsp import run

    sys.exit(run())


@click.command(cls=Command)
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


COMMANDS = (init, baseline, prove, lsp, mcp)
