"""The files in ``mappings/``, whole or by the block: YAML in a checkout, JSON in a wheel (``hooks/wheel.py``).

To load YAML takes 25 of the 100 ms that a small run may take, so the wheel has the data parsed. Nothing is kept from
run to run: a cache beside the program is a file that others may be able to write, and that outlives the installation.
"""

import json
import os
import re
from functools import cache
from typing import Any

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def folder(name: str = "mappings") -> str:
    """Return where a folder of data lies: beside the package in a checkout, inside of it in an installed wheel."""
    inside = os.path.join(_PACKAGE, name)
    return inside if os.path.isdir(inside) else os.path.join(os.path.dirname(_PACKAGE), name)


def names() -> list[str]:
    """Return the names of the files in ``mappings/``, those in its folders left out; ``.yaml`` whatever their form."""
    parts = map(os.path.splitext, os.listdir(folder()))
    return sorted(f"{stem}.yaml" for stem, ending in parts if ending in (".json", ".yaml"))


def read_data(name: str) -> Any:
    """Return the data of a file in ``mappings/``: the caller's own, parsed for each call."""
    parsed, text = _text(os.path.join(folder(), name))
    return json.loads(text) if parsed else _with_text_dates(parse_yaml(text))


def read_block(name: str, key: str) -> Any:
    """Return the value of one key of a file in ``mappings/`` without parsing the others; None if there is no such key.

    Files with a block for each of many images are read this way: all of one would take 120 ms as YAML, 8 as JSON.
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
    """Return the keys of a file in ``mappings/`` that has a block for each image, without those for the file itself."""
    keys = [key.strip('"') for key in re.findall(r"(?m)^([\w\"][^:\n]*):", _text(os.path.join(folder(), name))[1])]
    return [key for key in keys if key[0] != "_"]


@cache
def _text(path: str) -> tuple[bool, str]:
    """Return whether a file of ours is in parsed form, and its text, kept for the next of its blocks."""
    json_path = path.removesuffix(".yaml") + ".json"
    parsed = os.path.exists(json_path)
    with open(json_path if parsed else path, encoding="utf-8") as file:
        return parsed, file.read()


def parse_yaml(text: str) -> Any:
    """Return the data of a YAML text, a user's included; its errors are the caller's to catch."""
    import yaml

    return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def _with_text_dates(data: Any) -> Any:
    """Return the same data with dates as text, which is all that they are needed as."""
    if isinstance(data, dict):
        return {key: _with_text_dates(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_with_text_dates(value) for value in data]
    return data if isinstance(data, str | int | float | None) else str(data)
