"""Whose configuration holds in a pull request: that of the base revision, where the pull request has it otherwise.

A configuration names the registry and the mapping that our suggestions come from. One that a pull request brings along
could make us suggest an image of its author's; so what differs is read from the base, and said.

    python -I -m echo_migrate.cli.github.trusted FOLDER [CONFIG [PATHS…]]

prints {"top": …, "paths": […], "options": […], "notes": […], "fork": …}: the folder to work in, the paths as seen from
there, and whether the pull request comes from a fork; or {"misuse": …}.
"""

import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from echo_migrate.cli import config, config_file
from echo_migrate.cli.github import event as events
from echo_migrate.cli.github.event import Event, Unusable
from echo_migrate.files.git import fetch, git, top_of
from echo_migrate.files.source import Unreadable
from echo_migrate.files.toml import read_toml

LARGEST = 5_000_000
_REFERS = ("mapping", "baseline")
Read = Callable[[str], bytes | None]
"""The text of a file by its path from the top of the repository; None if there is none, or a link leads there."""


class Trusted(NamedTuple):
    """The options for a check, and what is to be said of them."""

    options: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class _Settings(NamedTuple):
    """A configuration file, its table, and the files that it names (by key), ``whole`` if all of them are there."""

    name: str
    table: Any
    files: dict[str, bytes]
    named: dict[str, str]
    whole: bool

    def folder(self, top: str) -> str:
        """Return where the file lies below a folder: what it names is meant from there."""
        return os.path.join(top, *self.name.split("/")[:-1])


def trusted(event: Event, start: str, folder: str, named: str = "") -> Trusted:
    """Return the options that make a check of a pull request read what its base says.

    Files of the base are written below ``folder``. ``named`` is a configuration file that the workflow names. Without a
    pull request nothing is to be said.
    """
    if not event.number:
        return Trusted(("--config", named) if named else ())
    top = top_of(start) or os.path.realpath(start)
    if named and _outside(named, top):
        return Trusted(("--config", named))
    names = [_relative(named, top)] if named else _candidates(start, top)
    here = _settings(_checkout(top), names)
    base = _base(top, event)
    if base is None:
        why = "the base revision is not at hand (fetch-depth: 2 brings it)"
        return Trusted(("--no-config",), (f"No configuration is read: {why}.",) if here else ())
    there = _settings(_revision(top, base), names)
    if there is None:
        return Trusted(("--no-config",), (_said([here.name], "the base revision has none"),) if here else ())
    if not there.whole:
        return Trusted(("--no-config",), (_said([there.name], "it names files that the base revision does not have"),))
    if here and _same(here, there) and _straight(there, top):
        return Trusted(("--config", os.path.join(top, *there.name.split("/"))))
    _copied(there, top, folder)
    options = ["--config", os.path.join(folder, *there.name.split("/"))]
    options += _excludes(there, top)
    note = f"Read from the base revision, for the pull request has them otherwise: {', '.join(sorted(there.files))}."
    return Trusted(tuple(options), (note,))


def _said(names: Iterable[str], why: str) -> str:
    return f"Not read: {', '.join(sorted(names))}; {why}."


def _candidates(start: str, top: str) -> list[str]:
    """Return the configuration files that may hold for a folder, the nearest first."""
    parts = _relative(start, top).split("/")
    folders = ["/".join(parts[:count]) for count in range(len(parts), 0, -1)] if parts != ["."] else []
    return [f"{folder}/{name}" if folder else name for folder in (*folders, "") for name in config_file.FILES]


def _relative(path: str, top: str) -> str:
    return os.path.relpath(os.path.abspath(path), os.path.realpath(top)).replace(os.sep, "/")


def _outside(path: str, top: str) -> bool:
    return _relative(path, top).split("/")[0] == ".." or os.path.isabs(_relative(path, top))


def _settings(read: Read, names: list[str]) -> _Settings | None:
    """Return the first of the files that is one of ours, with what it names."""
    for name in names:
        data = read(name)
        table = None if data is None else _table(name, data)
        if data is None or table is None:
            continue
        files, named, whole = {name: data}, dict[str, str](), True
        for key in _REFERS:
            value = table.get(key) if isinstance(table, dict) else None
            if isinstance(value, str) and value:
                path = os.path.normpath(os.path.join(os.path.dirname(name), value)).replace(os.sep, "/")
                other = None if path.startswith("../") or os.path.isabs(path) else read(path)
                whole = whole and other is not None
                files[path], named[key] = other or b"", path
        return _Settings(name, table, files, named, whole)
    return None


def _straight(settings: _Settings, top: str) -> bool:
    """Return whether the files that a configuration of the checkout names are those that were looked at.

    The way to one may lead through a folder and back (``x/../rows.yaml``), and the folder may be a link.
    """
    top = os.path.realpath(top)
    return all(
        os.path.realpath(os.path.join(settings.folder(top), settings.table[key])) == os.path.join(top, *path.split("/"))
        for key, path in settings.named.items()
    )


def _copied(settings: _Settings, top: str, folder: str) -> None:
    """Write the files of a configuration below another folder, in which what they name is found as where they lay."""
    for name, data in settings.files.items():
        path = os.path.join(folder, *name.split("/"))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(_moved(data, top, name, path) if name == settings.named.get("baseline") else data)
    for key in settings.named:  # also the folders on a way that leads back
        os.makedirs(os.path.join(settings.folder(folder), os.path.dirname(settings.table[key])), exist_ok=True)


