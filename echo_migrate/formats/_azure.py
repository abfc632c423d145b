"""Parameters, variables, matrices and loops of Azure Pipelines.

Follows learn.microsoft.com, "Template types & usage" (parameters, each), "Define variables" (scopes, syntax), "Runtime
parameters" (values) and "jobs.job.strategy" (matrix), read in November 2026. Names have no case.
"""

import re
from collections.abc import Iterable, Iterator
from functools import partial
from typing import NamedTuple

from echo_migrate.files.yaml import (
    MappingNode,
    YamlNode,
    effective,
    is_mapping,
    is_scalar,
    is_text,
    items,
    sequence,
)
from echo_migrate.formats._parameters import Scope, Value, mentions
from echo_migrate.model.reasons import because

_PATH = re.compile(r"[A-Za-z_]\w*(?:\.[\w-]+|\['[^'\[\]]*'\])*")
_WRITTEN = re.compile(rf"\$\{{\{{\s*({_PATH.pattern})\s*\}}\}}|\$\[\s*({_PATH.pattern})\s*\]|\$\(([\w.-]+)\)")
_EACH = re.compile(rf"\$\{{\{{\s*each\s+(\w+)\s+in\s+({_PATH.pattern})\s*\}}\}}")
_CONDITION = re.compile(r"\$\{\{\s*(?:if|elseif|else|insert)\b")
_INSIDE = re.compile(r"\$\{\{([^{}]*)\}\}")
_OUTSIDE = re.compile(r"\b(?:parameters|variables)(?:\.[\w-]+|\['[^'\[\]]*'\])+")
_SHELL = re.compile(r"\$\(([\w.-]+)\)|\$env:(\w+)|\$\{?([A-Za-z_]\w*)|%(\w+)%")
_STEP = re.compile(r"(?<=\[')[\w-]+(?:[ .][\w-]+)*(?='\])|[\w-]+")
_DEFAULT = because("default")
_DEEPEST = 10

Path = tuple[str, ...]
_ELSEWHERE: Path = ("variables", "")
"""The path of variables of a group or of another file."""


class _Parameter(NamedTuple):
    """A parameter: its default, and whether its values are listed."""

    default: YamlNode | None
    listed: bool


class _Holder(NamedTuple):
    """A mapping: the variables that it sets, the loops that are its keys, and the legs of its matrix."""

    variables: "dict[Path, list[tuple[str, YamlNode]]]"
    loops: dict[str, Path]
    legs: list[dict[str, YamlNode]]


class Azure:
    """The parameters and variables of a pipeline or a template. ``images`` are the IDs of the scalars that are
    images."""

    def __init__(self, root: YamlNode | None, images: frozenset[int]) -> None:
        self.root, self.images = root, images
        self.parameters = dict(_parameters(effective(root).get("parameters")))
        self.holders: dict[int, _Holder] = {}
        self.used: tuple[set[Path], set[Path]] | None = None

    def scopes(self, above: tuple[MappingNode, ...]) -> list[Scope]:
        """Return the scopes of a scalar, given the mappings it is in: one for each leg of the matrix of its job."""
        holders = map(self._holder, reversed(above))
        legs: list[dict[str, YamlNode]] = next((one.legs for one in holders if one.legs), [{}])
        return [partial(self._values, above, leg) for leg in legs]

    def _values(self, above: tuple[MappingNode, ...], leg: dict[str, YamlNode], written: str) -> list[Value]:
        """Return the values of an expression."""
        named = _WRITTEN.fullmatch(written)
        path = _path(named[1] or named[2] or f"variables.{named[3]}") if named else ()
        scope = partial(self._values, above, leg)
        if path[:1] == ("variables",):
            return self._of_variable(path, above, leg, scope)
        parameter = self.parameters.get(path[1]) if path[:1] == ("parameters",) and len(path) > 1 else None
        listed = parameter is not None and parameter.listed
        shared = because("variable-shared", name=".".join(path)) if listed or self._is_used(path) else None
        return [Value(node, scope, _DEFAULT, shared) for node in self._at(path, above) if is_scalar(node)]

    def _of_variable(
        self, path: Path, above: tuple[MappingNode, ...], leg: dict[str, YamlNode], scope: Scope
    ) -> list[Value]:
        """Return the values of a variable: of a leg of the matrix, else of the nearest that sets it."""
        used = self._is_used(path)
        for set_here in (_by_path(leg.items()), *(self._holder(one).variables for one in reversed(above))):
            found = [(key, node) for key, node in set_here.get(path, ()) if is_scalar(node)]
            if found:
                name = found[0][0]
                other = because("variable-overridden", name=name) if _ELSEWHERE in set_here else None
                shared = because("variable-shared", name=name) if used else None
                return [Value(node, scope, other, shared, name) for _, node in found if is_scalar(node)]
        return []

    def _holder(self, node: MappingNode) -> "_Holder":
        """Return what a mapping sets and loops over."""
        if id(node) not in self.holders:
            keys = effective(node)
            loops = {loop[1].lower(): _path(loop[2]) for loop in map(_EACH.fullmatch, keys) if loop}
            matrix = effective(effective(keys.get("strategy")).get("matrix"))
            legs = [effective(leg) for leg in matrix.values() if is_mapping(leg)]
            self.holders[id(node)] = _Holder(_by_path(_variables(keys.get("variables"))), loops, legs)
        return self.holders[id(node)]

    def _at(self, path: Path, above: tuple[MappingNode, ...], left: int = _DEEPEST) -> list[YamlNode]:
        """Return what is at a path: below a parameter, or below the variable of a loop."""
        if path[:1] == ("parameters",):
            known = self.parameters.get(path[1]) if len(path) > 1 else None
            return list(_below([known.default] if known else [], path[2:]))
        for holder in reversed(above) if left else ():
            loop = self._holder(holder).loops.get(path[0]) if path else None
            if loop:
                listed = self._at(loop, above, left - 1)
                return list(_below([one for node in listed for one in sequence(node)], path[1:]))
        return []

    def _is_used(self, path: Path) -> bool:
        """Return whether a path, or one below or above it, is used where no image is."""
        if self.used is None:
            self.used = (set[Path](), set[Path]())
            for name, nodes in mentions(self.root, _names).items():
                if any(id(node) not in self.images for node in nodes):
                    said = _path(name)[:_DEEPEST]
                    self.used[0].add(said)
                    self.used[1].update(said[:size] for size in range(1, len(said) + 1))
        path = path[:_DEEPEST]
        return path in self.used[1] or any(path[:size] in self.used[0] for size in range(1, len(path)))


