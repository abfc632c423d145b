"""The configuration file: a TOML table with the options of the command line as keys.

It becomes the ``default_map`` of click, so that options and keys are always the same.
"""

import os
import re
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple

import click

from echo_migrate.files.source import Unreadable, contents
from echo_migrate.files.tree import repository

NOT_KEYS = (
    *("kind", "path"),  # of policy
    *("paths", "config", "no_config", "help", "stdin_filename", "output", "today"),
    # options of github, which reads no configuration file
    *("report", "inventory", "comment", "suggestions", "event", "note", "name", "distrust"),
    # files that the user names for one run
    *("history", "compare", "scan", "vex", "sbom", "feed", "from_store", "minutes", "store", "parquet"),
    *("scheduler", "webhook", "pull_request"),  # nor what is connected to, and where anything is opened
    *("write", "prove", "stdio"),  # what a server may do, its user says
    "cases",
    "add_logins",  # what is added is reviewed each time
    *("hook", "workflow", "yes"),  # options of init, which writes the file
    *("dry_run", "fork"),  # a repository's file does not say where to push
    # a repository's file starts no request, and vouches for no lock
    *("online", "refresh", "offline", "deep", "locked", "update", "verify"),
    # nor does it decide what is built, with whose secrets, and which proofs are believed
    *("builder", "build_arg", "secret", "ssh", "network", "target", "platform", "timeout", "pull", "smoke"),
    *("proofs", "proven", "blocked", "apply"),
)
"""Options that are no keys; ``output`` because a file from a repository must not choose what is overwritten."""

FOUND = f"{__name__}.found"
"""The key in the context of a command for the path of the configuration file."""

TABLES = {"exceptions": "", "per-file-ignores": ":", "levels": "=", "verify": "", "prove": ""}
"""Keys that are tables, with the separator of key and value in the option; each row is one value of it."""

_KEYS = {"policies": "verify", "tests": "prove"}
"""Keys that are not the name of the option: there is no other way to set these."""

_PATHS = ("mapping", "baseline")
LONGEST_PATTERNS = 20_000
MOST_PATTERNS = 200
"""The limits on all patterns of ``exclude``, because each is matched against each file."""


def is_ours(path: str, folder: str) -> bool:
    """Return whether a file of a folder, with the name of a configuration file, is one: a pyproject.toml may not have
    our table; it is only parsed if it contains our name.

    Raises ``click.UsageError`` for a link out of the repository, because the file comes with it.
    """
    if not _within(path, repository(folder) or folder):
        raise click.UsageError(f"{path}: is a link that leaves the repository")
    if os.path.basename(path) != "pyproject.toml":
        return True
    text = _text(path)
    return "echo-migrate" in text and _table(path, text) is not None


def _text(path: str) -> str:
    try:
        return contents(path).decode()
    except UnicodeDecodeError:
        raise click.UsageError(f"{path}: is not UTF-8") from None
    except Unreadable as error:
        raise click.UsageError(f"{path}: {error}") from None


def _table(path: str, text: str) -> Any:
    """Return our table of a file, or None if a pyproject.toml has none. Raises ``click.UsageError``."""
    from echo_migrate.files.toml import read_toml

    try:
        table = read_toml(text)
    except Unreadable as error:
        raise click.UsageError(f"{path}: {error}") from None
    if os.path.basename(path) != "pyproject.toml":
        return table
    tool = table.get("tool")
    return tool.get("echo-migrate") if isinstance(tool, dict) else None


def read(path: str, commands: Iterable[click.Command], command: click.Command, named: bool = True) -> dict[str, Any]:
    """Return the values of the table for ``command``, by parameter name; keys of other commands are omitted.

    Raises ``click.UsageError``, with a suggestion for an unknown key. A file in a repository may only name files in
    that repository; a file in none that was found, not ``named`` by the user, only files in its own folder.
    """
    text = _text(path)
    table = _table(path, text)
    if table is None:
        table = {}
    if not isinstance(table, dict):
        raise click.UsageError(f"{path}: tool.echo-migrate must be a table")
    known: dict[str, list[click.Option]] = {}
    for parameter in [parameter for other in (command, *commands) for parameter in other.params]:
        if isinstance(parameter, click.Option) and parameter.name not in NOT_KEYS:
            key = _KEYS.get(parameter.name or "", max(parameter.opts, key=len).lstrip("-"))
            known.setdefault(key, []).append(parameter)
    place = _Place.of(path, named)
    values = {}
    for key, value in table.items():
        stands = re.search(rf"(?m)^[ \t]*[\"']?{re.escape(key)}[\"']?[ \t]*=", text)
        where = f"{path}:{text.count(chr(10), 0, stands.start()) + 1}" if stands else path
        if key not in known:
            from echo_migrate.files.spelling import unknown_key

            raise click.UsageError(f"{where}: {unknown_key(key, sorted(known))}")
        option = next((one for one in known[key] if _accepts(one, value)), known[key][0])
        value = _checked(where, key, _of_table(where, key, value, place) if key in TABLES else value, option)
        value = _placed(where, key, value, place)
        if option in command.params:  # otherwise, the value is for another command
            values[option.name or ""] = value
    return values


