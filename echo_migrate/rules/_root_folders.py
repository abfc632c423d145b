"""Folders that a Dockerfile makes as root, and that a user writes to: in a RUN, in a container, in a volume."""

from collections.abc import Iterator
from posixpath import normpath

from echo_migrate.dockerfile.control_flow import must_succeed
from echo_migrate.dockerfile.layers import above, absolute
from echo_migrate.dockerfile.owners import Folders, covered
from echo_migrate.dockerfile.parser import Instruction
from echo_migrate.dockerfile.run import Run, exec_form
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.dockerfile.writes import makes_parents, runs_here, started, written
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.model import Finding
from echo_migrate.rules._readiness import as_root, of_a_user
from echo_migrate.shell.commands import Word

_PLAIN = lazy_regex(
    r"(?:^|/)(?:alpine|almalinux|amazoncorretto|amazonlinux|debian|eclipse-temurin|fedora|golang|node|openjdk|php|python"
    r"|rockylinux|ruby|rust|ubuntu)(?=[:@]|$)"
)
"""Images of a language or a system, which have nothing in ``/data``."""

Found = tuple[Finding, str]
"""A finding, and the folder that a container writes to, over which a mount may lie; "" for what a RUN writes."""


def writes_of_users(stage: Stage, starts: bool) -> Iterator[Found]:
    """Yield a finding for the first command of a user, in a RUN or at the start of a container, that writes to a folder
    that an instruction made as root; of a container only if one ``starts`` as a user."""
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


def _volumes(volumes: list[tuple[Instruction, str]], folders: Folders, user: str) -> Iterator[Found]:
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


def _cannot_write(run: Run, folders: Folders, called: set[str]) -> Found | None:
    """Return the finding for the first command of a RUN that cannot write to a folder, with that folder."""
    user = run.user
    if not of_a_user(run) or not run.script:
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
