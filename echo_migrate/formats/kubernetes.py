"""Kubernetes manifests: the containers of pods at any depth; literal images in Helm templates, which are not edited.

Key paths: kubernetes.io, API reference v1.34, PodSpec and Container; Argo Workflows, field reference v3.7
(``container``, ``script``, ``sidecars``); Tekton Pipelines, API reference v1 (``steps``, ``sidecars``,
``stepTemplate``).
"""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial

from echo_migrate.dockerfile.container import Container, Located
from echo_migrate.dockerfile.startup import StartCommand, listed, unread
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Source, TooMuch
from echo_migrate.files.yaml import (
    YamlNode,
    effective,
    is_mapping,
    is_scalar,
    is_set,
    is_text,
    items,
    positions,
    sequence,
)
from echo_migrate.formats import NO_REQUEST, Request
from echo_migrate.formats._kustomizations import mounted, rewritten
from echo_migrate.formats._yaml import NO_NAME as NAME
from echo_migrate.formats._yaml import YAML, Around, Node, YamlFile, is_rendered, literals, nodes, verify, walk
from echo_migrate.images.reference import is_number
from echo_migrate.model import COMMON_PLATFORMS, Image
from echo_migrate.reasons import Reason, because

__all__ = ["NAME", "candidate", "parse", "recognise", "verify"]

_VERSION = lazy_regex(r"(?m)^[\"']?apiVersion[\"']?[ \t]*:|^\{[^\n]*apiVersion")
_KIND = lazy_regex(r"\bkind[\"']?[ \t]*:")
_LISTS = ("initContainers", "containers", "ephemeralContainers", "sidecars", "steps")
_SINGLE = ("container", "script", "stepTemplate")
_PIECES = frozenset(("tag", "imageTag", "version", "digest", "sha", "registry", "repository"))
_PATTERNS = ("kyverno.io/", "policies.kyverno.io/")
"""API groups in which a pod is a pattern that other pods are compared with."""

_PARAMETER = lazy_regex(
    r"\$\((?:inputs\.)?params\.([\w-]+)\)|\{\{=?\s*(?:inputs|workflow)\.parameters\.([\w-]+)\s*\}\}"
)
"""A parameter of Tekton (``$(params.x)``) or Argo Workflows (``{{inputs.parameters.x}}``)."""

_MOST_GIVEN = 2_500
"""The maximum number of images that the containers of a manifest have from parameters: each may have every value."""

_DEFAULT = because("default")
_CLOUD_RUN = because("cloud-run")
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")


def candidate(path: str) -> bool:
    return bool(YAML.fullmatch(path))


def recognise(path: str, text: str) -> bool:
    """Return whether a file is a manifest, by the keys apiVersion and kind, and may name an image."""
    return candidate(path) and "image" in text and bool(_VERSION.search(text) and _KIND.search(text))


def parse(source: Source, request: Request = NO_REQUEST) -> list[Node]:
    """Return the images of a file's manifests, ignore comments and problems; never raises."""
    sheet = YamlFile(source)
    if _of_a_chart(source.path) or is_rendered(sheet):
        sheet.problems, sheet.roots = [], []
        return nodes(sheet, literals(source.text), request)
    return nodes(sheet, (node for root in sheet.roots for node in _together(root, _manifest(sheet, root))), request)


def _of_a_chart(path: str) -> bool:
    """Return whether a file is in the templates folder of a chart."""
    folder, _, _ = os.path.abspath(path).rpartition("/templates/")
    return bool(folder) and os.path.isfile(os.path.join(folder, "Chart.yaml"))


def _manifest(sheet: YamlFile, root: YamlNode | None) -> Iterator[Image | Container]:
    if not {"apiVersion", "kind"} <= effective(root).keys():
        return
    kyverno = effective(root).get("apiVersion")
    if is_text(kyverno) and kyverno.value.startswith(_PATTERNS):
        return
    named = (effective(root).get("kind"), effective(effective(root).get("metadata")).get("name"))
    kind, resource = (node.value if is_text(node) else "" for node in named)
    unsafe_reasons = (_CLOUD_RUN,) if any(key.startswith("run.googleapis.com/") for key in _annotations(root)) else ()
    given, made = cache(partial(_given, root)), 0
    for place in walk(root):
        pod = place.keys
        platform = _platform(effective(pod.get("nodeSelector")))
        for called, volume in _named(pod.get("volumes")):
            mounted_image = effective(effective(volume).get("image"))
            where = f"volumes.{called}.image.reference"
            yield from sheet.image(mounted_image.get("reference"), where, platform=platform)
        containers = [(key, name, node) for key in _LISTS for name, node in _named(pod.get(key))]
        containers += [(key, "", pod[key]) for key in _SINGLE if is_mapping(pod.get(key))]
        for key, name, node in containers:
            keys = effective(node)
            mounts = (*_mounts(keys), *mounted(sheet.path, kind, resource, name))
            where = ".".join(filter(None, (key, name, "image")))
            not_editable = _stays(keys)
            defaults = _defaults(given, keys.get("image"))
            made += len(defaults)
            if made > _MOST_GIVEN:
                raise TooMuch(f"its parameters stand for more than {_MOST_GIVEN:,} images")
            around: Around = {
                "mounts": mounts,
                "unsafe_reasons": (*unsafe_reasons, _DEFAULT) if defaults else unsafe_reasons,
                "platform": platform,
            }
            for written in defaults or [keys.get("image")]:
                for image in sheet.image(written, where, not_editable=not_editable, **around):
                    image = image._replace(not_editable=rewritten(sheet.path, image.ref.value) or image.not_editable)
                    yield image
                    yield _container(name or key, keys, effective(pod.get("securityContext")), image)


