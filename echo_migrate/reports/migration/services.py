"""Which service a reference belongs to: the name that Compose, Kubernetes, Helm or Nomad give it, else its folder."""

from bisect import bisect_right
from collections.abc import Iterable

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.model import Image, Result

_COMPOSE = lazy_regex(r"services\.([^.]+)\.")
_DOCUMENT = lazy_regex(r"(?m)^---")
_METADATA = lazy_regex(r"(?m)^metadata:[ \t]*(?:#[^\n]*)?$")
_NAME = lazy_regex(r"[ ]+name:[ \t]+[\"']?([\w.-]{1,100})[\"']?[ \t]*(?:#[^\n]*)?")
_HEAD = 4000
"""Characters of ``metadata`` in which its name is looked for."""

_OF_CHARTS = frozenset(("templates", "charts"))
TOP = "(top folder)"


def services(results: Iterable[Result], below: dict[str, str]) -> dict[tuple[str, int], str]:
    """Return the service of each reference, by path and start. ``below`` has the path of each file from the top of its
    tree.

    A folder whose name is also that of a service is that service: what builds its image belongs to it.
    """
    named: dict[tuple[str, int], str] = {}
    folders: dict[tuple[str, int], str] = {}
    for result in results:
        resources = Resources(result.source.text) if result.kind == "kubernetes" else None
        for one in result.outcomes:
            key = (result.source.path, one.image.start)
            name = resources.around(one.image.start) if resources else _composed(result, one.image)
            if name:
                named[key] = name
            else:
                folders[key] = _folder(below[result.source.path])
    known = set(named.values())
    for key, folder in folders.items():
        named[key] = next((part for part in reversed(folder.split("/")) if part in known), folder)
    return named


class Resources:
    """The names of the resources of a YAML text, by document, each looked for once."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.starts = [0, *(found.start() for found in _DOCUMENT.finditer(text))]
        self.names: dict[int, str] = {}

    def around(self, offset: int) -> str:
        """Return the name of the resource that is around an offset, "" if it has none."""
        number = bisect_right(self.starts, offset) - 1
        if number not in self.names:
            end = self.starts[number + 1] if number + 1 < len(self.starts) else len(self.text)
            self.names[number] = _name(self.text, self.starts[number], end)
        return self.names[number]


def _composed(result: Result, image: Image) -> str:
    """Return the service of a compose file that an image is of, "" if it is of none."""
    found = _COMPOSE.match(image.where) if result.kind == "compose" else None
    return found[1] if found else ""


def _name(text: str, start: int, end: int) -> str:
    """Return the name that the metadata of a document has, "" if there is none."""
    head = _METADATA.search(text, start, end)
    if not head:
        return ""
    depth = 0
    for line in text[head.end() + 1 : min(end, head.end() + _HEAD)].splitlines():
        indent = len(line) - len(line.lstrip(" "))
        if not indent and line.strip():
            break
        depth = depth or indent
        found = _NAME.fullmatch(line) if indent == depth else None
        if found:
            return found[1]
    return ""


def _folder(path: str) -> str:
    """Return the folder of a file, that of the chart for what a chart has."""
    parts = path.split("/")[:-1]
    parts = parts[: next((i for i, part in enumerate(parts) if part in _OF_CHARTS), len(parts))]
    return "/".join(parts) or TOP
