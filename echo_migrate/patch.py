"""A patch of all changes, in the form that ``git apply`` takes."""

import os
from collections.abc import Iterable, Iterator
from difflib import unified_diff

from echo_migrate.model import Result
from echo_migrate.source import Source
from echo_migrate.tree import repository


def patch(results: Iterable[Result]) -> bytes:
    """The unified diff of every changed file. Paths are those of the files themselves, not of links to them, relative
    to their repository, as ``git apply`` wants them from any of its folders; without one, to the working folder."""
    return b"".join(piece for result in results if result.fixed is not result.source for piece in _file(result))


def _file(result: Result) -> Iterator[bytes]:
    path = os.path.realpath(result.source.path)
    relative = os.path.relpath(path, repository(os.path.dirname(path)) or os.path.realpath("."))
    if relative.startswith("../"):
        relative = path.lstrip("/")
    old, new = _quoted(f"a/{relative}"), _quoted(f"b/{relative}")
    yield b"diff --git " + old + b" " + new + b"\n--- " + old + _tab(old) + b"\n+++ " + new + _tab(new) + b"\n"
    for line in list(unified_diff(_lines(result.source), _lines(result.fixed), n=3))[2:]:
        yield line.encode("utf-8", "surrogateescape")
        if not line.endswith("\n"):
            yield b"\n\\ No newline at end of file\n"


def _lines(source: Source) -> list[str]:
    lines = (source.bom.decode() + source.text).split("\n")
    return [line + "\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def _tab(name: bytes) -> bytes:
    """A tab ends a name with blanks in it (git-diff, "Generating patch text")."""
    return b"\t" if b" " in name and not name.startswith(b'"') else b""


def _quoted(path: str) -> bytes:
    """A path as git writes it: in C quotes where it has a control character, a quote or a byte beyond ASCII."""
    data = os.fsencode(path)
    if all(32 <= byte < 127 and byte not in b'"\\' for byte in data):
        return data
    named = {7: "a", 8: "b", 9: "t", 10: "n", 11: "v", 12: "f", 13: "r", 34: '"', 92: "\\"}
    text = "".join(
        f"\\{named[byte]}" if byte in named else chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}" for byte in data
    )
    return f'"{text}"'.encode()
