"""An archive that stays in the image after it has been unpacked."""

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from functools import cached_property
from posixpath import basename

from echo_migrate.dockerfile.layers import ARCHIVE, absolute, downloads, removed, sh_expands_braces, within
from echo_migrate.dockerfile.parser import Instruction
from echo_migrate.dockerfile.run import Run
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.model import Finding
from echo_migrate.rules._rule import Context, rule
from echo_migrate.shell.commands import Command

_EXTRACTS = {"tar": "x", "bsdtar": "x", "rpm": "iUF", "dpkg": "ix"}
"""The letters of options that unpack (tar(1), rpm(8), dpkg(1)). Programs without an entry always unpack."""
_LONG = frozenset(("--extract", "--get", "--install", "--upgrade"))
_OLD = frozenset(("bsdtar", "tar"))
"""Programs whose first word has options without a dash (``tar xf``)."""


@rule(on=Stage, level="warning", also=("DL3010",))
def archive_left(stage: Stage, context: Context) -> Iterator[Finding]:
    if not stage.ships or not all(run.script and run.script.certain for run in stage.runs):
        return
    effective = context.effective(stage)
    expanding = sh_expands_braces(stage, effective.base if effective else None)
    last = _Last(stage.runs, expanding)
    for run in stage.runs:
        for command in run.that("download"):
            for path in [path for _, path in downloads(command) if ARCHIVE.search(path) and "$(" not in path]:
                if last.unpacks(path, command) and not _gone(path, run, command, last):
                    message = f"{path} stays in the image after it is unpacked: remove it in the same RUN"
                    yield Finding(command.start, command.end, message)
    for copy in stage.copies if stage.ships == "layers" else ():
        name = next((word.value for word in (copy.written, *copy.sources) if ARCHIVE.search(word.value)), "")
        step = copy.instruction
        if step.verb == "copy" and last.unpacks(name, step) and not last.removes(name, step):
            message = f"{name} is unpacked in a later RUN and stays in this layer: mount it (RUN --mount=type=bind)"
            yield Finding(step.start, step.end, message)


class _Last:
    """The offset of the last command that unpacks, or removes, a file, by file name. ``expanding`` tells whether
    ``sh`` may expand braces."""

    def __init__(self, runs: Sequence[Run], expanding: bool) -> None:
        self.expanding = expanding
        self.runs = runs

    @cached_property
    def _unpacked(self) -> dict[str, int]:
        calls = [call for run in self.runs for call in run.calls if call.action == "install"]
        found = [(call.command.start, word.value) for call in calls for word in call.packages]  # ./x.deb, x.whl
        found += [
            (one.start, word)
            for run in self.runs
            for one in run.that("unpack")
            if _extracts(one)
            for word in one.arguments
        ]
        return {basename(word): start for start, word in sorted(found)}

    @cached_property
    def _removed(self) -> dict[str, int]:
        commands = (one for run in self.runs for one in run.commands)
        return {basename(word): one.start for one in commands for word in removed(one, self.expanding)}

    def unpacks(self, path: str, after: Command | Instruction) -> bool:
        return bool(path) and self._unpacked.get(basename(path), -1) > after.start

    def removes(self, path: str, after: Command | Instruction) -> bool:
        return self._removed.get(basename(path), -1) > after.start


def _extracts(command: Command) -> bool:
    """Return whether a command of the kind unpacks: of some programs, the options tell."""
    words = command.arguments
    letters = _EXTRACTS.get(command.name)
    if letters is None or not _LONG.isdisjoint(words):
        return True
    given = {letter for word in words if word[:1] == "-" and word[:2] != "--" for letter in word}
    given.update(words[0] if command.name in _OLD and words and words[0][:1] != "-" else "")
    return not given.isdisjoint(letters) and not (command.name == "rpm" and "q" in given)


def _gone(path: str, run: Run, command: Command, last: _Last) -> bool:
    """Return whether the archive that a command of a RUN downloads is removed or moved again, or is on a mount.

    If a later RUN removes it, ``layer-left-behind`` reports it instead.
    """
    place = absolute(path, run, command)
    if (place and run.mounted([place])) or last.removes(path, command):
        return True
    for one in run.commands[run.commands.index(command) + 1 :]:
        if one.name == "mv" and basename(path) in map(basename, one.arguments):
            return True
        if one.name == "rm" and not one.words[-1].known:
            return True
        for word in removed(one, last.expanding):
            pattern = word.rstrip("/").removesuffix("/*")
            folder = absolute(pattern, run, one) or pattern
            if fnmatchcase(basename(path), basename(pattern)) or within(place or path, folder):
                return True
    return False
