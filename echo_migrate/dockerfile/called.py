"""The commands that a stage calls by what it starts: scripts of the build context, recipes of a makefile, scripts of a
package.json, and what ``find -exec`` runs."""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from posixpath import dirname, join, normpath
from typing import NamedTuple

from echo_migrate.dockerfile.copied_scripts import interpreter_of, likely_text_at, started
from echo_migrate.dockerfile.run import Mount
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.dockerfile.tasks import (
    MANIFEST,
    scripts_in,
    scripts_named,
    scripts_of_project,
)
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Traced
from echo_migrate.files.workspace import of_a_run
from echo_migrate.shell.commands import BUILT_IN, MAKES, SHELLS, Command, Word, as_command
from echo_migrate.shell.package_managers import data, does
from echo_migrate.shell.parser import execute, read

_DEEPEST = 5
"""How many scripts that start one another are read."""
_MOST = 2000
"""How many commands of them are read for one command."""
_MODULE = lazy_regex(r"(?m)^[ \t]{0,40}(?:use|require)[ \t]{1,20}([A-Za-z_]\w*(?:::\w+)*)[^\n]")
_POD = lazy_regex(r"(?ms)^=[a-zA-Z].*?(?:^=cut\b|\Z)")
"""The documentation in a Perl program (perlpod)."""
_OPTION = lazy_regex(r"-[A-Za-z]*?[mM]-?([A-Za-z_]\w*(?:::\w+)*)(?:=.*)?")
"""The modules that a Perl program uses, and those that an option does (perlrun, -M)."""
_PERL_MODULES = "perl-modules"
"""What stands for the modules of Debian's perl (`of perl` in mappings/commands.yaml)."""
_STARTS = lazy_regex(r"\bCommand::new\(\s*\"([\w.+-]+)\"")
"""A program that a build script of Rust starts (doc.rust-lang.org/cargo, Build Scripts)."""
_EXECUTES = frozenset(("-exec", "-execdir", "-ok", "-okdir"))
_ENDS = (";", "\\;", "+")


class Called(NamedTuple):
    """A command that another one starts, the commands of its script and of those around it that run ``before`` it, and
    the ``text`` of that script."""

    command: Command
    before: tuple[Command, ...] = ()
    text: str = ""

    def does_without(self, program: str) -> bool:
        """Return whether its script asks for a program, or has a function of that name."""
        return _does_without(self.text, program)


class _Reading(NamedTuple):
    """How files are read, and what was read before."""

    text_at: Callable[[str], str | None]
    seen: set[tuple[str, ...]]
    left: list[int]


def called_by(
    command: Command,
    folder: str | None,
    stage: Stage,
    mounts: Sequence[Mount],
    dockerfile: str,
    seen: set[tuple[str, ...]],
) -> Iterator[Called]:
    """Yield the commands that a command of a stage starts in a folder, as far as it is known. ``seen`` has the scripts
    that were read for commands before it, and are not read again."""
    copied = any(not copy.origin for one in stage.lineage for copy in one.copies) or mounts
    files = dockerfile if copied else ""
    placed = [mount._replace(target=normpath(join(folder or "/", mount.target))) for mount in mounts]
    reading = _Reading(lambda path: likely_text_at(path, stage, placed, files) if copied else None, seen, [_MOST])
    yield from _called_by(command, folder, (), reading, 0)


def _called_by(
    command: Command, folder: str | None, before: tuple[Command, ...], reading: _Reading, depth: int
) -> Iterator[Called]:
    for text, commands, place in _started(command, folder, reading) if depth < _DEEPEST else ():
        from echo_migrate.shell.folders import in_folders  # few stages start a script

        own: list[Command] = []
        for one, inside in in_folders(commands, place, _entered):
            reading.left[0] -= 1
            if reading.left[0] < 0:
                return
            known = (*before, *own)
            yield Called(one, known, text)
            yield from _called_by(one, inside, known, reading, depth + 1)
            own.append(one)


def _started(
    command: Command, folder: str | None, reading: _Reading
) -> Iterator[tuple[str, Sequence[Command], str | None]]:
    """Yield each script that a command starts: its text, its commands and the folder in which they begin."""
    words = command.words
    if command.name == "find":
        starts = [i for i, word in enumerate(words) if word.value in _EXECUTES]
        for start in starts:
            end = next((i for i in range(start, len(words)) if words[i].value in _ENDS), len(words))
            yield (
                "",
                execute(words[start + 1 : end], command.start, command.end).commands if start + 1 < end else (),
                folder,
            )
    elif command.name in MAKES:
        yield from _made(command, folder, reading)
    elif project := scripts_of_project(command):
        place = _within(folder, project[0])
        yield from _of_project(place, project[1], reading)
    elif named := scripts_named(command):
        yield from _of_project(folder, named, reading)
    elif command.name == "perl":
        text = _of_perl(command, folder, reading)
        used = [f"use {one};" for one in _options_of_perl(command)]
        if _needs_modules("\n".join([*used, text])):
            yield "", (as_command([_PERL_MODULES]),), folder
    elif command.name == "cargo" and does(command, "build"):
        script = _within(folder, "build.rs")
        text = (script and _is_new(reading, "script", script) and reading.text_at(script)) or ""
        yield "", [as_command([name]) for name in _STARTS.findall(text)], folder
    elif command.name == "concurrently":
        for word in command.arguments:
            yield word, _commands(word), folder
    else:
        yield from _of_file(command, folder, reading)


