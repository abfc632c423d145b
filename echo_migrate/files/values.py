"""Values within values, as JSON and HCL have them, each with its place in the text they were read from."""

from bisect import bisect_left
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from echo_migrate.files.source import Edit, Traced

DEEPEST = 200
"""How deep values are read: each level is a call of the reader's."""


class NotRead(ValueError):
    """A text that is not what it should be, or is not read: the message says why, ``offset`` where."""

    def __init__(self, message: str, offset: int = 0) -> None:
        super().__init__(message)
        self.offset = offset


class Value(NamedTuple):
    """A value: of a ``map`` pairs of nodes, of a ``list`` nodes, of a ``text`` its string, else how it is written.

    ``start`` and ``end`` are where it stands, quotes included. ``plain`` says that a text's string is what stands
    between its quotes.
    """

    kind: Literal["map", "list", "text", "other"]
    value: Any
    start: int
    end: int
    plain: bool = False

    @property
    def items(self) -> Iterator[tuple[str, "Value"]]:
        """The pairs of a map, nothing of any other value; of a key that stands twice, both."""
        return ((key.value, value) for key, value in (self.value if self.kind == "map" else ()))

    @property
    def each(self) -> "list[Value]":
        """The values of a list, nothing of any other value."""
        return list(self.value) if self.kind == "list" else []

    @property
    def text(self) -> str:
        """A text's string, nothing of any other value."""
        return str(self.value) if self.kind == "text" else ""

    @property
    def traced(self) -> Traced:
        """A text's string and where it stands; without runs where an escape changed it."""
        runs = ((self.start + 1, self.end - 1),) if self.plain else ()
        return Traced(self.text, runs)


def alike(one: Value, other: Value, edits: list[Edit]) -> bool:
    """Return whether two values are the same but for texts with one of the (sorted) edits inside."""
    if one.kind != other.kind:
        return False
    if one.kind == "map":
        pairs = list(zip(one.value, other.value, strict=False))
        same = len(one.value) == len(other.value) and all(a[0].value == b[0].value for a, b in pairs)
        return same and all(alike(a[1], b[1], edits) for a, b in pairs)
    if one.kind == "list":
        both = zip(one.value, other.value, strict=False)
        return len(one.value) == len(other.value) and all(alike(a, b, edits) for a, b in both)
    if one.value == other.value:
        return True
    place = bisect_left(edits, (one.start,))
    return one.kind == "text" and place < len(edits) and edits[place].end < one.end
