"""A reader for YAML that keeps the offsets of every scalar. Values are replaced in place, and nothing is ever dumped.

Offsets come from PyYAML's marks, which count code points. A mark includes the properties of a node (``&anchor``,
``!tag``), and an alias is the same node object as its anchor.
"""

from bisect import bisect_left
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeGuard, cast

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Edit, TooMuch, Traced

if TYPE_CHECKING:
    from typing_extensions import TypeIs  # in typing from Python 3.13

DEEPEST = 200
"""libyaml's composer recurses on the C stack, so nesting is counted before composing."""

MOST_SHARED = 50_000
"""The maximum number of nodes that the aliases of a file may add: n aliases of a list of m nodes count n times m."""

MOST_DIRECTIVES = 100
"""libyaml compares each directive with all preceding ones."""

_DIRECTIVE = lazy_regex(r"(?m)^%")
_PROPERTIES = lazy_regex(r"(?:[&!][^\s,\[\]{}]*\s+)*")
_BRACKETS = lazy_regex(r"[\[{]|[\]}]")
_INDENT = lazy_regex(rf"(?m)^[ \t?:-]{{{2 * DEEPEST}}}")
_BLOCK = lazy_regex(r"[|>][-+0-9]*[ \t]*(?:#[^\n]*)?\r?\n")


class _Mark(Protocol):
    """A place in a text; ``line`` counts from 0."""

    index: int
    line: int


class _Node(Protocol):
    """The common attributes of PyYAML's nodes. Its stubs do not type their values, and its classes would need an
    import."""

    tag: str
    start_mark: _Mark
    end_mark: _Mark


class ScalarNode(_Node, Protocol):
    """A text, a number or any other scalar; ``style`` is its quote or block indicator."""

    id: ClassVar[Literal["scalar"]]
    value: str
    style: str | None


class SequenceNode(_Node, Protocol):
    """A list."""

    id: ClassVar[Literal["sequence"]]
    value: "list[YamlNode]"


class MappingNode(_Node, Protocol):
    """Pairs in source order; ``effective`` is added by ``documents``, and only if there are merge keys."""

    id: ClassVar[Literal["mapping"]]
    value: "list[tuple[YamlNode, YamlNode]]"
    effective: "dict[str, YamlNode]"


YamlNode = ScalarNode | SequenceNode | MappingNode


class NotYaml(ValueError):
    """A text that is not valid YAML or exceeds a limit: the message says why, ``offset`` where."""

    def __init__(self, message: str, offset: int = 0) -> None:
        super().__init__(message)
        self.offset = offset


