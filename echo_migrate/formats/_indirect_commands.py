"""Commands that a script runs by something else: an alias, a program or command in a variable, a shell on another host.

Follows the Bash manual, "Aliases" and "Word Splitting", and ssh(1), read in November 2026.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Traced
from echo_migrate.shell import container_commands
from echo_migrate.shell.commands import Command, Word
from echo_migrate.shell.parser import read
from echo_migrate.shell.registry_logins import account_in

_ALIAS = lazy_regex(r"[\w.-]+=")
_VARIABLE = lazy_regex(r"\$(?:(\w+)|\{(\w+)(?::?[-=][^{}]*)?\})")
_PROGRAM = lazy_regex(
    r"(?:sudo +)?(?:[\w./-]*/)?(?:docker|podman|nerdctl)|\$\{\w+:?[-=](?:docker|podman|nerdctl)\}"
    r"|\$\((?=[^()\n]*\b(?:command -v|which|type|hash)\b)(?=[^()\n]*\b(?:docker|podman|nerdctl)(?![\w-]))"
    r"(?:(?!compose|\b(?:docker|podman|nerdctl)-)[^()\n])*\)"
)
"""What a variable is given that stands for a program: its name, a default, or what finds out which one is there. What
finds ``docker-compose``, too, may stand for Compose, whose words are names of services."""

_OTHER_DEFAULT = lazy_regex(r"\$\{(\w+):?[-=](?!(?:docker|podman|nerdctl)\})")
_RUNS = frozenset(("docker", "nerdctl", "podman"))
_OVER_SSH = ("ssh", "sshpass")
_HEREDOC = lazy_regex(
    r"(?:[^\n;&|\\]|\\\r?\n|\\[^\n;&|])*?<<(-?)[ \t]*+([\"']?)(\w{1,80})\2[^\n]*\n"
    r"((?:(?![ \t]*\3[ \t\r]*(?:\n|\Z))[^\n]*\n){1,1000})[ \t]*\3[ \t\r]*(?:\n|\Z)",
    needs=("<<",),
)
"""The heredoc of a command up to its end: whether its word is in quotes, and its lines."""

Values = Mapping[str, Sequence[Word]]
"""All that the assignments of a script give to each variable."""

Unset = Callable[[str], bool]
"""Returns whether the whole file gives a variable no value but the program's own name."""


def aliased(command: Command) -> Iterator[Command]:
    """Yield the commands that an alias stands for."""
    for word in command.words[1:] if command.name == "alias" else ():
        name = _ALIAS.match(word.value) if word.known and word.text.spans else None
        script = read(word.text.cut(name.end(), len(word.value))) if name else None
        yield from script.commands if script and script.certain else ()


@lru_cache(maxsize=2)  # a pipeline file makes this call for each of its scripts
def defaulted(text: str) -> frozenset[str]:
    """Return the variables to which a text gives a default that is no program."""
    return frozenset(_OTHER_DEFAULT.findall(text))


def handed_on(commands: Iterable[Command]) -> set[str]:
    """Return the variables that commands hand to the programs they call, which may read them too."""
    given = {id(command.exported): command.exported for command in commands}
    before = (command.assignments for command in commands if command.words)
    return {name for each in (*given.values(), *before) for name, _ in each}


def with_its_program(command: Command, values: Values, unset: Unset) -> Command:
    """Return a command whose name is in a variable as one of docker's, if the variable can stand for nothing else: by
    what it is given, or by its usual name if it is given nothing."""
    match = _VARIABLE.fullmatch(command.words[0].value) if command.words and not command.words[0].known else None
    if match is None:
        return command
    name = match[1] or match[2]
    given = [word.value for word in values.get(name, ())]
    given += [match[0]] if _PROGRAM.fullmatch(match[0]) else []
    usual = not given and name in container_commands.data()["variables"] and unset(name)
    if not usual and not (given and all(map(_PROGRAM.fullmatch, given))):
        return command
    accounts = {account_in(f"{one} ") for one in given}
    return command._replace(name="docker", by="unsure" if len(accounts) > 1 else next(iter(accounts), ""))


def spelled_out(command: Command, values: Values, unset: Unset) -> Command | None:
    """Return the command that a variable holds the beginning of, with the words behind the variable; None if there is
    none or if it holds more than one command."""
    match = _VARIABLE.fullmatch(command.words[0].value) if command.words and not command.words[0].known else None
    given = values.get(match[1] or match[2], ()) if match else ()
    if len(given) != 1 or " " not in given[0].value or not given[0].text.spans:
        return None
    script = read(given[0].text)
    if not script.certain or len(script.commands) != 1:
        return None
    begun = with_its_program(script.commands[0], values, unset)
    return begun._replace(words=(*begun.words, *command.words[1:])) if begun.name in _RUNS else None


def on_another_host(command: Command, text: str) -> Iterator[Command]:
    """Yield the commands that ``ssh`` runs: in its words, and in its heredoc. Words with variables of that host have no
    value here, and no place."""
    if command.name not in _OVER_SSH:
        return
    at = next((at for at, word in enumerate(command.words) if word.value in _RUNS), 0)
    if at:
        yield command._replace(name=command.words[at].value, words=command.words[at:])
    given = [word.text for word in command.words[1:] if word.known and " " in word.value and word.text.spans]
    heredoc = _HEREDOC.match(text, command.start)
    if heredoc:
        given.append(Traced.of(text, *heredoc.span(4)))
    for one in given:
        script = read(one)
        own = "$" if one.start != (heredoc.start(4) if heredoc else -1) or (heredoc and heredoc[2]) else "\0"
        for found in script.commands if script.certain else ():
            yield found._replace(words=tuple(_elsewhere(word) if own in word.value else word for word in found.words))


def _elsewhere(word: Word) -> Word:
    return word._replace(text=Traced(word.value, ()), known=False)
