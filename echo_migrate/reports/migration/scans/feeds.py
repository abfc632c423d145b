"""Advisories that a user has downloaded, matched to packages: OSV (ossf.github.io/osv-schema), one, many, or a dump as
zip or folder, and Echo's own list (source package, CVE, fixed version).

A match of an image counts only if there are advisories for each ecosystem of its packages: what nobody looked for is
not absent.
"""

import io
import json
import os
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import click

from echo_migrate.files.json_file import read_json
from echo_migrate.files.source import Unreadable, contents, reason_of
from echo_migrate.reports.migration.scans.data import Scan, Vulnerability, canonical, listed, part, text
from echo_migrate.reports.migration.scans.sbom import MISSING, Package, Sbom, ecosystem_of

LARGEST = 400_000_000
LARGEST_ONE = 5_000_000
LARGEST_UNPACKED = 8_000_000_000
MOST = 1_000_000
"""The limits of a file, of one advisory in a dump, and of all of a zip's, in bytes, and of the advisories of a dump."""


class FeedError(ValueError):
    """A file that has no advisories; the message says why."""


class Advisory(NamedTuple):
    """What one advisory states of a package: the release that it is about ("" for all), single versions that are
    affected, and the events of ranges of versions."""

    id: str
    severity: str
    release: str
    versions: frozenset[str]
    ranges: tuple[tuple[tuple[str, str], ...], ...]


class Feeds:
    """The advisories about some packages, and the ecosystems (with releases) that there are any advisories for."""

    def __init__(self, wanted: Iterable[Package]) -> None:
        self.wanted = {(one.ecosystem, one.name) for one in wanted}
        self.about: dict[tuple[str, str], list[Advisory]] = {}
        self.ecosystems: set[tuple[str, str]] = set()

    def read(self, path: str) -> None:
        """Add the advisories of a file or folder. Raises ``FeedError``."""
        before = len(self.ecosystems)
        try:
            count = sum(map(self._add, _documents(path)))
        except (TypeError, AttributeError):
            raise FeedError(f"{path}: has what is no advisory of OSV") from None
        if not count and len(self.ecosystems) == before:
            raise FeedError(f"{path}: has no advisory of OSV, and is not Echo's list")

    def covers(self, package: Package) -> bool:
        """Return whether there are advisories for the ecosystem of a package, and its release."""
        return not self.ecosystems.isdisjoint(((package.ecosystem, ""), (package.ecosystem, package.release)))

    def _add(self, document: Any) -> int:
        """Add what a document says; return the number of advisories in it."""
        advisories = document if isinstance(document, list) else listed(document, "vulns") or [document]
        plain = isinstance(document, dict) and "id" not in document and "vulns" not in document
        if plain:
            self._add_plain(document)
            return len(document)
        for one in advisories:
            self._add_osv(one)
        return len(advisories)

    def _add_osv(self, one: Any) -> None:
        id = canonical(text(one, "id"), [*listed(one, "aliases"), *listed(one, "upstream")])
        withdrawn = bool(text(one, "withdrawn"))
        for affected in listed(one, "affected"):
            about = part(affected, "package")
            ecosystem, release = ecosystem_of(text(about, "ecosystem"))
            if not id or not ecosystem:
                continue
            self.ecosystems.add((ecosystem, release))
            place = (ecosystem, text(about, "name"))
            if place in self.wanted and not withdrawn:
                severity = _severity(one) or _severity(affected)
                versions = frozenset(each for each in listed(affected, "versions") if isinstance(each, str))
                self.about.setdefault(place, []).append(Advisory(id, severity, release, versions, _ranges(affected)))

    def _add_plain(self, document: dict[str, Any]) -> None:
        """Add Echo's list: by source package of its system and CVE, the version that has the fix, if there is one
        ("0": never affected). It says nothing of the libraries that Echo builds."""
        for name, by_id in document.items():
            for id, said in part(by_id).items():
                fixed = text(said, "fixed_version")
                self.ecosystems.add(("Echo", ""))
                if ("Echo", name) in self.wanted and fixed != "0":
                    events = (("introduced", "0"), *([("fixed", fixed)] if fixed else []))
                    severity = text(said, "severity").lower()
                    one = Advisory(canonical(id), severity, "", frozenset(), (events,))
                    self.about.setdefault(("Echo", name), []).append(one)


def _severity(one: Any) -> str:
    specific = (part(one, "database_specific"), part(one, "ecosystem_specific"))
    found = (each.get(key) for each in specific for key in ("severity", "urgency"))
    return next((each.lower() for each in found if isinstance(each, str)), "")


def _ranges(affected: Any) -> tuple[tuple[tuple[str, str], ...], ...]:
    found = []
    for one in listed(affected, "ranges"):
        if text(one, "type") in ("SEMVER", "ECOSYSTEM"):
            events = [(kind, text(event, kind)) for event in listed(one, "events") for kind in part(event)]
            found.append(tuple(events))
    return tuple(found)


