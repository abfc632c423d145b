"""Signatures without a key of long life: bundles of a small Sigstore made by openssl, with its root of trust given."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from echo_migrate.registry import inclusion_promise, keyless, statements
from echo_migrate.registry.statements import Refused
from echo_migrate.registry.trust import Identity
from tests import signing
from tests.conftest import ROOT
from tests.keyless import IDENTITY, ISSUER, Sigstore
from tests.registries import Registry
from tests.signing import AMD, BUNDLE, SIGN, SLSA1, KeyPair, Layer, Verify, checks, statement, words_of

DIGEST = f"sha256:{'ab' * 32}"
OURS = (Identity("https://other.example", IDENTITY), Identity(ISSUER, IDENTITY))


@pytest.fixture(scope="module")
def sigstore(tmp_path_factory: pytest.TempPathFactory) -> Sigstore:
    return Sigstore(tmp_path_factory.mktemp("sigstore"))


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> KeyPair:
    return signing.key_pair(tmp_path_factory.mktemp("leaf"), "leaf")


@pytest.fixture(scope="module")
def certificate(sigstore: Sigstore, key: KeyPair) -> bytes:
    return sigstore.certificate(key)


def check(content: bytes, sigstore: Sigstore, root: str | None = None, identities: Any = OURS) -> None:
    keyless.verify(statements.bundle(content), b"", identities, str(sigstore.root) if root is None else root)


def test_a_bundle_of_the_identity(sigstore: Sigstore, key: KeyPair, certificate: bytes) -> None:
    for kind in (SIGN, SLSA1):
        content = sigstore.bundle(statement(DIGEST, kind), key, certificate)
        check(content, sigstore)
        with pytest.raises(Refused, match="its certificate is of another identity or issuer"):
            check(content, sigstore, identities=OURS[:1])
        with pytest.raises(Refused, match="does not verify: failed to build"):
            check(content, sigstore, root="")


def test_a_bundle_with_a_time_stamp(sigstore: Sigstore, key: KeyPair) -> None:
    """As Rekor's second version has it, whose entries state no time."""
    lasting = sigstore.certificate(key, years=20)
    payload = statement(DIGEST, SIGN)
    check(sigstore.stamped_bundle(payload, key, lasting), sigstore)
    with pytest.raises(Refused, match="not enough sources of verified time"):
        check(sigstore.stamped_bundle(payload, key, lasting, b"something else"), sigstore)
    with pytest.raises(Refused, match="failed to build timestamp certificate chain"):
        check(sigstore.stamped_bundle(payload, key, sigstore.certificate(key)), sigstore)


@pytest.mark.parametrize(
    "words",
    [
        {"identity": f"{IDENTITY}/more"},
        {"identity": IDENTITY.removesuffix("main")},
        {"issuer": "https://issuer.example.evil"},
        {"usage": "serverAuth"},
        {"more": "1.3.6.1.4.1.99999.1 = critical,DER:05:00\n"},
        {"more": "nameConstraints = critical,permitted;DNS:example\n"},
    ],
)
def test_a_certificate_that_does_not_count(sigstore: Sigstore, key: KeyPair, words: dict[str, Any]) -> None:
    made = sigstore.certificate(key, **words)
    with pytest.raises(Refused, match="its certificate"):
        check(sigstore.bundle(statement(DIGEST, SIGN), key, made), sigstore)


def test_extensions_that_are_not_known_and_not_critical_do_not_matter(sigstore: Sigstore, key: KeyPair) -> None:
    made = sigstore.certificate(key, more="1.3.6.1.4.1.99999.1 = DER:05:00\n1.3.6.1.4.1.57264.1.21 = DER:ff\n")
    check(sigstore.bundle(statement(DIGEST, SIGN), key, made), sigstore)


def _entry(change: Callable[[dict[str, Any]], object]) -> Callable[[dict[str, Any]], object]:
    return lambda bundle: change(bundle["verificationMaterial"]["tlogEntries"][0])


