"""Terraform: the images of containers in blocks and in ``jsonencode``, those of the Docker provider, and variables.

Follows the documentation of the providers kubernetes (``container``, ``init_container``), google (``containers`` of
Cloud Run), azurerm (``container`` of a container group), aws (``container_definitions``, ``container_properties``) and
docker (``docker_image``, ``docker_container``, ``container_spec``), read in November 2026. Other images are machine
images, and are ignored. Values of variables: developer.hashicorp.com, "Variable definitions (.tfvars) files".
"""

import contextlib
import re
from collections.abc import Iterator

from echo_migrate.dockerfile.container import Container
from echo_migrate.files import json
from echo_migrate.files.source import Source
from echo_migrate.files.spelling import as_variables
from echo_migrate.files.values import NotRead, Value
from echo_migrate.formats import NO_REQUEST, Request
from echo_migrate.formats._environment import of_values
from echo_migrate.formats._hcl import Named, image_of, listed, named, names, read_body, values, verify
from echo_migrate.formats._ignores import SLASHED, in_yaml
from echo_migrate.formats._platforms import of_block
from echo_migrate.formats._terraform_commands import HEREDOC, start_commands
from echo_migrate.model import Ignore, Image, Problem
from echo_migrate.model.reasons import because

__all__ = ["NAME", "candidate", "parse", "recognise", "verify"]

NAME = re.compile(r"(?!)")
_NAME = re.compile(r"(?i).+\.(?:tf|tofu|tfvars(?:\.json)?)")
_VALUES = re.compile(r"(?i).+\.tfvars(?:\.json)?")
_IMAGE = re.compile(
    r"(?m)^[ \t]*\"?image\"?[ \t]*[=:]"
    r"|\bimage\"?[ \t]*[=:][ \t]*\"|\"docker_(?:registry_)?image\"|_image(?:_|\b)|\bimage_"
)
_CONTAINERS = frozenset(
    (
        *("container", "containers", "container_spec", "init_container"),
        *("container_definitions", "container_properties", "initContainers"),
    )
)
_CLUSTERS = ("helm_", "kubernetes_", "kubectl_")
"""Resource types whose images a cluster pulls, with a secret of the pod."""

_MACHINES = ("docker_",)
"""Resource types for which the machine holds the registry login."""

_SECRETS = re.compile(r"image_?[pP]ull_?[sS]ecrets?")
_REFERENCE = re.compile(r"[\w.\[\]\"*-]+")
"""A value that is an address of another resource, rather than a condition or a call."""

_CLOUD_RUN = because("cloud-run")
_DOCKER = {"docker_image": "name", "docker_container": "image", "docker_registry_image": "name"}
_RUN = "docker_container."
_ADDRESS = re.compile(r"(?:\$\{)?(data\.)?(docker_(?:registry_)?image\.[\w-]+)(?:\[[^\[\]]*\])?\.\w+\}?")
_IN_A_HEREDOC = ".heredoc"
_MOUNTING = frozenset(
    ("dynamic", "mountPoints", "mounts", "volume", "volumes", "volume_mount", "volume_mounts", "volumeMounts")
)


def candidate(path: str) -> bool:
    return bool(_NAME.fullmatch(path.rpartition("/")[2]))


def recognise(path: str, text: str) -> bool:
    """Return whether a file is Terraform by name and has an attribute that may be a container image."""
    return candidate(path) and bool(_IMAGE.search(text))


def parse(source: Source, request: Request = NO_REQUEST) -> list[Image | Container | Problem | Ignore]:
    """Return the images, containers and ignore comments of a file, or the problem with reading it; never raises."""
    try:
        root = read_body(source)
    except NotRead as error:
        return [Problem(error.offset, error.offset, str(error), "note")]
    nodes: list[Image | Container | Problem | Ignore] = []
    known = values(root, source.text) if _VALUES.fullmatch(source.path) else names(root, source.text)
    for where, body, key, platform, secrets in _places(root, known):
        keys = dict(body.items)
        found = image_of(keys[key], known, source.text, f"{where}.{key}")
        if found is None:
            continue
        mounting = key == "name" or not _MOUNTING.isdisjoint(keys)
        found = found._replace(mounts=("/",) if mounting else (), variables=of_values(body.items), platform=platform)
        image = _placed(found, where, keys, secrets)
        if where.endswith(_IN_A_HEREDOC):
            image = image._replace(not_editable=because("cannot-edit"))
        nodes.append(image)
        if key == "image" and Container in request.kinds:
            commands = tuple(start_commands(where.split(".")[1] if where.count(".") else "", keys))
            nodes.append(Container(where, image, commands, None, (), False, image.mounts, open=True))
    if Container in request.kinds:
        nodes += _by_address(root, {one.where: one for one in nodes if isinstance(one, Image)})
    nodes += listed(known, {node.start for node in nodes if isinstance(node, Image)})
    return [*nodes, *in_yaml(source.text, SLASHED)] if nodes else []


