"""Calls of Python libraries that name an image: ``mappings/places/python.yaml`` (keys documented there)."""

from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from echo_migrate.files.data import read_data

if TYPE_CHECKING:
    import ast

Parameter = int | str
"""The place of an argument: a position, a keyword, or ``keyword.key`` for a key of a dictionary."""


class Library(NamedTuple):
    """A library. ``calls`` has the places of the image by callee, ``apart`` those of other parts of the reference,
    ``login`` the keywords of a login for what a service or a cluster pulls; ``attributes`` hold an image."""

    imports: frozenset[str]
    calls: dict[str, tuple[Parameter, ...]]
    apart: dict[str, tuple[Parameter, ...]]
    login: dict[str, tuple[str, ...]]
    attributes: tuple[str, ...]

    def meets(self, text: str) -> bool:
        """Return whether a text may name an image of the library: it imports it, and has the names of a call and its
        argument, or of an attribute."""
        if self.imports and not any(name in text and _imported(name, text) for name in self.imports):
            return False
        return any(all(part in text for part in name.split(".")) for name in self.attributes) or any(
            all(part in text for part in callee.split(".")) and any(_needed(place) in text for place in places)
            for callee, places in self.calls.items()
        )

    def known(self, roots: AbstractSet[str]) -> bool:
        """Return whether a file that imports these modules may use the library."""
        return not self.imports or bool(self.imports & roots)


@lru_cache
def libraries() -> tuple[Library, ...]:
    """Return all known libraries."""
    return tuple(
        Library(
            frozenset(row["imports"]),
            {callee: tuple(places) for callee, places in row.get("calls", {}).items()},
            {callee: tuple(places) for callee, places in row.get("apart", {}).items()},
            {callee: tuple(words) for callee, words in row.get("login", {}).items()},
            tuple(row.get("attributes", ())),
        )
        for row in read_data("places/python.yaml")["libraries"].values()
    )


def _imported(name: str, text: str) -> bool:
    return any(f"{word}{name}" in text for word in ("import ", "from ", ", "))


def _needed(place: Parameter) -> str:
    """Return the text that must occur if an argument is given: its last name, or a parenthesis for a position."""
    return "(" if isinstance(place, int) else place.rpartition(".")[2]


class Called(NamedTuple):
    """A call that may be one of a library, with the arguments at the places of its image; an assignment to an attribute
    of one; or a class derived from one of a library, which may name an image anywhere."""

    node: "ast.Call | ast.Assign | ast.ClassDef"
    arguments: "list[ast.AST]"


def called(tree: "ast.AST") -> list[Called]:
    """Return the calls and classes of a syntax tree that may be those of libraries.

    Compares names only, as a filter before name resolution, which takes a hundred times as long.
    """
    import ast

    nodes = list(ast.walk(tree))
    aliases = [node for node in nodes if isinstance(node, ast.alias)]
    modules = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)} | {one.name for one in aliases}
    roots = {name.partition(".")[0] for name in modules}
    used = [library for library in libraries() if library.known(roots)]
    attributes = {name for library in used for name in library.attributes}
    known = [one for library in used for one in library.calls.items()]
    known += [(name.rpartition(".")[0], (name.rpartition(".")[2],)) for name in attributes]
    known += [(one.asname, places) for one in aliases if one.asname for name, places in known if _ends(one.name, name)]
    by_last: dict[str, list[tuple[str, tuple[Parameter, ...]]]] = {}
    for callee, places in dict.fromkeys(known):
        by_last.setdefault(callee.rpartition(".")[2], []).append((callee, places))

    def places_of(name: str) -> list[Parameter]:
        rows = by_last.get(name.rpartition(".")[2], ())
        return [place for callee, places in rows if _ends(name, callee) for place in places]

    found: list[Called] = []
    own: set[str] = set()
    for node in nodes:  # derived classes come after their bases
        if isinstance(node, ast.ClassDef) and any(base in own or places_of(base) for base in map(written, node.bases)):
            found.append(Called(node, [node]))
            own.add(node.name)
    for node in nodes:
        if isinstance(node, ast.Call):
            name = written(node.func)
            arguments: list[ast.AST] = [node] if name in own else _given(node, places_of(name))
            found += [Called(node, arguments)] if arguments else []
        elif isinstance(node, ast.Assign) and any(written(target) in attributes for target in node.targets):
            found.append(Called(node, [node.value]))
    return found


def written(node: Any) -> str:
    """Return a dotted name, or the trailing attributes of another expression with a leading dot; works for nodes of
    both parsers."""
    names: list[str] = []
    while type(node).__name__ == "Attribute":
        names.append(node.attr if isinstance(node.attr, str) else node.attr.value)
        node = node.value
    names.append(getattr(node, "id", getattr(node, "value", "")) if type(node).__name__ == "Name" else "")
    return ".".join(reversed(names))


def _ends(name: str, callee: str) -> bool:
    """Return whether a name may be that of a callee; an imported name may lack its leading components."""
    return name.endswith(callee) if callee[0] == "." else f".{callee}".endswith(f".{name.rpartition('.')[2]}")


def _given(call: "ast.Call", places: list[Parameter]) -> "list[ast.AST]":
    """Return the arguments at the given places that may contain texts."""
    import ast

    found: list[ast.AST] = []
    for place in places:
        name, _, key = (str(place), "", "") if isinstance(place, int) else place.partition(".")
        arguments = (
            call.args[place : place + 1]
            if isinstance(place, int)
            else [one.value for one in call.keywords if one.arg == name]
        )
        if key:
            arguments = [
                value
                for one in arguments
                if isinstance(one, ast.Dict)
                for each, value in zip(one.keys, one.values, strict=True)
                if isinstance(each, ast.Constant) and each.value == key
            ]
        texts = ast.Constant | ast.Name | ast.JoinedStr
        found += [node for node in arguments if any(isinstance(one, texts) for one in ast.walk(node))]
    return found
