"""The registry logins that a script has made when it comes to a place.

Follows the command lines of docker, nerdctl, podman and buildah: ``login [OPTIONS] [REGISTRY]``. None is Docker Hub.
"""

from collections.abc import Iterator
from itertools import zip_longest
from typing import NamedTuple

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Traced
from echo_migrate.shell.commands import Command, Script
from echo_migrate.shell.parser import read

DOCKER_HUB = "docker.io"

_SHARED = frozenset(("docker", "nerdctl"))
"""Programs whose logins the others read, too (containers-auth.json(5)); they read only their own."""

_PROGRAMS = _SHARED | {"buildah", "podman"}
_VALUED = frozenset(("-u", "--username", "-p", "--password", "--cert-dir"))
_FLAGS = frozenset(("--password-stdin", "--tls-verify", "-v", "--verbose"))
_PLACES = frozenset(("DOCKER_CONFIG", "HOME", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR"))
"""Variables that say where logins are kept."""

_CALL = lazy_regex(r"\b(?:buildah|docker|nerdctl|podman)[ \t]+login\b.*")
_FILLED_IN = lazy_regex(r"\$\{\{[^{}]*\}\}")
_PIPES = ("|", "|&")
_UNLESS = ("&&", "||")


class RegistryLogin(NamedTuple):
    """A login: its offset in the source, the program that makes it, and the host of the registry."""

    start: int
    program: str
    host: str

    def serves(self, where: str) -> bool:
        """Return whether a command, given by its words, pulls with the login."""
        return self.program in _SHARED or where.partition(" ")[0] in _PROGRAMS - _SHARED


CLEARED = ""
"""Stands for the host where the logins made before are gone."""


def logins_before(script: Script, offset: int) -> list[RegistryLogin]:
    """Return the logins that are made whenever a script comes to an offset of the source, and are kept until then; none
    if not all of the script is read."""
    made: list[RegistryLogin] = []
    for command, host in logins_in(script) if script.certain else ():
        if command.start >= offset:
            break
        if host == CLEARED:
            made = []
        elif host:
            made.append(RegistryLogin(command.start, command.name, host))
    return made


def logins_in(script: Script) -> Iterator[tuple[Command, str | None]]:
    """Yield the commands of a script that certainly log in, with the host, None if that is not known, and those that
    take logins back, with ``CLEARED``."""
    commands = script.commands
    first = ""
    for command, later in zip_longest(commands, commands[1:]):
        if "logout" in command.arguments or (not command.words and _moves_logins(command)):
            yield command, CLEARED
        first = first if command.operator in _PIPES else command.operator
        behind = later.operator if later else ""
        logs_in = command.name in _PROGRAMS and not command.via and command.arguments[:1] == ["login"]
        if logs_in and not command.inside and first not in _UNLESS and behind != "&":
            yield command, registry_of(command)


def registry_of(command: Command) -> str | None:
    """Return the host that a command logs in to, None if it is no login, or it is not known for what it is one."""
    words = command.words[1:]
    if command.name not in _PROGRAMS or command.via or _moves_logins(command) or not words or words[0].value != "login":
        return None
    hosts: list[str] = []
    i = 1
    while i < len(words):
        value = words[i].value
        option = value.partition("=")[0]
        if option in _VALUED:
            i += "=" not in value
        elif value.startswith("-") and option not in _FLAGS:
            return None
        elif not value.startswith("-"):
            if not words[i].known:
                return None
            hosts.append(value.removeprefix("https://").lower())
        i += 1
    return hosts[0] if len(hosts) == 1 else None if hosts else DOCKER_HUB


def named_in(line: str) -> str:
    """Return the hosts that the login commands in a line of another file log in to; the line if that is not certain."""
    call = _CALL.search(line)
    if not call or line.rstrip().endswith("\\"):
        return line
    text = _FILLED_IN.sub("$x", call[0])
    script = read(Traced.of(text, 0, len(text)))
    made = [registry_of(one) for one in script.commands if one.name in _PROGRAMS and one.arguments[:1] == ["login"]]
    hosts = [host for host in made if host]
    return " ".join(hosts) if script.certain and hosts and len(hosts) == len(made) else line


def _moves_logins(command: Command) -> bool:
    return any(name in _PLACES for name, _ in command.assignments)
