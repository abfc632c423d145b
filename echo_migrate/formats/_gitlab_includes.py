"""The files of which a GitLab pipeline is made: those of the tree that ``include`` names, also in those named there.

Follows docs.gitlab.com, "Use CI/CD configuration from other files" (include:local, wildcards, nested includes) and
"Downstream pipelines" (trigger:include), read in November 2026. Paths begin at the top of the repository.
"""

import os
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.tree import real, top
from echo_migrate.files.workspace import of_a_run
from echo_migrate.files.yaml import YamlNode, effective, is_mapping, is_scalar, items, sequence
from echo_migrate.formats._pipeline_parts import MOST_FILES, MOST_READ, Part, part_at

FILE = re.compile(r"(?i)(?:.*[._-])?gitlab-ci(?:[._-].*)?\.ya?ml")
"""The name of a file that is a pipeline by its name."""

_YAML = lazy_regex(r"(?i).*\.ya?ml")
_WILD = lazy_regex(r"\*\*/|\*\*|\*|[^*]+")
_PARTS = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*"}
_ADDRESS = lazy_regex(r"[$:]|(?:^|/)\.\.(?:/|$)")
_MOST_WILD = 3
_MOST_WALKED = 5_000


class Pipeline(NamedTuple):
    """The files of a pipeline, those that include others first. ``certain`` is false where one may be left out
    (``rules`` of an include)."""

    parts: tuple[Part, ...]
    certain: bool


def beside_it(path: str) -> tuple[tuple[Pipeline, ...], bool]:
    """Return the pipelines that a file is part of, each without the file, and whether all pipelines of its tree are
    read whole: what is not read may include the file, too."""
    own = real(path)
    pipelines, whole = _pipelines(real(top(path)))
    found = (one for one in pipelines if any(part.path == own for part in one.parts))
    return tuple(one._replace(parts=tuple(part for part in one.parts if part.path != own)) for one in found), whole


def is_included(path: str) -> bool:
    """Return whether a pipeline of the tree includes a file."""
    own = real(path)
    return any(part.path == own for one in _pipelines(real(top(path)))[0] for part in one.parts)


def files_of(root: str) -> list[str]:
    """Return the real paths of the files of the pipelines of a tree."""
    return [part.path for one in _pipelines(root)[0] for part in one.parts]


@of_a_run(16)
def _pipelines(root: str) -> tuple[tuple[Pipeline, ...], bool]:
    """Return the pipelines whose first file is at the top of a tree, or that a job of another triggers, and whether all
    files of all of them are read."""
    try:
        waiting = [os.path.join(root, name) for name in sorted(os.listdir(root)) if FILE.fullmatch(name)]
    except OSError:
        return (), False
    found: dict[str, Pipeline] = {}
    whole = True
    while waiting and len(found) < MOST_FILES:
        first = waiting.pop(0)
        if first not in found:
            parts, read = _parts(root, first)
            tops = [keys for part in parts for keys in part.tops]
            found[first] = Pipeline(parts, not any(map(_has_rules, tops)))
            jobs = (job for keys in tops for job in _mappings(keys))
            triggered, seen = _files(root, (effective(job.get("trigger")).get("include") for job in jobs))
            waiting += triggered
            whole = whole and read and seen
    return tuple(found.values()), whole and found.keys() >= set(waiting)


def _parts(root: str, first: str) -> tuple[tuple[Part, ...], bool]:
    """Return the files of a pipeline, each before those that it includes, and whether these are all."""
    waiting, seen, left = [first], {first}, MOST_READ
    found: list[Part] = []
    whole = True
    while waiting and len(found) < MOST_FILES and left > 0:
        part = part_at(waiting.pop(0))
        if part is None:
            whole = False
            continue
        found.append(part)
        left -= len(part.text)
        paths, read = _files(root, (keys.get("include") for keys in part.tops))
        waiting += [path for path in dict.fromkeys(paths) if path not in seen]
        seen.update(paths)
        whole = whole and read
    return tuple(found), whole and not waiting


def _has_rules(keys: dict[str, YamlNode]) -> bool:
    included = keys.get("include")
    return any("rules" in effective(one) for one in (included, *sequence(included)))


def _mappings(keys: dict[str, YamlNode]) -> Iterator[dict[str, YamlNode]]:
    """Yield what of a pipeline is a mapping, such as its jobs."""
    yield from (effective(node) for node in keys.values() if is_mapping(node))


def _files(root: str, includes: Iterable[YamlNode | None]) -> tuple[list[str], bool]:
    """Return the real paths of the local files that includes name, and whether all of them were looked for."""
    found = [_matching(root, written) for node in includes for written in _local(node)]
    return [path for paths, _ in found for path in paths], all(whole for _, whole in found)


def _local(node: YamlNode | None) -> Iterator[str]:
    """Yield the local paths of an ``include``: a text, a mapping with ``local``, or a list of these."""
    for one in (node, *sequence(node)):
        if is_scalar(one):
            yield one.value
        keys = dict(items(one)) if is_mapping(one) else {}
        if "project" not in keys:
            local = keys.get("local")
            yield from (each.value for each in (local, *sequence(local)) if is_scalar(each))


@of_a_run(256)
def _matching(root: str, written: str) -> tuple[tuple[str, ...], bool]:
    """Return the real paths of the files below a folder that a path or a pattern names, none for an address, and
    whether all of its files were looked at."""
    written = written.lstrip("/")
    if not _YAML.fullmatch(written) or _ADDRESS.search(written):
        return (), True
    below = root.rstrip("/") + "/"
    found, whole = [os.path.join(root, written)], True
    if "*" in written:
        if written.count("*") > 2 * _MOST_WILD:
            return (), False
        parts = _WILD.findall(written)
        if sum(part in _PARTS for part in parts) > _MOST_WILD:
            return (), False
        pattern = re.compile("".join(_PARTS.get(part) or re.escape(part) for part in parts))
        paths, whole = _walked(os.path.join(root, written.partition("*")[0].rpartition("/")[0]))
        found = [path for path in paths if pattern.fullmatch(path[len(below) :])]
    return tuple(path for path in map(real, found) if path.startswith(below) and os.path.isfile(path)), whole


def _walked(folder: str) -> tuple[list[str], bool]:
    """Return the paths of the YAML files in a folder and below it, in a fixed order, and whether these are all; links
    to folders are not followed."""
    found: list[str] = []
    left = _MOST_WALKED
    unread: list[OSError] = []
    for here, folders, names in os.walk(folder, onerror=unread.append):
        folders[:] = sorted(name for name in folders if name != ".git")
        left -= len(names) + len(folders)
        if left < 0:
            return found, False
        found += (os.path.join(here, name) for name in sorted(names) if _YAML.fullmatch(name))
    return found, not any(os.path.lexists(error.filename) for error in unread)