def documents(text: str) -> list[YamlNode | None]:
    """Return the root nodes of all documents (PyYAML's nodes; None for an empty one). Raises ``NotYaml`` and
    ``TooMuch``."""
    import yaml

    bounded(text)
    try:
        composed = _composed(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise NotYaml(f"is not valid YAML: {error.problem or error.context}", mark.index if mark else 0) from None
    except (yaml.YAMLError, UnicodeError, RecursionError, ValueError):
        raise _not_readable(text) from None
    roots = cast("list[YamlNode | None]", composed)
    if "&" in text and "*" in text and _shared(roots) > MOST_SHARED:
        raise TooMuch(f"its aliases stand for more than {MOST_SHARED:,} values")
    if "<<" in text:
        _merge(roots)
    return roots


def _not_readable(text: str) -> NotYaml:
    """Return what is said of a text with a character that no document may have, at the first of them."""
    from yaml.reader import Reader

    forbidden = Reader.NON_PRINTABLE.search(text)
    if not forbidden:
        return NotYaml("has characters YAML forbids")
    escaped = "\udc80" <= forbidden[0] <= "\udcff"  # a byte (``surrogateescape``)
    what = "bytes that are not UTF-8" if escaped else f"the character U+{ord(forbidden[0]):04X}, which YAML forbids"
    return NotYaml(f"has {what}", forbidden.start())


def _composed(text: str) -> list[Any]:
    """Return the roots of all documents. An anchor may be set again (YAML 1.2.2, 3.2.2.2), which PyYAML's composers
    refuse: the one in Python can be told to forget it."""
    import yaml

    try:
        return list(yaml.compose_all(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    except yaml.composer.ComposerError as error:
        if error.problem != "second occurrence":
            raise

    class Loader(yaml.SafeLoader):
        def compose_node(self, parent: Any, index: Any) -> Any:
            event = cast("Any", self).peek_event()
            if not isinstance(event, yaml.AliasEvent):
                self.anchors.pop(event.anchor, None)
            return super().compose_node(parent, index)

    return list(yaml.compose_all(text, Loader))


def _shared(roots: list[YamlNode | None]) -> int:
    """Return the number of nodes that aliases add: nodes with all aliases expanded, minus nodes as written.

    In a node that contains itself, the inner occurrence counts as nothing.
    """
    sizes: dict[int, int] = {}
    waiting = [root for root in roots if root is not None]
    begun: set[int] = set()
    while waiting:
        node = waiting[-1]
        below = [] if is_scalar(node) else [one for entry in node.value for one in _parts(entry)]
        if id(node) in begun:
            waiting.pop()
            sizes.setdefault(id(node), 1 + sum(sizes.get(id(one), 0) for one in below))
        else:
            begun.add(id(node))
            waiting += [one for one in below if id(one) not in begun]
    return sum(sizes[id(root)] for root in roots if root is not None) - len(sizes)


def _parts(entry: YamlNode | tuple[YamlNode, YamlNode]) -> tuple[YamlNode, ...]:
    """Return the nodes of an entry: key and value in a mapping, the item in a list."""
    return entry if isinstance(entry, tuple) else (entry,)


def _merge(roots: list[YamlNode | None]) -> None:
    """Add an ``effective`` attribute to each mapping with merge keys (``<<``).

    A mapping's own keys override merged ones, the first of several merged mappings wins, and so does the last of
    duplicate keys. The merged nodes are among those that ``_shared`` counts.
    """
    waiting = [node for root in roots for _, node in positions(root) if is_mapping(node)]
    waiting += [root for root in roots if is_mapping(root)]
    begun: set[int] = set()
    while waiting:
        node = waiting[-1]
        parents = [one for key, value in items(node) if key == "<<" for one in _each(value) if is_mapping(one)]
        if not parents or hasattr(node, "effective"):
            waiting.pop()
            continue
        if id(node) not in begun:
            begun.add(id(node))
            waiting += [one for one in parents if id(one) not in begun]
            continue
        waiting.pop()
        merged: dict[str, YamlNode] = {}
        for parent in parents:  # in a cycle, only the parent's own keys
            merged = (getattr(parent, "effective", None) or _own(parent)) | merged
        node.effective = merged | _own(node)


def _each(node: YamlNode) -> list[YamlNode]:
    return list(node.value) if node.id == "sequence" else [node]


def _own(node: YamlNode | None) -> dict[str, YamlNode]:
    return {key: value for key, value in items(node) if key != "<<"}


def bounded(text: str) -> None:
    """Raise ``NotYaml`` for a text that is nested too deep or has too many directives to be composed."""
    depth = deepest = 0
    for match in _BRACKETS.finditer(text):
        depth = depth + 1 if match.group() in "[{" else max(0, depth - 1)
        deepest = max(deepest, depth)
    if deepest > DEEPEST or _INDENT.search(text):
        raise NotYaml(f"is nested over {DEEPEST} deep")
    if len(_DIRECTIVE.findall(text)) > MOST_DIRECTIVES:
        raise NotYaml(f"has more than {MOST_DIRECTIVES} directives")


def is_mapping(node: YamlNode | None) -> "TypeIs[MappingNode]":
    return getattr(node, "id", "") == "mapping"


def is_scalar(node: YamlNode | None) -> "TypeIs[ScalarNode]":
    return getattr(node, "id", "") == "scalar"


def is_sequence(node: YamlNode | None) -> "TypeIs[SequenceNode]":
    return getattr(node, "id", "") == "sequence"


def is_set(node: YamlNode | None) -> bool:
    """Return whether a flag is set, or may be: the value of a key that is there and is not false."""
    return node is not None and not (is_scalar(node) and node.value.lower() in ("false", "no", "off"))


def is_text(node: YamlNode | None) -> TypeGuard[ScalarNode]:
    """Return whether a node is a nonempty scalar other than null."""
    return is_scalar(node) and bool(node.value) and not (node.tag.endswith(":null") or node.value in ("~", "null"))


def items(node: YamlNode | None) -> Iterator[tuple[str, YamlNode]]:
    """Yield the pairs of a mapping that have scalar keys, in source order, with duplicate and merge keys."""
    if is_mapping(node):
        for key, value in node.value:
            if is_scalar(key):
                yield key.value, value


def positions(root: YamlNode | None) -> Iterator[tuple[YamlNode | None, YamlNode]]:
    """Yield every pair of every mapping, and every item of every list with None as its key; shared nodes are visited
    once."""
    waiting, seen = [root], set[int]()
    while waiting:
        node = waiting.pop()
        if node is None or is_scalar(node) or id(node) in seen:
            continue
        seen.add(id(node))
        for key, child in node.value if is_mapping(node) else [(None, child) for child in node.value]:
            waiting += [child] if key is None else [key, child]
            yield key, child


def effective(node: YamlNode | None) -> dict[str, YamlNode]:
    """Return the values of a mapping by key, with merge keys (``<<``) resolved; an empty dict for any other node."""
    merged: dict[str, YamlNode] | None = getattr(node, "effective", None)
    return _own(node) if merged is None else dict(merged)


def traced(node: ScalarNode, text: str) -> Traced:
    """Return the value of a scalar with its source spans; without spans if escapes or folding changed it."""
    value = node.value
    start, end = node.start_mark.index, node.end_mark.index
    properties = _PROPERTIES.match(text, start, end)
    start = properties.end() if properties else start
    style = node.style or ""
    if style in "'\"" and style:
        start, end = start + 1, end - 1
    elif style and style in "|>":
        return _block(value, text, start, end)
    if text[start:end] == value:
        return Traced(value, ((start, end),))
    return Traced(value, ())


def _block(value: str, text: str, start: int, end: int) -> Traced:
    """Return the value of a block scalar, traced line by line without its indentation."""
    header = _BLOCK.match(text, start, end)
    if not header:
        return Traced(value, ())
    lines: list[tuple[int, int, int]] = []
    position = header.end()
    while position < end:
        newline = text.find("\n", position, end)
        stop = end if newline < 0 else newline
        lines.append((position, stop - (text[stop - 1 : stop] == "\r" and stop > position), stop))
        position = stop + 1
    indents = [len(text[a:b]) - len(text[a:b].lstrip(" ")) for a, b, _ in lines if text[a:b].strip()]
    indent = min(indents, default=0)
    runs: list[tuple[int, int]] = []
    for first, last, stop in lines:
        runs.append((min(first + indent, last), last))
        if stop < len(text):
            runs.append((stop, stop + 1))
    read = "".join(text[a:b] for a, b in runs)
    if not read.startswith(value) or read[len(value) :].strip("\n"):
        return Traced(value, ())
    return Traced(read, tuple(runs)).cut(0, len(value)) if value else Traced(value, ())


def alike(one: YamlNode | None, other: YamlNode | None, edits: list[Edit]) -> bool:
    """Return whether two trees have the same kinds, tags and scalars, apart from scalars with a (sorted) edit
    inside."""
    waiting = [(one, other)]
    seen: set[tuple[int, int]] = set()
    while waiting:
        one, other = waiting.pop()
        if one is None or other is None:
            if one is not other:
                return False
            continue
        if (id(one), id(other)) in seen:
            continue
        seen.add((id(one), id(other)))
        if one.id != other.id or one.tag != other.tag:
            return False
        if is_scalar(one):
            place = bisect_left(edits, (one.start_mark.index,))
            if one.value != other.value and not (place < len(edits) and edits[place].end <= one.end_mark.index):
                return False
            continue
        if len(one.value) != len(other.value):
            return False
        waiting += zip(sequence(one), sequence(other), strict=True)
        for (key, value), (other_key, other_value) in zip(_pairs(one), _pairs(other), strict=True):
            if is_scalar(key) and other_key.value != key.value:
                return False
            waiting += ((key, other_key), (value, other_value))
    return True


def _pairs(node: YamlNode) -> list[tuple[YamlNode, YamlNode]]:
    return node.value if is_mapping(node) else []


def sequence(node: YamlNode | None) -> list[YamlNode]:
    return list(node.value) if node is not None and node.id == "sequence" else []
