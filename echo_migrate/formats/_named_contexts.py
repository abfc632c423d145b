"""The named contexts that a Dockerfile is built with: what it calls by such a name is pulled from nowhere.

Docker's documentation, "Bake", ``target.contexts`` ("Replace a remote image"), and the Compose specification,
``additional_contexts``.
"""

import contextlib
import os
import re
from collections.abc import Iterator
from functools import lru_cache

from echo_migrate.files.budget import beside
from echo_migrate.files.source import Source, TooMuch, Unreadable, contents
from echo_migrate.files.tree import top
from echo_migrate.images.reference import familiar, untagged

_GIVES = re.compile(
    r"(?i).*\.(?:sh|bash|mk|ya?ml|ps1|hcl|tf)|[^.]+|(?:.*bake.*|package|\.?devcontainer)\.json|(?:make|docker|task)file\..*"
)
"""Files that may give contexts to a build, by name."""

_BAKE = re.compile(r"(?i)\.hcl$|bake[^/]*\.json$")
_VARIABLE = re.compile(r"\$\{\{[^{}]*\}\}|\$\{[^{}]*\}|\$?\([^()]*\)|`[^`]*`|\$\w+")
_MOST_VARIABLES = 5
_KEYWORDS = (b"build-context", b"additional_contexts")
_BESIDE = (
    *(".circleci", ".devcontainer", ".github", ".github/workflows", ".gitlab", "bin", "build", "ci", "compose"),
    *("deploy", "devops", "docker", "hack", "infra", "ops", "scripts", "tools"),
)
"""Folders in which builds of what lies beside or below them are usually said."""


def named(path: str) -> frozenset[str]:
    """The names that bake and compose files beside a Dockerfile, or above it in its tree, give to contexts of it."""
    wanted = os.path.realpath(path)
    return frozenset(name for folder in _folders(path) for name in _given(folder).get(wanted, ()))


def _folders(path: str) -> Iterator[str]:
    """The folder of a file and those above it, to the top of its tree."""
    folder, root = os.path.realpath(os.path.dirname(os.path.abspath(path))), top(path)
    while True:
        yield folder
        if folder in (root, os.path.dirname(folder)):
            return
        folder = os.path.dirname(folder)


def shadows(path: str, name: str) -> bool:
    """Whether a build may take an image's name, without a tag, for that of a context of its own.

    Asked of every file that gives contexts in the folders of a path and above it in its tree, and in those where builds
    are usually said, whatever it builds: no honest context is called as a hardened image, and what is called by a
    variable, or cannot be read, may be.
    """
    return any(
        _may_take(giving, text, name)
        for folder in _folders(path)
        for place in _places(folder)
        for giving, text in _giving(place)
    )


def _places(folder: str) -> Iterator[str]:
    """A folder, and those in it where builds are usually said; none that a link leads to."""
    yield folder
    for name in _BESIDE:
        place = os.path.join(folder, name)
        if not os.path.islink(place) and not os.path.islink(os.path.dirname(place)):
            yield place
            if name == ".github":
                with contextlib.suppress(OSError):
                    own = os.path.join(place, "actions")
                    entries = [] if os.path.islink(own) else list(os.scandir(own))
                    yield from (entry.path for entry in entries if entry.is_dir(follow_symlinks=False))


@lru_cache(maxsize=4096)
def _giving(folder: str) -> list[tuple[str, str]]:
    """The files in a folder that give contexts to builds, with their texts."""
    found: list[tuple[str, str]] = []
    with contextlib.suppress(OSError):
        for name in sorted(os.listdir(folder)):
            path = os.path.join(folder, name)
            if _GIVES.fullmatch(name) and not os.path.islink(path):
                with contextlib.suppress(Unreadable):
                    data = contents(path)
                    bake = _BAKE.search(name) and b"context" in data
                    if bake or any(word in data for word in _KEYWORDS):
                        found.append((path, data.decode("utf-8", "replace")))
    return found


def _may_take(path: str, text: str, name: str) -> bool:
    """Whether a name may be that of a context in a file that gives some."""
    names = _names(path, text)
    return names is None or any(_may_be(one, name) for one in names)


@lru_cache(maxsize=4096)
def _names(path: str, text: str) -> frozenset[str] | None:
    """The names of contexts in a file that gives some, without tags, a ``$`` for each variable; None for any."""
    from echo_migrate.formats import bake, compose

    try:
        with beside():
            if "build-context" in text:  # a command's words, or an action's lines
                flat = _VARIABLE.sub("$", re.sub(r"\\\r?\n[ \t]*", "", text))
                names = re.findall(r"([^\s\"'=,]+)=", flat)
                names += re.findall(r"build-contexts?[=:\s]+[\"']?(\$)(?!\S*=)", flat)
            else:
                known = bake.context_names(path, text) if _BAKE.search(path) else compose.context_names(text)
                if known is None:
                    return None
                names = [_VARIABLE.sub("$", one) for one in known]
            return frozenset(untagged(familiar(one)) for one in names)
    except TooMuch:
        return None


def _may_be(one: str, name: str) -> bool:
    """Whether a context's name, in which each variable is a ``$``, may read as another one."""
    if "\\" in one or one.count("$") > _MOST_VARIABLES:
        return True
    return one == name or ("$" in one and bool(re.fullmatch(".*".join(map(re.escape, one.split("$"))), name)))


@lru_cache(maxsize=4096)
def _given(folder: str) -> dict[str, set[str]]:
    """The names by the real path of the Dockerfile, of all files in a folder."""
    found: dict[str, set[str]] = {}
    with contextlib.suppress(OSError):
        for name in sorted(os.listdir(folder)):
            if "bake" in name.lower() or "compose" in name.lower():
                for dockerfile, names in _said(os.path.join(folder, name)):
                    found.setdefault(os.path.realpath(dockerfile), set()).update(names)
    return found


@lru_cache(maxsize=4096)
def _said(path: str) -> list[tuple[str, list[str]]]:
    from echo_migrate.formats import bake, compose

    name = os.path.basename(path)
    format = bake if bake.NAME.fullmatch(name) else compose if compose.NAME.fullmatch(name) else None
    try:
        with beside():
            return list(format.contexts(Source.read(path))) if format and not os.path.islink(path) else []
    except Unreadable:
        return []
