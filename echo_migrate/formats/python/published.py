"""Whether a Python file is part of a library that its project publishes: its defaults are those of people elsewhere.

Follows packaging.python.org, "Writing your pyproject.toml" and "Classifiers" (``Private ::`` is refused by an index),
setuptools.pypa.io, "Keywords", and python-poetry.org, "The pyproject.toml file" (package-mode).
"""

import os
from typing import Any

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Unreadable, contents
from echo_migrate.files.toml import read_toml
from echo_migrate.files.tree import at_or_above
from echo_migrate.files.workspace import of_a_run

_SETUP = lazy_regex(r"\bsetup\((?s:.{0,4000}?)\bname[ \t]*=")
_NAMED = lazy_regex(r"(?m)^\[metadata\][^\[]{0,4000}?^name[ \t]*=")
_PRIVATE = "Private ::"
_OUTSIDE = lazy_regex(r"(?:docs?|examples?|scripts?|tests?|testing|tools)")
"""Folders of a project that are no part of what it publishes, below its top."""


def is_published(path: str) -> bool:
    """Return whether a file is in a package, or below ``src``, of a project that a build backend makes a library of."""
    folder = os.path.realpath(os.path.dirname(path) or ".")
    for file in ("pyproject.toml", "setup.cfg", "setup.py"):
        for found in at_or_above(path, file):
            if _is_library(found):
                parts = os.path.relpath(folder, os.path.dirname(found)).split(os.sep)
                packaged = parts[0] == "src" or os.path.isfile(os.path.join(folder, "__init__.py"))
                return packaged and parts[0] != os.curdir and not any(map(_OUTSIDE.fullmatch, parts))
    return False


@of_a_run(256)
def _is_library(file: str) -> bool:
    try:
        text = "" if os.path.islink(file) else contents(file).decode("utf-8", "replace")
        if _PRIVATE in text:
            return False
        if file.endswith(".toml"):
            return _is_built(read_toml(text))
    except Unreadable:
        return False
    return bool((_SETUP if file.endswith(".py") else _NAMED).search(text))


def _is_built(table: dict[str, Any]) -> bool:
    """Return whether a pyproject.toml names a project and what builds it."""
    system, project, poetry = table.get("build-system"), table.get("project"), table
    for key in ("tool", "poetry"):
        poetry = poetry.get(key, {}) if isinstance(poetry, dict) else {}
    named = any(isinstance(one, dict) and "name" in one for one in (project, poetry))
    mode = poetry.get("package-mode", True) if isinstance(poetry, dict) else True
    return named and mode is not False and isinstance(system, dict) and "build-backend" in system
