"""Writing a file whole or not at all, as what it was: with its mode, owner, access list and attributes."""

import contextlib
import errno
import fcntl
import os
import re
import stat

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
    # the name is known before the file is there, so that an interrupt in between leaves nothing
    temporary = os.path.join(folder, f".echo-migrate-{os.urandom(8).hex()}")
    try:
        with open(temporary, "xb", opener=_private) as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # tells it from one that a killed run left
            file.write(data)
            file.flush()
            if expected is not None or (os.path.lexists(path) and not os.path.islink(path)):
                _liken(file.fileno(), path)
            else:
                os.fchmod(file.fileno(), 0o666 & ~_umask())
            os.fsync(file.fileno())
            if expected is not None and contents(path) != expected:
                raise NotWritten("changed since it was read (by another run?); run again")
            os.replace(temporary, path)
        _settle_shared(folder)
        remove_stale(folder)
    except OSError as error:
        raise NotWritten(f"could not be written: {(error.strerror or str(error)).lower()}") from None
    except Unreadable as error:
        raise NotWritten(f"could not be written: it {error}") from None
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)


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


def _settle_shared(folder: str) -> None:
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
