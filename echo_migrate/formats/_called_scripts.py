"""The scripts, targets of makefiles and tests that jobs of a repository call, with the logins that all calls
have before them.

Follows POSIX.1-2017, "Command Search and Execution" (a name with a slash is a path) and "dot"; docs.github.com,
"Workflow syntax for GitHub Actions" (jobs.<id>.steps[*].run) and "Metadata syntax" (runs.steps[*].run).
"""

import contextlib
import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from echo_migrate.files.budget import beside
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Source, Traced, Unreadable
from echo_migrate.files.tree import dockerfile_at, matching, real, top
from echo_migrate.files.workspace import of_a_run
from echo_migrate.files.yaml import ScalarNode, is_scalar, is_text, positions, sequence, traced
from echo_migrate.formats import _cloud_build, jenkins, makefile
from echo_migrate.formats._called_tests import TESTS, is_read, tested
from echo_migrate.formats._github_steps import steps_of_shells
from echo_migrate.formats._gitlab_includes import files_of
from echo_migrate.formats._makefile_includes import included
from echo_migrate.formats._step_logins import as_shells
from echo_migrate.formats._yaml import YamlFile
from echo_migrate.shell.commands import SHELLS, Command, Script
from echo_migrate.shell.folders import in_folders
from echo_migrate.shell.makefiles import MAKEFILE, MAKEFILES, made, rule_at, rules_of, run_by
from echo_migrate.shell.parser import read
from echo_migrate.shell.registry_logins import logins_before

_SCRIPT = lazy_regex(r"(?i)[^*?\n]{1,1000}\.(?:ba|k|z)?sh")
_PLAIN = lazy_regex(r"(?!\.\.$)[\w.@+ -]+")
_NAMED = lazy_regex(r"(?i)\.(?:ba|k|z)?sh\b|\b(?:g?make|hatch|nox|py\.?test|tox)\b|\$[({]MAKE[)}]")
_READING = SHELLS | {".", "source"}
"""Commands that run the script which they are given."""

_FILES = {
    "github": (".github/workflows/*.y*ml", ".github/actions/*/action.y*ml", "action.y*ml"),
    "gitlab": (".gitlab/*.y*ml", ".gitlab/*/*.y*ml"),
    "ci": (
        *(".appveyor.yml", "appveyor.yml", ".azure*/*.y*ml", ".azure*/*/*.y*ml", "*azure-pipelines*.y*ml"),
        *("pipelines/azure-pipelines*.y*ml", ".buildkite/*.y*ml", ".circleci/*.y*ml", ".cirrus.yml", ".drone.y*ml"),
        *(".semaphore/*.y*ml", ".travis.yml", ".woodpecker*.y*ml", ".woodpecker/*.y*ml", "bitbucket-pipelines.y*ml"),
        *("azure-pipelines/*.y*ml", ".pipelines/*.y*ml", "buildspec*.y*ml", "*cloudbuild*.y*ml"),
    ),
    "jenkins": ("*Jenkinsfile*", "ci/*Jenkinsfile*", "jenkins/*", ".jenkins/*", "vars/*.groovy"),
}
"""The files of CI systems whose steps may call scripts, besides those of GitLab's pipelines, by their kinds."""

_RUN = lazy_regex(
    r"bash|commands?|run|sh|(?:(?:after|before|build|deploy|test)_)?(?:install|script|success)|.+[_-]script"
)
"""Keys of other systems whose values, or the items of these, a shell runs."""

_ANYWHERE = "**/"
_MOST_FILES = 200
_MOST_CALLS = 2000


class _Call(NamedTuple):
    """A call: the path of a script or makefile from the top (``**/`` for folders that are not known), the words of the
    logins before it, the kind of the files that call, and the target of a makefile (None of a script, ``TESTS`` of
    a folder of tests, whose path is "" for all)."""

    path: str
    logins: tuple[str, ...]
    kind: str
    target: str | None = None


def login_of_callers(path: str, text: str, elsewhere: frozenset[str], offset: int | None = None) -> str | None:
    """Return what the logins have in common that jobs make before each call of a script, or of the target of a makefile
    that an offset is in; None if none calls it but of kinds ``elsewhere``. A path that is not there from the top counts
    from any folder."""
    rules = _logins_by_rule(path, text, elsewhere, offset is not None)
    return rules.get(rule_at(text, offset) if offset is not None and rules else None)


