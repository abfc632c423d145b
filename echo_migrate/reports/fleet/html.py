"""The report of a fleet as a page."""

from typing import Any

from echo_migrate.reports._page import page
from echo_migrate.reports.fleet import Fleet
from echo_migrate.reports.migration.chart import chart
from echo_migrate.reports.migration.figures import IN_SCOPE, LEFT, ORDER, WORDS


def rendered(asked: Fleet) -> str:
    """Return the page. Raises ``click.UsageError`` if the library is missing."""
    return page(
        "fleet/page",
        _data(asked),
        asked=asked,
        chart=chart(asked.trend) if len(asked.trend) > 1 else None,
        words=WORDS,
        order=ORDER,
        scope=IN_SCOPE,
        left=LEFT,
    )


def _data(asked: Fleet) -> dict[str, Any]:
    """Return the rows as the script reads them: each text once, and rows that have its number."""
    texts: dict[str, int] = {}

    def number(text: str) -> int:
        return texts.setdefault(text, len(texts))

    sets: dict[tuple[str, ...], int] = {}
    rows = [
        [
            number(row.repository),
            sets.setdefault(row.owners, len(sets)),
            ORDER.index(row.state),
            number(row.upstream),
            number(row.reason),
            row.number,
        ]
        for row in asked.rows
    ]
    return {
        "texts": list(texts),
        "owners": [list(owners) for owners in sets],
        "states": [[state, WORDS[state]] for state in ORDER],
        "rows": rows,
        "repositories": [[one.name, one.url, one.revision[:12], one.error] for one in asked.repositories],
    }
