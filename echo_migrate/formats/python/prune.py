"""Pruning of a Python source to the statements that are relevant to its images, before names are resolved.

Name resolution in libcst takes a hundred times as long as Python's own parser, and most functions of most files name no
image.
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
    """Return the text with statements blanked out that neither contain a call nor share a name or a text with its
    image.

    Length, lines, and comments on separate lines are kept; "" if no call has a text. ``tree`` is the syntax tree of the
    text, ``found`` are its calls.
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
                kept = {one for one in body if one in told} or {body[0]}  # a block must not be empty
                edges = {line for one in kept for line in _lines(one)}  # lines that two statements may share
                gone += [lines for one in body if one not in kept and edges.isdisjoint(lines := _lines(one))]
    return _blanked(source.text, gone)


def _told(tree: ast.Module, found: list[Called], names: set[str], texts: set[str]) -> set[ast.AST]:
    """Return the nodes that contain a call, an import, one of the names or texts, or a binding of a called name."""
    bound = {written(one.node.func).partition(".")[0] for one in found if isinstance(one.node, ast.Call)}
    calls = {one.node for one in found}
    told: set[ast.AST] = set()
    for node in reversed(list(ast.walk(tree))):  # children before their parents
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
    """Return the values assigned to names that contain a text, by name."""
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
    """Return whether an argument contains a text, or a name that is assigned one."""
    return any(_is_text(node) or (isinstance(node, ast.Name) and node.id in given) for node in ast.walk(argument))


def _shared(given: Given, found: list[Called]) -> tuple[set[str], set[str]]:
    """Return the names and texts in the image arguments, and those assigned to such names, transitively."""
    names = {"__all__"}
    texts: set[str] = set()
    waiting: list[ast.AST] = [node for one in found for node in one.arguments]
    seen: set[ast.AST] = set()
    while waiting:
        value = waiting.pop()
        if value in seen:
            continue  # a value assigned to several names
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
    """Return the first and the last line of a statement, decorators included."""
    first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", ()))])
    return first, node.end_lineno or node.lineno


def _blanked(text: str, gone: list[tuple[int, int]]) -> str:
    """Return the text with the lines of the given ranges replaced by spaces, except comment lines."""
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
