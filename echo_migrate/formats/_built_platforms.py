"""The rare platforms that the builds in one file are for, and of which Dockerfile where the file names it."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from echo_migrate.files.budget import beside
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Source
from echo_migrate.files.tree import dockerfile_at, real, top
from echo_migrate.formats._build_places import COMPOSE, is_of_goreleaser

_PLATFORM = lazy_regex(r"\blinux/(?:arm/v[567]|386|s390x|ppc64le|riscv64|mips64le|loong64)\b")
_OF_STAGE = lazy_regex(r"(?i)[ \t]*FROM[ \t]+--platform=[\"']?")
"""What stands before a platform in a line that is the platform of one stage, and not of what builds it."""
_CASE = lazy_regex(r"[ \t]*\(?(?>(?:[\w./*?\"'-]++[ \t]*\|[ \t]*)*)[\w./*?\"'-]++[ \t]*\)")
_BEFORE_A_CASE = lazy_regex(r"(?:^|[\s\S]*\s)(?:case[ \t][^\n]*[ \t]in|;;&?|;&)")
_LONGEST_CASE = 500
"""A pattern of ``case`` at the beginning of a line, what ends before it, and how many characters each may have."""

_GIVEN = lazy_regex(
    r"(?im)(?:(?<!from )--(?:[a-z]+-)?platforms?\b|(?:^|[{,])[ \t]*(?:-[ \t]+)?[\"']?platforms?[\"']?[ \t]*:"
    r"|(?<!--)platforms?[ \t]*[:?+]{0,3}=|docker_default_platform)(?![=: \t\"']*+linux/[\w/,]++(?:[\"' \t\r\n]|$))",
    needs=("platform",),
)
"""An option, a key or a variable that gives platforms other than ones that are written there, but for those of a FROM:
what a pattern of ``case`` asks for may be what it gives then."""

_LINE = lazy_regex(r"(?:[^\n\\]|\\[^\r\n]|\\\r?\n){1,5000}")
"""A line of a script or a Makefile, with those that continue it."""

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


class Platforms(NamedTuple):
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


def platforms_in(source: Source) -> Platforms:
    """Return the rare platforms in one file: of the Dockerfiles that it builds for them, where it names these."""
    found = list(_PLATFORM.finditer(source.text))
    given = bool(found) and _GIVEN.search(source.text) is not None
    written = [one for one in found if not _of_no_build(source.text, one.start(), given)]
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
        return Platforms(owned, frozenset(), frozenset((crossed, name) for name in other))
    return Platforms(owned, frozenset(other))


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


def _of_no_build(text: str, offset: int, given: bool) -> bool:
    """Return whether the platform at an offset is that of one stage, or asked for by a pattern of ``case`` alone: not
    where builds are given one that is not written there."""
    line = text.rfind("\n", 0, offset) + 1
    if _OF_STAGE.fullmatch(text, line, offset):
        return True
    if given:
        return False
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
