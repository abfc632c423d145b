"""The values that were handed to a build, which no output may show."""

import contextlib
import os
from collections.abc import Iterable, Iterator

from echo_migrate.proof.builders import PassedOn

_SHORTEST = 4
_LARGEST = 64_000
_HIDDEN = "***"


class Secrets:
    """Values that are replaced wherever they are found."""

    def __init__(self, passed: PassedOn) -> None:
        values = {value for one in _values(passed) for value in (one, *one.split("\n")) if len(value) >= _SHORTEST}
        self.values = sorted(values, key=len, reverse=True)

    def hidden(self, text: str) -> str:
        """Return a text without the values."""
        for value in self.values:
            text = text.replace(value, _HIDDEN)
        return text


def _values(passed: PassedOn) -> Iterator[str]:
    """Yield the values of build arguments and secrets. An argument without a value is taken from the environment."""
    for argument in passed.arguments:
        name, equals, value = argument.partition("=")
        yield value if equals else os.environ.get(name, "")
    for secret in passed.secrets:
        fields = dict(_fields(secret.split(",")))
        place = fields.get("src") or fields.get("source") or ""
        name = fields.get("env") or ("" if place else fields.get("id", ""))
        yield os.environ.get(name, "") if name else ""
        with contextlib.suppress(OSError), open(place or os.devnull, encoding="utf-8", errors="replace") as file:
            yield file.read(_LARGEST).strip()


def _fields(parts: Iterable[str]) -> Iterator[tuple[str, str]]:
    for part in parts:
        name, _, value = part.partition("=")
        yield name.strip().lower(), value
