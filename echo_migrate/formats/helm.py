"""Helm values: images as one text, or as separate keys for registry, repository and tag.

Sources of the forms: helm.sh, "Best Practices: Values"; bitnami/charts and prometheus-community/helm-charts.
"""

import os
import re
from collections.abc import Iterator
from typing import TypeGuard

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Source
from echo_migrate.files.tree import real, top
from echo_migrate.files.yaml import ScalarNode, YamlNode, is_mapping, is_scalar, is_text
from echo_migrate.formats import NO_REQUEST, Request
from echo_migrate.formats._charts import VALUES, Chart, chart
from echo_migrate.formats._environment import variables_of
from echo_migrate.formats._platforms import of_pod
from echo_migrate.formats._templates import literals
from echo_migrate.formats._yaml import NO_NAME as NAME
from echo_migrate.formats._yaml import YAML, Node, YamlFile, YamlMapping, nodes, verify, walk
from echo_migrate.images.reference import parse as reference
from echo_migrate.model import Image
from echo_migrate.model.reasons import Reason, because

__all__ = ["NAME", "candidate", "parse", "recognise", "verify"]

_IMAGE = lazy_regex(
    r"(?m)^[ \t-]*[\"']?(?:(?=\w*[iI]mage)\w++|repository)[\"']?[ \t]*:|[{,][ \t]*(?:image|repository)[ \t]*:"
)
_TAGS = ("tag", "imageTag")
_REPOSITORIES = ("imageRepository", "imageRepo", "imageName")
_DIGESTS = ("digest", "sha", "sha256")
_PIECES = frozenset((*_TAGS, *_DIGESTS, "registry", "repository"))
_PINS = "@sha256"
"""What a repository ends in whose tag is the rest of a digest: a template puts the colon between them."""
_BESIDE = (_PIECES - {"repository"}) | {"pullPolicy", "imagePullPolicy", "pullSecrets"}
_OF_A_CONTAINER = _BESIDE | {"args", "command", "env", "imagePullSecrets", "ports"}
_MORE = lazy_regex(r"(?i)version|suffix|variant|flavou?r|edition|release|prefix|^org|arch|^os$|platform|distro|hub")
_REGISTRY = lazy_regex(r"(?i)registry$|^hub$|imageprefix$|repositoryprefix$")
_OTHER_FILE = lazy_regex(r"(?i)\.(?:git|gif|ico|jpe?g|png|svg|webp|avif|qcow2|iso|img)$")
_DEPLOYING = ("Chart.yaml", "helmfile.yaml", "helmfile.yml", "helmfile.yaml.gotmpl")
_UNSEEN = ("/",)
"""The volumes of the templates are not read, so any path may be mounted."""

_ABOVE = because("registry-above")
_NO_CHART = because("chart-registry")
_OVERLAY = because("values-overlay")
_NO_TAG = because("chart-tag")
_OTHER_KEYS = because("other-keys")
_UNREAD = because("value-unread")


def candidate(path: str) -> bool:
    return bool(YAML.fullmatch(path))


def recognise(path: str, text: str) -> bool:
    """Return whether a file has the name of a values file, or is in the ``ci`` folder of a chart, or in a folder of
    values beside a chart or a Helmfile."""
    folder, _, name = path.rpartition("/")
    if not candidate(path) or not _IMAGE.search(text):
        return False
    if name != "Chart.yaml" and "/ci/" in path and chart(folder) is not None:
        return True
    return bool(VALUES.fullmatch(name)) or (folder.rpartition("/")[2] == "values" and _is_deployed(folder))


def _is_deployed(folder: str) -> bool:
    """Return whether a chart or a Helmfile lies beside a folder."""
    above = os.path.dirname(os.path.abspath(folder))
    return any(os.path.isfile(os.path.join(above, name)) for name in _DEPLOYING)


