"""A repository of our own beside a clone: it has the clone's objects, and nothing else of it.

Changes are made there, so that nothing in the clone is: not its files, its index, its branches or its configuration.
The clone's configuration, attributes, hooks and remotes do not apply in it: they start no program and lead nowhere.
Where there is no clone on this machine, the objects are fetched. Files are laid out byte for byte as they are
committed: no line end, filter or encoding is converted, in either direction. What does apply is the configuration of
the user and of the system, which can sign, and name a proxy.
"""

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from echo_migrate.files import git
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Unreadable, contents

PROTOCOLS = ("https", "http", "file")
"""What a remote may be accessed by: git itself implements them."""

LARGEST = 4_000_000_000
"""The limit for the files of a commit, in bytes. Packed they may be a thousandth of it."""

_RAW = b"* -text -eol -ident -filter -working-tree-encoding\n"
_MARK = lazy_regex(r"(?m)^(?:fatal|error): (.*)$")
_PERSON = lazy_regex(r"[^<>\n\0]+ <[^<>\s\0]+>")
_REVISION = lazy_regex(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_SIZE = re.compile(rb"(?:^|\0)[0-7]{6} blob [0-9a-f]+ +([0-9]+)\t")


class GitFailed(Exception):
    """Git did not do what was asked; ``why`` is what it or the remote said, which may be of any content."""

    def __init__(self, what: str, why: str = "") -> None:
        super().__init__(": ".join(filter(None, (what, why))))
        self.why = why


class Person(NamedTuple):
    """The author of commits."""

    name: str
    email: str

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>"

    @classmethod
    def of(cls, text: str) -> "Person":
        """Return the person in ``Name <address>``. Raises ``ValueError``."""
        if not _PERSON.fullmatch(text.strip()):
            raise ValueError(f"{text!r} is not NAME <ADDRESS>")
        name, _, email = text.strip().rpartition(" <")
        return cls(name.strip(), email.rstrip(">"))


class Commit(NamedTuple):
    """A commit as it is written: ``parents`` and ``tree`` are ids, ``author`` is without the time."""

    tree: str
    parents: tuple[str, ...]
    author: str
    message: str


class Remote(NamedTuple):
    """Where a repository is, and the header that identifies the user there; "" if none is needed."""

    url: str
    header: str = ""

    @property
    def protocol(self) -> str:
        return self.url.partition("://")[0]

    @property
    def environment(self) -> Mapping[str, str]:
        """The header as configuration for one call, for this URL alone; with one, redirects, which could pass it on,
        are not followed."""
        values = {"http.followRedirects": "false"} if self.header else {}
        if self.header and self.protocol == "https":
            values[f"http.{self.url}.extraHeader"] = self.header
        pairs = {f"GIT_CONFIG_KEY_{number}": key for number, key in enumerate(values)}
        pairs |= {f"GIT_CONFIG_VALUE_{number}": value for number, value in enumerate(values.values())}
        return {"GIT_CONFIG_COUNT": str(len(values)), **pairs}


class Scratch:
    """The repository; ``folder`` is the top of its files."""

    def __init__(self, folder: str, identity: tuple[str, ...], signs: bool) -> None:
        self.folder = folder
        self._identity, self._signs = identity, signs

    def prepare(self, *words: str) -> None:
        """Make the repository by a command of git."""
        self._done("a repository could not be made", *words)

    def branches(self, remote: Remote, *patterns: str) -> tuple[str, dict[str, str]]:
        """Return the default branch of a remote, "" if it has none, and the commits of that one and of those that match
        the patterns."""
        _check(remote)
        wanted = ("HEAD", *(f"refs/heads/{pattern}" for pattern in patterns))
        words = ("ls-remote", "--symref", "--", remote.url, *wanted)
        text = os.fsdecode(self._remotely(remote, "its branches could not be listed", *words))
        default, found = "", dict[str, str]()
        for line in text.splitlines():
            value, _, name = line.partition("\t")
            if value.startswith("ref: refs/heads/") and name == "HEAD":
                default = value.removeprefix("ref: refs/heads/")
            elif name == "HEAD" and default and _REVISION.fullmatch(value):
                found[default] = value
            elif name.startswith("refs/heads/") and _REVISION.fullmatch(value):
                found[name.removeprefix("refs/heads/")] = value
        return default, found

    def obtain(self, remote: Remote, revision: str) -> None:
        """Have a commit with all its files: from the clone, or else from the remote."""
        what = "a commit could not be fetched"
        if self._ask(what, "cat-file", "-e", f"{revision}^{{tree}}").done:
            return
        options = ("--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", "--depth=1")
        self._remotely(remote, what, "fetch", *options, "--", remote.url, revision)

    def lay_out(self, revision: str) -> None:
        """Lay out the files of a commit."""
        what = "its files could not be read (a clone without all objects, or with a damaged one?)"
        listed = self._done(what, "ls-tree", "-r", "-l", "-z", "--full-tree", revision)
        if sum(map(int, _SIZE.findall(listed))) > LARGEST:
            raise GitFailed(f"its files have more than {LARGEST // 10**9} GB")
        self._done(what, "read-tree", revision)
        self._done(what, "checkout-index", "--all", "--force", "--quiet", seconds=git.SECONDS_FOR_REMOTES)

    def check_out(self, revision: str) -> None:
        """Lay out the files of a commit; later commits are made on it."""
        self.lay_out(revision)
        # what is fetched later is told apart from what is here
        self._done("a branch could not be made", "update-ref", "--no-deref", "refs/heads/base", revision)

    def tree(self, revision: str, files: Mapping[str, bytes]) -> str:
        """Return the id of the tree of a commit with the contents of some of its files replaced."""
        what = "the change could not be stored"
        self._done(what, "read-tree", revision)
        modes = dict(self._entries(files))
        rows = []
        for path, data in files.items():
            words = ("hash-object", "-w", "-t", "blob", "--stdin", "--no-filters")
            blob = self._done(what, *words, input=data) if data else self._done(what, *words)
            rows.append(f"{modes[path]} {_word(blob)}\t".encode() + os.fsencode(path) + b"\0")
        if rows:
            self._done(what, "update-index", "-z", "--index-info", input=b"".join(rows))
        return _word(self._done(what, "write-tree"))

    def _entries(self, paths: Mapping[str, bytes]) -> Iterator[tuple[str, str]]:
        """Yield the files of the index that are among the paths, each with its mode."""
        listed = self._done("its files could not be listed", "ls-files", "-z", "--stage")
        for entry in os.fsdecode(listed).split("\0")[:-1]:
            told, _, path = entry.partition("\t")
            if path in paths:
                yield path, told.split(" ")[0]

    def author(self) -> str:
        """Return the author of commits as git writes it."""
        answer = self._done("the author is none that git takes", "var", "GIT_AUTHOR_IDENT")
        return answer.decode("utf-8", "replace").rsplit(" ", 2)[0]

    def commit(self, tree: str, parent: str, message: str) -> str:
        """Return the id of a new commit, which is signed if git is set up to."""
        sign = ("--gpg-sign",) if self._signs else ()
        what = "the commit could not be signed, as commit.gpgSign asks for" if sign else "the commit could not be made"
        words = ("commit-tree", tree, "-p", parent, *sign)
        done = self._done(what, *words, input=message.encode(), seconds=git.SECONDS_FOR_REMOTES)
        return _word(done)

    def read(self, revision: str) -> Commit:
        """Return a commit."""
        text = self._done("a commit could not be read", "cat-file", "commit", revision).decode("utf-8", "replace")
        head, _, message = text.partition("\n\n")
        rows: dict[str, list[str]] = {}
        for line in head.split("\n"):
            key, _, value = line.partition(" ")
            rows.setdefault(key, []).append(value)  # lines that continue another one have an empty key
        author = rows.get("author", [""])[0].rsplit(" ", 2)[0]
        return Commit(rows.get("tree", [""])[0], tuple(rows.get("parent", ())), author, message)

    def push(self, remote: Remote, branch: str, revision: str, expected: str) -> None:
        """Set a branch of a remote to a commit, or delete it for "", if it is at ``expected`` ("": it does not exist).

        Raises ``GitFailed`` with what the remote said.
        """
        ref = f"refs/heads/{branch}"
        words = ("push", "--porcelain", "--no-verify", "--no-signed", "--no-recurse-submodules", "--no-follow-tags")
        lease = f"--force-with-lease={ref}:{expected}"
        self._remotely(remote, "refused", *words, lease, "--", remote.url, f"{revision}:{ref}")

    def _remotely(self, remote: Remote, what: str, *words: str) -> bytes:
        _check(remote)
        settings = ("core.alternateRefsCommand=true", "protocol.version=2", *self._identity)
        seconds = git.SECONDS_FOR_REMOTES
        with _in_time(what):
            answer = git.ask(self.folder, words, settings, seconds, remote.protocol, remote.environment)
        return _or_failed(answer, what)

    def _ask(self, what: str, *words: str, input: bytes = b"", seconds: int | None = None) -> git.Answer:
        with _in_time(what):
            return git.ask(self.folder, words, self._identity, seconds, input=input)

    def _done(self, what: str, *words: str, input: bytes = b"", seconds: int | None = None) -> bytes:
        return _or_failed(self._ask(what, *words, input=input, seconds=seconds), what)


@contextmanager
def _in_time(what: str) -> Iterator[None]:
    """Raise ``GitFailed`` if git takes too long, or prints too much."""
    try:
        yield
    except git.TooSlow:
        raise GitFailed(what, "git takes too long") from None


def _or_failed(answer: git.Answer, what: str) -> bytes:
    """Return what git printed. Raises ``GitFailed`` with what it and the remote complained of, if it failed."""
    if answer.done:
        return answer.text
    text = (answer.text + b"\n" + answer.complaints).decode("utf-8", "replace")
    refused = [line.rpartition("\t")[2] for line in text.splitlines() if line.startswith("!\t")]
    told = [line.removeprefix("remote:").strip() for line in text.splitlines() if line.startswith("remote:")]
    faults = [*refused, *told] if refused else [*told, *_MARK.findall(text)]
    raise GitFailed(what, "; ".join([line for line in faults if line][:_MOST_LINES]))


_MOST_LINES = 6
"""The maximum number of lines of a remote or of git that an error has."""


def _check(remote: Remote) -> None:
    if remote.protocol not in PROTOCOLS or (remote.protocol == "http" and remote.header):
        raise GitFailed(f"{remote.url}: only https is supported")  # a token is sent by TLS alone


def _word(answer: bytes) -> str:
    return answer.decode().strip()


@contextmanager
def scratch(clone: str, author: Person | None) -> Iterator[Scratch]:
    """Yield a repository with the objects of a clone, and remove it afterwards.

    Without an ``author``, commits are by whom git is set up for. Raises ``GitFailed``.
    """
    import tempfile

    folder = os.path.realpath(tempfile.mkdtemp(prefix="echo-migrate-"))
    try:
        place = os.path.join(folder, "tree")  # the folder's own name is in messages
        os.mkdir(place)
        inside = _said(clone, "rev-parse", "--absolute-git-dir")
        if not inside:
            raise GitFailed("the working folder is in no git repository (or git is missing, or refuses to read it)")
        made = Scratch(place, _identity(clone, author), _signs(clone))
        _join(made, inside)
        yield made
    finally:
        remove(folder)


def obtained(folder: str, remote: Remote, revision: str) -> None:
    """Make an empty folder a repository with the files of one commit of a remote. Raises ``GitFailed``.

    Of a clone on this machine, its objects are used where they are.
    """
    made = Scratch(folder, (), signs=False)
    path = git.path_of(remote.url) if remote.protocol == "file" else ""
    if path and "\n" not in path:  # which the list of other objects cannot have
        _join(made, git.place(path))
    else:
        _prepare(made, "sha1" if len(revision) == 40 else "sha256", {})
        made.obtain(remote, revision)
    made.lay_out(revision)


def remove(folder: str) -> None:
    """Remove a folder of any depth, which ``shutil.rmtree`` alone cannot. What cannot be removed stays."""
    try:
        shutil.rmtree(folder)
    except RecursionError:
        import subprocess

        subprocess.run(["rm", "-rf", "--", folder], stderr=subprocess.DEVNULL, check=False)
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)


