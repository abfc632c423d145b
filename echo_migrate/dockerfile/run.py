"""RUN instructions: their commands, package manager calls and mounts."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache, wraps
from posixpath import join, normpath
from typing import TYPE_CHECKING, Any, Concatenate, NamedTuple, ParamSpec, TypeVar

from echo_migrate.dockerfile.parser import Instruction
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Traced, traced
from echo_migrate.shell.commands import (
    NOTHING,
    SHELLS,
    Command,
    Redirect,
    Script,
    ShellArguments,
    Word,
    as_command,
    made_word,
)
from echo_migrate.shell.package_managers import Call, by_kind, call
from echo_migrate.shell.parser import execute, read

if TYPE_CHECKING:
    from json import JSONDecoder

_HEREDOC = lazy_regex(r"<<-?\s*(['\"]?)[\w.-]+\1")
_FED = lazy_regex(r"<<-?[ \t]*[\"']?\w+[\"']?[ \t]+(?:\S*/)?(\w+)((?:[ \t]+-\w+)*)")
"""A shell that reads the document: ``<<EOF bash -ex``."""
_ITEM = lazy_regex(r"\"((?:[^\"\\]|\\.)*)\"")


class Mount(NamedTuple):
    """A mount of a RUN: its type (``bind`` by default), its target folder, the stage or image that it is from, and the
    path there."""

    kind: str
    target: str
    origin: str
    source: str


ShellState = tuple[str | None, str | None, Mapping[str, str]]
"""The state in which a command runs: user and working directory (None if set by the base image), and variables."""


class _Read(NamedTuple):
    instruction: Instruction
    script: Script | None
    calls: tuple[Call, ...]
    mounts: tuple[Mount, ...]
    user: str | None
    folder: str | None
    environment: Mapping[str, str]
    moves: tuple[tuple[int, str | None], ...] = ()


class Run(_Read):
    """A RUN, or the RUN of an ONBUILD, with the state in which it runs (see ``ShellState``).

    ``script`` is None if it is not run by a POSIX shell (SHELL, PowerShell, cmd, another interpreter). ``calls`` are
    its package manager calls, ``moves`` the offsets at which it changes the working directory (``cd``), each with the
    new one, None if not known. What many rules ask of each RUN is found out once: ``names``, and ``that``.
    """

    @property
    def shell_form(self) -> bool:
        """Whether a shell runs it: arguments that are not a valid JSON list are not exec form, even after a ``[``."""
        return bool(self.instruction.heredocs) or exec_form(self.instruction.args) is None

    @property
    def text(self) -> str:
        """What is written in it, with its heredocs."""
        return "\n".join([self.instruction.args.value, *(body.value for body in self.instruction.heredocs)])

    @property
    def commands(self) -> tuple[Command, ...]:
        """The commands that can be read; empty if there is no script."""
        return self.script.commands if self.script else ()

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of its commands."""
        return frozenset([command.name for command in self.commands])

    @cached_property
    def _kinds(self) -> dict[str, list[Command]]:
        return by_kind(self.commands)

    @cached_property
    def known(self) -> dict[Any, Any]:
        """What functions of ``once_a_run`` have found out about it."""
        return {}

    def that(self, kind: str) -> Sequence[Command]:
        """Return its commands of a kind, in order (see ``package_managers.does``)."""
        return self._kinds.get(kind, ())

    def variables(self, command: Command) -> Mapping[str, str]:
        """Return the environment of one of its commands."""
        return {**self.environment, **command.variables}

    def mounted(self, folders: Iterable[str]) -> bool:
        """Return whether one of the folders is on a cache or tmpfs mount, so that its contents do not ship."""
        return any(
            folder == mount.target or folder.startswith(mount.target + "/")
            for mount in self.mounts
            if mount.kind in ("cache", "tmpfs") and mount.target and mount.target[0] != "~"  # which no shell expands
            for folder in folders
        )


_Rest = ParamSpec("_Rest")
_Answer = TypeVar("_Answer")


def once_a_run(
    function: Callable[Concatenate[Run, _Rest], _Answer],
) -> Callable[Concatenate[Run, _Rest], _Answer]:
    """Return a function that keeps its answers with the RUN that it is asked of, as many rules ask the same; they are
    not to be changed."""

    @wraps(function)
    def answer(run: Run, /, *args: _Rest.args, **named: _Rest.kwargs) -> _Answer:
        key = (function, args, *named.items())
        if key not in run.known:
            run.known[key] = function(run, *args, **named)
        found: _Answer = run.known[key]
        return found

    return answer


def exec_form(args: Traced) -> list[Word] | None:
    """Return the words of an exec form, or None if the arguments are not one. Text after the list is ignored."""
    if not args.value.startswith("["):
        return None
    try:
        items, end = _decoder().raw_decode(args.value)
    except (ValueError, RecursionError):
        return None
    spans = [match.span(1) for match in _ITEM.finditer(args.value, 0, end)]
    if not all(isinstance(item, str) for item in items) or len(items) != len(spans):
        return None
    words = []
    for item, place in zip(items, args.cuts(spans), strict=True):
        text = place if place.value == item else Traced(item, ())
        words.append(Word(text, True, place.start, place.end))
    return words


@lru_cache
def _decoder() -> "JSONDecoder":
    import json  # few starts need it

    return json.JSONDecoder()


def run_of(instruction: Instruction, text: str, shell: tuple[str, ...] | None, state: ShellState) -> Run:
    """Return a RUN in the state left by the preceding instructions.

    ``shell`` are the words of SHELL: None if there is none, empty if they cannot be read or the default is Windows'.
    """
    script = script_of(instruction, shell, text)
    _, folder, environment = state
    variables = _assigned(script, environment) if script else {}
    calls = [call(command, variables.get) for command in script.commands] if script else []
    found = tuple([one for one in calls if one])
    moves = tuple(_moves(script.commands, folder)) if script else ()
    return Run(instruction, script, found, tuple(_mounts(instruction)), *state, moves)


def _moves(commands: tuple[Command, ...], folder: str | None) -> Iterator[tuple[int, str | None]]:
    for one in commands:
        if one.name in ("cd", "popd", "pushd"):
            target = one.words[-1].value if len(one.words) > 1 and one.words[-1].known and one.name != "popd" else "~"
            known = not target.startswith(("~", "-")) and (folder is not None or target.startswith("/"))
            folder = normpath(join(folder or "/", target)) if known else None
            yield one.start, folder


def _assigned(script: Script, environment: Mapping[str, str]) -> Mapping[str, str]:
    """Return the environment with the variables that a script sets once, to a literal value."""
    if not any(command.assignments for command in script.commands):
        return environment
    given: dict[str, str] = {}
    unsettled: set[str] = set()
    for command in script.commands:
        if not command.words:
            for name, word in command.assignments:
                if name in given or not word.known or "function" in command.inside:
                    unsettled.add(name)
                given[name] = word.value
    return {**environment, **{name: value for name, value in given.items() if name not in unsettled}}


def script_of(instruction: Instruction, shell: tuple[str, ...] | None, text: str) -> Script | None:
    """Return the commands of a RUN, or None if it is not run by a POSIX shell. The default shell is ``/bin/sh``."""
    args = instruction.args
    items = exec_form(args) if not instruction.heredocs else None
    if items is not None:
        return execute(tuple(items), instruction.start, instruction.end) if items else NOTHING
    if shell is not None and (not shell or shell[0].rpartition("/")[2] not in SHELLS):
        return None
    errexit = bool(shell) and ShellArguments(as_command(shell or ())).errexit
    name = shell[0].rpartition("/")[2] if shell else "sh"
    if not instruction.heredocs:
        return _read(args, errexit, name)
    if _HEREDOC.fullmatch(args.value.strip()):
        body = instruction.heredocs[0]
        if body.value.startswith("#!"):
            interpreter = body.value[2:].partition("\n")[0].split()
            names = [word.rpartition("/")[2] for word in interpreter[:2]]
            name = next((one for one in names if one in SHELLS), "")
            if not name:
                return None
            errexit = any("e" in word[1:] for word in interpreter[1:] if word.startswith("-"))
        return _read(body, errexit, name)
    fed = _FED.fullmatch(args.value.strip())
    if fed and fed[1] in SHELLS and "c" not in fed[2]:
        return _read(instruction.heredocs[0], "e" in fed[2], fed[1])
    begin = instruction.heredocs[0].start - 1
    whole = Traced(args.value + text[begin : instruction.end], (*args.spans, (begin, instruction.end)))
    return _read(whole, errexit, name)._replace(tail=None)


_SHORT = 2000
"""The length in characters up to which a script is kept: few real ones are longer, and what is kept stays small."""


def _read(script: Traced, errexit: bool, shell: str) -> Script:
    """Return the commands of a script. Half of all RUNs have the text of another a few files before, as those for the
    versions of a project; in an editor, nearly all have one of the text before the edit."""
    if not script.spans or len(script.value) > _SHORT:
        return read(script, errexit, shell=shell)
    start = script.start
    shape = tuple([(first - start, last - start) for first, last in script.spans])
    latest = _latest(script.value, shape, errexit, shell)
    known = latest[:1]  # taken and replaced as a whole, as several threads may ask
    found = _moved(known[0][1], start - known[0][0]) if known else read(script, errexit, shell=shell)
    latest[:] = [(start, found)]
    return found


def _moved(script: Script, by: int) -> Script:
    """Return a script as it is where the same text begins ``by`` characters later in a source."""
    if not by:
        return script

    def place(word: Word) -> Word:
        (value, spans), known, start, end, whole = word
        text = traced((value, tuple([(first + by, last + by) for first, last in spans])))
        return made_word((text, known, start + by, end + by, whole))

    def named(pairs: tuple[tuple[str, Word], ...]) -> tuple[tuple[str, Word], ...]:
        return tuple([(name, place(word)) for name, word in pairs]) if pairs else pairs

    commands = [
        one._replace(
            words=tuple(map(place, one.words)),
            assignments=named(one.assignments),
            redirects=tuple([Redirect(operator, place(target)) for operator, target in one.redirects]),
            start=one.start + by,
            end=one.end + by,
            exported=named(one.exported),
        )
        for one in script.commands
    ]
    return script._replace(commands=tuple(commands), tail=None if script.tail is None else script.tail + by)


@lru_cache(maxsize=128)
def _latest(text: str, shape: tuple[tuple[int, int], ...], errexit: bool, shell: str) -> list[tuple[int, Script]]:
    """Return where a script was read last, and its commands there, to be put into the list if it is new; ``shape`` are
    its spans, from the start of the first."""
    return []


def _mounts(instruction: Instruction) -> Iterator[Mount]:
    for flag in instruction.flags:
        if flag.name == "mount":
            pairs = [field.partition("=")[::2] for field in flag.value.value.split(",")]
            fields = {key.lower(): value for key, value in pairs}
            target = fields.get("target") or fields.get("dst") or fields.get("destination") or ""
            source = fields.get("source") or fields.get("src") or "/"
            yield Mount(fields.get("type", "bind"), normpath(target) if target else "", fields.get("from", ""), source)
