"""Whether an image is signed, and what else is attached to it: one word for each kind, and what it rests on."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

from echo_migrate.registry.attached import attached_to, attestations_in, is_attestation
from echo_migrate.registry.client import Client
from echo_migrate.registry.content import Descriptor, Manifest
from echo_migrate.registry.errors import Denied, NotFound, RegistryError
from echo_migrate.registry.evidence import Budget, Evidence, Subject, evidence_of
from echo_migrate.registry.image import uncounted_manifest
from echo_migrate.registry.trust import KINDS, Trust

Word = Literal["verified", "not-verified", "no-key", "absent"]
WORDS: dict[Word, str] = {
    "verified": "verified",
    "not-verified": "present but not verified",
    "no-key": "cannot be checked (no published key)",
    "absent": "absent",
}
"""The words for what is known of one kind of attachment, and how they are shown."""

_MOST_PLATFORMS = 32


class Check(NamedTuple):
    """What is known of one kind. ``by`` is whose signature was verified; ``reason`` why nothing was."""

    word: Word
    by: str = ""
    reason: str = ""
    formats: tuple[str, ...] = ()
    details: tuple[str, ...] = ()


class Verified(NamedTuple):
    """What is known of an image; ``missing`` are the kinds that are required and not verified."""

    digest: str
    checks: dict[str, Check]
    trust: Trust
    notes: tuple[str, ...] = ()

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that are verified."""
        return tuple(kind for kind, check in self.checks.items() if check.word == "verified")

    @property
    def missing(self) -> tuple[str, ...]:
        return tuple(kind for kind in self.trust.require if kind not in self.kinds)


def verify(client: Client, name: str, reference: str, trust: Trust, tag: str) -> Verified:
    """Return what is known of the image that a tag or digest names. Raises ``RegistryError``.

    ``tag`` is the tag that the image goes by, "" where it goes by its digest alone. What counts for an image of several
    platforms is what is attached to its index, else to each of its platforms.
    """
    top = uncounted_manifest(client, name, reference)
    looking = _Looking(client, name, trust)
    whole = looking.at(Subject(top, name, tag))
    parts: list[tuple[str, list[Evidence]]] = []
    if any(not _has(whole, kind) for kind in KINDS):
        for one in _platforms(top, looking.notes):
            try:
                manifest = client.manifest(name, one.digest)
            except NotFound as error:  # a mirror may have some platforms alone
                looking.notes.append(error.message)
                continue
            parts.append((one.platform or one.digest[:19], looking.at(Subject(manifest, name, tag), top)))
    complete = len(parts) == len(_images(top))
    checks = {kind: _check(kind, whole, parts if top.is_index else [], complete, trust) for kind in KINDS}
    return Verified(top.digest, checks, trust, tuple(dict.fromkeys(looking.notes)))


class _Looking:
    """The look at one image: at its manifests in turn."""

    def __init__(self, client: Client, name: str, trust: Trust) -> None:
        self.client, self.name, self.trust = client, name, trust
        self.notes: list[str] = []
        self.budget = Budget()

    def at(self, subject: Subject, index: Manifest | None = None) -> list[Evidence]:
        """Return what is attached to a manifest of the image."""
        found = list(attached_to(self.client, self.name, subject.digest, self.notes))
        if index:
            found += attestations_in(self.client, self.name, index, subject.digest, self.notes)
        for place in self.trust.also:
            try:
                found += attached_to(self.client, place, subject.digest, self.notes)
            except (Denied, NotFound):
                continue  # another registry of the vendor, for which nobody need have a login
            except RegistryError as error:
                self.notes.append(error.message)
        evidence = [one for each in found for one in evidence_of(self.client, each, subject, self.trust, self.budget)]
        self.notes += [f"{self.name}: {one.reason}" for one in evidence if not one.kind and one.reason]
        return evidence


def _images(top: Manifest) -> list[Descriptor]:
    return [one for one in top.manifests if not is_attestation(one)]


def _platforms(top: Manifest, notes: list[str]) -> list[Descriptor]:
    found = _images(top)
    if len(found) > _MOST_PLATFORMS:
        notes.append(f"the index has {len(found):,} manifests: {_MOST_PLATFORMS} are looked at")
    return found[:_MOST_PLATFORMS]


def _has(evidence: Iterable[Evidence], kind: str) -> bool:
    return any(one.kind == kind and one.by for one in evidence)


def _check(
    kind: str, whole: list[Evidence], parts: list[tuple[str, list[Evidence]]], complete: bool, trust: Trust
) -> Check:
    """Return what is known of one kind, from what is attached to the whole image and to each of its platforms."""
    every = [one for one in (*whole, *(one for _, found in parts for one in found)) if one.kind == kind]
    if not every:
        return Check("absent")
    without = [platform for platform, found in parts if not _has(found, kind)]
    proven = _has(whole, kind) or (bool(parts) and complete and not without)
    counted = [one for one in every if one.by] if proven else every
    formats = tuple(dict.fromkeys(one.format for one in counted if one.format))
    details = tuple(dict.fromkeys(detail for one in counted for detail in one.details))
    if proven:
        if kind == "provenance":
            details += _levels([*whole, *(one for _, found in parts for one in found)])
        return Check("verified", ", ".join(dict.fromkeys(one.by for one in counted)), "", formats, details)
    if not trust.signers:
        return Check("no-key", formats=formats, details=details)
    reasons = dict.fromkeys(one.reason for one in every if one.reason)
    if any(one.by for one in every):
        reasons = dict.fromkeys([f"not for {', '.join(without) or 'each platform'}"])
    return Check("not-verified", reason=", ".join(list(reasons)[:3]), formats=formats, details=details)


def _levels(evidence: Iterable[Evidence]) -> tuple[str, ...]:
    """Return the SLSA levels that signed summaries state."""
    found = (detail for one in evidence if one.kind == "summary" and one.by for detail in one.details)
    return tuple(dict.fromkeys(f"states {detail}" for detail in found))
