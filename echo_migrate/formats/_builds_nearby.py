"""The results, arguments and platforms of the builds near a file, read from the files that may build something: names
of images that are not pulled, build arguments whose default is not what is built, and rare platforms."""

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from echo_migrate.files.budget import beside
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Source, TooMuch, Unreadable, contents, has_any
from echo_migrate.files.tree import dockerfile_at, real, top
from echo_migrate.files.workspace import of_a_run
from echo_migrate.formats._build_places import (
    MOST_FOLDERS,
    folders_above,
    is_manifest,
    is_of_goreleaser,
    may_be_baked,
    may_build,
    may_pass,
    places,
)
from echo_migrate.formats._compose_files import NAME as COMPOSE
from echo_migrate.formats._compose_files import above, compose_files
from echo_migrate.images.reference import ANY, familiar, untagged

if TYPE_CHECKING:
    from echo_migrate.formats._given_arguments import Given

_GIVES = (b"build-arg", b"build_arg", b"buildarg", b"args")
"""Words of which a file that gives arguments to a build has one, in lowercase."""

_MAKES = (
    *(b"build", b"bud", b" tag ", b" commit ", b" import ", b"destination", b"type=", b"save image", b"jib"),
    *(b"to.image", b"-image=", b"plugin-", b"plugins/", b"plugin/", b"docker@", b"ko_docker_repo"),
)
"""Words of which a file that makes an image has one, in lowercase; a bake file has none of its own."""

_DOCKERFILES = ("dockerfile", "containerfile")
"""How the names of Dockerfiles begin: what a RUN builds stays in the build, or goes to a daemon elsewhere."""

_LARGEST_CODE = 200_000
"""How many bytes a file of code may have that is read for the arguments of its calls."""

_PLATFORM = lazy_regex(r"\blinux/(?:arm/v[567]|386|s390x|ppc64le|riscv64|mips64le|loong64)\b")
_OF_STAGE = lazy_regex(r"(?i)[ \t]*FROM[ \t]+--platform=[\"']?")
"""What stands before a platform in a line that is the platform of one stage, and not of what builds it."""
_CASE = lazy_regex(r"[ \t]*\(?(?:[\w./*?\"'-]++[ \t]*\|[ \t]*)*+[\w./*?\"'-]++[ \t]*\)")
_BEFORE_A_CASE = lazy_regex(r"(?:^|[\s\S]*\s)(?:case[ \t][^\n]*[ \t]in|;;&?|;&)")
_LONGEST_CASE = 500
"""A pattern of ``case`` at the beginning of a line, what ends before it, and how many characters each may have."""

_LINE = lazy_regex(r"(?:[^\n\\]|\\[^\r\n]|\\\r?\n){1,5000}")
"""A line of a script or a Makefile, with those that continue it."""

_OF_TESTS = lazy_regex(
    r"(?i)(?:^|/)(?:(?:__)?(?:tests?|specs?)(?:__)?/[^/]*|test_[^/]*|[^/]*[._-](?:test|spec)\.[^/]*)$"
)
"""Code of tests, in which the text of a command is often data, and which makes what it needs for itself alone."""

_FILE = lazy_regex(r"\s(?:-f|--file)[ =][\"']?([^\s\"'`$]+)[\"']?(?=\s|$)")
_TO_CROSS = (
    r"[ \t]*[-@+]*[ \t]*sed[ \t][^\n>]{0,300}\b1,// s//FROM[ \t]+--platform=[^\n>&|]{0,20}BUILDPLATFORM[^\n>&|]{0,20}"
    r"[ \t]([\w./-]{1,200})[ \t]*>[ \t]*([\w./-]{1,200})[ \t]*"
)
_CROSS = lazy_regex(rf"(?m)^{_TO_CROSS}$", needs=("buildplatform",))
"""What makes a Dockerfile of another, with the builder's platform for its first FROM, as Kubebuilder writes it."""

_SAYS_NONE = lazy_regex(
    rf"{_TO_CROSS}|[ \t]*\w*PLATFORMS?[ \t]*[:?]{{0,3}}=[ \t]*[\w/,]*[ \t]*|(?![\s\S]*(?i:platform))[\s\S]*"
)
"""A line that gives no build a platform: it is that of ``sed``, sets a variable and nothing else, or has none."""

_OF_SEVERAL = lazy_regex(r"\b(?:bake|compose)\b")
_ACTION = "build-push-action@"

Stated = tuple[str | None, int, int]