@pytest.mark.parametrize(
    "change",
    [
        _entry(lambda one: one.update(integratedTime=str(int(one["integratedTime"]) + 3600))),
        _entry(lambda one: one.pop("inclusionPromise")),
        _entry(lambda one: one.pop("inclusionProof")),
        _entry(lambda one: one["inclusionProof"].update(treeSize="2")),
        _entry(lambda one: one["inclusionProof"].update(rootHash=signing.b64(b"\0" * 32))),
        _entry(lambda one: one["inclusionProof"]["checkpoint"].update(envelope="no note")),
        _entry(lambda one: one.update(canonicalizedBody=signing.b64(b"{}"))),
        _entry(lambda one: one.update(kindVersion={"kind": "rfc3161", "version": "0.0.1"})),
        lambda bundle: bundle["verificationMaterial"].update(tlogEntries=[]),
        lambda bundle: bundle["verificationMaterial"]["tlogEntries"].append(
            bundle["verificationMaterial"]["tlogEntries"][0]
        ),
        lambda bundle: bundle["verificationMaterial"].update(certificate={"rawBytes": "AAAA"}),
        lambda bundle: bundle["verificationMaterial"].update(certificate={}),
        lambda bundle: bundle["dsseEnvelope"].update(payload=signing.b64(statement(DIGEST, SLSA1))),
        lambda bundle: bundle["dsseEnvelope"]["signatures"][0].update(
            sig=signing.b64(b"\x30\x06\x02\x01\x00\x02\x01\x00")
        ),
        lambda bundle: bundle["dsseEnvelope"].update(signatures=bundle["dsseEnvelope"]["signatures"] * 2),
        lambda bundle: bundle.update(mediaType="application/vnd.dev.sigstore.bundle.v0.9+json"),
        lambda bundle: bundle.update(unknown=1),
    ],
)
def test_a_bundle_that_was_changed(
    sigstore: Sigstore, key: KeyPair, certificate: bytes, change: Callable[[dict[str, Any]], object]
) -> None:
    bundle = json.loads(sigstore.bundle(statement(DIGEST, SIGN), key, certificate))
    change(bundle)
    with pytest.raises(Refused) as refused:
        check(json.dumps(bundle).encode(), sigstore)
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 200


def test_another_key_than_that_of_the_certificate(sigstore: Sigstore, certificate: bytes, tmp_path: Path) -> None:
    with pytest.raises(Refused):
        check(sigstore.bundle(statement(DIGEST, SIGN), signing.key_pair(tmp_path, "x"), certificate), sigstore)


PAYLOAD = signing.simple(DIGEST)


def promised(sigstore: Sigstore, key: KeyPair, annotations: dict[str, str], payload: bytes = PAYLOAD) -> None:
    signatures = (statements.decoded(annotations["dev.cosignproject.cosign/signature"]),)
    signed = inclusion_promise.Signed(payload, (payload,), signatures)
    inclusion_promise.verify(signed, annotations, OURS, str(sigstore.root))


def test_a_signature_in_the_older_form(sigstore: Sigstore, key: KeyPair, certificate: bytes) -> None:
    promised(sigstore, key, sigstore.annotations(PAYLOAD, key, certificate))


@pytest.mark.parametrize("kind", ["dsse 0.0.1", "intoto 0.0.1", "intoto 0.0.2"])
def test_an_attestation_in_the_older_form(sigstore: Sigstore, key: KeyPair, certificate: bytes, kind: str) -> None:
    """Each kind of entry that cosign has made of attestations."""
    payload, other = statement(DIGEST, SLSA1), statement(DIGEST, SIGN)
    wrapped = statements.envelope(signing.envelope(payload, key))
    signed = inclusion_promise.Signed(wrapped.signed, (payload,), wrapped.signatures)
    for content in (payload, other):
        hash = {"algorithm": "sha256", "value": signing.digest_of(content)[7:]}
        public = signing.b64(certificate)
        specs: dict[str, Any] = {
            "dsse 0.0.1": {"payloadHash": hash, "signatures": [{"verifier": public}]},
            "intoto 0.0.1": {"content": {"hash": hash}, "publicKey": public},
            "intoto 0.0.2": {"content": {"payloadHash": hash, "envelope": {"signatures": [{"publicKey": public}]}}},
        }
        name, version = kind.split()
        marks = sigstore.promised({"apiVersion": version, "kind": name, "spec": specs[kind]}, certificate)
        if content == payload:
            inclusion_promise.verify(signed, marks, OURS, str(sigstore.root))
        else:
            with pytest.raises(Refused, match="its log entry is about something else"):
                inclusion_promise.verify(signed, marks, OURS, str(sigstore.root))


