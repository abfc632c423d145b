"""Images of Kubernetes resources that are no pods: custom resources, those of OpenShift, and a chart's values in a
resource of Flux or Argo CD.

The custom resources are those of ``mappings/places/resources.yaml``. Keys: docs.openshift.com, API reference 4.20
(``from`` of ImageStream and BuildConfig); fluxcd.io, HelmRelease (``spec.values``); argo-cd.readthedocs.io, Application
(``helm.valuesObject``), read in November 2026.
"""

from collections.abc import Iterator
from functools import lru_cache

from echo_migrate.files.data import read_data
from echo_migrate.files.yaml import YamlNode, effective, is_mapping, is_text, sequence
from echo_migrate.formats._yaml import YamlFile, YamlMapping
from echo_migrate.model import Image
from echo_migrate.reasons import because

_FLUX = "helm.toolkit.fluxcd.io"
_ARGO = "argoproj.io"


def images(sheet: YamlFile, root: YamlNode | None, group: str, kind: str, places: list[YamlMapping]) -> Iterator[Image]:
    """Yield the images that a resource names elsewhere than in a pod, given the group and the kind of its API and all
    its mappings."""
    for way in ways().get(f"{kind}.{group}", ()):
        for node in _follow(root, way.split(".")):
            yield from sheet.image(node, way, not_editable=because("operator-image"), mounts=("/",))
    for place in places:
        source = place.keys.get("kind")
        if place.path[-1:] == ("from",) and is_text(source) and source.value == "DockerImage":
            yield from sheet.image(place.keys.get("name"), place.where("name"))
    if group == _FLUX and kind == "HelmRelease":
        yield from _values(sheet, effective(effective(root).get("spec")).get("values"))
    elif group == _ARGO and kind in ("Application", "ApplicationSet"):
        for place in places:
            yield from _values(sheet, place.keys.get("valuesObject")) if place.path[-1:] == ("helm",) else ()


def _values(sheet: YamlFile, node: YamlNode | None) -> Iterator[Image]:
    """Yield the images in the values of a chart, which is in another repository."""
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
