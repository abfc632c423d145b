"""When lines of upstream images reach their end of life, and which versions upstream has published of late."""

from functools import lru_cache
from typing import Any, NamedTuple

from echo_migrate.files.data import read_block
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.images.catalog import Catalog
from echo_migrate.images.reference import Reference, parsed
from echo_migrate.images.upstream import lines, numbers
from echo_migrate.model import Image

_VERSION = lazy_regex(r"v?(\d+(?:\.\d+)*)(?:_\w+|u\d+|(?:a|alpha|b|beta|rc)\d*)?")
"""A version with what may follow its numbers: a build (11.0.20_8), an update (8u292), a preview (1.20rc1)."""
_UPDATE = lazy_regex(r"(?<=^8)u(?=\d)")
"""What stands before the update of a version of Java 8 (8u502)."""
_RED_HAT = lazy_regex(r"registry\.access\.redhat\.com/(?:ubi|rhel)(\d+)(?![^/-])", needs=("redhat",))
_EARLY = lazy_regex(r"(?i)v?\d+(?:\.\d+)*\.?(?:a|alpha|b|beta|m|rc|preview)\d*")
"""A version before its release: 3.15.0a2, 19beta1, 8.6.0RC1."""

_NUMBER = lazy_regex(r"[1-9]\d*")
_NEXT = 10
"""How far above the newest of the data a part of a version may be: an update of Java 8 is 10 above the last."""


_MONTHS = 3
"""For how many months a line that is named has support at least, if a later one does."""


BY_STEPS = frozenset(("Elasticsearch", "MongoDB Server", "MySQL", "RabbitMQ"))
"""The titles of what reads data of the release before it, and of no older one (rabbitmq.com/docs/upgrade;
dev.mysql.com, "Upgrade Paths"; mongodb.com/docs, "Release Notes"; elastic.co/docs)."""


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


def ends(image: Image, upstream: str | None, catalog: Catalog, today: str) -> list[End]:
    """Return the ended lines that a reference names: of what the image is made for, its language, its distribution.

    ``upstream`` is None where it is not known for certain.
    """
    reference = parsed(image.ref.value)
    copied = image.where.startswith(("ADD", "COPY", "RUN"))  # from its files, not run on its distribution
    return list(_ends(reference, upstream, copied, catalog, today)) if reference else []


@lru_cache(maxsize=4096)
def _ends(reference: Reference, upstream: str | None, copied: bool, catalog: Catalog, today: str) -> tuple[End, ...]:
    if upstream:
        product = end_of_line(upstream, reference.words[0].text, today) if reference.words else None
        language = end_of_language(reference, today)
        below = None if copied else end_of_distribution(reference, catalog, today)
    else:
        product, language, below = None, None, None if copied else end_of_windows(reference, today)
    return tuple(end for end in dict.fromkeys((product, language, below)) if end)


def end_of_line(upstream: str, version: str, today: str) -> End | None:
    """Return the end of the line that a tag's first word says, of what the image is made for."""
    product = _block("_images").get(upstream)
    version = (_block("_codenames").get(upstream) or {}).get(version, version)
    match = _VERSION.fullmatch(version.removeprefix(upstream)) if product else None
    return _end(product, match[1], today) if match else None


def is_early(version: str) -> bool:
    """Return whether a version is one before its release, of those that upstreams publish under tags of their own."""
    return _EARLY.fullmatch(version) is not None


def end_of_language(reference: Reference, today: str) -> End | None:
    """Return the end of the language's line that a tag names behind its first word: ``php8.1``, ``openjdk-16``."""
    words = [word.text for word in reference.words]
    for word, behind in zip(words[1:], [*words[2:], ""], strict=False):
        name = word.rstrip("0123456789.")
        product, title = _block("_languages").get(name, ("", ""))
        match = _VERSION.fullmatch(word[len(name) :] or behind) if product else None
        end = _end(product, match[1], today) if match else None
        if end:
            return end._replace(title=title)
    return None


