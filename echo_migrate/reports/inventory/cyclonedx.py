"""The inventory as a bill of materials: CycloneDX 1.6 (cyclonedx.org/docs/1.6/json), by cyclonedx-python-lib."""

from collections.abc import Iterable
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5

import click

from echo_migrate import __version__
from echo_migrate.images.reference import Reference, is_open, parse
from echo_migrate.reports import printable

if TYPE_CHECKING:
    from cyclonedx.model.component import Component
    from packageurl import PackageURL

    from echo_migrate.reports.inventory.rows import InventoryRow


def cyclonedx(rows: "Iterable[InventoryRow]") -> str:
    """Return the images that are pulled, one component each, with every place that names it and what becomes of it
    there.

    The same rows give the same text: no time of day, and a serial number made of the rest. Raises
    ``click.UsageError`` where the library is not installed.
    """
    try:
        from cyclonedx.model.bom import Bom
        from cyclonedx.model.component import Component, ComponentType
        from cyclonedx.output.json import JsonV1Dot6
    except ImportError:
        raise click.UsageError("cyclonedx needs its library: install echo-migrate[cyclonedx]") from None
    used: dict[str, list[InventoryRow]] = {}
    for row in rows:
        if row.state != "local":
            used.setdefault(row.resolved, []).append(row)
    bom = Bom(components=[_component(name, used[name]) for name in sorted(used)])
    bom.metadata.tools.components.add(
        Component(name="echo-migrate", version=__version__, type=ComponentType.APPLICATION)
    )
    bom.metadata.timestamp = None  # type: ignore[assignment]  # optional in the specification
    bom.serial_number = uuid5(NAMESPACE_URL, repr(sorted(used.items())))
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def _component(name: str, rows: "list[InventoryRow]") -> "Component":
    from cyclonedx.model import Property
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.model.component_evidence import ComponentEvidence, Occurrence

    try:
        reference = parse(name)
    except ValueError:
        reference = None
    told: dict[str, set[str | None]] = {
        "upstream": {row.upstream for row in rows},
        "target": {row.target for row in rows},
        "state": {row.state for row in rows},
        "reason": {row.reason for row in rows},
    }
    known = reference if reference and not is_open(name) else None
    return Component(
        type=ComponentType.CONTAINER,
        bom_ref=printable(name),
        name=printable(reference.name if reference else name),
        version=(reference.tag or reference.digest) if reference else None,
        purl=_purl(known) if known else None,
        properties=[
            Property(name=f"echo-migrate:{key}", value=printable(value))
            for key, values in told.items()
            for value in sorted(filter(None, values))
        ],
        evidence=ComponentEvidence(
            occurrences=[
                Occurrence(
                    bom_ref=printable(f"{row.path}:{row.line}:{row.column}"),
                    location=printable(row.path),
                    line=row.line,
                    additional_context=printable(row.context),
                )
                for row in {(row.path, row.line, row.column): row for row in rows}.values()
            ]
        ),
    )


def _purl(reference: Reference) -> "PackageURL":
    """Return the package URL of an image (package-url/purl-spec, types/docker-definition.json): its namespace is the
    registry's path, its version the tag or the digest, and a registry other than Docker Hub a qualifier."""
    from packageurl import PackageURL

    namespace, _, name = reference.repository.rpartition("/")
    return PackageURL(
        "docker",
        namespace or None,
        name,
        reference.digest or reference.tag,
        {"repository_url": reference.registry} if reference.registry else None,
    )
