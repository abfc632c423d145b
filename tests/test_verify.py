"""Signatures and attestations: the command ``verify`` on Debian's docker-registry, with material made by openssl."""

import json
import os
import tomllib
from pathlib import Path
from typing import Any

import pytest

from echo_migrate.registry.client import Client
from echo_migrate.registry.trust import Signer, Trust
from echo_migrate.registry.verification import verify as verify_image
from tests import registries, signing
from tests.conftest import NOWHERE, Run
from tests.registries import Image, Registry
from tests.signing import (
    AMD,
    IN_TOTO,
    SIGN,
    SLSA1,
    SLSA2,
    SPDX,
    VEX,
    KeyPair,
    Layer,
    Verify,
    checks,
    configure,
    envelope,
    statement,
    words_of,
)
from tests.test_schemas import validator

ARM = Image({"a": "1"}, platform="linux/arm64")


@pytest.mark.parametrize(
    ("name", "words", "how"),
    [
        ("p256", (), ("-sha256",)),
        ("p384", ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"), ("-sha384",)),
        ("p384-as-cosign", ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"), ("-sha256",)),
        ("rsa", ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"), ("-sha256",)),
        (
            "pss",
            ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"),
            ("-sha256", "-sigopt", "rsa_padding_mode:pss"),
        ),
        ("ed25519", ("-algorithm", "ed25519"), ()),
    ],
)
def test_signatures_by_keys(
    verify: Verify, registry: Registry, keys: Path, tmp_path: Path, name: str, words: tuple[str, ...], how: Any
) -> None:
    made = signing.key_pair(keys, name, *words, how=how)
    image = registry.push(name, "1", AMD)
    signing.sign(registry, name, image, made, registry.name(name))
    configure(tmp_path, registry.host, made, require=("signature",))
    found = checks(verify, registry.name(f"{name}:1"))
    assert words_of(found) == ["verified", "absent", "absent", "absent"]
    assert found["signature"]["by"] == "0.pub, named in .echo-migrate.toml"


def test_what_cosign_attaches(verify: Verify, registry: Registry, key: KeyPair, tmp_path: Path) -> None:
    image = registry.push_index("all", "1", AMD, ARM)
    signing.sign(registry, "all", image, key)
    built = {"builder": {"id": "https://ci.example/worker"}}
    signing.attest(
        registry,
        "all",
        image,
        envelope(statement(image.digest, SLSA2, built, "v0.1"), key),
        envelope(statement(image.digest, SPDX), key),
        envelope(statement(image.digest, VEX), key),
        envelope(
            statement(
                image.digest,
                "https://slsa.dev/verification_summary/v1",
                {"verificationResult": "PASSED", "verifiedLevels": ["SLSA_BUILD_LEVEL_2", "SLSA_BUILD_LEVEL_3"]},
            ),
            key,
        ),
    )
    configure(tmp_path, registry.host, key, require=("signature", "provenance", "sbom", "vex"))
    done = verify(registry.name("all:1"))
    by = "by 0.pub, named in .echo-migrate.toml"
    assert done.stdout.decode().splitlines() == [
        f"{registry.name('all:1')} ({image.digest})",
        f"  signature  verified: cosign, {by}",
        f"  provenance verified: SLSA v0.2, {by}, builder https://ci.example/worker, states SLSA_BUILD_LEVEL_3",
        f"  sbom       verified: SPDX, {by}",
        f"  vex        verified: OpenVEX, {by}",
    ]
    assert (done.returncode, done.stderr) == (0, b"")


def test_bundles_as_referrers(verify: Verify, registry: Registry, key: KeyPair, tmp_path: Path) -> None:
    image = registry.push("bundles", "1", AMD)
    stated = [
        statement(image.digest, SIGN),
        statement(image.digest, SLSA1, {"runDetails": {"builder": {"id": "https://ci.example/v1"}}}),
    ]
    found = [
        signing.attach(
            registry,
            "bundles",
            "",
            Layer(signing.key_bundle(envelope(one, key)), signing.BUNDLE),
            subject=image,
            artifact=signing.BUNDLE,
        )
        for one in stated
    ]
    signing.list_referrers(registry, "bundles", image, *found)
    configure(tmp_path, registry.host, key)
    said = checks(verify, registry.name(f"bundles@{image.digest}"))
    assert words_of(said) == ["verified", "verified", "absent", "absent"]
    assert said["provenance"]["details"] == ["builder https://ci.example/v1"]


def test_a_bundle_with_a_signature_of_the_manifest(
    verify: Verify, registry: Registry, key: KeyPair, tmp_path: Path
) -> None:
    image = registry.push("message", "1", AMD)
    with Client(plain_http=(registry.host,)) as client:
        content = client.manifest(registry.name("message"), image.digest).content
    found = []
    for message in (content + b" ", content):
        bundle = {
            "mediaType": signing.BUNDLE,
            "verificationMaterial": {"publicKey": {"hint": ""}},
            "messageSignature": {"signature": signing.b64(key.sign(message))},
        }
        layer = Layer(json.dumps(bundle).encode(), signing.BUNDLE)
        found.append(signing.attach(registry, "message", "", layer, subject=image, artifact=signing.BUNDLE))
    configure(tmp_path, registry.host, key)
    signing.list_referrers(registry, "message", image, found[0])
    first = checks(verify, registry.name("message:1"))["signature"]
    assert (first["status"], first["reason"]) == ("not-verified", "by no key that is known for it")
    signing.list_referrers(registry, "message", image, *found)
    assert checks(verify, "--refresh", registry.name("message:1"))["signature"]["status"] == "verified"


def test_another_place_of_the_vendor(registry: Registry, key: KeyPair) -> None:
    image = registry.push("place/here", "1", AMD)
    registry.push("place/there", "1", AMD)
    signing.attest(registry, "place/there", image, envelope(statement(image.digest, SPDX), key))
    signer = Signer("the key", (key.public.encode(),))
    names = [registry.name(f"place/{name}") for name in ("here", "none", "there")]
    with Client(plain_http=(registry.host,)) as client:
        for also, word in ((), "absent"), ((names[1],), "absent"), ((names[1], names[2]), "verified"):
            found = verify_image(client, names[0], "1", Trust("", (signer,), also=also), "1")
            assert (found.checks["sbom"].word, found.notes) == (word, ())
        found = verify_image(client, names[0], "1", Trust("", (signer,), also=("127.0.0.1:9/x",)), "1")
        assert [note.startswith("127.0.0.1:9: ") for note in found.notes] == [True]


def test_attestations_that_are_signed_as_manifests(
    verify: Verify, registry: Registry, key: KeyPair, tmp_path: Path
) -> None:
    """As Docker Hardened Images: neither index nor image is signed, but the manifests of the statements about it."""
    images = [registry.push("hardened", "", one) for one in (AMD, ARM)]
    index = {
        "schemaVersion": 2,
        "mediaType": f"{registries.OCI}.index.v1+json",
        "manifests": [one.json for one in images],
    }
    registry.push_manifest("hardened", "1", index)
    for image in images:
        layers = [Layer(statement(image.digest, kind), IN_TOTO) for kind in (SPDX, SLSA2)]
        found = [signing.attach(registry, "hardened", "", one, subject=image, artifact=IN_TOTO) for one in layers]
        signing.list_referrers(registry, "hardened", image, *found)
        signing.sign(registry, "hardened", found[0], key)
        if image is images[0]:
            signing.sign(registry, "hardened", found[1], key)
    configure(tmp_path, registry.host, key)
    said = checks(verify, registry.name("hardened:1"))
    assert words_of(said) == ["absent", "not-verified", "verified", "absent"]
    assert said["provenance"]["reason"] == "not for linux/arm64"


def test_attestations_of_buildkit_are_not_signed(
    verify: Verify, registry: Registry, key: KeyPair, tmp_path: Path
) -> None:
    image = registry.push("buildkit", "", AMD)
    layer = Layer(statement(image.digest, SLSA1), IN_TOTO, {"in-toto.io/predicate-type": SLSA1})
    about = signing.attach(registry, "buildkit", "", layer)
    marks = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": image.digest}
    listed = about.json | {"annotations": marks, "platform": {"os": "unknown", "architecture": "unknown"}}
    kind = f"{registries.OCI}.index.v1+json"
    index = registry.push_manifest(
        "buildkit", "1", {"schemaVersion": 2, "mediaType": kind, "manifests": [image.json, listed]}
    )
    assert words_of(checks(verify, registry.name("buildkit:1"))) == ["absent", "no-key", "absent", "absent"]
    configure(tmp_path, registry.host, key)
    signing.sign(registry, "buildkit", index, key)
    verify("--refresh", registry.name("buildkit:1"))
    said = checks(verify, "--refresh", registry.name("buildkit:1"))
    assert words_of(said) == ["verified", "not-verified", "absent", "absent"]
    assert said["provenance"]["reason"] == "not signed"


def test_the_words_are_kept_apart(verify: Verify, registry: Registry, key: KeyPair, keys: Path, tmp_path: Path) -> None:
    image = registry.push("words", "1", AMD)
    signing.sign(registry, "words", image, signing.key_pair(keys, "other"))
    signing.attach(
        registry, "words", signing.tag_of(image.digest, "sbom"), Layer(b"SPDXVersion: SPDX-2.3", "text/spdx")
    )
    name = registry.name("words:1")
    without = verify(name)
    assert without.returncode == 0
    assert without.stdout.decode().splitlines()[1:] == [
        "  signature  cannot be checked (no published key): cosign",
        "  provenance absent",
        "  sbom       cannot be checked (no published key): SPDX",
        "  vex        absent",
    ]
    configure(tmp_path, registry.host, key, require=("signature", "vex"))
    done = verify(name)
    assert done.returncode == 1
    assert done.stdout.decode().splitlines()[1:] == [
        "  signature  present but not verified: cosign, by no key that is known for it",
        "  provenance absent",
        "  sbom       present but not verified: SPDX, not a signed statement",
        "  vex        absent",
        "  error: .echo-migrate.toml requires signature, vex, which is not verified",
    ]


def test_the_hardened_images_of_a_tree(verify: Verify, registry: Registry, key: KeyPair, tmp_path: Path) -> None:
    image = registry.push("tree/python", "3.13", AMD)
    registry.push("tree/node", "22", AMD)
    signing.sign(registry, "tree/python", image, key)
    names = [registry.name(name) for name in ("tree/python:3.13", "tree/node:22", "tree/node:${V}")]
    (tmp_path / "Dockerfile").write_text("FROM alpine:3.20\n" + "".join(f"FROM {name}\n" for name in names))
    configure(tmp_path, registry.name("tree"), key, require=("signature",))
    done = verify("--output-format", "json")
    document = json.loads(done.stdout)
    validator("verify").validate(document)
    assert [(one["reference"], one["missing"]) for one in document["images"]] == [
        (names[0], []),
        (names[1], ["signature"]),
    ]
    assert done.returncode == 1
    assert verify("--no-config").stdout == b"No hardened images in use: name one to verify it.\n"
    mirrored = verify("--no-config", "--registry", registry.name("tree"), "--provider", "docker", ".")
    assert b"present but not verified: cosign, by no key that is known for it" in mirrored.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("{}/none:1",), b"no such image"),
        (("{}/there:none",), b"no such tag"),
        (("./none",), b"./none: no such file or folder"),
        (("not a name",), b"neither a file or folder nor an image"),
        (("{}/there:1", "--offline"), b"not in the cache, and the run is offline"),
    ],
)
def test_what_is_not_there_is_an_error(verify: Verify, registry: Registry, words: Any, said: bytes) -> None:
    registry.push("there", "1", AMD)
    done = verify(*(word.format(registry.host) for word in words))
    assert done.returncode == 2
    assert said in done.stdout + done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('verify = "no"', "verify must be a table"),
        ('[verify."a b"]', "a b: is not a registry"),
        ('[verify."a.io"]\nkey = []', "unknown key 'key': did you mean 'keys'?"),
        ('[verify."a.io"]\nrequire = ["sboms"]', "require: 'sboms': known are signature, provenance, sbom, vex"),
        ('[verify."a.io"]\nrequire = "sbom"', "require must be a list"),
        ('[verify."a.io"]\nkeys = ["/etc/passwd"]', "/etc/passwd must lie in the repository of this file"),
        ('[verify."a.io"]\nkeys = ["none.pub"]', "none.pub: "),
        ('[verify."a.io"]\nkeys = ["weak.pub"]', "is a key of an algorithm or a size that does not count as safe"),
        ('[verify."a.io"]\nkeys = ["private.pem"]', "is not one public key in PEM"),
        ('[verify."a.io"]\nkeys = ["-----BEGIN PUBLIC KEY-----\\nAAAA\\n-----END PUBLIC KEY-----"]', "is not a valid"),
        ('[verify."a.io"]\nidentities = [{issuer = "x"}]', "identities must be a list of tables"),
        ('[verify."a.io"]\nidentities = ["x"]', "identities must be a list of tables"),
        ('[verify."a.io"]\ntrusted-root = "pipe"', "pipe: is not a regular file"),
        ('[verify."a.io"]\ntrusted-root = 1', "trusted-root must be a text"),
    ],
)
def test_a_table_that_is_none(verify: Verify, keys: Path, tmp_path: Path, table: str, said: str) -> None:
    weak = signing.key_pair(keys, "weak", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024")
    (tmp_path / "weak.pub").write_text(weak.public)
    (tmp_path / "private.pem").write_bytes(weak.private.read_bytes())
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / ".echo-migrate.toml").write_text(table + "\n")
    done = verify(".")
    assert done.returncode == 2
    assert said in " ".join(done.stderr.decode().split())
    assert b"Traceback" not in done.stderr