def test_a_bundle_with_a_signature_of_the_manifest(sigstore: Sigstore, key: KeyPair, certificate: bytes) -> None:
    manifest = b'{"schemaVersion": 2}'
    signature = signing.b64(key.sign(manifest))
    held = {"content": signature, "publicKey": {"content": signing.b64(certificate)}}
    data = {"hash": {"algorithm": "sha256", "value": signing.digest_of(manifest)[7:]}}
    entry = sigstore.entry({"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": {"signature": held, "data": data}})
    bundle = json.loads(sigstore.bundle(b"", key, certificate))
    bundle["verificationMaterial"]["tlogEntries"] = [entry]
    del bundle["dsseEnvelope"]
    bundle["messageSignature"] = {"signature": signature}
    read = statements.bundle(json.dumps(bundle).encode())
    keyless.verify(read, manifest, OURS, str(sigstore.root))
    with pytest.raises(Refused):
        keyless.verify(read, manifest + b" ", OURS, str(sigstore.root))


@pytest.mark.parametrize("words", [{"identity": f"{IDENTITY}x"}, {"issuer": ISSUER[:-1]}, {"usage": "clientAuth"}])
def test_a_certificate_that_does_not_count_in_the_older_form(
    sigstore: Sigstore, key: KeyPair, words: dict[str, Any]
) -> None:
    annotations = sigstore.annotations(PAYLOAD, key, sigstore.certificate(key, **words))
    with pytest.raises(Refused, match="its certificate is"):
        promised(sigstore, key, annotations)


def _promise(change: Callable[[dict[str, Any]], object]) -> Callable[[dict[str, str]], object]:
    def changed(annotations: dict[str, str]) -> None:
        promise = json.loads(annotations["dev.sigstore.cosign/bundle"])
        change(promise)
        annotations["dev.sigstore.cosign/bundle"] = json.dumps(promise)

    return changed


@pytest.mark.parametrize(
    "change",
    [
        lambda one: one.pop("dev.sigstore.cosign/bundle"),
        lambda one: one.update({"dev.sigstore.cosign/bundle": "{}"}),
        lambda one: one.update({"dev.sigstore.cosign/bundle": "[" * 90_000}),
        lambda one: one.update({"dev.sigstore.cosign/certificate": "no certificate"}),
        lambda one: one.update({"dev.cosignproject.cosign/signature": signing.b64(b"x")}),
        _promise(lambda one: one["Payload"].update(integratedTime=one["Payload"]["integratedTime"] + 3600)),
        _promise(lambda one: one["Payload"].update(integratedTime=10**30)),
        _promise(lambda one: one["Payload"].update(integratedTime=True)),
        _promise(lambda one: one["Payload"].update(logID="zz")),
        _promise(lambda one: one["Payload"].update(logIndex=1)),
        _promise(lambda one: one["Payload"].update(body=signing.b64(b"{}"))),
        _promise(lambda one: one.update(SignedEntryTimestamp=signing.b64(b"x"))),
        _promise(lambda one: one.update(SignedEntryTimestamp=None)),
    ],
)
def test_annotations_that_were_changed(
    sigstore: Sigstore, key: KeyPair, certificate: bytes, change: Callable[[dict[str, str]], object]
) -> None:
    annotations = sigstore.annotations(PAYLOAD, key, certificate)
    change(annotations)
    with pytest.raises(Refused) as refused:
        promised(sigstore, key, annotations)
    assert str(refused.value).isprintable()


def test_a_log_entry_of_another_signature_gives_no_time(
    sigstore: Sigstore, key: KeyPair, certificate: bytes, tmp_path: Path
) -> None:
    """The log has promised each of these entries, but none is of this payload and this certificate."""
    ours = sigstore.annotations(PAYLOAD, key, certificate)
    entries = [
        sigstore.annotations(b"another payload", key, certificate),
        sigstore.annotations(PAYLOAD, key, sigstore.certificate(signing.key_pair(tmp_path, "x"))),
        sigstore.promised({"apiVersion": "0.0.1", "kind": "rpm", "spec": {}}, certificate),
        sigstore.promised({"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": {}}, certificate),
        sigstore.promised({"apiVersion": "0.0.1", "kind": "hashedrekord"}, certificate),
    ]
    for entry in entries:
        with pytest.raises(Refused, match="log entry"):
            promised(sigstore, key, ours | {"dev.sigstore.cosign/bundle": entry["dev.sigstore.cosign/bundle"]})


