"""The upstream image that a vendor's image takes the place of: where the way back, and from vendor to vendor, starts.

There is no table of its own for it: of the references that upstream's spelling allows, one is taken back to that the
vendor's own rows lead forward to the very image that is written.
"""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any, NamedTuple

from echo_migrate.files.data import read_block
from echo_migrate.files.source import Edit, apply
from echo_migrate.images.catalog import Catalog, Row, load
from echo_migrate.images.official_tags import may_have
from echo_migrate.images.providers import UPSTREAM
from echo_migrate.images.reference import Reference, parse, tag_change
from echo_migrate.images.tags import BUILD, Meaning, meaning_of, words_of
from echo_migrate.images.target import DOUBTS
from echo_migrate.images.target_tag import Change, TargetTag
from echo_migrate.images.upstream import facts
from echo_migrate.model import Migration, Variant
from echo_migrate.model.reasons import Reason, because

_OF_THE_VENDOR = frozenset(DOUBTS) - {"tags-unknown"}
"""Reasons that doubt whether the vendor has the image, which is written."""

OF_FAMILY = ("family", "family-unknown", "no-variant")
"""Reasons about the distribution's family, which is compared between both ends instead."""

Forward = Callable[[str, Catalog, Variant], Migration]
"""The migration of an upstream reference to a vendor."""


class Origin(NamedTuple):
    """The upstream image that a vendor's one takes the place of: its canonical name, and its tag, None for none.

    ``variant`` is that of the vendor's image, None if it has none. ``reasons`` are why the two may not be the same, and
    ``one_family`` says that both are known to be of one family of distributions. ``others`` are the tags of upstream's
    other variants that the vendor has the very same image for, as of ``3.13`` and ``3.13-slim``: what was moved there
    is not known.
    """

    name: str
    tag: str | None
    variant: Variant | None
    reasons: tuple[Reason, ...]
    one_family: bool
    others: tuple[str, ...] = ()

    @property
    def reference(self) -> Reference:
        """The upstream image as a reference by its canonical name."""
        return parse(f"{self.name}:{self.tag}" if self.tag is not None else self.name)


def origin(reference: Reference, place: tuple[str, str], forward: Forward) -> Origin | None:
    """Return the upstream image that a vendor's one takes the place of, None where that is not known.

    ``place`` is the vendor, and its name of the image.
    """
    vendor, image = place[0], place[1].rpartition("/")[2]
    tag = reference.tag or "latest"
    if vendor in facts().gone:
        return _of_the_gone(image, tag, facts().gone[vendor])
    catalog = load(vendor)
    if any(row.image == place[1] for rows in catalog.rows.values() for row in rows):
        image = place[1]  # the folder is a part of the vendor's name, not that of an organisation
    wanted = f"{catalog.target(image)}:{tag}"
    variant: Variant = "dev" if catalog.tags == "listed" and BUILD in tag.split("-") else "runtime"
    found: Origin | None = None
    others: dict[frozenset[str], str] = {}
    homes = load(UPSTREAM).rows
    for _, name, candidate in sorted(_candidates(image, tag, catalog, variant), key=lambda one: one[0]):
        if catalog.tags == "listed" and not may_have(name, candidate or "latest"):
            continue  # others keep upstream's tags, old ones too
        if found and not found.reasons and name != found.name:
            continue
        home = homes[name][0].image if name in homes else name
        move = forward(f"{home}:{candidate}" if candidate is not None else f"{home}", catalog, variant)
        target = move.target or ""
        if not move.edits or (target if ":" in target.rpartition("/")[2] else f"{target}:latest") != wanted:
            continue
        left = tuple(
            because("version-unstated") if one.id == "tags-unknown" else one
            for one in move.reasons
            if one.id not in (*_OF_THE_VENDOR, *OF_FAMILY)
        )
        own = variant if catalog.tags == "listed" else None
        family = not any(one.id in OF_FAMILY for one in move.reasons)
        if not found or (found.reasons and not left):
            found = Origin(name, candidate, own, left, family)
        if not left:
            others.setdefault(_function(name, candidate, catalog), candidate or "latest")
    if not found or found.reasons:
        return found
    return found._replace(others=tuple(others.values())[1:])


def _function(name: str, tag: str | None, catalog: Catalog) -> frozenset[str]:
    """Return the words of an upstream tag that make another image of it, slim among them: not those of a distribution,
    nor those that say what the tag without them is anyway."""
    return meaning_of(tag or "latest", catalog).words.difference(catalog.facts.plain.get(name, ()))


def _of_the_gone(image: str, tag: str, vendor: dict[str, Any]) -> Origin | None:
    """Return the upstream image of one whose registry was turned off, so that nobody can compare the two."""
    name, _, word = vendor["names"].get(image, image).partition(":")
    if name not in facts().official:
        return None
    first, *rest = [one for one in tag.split("-") if one != BUILD]
    variant: Variant = "dev" if BUILD in tag.split("-") else "runtime"
    reason = because("gone", vendor=vendor["title"], since=vendor["since"])
    return Origin(name, "-".join(filter(None, [first, word, *rest])), variant, (reason,), False)