def _places(root: Value, known: dict[str, Named]) -> Iterator[tuple[str, Value, str, str, str]]:
    """Yield the maps that name an image, as a text or by a name: address, map, the key of the image, the platform that
    the resource is for, and the secrets that its pod is pulled with."""
    for kind, blocks in root.items:
        for label, body in blocks.items:
            keys, type = dict(body.items), label.partition(".")[0]
            key = _DOCKER.get(type, "")
            own = key in keys and not _address(keys[key]) and (keys[key].text or named(keys[key], known))
            places = [(f"{kind}.{label}", body, key, "")] if own else []
            places += _containers(body, f"{kind}.{label}", known)
            platform = of_block(body) if places else ""
            yield from ((where, one, key, platform, secrets) for where, one, key, secrets in places)


def _by_address(root: Value, images: dict[str, Image]) -> Iterator[Container]:
    """Yield the containers of Docker's provider whose image is given by the address of another resource."""
    for _, blocks in root.items:
        for label, body in blocks.items:
            keys = dict(body.items)
            given = _address(keys.get("image")) if label.startswith(_RUN) else None
            image = images.get(f"{given[1] or 'resource.'}{given[2]}.name") if given else None
            commands = tuple(start_commands(_RUN, keys))
            if image and commands:
                yield Container(label, image, commands, None, (), False, image.mounts, open=True)


def _address(value: Value | None) -> re.Match[str] | None:
    """Return the address of a resource of Docker's provider that a value is, in today's form or as ``"${…}"``."""
    return _ADDRESS.fullmatch(value.value) if value and value.kind in ("other", "text") else None


def _placed(image: Image, where: str, keys: dict[str, Value], secrets: str) -> Image:
    """Return an image with the fields that its resource determines, given the secrets that its pod is pulled with."""
    kind = where.split(".")[1] if where.count(".") else ""
    if "build" in keys:
        return image._replace(local="the result of a build")
    if where.startswith("data.docker_image."):  # it must be on the host already
        return image._replace(not_editable=because("never-pulled"))
    if any(one in keys and keys[one].text == "Never" for one in ("image_pull_policy", "imagePullPolicy")):
        return image._replace(not_editable=because("never-pulled"))
    if kind.startswith("google_cloud_run"):
        return image._replace(unsafe_reasons=(_CLOUD_RUN,))
    if kind.startswith(_MACHINES):
        return image
    if kind.startswith(_CLUSTERS) and secrets:
        return image._replace(needs_login=because("login-other"), login=secrets)
    return image._replace(needs_login=because("login-service"))


def _containers(node: Value, where: str, known: dict[str, Named]) -> Iterator[tuple[str, Value, str, str]]:
    """Yield the containers inside a value: address, map, the key of the image, and the secrets beside it."""
    secrets = as_variables(" ".join(_secrets(node)).replace(".", " "))
    for key, value in node.items:
        if key in _CONTAINERS and value.kind == "other":
            for one in _heredoc(value):
                yield f"{where}.{key}{_IN_A_HEREDOC}", one, "image", secrets
        for one in value.each or [value]:
            keys = dict(one.items)
            if key in _CONTAINERS and "image" in keys and (keys["image"].text or named(keys["image"], known)):
                yield f"{where}.{key}", one, "image", secrets
            yield from _containers(one, where, known)
    for one in node.each:
        yield from _containers(one, where, known)


def _secrets(spec: Value) -> Iterator[str]:
    """Yield the names of the secrets that a pod is pulled with: those of dynamic blocks, too, if they are listed."""
    for key, value in spec.items:
        if _SECRETS.fullmatch(key):
            for one in value.each or [value]:
                name = dict(one.items).get("name")
                if name and (name.text or _REFERENCE.fullmatch(str(name.value))):
                    yield str(name.value)
        elif key == "dynamic":
            for label, block in value.items:
                if _SECRETS.fullmatch(label):
                    yield from (one.text for each in [dict(block.items).get("for_each")] if each for one in each.each)


def _heredoc(value: Value) -> Iterator[Value]:
    """Yield the containers in a heredoc of JSON, if nothing is filled into it."""
    match = HEREDOC.fullmatch(value.value)
    if not match or "${" in match[2] or "%{" in match[2]:
        return
    with contextlib.suppress(NotRead):
        root = json.read(" " * (value.start + match.start(2)) + match[2])
        yield from (one for one in root.each or [root] if "image" in dict(one.items) and dict(one.items)["image"].text)
