"""The folders that a Dockerfile certainly makes as root, and that certainly remain as it made them."""

import re
from collections.abc import Iterator
from posixpath import basename, join, normpath, splitext

from echo_migrate.dockerfile.control_flow import must_succeed
from echo_migrate.dockerfile.copies import Copy
from echo_migrate.dockerfile.layers import above, absolute, within
from echo_migrate.dockerfile.run import Run
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.shell.commands import SHELLS, Command, handed
from echo_migrate.shell.package_managers import does

_BASE = (
    *("/data", "/dev", "/etc", "/go", "/home", "/lib", "/media", "/mnt", "/run", "/tmp", "/usr/lib", "/usr/local"),  # noqa: S108
    *("/usr/share", "/usr/src/wordpress", "/var"),
)
"""Folders in which a base image may have some of another user, or that all may write to."""
_MODES = frozenset(("chgrp", "chmod", "chown", "setfacl"))
_MOVERS = frozenset(("cp", "find", "install", "mv", "rsync"))
_HARMLESS = frozenset(("[", "cat", "cd", "echo", "ls", "mkdir", "printf", "test", "touch"))
_RUNNERS = frozenset(
    (".", "ansible-playbook", "bundle", "bunx", "composer", "eval", "gosu", "make", "npx", "pipenv", "poetry", "rake")
    + ("source", "su", "su-exec", "sudo", "uv")
)
"""Programs that run what is not known, but for their calls as package managers."""
_ROOT = frozenset(("0", "0:0", "root", "root:", "root:root"))
_ACCOUNTS = frozenset(("adduser", "addgroup", "gpasswd", "groupmod", "useradd", "usermod"))
_CLOSED = lazy_regex(
    r"0?[0-7][0-7]?[0145][0145]|(?:[ugoa]*[-+=][rxXst]{1,5}|u[-+=][rwxXst]{1,5}|[ugoa]*-[rwxXst]{1,5})"
)
"""A mode of chmod that gives nobody but the owner the right to write."""
_IN_A_HOME = lazy_regex(r"/home/[^/.][^/]*/[^/.]")
_FILES = frozenset(
    (".cfg", ".gradle", ".ini", ".js", ".json", ".kts", ".lock", ".mod", ".py", ".sum", ".toml", ".ts", ".txt", ".xml")
    + (".yaml", ".yml")
)
"""Endings of files that no folder has."""
_PLAIN_OPTIONS = frozenset("DRdfnprv")
_MOST_OPERANDS = 50


class Folders:
    """The folders that instructions make as root, as far as those up to now tell.

    ``made`` are these, with what made them. ``filled`` are the folders in which an instruction may have made something,
    and their parents, ``given`` those in which files of others lie. ``changed`` are the paths whose owner or mode
    another instruction may have set, ``_above`` their parents too, and ``unknown`` is true if that may be any path.
    ``open`` are folders in which those of the build context lie, with its modes, so that members of root's group may
    write to them, and ``grouped`` is true if a user may be such a member. ``data`` is true if the base image has
    nothing in ``/data``, and ``homes`` if it has nothing but hidden files in the home folders of its users.
    """

    def __init__(self, data: bool = False, homes: bool = False) -> None:
        self.made: dict[str, str] = {}
        self.filled: set[str] = set()
        self.given: set[str] = set()
        self.changed: set[str] = set()
        self.open: set[str] = set()
        self.unknown = False
        self.grouped = False
        self._above: set[str] = set()
        self._base = _BASE[1:] if data else _BASE
        self._homes = homes

    def of_root(self, path: str, user: str, file: bool = False) -> tuple[str, str]:
        """Return the folder at or above a path that certainly belongs to root, which alone may write there, and what
        made it; empty texts if none does for certain. ``file`` tells that a file is written, which may be there."""
        sure = not self.unknown and path not in self._above and not (file and path in self.given)
        if not sure or "/" in self.changed or not self.changed.isdisjoint(above(path)):
            return "", ""
        found = next((one for one in above(path) if one in self.made), "")
        if not found or (found != path and not self.given.isdisjoint(above(path))):
            return "", ""
        copied = (path != found or self.made[found] == "COPY") and not self.open.isdisjoint(above(path))
        if copied and (self.grouped or _in_group_of_root(user)):
            return "", ""
        return found, self.made[found]

    def workdir(self, path: str, root: bool) -> None:
        if path in self.made:
            return
        if not root or "$" in path:
            self._change(path)
        else:
            self._make(path, "WORKDIR")

    def volume(self, path: str) -> None:
        """Follow a VOLUME, which is made as root where it is not there."""
        if "$" not in path and path[:1] == "/":
            self._make(normpath(path), "VOLUME")

    def copy(self, copy: Copy) -> None:
        keeps = copy.instruction.verb == "copy" and not copy.origin
        owned = any(flag.name in ("chmod", "chown") for flag in copy.instruction.flags)
        target = copy.target
        if target is None:
            self.unknown = True
        elif keeps and owned and target in self.made and all(_is_a_file(word.value) for word in copy.sources):
            # the folder itself remains root's: a COPY sets the owner of what it makes, and of what is below in folders
            # of its sources (BuildKit: tonistiigi/fsutil, copy/copy.go; Buildah 1.28 builds the same)
            self.given.add(target)
        elif not keeps or owned:
            self._change(target)
        elif _into_a_folder(copy):
            self._make(target, "COPY")
            self.open.add(target)
        self.filled.update(above(target or ""))

    def run(self, run: Run, root: bool) -> None:
        """Follow a RUN; ``root`` tells that root runs it."""
        if run.script is None or not run.script.certain:
            self.unknown = True
            return
        calls = {call.command.start for call in run.calls}
        masked = any(command.name == "umask" and not _masks(command) for command in run.commands)
        for command in run.commands:
            if not command.words or command.start in calls:
                continue
            made = list(_folders(command, run)) if root and not masked else []
            for path, new in made:
                for parent in [] if new else [one for one in above(path) if one.count("/") > 1 and one != path]:
                    self._make(parent, command.name)
                self._make(path, command.name, new)
            for path in (run.folder or "", *[normpath(word) for word in _values(command) if word[:1] == "/"]):
                self.filled.update(above(path))
            self.grouped |= command.name in _ACCOUNTS and not {"0", "root"}.isdisjoint(command.arguments)
            harmless = made or _closes(command) or (command.name in _HARMLESS and not _has_mode(command))
            if not harmless:
                self._command(command, run)

    def _make(self, path: str, what: str, new: bool = False) -> None:
        """Note a folder that root makes; ``new`` tells that it was not there before."""
        own = self._homes and _IN_A_HOME.match(path)
        apart = path not in self.filled and (own or not any(within(path, one) for one in self._base))
        if path != "/" and (new or apart):
            self.made.setdefault(path, what)

    def _command(self, command: Command, run: Run) -> None:
        if _runs_a_file(command) or (command.via and command.name in _MODES):
            self.unknown = True
            return
        operands = [word for word in command.arguments if not word.startswith("-")]
        relative = command.name in _MODES or command.name in _MOVERS or command.name == "mkdir"
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


