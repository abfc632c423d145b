"""The YAML files of which the pipeline of a CI system is made, as they are read beside one of them."""

import contextlib
from typing import NamedTuple

from echo_migrate.files.budget import beside
from echo_migrate.files.source import Source, TooMuch, Unreadable, contents
from echo_migrate.files.workspace import of_a_run
from echo_migrate.files.yaml import NotYaml, YamlNode, documents, effective
from echo_migrate.model.reasons import because

MOST_FILES = 50
"""The number of files of a pipeline that are read, and of the pipelines of a tree."""

_LARGEST = 500_000
"""How many bytes a file may have that is read beside another."""

MOST_READ = 5_000_000
"""The number of characters of a pipeline that are read."""

UNREAD = because("pipeline-unread")
"""Why no image of a pipeline moves safely of which not all is read."""


class Part(NamedTuple):
    """A file of a pipeline: its real path, its text, its documents, and the mappings that these are."""

    path: str
    text: str
    roots: tuple[YamlNode | None, ...]
    tops: tuple[dict[str, YamlNode], ...]


@of_a_run(256)
def part_at(path: str) -> Part | None:
    """Return the file at a real path; None if it cannot be read."""
    with contextlib.suppress(Unreadable, NotYaml, TooMuch), beside():
        source = Source.of(path, contents(path, _LARGEST))
        roots = tuple(documents(source.text))
        return Part(path, source.text, roots, tuple(top for top in map(effective, roots) if top))
    return None
