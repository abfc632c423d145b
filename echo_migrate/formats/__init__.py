"""The supported file formats, one module each that implements ``Format``."""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from importlib import import_module
from itertools import chain
from re import Pattern
from typing import Any, NamedTuple, Protocol, cast

from echo_migrate.files.budget import Spent, bounded
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.plugins import found as plugins_of
from echo_migrate.files.plugins import loaded
from echo_migrate.files.source import Edit, Source, Unreadable, contents


class Request(NamedTuple):
    """What a run needs from a file: the kinds of nodes that its rules check (images, problems and ignore comments are
    always included), and the targets that other files are known to build from it."""

    kinds: frozenset[type] = frozenset()
    targets: frozenset[str] = frozenset()


NO_REQUEST = Request()


class Format(Protocol):
    """The interface of a format module. ``NAME`` matches file names that identify the format on their own.

    A module may have two more functions: ``targets(path)`` yields the builds that a candidate requests (path of the
    Dockerfile, name of the stage), and ``building(source)`` the files on disk that build this text, each with the
    nodes that do and its ignore comments.
    """

    NAME: Pattern[str]

    def candidate(self, path: str) -> bool:
        """Return whether a file may be of this format, judging by its name alone."""

    def recognise(self, path: str, text: str) -> bool:
        """Return whether a candidate is of this format, judging by its text too."""

    def parse(self, source: Source, request: Request) -> Iterable[Any]:
        """Return the nodes of a file, on which rules are called; never raises because of a file's contents."""

    def verify(self, before: Source, after: Source, edits: Iterable[Edit]) -> str | None:
        """Return why ``after``, made from ``before`` by ``edits``, must not replace it, or None if it may."""


FORMATS = (
    *("dockerfile", "compose", "kustomize", "kubernetes", "github", "ci", "gitlab", "helm", "precommit", "aws"),
    *("ansible", "devcontainer", "bake", "script", "makefile", "terraform", "nomad", "packer", "jenkins", "quadlet"),
    *("python", "testcontainers"),
)
"""The modules, in the order in which they are tried; each is imported when those before it do not match."""


def formats() -> Iterator[Format]:
    """Return the formats, each imported lazily; those of plugins are tried last."""
    return chain(map(_format, FORMATS), _of_plugins())


@cache
def _of_plugins() -> tuple[Format, ...]:
    if not plugins_of("formats"):
        return ()
    from echo_migrate.formats._plugin import guarded

    found = (guarded(plugin, module, FORMATS) for plugin, module in loaded("formats").items())
    return tuple(format for format in found if format)


@cache
def _format(name: str) -> Format:
    return cast(Format, import_module(f"{__name__}.{name}"))


def kind(format: Format) -> str:
    """Return the name of a format, which is that of its module."""
    name: str = getattr(format, "__name__", "")
    return name.rpartition(".")[2]


def candidate(path: str) -> bool:
    """Return whether the name of a file matches any format."""
    return any(format.candidate(path) for format in formats())


def named(path: str) -> bool:
    """Return whether the name of a file identifies its format on its own."""
    return any(format.NAME.fullmatch(path.rpartition("/")[2]) for format in formats())


def recognised(path: str, text: str) -> Format | None:
    """Return the format of a file, or None."""
    return next((format for format in formats() if format.recognise(path, text)), None)


def targets(paths: Iterable[str]) -> dict[str, frozenset[str]]:
    """Return the lowercase names of stages that the files of a run build, by the path of the Dockerfile."""
    found: dict[str, set[str]] = {}
    for path in paths:
        format = next((format for format in formats() if format.candidate(path)), None)
        builds = getattr(format, "targets", None)
        if builds is None:
            continue
        with suppress(Exception, Spent), bounded():  # errors are reported when the file itself is read
            for dockerfile, name in builds(path):
                found.setdefault(os.path.normpath(dockerfile), set()).add(name.lower())
    return {path: frozenset(names) for path, names in found.items()}


_OF_CLUSTERS = frozenset(("Chart", "Kustomization", "kustomization"))
_VERSION = lazy_regex(rb"(?m)^apiVersion:(?![ \t]*[\"']?(?:backstage|skaffold))")
_KIND = lazy_regex(rb"(?m)^kind:")
_MOST_MANIFESTS = 1000
_LARGEST_MANIFEST = 200_000


def on_clusters(paths: Iterable[str]) -> bool:
    """Return whether the files of a run have a chart, a kustomization or a manifest of Kubernetes; of the last, only so
    many are read."""
    sheets = [path for path in paths if path.endswith((".yaml", ".yml"))]
    names = (os.path.basename(path).removesuffix(".yaml").removesuffix(".yml") for path in paths)
    return not _OF_CLUSTERS.isdisjoint(names) or any(map(_is_manifest, sheets[:_MOST_MANIFESTS]))


def _is_manifest(path: str) -> bool:
    with suppress(Unreadable):  # that is reported when the file itself is read
        data = contents(path, _LARGEST_MANIFEST)
        return bool(_VERSION.search(data) and _KIND.search(data))
    return False


def building(format: Format, source: Source) -> Iterable[tuple[Source, list[Any]]]:
    """Return the files on disk that build a text of this format, each with the nodes that do and its ignore
    comments."""
    builders: Iterable[tuple[Source, list[Any]]] = getattr(format, "building", _nothing)(source)
    return builders


def _nothing(_: object) -> tuple[()]:
    return ()