def test_the_lock_has_what_was_verified(
    run: Run, verify: Verify, registry: Registry, key: KeyPair, tmp_path: Path
) -> None:
    image = registry.push("lock/python", "3.13", AMD)
    registry.push("lock/python", "3.12", AMD)
    signing.sign(registry, "lock/python", image, key, registry.name("lock/python:3.13"))
    signing.attest(registry, "lock/python", image, envelope(statement(image.digest, SPDX), key))
    (tmp_path / "Dockerfile").write_text("FROM python:3.13\nFROM python:3.12\n")
    configure(tmp_path, registry.name("lock"), key)
    home = {"HOME": str(tmp_path.parent / f"{tmp_path.name}-home"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    locked = [("lock", "--registry", registry.name("lock"), *more) for more in ((), ("--verify",), ("--update",), ())]
    found = []
    for words in locked:
        done = run(*words, env=home | {"HTTPS_PROXY": NOWHERE, "HTTP_PROXY": NOWHERE})
        assert done.returncode == 0, done.stderr
        rows = tomllib.loads((tmp_path / ".echo-migrate.lock").read_text())["images"]
        found.append([rows[registry.name(f"lock/python:{tag}")].get("verified") for tag in ("3.13", "3.12")])
    both = [["signature", "sbom"], ["sbom"]]  # the same bytes, of which the signature is for the other tag
    assert found == [[None, None], both, both, both]
    done = verify("--output-format", "json", "--registry", registry.name("lock"))
    said = {one["reference"]: words_of(one["checks"]) for one in json.loads(done.stdout)["images"]}
    assert said == {
        f"{registry.name('lock/python:3.13')}@{image.digest}": ["verified", "absent", "verified", "absent"],
        f"{registry.name('lock/python:3.12')}@{image.digest}": ["not-verified", "absent", "verified", "absent"],
    }
    (tmp_path / ".echo-migrate.lock").write_text("no lock")
    assert verify().returncode == 2
