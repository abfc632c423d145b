"""What the rest of a chart does with the images of its values: its dependencies, its templates, its other values."""

import contextlib
import os
import re
from functools import lru_cache

from echo_migrate.lazy import lazy
from echo_migrate.services import sequence
from echo_migrate.source import Source, TooMuch, Unreadable
from echo_migrate.yamlimages import walk
from echo_migrate.yamltext import NotYaml, documents, effective, is_text

VALUES = re.compile(r"(?i)(?:.*[._-])?values(?:[._-].*)?\.ya?ml")
_MOST_FILES = 200
_IMAGE = lazy(r"(?m)^[ \t]*(?:-[ \t]+)?image:[ \t]*([^\n]*)")
_FILLED = lazy(r"\{\{.*?\}\}")
_PIECES = ("registry", "repository", "tag", "image", "name", "digest")


class Chart:
    """A chart by its folder. ``dependencies`` are the keys of values that go to other charts; ``adds`` says that a
    template writes more than values into an image's name."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.dependencies = {
            name for file in ("Chart.yaml", "requirements.yaml") for name in _dependencies(os.path.join(folder, file))
        }
        self.adds = any(map(_adds, _files(os.path.join(folder, "templates"))))

    def others(self, path: str) -> set[tuple[str, ...]]:
        """Where other values beside a file, which may be laid over it, say a piece of an image's name."""
        beside = [*_names(self.folder), *_names(os.path.join(self.folder, "ci"))]
        return {place for one in beside if os.path.realpath(one) != os.path.realpath(path) for place in _said(one)}


def chart(path: str) -> Chart | None:
    """The chart that a file of values lies beside, if it does."""
    return _chart(os.path.dirname(path))


@lru_cache(maxsize=256)
def _chart(folder: str) -> Chart | None:
    return Chart(folder) if os.path.isfile(os.path.join(folder, "Chart.yaml")) else None


def _names(folder: str) -> list[str]:
    return [path for path in _files(folder) if VALUES.fullmatch(os.path.basename(path))]


def _files(folder: str) -> list[str]:
    """The files in a folder of a chart; none where that is a link, which may lead out of the tree."""
    if os.path.islink(folder):
        return []
    with contextlib.suppress(OSError):
        names = [entry.path for entry in os.scandir(folder) if entry.is_file(follow_symlinks=False)]
        return sorted(names)[:_MOST_FILES]
    return []


def _text(path: str) -> str:
    """A file's text; "" for a link, which may lead out of the tree, and what is not read."""
    try:
        return "" if os.path.islink(path) else Source.read(path).text
    except Unreadable:
        return ""


def _dependencies(path: str) -> list[str]:
    """The names and the aliases of a chart's dependencies."""
    names = []
    with contextlib.suppress(NotYaml, TooMuch):
        for root in documents(_text(path)):
            for one in sequence(effective(root).get("dependencies")):
                keys = effective(one)
                names += [keys[key].value for key in ("name", "alias") if is_text(keys.get(key))]
    return names


def _adds(path: str) -> bool:
    """Whether a template writes letters of its own beside what it fills into an image's name."""
    written = [match[1] for match in _IMAGE.finditer(_text(path)) if "{{" in match[1]]
    return any(re.search(r"\w", _FILLED.sub("", value).partition(" #")[0]) for value in written)


@lru_cache(maxsize=256)
def _said(path: str) -> set[tuple[str, ...]]:
    with contextlib.suppress(NotYaml, TooMuch):
        return {
            place.path
            for root in documents(_text(path))
            for place in walk(root)
            if any(is_text(place.keys.get(key)) for key in _PIECES)
        }
    return set()
