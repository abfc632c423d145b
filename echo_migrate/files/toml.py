"""TOML texts, which others may have written: bounded in time."""

from typing import Any

from echo_migrate.files.budget import Spent, bounded
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Unreadable

_LONG_KEY = lazy_regex(r"(?:\.[ \t]*[\w\"'-]+[ \t]*){50}")
"""A key of many parts: the time of Python's parser grows with the square of their number."""


def read_toml(text: str) -> dict[str, Any]:
    """Return the table that a text is. Raises ``Unreadable``: the message completes a sentence about the file."""
    import tomllib

    if _LONG_KEY.search(text):
        raise Unreadable("has a key of too many parts")
    try:
        with bounded():
            return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise Unreadable(f"is not valid TOML: {error}") from None
    except (Spent, ValueError):
        raise Unreadable("is not valid TOML, or more of it than can be read") from None
