"""The attributes of the targets of a bake file, with those that they inherit, and the targets that a command builds.

Follows Docker's Bake file reference, ``target.inherits``, ``target.contexts`` and ``group``, read in November 2026.
"""

from echo_migrate.files.source import TooMuch
from echo_migrate.files.values import Value

_MERGED = frozenset(("args", "contexts"))

_OF_TARGET = "target:"

MOST_INHERITED = 50_000
"""The maximum number of attributes, arguments and contexts that all targets of a file inherit, in total."""

Attributes = dict[str, Value]
"""The values of a target, by name."""


def resolved(targets: dict[str, Attributes]) -> dict[str, Attributes]:
    """Return the attributes of targets, including inherited ones, which their own override.

    An inheritance cycle is an error in Docker; nothing is inherited through it here. Raises ``TooMuch``.
    """
    whole: dict[str, Attributes] = {}
    begun: set[str] = set()
    waiting = list(targets)
    left = MOST_INHERITED
    while waiting:
        name = waiting[-1]
        own = targets[name]
        parents = [one.text for one in listed(own, "inherits") if one.text in targets]
        if name in whole or name in begun:
            waiting.pop()
            if name not in whole:
                found: Attributes = {}
                for parent in parents:
                    found = laid_over(found, whole.get(parent, {}))
                    left -= len(found) + sum(len(found[key].value) for key in _MERGED & found.keys())
                    if left < 0:
                        raise TooMuch(f"its targets inherit more than {MOST_INHERITED:,} values")
                whole[name] = laid_over(found, own)
            continue
        begun.add(name)
        waiting += [parent for parent in parents if parent not in begun]
    return {name: whole[name] for name in targets}


def laid_over(below: Attributes, above: Attributes) -> Attributes:
    """Return attributes overlaid with others: maps of arguments and contexts are merged, all else is replaced."""
    found = below | above
    for key in _MERGED & below.keys() & above.keys():
        merged = dict(below[key].items) | dict(above[key].items)
        pairs = tuple((Value("other", name, 0, 0), value) for name, value in merged.items())
        found[key] = above[key]._replace(value=pairs) if above[key].kind == "map" else above[key]
    return found


def listed(attributes: Attributes, key: str) -> list[Value]:
    """Return the items of a list among attributes."""
    return attributes[key].each if key in attributes else []


def followed(names: list[str], groups: dict[str, Attributes], targets: dict[str, Attributes]) -> list[str] | None:
    """Return the targets that are built for the names of targets and groups, with those that are contexts of these;
    None if one of them is not in the file, or is made by a matrix."""
    found: dict[str, None] = {}
    waiting = list(names)
    for name in waiting:  # grows in the loop
        if name in found:
            continue
        found[name] = None
        if name in groups:
            waiting += [one.text for one in listed(groups[name], "targets")]
        elif name not in targets or "matrix" in targets[name]:
            return None
        elif "contexts" in targets[name]:
            used = [value.text for _, value in targets[name]["contexts"].items]
            waiting += [one.removeprefix(_OF_TARGET) for one in used if one.startswith(_OF_TARGET)]
    return [name for name in found if name not in groups]