def end_of_windows(reference: Reference, today: str) -> End | None:
    """Return the end of the Windows release that a tag of Windows' own images, or of one built on them, names."""
    words = [word.text.lower() for word in reference.words]
    own = reference.name.startswith("mcr.microsoft.com/windows/")
    for before, word in zip(["", *words], words, strict=False):
        cycle = _block("_windows").get(word) if own or before in ("nanoserver", "windowsservercore") else None
        end = _end("windows-server", cycle, today) if cycle else None
        if end and cycle:
            cycles = _block("windows-server")["cycles"]
            newest = max((one for one in cycles if _supported(cycles[one], today)), key=numbers, default="")
            return end._replace(line=cycle.removesuffix("-sac").upper(), follower=newest)
    return None


def end_of_distribution(reference: Reference, catalog: Catalog, today: str) -> End | None:
    """Return the end of the distribution's release that a tag names (``buster``, ``alpine3.12``), or that a name of Red
    Hat's registry does (``ubi7/ubi-minimal``)."""
    windows = end_of_windows(reference, today)
    if windows:
        return windows
    named = _RED_HAT.match(reference.name)
    if named:
        return _end("rhel", named[1], today)
    for word in reference.words:
        product, cycle = release_of(word.text)
        if product and (word.text in _block("_releases") or (cycle and catalog.word_family(word.text))):
            return _end(product, cycle, today)
    return None


def release_of(word: str) -> tuple[str, str]:
    """Return the product and the cycle that a word of a tag names, as bookworm and alpine3.22 do; the product is "" if
    it names none."""
    if word in _block("_releases"):
        product, cycle = _block("_releases")[word]
        return product, cycle
    name = word.rstrip("0123456789.")
    return _block("_images").get(name) or "", word[len(name) :]


def has_releases(upstream: str) -> bool:
    """Return whether there is data of the release lines of an image."""
    return upstream in _block("_images")


def release_line(upstream: str, version: str) -> str:
    """Return the release line that a version belongs to, as the data has it: 22 for node 22.4.1; "" if not known. What
    other lines of the data divide is none: Jenkins' 2 is both its weekly releases and 2.568."""
    product = _block("_images").get(upstream)
    cycles = _block(product)["cycles"] if product else ()
    line = next((line for line in lines(version) if line in cycles), "")
    return "" if any(cycle.startswith(f"{line}.") for cycle in cycles) else line


@lru_cache(maxsize=4096)
def _end(product: str, version: str, today: str) -> End | None:
    """Return the end of a version's line on a day, None if it is supported or not known.

    A version that leaves the line open (``postgres:9``) is past its end if all that it can mean are.
    """
    block = _block(product)
    cycles: dict[str, Any] = block["cycles"]
    line = next((line for line in lines(version) if line in cycles), None)
    possible = [line] if line else [cycle for cycle in cycles if cycle.startswith(f"{version}.")]
    if not possible:
        return _without_cycle(block, version, today)
    if any(_supported(cycles[cycle], today) for cycle in possible):
        return None
    last = max(possible, key=numbers)
    dates = [date for cycle in possible for date in _dates(cycles[cycle])[:1]]
    until = max([date for cycle in possible for date in _dates(cycles[cycle])[1:]], default="")
    if until and until < today:
        dates, until = [until], ""
    return End(block["title"], line or version, max(dates, default=""), until, _follower(cycles, last, today))


def _without_cycle(block: Any, version: str, today: str) -> End | None:
    """Return the end of a version that there is no cycle of: it is older than all, or stands between two that are past
    their end (nginx 1.13, before 1.14). Its date is not known."""
    number, cycles = numbers(version), block["cycles"]
    known = sorted((numbers(cycle), cycle) for cycle in cycles if numbers(cycle))
    newer = next((index for index, (one, _) in enumerate(known) if one > number), None)
    if newer is None or (newer and any(_maintained(cycles[cycle], today) for _, cycle in known[newer - 1 : newer + 1])):
        return None
    return End(block["title"], version, "", "", _follower(cycles, version, today))


