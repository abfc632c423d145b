"""Images of Kubernetes resources that are no pods: custom resources, those of OpenShift, and a chart's values in a
resource of Flux, Argo CD or k3s.

The custom resources are those of ``mappings/places/resources.yaml``. Keys: docs.openshift.com, API reference 4.20
(``from`` of ImageStream and BuildConfig); fluxcd.io, HelmRelease (``spec.values``); argo-cd.readthedocs.io, Application
(``helm.valuesObject``, and ``helm.values``, which is YAML in a text); docs.k3s.io, "Helm" (``spec.valuesContent`` of
HelmChart and HelmChartConfig, a text, and ``spec.values``), read in November 2026.
"""

from collections.abc import Iterator
from functools import lru_cache

from echo_migrate.files.data import read_data
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Source, Traced
from echo_migrate.files.yaml import YamlNode, effective, is_mapping, is_scalar, is_text, sequence, traced
from echo_migrate.formats._yaml import YamlFile, YamlMapping, walk
from echo_migrate.images.reference import TAGGED
from echo_migrate.model import Image
from echo_migrate.model.reasons import because

_IMAGE_KEY = lazy_regex(r"image|\w{1,80}Image")

_OF_ARGO = "Application.argoproj.io", "ApplicationSet.argoproj.io"
_CHARTS = {
    **dict.fromkeys(_OF_ARGO, ("valuesObject", "values")),
    **dict.fromkeys(("HelmChart.helm.cattle.io", "HelmChartConfig.helm.cattle.io"), ("values", "valuesContent")),
    "HelmRelease.helm.toolkit.fluxcd.io": ("values",),
}
"""The resources that give charts values, with the keys of these: in ``spec``, or in each ``helm`` of Argo CD."""


def images(sheet: YamlFile, places: list[YamlMapping]) -> Iterator[Image]:
    """Yield the images that a document names elsewhere than in a pod, given all its mappings: of its resource, and of
    those in it, as a list, a template of OpenShift or a set of Flux has them."""
    around: tuple[str, ...] | None = None  # the path of the resource whose values were read last
    for place in places:
        source = place.keys.get("kind")
        if place.path[-1:] == ("from",) and is_text(source) and source.value == "DockerImage":
            yield from sheet.image(place.keys.get("name"), place.where("name"))
        resource = _resource(place)
        for way in ways().get(resource, ()):
            key, *below = way.split(".")
            for node in _follow(place.keys.get(key), below):
                yield from sheet.image(node, way, not_editable=because("operator-image"), mounts=("/",))
        if resource in _CHARTS and (around is None or place.path[: len(around)] != around):
            around = place.path
            for values in _given(place, resource):
                yield from _values(sheet, values)


def of_unknown_kind(sheet: YamlFile, root: YamlNode | None, found: frozenset[int]) -> Iterator[Image]:
    """Yield the images in the ``spec`` of a custom resource, known or not, that no reader ``found`` at its place: the
    values of keys that say so, with registry and tag or digest, as an operator may expect images of its own."""
    keys = effective(root)
    version, kind = keys.get("apiVersion"), keys.get("kind")
    group = version.value.partition("/")[0] if is_text(version) and is_text(kind) else ""
    if "." not in group or group.endswith(".k8s.io") or not is_mapping(keys.get("spec")):
        return
    for place in walk(keys["spec"]):
        for key, node in place.keys.items():
            if _IMAGE_KEY.fullmatch(key) and is_text(node) and TAGGED.fullmatch(node.value):
                host, slash, _ = node.value.partition("/")
                if slash and "." in host and node.start_mark.index not in found:
                    for image in sheet.image(node, f"spec.{place.where(key)}", not_editable=because("operator-image")):
                        yield from [image._replace(mounts=("/",))] if image.start not in found else []


def _resource(place: YamlMapping) -> str:
    """Return the kind of a resource and the group of its API, joined by a dot; "" if a mapping is none."""
    kind, version = place.keys.get("kind"), place.keys.get("apiVersion")
    return f"{kind.value}.{version.value.rpartition('/')[0]}" if is_text(kind) and is_text(version) else ""


def _given(place: YamlMapping, resource: str) -> Iterator[YamlNode | None]:
    """Yield the values that a resource gives its charts."""
    spec = place.keys.get("spec")
    holders = [effective(spec)]
    if resource in _OF_ARGO:
        holders = [below.keys for below in walk(spec) if below.path[-1:] == ("helm",)]
    for holder in holders:
        yield from (holder.get(key) for key in _CHARTS[resource])


def _values(sheet: YamlFile, node: YamlNode | None) -> Iterator[Image]:
    """Yield the images in the values of a chart, which is in another repository: a mapping, or YAML in a block of
    text, of which they have the place alone."""
    if is_mapping(node):
        yield from _listed(sheet, node)
    elif is_scalar(node) and node.style == "|":
        inside = traced(node, sheet.text)
        begin = sheet.text.rfind("\n", 0, inside.start) + 1 if inside.spans else 0
        text = YamlFile(Source(sheet.path, sheet.text[begin : inside.end] if inside.spans else ""))
        for root in text.roots if not text.templated else ():
            for image in _listed(text, root):
                ref = Traced(image.ref.value, ())
                start, end = image.start + begin, image.end + begin
                yield image._replace(ref=ref, start=start, end=end, parts=None, depends_on=(), shared_spans=())


def _listed(sheet: YamlFile, node: YamlNode | None) -> Iterator[Image]:
    from echo_migrate.formats import helm

    for image in helm.images_in(sheet, node) if is_mapping(node) else ():
        yield image._replace(where=f"values.{image.where}", not_editable=because("chart-registry"))


def _follow(node: YamlNode | None, way: list[str]) -> Iterator[YamlNode]:
    """Yield the values at the end of a way of keys; ``*`` is any key or item."""
    if not way:
        yield from [node] if node is not None else []
    elif way[0] == "*":
        for one in (*effective(node).values(), *sequence(node)):
            yield from _follow(one, way[1:])
    else:
        yield from _follow(effective(node).get(way[0]), way[1:])


@lru_cache
def ways() -> dict[str, list[str]]:
    """Return the ways to the images of custom resources, by kind and group."""
    rows: dict[str, list[str]] = read_data("places/resources.yaml")
    return rows
