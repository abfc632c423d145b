"""An image whose release line no longer receives security fixes."""

from collections.abc import Iterator

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.images.end_of_life import BY_STEPS, End, end_of_distribution, ends
from echo_migrate.images.facts import facts_of
from echo_migrate.images.reference import Reference, parsed
from echo_migrate.images.state import keeps_data
from echo_migrate.model import Finding, Image
from echo_migrate.rules._rule import Context, rule

_RELEASE = lazy_regex(r"([^\s:@]{1,200}-debian)(\d{1,3})", needs=("-debian",))

_KIND = lazy_regex(r"(?:latest|debug|nonroot|debug-nonroot)(?:-(?:amd64|arm64|arm|ppc64le|s390x))?")
"""The tags of distroless, each of which every release has (github.com/GoogleContainerTools/distroless)."""

_OF_DATA = {
    **dict.fromkeys(BY_STEPS, "its data must be migrated step by step"),
    "PostgreSQL": "its data must be migrated with pg_upgrade or a dump",
}
"""What is to be done for the data of what reads none of the release before it without a tool, too, which may skip
releases (postgresql.org/docs, pg_upgrade)."""


@rule(on=Image, level="warning")
def end_of_life_base(image: Image, context: Context) -> Iterator[Finding]:
    move, today = context.moves[image], context.settings.today
    if image.local or image.not_editable or not today:
        return
    if move.hardened:
        ended = facts_of(image.ref.value, context.settings.catalog).eol
        if ended == "ended" or (ended and ended < today):
            on = f" on {ended}" if ended != "ended" else ""
            from echo_migrate.images.vendor_tags import all_ended  # most files name no image of a vendor

            reference = parsed(image.ref.value)
            last = reference is not None and all_ended(reference, context.settings.catalog, today)
            newer = _next(reference, context) or "a newer release"
            remedy = ", which lists no newer line" if last else f": use {newer}"
            message = f"{image.shown} reached end of life{on}, by its vendor{remedy}"
            yield Finding(image.start, image.end, message)
        return
    found = ends(image, None if move.likely else move.upstream, context.settings.catalog, today)
    over = [end for end in found if not end.until]
    if over:
        message = f"{_over(over)}{_of_a_newer_version(over, image, move.upstream, context) or _remedy(over)}"
        if over[0].title in _OF_DATA and keeps_data(image, context.settings.catalog):
            message += f"; {_OF_DATA[over[0].title]}"
        yield Finding(image.start, image.end, message)
    elif found:
        end = found[0]
        message = f"{end.shown} has only long-term support, until {end.until}"
        message += _remedy([end])
        yield Finding(image.start, image.end, message, level="note", quiet=True)


def _next(reference: Reference | None, context: Context) -> str:
    """Return the name of a vendor's image with the next release of Debian in it, if that is known and has not ended, as
    those of distroless; or ""."""
    release = _RELEASE.fullmatch(reference.name) if reference else None
    name = f"{release[1]}{int(release[2]) + 1}" if release else ""
    found = parsed(name) if name else None
    known = found and context.settings.catalog.upstream(found)
    ended = known and facts_of(name, context.settings.catalog).eol
    kind = f":{reference.tag}" if reference and reference.tag and _KIND.fullmatch(reference.tag) else ""
    return f"{name}{kind}" if known and not known.likely and not ended else ""


def _over(ends: list[End]) -> str:
    first, *others = [f"on {end.date}" if end.date else "" for end in ends]
    message = f"{ends[0].shown} reached end of life {first}".rstrip()
    return message + "".join(f", and {end.shown} {when}".rstrip() for end, when in zip(ends[1:], others, strict=True))


def _of_a_newer_version(ends: list[End], image: Image, upstream: str | None, context: Context) -> str:
    """Return the remedy for the distribution of a tag whose version upstream has published on no supported release of
    it, "" for others."""
    reference = parsed(image.ref.value) if upstream and len(ends) == 1 and ends[0].follower else None
    settings = context.settings
    if not upstream or not reference or end_of_distribution(reference, settings.catalog, settings.today) != ends[0]:
        return ""
    from echo_migrate.images.official_tags import first_with  # most tags name no release that has ended

    tag = first_with(upstream, reference.tag or "", ends[0].follower)
    return f": use {reference.name}:{tag} or later" if tag else ""


def _remedy(ends: list[End]) -> str:
    followers = [end for end in ends if end.follower]
    if not followers:
        return ""
    names = [end.follower if len(ends) == 1 else f"{end.title} {end.follower}" for end in followers]
    return f": use {' and '.join(names)} or later"
