"""An image whose release line no longer receives security fixes."""

from collections.abc import Iterator

from echo_migrate.images.end_of_life import End, end_of_distribution, end_of_language, end_of_line, end_of_windows
from echo_migrate.images.facts import facts_of
from echo_migrate.images.reference import parsed
from echo_migrate.model import Finding, Image
from echo_migrate.rules._rule import Context, rule


@rule(on=Image, level="warning")
def end_of_life_base(image: Image, context: Context) -> Iterator[Finding]:
    move, today = context.moves[image], context.settings.today
    if image.local or image.not_editable or not today:
        return
    if move.hardened:
        ended = facts_of(image.ref.value, context.settings.catalog).eol
        if ended == "ended" or (ended and ended < today):
            on = f" on {ended}" if ended != "ended" else ""
            message = f"{image.shown} reached end of life{on}, by its vendor: use a newer release"
            yield Finding(image.start, image.end, message)
        return
    reference = parsed(image.ref.value)
    if reference is None:
        return
    copied = image.where.startswith(("ADD", "COPY", "RUN"))  # from its files, not run on its distribution
    if move.upstream and not move.likely:
        product = end_of_line(move.upstream, reference.words[0].text, today) if reference.words else None
        language = end_of_language(reference, today)
        below = None if copied else end_of_distribution(reference, context.settings.catalog, today)
    else:
        product, language, below = None, None, None if copied else end_of_windows(reference, today)
    ends = [end for end in dict.fromkeys((product, language, below)) if end]
    over = [end for end in ends if not end.until]
    if over:
        message = f"{_over(over)}{_remedy(over)}"
        yield Finding(image.start, image.end, message)
    elif ends:
        end = ends[0]
        message = f"{end.shown} has only long-term support, until {end.until}"
        message += _remedy([end])
        yield Finding(image.start, image.end, message, level="note", quiet=True)


def _over(ends: list[End]) -> str:
    first, *others = [f"on {end.date}" if end.date else "" for end in ends]
    message = f"{ends[0].shown} reached end of life {first}".rstrip()
    return message + "".join(f", and {end.shown} {when}".rstrip() for end, when in zip(ends[1:], others, strict=True))


def _remedy(ends: list[End]) -> str:
    followers = [end for end in ends if end.follower]
    if not followers:
        return ""
    names = [end.follower if len(ends) == 1 else f"{end.title} {end.follower}" for end in followers]
    return f": use {' and '.join(names)} or later"
