"""A reader for HCL that keeps the offsets of every value, based on the tree-sitter grammar.

Follows the HCL native syntax specification (github.com/hashicorp/hcl, hclsyntax/spec.md). A body is a map of its
attributes and blocks; the key of a block is its type, and its value a map with its labels, joined by dots, as the key.
Only strings without escapes are texts; templates in them (``${…}``) are kept as written, and a ``jsonencode`` call is
replaced by its argument.
"""

import re
from bisect import bisect_right
from functools import lru_cache
from typing import TYPE_CHECKING

from echo_migrate.files.budget import parse
from echo_migrate.files.values import DEEPEST, NotRead, Value

if TYPE_CHECKING:
    from tree_sitter import Node as Tree
    from tree_sitter import Parser

LARGEST = 200_000
"""The maximum length of a text in characters, far more than real build files have: the parser is slow on errors."""

_UNJOINED = re.compile(r'(?:"[^"\n]*"\s*){64}')
"""More strings in a row than a block has labels; the grammar is slow to parse such a row."""

_STRINGS = frozenset(("string_lit", "quoted_template"))


@lru_cache
def _parser() -> "Parser":
    """Return the parser. Raises ``NotRead`` where its grammar is not installed: it has no wheels for Alpine on ARM."""
    from tree_sitter import Language, Parser

    try:
        import tree_sitter_hcl
    except ImportError:
        raise NotRead("is HCL, which needs the extra `hcl`: pip install 'echo-migrate[hcl]'") from None
    return Parser(Language(tree_sitter_hcl.language()))


def read(text: str) -> Value:
    """Return the body of a file. Raises ``NotRead``."""
    if len(text) > LARGEST:
        raise NotRead(f"is longer than {LARGEST:,} characters")
    if max(text.count("{"), text.count("["), text.count("(")) > LARGEST // 20:
        raise NotRead("has too many brackets")
    data = text.encode("utf-8", "surrogateescape")
    if _UNJOINED.search(text):
        raise NotRead("has many strings that nothing joins")
    root = parse(_parser(), data)
    reader = _Reader(text, data)
    if root.has_error:
        raise NotRead("is not valid HCL", reader.place(_fault(root)))
    body = next((child for child in root.children if child.type == "body"), None)
    return reader.body(body, 0) if body else Value("map", (), 0, len(text))


def _fault(root: "Tree") -> int:
    """Return the byte offset of the first syntax error."""
    node = root
    while node.type != "ERROR" and not node.is_missing:
        below = next((child for child in node.children if child.has_error or child.is_missing), None)
        if below is None:
            break
        node = below
    return node.start_byte


class _Reader:
    """Converts nodes of the grammar to values, and byte offsets to character offsets."""

    def __init__(self, text: str, data: bytes) -> None:
        self.text = text
        self.wide: list[int] = []  # byte offsets of multi-byte characters; ``more`` has the surplus bytes up to each
        self.more = [0]
        if len(data) != len(text):
            offset = 0
            for character in text:
                size = 1 if "\udc80" <= character <= "\udcff" else len(character.encode())
                if size > 1:
                    self.wide.append(offset)
                    self.more.append(self.more[-1] + size - 1)
                offset += size

    def place(self, offset: int) -> int:
        """Return the character offset of a byte offset."""
        return offset - self.more[bisect_right(self.wide, offset - 1)] if self.wide else offset

    def body(self, tree: "Tree", depth: int) -> Value:
        if depth > DEEPEST:
            raise NotRead(f"is nested over {DEEPEST} deep", self.place(tree.start_byte))
        pairs: list[tuple[Value, Value]] = []
        for child in tree.children:
            if child.type == "attribute":
                pairs.append((self._other(child.children[0]), self._expression(child.children[-1], depth + 1)))
            elif child.type == "block":
                pairs.append(self._block(child, depth + 1))
        return Value("map", tuple(pairs), self.place(tree.start_byte), self.place(tree.end_byte))

    def _block(self, tree: "Tree", depth: int) -> tuple[Value, Value]:
        head, *labels = [child for child in tree.children if child.type in ("identifier", "string_lit")]
        body = next((child for child in tree.children if child.type == "body"), None)
        value = (
            self.body(body, depth) if body else Value("map", (), self.place(tree.end_byte), self.place(tree.end_byte))
        )
        names = [self._scalar(label) for label in labels]
        if names:
            whole = names[0]._replace(value=".".join(name.value for name in names), end=names[-1].end, plain=False)
            value = Value("map", ((whole, value),), value.start, value.end)
        return self._other(head), value

    def _expression(self, tree: "Tree", depth: int) -> Value:
        if depth > DEEPEST:
            raise NotRead(f"is nested over {DEEPEST} deep", self.place(tree.start_byte))
        while len(tree.children) == 1 and tree.type in (
            "expression",
            "literal_value",
            "template_expr",
            "collection_value",
        ):
            tree = tree.children[0]
        if tree.type == "function_call" and self._other(tree.children[0]).value == "jsonencode":
            given = [one for child in tree.children for one in child.children if one.type == "expression"]
            if len(given) == 1:
                return self._expression(given[0], depth + 1)
        if tree.type == "tuple":
            values = [self._expression(child, depth + 1) for child in tree.children if child.type == "expression"]
            return Value("list", tuple(values), self.place(tree.start_byte), self.place(tree.end_byte))
        if tree.type == "object":
            elements = [child for child in tree.children if child.type == "object_elem"]
            pairs = [
                (self._key(key, depth + 1), self._expression(value, depth + 1))
                for one in elements
                if (key := one.child_by_field_name("key")) and (value := one.child_by_field_name("val"))
            ]
            return Value("map", tuple(pairs), self.place(tree.start_byte), self.place(tree.end_byte))
        return self._scalar(tree)

    def _key(self, tree: "Tree", depth: int) -> Value:
        """Return the key of a pair; as a key, a list or a map is only text."""
        key = self._expression(tree, depth)
        return self._other(tree) if key.kind in ("list", "map") else key

    def _scalar(self, tree: "Tree") -> Value:
        start, end = self.place(tree.start_byte), self.place(tree.end_byte)
        inner = self.text[start + 1 : end - 1]
        if tree.type in _STRINGS and "\\" not in inner and "\n" not in inner:
            return Value("text", inner, start, end, plain=True)
        return self._other(tree)

    def _other(self, tree: "Tree") -> Value:
        start, end = self.place(tree.start_byte), self.place(tree.end_byte)
        return Value("other", self.text[start:end], start, end)
