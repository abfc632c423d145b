"""Evaluation of string expressions in a Python source, with the source offset of every character, based on libcst.

Names are resolved by libcst's ``ScopeProvider``; offsets come from its ``ByteSpanPositionProvider`` and are checked
against the text.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import libcst as cst
from libcst.metadata import (
    Assignment,
    ByteSpanPositionProvider,
    ClassScope,
    CodeSpan,
    ExpressionContextProvider,
    Scope,
    ScopeProvider,
)

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Traced, line_starts
from echo_migrate.formats.python.calls import written
from echo_migrate.model.reasons import Reason, because

LONGEST = 1000
"""The maximum length in characters, more than that of any reference, as constants can refer to each other."""

MOST_NAMES = 64
"""The maximum number of constants in a string, more than any reference has."""

LONGEST_NAME = 60
_FORMATTED = lazy_regex(r"%%|%(?:\((\w+)\))?[-+ #0-9.]*[a-zA-Z]|\{\{|\}\}|\{(\w*+)[^{}]*+\}")


class Text(NamedTuple):
    """A string as far as the file determines it.

    ``unsettled`` are the expressions known only at run time, each of which is a ``${…}`` in the value; ``names`` are
    the constants from which it was read.
    """

    ref: Traced
    unsettled: tuple[str, ...] = ()
    names: tuple[Assignment, ...] = ()


class _Spans(ByteSpanPositionProvider):
    """The place of each node of a module. A ``MetadataWrapper`` would visit all nodes once more, for nothing."""

    def __init__(self, module: cst.Module) -> None:
        super().__init__()
        self._gen_impl(module)

    def of(self, node: cst.CSTNode) -> CodeSpan:
        """Return the place of a node."""
        span: CodeSpan = self.get_metadata(_Spans, node)
        return span


class _Scopes(ScopeProvider):
    """The scopes of a module, found in the two visits that this takes.

    A ``MetadataWrapper`` would look through a thousand methods for each module, and visit all its nodes twice more.
    """

    def __init__(self, module: cst.Module) -> None:
        super().__init__()
        self.contexts = ExpressionContextProvider()
        self.contexts.visit_Module(module)
        self.visit_Module(module)

    def get_metadata(self, key: Any, node: cst.CSTNode, default: Any = None) -> Any:
        if key is ExpressionContextProvider:
            return self.contexts.get_metadata(key, node, default)
        return super().get_metadata(key, node, default)

    def of(self, node: cst.CSTNode) -> Scope | None:
        """Return the scope in which a node stands."""
        scope: Scope | None = self.get_metadata(_Scopes, node)
        return scope


class Strings:
    """The strings of a module. ``values`` has the values of assignments with a single target, by the ID of that target;
    ``taken`` collects the IDs of literals and names that were read."""

    def __init__(self, text: str, module: cst.Module) -> None:
        self.text = text
        self.spans = _Spans(module)
        self.scopes = _Scopes(module)
        self.offsets = _Offsets(text)
        self.values: dict[int, cst.BaseExpression] = {}
        self.taken: set[int] = set()
        self.constants: dict[Assignment, Text | None] = {}

    def string(self, node: cst.BaseExpression) -> Text | None:
        """Return the text of an expression as far as it is known; None if nothing is known or it is not a string."""
        match node:
            case cst.SimpleString():
                return self.literal(node)
            case cst.ConcatenatedString(left=left, right=right):
                return self.joined([self.string(left), self.string(right)])
            case cst.FormattedString(parts=parts):
                raw = "r" in node.prefix
                return self.joined([self.part(one, raw) for one in parts] or [None])
            case cst.BinaryOperation(left=left, operator=cst.Add(), right=right):
                both = [self.string(left), self.string(right)]
                sides = [text or self.open(side) for text, side in zip(both, (left, right), strict=True)]
                return self.joined(sides) if any(both) else None
            case cst.BinaryOperation(left=cst.SimpleString() as left, operator=cst.Modulo()):
                return self.filled(left)
            case cst.Call(func=cst.Attribute(value=cst.SimpleString() as left, attr=cst.Name(value="format"))):
                return self.filled(left)
            case cst.Name():
                return self.constant(node)
        return None

    def joined(self, parts: Sequence[Text | None]) -> Text | None:
        known = [part for part in parts if part]
        size = sum(max(len(part.ref.value), len(part.ref.spans)) for part in known)
        if len(known) < len(parts) or size > LONGEST:
            return None
        unsettled = dict.fromkeys(name for part in known for name in part.unsettled)
        names = dict.fromkeys(name for part in known for name in part.names)
        if len(names) > MOST_NAMES:
            return None
        return Text(Traced.join(part.ref for part in known), tuple(unsettled), tuple(names))

    def literal(self, node: cst.SimpleString) -> Text | None:
        value = node.evaluated_value
        if not isinstance(value, str):
            return None
        self.taken.add(id(node))
        inside = self.inside(node)
        plain = self.text[slice(*inside)] == value and self.source(node) == node.value
        return Text(Traced(value, (inside,) if plain else ()))

    def part(self, node: cst.BaseFormattedStringContent, raw: bool) -> Text | None:
        """Return a part of an f-string."""
        if isinstance(node, cst.FormattedStringText):
            start, end = self.span(node)
            same = self.text[start:end] == node.value and not set(node.value) & ({"{", "}"} if raw else set("{}\\"))
            return Text(Traced(node.value, ((start, end),) if same else ()))
        assert isinstance(node, cst.FormattedStringExpression)
        plain = node.conversion is None and node.equal is None and not node.format_spec
        if plain and isinstance(node.expression, cst.Name):
            text = self.constant(node.expression)
            if text:
                return text
        return self.open(node.expression, node)

    def open(self, node: cst.BaseExpression, place: cst.CSTNode | None = None) -> Text:
        """Return an expression known only at run time, as a variable whose characters all have one source offset."""
        name = self.source(node)
        if len(name) > LONGEST_NAME or re.search(r"[{}\n$]", name):
            name = "…"
        start, _ = self.span(place or node)
        value = f"${{{name}}}"
        return Text(Traced(value, ((start, start + 1),) * len(value)), (name,))

    def filled(self, node: cst.SimpleString) -> Text | None:
        """Return the text of a literal that is formatted with ``%`` or ``format``."""
        text = self.literal(node)
        if text is None:
            return None
        names: dict[str, None] = {}

        def variable(match: re.Match[str]) -> str:
            if match[0] in ("%%", "{{", "}}"):
                return match[0][0]
            name = match[1] or match[2] or "…"
            names[name] = None
            return f"${{{name}}}"

        value = _FORMATTED.sub(variable, text.ref.value)
        return Text(Traced(value, ()), tuple(names)) if names else None

    def constant(self, node: cst.Name) -> Text | None:
        """Return the text of a name that is assigned exactly once, else None."""
        scope = self.scopes.of(node)
        assignments = list(scope[node.value]) if scope else []
        assignment = assignments[0] if len(assignments) == 1 else None
        if not isinstance(assignment, Assignment):
            return None
        if assignment not in self.constants:
            self.constants[assignment] = None  # the result for a name that refers to itself
            value = self.values.get(id(assignment.node))
            plain = isinstance(value, cst.SimpleString | cst.ConcatenatedString | cst.FormattedString)
            if value and plain and not isinstance(assignment.scope, ClassScope):
                self.constants[assignment] = self.string(value)
        text = self.constants[assignment]
        if text:
            self.taken.add(id(node))
            text = text._replace(names=tuple(dict.fromkeys((*text.names, assignment))))
        return text

    def span(self, node: cst.CSTNode) -> tuple[int, int]:
        span = self.spans.of(node)
        return self.offsets.of(span.start), self.offsets.of(span.start + span.length)

    def line(self, node: cst.CSTNode) -> int:
        """Return the line on which a node begins."""
        return bisect_right(line_starts(self.text), self.span(node)[0])

    def inside(self, node: cst.CSTNode) -> tuple[int, int]:
        """Return the source span of a node, without the quotes of a single string."""
        start, end = self.span(node)
        match node:
            case cst.SimpleString():
                return start + len(node.prefix) + len(node.quote), end - len(node.quote)
            case cst.FormattedString():
                return start + len(node.start), end - len(node.end)
        return start, end

    def source(self, node: cst.CSTNode) -> str:
        start, end = self.span(node)
        return self.text[start:end]


class _Offsets:
    """Converts byte offsets to code point offsets."""

    def __init__(self, text: str) -> None:
        self.lines = [] if text.isascii() else text.encode().splitlines(keepends=True)
        self.bytes = [0, *accumulate(map(len, self.lines))]
        self.points = [0, *accumulate(len(line.decode()) for line in self.lines)]

    def of(self, offset: int) -> int:
        if not self.lines:
            return offset
        line = bisect_right(self.bytes, offset) - 1
        if line == len(self.lines):
            return self.points[line]
        return self.points[line] + len(self.lines[line][: offset - self.bytes[line]].decode())


def alternatives(node: cst.BaseExpression) -> Iterator[tuple[cst.BaseExpression, Reason | None]]:
    """Yield the possible values of an expression, each with a reason for doubt or None: both branches of a conditional,
    the default for a missing value."""
    match node:
        case cst.IfExp(body=body, orelse=other):
            yield from alternatives(body)
            yield from alternatives(other)
        case cst.BooleanOperation(operator=cst.Or(), right=right):
            yield from ((one, _DEFAULT) for one, _ in alternatives(right))
        case cst.Call(func=function, args=[_, cst.Arg(value=value, star="")]) if written(function) in _ENVIRONMENT:
            yield from ((one, _DEFAULT) for one, _ in alternatives(value))
        case _:
            yield node, None


_DEFAULT = because("default")
_ENVIRONMENT = ("os.getenv", "getenv", "os.environ.get", "environ.get")