def _path(written: str) -> Path:
    """Return the names of a path such as ``parameters.x['y']``; those of a variable as its name in a shell."""
    names = tuple(_STEP.findall(written.lower()))
    return ("variables", re.sub(r"\W", "_", "_".join(names[1:]))) if names[:1] == ("variables",) else names


def _names(text: str) -> Iterator[str]:
    """Yield the paths in a text, other than what a loop is over."""
    for inside in _INSIDE.finditer(text) if not _EACH.fullmatch(text.strip()) else ():
        yield from _PATH.findall(inside[1])
    if not _EACH.fullmatch(text.strip()):
        yield from _OUTSIDE.findall(text)
    for shell in _SHELL.finditer(text):
        yield f"variables.{next(filter(None, shell.groups()))}"


def _parameters(node: YamlNode | None) -> Iterator[tuple[str, _Parameter]]:
    """Yield the parameters of a file, given as a list or as a mapping of defaults."""
    for name, default in items(node):
        yield name.lower(), _Parameter(default, False)
    for one in sequence(node):
        keys = effective(one)
        called = keys.get("name")
        if is_text(called):
            yield called.value.lower(), _Parameter(keys.get("default"), "values" in keys)


def _variables(node: YamlNode | None, left: int = _DEEPEST) -> Iterator[tuple[str, YamlNode]]:
    """Yield the variables that are set, also under conditions; under the name "" what stands for those of a group or
    of another file."""
    for key, value in items(node):
        if _CONDITION.match(key) and left:
            yield from _variables(value, left - 1)
        else:
            yield key, value
    for one in sequence(node):
        keys = effective(one)
        name = keys.get("name")
        if is_text(name) and "value" in keys:
            yield name.value, keys["value"]
        elif "group" in keys or "template" in keys:
            yield "", one
        elif left:
            yield from (
                pair for key, value in keys.items() if _CONDITION.match(key) for pair in _variables(value, left - 1)
            )


def _by_path(entries: Iterable[tuple[str, YamlNode]]) -> "dict[Path, list[tuple[str, YamlNode]]]":
    """Return variables by the path that names them."""
    found: dict[Path, list[tuple[str, YamlNode]]] = {}
    for key, node in entries:
        found.setdefault(_path(f"variables.{key}"), []).append((key, node))
    return found


def _below(nodes: Iterable[YamlNode | None], path: Path) -> Iterator[YamlNode]:
    """Yield what is at a path below nodes, whose keys have no case."""
    for node in nodes:
        if not path:
            yield from [node] if node else []
        else:
            yield from _below([value for key, value in items(node) if key.lower() == path[0]], path[1:])