class Builds(NamedTuple):
    """The names of what is built, without ``:latest``, the arguments that builds are given, by name, and the platforms
    that are built for, common ones left out. Of a name that ends in a colon, any tag may be built; parts that are ``*``
    are the owner or the name of the repository, whose folder is called ``folder``. ``unread`` are the paths of files
    that take too long to read, and may build anything; ``later_platforms`` are those of all stages but the first."""

    results: frozenset[str]
    arguments: "Mapping[str, tuple[Given, ...]]"
    platforms: frozenset[str]
    unread: frozenset[str] = frozenset()
    folder: str = ""
    later_platforms: frozenset[str] = frozenset()

    def make(self, image: str, own: bool = True) -> bool:
        """Return whether an image may be one that is built, by its reference; a tag with a variable may be any. Unless
        ``own``, names that are built with that of the repository, which is not known, do not count."""
        name = familiar(image)
        known = untagged(name)
        if name in self.results or f"{known}:" in self.results:
            return True
        if "$" in known:
            return False
        return any(
            own and self._is_own(untagged(one), known) if ANY in one else "$" in name and untagged(one) == known
            for one in self.results
        )

    def _is_own(self, made: str, name: str) -> bool:
        """Return whether a name is one that is made with the owner and the name of the repository: with a name of its
        own below a registry, or else with that of the repository's folder."""
        parts, others = made.split("/"), name.split("/")
        own = parts[-1] == ANY
        if len(parts) != len(others) or (parts[0] == ANY and not own):
            return False
        alike = all(ANY in (one, other) or one == other for one, other in zip(parts, others, strict=True))
        return alike and (not own or others[-1] == self.folder)

    def make_alike(self, image: str) -> bool:
        """Return whether what is built may be an image under another registry or owner: the last part of the name is
        the same, and written whole."""
        last = _last(familiar(image))
        return "$" not in last and any(_last(one) == last for one in self.results if ANY not in one)


def _last(name: str) -> str:
    return untagged(name).rpartition("/")[2]


class _Platforms(NamedTuple):
    """The rare platforms that builds are for: of the Dockerfile at a path, and of any where a file does not say of
    which; and, with the path of a Dockerfile whose first stage the builder runs on its own platform, of any other."""

    own: Mapping[str, frozenset[str]]
    any: frozenset[str]
    crossed: frozenset[tuple[str, str]] = frozenset()

    def of(self, path: str) -> frozenset[str]:
        return self.any.union(self.own.get(path, ()), (name for other, name in self.crossed if other != path))

    def later(self, path: str) -> frozenset[str]:
        """Return the platforms of a Dockerfile's other stages than the first, which that may not have."""
        return frozenset(name for one, name in self.crossed if one == path)


class _Read(NamedTuple):
    """What the builds of one file make, get, and are for."""

    results: frozenset[str] = frozenset()
    arguments: "tuple[Given, ...]" = ()
    platforms: _Platforms = _Platforms({}, frozenset())


_NOTHING = _Read()


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
        frozenset(path for one, _ in found for path in one.unread),
        os.path.basename(top(path)).lower(),
        frozenset(name for _, platforms in found for name in platforms.later(whole)),
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
    results, platforms, unread, crossed = set[str](), set[str](), set[str](), set[tuple[str, str]]()
    arguments: dict[str, dict[tuple[str | None, str, str], Given]] = {}
    own: dict[str, frozenset[str]] = {}
    root = real(top(os.path.join(folder, "_")))
    for place in islice(places(folder), MOST_FOLDERS):
        with contextlib.suppress(OSError):
            for name in sorted(os.listdir(place)):
                path = os.path.join(place, name)
                if not may_build(name) or os.path.islink(path):
                    continue
                read = _read(path, root)
                if read is None:
                    unread.add(path)
                    continue
                results |= read.results
                for one in read.arguments:
                    arguments.setdefault(one.name, {}).setdefault((one.value, one.dockerfile, one.ending), one)
                platforms |= read.platforms.any
                crossed |= read.platforms.crossed
                own |= {one: own.get(one, frozenset()) | names for one, names in read.platforms.own.items()}
    given = {name: tuple(each.values()) for name, each in arguments.items()}
    built = Builds(frozenset(results), given, frozenset(), frozenset(unread))
    return built, _Platforms(own, frozenset(platforms), frozenset(crossed))


