"""The files of which a GitLab pipeline is made: those of the tree that ``include`` names, also in those named there.

Follows docs.gitlab.com, "Use CI/CD configuration from other files" (include:local, wildcards, nested includes) and
"Downstream pipelines" (trigger:include), read in November 2026. Paths begin at the top of the repository.
"""

import os
import re
from collections.abc import Iterable, Iterator

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.tree import real, top
from echo_migrate.files.workspace import of_a_run
from echo_migrate.files.yaml import YamlNode, effective, is_mapping, is_scalar, items, sequence
from echo_migrate.formats._pipeline_parts import MOST_FILES, Part, part_at

FILE = re.compile(r"(?i)(?:.*[._-])?gitlab-ci(?:[._-].*)?\.ya?ml")
"""The name of a file that is a pipeline by its name."""

_YAML = lazy_regex(r"(?i).*\.ya?ml")
_WILD = lazy_regex(r"\*\*/|\*\*|\*|[^*]+")
_PARTS = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*"}
_ADDRESS = lazy_regex(r"[$:]|(?:^|/)\.\.(?:/|$)")
_MOST_WILD = 3
_MOST_WALKED = 5_000


def beside_it(path: str) -> tuple[Part, ...]:
    """Return the other files of the pipelines that a file is part of, those that include others first."""
    whole = real(path)
    found: dict[str, Part] = {}
    for parts in _pipelines(real(top(path))):
        if any(part.path == whole for part in parts):
            found |= {part.path: part for part in parts if part.path != whole}
    return tuple(found.values())[:MOST_FILES]


def is_included(path: str) -> bool:
    """Return whether a pipeline of the tree includes a file."""
    whole = real(path)
    return any(part.path == whole for parts in _pipelines(real(top(path))) for part in parts)


@of_a_run(16)
def _pipelines(root: str) -> tuple[tuple[Part, ...], ...]:
    """Return the files of each pipeline whose first file is at the top of a tree, or that a job of another triggers."""
    try:
        waiting = [os.path.join(root, name) for name in sorted(os.listdir(root)) if FILE.fullmatch(name)]
    except OSError:
        return ()
    found: dict[str, tuple[Part, ...]] = {}
    while waiting and len(found) < MOST_FILES:
        first = waiting.pop(0)
        if first not in found:
            found[first] = tuple(_parts(root, first))
            jobs = (job for part in found[first] for keys in part.tops for job in _mappings(keys))
            waiting += _files(root, (effective(job.get("trigger")).get("include") for job in jobs))
    return tuple(found.values())


def _parts(root: str, first: str) -> Iterator[Part]:
    """Yield the files of a pipeline, each before those that it includes."""
    waiting, seen = [first], {first}
    for _ in range(MOST_FILES):
        part = part_at(waiting.pop(0)) if waiting else None
        if part:
            yield part
            for path in _files(root, (keys.get("include") for keys in part.tops)):
                if path not in seen:
                    seen.add(path)
                    waiting.append(path)


def _mappings(keys: dict[str, YamlNode]) -> Iterator[dict[str, YamlNode]]:
    """Yield what of a pipeline is a mapping, such as its jobs."""
    yield from (effective(node) for node in keys.values() if is_mapping(node))


def _files(root: str, includes: Iterable[YamlNode | None]) -> Iterator[str]:
    """Yield the real paths of the local files that includes name."""
    for node in includes:
        for written in _local(node):
            yield from _matching(root, written)


def _local(node: YamlNode | None) -> Iterator[str]:
    """Yield the local paths of an ``include``: a text, a mapping with ``local``, or a list of these."""
    for one in (node, *sequence(node)):
        if is_scalar(one):
            yield one.value
        keys = dict(items(one)) if is_mapping(one) else {}
        if "project" not in keys:
            local = keys.get("local")
            yield from (each.value for each in (local, *sequence(local)) if is_scalar(each))


def _matching(root: str, written: str) -> Iterator[str]:
    """Yield the real paths of the files below a folder that a path or a pattern names; none for an address."""
    written = written.lstrip("/")
    if not _YAML.fullmatch(written) or _ADDRESS.search(written) or written.count("*") > 2 * _MOST_WILD:
        return
    below = root.rstrip("/") + "/"
    if "*" not in written:
        found = [os.path.join(root, written)]
    else:
        parts = _WILD.findall(written)
        if sum(part in _PARTS for part in parts) > _MOST_WILD:
            return
        pattern = re.compile("".join(_PARTS.get(part) or re.escape(part) for part in parts))
        start = os.path.join(root, written.partition("*")[0].rpartition("/")[0])
        found = [path for path in _walked(start) if pattern.fullmatch(path[len(below) :])]
    for path in map(real, found):
        if path.startswith(below) and os.path.isfile(path):
            yield path


def _walked(folder: str) -> Iterator[str]:
    """Yield the paths of the YAML files in a folder and below it, in a fixed order; links to folders are not
    followed."""
    left = _MOST_WALKED
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != ".git")
        left -= len(names) + len(folders)
        if left < 0:
            return
        yield from (os.path.join(here, name) for name in sorted(names) if _YAML.fullmatch(name))
