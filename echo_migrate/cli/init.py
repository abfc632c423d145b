"""The command ``init``: writes a configuration for a tree, and optionally a pre-commit hook and a GitHub workflow."""

import contextlib
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import NamedTuple, Unpack

import click
from click.core import ParameterSource

from echo_migrate.cli import config, config_file
from echo_migrate.cli.options import Options
from echo_migrate.cli.output import print_bytes, say, tell_unread
from echo_migrate.cli.results import results_of
from echo_migrate.cli.settings import settings_of
from echo_migrate.files import data
from echo_migrate.files.data import MappingError
from echo_migrate.files.source import Source
from echo_migrate.files.tree import repository
from echo_migrate.files.write import NotWritten, check_new, created
from echo_migrate.images import catalog, providers
from echo_migrate.model import Result
from echo_migrate.reports import plural, printable

CONFIGURATION = config_file.FILES[0]
HOOK = ".pre-commit-config.yaml"
WORKFLOW = ".github/workflows/echo-migrate.yml"
TEMPLATES = {HOOK: "pre-commit-config.yml", WORKFLOW: "github/pull-request.yml"}
"""The templates of these files in ``hooks/``; ``hooks/wheel.py`` adds them to the wheel."""

VENDORED = ("vendor", "third_party", "testdata", "fixtures", "__snapshots__")
"""Folders whose images are usually not maintained in the repository."""

EXAMPLES: dict[str, str | list[str]] = {
    "provider": providers.PROVIDER,
    "registry": "harbor.example.com/echo",
    "logins": ["kubernetes", "gitlab"],
    "exclude": ["vendor", "*.tmpl"],
    "select": ["end-of-life-base", "floating-tag"],
    "ignore": ["package-install"],
    "fail-on": "error",
    "mapping": "hardened.yaml",
    "baseline": "echo-migrate-baseline.json",
}
"""The keys of a new configuration, in order; keys without a value are written as comments with this example."""

_HEAD = """\
# Configuration of echo-migrate. Each key is a long option of `echo-migrate check` and `echo-migrate fix`;
# on the command line, the option takes precedence.
"""


class References(NamedTuple):
    """The number of image references in a tree: by file, by kind of file, and by outermost vendored folder."""

    files: Counter[str]
    kinds: Counter[str]
    vendored: Counter[str]


class Choice(NamedTuple):
    """The files to write, and their values."""

    provider: str
    registry: str
    exclude: tuple[str, ...]
    hook: bool
    workflow: bool


def run(**options: Unpack[Options]) -> int:
    """Write the chosen files, or print them as a patch. Returns the exit code."""
    folder = os.path.relpath(os.path.realpath(options["folder"]))
    _check(options, folder)
    if existing := config_file.nearest(folder):
        say(f"{os.path.relpath(existing)} configures this folder already: edit it")
        return 2
    found = _references(options, folder)
    click.echo(_found(found), err=options["diff"])
    choice = _choice(options, folder, found.vendored)
    if choice.exclude and choice.exclude != options["exclude"]:
        moved = sum(found.vendored.values())
        click.echo(f"Excluded: {', '.join(choice.exclude)} ({moved} of them).", err=options["diff"])
    files = {os.path.normpath(os.path.join(folder, name)): text for name, text in _files(choice, folder).items()}
    try:
        _put(files, options["diff"])
    except NotWritten as error:
        say(str(error))
        return 2
    for line in _closing(choice, folder, files, options["diff"]):
        click.echo(line, err=options["diff"])
    return 0


def _check(options: Options, folder: str) -> None:
    """Raise ``click.UsageError`` for values that a configuration cannot have, and for files that cannot be written."""
    if not all(text.isprintable() for text in options["exclude"]):  # as TOML requires
        raise click.BadParameter("a pattern has a control character or is not UTF-8", param_hint="--exclude")
    if excess := config.too_many(options["exclude"]):
        raise click.BadParameter(excess, param_hint="--exclude")
    wanted = [name for name in ("hook", "workflow") if options[name]]
    top = repository(os.path.abspath(folder))
    if wanted and not top:
        raise click.UsageError(f"--{wanted[0]} needs a git repository: run git init first")
    if wanted and top != os.path.abspath(folder):
        raise click.UsageError(f"--{wanted[0]} needs the top folder of the repository: {os.path.relpath(top or '')}")


def _references(options: Options, folder: str) -> References:
    """Return the number of image references in a tree, counted as by ``inventory``."""
    wanted: Options = {
        **options,
        "paths": (os.path.join(".", folder),),  # a folder called - is not standard input
        **Options(mapping="", seen_only=False, output=(), jobs=0, stdin_filename="", quiet=False, verbose=False),
    }
    results = list(results_of(wanted, settings_of(wanted))[0])
    tell_unread(results)
    found = References(Counter(), Counter(), Counter())
    for result in results:
        if count := _count(result):
            found.files[result.source.path] += count
            found.kinds[result.kind] += count
            folders = os.path.relpath(result.source.path, folder).split(os.sep)[:-1]
            outermost = next((name for name in folders if name in VENDORED), None)
            found.vendored.update({outermost: count} if outermost else {})
    return found


def _count(result: Result) -> int:
    """Return the number of image references in a file, without those to its own stages and services."""
    return sum(outcome.state != "local" for outcome in result.outcomes)


def _found(found: References) -> str:
    """Return the message about how many references there are, and in which kinds of files."""
    kinds = ", ".join(f"{kind} {count}" for kind, count in found.kinds.most_common())
    references, files = plural(found.files.total(), "image reference"), plural(len(found.files), "file")
    return f"Found {references} in {files}{f' ({kinds})' * bool(kinds)}."


