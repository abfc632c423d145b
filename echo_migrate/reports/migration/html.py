"""The report as a page."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.reports._page import page
from echo_migrate.reports.migration import Document
from echo_migrate.reports.migration.chart import chart
from echo_migrate.reports.migration.figures import EVIDENCE, IN_SCOPE, LEFT, LIFTS, ORDER, PROOFS, WORDS, Figure
from echo_migrate.reports.migration.images import gains
from echo_migrate.reports.migration.purpose import WORDS as PURPOSES
from echo_migrate.reports.migration.steps import MOST_NAMES
from echo_migrate.rules import link

_DIGEST = lazy_regex(r"(@\w{1,20}:[0-9a-f]{6})[0-9a-f]+")
HEADS = {
    "owner": "Owner",
    "service": "Service",
    "upstream": "Upstream image",
    "kind": "Kind of file",
    "purpose": "What it is for",
}
FILTERS = {
    "state": "State",
    "step": "Next step",
    "reason": "Reason",
    **HEADS,
    "ended": "Ended line",
    "evidence": "New name",
    "verified": "Signature",
    "proof": "Proof",
}
USED_IN = {
    "ships": "in what ships or runs",
    "builds": "in builds alone",
    "tests": "in development, tests or CI",
    "unknown": "for a purpose that is not known",
}
STEPS = {
    "fix": "apply the safe fixes",
    "online": "ask the registry",
    "login": "set up logins",
    "review": "review unsafe fixes",
    "edit": "edit by hand",
    "match": "look for another source",
}


def rendered(asked: Document) -> str:
    """Return the page. Raises ``click.UsageError`` if the library is missing."""
    words: dict[str, Mapping[str, str]] = {
        "state": WORDS,
        "purpose": PURPOSES,
        "step": STEPS,
        "evidence": EVIDENCE,
        "proof": PROOFS,
    }
    return page(
        "migration/page",
        _data(asked, words),
        asked=asked,
        report=asked.report,
        chart=chart(asked.trend) if len(asked.trend) > 1 else None,
        gains=gains,
        shortened=shortened,
        query=query,
        heads=HEADS,
        words=words,
        order=ORDER,
        scope=IN_SCOPE,
        left=LEFT,
        lifts=LIFTS,
        evidence=EVIDENCE,
        used_in=USED_IN,
        purposes=sorted(asked.report.groups["purpose"], key=lambda group: list(USED_IN).index(group.name)),
        most_names=MOST_NAMES,
    )


def query(figure: Figure) -> str:
    """Return the values of a figure as the fragment of an address, which the page's script reads."""
    pairs = figure.where or (("state", ""),)
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in pairs)


def shortened(reference: str) -> str:
    """Return a reference with only the beginning of its digest."""
    return _DIGEST.sub(r"\1…", reference)


def _data(asked: Document, words: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """Return the rows as the script reads them: each text once, and rows that have its number."""
    texts: dict[str, int] = {}
    rows = asked.report.rows

    def number(text: str) -> int:
        return texts.setdefault(text, len(texts))

    listed = []
    for row in rows:
        values = row.values()
        reasons = [[number(one.message), number(one.remedy)] for one in row.reasons]
        cells: list[Any] = [
            number(asked.place(row.path)),
            row.line,
            number(row.context),
            number(shortened(row.reference)),
            number(row.target),
        ]
        cells += [number(row.link), number(row.rule), reasons]
        cells += [row.changed, number(row.proven)]
        cells.append({name: list(map(number, values[name])) for name in values if values[name]})
        listed.append(cells)
    rules = {row.rule: link(row.rule) for row in rows}
    names = {name: words.get(name, {}) for name in FILTERS}
    return {"texts": list(texts), "rows": listed, "rules": rules, "filters": list(FILTERS.items()), "words": names}