@pytest.mark.parametrize("form", ["bundles", "older"])
def test_keyless_images(
    verify: Verify,
    registry: Registry,
    sigstore: Sigstore,
    key: KeyPair,
    certificate: bytes,
    tmp_path: Path,
    form: str,
) -> None:
    name = f"keyless/{form}"
    image = registry.push(name, "1", AMD)
    stated = [statement(image.digest, SIGN), statement(image.digest, SLSA1)]
    if form == "bundles":
        layers = [Layer(sigstore.bundle(one, key, certificate), BUNDLE) for one in stated]
        found = [signing.attach(registry, name, "", one, subject=image, artifact=BUNDLE) for one in layers]
        signing.list_referrers(registry, name, image, *found)
    else:
        payload = signing.simple(image.digest)
        annotations = sigstore.annotations(payload, key, certificate)
        signing.attach(registry, name, signing.tag_of(image.digest, "sig"), Layer(payload, signing.SIMPLE, annotations))
        wrapped = signing.envelope(stated[1], key)
        spec = {"publicKey": signing.b64(certificate), "content": {"hash": None, "payloadHash": None}}
        content = json.dumps(wrapped).encode()
        spec["content"] = {"hash": {"algorithm": "sha256", "value": signing.digest_of(content)[7:]}}
        marks = sigstore.promised({"apiVersion": "0.0.1", "kind": "intoto", "spec": spec}, certificate)
        signing.attach(registry, name, signing.tag_of(image.digest, "att"), Layer(content, signing.ENVELOPE, marks))
    (tmp_path / "root.json").write_text(sigstore.root.read_text())
    table = f'identities = [{{ issuer = "{ISSUER}", identity = "{IDENTITY}" }}]\ntrusted-root = "root.json"\n'
    (tmp_path / ".echo-migrate.toml").write_text(f'[verify."{registry.host}"]\n{table}')
    found_checks = checks(verify, registry.name(f"{name}:1"))
    assert words_of(found_checks) == ["verified", "verified", "absent", "absent"]
    by = f"{IDENTITY} by the root of trust root.json, named in .echo-migrate.toml"
    assert {found_checks[kind]["by"] for kind in ("signature", "provenance")} == {by}


@pytest.mark.parametrize("text", ["", "{}", "[]", "no json", '{"mediaType": "x"}'])
def test_a_root_that_is_none(sigstore: Sigstore, key: KeyPair, certificate: bytes, tmp_path: Path, text: str) -> None:
    (tmp_path / "root.json").write_text(text)
    with pytest.raises(Refused, match="the root of trust cannot be used"):
        check(sigstore.bundle(statement(DIGEST, SIGN), key, certificate), sigstore, str(tmp_path / "root.json"))


_OFFLINE = """
import sys
def refuse(event, _):
    assert not event.startswith("socket."), event
    assert event != "open" or _[1] is None or not set(_[1]) & set("wax+"), _
sys.addaudithook(refuse)
from echo_migrate.registry import keyless, statements
from echo_migrate.registry.trust import Identity
assert len(keyless.instance("").root.get_fulcio_certs()) > 1
try:
    keyless.verify(statements.bundle(sys.stdin.buffer.read()), b"", (Identity("a", "b"),), "")
except statements.Refused as refused:
    print(refused)
"""


def test_the_root_of_the_library_needs_no_network_and_no_file(
    sigstore: Sigstore, key: KeyPair, certificate: bytes
) -> None:
    content = sigstore.bundle(statement(DIGEST, SIGN), key, certificate)
    command = [sys.executable, "-B", "-c", _OFFLINE]
    done = subprocess.run(command, input=content, capture_output=True, cwd=ROOT, check=True)
    assert b"failed to build timestamp certificate chain" in done.stdout
    assert done.stderr == b""
