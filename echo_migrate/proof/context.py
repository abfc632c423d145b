"""The context of a build: which folder it is, what of it a builder sees, and a hash of that."""

import contextlib
import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import NamedTuple

from echo_migrate.dockerfile.parser import read
from echo_migrate.files.source import Source, Unreadable
from echo_migrate.files.tree import top
from echo_migrate.formats import compose
from echo_migrate.formats.compose.service import Build

RECORDS = ".echo-migrate.proofs"
"""The usual name of a folder of records."""

_LARGEST_IGNORE_FILE = 1_000_000
_MOST_PATTERNS = 500
_MOST_STARS = 4
"""The limits on an ignore file, because each pattern is matched against each path. One beyond them counts as empty:
more is hashed then than a builder sees, and never less."""

_MOST_ABOVE = 20
_CHUNK = 1 << 20


class Context(NamedTuple):
    """A folder that is built from: ``ignore_file`` is the path of its rules, "" for none; ``own`` says that these are
    the Dockerfile's own. ``target``, ``arguments`` and ``unvalued`` are those of the compose file that builds it."""

    folder: str
    ignore_file: str = ""
    own: bool = False
    target: str = ""
    arguments: tuple[tuple[str, str], ...] = ()
    unvalued: tuple[tuple[str, bool], ...] = ()


def context_of(path: str, text: str, folder: str = "", build: Build | None = None) -> Context:
    """Return the context of a Dockerfile: the given folder, that of a compose file that builds it (by ``build``, where
    it is known which service's), or the nearest folder, from its own upwards, that has the files which it copies.
    Target and arguments are those of the compose file in each case."""
    build = build or compose.build_of(path)
    if build is None:
        found = Context(folder or _nearest(path, text))
    else:
        found = Context(
            folder or build.context, target=build.target, arguments=build.arguments, unvalued=build.unvalued
        )
    for name, own in ((f"{path}.dockerignore", True), (os.path.join(found.folder, ".dockerignore"), False)):
        if os.path.isfile(name):
            return found._replace(ignore_file=name, own=own)
    return found


def _nearest(path: str, text: str) -> str:
    own = os.path.dirname(path) or "."
    wanted = list(_copied(text))
    folder, last = own, os.path.realpath(top(path))
    for _ in range(_MOST_ABOVE):
        if all(_is_there(folder, name) for name in wanted):
            return os.path.normpath(folder)
        if os.path.realpath(folder) == last:
            break
        folder = os.path.join(folder, os.pardir)
    return os.path.normpath(own)


def _copied(text: str) -> Iterator[str]:
    """Yield the paths that are copied from the context and are plain text."""
    for one in read(text).instructions:
        if one.verb in ("copy", "add") and not one.heredocs and all(flag.name != "from" for flag in one.flags):
            for word in one.arguments()[:-1]:
                name = one.unquoted(word).value
                if not re.search(r"[$*?\[]|://|^git@", name) and not name.startswith(('["', "[")):
                    yield name.strip("/") or "."


def _is_there(folder: str, name: str) -> bool:
    return os.path.lexists(os.path.join(folder, name))


def digest(context: Context, records: Iterable[str] = ()) -> str:
    """Return a hash of what a builder sees of a context: names, kinds, modes and contents, without what is ignored and
    without folders of ``records``, which a proof itself changes."""
    total = hashlib.sha256()
    for path, entry in _seen(context, {os.path.abspath(one) for one in records}):
        status = entry.stat(follow_symlinks=False)
        total.update(f"{path}\0{status.st_mode:o}\0".encode("utf-8", "surrogateescape"))
        if stat.S_ISLNK(status.st_mode):
            total.update(os.fsencode(os.readlink(entry.path)))
        elif stat.S_ISREG(status.st_mode):
            total.update(_contents(entry.path))
    return total.hexdigest()


