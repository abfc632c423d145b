"""An image whose release line no longer receives security fixes."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from echo_migrate.files.data import read_block
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.images.catalog import Catalog
from echo_migrate.images.facts import facts_of
from echo_migrate.images.reference import Reference, parsed
from echo_migrate.images.upstream import lines
from echo_migrate.model import Finding, Image
from echo_migrate.rules._rule import Context, rule

_VERSION = lazy_regex(r"v?(\d+(?:\.\d+)*)(?:_\w+|u\d+|(?:a|alpha|b|beta|rc)\d*)?")
"""A version with what may follow its numbers: a build (11.0.20_8), an update (8u292), a preview (1.20rc1)."""


class End(NamedTuple):
    """The end of a line, in the past. ``date`` is "" where it is not known, ``until`` the end of the long-term support
    that is left ("" for none), and ``follower`` the oldest newer line that is supported, "" if none is."""

    title: str
    line: str
    date: str
    until: str
    follower: str

    @property
    def shown(self) -> str:
        return f"{self.title} {self.line}"


@rule(on=Image, level="warning")
def end_of_life_base(image: Image, context: Context) -> Iterator[Finding]:
    move, today = context.moves[image], context.settings.today
    if image.local or image.not_editable or not today:
        return
    if move.state == "hardened":
        ended = facts_of(image.ref.value, context.settings.catalog).eol
        if ended and ended < today:
            message = f"{image.shown} ended on {ended}, by its vendor: use a newer line"
            yield Finding(image.start, image.end, message)
        return
    if not move.upstream or move.likely:
        return
    reference = parsed(image.ref.value)
    if reference is None:
        return
    product = _product(move.upstream, reference, today)
    below = (
        _distribution(reference, context.settings.catalog, today) if image.where.endswith(("FROM", ".image")) else None
    )
    ends = [end for end in dict.fromkeys((product, below)) if end]
    over = [end for end in ends if not end.until]
    if over:
        message = f"{_over(over)}{_remedy(over, 'supported line')}"
        yield Finding(image.start, image.end, message)
    elif ends:
        end = ends[0]
        message = f"{end.shown} has only long-term support, until {end.until}"
        message += _remedy([end], "line with full support")
        yield Finding(image.start, image.end, message, level="note")


def _over(ends: list[End]) -> str:
    first, *others = [f"on {end.date}" if end.date else "" for end in ends]
    message = f"{ends[0].shown} ended {first}".rstrip()
    return message + "".join(f", and {end.shown} {when}".rstrip() for end, when in zip(ends[1:], others, strict=True))


def _remedy(ends: list[End], what: str) -> str:
    followers = [end for end in ends if end.follower]
    if not followers:
        return ""
    names = [end.follower if len(ends) == 1 else f"{end.title} {end.follower}" for end in followers]
    return f": next {what} is {names[0]}" if len(names) == 1 else f": next {what}s are {' and '.join(names)}"


def _product(upstream: str, reference: Reference, today: str) -> End | None:
    """Return the end of the line that a tag's first word says, of what the image is made for."""
    product = _block("_images").get(upstream)
    words = [word.text.removeprefix(upstream) for word in reference.words[:1]]
    match = _VERSION.fullmatch(words[0]) if product and words else None
    return _end(product, match[1], today) if match else None


def _distribution(reference: Reference, catalog: Catalog, today: str) -> End | None:
    """Return the end of the distribution's release that a tag names: ``buster``, ``alpine3.12``."""
    for word in reference.words:
        if word.text in _block("_releases"):
            product, cycle = _block("_releases")[word.text]
            return _end(product, cycle, today)
        name = word.text.rstrip("0123456789.")
        product = _block("_images").get(name) if catalog.word_family(word.text) else None
        if product and name != word.text:
            return _end(product, word.text[len(name) :], today)
    return None


@lru_cache(maxsize=4096)
def _end(product: str, version: str, today: str) -> End | None:
    """Return the end of a version's line on a day, None if it is supported or not known.

    A version that leaves the line open (``postgres:9``) is past its end if all that it can mean are.
    """
    block = _block(product)
    cycles: dict[str, Any] = block["cycles"]
    line = next((line for line in lines(version) if line in cycles), None)
    possible = [line] if line else [cycle for cycle in cycles if cycle.startswith(f"{version}.")]
    if not possible or any(_supported(cycles[cycle], today) for cycle in possible):
        return None
    last = max(possible, key=_number)
    dates = [date for cycle in possible for date in _dates(cycles[cycle])[:1]]
    until = max([date for cycle in possible for date in _dates(cycles[cycle])[1:]], default="")
    if until and until < today:
        dates, until = [until], ""
    newer = [cycle for cycle in cycles if _number(cycle) > _number(last) and _supported(cycles[cycle], today)]
    return End(block["title"], line or version, max(dates, default=""), until, min(newer, key=_number, default=""))


def _supported(end: Any, today: str) -> bool:
    """Return whether a line has full support on a day, by what the data says of its end."""
    return end == "" or any(date >= today for date in _dates(end)[:1])


def _dates(end: Any) -> list[str]:
    """Return the dates of an end: that of full support, and that of free long-term support where there is one."""
    if isinstance(end, list):
        return end
    return [end] if end[:1].isdigit() else []


def _number(cycle: str) -> tuple[int, ...]:
    return tuple(int(part) for part in cycle.split(".") if part.isdigit())


@lru_cache
def _block(key: str) -> Any:
    return read_block("eol.yaml", key)
