"""Kustomizations: the replacements for images. The name of the replaced image is a match key, and is not edited.

Key path: kubectl.docs.kubernetes.io, kustomization, ``images`` (newName, newTag, digest).
"""

from collections.abc import Iterator

from echo_migrate.files.source import Source
from echo_migrate.files.yaml import YamlNode, effective, is_text, sequence
from echo_migrate.formats import NO_REQUEST, Request
from echo_migrate.formats._kustomizations import FILE as NAME
from echo_migrate.formats._kustomizations import rewritten
from echo_migrate.formats._yaml import Node, YamlFile, nodes, verify
from echo_migrate.model import Image
from echo_migrate.reasons import because

__all__ = ["NAME", "candidate", "parse", "recognise", "verify"]

_UNSEEN = ("/",)
"""The mounts assumed for a replaced image: any path, because the volumes of the manifests are not read."""


def candidate(path: str) -> bool:
    return bool(NAME.fullmatch(path.rpartition("/")[2]))


def recognise(path: str, text: str) -> bool:
    """Return whether a file is a kustomization, by the name that Kustomize requires, and has images."""
    return candidate(path) and "images" in text


def parse(source: Source, request: Request = NO_REQUEST) -> list[Node]:
    """Return the images of a kustomization, ignore comments and problems; never raises."""
    sheet = YamlFile(source)
    return nodes(sheet, (image for root in sheet.roots for image in _images(sheet, root)), request)


def _images(sheet: YamlFile, root: YamlNode | None) -> Iterator[Image]:
    for entry in sequence(effective(root).get("images")):
        keys = effective(entry)
        name, new, tag = keys.get("name"), keys.get("newName"), keys.get("newTag")
        if not is_text(name):
            continue
        where = f"images.{name.value}"
        not_editable = because("digest-key") if is_text(keys.get("digest")) else None
        again = rewritten(sheet.path, new.value) if is_text(new) else None
        if again:
            not_editable = because("matched-again", path=dict(again.values)["path"])
        if is_text(new):
            unsafe_reasons = () if is_text(tag) else (because("tag-in-manifests"),)
            yield from sheet.parted(
                new,
                None,
                tag,
                f"{where}.newName",
                not_editable=not_editable,
                unsafe_reasons=unsafe_reasons,
                mounts=_UNSEEN,
            )
        else:
            not_editable = not_editable or because("match-key")
            yield from sheet.parted(name, None, tag, f"{where}.name", not_editable=not_editable)
