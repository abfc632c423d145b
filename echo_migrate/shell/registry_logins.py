"""The registry logins that a script has made when it comes to a place.

Follows the command lines of docker, nerdctl, podman and buildah: ``login [OPTIONS] [REGISTRY]``. None is Docker Hub.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Traced
from echo_migrate.shell.commands import SHELLS, Command, Script, Word, simple
from echo_migrate.shell.parser import read
from echo_migrate.shell.wrappers import LOGIN_PLACES, Account

DOCKER_HUB = "docker.io"

_SHARED = frozenset(("docker", "nerdctl"))
"""Programs whose logins the others read, too (containers-auth.json(5)); they read only their own."""

_PROGRAMS = _SHARED | {"buildah", "podman"}
_VALUED = frozenset(("-u", "--username", "-p", "--password", "--cert-dir"))
_FLAGS = frozenset(("--password-stdin", "--tls-verify", "-v", "--verbose"))
_REMOVING = _PROGRAMS | {"crane", "oras", "regctl", "skopeo"}
"""Programs whose ``logout`` removes what ``docker login`` has written."""

_WRAPPERS = frozenset(("command", "ionice", "nice", "nohup", "stdbuf", "time", "timeout"))
"""Commands that run another one as the same user."""

_AS_ANOTHER = lazy_regex(r"\b(?:sudo|doas)[ \t](?:[^\n|;&]|\\\r?\n){0,300}")
"""A command that runs as another user, in a text that is not read as a script."""

_PRINTING = frozenset(("", ":", "cat", "curl", "echo", "grep", "printf", "ssh", "test", "wget"))
"""Commands with words that do not log in here."""

_LOGIN = lazy_regex(r"\blogin\b")
_CALL = lazy_regex(r"\b(?:buildah|docker|nerdctl|podman)[ \t]+login\b.*")
_VALUES = lazy_regex(r"[ \t](?:-[up](?:[= \t][ \t]{0,20})?|--(?:username|password)[= \t][ \t]{0,20})[^\s]+")
"""Options of a login with their values, which name no registry."""

FILLED_IN = lazy_regex(r"\$\{\{[^{}]*\}\}")
"""An expression of GitHub, which is filled in before a shell reads what it is in."""
_PIPES = ("|", "|&")
_UNLESS = ("&&", "||")
_FAR = 200
"""The length of the text between commands that is looked at."""

_OPENED = lazy_regex(r"(?<![\w$])\{\s+$")
_CONDITION = lazy_regex(r"(?:^|[;{:\"'\n-])[ \t]*(?:if|until|while)[ \t]+(?:![ \t]+)?$")
_THEN = lazy_regex(r"[^;\n&|(){}]{0,200}(?:&&|\|&?)[\s\\]{0,200}")


class RegistryLogin(NamedTuple):
    """A login: its offset in the source, the program that makes it, the host of the registry, and whose it is."""

    start: int
    program: str
    host: str
    account: Account

    def serves(self, where: str, account: Account) -> bool:
        """Return whether a command, given by its words and by who runs it, pulls with the login."""
        shared = self.program in _SHARED or where.partition(" ")[0] in _PROGRAMS - _SHARED
        return shared and self.account == account != "unsure"


class Step(NamedTuple):
    """A command that logs in or out: its host, None if that is not known, and the offset up to which a login is certain
    (None: to the end of the script). ``gone`` is true for what takes logins back."""

    command: Command
    host: str | None
    until: int | None = None
    gone: bool = False


def account_in(text: str) -> Account:
    """Return whose logins the first engine or login reads that another user runs in a text."""
    for match in _AS_ANOTHER.finditer(text):
        words = [Word(Traced(word, ()), True, 0, 0) for word in match[0].split() if word != "\\"]
        command = simple(tuple(words), "", (), (), (), None, 0, 0)
        if command.name in _PROGRAMS or command.name in SHELLS or _LOGIN.search(match[0]):
            return command.account
    return ""


def takes_back(host: str | None, said: str) -> bool:
    """Return whether a logout of a host, None for any, may take back a login with these words, a host or a command."""
    return not host or host in said or "$" in said


def logins_before(script: Script, text: str, offset: int) -> list[RegistryLogin]:
    """Return the logins that are made whenever a script comes to an offset of the text of its source, and are kept
    until then; none if not all of the script is read."""
    made: list[RegistryLogin] = []
    for one in logins_in(script, text) if script.certain else ():
        if one.command.start >= offset:
            break
        if one.gone:
            made = [login for login in made if not takes_back(one.host, login.host)]
        elif one.host and (one.until is None or offset < one.until):
            made.append(RegistryLogin(one.command.start, one.command.name, one.host, one.command.account))
    return made


def logins_in(script: Script, text: str) -> Iterator[Step]:
    """Yield the commands of a script, with the text of its source, that certainly log in or may take logins back. One
    that may not run is certain for what follows it by ``&&``."""
    commands = script.commands
    ends = _chains(commands, text)
    head = None
    for number, command in enumerate(commands):
        if not command.words and _moves_logins(command):
            yield Step(command, None, gone=True)
        elif command.name in _REMOVING and "logout" in command.arguments:
            yield Step(command, _logged_out(command), gone=True)
        if command.host is None and command.operator not in _PIPES:
            head = command
        if _logs_in(command):
            behind = commands[number + 1].operator if number + 1 < len(commands) else ""
            if head and behind != "&" and _always(head, command, text):
                yield Step(command, registry_of(command))
            elif ends[number] > command.end:
                yield Step(command, registry_of(command), ends[number])


def _logs_in(command: Command) -> bool:
    """Return whether a command, if it runs, logs in where others of its script find the login."""
    wrappers = _WRAPPERS | {"env", "sudo"} if command.name in _PROGRAMS else _WRAPPERS
    if not wrappers.issuperset(command.via) or command.account == "unsure":
        return False
    if command.name in _PROGRAMS:
        return command.arguments[:1] == ["login"]
    words = [word.value for word in command.words]
    if command.name in _PRINTING or any(word in _PROGRAMS or _CALL.search(word) for word in words):
        return False
    return any(_LOGIN.search(word) for word in words)


def _logged_out(command: Command) -> str | None:
    """Return the host that a command logs out of, None if it may be any."""
    words = command.words[command.arguments.index("logout") + 2 :]
    if not words:
        return DOCKER_HUB if command.name in _SHARED else None
    named = len(words) == 1 and words[0].known and words[0].value[:1] != "-"
    return words[0].value.removeprefix("https://").lower() if named else None


def _always(head: Command, command: Command, text: str) -> bool:
    """Return whether a script always runs a command, given the first one of its pipeline: it is in no construct, or the
    first one in braces or in a condition."""
    outer, inside = ([one for one in each.inside if one != "not"] for each in (head, command))
    if command.host is not None or head.operator in _UNLESS or outer != inside:
        return False
    before = text[max(0, head.start - _FAR) : head.start]
    opened = {"group": _OPENED, "if": _CONDITION, "while": _CONDITION}
    return not inside or (len(inside) == 1 and inside[0] in opened and bool(opened[inside[0]].search(before)))


def _chains(commands: tuple[Command, ...], text: str) -> list[int]:
    """Return for each command where the last one ends that runs only after it has: those after ``&&``."""
    ends = [command.end for command in commands]
    own = [number for number, command in enumerate(commands) if command.host is None]
    for number, after in reversed(list(pairwise(own))):
        one, later = commands[number], commands[after]
        between = text[one.end : later.start] if later.start - one.end < _FAR else ""
        if one.inside == later.inside and _THEN.fullmatch(between):
            ends[number] = ends[after]
    return ends


def registry_of(command: Command) -> str | None:
    """Return the host that a command logs in to, None if it is no login, or it is not known for what it is one."""
    if command.name not in _PROGRAMS or not _logs_in(command):
        return None
    operands, certain = _operands(command)
    if not certain or not all(word.known for word in operands):
        return None
    hosts = [word.value.removeprefix("https://").lower() for word in operands]
    return hosts[0] if len(hosts) == 1 else None if hosts else DOCKER_HUB


def said_of(command: Command, text: str) -> str:
    """Return the host of a login, given the text of its source, or the words that may be it. The name of a user is
    none, nor is a path."""
    if command.name not in _PROGRAMS:
        return text[command.start : command.end]
    said = (text[word.start : word.end] for word in _operands(command)[0] if word.value[:1] not in ("/", "."))
    return registry_of(command) or " ".join(said)


def _operands(command: Command) -> tuple[list[Word], bool]:
    """Return the words of a login that are neither options nor their values, and whether all options are known: the
    word behind another one may be its value."""
    words = command.words[1:]
    found: list[Word] = []
    certain = True
    i = 1
    while i < len(words):
        value = words[i].value
        option = value.partition("=")[0]
        if option in _VALUED:
            i += "=" not in value
        elif value[:2] in ("-p", "-u"):
            pass  # with its value
        elif value.startswith("-") and option not in _FLAGS:
            certain = False
            i += "=" not in value
        elif not value.startswith("-"):
            found.append(words[i])
        i += 1
    return found, certain


def named_in(line: str) -> str:
    """Return the hosts of the login commands in a line of another file, or the words that may be them; the line without
    the users if they cannot be read."""
    call = _CALL.search(line)
    if not call or line.rstrip().endswith("\\"):
        return line
    text = FILLED_IN.sub(lambda match: "$" + "_" * (len(match[0]) - 1), call[0])
    script = read(Traced.of(text, 0, len(text)))
    made = [one for one in script.commands if one.name in _PROGRAMS and one.arguments[:1] == ["login"]]
    return " ".join(said_of(one, call[0]) for one in made) if script.certain and made else _VALUES.sub(" ", line)


def _moves_logins(command: Command) -> bool:
    return any(name in LOGIN_PLACES for name, _ in command.assignments)