def _made(
    command: Command, folder: str | None, reading: _Reading
) -> Iterator[tuple[str, Sequence[Command], str | None]]:
    """Yield the recipes that a make runs."""
    from echo_migrate.shell.makefiles import included_by, makefile_of, recipes_of  # few stages call make

    makes = makefile_of(command)
    if not makes:
        return
    inner, names, targets = makes
    place = _within(folder, inner)
    texts = ((name, place and reading.text_at(join(place, name))) for name in names)
    found = next((text for _, text in texts if text), None)
    if found and _is_new(reading, "make", place or "", *names, *targets):
        included = [(place and reading.text_at(join(place, name))) or "" for name in included_by(found)]
        for line in recipes_of("\n".join((found, *included)), targets):
            yield line, _commands(line), place


def _of_project(
    folder: str | None, names: list[str], reading: _Reading
) -> Iterator[tuple[str, Sequence[Command], str | None]]:
    text = reading.text_at(join(folder, MANIFEST)) if folder else None
    if text and _is_new(reading, MANIFEST, folder or "", *names):
        for script in scripts_in(text, names):
            yield script, _commands(script), folder


def _of_perl(command: Command, folder: str | None, reading: _Reading) -> str:
    """Return the program that a perl is given by its path, or by ``-e``; "" if it is not known."""
    words = command.arguments
    given = [after for word, after in pairwise(words) if re.fullmatch(r"-[A-Za-z0-9]*[eE]", word)]
    if given:
        return "\n".join(given).replace(";", ";\n")
    written = next((word for word in words if word[:1] != "-"), "")
    path = _within(folder, written) if written else None
    return (path and reading.text_at(path)) or ""


def _options_of_perl(command: Command) -> list[str]:
    """Return the modules that the options of a perl use."""
    return [found[1] for word in command.arguments if (found := _OPTION.fullmatch(word))]


def _needs_modules(text: str) -> bool:
    """Return whether a Perl program uses a module that perl-base does not have."""
    used = _MODULE.findall(_POD.sub("", text.partition("\n__END__")[0]))
    return any(one[:1].isupper() and one not in data().perl_base for one in used)


def _of_file(
    command: Command, folder: str | None, reading: _Reading
) -> Iterator[tuple[str, Sequence[Command], str | None]]:
    """Yield the script that a command starts by its path or name, or by a shell."""
    written = started(command)
    by_shell = command.name in SHELLS or command.name in (".", "source")
    if not written or written in BUILT_IN or "$" in written:
        return
    path = _within(folder, written) if by_shell or "/" in written else written
    text = reading.text_at(path) if path and _is_new(reading, "script", path) else None
    if text is None:
        return
    interpreter = "" if text[:2] != "#!" else interpreter_of(text)
    if interpreter == "perl" and _needs_modules(text):
        yield "", (as_command([_PERL_MODULES]),), folder
    if interpreter and not by_shell:
        yield "", (as_command([interpreter]),), folder
    if by_shell or interpreter in SHELLS:
        yield text, _commands(text), folder or dirname(path or "")


@of_a_run(64)
def _does_without(text: str, program: str) -> bool:
    name = re.escape(program)
    asks = rf"\b(?:command +-[vV]|hash|type|which)[ \w./-]{{0,80}}\b{name}\b|-x +[\w./\"'{{}}$-]{{0,80}}/{name}\b"
    return bool(re.search(rf"{asks}|(?m:^[ \t]{{0,40}}(?:function +)?{name} ?\(\))", text))


def _is_new(reading: _Reading, *key: str) -> bool:
    new = key not in reading.seen
    reading.seen.add(key)
    return new


@of_a_run(256)
def _commands(text: str) -> Sequence[Command]:
    return read(Traced.of(text, 0, len(text))).commands if text else ()


def _within(folder: str | None, path: str) -> str | None:
    """Return a path from a folder, None if it is not known."""
    if path[:1] == "/":
        return normpath(path)
    return normpath(join(folder, path)) if folder and "$" not in path and path[:1] != "~" else None


def _entered(folder: str | None, word: Word) -> str | None:
    """Return the folder that a word names in another; one that is not known is that one (``cd $(dirname $0)``)."""
    return _within(folder, word.value) if word.known else folder
