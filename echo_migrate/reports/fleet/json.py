"""The report of a fleet as data; ``fleet-report.schema.json`` describes it."""

from typing import Any

from echo_migrate.reports import as_json
from echo_migrate.reports.fleet import Fleet, Group
from echo_migrate.reports.migration.figures import ORDER


def rendered(asked: Fleet) -> str:
    """Return the report as JSON."""
    data = {
        "version": 1,
        "date": asked.date or None,
        "percent_hardened": asked.total.share,
        "states": _states(asked.total),
        "repositories": [
            {
                "repository": one.name,
                "url": one.url or None,
                "revision": one.revision or None,
                "error": one.error or None,
                "percent_hardened": one.share,
                "states": _states(one),
            }
            for one in asked.repositories
        ],
        "owners": list(map(_group, asked.owners)),
        "upstreams": list(map(_group, asked.upstreams)),
        "reasons": list(map(_group, asked.reasons)),
        "trend": [{"date": one.date, "states": dict(zip(ORDER, one.states, strict=True))} for one in asked.trend],
        "rows": [row._asdict() | {"owners": list(row.owners)} for row in asked.rows],
    }
    return as_json(data) + "\n"


def _group(one: Group) -> dict[str, Any]:
    return {"name": one.name, "percent_hardened": one.share, "states": _states(one)}


def _states(one: Group) -> dict[str, int]:
    return {state: one.number(state) for state in ORDER}
