"""Answers of registries in the user's cache folder, so that a second run asks little or nothing.

Two kinds of entries. *Content* (manifests, configs) is kept by its digest, which each reading verifies. *Answers*
(which digest a tag has, which tags there are) are kept by a key, with their time and ETag; who reads them decides which
age is still good. The key of an answer, and that of the statement that a repository has some content, begins with the
registry, the repository and the account (``account``): nothing is answered from here that this login was not given by
this very repository, so that neither another account's access nor another repository's content shows.

No credential is kept: an account is "anonymous", or a short hash of the login by a slow function with a random salt of
this folder. Entries begin with the hash of what follows, and those that do not match, cannot be read or come from the
future count as absent. A file is written whole under another name and then renamed, so that concurrent runs never see
half of one. The folder is the user's alone; if it is another user's, nothing is read or written. No error of the file
system is an error of a run: what cannot be kept is asked for again.
"""

import contextlib
import hashlib
import json
import os
import re
import stat
import sys
import time
from functools import cached_property
from typing import Any, NamedTuple

from echo_migrate.registry.logins import Login
from echo_migrate.registry.names import DIGEST

ANONYMOUS = "anonymous"
_LARGEST = 32_000_000
_ROUNDS = 50_000
_TEMPORARY = re.compile(r"\.[0-9a-f]{16}")
_LEFT_BEHIND = 3600


class Answer(NamedTuple):
    """What a registry answered: JSON data, its age in seconds, and its ETag or ""."""

    value: Any
    age: float
    etag: str


def default_folder() -> str | None:
    """Return the folder for this program's cache by the rules of the platform; None if there is no home folder."""
    home = os.path.expanduser("~")
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA", "")
    elif sys.platform == "darwin":
        base = os.path.join(home, "Library", "Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME", "")
        base = base if os.path.isabs(base) else os.path.join(home, ".cache")  # XDG: a relative path is invalid
    return os.path.join(base, "echo-migrate") if os.path.isabs(base) else None


