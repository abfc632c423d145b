"""Access to the files in ``mappings/``, whole or by block: YAML in a checkout, JSON in a wheel (``hooks/wheel.py``).

Loading YAML takes 25 of the 100 ms that a small run may take, so the wheel contains the parsed data. Nothing is cached
between runs: others may be able to write to a cache file, and it would outlive the installation.
"""

import json
import os
import re
from functools import cache
from typing import Any

_DATE = r"\b[12][0-9]{3}-[01][0-9]-[0-3][0-9]\b"
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class MappingError(ValueError):
    """A mapping file that cannot be used; the message gives the file, the key and the remedy."""


def folder(name: str = "mappings") -> str:
    """Return the path of a data folder: next to the package in a checkout, inside it in an installed wheel."""
    inside = os.path.join(_PACKAGE, name)
    return inside if os.path.isdir(inside) else os.path.join(os.path.dirname(_PACKAGE), name)


def names() -> list[str]:
    """Return the names of the files directly in ``mappings/``, with the suffix ``.yaml`` even if they are JSON."""
    parts = map(os.path.splitext, os.listdir(folder()))
    return sorted(f"{stem}.yaml" for stem, ending in parts if ending in (".json", ".yaml"))


def read_data(name: str) -> Any:
    """Return the data of a file in ``mappings/``, parsed anew on each call, so that the caller may change it."""
    parsed, text = _text(os.path.join(folder(), name))
    return json.loads(text) if parsed else _with_text_dates(parse_yaml(text))


def read_block(name: str, key: str) -> Any:
    """Return the value of one key of a file in ``mappings/`` without parsing the others; None if there is no such key.

    This is for files with one block per image: parsing a whole one would take 120 ms as YAML, 8 as JSON.
    """
    parsed, text = _text(os.path.join(folder(), name))
    if parsed:
        head = f"\n{json.dumps(key)}:"
        start = text.find(head)
        end = text.find("\n", start + 1)
        return json.loads(text[start + len(head) : end].removesuffix(",")) if start >= 0 else None
    match = re.search(rf"(?m)^(?:{re.escape(key)}|\"{re.escape(key)}\"):(?=\s)[^\n]*\n(?:[ #][^\n]*\n|\n)*", text)
    return _with_text_dates(next(iter(parse_yaml(match[0]).values()))) if match else None


def blocks(name: str) -> list[str]:
    """Return the keys of a file in ``mappings/`` that has one block per image, without its metadata keys (``_…``)."""
    parsed, text = _text(os.path.join(folder(), name))
    if parsed:  # one key a line
        keys = [line.partition('"')[0] for line in text.split('\n"')[1:]]
    else:
        keys = [key.strip('"') for key in re.findall(r"(?m)^(\"[^\"\n]+\"|\w[^:\n]*):", text)]
    return [key for key in keys if key[0] != "_"]


def latest_date(before: str, *texts: str) -> str:
    """Return the latest date in all the data, and in other texts, that is before a day; "" if there is none.

    What depends on a day depends on whether dates have passed: between two of them, each day gives the same.
    """
    found = {date for text in texts for date in re.findall(_DATE, text)}
    for above, _, files in os.walk(folder()):
        for name in files:
            found.update(re.findall(_DATE, _text(os.path.join(above, name))[1]))
    return max((date for date in found if date < before), default="")


@cache
def _text(path: str) -> tuple[bool, str]:
    """Return whether a data file is JSON, and its text, "" without one (a plugin's provider has no facts); cached for
    further blocks of the file."""
    json_path = path.removesuffix(".yaml") + ".json"
    parsed = os.path.exists(json_path)
    if not parsed and not os.path.exists(path):
        return False, ""
    with open(json_path if parsed else path, encoding="utf-8") as file:
        return parsed, file.read()


def parse_yaml(text: str) -> Any:
    """Return the data of a YAML text, which may be a user's: the caller handles errors of PyYAML."""
    import yaml

    return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def _with_text_dates(data: Any) -> Any:
    """Return the data with dates converted to text."""
    if isinstance(data, dict):
        return {key: _with_text_dates(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_with_text_dates(value) for value in data]
    return data if isinstance(data, str | int | float | None) else str(data)
