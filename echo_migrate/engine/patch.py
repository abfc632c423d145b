"""A patch of all changes, in the format of ``git apply``."""

import os
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from itertools import groupby
from typing import Literal

from echo_migrate.files.source import Source
from echo_migrate.files.tree import repository
from echo_migrate.model import Result

CONTEXT = 3


def patch(results: Iterable[Result]) -> bytes:
    """Return the unified diff of all changed files.

    Paths are real paths, not those of links, relative to the repository, as ``git apply`` expects in any of its
    folders; outside a repository, relative to the working folder.
    """
    return b"".join(piece for result in results if result.fixed is not result.source for piece in _file(result))


def new_file(source: Source) -> bytes:
    """Return the patch that creates a file."""
    old, new = _names(source.path)
    lines = _lines(source)
    head = b"diff --git " + old + b" " + new + b"\nnew file mode 100644\n--- /dev/null\n+++ " + new + _tab(new) + b"\n"
    return head + f"@@ -0,0 +{_range(0, len(lines))} @@\n".encode() + b"".join(_line("+", line) for line in lines)


def _names(path: str) -> tuple[bytes, bytes]:
    """Return the old and new name of a file in a patch."""
    path = os.path.realpath(path)
    relative = os.path.relpath(path, repository(os.path.dirname(path)) or os.path.realpath("."))
    if relative.startswith("../"):
        relative = path.lstrip("/")
    return _quoted(f"a/{relative}"), _quoted(f"b/{relative}")


def _file(result: Result) -> Iterator[bytes]:
    old, new = _names(result.source.path)
    yield b"diff --git " + old + b" " + new + b"\n--- " + old + _tab(old) + b"\n+++ " + new + _tab(new) + b"\n"
    before, after = _lines(result.source), _lines(result.fixed)
    for group in _matched(before, after).get_grouped_opcodes(CONTEXT):
        (_, first, _, other, _), (_, _, last, _, end) = group[0], group[-1]
        yield f"@@ -{_range(first, last)} +{_range(other, end)} @@\n".encode()
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                yield from (_line(" ", line) for line in before[i1:i2])
            else:
                yield from (_line("-", line) for line in before[i1:i2])
                yield from (_line("+", line) for line in after[j1:j2])


Opcode = tuple[Literal["replace", "delete", "insert", "equal"], int, int, int, int]


class _Paired(SequenceMatcher[str]):
    """A comparison of two texts with the same number of lines, pair by pair: linear, unlike the general one."""

    def __init__(self, before: list[str], after: list[str]) -> None:
        super().__init__()
        self.before, self.after = before, after

    def get_opcodes(self) -> list[Opcode]:
        found: list[Opcode] = []
        same = groupby(range(len(self.before)), key=lambda at: self.before[at] == self.after[at])
        for equal, group in same:
            run = list(group)
            found.append(("equal" if equal else "replace", run[0], run[-1] + 1, run[0], run[-1] + 1))
        return found


def _matched(before: list[str], after: list[str]) -> SequenceMatcher[str]:
    if len(before) == len(after):  # nearly always, as few edits contain a newline
        return _Paired(before, after)
    return SequenceMatcher(None, before, after, autojunk=False)


def _range(start: int, stop: int) -> str:
    """Return the range of a hunk; lines count from 1, and an empty range has the number of the line before it."""
    return f"{start + (stop > start)},{stop - start}"


def _line(mark: str, line: str) -> bytes:
    data = (mark + line).encode("utf-8", "surrogateescape")
    return data if line.endswith("\n") else data + b"\n\\ No newline at end of file\n"


def _lines(source: Source) -> list[str]:
    lines = (source.bom.decode() + source.text).split("\n")
    return [line + "\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def _tab(name: bytes) -> bytes:
    """Return the tab that terminates a name with spaces (git-diff, "Generating patch text"), else nothing."""
    return b"\t" if b" " in name and not name.startswith(b'"') else b""


def _quoted(path: str) -> bytes:
    """Return a path as git writes it: C-quoted if it has control characters, quotes, backslashes or non-ASCII bytes."""
    data = os.fsencode(path)
    if all(32 <= byte < 127 and byte not in b'"\\' for byte in data):
        return data
    named = {7: "a", 8: "b", 9: "t", 10: "n", 11: "v", 12: "f", 13: "r", 34: '"', 92: "\\"}
    text = "".join(
        f"\\{named[byte]}" if byte in named else chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}" for byte in data
    )
    return f'"{text}"'.encode()
