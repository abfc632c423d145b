"""Keys and items put into YAML: the edits, in the style around them, and a check that nothing else changed."""

import json
import re
from bisect import bisect_right
from collections.abc import Iterable

from echo_migrate.files.source import Edit
from echo_migrate.files.yaml import MappingNode, ScalarNode, SequenceNode, YamlNode, is_mapping, is_scalar, sequence

Value = str | dict[str, "Value"] | list["Value"]
"""What is put in: scalars are plain YAML, and may have a comment behind them where they stand in a block."""

QUOTE = '"'
_REST = re.compile(r"[ \t]*(?:#[^\r\n]*)?(?=\r?\n|\Z)")


def newline(text: str) -> str:
    """Return the line end of a text."""
    return "\r\n" if "\r\n" in text else "\n"


def key_before(text: str, mapping: MappingNode, before: ScalarNode, name: str, value: Value) -> Edit:
    """Return the edit that puts a key into a mapping in front of another one, and of the comments that lead it."""
    start = before.start_mark.index
    if _is_flow(mapping):
        return Edit(start, start, f"{_flow(name, value, before.style == QUOTE)}, ")
    column, end = _column(text, start), newline(text)
    start = _above(text, start, column)
    return Edit(start, start, _block(name, value, column, end) + end + " " * column)


def keys_after(
    text: str, mapping: MappingNode, key: ScalarNode, scalar: ScalarNode, more: dict[str, Value]
) -> tuple[Edit, ...] | None:
    """Return the edits that put keys into a mapping behind ``key: scalar``, or None if more follows in its line."""
    stop = scalar.end_mark.index
    if _is_flow(mapping):
        return (Edit(stop, stop, "".join(f", {_flow(name, one, key.style == QUOTE)}" for name, one in more.items())),)
    rest = _REST.match(text, stop)
    if not rest or (scalar.style or "") in ("|", ">"):
        return None
    return (Edit(rest.end(), rest.end(), _lines(more, _column(text, key.start_mark.index), newline(text))),)


def into_mapping(
    text: str, mapping: MappingNode, key: ScalarNode, scalar: ScalarNode, name: str, more: dict[str, Value]
) -> tuple[Edit, ...] | None:
    """Return the edits that make ``key: scalar`` a mapping with the scalar under a name and more keys, or None where
    that takes more than a line for the scalar."""
    between = text[key.end_mark.index : scalar.start_mark.index]
    rest = _REST.match(text, scalar.end_mark.index)
    if _is_flow(mapping) or not rest or not re.fullmatch(r":[ \t]+", between) or (scalar.style or "") in ("|", ">"):
        return None
    column, end = _column(text, key.start_mark.index) + 2, newline(text)
    opening = Edit(key.end_mark.index + 1, scalar.start_mark.index, f"{end}{' ' * column}{name}: ")
    return opening, Edit(rest.end(), rest.end(), _lines(more, column, end))


def item_first(text: str, items: SequenceNode, value: Value) -> Edit | None:
    """Return the edit that puts an item in front of those of a list, or None for one that is not written as usual."""
    start = items.start_mark.index
    if text[start : start + 1] == "[":
        quoted = any(
            key.style == QUOTE for item in items.value if is_mapping(item) for key, _ in item.value if is_scalar(key)
        )
        return Edit(start + 1, start + 1, _flow_value(value, quoted) + (", " if items.value else ""))
    return _item_at(text, start, value) if text[start : start + 1] == "-" else None


def item_before(text: str, items: SequenceNode, item: YamlNode, value: Value) -> Edit | None:
    """Return the edit that puts an item in front of another one of a block list, or None for a list of another form."""
    dash = text.rfind("-", 0, item.start_mark.index)
    if _is_flow(items) or dash < items.start_mark.index or text[dash + 1 : item.start_mark.index].strip():
        return None
    return _item_at(text, dash, value)


