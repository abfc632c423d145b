"""The paths in a container that calls in Python cover with volumes."""

import re
from collections.abc import Iterator, Mapping

from echo_migrate.files.lazy_regex import lazy_regex

_MOUNTS = frozenset(("config", "host_config", "mounts", "volume_mounts", "volumes", "volumes_from"))
_TARGET = re.compile(r"[\"':](/[^\"':\s]{0,200})")
_NOTHING = frozenset(("None", "{}", "[]", "()", "dict()", "list()"))
_MAPPED = lazy_regex(
    r"\.with_(?:mounted_(?:cache|directory)\(|volume_mapping\(|kwargs\((?=[\s\S]{0,500}?(?:\*\*|\b(?:volumes|mounts)\b)))"
    r"([^()]{0,500})\)?|\bcontainer_?[pP]ath[\"']?\s*[=:]\s*([\"'][^\"'\n]{1,200})"
)
"""What a container of Testcontainers or Dagger is given by later calls, in the same expression or another one, and one
of Pulumi by the resource that takes an image in."""


def mounts_of_call(given: Mapping[str, str]) -> Iterator[str]:
    """Yield the paths that the keywords of a call, each with its value as written, cover with volumes."""
    for keyword, written in given.items():
        if keyword in _MOUNTS:
            yield from _paths(written)


def mounts_of_later_calls(text: str) -> Iterator[str]:
    """Yield the paths at which a file mounts volumes after an image is named, of whichever container."""
    for match in _MAPPED.finditer(text):
        yield from _paths(match[1] or match[2] or "")


def _paths(written: str) -> list[str]:
    """Return the paths in a container that an argument covers with volumes; ``/`` if they are not in its text."""
    found = [path.rstrip("/") for path in _TARGET.findall(written)]
    return found or ([] if written.strip() in _NOTHING else ["/"])
