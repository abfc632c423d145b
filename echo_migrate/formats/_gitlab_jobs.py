"""What the jobs of a GitLab pipeline use, and the variables that they use it with.

Follows docs.gitlab.com, "CI/CD YAML syntax reference" (default, extends, inherit, parallel:matrix, !reference) and
"CI/CD variable precedence": a job's own variables win over those of the pipeline. Only what the file itself has is
followed.
"""

from collections.abc import Iterator
from itertools import product

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.yaml import ScalarNode, YamlNode, effective, is_mapping, is_scalar, items, sequence
from echo_migrate.images.reference import LONGEST

Keys = dict[str, YamlNode]
Values = dict[str, ScalarNode | None]
"""The values of variables; None for one that is set, but not to a text of this file."""

GLOBAL = frozenset(
    ("after_script", "before_script", "cache", "default", "image", "include", "services", "spec", "stages")
    + ("variables", "workflow")
)
SCRIPTS = ("before_script", "script", "after_script")
VARIABLE = lazy_regex(r"\$\{(\w+)\}|\$(\w+)")
_MOST_PARENTS = 30
_DEEPEST = 10
"""The nesting that GitLab follows in ``!reference``; in ``extends``, it is 11."""

_MOST_VALUES = 50
_MOST_LINES = 2_000


class Jobs:
    """The jobs of a pipeline. ``uses`` has the values of the variables with which jobs use an image or a service, by
    the ID of its node: an entry for each job, and for each choice of a matrix. ``scripts`` has what each job runs in an
    image, likewise."""

    def __init__(self, top: Keys) -> None:
        self.top = top
        self.above = self.variables([top])
        self.uses: dict[int, list[Values]] = {}
        self.scripts: dict[int, list[list[YamlNode | None]]] = {}
        for name in top:
            if name not in GLOBAL and not name.startswith("."):
                self._note(chain_of(top, name))

    def used(self, node: YamlNode | None, keys: Keys) -> list[Values]:
        """Return the values with which jobs use a node; those of the mapping that holds it if no job does."""
        return self.uses.get(id(node)) or [self.above | self.variables([keys])]

    def _note(self, chain: list[Keys]) -> None:
        """Note what a job uses, given its own keys and those of all that it extends, the nearest first; one
        that only triggers another pipeline uses nothing."""
        if any("trigger" in keys for keys in chain):
            return
        values = self._values(chain)
        default = effective(self.top.get("default"))
        for key in ("image", "services"):
            inherited = _inherited(chain, "default")
            above = [default, self.top] if inherited is None or key in inherited else []
            node = next((self.referred(keys[key]) for keys in (*chain, *above) if key in keys), None)
            for one in [node] if key == "image" and node else self._services(node):
                self.uses.setdefault(id(one), []).extend(values)
            if key == "image" and node:
                run = [next((keys[part] for keys in (*chain, *above) if part in keys), None) for part in SCRIPTS]
                self.scripts.setdefault(id(node), []).append([line for one in run for line in self._lines(one)])

    def _lines(self, script: YamlNode | None) -> list[YamlNode | None]:
        """Return the lines of a script: those of lists in it, and of what ``!reference`` stands for in this file."""
        found: list[YamlNode | None] = []
        waiting = [(script, 0)]
        for _ in range(_MOST_LINES):
            if not waiting:
                break
            node, depth = waiting.pop()
            node = self.referred(node)
            if is_scalar(node):
                found.append(node)
            elif depth < _DEEPEST:
                waiting += [(one, depth + 1) for one in reversed([*sequence(node)])]
        return found

    def _services(self, node: YamlNode | None) -> Iterator[YamlNode]:
        for one in sequence(node):
            found = self.referred(one)
            yield from sequence(found) or ([found] if found else [])

    def _values(self, chain: list[Keys]) -> list[Values]:
        """Return the variables of a job, once for each choice of its matrix."""
        inherited, above = _inherited(chain, "variables"), self.above
        if inherited is not None:
            above = {name: above[name] for name in sorted(inherited & above.keys())}
        values = above | self.variables(chain)
        matrix = next((effective(keys["parallel"]).get("matrix") for keys in chain if "parallel" in keys), None)
        found: list[Values] = []
        for entry in sequence(self.referred(matrix)):
            listed = {name: [one for one in (node, *sequence(node)) if is_scalar(one)] for name, node in items(entry)}
            for choice in product(*listed.values()):
                found.append(values | dict(zip(listed, choice, strict=True)))
                if len(found) > _MOST_VALUES:
                    return [values | dict.fromkeys(listed)]
        return found or [values]

    def variables(self, chain: list[Keys]) -> Values:
        """Return the variables that mappings set, the nearest first; a value can be under the key ``value``."""
        found: Values = {}
        for keys in chain:
            for name, node in effective(self.referred(keys.get("variables"))).items():
                value = self.referred(effective(node).get("value") if is_mapping(node) else node)
                found.setdefault(name, value if is_scalar(value) else None)
        return found

    def referred(self, node: YamlNode | None) -> YamlNode | None:
        """Return the node that ``!reference`` stands for, or the node itself; None if it is in another file."""
        for _ in range(_DEEPEST):
            if node is None or not node.tag.startswith("!reference"):
                return node
            path, node = sequence(node), None
            keys = self.top
            for step in path:
                node = keys.get(step.value) if is_scalar(step) else None
                keys = effective(node)
        return None


def chain_of(top: Keys, name: str) -> list[Keys]:
    """Return the keys of a job and of those that it extends, in the order in which they win."""
    chain: list[Keys] = []
    waiting, seen = [name], set[str]()
    while waiting and len(chain) < _MOST_PARENTS:
        name = waiting.pop()
        keys = effective(top.get(name))
        if name not in seen:
            seen.add(name)
            chain.append(keys)
            extended = keys.get("extends")
            waiting += [one.value for one in (extended, *sequence(extended)) if is_scalar(one)]
    return chain


def filled(value: str, values: Values) -> str:
    """Return a text with the variables that have values replaced, and those in their values."""
    for _ in range(_DEEPEST):
        before = value
        for match in reversed(list(VARIABLE.finditer(before))):
            given = values.get(match[1] or match[2])
            value = value[: match.start()] + given.value + value[match.end() :] if given else value
        if value == before or len(value) > LONGEST:
            break
    return value


def _inherited(chain: list[Keys], what: str) -> frozenset[str] | None:
    """Return the names that a job takes of what stands above all jobs; None for all, which it does without
    ``inherit``."""
    node = next((effective(keys["inherit"]).get(what) for keys in chain if "inherit" in keys), None)
    if node is None or (is_scalar(node) and node.value.lower() != "false"):
        return None
    return frozenset(one.value for one in sequence(node) if is_scalar(one))
