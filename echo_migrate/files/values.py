"""Nested values of JSON and HCL, each with its source offsets."""

from bisect import bisect_left
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from echo_migrate.files.source import Edit, Traced

DEEPEST = 200
"""The maximum nesting of values: the readers recurse once per level."""


class NotRead(ValueError):
    """A text that is invalid or exceeds a limit: the message says why, ``offset`` where."""

    def __init__(self, message: str, offset: int = 0) -> None:
        super().__init__(message)
        self.offset = offset


class Value(NamedTuple):
    """A node: ``value`` has the pairs of a ``map``, the items of a ``list``, the string of a ``text``, or else the
    source text.

    ``start`` and ``end`` are source offsets, quotes included. ``plain`` is true if the string of a text is exactly what
    is written between its quotes.
    """

    kind: Literal["map", "list", "text", "other"]
    value: Any
    start: int
    end: int
    plain: bool = False

    @property
    def items(self) -> Iterator[tuple[str, "Value"]]:
        """The pairs of a map, duplicate keys included; empty for any other value."""
        return ((key.value, value) for key, value in (self.value if self.kind == "map" else ()))

    @property
    def each(self) -> "list[Value]":
        """The items of a list; empty for any other value."""
        return list(self.value) if self.kind == "list" else []

    @property
    def text(self) -> str:
        """The string of a text; empty for any other value."""
        return str(self.value) if self.kind == "text" else ""

    @property
    def traced(self) -> Traced:
        """The string of a text with its source span; without spans if an escape changed it."""
        runs = ((self.start + 1, self.end - 1),) if self.plain else ()
        return Traced(self.text, runs)


def alike(one: Value, other: Value, edits: list[Edit]) -> bool:
    """Return whether two values are equal apart from texts that contain one of the (sorted) edits."""
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
    texts = one.kind == "text" or one.value.startswith("<<")  # a heredoc of HCL
    return texts and place < len(edits) and edits[place].end < one.end
