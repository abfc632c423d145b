"""The files in ``mappings/``, read once and kept parsed."""

import contextlib
import marshal
import os
import re
import sys
from collections.abc import Callable
from typing import Any

_PACKAGE = os.path.dirname(os.path.abspath(__file__))


def folder() -> str:
    """Where the data lies: beside the package in a checkout, inside of it in an installed wheel."""
    inside = os.path.join(_PACKAGE, "mappings")
    return inside if os.path.isdir(inside) else os.path.join(os.path.dirname(_PACKAGE), "mappings")


def read_data(name: str) -> Any:
    """The data of a file in ``mappings/``."""
    return _kept(name, name, read_yaml)


def read_block(name: str, key: str) -> Any:
    """The value of one key of a file in ``mappings/``, without a look at the others; None if there is no such key.

    Files with a block for each of many images are read this way: all of one would take 120 ms.
    """

    def parse(path: str) -> Any:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        match = re.search(rf"(?m)^(?:{re.escape(key)}|\"{re.escape(key)}\"):(?=\s)[^\n]*\n(?:[ #][^\n]*\n|\n)*", text)
        return next(iter(parse_yaml(match[0]).values())) if match else None

    return _kept(name, f"{name}.{key}", parse)


def blocks(name: str) -> list[str]:
    """The keys of a file in ``mappings/`` that has a block for each image, those for the file itself left out."""
    with open(os.path.join(folder(), name), encoding="utf-8") as file:
        return [key.strip('"') for key in re.findall(r"(?m)^([\w\"][^:\n]*):", file.read()) if key[0] != "_"]


def _kept(name: str, label: str, parse: Callable[[str], Any]) -> Any:
    """What ``parse`` makes of a file.

    It is kept where Python keeps its compiled files, if that can be written, as long as the file's time and size stay:
    to load YAML takes 25 of the 100 ms that a small run may take.
    """
    path = os.path.join(folder(), name)
    status = os.stat(path)
    stamp = (status.st_mtime_ns, status.st_size)
    label = label.replace("/", "~")
    kept = os.path.join(folder(), "__pycache__", f"{label}.{sys.implementation.cache_tag}.marshal")
    with contextlib.suppress(OSError, ValueError, EOFError, TypeError):
        with open(kept, "rb") as file:
            found, data = marshal.load(file)  # noqa: S302 - as trusted as the code beside it
        if found == stamp:
            return data
    data = _with_text_dates(parse(path))
    if data is None:
        return None  # what strangers' files name must not fill a folder
    mine = f"{kept}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(kept), exist_ok=True)
        with open(mine, "wb") as file:
            marshal.dump((stamp, data), file)
        os.replace(mine, kept)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(mine)
    return data


def _with_text_dates(data: Any) -> Any:
    """The same data with dates as text, which is all that they are needed as."""
    if isinstance(data, dict):
        return {key: _with_text_dates(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_with_text_dates(value) for value in data]
    return data if isinstance(data, str | int | float | None) else str(data)


def read_yaml(path: str) -> Any:
    """A YAML file's data; a data file of ours, or a user's (then its errors are the caller's to catch)."""
    with open(path, encoding="utf-8") as file:
        return parse_yaml(file)


def parse_yaml(text: Any) -> Any:
    """The data of a YAML text."""
    import yaml

    return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
