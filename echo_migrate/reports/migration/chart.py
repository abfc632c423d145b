"""The picture of a trend: what is hardened, ready and to be reviewed, by day, as polygons of whole numbers."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from echo_migrate.reports.migration.figures import IN_SCOPE
from echo_migrate.reports.migration.history import Record

WIDTH, HEIGHT = 600, 140


class Chart(NamedTuple):
    """The polygons of the states, bottom first, the highest sum, and the places of the days."""

    areas: tuple[tuple[str, str], ...]
    highest: int
    days: tuple[int, ...]


def chart(records: Sequence[Record]) -> Chart:
    """Return the picture of records, of which there are at least two, by day."""
    ordinals = [date.fromisoformat(record.date).toordinal() for record in records]
    span = ordinals[-1] - ordinals[0]
    days = tuple((one - ordinals[0]) * WIDTH // span for one in ordinals)
    highest = max(record.number(*IN_SCOPE) for record in records) or 1
    areas = []
    below = [0] * len(records)
    for state in IN_SCOPE:
        above = [low + record.number(state) for low, record in zip(below, records, strict=True)]
        top = [f"{x},{HEIGHT - y * HEIGHT // highest}" for x, y in zip(days, above, strict=True)]
        bottom = [f"{x},{HEIGHT - y * HEIGHT // highest}" for x, y in zip(days, below, strict=True)]
        areas.append((state, " ".join([*top, *reversed(bottom)])))
        below = above
    return Chart(tuple(areas), highest, days)
