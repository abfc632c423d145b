"""From options to settings: the catalog, the rules, and which configuration file chose them."""

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, get_args

import click

from echo_migrate import reports
from echo_migrate.cli.options import Options
from echo_migrate.files.data import MappingError
from echo_migrate.files.spelling import near
from echo_migrate.images import catalog, providers
from echo_migrate.images.upstream import VendorRegistry
from echo_migrate.model import LEVELS, Level
from echo_migrate.rules import UnknownRule, named, not_named, selected
from echo_migrate.rules._rule import Rule, Settings

if TYPE_CHECKING:
    from echo_migrate.images.approval import Approval

DECIDING = ("sources", "variant", "fips", "seen_only", "logins", "exclude", "include")
"""Options that decide, beside the provider, its registry and a mapping, which references there are and where they
move."""


def configuration(options: Options) -> str:
    """Return a message about the configuration file that set provider, registry or mapping; "" if none did.

    The file may come with the repository, and it determines where images are pulled from.
    """
    context = click.get_current_context(silent=True)
    if not context or not context.default_map:
        return ""
    from echo_migrate.cli.config import FOUND

    path, by_file = context.meta[FOUND], click.core.ParameterSource.DEFAULT_MAP
    without_a_file = {option.name: option.default for option in context.command.params}
    chosen = [
        f"{name} {options[name]}"
        for name in ("provider", "registry", "mapping")
        if context.get_parameter_source(name) is by_file and options[name] != without_a_file[name]
    ]
    if options.get("unsafe_fixes") and context.get_parameter_source("unsafe_fixes") is by_file:
        chosen.append("unsafe-fixes")
    registry = catalog_of(options).registry if chosen else ""
    return f"Configuration {path} sets {', '.join(chosen)}: images come from {registry}" if chosen else ""


def catalog_of(options: Options) -> catalog.Catalog:
    """Return the catalog that the options select. Raises ``click.UsageError``."""
    provider, known = options["provider"], providers.providers()
    if provider not in (*known, providers.UPSTREAM):
        named = f"{', '.join(known)}, and {providers.UPSTREAM} for the way back"
        raise click.BadParameter(f"{provider!r}: known are {named}", param_hint="--provider")
    if provider == providers.UPSTREAM and (options["registry"] or options["mapping"]):
        raise click.UsageError("--registry and --mapping are not for upstream: name a mirror as --from VENDOR=HOST")
    try:
        found = catalog.load(provider, options["registry"], options["mapping"])
        sources = [source for one in options.get("sources", ()) for source in _sources(one, found)]
    except MappingError as error:
        raise click.UsageError(str(error)) from None
    fips = options.get("fips", False)
    return found._replace(sources=tuple(sources), prefers_fips=fips) if sources or fips else found


def _sources(written: str, known: catalog.Catalog) -> list[VendorRegistry]:
    """Return the registries of VENDOR[=HOST[/PREFIX]], or of all vendors. Raises ``click.UsageError``."""
    vendor, mirrored, place = written.partition("=")
    vendors = providers.providers()
    if vendor not in (*vendors, *(() if mirrored else ("all",))):
        message = unknown_name(f"no vendor {vendor!r}", vendor, (*vendors, "all"))
        raise click.BadParameter(f"{message} (known are {', '.join(vendors)})", param_hint="--from")
    if mirrored:
        registry, prefix = catalog.mirror_of(place, "--from")
        return [VendorRegistry(registry, vendor, prefix)]
    return [source for source in known.facts.sources if vendor in ("all", source.vendor)]


