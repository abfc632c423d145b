"""pre-commit: the images of hooks that are run in a container, in a configuration or in a repository of hooks.

Follows pre-commit.com, "Supported languages" (docker_image: the entry is an image, with options of ``docker run``
before it), read in November 2026.
"""

import re
from collections.abc import Iterator

from echo_migrate.dockerfile.container import Container
from echo_migrate.files.source import Source, Traced
from echo_migrate.files.yaml import YamlNode, effective, is_text, sequence, traced
from echo_migrate.formats import NO_REQUEST, Request
from echo_migrate.formats._commands import called
from echo_migrate.formats._yaml import YAML, Node, YamlFile, nodes, verify
from echo_migrate.model import Image
from echo_migrate.model.reasons import because

__all__ = ["NAME", "candidate", "parse", "recognise", "verify"]

NAME = re.compile(r"(?i)\.pre-commit-(?:config|hooks)\.ya?ml")
_LANGUAGE = "docker_image"
_WORD = re.compile(r"\"[^\"\s]*\"|'[^'\s]*'|[^\s\"']+")
_QUOTES = "'\""


def candidate(path: str) -> bool:
    return bool(YAML.fullmatch(path))


def recognise(path: str, text: str) -> bool:
    """Return whether a file has hooks, by its name, and one that may be an image."""
    return bool(NAME.fullmatch(path.replace("\\", "/").rpartition("/")[2])) and _LANGUAGE in text


def parse(source: Source, request: Request = NO_REQUEST) -> list[Node]:
    """Return the images of hooks and their containers, ignore comments and problems; never raises."""
    sheet = YamlFile(source)
    return nodes(sheet, (one for root in sheet.roots for one in _images(sheet, root)), request)


def _images(sheet: YamlFile, root: YamlNode | None) -> Iterator[Image | Container]:
    repositories = [effective(one).get("hooks") for one in sequence(effective(root).get("repos"))]
    hooks = [hook for listed in (root, *repositories) for hook in sequence(listed)]
    for keys in map(effective, hooks):
        language, entry, name = (keys.get(key) for key in ("language", "entry", "id"))
        if is_text(language) and language.value == _LANGUAGE and is_text(entry):
            words = _words(traced(entry, sheet.text))
            words += [traced(one, sheet.text) for one in sequence(keys.get("args")) if is_text(one)]
            if words and all(word.spans for word in words):
                for image, container in called(sheet.text, ("docker", "run", "-v=/src:/src"), words):
                    hook = name.value if is_text(name) else "hook"
                    exported = (because("exported", name=hook),) if sequence(root) else ()
                    image = image._replace(where=f"{hook}.entry", unsafe_reasons=exported)
                    yield image
                    if container:
                        yield container._replace(image=image)


def _words(entry: Traced) -> list[Traced]:
    """Return the words of an entry, without quotes around them."""
    found = []
    for word in _WORD.finditer(entry.value):
        quoted = word[0][0] in _QUOTES
        found.append(entry.cut(word.start() + quoted, word.end() - quoted))
    return found
