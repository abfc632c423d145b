"""What of a Python source has to do with its images: the rest need not be read with its names resolved.

That takes libcst a hundred times as long as Python's own parser takes for the whole, and most functions of most files
name no image.
"""

import ast
import re
from collections.abc import Iterator
from functools import partial

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Source
from echo_migrate.formats.python.calls import Called, written

_END = lazy_regex(r"\r\n?|\n")
_LINE = lazy_regex(r"[^\r\n]+")


def concerned(source: Source, tree: ast.Module, found: list[Called]) -> str:
    """Return the text with blanks for the statements that neither hold a call nor share a name or a text with its
    image.

    As many characters, lines, and comments on lines of their own as before; "" where no call has a text. ``tree`` is
    that of the text, ``found`` what it calls.
    """
    given = _given(tree)
    found = [
        one for one in found if isinstance(one.node, ast.ClassDef) or any(map(partial(_says, given), one.arguments))
    ]
    if not found:
        return ""
    told = _told(tree, found, *_shared(given, found))
    gone: list[tuple[int, int]] = []
    for node in ast.walk(tree):
        for body in (getattr(node, field, None) for field in ("body", "orelse", "finalbody")):
            if isinstance(body, list) and body:
                kept = {one for one in body if one in told} or {body[0]}  # what is indented must be something
                edges = {line for one in kept for line in _lines(one)}  # where two statements can share a line
                gone += [lines for one in body if one not in kept and edges.isdisjoint(lines := _lines(one))]
    return _blanked(source.text, gone)


def _told(tree: ast.Module, found: list[Called], names: set[str], texts: set[str]) -> set[ast.AST]:
    """Return the nodes that hold a call, import something, have one of the names or texts in them, or bind a name
    that is called."""
    bound = {written(one.node.func).partition(".")[0] for one in found if isinstance(one.node, ast.Call)}
    calls = {one.node for one in found}
    told: set[ast.AST] = set()
    for node in reversed(list(ast.walk(tree))):  # what is within a node comes before it
        if (
            node in calls
            or isinstance(node, ast.Import | ast.ImportFrom)
            or (isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in texts)
            or any(name in names or (name in bound and not _loads(node)) for name in _names(node))
            or any(child in told for child in ast.iter_child_nodes(node))
        ):
            told.add(node)
    return told


Given = dict[str, list[ast.AST]]


def _given(tree: ast.Module) -> Given:
    """Return what names are given that has a text in it."""
    given: Given = {}
    for node in ast.walk(tree):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        names = {target.id for target in targets if isinstance(target, ast.Name)}
        value = getattr(node, "value", None)
        if names and isinstance(value, ast.AST) and any(map(_is_text, ast.walk(value))):
            for name in names:
                given.setdefault(name, []).append(value)
    return given


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _says(given: Given, argument: ast.AST) -> bool:
    """Return whether an argument has a text, or a name that is given one."""
    return any(_is_text(node) or (isinstance(node, ast.Name) and node.id in given) for node in ast.walk(argument))


def _shared(given: Given, found: list[Called]) -> tuple[set[str], set[str]]:
    """Return the names and texts where images stand, and those that such names are given, one by the other."""
    names = {"__all__"}
    texts: set[str] = set()
    waiting: list[ast.AST] = [node for one in found for node in one.arguments]
    seen: set[ast.AST] = set()
    while waiting:
        value = waiting.pop()
        if value in seen:
            continue  # what many names are given at once
        seen.add(value)
        for node in ast.walk(value):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.add(node.value)
            elif isinstance(node, ast.Name) and node.id in given and node.id not in names:
                names.add(node.id)
                waiting += given[node.id]
    return names, texts


def _loads(node: ast.AST) -> bool:
    return isinstance(node, ast.keyword) or isinstance(getattr(node, "ctx", None), ast.Load)


def _names(node: ast.AST) -> Iterator[str]:
    """Yield the names that a node itself uses or binds."""
    for field in ("id", "name", "arg", "asname", "rest"):
        value = getattr(node, field, None)
        if isinstance(value, str):
            yield value
    if isinstance(node, ast.Global | ast.Nonlocal):
        yield from node.names


def _lines(node: ast.stmt) -> tuple[int, int]:
    """Return the first and the last line of a statement, its decorators included."""
    first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", ()))])
    return first, node.end_lineno or node.lineno


def _blanked(text: str, gone: list[tuple[int, int]]) -> str:
    """Return the text with blanks for the lines of these spans that are no comments."""
    ends = [0, *(match.end() for match in _END.finditer(text)), len(text)]
    pieces: list[str] = []
    position = 0
    for first, last in sorted(gone, key=lambda one: (one[0], -one[1])):
        start, end = ends[first - 1], ends[last]
        if start < position:
            continue
        pieces += text[position:start], _LINE.sub(_blank, text[start:end])
        position = end
    pieces.append(text[position:])
    return "".join(pieces)


def _blank(match: "re.Match[str]") -> str:
    return match[0] if match[0].lstrip().startswith("#") else " " * len(match[0])
