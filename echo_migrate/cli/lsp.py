"""The command ``lsp``: a language server for editors, with the settings of the configuration file."""

from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

import click

from echo_migrate.cli import config, config_file
from echo_migrate.cli.settings import settings_of
from echo_migrate.files.patterns import matcher

if TYPE_CHECKING:
    from echo_migrate.lsp.analysis import Configuration

MISSING = "needs the extra `lsp`: pip install 'echo-migrate[lsp]'"


def run() -> int:
    """Serve an editor over standard input and output. Returns the exit code."""
    if not find_spec("pygls"):
        raise click.UsageError(f"lsp {MISSING}")
    from echo_migrate.lsp.server import serve

    root = click.get_current_context().find_root()
    assert isinstance(root.command, click.Group)
    serve(partial(configured, root, root.command))
    return 0


def configured(root: click.Context, group: click.Group, folder: str) -> "Configuration":
    """Return what ``check`` runs with in a folder; the defaults, with the error, if its configuration is wrong."""
    from echo_migrate.lsp.analysis import Configuration

    check, error, values = group.commands["check"], "", {}
    try:
        if found := config_file.nearest(folder):
            values = config.read(found, group.commands.values(), check, named=False)
        options = check.make_context("check", ["--no-config"], root, default_map=values).params
        settings = settings_of(options)  # type: ignore[arg-type]
    except click.UsageError as wrong:
        error = wrong.format_message()
        options = check.make_context("check", ["--no-config"], root, default_map={}).params
        settings = settings_of(options)  # type: ignore[arg-type]
    exclude = tuple(options["exclude"])
    return Configuration(settings._replace(named=(folder,)), exclude, matcher(exclude), error)
