"""Whether a vendor is known to have the tag of one of its images, by the list of its tags."""

from collections.abc import Iterable
from typing import NamedTuple

from echo_migrate.images.catalog import Catalog, load
from echo_migrate.images.facts import listed, published
from echo_migrate.images.reference import Reference, is_open
from echo_migrate.images.tags import BUILD, Meaning, meaning_of, nearest
from echo_migrate.images.upstream import lines, numbers
from echo_migrate.model import Migration

_FIXED = ("chainguard",)
"""Vendors whose free images have these tags alone, at all times: any other tag is of an organisation's own registry."""


_BUILT = ("suse",)
"""Vendors whose list is of what is built today, while their registry keeps the tags of earlier versions."""


class Missing(NamedTuple):
    """A tag that a vendor's list does not have: the vendor's title, the tag, the list's date, the nearest tag there."""

    vendor: str
    tag: str
    date: str
    nearest: str


def missing(reference: Reference, catalog: Catalog) -> Missing | None:
    """Return what is known of a vendor's image whose tag is in no line of the vendor's list; None where the tag may be
    there: a patch version or a newer line than those of the list, an image that the list does not have."""
    place = _listed_place(reference, catalog)
    if place is None or is_open(reference.tag or "") or (reference.digest and reference.tag is None):
        return None
    vendor, image = place
    known, tag = load(vendor), reference.tag or "latest"
    tags = listed(image, vendor)
    if not tags or tag in tags:
        return None
    if vendor in _BUILT and meaning_of(tag, known).version:
        return None
    if vendor not in _FIXED and _may_be_there(meaning_of(tag, known), [meaning_of(one, known) for one in tags]):
        return None
    return Missing(known.title, tag, known.date, _nearest(image, tag, list(tags), known))


def _nearest(image: str, tag: str, tags: list[str], known: Catalog) -> str:
    """Return the tag of the same version that is most alike, else the nearest one."""
    wanted = meaning_of(tag, known)
    same = {one: meaning for one in tags if (meaning := meaning_of(one, known)).version == wanted.version}

    def difference(one: str) -> tuple[int, bool, int, str]:
        return len(same[one].words ^ wanted.words), same[one][2:] != wanted[2:], len(one), one

    return min(same, key=difference) if same and wanted.version else nearest(image, tag, image, known)


def runtime_tag(reference: Reference, catalog: Catalog) -> str:
    """Return the tag of the variant for running that stands beside a vendor's variant for building, or ""."""
    place = _listed_place(reference, catalog)
    words = (reference.tag or "").split("-")
    if place is None or BUILD not in words or is_open(reference.tag or ""):
        return ""
    tag = "-".join(word for word in words if word != BUILD)
    return tag if tag in listed(place[1], place[0]) else ""


def all_ended(reference: Reference, catalog: Catalog, today: str) -> bool:
    """Return whether a vendor lists the image, and no tag of it whose line is not past its end."""
    place = _listed_place(reference, catalog)
    tags = listed(place[1], place[0]) if place else {}
    return bool(tags) and all(facts.eol and facts.eol < today for facts in tags.values())


def unlisted_builds(moves: Iterable[Migration], catalog: Catalog) -> list[Migration]:
    """Return those of some moves that are to a tag which the provider's list does not have, as moves to the variant for
    building of that tag, the one with most in it: what that lacks, any tag lacks. Images without that variant are left
    out."""
    return [found for move in moves if (found := _unlisted_build(move, catalog))]


_UNLISTED = ("no-such-tag", "tag-unlisted", "versions-unlisted", "word-unlisted")
"""The reasons why the provider has no counterpart of a tag; each has the image and the tag."""


def _unlisted_build(move: Migration, catalog: Catalog) -> Migration | None:
    reason = move.reasons[0] if move.reasons and not move.edits and move.target else None
    if reason is None or reason.id not in _UNLISTED:
        return None
    image, tag = (dict(reason.values)[key] for key in ("image", "tag"))
    if not any(one.endswith(f"-{BUILD}") for one in published(image, catalog)):
        return None
    return move._replace(target=f"{catalog.target(image)}:{tag.removesuffix(f'-{BUILD}')}-{BUILD}")


def _listed_place(reference: Reference, catalog: Catalog) -> tuple[str, str] | None:
    """Return the vendor and the image of a reference to a registry of a vendor whose tags are listed, or None."""
    place = catalog.place(reference)
    if place is None or (place[0] == catalog.vendor and (catalog.answers or catalog.lists)):
        return None
    known = load(place[0])
    registries = [source.registry for source in catalog.facts.sources if source.vendor == place[0]]
    above = [registry for registry in registries if known.registry.startswith(f"{registry}/")]  # of organisations' own
    own = any(catalog.path(reference) == f"{registry}/{place[1]}" for registry in registries if registry not in above)
    return place if own and known.tags == "listed" else None


def _may_be_there(wanted: Meaning, known: list[Meaning]) -> bool:
    """Return whether a tag may exist beside those of a list: a patch version of a line in it, or a newer version."""
    alike = [one for one in known if one.words == wanted.words and one[2:] == wanted[2:]]
    if not wanted.version or not alike:
        return False
    if numbers(wanted.version) > max(numbers(one.version) for one in known):
        return True
    versions = {one.version for one in alike}
    if wanted.version in versions:
        return False  # it is there, and spelt otherwise
    shortest = min(2, wanted.version.count(".") + 1)
    return any(line in versions for line in lines(wanted.version) if line.count(".") + 1 >= shortest)
