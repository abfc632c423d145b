"""Who may sign the images of a registry: what vendors publish (``mappings/verification.yaml``), and what a user adds.

What is verified is always said with by whose key, so that a configuration that came with a tree cannot pass its own
key off as a vendor's.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any, NamedTuple

from echo_migrate.files.data import read_data

KINDS = ("signature", "provenance", "sbom", "vex")
"""What can be attached to an image, and required of it, in the order in which it is shown."""


class Identity(NamedTuple):
    """The holder of a certificate, and who vouches for that: the ``--certificate-identity`` and
    ``--certificate-oidc-issuer`` of cosign."""

    issuer: str
    identity: str


class Signer(NamedTuple):
    """Someone who may sign: ``by`` is how that is said. ``root`` is the path of a trusted root, "" for Sigstore's."""

    by: str
    keys: tuple[bytes, ...] = ()
    identities: tuple[Identity, ...] = ()
    root: str = ""


class Policy(NamedTuple):
    """What a user's configuration has for the images below a prefix of names; ``source`` is where it is written."""

    prefix: str
    signers: tuple[Signer, ...] = ()
    require: tuple[str, ...] = ()
    source: str = ""


class Trust(NamedTuple):
    """Who may sign one image, and what is required of it. ``also`` are other names under which things are attached."""

    title: str = ""
    signers: tuple[Signer, ...] = ()
    require: tuple[str, ...] = ()
    source: str = ""
    also: tuple[str, ...] = ()


def trust_of(name: str, policies: Iterable[Policy] = (), mirrors: Iterable[tuple[str, str]] = ()) -> Trust | None:
    """Return who may sign an image, by its name without tag; None if nothing is known of its registry.

    ``mirrors`` are pairs of prefixes: what lies below the first is signed as what lies below the second. Whoever uses a
    mirror may reach nothing else, so that no other place is asked.
    """
    own = next((f"{there}{name[len(here) :]}" for here, there in mirrors if _below(name, here)), name)
    vendor = max((row for row in _vendors() if _below(own, row[0])), key=lambda row: len(row[0]), default=None)
    policy = max((one for one in policies if _below(name, one.prefix)), key=lambda one: len(one.prefix), default=None)
    if vendor is None and policy is None:
        return None
    trust = Trust()
    if vendor:
        prefix, title, signer, also = vendor
        places = tuple(f"{one}{own[len(prefix) :]}" for one in also) if own == name else ()
        trust = Trust(title, (signer,) if signer else (), also=places)
    if policy:
        trust = trust._replace(signers=(*trust.signers, *policy.signers), require=policy.require, source=policy.source)
    return trust


def _below(name: str, prefix: str) -> bool:
    """Return whether a name is a prefix of whole components, or lies below it."""
    return name == prefix or name.startswith(f"{prefix}/")


@cache
def _vendors() -> tuple[tuple[str, str, Signer | None, tuple[str, ...]], ...]:
    """Return each prefix with the vendor's title, its signer and where else it keeps attestations."""
    rows: list[dict[str, Any]] = read_data("verification.yaml")["vendors"]
    return tuple(
        (prefix, row["title"], _signer(row), tuple(row.get("also", ()))) for row in rows for prefix in row["prefixes"]
    )


def _signer(row: dict[str, Any]) -> Signer | None:
    keys = tuple(key.encode() for key in row.get("keys", ()))
    identities = tuple(Identity(**one) for one in row.get("identities", ()))
    what = "published key" if keys else "published identity"
    return Signer(f"{row['title']}'s {what}", keys, identities) if keys or identities else None
