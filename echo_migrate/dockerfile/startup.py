"""The start commands of a container: CMD, ENTRYPOINT and HEALTHCHECK, and their equivalents in compose files."""

from functools import lru_cache
from typing import NamedTuple

from echo_migrate.dockerfile.parser import Instruction
from echo_migrate.dockerfile.run import exec_form
from echo_migrate.files.source import Traced
from echo_migrate.shell.commands import NOTHING, SHELLS, UNREADABLE, Command, Script, ShellArguments, Word, as_command
from echo_migrate.shell.parser import execute, read

INITS = frozenset(("catatonit", "dumb-init", "tini", "tini-static"))
"""Programs that run the arguments after their options as a command."""

WRAPPERS = frozenset(("docker-entrypoint.sh", "docker-php-entrypoint"))
"""Entrypoints of Docker official images: they run arguments that are not options as a command, and give options to the
image's own program. That of node also gives it what is no program (github.com/nodejs/docker-node)."""

PASSING = INITS | WRAPPERS | {"__cacert_entrypoint.sh", "mvn-entrypoint.sh"}
"""Entrypoints that run their arguments as a command (the last two are of Temurin, Gradle and Maven)."""

SCRIPTS = (".cjs", ".cts", ".js", ".mjs", ".mts", ".ts")
"""Endings of what node runs and no kernel does."""

_ARGUMENTS = frozenset(("$*", "$@", "${*}", "${@}"))
"""All arguments of a script."""

SETTINGS = ".conf"
"""The ending of what the scripts of redis and valkey give to their program, and no kernel runs."""


class StartCommand(NamedTuple):
    """A command that an instruction or a key starts.

    ``verb`` is the lowercase instruction or the key. ``shell`` is true for shell form. ``words`` are those of the exec
    form, None in shell form and if they could not be read. ``script`` has its commands.
    """

    verb: str
    shell: bool
    words: tuple[str, ...] | None
    script: Script
    start: int
    end: int
    args: Traced

    @property
    def shown(self) -> str:
        """The name of the instruction or key in messages."""
        return self.verb.upper() if self.verb in ("cmd", "entrypoint", "healthcheck") else self.verb

    @property
    def empty(self) -> bool:
        """Whether it resets the command of the base image and starts nothing."""
        return self.words == ()

    def commands(self) -> list[Command]:
        """Return the commands that certainly run; empty if the script tests for commands or has fallbacks (``||``)."""
        script = self.script
        if not script.certain or any(one.operator == "||" and one.name not in _ENDS for one in script.commands):
            return []
        commands = [one for one in script.commands if one.always and one.words]
        if any(one.name in ASKS for one in commands):
            return []
        return [one for one in commands if one.words[0].known]


_ENDS = frozenset((":", "echo", "exit", "false", "kill", "return", "true"))
ASKS = frozenset(("[", "command", "hash", "test", "type", "which"))
"""Commands that find out whether there is a program."""


def start_command_of(instruction: Instruction, shell: tuple[str, ...] | None) -> StartCommand:
    """Return the command of a CMD, ENTRYPOINT or HEALTHCHECK (empty for HEALTHCHECK NONE); ``shell`` as for a RUN."""
    args = instruction.args
    verb = instruction.verb
    if verb == "healthcheck":
        words = instruction.words()
        if not words or words[0].value.upper() != "CMD":
            return StartCommand(verb, False, (), NOTHING, instruction.start, instruction.end, args)
        args = args.cut(len(words[0].value), len(args.value))
        args = args.cut(len(args.value) - len(args.value.lstrip()), len(args.value))
    return launch(verb, args, exec_form(args) is None, instruction.start, instruction.end, shell)


def launch(
    verb: str, args: Traced, shell_form: bool, start: int, end: int, shell: tuple[str, ...] | None
) -> StartCommand:
    """Return the command of a text in shell form or exec form."""
    if shell_form:
        posix = shell is None or bool(shell and shell[0].rpartition("/")[2] in SHELLS)
        return StartCommand(verb, True, None, read(args) if posix else UNREADABLE, start, end, args)
    items = exec_form(args) or []
    script = execute(tuple(items), start, end) if items else NOTHING
    return StartCommand(verb, False, tuple(item.value for item in items), script, start, end, args)


def listed(verb: str, words: list[str], start: int, end: int) -> StartCommand:
    """Return the command of a list of words outside a Dockerfile."""
    items = tuple(Word(Traced.of(word, 0, len(word)), True, start, end) for word in words)
    script = execute(items, start, end) if items else NOTHING
    return StartCommand(verb, False, tuple(words), script, start, end, Traced(" ".join(words), ()))


