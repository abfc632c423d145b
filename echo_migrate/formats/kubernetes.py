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
from echo_migrate.files.source import Source, TooMuch, Traced
from echo_migrate.files.spelling import as_variables
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
from echo_migrate.formats._environment import variables_of
from echo_migrate.formats._jobs import entered
from echo_migrate.formats._kustomizations import Of, mounted, rewritten, unpulled
from echo_migrate.formats._openshift import filled
from echo_migrate.formats._platforms import of_container, of_pod
from echo_migrate.formats._resources import images, of_unknown_kind
from echo_migrate.formats._templates import literals
from echo_migrate.formats._yaml import (
    MANIFEST,
    Around,
    Node,
    YamlFile,
    YamlMapping,
    is_rendered,
    nodes,
    verify,
    walk,
)
from echo_migrate.formats._yaml import NO_NAME as NAME
from echo_migrate.images.reference import TAGGED, is_number
from echo_migrate.images.upstream import facts
from echo_migrate.model import Image
from echo_migrate.model.reasons import Reason, because
from echo_migrate.shell.commands import SHELLS

__all__ = ["NAME", "candidate", "parse", "recognise", "verify"]

_VERSION = lazy_regex(r"(?m)^[\"']?apiVersion[\"']?[ \t]*:|^\{[^\n]*apiVersion")
_KIND = lazy_regex(r"\bkind[\"']?[ \t]*:")
_VERSION_IN_JSON = lazy_regex(r'"apiVersion"\s*:\s*"[\w./-]+"')
_KIND_IN_JSON = lazy_regex(r'"kind"\s*:\s*"[A-Z]\w*"')
OF_A_POD = ("initContainers", "containers", "ephemeralContainers")
_LISTS = (*OF_A_POD, "sidecars", "steps")
_SINGLE = ("container", "script", "stepTemplate")
_STEP = "StepAction"
"""The kind of Tekton whose ``spec`` is a step."""

_PIECES = frozenset(("tag", "imageTag", "version", "digest", "sha", "registry", "repository"))
_PATTERNS = ("admission.k8s.io/", "audit.k8s.io/", "kyverno.io/", "policies.kyverno.io/")
"""API groups in which a pod is a pattern that other pods are compared with, or the record of a request."""

_SKAFFOLD = "skaffold/"
_PARAMETER = lazy_regex(
    r"\$\((?:inputs\.)?params\.([\w-]+)\)|\{\{=?\s*(?:inputs|workflow)\.parameters\.([\w-]+)\s*\}\}|\$\{(\w+)\}"
)
"""A parameter of Tekton (``$(params.x)``), Argo Workflows (``{{inputs.parameters.x}}``) or an OpenShift template."""

_MOST_GIVEN = 2_500
"""The maximum number of images that the containers of a manifest have from parameters: each may have every value."""

_COMPILED = "pipelines.kubeflow.org/pipeline_compilation_time"
_IMAGE = lazy_regex(r"(?i)(?:^|_)images?(?:_|$)")
_OPTION = lazy_regex(r"(?=--?(?:[\w-]*-)?image(?:=|-[\w-]))(-[\w-]++)=")
_NAMES_ONE = lazy_regex(r"(?i)(?:^|[._-])images?$|^relatedImages\.")
_DEFAULT = because("default")
_OPERATOR = because("operator-image")
_CLOUD_RUN = because("cloud-run")
_NO_SECRET = because("login-pod")
_STREAM = because("image-stream")
_TRIGGERS = "image.openshift.io/triggers"
_FIELD = lazy_regex(r"(\w*[cC]ontainers)\[(?:\?\(@\.name\s*==\s*\\*[\"']([^\"'\\]+)|(\d+))")
"""The field of a container in the annotation of a trigger, by name or by number."""

_FLEETING = frozenset(("configMap", "downwardAPI", "emptyDir", "projected", "secret"))
"""Volumes that are made anew for each pod (kubernetes.io, "Volumes")."""
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")


def candidate(path: str) -> bool:
    return bool(MANIFEST.fullmatch(path)) or (path.endswith(".tpl") and "templates/" in path)