class _Place(NamedTuple):
    """A configuration file: its path and folder, the top of its repository ("" if it is in none), and the folder in
    which the files that it names must lie; None if they may lie anywhere."""

    path: str
    folder: str
    repository: str
    bounds: str | None

    @classmethod
    def of(cls, path: str, named: bool) -> "_Place":
        folder = os.path.dirname(os.path.abspath(path))
        top = repository(folder)
        return cls(path, folder, top or "", top or (None if named else folder))

    def allows(self, path: str) -> bool:
        """Return whether the file may name a path."""
        return self.bounds is None or _within(path, self.bounds)


def _of_table(where: str, key: str, table: Any, place: _Place) -> list[str]:
    """Return a table as values of the option. Raises ``click.UsageError``."""
    if key == "verify":
        from echo_migrate.cli import policies

        return policies.rows(where, table, place.path, place.allows)
    if key == "prove":
        from echo_migrate.cli import smoke

        return smoke.rows(where, table, place.folder, partial(_within, folder=place.repository or place.folder))
    if key == "exceptions":
        from echo_migrate.cli import approval

        return approval.rows(where, table)
    return _rows(where, key, table, place.folder)


def _placed(where: str, key: str, value: Any, place: _Place) -> Any:
    """Return a value whose paths and patterns are seen from the working folder. Raises ``click.UsageError`` for those
    that the file must not have."""
    folder = place.folder
    if key in _PATHS:
        value = os.path.join(folder, value)
        if key == "baseline" and (not _within(value, folder) or ".git" in os.path.realpath(value).split(os.sep)):
            raise click.UsageError(f"{where}: baseline must lie in the folder of this file: it is written to")
        if not place.allows(value):
            raise click.UsageError(f"{where}: {key} must lie in the repository of this file")
    elif key in ("exclude", "include", "per-file-ignores"):
        if excess := too_many(value):
            raise click.UsageError(f"{where}: {key} {excess}")
        value = value if key in TABLES else [anchored(pattern, folder) for pattern in value]
    return value


def _rows(where: str, key: str, table: Any, folder: str) -> list[str]:
    """Return the rows of a table as values of the option. Raises ``click.UsageError``."""
    if not isinstance(table, dict):
        raise click.UsageError(f"{where}: {key} must be a table")
    rows = []
    for name, value in table.items():
        listed = value if isinstance(value, list) and key == "per-file-ignores" else [value]
        if not all(isinstance(one, str) for one in listed):
            kind = "a list of rules" if key == "per-file-ignores" else "a level"
            raise click.UsageError(f"{where}: {key}: {name!r} must be {kind}")
        left = anchored(name, folder) if key == "per-file-ignores" else name
        rows.append(f"{left}{TABLES[key]}{','.join(listed)}")
    return rows


def too_many(patterns: Sequence[str]) -> str:
    """Return why exclude patterns exceed the limits of a configuration, or ""."""
    if sum(len(pattern) + 10 for pattern in patterns) > LONGEST_PATTERNS:
        return f"is longer than {LONGEST_PATTERNS:,} characters"
    return f"has more than {MOST_PATTERNS} patterns" if len(patterns) > MOST_PATTERNS else ""


def _within(path: str, folder: str) -> bool:
    """Return whether a path is in a folder, with links resolved: a file of a tree must not choose what is written."""
    return os.path.realpath(path).startswith(os.path.realpath(folder or ".").rstrip(os.sep) + os.sep)


def _accepts(option: click.Option, value: Any) -> bool:
    """Return whether a value is one of an option's choices; true if it has none."""
    return not isinstance(option.type, click.Choice) or value in option.type.choices


def _checked(where: str, key: str, value: Any, option: click.Option) -> Any:
    """Return the value. Raises ``click.UsageError`` if it has not the TOML type of the option: "no" is no flag."""
    if option.is_flag:
        fits, kind = isinstance(value, bool), "true or false"
    elif option.multiple:
        fits, kind = isinstance(value, list) and all(isinstance(item, str) for item in value), "a list of texts"
    elif isinstance(option.type, click.types.IntParamType):
        fits, kind = isinstance(value, int) and not isinstance(value, bool), "a number"
    else:
        fits, kind = isinstance(value, str), "a text"
    if not fits:
        raise click.UsageError(f"{where}: {key} must be {kind}")
    if isinstance(value, int) and abs(value) > 10**6:
        raise click.UsageError(f"{where}: {key} is too large")
    if isinstance(value, str) and "\0" in value:
        raise click.UsageError(f"{where}: {key} has a NUL in it")
    for item in value if option.multiple else () if option.is_flag else (value,):
        try:
            option.type.convert(item, option, None)
        except click.BadParameter as error:
            raise click.UsageError(f"{where}: {key}: {error.message}") from None
    return value


def anchored(pattern: str, folder: str) -> str:
    """Return an exclude pattern, relative to the working folder if it has a slash and so is relative to ``folder``."""
    plain = pattern.removeprefix("./").rstrip("/")
    return os.path.relpath(os.path.join(folder, plain.lstrip("/"))) if "/" in plain.removeprefix("**/") else pattern
