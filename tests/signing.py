"""Signed things made without the program: by openssl, and by hand from what cosign, DSSE and in-toto specify."""

import base64
import hashlib
import json
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from tests.conftest import Done
from tests.registries import OCI, Descriptor, Image, Registry
from tests.test_schemas import validator

SIMPLE = "application/vnd.dev.cosign.simplesigning.v1+json"
ENVELOPE = "application/vnd.dsse.envelope.v1+json"
IN_TOTO = "application/vnd.in-toto+json"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
SIGN = "https://sigstore.dev/cosign/sign/v1"
SLSA1, SLSA2 = "https://slsa.dev/provenance/v1", "https://slsa.dev/provenance/v0.2"
SPDX, VEX = "https://spdx.dev/Document", "https://openvex.dev/ns/v0.2.0"
EMPTY = b"{}"


class KeyPair(NamedTuple):
    """A key of openssl: the private one's file, the public one as PEM, and how it signs."""

    private: Path
    public: str
    how: tuple[str, ...] = ("-sha256",)

    def sign(self, message: bytes) -> bytes:
        """Sign as ``openssl dgst`` does; Ed25519, which hashes itself, as ``openssl pkeyutl`` does."""
        file = self.private.with_suffix(".message")
        file.write_bytes(message)
        words = ["openssl", "dgst", *self.how, "-sign", str(self.private), str(file)]
        if not self.how:
            words = ["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", str(self.private), "-in", str(file)]
        return subprocess.run(words, check=True, capture_output=True).stdout


def key_pair(folder: Path, name: str, *words: str, how: tuple[str, ...] = ("-sha256",)) -> KeyPair:
    """Make a key by ``openssl genpkey``; without words one of ECDSA on P-256."""
    private = folder / f"{name}.key"
    made = words or ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    subprocess.run(["openssl", "genpkey", *made, "-out", str(private)], check=True, capture_output=True)
    done = subprocess.run(["openssl", "pkey", "-in", str(private), "-pubout"], check=True, capture_output=True)
    return KeyPair(private, done.stdout.decode(), how)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def simple(digest: str, name: str = "", **critical: Any) -> bytes:
    """A payload of simple signing (cosign, SIGNATURE_SPEC.md)."""
    signed = {"identity": {"docker-reference": name}, "image": {"docker-manifest-digest": digest}}
    signed |= {"type": "cosign container image signature"} | critical
    return json.dumps({"critical": signed, "optional": None}).encode()


def statement(digest: str, kind: str, predicate: Any = None, version: str = "v1") -> bytes:
    """An in-toto statement about an image."""
    algorithm, _, value = digest.partition(":")
    subject = [{"name": "", "digest": {algorithm: value}}]
    made = {"_type": f"https://in-toto.io/Statement/{version}", "subject": subject, "predicateType": kind}
    return json.dumps(made | {"predicate": {} if predicate is None else predicate}).encode()


def envelope(payload: bytes, key: KeyPair, kind: str = IN_TOTO, signed_kind: str = IN_TOTO) -> dict[str, Any]:
    """A DSSE envelope; its encoding is built by printf, and signed by openssl."""
    form = f"DSSEv1 {len(signed_kind)} %s {len(payload)} "
    head = subprocess.run(["printf", form, signed_kind], check=True, capture_output=True).stdout
    signature = key.sign(head + payload)
    return {"payloadType": kind, "payload": b64(payload), "signatures": [{"keyid": "", "sig": b64(signature)}]}


def key_bundle(wrapped: dict[str, Any]) -> bytes:
    """A Sigstore bundle signed by a key."""
    material = {"publicKey": {"hint": "of no use"}, "tlogEntries": []}
    return json.dumps({"mediaType": BUNDLE, "verificationMaterial": material, "dsseEnvelope": wrapped}).encode()


class Layer(NamedTuple):
    """A layer of an attached manifest."""

    content: bytes
    kind: str
    annotations: Mapping[str, str] = MappingProxyType({})


def attach(
    registry: Registry, repository: str, tag: str, *layers: Layer, subject: Descriptor | None = None, artifact: str = ""
) -> Descriptor:
    """Push a manifest of things, under a tag or its digest alone, and return what a list of referrers has of it."""
    config = registry.push_blob(repository, EMPTY, "application/vnd.oci.empty.v1+json").json
    listed = [
        registry.push_blob(repository, one.content, one.kind).json | {"annotations": dict(one.annotations)}
        for one in layers
    ]
    kind = f"{OCI}.manifest.v1+json"
    manifest: dict[str, Any] = {"schemaVersion": 2, "mediaType": kind, "config": config, "layers": listed}
    manifest |= {"subject": subject.json} if subject else {}
    manifest |= {"artifactType": artifact} if artifact else {}
    return registry.push_manifest(repository, tag, manifest)


def tag_of(digest: str, suffix: str) -> str:
    """The tag of cosign for an image (``sig``, ``att``, ``sbom``), or with "" that of the list of referrers."""
    return digest.replace(":", "-") + (f".{suffix}" if suffix else "")


def signature(payload: bytes, key: KeyPair) -> Layer:
    """A signature as cosign's tag has it."""
    return Layer(payload, SIMPLE, {"dev.cosignproject.cosign/signature": b64(key.sign(payload))})


def sign(registry: Registry, repository: str, image: Descriptor, key: KeyPair, name: str = "") -> None:
    """Attach a signature of an image as cosign does."""
    attach(registry, repository, tag_of(image.digest, "sig"), signature(simple(image.digest, name), key))


def attest(registry: Registry, repository: str, image: Descriptor, *envelopes: dict[str, Any]) -> None:
    """Attach attestations of an image as cosign does."""
    layers = [Layer(json.dumps(one).encode(), ENVELOPE) for one in envelopes]
    attach(registry, repository, tag_of(image.digest, "att"), *layers)


def list_referrers(registry: Registry, repository: str, image: Descriptor, *found: Descriptor) -> None:
    """Push the list of referrers under its tag, for a registry without the API."""
    index = {"schemaVersion": 2, "mediaType": f"{OCI}.index.v1+json", "manifests": [one.json for one in found]}
    registry.push_manifest(repository, tag_of(image.digest, ""), index)


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


Verify = Callable[..., Done]
AMD = Image({"a": "1"})


def configure(folder: Path, prefix: str, *keys: KeyPair, require: tuple[str, ...] = ()) -> None:
    names = []
    for number, one in enumerate(keys):
        (folder / f"{number}.pub").write_text(one.public)
        names.append(f"{number}.pub")
    table = f"[verify.{json.dumps(prefix)}]\nrequire = {json.dumps(list(require))}\nkeys = {json.dumps(names)}\n"
    (folder / ".echo-migrate.toml").write_text(table)


def checks(verify: Verify, *words: str, code: int = 0) -> dict[str, Any]:
    """The checks of one image."""
    done = verify(*words, "--output-format", "json")
    assert done.returncode == code, done.stderr
    document = json.loads(done.stdout)
    validator("verify").validate(document)
    (found,) = document["images"]
    assert found["error"] is None
    result: dict[str, Any] = found["checks"]
    return result


def words_of(found: dict[str, Any]) -> list[str]:
    return [found[kind]["status"] for kind in ("signature", "provenance", "sbom", "vex")]
