"""The signatures of commands about registries and forges."""

import sys
from typing import Any

import click

from echo_migrate.cli.options import (
    CATALOG,
    EXCLUDE,
    FILE,
    FILES,
    GATE,
    ONLINE,
    PATHS,
    PER_FILE_IGNORES,
    PROGRAM,
    PROOFS,
    PROPOSAL,
    PROVIDER,
    REGISTRY,
    TODAY,
    Decorator,
    output_formats,
)
from echo_migrate.cli.program import Command, Group, options_of

_POLICIES: tuple[Decorator, ...] = (click.option("--policies", multiple=True, hidden=True),)
"""The rows of the table ``verify`` of the configuration, as JSON."""

_ASKED = (ONLINE[1], ONLINE[2])


@click.command(cls=Command)
@options_of(PATHS, CATALOG, (EXCLUDE,), _POLICIES, PROGRAM)
@click.option("--update", is_flag=True, help="Ask anew for every image, not for new ones alone.")
@click.option("--verify", is_flag=True, help="Also write what of each image is verified.")
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if the file would change.")
def lock(**options: Any) -> None:
    """Write a lock file of what registries answer.

    The file is .echo-migrate.lock in the working folder. Asks, with your logins, for the image of every reference below
    PATHS that would move or has moved: its status, digest and platforms. check, fix and inventory --locked read the
    file, and ask nothing.

    Exits with 0 when done, 1 with --check if the file would change, 2 if a registry gave no answer.
    """
    from echo_migrate.cli.lock import run

    sys.exit(run(**options))


@click.command(cls=Command)
@click.argument("paths", nargs=-1, metavar="[PATHS|IMAGE]...")
@options_of(CATALOG[:3], (EXCLUDE,), _ASKED, _POLICIES, (output_formats("text", "json"),), PROGRAM)
def verify(**options: Any) -> None:
    """Verify signatures and attestations.

    For each IMAGE, or each hardened image in use below PATHS (default: the working folder, with its lock file):
    signature, provenance, SBOM and VEX are verified, present but not verified, cannot be checked, or absent. Asks the
    registries, with your logins.

    The table verify of the configuration names what is required, and further keys and identities.

    Exits with 0 when done, 1 if something required is not verified, 2 if an image was not found or a registry gave no
    answer.
    """
    from echo_migrate.cli.verify import run

    sys.exit(run(**options))


@click.group("catalog", cls=Group)
def catalog() -> None:
    """List what your account can see at a registry.

    The list is a mapping file with the images and their tags, to be committed and used with --mapping.
    """


@catalog.command("pull")
@options_of((PROVIDER, REGISTRY), _ASKED, PROGRAM)
@click.option(
    "--output",
    "path",
    metavar="FILE",
    type=FILE,
    default="hardened.yaml",
    show_default=True,
    help="File to write; - prints it.",
)
def catalog_pull(path: str, **options: Any) -> None:
    """Write a mapping file with what the registry has.

    Asks, with your logins, for the provider's images and all their tags; --registry names a mirror. Answers are cached:
    a run that was stopped goes on where it was.

    Exits with 0 when done, 2 if the registry has none of the images or did not answer for all of them.
    """
    from echo_migrate.cli.catalog import run_pull

    sys.exit(run_pull(path, **options, mapping=""))


@catalog.command("diff")
@click.argument("old", type=FILE)
@click.argument("new", type=FILE, required=False)
@options_of((PROVIDER, REGISTRY), _ASKED, (output_formats("text", "json"),), PROGRAM)
def catalog_diff(old: str, new: str | None, **options: Any) -> None:
    """Show which tags appeared and vanished.

    Compares two files of catalog pull, or one with what the registry has now.

    Exits with 0 if nothing differs, 1 if something does, 2 if the registry did not answer for all images.
    """
    from echo_migrate.cli.catalog import run_diff

    sys.exit(run_diff(old, new, **options, mapping=""))


@click.command(cls=Command)
@click.argument("kind", type=click.Choice(["buildkit", "conftest", "kyverno"]))
@options_of((PROVIDER, REGISTRY), GATE, TODAY, PROGRAM)
@click.option("--output", "path", metavar="FILE", type=FILE, default="-", help="File to write; - prints it (default).")
def policy(kind: str, path: str, **options: Any) -> None:
    """Write the gate for another program.

    Allows images from the registries of --approved alone (default: that of the provider), and those of the table
    exceptions of the configuration until their day: for BuildKit (beside a Dockerfile, as Dockerfile.rego), for
    Conftest, or for Kyverno.

    Exits with 0 when done, 2 if the file could not be written.
    """
    from echo_migrate.cli.policy import run

    sys.exit(run(kind, path, **options, mapping=""))


@click.command(cls=Command)
@click.option("--report", metavar="FILE", required=True, help="What check --output-format json wrote.")
@click.option("--inventory", metavar="FILE", default="", help="What inventory --output-format json wrote.")
@click.option("--proofs", metavar="FILE", default="", help="What prove --output-format json printed.")
@click.option(
    "--comment",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="Comment on changed files; on all findings; never.",
)
@click.option(
    "--suggestions", type=click.IntRange(0), default=15, show_default=True, help="Maximum number of suggestions."
)
@click.option("--event", metavar="FILE", envvar="GITHUB_EVENT_PATH", default="", help="The event of the workflow.")
@click.option("--note", metavar="TEXT", multiple=True, help="Text to append.")
@click.option("--name", metavar="TEXT", default="", help="Name that tells comments of one job apart.")
@click.option("--distrust", is_flag=True, help="Treat the report as untrusted (forks).")
def github(**options: Any) -> None:
    """Comment on a pull request on GitHub.

    Keeps one comment with the results of a check up to date, and suggests fixes on changed lines. For workflows: reads
    GITHUB_TOKEN, GITHUB_REPOSITORY and GITHUB_API_URL, and writes the job's summary too. Exits
    with 0, also where GitHub does not let it write, and with 2 on misuse.
    """
    from echo_migrate.cli.github import run

    sys.exit(run(**options))


@click.command("pull-request", cls=Command)
@options_of(PATHS, CATALOG, ONLINE, (PER_FILE_IGNORES,), TODAY, FILES[:3], PROPOSAL, PROOFS, PROGRAM)
def pull_request(**options: Any) -> None:
    """Propose the safe moves as pull requests.

    Keeps one pull request up to date: made anew on the base branch, closed when nothing is left. Boxes in its
    description leave out images and files. A branch with commits of others is left alone. PATHS default to the working
    folder; the clone itself is not changed.

    For GitHub: reads GITHUB_TOKEN, GITHUB_REPOSITORY (default: that of the remote origin), GITHUB_SERVER_URL and
    GITHUB_API_URL.

    Exits with 0 when done, 1 with --dry-run if it would propose something, 2 on misuse, or if git or GitHub refused
    something.
    """
    from echo_migrate.cli.pull_request import run

    sys.exit(run(**options))


COMMANDS = (lock, verify, catalog, policy, github, pull_request)
