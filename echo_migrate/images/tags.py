"""The tags of a provider that mean what an upstream tag means: version, function and distribution.

Tags are compared by meaning, not by spelling: ``3.13-slim-trixie`` is ``3.13-debian13`` at one provider.
A word of the function (``fpm``, ``jdk21``) is never dropped, and a version never becomes that of another release line.
"""

from collections.abc import Callable, Collection, Iterable
from functools import lru_cache
from typing import NamedTuple

from echo_migrate.files.data import read_block
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.images.catalog import FIPS, Catalog
from echo_migrate.images.end_of_life import release_line
from echo_migrate.images.facts import published
from echo_migrate.images.upstream import lines, numbers

BUILD = "dev"
"""The tag word of the variants for building, with a shell, a package manager and root."""

BEFORE_RELEASE = ("preview", "rc")
"""The tag words of images of a version that is to be released: a list that has the version has its release."""

FLOATING = frozenset(("current", "lts", "mainline", "stable"))
"""The tag words that name a line by its support, which may be another one tomorrow."""

_IS_ITS_RELEASE = "debian"
"""The image whose versions are the releases of its distribution."""

Distribution = tuple[str | None, str]
"""The family and the release that a tag names, None and "" where it names none."""

_NUMBERED = lazy_regex(r"(?<=[a-z])-(?=\d{1,4}(?:\.\d+)*(?:-|$))")
"""The dash before a further version: ``otp-27`` is ``otp27``, ``alpine-3.22`` is ``alpine3.22``."""

_REVISION = lazy_regex(r"(?<=-debian)-(\d{1,2}(?:\.\d+)*)(?=-|$)")
"""The number behind the word debian: a release of it, or the revision of an image (fluentd's v1.19-debian-1.0)."""

_UPDATE = lazy_regex(r"(?<=8u\d\d\d)-(?=b\d\d)")
"""The dash before the build's number in a version of Java 8 (8u502-b07), which other tags write as a dot."""

_BUILD_NUMBER = lazy_regex(r"[+_](?=\d)")
"""What stands before the build's number in a version (21.0.5_11), which other tags write as a dot."""


class Meaning(NamedTuple):
    """What a tag says: the version ("" for none), the words of the function, and the distribution's family and release
    (None and "" where it names none)."""

    version: str
    words: frozenset[str]
    family: str | None = None
    release: str = ""


class Choice(NamedTuple):
    """A provider's tag, and what it does not keep: whether it writes out what upstream's tag leaves open, whether it is
    the line of a patch version, the distribution's release that changes, and the version at which its line stands
    behind ("" for none)."""

    tag: str
    floating: bool = False
    line: bool = False
    release: str = ""
    behind: str = ""


def choose(name: str, tag: str, image: str, catalog: Catalog, build: bool = False) -> Choice | None:
    """Return the tag of the provider's ``image`` that means what ``tag`` of the upstream image ``name`` means, None if
    there is none; ``build`` asks for the variant for building. A FIPS variant is preferred if the catalog says so."""
    found = _choose(name, tag, image, catalog, build, frozenset((FIPS,))) if catalog.prefers_fips else None
    return found or _choose(name, tag, image, catalog, build, frozenset())


def _choose(name: str, tag: str, image: str, catalog: Catalog, build: bool, more: frozenset[str]) -> Choice | None:
    """Return the tag that has ``more`` words of the function too."""
    wanted, today, open_word = _wanted(name, tag, catalog)
    wanted = wanted._replace(words=wanted.words | more)
    published = _published(image, catalog)
    families = {family for offered in published.values() for family, _ in offered}
    # a JDK has all that a JRE has
    functions = (wanted.words | {BUILD}, wanted.words | {BUILD, "jdk"}) if build else (wanted.words,)
    for meant in (_versions(name, wanted.version, today), None):
        for words in functions:
            offered = published.get(words, {})
            for family, release in _distributions(name, wanted, offered, families, catalog):
                of_it = offered[family, release]
                versions = _newest(name, wanted.version, today, of_it) if meant is None else meant
                version = next((one for one in versions if one in of_it), None)
                if version is not None:
                    fixed = not wanted.version and bool(version or (release and not wanted.family))
                    same_family = (family or catalog.family) == wanted.family
                    changed = bool(wanted.release) and same_family and release != wanted.release
                    return Choice(
                        of_it[version],
                        floating=fixed or open_word or meant is None,
                        line=version != wanted.version and bool(wanted.version) and meant is not None,
                        release=f"{wanted.family} {wanted.release}" if changed else "",
                        behind=_behind(version, of_it, offered.values()),
                    )
    return None


def without_word(tag: str, published: Iterable[str], known: Collection[str]) -> tuple[str, str]:
    """Return an upstream tag without the first of some known words that is not its version, and that word; the tag and
    "" if there is none, or the provider's tags have such words too."""
    words = tag.split("-")
    word = next((one for one in words[1:] if one in known), "")
    if not word or any(word in one.split("-") for one in published):
        return tag, ""
    return "-".join(one for one in words if one != word), word


