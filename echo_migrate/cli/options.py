"""The options of the command line, whose values commands receive by name."""

import os
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from echo_migrate.files.plugins import built_in, found

if TYPE_CHECKING:
    from echo_migrate.cli.values import Options as Options
else:
    Options = dict[str, Any]  # values.py says why


def names(context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names in the values of an option that is repeatable and separated by commas."""
    return tuple(name.strip() for value in values for name in value.split(",") if name.strip())


def _configure(context: click.Context, option: click.Parameter, path: str | None) -> None:
    if context.resilient_parsing or context.params.get("no_config"):
        return
    from echo_migrate.cli.config_file import nearest

    try:
        found = path or nearest(os.getcwd())
    except FileNotFoundError:
        raise click.UsageError("the working folder does not exist any more") from None
    if found:
        from echo_migrate.cli import config

        group = context.find_root().command
        assert isinstance(group, click.Group)
        context.default_map = config.read(found, group.commands.values(), context.command, named=bool(path))
        context.meta[config.FOUND] = os.path.relpath(found)


def complete_rules(context: click.Context, option: click.Parameter, incomplete: str) -> list[str]:
    """Return the rules whose ids begin with a text."""
    return [name for name in built_in("rules") if name.startswith(incomplete)]


def complete_providers(context: click.Context, option: click.Parameter, incomplete: str) -> list[str]:
    """Return the providers whose names begin with a text."""
    from echo_migrate.images.providers import UPSTREAM, providers

    return [name for name in (*providers(), UPSTREAM) if name.startswith(incomplete)]


def complete_presets(context: click.Context, option: click.Parameter, incomplete: str) -> list[str]:
    """Return the presets whose names begin with a text."""
    from echo_migrate.files.data import read_data

    return [name for name in ("default", *read_data("presets.yaml")) if name.startswith(incomplete)]


def complete_images(context: click.Context, option: click.Parameter, incomplete: str) -> list[str]:
    """Return the upstream images of the chosen provider whose names begin with a text."""
    from echo_migrate.images.catalog import load
    from echo_migrate.images.providers import providers

    provider = context.params.get("provider")
    rows = load(provider).rows if provider in providers() else {}
    return sorted(name for name in rows if name.startswith(incomplete) and name != "*")


Decorator = Callable[[Any], Any]

PATHS: tuple[Decorator, ...] = (click.argument("paths", nargs=-1, type=click.Path(path_type=str)),)
FILE = click.Path(path_type=str)
CATALOG: tuple[Decorator, ...] = (
    click.option(
        "--provider",
        metavar="NAME",
        default="echo",
        show_default=True,
        shell_complete=complete_providers,
        help="Provider of hardened images; upstream: back to the images that they replace.",
    ),
    click.option(
        "--registry", metavar="HOST[/PREFIX]", default="", help="Registry to use in place of the provider's: a mirror."
    ),
    click.option(
        "--mapping",
        metavar="FILE",
        type=FILE,
        default="",
        help="Your mapping file, added to the provider's.",
    ),
    click.option(
        "--from",
        "sources",
        metavar="VENDOR[=REGISTRY]",
        multiple=True,
        callback=names,
        help="Also move images of this vendor: docker, docker=HOST/PREFIX (a mirror), all.",
    ),
    click.option(
        "--logins",
        metavar="KINDS",
        multiple=True,
        callback=names,
        help="Kinds of files with a login set up elsewhere: kubernetes,gitlab.",
    ),
    click.option(
        "--variant",
        type=click.Choice(["auto", "runtime", "dev"]),
        default="auto",
        show_default=True,
        help="Form of an image to move to, where there are several; auto: what the stage needs.",
    ),
    click.option("--fips", is_flag=True, help="Prefer FIPS variants; others are unsafe."),
    click.option("--seen-only", is_flag=True, help="Treat images that are not seen in public as unsafe."),
)
ONLINE: tuple[Decorator, ...] = (
    click.option("--online", is_flag=True, help="Ask the registries, with your logins, what is there."),
    click.option("--refresh", is_flag=True, help="With --online: use no cached answers."),
    click.option("--offline", is_flag=True, help="With --online: use cached answers alone."),
    click.option("--deep", is_flag=True, help="With --online: read the layers of images, too."),
    click.option("--locked", is_flag=True, help="Use the answers in .echo-migrate.lock."),
)
TESTS: tuple[Decorator, ...] = (click.option("--tests", multiple=True, hidden=True),)
"""The rows of the tables ``prove`` of the configuration, as JSON."""

PROOFS: tuple[Decorator, ...] = (
    click.option(
        "--proofs", metavar="FOLDER", type=FILE, default="", help="Folder with records of proofs that you trust."
    ),
)

TODAY: tuple[Decorator, ...] = (
    click.option("--today", metavar="DATE", hidden=True, help="The date that ends of life are compared with."),
)
GATE: tuple[Decorator, ...] = (
    click.option(
        "--approved",
        metavar="REGISTRIES",
        multiple=True,
        callback=names,
        help="Report images from elsewhere: dhi.io,docker.io/acme.",
    ),
    click.option("--exceptions", multiple=True, hidden=True),
)
"""What is approved. The exceptions are rows of the table ``exceptions`` of the configuration, as JSON."""
_rule_option = partial(click.option, metavar="RULES", multiple=True, callback=names, shell_complete=complete_rules)
SELECTION: tuple[Decorator, ...] = (
    click.option(
        "--preset",
        metavar="NAME",
        default="default",
        show_default=True,
        shell_complete=complete_presets,
        help="Selection of rules: default, migrate (what matters when images move), all.",
    ),
    _rule_option("--select", help="Use only these rules (all: every rule)."),
    _rule_option("--ignore", help="Skip these rules."),
    click.option(
        "--per-file-ignores", metavar="GLOB:RULES", multiple=True, help="Skip rules in these files: tests/**:RULE."
    ),
    click.option(
        "--levels", metavar="RULE=LEVEL", multiple=True, callback=names, help="Report a rule at another level."
    ),
    click.option(
        "--fail-on",
        type=click.Choice(["note", "warning", "error", "never"]),
        default="warning",
        show_default=True,
        help="Minimum level for exit code 1.",
    ),
)
FILES: tuple[Decorator, ...] = (
    click.option(
        "--exclude", metavar="GLOBS", multiple=True, callback=names, help="Files and folders to skip: vendor,*.tmpl."
    ),
    click.option(
        "--include",
        metavar="GLOBS",
        multiple=True,
        callback=names,
        help="Edit these even if vendored, generated or fixtures.",
    ),
    click.option(
        "--jobs",
        type=click.IntRange(0, 64),
        default=0,
        show_default="one a processor, for large trees",
        help="Number of processes.",
    ),
    click.option(
        "--stdin-filename",
        metavar="NAME",
        default="Dockerfile",
        show_default=True,
        help="File name to assume for standard input.",
    ),
    click.option(
        "-o",
        "--output",
        metavar="[FORMAT:]PATH",
        type=FILE,
        multiple=True,
        help="Also write a report to a file; the suffix can name the format.",
    ),
)
IMAGE = click.option(
    "--image",
    metavar="NAME[:TAG]",
    multiple=True,
    callback=names,
    shell_complete=complete_images,
    help="Migrate only this upstream image.",
)
PROVIDER, REGISTRY = CATALOG[:2]
PER_FILE_IGNORES = SELECTION[3]
EXCLUDE, INCLUDE = FILES[:2]
PROPOSAL: tuple[Decorator, ...] = (
    click.option(
        "--split", type=click.Choice(["service", "image", "owner"]), help="One pull request for each, not one for all."
    ),
    click.option("--label", metavar="NAME", multiple=True, callback=names, help="Label to add to a new pull request."),
    click.option("--author", metavar="'NAME <ADDRESS>'", default="", help="Author of commits; default: that of git."),
    click.option("--base", metavar="BRANCH", default="", help="Branch to change; default: that of the repository."),
    click.option("--fork", metavar="OWNER/NAME", default="", help="Push to this fork of the repository."),
    click.option("--dry-run", is_flag=True, help="Print all of it; write nothing."),
)


def asks_registries(options: Options) -> bool:
    """Return whether answers of registries are wanted. Raises ``click.UsageError`` for options that do not go
    together."""
    online, locked = options.get("online", False), options.get("locked", False)
    if online and locked:
        raise click.UsageError("--online asks the registry, --locked does not: give one of them")
    for name in ("refresh", "offline", "deep"):
        if options.get(name) and not online:
            raise click.UsageError(f"--{name} goes with --online")
    if options.get("refresh") and options.get("offline"):
        raise click.UsageError("--refresh asks anew, --offline asks nothing: give one of them")
    if options.get("pin") and not (online or locked):
        raise click.UsageError("--pin needs digests: give --online, or --locked with a lock file")
    return bool(online or locked)


def refuse_proposal() -> None:
    """Raise ``click.UsageError`` if the command line has an option of pull requests; called if none are asked for."""
    context = click.get_current_context()
    for name in ("split", "label", "author", "base"):
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--{name} is for pull requests: give --pull-request")


PROGRAM: tuple[Decorator, ...] = (
    click.option("--no-config", is_flag=True, is_eager=True, help="Ignore configuration files."),
    click.option(
        "--config",
        metavar="FILE",
        type=FILE,
        is_eager=True,
        expose_value=False,
        callback=_configure,
        help="Configuration file to use, instead of the nearest.",
    ),
    click.option("-q", "--quiet", is_flag=True, help="Print no summary."),
    click.option("-v", "--verbose", is_flag=True, help="List skipped files and every reason."),
    click.option(
        "--color",
        type=click.Choice(["auto", "always", "never"]),
        default="auto",
        show_default=True,
        help="When to print colours; NO_COLOR and FORCE_COLOR are respected.",
    ),
)


def output_formats(*names: str) -> Decorator:
    """Return the option ``--output-format`` with these formats; the first one is the default."""
    return click.option(
        "--output-format",
        type=click.Choice(names),
        default=names[0],
        show_default=True,
        help="Format to print.",
    )


_reports = (*built_in("reports"), *(plugin.name for plugin in found("reports")))
REPORTS = output_formats(*dict.fromkeys(("grouped", *_reports, "text")))