def _candidates(image: str, tag: str, catalog: Catalog, variant: Variant) -> Iterator[tuple[int, str, str | None]]:
    """Yield upstream's names and tags that may stand for a vendor's image and tag, with the number of the tag's words
    that are not known of that name."""
    names = sorted(
        (name != image, name, row) for name, rows in catalog.rows.items() for row in rows if row.image == image
    )
    for _, name, row in names:
        if catalog.tags == "listed":
            yield from ((left, name, one) for left, one in _listed(tag, name, row, catalog, variant))
        else:
            yield from ((0, name, one) for one in _kept(tag, row))


def _kept(tag: str, row: Row) -> Iterator[str | None]:
    """Yield upstream's tags of a vendor without a list of tags: the row's words stand where they were taken out."""
    version = next((word for word in row.words if word[:1].isdigit()), "")
    others = sorted(row.words - {version})
    if version:
        yield "-".join([version, *others])
        return
    first, *rest = tag.split("-")
    yield "-".join([first, *others, *rest] if first != "latest" or not others else [*others, *rest])
    if tag == "latest" and not others:
        yield None


def _listed(tag: str, name: str, row: Row, catalog: Catalog, variant: Variant) -> Iterator[tuple[int, str | None]]:
    """Yield upstream's tags of a vendor whose tags are listed, in upstream's order: version, function, distribution. Of
    an image that has slim ones too, these are first for an image that is for running alone, and last for others; an
    image for building with a JDK may stand for one with a JRE."""
    meaning = meaning_of(tag, catalog)
    own = words_of("*", catalog.vendor) | words_of(name, catalog.vendor)
    functions = sorted(meaning.words - {BUILD})
    if not set(functions).isdisjoint(_vendors_words(catalog.vendor)):
        return
    first = tag.partition("-")[0]
    versions = [first] if meaning.version else [""]
    plain = _distributions(name, meaning, catalog, False)
    slim = _distributions(name, meaning, catalog, True) if name in catalog.facts.variants.get("slim", ()) else []
    distributions = [*slim, *plain] if variant == "runtime" else [*plain, *slim]
    less = [one for one in functions if one != "jdk"] if variant == "dev" and "jdk" in functions else functions
    for words, left in (*_spelt(functions, own), *(_spelt(less, own) if less != functions else ())):
        for version, one in product(versions, dict.fromkeys(distributions)):
            spelt = "-".join(filter(None, [version, *sorted(row.words), *words, one]))
            if spelt:
                yield left, spelt
            else:
                yield from ((left, "latest"), (left, None))


def _spelt(functions: list[str], own: dict[str, str]) -> Iterator[tuple[list[str], int]]:
    """Yield upstream's words for a vendor's words of the function, and how many of these have none of its own."""
    if functions and own.get("", own.get("?")) == "-".join(functions):
        yield [], 0
    choices = []
    for word in functions:
        keys = [key for key, value in own.items() if value == word and key.strip("?") and not key.endswith("-")]
        keys += [
            key + word[len(value) :]
            for key, value in own.items()
            if key.endswith("-") and value and word.startswith(value) and word[len(value) :].isdigit()
        ]
        choices.append(keys or [word])
    for words in product(*choices):
        yield list(words), len({*functions} & {*words} - own.keys())
    if not functions:  # upstream's tag may name what the vendor's image has anyway
        yield from (([key], 0) for key, value in own.items() if value == "" and key not in ("", "?", "slim"))


def _distributions(name: str, tag: Meaning, catalog: Catalog, slim: bool) -> list[str]:
    """Return upstream's words for the distribution of a vendor's tag, the best first, with slim where it is asked."""
    version, _, family, release = tag
    if family == "debian" and release:
        word = next((word for word, number in catalog.facts.debian_releases.items() if number == release), "")
        first, last = ("", "-slim") if name in catalog.facts.slim_last else ("slim-", "")
        return [f"{first}{word}{last}" if slim else word]
    if family and family != "debian":
        plain = not release and family == catalog.facts.family_of(name, version, tag.words)
        return [] if slim else [*([""] if plain else []), f"{family}{release}"]
    return ["slim" if slim else ""]


def _vendors_words(vendor: str) -> list[str]:
    """Return the words of a vendor's tags that no upstream tag has."""
    return read_block(f"tags/{vendor}.yaml", "_own") or []


class CrossingTag(TargetTag):
    """Determines the tag of a target for a vendor's image, by way of the upstream image that it takes the place of."""

    def __init__(
        self, reference: Reference, origin: Origin, row: Row, catalog: Catalog, today: str, variant: Variant
    ) -> None:
        super().__init__(origin.reference, origin.name, row, catalog, today, variant)
        self.written = reference
        self.shown = reference.tag or "latest"
        self.origin = origin
        self.one_family = origin.one_family

    def changes(self) -> list[Change] | Reason:
        found = [] if self.catalog.vendor == UPSTREAM else super().changes()
        if isinstance(found, Reason):
            return found
        before = self.origin.reference
        value = f"{before.name}:{before.tag}" if before.tag is not None else before.name
        tag = parse(apply(value, [Edit(*change) for change in found])).tag
        self.unsafe_reasons = [one for one in self.unsafe_reasons if one.id not in OF_FAMILY]
        self.unsafe_reasons[:0] = self.origin.reasons
        return tag_change(self.written.name_end, self.written.tag, tag or "latest")
