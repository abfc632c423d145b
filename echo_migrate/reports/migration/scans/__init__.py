"""Scans and VEX files that a user has, matched to references: what is known of the images before and after their moves.

Nothing is estimated: a number is that of the rows it counts, and an image without a scan has none.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple, get_args

from echo_migrate.files.json_file import read_json
from echo_migrate.files.source import Unreadable
from echo_migrate.files.spelling import few
from echo_migrate.images.reference import full_name, parsed
from echo_migrate.reports import visible
from echo_migrate.reports.migration.figures import Figure, Index
from echo_migrate.reports.migration.rows import ReportRow
from echo_migrate.reports.migration.scans.data import Named, Scan, Statement, Vulnerability, named
from echo_migrate.reports.migration.scans.feeds import FeedError, Feeds, scan_of
from echo_migrate.reports.migration.scans.formats import ids_of, reader
from echo_migrate.reports.migration.scans.sbom import Sbom, is_sbom, sbom
from echo_migrate.reports.migration.scans.vex import csaf, excluded, openvex

MOST_TOLD = 5
"""How many names are told in a note."""

MOST = 200_000
"""The limit of the vulnerabilities, or of the statements, of one file."""

Fate = Literal["removed", "stays", "new", "found", "excluded"]
FATES: tuple[Fate, ...] = get_args(Fate)


class ScanError(ValueError):
    """A file that is no scan, or no VEX file; the message says why."""


class Known(NamedTuple):
    """A vulnerability of an image before or after a move, and what becomes of it: it is removed, stays, is new, is
    found where there is nothing that it can be compared with, or is excluded by the scan or by VEX (``why``)."""

    fate: Fate
    id: str
    severity: str
    package: str
    version: str
    why: str


class Compared(NamedTuple):
    """An image that was scanned, the one that it moves to ("" for none), whether that was scanned, the references, and
    a row for each vulnerability."""

    before: str
    after: str
    scanned: bool
    figure: Figure
    rows: tuple[Known, ...]

    def number(self, *fates: str) -> int:
        """Return the number of rows of some fates."""
        return sum(row.fate in fates for row in self.rows)


class Risk(NamedTuple):
    """The images in use that were scanned, the files whose image no reference names, and what could not be matched."""

    images: tuple[Compared, ...]
    unmatched: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def total(self, *fates: str) -> int:
        """Return the number of rows of some fates, of the images whose successor was scanned too."""
        return sum(one.number(*fates) for one in self.images if one.scanned)


def read_scan(word: str) -> Scan:
    """Return the scan of a file, or of IMAGE=FILE, whose image is then this one. Raises ``ScanError``."""
    image, path = _split(word)
    data = _data(path)
    found = reader(data)
    if not found:
        raise ScanError(f"{path}: is no JSON of Trivy, Grype or OSV-Scanner, no SARIF and no CycloneDX VDR")
    name, read = found
    try:
        scan = read(data)
    except (TypeError, AttributeError):
        raise ScanError(f"{path}: is not what {name} writes") from None
    if len(scan.found) > MOST:
        raise ScanError(f"{path}: has more than {MOST:,} vulnerabilities")
    return scan._replace(image=_image(image, scan.image, path), format=name)


def read_sbom(word: str) -> Sbom:
    """Return the bill of materials of a file, or of IMAGE=FILE, whose image is then this one. Raises ``ScanError``."""
    image, path = _split(word)
    data = _data(path)
    if not is_sbom(data):
        raise ScanError(f"{path}: is no JSON of CycloneDX or SPDX")
    try:
        found = sbom(data)
    except (TypeError, AttributeError):
        raise ScanError(f"{path}: is not what {'CycloneDX' if 'bomFormat' in data else 'SPDX'} is") from None
    return found._replace(image=_image(image, found.image, path))


def _split(word: str) -> tuple[str, str]:
    """Return the image ("" for none) and the path of [IMAGE=]FILE."""
    image, equals, path = word.rpartition("=")
    return (image, path) if equals and parsed(image) else ("", word)


def _image(given: str, of_file: Named, path: str) -> Named:
    """Return what a file is about. Raises ``ScanError`` if nothing says so."""
    found = named([given]) if given else of_file
    if not found.names and not found.digests:
        raise ScanError(f"{path}: names no image: give it as IMAGE={path}")
    return found


def read_vex(path: str) -> list[Statement]:
    """Return the statements of a file. Raises ``ScanError``."""
    data: Any = _data(path)
    kind = data if isinstance(data, dict) else {}
    read = openvex if "statements" in kind else csaf if "document" in kind else None
    if not read:
        raise ScanError(f"{path}: is neither OpenVEX nor CSAF")
    try:
        found = []
        for statement in read(data):
            found.append(statement)
            if len(found) > MOST:
                raise ScanError(f"{path}: has more than {MOST:,} statements")
        return found
    except (TypeError, AttributeError):
        raise ScanError(f"{path}: is not what {'OpenVEX' if read is openvex else 'CSAF'} is") from None


def _data(path: str) -> Any:
    try:
        return read_json(path)
    except Unreadable as error:
        raise ScanError(f"{path}: {error}") from None


def feeds_of(sboms: Iterable[Sbom], paths: Iterable[str]) -> Feeds:
    """Return the advisories of files about the packages of bills of materials. Raises ``ScanError``."""
    feeds = Feeds(package for one in sboms for package in one.packages)
    try:
        for path in paths:
            feeds.read(path)
    except FeedError as error:
        raise ScanError(str(error)) from None
    return feeds


def matched(sboms: Sequence[tuple[str, Sbom]], paths: Iterable[str]) -> tuple[list[tuple[str, Scan]], list[str]]:
    """Return what the advisories of files say of bills of materials, each with the name of its file, and notes on what
    could not be matched. Raises ``ScanError``."""
    feeds = feeds_of([one for _, one in sboms], paths)
    scans: list[tuple[str, Scan]] = []
    notes: list[str] = []
    for name, one in sboms:
        scan, missing = scan_of(one, feeds)
        if scan:
            scans.append((name, scan))
        if missing:
            kind = "versions that cannot be compared" if scan else "not matched for lack of advisories"
            notes.append(visible(f"{name}: {kind}: {few(missing, MOST_TOLD)}"))
        elif not scan:
            notes.append(visible(f"{name}: not matched, it has no packages"))
    return scans, notes


def risk(rows: Sequence[ReportRow], scans: Sequence[tuple[str, Scan]], statements: Iterable[Statement]) -> Risk:
    """Return what scans, each with the name of its file, tell about references and their targets.

    Two images are compared by what the same scanner found in both: what one does not know, it has not seen removed.
    """
    index = Index(list(rows))
    statements = list(statements)
    used: set[int] = set()
    known: dict[str, list[Scan]] = {}

    def of(image: str) -> list[Scan]:
        if image not in known:
            asked = named([image])
            matching = [number for number, (_, scan) in enumerate(scans) if _is_of(scan.image, asked, image)]
            used.update(matching)
            known[image] = [scans[number][1] for number in matching]
        return known[image]

    compared = []
    for before, after in dict.fromkeys((row.reference, row.target if row.step else "") for row in rows):
        old, new = of(before), of(after) if after else []
        if not old:
            continue
        common = {scan.format for scan in old} & {scan.format for scan in new}
        was = _known(before, [scan for scan in old if scan.format in common or not common], statements)
        will = _known(after, [scan for scan in new if scan.format in common], statements) if common else None
        unclear = frozenset[str]().union(*(scan.unclear for scan in new if scan.format in common))
        where = [("image", before), *([("target", after)] if after else [])]
        compared.append(Compared(before, after, bool(common), index.figure(*where), tuple(_rows(was, will, unclear))))
    unmatched = tuple(visible(name) for number, (name, _) in enumerate(scans) if number not in used)
    return Risk(tuple(sorted(compared, key=lambda one: (-len(one.rows), one.before, one.after))), unmatched)


def _is_of(scanned: Named, asked: Named, image: str) -> bool:
    """Return whether a scan is of an image: of its digest if it has one, else of its name with the tag."""
    if "@" in image:
        return bool(scanned.digests & asked.digests)
    return bool(scanned.names & asked.names)


def _known(image: str, scans: list[Scan], statements: list[Statement]) -> dict[str, Vulnerability]:
    """Return the vulnerabilities of an image by id, those that VEX excludes with the reason."""
    reference = parsed(image)
    names = frozenset([full_name(reference._replace(digest=None))] if reference else [])
    found: list[Vulnerability] = []
    for scan in scans:  # each of its own bytes: a name may have had others when another scan was made
        why = excluded(statements, Named(names, scan.image.digests))
        found += [one._replace(excluded=one.excluded or why(one.id, one.package, one.version)) for one in scan.found]
    done: dict[str, Vulnerability] = {}
    for one in sorted(found, key=lambda one: bool(one.excluded)):
        done.setdefault(one.id, one)
    return {one.id: one for one in ids_of(tuple(done.values()))}


def _rows(
    old: dict[str, Vulnerability], new: dict[str, Vulnerability] | None, unclear: frozenset[str]
) -> Iterable[Known]:
    """Yield a row for each vulnerability of an image, and of its successor if that was scanned; ``unclear`` are those
    of which it cannot be said whether the successor has them."""
    for id in sorted({**old, **(new or {})}):
        before, after = old.get(id), (new or {}).get(id)
        one = before or after
        assert one is not None
        was, is_now = bool(before and not before.excluded), bool(after and not after.excluded)
        fate: Fate = "excluded"
        if new is None or (id in unclear and was and not is_now):
            fate = "found" if was else "excluded"
        elif was or is_now:
            fate = "stays" if was and is_now else "removed" if was else "new"
        why = next((side.excluded for side in (before, after) if side and side.excluded), "")
        shown = one if was or not after else after
        texts = map(visible, (id, shown.severity, shown.package, shown.version, why))
        yield Known(fate, *texts)