class Cache:
    """A folder of answers and content, of at most ``most`` bytes after ``prune``. Safe for threads and processes."""

    def __init__(self, folder: str | None = None, most: int = 500_000_000, files: int = 50_000) -> None:
        base = folder or default_folder()
        self._folder = os.path.join(base, "registry-1") if base else ""
        self._most, self._files = most, files
        self._accounts: dict[tuple[str, Login], str] = {}
        self._written = False

    def content(self, digest: str) -> bytes | None:
        """Return some content, verified by its digest; None if it is not here."""
        found = self._read("content", digest) if DIGEST.fullmatch(digest) else None
        algorithm, _, expected = digest.partition(":")
        return found if found is not None and hashlib.new(algorithm, found).hexdigest() == expected else None

    def keep_content(self, digest: str, content: bytes) -> None:
        """Keep some content, of which the caller knows that it has the digest."""
        if len(content) <= _LARGEST:
            self._write("content", digest, content)

    def answer(self, *key: str) -> Answer | None:
        """Return what is kept under a key, of any age; None if there is nothing."""
        found = self._read("answers", "\n".join(key))
        if found is None:
            return None
        try:
            kept = json.loads(found)
            name, at, etag, value = kept["key"], float(kept["at"]), str(kept["etag"]), kept["value"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return None
        age = time.time() - at
        return Answer(value, age, etag) if name == list(key) and age >= 0 else None

    def keep_answer(self, key: tuple[str, ...], value: Any, etag: str = "") -> None:
        """Keep an answer, as JSON, under a key."""
        text = json.dumps({"key": key, "at": time.time(), "etag": etag, "value": value}, separators=(",", ":"))
        if len(text) <= _LARGEST:
            self._write("answers", "\n".join(key), text.encode())

    def account(self, host: str, login: Login | None) -> str:
        """Return what stands for a login in keys: "anonymous", or a hash from which the login cannot be learned."""
        if login is None:
            return ANONYMOUS
        if (host, login) not in self._accounts:
            secret = "\0".join((host, login.username, login.password, login.identity_token))
            hashed = hashlib.pbkdf2_hmac("sha256", secret.encode("utf-8", "replace"), self._salt, _ROUNDS, 12)
            self._accounts[host, login] = hashed.hex()
        return self._accounts[host, login]

    def prune(self) -> None:
        """Remove the oldest entries until the limits hold, and what killed runs left. Only if something was written."""
        if not self._written or not self._usable:
            return
        entries: list[tuple[float, int, str]] = []
        for kind in ("content", "answers"):
            with contextlib.suppress(OSError), os.scandir(os.path.join(self._folder, kind)) as folder:
                for entry in folder:
                    with contextlib.suppress(OSError):
                        status = entry.stat(follow_symlinks=False)
                        entries.append((status.st_mtime, status.st_size, entry.path))
        total, count, now = sum(size for _, size, _ in entries), len(entries), time.time()
        for at, size, path in sorted(entries):
            left = _TEMPORARY.fullmatch(os.path.basename(path)) and at < now - _LEFT_BEHIND
            if left or total > self._most or count > self._files:
                with contextlib.suppress(OSError):
                    os.unlink(path)
                total, count = total - size, count - 1

    @cached_property
    def _usable(self) -> bool:
        """Whether the folder, made if it was not there, is a folder of this user alone."""
        try:
            for kind in ("", "content", "answers"):
                os.makedirs(os.path.join(self._folder, kind), mode=0o700, exist_ok=True)
            status = os.lstat(self._folder)
        except (OSError, ValueError):
            return False
        mine = not hasattr(os, "geteuid") or (status.st_uid == os.geteuid() and not status.st_mode & 0o022)
        return stat.S_ISDIR(status.st_mode) and mine

    @cached_property
    def _salt(self) -> bytes:
        """The random salt of this folder; a fresh one for each run if it cannot be kept."""
        path = os.path.join(self._folder, "salt")
        salt = os.urandom(32)
        if not self._usable:
            return salt
        with contextlib.suppress(OSError):
            temporary = self._temporary(self._folder, salt)
            try:
                os.link(temporary, path)  # unlike a rename, replaces nothing: the first run's salt is everyone's
            except FileExistsError:
                pass
            finally:
                os.unlink(temporary)
        with contextlib.suppress(OSError), open(path, "rb") as file:
            kept = file.read(64)
            salt = kept if len(kept) == 32 else salt
        return salt

    def _path(self, kind: str, key: str) -> str:
        return os.path.join(self._folder, kind, hashlib.sha256(key.encode("utf-8", "replace")).hexdigest())

    def _read(self, kind: str, key: str) -> bytes | None:
        if not self._usable:
            return None
        try:
            with open(self._path(kind, key), "rb", opener=_regular) as file:
                data = file.read(_LARGEST + 200)
        except OSError:
            return None
        digest, _, rest = data.partition(b"\n")
        return rest if digest == hashlib.sha256(rest).hexdigest().encode() else None

    def _write(self, kind: str, key: str, data: bytes) -> None:
        if not self._usable:
            return
        self._written = True
        path = self._path(kind, key)
        with contextlib.suppress(OSError):
            digest = hashlib.sha256(data).hexdigest().encode()
            temporary = self._temporary(os.path.dirname(path), digest + b"\n" + data)
            try:
                os.replace(temporary, path)
            except OSError:
                os.unlink(temporary)

    def _temporary(self, folder: str, data: bytes) -> str:
        """Return the path of a new file with some data. Raises ``OSError``, and leaves no file then."""
        path = os.path.join(folder, f".{os.urandom(8).hex()}")
        try:
            with open(path, "xb", opener=_private) as file:
                file.write(data)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(path)
            raise
        return path


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_CLOEXEC", 0), 0o600)


def _regular(path: str, flags: int) -> int:
    """Open a file, but neither a link nor, waiting, a pipe."""
    extra = (getattr(os, name, 0) for name in ("O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK"))
    return os.open(path, flags | sum(extra))
