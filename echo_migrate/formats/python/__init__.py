"""Python sources: the strings in them that a call of a known library says are images."""

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
"""No name leaves no doubt: that a Python file cannot be read is nobody's concern here."""

MOST_NESTED = 120
"""How deep a file's syntax tree may be. Beyond its own limits libcst's parser can end the process."""

MOST_PATTERNS = 5
"""How deep the patterns of a match may lie in each other."""

LONGEST = 600_000
"""The longest source that is read, in characters: Python's own parser needs a thousand bytes for each of some."""

MOST_NODES = 50_000
"""How many nodes it may have: twice those of the largest real files seen. libcst needs 200 microseconds for each."""

_LINE = lazy_regex(r"\r\n?|\n")

Node = Image | Problem | Ignore | Container


def candidate(path: str) -> bool:
    return path.endswith(".py")


def recognise(path: str, text: str) -> bool:
    """By its text: a library that pulls images is imported, and a call of it may be there. Costs no parser."""
    return candidate(path) and ('"' in text or "'" in text) and any(one.meets(text) for one in libraries())


def parse(source: Source, request: Request = NO_REQUEST) -> list[Node]:
    """Return the images of a Python file, its ignore comments if it has any image, and a note if it cannot be read."""
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

        images, ignores = read(text)
    except (SyntaxError, ValueError):
        return [Problem(0, 0, "is not read as Python", "note")]
    except (RecursionError, MemoryError):
        return [Problem(0, 0, "is nested too deep", "note")]
    nodes: list[Node] = [*images, *(ignores if images else ())]
    if Container in request.kinds:
        # what a program runs in a container is not read, so that nothing may be missing from it
        nodes += [Container(image.where, image, (), None, (), False, open=True) for image in images]
    return nodes


def verify(before: Source, after: Source, edits: Iterable[Edit]) -> str | None:
    """Return why the second text, made from the first by ``edits``, must not take its place, if it must not.

    As Python's own parser reads the two, strings with an edit on their lines differ and nothing else; as its own
    tokenizer does, all comments stay.
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
    """Return a syntax tree without the text of the strings on these lines; what is put into them is kept."""
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
    """Return the syntax tree, by Python's own parser; nothing is run. Raises what it raises."""
    import ast
    import warnings

    if len(source.text) > LONGEST:
        raise TooMuch(f"it is longer than {LONGEST:,} characters")
    with warnings.catch_warnings(action="ignore"):
        return ast.parse(source.data)


def _refused(tree: "ast.AST") -> str | None:
    """Return why a syntax tree is too large to be read on."""
    import ast

    patterns = [node for node in ast.walk(tree) if isinstance(node, ast.pattern)]
    for _ in range(
        MOST_PATTERNS
    ):  # libcst's parser tries each in several ways, and what is in it again in each of them
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

    # Python ends a line at a carriage return too, and its tokenizer only where it is given lines that do
    tokens = tokenize.tokenize(io.BytesIO(re.sub(rb"\r\n?", b"\n", source.data)).readline)
    return (token.string for token in tokens if token.type == tokenize.COMMENT)
