"""What the containers of Terraform resources run: their commands, checks, probes and hooks.

Keys: the providers docker (docker_container: entrypoint, command, healthcheck), kubernetes (container: command, args,
probes, lifecycle), google (Cloud Run: command, args), azurerm (container group: commands) and aws
(container_definitions: entryPoint, command, healthCheck), read in November 2026.
"""

import re
from collections.abc import Iterator

from echo_migrate.dockerfile.startup import StartCommand, checked, worded
from echo_migrate.files.source import Traced
from echo_migrate.files.values import Value
from echo_migrate.shell.commands import SHELLS, ShellArguments, Word, as_command

_OF_DOCKER = ("aws_", "docker_")
"""Resource types in which ``command`` is what the entrypoint is given, rather than the entrypoint."""

_CHECKS = ("healthcheck", "healthCheck")
_PROBES = ("liveness_probe", "readiness_probe", "startup_probe", "lifecycle")
_PROBES_IN_JSON = ("livenessProbe", "readinessProbe", "startupProbe")

HEREDOC = re.compile(r"<<-?(\w+)[ \t]*\r?\n(.*)\n[ \t]*\1\s*", re.DOTALL)
"""A heredoc: its mark and its text."""

FILLED = "${_}"
"""What stands for a value that Terraform fills in."""

_TEMPLATE = re.compile(r"\$\$\{|%%\{|[$%]\{(?:[^{}\"]|\"[^\"\n]{0,500}\"|\{[^{}]{0,500}\}){0,500}\}")
"""What is filled in, or one of ``_ESCAPED`` (HCL, Template Expressions)."""

_ESCAPED = ("$${", "%%{")
_QUOTED = re.compile(r"\"((?:[^\"\\\n]|\\[^\n])*)\"")
_ESCAPE = re.compile(r"\\(.)")
_CHARACTERS = {"n": "\n", "r": "\r", "t": "\t"}
_NUMBER = re.compile(r"-?[0-9.]+|true|false")


def start_commands(type: str, keys: dict[str, Value]) -> Iterator[StartCommand]:
    """Yield the commands of a container, of a resource of a type: the entrypoint first."""
    of_docker = type.startswith(_OF_DOCKER) and "args" not in keys
    for key in ("entrypoint", "entryPoint", "commands", *(() if of_docker else ("command",))):
        if key in keys and keys[key].each:
            yield _launch("entrypoint", keys[key])
    key = "command" if of_docker else "args"
    if key in keys and keys[key].each:
        yield _launch("command", keys[key])
    for key in _CHECKS:
        test = dict(keys[key].items) if key in keys else {}
        words = _words(test.get("test") or test.get("command"))
        if words:
            yield _checked(words, keys[key].start, keys[key].end)
    for key in (*_PROBES, *_PROBES_IN_JSON):
        for value in _executed(keys[key]) if key in keys else ():
            yield _launch("healthcheck", value)


def _executed(node: Value) -> Iterator[Value]:
    """Yield the commands that the probes and hooks below a block execute."""
    for key, value in node.items:
        command = dict(value.items).get("command") if key == "exec" else None
        if command and command.each:
            yield command
        else:
            yield from _executed(value)
    for one in node.each:
        yield from _executed(one)


def _checked(words: tuple[Word, ...], start: int, end: int) -> StartCommand:
    if words[0].value == "CMD":
        return worded("healthcheck", words[1:], start, end)
    return checked([word.value for word in words], start, end)


def _launch(verb: str, value: Value) -> StartCommand:
    return worded(verb, _words(value), value.start, value.end)


def _words(value: Value | None) -> tuple[Word, ...]:
    """Return the words of a list. What Terraform fills in is a variable in the script of a shell; any other word that
    has some is not known."""
    if not value:
        return ()
    read = [_read(one) for one in value.each]
    words = [Word(Traced.of(text, 0, len(text)), known, value.start, value.end) for text, known in read]
    if words and words[0].known and words[0].value.rpartition("/")[2] in SHELLS:
        given = ShellArguments(as_command(word.value for word in words))
        script = len(words) - len(given.operands)
        if "c" in given.letters and given.operands and read[script][0] != FILLED:
            words[script] = words[script]._replace(known=True)
    return tuple(words)


def _read(one: Value) -> tuple[str, bool]:
    """Return a word with variables for what Terraform fills in, and whether there is none."""
    written = one.value if one.kind in ("other", "text") else ""
    text = _TEMPLATE.sub(lambda match: match[0][1:] if match[0] in _ESCAPED else FILLED, written)
    known = all(match[0] in _ESCAPED for match in _TEMPLATE.finditer(written))
    if one.kind == "other":
        heredoc, quoted = HEREDOC.fullmatch(text), _QUOTED.fullmatch(text)
        if quoted:
            text = _ESCAPE.sub(lambda match: _CHARACTERS.get(match[1], match[1]), quoted[1])
        elif heredoc:
            text = heredoc[2]
        elif not _NUMBER.fullmatch(text):
            return FILLED, False
    # braces in braces in braces are not read
    return (text, known) if one.kind in ("other", "text") and not _left(written) else (FILLED, False)


def _left(written: str) -> bool:
    """Return whether a template begins in a text and is not read."""
    rest = _TEMPLATE.sub("", written)
    return "${" in rest or "%{" in rest
