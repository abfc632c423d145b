"""Helm values: an image as a text, or its registry, repository and tag in keys of their own.

Shapes: helm.sh, "Best Practices: Values"; the values of bitnami/charts and prometheus-community/helm-charts.
"""

import os
import re
from collections.abc import Iterator
from typing import Any

from echo_migrate.formats import NOTHING_ASKED, Asked
from echo_migrate.lazy import lazy
from echo_migrate.model import Image
from echo_migrate.reference import parse as reference
from echo_migrate.source import Source
from echo_migrate.yamlimages import NO_NAME as NAME
from echo_migrate.yamlimages import YAML, Node, Place, Sheet, literals, nodes, verify, walk
from echo_migrate.yamltext import effective, is_scalar, is_text

__all__ = ["NAME", "candidate", "parse", "recognise", "verify"]

_VALUES = re.compile(r"(?i)(?:.*[._-])?values(?:[._-].*)?\.ya?ml")
_IMAGE = lazy(r"(?m)^[ \t-]*[\"']?(?:\w*[iI]mage\w*|repository)[\"']?[ \t]*:|[{,][ \t]*(?:image|repository)[ \t]*:")
_TAGS = ("tag", "imageTag")
_BESIDE = frozenset((*_TAGS, "registry", "digest", "pullPolicy", "imagePullPolicy", "pullSecrets"))
_UNSEEN = ("/",)
"""Which volumes its templates mount is not read."""
_DIGEST = "its digest stands in a key of its own, and names the old bytes"
_NO_CHART = "whether its chart puts a registry of its own in front is not known"


def candidate(path: str) -> bool:
    return bool(YAML.fullmatch(path))


def recognise(path: str, text: str) -> bool:
    """By its name, or as the values of the chart it lies beside; never a manifest."""
    name = path.rpartition("/")[2]
    if not candidate(path) or not _IMAGE.search(text):
        return False
    return bool(_VALUES.fullmatch(name)) or (name != "Chart.yaml" and "/ci/" in path and _chart(os.path.dirname(path)))


def parse(source: Source, asked: Asked = NOTHING_ASKED) -> list[Node]:
    """The images of a file of values, ignore comments and problems; never raises."""
    sheet = Sheet(source)
    if sheet.templated:
        return nodes(sheet, literals(source.text), asked)
    own = _chart(source.path)
    return nodes(sheet, (image for root in sheet.roots for image in _images(sheet, root, own)), asked)


def _chart(path: str) -> bool:
    """Whether a file lies beside a chart, whose templates are then written for its values."""
    return os.path.isfile(os.path.join(os.path.dirname(path), "Chart.yaml"))


def _images(sheet: Sheet, root: Any, own: bool) -> Iterator[Image]:
    above = _above(root)
    for place in walk(root):
        keys = place.keys
        tag = next((keys[key] for key in _TAGS if key in keys), None)
        locked = _DIGEST if is_text(keys.get("digest")) else above
        registry = keys.get("registry")
        name = _name(place)
        if name:
            doubts = () if own or registry is not None or _hosted(keys[name]) else (_NO_CHART,)
            yield from sheet.parted(
                keys[name], registry, tag, place.where(name), name, locked=locked, doubts=doubts, mounts=_UNSEEN
            )
        for key, node in keys.items():
            if key != name and _names_image(key, node):
                doubts = () if own or key == "image" or _hosted(node) else (_NO_CHART,)
                yield from sheet.image(node, place.where(key), key, locked=above, doubts=doubts, mounts=_UNSEEN)


def _above(root: Any) -> str:
    """Why no image of a document is edited: a registry for all of them stands at its top."""
    top = effective(root)
    for holder in (top, effective(top.get("global"))):
        for node in (holder.get("imageRegistry"), effective(holder.get("image")).get("registry")):
            if holder is not top and is_text(node):
                return "global values put a registry in front of it"
    return "global values put a registry in front of it" if is_text(top.get("imageRegistry")) else ""


def _name(place: Place) -> str:
    """The key of a mapping that holds the name of an image whose other pieces have keys of their own; "" if none."""
    keys = place.keys
    within = bool(place.path) and "image" in place.path[-1].lower()
    if is_text(keys.get("repository")) and _plain(keys["repository"]) and (within or not _BESIDE.isdisjoint(keys)):
        return "repository"
    for key in ("image", "name"):
        if is_text(keys.get(key)) and any(one in keys for one in _TAGS) and (key == "image" or within):
            return key if _plain(keys[key]) and ":" not in keys[key].value.rpartition("/")[2] else ""
    return ""


def _names_image(key: str, node: Any) -> bool:
    """Whether a key says that its text is an image: ``image``, or one such as ``initImage`` with a whole reference."""
    if not is_scalar(node) or not node.value or "{{" in node.value:
        return False
    if key == "image":
        return _plain(node)
    written = re.split(r"[:/@]", node.value)
    return key.endswith("Image") and len(written) > 1 and _plain(node)


def _plain(node: Any) -> bool:
    try:
        reference(node.value)
    except ValueError:
        return False
    return "://" not in node.value and not node.value.endswith(".git")


def _hosted(node: Any) -> bool:
    """Whether a name begins with its registry."""
    try:
        return bool(reference(node.value).registry)
    except ValueError:
        return False
