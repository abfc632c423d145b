"""What signatures and attestations state, from their bytes: simple signing, DSSE, in-toto, Sigstore bundles.

Nothing here trusts anything: a text is read strictly, and whatever is not as its specification has it is ``Refused``
with the reason in plain words.
"""

import base64
import binascii
from typing import Any, NamedTuple

from echo_migrate.registry.content import parsed_json
from echo_migrate.registry.errors import Malformed
from echo_migrate.registry.names import DIGEST, printable

SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"
DSSE = "application/vnd.dsse.envelope.v1+json"
IN_TOTO = "application/vnd.in-toto+json"
BUNDLE = "application/vnd.dev.sigstore.bundle"
"""The beginning of the media types of bundles, of all versions."""

_STATEMENTS = ("https://in-toto.io/Statement/v0.1", "https://in-toto.io/Statement/v1")
_SIGNATURE_TYPE = "cosign container image signature"
_CRITICAL = {"identity", "image", "type"}
_MOST_SIGNATURES = 16
_MOST_SUBJECTS = 10_000
_MOST_DIGESTS = 16


class Refused(Exception):
    """A signature or an attestation does not count; the message is the reason."""


class Claim(NamedTuple):
    """What a signature by simple signing is about: the digest of an image, and the name it had, which may be ""."""

    digest: str
    name: str


class Envelope(NamedTuple):
    """A DSSE envelope (github.com/secure-systems-lab/dsse, envelope.md)."""

    payload_type: str
    payload: bytes
    signatures: tuple[bytes, ...]

    @property
    def signed(self) -> bytes:
        """The bytes that are signed: the pre-authentication encoding."""
        kind = self.payload_type.encode()
        return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(self.payload), self.payload)


class Statement(NamedTuple):
    """An in-toto statement: what it is about, by digest, and what it states of that."""

    predicate_type: str
    subjects: frozenset[str]
    predicate: dict[str, Any]


class Bundle(NamedTuple):
    """A Sigstore bundle: an envelope, or a signature over the manifest itself; ``by_key`` if it has no certificate."""

    content: bytes
    by_key: bool
    envelope: Envelope | None
    signature: bytes


def claim(payload: bytes) -> Claim:
    """Return what a payload of simple signing claims (cosign, SIGNATURE_SPEC.md). Raises ``Refused``."""
    critical = _table(read(payload, "its payload").get("critical"), "its payload has no critical part")
    unknown = sorted(critical.keys() - _CRITICAL)
    if unknown:
        raise Refused(f"its payload has an unknown critical field {printable(unknown[0], 40)}")
    if critical.get("type") != _SIGNATURE_TYPE:
        raise Refused("its payload is not of the type of an image's signature")
    image = _table(critical.get("image"), "its payload names no image")
    identity = _table(critical.get("identity"), "its payload has no identity")
    digest, name = image.get("docker-manifest-digest"), identity.get("docker-reference")
    if not isinstance(digest, str) or not DIGEST.fullmatch(digest) or len(image) > 1:
        raise Refused("its payload does not name one digest")
    if not isinstance(name, str) or len(identity) > 1:
        raise Refused("its payload does not name one image")
    return Claim(digest, name)


def envelope(data: bytes | dict[str, Any]) -> Envelope:
    """Return a DSSE envelope of an in-toto statement. Raises ``Refused``."""
    table = data if isinstance(data, dict) else read(data, "its envelope")
    kind, signatures = table.get("payloadType"), table.get("signatures")
    if kind != IN_TOTO:
        raise Refused(f"its payload type is {printable(kind, 60) if isinstance(kind, str) else 'not given'}")
    if not isinstance(signatures, list) or not 0 < len(signatures) <= _MOST_SIGNATURES:
        raise Refused(f"its envelope has no signature, or more than {_MOST_SIGNATURES}")
    found = tuple(decoded(one.get("sig") if isinstance(one, dict) else None) for one in signatures)
    return Envelope(kind, decoded(table.get("payload")), found)


def statement(payload: bytes) -> Statement:
    """Return an in-toto statement. Raises ``Refused``."""
    table = read(payload, "its statement")
    if table.get("_type") not in _STATEMENTS:
        raise Refused("its payload is no in-toto statement")
    kind, subjects = table.get("predicateType"), table.get("subject")
    if not isinstance(kind, str) or not isinstance(subjects, list) or len(subjects) > _MOST_SUBJECTS:
        raise Refused("its statement has no type, or no list of subjects")
    found: set[str] = set()
    for one in subjects:
        digests = one.get("digest") if isinstance(one, dict) else None
        if isinstance(digests, dict) and len(digests) <= _MOST_DIGESTS:
            found |= {f"{key}:{value}" for key, value in digests.items()}
    predicate = table.get("predicate")
    return Statement(kind, frozenset(filter(DIGEST.fullmatch, found)), predicate if isinstance(predicate, dict) else {})


def bundle(content: bytes) -> Bundle:
    """Return a Sigstore bundle (github.com/sigstore/protobuf-specs, sigstore_bundle.proto). Raises ``Refused``."""
    table = read(content, "its bundle")
    material = _table(table.get("verificationMaterial"), "its bundle has no verification material")
    if not str(table.get("mediaType")).startswith(BUNDLE):
        raise Refused("its bundle has no known version")
    by_key = "publicKey" in material
    if by_key and ("certificate" in material or "x509CertificateChain" in material):
        raise Refused("its bundle has both a key and a certificate")
    if ("dsseEnvelope" in table) == ("messageSignature" in table):
        raise Refused("its bundle has neither an envelope nor a signature, or both")
    if "dsseEnvelope" in table:
        wrapped = envelope(_table(table["dsseEnvelope"], "its bundle has no envelope"))
        return Bundle(content, by_key, wrapped, b"")
    signed = _table(table["messageSignature"], "its bundle has no signature")
    return Bundle(content, by_key, None, decoded(signed.get("signature")))


def decoded(text: Any) -> bytes:
    """Return what some base64, also of the form for URLs, stands for. Raises ``Refused``."""
    if not isinstance(text, str):
        raise Refused("a part of it is missing")
    try:
        return base64.b64decode(text.translate(_URL_SAFE), validate=True)
    except (binascii.Error, ValueError):
        raise Refused("a part of it is not base64") from None


_URL_SAFE = str.maketrans("-_", "+/")


def level(summary: Statement) -> str:
    """Return the SLSA level that a verification summary states, the highest of a build; "" if it states none."""
    if summary.predicate.get("verificationResult") != "PASSED":
        return ""
    levels = summary.predicate.get("verifiedLevels")
    stated = [one for one in levels if isinstance(one, str)] if isinstance(levels, list) else []
    old = summary.predicate.get("policy_level")
    stated += [old] if isinstance(old, str) else []
    return printable(max((one for one in stated if "BUILD" in one or "LEVEL" in one), default=""), 60)


def builder(provenance: Statement) -> str:
    """Return the id of the builder that a provenance states (SLSA v0.2 and v1), "" if it states none."""
    details = provenance.predicate.get("runDetails")
    place = details if isinstance(details, dict) else provenance.predicate
    found = place.get("builder")
    id = found.get("id") if isinstance(found, dict) else None
    return printable(id, 120) if isinstance(id, str) else ""


def read(content: bytes, what: str) -> dict[str, Any]:
    """Return the JSON object that some bytes are. Raises ``Refused``."""
    try:
        return parsed_json(content, what)
    except Malformed as error:
        raise Refused(error.message) from None


def _table(value: Any, otherwise: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Refused(otherwise)
    return value
