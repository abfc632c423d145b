"""What one attached thing shows of an image: its kind, and by whom it is signed, or why it does not count."""

from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any, NamedTuple

from echo_migrate.files.data import read_data
from echo_migrate.images.reference import parsed
from echo_migrate.registry import inclusion_promise, keyless, statements
from echo_migrate.registry.attached import NOTATION, Attached, attached_to
from echo_migrate.registry.client import Client
from echo_migrate.registry.content import Descriptor, Manifest
from echo_migrate.registry.errors import Malformed, NotFound
from echo_migrate.registry.inclusion_promise import CERTIFICATE, Signed
from echo_migrate.registry.keys import public_key, signed_by
from echo_migrate.registry.names import printable
from echo_migrate.registry.statements import Refused, Statement
from echo_migrate.registry.trust import Identity, Trust

SIGNATURE = "dev.cosignproject.cosign/signature"
_PREDICATE = ("in-toto.io/predicate-type", "predicateType", "dev.sigstore.bundle.predicateType")
"""Annotations: a signature in base64, and the type of an attestation."""

_LARGEST_PAYLOAD = 100_000
_LARGEST = 32_000_000
_LARGEST_TOTAL = 256_000_000
"""The most bytes of what is attached that are read: of a signature, of anything else, and of all of an image."""

MOST_LAYERS = 64
"""The most layers of an attached manifest: a layer is one signature or attestation."""

NOT_SIGNED = "not signed"
NO_KEY = "by no key that is known for it"


class Evidence(NamedTuple):
    """Something that is attached to an image. ``by`` is whose signature over it was verified, "" if none was, with
    the ``reason``; ``details`` are what it states of itself."""

    kind: str
    format: str
    by: str = ""
    reason: str = ""
    details: tuple[str, ...] = ()


class Budget:
    """The bytes that may still be read for an image."""

    def __init__(self) -> None:
        self.left = _LARGEST_TOTAL

    def spend(self, size: int) -> None:
        """Take bytes off. Raises ``Refused`` if there are not so many."""
        if size > self.left:
            raise Refused(f"more than {_LARGEST_TOTAL:,} bytes are attached to the image")
        self.left -= size


class Subject(NamedTuple):
    """What something must be attached to, to count: a manifest of an image, under the name by which it was asked for
    (``tag`` is "" where it was asked for by digest)."""

    manifest: Manifest
    name: str
    tag: str = ""

    @property
    def digest(self) -> str:
        return self.manifest.digest


def evidence_of(client: Client, found: Attached, subject: Subject, trust: Trust, budget: Budget) -> Iterator[Evidence]:
    """Yield what an attached manifest shows of a subject."""
    if found.artifact_type == NOTATION:
        yield Evidence("signature", "Notation", reason="signatures of Notation are not read")
        return
    reading = _Reading(client, found, subject, trust, budget)
    try:
        layers = found.manifest.layers
    except Malformed as error:
        yield Evidence("", "", reason=error.message)
        return
    for layer in layers[:MOST_LAYERS]:
        yield from reading.layer(layer)
    if len(layers) > MOST_LAYERS:
        yield Evidence("", "", reason=f"an attached manifest has {len(layers):,} layers: {MOST_LAYERS} are read")


