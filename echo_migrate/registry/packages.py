"""The packages that are installed in an image, from the files of their managers."""

import contextlib
import sqlite3
from collections.abc import Mapping

_RPM = ("var/lib/rpm/rpmdb.sqlite", "usr/lib/sysimage/rpm/rpmdb.sqlite")
_APK = ("lib/apk/db/installed", "usr/lib/apk/db/installed")
FILES = frozenset(("var/lib/dpkg/status", *_APK, *_RPM))
BELOW = "var/lib/dpkg/status.d/"
"""Distroless images have a file for each package there."""


def installed(files: Mapping[str, bytes]) -> frozenset[str]:
    """Return the names of installed packages, of dpkg, apk and rpm; ``files`` are the contents of those of ``FILES``
    and ``BELOW`` that are there."""
    found: set[str] = set()
    for text in (_text(files, path) for path in files if path == "var/lib/dpkg/status" or path.startswith(BELOW)):
        for block in text.split("\n\n"):
            fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line and line[0] != " ")
            if "Package" in fields and not fields.get("Status", "installed").endswith(
                (" not-installed", " config-files")
            ):
                found.add(fields["Package"])
    for path in _APK:
        found |= {line[2:] for line in _text(files, path).split("\n") if line.startswith("P:")}
    for path in _RPM:
        found |= _rpm_packages(files[path]) if files.get(path) else set()
    return frozenset(found)


def _text(files: Mapping[str, bytes], path: str) -> str:
    return files.get(path, b"").decode("utf-8", "replace")


def _rpm_packages(database: bytes) -> set[str]:
    """Return the names in rpm's index of names (rpm, lib/backend/sqlite.cc); none if it cannot be read.

    The database is a stranger's: it is read in memory, without what its schema might run, and for a limited time.
    """
    steps = iter(range(1000))
    with (
        contextlib.suppress(sqlite3.Error, MemoryError, OverflowError),
        contextlib.closing(sqlite3.connect(":memory:")) as db,
    ):
        db.deserialize(database)
        db.execute("PRAGMA trusted_schema = OFF")
        db.execute("PRAGMA query_only = ON")
        db.set_progress_handler(lambda: next(steps, None) is None, 100_000)
        rows = db.execute("SELECT DISTINCT key FROM Name LIMIT 100000").fetchall()
        return {name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name) for (name,) in rows}
    return set()
