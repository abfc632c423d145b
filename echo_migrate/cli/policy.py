"""The command ``policy``: the gate as a policy of BuildKit, Conftest or Kyverno."""

import os
from typing import Unpack

import click

from echo_migrate.cli.options import Options
from echo_migrate.cli.output import print_bytes, say
from echo_migrate.cli.settings import approval_of, catalog_of, today
from echo_migrate.files.write import NotWritten, replace


def run(kind: str, path: str, **options: Unpack[Options]) -> int:
    """Write the policy. Returns the exit code: 2 if it could not be written."""
    from echo_migrate.reports import policies

    known, approval = catalog_of(options), approval_of(options)
    names = approval.names or tuple(filter(None, [known.target("")]))
    if not names:
        raise click.UsageError("nothing is approved: give --approved")
    text = policies.KINDS[kind](approval._replace(names=names), options.get("today") or today())
    if path == "-":
        print_bytes(text.encode())
        return 0
    try:
        replace(os.path.abspath(path), text.encode())
    except NotWritten as error:
        say(f"{path}: {error}")
        return 2
    return 0
