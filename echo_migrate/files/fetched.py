"""What programs fetch into a tree: the charts that a chart depends on, and the folders that vendir fills anew at each
sync (carvel.dev/vendir, "vendir.yml spec": ``directories[].path``)."""

import os
from collections.abc import Iterable

from echo_migrate.files.lazy_regex import lazy_regex

_DIRECTORIES = lazy_regex(r"(?ms)^directories:[^\S\n]*(?:#[^\n]*)?\n(.{0,500000}?)(?=^[\w.-]+:|^---|\Z)")
_ENTRY = lazy_regex(r"(?m)^([ ]{0,20})-[ ]{1,20}(?=[\w#])")
_PATH = lazy_regex(r"(?m)^([ ]{0,40})path:[ \t]*[\"']?([\w./@+-]{1,500})[\"']?[ \t]*(?:#[^\n]*)?$")
_BY_HAND = lazy_regex(r"(?m)^[ -]*manual:")
"""What is left as it lies in the folder."""

_LISTED = lazy_regex(r"(?m)^dependencies:")
_DEPENDENCY = lazy_regex(r"(?m)^[ \t]*-[ \t]+(?=(?:alias|condition|import-values|name|repository|tags|version):)")
_CALLED = lazy_regex(r"(?m)^[ \t]*name:[ \t]*[\"']?([\w.-]{1,200})")
_REMOTE = lazy_regex(r"(?m)^[ \t]*repository:[ \t]*[\"']?(?:(?:https?|oci)://|@|alias:)")
"""Where the dependencies of a chart begin, and one of them; its name, and that it is fetched (helm.sh, "Charts")."""


def charts_in(texts: Iterable[str]) -> frozenset[str]:
    """Return the names of the charts that the files of a chart name with a place to fetch them from."""
    entries = (one for text in texts for listed in _LISTED.split(text)[1:] for one in _DEPENDENCY.split(listed))
    return frozenset(name for one in entries if _REMOTE.search(one) for name in _CALLED.findall(one)[:1])


def folders_in(text: str) -> frozenset[str]:
    """Return the paths of the folders that a configuration fills, without those of which a part is kept by hand."""
    found = set[str]()
    for listed in _DIRECTORIES.findall(text):
        first = _ENTRY.search(listed)
        indent = first[1] if first else ""
        for entry in f"\n{listed}".split(f"\n{indent}- ")[1:]:
            keys = f"{indent}  {entry}"
            own = [path for depth, path in _PATH.findall(keys) if len(depth) == len(indent) + 2]
            if own and not _BY_HAND.search(keys):
                found.add(os.path.normpath(own[0]))
    return frozenset(found - {os.curdir})
