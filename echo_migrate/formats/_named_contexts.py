"""The named contexts of a Dockerfile's builds: an image name that matches one is not pulled.

Docker's documentation, "Bake", ``target.contexts`` ("Replace a remote image"), and the Compose specification,
``additional_contexts``.
"""

import contextlib
import os
import re
from itertools import islice

from echo_migrate.files.budget import beside
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Source, Unreadable, contents, has_any
from echo_migrate.files.tree import real
from echo_migrate.files.workspace import of_a_run
from echo_migrate.formats._build_places import COMPOSE, MOST_FOLDERS, folders_above, may_be_baked, may_pass, places
from echo_migrate.images.reference import familiar, untagged

_VARIABLE = lazy_regex(r"\$\{\{[^{}]*\}\}|\$\{[^{}]*\}|\$?\([^()]*\)|`[^`]*`|\$\w+")
_MOST_PARTLY = 500
"""The maximum number of names with variables that are compared: beyond that, any name may match."""

_COMMENT = lazy_regex(r"(?m)^[ \t]*#.*", needs=("#",))
"""A line that no program runs, in scripts, makefiles, YAML and Dockerfiles."""

_NAMED = lazy_regex(r"(?<![^\s\"'=,])([^\s\"'=,]+)=")
_BEHIND = lazy_regex(r"build-context(?:s[^\0]*|[\"',\s]*[^\n]*)")
"""A word that may be the name of a context, and the words behind an option, or an input of an action, that gives some:
elsewhere, a word with variables (colours around a line of ``=``) is none."""

_KEYWORDS = (b"build-context", b"additional_contexts")


def named(path: str) -> frozenset[str]:
    """Return the names of contexts that bake and compose files, in the folder of a Dockerfile or above it in its tree,
    pass to its builds."""
    wanted = real(path)
    return frozenset(name for folder in folders_above(path) for name in _given(folder).get(wanted, ()))


def shadows(path: str, name: str) -> bool:
    """Return whether the name of an image, without tag, may be that of a named context in a build.

    Considers every file that passes contexts to any build, in the folder of ``path``, its parents up to the top of the
    tree, and their folders for build definitions: no legitimate context has the name of a hardened image.
    A name with a variable may match any other, and a file that cannot be read may have any name.
    """
    folders = folders_above(path)
    return len(folders) == MOST_FOLDERS or any(_may_take(folder, name) for folder in folders)


_Names = tuple[frozenset[str], frozenset[str]]
"""Names of contexts, without tags: plain ones, and those with a ``$`` for each variable. None stands for any name."""


@of_a_run(65_536)
def _may_take(folder: str, name: str) -> bool:
    """Return whether a name may be that of a context defined in a folder or its folders for build definitions."""
    names = _said_in(folder)
    return names is None or name in names[0] or any(_may_be(one, name) for one in names[1])


@of_a_run(4096)
def _said_in(folder: str) -> _Names | None:
    """Return the names of contexts defined in a folder and its folders for build definitions."""
    searched = list(islice(places(folder), MOST_FOLDERS))
    found = [_names(*giving) for place in searched for giving in _giving(place)]
    known = [names for names in found if names]
    partly = frozenset(name for names in known for name in names[1])
    open = len(searched) == MOST_FOLDERS or len(partly) > _MOST_PARTLY or len(known) < len(found)
    return None if open else (frozenset(name for names in known for name in names[0]), partly)


def _giving(folder: str) -> list[tuple[str, str]]:
    """Return the files in a folder that pass contexts to builds, with their texts."""
    found: list[tuple[str, str]] = []
    with contextlib.suppress(OSError):
        for name in sorted(os.listdir(folder)):
            path = os.path.join(folder, name)
            if may_pass(name) and not os.path.islink(path):
                with contextlib.suppress(Unreadable):
                    data = contents(path)
                    bake = may_be_baked(name) and b"context" in data
                    if bake or has_any(data, _KEYWORDS):
                        found.append((path, data.decode("utf-8", "replace")))
    return found


@of_a_run(4096)
def _names(path: str, text: str) -> _Names | None:
    """Return the names of contexts in a file; any name if it cannot be read."""
    from echo_migrate.formats import bake, compose

    try:
        with beside():
            if "build-context" in text:  # command arguments, or inputs of an action
                run = _COMMENT.sub("", text)
                flat = _VARIABLE.sub("$", re.sub(r"\\\r?\n[ \t]*", "", run)) if "build-context" in run else ""
                names = [one for one in _NAMED.findall(flat) if not {"$", "\\"} & set(one)]
                names += [one for given in _BEHIND.findall(flat) for one in _NAMED.findall(given)]
                names += re.findall(r"build-contexts?[=:\s]+[\"']?(\$)(?!\S*=)", flat)
            else:
                known = bake.context_names(path, text) if may_be_baked(path) else compose.context_names(text)
                if known is None:
                    return None
                names = [_VARIABLE.sub("$", one) for one in known]
            bare = frozenset(untagged(familiar(one)) for one in names)
    except Exception:  # an error in a related file is reported when that file is read
        return None
    plain = frozenset(one for one in bare if "$" not in one and "\\" not in one)
    return plain, bare - plain


def _may_be(one: str, name: str) -> bool:
    """Return whether a context name, in which each variable is a ``$``, may expand to another name."""
    if "\\" in one:  # an escape gives one character, or none
        return "$" in one or len(name) <= len(one)
    first, *middle, last = one.split("$")
    if len(name) < len(first) + len(last) or not name.startswith(first) or not name.endswith(last):
        return False
    place, end = len(first), len(name) - len(last)
    for piece in middle:
        found = name.find(piece, place, end)
        if found < 0:
            return False
        place = found + len(piece)
    return True


@of_a_run(4096)
def _given(folder: str) -> dict[str, set[str]]:
    """Return the names of contexts in the bake and compose files of a folder, by the real path of the Dockerfile."""
    found: dict[str, set[str]] = {}
    with contextlib.suppress(OSError):
        for name in sorted(os.listdir(folder)):
            if "bake" in name.lower() or "compose" in name.lower():
                for dockerfile, names in _said(os.path.join(folder, name)):
                    found.setdefault(real(dockerfile), set()).update(names)
    return found


@of_a_run(4096)
def _said(path: str) -> list[tuple[str, list[str]]]:
    from echo_migrate.formats import bake, compose

    name = os.path.basename(path)
    format = bake if bake.NAME.fullmatch(name) else compose if COMPOSE.fullmatch(name) else None
    try:
        with beside():
            return list(format.contexts(Source.read(path))) if format and not os.path.islink(path) else []
    except Exception:  # as above; `_names` then returns that any name may be a context
        return []
