"""The tables ``prove`` of a configuration: what must work in a container before and after a change.

    [[prove]]
    path = "api/Dockerfile"           # for this Dockerfile; without it, for all
    context = "."                     # the folder that it is built from
    http = "/health"                  # a request: path, and port if not the first that is exposed
    port = 8000
    status = 200
    text = "ok"                       # what the answer, or the command's output, must contain
    command = ["python", "-m", "app.selftest"]

The file may come with a tree: it names folders of that tree alone, and what it runs, it runs in the container.
"""

import json
import os
import shlex
from collections.abc import Callable
from typing import Any

import click

from echo_migrate.files.spelling import unknown_key
from echo_migrate.proof.container import Smoke

_KINDS: dict[str, tuple[type, str]] = {
    "path": (str, "a text"),
    "context": (str, "a text"),
    "command": (list, "a list of texts"),
    "http": (str, "a path that begins with /"),
    "port": (int, "a number"),
    "status": (int, "a number"),
    "text": (str, "a text"),
}
_MOST = 200
_LONGEST = 2000


def rows(where: str, table: Any, folder: str, allowed: Callable[[str], bool]) -> list[str]:
    """Return the tables as JSON, with absolute paths. Raises ``click.UsageError``."""
    if not isinstance(table, list) or len(table) > _MOST or not all(isinstance(row, dict) for row in table):
        raise click.UsageError(f"{where}: prove must be a list of tables, [[prove]]")
    return [json.dumps(_row(f"{where}: prove", row, folder, allowed)) for row in table]


def _row(where: str, row: dict[str, Any], folder: str, allowed: Callable[[str], bool]) -> dict[str, Any]:
    for key, value in row.items():
        if key not in _KINDS:
            raise click.UsageError(f"{where}: {unknown_key(key, _KINDS)}")
        kind, described = _KINDS[key]
        fits = isinstance(value, kind) and not isinstance(value, bool)
        fits = fits and (key != "http" or (value.startswith("/") and value.isascii() and value.isprintable()))
        fits = fits and (key != "port" or 0 < value < 65_536) and (key != "status" or 100 <= value < 600)
        fits = fits and (key != "command" or bool(value and all(isinstance(one, str) for one in value)))
        texts = value if isinstance(value, list) else [value]
        if not fits or any("\0" in one or len(one) > _LONGEST for one in texts if isinstance(one, str)):
            raise click.UsageError(f"{where}: {key} must be {described}")
    found = dict(row)
    for key in ("path", "context"):
        if key in row:
            found[key] = os.path.normpath(os.path.join(folder, row[key]))
            if not (found[key] == folder or allowed(found[key])):
                raise click.UsageError(f"{where}: {key} must lie in the repository of this file")
    if ("command" in row) and ("http" in row):
        raise click.UsageError(f"{where}: give command or http, in a table each")
    return found


class Tests:
    """The tests of the options and of the configuration, by Dockerfile."""

    def __init__(self, commands: tuple[str, ...], given: tuple[str, ...]) -> None:
        self.rows: list[dict[str, Any]] = [json.loads(one) for one in given]
        self.commands = [Smoke(command=_words(one)) for one in commands]

    def of(self, path: str) -> list[Smoke]:
        """Return the tests of a Dockerfile."""
        found = [row for row in self._of(path) if "command" in row or "http" in row]
        return self.commands + [
            Smoke(
                tuple(row.get("command", ())),
                row.get("http", ""),
                row.get("port", 0),
                row.get("status", 200),
                row.get("text", ""),
            )
            for row in found
        ]

    def context(self, path: str) -> str:
        """Return the folder that a Dockerfile is built from, "" if none is given."""
        given = [row["context"] for row in self._of(path) if "context" in row]
        return os.path.relpath(given[-1]) if given else ""

    def _of(self, path: str) -> list[dict[str, Any]]:
        own = os.path.abspath(path)
        return [row for row in self.rows if row.get("path", own) == own]


def _words(command: str) -> tuple[str, ...]:
    try:
        words = tuple(shlex.split(command))
    except ValueError as error:
        raise click.BadParameter(f"{command!r}: {error}".lower(), param_hint="--smoke") from None
    if not words:
        raise click.BadParameter("is empty", param_hint="--smoke")
    return words