def only_inserted(old: list[YamlNode | None], new: list[YamlNode | None], edits: Iterable[Edit]) -> bool:
    """Return whether documents are alike but for the keys and items that insertions put in, and scalars that became the
    value of a key in a mapping of their own."""
    spans, shift = list[tuple[int, int]](), 0
    for edit in sorted(edits):
        spans.append((edit.start + shift, edit.start + shift + len(edit.text)))
        shift += len(edit.text) - (edit.end - edit.start)
    begins = [start for start, _ in spans]

    def is_new(node: YamlNode) -> bool:
        place = bisect_right(begins, node.start_mark.index) - 1
        return place >= 0 and node.start_mark.index < spans[place][1]

    if len(old) != len(new):
        return False
    waiting, seen = list(zip(old, new, strict=True)), set[tuple[int, int]]()
    while waiting:
        one, other = waiting.pop()
        if one is None or other is None:
            if one is not other:
                return False
            continue
        if (id(one), id(other)) in seen:
            continue
        seen.add((id(one), id(other)))
        if is_scalar(one) and is_mapping(other) and is_new(other):
            kept = [value for _, value in other.value if not is_new(value)]
            if len(kept) != 1:
                return False
            waiting.append((one, kept[0]))
        elif (
            one.id != other.id or one.tag != other.tag or (is_scalar(one) and one.value != getattr(other, "value", ""))
        ):
            return False
        else:
            before, after = _pairs(one), [pair for pair in _pairs(other) if not is_new(pair[0])]
            if len(before) != len(after):
                return False
            waiting += [both for pairs in zip(before, after, strict=True) for both in zip(*pairs, strict=True)]
    return True


def _pairs(node: YamlNode) -> list[tuple[YamlNode, ...]]:
    """Return the entries of a node: keys with values, items alone, none of a scalar."""
    return list(node.value) if is_mapping(node) else [(item,) for item in sequence(node)]


def _is_flow(node: MappingNode | SequenceNode) -> bool:
    return bool(getattr(node, "flow_style", False))


def _column(text: str, offset: int) -> int:
    return offset - (text.rfind("\n", 0, offset) + 1)


def _above(text: str, start: int, column: int) -> int:
    """Return the start of the comments right above a line and in line with it; its own start if there are none, or if
    they are at the top of a document, which they belong to as a whole."""
    line = text.rfind("\n", 0, start) + 1
    if text[line:start].strip(" "):
        return start
    first = start
    while line > 0:
        above = text.rfind("\n", 0, line - 1) + 1
        if not text.startswith(" " * column + "#", above):
            return start if text.startswith(("---", "%"), above) else first
        first, line = above + column, above
    return start


def _item_at(text: str, dash: int, value: Value) -> Edit:
    column, end = _column(text, dash), newline(text)
    start = _above(text, dash, column)
    return Edit(start, start, "- " + _item(value, column + 2, end) + end + " " * column)


def _item(value: Value, column: int, end: str) -> str:
    if isinstance(value, dict):
        return (end + " " * column).join(_block(name, one, column, end) for name, one in value.items())
    return str(value)


def _lines(more: dict[str, Value], column: int, end: str) -> str:
    return "".join(end + " " * column + _block(name, value, column, end) for name, value in more.items())


def _block(name: str, value: Value, column: int, end: str) -> str:
    """Return a key with its value in block style, in a mapping that begins at a column."""
    inner = end + " " * (column + 2)
    if isinstance(value, dict):
        return f"{name}:" + "".join(inner + _block(one, below, column + 2, end) for one, below in value.items())
    if isinstance(value, list):
        return f"{name}:" + "".join(f"{inner}- {_item(item, column + 4, end)}" for item in value)
    return f"{name}: {value}"


def _flow(name: str, value: Value, quoted: bool) -> str:
    return f"{json.dumps(name) if quoted else name}: {_flow_value(value, quoted)}"


def _flow_value(value: Value, quoted: bool) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(_flow(name, one, quoted) for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow_value(item, quoted) for item in value) + "]"
    return json.dumps(value) if quoted or not re.fullmatch(r"[\w.-]+", value) else value
