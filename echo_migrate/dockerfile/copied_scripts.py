"""The scripts that a start command or a RUN names, where their text is known: it stands in a heredoc, or in a file of
the build context that a COPY names."""

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from itertools import dropwhile
from posixpath import basename, join, normpath

from echo_migrate.dockerfile.container import Container, stage_of
from echo_migrate.dockerfile.context_files import MOST, files, nearest, sources
from echo_migrate.dockerfile.copies import Copy
from echo_migrate.dockerfile.expansion import heredoc_words
from echo_migrate.dockerfile.layers import absolute, within
from echo_migrate.dockerfile.run import Mount, Run
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.dockerfile.startup import INITS, SCRIPTS
from echo_migrate.files.source import Unreadable, contents
from echo_migrate.files.tree import ignore_file, real
from echo_migrate.files.workspace import of_a_run
from echo_migrate.images.facts import FOLDERS, ImageFacts
from echo_migrate.shell.commands import SHELLS, Command, ShellArguments

_LONGEST = 100_000
"""The length in bytes up to which a file of the build context is read."""

_INTERPRETED = (*SCRIPTS, ".php", ".pl", ".py", ".rb")
"""Endings of programs that need an interpreter, which their first line names."""

_KEEPING = frozenset(("chmod", "chown", "link"))
"""Flags of COPY with which it brings the same files."""

_HARMLESS = frozenset(("chgrp", "chmod", "chown", "rm"))
"""Commands that write no file that is started: what is removed cannot be."""

_FILLING = frozenset(("cp", "git", "install", "mv", "rsync", "tar", "unzip"))
"""Commands that write files, of any names, to a folder that they are given."""


def script_at(path: str, stage: Stage, dockerfile: str) -> str | None:
    """Return the text of the script that a path names in a stage: one that begins with ``#!``. Return "" for a file
    that begins otherwise, and None if it is not certain which file it is.

    ``dockerfile`` is the path of the file with the stage, "" if it is not known; the build context is its folder or one
    above it, within the repository. A bare name is sought in the folders of programs.
    """
    wanted = _wanted(path)
    for copy in _copies_to(wanted, stage):
        text = _heredoc(copy, wanted)
        if text is None and dockerfile and _brings_files_as_they_are(copy) and not ignore_file(dockerfile):
            text = _file(copy, wanted, dockerfile)
        return None if text is None or _changed(wanted, stage) else text if text.startswith("#!") else ""
    return None


def likely_text_at(path: str, stage: Stage, mounts: Sequence[Mount], dockerfile: str) -> str | None:
    """Return the text of the file that a path most likely names in a stage, with bind mounts of the build context, None
    if there is none: what nobody is known to leave out or to change is there."""
    wanted = _wanted(path)
    named = (one for mount in mounts if mount.kind == "bind" and not mount.origin for one in _mounted(mount, path))
    found = [one for one in named if dockerfile]
    for copy in _copies_to(wanted, stage):
        if (text := _heredoc(copy, wanted)) is not None:
            return text
        if dockerfile and not (copy.origin or copy.target is None or copy.instruction.heredocs):
            found += sources(copy, wanted)
    first = next((file for written in found[:MOST] if (file := nearest(written, dockerfile))), None)
    return _text(first) if first else None


def _mounted(mount: Mount, path: str) -> Iterator[str]:
    """Yield the file of the build context that a path names below a mount of it."""
    if mount.target[:1] == "/" and within(path, mount.target):
        yield join(mount.source.lstrip("/"), path[len(mount.target) :].lstrip("/"))


def _copies_to(wanted: list[str], stage: Stage) -> Iterator[Copy]:
    """Yield the copies that may bring one of some paths to a stage, the last one first."""
    if wanted[0][:1] not in ("", "$"):
        for copy in reversed([copy for one in stage.lineage for copy in one.copies]):
            target = copy.target
            if target is None or any(within(one, target.rstrip("/") or "/") for one in wanted):
                yield copy


def scripts_of(run: Run, stage: Stage, dockerfile: str) -> Iterator[tuple[str, str]]:
    """Yield path and text of each script that a RUN of a stage starts, where ``script_at`` has its text."""
    for command in run.commands:
        written = started(command)
        path = absolute(written, run, command) if "/" in written or (written and command.name in SHELLS) else None
        text = script_at(path, stage, dockerfile) if path else None
        if path and text:
            yield path, text


