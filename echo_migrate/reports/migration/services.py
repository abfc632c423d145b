"""Which service a reference belongs to: the name that Compose, Kubernetes, Helm or Nomad give it, else its folder."""

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
        for one in result.outcomes:
            key = (result.source.path, one.image.start)
            name = _named(result, one.image)
            if name:
                named[key] = name
            else:
                folders[key] = _folder(below[result.source.path])
    known = set(named.values())
    for key, folder in folders.items():
        named[key] = next((part for part in reversed(folder.split("/")) if part in known), folder)
    return named


def _named(result: Result, image: Image) -> str:
    if result.kind == "compose":
        found = _COMPOSE.match(image.where)
        return found[1] if found else ""
    return _resource(result.source.text, image.start) if result.kind == "kubernetes" else ""


def _resource(text: str, offset: int) -> str:
    """Return the name of the resource that a document of YAML has around an offset, "" if it has none."""
    start = max((found.start() for found in _DOCUMENT.finditer(text, 0, offset)), default=0)
    following = _DOCUMENT.search(text, offset)
    end = following.start() if following else len(text)
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