@of_a_run(16_384)
def _read(path: str, root: str) -> _Read | None:
    """Return what a file has of builds, in the tree below ``root``; None if it takes too long to read, which it does
    once a run."""
    passing = may_pass(os.path.basename(path))
    try:
        data = contents(path) if passing else contents(path, _LARGEST_CODE)
    except Unreadable:
        return _NOTHING
    low = data.lower()
    of_tests = not passing and _OF_TESTS.search(os.path.relpath(path, root).replace(os.sep, "/"))
    try:
        results = frozenset[str]() if of_tests else frozenset(_results_in(path, data, low))
        with beside():
            given = tuple(_given_in(path, data, low))
            platforms = _platforms(Source.of(path, data)) if passing and b"platform" in low else _NOTHING.platforms
    except TooMuch:
        return None
    except Unreadable:
        return _NOTHING
    return _Read(results, given, platforms) if given or results or any(platforms) else _NOTHING


def _given_in(path: str, data: bytes, low: bytes) -> "Iterable[Given]":
    """Return the arguments that a file gives to builds; ``low`` is its text in lowercase."""
    if not has_any(low, _GIVES):
        return ()
    from echo_migrate.formats._given_arguments import given_in  # as few files give any

    return given_in(path, data)


def _results_in(path: str, data: bytes, low: bytes) -> Iterable[str]:
    """Return the names of what a file builds; ``low`` is its text in lowercase. Raises ``TooMuch``."""
    said = has_any(low, _MAKES) or may_be_baked(path) or is_manifest(path)
    if not said or os.path.basename(path).lower().startswith(_DOCKERFILES):
        return ()
    from echo_migrate.formats._build_results import results_in, stated_in  # as few files build any

    stated = list(stated_in(path, data))
    with beside():
        return list(results_in(path, data, stated))


def _platforms(source: Source) -> _Platforms:
    """Return the rare platforms in one file: of the Dockerfiles that it builds for them, where it names these."""
    written = [one for one in _PLATFORM.finditer(source.text) if not _of_no_build(source.text, one.start())]
    stated = list(_stated(source)) if written else []
    own: dict[str, set[str]] = {}
    other = set[str]()
    for match in written:
        built = {path for path, start, end in stated if start <= match.start() < end}
        if not built or None in built:
            other.add(match[0])
        for path in filter(None, built):
            own.setdefault(real(path), set()).add(match[0])
    owned = {path: frozenset(names) for path, names in own.items()}
    crossed = _crossed(source) if other else None
    if crossed:
        return _Platforms(owned, frozenset(), frozenset((crossed, name) for name in other))
    return _Platforms(owned, frozenset(other))


def _crossed(source: Source) -> str | None:
    """Return the real path of the Dockerfile of which ``sed`` makes the only one that a file builds for platforms, with
    the builder's platform for the first stage, as the makefiles of Kubebuilder do."""
    made = _CROSS.search(source.text)
    lines = (one[0].partition("#")[0] for one in _LINE.finditer(source.text)) if made else ()
    files = [_FILE.search(line) for line in lines if not _SAYS_NONE.fullmatch(line)]
    if not made or not files or any(file is None or file[1] != made[2] for file in files):
        return None
    found = dockerfile_at(source.path, ".", made[1])
    return real(found) if found else None


def _of_no_build(text: str, offset: int) -> bool:
    """Return whether the platform at an offset is that of one stage, or asked for by a pattern of ``case``."""
    line = text.rfind("\n", 0, offset) + 1
    if _OF_STAGE.fullmatch(text, line, offset):
        return True
    case = _CASE.match(text, line, line + _LONGEST_CASE)
    before = text[max(0, line - _LONGEST_CASE) : line].rstrip() if case and offset < case.end() else ""
    return bool(before and _BEFORE_A_CASE.fullmatch(before))


def _stated(source: Source) -> Iterator[Stated]:
    """Yield where a file states the platforms that a Dockerfile is built for, each with its path, None if it is not in
    the tree; nothing if the file cannot be read."""
    from echo_migrate.formats import bake, compose, github

    name = os.path.basename(source.path)
    if is_of_goreleaser(source.path):
        from echo_migrate.formats import _goreleaser  # as few trees have one

        with contextlib.suppress(Exception), beside():  # as below
            yield from list(_goreleaser.platforms(source))
    elif bake.NAME.fullmatch(name) or COMPOSE.fullmatch(name) or _ACTION in source.text:
        format = bake if bake.NAME.fullmatch(name) else compose if COMPOSE.fullmatch(name) else github
        with contextlib.suppress(Exception), beside():  # an error in a related file is reported when that file is read
            yield from list(format.platforms(source))
    else:
        above = (source.path, os.path.join(top(source.path), "_"))
        for line in _LINE.finditer(source.text):
            file = _FILE.search(line[0]) if "build" in line[0] and not _OF_SEVERAL.search(line[0]) else None
            if file:
                yield next(filter(None, (dockerfile_at(one, ".", file[1]) for one in above)), None), *line.span()
