"""Advisories of feeds, matched to the packages that a bill of materials knows of an image.

Feeds: OSV (ossf.github.io/osv-schema, one advisory, a list, or a folder of such files) and OpenVEX
(github:openvex/spec). A bill of materials is CycloneDX in JSON. A package is affected if an advisory lists its version:
which of two versions is newer, each ecosystem says otherwise, so a range alone says nothing here.
"""

import os
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from echo_migrate.files.json_file import read_json
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Unreadable
from echo_migrate.reports.migration.scans import ScanError, read_vex
from echo_migrate.reports.migration.scans.data import (
    Named,
    Statement,
    canonical,
    listed,
    named,
    package_of,
    part,
    table,
    text,
)

_MOST_FILES = 500_000
_PURL = lazy_regex(r"(pkg:[a-z]{1,20}/[^@?#]{1,300})@([^?#]{1,200})(?:[?#].*)?")


class Bill(NamedTuple):
    """The packages of an image: versions by package URL without one."""

    image: Named
    packages: dict[str, frozenset[str]]


class Advisory(NamedTuple):
    """A vulnerability, and the versions of packages that it is in."""

    id: str
    packages: dict[str, frozenset[str]]


class Hit(NamedTuple):
    """A vulnerability in a package of an image."""

    id: str
    image: str
    package: str
    version: str


def read_bill(word: str) -> Bill:
    """Return the packages of ``[IMAGE=]FILE``. Raises ``ScanError``."""
    image, equals, path = word.partition("=")
    image, path = (image, path) if equals and not os.path.lexists(word) else ("", word)
    data = table(_data(path))
    if data.get("bomFormat") != "CycloneDX":
        raise ScanError(f"{path}: is not CycloneDX in JSON")
    main = part(data, "metadata", "component")
    tagged = f"{text(main, 'name')}:{text(main, 'version')}" if text(main, "version") else text(main, "name")
    packages: dict[str, set[str]] = {}
    for one in listed(data, "components"):
        found = _PURL.fullmatch(text(one, "purl"))
        if found:
            packages.setdefault(found[1].lower(), set()).add(found[2])
    known = named([image or tagged])
    if not known.names and not known.digests:
        raise ScanError(f"{path}: names no image: give it as IMAGE={path}")
    return Bill(known, {name: frozenset(versions) for name, versions in packages.items()})


def read_feed(path: str) -> tuple[list[Advisory], list[Statement]]:
    """Return the advisories of a file or folder, and what is said to be none. Raises ``ScanError``."""
    if not os.path.isdir(path):
        data = _data(path)
        if isinstance(data, dict) and "statements" in data:
            return [], read_vex(path)
        return list(_osv(data)), []
    with os.scandir(path) as entries:
        names = sorted(entry.path for entry in entries if entry.name.endswith(".json"))
    if len(names) > _MOST_FILES:
        raise ScanError(f"{path}: has more than {_MOST_FILES:,} files")
    return [one for name in names for one in _osv(_data(name))], []


def _osv(data: Any) -> Iterator[Advisory]:
    """Yield the advisories of OSV that are not withdrawn."""
    rows = data if isinstance(data, list) else listed(data, "vulns") if "vulns" in table(data) else [data]
    for row in rows:
        packages: dict[str, set[str]] = {}
        for one in listed(row, "affected"):
            purl = text(part(one, "package"), "purl").partition("?")[0].partition("@")[0].lower()
            versions = {version for version in listed(one, "versions") if isinstance(version, str)}
            if purl and versions:
                packages.setdefault(purl, set()).update(versions)
        id = text(row, "id")
        if id and packages and not text(row, "withdrawn"):
            found = {name: frozenset(versions) for name, versions in packages.items()}
            yield Advisory(canonical(id, listed(row, "aliases")), found)


def hits(bills: Iterable[Bill], advisories: Iterable[Advisory], statements: Iterable[Statement]) -> list[Hit]:
    """Return the vulnerabilities in the packages of images, without those that a statement takes away."""
    known, said, found = list(bills), list(statements), set[Hit]()
    for advisory in advisories:
        for bill in known:
            for purl, versions in advisory.packages.items():
                for version in versions & bill.packages.get(purl, frozenset()):
                    package = package_of(purl)
                    if not any(_takes_away(one, bill.image, advisory.id, package) for one in said):
                        found.add(Hit(advisory.id, min([*bill.image.names, *bill.image.digests]), package, version))
    return sorted(found)


def _takes_away(one: Statement, image: Named, id: str, package: str) -> bool:
    if id not in one.ids or (one.packages and package not in one.packages):
        return False
    product = one.product
    if product.digest:
        return product.digest in image.digests
    names = {name.rpartition(":")[0] for name in image.names} if not product.tag else image.names
    return (f"{product.repository}:{product.tag}" if product.tag else product.repository) in names


def _data(path: str) -> Any:
    try:
        return read_json(path, 200_000_000)
    except Unreadable as error:
        raise ScanError(f"{path}: {error}") from None
