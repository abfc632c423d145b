"""What GoReleaser builds: the names of its images, and the platforms that it builds Dockerfiles for.

Keys: goreleaser.com, "Docker Images" (``dockers``: ``dockerfile``, ``image_templates``, ``build_flag_templates``),
"Docker Images (v2)" (``dockers_v2``: ``images``, ``platforms``), "Docker Manifests" (``name_template``) and "ko"
(``repositories``). Read in November 2026.
"""

import os
from collections.abc import Iterator

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Source
from echo_migrate.files.tree import dockerfile_at, top
from echo_migrate.files.yaml import effective, is_text, sequence
from echo_migrate.formats._yaml import YamlFile

_PROJECT = lazy_regex(r"\{\{-?[ \t]*\.ProjectName[ \t]*-?\}\}")

_KEYS = (
    ("dockers", "image_templates", ""),
    ("dockers_v2", "images", ":$"),
    ("docker_manifests", "name_template", ""),
    ("docker_manifests", "image_templates", ""),
    ("kos", "repositories", ":$"),
    ("kos", "repository", ":$"),
)
"""The keys that name results, in the items of which list, and what is behind such a name."""


def results(source: Source) -> Iterator[str]:
    """Yield the names that a configuration gives to images, with its variables."""
    for root in map(effective, YamlFile(source).roots):
        project = root.get("project_name")
        for name, key, end in _KEYS:
            for item in map(effective, sequence(root.get(name))):
                nodes = (item.get(key), *sequence(item.get(key)))
                for value in (one.value for one in nodes if is_text(one)):
                    known = project.value.replace("\\", "") if is_text(project) else ""
                    yield (_PROJECT.sub(known, value) if known else value) + end


def platforms(source: Source) -> Iterator[tuple[str | None, int, int]]:
    """Yield where the platforms of builds are, each with its Dockerfile, None if that is not in the tree."""
    places = (source.path, os.path.join(top(source.path), "_"))
    for root in map(effective, YamlFile(source).roots):
        for node in (*sequence(root.get("dockers")), *sequence(root.get("dockers_v2"))):
            file = effective(node).get("dockerfile")
            name = file.value if is_text(file) else "Dockerfile"
            found = next(filter(None, (dockerfile_at(place, ".", name) for place in places)), None)
            yield found, node.start_mark.index, node.end_mark.index
