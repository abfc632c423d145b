"""Which calls of Python libraries name an image: ``mappings/places/python.yaml``, whose head says what keys mean."""

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from echo_migrate.data import read_data

if TYPE_CHECKING:
    import ast

Place = int | str
"""Where an argument stands: a position, a keyword, or ``keyword.key`` for a key of a dictionary."""


class Library(NamedTuple):
    """A library. ``calls`` are the places of the image by callee, ``apart`` those of the rest of a reference."""

    imports: frozenset[str]
    calls: dict[str, tuple[Place, ...]]
    apart: dict[str, tuple[Place, ...]]

    def meets(self, text: str) -> bool:
        """Whether a text may call it: it is imported, and there are the names of a call and of its argument."""
        return any(name in text and _imported(name, text) for name in self.imports) and any(
            all(part in text for part in callee.split(".")) and any(_needed(place) in text for place in places)
            for callee, places in self.calls.items()
        )


@lru_cache
def libraries() -> tuple[Library, ...]:
    """All libraries that are known."""
    return tuple(
        Library(
            frozenset(row["imports"]),
            {callee: tuple(places) for callee, places in row["calls"].items()},
            {callee: tuple(places) for callee, places in row.get("apart", {}).items()},
        )
        for row in read_data("places/python.yaml")["libraries"].values()
    )


def _imported(name: str, text: str) -> bool:
    return any(f"{word}{name}" in text for word in ("import ", "from ", ", "))


def _needed(place: Place) -> str:
    """What must be written for an argument to be there: its last name, or a call at all."""
    return "(" if isinstance(place, int) else place.rpartition(".")[2]


def called(tree: "ast.AST") -> bool:
    """Whether a syntax tree may have a call of theirs with an image in it, or a class made of one of theirs.

    Goes by names alone: it keeps files from being read with their names resolved, which takes a hundred times as long.
    """
    import ast

    nodes = list(ast.walk(tree))
    aliases = [node for node in nodes if isinstance(node, ast.alias)]
    modules = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)} | {one.name for one in aliases}
    roots = {name.partition(".")[0] for name in modules}
    known = [one for library in libraries() if library.imports & roots for one in library.calls.items()]
    known += [(one.asname, places) for one in aliases if one.asname for name, places in known if _ends(one.name, name)]
    classes = [written(base) for node in nodes if isinstance(node, ast.ClassDef) for base in node.bases]
    if any(_ends(base, callee) for base in classes for callee, _ in known):
        return True
    by_last: dict[str, list[tuple[str, tuple[Place, ...]]]] = {}
    for callee, places in known:
        by_last.setdefault(callee.rpartition(".")[2], []).append((callee, places))
    calls = [(node, written(node.func)) for node in nodes if isinstance(node, ast.Call)]
    return any(
        _ends(name, callee) and any(_given(call, place) for place in places)
        for call, name in calls
        for callee, places in by_last.get(name.rpartition(".")[2], ())
    )


def written(node: Any) -> str:
    """A dotted name, or the attributes at the end of another expression with a dot in front (of either parser)."""
    names: list[str] = []
    while type(node).__name__ == "Attribute":
        names.append(node.attr if isinstance(node.attr, str) else node.attr.value)
        node = node.value
    names.append(getattr(node, "id", getattr(node, "value", "")) if type(node).__name__ == "Name" else "")
    return ".".join(reversed(names))


def _ends(name: str, callee: str) -> bool:
    """Whether a name may be that of a callee: one imported from a library may have lost the front of its name."""
    return name.endswith(callee) if callee[0] == "." else f".{callee}".endswith(f".{name.rpartition('.')[2]}")


def _given(call: "ast.Call", place: Place) -> bool:
    """Whether there is an argument at a place that may be a text."""
    import ast

    if isinstance(place, int):
        arguments = call.args[place : place + 1]
    else:
        name, _, key = place.partition(".")
        arguments = [one.value for one in call.keywords if one.arg == name]
        if key:
            entries = [one for one in arguments if isinstance(one, ast.Dict)]
            return any(isinstance(one, ast.Constant) and one.value == key for entry in entries for one in entry.keys)
    return any(isinstance(one, ast.Constant | ast.Name | ast.JoinedStr) for node in arguments for one in ast.walk(node))
