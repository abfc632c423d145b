"""Which calls of Python libraries name an image: ``mappings/calls.yaml``, whose head says what each key means."""

from functools import lru_cache
from typing import NamedTuple

from echo_migrate.data import read_data

Place = int | str
"""Where an argument stands: a position, a keyword, or ``keyword.key`` for a key of a dictionary."""


class Library(NamedTuple):
    """A library. ``calls`` are the places of the image by callee, ``apart`` those of the rest of a reference."""

    imports: frozenset[str]
    calls: dict[str, tuple[Place, ...]]
    apart: dict[str, tuple[Place, ...]]

    def meets(self, text: str) -> bool:
        """Whether a text may call it: it is imported, and there are the names of a call and of its argument."""
        return any(name in text and _imported(name, text) for name in self.imports) and any(
            callee.rpartition(".")[2] in text and any(_written(place) in text for place in places)
            for callee, places in self.calls.items()
        )


@lru_cache
def libraries() -> tuple[Library, ...]:
    """All libraries that are known."""
    return tuple(
        Library(
            frozenset(row["imports"]),
            {callee: tuple(places) for callee, places in row["calls"].items()},
            {callee: tuple(places) for callee, places in row.get("apart", {}).items()},
        )
        for row in read_data("calls.yaml")["libraries"].values()
    )


def _imported(name: str, text: str) -> bool:
    return any(f"{word}{name}" in text for word in ("import ", "from ", ", "))


def _written(place: Place) -> str:
    """What must be written for an argument to be there: its last name, or a call at all."""
    return "(" if isinstance(place, int) else place.rpartition(".")[2]
