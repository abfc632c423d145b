"""A label that names another base image than the stage is based on."""

from collections.abc import Iterator

from echo_migrate.dockerfile.parser import Instruction
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.files.source import Traced
from echo_migrate.images.catalog import Catalog
from echo_migrate.images.reference import Reference, parse
from echo_migrate.model import Finding
from echo_migrate.rules._readiness import root_of
from echo_migrate.rules._rule import Context, rule

NAME = "org.opencontainers.image.base.name"
DIGEST = "org.opencontainers.image.base.digest"


@rule(on=Stage, level="note")
def stale_base_label(stage: Stage, context: Context) -> Iterator[Finding]:
    written = [one for one in stage.instructions if one.verb == "label" and ".base." in one.args.value]
    image = root_of(stage, context.effective_bases) if written and stage.ships == "layers" else None
    if image is None or image.local or "$" in context.source.text[image.start : image.end]:
        return
    labels = {key: (value, place) for one in written for key, value, place in _labels(one)}
    effective = context.effective_bases[image]
    moves = effective.target and context.moves[image].state != "needs-person"
    base = effective.reference if moves else image.ref.value
    named, place = labels.get(NAME, ("", None))
    stale = _differs(named, base, context.settings.catalog)
    if place and stale:
        message = (
            f"but {image.shown} would move to {base}: change both" if moves else f"but it is {base}: change the label"
        )
        yield Finding(place.start, place.end, f"label names {named} as base, {message}")
    digest, place = labels.get(DIGEST, ("", None))
    actual = _parsed(base)
    if place and digest and "$" not in digest:
        message = ""
        if moves and (stale or not named):
            message = f"the label has the digest of {image.shown}, which would move to {base}: change both"
        elif actual and actual.digest and actual.digest != digest:
            message = f"the base digest in the label is not that of FROM: use {actual.digest}"
        if message:
            yield Finding(place.start, place.end, message)


def _labels(instruction: Instruction) -> Iterator[tuple[str, str, Traced]]:
    """Yield the labels of a LABEL: key, value with its variables unexpanded, and their source span."""
    for key, value in instruction.pairs():
        whole = Traced.join([key, value]) if value and value.spans else key
        yield instruction.unquoted(key).value, instruction.unquoted(value).value if value else "", whole


def _parsed(value: str) -> Reference | None:
    try:
        return parse(value)
    except ValueError:
        return None


def _differs(label: str, base: str, catalog: Catalog) -> bool:
    """Return whether a label certainly names another image; a part that only one of the two has is no difference."""
    named, actual = _parsed(label), _parsed(base)
    if named is None or actual is None or "$" in label:
        return False
    if catalog.path(named) != catalog.path(actual):
        return True
    if named.digest and actual.digest:
        return named.digest != actual.digest
    tag = actual.tag or ("" if actual.digest else "latest")
    return bool(named.tag and tag) and named.tag != tag
