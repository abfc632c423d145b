"""Python sources: strings that are used as images in calls of known libraries."""

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from echo_migrate.dockerfile.container import Container
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Edit, Source, TooMuch
from echo_migrate.formats import NO_REQUEST, Request
from echo_migrate.formats.python.calls import called, libraries
from echo_migrate.model import Ignore, Image, Problem

if TYPE_CHECKING:
    import ast

NAME = re.compile(r"(?!)")
"""Matches nothing: no file name identifies this format, so Python files that cannot be read are not reported."""

MOST_NESTED = 120
"""The maximum depth of a syntax tree. Beyond its own limits, libcst's parser can crash the process."""

MOST_PATTERNS = 5
"""The maximum nesting of match patterns."""

LONGEST = 600_000
"""The maximum length of a source in characters: Python's own parser needs a thousand bytes for each of some."""

MOST_NODES = 50_000
"""The maximum number of nodes, twice that of the largest real files seen. libcst needs 200 microseconds for each."""

_LINE = lazy_regex(r"\r\n?|\n")

Node = Image | Problem | Ignore | Container


def candidate(path: str) -> bool:
    return path.endswith(".py")


def recognise(path: str, text: str) -> bool:
    """Return whether a text imports a library that pulls images and may call it; does not parse the text."""
    return candidate(path) and ('"' in text or "'" in text) and any(one.meets(text) for one in libraries())


def parse(source: Source, request: Request = NO_REQUEST) -> list[Node]:
    """Return the images of a Python file, its ignore comments if it has images, or a note if it cannot be read."""
    import ast

    try:
        tree = _tree(source)
        calls = called(tree)
        if not calls:
            return []
        refused = _refused(tree)
        if refused:
            return [Problem(0, 0, refused, "note")]
        from echo_migrate.formats.python.prune import concerned

        text = concerned(source, tree, calls)
        if not text:
            return []
        from echo_migrate.formats.python.code import read
        from echo_migrate.formats.python.published import is_published

        derives = any(isinstance(one.node, ast.ClassDef) for one in calls)
        images, ignores = read(text, source.text, derives and is_published(source.path))
    except (SyntaxError, ValueError):
        return [Problem(0, 0, "is not read as Python", "note")]
    except (RecursionError, MemoryError):
        return [Problem(0, 0, "is nested too deep", "note")]
    nodes: list[Node] = [*images, *(ignores if images else ())]
    if Container in request.kinds:
        # what a program runs in a container is not read, so the container is open
        nodes += [Container(image.where, image, (), None, (), False, open=True) for image in images]
    return nodes


def verify(before: Source, after: Source, edits: Iterable[Edit]) -> str | None:
    """Return why ``after``, made from ``before`` by ``edits``, must not replace it, or None if it may.

    According to Python's own parser, only strings on lines with an edit may differ; according to its tokenizer, all
    comments must be unchanged.
    """
    try:
        old, new = _tree(before), _tree(after)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "Python could not read it"
    lines = {len(_LINE.findall(before.text, 0, edit.start)) + 1 for edit in edits}
    if _outside(old, lines) != _outside(new, lines) or list(_comments(before)) != list(_comments(after)):
        return "something else than an image would change"
    return None


def _outside(tree: "ast.Module", lines: set[int]) -> str:
    """Return the dump of a syntax tree without the text of strings on the given lines; expressions in f-strings are
    kept."""
    import ast

    for node in ast.walk(tree):
        if not isinstance(node, ast.expr) or lines.isdisjoint(range(node.lineno, (node.end_lineno or 0) + 1)):
            continue
        if isinstance(node, ast.JoinedStr):
            node.values = [value for value in node.values if not isinstance(value, ast.Constant)]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
    return ast.dump(tree)


def _tree(source: Source) -> "ast.Module":
    """Return the syntax tree of Python's own parser, and raise its errors; no code is executed. Raises ``TooMuch``."""
    import ast
    import warnings

    if len(source.text) > LONGEST:
        raise TooMuch(f"it is longer than {LONGEST:,} characters")
    with warnings.catch_warnings(action="ignore"):
        return ast.parse(source.data)


def _refused(tree: "ast.AST") -> str | None:
    """Return why a syntax tree is too large to be processed further, or None."""
    import ast

    patterns = [node for node in ast.walk(tree) if isinstance(node, ast.pattern)]
    for _ in range(MOST_PATTERNS):  # libcst's parser backtracks exponentially in nested patterns
        patterns = [
            child for node in patterns for child in ast.iter_child_nodes(node) if isinstance(child, ast.pattern)
        ]
    if patterns:
        return "is nested too deep"
    level, count = [tree], 0
    for _ in range(MOST_NESTED):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        count += sum(isinstance(node, ast.expr | ast.stmt) for node in level)
        if count > MOST_NODES:
            return "is too long"
    return "is nested too deep" if level else None


def _comments(source: Source) -> Iterator[str]:
    import io
    import tokenize

    # in Python, a carriage return also ends a line, but the tokenizer relies on the lines that it is given; and a
    # comment may have bytes that are no UTF-8
    text = re.sub("[\udc80-\udcff]", "_", re.sub(r"\r\n?", "\n", source.text))
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return (token.string for token in tokens if token.type == tokenize.COMMENT)
