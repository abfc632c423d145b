"""Dockerfiles inside other files: their nodes, with offsets in the file."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator

from echo_migrate.files.source import Edit, Places, Traced
from echo_migrate.model import Ignore, Image, Problem

DECLARED = re.compile(r"(?mi)^[ \t]*ARG[ \t]+(\w+)")
"""The build arguments that a Dockerfile declares."""


def lifted(nodes: Iterable[object], places: Places) -> Iterator[Image | Problem | Ignore]:
    """Yield the nodes of an inline text, with offsets in its source."""
    for node in nodes:
        if isinstance(node, Image):
            shared = ((a, b, words) for start, end, words in node.shared_spans for a, b in places.cut(start, end).spans)
            yield node._replace(
                ref=Traced(node.ref.value, _spans(node.ref.spans, places)),
                start=places.offset(node.start),
                end=places.offset(node.end),
                shared_spans=tuple(shared),
                depends_on=_spans(node.depends_on, places),
            )
        elif isinstance(node, Ignore):
            first, last = places.offset(node.first), places.offset(node.last)
            start, end = places.offset(node.start), places.offset(node.end)
            yield node._replace(start=start, end=end, first=first, last=last)
        elif isinstance(node, Problem):
            yield node._replace(start=places.offset(node.start), end=places.offset(node.end))


def _spans(spans: Iterable[tuple[int, int]], places: Places) -> tuple[tuple[int, int], ...]:
    return tuple(run for start, end in spans for run in places.cut(start, end).spans)


def lowered(inline: Traced, edits: list[Edit]) -> Iterator[Edit]:
    """Yield the (sorted) edits within an inline text, with offsets relative to that text."""
    position = 0
    for start, end in inline.spans:
        place = bisect_left(edits, (start,))
        while place < len(edits) and edits[place].end <= end:
            edit = edits[place]
            yield Edit(position + edit.start - start, position + edit.end - start, edit.text)
            place += 1
        position += end - start