def unread(verb: str, start: int, end: int) -> StartCommand:
    """Return the command of a key whose words are not known because of a variable or a quote."""
    return listed(verb, [], start, end)._replace(words=None, script=UNREADABLE)


def worded(verb: str, words: tuple[Word, ...], start: int, end: int) -> StartCommand:
    """Return the command of words: if some are not known, it is unread but for the commands that are."""
    own = listed(verb, [word.value for word in words], start, end)
    return own if all(word.known for word in words) else own._replace(words=None, script=execute(words, start, end))


def line(verb: str, text: str, start: int, end: int) -> StartCommand:
    """Return the command of a shell command line outside a Dockerfile."""
    return _line(verb, text)._replace(start=start, end=end)


@lru_cache(maxsize=4)  # jobs of one pipeline may all run the same
def _line(verb: str, text: str) -> StartCommand:
    return StartCommand(verb, True, None, read(Traced.of(text, 0, len(text))), 0, 0, Traced(text, ()))


def checked(words: list[str], start: int, end: int) -> StartCommand:
    """Return the command of a health check as the words of ``HEALTHCHECK`` in the image's configuration: NONE, CMD or
    CMD-SHELL, and what it runs."""
    if words[0] == "CMD-SHELL":
        return line("healthcheck", " ".join(words[1:]), start, end)
    return listed("healthcheck", words[1:] if words[0] == "CMD" else [], start, end)


def wraps(entrypoint: tuple[str, ...] | None) -> bool:
    """Return whether an entrypoint gives some arguments to the image's own program."""
    return any(word.rpartition("/")[2] in WRAPPERS for word in entrypoint or ())


def asks_for_a_script(entrypoint: tuple[str, ...] | None) -> bool:
    """Return whether an entrypoint runs the first word behind it as a script: ``sh -c``, with any options."""
    if not entrypoint or entrypoint[0].rpartition("/")[2] not in SHELLS:
        return False
    given = ShellArguments(as_command(entrypoint))
    return "c" in given.letters and not given.operands


def as_started(commands: list[StartCommand]) -> list[StartCommand]:
    """Return the commands of a container, in the order of their keys, as they are started: behind an entrypoint that
    is a shell, the next gives it its script, with or without options before it (``sh`` and ``-c script``), or is what
    the script runs (``exec "$@"``)."""
    if len(commands) < 2 or commands[1].verb == "healthcheck":
        return commands
    shell, given = _shell_of(commands[0].words or ()), commands[1]
    first = () if given.shell else given.script.commands[:1]
    words = given.words or tuple(word.value for one in first for word in one.words)  # not all need be known
    script = _script_of(shell, words) if words else None
    own = line(given.verb, script, given.start, given.end)._replace(shell=False) if script is not None else None
    if own is None and _runs_arguments(shell):
        named = len(ShellArguments(as_command(shell)).operands) > 1  # the first word behind a script is its name
        own = given if named else listed(given.verb, list((given.words or ())[1:]), given.start, given.end)
        own = own._replace(script=own.script._replace(certain=False))  # the script may run others in its place
    return [commands[0], own, *commands[2:]] if own else commands  # the entrypoint brings the shell


def _shell_of(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return the words of the shell that an entrypoint is, without an init and others that run it; empty for others."""
    if words and words[0].rpartition("/")[2] in INITS:
        begin = next((i for i in range(1, len(words)) if words[i - 1] == "--" or words[i][:1] != "-"), len(words))
        words = words[begin:]
    words = tuple(word.value for word in as_command(words).words)
    words = words[1:] if words[:1] == ("busybox",) else words
    return words if words and words[0].rpartition("/")[2] in SHELLS else ()


def _script_of(shell: tuple[str, ...], words: tuple[str, ...]) -> str | None:
    """Return the script that a shell is given by the words behind it; None for another program, and for a file."""
    if not shell or ShellArguments(as_command(shell)).operands:
        return None
    whole = ShellArguments(as_command((*shell, *words)))
    return whole.operands[0].value if "c" in whole.letters and whole.operands else None


def _runs_arguments(shell: tuple[str, ...]) -> bool:
    """Return whether the script of a shell may run its arguments as a command."""
    script = listed("entrypoint", list(shell), 0, 0).script if any("$" in word for word in shell) else NOTHING
    return any(one.name in _ARGUMENTS for one in script.commands)


def passes(entrypoint: tuple[str, ...], known: frozenset[str] = PASSING) -> bool:
    """Return whether an entrypoint runs its CMD as a command: all its words are options or ``known`` programs, or it is
    ``sh -c``, with any options."""
    if asks_for_a_script(entrypoint):
        return True
    words = [word for word in entrypoint if not word.startswith("-")]
    return all(word.rpartition("/")[2] in known for word in words)
