"""The build arguments that the files near a Dockerfile give its builds: what is built has their values, not the
defaults of the Dockerfile.

Compose and bake files and dev containers are read by their readers, as they say of which Dockerfile; scripts, pipelines
and code by what they call arguments (docker build, ``--build-arg``; docker buildx bake, ``--set``; docker-py,
``buildargs``; skaffold, ``buildArgs``; docker/build-push-action, ``build-args``; kreuzwerker/docker, ``build_args``).
"""

import contextlib
import os
import re
import sys
from bisect import bisect_right
from collections.abc import Iterator
from operator import itemgetter
from typing import NamedTuple

from echo_migrate.files.budget import beside
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Source
from echo_migrate.files.tree import real
from echo_migrate.formats._build_commands import Build, builds_in, makes_dockerfiles
from echo_migrate.formats._code_comments import comments

_ARGUMENT = lazy_regex(
    r"--build-arg(?:[= \t]++(?:\\\r?\n[ \t]*+)?|[\"']?,\s{0,100}+|[\"']?[ \t]*+\r?\n[ \t]*+-[ \t]++)(?:[fru]?[\"'`])?"
    r"([A-Za-z_]\w*+)(?=[=\s\"'`\\,;)]|$)(?:=([\w.:/@-]++)[\"'`]?+(?![^\s,;)\]]|[ \t]*+\+))?",
    needs=("--build-arg",),
)
"""An argument of a command, with its value where that is written whole."""

_SET = lazy_regex(r"(?:--set[= \t]++|\n[ \t]*+)[\"']?[\w*.-]+\.args\.([A-Za-z_]\w*+)[ \t]*+\+?=", needs=(".args.",))
_CALLS = ("build-arg", "build_arg", "buildarg")
_CALLED = r"\b(?i:build(?:-|_|)args?)"
_PLAIN = r"[^\[\]{}()]++"
_WITHIN = rf"[\[{{(](?>(?:{_PLAIN}|[\[{{(](?:{_PLAIN})?[\]}})])*)[\]}})]"
"""A pair of brackets in a value, with pairs in it: ``"${lookup(a)}"``."""

_MAPPED = lazy_regex(
    _CALLED + rf"[\"']?[ \t]*+(?:[:=]|(\())[ \t]*+(?:[\[{{(]((?>(?:{_PLAIN}|{_WITHIN})*))[\]}})]"
    r"|\r?\n((?>(?:[ \t]++[\"']?[A-Za-z_]\w*+[\"']?:[^\n]*+(?:\n|$)){1,50})))",
    needs=_CALLS,
    of_files=True,
)
_KEY = lazy_regex(r"(?:^|[\s,{(\"'])([A-Za-z_]\w*+)[\"']?[ \t]*+(?:[:=](?!=)|,(?=[ \t]*+[\"']))")
_LISTED = lazy_regex(
    _CALLED + r"[\"']?[ \t]*+[:=][ \t]*+[|>]?[-+]?[ \t]*+(?:\r?\n[ \t]*+)?"
    r"((?>(?:(?:-[ \t]++)?[\"']?[A-Za-z_]\w*+=[^\n]*+(?:\n[ \t]*+|$)){1,50}))",
    needs=_CALLS,
    of_files=True,
)
_NAMED = lazy_regex(r"(?:^|[\s,;\"'])([A-Za-z_]\w*+)=")
_TAGGED = lazy_regex(
    r"<(?i:build(?:-|)args?)>((?>(?:[^<]++|<(?!/?(?i:build(?:-|)args?)>))*))</(?i:build(?:-|)args?)>",
    needs=("<buildarg", "<build-arg"),
    of_files=True,
)
_TAG = lazy_regex(r"<([A-Za-z_]\w*+)>")
_BAKED = lazy_regex(r"\bargs[\"']?[ \t]*+[:=][ \t]*+\{([^{}]{0,2000}+)\}")
_BUILDER = lazy_regex(r"(?i)docker|podman|buildah|container")
"""A word of a file in which a function that is called ``buildArgs`` is one of a build of an image."""

_BLOCKS = ((_MAPPED, _KEY), (_LISTED, _NAMED), (_TAGGED, _TAG))
"""What holds several arguments, each with how their names are found in it."""


class Given(NamedTuple):
    """An argument that is given a value, ``value`` if it is written there. ``dockerfile`` is the real path of the
    Dockerfile that is built, "" where a file does not say of which; ``ending`` is how its path ends, where that is all
    that is known. ``path`` and ``line`` are the place."""

    name: str
    value: str | None
    dockerfile: str
    ending: str
    path: str
    line: int

    def reaches(self, path: str) -> bool:
        """Return whether a build of the Dockerfile at a real path may have the argument."""
        return path.endswith(self.ending) if self.ending else self.dockerfile in ("", path)


