"""The results, arguments and platforms of the builds near a file, read from the files that may build something: names
of images that are not pulled, build arguments whose default is not what is built, and rare platforms."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import NamedTuple

from echo_migrate.files.budget import beside
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Source, Unreadable, contents
from echo_migrate.files.tree import dockerfile_at, real, top
from echo_migrate.files.workspace import of_a_run
from echo_migrate.formats._compose_files import NAME as COMPOSE
from echo_migrate.formats._compose_files import above, compose_files
from echo_migrate.formats._given_arguments import GIVING, Given, given_in, is_said
from echo_migrate.formats._named_contexts import GIVES, MOST_FOLDERS, folders_above, places
from echo_migrate.images.reference import familiar

_TAGGED = lazy_regex(
    r"\b(?:docker|podman|nerdctl|buildah)(?:[ \t]+buildx)?[ \t]+(?:build|bud)\b"
    r"[^\n]{0,500}?[ \t](?:-t|--tag)[= \t]+[\"']?(?:([^\s\"'$]+)|\$[({]?(\w+)[)}]?[\"']?(?=\s|$))",
    needs=("docker", "podman", "nerdctl", "buildah"),
    of_files=True,
)
"""The name that a build is given, or the variable that has it."""

_ASSIGNED = lazy_regex(
    r"(?m)^[ \t]*(?:(?:export|local|readonly)[ \t]+)?(\w+)[ \t]*[:?]{0,2}=[ \t]*[\"']?([^\s\"'$#;]+)[\"']?[ \t]*\r?$"
)
_NAMED_ANEW = lazy_regex(
    r"\b(?:docker|podman|nerdctl|buildah)(?:[ \t]+(?:image|container))?[ \t]+(?:tag|commit|import)[ \t]"
    r"[^\n;&|]{0,500}?[ \t][\"']?([^\s\"'$;&|)]+)[\"']?[ \t\r]*(?=$|[\n;&|)]|[ \t]#)"
    r"|\btype=(?:docker|image|oci)\b[^\s\"']{0,200}?,name=([^\s\"',$]+)",
    needs=("docker", "podman", "nerdctl", "buildah", "type="),
    of_files=True,
)
"""The name that an image is given by another command, or that the output of a build has."""

_LARGEST_CODE = 200_000
"""How many bytes a file of code may have that is read for the arguments of its calls."""

_MAKES = (b"build", b" tag ", b" commit ", b" import ")
_ARTIFACT = lazy_regex(r"(?m)^[ \t]*-[ \t]+image:[ \t]*[\"']?([^\s\"'#{]+)")
_PLATFORM = lazy_regex(r"\blinux/(?:arm/v[567]|386|s390x|ppc64le|riscv64|mips64le|loong64)\b")
_LINE = lazy_regex(r"(?:[^\n\\]|\\[^\r\n]|\\\r?\n){1,5000}")
"""A line of a script or a Makefile, with those that continue it."""

_FILE = lazy_regex(r"\s(?:-f|--file)[ =][\"']?([^\s\"'`$]+)[\"']?(?=\s|$)")
_OF_SEVERAL = lazy_regex(r"\b(?:bake|compose)\b")
_ACTION = "build-push-action@"

Stated = tuple[str | None, int, int]


class Builds(NamedTuple):
    """The names of what is built, without ``:latest``, the arguments that builds are given, by name, and the platforms
    that are built for, common ones left out."""

    results: frozenset[str]
    arguments: Mapping[str, tuple[Given, ...]]
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
    arguments: dict[str, tuple[Given, ...]] = {}
    for one, _ in found:
        for name, given in one.arguments.items():
            own = tuple(given_one for given_one in given if given_one.reaches(whole))
            if own:
                arguments[name] = (*arguments.get(name, ()), *own)
    return Builds(
        frozenset(name for one, _ in found for name in one.results),
        arguments,
        frozenset(name for _, platforms in found for name in platforms.of(whole)),
    )


def folders_of(path: str) -> frozenset[str]:
    """Return the real paths of the folders that a Dockerfile is built from, by the compose files near it and the
    workflows of its repository; none if these build it from nowhere, or if one of the folders is not known."""
    found: list[str | None] = []
    if any(compose_files(folder, root) for folder, root in above(path)):
        from echo_migrate.formats import compose  # reads YAML, as few starts do

        found += compose.folders_of(path)
    found += _of_workflows(os.path.join(top(path), ".github", "workflows")).get(real(path), ())
    return frozenset(real(one) for one in found if one) if None not in found else frozenset()


@of_a_run(64)
def _of_workflows(folder: str) -> dict[str, list[str | None]]:
    """Return the folders that the workflows in a folder build from, by the real path of the Dockerfile."""
    found: dict[str, list[str | None]] = {}
    with contextlib.suppress(OSError):
        for name in sorted(os.listdir(folder)):
            # an error in a related file is reported when that file is read
            with contextlib.suppress(Exception), beside():
                source = Source.read(os.path.join(folder, name))
                if _ACTION not in source.text:
                    continue
                from echo_migrate.formats import _github_builds

                for dockerfile, context in list(_github_builds.folders(source)):
                    found.setdefault(real(dockerfile), []).append(context)
    return found


@of_a_run(4096)
def _builds(folder: str) -> tuple[Builds, _Platforms]:
    """Return the results and arguments of the builds in a folder, and their platforms."""
    results, platforms = set[str](), set[str]()
    arguments: dict[str, dict[tuple[str | None, str, str], Given]] = {}
    own: dict[str, frozenset[str]] = {}
    for place in islice(places(folder), MOST_FOLDERS):
        with contextlib.suppress(OSError):
            for name in sorted(os.listdir(place)):
                path = os.path.join(place, name)
                if not GIVING.fullmatch(name) or os.path.islink(path):
                    continue
                with contextlib.suppress(Unreadable):
                    data = contents(path) if GIVES.fullmatch(name) else contents(path, _LARGEST_CODE)
                    for one in given_in(path, data):
                        arguments.setdefault(one.name, {}).setdefault((one.value, one.dockerfile, one.ending), one)
                    if GIVES.fullmatch(name):
                        _read(name, data, results)
                        if b"platform" in data:
                            said = _platforms(Source.of(path, data))
                            platforms |= said.any
                            own |= {one: own.get(one, frozenset()) | names for one, names in said.own.items()}
    given = {name: tuple(each.values()) for name, each in arguments.items()}
    return Builds(frozenset(results), given, frozenset()), _Platforms(own, frozenset(platforms))


def _platforms(source: Source) -> _Platforms:
    """Return the rare platforms in one file: of the Dockerfiles that it builds for them, where it names these."""
    written = list(_PLATFORM.finditer(source.text))
    stated = list(_stated(source)) if written else []
    own: dict[str, set[str]] = {}
    other = set[str]()
    for match in written:
        built = {path for path, start, end in stated if start <= match.start() < end}
        if not built or None in built:
            other.add(match[0])
        for path in filter(None, built):
            own.setdefault(real(path), set()).add(match[0])
    return _Platforms({path: frozenset(names) for path, names in own.items()}, frozenset(other))


def _stated(source: Source) -> Iterator[Stated]:
    """Yield where a file states the platforms that a Dockerfile is built for, each with its path, None if it is not in
    the tree; nothing if the file cannot be read."""
    from echo_migrate.formats import bake, compose, github

    name = os.path.basename(source.path)
    if bake.NAME.fullmatch(name) or COMPOSE.fullmatch(name) or _ACTION in source.text:
        format = bake if bake.NAME.fullmatch(name) else compose if COMPOSE.fullmatch(name) else github
        with contextlib.suppress(Exception), beside():  # an error in a related file is reported when that file is read
            yield from list(format.platforms(source))
    else:
        above = (source.path, os.path.join(top(source.path), "_"))
        for line in _LINE.finditer(source.text):
            file = _FILE.search(line[0]) if "build" in line[0] and not _OF_SEVERAL.search(line[0]) else None
            if file:
                yield next(filter(None, (dockerfile_at(one, ".", file[1]) for one in above)), None), *line.span()


def _read(name: str, data: bytes, results: set[str]) -> None:
    """Add the results of the builds in one file."""
    if not any(word in data for word in _MAKES):
        return
    text = data.decode("utf-8", "replace").replace("\\\n", " ")
    tagged = _TAGGED.findall(text)
    results.update(familiar(one) for one, _ in tagged if one)
    variables = {name for _, name in tagged if name}
    if variables:
        results.update(familiar(value) for name, value in _ASSIGNED.findall(text) if name in variables)
    results.update(
        familiar(match[1] or match[2]) for match in _NAMED_ANEW.finditer(text) if not is_said(text, match.start())
    )
    if "skaffold" in name and "artifacts:" in text:
        results.update(familiar(one) for one in _ARTIFACT.findall(text))