def _documents(path: str) -> Iterator[Any]:
    """Yield the documents of a file, a folder or a zip. Raises ``FeedError``."""
    try:
        if os.path.isdir(path):
            names = sorted(name for name in os.listdir(path) if name.endswith(".json"))
            for name in names[:MOST]:
                yield read_json(os.path.join(path, name), LARGEST_ONE)
        elif path.lower().endswith(".zip"):
            yield from _zipped(path, contents(path, LARGEST))
        else:
            yield read_json(path, LARGEST)
    except OSError as error:
        raise FeedError(f"{path}: {reason_of(error)}") from None
    except Unreadable as error:
        raise FeedError(f"{path}: {error}") from None


def _zipped(path: str, data: bytes) -> Iterator[Any]:
    """Yield the JSON documents of a zip. Raises ``FeedError``."""
    left = LARGEST_UNPACKED
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for entry in archive.infolist()[:MOST]:
                if not entry.filename.endswith(".json"):
                    continue
                with archive.open(entry) as file:
                    content = file.read(LARGEST_ONE + 1)
                if len(content) > LARGEST_ONE:
                    raise FeedError(f"{path}: has an advisory of more than {LARGEST_ONE // 1_000_000} MB")
                left -= len(content)
                if left < 0:
                    raise FeedError(f"{path}: has more than {LARGEST_UNPACKED:,} bytes when it is unpacked")
                yield json.loads(content)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        if isinstance(error, FeedError):
            raise
        raise FeedError(f"{path}: cannot be read as a zip of JSON files") from None
    except RecursionError:
        raise FeedError(f"{path}: is nested too deep") from None


def scan_of(sbom: Sbom, feeds: Feeds) -> tuple[Scan | None, tuple[str, ...]]:
    """Return what advisories say of the packages of an image, None if it cannot be said; then the ecosystems that they
    lack, or the packages whose versions cannot be compared: their ids are ``unclear``."""
    missing = missing_of(sbom, feeds)
    if missing or not sbom.packages:
        return None, missing
    found, unclear = vulnerabilities(sbom, feeds)
    ids = frozenset[str]().union(*unclear.values())
    return Scan(sbom.image, tuple(found), f"advisories, by {sbom.source}", ids), tuple(sorted(unclear))


def missing_of(sbom: Sbom, feeds: Feeds) -> tuple[str, ...]:
    """Return the ecosystems of an image's packages that there are no advisories for."""
    return tuple(sorted({_named(one) for one in sbom.packages if not feeds.covers(one)} | set(sbom.unknown)))


def vulnerabilities(sbom: Sbom, feeds: Feeds) -> tuple[list[Vulnerability], dict[str, set[str]]]:
    """Return what advisories say is in an image, and the packages whose versions cannot be compared, with the ids of
    which it cannot be said then."""
    found: list[Vulnerability] = []
    unclear: dict[str, set[str]] = {}
    for one in sbom.packages:
        for advisory in feeds.about.get((one.ecosystem, one.name), ()):
            if advisory.release not in ("", one.release):
                continue
            affected = is_affected(one, advisory)
            if affected:
                found.append(Vulnerability(advisory.id, one.name, one.version, advisory.severity))
            elif affected is None:
                unclear.setdefault(f"{one.name} {one.version or '(no version)'}", set()).add(advisory.id)
    return found, unclear


def is_affected(package: Package, advisory: Advisory) -> bool | None:
    """Return whether an advisory is about the version of a package (osv-schema, evaluation), None if that cannot be
    compared. Raises ``click.UsageError`` if the library is missing."""
    if not package.version:
        return None
    if package.version in advisory.versions:
        return True
    if not advisory.ranges:
        return False
    try:
        from univers import versions
    except ImportError:
        raise click.UsageError(f"--feed {MISSING}") from None
    ordered = getattr(versions, package.ordered)
    try:
        own = ordered(package.version)
        return any(
            _is_in(own, [(kind, ordered(at) if at != "0" else None) for kind, at in one]) for one in advisory.ranges
        )
    except (ValueError, TypeError, AttributeError, IndexError):
        return None


def _is_in(own: Any, events: list[tuple[str, Any]]) -> bool:
    """Return whether a version is in a range, which is given by events; the version None is before all others."""
    reached = [(kind, at) for kind, at in events if at is None or (own > at if kind == "last_affected" else own >= at)]
    affected = [at for kind, at in reached if kind == "introduced"]
    ended = [at for kind, at in reached if kind in ("fixed", "last_affected")]
    if not affected:
        return False
    last = _latest(affected)
    return not any(at is None or last is None or at >= last for at in ended)


def _latest(versions: list[Any]) -> Any:
    """Return the latest version, None if only the one before all others is there."""
    given = [one for one in versions if one is not None]
    return max(given) if given else None


def _named(package: Package) -> str:
    return f"{package.ecosystem}:{package.release}" if package.release else package.ecosystem
