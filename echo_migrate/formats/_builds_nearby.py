"""The results, arguments and platforms of the builds near a file, read from the files that may build something: names
of images that are not pulled, build arguments whose default is not what is built, and rare platforms."""

import contextlib
import os
from collections.abc import Iterable, Mapping
from itertools import chain, islice
from typing import TYPE_CHECKING, NamedTuple

from echo_migrate.files.budget import beside
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Source, TooMuch, Unreadable, contents, has_any
from echo_migrate.files.tree import real, searched, top
from echo_migrate.files.workspace import of_a_run
from echo_migrate.formats._build_places import (
    MOST_FOLDERS,
    above,
    compose_files,
    folders_above,
    is_manifest,
    may_be_baked,
    may_build,
    may_pass,
    places,
)
from echo_migrate.images.reference import ANY, familiar, untagged

if TYPE_CHECKING:
    from echo_migrate.formats._built_platforms import Platforms
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

_DEFINES = lazy_regex(
    r"(?i)/(?:(?:make|task|just|jenkins)file(?:\.[^/]+)?|[^/]+\.(?:sh|bash|mk|hcl|ps1)|\.(?:github/workflows|circleci)/[^/]+"
    r"|[^/]*(?:compose|skaffold|cloudbuild|buildspec|pipelines?|gitlab-ci|drone|travis|woodpecker)[^/]*\.ya?ml)$"
)
"""The files that usually define builds, wherever they are in a tree."""
_MOST_DEFINING = 500
"""How many of them are read."""

_OF_TESTS = lazy_regex(
    r"(?i)(?:^|/)(?:(?:__)?(?:tests?|specs?)(?:__)?/[^/]*|test_[^/]*|[^/]*[._-](?:test|spec)\.[^/]*)$"
)
"""Code of tests, in which the text of a command is often data, and which makes what it needs for itself alone."""

_ACTION = "build-push-action@"


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
        return "$" not in last and ANY not in last and any(_last(one) == last for one in self.results)


def _last(name: str) -> str:
    return untagged(name).rpartition("/")[2]


def _owner(name: str) -> str:
    """Return what stands before the last part of a name: the registry and the owner, or the owner at Docker Hub. "" if
    that is not known, or is a registry alone."""
    owner = untagged(name).rpartition("/")[0]
    registry_alone = "/" not in owner and ("." in owner or ":" in owner)
    return "" if registry_alone or "$" in owner or ANY in owner else owner


_Read = tuple[frozenset[str], "tuple[Given, ...]", "Platforms | None"]
"""What the builds of one file make, get, and are for."""

_NOTHING: _Read = (frozenset(), (), None)


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
        frozenset(name for _, read in found for one in read for name in one.of(whole)),
        frozenset(path for one, _ in found for path in one.unread),
        os.path.basename(top(path)).lower(),
        frozenset(name for _, read in found for one in read for name in one.later(whole)),
    )


def made_in_tree(path: str, image: str) -> bool:
    """Return whether a build anywhere in the tree of a file makes an image, with whatever tag, by a name that is
    written whole and with its owner."""
    name = untagged(familiar(image))
    if "/" not in name or "$" in name:
        return False
    return any(untagged(made) == name for made in _made_by_those_with(_last(name), path))


def owner_builds(path: str, image: str, near: Builds) -> bool:
    """Return whether a build anywhere in the tree of a file gives what it makes a name below the same owner as that of
    an image: one who builds here, in the same registry."""
    owner = _owner(familiar(image))
    if not owner:
        return False
    made = chain(near.results, _made_by_those_with(_last(owner), path))
    return any(_owner(one) == owner for one in made)


def _made_by_those_with(word: str, path: str) -> Iterable[str]:
    """Return the names of what the scripts and pipelines of a file's tree make in which a word is."""
    root = real(top(path))
    return (made for one in _naming(word, root) for made in (_read(one, root) or _NOTHING)[0])


@of_a_run(4096)
def _naming(word: str, root: str) -> list[str]:
    """Return the scripts and pipelines of a tree in which a word is, as others are not parsed."""
    data = word.encode("utf-8", "surrogateescape")
    return [one for one, text in _making(root) if data in text]


@of_a_run(2)
def _making(root: str) -> tuple[tuple[str, bytes], ...]:
    """Return the scripts and pipelines of a tree that may make an image, each with its text in lowercase."""
    paths = (os.path.join(folder, name) for folder, names in searched(root) for name in names)
    found = list[tuple[str, bytes]]()
    for path in islice(filter(_DEFINES.search, paths), _MOST_DEFINING):
        with contextlib.suppress(Unreadable):
            text = b"" if os.path.islink(path) else contents(path, _LARGEST_CODE).lower()
            found += [(path, text)] if has_any(text, _MAKES) or may_be_baked(path) else []
    return tuple(found)


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
def _builds(folder: str) -> "tuple[Builds, list[Platforms]]":
    """Return the results and arguments of the builds in a folder, and the platforms of those in each file."""
    results, unread = set[str](), set[str]()
    platforms: list[Platforms] = []
    arguments: dict[str, dict[tuple[str | None, str, str], Given]] = {}
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
                made, given, built_for = read
                results |= made
                for one in given:
                    arguments.setdefault(one.name, {}).setdefault((one.value, one.dockerfile, one.ending), one)
                platforms += [built_for] if built_for else []
    distinct = {name: tuple(each.values()) for name, each in arguments.items()}
    return Builds(frozenset(results), distinct, frozenset(), frozenset(unread)), platforms


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
            platforms = _platforms(Source.of(path, data)) if passing and b"platform" in low else None
    except TooMuch:
        return None
    except Unreadable:
        return _NOTHING
    return (results, given, platforms) if given or results or platforms else _NOTHING


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


def _platforms(source: Source) -> "Platforms | None":
    """Return the rare platforms in one file, None if it has none."""
    from echo_migrate.formats._built_platforms import platforms_in  # as most have only common ones

    platforms = platforms_in(source)
    return platforms if any(platforms) else None
