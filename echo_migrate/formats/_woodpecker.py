"""The matrix of a Woodpecker pipeline, and of Drone before 1.0, whose values are filled in before the file is read, and
which steps run on the host.

Follows woodpecker-ci.org/docs, "Matrix workflows" (interpolation, include), "Workflow syntax" (labels) and "Local
backend" (image), read in November 2026.
"""

import re

from echo_migrate.files.yaml import MappingNode, YamlNode, effective, is_scalar, positions, sequence
from echo_migrate.formats._parameters import Scope, Value, mentions, nothing
from echo_migrate.model.reasons import because

_WORD = re.compile(r"[A-Za-z_]\w*")


def pulls(root: YamlNode | None, image: str) -> bool:
    """Return whether what a step of a document names is pulled: the local backend runs it, as the shell of the step."""
    backend = effective(effective(root).get("labels")).get("backend")
    return not image.startswith("/") and not (is_scalar(backend) and backend.value == "local")


class Woodpecker:
    """The matrix of a document. ``images`` are the IDs of the scalars that are images."""

    def __init__(self, root: YamlNode | None, images: frozenset[int]) -> None:
        matrix = effective(root).get("matrix")
        own = images | {id(key) for key, _ in positions(matrix)}
        entries = sequence(effective(matrix).get("include")) or ([matrix] if matrix else [])
        self.entries = [{name: [node, *sequence(node)] for name, node in effective(one).items()} for one in entries]
        self.elsewhere: set[str] = set()
        for name, found in mentions(root, _WORD.findall).items() if self.entries else ():
            if any(id(node) not in own for node in found):
                self.elsewhere.add(name)
        self.found = [self._scope(entry) for entry in self.entries] or [nothing]

    def scopes(self, above: tuple[MappingNode, ...]) -> list[Scope]:
        """Return the scopes of a scalar: one for each entry that the matrix includes."""
        return self.found

    def _scope(self, entry: dict[str, list[YamlNode]]) -> Scope:
        known: dict[str, list[Value]] = {}
        for name, nodes in entry.items():
            shared = because("matrix-elsewhere") if name in self.elsewhere else None
            known[f"${{{name}}}"] = [Value(node, nothing, None, shared, name) for node in nodes if is_scalar(node)]
        return lambda written: known.get(written, [])
