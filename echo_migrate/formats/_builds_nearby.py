"""The results, arguments and platforms of builds near a file, read from scripts, pipelines and skaffold files: names of
images that are not pulled, build arguments whose default is not what is built, and rare platforms."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import NamedTuple

from echo_migrate.files.budget import beside
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Source, Unreadable, contents
from echo_migrate.files.tree import real
from echo_migrate.files.workspace import of_a_run
from echo_migrate.formats._compose_files import NAME as COMPOSE
from echo_migrate.formats._named_contexts import GIVES, MOST_FOLDERS, folders_above, places
from echo_migrate.images.reference import familiar

_TAGGED = lazy_regex(
    r"\b(?:docker|podman|nerdctl|buildah)(?:[ \t]+buildx)?[ \t]+(?:build|bud)\b"
    r"[^\n]{0,500}?[ \t](?:-t|--tag)[= \t]+[\"']?([^\s\"'$]+)"
)
_ARTIFACT = lazy_regex(r"(?m)^[ \t]*-[ \t]+image:[ \t]*[\"']?([^\s\"'#{]+)")
_ARGUMENT = lazy_regex(r"--build-arg(?:[= \t]+|[\"']?,[ \t]*|[\"']?[ \t]*\r?\n[ \t]*-[ \t]+)[\"']?([A-Za-z_]\w*)=")
_MAPPED = lazy_regex(
    r"\bbuildArgs:[ \t]*(?:\{([^{}]{0,2000})\}|\r?\n((?:[ \t]+[\"']?[A-Za-z_]\w*[\"']?:[^\n]*(?:\n|$)){1,50}))"
)
_KEY = lazy_regex(r"(?:^|[\s,{\"'])([A-Za-z_]\w*)[\"']?:")
_ARGUMENTS = lazy_regex(
    r"build-args:[ \t]*[|>]?[-+]?[ \t]*(?:\n[ \t]*)?((?:[\"']?[A-Za-z_]\w*=[^\n]*(?:\n[ \t]*|$)){1,50})"
)
_PLATFORM = lazy_regex(r"\blinux/(?:arm/v[567]|386|s390x|ppc64le|riscv64|mips64le|loong64)\b")
_NAMED = lazy_regex(r"(?m)^[ \t]*[\"']?([A-Za-z_]\w*)=")


class Builds(NamedTuple):
    """The names of what is built, without ``:latest``, the names of the arguments that builds are given, and the
    platforms that are built for, common ones left out."""

    results: frozenset[str]
    arguments: frozenset[str]
    platforms: frozenset[str]


class _Platforms(NamedTuple):
    """The rare platforms that builds are for: of the Dockerfile at a path, and of any where a file does not say of
    which."""

    own: Mapping[str, frozenset[str]]
    any: frozenset[str]

    def of(self, path: str) -> frozenset[str]:
        return self.any | self.own.get(path, frozenset())


def builds_near(path: str) -> Builds:
    """Return what is built in the folder of a file, in its parents up to the top of the tree, and in their folders for
    build definitions."""
    found = [_builds(folder) for folder in folders_above(path)]
    whole = real(path)
    return Builds(
        frozenset(name for one, _ in found for name in one.results),
        frozenset(name for one, _ in found for name in one.arguments),
        frozenset(name for _, platforms in found for name in platforms.of(whole)),
    )


@of_a_run(4096)
def _builds(folder: str) -> tuple[Builds, _Platforms]:
    """Return the results and arguments of the builds in a folder, and their platforms."""
    results, arguments, platforms = set[str](), set[str](), set[str]()
    own: dict[str, frozenset[str]] = {}
    for place in islice(places(folder), MOST_FOLDERS):
        with contextlib.suppress(OSError):
            for name in sorted(os.listdir(place)):
                path = os.path.join(place, name)
                if GIVES.fullmatch(name) and not os.path.islink(path):
                    with contextlib.suppress(Unreadable):
                        data = contents(path)
                        _read(name, data, results, arguments)
                        if b"platform" in data:
                            said = _platforms(path, data.decode("utf-8", "replace"))
                            platforms |= said.any
                            own |= {one: own.get(one, frozenset()) | names for one, names in said.own.items()}
    return Builds(frozenset(results), frozenset(arguments), frozenset()), _Platforms(own, frozenset(platforms))


def _platforms(path: str, text: str) -> _Platforms:
    """Return the rare platforms in one file: of the Dockerfiles that it builds for them, if it says so of each."""
    written = _PLATFORM.findall(text)
    own: dict[str, frozenset[str]] = {}
    offsets = set[int]()
    for dockerfile, platform, offset in _stated(path) if written else ():
        if dockerfile and _PLATFORM.fullmatch(platform):
            own[real(dockerfile)] = own.get(real(dockerfile), frozenset()) | {platform}
            offsets.add(offset)
    return _Platforms(own, frozenset()) if len(offsets) == len(written) else _Platforms({}, frozenset(written))


def _stated(path: str) -> Iterator[tuple[str | None, str, int]]:
    """Yield the platforms that bake and compose files state of what they build; nothing if they cannot be read."""
    from echo_migrate.formats import bake, compose

    name = os.path.basename(path)
    format = bake if bake.NAME.fullmatch(name) else compose if COMPOSE.fullmatch(name) else None
    if format:
        with contextlib.suppress(Exception), beside():  # an error in a related file is reported when that file is read
            yield from list(format.platforms(Source.read(path)))


def _read(name: str, data: bytes, results: set[str], arguments: set[str]) -> None:
    """Add the results and arguments in one file."""
    if b"build" not in data:
        return
    text = data.decode("utf-8", "replace").replace("\\\n", " ")
    results.update(familiar(one) for one in _TAGGED.findall(text))
    if "skaffold" in name and "artifacts:" in text:
        results.update(familiar(one) for one in _ARTIFACT.findall(text))
    arguments.update(_ARGUMENT.findall(text))
    arguments.update(one for block in _ARGUMENTS.findall(text) for one in _NAMED.findall(block))
    if "skaffold" in name:
        arguments.update(one for flow, block in _MAPPED.findall(text) for one in _KEY.findall(flow or block))
