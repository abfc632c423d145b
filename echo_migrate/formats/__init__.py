"""The kinds of files that are read, one module each: ``recognise``, ``parse`` and ``verify``."""

from collections.abc import Iterable
from typing import Any, Protocol

from echo_migrate.formats import dockerfile
from echo_migrate.source import Source


class Format(Protocol):
    """What a module of this package is."""

    def recognise(self, path: str, head: str) -> bool:
        """Whether a file is of this kind, by its name and the first lines of its text."""

    def parse(self, source: Source) -> Iterable[Any]:
        """The nodes of a file, for rules to be called on; never raises for what a file holds."""

    def verify(self, before: Source, after: Source) -> str | None:
        """Why ``after`` must not be written in the place of ``before``, or None."""


FORMATS: tuple[Format, ...] = (dockerfile,)


def recognised(path: str, head: str = "") -> Format | None:
    """The format of a file, or None."""
    return next((format for format in FORMATS if format.recognise(path, head)), None)
