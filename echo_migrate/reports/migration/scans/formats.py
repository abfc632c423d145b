"""The formats of scanners, by their published schemas: each a function from the data of a file to what was found."""

from collections.abc import Callable, Iterator
from typing import Any

from echo_migrate.reports.migration.scans.data import (
    IDS,
    Named,
    Scan,
    Vulnerability,
    canonical,
    listed,
    named,
    package_of,
    part,
    product_of,
    text,
)


def trivy(data: Any) -> Scan:
    """Read Trivy's JSON (github:aquasecurity/trivy pkg/types/report.go, SchemaVersion 2)."""
    metadata = part(data, "Metadata")
    image = named([text(data, "ArtifactName"), *listed(metadata, "RepoTags"), *listed(metadata, "RepoDigests")])
    found = [
        Vulnerability(
            canonical(text(one, "VulnerabilityID")),
            text(one, "PkgName"),
            text(one, "InstalledVersion"),
            text(one, "Severity").lower(),
        )
        for result in listed(data, "Results")
        for one in listed(result, "Vulnerabilities")
    ]
    is_image = text(data, "ArtifactType") in ("container_image", "")
    return Scan(image if is_image else Named(), tuple(found))


def grype(data: Any) -> Scan:
    """Read Grype's JSON (github:anchore/grype schema/grype/json); what it ignored is not in its matches."""
    source = _target(data)
    names = [source.get(key) for key in ("userInput", "manifestDigest")]
    image = named([*names, *listed(source, "tags"), *listed(source, "repoDigests")])
    found = []
    for match in listed(data, "matches"):
        vulnerability, artifact = part(match, "vulnerability"), part(match, "artifact")
        aliases = [text(one, "id") for one in listed(match, "relatedVulnerabilities")]
        id = canonical(text(vulnerability, "id"), aliases)
        severity = text(vulnerability, "severity").lower()
        found.append(Vulnerability(id, text(artifact, "name"), text(artifact, "version"), severity))
    return Scan(image, tuple(found))


def _target(data: Any) -> dict[str, Any]:
    """Return what Grype scanned, empty for a folder, whose target is a text."""
    target = part(data, "source").get("target")
    return target if isinstance(target, dict) else {}


def sarif(data: Any) -> Scan:
    """Read SARIF 2.1.0, as Trivy and Grype write it: results whose rule is a vulnerability."""
    names: list[Any] = []
    found = []
    for run in listed(data, "runs"):
        properties = part(run, "properties")
        names += [text(properties, "imageName"), *listed(properties, "repoTags"), *listed(properties, "repoDigests")]
        for result in listed(run, "results"):
            known = IDS.search(text(result, "ruleId"))
            if not known or listed(result, "suppressions") or text(result, "kind") in ("pass", "notApplicable"):
                continue
            lines = text(part(result, "message"), "text").split("\n")
            said = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
            package, version = said.get("Package", ""), said.get("Installed Version", "")
            found.append(Vulnerability(known[0], package, version, said.get("Severity", "").lower()))
    return Scan(named(names), tuple(found))


_RESOLVED = ("not_affected", "false_positive", "resolved", "resolved_with_pedigree")


def cyclonedx(data: Any) -> Scan:
    """Read a CycloneDX VDR (cyclonedx.org/docs/1.6/json): its subject is the image, its components the packages."""
    packages = {text(one, "bom-ref"): (text(one, "name"), text(one, "version")) for one in listed(data, "components")}
    found = []
    for one in listed(data, "vulnerabilities"):
        state = text(part(one, "analysis"), "state")
        excluded = f"{state.replace('_', ' ')}, by the scan" if state in _RESOLVED else ""
        severity = next((text(rating, "severity") for rating in listed(one, "ratings") if text(rating, "severity")), "")
        aliases = [text(other, "id") for other in listed(one, "references")]
        id = canonical(text(one, "id"), aliases)
        for ref in [text(affected, "ref") for affected in listed(one, "affects")] or [""]:
            package = packages.get(ref) or (package_of(ref), "")
            found.append(Vulnerability(id, *package, severity.lower(), excluded))
    return Scan(subject_of(data), tuple(found))


def subject_of(data: Any) -> Named:
    """Return what a CycloneDX file calls the image that it is about. Raises ``TypeError``."""
    subject = part(data, "metadata", "component")
    name, version = text(subject, "name"), text(subject, "version")
    joint = "@" if version.startswith("sha256:") else ":"
    product = product_of(text(subject, "purl"))
    of_purl = f"{product.repository}{f':{product.tag}' if product.tag else ''}" if product else ""
    names = [of_purl, f"{name}{joint}{version}" if version and ":" not in name.rpartition("/")[2] else name]
    return named(filter(None, names))


def osv(data: Any) -> Scan:
    """Read the JSON of OSV-Scanner (google.github.io/osv-scanner/output); it does not tell the image for certain."""
    found = []
    for result in listed(data, "results"):
        for entry in listed(result, "packages"):
            package = part(entry, "package")
            for one in listed(entry, "vulnerabilities"):
                id = canonical(text(one, "id"), listed(one, "aliases"))
                severity = text(part(one, "database_specific"), "severity").lower()
                found.append(Vulnerability(id, text(package, "name"), text(package, "version"), severity))
    return Scan(Named(), tuple(found))


def reader(data: Any) -> tuple[str, Callable[[Any], Scan]] | None:
    """Return the name of the format of a file's data and the function that reads it, None if it is of none."""
    for name, marks, read in _MARKS:
        if isinstance(data, dict) and all(mark in data for mark in marks):
            return name, read
    return None


_MARKS: tuple[tuple[str, tuple[str, ...], Callable[[Any], Scan]], ...] = (
    ("Trivy", ("SchemaVersion", "ArtifactName"), trivy),
    ("Grype", ("matches", "source"), grype),
    ("SARIF", ("version", "runs"), sarif),
    ("CycloneDX", ("bomFormat", "vulnerabilities"), cyclonedx),
    ("OSV", ("results",), osv),
)


def ids_of(found: tuple[Vulnerability, ...]) -> Iterator[Vulnerability]:
    """Yield what was found, each vulnerability once; without an id, it is none."""
    seen = set()
    for one in found:
        if one.id and one.id not in seen:
            seen.add(one.id)
            yield one
