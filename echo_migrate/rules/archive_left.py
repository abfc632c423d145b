"""An archive that stays in the image after it has been unpacked."""

from collections.abc import Iterator
from functools import cached_property
from posixpath import basename, join

from echo_migrate.dockerfile.copies import Copy
from echo_migrate.dockerfile.downloads import downloads
from echo_migrate.dockerfile.layers import ARCHIVE, GLOB, above, absolute, expands_removed, placed, removed, takes
from echo_migrate.dockerfile.parser import Instruction
from echo_migrate.dockerfile.run import Run
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.model import Finding
from echo_migrate.rules._purpose import of_shipped_images
from echo_migrate.rules._rule import Context, rule
from echo_migrate.shell.commands import Command

_EXTRACTS = {"tar": "x", "bsdtar": "x", "rpm": "iUF", "dpkg": "ix"}
"""The letters of options that unpack (tar(1), rpm(8), dpkg(1)). Programs without an entry always unpack."""
_LONG = frozenset(("--extract", "--get", "--install", "--upgrade"))
_OLD = frozenset(("bsdtar", "tar"))
"""Programs whose first word has options without a dash (``tar xf``)."""


@rule(on=Stage, level="warning", also=("DL3010",))
@of_shipped_images
def archive_left(stage: Stage, context: Context) -> Iterator[Finding]:
    if not stage.ships or not all(run.script and run.script.certain for run in stage.runs):
        return
    effective = context.effective(stage)
    expanding = expands_removed(stage, effective.base if effective else None)
    last = _Last(stage, expanding)
    for run in stage.runs:
        for command in run.that("download"):
            for path in [path for _, path in downloads(command) if ARCHIVE.search(path) and "$(" not in path]:
                if (
                    last.unpacks(path, command)
                    and basename(path) not in last.taken
                    and not _gone(path, run, command, last)
                ):
                    later = last.unpacks(path, run.commands[-1])
                    remedy = "download, unpack and remove it in one RUN" if later else "remove it in the same RUN"
                    message = f"{path} stays in the image after it is unpacked: {remedy}"
                    yield Finding(command.start, command.end, message)
    for copy in stage.copies if stage.ships == "layers" else ():
        name = next((word.value for word in (copy.written, *copy.sources) if ARCHIVE.search(word.value)), "")
        step = copy.instruction
        if step.verb == "copy" and last.unpacks(name, step) and not last.removes(name, _place(copy, name), step):
            message = f"{name} is unpacked in a later RUN and stays in this layer: mount it (RUN --mount=type=bind)"
            yield Finding(step.start, step.end, message)


def _place(copy: Copy, name: str) -> str | None:
    """Return the path that a COPY gives to one of its files, None if not known."""
    target = copy.target
    return target if target is None or basename(target) == basename(name) else join(target, basename(name))


class _Last:
    """What unpacks and removes files, in the RUNs of a stage. ``expanding`` tells whether ``sh`` may expand braces."""

    def __init__(self, stage: Stage, expanding: bool) -> None:
        self.expanding = expanding
        self.stage = stage
        self.runs = stage.runs

    @cached_property
    def taken(self) -> frozenset[str]:
        """The names of the files that later stages copy from the stage, for which they are there."""
        later = self.stage.graph.stages(self.stage.number + 1)
        copies = [copy for one in later for copy in one.copies if one.preceding(copy.origin) == self.stage]
        return frozenset(basename(word.value) for copy in copies for word in copy.sources)

    @cached_property
    def _unpacked(self) -> dict[str, int]:
        """The offset of the last command that unpacks a file, by file name."""
        return {basename(word): start for run in self.runs for start, word in sorted(_unpacked(run))}

    @cached_property
    def _removed(self) -> dict[str, int]:
        """The offset of the last command that removes a file or a folder, by its name and by its place; without those
        that only patterns name, as ``layer-left-behind`` sees none."""
        commands = [(run, one) for run in self.runs for one in run.commands]
        found = [
            (one.start, place) for run, one in commands for place in self._places(run, one) if GLOB.isdisjoint(place)
        ]
        return {key: start for start, place in found for key in (basename(place), place)}

    def _places(self, run: Run, command: Command) -> list[str]:
        return [placed(word, run, command) for word in removed(command, self.expanding)]

    def unpacks(self, path: str, after: Command | Instruction) -> bool:
        return bool(path) and self._unpacked.get(basename(path), -1) > after.start

    def removes(self, path: str, place: str | None, after: Command | Instruction) -> bool:
        """Return whether a file, or a folder of it, is removed later."""
        names = (basename(path), *above(place or path))
        return any(self._removed.get(name, -1) > after.start for name in names)

    def takes(self, command: Command, run: Run, path: str, place: str | None) -> bool:
        """Return whether a command of a RUN removes a file by a pattern."""
        return any(not GLOB.isdisjoint(one) and takes(one, path, place) for one in self._places(run, command))


def _unpacked(run: Run) -> Iterator[tuple[int, str]]:
    """Yield the files that a RUN unpacks, or installs (``./x.deb``, ``x.whl``), each with the offset of the command. A
    file on a mount is another than the one in the image."""
    found = [(call.command, word.value) for call in run.calls if call.action == "install" for word in call.packages]
    found += [(one, word) for one in run.that("unpack") if _extracts(one) for word in one.arguments]
    for command, word in found:
        place = absolute(word, run, command) if run.mounts else None
        if "://" not in word and not (place and _on_a_mount(place, run)):
            yield command.start, word


def _on_a_mount(place: str, run: Run) -> bool:
    from echo_migrate.dockerfile.owners import covered  # few RUNs with mounts unpack anything

    return covered(run, place)


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
    if (place and run.mounted([place])) or last.removes(path, place, command):
        return True
    for one in run.commands[run.commands.index(command) + 1 :]:
        if one.name == "mv" and basename(path) in map(basename, one.arguments):
            return True
        if one.name == "rm" and not one.words[-1].known:
            return True
        if last.takes(one, run, path, place):
            return True
    return False
