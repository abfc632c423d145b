"""The signatures of commands that read and tell."""

import sys
from typing import Any

import click

from echo_migrate.cli.options import (
    CATALOG,
    FILE,
    FILES,
    ONLINE,
    PATHS,
    PROGRAM,
    PROOFS,
    PROPOSAL,
    TESTS,
    TODAY,
    Decorator,
    complete_rules,
    output_formats,
)
from echo_migrate.cli.program import Command, options_of

_EVIDENCE: tuple[Decorator, ...] = (
    click.option(
        "--store",
        "from_store",
        metavar="DIR|URL",
        type=FILE,
        default="",
        help="Report on the repositories whose results `fleet` keeps here, in place of PATHS.",
    ),
    click.option(
        "--scan",
        metavar="[IMAGE=]FILE",
        type=FILE,
        multiple=True,
        help="Scan of an image in use or of its successor: Trivy, Grype, OSV-Scanner, SARIF, CycloneDX VDR.",
    ),
    click.option("--vex", metavar="FILE", type=FILE, multiple=True, help="With --scan or --feed: OpenVEX or CSAF."),
    click.option(
        "--sbom",
        metavar="[IMAGE=]FILE",
        type=FILE,
        multiple=True,
        help="Bill of materials of an image in use or of its successor: CycloneDX or SPDX.",
    ),
    click.option(
        "--feed",
        metavar="FILE|DIR",
        type=FILE,
        multiple=True,
        help="Downloaded advisories (OSV; Echo's list), to match to the packages of --sbom and --deep.",
    ),
    click.option("--minutes", metavar="FILE", type=FILE, default="", help="Your table of minutes for edits by hand."),
    click.option(
        "--history",
        metavar="FILE|DIR",
        type=FILE,
        default="",
        help="Add a record of this run here, and show the trend.",
    ),
)
"""What a report tells besides what a run finds."""


@click.command(cls=Command)
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


@click.command(cls=Command)
@options_of(PATHS, CATALOG, ONLINE, TODAY, FILES, _EVIDENCE, PROOFS, TESTS)
@options_of((output_formats("markdown", "html", "json"),), PROGRAM)
def report(**options: Any) -> None:
    """Write a report: how far, what next, who.

    What of PATHS (default: the working folder) is hardened, what blocks the rest, who owns it, and the next commands.
    --output report.html writes a page that needs no network; .md and .json are the same as text and as data. The page
    needs the extra `report`.

    Exits with 0 when done, 2 if a path or file could not be read, or the report not written.
    """
    from echo_migrate.cli.report import run

    sys.exit(run(**options))


@click.command(cls=Command)
@options_of(PATHS, CATALOG[3:], ONLINE[:3], TODAY, FILES, (output_formats("text", "json", "markdown"),), PROGRAM)
def compare(**options: Any) -> None:
    """Compare what the providers have.

    For each provider, of the image references below PATHS (default: the working folder): how many it offers, how many
    move by a safe fix, and why the others do not.

    Exits with 0 when done, 2 if something could not be read.
    """
    from echo_migrate.cli.compare import run

    sys.exit(run(**options))


@click.command(cls=Command)
@click.argument("fleet", metavar="LIST")
@options_of(CATALOG, TODAY, (*FILES[:3], output_formats("text", "json")), PROGRAM)
@click.option("--store", metavar="DIR|URL", required=True, help="Folder, or place of fsspec, for results.")
@click.option("--scheduler", metavar="ADDRESS", default="", help="Let the workers of this Dask scheduler do it.")
@click.option("--parquet", metavar="FILE", type=FILE, default="", help="Also write all references as a table.")
@click.option("--pull-request", is_flag=True, help="Keep the pull requests of each up to date.")
@options_of(PROPOSAL[:4])
def fleet(fleet: str, store: str, **options: Any) -> None:
    """Count the references of many repositories.

    LIST is a folder of clones; a file with a path or URL on each line, and a name behind it if wanted; an organisation
    (github:NAME) or a group (gitlab:GROUP). The files of each HEAD are read, without the configuration of the
    repository. Results stay in the store: a run that was stopped goes on where it was, and repositories that did not
    change are not read again.

    Reads GITHUB_TOKEN and GITLAB_TOKEN, and the servers' addresses as pull-request does.

    Exits with 0 when done, 2 if a repository could not be read, or a pull request not be kept.
    """
    from echo_migrate.cli.fleet import run

    sys.exit(run(fleet, store, **options))


@click.command(cls=Command)
@click.option("--store", metavar="DIR|URL", required=True, help="What fleet keeps its results in.")
@click.option(
    "--feed", metavar="FILE|DIR", type=FILE, multiple=True, help="Advisories: OSV, Echo's list; OpenVEX takes away."
)
@click.option("--sbom", metavar="[IMAGE=]FILE", type=FILE, multiple=True, help="Packages of an image: CycloneDX, SPDX.")
@click.option(
    "--webhook",
    metavar="URL",
    default="",
    envvar="ECHO_MIGRATE_WEBHOOK",
    help="Also post what has changed there, as JSON. Better given in ECHO_MIGRATE_WEBHOOK if it is a secret.",
)
@click.option(
    "--pull-request", is_flag=True, help="Keep the pull requests of what has changed up to date, with fleet's options."
)
@options_of(PROPOSAL[:4], CATALOG, TODAY, FILES[:2], (output_formats("text", "json"),), PROGRAM)
def watch(**options: Any) -> None:
    """Tell what has changed in a fleet.

    Compares the last run of fleet with the last look at its store: new ends of life, targets that a catalog did not
    have, registries that are gone, references that came back from a hardened image, and advisories of --feed for
    packages of --sbom. A look that was told is remembered there.

    With --pull-request, reads GITHUB_TOKEN and GITLAB_TOKEN, and the servers' addresses as pull-request does.

    Exits with 0 when done, 1 if something of this should be acted on, 2 on misuse, or if it could not be told, or a
    pull request not be kept.
    """
    from echo_migrate.cli.watch import run

    sys.exit(run(**options))


@click.command(cls=Command)
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


@click.command(cls=Command)
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
def providers(output_format: str) -> None:
    """List the providers of hardened images.

    With how many images are known of each, the source of the data and its date.
    """
    from echo_migrate.cli import about

    about.providers(output_format)


@click.command(cls=Command)
@click.argument("rule", shell_complete=complete_rules)
@click.option("--cases", is_flag=True, help="Also print its cases: files with their findings.")
def explain(rule: str, cases: bool) -> None:
    """Print the page of a rule.

    What RULE reports, why, and when its fix is safe. RULE can be the name that another linter has for it (DL3026).
    """
    from echo_migrate.cli import about

    about.explain(rule, cases)


@click.command(cls=Command)
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
def rules(output_format: str) -> None:
    """List the rules.

    With level, whether they have a fix, whether they are on by default, and the rules of other linters they replace.
    """
    from echo_migrate.cli import about

    about.rules(output_format)


COMMANDS = (inventory, report, compare, fleet, watch, match, providers, explain, rules)
