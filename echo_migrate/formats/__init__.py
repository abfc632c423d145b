"""The kinds of files that are read, one module each: what ``Format`` says."""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from importlib import import_module
from re import Pattern
from typing import Any, NamedTuple, Protocol, cast

from echo_migrate.files.budget import Spent, bounded
from echo_migrate.files.source import Edit, Source


class Request(NamedTuple):
    """What a run wants of a file: the kinds of nodes that its rules look at (images, problems and ignore comments
    are always given), and the targets that other files are known to build of it."""

    kinds: frozenset[type] = frozenset()
    targets: frozenset[str] = frozenset()


NO_REQUEST = Request()


class Format(Protocol):
    """What a module of this package is. ``NAME`` matches the file names that leave no doubt.

    Two functions more are a module's that has something to say: ``targets(path)``, the builds that a candidate asks
    for (a Dockerfile's path, and the stage's name), and ``building(source)``, the files on disk that build this text,
    each with the nodes that do and its ignore comments.
    """

    NAME: Pattern[str]

    def candidate(self, path: str) -> bool:
        """Return whether a file may be of this kind, by its name alone."""

    def recognise(self, path: str, text: str) -> bool:
        """Return whether a candidate is of this kind, by its text too."""

    def parse(self, source: Source, request: Request) -> Iterable[Any]:
        """Return the nodes of a file, for rules to be called on; never raises for what a file holds."""

    def verify(self, before: Source, after: Source, edits: Iterable[Edit]) -> str | None:
        """Return why ``after``, made from ``before`` by ``edits``, must not be written in its place, or None."""


FORMATS = (
    *("dockerfile", "compose", "kustomize", "kubernetes", "github", "ci", "gitlab", "helm"),
    *("devcontainer", "bake", "script", "makefile", "terraform", "python", "testcontainers"),
)
"""The modules, in the order in which they are asked; one is imported when those before it have passed."""


def formats() -> Iterator[Format]:
    """Return the formats, each imported when its turn comes."""
    return (cast(Format, import_module(f"{__name__}.{name}")) for name in FORMATS)


def kind(format: Format) -> str:
    """Return what a format is called: its module's name."""
    name: str = getattr(format, "__name__", "")
    return name.rpartition(".")[2]


def candidate(path: str) -> bool:
    """Return whether a file is worth opening."""
    return any(format.candidate(path) for format in formats())


def named(path: str) -> bool:
    """Return whether a file's name alone says that it is of one of our kinds."""
    return any(format.NAME.fullmatch(path.rpartition("/")[2]) for format in formats())


def recognised(path: str, text: str) -> Format | None:
    """Return the format of a file, or None."""
    return next((format for format in formats() if format.recognise(path, text)), None)


def targets(paths: Iterable[str]) -> dict[str, frozenset[str]]:
    """Return the stages that the files of a run build by name, by the path of their Dockerfile."""
    found: dict[str, set[str]] = {}
    for path in paths:
        format = next((format for format in formats() if format.candidate(path)), None)
        with suppress(Exception, Spent), bounded():  # it is said when the file itself is read
            for dockerfile, name in getattr(format, "targets", _nothing)(path):
                found.setdefault(os.path.normpath(dockerfile), set()).add(name.lower())
    return {path: frozenset(names) for path, names in found.items()}


def building(format: Format, source: Source) -> Iterable[tuple[Source, list[Any]]]:
    """Return the files on disk that build a text of this format, each with the nodes that do and its ignore
    comments."""
    builders: Iterable[tuple[Source, list[Any]]] = getattr(format, "building", _nothing)(source)
    return builders


def _nothing(_: object) -> tuple[()]:
    return ()
