"""What strangers attach to images: each ends in a plain reason, and nothing of it is ever verified."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echo_migrate.registry import statements
from echo_migrate.registry.keys import public_key, signed_by
from echo_migrate.registry.statements import Refused
from tests import signing
from tests.registries import OCI, Descriptor, Registry, Reply, Request, StandIn
from tests.signing import (
    AMD,
    BUNDLE,
    ENVELOPE,
    SIGN,
    SIMPLE,
    SPDX,
    KeyPair,
    Layer,
    Verify,
    b64,
    checks,
    configure,
    envelope,
    simple,
    statement,
)

OTHER = f"sha256:{'cd' * 32}"
DEEP = b'{"critical":' + b"[" * 5000 + b"]" * 5000 + b"}"
SIGNATURE = "dev.cosignproject.cosign/signature"
Make = Callable[[str, KeyPair], Layer]


def signed(payload: bytes) -> Make:
    return lambda _, by: signing.signature(payload, by)


def changed(**critical: Any) -> Make:
    return lambda digest, by: signing.signature(simple(digest, **critical), by)


def named(name: str) -> Make:
    return lambda digest, by: signing.signature(simple(digest, name), by)


def with_signature(text: str) -> Make:
    return lambda digest, by: Layer(simple(digest), SIMPLE, {SIGNATURE: text})


SIGNATURES: list[tuple[Make, str]] = [
    (signed(simple(OTHER)), f"made for another image ({OTHER[:19]}…)"),
    (changed(image={"docker-manifest-digest": OTHER}), f"made for another image ({OTHER[:19]}…)"),
    (changed(image={"docker-manifest-digest": "latest"}), "its payload does not name one digest"),
    (changed(image={"docker-manifest-digest": OTHER, "x": ""}), "its payload does not name one digest"),
    (changed(identity={"docker-reference": "", "x": ""}), "its payload does not name one image"),
    (changed(identity={}), "its payload does not name one image"),
    (changed(identity=None), "its payload has no identity"),
    (changed(image=[]), "its payload names no image"),
    (changed(type="atomic container signature"), "its payload is not of the type of an image's signature"),
    (changed(type=None), "its payload is not of the type of an image's signature"),
    (changed(expires="2020-01-01"), "its payload has an unknown critical field expires"),
    (changed(**{"\x1b[31m": 1}), "its payload has an unknown critical field ?[31m"),
    (signed(b'{"critical": null}'), "its payload has no critical part"),
    (signed(b"\x00\xff"), "its payload is not valid JSON"),
    (signed(b"[]"), "its payload is not a JSON object"),
    (signed(DEEP), "its payload is nested more than 50 deep"),
    (signed(b" " * 100_001), "larger than 100,000 bytes"),
    (named("reg.example/hostile/nginx"), "made for reg.example/hostile/nginx"),
    (named("reg.example/image:2"), "made for reg.example/image:2"),
    (with_signature("%%%"), "a part of it is not base64"),
    (with_signature("AAA"), "a part of it is not base64"),
    (with_signature(""), "by no key that is known for it"),
    (with_signature(b64(b"\x30\x06\x02\x01\x00\x02\x01\x00")), "by no key that is known for it"),
    (with_signature(b64(b"\x00" * 64)), "by no key that is known for it"),
    (lambda digest, by: Layer(simple(digest), SIMPLE), "a part of it is missing"),
    (
        lambda digest, by: Layer(simple(digest) + b" ", SIMPLE, {SIGNATURE: b64(by.sign(simple(digest)))}),
        "by no key that is known for it",
    ),
    (
        lambda digest, by: signing.signature(simple(digest), by._replace(how=("-sha1",))),
        "by no key that is known for it",
    ),
]


def wrapped(**changes: Any) -> Make:
    return lambda digest, by: Layer(
        json.dumps(envelope(statement(digest, SPDX), by) | changes).encode(), ENVELOPE, {"predicateType": SPDX}
    )


def stated(payload: bytes) -> Make:
    return lambda _, by: Layer(json.dumps(envelope(payload, by)).encode(), ENVELOPE, {"predicateType": SPDX})


def typed(kind: str, signed_kind: str) -> Make:
    return lambda digest, by: Layer(
        json.dumps(envelope(statement(digest, SPDX), by, kind, signed_kind)).encode(), ENVELOPE, {"predicateType": SPDX}
    )


ATTESTATIONS: list[tuple[Make, str]] = [
    (stated(statement(OTHER, SPDX)), "made for another image"),
    (stated(statement(OTHER.upper(), SPDX)), "made for another image"),
    (stated(b'{"_type": "https://in-toto.io/Statement/v9"}'), "its payload is no in-toto statement"),
    (stated(statement(OTHER, SPDX).replace(b'"subject": [', b'"subjects": [')), "its statement has no type"),
    (stated(DEEP), "its statement is nested more than 50 deep"),
    (typed("text/plain", "text/plain"), "its payload type is text/plain"),
    (typed(signing.IN_TOTO, "text/plain"), "by no key that is known for it"),
    (wrapped(payloadType=None), "its payload type is not given"),
    (wrapped(payload="%"), "a part of it is not base64"),
    (wrapped(payload=b64(statement(OTHER, SPDX))), "made for another image"),
    (wrapped(signatures=[]), "its envelope has no signature, or more than 16"),
    (wrapped(signatures=[{"sig": "AAAA"}] * 17), "its envelope has no signature, or more than 16"),
    (wrapped(signatures={"sig": "AAAA"}), "its envelope has no signature, or more than 16"),
    (wrapped(signatures=["AAAA"]), "a part of it is missing"),
    (wrapped(signatures=[{"sig": "AAAA"}]), "by no key that is known for it"),
    (lambda *_: Layer(b"no json", ENVELOPE, {"predicateType": SPDX}), "its envelope is not valid JSON"),
    (lambda *_: Layer(DEEP, ENVELOPE, {"predicateType": SPDX}), "its envelope is nested more than 50 deep"),
    (
        lambda digest, by: Layer(statement(digest, SPDX), signing.IN_TOTO, {"in-toto.io/predicate-type": SPDX}),
        "not signed",
    ),
]


NEITHER = "its bundle has neither an envelope nor a signature, or both"


def bundled(change: Callable[[dict[str, Any]], object]) -> Make:
    def make(digest: str, by: KeyPair) -> Layer:
        bundle = json.loads(signing.key_bundle(envelope(statement(digest, SPDX), by)))
        change(bundle)
        return Layer(json.dumps(bundle).encode(), BUNDLE, {"dev.sigstore.bundle.predicateType": SPDX})

    return make


BUNDLES: list[tuple[Make, str]] = [
    (bundled(lambda one: one.update(mediaType="text/plain")), "its bundle has no known version"),
    (bundled(lambda one: one.pop("verificationMaterial")), "its bundle has no verification material"),
    (
        bundled(lambda one: one.update(messageSignature={})),
        NEITHER,
    ),
    (bundled(lambda one: one.pop("dsseEnvelope")), NEITHER),
    (
        bundled(lambda one: one["verificationMaterial"].update(certificate={"rawBytes": "AAAA"})),
        "its bundle has both a key and a certificate",
    ),
    (
        bundled(lambda one: one.update(verificationMaterial={"certificate": {"rawBytes": "AAAA"}})),
        "keyless, and no identity is known for it",
    ),
    (bundled(lambda one: one.update(dsseEnvelope=[])), "its bundle has no envelope"),
    (bundled(lambda one: one["dsseEnvelope"].update(payload=b64(statement(OTHER, SPDX)))), "made for another image"),
]


@pytest.fixture(scope="module")
def image(registry: Registry) -> Descriptor:
    return registry.push("hostile/image", "1", AMD)


@pytest.mark.parametrize(
    ("suffix", "kind", "make", "reason"),
    [
        *(("sig", "signature", *row) for row in SIGNATURES),
        *(("att", "sbom", *row) for row in ATTESTATIONS),
        *(("att", "sbom", *row) for row in BUNDLES),
    ],
)
def test_what_does_not_count(
    verify: Verify,
    registry: Registry,
    key: KeyPair,
    image: Descriptor,
    tmp_path: Path,
    suffix: str,
    kind: str,
    make: Make,
    reason: str,
) -> None:
    for one in ("sig", "att"):
        layers = [make(image.digest, key)] if one == suffix else []
        signing.attach(registry, "hostile/image", signing.tag_of(image.digest, one), *layers)
    configure(tmp_path, registry.host, key, require=(kind,))
    found = checks(verify, registry.name("hostile/image:1"), code=1)
    assert {name: check["status"] for name, check in found.items() if name != kind} == dict.fromkeys(
        found.keys() - {kind}, "absent"
    )
    assert found[kind]["status"] == "not-verified"
    assert found[kind]["reason"].startswith(reason)
    assert found[kind]["by"] is None


def test_a_valid_one_counts_among_those_that_do_not(
    verify: Verify,
    registry: Registry,
    key: KeyPair,
    tmp_path: Path,
) -> None:
    image = registry.push("hostile/both", "1", AMD)
    layers = [make(image.digest, key) for make, _ in SIGNATURES]
    layers.append(signing.signature(simple(image.digest), key))
    signing.attach(registry, "hostile/both", signing.tag_of(image.digest, "sig"), *layers)
    configure(tmp_path, registry.host, key)
    assert checks(verify, registry.name("hostile/both:1"))["signature"]["status"] == "verified"


def test_a_signature_of_one_image_counts_for_no_other(
    verify: Verify,
    registry: Registry,
    key: KeyPair,
    tmp_path: Path,
) -> None:
    """Everything that is attached to a signed image is attached to another one: tags and referrers."""
    good = registry.push("hostile/good", "1", AMD)
    evil = registry.push("hostile/good", "2", AMD._replace(files={"a": "evil"}))
    attached = Layer(signing.key_bundle(envelope(statement(good.digest, SIGN), key)), BUNDLE)
    for digest in (good.digest, evil.digest):
        layer = signing.signature(simple(good.digest), key)
        signing.attach(registry, "hostile/good", signing.tag_of(digest, "sig"), layer)
    found = signing.attach(registry, "hostile/good", "", attached, subject=good, artifact=BUNDLE)
    for one in (good, evil):
        signing.list_referrers(registry, "hostile/good", one, found)
    configure(tmp_path, registry.host, key)
    assert checks(verify, registry.name("hostile/good:1"))["signature"]["status"] == "verified"
    said = checks(verify, registry.name("hostile/good:2"))["signature"]
    assert (said["status"], said["by"]) == ("not-verified", None)
    assert said["reason"] == f"made for another image, made for another image ({good.digest[:19]}…)"


def test_a_manifest_that_is_marked_as_no_image_and_can_be_pulled(
    verify: Verify, registry: Registry, key: KeyPair, tmp_path: Path
) -> None:
    name = "hostile/marked"
    good = registry.push(name, "", AMD._replace(platform="linux/arm64"))
    evil = registry.push(name, "", AMD._replace(files={"a": "evil"}))
    marks = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": good.digest}
    manifests = [good.json, evil.json | {"annotations": marks}]
    made = {"schemaVersion": 2, "mediaType": f"{OCI}.index.v1+json", "manifests": manifests}
    registry.push_manifest(name, "1", made)
    signing.sign(registry, name, good, key)
    configure(tmp_path, registry.host, key)
    said = checks(verify, registry.name(f"{name}:1"))["signature"]
    assert (said["status"], said["reason"]) == ("not-verified", "not for linux/amd64")


def test_an_index_under_the_tag_of_signatures(
    verify: Verify,
    registry: Registry,
    key: KeyPair,
    tmp_path: Path,
) -> None:
    image = registry.push("hostile/index", "1", AMD)
    registry.push_index("hostile/index", signing.tag_of(image.digest, "sig"), AMD)
    configure(tmp_path, registry.host, key)
    assert checks(verify, registry.name("hostile/index:1"))["signature"]["status"] == "absent"


class Attached(StandIn):
    """A registry with the API of referrers: one image, and what is attached to it."""

    def __init__(self, referrers: Callable[["Attached"], bytes]) -> None:
        self.blobs: dict[str, bytes] = {}
        self.kinds: dict[str, str] = {}
        manifest = {
            "schemaVersion": 2,
            "mediaType": f"{OCI}.manifest.v1+json",
            "config": self.add(b"{}", f"{OCI}.config.v1+json"),
            "layers": [],
        }
        self.image = self.add(json.dumps(manifest).encode(), f"{OCI}.manifest.v1+json")["digest"]
        super().__init__(self._answer)
        self.listed = referrers(self)

    def add(self, content: bytes, kind: str) -> dict[str, Any]:
        digest = signing.digest_of(content)
        self.blobs[digest], self.kinds[digest] = content, kind
        return {"digest": digest, "size": len(content), "mediaType": kind}

    def attach(self, layer: Layer, artifact: str = BUNDLE) -> dict[str, Any]:
        manifest = {
            "schemaVersion": 2,
            "mediaType": f"{OCI}.manifest.v1+json",
            "artifactType": artifact,
            "config": self.add(b"{}", "application/vnd.oci.empty.v1+json"),
            "layers": [self.add(layer.content, layer.kind) | {"annotations": dict(layer.annotations)}],
            "subject": {"digest": self.image, "size": 1, "mediaType": f"{OCI}.manifest.v1+json"},
        }
        return self.add(json.dumps(manifest).encode(), f"{OCI}.manifest.v1+json") | {"artifactType": artifact}

    def _answer(self, request: Request) -> Reply:
        last = request.path.rpartition("/")[2]
        digest = self.image if last == "1" else last
        if request.path.endswith("/tags/list"):
            return Reply(200, b'{"tags": ["1"]}')
        if "/referrers/" in request.path:
            kind = {"Content-Type": f"{OCI}.index.v1+json"}
            return Reply(200, self.listed if last == self.image else index(), kind)
        if digest not in self.blobs:
            return Reply(404) if request.path != "/v2/" else Reply()
        headers = {"Content-Type": self.kinds[digest], "Docker-Content-Digest": digest}
        return Reply(200, self.blobs[digest], headers)


def index(*found: dict[str, Any]) -> bytes:
    return json.dumps({"schemaVersion": 2, "mediaType": f"{OCI}.index.v1+json", "manifests": found}).encode()


def test_referrers_by_their_api(verify: Verify, key: KeyPair, tmp_path: Path) -> None:
    def listed(at: Attached) -> bytes:
        bundle = signing.key_bundle(envelope(statement(at.image, SIGN), key))
        notation = at.attach(Layer(b"x", "application/jose+json"), "application/vnd.cncf.notary.signature")
        return index(at.attach(Layer(bundle, BUNDLE)), notation)

    with Attached(listed) as at:
        configure(tmp_path, at.host, key)
        assert checks(verify, f"{at.host}/image:1")["signature"]["status"] == "verified"


def test_thousands_of_referrers(verify: Verify, key: KeyPair, tmp_path: Path) -> None:
    def listed(at: Attached) -> bytes:
        good = signing.key_bundle(envelope(statement(at.image, SIGN), key))
        many = [at.attach(Layer(b'{"n": %d}' % number, BUNDLE)) for number in range(3000)]
        return index(*many, at.attach(Layer(good, BUNDLE)))

    with Attached(listed) as at:
        configure(tmp_path, at.host, key)
        done = verify(f"{at.host}/image:1")
        assert done.returncode == 0
        assert b"  signature  absent" in done.stdout
        assert b"has 3,001 referrers: 64 are read" in done.stderr
        assert len(at.requests) < 200


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        (lambda at: b"no json", b"not valid JSON"),
        (lambda at: b'{"manifests": ' + b"[" * 9000 + b"]" * 9000 + b"}", b"nested more than"),
        (lambda at: index({"digest": OTHER, "size": 2, "mediaType": f"{OCI}.manifest.v1+json"}), b"no such content"),
        (lambda at: index({"digest": "../../etc/passwd", "size": 2, "mediaType": "x"}), b"invalid descriptor"),
        (lambda at: index(at.attach(Layer(b"x" * 33_000_000, ENVELOPE))), b"larger than 32,000,000 bytes"),
        (lambda at: index(at.attach(Layer(DEEP, BUNDLE))), b"nested more than"),
    ],
)
def test_a_list_that_lies(verify: Verify, key: KeyPair, tmp_path: Path, listed: Any, said: bytes) -> None:
    with Attached(listed) as at:
        configure(tmp_path, at.host, key)
        done = verify(f"{at.host}/image:1")
        assert b"verified:" not in done.stdout
        assert b"Traceback" not in done.stderr
        assert said in done.stdout + done.stderr


def test_a_mirror_that_has_some_platforms_alone(verify: Verify, key: KeyPair, tmp_path: Path) -> None:
    kind = f"{OCI}.manifest.v1+json"

    def listed(at: Attached) -> bytes:
        bundle = signing.key_bundle(envelope(statement(at.image, SIGN), key))
        return index(at.attach(Layer(bundle, BUNDLE)))

    at = Attached(listed)
    with at:
        found = [{"digest": one, "size": 2, "mediaType": kind} for one in (at.image, OTHER)]
        top = at.add(index(*found), f"{OCI}.index.v1+json")["digest"]
        configure(tmp_path, at.host, key)
        done = verify(f"{at.host}/image@{top}")
        assert b"  signature  present but not verified: Sigstore bundle, not for each platform\n" in done.stdout
        assert b"no such content" in done.stderr


def test_content_of_another_digest(verify: Verify, key: KeyPair, tmp_path: Path) -> None:
    def listed(at: Attached) -> bytes:
        bundle = signing.key_bundle(envelope(statement(OTHER, SIGN), key))
        swapped = signing.key_bundle(envelope(statement(at.image, SIGN), key))
        found = at.attach(Layer(bundle, BUNDLE))
        at.blobs[signing.digest_of(bundle)] = swapped
        return index(found)

    with Attached(listed) as at:
        configure(tmp_path, at.host, key)
        done = verify(f"{at.host}/image:1")
        assert b"the content does not have this digest" in done.stderr
        assert b"  signature  absent" in done.stdout


def test_statements_that_sign_each_other(verify: Verify, key: KeyPair, tmp_path: Path) -> None:
    """A long chain: each is attached to the one before, and states to be its signature."""
    chain: dict[str, dict[str, Any]] = {}

    class Chained(Attached):
        def _answer(self, request: Request) -> Reply:
            last = request.path.rpartition("/")[2]
            if "/referrers/" in request.path and last in chain:
                return Reply(200, index(chain[last]), {"Content-Type": f"{OCI}.index.v1+json"})
            return super()._answer(request)

    def listed(at: Attached) -> bytes:
        digest = at.image
        for _ in range(1500):
            chain[digest] = at.attach(Layer(statement(digest, SIGN), f"{signing.IN_TOTO};v=1"), signing.IN_TOTO)
            digest = chain[digest]["digest"]
        return b""

    with Chained(listed) as at:
        configure(tmp_path, at.host, key)
        said = checks(verify, f"{at.host}/image:1")["signature"]
        assert (said["status"], said["reason"]) == ("not-verified", "not signed")
        assert len(at.requests) < 20


def test_more_than_is_read_for_an_image(verify: Verify, registry: Registry, key: KeyPair, tmp_path: Path) -> None:
    image = registry.push("hostile/large", "1", AMD)
    layers = [Layer(b"%d" % number + b" " * 31_000_000, ENVELOPE, {"predicateType": SPDX}) for number in range(9)]
    signing.attach(registry, "hostile/large", signing.tag_of(image.digest, "att"), *layers)
    configure(tmp_path, registry.host, key)
    said = checks(verify, registry.name("hostile/large:1"))["sbom"]
    assert said["reason"].endswith("more than 256,000,000 bytes are attached to the image")


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_refused_in_words(content: bytes) -> None:
    for read in (statements.claim, statements.envelope, statements.statement, statements.bundle, public_key):
        with pytest.raises(Refused) as refused:
            read(content)
        assert str(refused.value).isprintable()


_NAMES = [
    "critical",
    "image",
    "identity",
    "type",
    "docker-manifest-digest",
    "payloadType",
    "payload",
    "signatures",
    "sig",
    "_type",
    "subject",
    "predicateType",
    "verificationMaterial",
    "mediaType",
    "dsseEnvelope",
]
_JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_NAMES), inner, max_size=4),
    max_leaves=12,
)


@given(_JSON)
def test_any_json_is_refused_in_words(data: Any) -> None:
    for read in (statements.claim, statements.envelope, statements.statement, statements.bundle):
        with pytest.raises(Refused):
            read(json.dumps(data).encode())


@given(st.binary(max_size=150), st.binary(max_size=50))
def test_no_bytes_are_a_signature(signature: bytes, message: bytes) -> None:
    assert not signed_by(public_key(PUBLIC.encode()), signature, message)


PUBLIC = """-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEKdROmntRJFBrOJOQF5ww6gDBJqGm
Fxa4333s1KsL9ISjtmRzGNih9lNRsqfRVjgFgJIdL6EQ9dohdanvn7r2cg==
-----END PUBLIC KEY-----
"""
