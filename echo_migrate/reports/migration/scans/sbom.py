"""Bills of materials that a user has, by package URLs: CycloneDX and SPDX, as JSON."""

from collections.abc import Iterable
from functools import cache
from typing import Any, Literal, NamedTuple
from urllib.parse import quote

import click

from echo_migrate.files.data import read_data
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.reports.migration.scans.data import Named, listed, named, part, product_of, text
from echo_migrate.reports.migration.scans.formats import subject_of

MISSING = "needs its libraries: install echo-migrate[report]"
_NORMAL = lazy_regex(r"[-_.]+")
MOST = 200_000
"""The limit of the packages of one file."""


class Package(NamedTuple):
    """A package in the terms of advisories: ecosystem and release ("" if it has none), name and version. A system's
    package has those of its source, which advisories are about; a library may have no version, "". ``ordered`` is the
    class that orders its versions."""

    ecosystem: str
    release: str
    name: str
    version: str
    ordered: str


class Sbom(NamedTuple):
    """The packages of an image that advisories can be about, and how many there are in all. ``unknown`` are types of
    its system's packages for which there is no ecosystem, and what has no package URL. ``source`` is what lists them:
    layers are read for the system's packages alone, a bill of materials has those of languages too."""

    image: Named
    packages: tuple[Package, ...]
    total: int
    unknown: tuple[str, ...] = ()
    source: Literal["a bill of materials", "layers"] = "a bill of materials"


def cyclonedx(data: Any) -> Sbom:
    """Read a CycloneDX BOM (cyclonedx.org/docs/1.6/json): its subject is the image. Raises ``TypeError``."""
    waiting = list(reversed(listed(data, "components")))
    found: list[tuple[str, list[str]]] = []
    systems = [one for one in waiting if text(one, "type") == "operating-system"]
    distro = next((f"{text(one, 'name')}-{text(one, 'version')}" for one in systems), "")
    while waiting and len(found) <= MOST:
        one = waiting.pop()
        waiting += reversed(listed(one, "components"))
        properties = {text(each, "name"): text(each, "value") for each in listed(one, "properties")}
        if not text(one, "purl"):
            if text(one, "type") == "library":
                found.append((_by_syft(one, properties, distro), []))
            continue
        source = [properties.get(f"aquasecurity:trivy:Src{key}", "") for key in ("Name", "Epoch", "Version", "Release")]
        found.append((text(one, "purl"), source))
    return _sbom(subject_of(data), found)


def _by_syft(one: Any, properties: dict[str, str], distro: str) -> str:
    """Return the package URL of a package that Syft gave none, as it does for a system that it does not know; "" if
    that cannot be told."""
    type, system = properties.get("syft:package:type", ""), distro.rpartition("-")[0]
    source, version = (properties.get(f"syft:metadata:{key}", "") for key in ("source", "sourceVersion"))
    if type not in ("apk", "deb") or not system or not text(one, "version"):
        return ""
    upstream = f"&upstream={quote(f'{source}@{version}' if version else source)}" if source else ""
    name, of = quote(text(one, "name"), safe=""), quote(text(one, "version"), safe="")
    return f"pkg:{type}/{quote(system, safe='')}/{name}@{of}?distro={quote(distro)}{upstream}"


def spdx(data: Any) -> Sbom:
    """Read an SPDX 2.3 document (spdx.github.io/spdx-spec): what it describes is the image. Raises ``TypeError``."""
    described = {text(one, "relatedSpdxElement") for one in listed(data, "relationships") if _describes(one)}
    described |= {one for one in listed(data, "documentDescribes") if isinstance(one, str)}
    names: list[str] = []
    found: list[tuple[str, list[str]]] = []
    for one in listed(data, "packages"):
        references = listed(one, "externalRefs")
        purls = [text(each, "referenceLocator") for each in references if text(each, "referenceType") == "purl"]
        if text(one, "SPDXID") in described:
            product = next(filter(None, map(product_of, purls)), None)
            name, version = text(one, "name"), text(one, "versionInfo")
            of_purl = f"{product.repository}:{product.tag}" if product and product.tag else ""
            names += [of_purl, name if ":" in name.rpartition("/")[2] or not version else f"{name}:{version}"]
        elif purls or text(one, "primaryPackagePurpose") in ("", "LIBRARY"):
            found.append((next(iter(purls), ""), []))
    return _sbom(named(filter(None, names)), found)


def _describes(relationship: Any) -> bool:
    return text(relationship, "relationshipType") == "DESCRIBES"