def recognise(path: str, text: str) -> bool:
    """Return whether a file is a manifest, by the keys apiVersion and kind, and may name an image, or is what the
    templates of a chart include."""
    if not candidate(path) or not ("image" in text or "Image" in text or "_IMAGE" in text):
        return False
    if path.endswith(".tpl"):
        return _of_a_chart(path) and any(literals(text))
    if path[-5:].lower() == ".json":
        return bool(_VERSION_IN_JSON.search(text) and _KIND_IN_JSON.search(text))
    return bool(_VERSION.search(text) and _KIND.search(text))


def parse(source: Source, request: Request = NO_REQUEST) -> list[Node]:
    """Return the images of a file's manifests, ignore comments and problems; never raises."""
    sheet = YamlFile(source)
    if _of_a_chart(source.path) or is_rendered(sheet):
        sheet.problems, sheet.roots = [], []
        return nodes(sheet, literals(source.text), request)
    accounts = dict(filter(None, map(_account, sheet.roots)))
    manifests = ((root, filled(root, _manifest(sheet, root, accounts))) for root in sheet.roots)
    found = (node for root, images in manifests for node in _together(sheet, root, images))
    return nodes(sheet, found, request)


def _of_a_chart(path: str) -> bool:
    """Return whether a file is in the templates folder of a chart."""
    folder, _, _ = os.path.abspath(path).rpartition("/templates/")
    return bool(folder) and os.path.isfile(os.path.join(folder, "Chart.yaml"))


def _account(root: YamlNode | None) -> tuple[str, YamlNode] | None:
    """Return the name of a service account and the secrets that its pods are given, or None for another resource."""
    keys = effective(root)
    kind, name = keys.get("kind"), effective(keys.get("metadata")).get("name")
    secrets = keys.get("imagePullSecrets")
    return (
        (name.value, secrets)
        if is_text(kind) and kind.value == "ServiceAccount" and is_text(name) and secrets
        else None
    )


def _secrets(sheet: YamlFile, pod: dict[str, YamlNode], accounts: dict[str, YamlNode]) -> str:
    """Return the names of the secrets that the images of a pod are pulled with: its own, or else those of its service
    account."""
    account = pod.get("serviceAccountName", pod.get("serviceAccount"))
    others = accounts.get(account.value if is_text(account) else "default")
    return as_variables(sheet.under(pod.get("imagePullSecrets", others)))


def _manifest(sheet: YamlFile, root: YamlNode | None, accounts: dict[str, YamlNode]) -> Iterator[Image | Container]:
    if not {"apiVersion", "kind"} <= effective(root).keys():
        return
    version = effective(root).get("apiVersion")
    group = version.value if is_text(version) else ""
    if group.startswith(_PATTERNS):
        return
    if is_text(version) and version.value.startswith(_SKAFFOLD):
        from echo_migrate.formats import _skaffold

        yield from _skaffold.images(sheet, root)
    named = (effective(root).get("kind"), effective(effective(root).get("metadata")).get("name"))
    kind, resource = (node.value if is_text(node) else "" for node in named)
    places, templated = list(walk(root)), "{{" in sheet.text
    annotations = [key for place in places if place.path[-1:] == ("annotations",) for key in place.keys]
    unsafe_reasons = (_CLOUD_RUN,) if any(key.startswith("run.googleapis.com/") for key in annotations) else ()
    compiled = because("generated") if _COMPILED in annotations else None
    yield from images(sheet, places)
    given, made = cache(partial(_given, places)), 0
    triggered = dict[tuple[str, ...], set[str]]()
    for place in places:
        if "spec" in place.keys and (names := _triggered(place.keys)):
            triggered.setdefault(place.path, set()).update(names)
    for place in places:
        pod = place.keys
        yield from _handed_on(sheet, pod)
        platform = of_pod(pod)
        above = (place.path[:depth] for depth in range(len(place.path) + 1 if triggered else 0))
        streams = {name for path in above for name in triggered.get(path, ())}
        for called, volume in _named(pod.get("volumes")):
            mounted_image = effective(effective(volume).get("image"))
            where = f"volumes.{called}.image.reference"
            yield from sheet.image(mounted_image.get("reference"), where, platform=platform)
        containers = [
            (key, name, f"{index}", node) for key in _LISTS for index, (name, node) in enumerate(_named(pod.get(key)))
        ]
        single = (*_SINGLE, "spec") if kind == _STEP and not place.path else _SINGLE
        fleeting = frozenset() if templated else frozenset(_fleeting(pod))
        containers += [(key, "", "", pod[key]) for key in single if is_mapping(pod.get(key))]
        for key, name, index, node in containers:
            keys = effective(node)
            patched = mounted(sheet.path, kind, resource, name)
            mounts = (*_mounts(keys), *patched)
            where = ".".join(filter(None, (key, name, "image")))
            of_a_pod = key in OF_A_POD
            spelled = (f"{key}.{name}", f"{key}.{index}")
            places_of_it = tuple(Of(kind, resource, one) for one in spelled)
            not_editable = (
                compiled
                or _stays(sheet.path, keys, places_of_it)
                or (_STREAM if not streams.isdisjoint(spelled) else None)
            )
            defaults = _defaults(given, keys.get("image"))
            made += len(defaults)
            if made > _MOST_GIVEN:
                raise TooMuch(f"its parameters stand for more than {_MOST_GIVEN:,} images")
            around: Around = {
                "mounts": (*_mounts(keys, fleeting), *patched),
                "variables": variables_of(keys),
                "unsafe_reasons": (*unsafe_reasons, _DEFAULT) if defaults else unsafe_reasons,
                "platform": platform or of_container(keys),
                "needs_login": _NO_SECRET if of_a_pod else None,
                "login": _secrets(sheet, pod, accounts) if of_a_pod else "",
            }
            for written in defaults or [keys.get("image")]:
                for image in sheet.image(written, where, not_editable=not_editable, **around):
                    image = image._replace(
                        not_editable=rewritten(sheet.path, image.ref.value, places_of_it) or image.not_editable
                    )
                    yield image
                    yield _container(name or key, keys, effective(pod.get("securityContext")), image, mounts)
                    yield from entered(name or key, image, _scripts(keys))


