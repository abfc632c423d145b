"""Make the cycles of ``mappings/eol.yaml`` from the pages of endoflife.date."""

import json
import re
from collections.abc import Iterator
from typing import Any

from source import Misuse, parse, scalar

LONG_TERM = ("debian",)
"""Products whose extended support (``eoes``) is free; that of others is sold."""
UNDATED = ("apache-kafka",)
"""Products whose ends are no days of upstream's: Kafka names none, and maintains three lines, or more, at a time
(cwiki.apache.org, "Time Based Release Plan"), while the source ends each when the next one comes out."""
CORRECTED = {
    "nodejs": {"11": "2019-06-01"},  # github:nodejs/Release, schedule.json
    "rabbitmq": {
        "3.12": "ended",
        "3.11": "ended",
        "3.10": "ended",
    },  # each had releases for months after the source's day
}
"""Ends for which the source has another day than upstream."""
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def ends_of_life(data: dict[str, Any], files: dict[str, str], lines: list[str]) -> str:
    """Return the text of the products that the data has, each with its cycles in the order of the source."""
    text = ""
    for product, block in data.items():
        if product[0] == "_":
            continue
        page = files.get(f"products/{product}.md")
        if page is None:
            lines.append(f"! {product}: not in the source any more, kept as it is")
        title, cycles = (block["title"], block["cycles"]) if page is None else _cycles(product, block, page, lines)
        rows = "".join(f"    {json.dumps(cycle)}: {_end(end)}\n" for cycle, end in cycles.items())
        text += f"{product}:\n  title: {scalar(title)}\n  cycles:\n{rows}"
    return text


def _cycles(product: str, block: dict[str, Any], page: str, lines: list[str]) -> tuple[str, dict[str, Any]]:
    """Return the title and the cycles of a product. An end that is no date, true or false is reported, and stays."""
    front = re.match(r"---\s*\n(.*?)^---\s*$", page, re.DOTALL | re.MULTILINE)
    matter = parse(f"products/{product}.md", front[1] if front else "")
    if not matter.get("releases"):
        raise Misuse(f"products/{product}.md has no releases")
    cycles: dict[str, Any] = {}
    for release in matter["releases"]:
        cycle, end, later = (release.get(key) or "" for key in ("releaseCycle", "eol", "eoes"))
        right = CORRECTED.get(product, {}).get(cycle)
        if right and right == end:
            lines.append(f"! {product} {cycle}: the source has what CORRECTED has: remove it there")
        if right or (product in UNDATED and _DATE.fullmatch(end)):
            cycles[cycle] = right or "ended"
        elif end in ("true", "false"):
            cycles[cycle] = "ended" if end == "true" else ""
        elif _DATE.fullmatch(end):
            cycles[cycle] = [end, later] if product in LONG_TERM and _DATE.fullmatch(later) else end
        else:
            cycles[cycle] = block["cycles"].get(cycle, "")
            lines.append(f"! {product} {cycle}: {end or 'nothing'} is no date, {_end(cycles[cycle])} is kept")
    return matter.get("title", block["title"]), cycles


def _end(end: Any) -> str:
    return f"[{', '.join(end)}]" if isinstance(end, list) else end or '""'


def compare_entries(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    """Yield a line for each entry of a block that was added, removed or changed."""
    before, after = _entries(old), _entries(new)
    yield from (f"+ {key}: {value}" for key, value in after.items() if key not in before)
    yield from (f"- {key}: {value}" for key, value in before.items() if key not in after)
    yield from (f"~ {key}: {before[key]} -> {value}" for key, value in after.items() if before.get(key, value) != value)


def _entries(data: dict[str, Any]) -> dict[str, str]:
    """Return the values of all blocks, those of cycles among them."""
    return {
        f"{name} {key}": _end(value)
        for name, block in data.items()
        if name[0] != "_"
        for key, value in {**block, **block.get("cycles", {})}.items()
        if key != "cycles"
    }
