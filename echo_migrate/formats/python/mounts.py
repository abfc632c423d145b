"""The paths in a container that calls in Python cover with volumes."""

import ast
import contextlib
import re
import warnings
from collections.abc import Iterator, Mapping

from echo_migrate.files.lazy_regex import lazy_regex

_MOUNTS = frozenset(("config", "host_config", "mounts", "volume_mounts", "volumes", "volumes_from"))
_TARGET = re.compile(r"[\"':](/[^\"':\s]{0,200})")
NOTHING = frozenset(("None", "{}", "[]", "()", "dict()", "list()"))
_MAPPED = lazy_regex(
    r"\.with_(mounted_(?:cache|directory)|volume_mapping|"
    r"kwargs(?=\([\s\S]{0,500}?(?:\*\*|\b(?:volumes|mounts)\b)))\(([^()]{0,500})\)?"
    r"|\bcontainer_?[pP]ath[\"']?\s*[=:]\s*([\"'][^\"'\n]{1,200})"
)
"""What a container of Testcontainers or Dagger is given by later calls, in the same expression or another one, and one
of Pulumi by the resource that takes an image in."""


def mounts_of_call(given: Mapping[str, str]) -> Iterator[str]:
    """Yield the paths that the keywords of a call, each with its value as written, cover with volumes."""
    for keyword, written in given.items():
        if keyword in _MOUNTS:
            yield from _paths(written)


def mounts_of_later_calls(text: str) -> Iterator[str]:
    """Yield the paths at which a file mounts volumes after an image is named, of whichever container."""
    for match in _MAPPED.finditer(text):
        yield from _of_later_call(match[1], match[2]) if match[1] else _paths(match[3])


def _of_later_call(method: str, arguments: str) -> list[str]:
    """Return the paths that the arguments of a method, which may be cut off at a parenthesis, cover with volumes."""
    call = _parsed(f"f({arguments})", f"f({arguments}))")
    if method == "kwargs" or not isinstance(call, ast.Call):
        return [*_paths(arguments), *(() if isinstance(call, ast.Call) else ("/",))]
    names, place = (("container",), 1) if method == "volume_mapping" else (("path",), 0)
    return [_target(call, names, place)]


def _paths(written: str) -> list[str]:
    """Return the paths in a container that an argument covers with volumes; ``/`` for each that is not in its text."""
    if written.strip() in NOTHING:
        return []
    node = _parsed(written)
    return [path for one in _entries(node) for path in _of_entry(one)] if node else _found(written)


def _source(node: ast.expr) -> str:
    try:
        return ast.unparse(node)
    except RecursionError:
        return ""


def _found(written: str) -> list[str]:
    return [path.rstrip("/") for path in _TARGET.findall(written)] or ["/"]


def _parsed(*written: str) -> ast.expr | None:
    """Return the first of some texts that is an expression, or None."""
    for text in written:
        with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text.strip(), mode="eval").body
    return None


def _entries(node: ast.expr) -> list[ast.expr | None]:
    """Return what states one volume each: the values of a dictionary of sources, or the items of a list; None for one
    that is not written there."""
    if isinstance(node, ast.Dict) and any(isinstance(each, ast.Dict) and _bound(each) for each in node.values):
        return [each if isinstance(each, ast.Dict) else None for each in node.values]
    return [*node.elts] if isinstance(node, ast.List) else [node]


def _bound(node: ast.Dict) -> list[ast.expr]:
    """Return the path in the container of the options of a volume, if they have one."""
    pairs = zip(node.keys, node.values, strict=True)
    return [each for key, each in pairs if isinstance(key, ast.Constant) and key.value == "bind"]


def _of_entry(node: ast.expr | None) -> list[str]:
    """Return the paths that one volume covers."""
    if isinstance(node, ast.Dict) and _bound(node):
        return [_literal(*_bound(node))]
    if isinstance(node, ast.BinOp | ast.JoinedStr | ast.Constant):  # a source and ":/target"
        last = node.right if isinstance(node, ast.BinOp) else node
        parts = last.values[-1:] if isinstance(last, ast.JoinedStr) else [last]
        text = next((one.value for one in parts if isinstance(one, ast.Constant) and isinstance(one.value, str)), "")
        if ":/" in text:
            return [text[text.index(":/") + 1 :].partition(":")[0].rstrip("/") or "/"]
        if not isinstance(node, ast.Constant):
            return ["/"]
    return ["/"] if node is None or isinstance(node, ast.Name | ast.Attribute) else _found(_source(node))


def _target(call: ast.Call, names: tuple[str, ...], place: int) -> str:
    """Return the argument of a call that is a path in the container; ``/`` if it is not a text."""
    named = [one.value for one in call.keywords if one.arg in names]
    return _literal(*named, *call.args[place : place + 1])


def _literal(*nodes: ast.expr) -> str:
    text = nodes[0].value if nodes and isinstance(nodes[0], ast.Constant) else ""
    return text.rstrip("/") if isinstance(text, str) and text.startswith("/") and text.rstrip("/") else "/"
