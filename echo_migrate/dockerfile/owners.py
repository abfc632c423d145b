"""The folders that a WORKDIR certainly makes as root, and that certainly remain as it made them."""

from posixpath import join, normpath

from echo_migrate.dockerfile.copies import Copy
from echo_migrate.dockerfile.layers import above, absolute, within
from echo_migrate.dockerfile.run import Run
from echo_migrate.shell.commands import SHELLS, Command, handed
from echo_migrate.shell.package_managers import does

_BASE = ("/data", "/dev", "/go", "/home", "/media", "/mnt", "/run", "/tmp", "/usr/local", "/var")  # noqa: S108
"""Folders in which a base image may have some of another user, or that all may write to."""
_MODES = frozenset(("chgrp", "chmod", "chown", "setfacl"))
_MOVERS = frozenset(("cp", "find", "install", "mv", "rsync"))
_HARMLESS = frozenset(("[", "cat", "cd", "echo", "ls", "mkdir", "printf", "test", "touch"))
_RUNNERS = frozenset((".", "ansible-playbook", "eval", "gosu", "make", "source", "su", "su-exec", "sudo"))


class Folders:
    """The folders that WORKDIRs make as root, as far as the instructions up to now tell.

    ``filled`` are the folders in which an instruction may have made something, and their parents. ``changed`` are the
    paths whose owner or mode another instruction may have set, ``_above`` their parents too, and ``unknown`` is true if
    that may be any path.
    """

    def __init__(self) -> None:
        self.made: set[str] = set()
        self.filled: set[str] = set()
        self.changed: set[str] = set()
        self.unknown = False
        self._above: set[str] = set()

    def root_owned(self, path: str) -> bool:
        """Return whether a folder certainly belongs to root, which alone may write to it."""
        if self.unknown or path not in self.made or path in self._above:
            return False
        return "/" not in self.changed and self.changed.isdisjoint(above(path))

    def workdir(self, path: str, root: bool) -> None:
        if path in self.made:
            return
        if not root or "$" in path:
            self._change(path)
        elif path != "/" and path not in self.filled and not any(within(path, one) for one in _BASE):
            self.made.add(path)

    def copy(self, copy: Copy) -> None:
        keeps = copy.instruction.verb == "copy" and not copy.origin
        if copy.target is None:
            self.unknown = True
        elif not keeps or any(flag.name in ("chmod", "chown") for flag in copy.instruction.flags):
            self._change(copy.target)
        self.filled.update(above(copy.target or ""))

    def run(self, run: Run) -> None:
        if run.script is None or not run.script.certain:
            self.unknown = True
            return
        calls = {call.command.start for call in run.calls}
        for command in run.commands:
            if not command.words or command.start in calls:
                continue
            for path in (run.folder or "", *[normpath(word) for word in _values(command) if word[:1] == "/"]):
                self.filled.update(above(path))
            if command.name not in _HARMLESS:
                self._command(command, run)

    def _command(self, command: Command, run: Run) -> None:
        if _runs_a_file(command) or (command.via and command.name in _MODES):
            self.unknown = True
            return
        operands = [word for word in command.arguments if not word.startswith("-")]
        relative = command.name in _MODES or command.name in _MOVERS
        paths = [absolute(word, run, command) for word in operands[command.name in _MODES :] if relative]
        paths += [absolute(".", run, command)] if does(command, "unpack") else []
        paths += [normpath(word) for word in _values(command) if word.startswith("/")]
        if None in paths or any(one and any(letter in one for letter in "$*?[{") for one in paths):
            self.unknown = True
        for path in filter(None, paths):
            self._change(path)

    def _change(self, path: str) -> None:
        self.changed.add(path)
        self._above.update(above(path))


def _runs_a_file(command: Command) -> bool:
    """Return whether a command runs a script or a program that is not known."""
    shell = command.name in SHELLS and handed(command) is None
    named = "/" in command.words[0].value or not command.words[0].known
    return shell or named or command.name in _RUNNERS or does(command, "interpret")


def _values(command: Command) -> list[str]:
    """Return the arguments of a command and the values that are joined to its options."""
    return [word.partition("=")[2] if word.startswith("-") else word for word in command.arguments]


def covered(run: Run, folder: str) -> bool:
    """Return whether a mount of a RUN lies over a folder, or gives it something to write to."""
    for mount in run.mounts:
        target = normpath(join(run.folder or "/", mount.target or "/"))
        if mount.kind not in ("secret", "ssh") and within(folder, target):
            return True
        if mount.kind in ("cache", "tmpfs") and within(target, folder):
            return True
    return False