def _follower(cycles: dict[str, Any], line: str, today: str) -> str:
    """Return the oldest newer line that is supported for some time yet, or else that is supported, "" if none is."""
    newer = [cycle for cycle in cycles if numbers(cycle) > numbers(line) and _supported(cycles[cycle], today)]
    lasting = [cycle for cycle in newer if _supported(cycles[cycle], _later(today))]
    return min(lasting or newer, key=numbers, default="")


def _later(today: str) -> str:
    """Return an ISO date of some months later: nobody should move to a line that ends by then."""
    year, month = divmod(int(today[:4]) * 12 + int(today[5:7]) - 1 + _MONTHS, 12)
    return f"{year}-{month + 1:02}{today[7:]}"


def _supported(end: Any, today: str) -> bool:
    """Return whether a line has full support on a day, by the dates of its end."""
    return end == "" or any(date >= today for date in _dates(end)[:1])


def _maintained(end: Any, today: str) -> bool:
    """Return whether a line has support on a day, full or long-term."""
    return end == "" or any(date >= today for date in _dates(end))


def _dates(end: Any) -> list[str]:
    """Return the dates of an end: that of full support, and that of free long-term support where there is one."""
    if isinstance(end, list):
        return end
    return [end] if end[:1].isdigit() else []


@lru_cache
def _block(key: str) -> Any:
    return read_block("eol.yaml", key)


@lru_cache
def _published(upstream: str) -> dict[str, tuple[int, ...]]:
    """Return the versions in the data without a leading v, with their numbers."""
    known: list[str] = (read_block("published.yaml", upstream) if upstream[:1] != "_" else None) or []
    return {plain: _numbers(plain) for plain in (version.removeprefix("v") for version in known)}


def published_since(upstream: str, version: str) -> bool:
    """Return whether upstream has published a version since the day of the data, or may have: it is one of the next
    after all of the data, or after all of its release line there, or there is no data of the image."""
    known = _published(upstream)
    version = version.removeprefix("v")
    number = _numbers(version)
    if not known or version in known or not number:
        return True
    line = numbers(release_line(upstream, version))
    own = {one: parts for one, parts in known.items() if line and parts[: len(line)] == line}
    if number > max(known.values()):
        return _is_near(version, own or known)
    return bool(own) and number > max(own.values()) and _is_near(version, own)


def is_superseded(upstream: str, version: str) -> bool:
    """Return whether a version is older than the newest one in the data of its release line, or of the image if it has
    none of that line, and is written as upstream writes its versions: it was published before the day of the data."""
    known, version = _published(upstream), version.removeprefix("v")
    line = numbers(release_line(upstream, version))
    own = [parts for parts in known.values() if line and parts[: len(line)] == line]
    alike = {_shape(one) for one in known}
    return _shape(version) in alike and _numbers(version) < max(own or known.values(), default=())


def last_known() -> str:
    """Return the day of the data of versions."""
    return str(read_block("published.yaml", "_about")["date"])


def _is_near(version: str, known: dict[str, tuple[int, ...]]) -> bool:
    """Return whether a version is written as known ones are, and no part of it is far above theirs: ``17.99`` or
    ``3.12.20250101`` may never be."""
    alike = [parts for one, parts in known.items() if _shape(one) == _shape(version)]
    tops = [max(parts) for parts in zip(*alike, strict=True)]
    return bool(tops) and all(part <= top + _NEXT for part, top in zip(_numbers(version), tops, strict=True))


def _shape(version: str) -> str:
    """Return how a version is written: each of its numbers as 0, with leading zeros before it."""
    return _NUMBER.sub("0", version)


def _numbers(version: str) -> tuple[int, ...]:
    """Return the numbers of a version, with the update and the build of one of Java: (8, 502), (21, 0, 9, 10)."""
    return numbers(_UPDATE.sub(".", version).replace("_", "."))