def may_be_called(path: str) -> bool:
    """Return whether the calls by jobs are known of a file with this name: of a makefile or a script."""
    return makefile.candidate(path) or bool(_SCRIPT.fullmatch(path))


@of_a_run(64)
def files_of_jobs(root: str) -> frozenset[str]:
    """Return the real paths of the files of CI systems below a real path."""
    return frozenset(real(path) for path, _ in _files(root))


@of_a_run(16)  # each image of a file asks
def _logins_by_rule(path: str, text: str, elsewhere: frozenset[str], makes: bool) -> dict[int | None, str]:
    """Return what the logins have in common before the calls of each rule of a makefile, by its offset, and before all
    of a file."""
    root = real(top(path))
    own = os.path.relpath(real(path), root).replace(os.sep, "/")
    folder, _, name = own.rpartition("/")
    if makes and name in MAKEFILES:
        own = os.path.join(folder, MAKEFILE)
    found = dict[int | None, list[tuple[str, ...]]]()
    for call in _calls(root):
        if (call.target is not None) == makes and call.kind not in elsewhere and _is(own, call.path, root):
            for rule in (None, *(rules_of(text, call.target) if call.target is not None else ())):
                found.setdefault(rule, []).append(call.logins)
    return {rule: _common(logins) for rule, logins in found.items()}


def login_of_testers(path: str, elsewhere: frozenset[str]) -> str | None:
    """Return what the logins have in common that jobs make before each run of tests which reads a file; None if none
    runs it but of kinds ``elsewhere``."""
    root = real(top(path))
    own = os.path.relpath(real(path), root).replace(os.sep, "/")
    found = [
        call.logins
        for call in _calls(root)
        if call.target == TESTS and call.kind not in elsewhere and is_read(own, call.path)
    ]
    return _common(found) if found else None


def _common(logins: list[tuple[str, ...]]) -> str:
    return " ".join(word for word in logins[0] if all(word in one for one in logins))


def _is(own: str, written: str, root: str) -> bool:
    name = written.removeprefix(_ANYWHERE)
    return own == name or (own.endswith(f"/{name}") and (name != written or not _there(root, name)))


def _there(root: str, path: str) -> str | None:
    """Return where a script or makefile is that has a path from the top, None if it is not there."""
    folder, _, name = path.removeprefix(_ANYWHERE).rpartition("/")
    found = (
        dockerfile_at(os.path.join(root, "_"), folder, one) for one in (MAKEFILES if name == MAKEFILE else (name,))
    )
    return next(filter(None, found), None)


@of_a_run(64)
def _calls(root: str) -> tuple[_Call, ...]:
    """Return the calls of scripts and targets by the jobs of a repository."""
    waiting = list[_Call]()
    for path, kind in _files(root):
        # an error in a related file is reported when that file is read
        with contextlib.suppress(Exception), beside():
            source = Source.read(path)
            if _NAMED.search(source.text):
                waiting += _of_jenkins(source, root) if kind == "jenkins" else _calls_in(YamlFile(source), kind, root)
    seen = dict[_Call, None]()
    with contextlib.suppress(Exception), beside():  # all of them together
        while waiting and len(seen) < _MOST_CALLS:
            call = waiting.pop()
            if call not in seen:
                seen[call] = None
                with contextlib.suppress(Unreadable):
                    waiting += _passed_on(root, call)
    return (*seen, *dict.fromkeys(waiting))


def _files(root: str) -> Iterator[tuple[str, str]]:
    """Yield the files of CI systems, each with its kind."""
    for kind, patterns in _FILES.items():
        found = {path for one in patterns for path in matching(root, one, root)}
        found.update(files_of(root) if kind == "gitlab" else ())
        yield from ((path, kind) for path in sorted(found)[:_MOST_FILES])


def _passed_on(root: str, call: _Call) -> Iterator[_Call]:
    """Yield the calls by a script or target that is there from the top, with the logins that it has from its own."""
    path = _there(root, call.path)
    text = Source.read(path).text if path else ""
    if path and call.target is not None:
        folder = os.path.dirname(call.path)
        others = included(path, text)
        for other in (path, *others):
            needed, ran = run_by(text if other == path else Source.read(other).text, call.target)
            yield from (call._replace(target=name) for name in needed)
            for recipe in ran:
                by = call
                for line in recipe:  # each is a shell of its own
                    yield from _called(line, by, folder, root)
                    by = _logged_in(by, line, _script(line), len(line))
        yield from (call._replace(path=os.path.normpath(os.path.relpath(other, root))) for other in others)
    elif _NAMED.search(text):
        yield from _called(text, call, "", root)


