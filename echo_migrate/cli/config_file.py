"""Which file is the configuration of a run: found by its name, without reading any that is named otherwise."""

import os

FILES = (".echo-migrate.toml", "echo-migrate.toml", "pyproject.toml")


def nearest(start: str) -> str | None:
    """Return the configuration file for a folder: its own, or the nearest one above it in its repository; None if none.

    Raises ``click.UsageError`` for a link out of the repository.
    """
    folder = os.path.abspath(start)
    while True:
        for name in FILES:
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                from echo_migrate.cli.config import is_ours  # most folders have no such file

                if is_ours(path, folder):
                    return path
        parent = os.path.dirname(folder)
        if parent == folder or os.path.lexists(os.path.join(folder, ".git")):
            return None
        folder = parent
