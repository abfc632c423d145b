"""Commands that need root: installs, accounts, what is written to folders of root's, the mode of a file of root's."""

import re
from collections.abc import Iterator
from posixpath import basename, dirname, splitext

from echo_migrate.dockerfile.control_flow import must_succeed
from echo_migrate.dockerfile.copies import Copy
from echo_migrate.dockerfile.layers import absolute, within
from echo_migrate.dockerfile.owners import covered
from echo_migrate.dockerfile.run import Run
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.dockerfile.writes import COMPILERS, ELSEWHERE, makes_parents
from echo_migrate.images.facts import ImageFacts, lacks_manager
from echo_migrate.model import Finding
from echo_migrate.rules._readiness import EffectiveBase
from echo_migrate.shell.commands import Command

_ACCOUNTS = frozenset(("addgroup", "adduser", "groupadd", "groupmod", "update-ca-certificates", "useradd", "usermod"))
_ROOTS = ("/bin/", "/etc/", "/lib/", "/root/", "/sbin/", "/usr/bin/", "/usr/lib/", "/usr/local/bin/", "/usr/sbin/")
"""System folders, which no image assigns to its user."""
_THERE = ("/bin", "/etc/ca-certificates", "/etc/pki", "/etc/ssl", "/lib", "/sbin", "/usr")
"""Folders in which ``mkdir -p`` may have nothing to create."""
_OF_ROOT = ("/", "/opt", "/srv", "/usr", "/usr/local", "/usr/local/bin")
"""Folders in which nobody but root makes an entry."""

_WRITERS = frozenset(("cp", "ln", "mkdir", "mv", "tee"))
_MAKES_NO_FILE = frozenset(("cd", "echo", "mkdir", "printf", "set"))
"""Commands that replace no file and set no owner of one that is there."""


def needs_root(stage: Stage, effective: EffectiveBase) -> Iterator[Finding]:
    """Yield an error for the first command that needs root in a stage that runs as the user of its base image."""
    for run in stage.runs:
        if run.user is not None or not run.script or not run.script.certain:
            continue
        own = _given(stage, run)
        for command in run.commands:
            what = _what(command, run, effective.base, own) or _of_a_copy(command, run, stage)
            if what:
                message = f"{what} needs root, and {effective.shown} runs as {effective.base.user}: "
                message += f"add USER root before it, and USER {effective.base.user} after it"
                yield Finding(command.start, command.end, message, level="error")
                return


def _given(stage: Stage, run: Run) -> list[str]:
    """Return the folders that may belong to the user: targets of COPY --chown, mounts, and the working directory."""
    copies = [copy for one in stage.lineage for copy in one.copies]
    given = [copy.target for copy in copies if any(flag.name == "chown" for flag in copy.instruction.flags)]
    given += [run.folder, *[mount.target for mount in run.mounts]]
    return [path for path in given if path and path != "/"]


def _what(command: Command, run: Run, base: ImageFacts, own: list[str]) -> str:
    if command.via or not command.words or not run.script or not must_succeed(command, run.script):
        return ""
    call = next((one for one in run.calls if one.command is command), None)
    if call:
        manager = call.manager
        there = manager.system and not lacks_manager(base, manager.name, manager.families)
        changes = call.action in ("install", "remove", "upgrade") and not call.has(manager.dry)
        return call.shown if there and changes and "/" not in command.words[0].value else ""
    if command.name in _ACCOUNTS:
        return command.name
    words = [word.value for word in command.words[1:]]
    if place := _placed(command, words, run, own):
        return f"{command.name} {place}"
    paths = [word for word in words if not word.startswith("-")]
    if command.name not in _WRITERS or any(word.startswith(ELSEWHERE) for word in words):
        return ""
    if command.name == "mkdir" and "-p" in words:
        paths = [path for path in paths if not path.startswith(_THERE)]
    paths = paths[1:][-1:] if command.name in ("cp", "ln", "mv") else paths
    written = next((path for path in paths if path.startswith(_ROOTS) and not any(within(path, o) for o in own)), None)
    return f"{command.name} {written}" if written else ""