def program_of(words: Sequence[str] | None) -> str:
    """Return the program that the words of an exec form start, that behind an init such as tini; "" if there is
    none."""
    rest = list(words or ())
    while rest and basename(rest[0]) in INITS:
        rest = list(dropwhile(lambda word: word[:1] == "-", rest[1:]))
    return rest[0] if rest else ""


def starts_by_env(words: Sequence[str] | None, node: Stage | Container, base: ImageFacts, dockerfile: str) -> bool:
    """Return whether an exec form starts a script, copied from the build context, that env is to start: by its first
    line, or by its ending where that is not known. What starts no shell has often no env either."""
    path, stage = program_of(words), stage_of(node)
    if not stage or path[:1] not in ("/", ".") or base.has("env") is True:
        return False
    from echo_migrate.dockerfile.programs import may_provide  # most images have env

    if may_provide(node, base, ["env"]):
        return False
    text = script_at(path, stage, dockerfile if stage is node else "")
    if text is None:
        copied = [basename(word.value) for one in stage.lineage for copy in one.copies for word in copy.sources]
        return path.endswith(_INTERPRETED) and basename(path) in copied
    return basename(text[2:].partition("\n")[0].split(" ")[0].strip()) == "env" if text else False


def interpreter_of(text: str) -> str:
    """Return the name of the program in the first line of a script, that which ``env`` starts; "" if there is none, or
    if it is not in a folder of programs, where a COPY may bring it."""
    words = [word for word in text[2:].partition("\n")[0].split() if word[:1] != "-" and "=" not in word]
    named = [word for word in words[:2] if basename(word) != "env"]
    folder, slash, name = named[0].rpartition("/") if named else ("", "", "")
    return name if not slash or folder in FOLDERS else ""


def started(command: Command) -> str:
    """Return the script that a command starts, itself or by a shell, as written; "" for one of a shell without one."""
    if command.name in SHELLS:
        given = ShellArguments(command)
        return given.operands[0].value if given.operands and "c" not in given.letters else ""
    number = 1 if command.name in (".", "source") else 0
    return command.words[number].value if len(command.words) > number else ""


def _wanted(path: str) -> list[str]:
    return [path] if "/" in path else [join(folder, path) for folder in FOLDERS]


def _heredoc(copy: Copy, wanted: list[str]) -> str | None:
    for (stripped, name), body in zip(
        heredoc_words(copy.instruction.args.value) if copy.instruction.heredocs else (),
        copy.instruction.heredocs,
        strict=False,
    ):
        if not {copy.target or "", join(copy.target or "", name)}.isdisjoint(wanted):
            return body.value.lstrip("\t") if stripped else body.value
    return None


def _brings_files_as_they_are(copy: Copy) -> bool:
    """Return whether a COPY brings files of the build context under names that are known."""
    if copy.origin or copy.target is None or copy.instruction.heredocs or copy.instruction.verb != "copy":
        return False
    if any(flag.name not in _KEEPING for flag in copy.instruction.flags):
        return False
    return not any(letter in word.value for word in copy.sources for letter in "$*?[:")


def _file(copy: Copy, wanted: list[str], dockerfile: str) -> str | None:
    """Return the text of the only file that a COPY may bring to one of some paths, None if there are several."""
    found = {real(file) for written in sources(copy, wanted) for file in files(written, dockerfile)}
    return _text(found.pop()) if len(found) == 1 else None


@of_a_run(256)
def _text(path: str) -> str | None:
    """Return the text of a file; "" for one that is none, None if it cannot be read."""
    try:
        data = contents(path, _LONGEST)
    except Unreadable:
        return None
    return "" if b"\0" in data else data.decode("utf-8", "replace").replace("\r\n", "\n")


def _changed(wanted: list[str], stage: Stage) -> bool:
    """Return whether a command may write one of the files anew."""
    name = basename(wanted[0])
    for run in [run for one in stage.lineage for run in one.runs]:
        if (run.script is None or not run.script.certain) and name in run.instruction.args.value:
            return True
        for command in run.commands:
            words = command.arguments if command.name not in _HARMLESS else []
            words = words[words.index(itself) + 1 :] if (itself := started(command)) in words else words
            words = [*words, *[one.target.value for one in command.redirects]]
            if any(name in word or ("*" in word and fnmatchcase(name, basename(word))) for word in words):
                return True
            if command.name in _FILLING and any(_is_above(word, wanted) for word in words):
                return True
    return False


def _is_above(word: str, wanted: list[str]) -> bool:
    """Return whether a word of a command may name one of the paths or a folder above it."""
    place = normpath(word)
    return any(within(path, place) for path in wanted) if word[:1] == "/" else place == "."
