"""Signatures without a key of long life: bundles of a small Sigstore made by openssl, with its root of trust given."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from echo_migrate.registry import keyless, statements
from echo_migrate.registry.statements import Refused
from echo_migrate.registry.trust import Identity
from tests import signing
from tests.keyless import IDENTITY, ISSUER, Sigstore
from tests.signing import SIGN, SLSA1, KeyPair, statement

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


def verify(content: bytes, sigstore: Sigstore, root: str | None = None, identities: Any = OURS) -> None:
    keyless.verify(statements.bundle(content), b"", identities, str(sigstore.root) if root is None else root)


def test_a_bundle_of_the_identity(sigstore: Sigstore, key: KeyPair, certificate: bytes) -> None:
    for kind in (SIGN, SLSA1):
        content = sigstore.bundle(statement(DIGEST, kind), key, certificate)
        verify(content, sigstore)
        with pytest.raises(Refused, match="its certificate is of another identity or issuer"):
            verify(content, sigstore, identities=OURS[:1])
        with pytest.raises(Refused, match="does not verify: failed to build"):
            verify(content, sigstore, root="")


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
def test_a_certificate_that_does_not_count(sigstore: Sigstore, key: KeyPair, words: dict[str, str]) -> None:
    made = sigstore.certificate(key, **words)
    with pytest.raises(Refused, match="its certificate"):
        verify(sigstore.bundle(statement(DIGEST, SIGN), key, made), sigstore)


def test_extensions_that_are_not_known_and_not_critical_do_not_matter(sigstore: Sigstore, key: KeyPair) -> None:
    made = sigstore.certificate(key, more="1.3.6.1.4.1.99999.1 = DER:05:00\n1.3.6.1.4.1.57264.1.21 = DER:ff\n")
    verify(sigstore.bundle(statement(DIGEST, SIGN), key, made), sigstore)


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
        verify(json.dumps(bundle).encode(), sigstore)
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 200


def test_another_key_than_that_of_the_certificate(sigstore: Sigstore, certificate: bytes, tmp_path: Path) -> None:
    with pytest.raises(Refused):
        verify(sigstore.bundle(statement(DIGEST, SIGN), signing.key_pair(tmp_path, "x"), certificate), sigstore)


@pytest.mark.parametrize("text", ["", "{}", "[]", "no json", '{"mediaType": "x"}'])
def test_a_root_that_is_none(sigstore: Sigstore, key: KeyPair, certificate: bytes, tmp_path: Path, text: str) -> None:
    (tmp_path / "root.json").write_text(text)
    with pytest.raises(Refused, match="the root of trust cannot be used"):
        verify(sigstore.bundle(statement(DIGEST, SIGN), key, certificate), sigstore, str(tmp_path / "root.json"))