def settings_of(options: Options) -> Settings:
    """Return the settings of a run for the options. Raises ``click.UsageError``."""
    known = catalog_of(options)
    for output in options.get("output", ()):
        format, colon, _ = output.partition(":")
        if colon and format.isalpha() and format not in (*reports.FORMATS, *reports.ALSO, "csv"):
            raise click.BadParameter(f"{output}: {unknown_name(f'no format {format!r}', format, reports.FORMATS)}")
    images = options.get("image", ())
    for name in images:
        if name == "*" or not {name, name.rpartition(":")[0]} & known.rows.keys():
            raise click.BadParameter(
                unknown_name(f"no image {name!r} has a row", name, known.rows), param_hint="--image"
            )
    names = options.get("select", ()) or _preset(options.get("preset", "default"))
    levels = dict(map(_level, options.get("levels", ())))
    for name in (*names, *options.get("ignore", ())):
        if name not in ("all", "default"):
            rule_of(name)
    by_name = (*options.get("select", ()), *levels)
    return Settings(
        known,
        selected(names, options.get("ignore", ())),
        frozenset(images),
        options["seen_only"],
        today=options.get("today") or today(),
        file_ignores=tuple(map(_file_ignores, options.get("per_file_ignores", ()))),
        named=(".",) if os.environ.get("PRE_COMMIT") else options.get("paths") or (".",),  # pre-commit names every file
        variant=options.get("variant", "auto"),
        logins=_logins(options.get("logins", ())),
        include=tuple(options.get("include", ())),
        exclude=tuple(options.get("exclude", ())),
        levels=levels,
        approval=approval_of(options) if options.get("approved") or options.get("exceptions") else None,
        quiet=frozenset() if "all" in names else not_named(by_name),
    )


def approval_of(options: Options) -> "Approval":
    """Return what the options approve. Raises ``click.UsageError``."""
    from echo_migrate.images.approval import Approval, problem

    names, rows = options.get("approved", ()), options.get("exceptions", ())
    for name in names:
        if reason := problem(name):
            raise click.BadParameter(f"{name!r} {reason}", param_hint="--approved")
    if not rows:
        return Approval(names)
    from echo_migrate.cli.approval import exemptions

    return Approval(names, exemptions(rows))


def _logins(kinds: Iterable[str]) -> frozenset[str]:
    """Return the kinds of files with a login that is set up elsewhere. Raises ``click.UsageError``."""
    from echo_migrate.engine.logins import ELSEWHERE

    for kind in kinds:
        if kind not in ELSEWHERE:
            message = unknown_name(f"no kind {kind!r} that a login is for", kind, ELSEWHERE)
            raise click.BadParameter(f"{message} (known are {', '.join(ELSEWHERE)})", param_hint="--logins")
    return frozenset(kinds)


def _file_ignores(written: str) -> tuple[str, frozenset[str]]:
    """Return the glob and the rule ids of GLOB:RULE,RULE. Raises ``click.UsageError``."""
    glob, colon, names = written.rpartition(":")
    if not colon or not glob:
        raise click.BadParameter(f"{written!r} is not GLOB:RULE,RULE", param_hint="--per-file-ignores")
    return glob, frozenset(rule_of(name.strip()).id for name in names.split(",") if name.strip())


def _level(written: str) -> tuple[str, Level]:
    """Return the rule id and the level of RULE=LEVEL. Raises ``click.UsageError``."""
    name, _, level = written.partition("=")
    for known in get_args(Level):
        if level == known:
            return rule_of(name).id, known
    raise click.BadParameter(
        f"{written!r} is not RULE=LEVEL, with a level of {', '.join(LEVELS)}", param_hint="--levels"
    )


def today() -> str:
    """Return the current local date in ISO format."""
    from datetime import date

    return date.today().isoformat()


def _preset(name: str) -> list[str]:
    """Return the names of the rules in a preset. Raises ``click.UsageError``."""
    from echo_migrate.files.data import read_data

    if name == "default":
        return ["default"]
    presets: dict[str, Any] = read_data("presets.yaml")
    if name not in presets:
        message = f"{unknown_name(f'no preset {name!r}', name, presets)} (known are {', '.join(presets)})"
        raise click.BadParameter(message, param_hint="--preset")
    names: list[str] = presets[name]["rules"]
    return names


def rule_of(name: str) -> Rule:
    """Return a rule by its id, a former id, or an unambiguous id of another linter. Raises ``click.UsageError``."""
    try:
        return named(name)
    except UnknownRule as error:
        raise click.UsageError(f"{error} (see `echo-migrate rules`)") from None


def unknown_name(message: str, name: str, known: Iterable[str]) -> str:
    """Return the message with a suggestion, if a known name is similar."""
    remedy = near(name, known)
    return f"{message}: {remedy}" if remedy else message
