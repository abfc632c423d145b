"""The scripts that workflows of a repository call, with the registry logins that all calls of one have before them.

Follows POSIX.1-2017, "Command Search and Execution" (a name with a slash is a path) and "dot"; docs.github.com,
"Workflow syntax for GitHub Actions" (jobs.<id>.steps[*].run).
"""

import contextlib
import os
from collections.abc import Iterator
from typing import NamedTuple

from echo_migrate.files.budget import beside
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Source, Traced
from echo_migrate.files.tree import dockerfile_at, real, top
from echo_migrate.files.workspace import of_a_run
from echo_migrate.files.yaml import traced
from echo_migrate.formats._step_logins import as_shells
from echo_migrate.formats._yaml import YamlFile
from echo_migrate.formats.github import steps_of_shells
from echo_migrate.shell.commands import SHELLS, Command
from echo_migrate.shell.parser import read

_SCRIPT = lazy_regex(r"(?i)[^*?\n]{1,1000}\.(?:ba|k|z)?sh")
_PLAIN = lazy_regex(r"(?!\.\.$)[\w.@+ -]+")
_NAMED = lazy_regex(r"(?i)\.(?:ba|k|z)?sh\b")
_READING = SHELLS | {".", "source"}
"""Commands that run the script which they are given."""

_MOST_WORKFLOWS = 200
_MOST_SCRIPTS = 200


class _Call(NamedTuple):
    """A call of a script: its path as written, without folders up to the last that is not known, and the words of the
    logins before it."""

    path: str
    logins: tuple[str, ...]


def login_of_callers(path: str) -> str | None:
    """Return what the logins have in common that the workflows of a repository make before each call of a script, None
    if none calls it. A path that is not there from the top counts from any folder."""
    root = real(top(path))
    own = os.path.relpath(real(path), root).replace(os.sep, "/")
    calls = [one for one in _calls(root) if _is(own, one.path, root)]
    if not calls:
        return None
    return " ".join(word for word in calls[0].logins if all(word in one.logins for one in calls))


def _is(own: str, written: str, root: str) -> bool:
    return own == written or (own.endswith(f"/{written}") and not os.path.exists(os.path.join(root, written)))


@of_a_run(64)
def _calls(root: str) -> tuple[_Call, ...]:
    """Return the calls of scripts in the workflows of a repository."""
    found, names = list[_Call](), list[str]()
    folder = os.path.join(root, ".github", "workflows")
    with contextlib.suppress(OSError):
        names = sorted(name for name in os.listdir(folder) if name.endswith((".yml", ".yaml")))
    for name in names[:_MOST_WORKFLOWS]:
        # an error in a related file is reported when that file is read
        with contextlib.suppress(Exception), beside():
            source = Source.read(os.path.join(folder, name))
            if _NAMED.search(source.text):
                found += list(_calls_in(YamlFile(source)))
    seen = set[_Call]()
    for call in found:  # which grows
        if call not in seen and len(seen) < _MOST_SCRIPTS:
            seen.add(call)
            with contextlib.suppress(Exception), beside():
                found += list(_passed_on(root, call))
    return tuple(found)


def _passed_on(root: str, call: _Call) -> Iterator[_Call]:
    """Yield the calls of other scripts by one that is there from the top, with the logins that it has from its own."""
    path = dockerfile_at(os.path.join(root, "_"), ".", call.path)
    text = Source.read(path).text if path else ""
    if _NAMED.search(text):
        for command in read(Traced.of(text, 0, len(text))).commands:
            written = _called(command)
            if written:
                yield _Call(written, call.logins)


def _calls_in(sheet: YamlFile) -> Iterator[_Call]:
    for node, begin in steps_of_shells(sheet):
        place = traced(node, sheet.text)
        for command in read(as_shells(place)).commands if _NAMED.search(node.value) else ():
            written = _called(command)
            if written:
                start = command.start if place.spans else node.start_mark.index
                yield _Call(written, tuple(sheet.logins(begin, start).split()))


def _called(command: Command) -> str:
    """Return the path of the script that a command runs, "" if it runs none."""
    words = [word.value for word in command.words]
    if command.name in _READING:
        words = [word for word in words[1:] if _SCRIPT.fullmatch(word)]
    if not words or not _SCRIPT.fullmatch(words[0]):
        return ""
    parts = words[0].split("/")
    known = max((index + 1 for index, part in enumerate(parts) if not _PLAIN.fullmatch(part)), default=0)
    return os.path.normpath("/".join(parts[known:])) if known < len(parts) else ""
