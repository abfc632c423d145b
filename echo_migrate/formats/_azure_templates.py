"""The templates of an Azure pipeline that are in its own repository.

Follows learn.microsoft.com, "Template usage reference" (paths are relative to the file that names them, or begin at the
top of the repository; ``@name`` is another repository, ``@self`` this one), read in November 2026.
"""

import os
from collections.abc import Iterator
from typing import NamedTuple

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.tree import real, top
from echo_migrate.files.workspace import of_a_run
from echo_migrate.files.yaml import YamlNode, is_scalar, positions
from echo_migrate.formats._pipeline_parts import MOST_FILES, part_at

_PATH = lazy_regex(r"[^$:@*]+\.ya?ml(?=(?:@self)?$)", needs=(".y",))
_ELSEWHERE = lazy_regex(r"@(?!self$)[^$@]+$", needs=("@",))
"""The end of the name of a template in another repository."""


class Templates(NamedTuple):
    """The documents of templates, each with the path of its file, and whether all templates in the repository that were
    named could be read."""

    documents: tuple[tuple[str, YamlNode], ...]
    whole: bool

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths of the files, each once."""
        return tuple(dict.fromkeys(path for path, _ in self.documents))


def templates(path: str, root: YamlNode | None) -> Templates:
    """Return the templates that a part of a file names, and those that these name."""
    own = real(path)
    return _behind(own, tuple(dict.fromkeys(_reached(own, root))))


@of_a_run(256)
def _behind(own: str, first: tuple[str, ...]) -> Templates:
    """Return the templates that a file at a real path reaches by the first of them."""
    waiting, found = [*first], list[tuple[str, YamlNode]]()
    seen, whole = {own}, True
    while waiting and len(seen) <= MOST_FILES:
        each = waiting.pop(0)
        if each not in seen:
            seen.add(each)
            part = part_at(each) if each else None
            found += [(each, one) for one in part.roots if one] if part else []
            whole = whole and part is not None
            waiting += _reached_from(each) if part else ()
    return Templates(tuple(found), whole and seen.issuperset(waiting))


@of_a_run(256)
def _reached_from(path: str) -> tuple[str, ...]:
    """Return the real paths of the templates that a file at a real path names."""
    part = part_at(path)
    return tuple(dict.fromkeys(each for one in part.roots for each in _reached(path, one))) if part else ()


def _reached(path: str, root: YamlNode | None) -> Iterator[str]:
    """Yield the real paths in the repository that a part of a file at a real path names; "" for one that is not known,
    nothing for one in another repository."""
    below = real(top(path)).rstrip("/") + "/"
    for key, node in positions(root):
        if not (is_scalar(key) and key.value == "template" and is_scalar(node)) or _ELSEWHERE.search(node.value):
            continue
        name = _PATH.match(node.value)
        if name:
            folder = below if name[0][:1] == "/" else os.path.dirname(path)
            each = real(os.path.join(folder, name[0].lstrip("/")))
            yield each if each.startswith(below) else ""
        elif "$" in node.value:
            yield ""
