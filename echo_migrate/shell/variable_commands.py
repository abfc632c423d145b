"""What a script needs without calling it by its name: programs in variables, and those that it asks for or ends."""

import re
from collections.abc import Iterable, Iterator, Mapping

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.shell.commands import Command, as_command
from echo_migrate.shell.wrappers import WRAPPERS

_VARIABLE = lazy_regex(r"\$(?:(\w+)|\{(\w+)(?:\[[@*]\])?(?::?[-=]([^{}$`]*))?\})")
"""A word that is one variable, or all of an array, with its default."""

_ASKS = (
    r"(?:command[ \t]{1,9}-[vV]|which|hash|type(?:[ \t]{1,9}-\w{1,9})?)[ \t]{1,9}[\"']?([A-Za-z][\w.+-]{0,40})[\"']?"
    r"(?:[ \t]{0,9}(?:&>|\d?>&?)[ \t]{0,9}[\w/&-]{1,40}){0,4}[ \t]{0,9}"
)
_ENDS = r"\b(?:exit|return)[ \t]{1,9}[1-9]"
_BODY = r"(?:(?!\b(?:elif|else|fi|if)\b)[\s\S]){0,600}?"
_REMARK = lazy_regex(r"(?m)^[ \t]*+#[^\n]*+")
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

_TESTED = lazy_regex(
    r"\[{1,2}[ \t]{1,9}(!?)[ \t]{0,9}-([nxz])[ \t]{1,9}\"?(?:\$\(|`)[ \t]{0,9}"
    r"((?:command[ \t]{1,9}-v|which)[ \t][^()`\n]{1,200})[)`]\"?[ \t]{1,9}\]{1,2}",
    needs=("command", "which"),
)
"""A test of where a program is: ``[ -x "$(command -v x)" ]`` is like ``command -v x``, one of ``-z`` its opposite."""

_LOOP = lazy_regex(
    r"\bfor[ \t]{1,9}(\w{1,40})[ \t]{1,9}in[ \t]{1,9}([\w.+\"' \t-]{1,400})[;\n]\s{0,99}do\b"
    r"((?:(?!\bdone\b)[\s\S]){1,600})\bdone\b",
    needs=("for",),
)
"""A loop over names."""


def meant(commands: Iterable[Command], among: Iterable[Command], environment: Mapping[str, str]) -> Iterator[Command]:
    """Yield the commands; for each whose program is a variable, what it is with each literal value that the commands
    ``among`` which it stands give that one, with that of the environment if these need not run, and with its default;
    the command itself if none is known."""
    given: dict[str, list[tuple[str, bool]]] | None = None
    for command in commands:
        found = _variable(command)
        if found is None:
            yield command
            continue
        given = _given(among) if given is None else given
        name = found[1] or found[2]
        values = ["" if not sure and _only_runs(value) else value for value, sure in given.get(name, ())]
        if name in environment and not any(sure for _, sure in given.get(name, ())):
            values.append(environment[name])
        if found[3] is not None:
            values.append(found[3])
        meanings = dict.fromkeys((*value.strip("()").split(), *command.arguments) for value in values)
        yield from [_of_words([*words], command) for words in meanings if words] or [command]


def _only_runs(value: str) -> bool:
    """Return whether a value only runs what is behind it: ``[ "$UID" = 0 ] || AS=sudo`` does without for root."""
    words = value.split()
    return bool(words) and as_command(words).name in WRAPPERS


def _variable(command: Command) -> re.Match[str] | None:
    word = command.words[0] if command.words else None
    return None if word is None or word.known or word.value[:1] != "$" else _VARIABLE.fullmatch(word.value)


def _of_words(words: list[str], command: Command) -> Command:
    made = as_command(words)
    return command._replace(name=made.name, words=made.words, via=(*command.via, *made.via))


def _given(commands: Iterable[Command]) -> dict[str, list[tuple[str, bool]]]:
    """Return the literal values that commands give to variables, in turn, and whether each of these commands runs."""
    given: dict[str, list[tuple[str, bool]]] = {}
    for command in commands:
        sure = command.always and command.operator != "&&"
        for name, word in command.assignments:
            if word.known:
                given.setdefault(name, []).append((word.value, sure))
    return given


def demanded(text: str) -> Iterator[tuple[str, ...]]:
    """Yield the programs without which a script ends with an error, each alone or with those of which it takes one."""
    text = _LOOP.sub(_each, _TESTED.sub(_asked, _REMARK.sub("", text)))
    for match in _OR_ENDS.finditer(text):
        yield (match[1] or match[2],)
    for match in _CHAIN.finditer(text):
        yield tuple(dict.fromkeys(one[1] for one in _ASKED.finditer(match[0])))


def _asked(test: re.Match[str]) -> str:
    """Return the command that asks what a test of its output asks."""
    return f"! {test[3]} " if (test[1] == "!") != (test[2] == "z") else f"{test[3]} "


def _each(loop: re.Match[str]) -> str:
    """Return what a loop runs, for each of its words."""
    used = re.compile(rf"\$(?:{loop[1]}\b|\{{{loop[1]}\}})")
    words = loop[2].replace('"', " ").replace("'", " ").split() if used.search(loop[3]) else []
    return "\n".join(used.sub(word, loop[3]) for word in words) or loop[0]