def _defaults(given: Callable[[], dict[str, list[YamlNode]]], node: YamlNode | None) -> list[YamlNode | None]:
    """Return the values that a manifest gives the parameter that is an image."""
    named = _PARAMETER.fullmatch(node.value.strip()) if is_text(node) else None
    return [*given().get(named[1] or named[2], [])] if named else []


def _given(root: YamlNode | None) -> dict[str, list[YamlNode]]:
    """Return the images that a manifest gives its parameters, by their names: defaults, and arguments."""
    found: dict[str, list[YamlNode]] = {}
    for place in walk(root):
        for name, entry in (one for key in ("params", "parameters") for one in _named(place.keys.get(key))):
            keys = effective(entry)
            images = [keys[key] for key in ("default", "value") if _names_image(keys.get(key))]
            found.setdefault(name, []).extend(images)
    return found


def _names_image(node: YamlNode | None) -> bool:
    return is_text(node) and not _PARAMETER.search(node.value)


def _together(root: YamlNode | None, found: Iterable[Image | Container]) -> Iterator[Image | Container]:
    """Yield the nodes of a manifest, images unsafe whose text also stands where no container has it: a list of related
    images, an annotation, a variable that an operator reads."""
    there = list(found)
    values = Counter(child.value for _, child in positions(root) if is_scalar(child))
    images = Counter(one.ref.value for one in there if isinstance(one, Image))
    for one in there:
        image = one.image if isinstance(one, Container) else one
        if image and ":" in image.ref.value and values[image.ref.value] > images[image.ref.value]:
            image = image._replace(unsafe_reasons=(*image.unsafe_reasons, because("same-name")))
            one = one._replace(image=image) if isinstance(one, Container) else image
        yield one


def _stays(keys: dict[str, YamlNode]) -> Reason | None:
    """Return why the image of a container is not edited, or None."""
    policy = keys.get("imagePullPolicy")
    if is_text(policy) and policy.value == "Never":
        return because("never-pulled")
    return None if _PIECES.isdisjoint(keys) else because("other-keys")


def _annotations(root: YamlNode | None) -> Iterator[str]:
    """Yield the keys of all annotations of a manifest."""
    for place in walk(root):
        if place.path[-1:] == ("annotations",):
            yield from place.keys


def _platform(selector: dict[str, YamlNode]) -> str:
    """Return the platform of a pod's nodes, or "" for a common one."""
    system, architecture = (selector.get(f"kubernetes.io/{key}") for key in ("os", "arch"))
    parts = [node.value if is_text(node) else default for node, default in ((system, "linux"), (architecture, "amd64"))]
    return "/".join(parts) if "/".join(parts) not in COMMON_PLATFORMS else ""


def _named(node: YamlNode | None) -> Iterator[tuple[str, YamlNode]]:
    for index, child in enumerate(sequence(node)):
        name = effective(child).get("name")
        yield (name.value if is_text(name) else str(index)), child


def _mounts(keys: dict[str, YamlNode]) -> Iterator[str]:
    for mount in sequence(keys.get("volumeMounts")):
        path = effective(mount).get("mountPath")
        if is_text(path):
            yield path.value.rstrip("/") or "/"


def _container(name: str, keys: dict[str, YamlNode], pod: dict[str, YamlNode], image: Image) -> Container:
    """Return a container with its start commands, user and ports.

    ``command`` is the entrypoint and ``args`` the command (kubernetes.io, "Define a Command and Arguments for a
    Container").
    """
    own = effective(keys.get("securityContext"))
    user = own.get("runAsUser", pod.get("runAsUser"))
    checks = [effective(effective(keys.get(probe)).get("exec")).get("command") for probe in _PROBES]
    hooks = [effective(effective(hook).get("exec")).get("command") for _, hook in items(keys.get("lifecycle"))]
    start_commands = [
        _launch("entrypoint", keys.get("command")),
        _launch("command", keys.get("args")),
        *(_launch("healthcheck", node) for node in (*checks, *hooks)),
    ]
    capabilities = effective(own.get("capabilities"))
    return Container(
        name,
        image,
        tuple(one for one in start_commands if one),
        Located(user.value, user.start_mark.index, user.end_mark.index) if is_text(user) else None,
        tuple(_ports(keys)),
        "add" in capabilities or is_set(own.get("privileged")) or "sysctls" in pod,
        image.mounts,
        not {"script", "source"}.isdisjoint(keys),
        kind="container",
    )


def _launch(verb: str, node: YamlNode | None) -> StartCommand | None:
    words = [child.value for child in sequence(node) if is_scalar(child)]
    if node is None or not words:
        return None
    start, end = node.start_mark.index, node.end_mark.index
    if any("$(" in word for word in words):
        return unread(verb, start, end)
    return listed(verb, words, start, end)


def _ports(keys: dict[str, YamlNode]) -> Iterator[Located]:
    for port in sequence(keys.get("ports")):
        number = effective(port).get("containerPort")
        if is_scalar(number) and is_number(number.value):
            yield Located(number.value, number.start_mark.index, number.end_mark.index)