def _placed(command: Command, words: list[str], run: Run, own: list[str]) -> str:
    """Return what a command makes in a folder that root owns in any image: a folder, a virtual environment, or the
    output of a build. "" for nothing, or if it is not known."""
    named = ""
    if command.name == "mkdir" and not makes_parents(command):  # which may find the folder there
        named = next((word for word in words if word[:1] == "/"), "")
    if command.name.rstrip("0123456789.") == "python" and words[:2] == ["-m", "venv"]:
        named = words[-1] if len(words) > 2 else ""
    elif command.name in ("virtualenv", "uv"):
        named = words[-1] if words and (command.name == "virtualenv" or words[0] == "venv") else ""
    elif command.name in COMPILERS and "-o" in words[:-1]:
        named = words[words.index("-o") + 1]
    place = absolute(named, run, command) if named and not named.startswith("-") else None
    if place is None or "$" in place or any(within(place, folder) for folder in own) or covered(run, dirname(place)):
        return ""
    return named if dirname(place) in _OF_ROOT else ""


def _of_a_copy(command: Command, run: Run, stage: Stage) -> str:
    """Return of which copied file a command changes the mode or owner, as only its owner may: root's, without
    ``--chown``, in a folder where only root can replace it, or that nothing up to now can have replaced. "" for none,
    or if that is not known."""
    if command.name not in ("chmod", "chown") or command.via or not run.script or not must_succeed(command, run.script):
        return ""
    before = [copy for copy in stage.copies if copy.instruction.start < run.instruction.start]
    if any(flag.name == "chown" for copy in before for flag in copy.instruction.flags):
        return ""
    files = {copy.target for copy in before if _is_file(copy) and dirname(copy.target or "") in _OF_ROOT}
    words = [word for word in command.arguments if not word.startswith("-")][1:]
    places = {word: place for word in words if (place := absolute(word, run, command)) and not covered(run, place)}
    found = next((word for word, place in places.items() if place in files), None)
    if found is None and before and _as_copied(command, stage):
        recursive = any(re.match(r"-[A-Za-z]*R|--recursive$", word) for word in command.arguments)
        folders = [copy.target for copy in before if copy.target and copy.target != "/" and not copy.origin]
        found = next((word for word, place in places.items() if _reaches(place, folders, recursive)), None)
    return f"{command.name} {found}" if found else ""


def _reaches(place: str, folders: list[str], recursive: bool) -> bool:
    """Return whether a path is a file that a COPY into one of these folders brings, or a folder that is gone through
    with what was copied."""
    if {"*", "?", "[", "{", "$"} & {*place}:
        return False
    if recursive:
        return place != "/" and any(within(folder, place) for folder in folders)
    return splitext(place)[1] == ".sh" and dirname(place) in folders


def _as_copied(command: Command, stage: Stage) -> bool:
    """Return whether COPYs from the build context, which give them to root, certainly brought all files of a project
    that are there when a command runs: nothing that ran before makes a file, or gives one to the user."""
    copies = [copy for one in stage.lineage for copy in one.copies if copy.instruction.start < command.start]
    for copy in copies:
        given = any(flag.name == "chown" for flag in copy.instruction.flags)
        if given or copy.instruction.verb != "copy" or copy.origin or copy.target is None:
            return False
    for run in (run for one in stage.lineage for run in one.runs if run.instruction.start < command.start):
        if not run.script or not run.script.certain:
            return False
        calls = {call.command.start for call in run.calls if call.action == "install"}
        for one in run.commands:
            harmless = one.start in calls or one.name in _MAKES_NO_FILE
            if one.start < command.start and (one.via or one.redirects or not harmless):
                return False
    return True


def _is_file(copy: Copy) -> bool:
    """Return whether a COPY copies one file of the context to a path of the same name."""
    sources = [source.value for source in copy.sources]
    name = basename(copy.target or "")
    alike = len(sources) == 1 and basename(sources[0]) == name and splitext(name)[1] != ""
    return (
        copy.instruction.verb == "copy"
        and not copy.origin
        and alike
        and not {"*", "?", "[", "$"} & {*sources[0], *name}
    )