def parse(source: Source, request: Request = NO_REQUEST) -> list[Node]:
    """Return the images, ignore comments and problems of a values file; never raises."""
    sheet = YamlFile(source)
    if sheet.templated:
        return nodes(sheet, literals(source.text), request)
    roots = [root for root in sheet.roots if is_mapping(root)]  # a list is the data of something else
    return nodes(sheet, (image for root in roots for image in images_in(sheet, root)), request)


def images_in(sheet: YamlFile, root: YamlNode | None) -> Iterator[Image]:
    """Yield the images in the values of a chart."""
    known = chart(sheet.path)
    others = known.others(sheet.path) if known else set()
    given = known.set_by() if known else {}
    of_chart = known is not None or chart(os.path.dirname(sheet.path)) is not None  # values for tests are in its "ci"
    places = list(walk(root))
    around = {place.path: place.keys for place in places}
    prefixed = {place.path for place in places if _prefixes(place)}
    everywhere = any(path[:1] == ("global",) for path in prefixed)
    read = known.keys if known else None
    for place in places:
        keys, path = place.keys, place.path
        unread = _UNREAD if read is not None and path and path[0] not in read else None
        beside = [keys, *([around[path[:-1]]] if path[-1:] == ("image",) and path[:-1] in around else [])]
        variables = tuple(name for one in beside for name in variables_of(one))
        platform = of_pod(keys) or of_pod(around.get(path[:-1], {}))
        above = _ABOVE if everywhere or any(path[:end] in prefixed for end in range(len(path))) else None
        overlaid = [_OVERLAY] if others is None or path in others else []
        overlaid += [because("values-set", path=_shown(given[path]))] if path in given else []
        alone = not _is_own(sheet.path, path, known)
        name, text = _name(place)
        if text is not None:
            shared = None if known is None or _hosted(text) else _shared_registry(place, around, known)
            tag = next((keys[key] for key in _TAGS if key in keys), None)
            unsafe_reasons = [_NO_CHART] if alone and not _hosted(text) and not _has_registry(keys, known) else []
            unsafe_reasons += [] if is_text(tag) else [_NO_TAG]
            unsafe_reasons += [_OTHER_KEYS] if any(map(_MORE.search, keys)) else []
            yield from sheet.parted(
                text,
                shared or keys.get("registry"),
                tag,
                place.where(name),
                digest=next((keys[key] for key in _DIGESTS if is_text(keys.get(key))), None),
                not_editable=unread
                or _stays(keys)
                or (because("digest-key") if text.value.endswith(_PINS) else None)
                or above
                or (_ABOVE if shared else None)
                or (_OTHER_KEYS if "imageRegistry" in keys else None),
                unsafe_reasons=(*unsafe_reasons, *overlaid),
                mounts=_UNSEEN,
                variables=variables,
                platform=platform,
            )
        for key, node in keys.items():
            if key != name and _names_image(node, key) and (of_chart or not _is_word(keys, node)):
                joined = known is not None and (known.adds or known.defaults)
                whole = key == "image" and not joined
                unsafe_reasons = [_NO_CHART] if alone and not whole and not _hosted(node) else []
                not_editable = _OTHER_KEYS if key == "image" and not _PIECES.isdisjoint(keys) else above
                yield from sheet.image(
                    node,
                    place.where(key),
                    not_editable=unread
                    or (_UNREAD if read is not None and not path and key not in read else not_editable),
                    unsafe_reasons=(*unsafe_reasons, *overlaid),
                    mounts=_UNSEEN,
                    variables=variables,
                    platform=platform,
                )


def _shown(path: str) -> str:
    return os.path.relpath(path, real(top(path)))


def _shared_registry(
    place: YamlMapping, around: dict[tuple[str, ...], dict[str, YamlNode]], known: Chart
) -> ScalarNode | None:
    """Return the registry that a chart's templates take for an image whose own one is empty; None if it is not, they
    take none, or the values set none."""
    registry = place.keys.get("registry")
    if not is_scalar(registry) or is_text(registry):
        return None
    *path, key = known.shared.get(".".join((*place.path, "registry")), "").split(".")
    found = around.get(tuple(path), {}).get(key)
    return found if is_text(found) else None


