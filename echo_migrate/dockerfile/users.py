"""The users that a RUN creates or changes."""

from collections.abc import Iterator
from typing import NamedTuple

from echo_migrate.dockerfile.run import Run
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.images.facts import is_root
from echo_migrate.shell.commands import Command, Word

_CREATES = frozenset(("adduser", "useradd"))
_LETTERS = "GKPRZbcdefghkpsu"
_VALUED = frozenset(
    ("--base-dir", "--comment", "--expiredate", "--gecos", "--gid", "--groups", "--home", "--home-dir", "--inactive")
    + ("--ingroup", "--key", "--password", "--prefix", "--root", "--selinux-user", "--shell", "--skel", "--uid")
)
"""Options of useradd and adduser that take a value (shadow 4.17, Debian's adduser 3.152, BusyBox 1.37)."""


_ROOT = lazy_regex(r"(?:^|\\n|\n)([\w.-]{1,40}):[^:\s]{0,200}:0+:\d+:")


class Account(NamedTuple):
    """A user that a command certainly creates; ``uid`` is "" if it is not given."""

    name: str
    uid: str
    command: Command


def accounts(run: Run) -> Iterator[Account]:
    """Yield the users that a RUN creates unconditionally."""
    for command in run.commands:
        if command.name in _CREATES and command.always:
            operands, uid = _operands(command.words[1:])
            if len(operands) == 1 and operands[0].known:  # adduser with two adds a user to a group
                yield Account(operands[0].value, uid, command)


def roots(run: Run) -> Iterator[str]:
    """Yield the names of users that a RUN gives the user ID of root: with useradd, usermod or a line of /etc/passwd."""
    if not _CREATES.isdisjoint(run.names):
        yield from (account.name for account in accounts(run) if is_root(account.uid))
    for command in run.commands:
        if command.name == "usermod":
            operands, uid = _operands(command.words[1:])
            yield from (one.value for one in operands[-1:] if is_root(uid))
        elif command.redirects and any(one.target.value == "/etc/passwd" for one in command.redirects):
            yield from (match[1] for word in command.arguments for match in _ROOT.finditer(word))


def _operands(words: tuple[Word, ...]) -> tuple[list[Word], str]:
    """Return the positional arguments of useradd or adduser, and the user ID of ``-u`` or ``--uid`` ("" if none)."""
    operands: list[Word] = []
    given: dict[str, str] = {}
    waiting = ""
    for word in words:
        text = word.value
        if waiting:
            given[waiting], waiting = text, ""
        elif text.startswith("--"):
            option, equals, value = text.partition("=")
            given[option] = value
            waiting = option if option in _VALUED and not equals else ""
        elif text.startswith("-"):
            i = next((i for i, letter in enumerate(text) if letter in _LETTERS), len(text))
            given[f"-{text[i:][:1]}"] = text[i + 1 :]
            waiting = f"-{text[i]}" if i == len(text) - 1 else ""
        else:
            operands.append(word)
    uid = given.get("-u") or given.get("--uid") or ""
    return operands, uid if uid.isdigit() else ""