class _Reading:
    """The reading of one attached manifest; ``nested``: one that may sign another that is attached, and no more."""

    def __init__(
        self, client: Client, found: Attached, subject: Subject, trust: Trust, budget: Budget, nested: bool = False
    ) -> None:
        self.client, self.found, self.subject, self.trust, self.budget = client, found, subject, trust, budget
        self.nested = nested
        self._signed: Evidence | None = None

    def layer(self, layer: Descriptor) -> Iterator[Evidence]:
        """Yield what a layer shows; what is of no known media type shows nothing."""
        kind = layer.media_type.partition(";")[0]
        document = _documents().get(kind)
        if document:
            yield Evidence(*document, reason="not a signed statement")
            return
        readers: dict[str, Callable[[Descriptor], Evidence]] = {
            statements.SIMPLE_SIGNING: self._simple,
            statements.DSSE: self._envelope,
            statements.IN_TOTO: self._statement,
        }
        reader = self._bundle if kind.startswith(statements.BUNDLE) else readers.get(kind)
        if reader is None:
            return
        stated = next((layer.annotations[key] for key in _PREDICATE if key in layer.annotations), "")
        stated = stated or next((self._annotation(key) for key in _PREDICATE if self._annotation(key)), "")
        of = kind_of(stated)
        if kind == statements.SIMPLE_SIGNING:
            of = ("signature", "cosign")
        try:
            yield reader(layer)
        except Refused as error:
            yield Evidence(*of, reason=str(error))
        except (NotFound, Malformed) as error:
            yield Evidence(*of, reason=error.message)

    def _annotation(self, key: str) -> str:
        found = self.found.manifest.data.get("annotations")
        value = found.get(key) if isinstance(found, dict) else None
        return value if isinstance(value, str) else ""

    def _content(self, layer: Descriptor, most: int = _LARGEST) -> bytes:
        if layer.size is None or layer.size > most:
            raise Refused(f"larger than {most:,} bytes")
        self.budget.spend(layer.size)
        return self.client.blob(self.found.name, layer.digest, most)

    def _simple(self, layer: Descriptor) -> Evidence:
        """Return what a signature by simple signing shows."""
        payload = self._content(layer, _LARGEST_PAYLOAD)
        claim = statements.claim(payload)
        if claim.digest != self.subject.digest:
            raise Refused(f"made for another image ({claim.digest[:19]}…)")
        _check_name(claim.name, self.subject)
        signature = statements.decoded(layer.annotations.get(SIGNATURE))
        if not self.trust.signers:
            return Evidence("signature", "cosign")
        by, reason = self._by(Signed(payload, (payload,), (signature,)), layer)
        return Evidence("signature", "cosign", by, reason)

    def _envelope(self, layer: Descriptor) -> Evidence:
        """Return what an attestation in an envelope shows."""
        content = self._content(layer)
        envelope = statements.envelope(content)
        stated = statements.statement(envelope.payload)
        hashed = (envelope.payload, envelope.signed, content)
        return self._about(stated, *self._by(Signed(envelope.signed, hashed, envelope.signatures), layer))

    def _statement(self, layer: Descriptor) -> Evidence:
        """Return what a statement shows that is not signed itself: the manifest around it may be."""
        stated = statements.statement(self._content(layer))
        if not self.trust.signers:
            return self._about(stated)
        if self._signed is None:
            nothing = Evidence("signature", "", reason=NOT_SIGNED)
            self._signed = nothing if self.nested else self._signature_of_manifest(nothing)
        return self._about(stated, self._signed.by, self._signed.reason)

    def _signature_of_manifest(self, best: Evidence) -> Evidence:
        """Return the signature that the attached manifest has itself, as in Docker Hardened Images, else ``best``."""
        around = Subject(self.found.manifest, self.subject.name)
        for one in attached_to(self.client, self.found.name, around.digest, []):
            reading = _Reading(self.client, one, around, self.trust, self.budget, nested=True)
            for found in (found for layer in one.manifest.layers[:MOST_LAYERS] for found in reading.layer(layer)):
                if found.kind == "signature" and not best.by:
                    best = found
        return best

    def _bundle(self, layer: Descriptor) -> Evidence:
        """Return what a Sigstore bundle shows."""
        bundle = statements.bundle(self._content(layer))
        stated = statements.statement(bundle.envelope.payload) if bundle.envelope else None
        if not self.trust.signers:
            return self._about(stated) if stated else Evidence("signature", "Sigstore bundle")
        content = self.subject.manifest.content
        by, reason = "", NO_KEY
        if bundle.by_key and bundle.envelope:
            by = self._by_key(bundle.envelope.signed, bundle.envelope.signatures)
        elif bundle.by_key:
            by = self._by_key(content, (bundle.signature,))
        else:
            by, reason = self._by_identity(partial(keyless.verify, bundle, content))
        if stated:
            return self._about(stated, by, reason)
        return Evidence("signature", "Sigstore bundle", by, "" if by else reason)

    def _about(self, stated: Statement, by: str = "", reason: str = "") -> Evidence:
        """Return what a statement shows, with by whom it is signed, or why it does not count."""
        kind, format = kind_of(stated.predicate_type)
        details: tuple[str, ...] = ()
        if kind == "provenance" and (builder := statements.builder(stated)):
            details = (f"builder {builder}",)
        if kind == "summary":
            details = (statements.level(stated),)
        if self.subject.digest not in stated.subjects:
            by, reason = "", "made for another image"
        return Evidence(kind, format, by, "" if by else reason, tuple(filter(None, details)))

    def _by(self, signed: Signed, layer: Descriptor) -> tuple[str, str]:
        """Return whose key or certificate one of the signatures over something is by, else "" and why it is nobody's.

        A signature in cosign's form may be by a key and have a certificate, too: either counts."""
        by = self._by_key(signed.message, signed.signatures)
        if by or CERTIFICATE not in layer.annotations:
            return by, "" if by else NO_KEY
        return self._by_identity(partial(inclusion_promise.verify, signed, layer.annotations))

    def _by_identity(self, verify: Callable[[tuple[Identity, ...], str], None]) -> tuple[str, str]:
        """Return whose identity a signature is by, else "" and why it is nobody's."""
        reason = "keyless, and no identity is known for it"
        for signer in (one for one in self.trust.signers if one.identities):
            try:
                verify(signer.identities, signer.root)
            except Refused as error:
                reason = str(error)
            else:
                return signer.by, ""
        return "", reason

    def _by_key(self, message: bytes, signatures: tuple[bytes, ...]) -> str:
        """Return whose key one of some signatures over a message is by, "" if it is none that is known."""
        for signer in self.trust.signers:
            for pem in signer.keys:
                if any(signed_by(_key(pem), one, message) for one in signatures):
                    return signer.by
        return ""


def kind_of(predicate_type: str) -> tuple[str, str]:
    """Return the kind and the format of an attestation of a predicate type; "" for one that is of no kind."""
    table: dict[str, list[str]] = _data()["predicates"]
    found = max((key for key in table if predicate_type.startswith(key)), key=len, default=None)
    return (table[found][0], table[found][1]) if found else ("", "")


@cache
def _documents() -> dict[str, tuple[str, str]]:
    return {key: (kind, format) for key, (kind, format) in _data()["documents"].items()}


@cache
def _data() -> dict[str, Any]:
    return dict(read_data("verification.yaml"))


@cache
def _key(pem: bytes) -> Any:
    return public_key(pem)


def _check_name(claimed: str, subject: Subject) -> None:
    """Check that a signature was made for an image of this name. Raises ``Refused``.

    A valid signature of another image or of an older tag can be attached wherever the same bytes are pushed to. A
    repository may be copied to another registry, so that its last component counts; a tag must be the one asked for.
    """
    reference = parsed(claimed) if claimed else None
    if reference is None:
        return
    last, own = (name.rpartition("/")[2] for name in (reference.repository, subject.name))
    alike = last == own or last.endswith(f"-{own}") or own.endswith(f"-{last}")
    if not alike or (reference.tag and subject.tag and reference.tag != subject.tag):
        raise Refused(f"made for {printable(claimed, 80)}")