def _is_own(file: str, path: tuple[str, ...], known: Chart | None) -> bool:
    """Return whether values are those of a chart whose templates add nothing to names, by how the name of their file
    begins, and not those of a dependency."""
    main = os.path.basename(file).lower().startswith("values")
    return (
        known is not None
        and not known.adds
        and not known.defaults
        and main
        and not known.dependencies.intersection(path[:1])
    )


def _has_registry(keys: dict[str, YamlNode], known: Chart | None) -> bool:
    """Return whether there is a registry key, which templates do not fill in, and none of them adds to names."""
    registry = keys.get("registry")
    filled = known is not None and known.defaults and not (is_text(registry) and registry.value)
    return registry is not None and not filled and not (known and known.adds)


def _prefixes(place: YamlMapping) -> bool:
    """Return whether a mapping has a registry that may be prefixed to images below it, not that of its own image."""
    own = "repository" in place.keys or "image" in place.keys or "name" in place.keys
    return any(is_text(node) and _REGISTRY.search(key) for key, node in place.keys.items()) and not own


def _stays(keys: dict[str, YamlNode]) -> Reason | None:
    """Return why an image must not be edited, given the keys next to its name, or None."""
    if any(is_text(node) and node.value == "Never" for node in map(keys.get, ("pullPolicy", "imagePullPolicy"))):
        return because("never-pulled")
    return None


def _name(place: YamlMapping) -> tuple[str, ScalarNode | None]:
    """Return the key and scalar of an image name whose other parts have separate keys in the mapping; "" and None if
    there is none."""
    keys = place.keys
    within = bool(place.path) and "image" in place.path[-1].lower()
    repository = keys.get("repository")
    if is_text(repository) and is_text(keys.get("image")):
        return "", None  # their roles are not known
    if is_text(repository) and _plain(repository) and (within or not _BESIDE.isdisjoint(keys)):
        return "repository", repository
    for key in ("image", "name"):
        node = keys.get(key)
        if is_text(node) and any(one in keys for one in _TAGS) and (key == "image" or within):
            return (key, node) if _plain(node) and ":" not in node.value.rpartition("/")[2] else ("", None)
    for key in _REPOSITORIES:
        node = keys.get(key)
        if is_text(node) and _plain(node) and ("/" in node.value or any(one in keys for one in _TAGS)):
            return (key, node) if ":" not in node.value.rpartition("/")[2] else ("", None)
    return "", None


def _names_image(node: YamlNode, key: str) -> TypeGuard[ScalarNode]:
    """Return whether the text of a key is an image: that of ``image``, or of a key such as ``initImage`` or
    ``imageName`` with a full reference."""
    if not is_scalar(node) or not node.value or "{{" in node.value:
        return False
    if key == "image":
        return _plain(node)
    written = re.split(r"[:/@]", node.value)
    return key.endswith(("Image", "imageName")) and len(written) > 1 and _plain(node)


def _is_word(keys: dict[str, YamlNode], node: ScalarNode) -> bool:
    """Return whether a text is one word, and nothing beside it says that it is an image: away from a chart, it may be
    the name of a picture."""
    return not re.search(r"[:/@]", node.value) and _OF_A_CONTAINER.isdisjoint(keys)


def _plain(node: ScalarNode) -> bool:
    try:
        reference(node.value.removesuffix(_PINS))
    except ValueError:
        return False
    return "://" not in node.value and not _OTHER_FILE.search(node.value)


def _hosted(node: ScalarNode) -> bool:
    """Return whether a name begins with its registry."""
    try:
        return bool(reference(node.value.removesuffix(_PINS)).registry)
    except ValueError:
        return False