def without_revision(tag: str, catalog: Catalog) -> tuple[str, str]:
    """Return an upstream tag without the revision of its image, the number behind the word debian that is lower than
    that of any release, and that number; the tag and "" if it has none."""
    found = _REVISION.search(tag)
    if not found or numbers(found[1])[0] >= min(map(int, catalog.facts.debian_releases.values())):
        return tag, ""
    return tag[: found.start()] + tag[found.end() :], found[1]


_NEWEST = 1_000_000_000
"""In place of a minor version that a tag leaves open: as high as any that is published."""


def nearest(name: str, tag: str, image: str, catalog: Catalog, newer: bool = False) -> str:
    """Return the tag of the provider's image that is nearest to an upstream tag without a counterpart: of its function
    where there is any, then of its language's version and its distribution, and then the next version that is not
    older, or else the newest; "" if none is known.

    With ``newer`` it is of the same function and distribution and not older, or there is none: of the same minor
    version, else of the same major, else the newest.
    """
    wanted, _, _ = _wanted(name, tag, catalog)
    tags = sorted(published(image, catalog))
    if newer:
        family = wanted.family or catalog.facts.family_of(name, wanted.version, wanted.words)
        successors = (one for one in tags if _succeeds(one, wanted, family, catalog))
        return max(successors, key=_closeness(wanted, catalog), default="")

    languages = _numbers_of(wanted.words)
    version, precise = _line(wanted.version), "." in wanted.version

    def likeness(spelt: str) -> tuple[bool, bool, bool, bool, tuple[int, ...], int]:
        one = meaning_of(spelt, catalog)
        language = bool(languages) and languages == _numbers_of(one.words)
        line = _line(one.version, _NEWEST if precise else 0)
        next_one = bool(version) and line >= version
        near = tuple(-part for part in line) if next_one else line
        return one.words - {BUILD} == wanted.words, language, one.family == wanted.family, next_one, near, -len(spelt)

    return max(tags, key=likeness, default="")


def lacking(name: str, tag: str, image: str, catalog: Catalog) -> tuple[list[str], bool]:
    """Return the words of an upstream tag's function that no tag of the provider's image has, without those that have a
    version of their own, in order, and whether any tag of it has a version."""
    published = _published(image, catalog)
    missing = _wanted(name, tag, catalog)[0].words.difference(*published)
    versions = any(version for of_it in published.values() for one in of_it.values() for version in one)
    return sorted((word for word in missing - FLOATING if word.isalpha()), key=tag.find), versions


def _numbers_of(words: Iterable[str]) -> set[str]:
    """Return the numbers at the ends of words: 21 of jdk21."""
    return {word.lstrip("abcdefghijklmnopqrstuvwxyz") for word in words} - {""}


def _line(version: str, open_minor: int = 0) -> tuple[int, ...]:
    """Return the major and minor number of a version, with a number for a minor that it leaves open; () for no
    version."""
    found = numbers(version)
    return (*found, open_minor)[:2] if found else ()


def _succeeds(tag: str, wanted: Meaning, family: str | None, catalog: Catalog) -> bool:
    """Return whether a tag has the wanted function and distribution, and a version that is not older."""
    one = meaning_of(tag, catalog)
    same_function = one.words - {BUILD} == wanted.words - {BUILD}
    same_family = (one.family or catalog.family) == (family or catalog.family)
    number = numbers(one.version)
    return same_function and same_family and bool(number) and number >= numbers(wanted.version)[: len(number)]


def _closeness(wanted: Meaning, catalog: Catalog) -> Callable[[str], tuple[bool, bool, bool, tuple[int, ...], int]]:
    """Return the key by which tags are compared: a runtime image before one for building, the same minor version
    before the same major, and then the newest."""

    def key(tag: str) -> tuple[bool, bool, bool, tuple[int, ...], int]:
        one = meaning_of(tag, catalog)
        number, asked = numbers(one.version), numbers(wanted.version)
        return BUILD not in one.words, number[:2] == asked[:2], number[:1] == asked[:1], number, -len(tag)

    return key


def _distributions(
    name: str, wanted: Meaning, offered: Iterable[Distribution], families: set[str | None], catalog: Catalog
) -> list[Distribution]:
    """Return the distributions of the tags offered that stand for the wanted one, the best first. Another family, of
    those that the image has, only stands for one that it does not have."""
    there = sorted(offered, key=lambda one: numbers(one[1]), reverse=True)
    plain = [one for one in there if one[0] is None]
    usual = [one for one in there if one[0] == catalog.family]
    family = wanted.family or catalog.facts.family_of(name, wanted.version, wanted.words)
    of_it = [one for one in there if one[0] == family]
    if name == _IS_ITS_RELEASE and wanted.family:
        return [one for one in of_it if one[1] == wanted.release]
    exact = [one for one in of_it if one == (family, wanted.release)]
    any_release = [one for one in of_it if not one[1]]
    if family in families and family != catalog.family and not catalog.word_family(name):
        of_another = () if wanted.family else (*plain, *usual)
        return list(dict.fromkeys((*exact, *any_release, *of_it, *of_another)))
    best = (*exact, *plain) if wanted.family else (*plain, *exact)
    return list(dict.fromkeys((*best, *any_release, *of_it, *usual))) if {None, catalog.family} & families else there