def _join(made: Scratch, inside: str) -> None:
    """Make a repository that has the objects of a clone, whose own folder is given."""
    words = ("rev-parse", "--show-object-format", "--git-path", "objects", "--git-path", "shallow")
    told = _said(os.sep, f"--git-dir={inside}", *words).split("\n") if inside else [""]
    if told == [""]:
        raise GitFailed("git cannot read the repository")
    format, objects, shallow = told if len(told) == 3 else ("", "", "")
    if not objects or objects.startswith('"'):
        raise GitFailed("the path of the clone has a newline in it")
    files = {"objects/info/alternates": os.fsencode(os.path.join(os.sep, objects)) + b"\n"}
    try:
        lines = contents(os.path.join(os.sep, shallow)).decode("ascii").split()
    except (Unreadable, UnicodeDecodeError):
        lines = []
    if lines:
        files["shallow"] = "".join(f"{line}\n" for line in lines if _REVISION.fullmatch(line)).encode()
    _prepare(made, format, files)


def _prepare(made: Scratch, format: str, files: Mapping[str, bytes]) -> None:
    """Make a repository, with files of its own folder by name."""
    made.prepare("init", "--quiet", "--template=", "--initial-branch=none", f"--object-format={format}")
    for name, data in {"info/attributes": _RAW, **files}.items():
        path = os.path.join(made.folder, ".git", name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)


def _identity(clone: str, author: Person | None) -> tuple[str, ...]:
    """Return the settings for author, committer and signing key. Raises ``GitFailed`` if there is no author."""
    name, email = author or (_said(clone, "config", "user.name"), _said(clone, "config", "user.email"))
    if not name or not email:
        raise GitFailed("no author for commits: give --author, or set user.name and user.email of git")
    named = ("gpg.format", "user.signingKey")  # no program: that is the user's own configuration to name
    given = [(key, _said(clone, "config", key)) for key in named]
    return tuple(f"{key}={value}" for key, value in [("user.name", name), ("user.email", email), *given] if value) + (
        "user.useConfigOnly=true",
    )


def _signs(clone: str) -> bool:
    return _said(clone, "config", "--type=bool", "commit.gpgSign") == "true"


def _said(folder: str, *words: str) -> str:
    """Return what git says in a folder, "" if it fails."""
    return os.fsdecode(git.git(folder, *words) or b"").removesuffix("\n")
