"""Variables that upstream's start script reads and a target may ignore, and those that upstream's image sets and a
target may not: ``mappings/variables.yaml``."""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

from echo_migrate.files.data import read_block
from echo_migrate.files.spelling import few
from echo_migrate.images.catalog import Catalog
from echo_migrate.images.providers import UPSTREAM
from echo_migrate.images.reference import parsed
from echo_migrate.model.reasons import Reason, because

UNREAD = "*"
"""In place of a name: there are more variables, which are set in a place that was not read."""


def ignored_variables(value: str, names: Iterable[str], catalog: Catalog) -> list[Reason]:
    """Return why a target may ignore environment variables, given the current reference and their names. The list is
    empty if there is no such reason: for drop-in images, which are taken to have upstream's start script."""
    given = sorted(set(names))
    reference = parsed(value) if given else None
    if reference is None or catalog.vendor == UPSTREAM or catalog.drops_in(reference):
        return []
    row = _row(catalog.name_of(reference))
    known = frozenset(row.get("known", {}).get(catalog.vendor, ()))
    ignored = [name for name in given if name not in known and _is_read(name, row)]
    if ignored:
        return [because("variables", names=few(ignored))]
    return [because("variables-unread")] if "reads" in row and UNREAD in given else []


def unset_variables(value: str, catalog: Catalog, family: str | None = None) -> frozenset[str]:
    """Return the environment variables that upstream's image sets, given the current reference, and that the provider's
    is not known to set; none for drop-in images, which are taken to set them. ``family`` is the distribution family of
    the target, None if it is not known."""
    reference = parsed(value)
    if reference is None or catalog.vendor == UPSTREAM or catalog.drops_in(reference):
        return frozenset()
    row = _row(catalog.name_of(reference))
    known = row.get("known", {})
    stated = {*known.get(catalog.vendor, ()), *known.get(f"{catalog.vendor}/{family}", ())}
    return frozenset(row.get("sets", ())) - stated


def _is_read(name: str, row: dict[str, Any]) -> bool:
    """Return whether the start script reads a variable."""
    plain = name.removesuffix("_FILE") if row.get("files") else name
    return any(fnmatchcase(one, pattern) for one in (name, plain) for pattern in row.get("reads", ()))


@lru_cache(maxsize=256)
def _row(name: str) -> dict[str, Any]:
    return (read_block("variables.yaml", name) if name else None) or {}
