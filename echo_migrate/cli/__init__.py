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
    EVIDENCE,
    EXCLUDE,
    FILE,
    FILES,
    GATE,
    IMAGE,
    INCLUDE,
    ONLINE,
    PATHS,
    PER_FILE_IGNORES,
    POLICIES,
    PROGRAM,
    PROOFS,
    PROPOSAL,
    PROVIDER,
    REGISTRY,
    REPORTS,
    SELECTION,
    TESTS,
    TODAY,
    complete_rules,
    options_of,
    output_formats,
)
from echo_migrate.cli.program import Program


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
@options_of(PATHS, CATALOG, ONLINE, FILES, (output_formats("text", "json", "csv", "markdown", "cyclonedx"),), PROGRAM)
@click.option(
    "--compare", metavar="OLD", type=FILE, default="", help="Print what has changed since this JSON inventory."
)
def inventory(**options: Any) -> None:
    """List every image reference with its state.

    Grouped by state and by upstream image, with targets and reasons. PATHS default to the working folder.
    """
    from echo_migrate.cli.inventory import run

    sys.exit(run(**options))


@cli.command()
@click.argument("fleet", metavar="LIST", type=click.Path(exists=True, path_type=str))
@options_of(CATALOG, TODAY, (*FILES[:3], output_formats("text", "json")), PROGRAM)
@click.option("--store", metavar="DIR", type=FILE, required=True, help="Folder that results are kept in.")
def fleet(fleet: str, store: str, **options: Any) -> None:
    """Count the references of many repositories.

    LIST is a folder of clones, or a file with a path or URL on each line, and a name behind it if wanted. The files of
    each HEAD are read, without the configuration of the repository. Results stay in the store: a run that was stopped
    goes on where it was, and repositories that did not change are not read again.

    Exits with 0 when done, 2 if a repository could not be read.
    """
    from echo_migrate.cli.fleet import run

    sys.exit(run(fleet, store, **options))


@cli.command()
@options_of(PATHS, CATALOG, ONLINE, TODAY, FILES, EVIDENCE, (output_formats("markdown", "html", "json"),), PROGRAM)
def report(**options: Any) -> None:
    """Write a report: how far, what next, who.

    What of PATHS (default: the working folder) is hardened, what blocks the rest, who owns it, and the next commands.
    --output report.html writes a page that needs no network; .md and .json are the same as text and as data. The page
    needs the extra `report`.

    Exits with 0 when done, 2 if a path or file could not be read, or the report not written.
    """
    from echo_migrate.cli.report import run

    sys.exit(run(**options))


@cli.command()
@options_of(PATHS, CATALOG[3:], TODAY, FILES, (output_formats("text", "json", "markdown"),), PROGRAM)
def compare(**options: Any) -> None:
    """Compare what the providers have.

    For each provider, of the image references below PATHS (default: the working folder): how many it offers, how many
    move by a safe fix, and why the others do not.

    Exits with 0 when done, 2 if something could not be read.
    """
    from echo_migrate.cli.compare import run

    sys.exit(run(**options))


@cli.command()
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...")
@options_of(CATALOG, ONLINE, (output_formats("text", "json"),), PROGRAM)
def match(**options: Any) -> None:
    """Show how image references map.

    IMAGE is a reference or an expression: node:22, quay.io/me/redis, 'node:${V}'. Prints the target, and ranked
    candidates with scores and reasons; with --provider all, what each provider offers. Exits with 0 if each reference
    has an upstream image, 1 otherwise.
    """
    from echo_migrate.cli import about

    sys.exit(about.match(**options))


@cli.command()
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


@cli.command()
@options_of(PATHS, CATALOG, (EXCLUDE,), POLICIES, PROGRAM)
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


_ASKED = (ONLINE[1], ONLINE[2])


@cli.command()
@click.argument("paths", nargs=-1, metavar="[PATHS|IMAGE]...")
@options_of(CATALOG[:3], (EXCLUDE,), _ASKED, POLICIES, (output_formats("text", "json"),), PROGRAM)
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
    "--jobs", type=click.IntRange(0, 64), default=1, show_default=True, help="Number of Dockerfiles at a time."
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


@cli.group("catalog")
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
@click.option("--report", metavar="FILE", required=True, help="What check --output-format json wrote.")
@click.option("--inventory", metavar="FILE", default="", help="What inventory --output-format json wrote.")
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


@cli.command("pull-request")
@options_of(PATHS, CATALOG, ONLINE, (PER_FILE_IGNORES,), TODAY, FILES[:3], PROPOSAL, PROGRAM)
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


@cli.command()
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
def providers(output_format: str) -> None:
    """List the providers of hardened images.

    With how many images are known of each, the source of the data and its date.
    """
    from echo_migrate.cli import about

    about.providers(output_format)


@cli.command()
@click.argument("rule", shell_complete=complete_rules)
@click.option("--cases", is_flag=True, help="Also print its cases: files with their findings.")
def explain(rule: str, cases: bool) -> None:
    """Print the page of a rule.

    What RULE reports, why, and when its fix is safe. RULE can be the name that another linter has for it (DL3026).
    """
    from echo_migrate.cli import about

    about.explain(rule, cases)


@cli.command()
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
def rules(output_format: str) -> None:
    """List the rules.

    With level, whether they have a fix, whether they are on by default, and the rules of other linters they replace.
    """
    from echo_migrate.cli import about

    about.rules(output_format)


def _stop(number: int, _: object) -> None:
    raise KeyboardInterrupt(number)


def main() -> None:
    """Run the command line, and exit."""
    for wish in (signal.SIGTERM, signal.SIGHUP):  # a cancelled job, a closed terminal
        if signal.getsignal(wish) is signal.SIG_DFL:
            signal.signal(wish, _stop)
    gc.freeze()  # modules stay loaded, and a run creates almost no cycles: collecting them takes a tenth of its time
    gc.set_threshold(50_000)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed by the caller
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - as long as the process
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    cli(prog_name="echo-migrate")