def _versions(name: str, version: str, today: list[str]) -> list[str]:
    """Return the versions that stand for a version, or for none, the best first."""
    if not version or name == _IS_ITS_RELEASE:
        return ["", *today]
    shortest = release_line(name, version) or ".".join(version.split(".")[:2])
    return [line for line in lines(version) if len(line) >= len(shortest)]


def _behind(line: str, own: Iterable[str], offered: Iterable[Iterable[str]]) -> str:
    """Return the newest version of a line among those of one distribution, if another is more than one band ahead; ""
    otherwise. A band is the hundreds of the third number (learn.microsoft.com, "How the .NET SDK is versioned")."""
    if line.count(".") != 1:
        return ""
    newest = max(_of_line(line, own), key=numbers, default="")
    bands = [numbers(one)[2] // 100 for versions in offered for one in _of_line(line, versions)]
    return newest if newest and max(bands) - numbers(newest)[2] // 100 > 1 else ""


def _of_line(line: str, versions: Iterable[str]) -> list[str]:
    return [one for one in versions if one.startswith(f"{line}.") and len(numbers(one)) == 3]


def _newest(name: str, version: str, today: list[str], offered: Iterable[str]) -> list[str]:
    """Return the newest of the versions offered that an incomplete version leaves open, or that no version does where
    it is not known which is meant: one item, or none."""
    if name == _IS_ITS_RELEASE or (today and not version):
        return []
    left_open = [one for one in offered if one.startswith(f"{version}." if version else "") and one]
    return [max(left_open, key=lambda one: (numbers(one)[:2], -len(one)))] if left_open else []


def _wanted(name: str, tag: str, catalog: Catalog) -> tuple[Meaning, list[str], bool]:
    """Return what a tag of an upstream image says, in the provider's words; the versions that stand for it today if it
    says none (none if that is not known); and whether it leaves another word open, which is today's."""
    own, current = words_of(name, catalog.vendor), _today(name)
    given = {**words_of("*", catalog.vendor), **own}
    text = f"-{tag}-"
    said = any(f"-{key}" in text for key in own.keys() - {"", "?"})
    implied = [] if said else [key for key in ("", "?") if key in own]
    for key, word in given.items():
        if key not in ("", "?"):  # one that ends with a dash stands before a version: eclipse-temurin-21
            text = text.replace(f"-{key.removesuffix('-')}-", f"-{word}" if key.endswith("-") else f"-{word}-")
    meaning = meaning_of(text.strip("-"), catalog)
    floating = next((word for word in current if word in meaning.words), "latest")
    version = current.get(floating, "")
    today = lines(version) if version and floating == "latest" else [version] if version else []
    words = (meaning.words | {word for key in implied for word in given[key].split("-")}) - {floating, ""}
    if name == _IS_ITS_RELEASE:
        dated = next((word for word in words if word.isdigit()), "")
        number = meaning.version.partition(".")[0]
        point = meaning.version if number != meaning.version else dated
        family = meaning.family or ("debian" if number else None)
        return Meaning(point, words - {dated}, family, meaning.release or number), today, False
    return meaning._replace(words=words), today, "?" in implied


@lru_cache(maxsize=4096)
def meaning_of(tag: str, catalog: Catalog) -> Meaning:
    """Return what a tag says."""
    spelt = tag.removeprefix("v") if tag[1:2].isdigit() else tag
    first, *rest = _UPDATE.sub(".", _NUMBERED.sub("", spelt)).split("-")
    version = _BUILD_NUMBER.sub(".", first) if first[:1].isdigit() else ""
    words, family, release = set(rest if version else [first, *rest]), None, ""
    for word in sorted(words):
        named = catalog.word_family(word)
        if named:
            family = named
            release = catalog.release_number(word) or word.lstrip("abcdefghijklmnopqrstuvwxyz") or release
            words.discard(word)
    return Meaning(version, frozenset(words - {"", "latest"}), family, release)


@lru_cache(maxsize=256)
def _published(image: str, catalog: Catalog) -> dict[frozenset[str], dict[Distribution, dict[str, str]]]:
    """Return the tags of a provider's image, in their shortest spelling, by function, distribution and version."""
    found: dict[frozenset[str], dict[Distribution, dict[str, str]]] = {}
    for tag in sorted(published(image, catalog), key=lambda tag: (len(tag), tag)):
        version, words, family, release = meaning_of(tag, catalog)
        found.setdefault(words, {}).setdefault((family, release), {}).setdefault(version, tag)
    return found


@lru_cache(maxsize=256)
def words_of(name: str, vendor: str) -> dict[str, str]:
    """Return what words of an image's upstream tags are in the vendor's tags, "" for nothing; under the key "" what
    a tag without any of the words implies."""
    return read_block(f"tags/{vendor}.yaml", name) or {}


@lru_cache(maxsize=256)
def _today(name: str) -> dict[str, str]:
    """Return the versions of an image's floating tags on the day of the data."""
    return read_block("tags/floating.yaml", name) or {}
