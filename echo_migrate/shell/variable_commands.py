"""What a script needs without calling it by its name: programs in variables, and those that it asks for or ends."""

import re
from collections.abc import Iterable, Iterator, Mapping

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.shell.commands import Command, as_command

_VARIABLE = lazy_regex(r"\$(?:(\w+)|\{(\w+)(?:\[[@*]\])?(?::?[-=]([^{}$`]*))?\})")
"""A word that is one variable, or all of an array, with its default."""

_ASKS = (
    r"(?:command[ \t]{1,9}-[vV]|which|hash|type(?:[ \t]{1,9}-\w{1,9})?)[ \t]{1,9}[\"']?([A-Za-z][\w.+-]{0,40})[\"']?"
    r"(?:[ \t]{0,9}(?:&>|\d?>&?)[ \t]{0,9}[\w/&-]{1,40}){0,4}[ \t]{0,9}"
)
_ENDS = r"\b(?:exit|return)[ \t]{1,9}[1-9]"
_BODY = r"(?:(?!\b(?:elif|else|fi|if)\b)[\s\S]){0,600}?"
_ASKED = lazy_regex(_ASKS)
_OR_ENDS = lazy_regex(
    rf"{_ASKS}\|\|\s{{0,99}}(?:{_ENDS}|[{{(](?:[^(){{}}]|\$\{{[^{{}}]{{0,80}}\}}|\$\([^()]{{0,80}}\)){{0,400}}?{_ENDS})"
    rf"|\bif[ \t]{{1,9}}!\s{{0,9}}{_ASKS}[;\n]\s{{0,99}}then\b{_BODY}{_ENDS}"
)
"""A program without which a script ends: ``command -v x || exit 1``, ``if ! command -v x; then … exit 1``."""
_CHAIN = lazy_regex(
    rf"\bif[ \t]{{1,9}}{_ASKS}[;\n]\s{{0,99}}then\b{_BODY}"
    rf"(?:\belif[ \t]{{1,9}}{_ASKS}[;\n]\s{{0,99}}then\b{_BODY}){{0,4}}\belse\b{_BODY}{_ENDS}"
)
"""Programs of which a script takes the first that is there, and without which it ends."""


def meant(commands: Iterable[Command], among: Iterable[Command], environment: Mapping[str, str]) -> Iterator[Command]:
    """Yield the commands; for each whose program is a variable, what it is with each literal value that the commands
    ``among`` which it stands give that one, or else with that of the environment, and with its default."""
    given: dict[str, list[str]] | None = None
    for command in commands:
        found = _variable(command)
        if found is None:
            yield command
            continue
        given = _given(among) if given is None else given
        name = found[1] or found[2]
        values = [*(given.get(name) or [environment.get(name, "")]), found[3] or ""]
        for words in dict.fromkeys(tuple(value.strip("()").split()) for value in values):
            if words:
                yield _of_words([*words, *command.arguments], command)


def _variable(command: Command) -> re.Match[str] | None:
    word = command.words[0] if command.words else None
    return None if word is None or word.known or word.value[:1] != "$" else _VARIABLE.fullmatch(word.value)


def _of_words(words: list[str], command: Command) -> Command:
    made = as_command(words)
    return command._replace(name=made.name, words=made.words, via=(*command.via, *made.via))


def _given(commands: Iterable[Command]) -> dict[str, list[str]]:
    """Return the literal values that commands give to variables, in turn."""
    given: dict[str, list[str]] = {}
    for command in commands:
        for name, word in command.assignments:
            if word.known:
                given.setdefault(name, []).append(word.value)
    return given


def demanded(text: str) -> Iterator[tuple[str, ...]]:
    """Yield the programs without which a script ends with an error, each alone or with those of which it takes one."""
    for match in _OR_ENDS.finditer(text):
        yield (match[1] or match[2],)
    for match in _CHAIN.finditer(text):
        yield tuple(dict.fromkeys(one[1] for one in _ASKED.finditer(match[0])))
