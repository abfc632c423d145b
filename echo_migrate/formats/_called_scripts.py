"""The scripts and targets of makefiles that jobs of a repository call, with the logins that all calls have before them.

Follows POSIX.1-2017, "Command Search and Execution" (a name with a slash is a path) and "dot"; docs.github.com,
"Workflow syntax for GitHub Actions" (jobs.<id>.steps[*].run) and "Metadata syntax" (runs.steps[*].run).
"""

import contextlib
import glob
import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from echo_migrate.files.budget import beside
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Source, Traced
from echo_migrate.files.tree import dockerfile_at, real, top
from echo_migrate.files.workspace import of_a_run
from echo_migrate.files.yaml import ScalarNode, is_scalar, is_text, positions, sequence, traced
from echo_migrate.formats._called_targets import is_made, made, run_by, target_at
from echo_migrate.formats._step_logins import as_shells
from echo_migrate.formats._yaml import YamlFile
from echo_migrate.formats.github import steps_of_shells
from echo_migrate.shell.commands import SHELLS, Command
from echo_migrate.shell.parser import read

_SCRIPT = lazy_regex(r"(?i)[^*?\n]{1,1000}\.(?:ba|k|z)?sh")
_PLAIN = lazy_regex(r"(?!\.\.$)[\w.@+ -]+")
_NAMED = lazy_regex(r"(?i)\.(?:ba|k|z)?sh\b|\bg?make\b|\$[({]MAKE[)}]")
_READING = SHELLS | {".", "source"}
"""Commands that run the script which they are given."""

_GITHUB = (".github/workflows/*.yml", ".github/workflows/*.yaml", ".github/actions/*/action.y*ml", "action.y*ml")
_OTHERS = (
    *(
        ".circleci/config.yml",
        ".drone.y*ml",
        ".gitlab-ci.y*ml",
        ".gitlab/*.yml",
        ".gitlab/*/*.yml",
        ".travis.yml",
        ".woodpecker*.y*ml",
    ),
    *(".woodpecker/*.y*ml", "azure-pipelines*.y*ml", "bitbucket-pipelines.y*ml", "buildspec*.y*ml"),
)
"""The files of CI systems whose steps may call scripts: of GitHub, and of others, which are ``ci`` or ``gitlab``."""

_RUN = frozenset(
    ("after_script", "bash", "before_script", "build", "command", "commands", "install", "post_build", "pre_build")
    + ("run", "script")
)
"""Keys of other systems whose values, or the items of these, a shell runs."""

_MOST_FILES = 200
_MOST_CALLS = 400


class _Call(NamedTuple):
    """A call: the path of a script or makefile as written, without folders up to the last that is not known, the words
    of the logins before it, the kind of the files that call, and the target of a makefile (None of a script)."""

    path: str
    logins: tuple[str, ...]
    kind: str
    target: str | None = None


class Callers(NamedTuple):
    """The kinds of files that call something, and what the logins before each of these calls have in common."""

    kinds: frozenset[str]
    login: str


def callers_of(path: str, text: str, offset: int | None = None) -> Callers | None:
    """Return who calls a script, or the target of a makefile that an offset is in, None if no job does. A path that is
    not there from the top counts from any folder."""
    root = real(top(path))
    own = os.path.relpath(real(path), root).replace(os.sep, "/")
    calls = [one for one in _calls(root) if (one.target is None) == (offset is None) and _is(own, one.path, root)]
    if calls and offset is not None:
        targets = target_at(text, offset)
        calls = [one for one in calls if is_made(text, targets, one.target or "")]
    if not calls:
        return None
    login = " ".join(word for word in calls[0].logins if all(word in one.logins for one in calls))
    return Callers(frozenset(one.kind for one in calls), login)


def _is(own: str, written: str, root: str) -> bool:
    return own == written or (own.endswith(f"/{written}") and not os.path.exists(os.path.join(root, written)))


@of_a_run(64)
def _calls(root: str) -> tuple[_Call, ...]:
    """Return the calls of scripts and targets by the jobs of a repository."""
    found = list[_Call]()
    for patterns in (_GITHUB, _OTHERS):
        names = (name for one in patterns for name in sorted(glob.glob(one, root_dir=root)))
        for name in list(names)[:_MOST_FILES]:
            # an error in a related file is reported when that file is read
            with contextlib.suppress(Exception), beside():
                source = Source.read(os.path.join(root, name))
                kind = "github" if patterns is _GITHUB else "gitlab" if ".gitlab" in name else "ci"
                if _NAMED.search(source.text):
                    found += list(_calls_in(YamlFile(source), kind))
    seen = set[_Call]()
    for call in found:  # which grows
        if call not in seen and len(seen) < _MOST_CALLS:
            seen.add(call)
            with contextlib.suppress(Exception), beside():
                found += list(_passed_on(root, call))
    return tuple(found)


def _passed_on(root: str, call: _Call) -> Iterator[_Call]:
    """Yield the calls by a script or target that is there from the top, with the logins that it has from its own."""
    path = dockerfile_at(os.path.join(root, "_"), ".", call.path)
    text = Source.read(path).text if path else ""
    if call.target is not None:
        needed, commands = run_by(text, call.target)
        yield from (call._replace(target=name) for name in needed)
        yield from (one for command in commands for one in _called(command, call))
    elif _NAMED.search(text):
        for command in read(Traced.of(text, 0, len(text))).commands:
            yield from _called(command, call)


def _calls_in(sheet: YamlFile, kind: str) -> Iterator[_Call]:
    steps = steps_of_shells(sheet) if kind == "github" else ((node, None) for node in _run_in(sheet))
    for node, begin in steps:
        place = traced(node, sheet.text)
        for command in read(as_shells(place)).commands if _NAMED.search(node.value) else ():
            start = command.start if place.spans else node.start_mark.index
            yield from _called(command, _Call("", tuple(sheet.logins(begin, start).split()), kind))


def _run_in(sheet: YamlFile) -> Iterator[ScalarNode]:
    """Yield the scripts of a file of another system, by their keys."""
    for root in sheet.roots:
        for key, node in positions(root):
            if is_scalar(key) and key.value in _RUN:
                yield from (one for one in (node, *sequence(node)) if is_text(one))


def _called(command: Command, by: _Call) -> Iterator[_Call]:
    """Yield the script that a command runs, or the targets that it makes, with the logins before it."""
    words = [word.value for word in command.words]
    if command.name in _READING:
        words = [word for word in words[1:] if _SCRIPT.fullmatch(word)]
    if words and _SCRIPT.fullmatch(words[0]):
        yield from (by._replace(path=path, target=None) for path in _known([words[0]]))
    for written, target in made(command):
        yield from (by._replace(path=path, target=target) for path in _known([written]))


def _known(paths: Iterable[str]) -> Iterator[str]:
    """Yield what is known of paths: without folders up to the last that is not."""
    for path in paths:
        parts = path.split("/")
        known = max((index + 1 for index, part in enumerate(parts) if not _PLAIN.fullmatch(part)), default=0)
        if known < len(parts):
            yield os.path.normpath("/".join(parts[known:]))
