"""The report as a page: one file that loads nothing, by jinja2. Its policy allows its own style and script alone, by
hash."""

import base64
import hashlib
import json
import os
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from echo_migrate import __version__
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.reports.migration import Document
from echo_migrate.reports.migration.chart import chart
from echo_migrate.reports.migration.figures import EVIDENCE, IN_SCOPE, LEFT, LIFTS, ORDER, PROOFS, WORDS, Figure
from echo_migrate.reports.migration.images import gains, text_of
from echo_migrate.reports.migration.purpose import WORDS as PURPOSES
from echo_migrate.reports.migration.steps import MOST_NAMES
from echo_migrate.rules import link

if TYPE_CHECKING:
    from jinja2 import Environment

_FOLDER = os.path.dirname(os.path.abspath(__file__))
_DIGEST = lazy_regex(r"(@\w{1,20}:[0-9a-f]{6})[0-9a-f]+")
_ESCAPED = {ord(ch): f"\\u{ord(ch):04x}" for ch in "<>&'\u2028\u2029"}
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
    style, script = _file("page.css"), _file("page.js")
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    words: dict[str, Mapping[str, str]] = {
        "state": WORDS,
        "purpose": PURPOSES,
        "step": STEPS,
        "evidence": EVIDENCE,
        "proof": PROOFS,
    }
    text: str = (
        _environment()
        .get_template("page.html.jinja")
        .render(
            report=asked.report,
            subject=asked.subject,
            steps=asked.steps,
            trend=asked.trend,
            savings=asked.savings,
            risk=asked.risk,
            images=asked.images,
            gains=gains,
            text_of=text_of,
            shortened=shortened,
            chart=chart(asked.trend) if len(asked.trend) > 1 else None,
            policy=policy,
            style=style,
            script=script,
            data=_data(asked, words),
            heads=HEADS,
            words=words,
            order=ORDER,
            scope=IN_SCOPE,
            left=LEFT,
            lifts=LIFTS,
            evidence=EVIDENCE,
            used_in=USED_IN,
            most_names=MOST_NAMES,
            version=__version__,
        )
    )
    return text


@cache
def _environment() -> "Environment":
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
    except ImportError:
        message = "a page needs its library: install echo-migrate[report] (or write .md or .json)"
        raise click.UsageError(message) from None
    found = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["query"] = query
    return found


def query(figure: Figure) -> str:
    """Return the values of a figure as the fragment of an address, which the page's script reads."""
    pairs = figure.where or (("state", ""),)
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in pairs)


def shortened(reference: str) -> str:
    """Return a reference with only the beginning of its digest."""
    return _DIGEST.sub(r"\1…", reference)


def _file(name: str) -> str:
    with open(os.path.join(_FOLDER, name), encoding="utf-8") as file:
        return file.read()


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _data(asked: Document, words: Mapping[str, Mapping[str, str]]) -> str:
    """Return the rows as JSON that a script element can have: each text once, and rows that have its number."""
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
    data = {"texts": list(texts), "rows": listed, "rules": rules, "filters": list(FILTERS.items()), "words": names}
    return json.dumps(data, separators=(",", ":"), sort_keys=True).translate(_ESCAPED)
