"""Whether a Docker official image or one of .NET has a tag: ``mappings/tags/official.yaml`` and ``dotnet.yaml``."""

from functools import lru_cache
from typing import Any

from echo_migrate.files.data import read_block
from echo_migrate.images.end_of_life import release_of
from echo_migrate.images.reference import is_version


def may_have(name: str, tag: str) -> bool:
    """Return whether an image has had a tag since the day of the data, or may have it by now: the version is
    newer than all of the image's, or all of its line. True for an image that the data does not have."""
    known = _tags(name)
    first, _, rest = tag.partition("-")
    if not known or rest not in known:
        return not known
    return first in known[rest] or (is_version(first) and _is_newer(first, name))


def is_listed(name: str) -> bool:
    """Return whether the tags of an image are known."""
    return bool(_tags(name))


def first_with(name: str, tag: str, release: str) -> str:
    """Return the first tag of a newer version of an image with a release of the distribution that a tag names, or a
    later one; "" if the tag's own version has one, or none is known."""
    version, _, rest = tag.partition("-")
    others, product, _ = _distribution(rest)
    if not is_version(version) or not product:
        return ""
    behind = {at: key for key in _tags(name) for *same, at in [_distribution(key)] if same == [others, product]}
    later = sorted(number for number in behind if number >= _number(release))
    if any(may_have(name, f"{version}-{behind[number]}") for number in later):
        return ""
    own = _number(version)
    newer = [
        (number, at, one)
        for at in later
        for one in _tags(name)[behind[at]]
        if is_version(one) and len(number := _number(one)) == len(own) and number > own
    ]
    return f"{(first := min(newer))[2]}-{behind[first[1]]}" if newer else ""


def _distribution(behind: str) -> tuple[list[str], str, tuple[int, ...]]:
    """Return the words of a tag without that of its distribution's release, and its distribution and release."""
    words = behind.split("-")
    for word in words:
        product, cycle = release_of(word)
        if product and cycle:
            return [one for one in words if one != word], product, _number(cycle)
    return words, "", ()


def _is_newer(version: str, name: str) -> bool:
    number = _number(version)
    numbers = {_number(one) for tags in _tags(name).values() for one in tags if is_version(one)}
    of_line = [one for one in numbers if one[:2] == number[:2]] if len(number) > 2 else []
    return bool(numbers) and number > max(of_line or numbers)


@lru_cache(maxsize=64)
def _tags(name: str) -> dict[str, frozenset[str]]:
    file = "dotnet" if name.startswith("dotnet/") else "official"
    rows: list[dict[str, Any]] = read_block(f"tags/{file}.yaml", name) or []
    return {word: frozenset(row["tags"].split()) for row in rows for word in row["behind"]}


def _number(version: str) -> tuple[int, ...]:
    parts = version.removeprefix("v").replace("_", ".").replace("+", ".").split(".")
    return tuple(int(part) for part in parts if part.isdigit())