def _moved(data: bytes, top: str, name: str, path: str) -> bytes:
    """Return a baseline as it reads elsewhere: its paths are from its own folder. What is none stays as it is."""
    there, here = os.path.dirname(os.path.join(top, *name.split("/"))), os.path.dirname(path)
    try:
        document = json.loads(data)
        findings = document["findings"].items()
        document["findings"] = {os.path.relpath(os.path.join(there, one), here): marks for one, marks in findings}
        return json.dumps(document).encode()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return data


def _table(name: str, data: bytes) -> Any:
    """Our table in a file; None if a pyproject.toml has none. What is not TOML is a table like no other."""
    try:
        table = read_toml(data.decode())
    except (UnicodeDecodeError, Unreadable):
        return data
    if os.path.basename(name) != "pyproject.toml":
        return table
    tool = table.get("tool")
    return tool.get("echo-migrate") if isinstance(tool, dict) else None


def _same(here: _Settings, there: _Settings) -> bool:
    """Return whether two revisions say the same; of the file itself, only our table counts."""

    def others(settings: _Settings) -> dict[str, bytes]:
        return {k: v.replace(b"\r\n", b"\n") for k, v in settings.files.items() if k != settings.name}

    return here.name == there.name and here.table == there.table and others(here) == others(there)


def _checkout(top: str) -> Read:
    def read(name: str) -> bytes | None:
        path = os.path.join(os.path.realpath(top), *name.split("/"))
        if os.path.realpath(path) != path or not os.path.isfile(path) or os.path.getsize(path) > LARGEST:
            return None
        try:
            with open(path, "rb") as file:
                return file.read()
        except OSError:
            return None

    return read


def _revision(top: str, revision: str) -> Read:
    def read(name: str) -> bytes | None:
        listed = git(top, "ls-tree", "-z", "--long", revision, "--", name) or b""
        mode, kind, blob, size = (listed.split(b"\t")[0].split() + [b""] * 4)[:4]
        if kind != b"blob" or mode == b"120000" or not size.isdigit() or int(size) > LARGEST:
            return None
        return git(top, "cat-file", "blob", blob.decode())

    return read


def _base(top: str, event: Event) -> str | None:
    """Return the base revision, if it is at hand or can be fetched; in a merge that GitHub made, its first parent is
    one."""
    if _has(top, event.base):
        return event.base
    merged = (git(top, "rev-parse", "--verify", "--quiet", "HEAD^2") or b"").strip().decode()
    head = (git(top, "rev-parse", "--verify", "--quiet", "HEAD") or b"").strip().decode()
    if merged == event.head and head == os.environ.get("GITHUB_SHA") and _has(top, "HEAD^1"):
        return "HEAD^1"
    fetch(top, f"{os.environ.get('GITHUB_SERVER_URL', '')}/{os.environ.get('GITHUB_REPOSITORY', '')}", event.base)
    return event.base if _has(top, event.base) else None


def _has(top: str, revision: str) -> bool:
    return git(top, "cat-file", "-e", f"{revision}^{{tree}}") is not None


def _excludes(settings: _Settings, top: str) -> list[str]:
    """Return the patterns of a configuration that is read elsewhere than where it lies, as seen from where it does."""
    patterns = settings.table.get("exclude") if isinstance(settings.table, dict) else None
    listed = [one for one in patterns if isinstance(one, str)] if isinstance(patterns, list) else []
    return [word for one in listed for word in ("--exclude", config.anchored(one, settings.folder(top)))]


def checked_out(paths: Sequence[str]) -> str:
    """Return the top folder of the repository that a pull request is of; empty if there is none here.

    It is the one of the working folder, or else the one of the paths, or of the folders here: actions/checkout may put
    it into a folder of its own. Raises ``Unusable`` where there are several.
    """
    if top := top_of("."):
        return top
    folders = paths or [name for name in os.listdir() if os.path.lexists(os.path.join(name, ".git"))]
    tops = {top_of(path if os.path.isdir(path) else os.path.dirname(path)) for path in folders} - {""}
    if len(tops) > 1:
        raise Unusable("paths: name those of one repository, the pull request's: several are checked out")
    return tops.pop() if tops else ""


def main(folder: str, named: str = "", *paths: str) -> None:
    """Print the answer of ``trusted`` for the event of this workflow and the working folder, and where to work."""
    try:
        known = events.read(os.environ.get("GITHUB_EVENT_PATH", ""))
        top = checked_out(paths) if known.number else ""
    except Unusable as error:
        print(json.dumps({"misuse": str(error)}))
        return
    start, folder, named = os.getcwd(), os.path.realpath(folder), named and os.path.abspath(named)
    os.chdir(top or ".")
    below = start != os.getcwd() and os.path.commonpath((start, os.getcwd())) == os.getcwd()
    options, notes = trusted(known, start if below else ".", folder, named)
    if known.number and not top:
        notes = (*notes, "The working folder is in no git repository: paths are taken from it.")
    seen = [os.path.relpath(os.path.join(start, path)) for path in paths or (("",) if below else ())]
    print(json.dumps({"top": os.getcwd(), "paths": seen, "options": options, "notes": notes, "fork": known.fork}))


if __name__ == "__main__":
    main(*sys.argv[1:])
