"""The packages that are installed in an image, from the files of their managers."""

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping
from typing import NamedTuple
from urllib.parse import quote

_RPM = ("var/lib/rpm/rpmdb.sqlite", "usr/lib/sysimage/rpm/rpmdb.sqlite")
_APK = ("lib/apk/db/installed", "usr/lib/apk/db/installed")
FILES = frozenset(("var/lib/dpkg/status", *_APK, *_RPM))
BELOW = "var/lib/dpkg/status.d/"
"""Distroless images have a file for each package there."""


class Installed(NamedTuple):
    """An installed package: its type as in package URLs, name and version, and the source that it was built from, with
    that one's version, where it has another name; "" where the manager's file does not tell it."""

    type: str
    name: str
    version: str = ""
    source: str = ""

    def purl(self, system: Mapping[str, str]) -> str:
        """Return the package URL (github:package-url/purl-spec), given the values of os-release."""
        distribution = system.get("ID", "")
        version = f"@{quote(self.version, safe='')}" if self.version else ""
        qualifiers = {
            "distro": f"{distribution}-{system['VERSION_ID']}" if distribution and "VERSION_ID" in system else "",
            "upstream": self.source,
        }
        given = "&".join(f"{key}={quote(value, safe='')}" for key, value in qualifiers.items() if value)
        path = "/".join(quote(one, safe="") for one in (self.type, distribution, self.name) if one)
        return f"pkg:{path}{version}{f'?{given}' if given else ''}"


def installed(files: Mapping[str, bytes]) -> list[Installed]:
    """Return the installed packages, of dpkg, apk and rpm, by name; ``files`` are the contents of those of ``FILES``
    and ``BELOW`` that are there. The versions of rpm are not read."""
    found = {*_dpkg(files), *_apk(files)}
    for path in _RPM:
        found |= {Installed("rpm", name) for name in (_rpm_packages(files[path]) if files.get(path) else ())}
    return sorted(found)


def _dpkg(files: Mapping[str, bytes]) -> Iterator[Installed]:
    for text in (_text(files, path) for path in files if path == "var/lib/dpkg/status" or path.startswith(BELOW)):
        for block in text.split("\n\n"):
            fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line and line[0] != " ")
            if "Package" in fields and not fields.get("Status", "installed").endswith(
                (" not-installed", " config-files")
            ):
                source, _, version = fields.get("Source", "").partition(" ")
                of = f"{source}{f'@{version.strip()[1:-1]}' if version else ''}"
                yield Installed("deb", fields["Package"], fields.get("Version", ""), of)


def _apk(files: Mapping[str, bytes]) -> Iterator[Installed]:
    for path in _APK:
        for block in _text(files, path).split("\n\n"):
            fields = dict(line.split(":", 1) for line in block.split("\n") if line[1:2] == ":")
            if "P" in fields:
                source = fields.get("o", "")
                yield Installed("apk", fields["P"], fields.get("V", ""), source if source != fields["P"] else "")


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
