"""The templates of an Azure pipeline that are in its own repository.

Follows learn.microsoft.com, "Template usage reference" (paths are relative to the file that names them, or begin at the
top of the repository; ``@name`` is another repository, ``@self`` this one), read in November 2026.
"""

import os
from collections.abc import Iterator

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.tree import real, top
from echo_migrate.files.workspace import of_a_run
from echo_migrate.files.yaml import YamlNode, is_scalar, positions
from echo_migrate.formats._pipeline_parts import MOST_FILES, part_at

_PATH = lazy_regex(r"[^$:@*]+\.ya?ml(?=(?:@self)?$)", needs=(".y",))


def templates(path: str, root: YamlNode | None) -> Iterator[tuple[str, YamlNode]]:
    """Yield the documents of the templates that a part of a file names, and of those that these name, each with the
    path of its file."""
    waiting = [*_reached(real(path), root)]
    seen = {real(path)}
    while waiting and len(seen) <= MOST_FILES:
        each = waiting.pop(0)
        if each not in seen:
            seen.add(each)
            part = part_at(each)
            yield from ((each, one) for one in part.roots if one) if part else ()
            waiting += _reached_from(each)


@of_a_run(256)
def _reached_from(path: str) -> tuple[str, ...]:
    """Return the real paths of the templates that a file at a real path names."""
    part = part_at(path)
    return tuple(dict.fromkeys(each for one in part.roots for each in _reached(path, one))) if part else ()


def _reached(path: str, root: YamlNode | None) -> Iterator[str]:
    """Yield the real paths in the repository that a part of a file at a real path names."""
    below = real(top(path)).rstrip("/") + "/"
    for key, node in positions(root):
        name = _PATH.match(node.value) if is_scalar(key) and key.value == "template" and is_scalar(node) else None
        if name:
            folder = below if name[0][:1] == "/" else os.path.dirname(path)
            each = real(os.path.join(folder, name[0].lstrip("/")))
            if each.startswith(below):
                yield each
