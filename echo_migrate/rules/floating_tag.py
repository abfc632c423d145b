"""An image with no tag or the tag latest, which can change between builds."""

from collections.abc import Iterator

from echo_migrate.images.reference import is_open, parsed
from echo_migrate.model import Finding, Image
from echo_migrate.rules._rule import Context, rule


@rule(on=Image, level="warning", also=("DL3006", "DL3007"))
def floating_tag(image: Image, context: Context) -> Iterator[Finding]:
    move = context.moves[image]
    if image.local or image.not_editable or move.state == "hardened" or is_open(image.ref.value):
        return
    if image.parts and not image.parts.tag:
        return  # the tag is set in another file
    reference = parsed(image.ref.value)
    if reference is None:
        return
    bare = move.upstream is None and "/" not in reference.name  # most likely a local build or a named build context
    if reference.digest is None and reference.tag in (None, "latest") and not bare:
        tag = "uses the tag latest" if reference.tag else "has no tag"
        yield Finding(image.start, image.end, f"{image.shown} {tag}: use a version")
