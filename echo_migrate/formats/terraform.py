"""Terraform: the images of containers in blocks and in ``jsonencode``, and those of the Docker provider.

Follows the documentation of the providers kubernetes (``container``, ``init_container``), google (``containers`` of
Cloud Run), azurerm (``container`` of a container group), aws (``container_definitions``, ``container_properties``) and
docker (``docker_image``, ``docker_container``, ``container_spec``), read in November 2026. Other images are machine
images, and are ignored.
"""

import re
from collections.abc import Iterable, Iterator

from echo_migrate.dockerfile.container import Container
from echo_migrate.files import hcl
from echo_migrate.files.source import Edit, Source
from echo_migrate.files.values import NotRead, Value, alike
from echo_migrate.formats import NO_REQUEST, Request
from echo_migrate.formats._ignores import SLASHED, in_yaml
from echo_migrate.model import Ignore, Image, Problem
from echo_migrate.reasons import because

NAME = re.compile(r"(?!)")
_NAME = re.compile(r"(?i).+\.(?:tf|tofu)")
_IMAGE = re.compile(r"(?m)^[ \t]*\"?image\"?[ \t]*[=:]|\bimage\"?[ \t]*[=:][ \t]*\"|\"docker_(?:registry_)?image\"")
_CONTAINERS = frozenset(
    (
        *("container", "containers", "container_spec", "init_container"),
        *("container_definitions", "container_properties", "initContainers"),
    )
)
_CLUSTERS = ("docker_", "helm_", "kubernetes_", "kubectl_")
"""Resource types for which the target cluster or machine holds the registry login."""

_CLOUD_RUN = because("cloud-run")
_DOCKER = {"docker_image": "name", "docker_container": "image", "docker_registry_image": "name"}
_MOUNTING = frozenset(
    ("dynamic", "mountPoints", "mounts", "volume", "volumes", "volume_mount", "volume_mounts", "volumeMounts")
)
_VARIABLE = re.compile(r"\$\{([^{}]*)\}")


def candidate(path: str) -> bool:
    return bool(_NAME.fullmatch(path.rpartition("/")[2]))


def recognise(path: str, text: str) -> bool:
    """Return whether a file is Terraform by name and has an attribute that may be a container image."""
    return candidate(path) and bool(_IMAGE.search(text))


def parse(source: Source, request: Request = NO_REQUEST) -> list[Image | Container | Problem | Ignore]:
    """Return the images, containers and ignore comments of a file, or the problem with reading it; never raises."""
    try:
        root = hcl.read(source.text)
    except NotRead as error:
        return [Problem(error.offset, error.offset, str(error), "note")]
    nodes: list[Image | Container | Problem | Ignore] = []
    for where, keys, key in _places(root):
        image = _image(keys[key], f"{where}.{key}", "/" if key == "name" or not _MOUNTING.isdisjoint(keys) else "")
        image = _placed(image, where, keys)
        nodes.append(image)
        if key == "image" and Container in request.kinds:
            nodes.append(Container(where, image, (), None, (), False, image.mounts, open=True))
    return [*nodes, *in_yaml(source.text, SLASHED)] if nodes else []


def verify(before: Source, after: Source, edits: Iterable[Edit]) -> str | None:
    """Return why ``after``, made from ``before`` by ``edits``, must not replace it, or None: no other value may
    change."""
    try:
        old, new = hcl.read(before.text), hcl.read(after.text)
    except NotRead as error:
        return f"the changed file {error}"
    return None if alike(old, new, sorted(edits)) else "something else than an image would change"


def _places(root: Value) -> Iterator[tuple[str, dict[str, Value], str]]:
    """Yield the maps that name an image as a text: address, values by key, and the key of the image."""
    for kind, blocks in root.items:
        for label, body in blocks.items:
            keys, type = dict(body.items), label.partition(".")[0]
            key = _DOCKER.get(type, "")
            if key in keys and keys[key].text:
                yield f"{kind}.{label}", keys, key
            yield from _containers(body, f"{kind}.{label}")


def _placed(image: Image, where: str, keys: dict[str, Value]) -> Image:
    """Return an image with the fields that its resource determines."""
    kind = where.split(".")[1] if where.count(".") else ""
    if "build" in keys:
        return image._replace(local="the result of a build")
    if where.startswith("data.docker_image."):  # it must be on the host already
        return image._replace(not_editable=because("never-pulled"))
    if any(one in keys and keys[one].text == "Never" for one in ("image_pull_policy", "imagePullPolicy")):
        return image._replace(not_editable=because("never-pulled"))
    if kind.startswith("google_cloud_run"):
        return image._replace(unsafe_reasons=(_CLOUD_RUN,))
    if kind.startswith(_CLUSTERS):
        return image
    return image._replace(needs_login=because("login-service"))


def _containers(node: Value, where: str) -> Iterator[tuple[str, dict[str, Value], str]]:
    """Yield the containers inside a value, as ``_places`` does."""
    for key, value in node.items:
        for one in value.each or [value]:
            keys = dict(one.items)
            if key in _CONTAINERS and "image" in keys and keys["image"].text:
                yield f"{where}.{key}", keys, "image"
            yield from _containers(one, where)
    for one in node.each:
        yield from _containers(one, where)


def _image(node: Value, where: str, mount: str) -> Image:
    place = node.traced
    broken = "%{" in node.text or "${" in _VARIABLE.sub("", node.text)
    return Image(
        place,
        where,
        *((place.start, place.end) if place.spans else (node.start, node.end)),
        not_editable=because("expression") if broken else None,
        unsettled=tuple(dict.fromkeys(_VARIABLE.findall(node.text))),
        mounts=(mount,) if mount else (),
    )
