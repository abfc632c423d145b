"""Writing a file whole or not at all."""

import contextlib
import os

from echo_migrate.source import Source


class NotWritten(Exception):
    """A file that should have been written and was not; it is as it was. The message says why."""


def write(old: Source, new: Source) -> None:
    """Put ``new`` in the place of ``old``, keeping mode and owner; a symbolic link's target is written.

    Raises ``NotWritten`` if the file is no longer what was read, or cannot be written. Nothing is left behind.
    """
    path = os.path.realpath(old.path)
    # the name is known before the file is there, so that an interrupt in between leaves nothing
    temporary = os.path.join(os.path.dirname(path), f".echo-migrate-{os.urandom(8).hex()}")
    try:
        status = os.stat(path)
        with open(temporary, "xb", opener=_private) as file:
            file.write(new.data)
            file.flush()
            if os.geteuid() == 0:
                os.fchown(file.fileno(), status.st_uid, status.st_gid)
            os.fchmod(file.fileno(), status.st_mode & 0o7777)
            os.fsync(file.fileno())
        with open(path, "rb") as file:
            if file.read() != old.data:
                raise NotWritten("changed since it was read; run again")
        os.replace(temporary, path)
    except OSError as error:
        raise NotWritten(f"could not be written: {(error.strerror or str(error)).lower()}") from None
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
