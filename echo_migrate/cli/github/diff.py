"""The hunks of a file's patch, as GitHub gives it with the files of a pull request.

Form: the unified format of git-diff(1), without its file headers. Large and binary files come without a patch; then
no hunk is known, and nothing is said of lines.
"""

import re
from typing import NamedTuple

_HEADER = re.compile(r"@@ -\d+(?:,\d+)? \+(\d+)(?:,\d+)? @@")


class Hunk(NamedTuple):
    """Lines of the new file from ``first`` on, and which of them the pull request adds."""

    first: int
    lines: tuple[str, ...]
    added: frozenset[int]

    def holds(self, first: int, last: int) -> bool:
        return self.first <= first and last < self.first + len(self.lines)


class Diff(NamedTuple):
    """What is known of a changed file's new lines."""

    hunks: tuple[Hunk, ...] = ()

    def adds(self, line: int) -> bool:
        return any(line in hunk.added for hunk in self.hunks)

    def around(self, first: int, last: int) -> tuple[str, ...] | None:
        """Return the new file's lines from first to last, where one hunk has them all."""
        hunk = next((hunk for hunk in self.hunks if hunk.holds(first, last)), None)
        return hunk and hunk.lines[first - hunk.first : last - hunk.first + 1]


def diff(patch: str) -> Diff:
    """Return the hunks of a patch; what is no patch has none."""
    hunks: list[Hunk] = []
    first, lines, added = 0, list[str](), set[int]()
    for line in patch.split("\n"):
        header = _HEADER.match(line)
        if header:
            hunks += [Hunk(first, tuple(lines), frozenset(added))] if first else []
            first, lines, added = int(header[1]), [], set()
        elif first and line[:1] in ("+", " "):
            if line[0] == "+":
                added.add(first + len(lines))
            lines.append(line[1:])
    hunks += [Hunk(first, tuple(lines), frozenset(added))] if first else []
    return Diff(tuple(hunks))
