"""The named contexts that a Dockerfile is built with: what it calls by such a name is pulled from nowhere.

Docker's documentation, "Bake", ``target.contexts`` ("Replace a remote image"), and the Compose specification,
``additional_contexts``.
"""

import contextlib
import os
import re
from functools import lru_cache

from echo_migrate.source import Source, Unreadable, contents
from echo_migrate.tree import top

_GIVES = re.compile(r"(?i).*\.(?:sh|bash|mk|ya?ml|ps1)|(?:gnu)?makefile|jenkinsfile|justfile|earthfile|package\.json")
"""Files that may run a build, by name."""


def named(path: str) -> frozenset[str]:
    """The names that bake and compose files beside a Dockerfile, or above it in its tree, give to contexts of it."""
    folder, root = os.path.dirname(os.path.abspath(path)), top(path)
    wanted = os.path.realpath(path)
    found: set[str] = set()
    while True:
        found.update(_given(folder).get(wanted, ()))
        if os.path.realpath(folder) == root or folder == os.path.dirname(folder):
            return frozenset(found)
        folder = os.path.dirname(folder)


def mentioned(path: str, name: str) -> bool:
    """Whether a script or a pipeline beside a Dockerfile, or above it in its tree, that gives contexts to builds (with
    ``--build-context``, or to an action as ``build-contexts``) has a name in it."""
    folder, root = os.path.dirname(os.path.abspath(path)), top(path)
    while True:
        for place in (folder, os.path.join(folder, ".github", "workflows")):
            if any(name in text for text in _giving(place, root)):
                return True
        if os.path.realpath(folder) == root or folder == os.path.dirname(folder):
            return False
        folder = os.path.dirname(folder)


@lru_cache(maxsize=4096)
def _giving(folder: str, root: str) -> list[str]:
    """The texts of the scripts and pipelines in a folder that give contexts to builds."""
    found: list[str] = []
    if not f"{os.path.realpath(folder)}/".startswith(f"{root.rstrip('/')}/"):
        return found
    with contextlib.suppress(OSError):
        for name in sorted(os.listdir(folder)):
            path = os.path.join(folder, name)
            if _GIVES.fullmatch(name) and not os.path.islink(path):
                with contextlib.suppress(Unreadable):
                    data = contents(path)
                    if b"build-context" in data:
                        found.append(data.decode("utf-8", "replace"))
    return found


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


def _said(path: str) -> list[tuple[str, list[str]]]:
    from echo_migrate.formats import bake, compose

    name = os.path.basename(path)
    format = bake if bake.NAME.fullmatch(name) else compose if compose.NAME.fullmatch(name) else None
    try:
        return list(format.contexts(Source.read(path))) if format and not os.path.islink(path) else []
    except Unreadable:
        return []