def _calls_in(sheet: YamlFile, kind: str, root: str) -> Iterator[_Call]:
    steps = steps_of_shells(sheet) if kind == "github" else ((node, None, "") for node in _run_in(sheet))
    for node, begin, folder in steps:
        place = traced(node, sheet.text)
        commands = read(as_shells(place)).commands if _NAMED.search(node.value) else ()
        for command, inside in _in_folders(commands, folder, root):
            start = command.start if place.spans else node.start_mark.index
            yield from _calls_by(command, _Call("", tuple(sheet.logins(begin, start).split()), kind), inside)


def _of_jenkins(source: Source, root: str) -> Iterator[_Call]:
    """Yield the calls by the shell steps of a Jenkinsfile or of a shared library."""
    if not jenkins.recognise(source.path, source.text):
        return
    by = _Call("", tuple(" ".join(jenkins.logins(source.text, "")).split()), "jenkins")
    for script in jenkins.shell_steps(source.text):
        if _NAMED.search(script.value):
            for command, inside in _in_folders(read(script).commands, "", root):
                yield from _calls_by(command, by, inside)


def _run_in(sheet: YamlFile) -> Iterator[ScalarNode]:
    """Yield the scripts of a file of another system, by their keys."""
    for root in sheet.roots:
        for key, node in positions(root):
            if is_scalar(key) and _RUN.fullmatch(key.value):
                yield from (one for one in (node, *sequence(node)) if is_text(one))
        yield from (node for _, node in _cloud_build.scripts(root) if is_text(node))


def _called(text: str, by: _Call, folder: str, root: str) -> Iterator[_Call]:
    """Yield the calls by a script, with the logins that it has made before them."""
    script = _script(text)
    for command, inside in _in_folders(script.commands, folder, root):
        yield from _calls_by(command, _logged_in(by, text, script, command.start), inside)


def _script(text: str) -> Script:
    return read(Traced.of(text, 0, len(text)))


def _logged_in(by: _Call, text: str, script: Script, offset: int) -> _Call:
    """Return a call with the logins that its script has made before an offset; none if it has logged out."""
    if "login" not in text and "logout" not in text:
        return by
    made = (one.host for one in logins_before(script, text, offset) if not one.account)
    return by._replace(logins=() if "logout" in text else tuple(dict.fromkeys((*by.logins, *made))))


def _in_folders(commands: Iterable[Command], folder: str, root: str) -> Iterator[tuple[Command, str]]:
    """Yield each command with the folder of the repository that it runs in."""
    for command, inside in in_folders(commands, folder, lambda place, word: os.path.join(place, word.value)):
        yield command, _below(root, inside)


def _below(root: str, folder: str) -> str:
    """Return a folder without the first ones that are not there: the repository may be checked out into them."""
    parts = os.path.normpath(folder).split("/")
    if not all(map(_PLAIN.fullmatch, parts)):
        return folder
    return "/".join(
        next((parts[at:] for at in range(len(parts)) if os.path.isdir(os.path.join(root, *parts[at:]))), ())
    )


def _calls_by(command: Command, by: _Call, folder: str) -> Iterator[_Call]:
    """Yield the script that a command runs, or the targets that it makes, with the logins before it; another user has
    none of them."""
    by = by._replace(logins=()) if command.account else by
    words = [word.value for word in command.words]
    if command.name in _READING:  # any operand: the first may be options in a variable, or what runs another
        words = [word for word in words[1:] if _SCRIPT.fullmatch(word)]
    found = [(words[0], None)] if words and _SCRIPT.fullmatch(words[0]) else []
    for written, target in (*found, *made(command)):
        path = _from_top(os.path.join(folder, written))
        yield from [by._replace(path=path, target=target)] if path else ()
    for written in tested(command):
        path = _from_top(os.path.join(folder, written or os.curdir))
        yield by._replace(path="" if path == os.curdir else path, target=TESTS)


def _from_top(path: str) -> str:
    """Return what is known of a path, "" if it is nothing."""
    parts = path.split("/")
    if all(part == ".." or _PLAIN.fullmatch(part) for part in parts):
        parts = os.path.normpath(path).split("/")
    known = max((index + 1 for index, part in enumerate(parts) if not _PLAIN.fullmatch(part)), default=0)
    rest = "/".join(part for part in parts[known:] if part != ".")
    return f"{_ANYWHERE}{rest}" if known and rest else rest
