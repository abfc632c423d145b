"""What a registry stores: descriptors and manifests, checked as they come from it."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from echo_migrate.registry.errors import Malformed
from echo_migrate.registry.names import DIGEST, algorithm

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
INDEXES = (OCI_INDEX, DOCKER_LIST)
ACCEPTED = (*INDEXES, OCI_MANIFEST, DOCKER_MANIFEST)

DEEPEST = 50
"""The deepest nesting of JSON that is read: a manifest has 5 levels, the config of an image 4."""

_MOST = 10_000
"""The most descriptors or annotations of a manifest; the largest known index has some 100."""

_NONE: Mapping[str, str] = MappingProxyType({})


class Descriptor(NamedTuple):
    """What is known of some content without having it. ``size`` is None if the registry does not say it.

    ``platform`` is ``os/architecture``, with ``/variant`` if there is one; "" if it is not said.
    """

    digest: str
    media_type: str
    size: int | None
    artifact_type: str = ""
    annotations: Mapping[str, str] = _NONE
    platform: str = ""

    @property
    def is_index(self) -> bool:
        return self.media_type in INDEXES


class Manifest(NamedTuple):
    """A manifest or an index: ``content`` are its bytes, which have the digest, and ``data`` is what they say."""

    digest: str
    media_type: str
    content: bytes
    data: dict[str, Any]

    @property
    def is_index(self) -> bool:
        return self.media_type in INDEXES

    @property
    def manifests(self) -> tuple[Descriptor, ...]:
        """The manifests of an index. Raises ``Malformed``."""
        return descriptors(self.data.get("manifests"), "manifests") if self.is_index else ()

    @property
    def layers(self) -> tuple[Descriptor, ...]:
        """The layers of an image, or the blobs of another artifact. Raises ``Malformed``."""
        return () if self.is_index else descriptors(self.data.get("layers"), "layers")

    @property
    def config(self) -> Descriptor | None:
        """The config of an image, None for an index. Raises ``Malformed``."""
        return None if self.is_index or "config" not in self.data else descriptor(self.data["config"], "config")

    @property
    def subject(self) -> Descriptor | None:
        """What this manifest is attached to. Raises ``Malformed``."""
        return descriptor(self.data["subject"], "subject") if self.data.get("subject") is not None else None


def digest_of(content: bytes, like: str = "sha256:") -> str:
    """Return the digest of some content, by the algorithm of another digest."""
    return f"{algorithm(like)}:{hashlib.new(algorithm(like), content).hexdigest()}"


def parsed_json(content: bytes, what: str) -> dict[str, Any]:
    """Return the object that some JSON is; ``what`` names it in errors. Raises ``Malformed``."""
    if _depth(content) > DEEPEST:
        raise Malformed(f"{what} is nested more than {DEEPEST} deep")
    data, valid = None, True
    try:
        data = json.loads(content, parse_constant=_refused)
    except (ValueError, RecursionError):
        valid = False
    if not valid:  # raised here, as the other error has the content, which may be a token
        raise Malformed(f"{what} is not valid JSON")
    if not isinstance(data, dict):
        raise Malformed(f"{what} is not a JSON object")
    return data


def manifest(content: bytes, content_type: str, asked: str, header: str, what: str) -> Manifest:
    """Return the manifest in an answer: ``asked`` is a tag or a digest, ``header`` the digest that the answer states.

    The digest that was asked for, and the one that is stated, must be those of the content. Raises ``Malformed``.
    """
    expected = asked if DIGEST.fullmatch(asked) else ""
    for digest in filter(None, (expected, header if DIGEST.fullmatch(header) else "")):
        if digest_of(content, digest) != digest:
            raise Malformed(f"{what}: the content does not have the digest {digest}")
    data = parsed_json(content, what)
    return Manifest(expected or header or digest_of(content), _media_type(data, content_type, what), content, data)


def _media_type(data: dict[str, Any], content_type: str, what: str) -> str:
    """Return the type of a manifest. Its own statement, the header and its fields must not contradict each other, as
    programs would then read different images out of it (CVE-2021-41190). Raises ``Malformed``."""
    own, stated = data.get("mediaType"), media_type(content_type)
    has_manifests, has_layers = "manifests" in data, "layers" in data or "config" in data
    types = [text for text in (own, stated) if isinstance(text, str) and text in ACCEPTED]
    if not types:
        types = [OCI_INDEX if has_manifests else OCI_MANIFEST] if has_manifests or has_layers else []
    if not types:
        raise Malformed(f"{what} is neither an image nor an index")
    if len(set(types)) > 1 or (has_layers if types[0] in INDEXES else has_manifests):
        raise Malformed(f"{what} claims to be both an image and an index, or of two types")
    return types[0]


def media_type(header: str) -> str:
    """Return a media type without its parameters."""
    return header.partition(";")[0].strip().lower()


def descriptors(data: Any, what: str) -> tuple[Descriptor, ...]:
    """Return the descriptors in a list. Raises ``Malformed``."""
    if not isinstance(data, list) or len(data) > _MOST:
        raise Malformed(f"{what} is no list of descriptors")
    return tuple(descriptor(one, what) for one in data)


def descriptor(data: Any, what: str) -> Descriptor:
    """Return a descriptor as a manifest has it. Raises ``Malformed``."""
    data = data if isinstance(data, dict) else {}
    digest, kind, size = data.get("digest"), data.get("mediaType"), data.get("size")
    if not isinstance(digest, str) or not DIGEST.fullmatch(digest) or not isinstance(kind, str):
        raise Malformed(f"{what} has an invalid descriptor")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise Malformed(f"{what} has a descriptor without a size")
    artifact = data.get("artifactType")
    return Descriptor(
        digest,
        kind,
        size,
        artifact_type=artifact if isinstance(artifact, str) else "",
        annotations=_texts(data.get("annotations")),
        platform=platform(data.get("platform")),
    )


def platform(data: Any) -> str:
    """Return ``os/architecture/variant`` of what a descriptor or a config says, "" if it does not say both first."""
    data = data if isinstance(data, dict) else {}
    parts = [data.get(key) for key in ("os", "architecture", "variant")]
    texts = [part for part in parts if isinstance(part, str) and part]
    return "/".join(texts) if all(isinstance(part, str) and part for part in parts[:2]) else ""


def remembered(value: Any) -> Descriptor | None:
    """Return the descriptor of which the digest, type and size were kept as JSON; None for anything else."""
    if not isinstance(value, list) or len(value) != 3 or not all(isinstance(one, str) for one in value[:2]):
        return None
    valid = DIGEST.fullmatch(value[0]) and (value[2] is None or isinstance(value[2], int))
    return Descriptor(*value) if valid else None


def verified(chunks: Iterable[bytes], digest: str, what: str) -> Iterator[bytes]:
    """Yield some content. Raises ``Malformed`` at its end if it does not have the digest."""
    hashed = hashlib.new(algorithm(digest))
    for chunk in chunks:
        hashed.update(chunk)
        yield chunk
    if hashed.hexdigest() != digest.partition(":")[2]:
        raise Malformed(f"{what}: the content does not have this digest")


def _texts(data: Any) -> Mapping[str, str]:
    if not isinstance(data, dict) or len(data) > _MOST:
        return _NONE
    return MappingProxyType({key: value for key, value in data.items() if isinstance(value, str)})


def _refused(constant: str) -> Any:
    raise ValueError(constant)


def _depth(content: bytes) -> int:
    """Return the depth of nesting of some JSON, 0 for any that has too few brackets to be deep."""
    if content.count(b"{") + content.count(b"[") <= DEEPEST:
        return 0
    depth = deepest = 0
    for byte in _TEXT.sub(b"", content).translate(None, _OTHERS):
        depth += 1 if byte in b"{[" else -1
        deepest = max(deepest, depth)
    return deepest


_TEXT = re.compile(rb'"(?>(?:[^"\\]|\\.)*)"', re.DOTALL)
_OTHERS = bytes(byte for byte in range(256) if byte not in b"{[]}")
