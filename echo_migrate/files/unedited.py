"""Files that are not edited by hand: vendored ones, test fixtures and snapshots, what a program has generated, and the
sources of Docker official images."""

import os
import re
from collections.abc import Iterable
from typing import Literal

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.workspace import of_a_run

Unedited = Literal["vendored", "fixture", "generated", "official"]

_FIXTURES = frozenset(("testdata", "fixtures", "__fixtures__", "__snapshots__", "golden", "goldens", "__golden__"))
_TESTS = frozenset(("test", "tests", "integration", "e2e"))
_INPUT = lazy_regex(r"(?i)resources|samples|inputs?|corpus|cases|checks|data|dockerfiles|example(?:s|_.+)?")
"""Folders below one of tests that hold what the tests read."""

_CI = frozenset((".circleci", ".github", ".gitlab", ".woodpecker"))
_SCHEMAS = frozenset(("linter", "parser", "schema", "schemas"))
"""Folders of what reads pipelines: a pipeline below one is an input of its tests."""

_OFFICIAL = ("generate-stackbrew-library.sh", "stackbrew-library")
"""What lies at the top of the sources of Docker official images, whose bases must be official images."""

_THIRD_PARTY = frozenset(("third_party", "third-party", "3rdparty"))
_VENDORED = ("modules.txt", "autoload.php", "bundle", "cache")
"""What lies in a folder ``vendor`` that is Go's, Composer's, Bundler's."""

_GOLDEN = re.compile(r"(?i)(?:.*\.)?(?:golden|snap|snapshot)(?:\.\w+)?")
_GENERATED = lazy_regex(
    r"(?i)(?:^|\n)[ \t]*(?:#|//|/?\*|;|<!--)[^\n]{0,300}?"
    r"(?:do not (?:edit|modify|change)|don't edit|@generated|auto-?generated|automatically generated|"
    r"generated automatically|pipeline definition\b)"
)
_HEAD = 3000
"""Characters in which a file tells that it is generated."""


def unedited(path: str, text: str, named: Iterable[str]) -> Unedited | None:
    """Return why nobody edits a file by hand, None if there is no reason known.

    ``named`` are the files and folders that the user named: what lies above them, and a file itself, does not count.
    """
    below = inside(os.path.abspath(path), named)
    if not below:
        return None
    root = os.path.abspath(path)[: -len(below)]
    *folders, name = below.split(os.sep)
    for count, folder in enumerate(folders, 1):
        if folder in _THIRD_PARTY or (folder == "vendor" and _is_vendor(os.path.join(root, *folders[:count]))):
            return "vendored"
        if folder in _FIXTURES or (_INPUT.fullmatch(folder) and not _TESTS.isdisjoint(folders[: count - 1])):
            return "fixture"
        if folder in _CI and not _SCHEMAS.isdisjoint(folders[: count - 1]):
            return "fixture"
    if _GOLDEN.fullmatch(name):
        return "fixture"
    if _GENERATED.search(text[:_HEAD]):
        return "generated"
    return "official" if _is_official(root) else None


def inside(path: str, named: Iterable[str]) -> str:
    """Return an absolute path from the deepest folder named that has it; "" if it was named itself, or lies in none."""
    folders = [folder for folder in map(os.path.abspath, named) if f"{path}/".startswith(folder.rstrip("/") + "/")]
    return path[len(max(folders, key=len).rstrip("/")) + 1 :] if folders else ""


@of_a_run(64)
def _is_official(folder: str) -> bool:
    return any(os.path.exists(os.path.join(folder, name)) for name in _OFFICIAL)


@of_a_run(1024)
def _is_vendor(folder: str) -> bool:
    return any(os.path.exists(os.path.join(folder, name)) for name in _VENDORED)
