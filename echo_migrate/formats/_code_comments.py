"""Where a file of code has comments that fill their lines, and docstrings.

Follows docs.python.org, "Lexical analysis", and for Starlark github.com/bazelbuild/starlark, "String literals".
"""

import os
import re

from echo_migrate.files.lazy_regex import lazy_regex

_SLASHES = lazy_regex(r"(?i).*\.(?:gradle|groovy|hcl|[cm]?[jt]s|kts|php|tf)|jenkinsfile.*")
"""Names of files in which comments begin with slashes."""

_STARLARK = lazy_regex(r"(?i)tiltfile.*|.*\.(?:tiltfile|bzl|star)", needs=("tiltfile", ".bzl", ".star"))

_COMMENT = lazy_regex(r"(?m)^[ \t]*//[^\n]*", needs=("//",))
_DOCSTRING = lazy_regex(
    r"(?:\A(?>[ \t]*(?:#[^\n]*)?\r?\n)*|^[ \t]*(?:async[ \t]+)?(?:class|def)\b[^\n]*:[ \t]*\r?\n)"
    r"[ \t]*[rR]?(\"\"\"|''')(?>[^\"'\\]+|\\.|(?!\1)[\"'])*\1[ \t]*\r?$",
    re.DOTALL | re.MULTILINE,
)
"""A text that is all of a statement: at the beginning of a file, a class or a function."""

_REMARK = lazy_regex(
    r"^[ \t]*(?:[rR]?(\"\"\"|''')(?>[^\"'\\]+|\\.|(?!\1)[\"'])*\1[ \t]*\r?$|#[^\n]*)", re.DOTALL | re.MULTILINE
)
"""A text on lines of its own, and a comment: of Starlark, in which no value has such a text."""


def comments(path: str, text: str) -> list[tuple[int, int]]:
    """Return where the docstrings of a file of code are, and its lines that are comments, in their order. What seems to
    be a comment over lines may be in a text."""
    name = os.path.basename(path)
    pattern = _COMMENT if _SLASHES.fullmatch(name) else None
    if name.endswith(".py"):
        pattern = _DOCSTRING
    elif _STARLARK.fullmatch(name):
        pattern = _REMARK
    return [match.span() for match in pattern.finditer(text)] if pattern else []


def without_comments(path: str, text: str) -> str:
    """Return a text of code without its docstrings and the comments that fill their lines."""
    pieces, position = [], 0
    for start, end in comments(path, text):
        pieces.append(text[position:start])
        position = end
    return "".join((*pieces, text[position:]))
