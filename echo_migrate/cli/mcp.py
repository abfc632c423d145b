"""The command ``mcp``: a server of the Model Context Protocol for coding agents."""

import os
from importlib.util import find_spec

import click

MISSING = "needs the extra `mcp`: pip install 'echo-migrate[mcp]'"


def run(folder: str, write: bool, prove: bool) -> int:
    """Serve an agent over standard input and output. Returns the exit code. Raises ``click.UsageError``."""
    if not find_spec("mcp"):
        raise click.UsageError(f"mcp {MISSING}")
    if os.path.realpath(folder) == os.sep:
        raise click.UsageError(f"{os.sep} is the whole machine: name a folder")
    from echo_migrate.mcp.server import serve

    serve(folder, write, prove)
    return 0