def _sbom(image: Named, found: list[tuple[str, list[str]]]) -> Sbom:
    if len(found) > MOST:
        raise TypeError
    table, packages, total, unknown = _ecosystems(), dict[Package, None](), 0, set[str]()
    for purl, source in found:
        known = _parsed(purl)
        if known and known.type in ("oci", "docker"):
            continue
        total += 1
        if known is None:
            unknown.add("packages without a package URL")
            continue
        row = _row(known.type, known.namespace or "")
        if row and (known.version or known.type not in table["system"]):
            packages[_package(known, row, source)] = None
        elif known.type in table["system"]:
            unknown.add(f"{known.type}/{known.namespace}" if known.namespace else known.type)
    return Sbom(image, tuple(packages), total, tuple(sorted(unknown)))


def of_purls(image: str, purls: Iterable[str]) -> Sbom:
    """Return the packages that the layers of an image have, given its name and their package URLs."""
    return _sbom(named([image]), [(purl, []) for purl in purls])._replace(source="layers")


def _parsed(purl: str) -> Any:
    """Return a package URL, None if it is none. Raises ``click.UsageError`` if the library is missing."""
    try:
        from packageurl import PackageURL
    except ImportError:
        raise click.UsageError(f"--sbom {MISSING}") from None
    try:
        return PackageURL.from_string(purl)
    except ValueError:
        return None


def _package(purl: Any, row: list[str], source: list[str]) -> Package:
    """Return the package of a package URL; ``source`` are name, epoch, version and release of its source, if stated."""
    qualifiers: dict[str, str] = purl.qualifiers if isinstance(purl.qualifiers, dict) else {}
    ecosystem, ordered = row[0], row[1]
    release = _release(row, qualifiers.get("distro", ""))
    name, version = purl.name, purl.version or ""
    if purl.type in ("golang", "npm", "composer", "maven") and purl.namespace:
        name = f"{purl.namespace}{':' if purl.type == 'maven' else '/'}{name}"
    if purl.type == "pypi":
        name = _NORMAL.sub("-", name).lower()
    if purl.type == "golang":
        version = version.removeprefix("v")
    if qualifiers.get("epoch", "0") != "0" and ":" not in version:
        version = f"{qualifiers['epoch']}:{version}"
    if purl.type in _ecosystems()["system"]:
        of, _, of_version = qualifiers.get("upstream", "").partition("@")
        name, version = of or name, of_version or version
        if len(source) == 4 and source[0] and source[2]:
            epoch = f"{source[1]}:" if source[1] not in ("", "0") else ""
            name, version = source[0], f"{epoch}{source[2]}{f'-{source[3]}' if source[3] else ''}"
    vendor = next((vendor for mark, vendor in _ecosystems()["vendors"].items() if mark in version), "")
    if vendor and purl.type not in _ecosystems()["system"]:
        ecosystem, release = f"{vendor}:{ecosystem}", ""
    return Package(ecosystem, release, name, version, ordered)


def _release(row: list[str], distro: str) -> str:
    """Return the release that a package URL's distribution is, as its ecosystem writes it; "" if it has none."""
    if len(row) < 4:
        return ""
    found = lazy_regex(row[2]).fullmatch(distro)
    return row[3].format(found[1]) if found else ""


def _row(type: str, namespace: str) -> list[str] | None:
    table: dict[str, list[str]] = _ecosystems()["ecosystems"]
    return table.get(f"{type}/{namespace}") or table.get(type)


@cache
def _ecosystems() -> dict[str, Any]:
    return dict(read_data("report/ecosystems.yaml"))


def ecosystem_of(written: str) -> tuple[str, str]:
    """Return the ecosystem and the release of an ecosystem as OSV writes it, such as ``Debian:12``. What a vendor built
    again is an ecosystem for each kind of package, such as ``Echo:PyPI``: another than that of the vendor's system."""
    ecosystem, _, release = written.partition(":")
    return (written, "") if ecosystem in _ecosystems()["vendors"].values() else (ecosystem, release.partition(":")[0])


def is_sbom(data: Any) -> bool:
    """Return whether the data of a file is a bill of materials."""
    return isinstance(data, dict) and ("bomFormat" in data or "spdxVersion" in data)


def sbom(data: Any) -> Sbom:
    """Read a bill of materials. Raises ``TypeError``."""
    return cyclonedx(data) if "bomFormat" in data else spdx(part(data))
