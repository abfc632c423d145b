"""Secrets that a RUN mounts, and keeps: what it copies or writes of them stays in its layer."""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from posixpath import basename, join, normpath
from typing import NamedTuple

from echo_migrate.dockerfile.layers import absolute, placed, removed, takes
from echo_migrate.dockerfile.run import Run
from echo_migrate.shell.commands import Command
from echo_migrate.shell.credentials import stores

_COPIES = frozenset(("cp", "install", "ln", "mv"))
_PRINTS = frozenset(
    ("awk", "base64", "cat", "cut", "echo", "envsubst", "grep", "head", "jq", "printf", "sed", "tail", "tr")
)
_UNDOES = frozenset(("--remove-section", "--unset", "--unset-all", "delete", "logout", "rm", "unset"))
_CHANGES_URL = frozenset(("remove", "rm", "set-url"))
"""Subcommands of git-remote(1) behind which a URL is no longer kept."""
_BARE = frozenset(("--bare", "--mirror"))
_NOT_KEPT = ("/dev/", "/proc/", "/run/")


class Secret(NamedTuple):
    """A secret that a RUN mounts: its name, and the texts by which a command names it: its path or variable."""

    name: str
    texts: re.Pattern[str]


def kept(run: Run) -> Iterator[tuple[Secret, Command, str]]:
    """Yield the secrets of a RUN that it stores in a file of its layer, each with the command and the file."""
    for secret in _secrets(run):
        names = _variables(run, secret)
        for i, command in enumerate(run.commands):
            file = _file(command, i, run, secret, names)
            if file and not _gone(file, i, run):
                yield secret, command, file
                break


def _secrets(run: Run) -> Iterator[Secret]:
    for flag in run.instruction.flags:
        fields = (
            dict(field.partition("=")[::2] for field in flag.value.value.split(",")) if flag.name == "mount" else {}
        )
        if fields.get("type") != "secret":
            continue
        given = fields.get("target") or fields.get("dst") or fields.get("destination") or ""
        id = fields.get("id") or fields.get("source") or fields.get("src") or basename(given)
        texts = [rf"\$\{{?{re.escape(fields['env'])}\b"] if fields.get("env") else []
        if given or not texts:
            texts.append(rf"(?<![\w./-]){re.escape(given or f'/run/secrets/{id}')}(?![\w./-])")
        if id:
            yield Secret(id, re.compile("|".join(texts)))


def _variables(run: Run, secret: Secret) -> re.Pattern[str]:
    """Return a pattern of all that holds a secret: what names it, and the variables that are set from it."""
    names = [
        re.escape(name) for one in run.commands for name, word in one.assignments if secret.texts.search(word.value)
    ]
    texts = [secret.texts.pattern, *[rf"\$\{{?{name}\b" for name in names]]
    return re.compile("|".join(texts))


def _file(command: Command, i: int, run: Run, secret: Secret, names: re.Pattern[str]) -> str:
    """Return the file in which a command stores a secret, or ""."""
    words = [word.value for word in command.words[1:]]
    operands = [word for word in words if word[:1] != "-"]
    if command.name in _COPIES and len(operands) > 1 and "-s" not in words:
        target = operands[-1]
        return target if any(secret.texts.search(word) for word in operands[:-1]) else ""
    holds = any(names.search(word) for word in words)
    if holds and (stores(command) or _remote(command, names)):
        return stores(command) or _remote(command, names)
    if command.name not in _PRINTS or not (holds or _reads(command, run, names)):
        return ""
    last = command
    for later in run.commands[i + 1 :]:
        if later.operator != "|":
            break
        last = later
    if last.name == "tee":
        return next((word for word in [one.value for one in last.words[1:]] if word[:1] != "-"), "")
    filters = last is command or last.name in _PRINTS
    return next((one.target.value for one in last.redirects if filters and one.operator in (">", ">>")), "")


def _remote(command: Command, names: re.Pattern[str]) -> str:
    """Return the file in which git keeps the URL of a repository with a secret in it, or "" (git-clone(1),
    git-remote(1))."""
    operands = [word.value for word in command.words[1:] if word.value[:1] != "-"]
    at = next((i for i, word in enumerate(operands) if "://" in word and names.search(word.rpartition("@")[0])), 0)
    if command.name != "git" or not at:
        return ""
    if "remote" in operands[:at]:
        return ".git/config"
    bare = not _BARE.isdisjoint(command.arguments)
    name = basename(operands[at].rstrip("/")).removesuffix(".git") + (".git" if bare else "")
    folder = operands[at + 1] if len(operands) > at + 1 else name
    return join(folder, "config" if bare else ".git/config") if "clone" in operands[:at] else ""


def _reads(command: Command, run: Run, names: re.Pattern[str]) -> bool:
    """Return whether a command prints a heredoc with a secret in it."""
    heredoc = len(run.instruction.heredocs) == 1 and run.instruction.args.value.strip()[:2] != "<<"
    return command.name == "cat" and heredoc and bool(names.search(run.instruction.heredocs[0].value))


def _gone(file: str, i: int, run: Run) -> bool:
    """Return whether the RUN removes a file again, or it is in no layer: a device, another mount."""
    place = absolute(file, run, run.commands[i])
    if (place or file).startswith(_NOT_KEPT) or (place and _mounted(place, run)):
        return True
    name = basename(file.rstrip("/")) or file
    for later in run.commands[i + 1 :]:
        paths = [path.rstrip("/") for path in removed(later)]
        if any(basename(path) == name or f"/{basename(path)}/" in f"/{file}/" for path in paths):
            return True
        if later.name == "rm" and any(_takes(absolute(path, run, later), place, later) for path in paths):
            return True
        if later.name == "find" and any(takes(placed(path, run, later), file, place) for path in paths):
            return True  # a * of the shell takes no hidden file
        if stores(run.commands[i]) and later.name == run.commands[i].name and not _UNDOES.isdisjoint(later.arguments):
            return True
        changes = "remote" in later.arguments and not _CHANGES_URL.isdisjoint(later.arguments)
        if file.endswith(".git/config") and later.name == "git" and changes:
            return True
        if later.name == "shred" or (later.name == "mv" and name in map(basename, later.arguments)):
            return True
    return False


def _takes(pattern: str | None, place: str | None, command: Command) -> bool:
    """Return whether a pattern that rm is given matches a file or, with -r, a folder of it; a * takes no hidden one."""
    wanted, parts = (pattern or "").split("/"), (place or "").split("/")
    letters = [word for word in command.arguments if word[:1] == "-" and word[1:2] != "-"]
    deep = "--recursive" in command.arguments or any("r" in word.lower() for word in letters)
    if not pattern or not place or len(wanted) > len(parts) or (len(wanted) < len(parts) and not deep):
        return False
    pairs = zip(wanted, parts, strict=False)
    return all(fnmatchcase(part, one) and (part[:1] != "." or one[:1] == ".") for one, part in pairs)


def _mounted(place: str, run: Run) -> bool:
    folders = [normpath(mount.target) for mount in run.mounts if mount.target]
    return any(place == folder or place.startswith(f"{folder}/") for folder in folders)