def ground(path: str, text: str, folders: Callable[[str], str], records: Iterable[str] = ()) -> str:
    """Return a hash of what a proof of a Dockerfile rests on beside its text and the images: what a builder sees of its
    context and, where it is a service that needs others, how all of them are started, and the Dockerfiles and contexts
    of those that are built. ``folders`` returns the context that is given for a Dockerfile, "" for none."""
    own = digest(context_of(path, text, folders(path)), records)
    project = compose.project_of(path)
    if project is None:
        return own
    found: list[object] = [own]
    for one in (project.own, *project.siblings):  # without paths, which other places have otherwise
        found += [one._replace(dockerfile="", build=None), one.build and one.build._replace(context="")]
    for one in project.siblings:
        with contextlib.suppress(OSError, Unreadable):
            if one.dockerfile:
                source = Source.read(one.dockerfile)
                context = context_of(one.dockerfile, source.text, folders(one.dockerfile), one.build)
                found += [source.text, digest(context, records)]
    return hashlib.sha256(repr(found).encode("utf-8", "surrogateescape")).hexdigest()


def _contents(path: str) -> bytes:
    """Return the hash of a file's contents; of one that cannot be read, of nothing."""
    found = hashlib.sha256()
    with contextlib.suppress(OSError), open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
    return found.digest()


def _seen(context: Context, left_out: set[str]) -> Iterator[tuple[str, "os.DirEntry[str]"]]:
    """Yield the entries of a context that are not ignored, each with its path in it."""
    ignored = Ignored(_rules(context.ignore_file))
    waiting = [(context.folder, "")]
    while waiting:
        folder, base = waiting.pop()
        with contextlib.suppress(OSError):
            for entry in sorted(os.scandir(folder), key=lambda one: one.name):
                path = f"{base}{entry.name}"
                is_folder = entry.is_dir(follow_symlinks=False)
                if is_folder and (entry.name == RECORDS or os.path.abspath(entry.path) in left_out):
                    continue
                left = ignored.match(path)
                if not left:
                    yield path, entry
                if is_folder and not (left and ignored.whole):
                    waiting.append((entry.path, f"{path}/"))


def _rules(path: str) -> list[str]:
    with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="surrogateescape") as file:
        lines = file.read(_LARGEST_IGNORE_FILE).removeprefix("\ufeff").split("\n")
        rules = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
        if len(rules) <= _MOST_PATTERNS and all(line.count("*") <= _MOST_STARS for line in rules):
            return rules
    return []


class Ignored:
    """The rules of an ignore file, as builders read them (docs.docker.com, "Build context", .dockerignore files)."""

    def __init__(self, lines: list[str]) -> None:
        self.rules = [
            (line[:1] != "!", _pattern(os.path.normpath(line.removeprefix("!").strip().strip("/")))) for line in lines
        ]
        self.excepted = any(not leaves for leaves, _ in self.rules)

    def match(self, path: str) -> bool:
        """Return whether a path is ignored: the last rule counts that matches it or a folder above it."""
        left = False
        for leaves, pattern in self.rules:
            if leaves != left and pattern.match(path):
                left = leaves
        return left

    @property
    def whole(self) -> bool:
        """Whether an ignored folder has nothing that is not ignored."""
        return not self.excepted


@cache
def _pattern(glob: str) -> re.Pattern[str]:
    """Return a pattern for the paths that a glob of Go's filepath.Match, with ``**``, matches, and what is below."""
    found, place = "", 0
    while place < len(glob):
        if glob.startswith("**/", place):
            found, place = f"{found}(?:.*/)?", place + 3
        elif glob.startswith("**", place):
            found, place = f"{found}.*", place + 2
        elif glob[place] == "*":
            found, place = f"{found}[^/]*", place + 1
        elif glob[place] == "?":
            found, place = f"{found}[^/]", place + 1
        elif glob[place] == "[" and (end := glob.find("]", place + 2)) > 0:
            inner = glob[place + 1 : end].replace("\\", "\\\\").replace("[", "\\[")
            found, place = f"{found}[{inner}]", end + 1
        else:
            place += glob[place] == "\\" and place + 1 < len(glob)
            found, place = found + re.escape(glob[place]), place + 1
    try:
        return re.compile(f"{found}(?:/.*)?\\Z", re.DOTALL)
    except re.error:
        return re.compile(r"(?!)")
