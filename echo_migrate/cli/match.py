"""How a reference maps, with all candidates and reasons: the output of ``echo-migrate match``."""

from typing import Any, NamedTuple

from echo_migrate.dockerfile.expansion import Expansion, expand
from echo_migrate.files.source import Traced
from echo_migrate.images.catalog import Catalog
from echo_migrate.images.matching import Candidate, candidates
from echo_migrate.images.migration import assess
from echo_migrate.images.reference import VARIABLE, full_name, is_open, parsed
from echo_migrate.model import Image, Status
from echo_migrate.model.reasons import because


class Match(NamedTuple):
    """The result for one reference: ``upstream`` is None if it is not known, ``target`` if the provider has none.
    ``against`` are the reasons why the migration is not safe or not possible, ``reasons`` also those of the match.
    ``before`` and ``after`` are what registries answered about the image and its target, None if not asked."""

    reference: str
    upstream: str | None
    target: str | None
    safe: bool
    score: int
    reasons: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    against: tuple[str, ...] = ()
    status: Status | None = None
    before: dict[str, str] | None = None
    after: dict[str, str] | None = None

    @property
    def reason(self) -> str:
        """The reasons against the migration as one text; without any, those of the match."""
        return "; ".join(self.against or self.reasons)

    def as_json(self) -> dict[str, Any]:
        ranked = [{"upstream": c.upstream, "score": c.score, "reasons": list(c.reasons)} for c in self.candidates]
        plain = {key: value for key, value in self._asdict().items() if key != "against"}
        plain = {key: value for key, value in plain.items() if value is not None or key not in _ONLINE}
        return plain | {"reasons": list(self.reasons), "candidates": ranked}


def match(text: str, catalog: Catalog, seen_only: bool = False, today: str = "") -> Match:
    """Return how a reference, or an expression such as ``node:${V}``, maps; invalid text has a result too."""
    image = image_of(text)
    reference = parsed(image.ref.value)
    if reference is None:
        return Match(text, None, None, False, 0, (because("not-a-reference").message,), ())
    move = assess(image, catalog, seen_only, today)
    found = [] if move.state == "hardened" else candidates(reference)
    score = max((candidate.score for candidate in found if candidate.upstream == move.upstream), default=0)
    against = tuple(reason.message for reason in move.reasons)
    reasons = [*(reason for candidate in found[:1] for reason in candidate.reasons), *against]
    fact = catalog.moved(reference)
    if fact:
        reasons.append(fact.message)
        if fact.to and "." not in fact.to:
            found.append(Candidate(fact.to, 50, (f"it replaces {fact.name}",)))
    if move.upstream and not score:
        score = 100  # a row of the user's own mapping file
    return Match(
        text,
        move.upstream,
        move.target,
        move.safe,
        score,
        tuple(dict.fromkeys(reasons)),
        tuple(found),
        against,
        move.status,
        _registry_facts(image.ref.value, catalog),
        _registry_facts(move.target, catalog) if move.status == "available" else None,
    )


def _registry_facts(value: str | None, catalog: Catalog) -> dict[str, str] | None:
    """Return what a registry answered about an image, as texts by their name; None if it was not asked."""
    reference = parsed(value.partition("@")[0]) if value else None
    if not catalog.answers or not reference or is_open(value or ""):
        return None
    name = full_name(reference)
    config, answer = catalog.answers.configs.get(name), catalog.answers.images.get(name)
    if config is None:
        return None
    return {
        "user": config.user or "root",
        "entrypoint": " ".join(config.entrypoint),
        "cmd": " ".join(config.cmd),
        "folder": config.folder,
        "shell": " ".join(config.shell),
        "ports": " ".join(config.ports),
        "volumes": " ".join(config.volumes),
        "environment": " ".join(name for name, _ in config.environment),
        "platforms": " ".join(answer.platforms if answer else ()),
        "created": config.created,
        "size": f"{config.size / 1_000_000:.1f} MB" if config.size else "",
    }


_ONLINE = ("status", "before", "after")
"""What a match has only if registries were asked."""


def image_of(text: str) -> Image:
    """Return the text as an image; a tag with template marks counts as a variable."""
    place = Traced.of(text, 0, len(text))
    try:
        found = expand(place, lambda name: None)
    except ValueError:
        found = Expansion(place)
    name, colon, tag = found.text.value.rpartition(":")
    if colon and "/" not in tag and set(VARIABLE.sub("", tag)) & set("{%<"):
        cut = found.text.cut(0, len(name))
        return Image(cut, "", 0, len(text), unsettled=(*found.unsettled, tag))
    return Image(found.text, "", 0, len(text), unsettled=found.unsettled)
