"""What is attached to a manifest in a registry, by referrers, cosign's tags, and BuildKit in the index."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from echo_migrate.registry.client import Client
from echo_migrate.registry.content import Descriptor, Manifest
from echo_migrate.registry.errors import Malformed, NotFound

BUILDKIT_TYPE = "vnd.docker.reference.type"
BUILDKIT_DIGEST = "vnd.docker.reference.digest"
"""Annotations of an index's manifests that are attestations (docs.docker.com/build/metadata/attestations)."""

NOTATION = "application/vnd.cncf.notary.signature"

MOST = 64
"""The most referrers of a manifest that are read; images have some 20. Those of known types come first."""

COSIGN = ("sig", "att", "sbom")
"""What the tags of cosign end in (its SIGNATURE_SPEC.md)."""

_KNOWN = ("application/vnd.dev.sigstore.", "application/vnd.dev.cosign.", "application/vnd.in-toto+json", NOTATION)


class Attached(NamedTuple):
    """A manifest of things that are attached, and the repository it is in."""

    name: str
    manifest: Manifest
    artifact_type: str = ""


def attached_to(client: Client, name: str, digest: str, notes: list[str]) -> Iterator[Attached]:
    """Yield what is attached to a manifest of a repository, each manifest once; what cannot be read becomes a note.

    Raises ``RegistryError`` if the registry gives no answer.
    """
    seen: set[str] = set()
    for found in (*_referrers(client, name, digest, notes), *_tags(client, name, digest, notes)):
        if found.manifest.digest not in seen:
            seen.add(found.manifest.digest)
            yield found


def attestations_in(client: Client, name: str, index: Manifest, digest: str, notes: list[str]) -> Iterator[Attached]:
    """Yield the attestations that an index has of one of its manifests."""
    found = [one for one in index.manifests if is_attestation(one) and one.annotations.get(BUILDKIT_DIGEST) == digest]
    yield from _loaded(client, name, found, notes)


def is_attestation(descriptor: Descriptor) -> bool:
    """Return whether a manifest of an index is no image, but about one: nothing pulls it, as it is for no platform."""
    marked = descriptor.annotations.get(BUILDKIT_TYPE) == "attestation-manifest"
    return marked and descriptor.platform == "unknown/unknown"


def _referrers(client: Client, name: str, digest: str, notes: list[str]) -> Iterator[Attached]:
    try:
        listed = client.referrers(name, digest)
    except Malformed as error:
        notes.append(error.message)
        return
    listed = sorted(listed, key=lambda one: not one.artifact_type.startswith(_KNOWN))
    if len(listed) > MOST:
        notes.append(f"{name}@{digest} has {len(listed):,} referrers: {MOST} are read")
    yield from _loaded(client, name, listed[:MOST], notes)


def _tags(client: Client, name: str, digest: str, notes: list[str]) -> Iterator[Attached]:
    """Yield what lies under the tags of cosign."""
    for suffix in COSIGN:
        try:
            manifest = client.manifest(name, f"{digest.replace(':', '-', 1)}.{suffix}")
        except NotFound:
            continue
        except Malformed as error:
            notes.append(error.message)
            continue
        yield Attached(name, manifest)


def _loaded(client: Client, name: str, listed: Iterable[Descriptor], notes: list[str]) -> Iterator[Attached]:
    for one in list(listed)[:MOST]:
        try:
            manifest = client.manifest(name, one.digest)
        except (NotFound, Malformed) as error:
            notes.append(error.message)
            continue
        stated = manifest.data.get("artifactType")
        yield Attached(name, manifest, stated if isinstance(stated, str) else one.artifact_type)
