"""One row for each image reference of a run."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from echo_migrate.files.spelling import unsigned
from echo_migrate.model import Result
from echo_migrate.model.reasons import Reason


class InventoryRow(NamedTuple):
    """One reference; ``raw`` as written, ``resolved`` with build arguments and settings filled in."""

    path: str
    line: int
    column: int
    context: str
    raw: str
    resolved: str
    upstream: str | None
    target: str | None
    state: str
    reason: str
    reasons: tuple[Reason, ...]
    basis: str | None
    status: str | None


def rows(results: Iterable[Result]) -> Iterator[InventoryRow]:
    for result in results:
        text = result.source.text
        for found in result.outcomes:
            image = found.image
            line, column = result.source.position(image.start)
            raw = unsigned(text[image.start : image.end])
            resolved = image.resolved or image.ref.value
            yield InventoryRow(
                result.source.path,
                line,
                column,
                image.where,
                raw,
                unsigned(resolved),
                found.upstream,
                found.target,
                found.state,
                found.reason,
                found.reasons,
                found.basis,
                found.status,
            )
