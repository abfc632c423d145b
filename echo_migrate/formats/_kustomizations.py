"""Kustomizations of a tree, which give the images of manifests other names and tags."""

import contextlib
import os
import re

from echo_migrate.files.budget import beside
from echo_migrate.files.source import Source, TooMuch, Unreadable
from echo_migrate.files.tree import entered, top
from echo_migrate.files.workspace import of_a_run
from echo_migrate.files.yaml import NotYaml, documents, effective, is_text, sequence
from echo_migrate.images.reference import parse

FILE = re.compile(r"(?i)kustomization(?:\.ya?ml)?")


def renaming(path: str, image: str) -> str:
    """Return the kustomization, as a path from the file's tree, that names an image of a file there, or may; "" if
    none does.

    Kustomize compares what stands before the tag or the digest (kustomize, api/internal/image, IsImageMatched).
    """
    try:
        renamed = _renamed(top(path))
        return renamed.get(parse(image).name) or renamed.get(_ANY, "")
    except ValueError:
        return ""


@of_a_run(64)
def _renamed(root: str) -> dict[str, str]:
    """By the name of an image: a kustomization below a folder that says what becomes of it."""
    found: dict[str, str] = {}
    for folder, names in entered(root):
        for name in names:
            if FILE.fullmatch(name):
                path = os.path.join(folder, name)
                for image in _images(path) if not os.path.islink(path) else ():
                    found.setdefault(image, os.path.relpath(path, root))
    return found


_ANY = "*"
"""In place of a name that an image can have: of a kustomization that takes too long to be read."""


@of_a_run(4096)
def _images(path: str) -> list[str]:
    names: list[str] = []
    try:
        with contextlib.suppress(NotYaml), beside():
            text = Source.read(path).text
            for root in documents(text) if "images" in text else ():
                listed = [effective(one).get("name") for one in sequence(effective(root).get("images"))]
                names += [node.value for node in listed if is_text(node)]
    except TooMuch:
        return [_ANY]
    except Unreadable:
        return []
    return names
