"""Signatures and attestations: the command ``verify`` on Debian's docker-registry, with material made by openssl."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import registries, signing
from tests.conftest import Done, Run
from tests.registries import Image, Registry
from tests.signing import IN_TOTO, SIGN, SLSA1, SLSA2, SPDX, VEX, KeyPair, Layer, envelope, simple, statement
from tests.test_schemas import validator

NOWHERE = "http://127.0.0.1:9"
AMD, ARM = Image({"a": "1"}), Image({"a": "1"}, platform="linux/arm64")
Verify = Callable[..., Done]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registries.docker_registry(tmp_path_factory.mktemp("signed")) as running:
        yield running


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys")


@pytest.fixture(scope="module")
def key(keys: Path) -> KeyPair:
    return signing.key_pair(keys, "release")


@pytest.fixture(scope="module")
def other(keys: Path) -> KeyPair:
    return signing.key_pair(keys, "other")


@pytest.fixture
def verify(run: Run, tmp_path: Path) -> Verify:
    home = tmp_path.parent / f"{tmp_path.name}-home"
    home.mkdir()
    reach = {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "HTTPS_PROXY": NOWHERE, "HTTP_PROXY": NOWHERE}
    return lambda *words: run("verify", *words, env=reach)


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


def test_the_words_are_kept_apart(
    verify: Verify, registry: Registry, key: KeyPair, other: KeyPair, tmp_path: Path
) -> None:
    image = registry.push("words", "1", AMD)
    signing.sign(registry, "words", image, other)
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
