"""Globs for paths, as options and configurations give them."""

import os
import re
from collections.abc import Callable, Iterable
from fnmatch import translate


def matcher(globs: Iterable[str]) -> Callable[[str, str], bool]:
    """Return what says whether a glob matches a path below the working folder or a root, a folder of it, or their
    last parts. Patterns count without what leads or ends them; ``**`` is any number of folders, and what else stands
    for any text does so within one part."""
    plain = dict.fromkeys(one.strip().removeprefix("./").strip("/").removeprefix("**/") for one in globs)
    patterns: _Patterns = [[(part, re.compile(translate(part)).match) for part in one.split("/")] for one in plain]
    first = _with_any_folders(patterns, {(number, 0) for number in range(len(patterns))})
    way: list[tuple[str, _Places | None]] = []
    """The parts of the path asked for last, each with how far behind it each pattern is matched that a path below may
    match; None where one is matched. Paths come folder by folder."""

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
        inside = os.path.relpath(os.path.abspath(path))
        inside = os.path.relpath(os.path.abspath(path), root) if inside.startswith("../") else inside
        return reached(inside) is None

    return matched


_Patterns = list[list[tuple[str, Callable[[str], object]]]]
_Places = set[tuple[int, int]]


def _next(patterns: _Patterns, places: _Places, part: str, first: _Places) -> _Places | None:
    """Return how far patterns are matched behind one part more of a path, each beginning anew too; None if one is
    matched."""
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
    """Return the places, with those behind each ``**`` at them, which may be no folder at all; one at the end is any
    part."""
    found = set(places)
    for number, place in places:
        while patterns[number][place][0] == "**" and place + 1 < len(patterns[number]):
            place += 1
            found.add((number, place))
    return found
