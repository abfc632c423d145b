"""The templates of an Azure pipeline that are in its own repository.

Follows learn.microsoft.com, "Template usage reference" (paths are relative to the file that names them, or begin at the
top of the repository; ``@name`` is another repository, ``@self`` this one), read in November 2026.
"""

import os
from collections.abc import Iterator

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.tree import real, top
from echo_migrate.files.yaml import YamlNode, is_scalar, positions
from echo_migrate.formats._pipeline_parts import MOST_FILES, part_at

_PATH = lazy_regex(r"[^$:@*]+\.ya?ml(?=(?:@self)?$)", needs=(".y",))


def templates(path: str, root: YamlNode | None) -> Iterator[tuple[str, YamlNode]]:
    """Yield the documents of the templates that a part of a file names, and of those that these name, each with the
    path of its file."""
    below = real(top(path)).rstrip("/") + "/"
    waiting, seen = [(real(path), root)], {real(path)}
    for _ in range(MOST_FILES):
        if not waiting:
            return
        here, node = waiting.pop(0)
        if here != real(path) and node:
            yield here, node
        for name in _named(node):
            each = real(os.path.join(below if name[:1] == "/" else os.path.dirname(here), name.lstrip("/")))
            part = part_at(each) if each not in seen and each.startswith(below) else None
            seen.add(each)
            waiting += [(each, one) for one in part.roots] if part else []


def _named(root: YamlNode | None) -> Iterator[str]:
    for key, node in positions(root):
        name = _PATH.match(node.value) if is_scalar(key) and key.value == "template" and is_scalar(node) else None
        if name:
            yield name[0]
