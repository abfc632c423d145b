"""A command or a write that requires root, in a stage that runs as another user."""

import re
from collections.abc import Iterator, Sequence
from posixpath import basename, dirname, normpath, splitext

from echo_migrate.dockerfile.control_flow import must_succeed
from echo_migrate.dockerfile.copies import Copy
from echo_migrate.dockerfile.layers import above, absolute, within
from echo_migrate.dockerfile.owners import Folders, covered
from echo_migrate.dockerfile.parser import Instruction
from echo_migrate.dockerfile.programs import lacks_manager
from echo_migrate.dockerfile.run import Run, exec_form
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.dockerfile.writes import COMPILERS, ELSEWHERE, makes_parents, runs_here, started, written
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.workspace import of_a_run
from echo_migrate.images.facts import ImageFacts
from echo_migrate.model import Finding
from echo_migrate.rules._readiness import EffectiveBase, as_root
from echo_migrate.rules._rule import Context, rule
from echo_migrate.shell.commands import Command, Word

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
_PLAIN = lazy_regex(
    r"(?:^|/)(?:alpine|almalinux|amazoncorretto|amazonlinux|debian|eclipse-temurin|fedora|golang|node|openjdk|php|python"
    r"|rockylinux|ruby|rust|ubuntu)(?=[:@]|$)"
)
"""Images of a language or a system, which have nothing in ``/data``."""


@rule(on=Stage, level="note", blocks=True)
def root_owned_path(stage: Stage, context: Context) -> Iterator[Finding]:
    effective = context.effective(stage)
    if effective is None:
        return
    if effective.base.unprivileged and effective.base.shell is not False:
        yield from _needs_root(stage, effective)
    copied = list(_copied(stage)) if stage.ships else []
    yield from copied
    before = effective.before if effective.target else effective.base
    if stage.used and not copied and before and before.user is not None and not before.unprivileged:
        yield from (one for one, place in _found(stage) if not (place and _mounted(place, context.mounts(stage))))


_Found = tuple[Finding, str]
"""A finding, and the folder that a container writes to, over which a mount may lie; "" for what a RUN writes."""


@of_a_run(64)
def _found(stage: Stage) -> tuple[_Found, ...]:
    """Return the findings that any base gives: a stage is asked once for each base that it may have."""
    return tuple(_made(stage))


def _mounted(folder: str, containers: Sequence[tuple[str, ...]]) -> bool:
    """Return whether each container has a mount over a folder, of the paths that each mounts; False without any."""
    return bool(containers) and all(any(within(folder, path) for path in mounts) for mounts in containers)


def _needs_root(stage: Stage, effective: EffectiveBase) -> Iterator[Finding]:
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


def _copied(stage: Stage) -> Iterator[Finding]:
    """Yield a finding for the first COPY after a USER whose files belong to root and are changed by a later RUN."""
    user = None
    copied: list[tuple[int, int, str]] = []
    runs = {run.instruction.start: run for run in stage.runs}
    for step in stage.instructions:
        if step.verb == "user":
            user = step.args.value.strip()
        elif step.verb in ("copy", "add") and user and not as_root(user) and "$" not in user:
            copy = next(one for one in stage.copies if one.instruction is step)
            if copy.target and not any(flag.name == "chown" for flag in step.flags):
                copied.append((step.start, step.end, copy.target))
        elif step.start in runs and copied and user and not as_root(user):
            place = next((one for one in copied if _writes(runs[step.start], one[2])), None)
            if place:
                start, end, path = place
                message = f"files copied to {path} belong to root, and a RUN as {user} writes there: add --chown={user}"
                yield Finding(start, end, message, level="warning")
                return


def _writes(run: Run, path: str) -> bool:
    """Return whether a RUN changes the mode or owner of copied files."""
    for command in run.commands:
        if command.name in ("chmod", "chown") and not command.via:
            words = [word.value for word in command.words[1:] if not word.value.startswith("-")][1:]
            if any(word == path or word.startswith(path.rstrip("/") + "/") for word in words):
                return True
    return False


