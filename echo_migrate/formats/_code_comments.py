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

NO_CODE_OF_STARLARK = (
    r"#[^\n]*|\"\"\"(?:\\[\s\S]|[^\\])*?(?:\"\"\"|\\?\Z)|'''(?:\\[\s\S]|[^\\])*?(?:'''|\\?\Z)"
    r"|\"(?>(?:\\[\s\S]|[^\"\\\n])*)\"?|'(?>(?:\\[\s\S]|[^'\\\n])*)'?"
)
"""A regular expression for the comments and strings of Starlark, each to its end, in which there is no call."""

_LEXED = lazy_regex(NO_CODE_OF_STARLARK)
_ALONE = lazy_regex(r"[ \t]*[rR]?")


def comments(path: str, text: str) -> list[tuple[int, int]]:
    """Return where the docstrings of a file of code are, and its lines that are comments, in their order; of Starlark,
    all comments. What seems to be a comment over lines may be in a text."""
    name = os.path.basename(path)
    pattern = _COMMENT if _SLASHES.fullmatch(name) else None
    if name.endswith(".py"):
        pattern = _DOCSTRING
    elif _STARLARK.fullmatch(name):
        return [match.span() for match in _LEXED.finditer(text) if _is_remark(match)]
    return [match.span() for match in pattern.finditer(text)] if pattern else []


def _is_remark(match: re.Match[str]) -> bool:
    """Return whether a piece of Starlark is a comment, or a text on lines of its own: no value has such a text."""
    text, (start, end) = match.string, match.span()
    if text[start] == "#" or match[0][:3] not in ('"""', "'''"):
        return text[start] == "#"
    begin, stop = text.rfind("\n", 0, start) + 1, text.find("\n", end)
    return bool(_ALONE.fullmatch(text, begin, start)) and not text[end : stop if stop >= 0 else None].strip()


def without_comments(path: str, text: str) -> str:
    """Return a text of code without its docstrings and the comments that fill their lines."""
    pieces, position = [], 0
    for start, end in comments(path, text):
        pieces.append(text[position:start])
        position = end
    return "".join((*pieces, text[position:]))
