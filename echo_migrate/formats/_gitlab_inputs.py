"""The inputs of a GitLab configuration that others include, and the variables that a matrix lists.

Follows docs.gitlab.com, "CI/CD inputs" (spec:inputs, default, options, expand_vars) and "CI/CD YAML syntax reference"
(parallel:matrix), read in November 2026.
"""

import re
from collections.abc import Iterable

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.yaml import YamlNode, effective, is_scalar, positions, sequence
from echo_migrate.formats._gitlab_jobs import VARIABLE, Values
from echo_migrate.formats._parameters import Scope, Value, mentions, nothing
from echo_migrate.model.reasons import because

INPUT = lazy_regex(r"\$\[\[\s*inputs\.([\w-]+)\s*(?:\|\s*expand_vars\s*)?\]\]")
_NAMED = re.compile(r"\binputs\.[\w-]+|[A-Za-z_]\w*")
_DEFAULT = because("default")


class Inputs:
    """The inputs of a file, and what its matrices list. ``images`` are the IDs of the scalars that are images."""

    def __init__(self, roots: list[YamlNode | None], images: frozenset[int]) -> None:
        self.specs = effective(effective(effective(roots[0]).get("spec")).get("inputs")) if roots else {}
        matrices = [node for root in roots for key, node in positions(root) if is_scalar(key) and key.value == "matrix"]
        entries = [entry for matrix in matrices for entry in sequence(matrix)]
        self.listed = {id(one) for entry in entries for node in effective(entry).values() for one in _each(node)}
        own = images | {id(key) for entry in entries for key, _ in positions(entry)}
        self.elsewhere: set[str] = set()
        for root in roots if self.specs or self.listed else ():
            for name, found in mentions(root, _NAMED.findall).items():
                if any(id(node) not in own for node in found):
                    self.elsewhere.add(name)

    def scopes(self, node: YamlNode | None, used: Iterable[Values]) -> list[Scope]:
        """Return the scopes of an image, given the values of the variables that it is used with. Only beside an input
        are variables read that no matrix lists."""
        every = is_scalar(node) and bool(INPUT.search(node.value))
        return [self._scope(values, every) for values in used] or [nothing]

    def _scope(self, values: Values, every: bool) -> Scope:
        def scope(written: str) -> list[Value]:
            named = INPUT.fullmatch(written)
            if named:
                return self._default(named[1])
            variable = VARIABLE.fullmatch(written)
            name = (variable[1] or variable[2]) if variable else ""
            node = values.get(name)
            if not node or not (every or id(node) in self.listed or INPUT.search(node.value)):
                return []
            shared = because("matrix-elsewhere") if id(node) in self.listed and name in self.elsewhere else None
            return [Value(node, scope, because("variable-overridden", name=name), shared, name)]

        return scope

    def _default(self, name: str) -> list[Value]:
        """Return the default of an input."""
        node = effective(self.specs.get(name)).get("default")
        fixed = "options" in effective(self.specs.get(name)) or f"inputs.{name}" in self.elsewhere
        shared = because("variable-shared", name=f"inputs.{name}") if fixed else None
        return [Value(node, nothing, _DEFAULT, shared)] if is_scalar(node) else []


def _each(node: YamlNode) -> list[YamlNode]:
    return [node, *sequence(node)]
