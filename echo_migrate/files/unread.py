"""Kinds of files that name images and have no reader, so that a run can say that it did not read them.

They are defined in ``mappings/places/unread.yaml``: by their names and, where those do not tell, by their text.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from echo_migrate.files.data import read_data

MOST_READ = 200_000
"""The number of characters in which a file is searched for what tells its kind."""


class _Kind(NamedTuple):
    name: str
    files: "re.Pattern[str]"
    needs: "re.Pattern[str] | None"
    many: str


def may_be_unread(path: str) -> bool:
    """Return whether the name of a file is one that such a kind has."""
    return bool(_any().fullmatch(path.rpartition("/")[2]))


def unread_kind(path: str, text: str) -> str:
    """Return the kind of a file that no format recognises; "" if it is of none."""
    name = path.rpartition("/")[2]
    if not _any().fullmatch(name):
        return ""
    found = (kind for kind in _kinds().values() if kind.files.fullmatch(name))
    return next((kind.name for kind in found if not kind.needs or kind.needs.search(text, 0, MOST_READ)), "")


def plural_of(name: str) -> str:
    """Return the name of a kind in the plural."""
    return _kinds()[name].many


@lru_cache
def _kinds() -> dict[str, _Kind]:
    rows = read_data("places/unread.yaml")
    return {
        name: _Kind(
            name,
            re.compile(row["files"]),
            re.compile(row["needs"]) if "needs" in row else None,
            row.get("many", f"{name}s"),
        )
        for name, row in rows.items()
    }


@lru_cache
def _any() -> "re.Pattern[str]":
    return re.compile("|".join(f"(?:{kind.files.pattern})" for kind in _kinds().values()))
