"""Parameters of OpenShift templates, whose values a manifest fills into its images.

Syntax: docs.openshift.com, "Using templates" (``parameters``: ``name``, ``value``, ``generate``), read in 2026-11.
"""

from collections.abc import Iterable, Iterator

from echo_migrate.dockerfile.container import Container
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Traced
from echo_migrate.files.yaml import ScalarNode, YamlNode, effective, is_text, sequence
from echo_migrate.images.reference import variables
from echo_migrate.model import Image
from echo_migrate.model.reasons import because

_PARAMETER = lazy_regex(r"\$\{(\w+)\}")
_LONGEST = 300
"""The maximum length of a reference and of a value in characters, more than a registry takes."""


def filled(root: YamlNode | None, found: Iterable[Image | Container]) -> Iterator[Image | Container]:
    """Yield the nodes of a manifest; if it is a template, images with the values that it gives its parameters."""
    given = dict(_given(root))
    for node in found:
        image = node.image if isinstance(node, Container) else node
        if image and len(image.ref.value) < _LONGEST and not given.keys().isdisjoint(image.unsettled):
            image = _settled(image, given)
            node = node._replace(image=image) if isinstance(node, Container) else image
        yield node


def _given(root: YamlNode | None) -> Iterator[tuple[str, ScalarNode]]:
    """Yield the parameters of a template that have a value, by name."""
    keys = effective(root)
    kind = keys.get("kind")
    if is_text(kind) and kind.value == "Template":
        for one in map(effective, sequence(keys.get("parameters"))):
            name, value = one.get("name"), one.get("value")
            if (
                is_text(name)
                and is_text(value)
                and value.value
                and len(value.value) < _LONGEST
                and "$" not in value.value
            ):
                yield name.value, value


def _settled(image: Image, given: dict[str, ScalarNode]) -> Image:
    """Return an image with the values of its parameters, as far as there are any."""
    written = _PARAMETER.sub(lambda match: given[match[1]].value if match[1] in given else match[0], image.ref.value)
    name = next(one for one in image.unsettled if one in given)
    others = variables(written)
    place = because("set-by-variable", name=name, line=str(given[name].start_mark.line + 1))
    known = not variables(written.rpartition(":")[0] or written)
    return image._replace(
        ref=Traced(written, ()),
        unsettled=others,
        templated=bool(others),
        not_editable=image.not_editable or (place if known else None),
    )