def _folders(command: Command, run: Run) -> Iterator[tuple[str, bool]]:
    """Yield the folders that a command certainly makes with the usual mode, each with whether it was not there."""
    if command.via or not run.script or not must_succeed(command, run.script):
        return
    words = command.arguments
    options = {word for word in words if word[:1] == "-"}
    operands = [word for word in words if word[:1] != "-"][:_MOST_OPERANDS]
    letters = {letter for word in options for letter in word.replace("--parents", "-p").lstrip("-")}
    plain = letters <= _PLAIN_OPTIONS
    named: list[str] = []
    if plain and (command.name == "mkdir" or (command.name == "install" and "d" in letters)):
        named = operands
    elif command.name == "cp" and plain and not {"r", "R"}.isdisjoint(letters) and "p" not in letters:
        named = operands[1:] if len(operands) == 2 else []
    elif command.name == "git" and operands[:1] == ["clone"] and "://" in words[-2]:
        named = words[-1:]
    for path in [absolute(word, run, command) for word in named]:
        if path and not any(letter in path for letter in "$*?[{"):
            yield path, command.name == "mkdir" and "p" not in letters


def _masks(command: Command) -> bool:
    """Return whether a umask leaves the group and others no right to write, as the usual one does."""
    mask = (command.arguments or [""])[0]
    return command.always and re.fullmatch(r"0{0,2}[0-7]?[2367][2367]", mask) is not None


def _has_mode(command: Command) -> bool:
    return command.name == "mkdir" and any(word.startswith(("-m", "--mode")) for word in command.arguments)


def _closes(command: Command) -> bool:
    """Return whether a chown or chmod leaves a folder of root to root alone."""
    words = [word for word in command.arguments if word not in ("-R", "-v", "-f", "--recursive")]
    if command.via or len(words) < 2:
        return False
    if command.name == "chown":
        return words[0] in _ROOT
    return command.name == "chmod" and all(_CLOSED.fullmatch(mode) for mode in words[0].split(","))


def _is_a_file(source: str) -> bool:
    return splitext(basename(source))[1] in _FILES


def _into_a_folder(copy: Copy) -> bool:
    """Return whether the target of a COPY is certainly a folder."""
    sources = [word.value for word in copy.sources]
    return copy.written.value.endswith("/") or len(sources) > 1 or sources[0].endswith("/") or sources[0] == "."


def _in_group_of_root(user: str) -> bool:
    """Return whether a user is, or may be, in the group of root, as one is that only a number names."""
    name, _, group = user.partition(":")
    return group in ("0", "root") if group else name.isdigit()


def _runs_a_file(command: Command) -> bool:
    """Return whether a command runs a script or a program that is not known."""
    shell = command.name in SHELLS and handed(command) is None
    named = "/" in command.words[0].value or not command.words[0].known
    return shell or named or command.name in _RUNNERS or does(command, "interpret") or does(command, "start")


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