def _made(stage: Stage) -> Iterator[_Found]:
    """Yield a finding for the first command of a user, in a RUN or at the start of a container, that writes to a folder
    that an instruction made as root."""
    runs_as = stage.user
    starts = not _may_be_root(runs_as) and stage.top
    if not starts and not any(_of_a_user(run) for run in stage.runs):
        return  # as in most stages: nothing that follows would find one
    plain = _PLAIN.search(stage.root)
    official = plain is not None and stage.root[: plain.start()] in ("", "docker.io/library", "library")
    folders = Folders(plain is not None, homes=official)
    called: set[str] = set()
    volumes: list[tuple[Instruction, str]] = []
    for one in stage.lineage:
        runs = {run.instruction.start: run for run in one.runs}
        copies = {copy.instruction.start: copy for copy in one.copies}
        for step in one.instructions:
            run = runs.get(step.start)
            if step.start in copies:
                folders.copy(copies[step.start])
            elif step.start in one.workdirs:
                user, path = one.workdirs[step.start]
                folders.workdir(path, user is None or as_root(user))
            elif step.verb == "volume":
                for path in _paths(step):
                    folders.volume(path)
                    volumes.append((step, path))
            elif run:
                found = _cannot_write(run, folders, called) if one is stage else None
                if found:
                    yield found[0], ""
                    return
                folders.run(run, run.user is None or as_root(run.user))
                called |= {call.manager.name for call in run.calls if runs_here(call)}
    for launch in started(stage) if starts else ():
        found = _cannot_write(launch, folders, called)
        if found:
            yield found
            return
    yield from _volumes(volumes, folders, stage.user or "") if starts else ()


def _volumes(volumes: list[tuple[Instruction, str]], folders: Folders, user: str) -> Iterator[_Found]:
    """Yield a note for the first volume that belongs to root, though the container runs as another user."""
    for step, path in volumes:
        found, _ = folders.of_root(path, user)
        if found:
            message = f"volume {path} belongs to root, and the container runs as {user}: chown it before VOLUME"
            yield Finding(step.start, step.end, message), path
            return


def _paths(step: Instruction) -> list[str]:
    """Return the paths of a VOLUME, without those that have variables."""
    words = exec_form(step.args) or step.words()
    paths = [one.value if isinstance(one, Word) else step.unquoted(one).value for one in words]
    return [normpath(path) for path in paths if path[:1] == "/" and "$" not in path]


def _may_be_root(user: str | None) -> bool:
    return user is None or as_root(user) or "$" in user


def _cannot_write(run: Run, folders: Folders, called: set[str]) -> _Found | None:
    """Return the finding for the first command of a RUN that cannot write to a folder, with that folder."""
    user = run.user
    if not _of_a_user(run) or not run.script:
        return None
    for command in run.commands:
        if "sudo" in command.via:
            return None  # what it gives to the user is not followed
        if command.via or not command.words or not must_succeed(command, run.script):
            continue
        call = next((one for one in run.calls if one.command is command), None)
        for path, file in written(command, call, called):
            place = absolute(path, run, command)
            if place is None or any(letter in place for letter in "$*?[{"):
                continue
            anew = command.name == "mkdir" and makes_parents(command)
            for folder in _missing(place, folders) if anew else [place]:
                found, maker = folders.of_root(folder, user or "", file)
                if found and not (anew and found != folder) and not covered(run, folder):
                    what = call.shown if call else command.name
                    message = f"{what} as {user} fails: it writes to {folder}, {_made_as_root(folder, found, maker)}: "
                    message += _give(maker, user or "")
                    return Finding(command.start, command.end, message, level="warning"), folder
    return None


def _missing(path: str, folders: Folders) -> list[str]:
    """Return the folders that ``mkdir -p`` has to make something in, to make a path."""
    return [parent for parent in above(path) if parent not in folders.filled]


def _made_as_root(folder: str, found: str, maker: str) -> str:
    return f"which {maker} made as root" if folder == found else f"and {maker} made {found} as root"


def _give(maker: str, user: str) -> str:
    """Return how to give a folder to a user, by what made it."""
    if maker == "WORKDIR":
        return f"set USER {user} before that WORKDIR, or chown it"
    return f"add --chown={user}" if maker == "COPY" else f"chown it to {user}"


def _of_a_user(run: Run) -> bool:
    """Return whether a RUN certainly runs as a user other than root."""
    return run.user is not None and not as_root(run.user) and "$" not in run.user
