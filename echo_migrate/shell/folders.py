"""The folder in which each command of a script runs."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from echo_migrate.shell.commands import Command, Word

_Folder = TypeVar("_Folder")

_APART = frozenset(("subshell", "substitution"))
_ENTERING = frozenset(("cd", "pushd"))


def in_folders(
    commands: Iterable[Command], begin: _Folder, entered: Callable[[_Folder, Word], _Folder]
) -> Iterator[tuple[Command, _Folder]]:
    """Yield each command with the folder that it runs in, that behind a ``cd`` with what it enters; what a subshell
    enters is left behind it, and ``cd -`` and ``popd`` return to the first one. ``entered`` returns the folder that a
    word names in another."""
    folders = [begin]
    for command in commands:
        depth = sum(one in _APART for one in command.inside)
        folders = [*folders[: depth + 1], *[folders[-1]] * (depth + 1 - len(folders))]
        given = [word for word in command.words[1:] if word.value == "-" or word.value[:1] != "-"]
        if command.name == "popd" or (command.name == "cd" and given and given[0].value == "-"):
            folders[depth] = begin
        elif command.name in _ENTERING and len(given) == 1:
            folders[depth] = entered(folders[max(0, depth - 1)], given[0])
        yield command, folders[depth]