def _choice(options: Options, folder: str, vendored: Mapping[str, int]) -> Choice:
    """Return the choice from the options; for those not set, from answers on a terminal, else from defaults."""
    proposed = tuple(name for name in VENDORED if name in vendored)
    chosen = Choice(
        options["provider"],
        options["registry"],
        options["exclude"] or proposed,
        bool(options["hook"]),
        bool(options["workflow"]),
    )
    if options["yes"] or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return chosen
    try:
        return _asked(options, folder, chosen)
    except click.Abort as abort:  # from click, for an interrupt or the end of input; both end as an interrupt does
        raise (abort.__context__ if isinstance(abort.__context__, KeyboardInterrupt) else KeyboardInterrupt) from None


def _asked(options: Options, folder: str, chosen: Choice) -> Choice:
    """Return the choice, with answers to the questions about options that are not set."""
    context = click.get_current_context()
    left = {name for name in options if context.get_parameter_source(name) is ParameterSource.DEFAULT}
    if "provider" in left:
        kind = click.Choice(providers.providers())
        chosen = chosen._replace(provider=click.prompt("Provider of hardened images", chosen.provider, type=kind))
    if "registry" in left:
        question, checked = "Mirror of its registry, HOST[/PREFIX] (empty: none)", partial(_mirror, chosen.provider)
        chosen = chosen._replace(registry=click.prompt(question, "", value_proc=checked, show_default=False))
    if "exclude" in left and chosen.exclude:
        exclude = click.confirm(f"Exclude {', '.join(chosen.exclude)}?", default=True)
        chosen = chosen._replace(exclude=chosen.exclude if exclude else ())
    if repository(os.path.abspath(folder)) == os.path.abspath(folder):
        if "hook" in left:
            chosen = chosen._replace(hook=click.confirm("Add a pre-commit hook?", default=False))
        if "workflow" in left and not _exists(folder, WORKFLOW):
            chosen = chosen._replace(workflow=click.confirm("Add a GitHub workflow for pull requests?", default=False))
    return chosen


def _mirror(provider: str, answer: str) -> str:
    """Return a registry entered by the user. Raises ``click.UsageError`` if it is invalid: click asks again."""
    try:
        catalog.load(provider, answer.strip())
    except MappingError as error:
        raise click.UsageError(printable(str(error).removeprefix("--registry: "))) from None
    return answer.strip()


def _files(choice: Choice, folder: str) -> dict[str, str]:
    """Return the text of each file to write, by name. The configuration is last: if it exists, the others do too."""
    wanted = {HOOK: choice.hook, WORKFLOW: choice.workflow}
    added = {name: _template(name) for name, want in wanted.items() if want and not _exists(folder, name)}
    values: dict[str, str | list[str]] = {"provider": choice.provider}
    values |= {"registry": choice.registry} if choice.registry else {}
    values |= {"exclude": list(choice.exclude)} if choice.exclude else {}
    return added | {CONFIGURATION: configuration(values)}


def _exists(folder: str, name: str) -> bool:
    return os.path.lexists(os.path.join(folder, name))


def configuration(values: Mapping[str, str | list[str]]) -> str:
    """Return the text of a configuration with the given values; other keys are comments. Each is described."""
    with open(os.path.join(os.path.dirname(__file__), "config.schema.json"), encoding="utf-8") as file:
        known = json.load(file)["properties"]
    blocks = [_HEAD]
    for key, example in EXAMPLES.items():
        choices = f" One of {', '.join(known[key]['enum'])}." if "enum" in known[key] else ""
        value = json.dumps(values.get(key, example), ensure_ascii=False)  # for printable text, the same in TOML
        blocks.append(f"# {known[key]['description']}{choices}\n{'# ' * (key not in values)}{key} = {value}\n")
    return "\n".join(blocks)


def _template(name: str) -> str:
    with open(os.path.join(data.folder("hooks"), TEMPLATES[name]), encoding="utf-8") as file:
        return file.read()


def _put(files: Mapping[str, str], dry: bool) -> None:
    """Write all files or none, or print the patch that creates them. Raises ``NotWritten`` with the path."""
    with contextlib.ExitStack() as stack:
        for path in files:
            with _named(path):
                check_new(path)
        for path, text in files.items() if not dry else ():
            with _named(path):
                stack.enter_context(created(path, text.encode()))
    if dry:
        from echo_migrate.engine.patch import new_file

        print_bytes(b"".join(new_file(Source(path, text)) for path, text in files.items()))


@contextlib.contextmanager
def _named(path: str) -> Iterator[None]:
    """Add the path to the message of ``NotWritten``."""
    try:
        yield
    except NotWritten as error:
        raise NotWritten(f"{path}: {error}") from None


def _closing(choice: Choice, folder: str, files: Iterable[str], dry: bool) -> list[str]:
    """Return the messages about what was written, what was not changed, and the next steps."""
    lines = [f"{'Would write' if dry else 'Wrote'} {printable(path)}." for path in files]
    hook, workflow = (os.path.normpath(os.path.join(folder, name)) for name in (HOOK, WORKFLOW))
    if choice.hook and hook not in files:
        snippet = _template(HOOK).removeprefix("repos:\n")
        lines.append(f"{printable(hook)} exists, and is not changed. Add to its repos:\n{snippet.rstrip()}")
    if workflow not in files and os.path.lexists(workflow):
        lines.append(f"{printable(workflow)} exists, and is not overwritten.")
    if choice.hook:
        lines.append("Next: set repo and rev of the hook to where echo-migrate is kept, and run `pre-commit install`.")
    if workflow in files:
        lines.append("Next: set the last `uses` of the workflow to where the action is kept, at a full commit SHA.")
    where = "" if folder == "." else f"in {printable(folder)}, "
    return [*lines, f"Next: {where}run `echo-migrate check`, then `echo-migrate fix --diff`."]
