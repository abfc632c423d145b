"""Path globs of options and configuration files."""

import os
import re
from collections.abc import Callable, Iterable
from fnmatch import translate


def slashed(path: str) -> str:
    """Return a path with forward slashes, as it is shown and matched on each system; Windows takes both kinds."""
    return path.replace(os.sep, "/")


def matcher(globs: Iterable[str]) -> Callable[[str, str], bool]:
    """Return a function of a path and a root that tells whether a glob matches the path, one of its parent folders, or
    their last parts.

    The path is taken relative to the working folder or, outside of it, to the root. Leading ``./``, ``/`` and ``**/``
    and trailing ``/`` of a glob are ignored; ``**`` matches any number of folders, and other wildcards match within one
    part of the path.
    """
    plain = dict.fromkeys(one.strip().removeprefix("./").strip("/").removeprefix("**/") for one in globs)
    patterns: _Patterns = [[(part, re.compile(translate(part)).match) for part in one.split("/")] for one in plain]
    first = _with_any_folders(patterns, {(number, 0) for number in range(len(patterns))})
    way: list[tuple[str, _Places | None]] = []
    """The parts of the previous path, each with the match positions of the patterns after it, or None after a match.
    Kept because paths come folder by folder."""

    def reached(path: str) -> _Places | None:
        parts = path.split("/")
        same = 0
        while same < min(len(way), len(parts)) and way[same][0] == parts[same]:
            same += 1
        del way[same:]
        places = way[-1][1] if way else first
        for part in parts[same:]:
            places = None if places is None else _next(patterns, places, part, first)
            way.append((part, places))
        return places

    def matched(path: str, root: str) -> bool:
        if not patterns:
            return False
        inside = slashed(os.path.relpath(os.path.abspath(path)))
        if inside.startswith("../"):
            inside = slashed(os.path.relpath(os.path.abspath(path), root))
        return reached(inside) is None

    return matched


_Patterns = list[list[tuple[str, Callable[[str], object]]]]
_Places = set[tuple[int, int]]


def _next(patterns: _Patterns, places: _Places, part: str, first: _Places) -> _Places | None:
    """Return the match positions of the patterns after another part of a path, or None if one matches.

    A pattern may also begin to match at each part.
    """
    found = set(first)
    for number, place in places:
        written, match = patterns[number][place]
        last = place + 1 == len(patterns[number])
        if written == "**" and not last:
            found |= _with_any_folders(patterns, {(number, place)})
        elif written == "**" or match(part):
            if last:
                return None
            found |= _with_any_folders(patterns, {(number, place + 1)})
    return found


def _with_any_folders(patterns: _Patterns, places: _Places) -> _Places:
    """Return the positions, and those after each ``**`` there, as ``**`` may match no folder; not after a final one,
    which matches at least one part."""
    found = set(places)
    for number, place in places:
        while patterns[number][place][0] == "**" and place + 1 < len(patterns[number]):
            place += 1
            found.add((number, place))
    return found
