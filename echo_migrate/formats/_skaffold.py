"""The images that a skaffold configuration gives its builds: by build arguments, or as the base of Jib, ko and
buildpacks.

Follows skaffold.dev, "skaffold.yaml" v4beta13 (build.artifacts, profiles), read in November 2026.
"""

import os
from collections.abc import Iterator

from echo_migrate.dockerfile.expansion import Expansion
from echo_migrate.files.tree import dockerfile_at
from echo_migrate.files.yaml import YamlNode, effective, is_text, items, sequence, traced
from echo_migrate.formats._build_arguments import of_a_build
from echo_migrate.formats._yaml import YamlFile
from echo_migrate.model import Image

_BUILDERS = ("docker", "kaniko")
_BASES = (("jib", "fromImage"), ("ko", "fromImage"), ("buildpacks", "builder"), ("buildpacks", "runImage"))


def images(sheet: YamlFile, root: YamlNode | None) -> Iterator[Image]:
    """Yield the images of all artifacts, of profiles too."""
    top = effective(root)
    for where, keys in (
        ("", top),
        *((f"profiles.{n}.", effective(one)) for n, one in enumerate(sequence(top.get("profiles")))),
    ):
        for index, artifact in enumerate(sequence(effective(keys.get("build")).get("artifacts"))):
            yield from _artifact(sheet, effective(artifact), f"{where}build.artifacts.{index}")


def _artifact(sheet: YamlFile, keys: dict[str, YamlNode], where: str) -> Iterator[Image]:
    for builder, key in _BASES:
        base = effective(keys.get(builder)).get(key)
        if is_text(base) and "://" not in base.value:  # Jib: an archive, or the cache of a daemon
            yield from sheet.image(base, f"{where}.{builder}.{key}")
    for builder in _BUILDERS:
        build = effective(keys.get(builder))
        context, file = (node.value if is_text(node) else "" for node in (keys.get("context"), build.get("dockerfile")))
        path = dockerfile_at(sheet.path, context or ".", os.path.normpath(file or "Dockerfile"))
        places = {name: traced(node, sheet.text) for name, node in items(build.get("buildArgs")) if is_text(node)}
        given = {
            name: Expansion(place)
            for name, place in places.items()
            if place.spans and "$" not in place.value and "{{" not in place.value
        }
        yield from of_a_build(path, given, f"{where}.{builder}.buildArgs")