def given_in(path: str, data: bytes) -> Iterator[Given]:
    """Yield the arguments that a file gives to builds."""
    source = Source.of(path, data)
    line = place = 0
    remarks = comments(path, source.text)
    found = [one for one in _written(source) if not _within(remarks, one[3])]
    found += _stated(source)
    builds = _builds(source)
    for dockerfile, name, value, start in sorted(found, key=itemgetter(3)):
        line += source.text.count("\n", place, start)
        place = start
        number = bisect_right(builds, start, key=itemgetter(0)) - 1
        ending = builds[number][2] if number >= 0 and start < builds[number][1] and not dockerfile else ""
        yield Given(name, value, real(dockerfile) if dockerfile else "", ending, path, line + 1)


def _builds(source: Source) -> list[Build]:
    """Return the builds of a file that say plainly which Dockerfile they read: commands, and steps of workflows."""
    from echo_migrate.formats import _github_builds, github

    found = builds_in(source.path, source.text)
    if github.recognise(source.path, source.text) and not makes_dockerfiles(source.text):
        with contextlib.suppress(Exception), beside():  # an error in a related file is reported when that file is read
            found += [(start, end, real(path)) for path, start, end in list(_github_builds.inputs_of_builds(source))]
    return sorted(found)


def _within(spans: list[tuple[int, int]], place: int) -> bool:
    number = bisect_right(spans, (place, sys.maxsize)) - 1
    return number >= 0 and place < spans[number][1]


_NO_HASHES = lazy_regex(r"(?i).*\.(?:gradle|groovy|[cm]?[jt]s|kts)|jenkinsfile.*")
"""Names of files in which no comment begins with ``#``."""

_HASH = lazy_regex(r"^(?:[^\"'#]*[ \t])?#", needs=("#",), of_files=True)
_PRINTED = lazy_regex(r"(?:^|[\s;&|@(-])(?:echo|printf)[ \t][^;&|`(]*$", needs=("echo", "printf"), of_files=True)
_MOST_BEFORE = 1_000

Stated = tuple[str | None, str, str | None, int]
"""An argument that a build gets: path of the Dockerfile, name, value, and place."""


def _stated(source: Source) -> Iterator[Stated]:
    """Yield the arguments of the builds of a compose or bake file or a dev container; nothing if it cannot be read."""
    from echo_migrate.formats import bake, compose, devcontainer

    name = os.path.basename(source.path)
    if "args" not in source.text:
        return
    for format in (bake, devcontainer, compose):
        if format.NAME.fullmatch(name) or (format is not devcontainer and format.recognise(source.path, source.text)):
            try:
                with beside():
                    yield from list(format.arguments_given(source))
            except Exception:  # an error in a related file is reported when that file is read
                yield from ((None, key, None, start) for key, start in _in_blocks(source.text, _BAKED, _KEY))
            return


def _written(source: Source) -> Iterator[Stated]:
    """Yield the arguments that commands, inputs of actions and calls name."""
    text, hashes = source.text, not _NO_HASHES.fullmatch(os.path.basename(source.path))
    for match in _ARGUMENT.finditer(text):
        if not is_said(text, match.start(1), hashes):
            yield None, match[1], match[2], match.start(1)
    for match in _SET.finditer(text):
        if not is_said(text, match.start(1), hashes):
            yield None, match[1], None, match.start(1)
    for block, inner in _BLOCKS:
        yield from ((None, name, None, start) for name, start in _in_blocks(text, block, inner))


def _in_blocks(text: str, block: re.Pattern[str], inner: re.Pattern[str]) -> Iterator[tuple[str, int]]:
    builder = block is not _MAPPED or _BUILDER.search(text) is not None
    for match in block.finditer(text):
        group = match.lastindex or 0
        if match[1] and not builder:
            continue
        for one in inner.finditer(match[group]):
            yield one[1], match.start(group) + one.start(1)


def is_said(text: str, start: int, hashes: bool = True) -> bool:
    """Return whether what starts at a place stands in a comment, or is what a command prints, on its line. ``hashes``:
    whether ``#`` begins comments there."""
    begin = max(0, start - _MOST_BEFORE)
    line = text[max(text.rfind("\n", begin, start) + 1, begin) : start]
    return bool((hashes and _HASH.search(line)) or _PRINTED.search(line))
