"""Writing a file whole or not at all, as what it was: with its mode, owner, access list and attributes."""

import contextlib
import errno
import fcntl
import os
import re
import stat
from collections.abc import Callable, Iterator
from typing import IO

from echo_migrate.files.source import Source, Unreadable, contents
from echo_migrate.files.workspace import of_a_run

_TEMPORARY = re.compile(r"\.echo-migrate-[0-9a-f]{16}")


class NotWritten(Exception):
    """A file that should have been written and was not; it is as it was. The message says why."""


def write(old: Source, new: Source) -> None:
    """Put ``new`` in the place of ``old``; a symbolic link's target is written.

    Raises ``NotWritten`` if the file is no longer what was read, or cannot be written as what it was. Nothing is left
    behind.
    """
    replace(os.path.realpath(old.path), new.data, old.data)


def replace(path: str, data: bytes, expected: bytes | None = None) -> None:
    """Write a file anew, whole or not at all; one that is there keeps what it is apart from its text. A link is
    replaced, and never written through.

    ``expected`` is what it must hold until then. Raises ``NotWritten``.
    """
    folder = os.path.dirname(os.path.abspath(path))
    try:
        with _temporary(folder, data) as file:
            if expected is not None or (os.path.lexists(path) and not os.path.islink(path)):
                _liken(file.fileno(), path)
            else:
                os.fchmod(file.fileno(), 0o666 & ~_umask())
            os.fsync(file.fileno())
            if expected is not None and contents(path) != expected:
                raise NotWritten("changed since it was read (by another run?); run again")
            os.replace(file.name, path)
        _sync_folder(folder)
        remove_stale(folder)
    except OSError as error:
        raise NotWritten(f"could not be written: {(error.strerror or str(error)).lower()}") from None
    except Unreadable as error:
        raise NotWritten(f"could not be written: it {error}") from None


@contextlib.contextmanager
def created(path: str, data: bytes) -> Iterator[None]:
    """Write a file that is not there yet, whole or not at all, with the folders it needs; take all of it back if the
    body raises.

    Raises ``NotWritten``, also where ``check_new`` does and where a file has appeared since: none is replaced.
    """
    check_new(path)
    folder = os.path.dirname(os.path.abspath(path))
    with contextlib.ExitStack() as undo:
        try:
            for missing in _missing(folder):
                os.mkdir(missing)
                undo.callback(_quietly, os.rmdir, missing)
            with _temporary(folder, data) as file:
                os.fchmod(file.fileno(), 0o666 & ~_umask())
                os.fsync(file.fileno())
                os.link(file.name, path)  # which, unlike a rename, replaces nothing
                undo.callback(_quietly, os.unlink, path)
            _sync_folder(folder)
        except FileExistsError:
            raise NotWritten("exists, and is not overwritten") from None
        except OSError as error:
            raise NotWritten(f"could not be written: {(error.strerror or str(error)).lower()}") from None
        yield
        undo.pop_all()


def check_new(path: str) -> None:
    """Raise ``NotWritten`` if a file cannot be written as a new one: it exists, or a folder of its path is a link."""
    if os.path.lexists(path):
        raise NotWritten("exists, and is not overwritten")
    folder = os.path.dirname(os.path.abspath(path))
    if os.path.realpath(folder) != folder:
        raise NotWritten("could not be written: a folder of its path is a symbolic link, which is not followed")


def _missing(folder: str) -> list[str]:
    """Return the folders that a folder needs, itself included, and that are not there: the uppermost first."""
    missing: list[str] = []
    while not os.path.lexists(folder):
        missing.insert(0, folder)
        folder = os.path.dirname(folder)
    return missing


def _quietly(remove: Callable[[str], object], path: str) -> None:
    with contextlib.suppress(OSError):
        remove(path)


@contextlib.contextmanager
def _temporary(folder: str, data: bytes) -> Iterator[IO[bytes]]:
    """Yield a new file with that content, private until it gets another mode; remove it unless it was renamed."""
    # the name is known before the file is there, so that an interrupt in between leaves nothing
    path = os.path.join(folder, f".echo-migrate-{os.urandom(8).hex()}")
    try:
        with open(path, "xb", opener=_private) as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # tells it from one that a killed run left
            file.write(data)
            file.flush()
            yield file
    finally:
        _quietly(os.unlink, path)


def _liken(file: int, path: str) -> None:
    """Give a new file what the old one has beside its text. Raises ``NotWritten`` where it cannot be given."""
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        raise NotWritten("could not be written: it is not a regular file")
    if status.st_nlink > 1:
        raise NotWritten("could not be written: it has other hard links, which would keep the old text")
    mine = os.fstat(file)
    if (mine.st_uid, mine.st_gid) != (status.st_uid, status.st_gid):
        try:
            os.fchown(file, status.st_uid, status.st_gid)
        except OSError:
            raise NotWritten("could not be written: it would change its owner or group") from None
    if hasattr(os, "listxattr"):
        _copy_attributes(file, path)
    os.fchmod(file, status.st_mode & 0o7777)  # with an access list, the group's part is its mask


def _copy_attributes(file: int, path: str) -> None:
    """Copy extended attributes, those of which access lists consist included, and drop what came with the folder."""
    try:
        wanted = {name: os.getxattr(path, name) for name in os.listxattr(path)}
        for name in set(os.listxattr(file)) - set(wanted):
            os.removexattr(file, name)
        for name, value in wanted.items():
            if name not in os.listxattr(file) or os.getxattr(file, name) != value:
                os.setxattr(file, name, value)
    except OSError as error:
        if error.errno == errno.ENOTSUP:  # a file system without any
            return
        raise NotWritten("could not be written: it would lose its access list or attributes") from None


@of_a_run(4096)
def remove_stale(folder: str) -> None:
    """Remove what runs that were killed left in a folder; what a run at work holds stays. Once a folder and run."""
    with contextlib.suppress(OSError):
        for name in os.listdir(folder or "."):
            if _TEMPORARY.fullmatch(name):
                _remove(os.path.join(folder, name))


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(path)
        finally:
            os.close(file)


def _sync_folder(folder: str) -> None:
    """Have the folder's new entry written to the disk, where a folder can be asked that."""
    with contextlib.suppress(OSError):
        file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(file)
        finally:
            os.close(file)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)
