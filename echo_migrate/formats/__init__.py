"""The kinds of files that are read, one module each: what ``Format`` says."""

from collections.abc import Iterable, Iterator
from importlib import import_module
from re import Pattern
from typing import Any, Protocol, cast

from echo_migrate.source import Edit, Source


class Format(Protocol):
    """What a module of this package is. ``NAME`` matches the file names that leave no doubt."""

    NAME: Pattern[str]

    def candidate(self, path: str) -> bool:
        """Whether a file may be of this kind, by its name alone."""

    def recognise(self, path: str, text: str) -> bool:
        """Whether a candidate is of this kind, by its text too."""

    def parse(self, source: Source) -> Iterable[Any]:
        """The nodes of a file, for rules to be called on; never raises for what a file holds."""

    def verify(self, before: Source, after: Source, edits: Iterable[Edit]) -> str | None:
        """Why ``after``, made from ``before`` by ``edits``, must not be written in its place, or None."""


FORMATS = ("dockerfile", "compose")
"""The modules, in the order in which they are asked; one is imported when those before it have passed."""


def formats() -> Iterator[Format]:
    """The formats, each imported when its turn comes."""
    return (cast(Format, import_module(f"{__name__}.{name}")) for name in FORMATS)


def candidate(path: str) -> bool:
    """Whether a file is worth opening."""
    return any(format.candidate(path) for format in formats())


def named(path: str) -> bool:
    """Whether a file's name alone says that it is of one of our kinds."""
    return any(format.NAME.fullmatch(path.rpartition("/")[2]) for format in formats())


def recognised(path: str, text: str) -> Format | None:
    """The format of a file, or None."""
    return next((format for format in formats() if format.recognise(path, text)), None)
