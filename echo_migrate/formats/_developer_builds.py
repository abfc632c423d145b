"""The names of what Okteto and Garden build for developers, read from their manifests.

Follows okteto.com/docs, "Okteto Manifest" (``build.NAME.image``), and docs.garden.io, "container" as module, with the
name of what it builds if there is a Dockerfile, else of what it pulls, and as Build. Read in November 2026.
"""

from collections.abc import Iterator

from echo_migrate.files.source import Source
from echo_migrate.files.tree import dockerfile_at
from echo_migrate.files.yaml import YamlNode, effective, is_text, items
from echo_migrate.formats._build_places import is_of_garden
from echo_migrate.formats._yaml import YamlFile


def results(source: Source) -> Iterator[str]:
    """Yield the names that a manifest gives to what it builds; a name of Garden's is one without a tag."""
    garden = is_of_garden(source.path)
    for root in YamlFile(source).roots:
        keys = effective(root)
        if not garden:
            yield from filter(None, (_text(effective(one), "image") for _, one in items(keys.get("build"))))
        elif _text(keys, "type") == "container" and _text(keys, "kind") in ("", "Build", "Module"):
            yield from _of_garden(source.path, keys)


def _of_garden(path: str, keys: dict[str, YamlNode]) -> Iterator[str]:
    """Yield the names of what a module or build makes. A module without a Dockerfile pulls its image."""
    given = effective(keys.get("spec"))
    file = _text(given, "dockerfile") or _text(keys, "dockerfile")
    of_module = _text(keys, "kind") != "Build"
    if of_module and not file and dockerfile_at(path, ".", "Dockerfile") is None:
        return
    image = _text(keys, "image") if of_module else _text(given, "localId")
    yield from filter(None, (image or _text(keys, "name"), _text(given, "publishId")))


def _text(keys: dict[str, YamlNode], name: str) -> str:
    node = keys.get(name)
    return node.value if is_text(node) else ""
