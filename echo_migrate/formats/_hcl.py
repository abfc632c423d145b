"""Files in HCL, or in JSON of the same form, and images in them whose names are in variables: those of Terraform, Nomad
and Packer have their defaults in the same file."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from echo_migrate.files import hcl, json
from echo_migrate.files.source import Edit, Source, Traced
from echo_migrate.files.values import NotRead, Value, alike
from echo_migrate.images.reference import parse as reference
from echo_migrate.images.upstream import facts
from echo_migrate.model import Image
from echo_migrate.model.reasons import Reason, because

_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
_CALLED = re.compile(r"(?i)(?:^|[._-])images?(?:_(?:name|ref|reference|uri|url))?$")


class Named(NamedTuple):
    """A value that has a name: ``default`` is true if whoever runs the file may replace it; ``line`` counts from 1."""

    name: str
    value: Value
    default: bool
    line: int


def read_body(source: Source) -> Value:
    """Return the body of a file, in JSON if its name ends so. Raises ``NotRead``."""
    return json.read(source.text) if source.path[-5:].lower() == ".json" else hcl.read(source.text)


def verify(before: Source, after: Source, edits: Iterable[Edit]) -> str | None:
    """Return why ``after``, made from ``before`` by ``edits``, must not replace it, or None: no other value may
    change."""
    try:
        old, new = read_body(before), read_body(after)
    except NotRead as error:
        return f"the changed file {error}"
    return None if alike(old, new, sorted(edits)) else "something else than an image would change"


def names(root: Value, text: str) -> dict[str, Named]:
    """Return the values that expressions refer to by name: the defaults of variables and the locals of a file."""
    found: dict[str, Named] = {}
    for kind, blocks in root.items:
        if kind == "variable":
            for label, body in blocks.items:
                default = dict(body.items).get("default")
                if default:
                    found[f"var.{label}"] = Named(label, default, True, _line(text, default))
        elif kind == "locals":
            for name, value in blocks.items:
                found[f"local.{name}"] = Named(name, value, False, _line(text, value))
    return found


def values(root: Value, text: str) -> dict[str, Named]:
    """Return the values that a file of nothing else gives the variables of a module."""
    return {name: Named(name, value, False, _line(text, value)) for name, value in root.items}


def named(node: Value, known: dict[str, Named]) -> Named | None:
    """Return the text that an expression refers to, if it is no more than a name."""
    one = known.get(node.value.strip()) if node.kind == "other" else None
    return one if one and one.value.text else None


def image_of(node: Value, known: dict[str, Named], text: str, where: str) -> Image | None:
    """Return the image that a value names, as a text or by a name; None if that is not in the file."""
    other = named(node, known)
    node = other.value if other else node
    if not node.text:
        return None
    place = node.traced
    start, end = (place.start, place.end) if place.spans else (node.start, node.end)
    unsettled = tuple(dict.fromkeys(_VARIABLE.findall(node.text)))
    broken = "%{" in node.text or "${" in _VARIABLE.sub("", node.text)
    image = Image(place, where, start, end, not_editable=because("expression") if broken else None, unsettled=unsettled)
    settled = [known.get(name.strip()) for name in unsettled]
    if unsettled and not broken and all(one and one.value.text and "$" not in one.value.text for one in settled):
        values = {name: one.value.text for name, one in zip(unsettled, settled, strict=True) if one}
        ref = Traced(_VARIABLE.sub(lambda match: values[match[1]], node.text), ())
        line = next(str(one.line) for one in settled if one)
        reason = because("set-by-variable", name=unsettled[0].strip(), line=line)
        image = image._replace(ref=ref, unsettled=(), not_editable=reason)
    if other:
        image = image._replace(unsafe_reasons=(because("default") if other.default else _shared(other),))
    return image


def listed(known: dict[str, Named], used: set[int]) -> Iterator[Image]:
    """Yield the images that variables and locals are called after, but for those that the file uses as such: another
    file of the module does."""
    for name, one in known.items():
        for node, path in _texts(one.value, name):
            place = node.traced
            if place.spans and place.start not in used and _CALLED.search(path) and _is_container(node.text):
                reason = because("default") if one.default else _shared(one)
                yield Image(place, path, place.start, place.end, unsafe_reasons=(reason,))


def _texts(node: Value, path: str) -> Iterator[tuple[Value, str]]:
    """Yield the texts in a value, each with its path."""
    if node.text:
        yield node, path
    for key, value in node.items:
        yield from _texts(value, f"{path}.{key}")
    for value in node.each:
        yield from _texts(value, path)


def _is_container(value: str) -> bool:
    """Return whether a text is a reference with a tag, or an image of a vendor: machine images have names as well."""
    try:
        certain = reference(value).tag or value.startswith(tuple(f"{one}/" for one in facts().hardened))
    except ValueError:
        return False
    return bool(certain) and "$" not in value and "://" not in value


def _shared(one: Named) -> Reason:
    return because("variable-shared", name=one.name)


def _line(text: str, value: Value) -> int:
    return text.count("\n", 0, value.start) + 1
