"""The results, arguments and platforms of builds near a file, read from scripts, pipelines and skaffold files: names of
images that are not pulled, build arguments whose default is not what is built, and rare platforms."""

import contextlib
import os
from itertools import islice
from typing import NamedTuple

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Unreadable, contents
from echo_migrate.files.workspace import of_a_run
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


def builds_near(path: str) -> Builds:
    """Return what is built in the folder of a file, in its parents up to the top of the tree, and in their folders for
    build definitions."""
    found = [_builds(folder) for folder in folders_above(path)]
    return Builds(
        frozenset(name for one in found for name in one.results),
        frozenset(name for one in found for name in one.arguments),
        frozenset(name for one in found for name in one.platforms),
    )


@of_a_run(4096)
def _builds(folder: str) -> Builds:
    results, arguments, platforms = set[str](), set[str](), set[str]()
    for place in islice(places(folder), MOST_FOLDERS):
        with contextlib.suppress(OSError):
            for name in sorted(os.listdir(place)):
                path = os.path.join(place, name)
                if GIVES.fullmatch(name) and not os.path.islink(path):
                    with contextlib.suppress(Unreadable):
                        _read(name, contents(path), results, arguments, platforms)
    return Builds(frozenset(results), frozenset(arguments), frozenset(platforms))


def _read(name: str, data: bytes, results: set[str], arguments: set[str], platforms: set[str]) -> None:
    """Add the results, arguments and platforms in one file."""
    if b"platform" in data:
        platforms.update(_PLATFORM.findall(data.decode("utf-8", "replace")))
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
