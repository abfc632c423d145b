"""The parts of a chart that affect the images of its values: dependencies, templates, other values files."""

import contextlib
import os
import re

from echo_migrate.files.budget import beside
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Source, TooMuch, Unreadable
from echo_migrate.files.workspace import of_a_run
from echo_migrate.files.yaml import NotYaml, documents, effective, is_text, sequence
from echo_migrate.formats._yaml import walk

VALUES = re.compile(r"(?i)(?:.*[._-])?values(?:[._-].*)?\.ya?ml")
_MOST_FILES = 200
_IMAGE = lazy_regex(r"(?m)^[ \t]*(?:-[ \t]+)?image:[ \t]*([^\n]*)")
_FILLED = lazy_regex(r"\{\{.*?\}\}")
_PIECES = ("registry", "repository", "tag", "image", "name", "digest")


class Chart:
    """A chart in a folder. ``dependencies`` are the keys of values passed to other charts; ``adds`` is true if a
    template adds literal text to the name of an image, or if part of the chart could not be read."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        named = [_dependencies(os.path.join(folder, file)) for file in ("Chart.yaml", "requirements.yaml")]
        self.dependencies = {name for names in named for name in names or ()}
        self.adds = None in named or any(map(_adds, _files(os.path.join(folder, "templates"))))

    def others(self, path: str) -> set[tuple[str, ...]] | None:
        """Return the key paths at which other values files, which may overlay this one, set a part of an image's name;
        None if any path is possible."""
        around = [*_names(self.folder), *_names(os.path.join(self.folder, "ci"))]
        said = [_said(one) for one in around if os.path.realpath(one) != os.path.realpath(path)]
        return None if None in said else {place for places in said for place in places or ()}


def chart(path: str) -> Chart | None:
    """Return the chart in the folder of a values file, or None."""
    return _chart(os.path.dirname(os.path.abspath(path)))


@of_a_run(256)
def _chart(folder: str) -> Chart | None:
    return Chart(folder) if os.path.isfile(os.path.join(folder, "Chart.yaml")) else None


def _names(folder: str) -> list[str]:
    return [path for path in _files(folder) if VALUES.fullmatch(os.path.basename(path))]


def _files(folder: str) -> list[str]:
    """Return the files in a folder of a chart; none if it is a link, which may lead out of the tree."""
    if os.path.islink(folder):
        return []
    with contextlib.suppress(OSError):
        names = [entry.path for entry in os.scandir(folder) if entry.is_file(follow_symlinks=False)]
        return sorted(names)[:_MOST_FILES]
    return []


def _text(path: str) -> str:
    """Return the text of a file; "" if it is unreadable or a link, which may lead out of the tree."""
    try:
        return "" if os.path.islink(path) else Source.read(path).text
    except Unreadable:
        return ""


@of_a_run(4096)
def _dependencies(path: str) -> list[str] | None:
    """Return the names and aliases of a chart's dependencies; None if they take too long to read."""
    names: list[str] = []
    try:
        with contextlib.suppress(NotYaml), beside():
            for root in documents(_text(path)):
                for one in sequence(effective(root).get("dependencies")):
                    keys = effective(one)
                    names += [node.value for node in map(keys.get, ("name", "alias")) if is_text(node)]
    except TooMuch:
        return None
    return names


@of_a_run(4096)
def _adds(path: str) -> bool:
    """Return whether a template adds, or may add, literal text to the values in an image's name."""
    try:
        with beside():
            written = [match[1] for match in _IMAGE.finditer(_text(path)) if "{{" in match[1]]
            return any(re.search(r"\w", _FILLED.sub("", value).partition(" #")[0]) for value in written)
    except TooMuch:
        return True


@of_a_run(4096)
def _said(path: str) -> set[tuple[str, ...]] | None:
    """Return the key paths of a values file that set a part of an image's name; None if it takes too long to read."""
    try:
        with contextlib.suppress(NotYaml), beside():
            return {
                place.path
                for root in documents(_text(path))
                for place in walk(root)
                if any(is_text(place.keys.get(key)) for key in _PIECES)
            }
    except TooMuch:
        return None
    return set()
