"""Who may sign the images of a registry: the data of vendors, and what a configuration adds."""

import re
from typing import Any

import pytest

from echo_migrate.files.data import read_data
from echo_migrate.images import catalog, providers
from echo_migrate.registry.evidence import kind_of
from echo_migrate.registry.keys import public_key
from echo_migrate.registry.trust import KINDS, Identity, Policy, Signer, Trust, trust_of

DATA: dict[str, Any] = read_data("verification.yaml")
KEY = Signer("the key in x", (b"",))


def test_the_data_of_vendors() -> None:
    prefixes = [prefix for row in DATA["vendors"] for prefix in row["prefixes"]]
    assert prefixes == sorted(set(prefixes))
    for row in DATA["vendors"]:
        assert row.keys() <= {"title", "prefixes", "date", "source", "keys", "identities", "also"}
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", row["date"])
        assert row["source"]
        for key in row.get("keys", ()):
            public_key(key.encode())
        for one in row.get("identities", ()):
            assert Identity(**one).issuer.startswith("https://")


def test_each_provider_has_a_row() -> None:
    for name in providers.providers():
        assert trust_of(f"{catalog.load(name).registry}/x"), name


@pytest.mark.parametrize("table", ["predicates", "documents"])
def test_kinds(table: str) -> None:
    assert list(DATA[table]) == sorted(DATA[table])
    assert {kind for kind, _ in DATA[table].values()} <= {*KINDS, "summary"}


@pytest.mark.parametrize(
    ("predicate", "kind"),
    [
        ("https://slsa.dev/provenance/v1", ("provenance", "SLSA v1")),
        ("https://slsa.dev/provenance/v1.1", ("provenance", "SLSA v1")),
        ("https://slsa.dev/provenance/v0.2", ("provenance", "SLSA v0.2")),
        ("https://cyclonedx.org/bom/v1.6", ("sbom", "CycloneDX")),
        ("https://spdx.dev/Document/v2.3", ("sbom", "SPDX")),
        ("https://openvex.dev/ns/v0.2.0", ("vex", "OpenVEX")),
        ("https://slsa.dev/", ("", "")),
        ("https://cosign.sigstore.dev/attestation/vuln/v1", ("", "")),
        ("", ("", "")),
    ],
)
def test_the_kind_of_a_predicate(predicate: str, kind: tuple[str, str]) -> None:
    assert kind_of(predicate) == kind


@pytest.mark.parametrize(
    ("name", "title", "by"),
    [
        ("dhi.io/python", "Docker", ["Docker's published key"]),
        ("dhi.iox/python", None, []),
        ("dhi.io.evil.example/python", None, []),
        ("evil.example/dhi.io/python", None, []),
        ("cgr.dev/chainguard/go", "Chainguard", ["Chainguard's published identity"]),
        ("cgr.dev/chainguard-private/go", "Chainguard", []),
        ("cgr.dev/acme/go", "Chainguard", []),
        ("gcr.io/distroless/static", "distroless", ["distroless's published identity"]),
        ("gcr.io/acme/static", None, []),
        ("registry.access.redhat.com/ubi9/ubi", "Red Hat", ["Red Hat's published key"]),
        ("reg.echohq.com/python", "Echo", []),
    ],
)
def test_vendors(name: str, title: str | None, by: list[str]) -> None:
    found = trust_of(name)
    assert (found.title if found else None) == title
    assert [one.by for one in (found or Trust()).signers] == by


def test_where_a_vendor_keeps_attestations() -> None:
    docker = trust_of("dhi.io/python")
    assert docker is not None
    assert docker.also == ("registry.scout.docker.com/dhi/python",)
    mirror = trust_of("harbor.example/hardened/python", mirrors=[("harbor.example/hardened", "dhi.io")])
    assert mirror == docker._replace(also=())


def test_policies_add_to_vendors_for_what_lies_below_them_alone() -> None:
    policies = [
        Policy("dhi.io", (KEY,), ("signature",), "x"),
        Policy("dhi.io/python", (), ("sbom",), "x"),
        Policy("a.io"),
    ]
    python, node, other = (trust_of(name, policies) for name in ("dhi.io/python", "dhi.io/node", "a.io/b"))
    assert python is not None
    assert node is not None
    assert (python.require, [one.by for one in python.signers]) == (("sbom",), ["Docker's published key"])
    assert (node.require, [one.by for one in node.signers]) == (("signature",), ["Docker's published key", KEY.by])
    assert other == Trust()
    assert trust_of("a.iox/b", policies) is None
