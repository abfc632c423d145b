"""Kustomizations: the replacements for images, and the patches that set one. The name of a replaced image is a match
key, and is not edited.

Keys: kubectl.docs.kubernetes.io, kustomization, ``images`` (newName, newTag, digest) and ``patches``; RFC 6902.
"""

import contextlib
from collections.abc import Iterator

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Source, Traced
from echo_migrate.files.yaml import (
    NotYaml,
    ScalarNode,
    YamlNode,
    documents,
    effective,
    is_mapping,
    is_scalar,
    is_text,
    sequence,
    traced,
)
from echo_migrate.formats import NO_REQUEST, Request
from echo_migrate.formats._kustomizations import FILE as NAME
from echo_migrate.formats._kustomizations import rewritten
from echo_migrate.formats._yaml import YAML, Node, YamlFile, nodes, verify, walk
from echo_migrate.images.reference import parsed, untagged
from echo_migrate.model import Image
from echo_migrate.model.reasons import because

__all__ = ["NAME", "candidate", "parse", "recognise", "verify"]

_OPERATION = lazy_regex(r"(?m)^-[ \t]+[\"']?(?:op|path|value)[\"']?[ \t]*:|^-[ \t]*\{[ \t]*[\"']?(?:op|path)\b")
_JSON = lazy_regex(r"\s*\[\s*\{\s*\"(?:op|path|value)\"")
_SETS = lazy_regex(r"path[\"']?[ \t]*:[ \t]*[\"']?/[\w./~-]*/image\b")
_OF_A_CONTAINER = lazy_regex(r"[cC]ontainers/[^/]+/image$")
_PATCHES = ("patches", "patchesStrategicMerge", "patchesJson6902")
_UNSEEN = ("/",)
"""The mounts assumed for a replaced image: any path, because the volumes of the manifests are not read."""


def candidate(path: str) -> bool:
    return bool(NAME.fullmatch(path.rpartition("/")[2]) or YAML.fullmatch(path) or path[-5:].lower() == ".json")


def recognise(path: str, text: str) -> bool:
    """Return whether a file is a kustomization, by the name that Kustomize requires, with images or patches, or a list
    of JSON patches that set an image."""
    if NAME.fullmatch(path.rpartition("/")[2]):
        return "images" in text or "patch" in text
    if not candidate(path) or not (_JSON.match(text) or (path[-5:].lower() != ".json" and _OPERATION.search(text))):
        return False
    return _SETS.search(text) is not None


def parse(source: Source, request: Request = NO_REQUEST) -> list[Node]:
    """Return the images of a kustomization, ignore comments and problems; never raises."""
    sheet = YamlFile(source)
    found = (image for root in sheet.roots for image in (*_images(sheet, root), *_patched(sheet, root)))
    return nodes(sheet, found, request)


def _images(sheet: YamlFile, root: YamlNode | None) -> Iterator[Image]:
    for entry in sequence(effective(root).get("images")):
        keys = effective(entry)
        name, new, tag = keys.get("name"), keys.get("newName"), keys.get("newTag")
        if not is_text(name):
            continue
        where = f"images.{name.value}"
        digest = keys.get("digest")
        again = rewritten(sheet.path, new.value) if is_text(new) else None
        if is_text(new):
            unsafe_reasons = () if is_text(tag) else (because("tag-in-manifests"),)
            yield from sheet.parted(
                new,
                None,
                tag,
                f"{where}.newName",
                digest=digest,
                not_editable=again and because("matched-again", path=dict(again.values)["path"]),
                unsafe_reasons=unsafe_reasons,
                mounts=_UNSEEN,
            )
        else:
            key = because("digest-key" if is_text(digest) else "match-key")
            for image in sheet.parted(name, None, tag, f"{where}.name", not_editable=key):
                new_tag = image.ref.value[len(name.value) :]  # which takes the place of one in the name
                value = f"{untagged(name.value)}{new_tag}" if new_tag else name.value
                yield image._replace(ref=image.ref._replace(value=value))


def _patched(sheet: YamlFile, root: YamlNode | None) -> Iterator[Image]:
    """Yield the images that patches set: those within the kustomization, and those of a file of its own."""
    own = {
        name.value for entry in sequence(effective(root).get("images")) if is_text(name := effective(entry).get("name"))
    }
    for image in (*_of_a_list(sheet, root), *_inline(sheet, root)):
        again = rewritten(sheet.path, image.ref.value)
        reference = parsed(image.ref.value)
        if reference and reference.name in own:
            again = because("renamed", path="images")
        yield image._replace(not_editable=again or image.not_editable)


def _of_a_list(sheet: YamlFile, root: YamlNode | None) -> Iterator[Image]:
    if root is not None and not is_mapping(root) and not is_scalar(root):
        yield from (image for node, where in _set(root) for image in sheet.image(node, where, mounts=_UNSEEN))


def _inline(sheet: YamlFile, root: YamlNode | None) -> Iterator[Image]:
    for key in _PATCHES:
        for entry in sequence(effective(root).get(key)):
            patch = effective(entry).get("patch") or entry
            if is_text(patch) and "\n" in patch.value:
                written = traced(patch, sheet.text)
                with contextlib.suppress(NotYaml):
                    for node, where in (found for inner in documents(written.value) for found in _set(inner)):
                        yield from _within(written, patch, node, f"{key}.{where}")


def _within(patch: Traced, scalar: YamlNode, node: ScalarNode, where: str) -> Iterator[Image]:
    """Yield the image that a scalar of a patch within a block scalar names."""
    inner = traced(node, patch.value)
    if inner.value and inner.spans and patch.spans and "$" not in inner.value:
        place = patch.cut(inner.start, inner.end)
        yield Image(place, where, place.start, place.end, mounts=_UNSEEN)
    elif inner.value:
        start, end = scalar.start_mark.index, scalar.end_mark.index
        yield Image(Traced(inner.value, ()), where, start, end, not_editable=because("cannot-edit"), mounts=_UNSEEN)


def _set(patch: YamlNode | None) -> Iterator[tuple[ScalarNode, str]]:
    """Yield the scalars that a patch sets as images, each with its key path: those of containers in what is merged or
    added, and the values of operations on an image."""
    for place in walk(patch):
        keys, path = place.keys, place.path
        target, value = keys.get("path"), keys.get("value")
        if "op" in keys and is_text(target) and is_text(value) and _OF_A_CONTAINER.search(target.value):
            yield value, target.value.strip("/").replace("/", ".")
        named = keys.get("image")
        if is_text(named) and (path[-2:-1] in (("containers",), ("initContainers",)) or path[-1:] == ("value",)):
            yield named, place.where("image")
