"""A remote script that is piped to a shell."""

from collections.abc import Iterator

from echo_migrate.dockerfile.downloads import address
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.model import Finding
from echo_migrate.rules._rule import Context, rule
from echo_migrate.shell.commands import SHELLS, Command, reads_input
from echo_migrate.shell.package_managers import does

_SOURCING = frozenset(("eval", "source", "."))
_SUBSTITUTED = ("$(", "`", "<(")
_PROGRAMS = frozenset(("-c", "-e", "-E", "-r"))
"""Options whose value is a program: of Python; of Node.js, Perl and Ruby; of PHP."""


@rule(on=Stage, level="warning", also=("DD054",))
def piped_install(stage: Stage, context: Context) -> Iterator[Finding]:
    for run in stage.every_run:
        commands = run.commands if run.that("download") else ()
        for i, command in enumerate(commands):
            if does(command, "download") and (shell := _runs_it(commands, i)):
                url = next((word for word in command.arguments if "://" in word), "a script")
                message = (
                    f"remote script {address(url)} piped to {shell}: "
                    "download it to a file, verify its checksum, then run it"
                )
                yield Finding(command.start, command.end, message)


def _runs_it(commands: tuple[Command, ...], i: int) -> str:
    """Return the interpreter that runs the output of a download, in a pipe or a substitution, or ""."""
    for later in commands[i + 1 :]:
        if later.operator not in ("|", "|&"):
            if "substitution" in later.inside:
                continue
            break
        if (later.name in SHELLS or does(later, "interpret")) and not _has_program(later):
            return later.name
    host = commands[i].host
    inner = [one for one in commands[i].inside if one in ("script", "substitution")]
    if host is not None and inner[-1:] == ["substitution"] and _is_program(commands[i], commands[host]):
        return commands[host].name
    return ""


def _is_program(command: Command, host: Command) -> bool:
    """Return whether what a command in a substitution prints is the program that its host runs, and no argument or
    variable of that: the word behind ``-c``, a file ``<(…)``, or the input of a shell."""
    words, name = host.words, host.name
    place = next((k for k, word in enumerate(words) if word.start <= command.start < word.end), 0)
    if not place:
        return name in SHELLS and reads_input(host)
    value, before = words[place].value, words[place - 1].value
    if name in _SOURCING:
        return place == 1 and value.startswith(_SUBSTITUTED)
    if name not in SHELLS and not does(host, "interpret"):
        return False
    if value.startswith("<("):
        return all(word[:1] == "-" for word in host.arguments[: place - 1])
    named = before[:1] == "-" and (before.endswith("c") if name in SHELLS else before in _PROGRAMS)
    return named and value.startswith(_SUBSTITUTED)


def _has_program(command: Command) -> bool:
    """Return whether an interpreter has its program in its arguments, so that the pipe is only data for it."""
    words = command.arguments
    if command.name in SHELLS:
        return not reads_input(command)
    return any(word[:1] != "-" or word in ("-c", "-e", "-m", "-ne", "-pe", "-n", "-r") for word in words if word != "-")