def _triggered(resource: dict[str, YamlNode]) -> set[str]:
    """Return the containers of a resource whose images OpenShift takes from image streams, each by its list with its
    name or number (docs.openshift.com, "Triggering updates on image stream changes")."""
    triggers = sequence(effective(resource.get("spec")).get("triggers"))
    listed = [effective(effective(one).get("imageChangeParams")).get("containerNames") for one in triggers]
    named = [one.value for names in listed for one in sequence(names) if is_text(one)]
    found = {f"{key}.{name}" for name in named for key in ("containers", "initContainers")}
    written = effective(effective(resource.get("metadata")).get("annotations")).get(_TRIGGERS)
    for key, name, number in _FIELD.findall(written.value) if is_text(written) else ():
        found.add(f"{key}.{name or number}")
    return found


def _scripts(keys: dict[str, YamlNode]) -> Iterator[YamlNode | None]:
    """Yield the scripts of a step: of Tekton, whose first line names the shell, and of Argo, whose command does."""
    yield keys.get("script")
    words = [one.value.rpartition("/")[2] for one in sequence(keys.get("command")) if is_scalar(one)]
    if not SHELLS.isdisjoint(words):
        yield keys.get("source")


def _handed_on(sheet: YamlFile, keys: dict[str, YamlNode]) -> Iterator[Image]:
    """Yield the images that a container is given by name, in variables, also those of a ConfigMap, and arguments, and
    those that an operator lists as related: a program decides what it does with them."""
    variables = [(name, effective(one).get("value")) for name, one in _named(keys.get("env"))]
    related = [(name, effective(one).get("image")) for name, one in _named(keys.get("relatedImages"))]
    arguments = [(key, one) for key in ("command", "args") for one in sequence(keys.get(key))]
    options = [(key, one, _OPTION.match(one.value)) for key, one in arguments if is_text(one)]
    found = [(f"env.{name}", node, 0) for name, node in variables if _IMAGE.search(name)]
    kind = keys.get("kind")
    settings = items(keys.get("data")) if is_text(kind) and kind.value == "ConfigMap" else ()
    found += [(f"data.{key}", node, 0) for key, node in settings if _IMAGE.search(key)]
    found += [(f"relatedImages.{name}", node, 0) for name, node in related]
    found += [(f"{key} {match[1]}", one, match.end()) for key, one, match in options if match]
    for where, node, start in found:
        if is_text(node) and TAGGED.fullmatch(node.value[start:]) and _is_of_image(where, node.value[start:]):
            for image in sheet.image(node, where, not_editable=_OPERATOR, mounts=("/",)):
                ref = image.ref.cut(start, len(image.ref.value)) if image.ref.spans else Traced(node.value[start:], ())
                yield image._replace(ref=ref, start=ref.start if ref.spans else image.start)


