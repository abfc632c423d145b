"""JSON files that a user names, which others may have written: bounded, and never more than data."""

import json
from typing import Any, NoReturn

from echo_migrate.files.source import Unreadable, contents

LARGEST = 30_000_000
"""The limit of a file in bytes. Data takes up to thirty times as much memory as its text."""


def read_json(path: str, largest: int = LARGEST) -> Any:
    """Return the data of a file. Raises ``Unreadable``: the message completes a sentence about the file."""
    try:
        return json.loads(contents(path, largest).decode("utf-8-sig"), parse_constant=_refused)
    except UnicodeDecodeError:
        raise Unreadable("is not UTF-8") from None
    except RecursionError:
        raise Unreadable("is nested too deep") from None
    except ValueError as error:
        if isinstance(error, Unreadable):
            raise
        raise Unreadable("is not valid JSON") from None


def _refused(name: str) -> NoReturn:
    raise ValueError(name)
