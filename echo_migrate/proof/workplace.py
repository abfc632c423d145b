"""Where a run keeps its own files, and how what it made is found and removed: also what a killed run has left.

All images and containers have a label with the run's token, which names this machine's cache folder and the run. A run
holds a lock as long as it lives, so that the next one can tell what nobody will remove any more.
"""

import contextlib
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from functools import partial

from echo_migrate.proof.builders import NAMES, STEPS, Builder
from echo_migrate.proof.processes import end, mark_of, marked
from echo_migrate.registry.cache import default_folder

_TOKEN = re.compile(r"[0-9a-f]{16}\.[0-9a-f]{16}")


class Workplace:
    """The folder of a run, and the token of what it makes. ``close`` removes the folder."""

    def __init__(self) -> None:
        self.base = _base()
        self.machine = _machine(self.base)
        self.token = f"{self.machine}.{os.urandom(8).hex()}"
        self.folder = os.path.join(self.base, self.token)
        with _one_at_a_time(self.base):  # or another run takes this one for dead before it holds its lock
            os.mkdir(self.folder, 0o700)
            self._lock = os.open(os.path.join(self.folder, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            _hold(self._lock)

    def close(self) -> None:
        """Remove the folder of the run."""
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._lock)

    def sweep(self, builder: Builder, own: bool = False) -> int:
        """Remove what runs that are no more have left, after the builders that still work for them are ended, and with
        ``own`` what this run has made. Returns how many containers and images there were."""
        for process, words, token in marked():
            name = os.path.basename(words[0])
            if name in NAMES and self._is_left(token, own=False):
                end(process, name in STEPS and "build" in words[1:2], partial(_is_of, process, token))
        containers, images = builder.labelled()
        mine = [id for token, id in containers if self._is_left(token, own)]
        if mine:
            builder.remove_containers(*mine)
        for token, name in builder.networks():
            if self._is_left(token, own):
                builder.remove_network(name)
        made = [id for token, id in images if self._is_left(token, own)]
        if made:
            builder.remove_images(*made)
        for name in os.listdir(self.base):
            if name != self.token and self._is_left(name, own=False):
                shutil.rmtree(os.path.join(self.base, name), ignore_errors=True)
        return len(mine) + len(made)

    def _is_left(self, token: str, own: bool) -> bool:
        """Return whether a token is that of a run that is no more; those of other machines and users never are."""
        if token == self.token:
            return own
        if not _TOKEN.fullmatch(token) or not token.startswith(f"{self.machine}."):
            return False
        with _one_at_a_time(self.base):
            try:
                lock = os.open(os.path.join(self.base, token, "lock"), os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
            except FileNotFoundError:
                return True
            except OSError:
                return False
            try:
                _hold(lock, wait=False)
            except OSError:
                return False
            finally:
                os.close(lock)
        return True


def _is_of(process: int, token: str) -> bool:
    """Return whether a process is one that a run has started."""
    return mark_of(process) == token


@contextlib.contextmanager
def _one_at_a_time(base: str) -> Iterator[None]:
    """Wait until no other run begins, or looks which ones live."""
    lock = os.open(os.path.join(base, "beginning"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        _hold(lock)
        yield
    finally:
        os.close(lock)


def _hold(file: int, wait: bool = True) -> None:
    """Lock a file for as long as it is open. Raises ``OSError`` if another process has it and is not waited for."""
    import fcntl  # which Windows has not, where nothing is built

    fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))


def _base() -> str:
    """Return a folder that is the user's alone: in the cache folder, else one of the system's for temporary files."""
    found = default_folder()
    for place in (found and os.path.join(found, "prove"), os.path.join(tempfile.gettempdir(), f"em-{os.getuid()}")):
        with contextlib.suppress(OSError):
            if place:
                os.makedirs(place, 0o700, exist_ok=True)
                status = os.lstat(place)
                if stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o022:
                    return place
    return tempfile.mkdtemp(prefix="echo-migrate-")


def _machine(base: str) -> str:
    """Return the name of a base folder, which it keeps."""
    path = os.path.join(base, "machine")
    with contextlib.suppress(FileExistsError):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        os.write(file, os.urandom(8).hex().encode())
        os.close(file)
    with contextlib.suppress(OSError), open(path, encoding="ascii", errors="replace") as opened:
        name = opened.read(16)
        if re.fullmatch(r"[0-9a-f]{16}", name):
            return name
    return "0" * 16
