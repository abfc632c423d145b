"""Atomic writes that preserve the mode, owner, access control list and extended attributes of a file."""

import contextlib
import errno
import os
import re
import stat
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import IO

from echo_migrate.files.source import Source, Unreadable, contents, reason_of
from echo_migrate.files.workspace import of_a_run

_TEMPORARY = re.compile(r"\.echo-migrate-[0-9a-f]{16}")


class NotWritten(Exception):
    """A file could not be written and is unchanged; the message says why."""


def write(old: Source, new: Source) -> None:
    """Replace the contents ``old`` of a file by ``new``; for a symbolic link, those of its target.

    Raises ``NotWritten`` if the file has changed since it was read, or if its mode, owner, access control list or
    attributes cannot be preserved. Leaves no temporary files.
    """
    replace(os.path.realpath(old.path), new.data, old.data)


def replace(path: str, data: bytes, expected: bytes | None = None) -> None:
    """Write a file atomically; an existing one keeps its mode, owner, access control list and attributes.

    A symbolic link is replaced, not followed. If ``expected`` is given, the file must have these contents. Raises
    ``NotWritten``.
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
        raise NotWritten(f"could not be written: {reason_of(error)}") from None
    except Unreadable as error:
        raise NotWritten(f"could not be written: it {error}") from None


@contextlib.contextmanager
def created(path: str, data: bytes) -> Iterator[None]:
    """Create a file atomically, with the folders it needs; undo all of it if the body raises.

    Raises ``NotWritten``, also if ``check_new`` does or if the file has appeared since: nothing is replaced.
    """
    check_new(path)
    folder = os.path.dirname(os.path.abspath(path))
    with contextlib.ExitStack() as undo:
        try:
            for missing in _missing(folder):
                if _made(missing):
                    undo.callback(_quietly, os.rmdir, missing)
            with _temporary(folder, data) as file:
                os.fchmod(file.fileno(), 0o666 & ~_umask())
                os.fsync(file.fileno())
                os.link(file.name, path)  # unlike a rename, replaces nothing
                undo.callback(_quietly, os.unlink, path)
            _sync_folder(folder)
        except FileExistsError:
            raise NotWritten("exists, and is not overwritten") from None
        except OSError as error:
            raise NotWritten(f"could not be written: {reason_of(error)}") from None
        yield
        undo.pop_all()


def check_new(path: str) -> None:
    """Raise ``NotWritten`` if a file cannot be created: it exists, or a folder of its path is a link."""
    if os.path.lexists(path):
        raise NotWritten("exists, and is not overwritten")
    folder = os.path.dirname(os.path.abspath(path))
    if os.path.realpath(folder) != folder:
        raise NotWritten("could not be written: a folder of its path is a symbolic link, which is not followed")


def _missing(folder: str) -> list[str]:
    """Return the folders of a path that do not exist, itself included, outermost first."""
    missing: list[str] = []
    while not os.path.lexists(folder):
        missing.insert(0, folder)
        folder = os.path.dirname(folder)
    return missing


def _made(folder: str) -> bool:
    """Create a folder; return whether it was this call and no other run that did. Raises ``OSError``."""
    try:
        os.mkdir(folder)
    except FileExistsError:
        if not stat.S_ISDIR(os.lstat(folder).st_mode):
            raise
        return False
    return True


def _quietly(remove: Callable[[str], object], path: str) -> None:
    with contextlib.suppress(OSError):
        remove(path)


@contextlib.contextmanager
def _temporary(folder: str, data: bytes) -> Iterator[IO[bytes]]:
    """Yield a new file with the given contents and mode 0600; remove it afterwards unless it was renamed.

    Raises ``NotWritten`` on Windows, where an open file is not renamed, and owners and modes are not kept in this way.
    """
    fcntl = _locks()
    # the name is chosen before the file is created, so that an interrupt in between leaves nothing behind
    path = os.path.join(folder, f".echo-migrate-{os.urandom(8).hex()}")
    try:
        with open(path, "xb", opener=_private) as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # distinguishes it from one left by a killed run
            file.write(data)
            file.flush()
            yield file
    finally:
        _quietly(os.unlink, path)


def _liken(file: int, path: str) -> None:
    """Copy owner, attributes and mode of the old file to the new one. Raises ``NotWritten`` if that fails."""
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
    os.fchmod(file, status.st_mode & 0o7777)  # last, as with an access control list the group bits are its mask


def _copy_attributes(file: int, path: str) -> None:
    """Copy extended attributes, access control lists included, and remove those inherited from the folder."""
    try:
        wanted = {name: os.getxattr(path, name) for name in os.listxattr(path)}
        for name in set(os.listxattr(file)) - set(wanted):
            os.removexattr(file, name)
        for name, value in wanted.items():
            if name not in os.listxattr(file) or os.getxattr(file, name) != value:
                os.setxattr(file, name, value)
    except OSError as error:
        if error.errno == errno.ENOTSUP:  # a file system without attributes
            return
        raise NotWritten("could not be written: it would lose its access list or attributes") from None


@of_a_run(4096)
def remove_stale(folder: str) -> None:
    """Remove temporary files that killed runs left in a folder, but not those of active runs. Once per folder and
    run."""
    with contextlib.suppress(OSError):
        for name in os.listdir(folder or "."):
            if _TEMPORARY.fullmatch(name):
                _remove(os.path.join(folder, name))


def _locks() -> ModuleType:
    """Return the module that locks files. Raises ``NotWritten`` where there is none."""
    try:
        import fcntl
    except ImportError:
        raise NotWritten("could not be written: on Windows, apply the patch of fix --diff") from None
    return fcntl


def _remove(path: str) -> None:
    with contextlib.suppress(OSError, NotWritten):
        fcntl = _locks()
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(path)
        finally:
            os.close(file)


def _sync_folder(folder: str) -> None:
    """Flush the new entry of a folder to disk, if the system supports it."""
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
