"""An archive that was unpacked and stays beside what came out of it."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from posixpath import basename

from echo_migrate.examine import Context
from echo_migrate.layers import ARCHIVE, absolute, downloads, removed, within
from echo_migrate.model import Finding, rule
from echo_migrate.packages import does
from echo_migrate.runs import Run
from echo_migrate.shell import Command
from echo_migrate.stages import Stage

_EXTRACTS = {"tar": "x", "bsdtar": "x", "rpm": "iUF", "dpkg": "ix"}
"""The letters with which these unpack (tar(1), rpm(8), dpkg(1)); the others do nothing else."""


@rule(on=Stage, level="warning", also=("DL3010",))
def archive_left(stage: Stage, context: Context) -> Iterator[Finding]:
    if not stage.ships or not all(run.script and run.script.certain for run in stage.runs):
        return
    for i, run in enumerate(stage.runs):
        below = [one for other in stage.runs[i + 1 :] for one in other.commands]
        for j, command in enumerate(run.commands):
            later = run.commands[j + 1 :]
            for path in [path for _, path in downloads(command) if ARCHIVE.search(path) and "$(" not in path]:
                if any(_unpacks(one, path) for one in (*later, *below)) and not _gone(path, run, command, later, below):
                    says = f"{path} stays in the image beside what it held: remove it in the same RUN, or use a pipe"
                    yield Finding("archive-left", command.start, command.end, says)
    for copy in stage.copies if stage.ships == "layers" else ():
        below = [one for run in stage.runs if run.instruction.start > copy.instruction.start for one in run.commands]
        name = next((word.value for word in (copy.written, *copy.sources) if ARCHIVE.search(word.value)), "")
        unpacked = copy.instruction.verb == "copy" and any(_unpacks(one, name) for one in below)
        if unpacked and not _removes(below, name):
            says = f"{name} is unpacked by a later RUN, and stays in this layer: mount it (RUN --mount=type=bind)"
            yield Finding("archive-left", copy.instruction.start, copy.instruction.end, says)


def _unpacks(command: Command, path: str) -> bool:
    letters = _EXTRACTS.get(command.name)
    short = [word for word in command.arguments if not word.startswith("--")][:1]
    long = {"--extract", "--get", "--install", "--upgrade"}.intersection(command.arguments)
    extracts = letters is None or bool(long) or any(letter in word for word in short for letter in letters)
    return extracts and does(command, "unpack") and _names(command, path)


def _names(command: Command, path: str) -> bool:
    return bool(path) and any(basename(word) == basename(path) for word in command.arguments)


def _removes(commands: list[Command], path: str) -> bool:
    return any(basename(word) == basename(path) for one in commands for word in removed(one))


def _gone(path: str, run: Run, command: Command, later: tuple[Command, ...], below: list[Command]) -> bool:
    """Whether the archive is removed or moved again, or lies where nothing ships.

    What a later RUN removes is another rule's to say.
    """
    place = absolute(path, run, command)
    if (place and run.mounted([place])) or _removes(below, path):
        return True
    for one in later:
        if one.name == "mv" and _names(one, path):
            return True
        if one.name == "rm" and not one.words[-1].known:
            return True
        for word in removed(one):
            pattern = word.rstrip("/").removesuffix("/*")
            folder = absolute(pattern, run, one) or pattern
            if fnmatchcase(basename(path), basename(pattern)) or within(place or path, folder):
                return True
    return False