def _is_of_image(where: str, value: str) -> bool:
    """Return whether what is called ``where`` may be an image: if more than the word for one is its name, a word with a
    number (``IMAGE_FORMAT: jpeg:80``) only is if that is an image's."""
    name, _, tag = value.partition(":")
    return bool(_NAMES_ONE.search(where)) or not tag.isdigit() or "/" in name or name in facts().official


def _defaults(given: Callable[[], dict[str, list[YamlNode]]], node: YamlNode | None) -> list[YamlNode | None]:
    """Return the values that a manifest gives the parameter that is an image."""
    named = _PARAMETER.fullmatch(node.value.strip()) if is_text(node) else None
    return [*given().get(named[1] or named[2] or named[3], [])] if named else []


def _given(places: list[YamlMapping]) -> dict[str, list[YamlNode]]:
    """Return the images that a manifest gives its parameters, by their names: defaults, and arguments."""
    found: dict[str, list[YamlNode]] = {}
    for place in places:
        for name, entry in (one for key in ("params", "parameters") for one in _named(place.keys.get(key))):
            keys = effective(entry)
            images = [keys[key] for key in ("default", "value") if _names_image(keys.get(key))]
            found.setdefault(name, []).extend(images)
    return found


def _names_image(node: YamlNode | None) -> bool:
    return is_text(node) and not _PARAMETER.search(node.value)


def _together(
    sheet: YamlFile, root: YamlNode | None, found: Iterable[Image | Container]
) -> Iterator[Image | Container]:
    """Yield the nodes of a manifest, images unsafe whose text also stands where no container has it: a list of related
    images, an annotation, a variable that an operator reads."""
    there = list(found)
    there += of_unknown_kind(sheet, root, frozenset(one.start for one in there if isinstance(one, Image)))
    values = Counter(child.value for _, child in positions(root) if is_scalar(child))
    images = Counter(one.ref.value for one in there if isinstance(one, Image) and one.not_editable != _OPERATOR)
    for one in there:
        image = one.image if isinstance(one, Container) else one
        if image and ":" in image.ref.value and values[image.ref.value] > images[image.ref.value]:
            image = image._replace(unsafe_reasons=(*image.unsafe_reasons, because("same-name")))
            one = one._replace(image=image) if isinstance(one, Container) else image
        yield one


def _stays(path: str, keys: dict[str, YamlNode], places: tuple[Of, ...]) -> Reason | None:
    """Return why the image of a container, by its spellings, is not edited, or None."""
    policy = keys.get("imagePullPolicy")
    if (is_text(policy) and policy.value == "Never") or unpulled(path, places):
        return because("never-pulled")
    return None if _PIECES.isdisjoint(keys) else because("other-keys")


def _named(node: YamlNode | None) -> Iterator[tuple[str, YamlNode]]:
    for index, child in enumerate(sequence(node)):
        name = effective(child).get("name")
        yield (name.value if is_text(name) else str(index)), child


def _fleeting(pod: dict[str, YamlNode]) -> Iterator[str]:
    """Yield the names of the volumes of a pod that keep nothing which it writes once it is replaced."""
    for name, volume in _named(pod.get("volumes")):
        kinds = effective(volume).keys() - {"name"}
        if kinds and kinds <= _FLEETING:
            yield name


def _mounts(keys: dict[str, YamlNode], but: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield where volumes are mounted in a container, ``but`` those of some names."""
    for name, mount in _named(keys.get("volumeMounts")):
        path = effective(mount).get("mountPath")
        if is_text(path) and name not in but:
            yield path.value.rstrip("/") or "/"


def _container(
    name: str, keys: dict[str, YamlNode], pod: dict[str, YamlNode], image: Image, mounts: tuple[str, ...]
) -> Container:
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
        mounts,
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
