"""An image with no tag or the tag latest, which can change between builds."""

from collections.abc import Iterator

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.images.end_of_life import has_releases
from echo_migrate.images.reference import is_open, parsed
from echo_migrate.model import Finding, Image, Migration
from echo_migrate.rules._purpose import is_in_tests, is_of_a_build, is_of_a_command
from echo_migrate.rules._rule import Context, rule

_VERSIONED = lazy_regex(
    r"^(?:registry\.(?:access\.redhat\.com|redhat\.io)/|(?:docker\.io/)?redhat/)?(?:rhel|ubi)\d+(?:[/.-]|$)",
    needs=("rhel", "ubi"),
)
"""Red Hat's repositories, whose names have the version: ``latest`` is the newest build of it (catalog.redhat.com)."""


@rule(on=Image, level="warning", also=("DL3006", "DL3007"))
def floating_tag(image: Image, context: Context) -> Iterator[Finding]:
    move = context.moves[image]
    if image.local or image.not_editable or move.hardened or is_open(image.ref.value):
        return
    if image.parts and not image.parts.tag:
        return  # the tag is set in another file
    if not is_of_a_build(image) and (is_of_a_command(image) or not _has_versions(move, context)):
        return  # nobody pins it: a version is not known, or the image is that of the project itself
    used = image.settled
    reference = None if is_open(used.ref.value) else parsed(used.ref.value)
    if reference is None or context.settings.catalog.place(reference):
        return  # which tags a vendor offers is not the user's choice
    if _VERSIONED.search(reference.name):
        return
    bare = move.upstream is None and "/" not in reference.name  # most likely a local build or a named build context
    if reference.digest is None and reference.tag in (None, "latest") and not bare:
        tag = "uses the tag latest" if reference.tag else "has no tag"
        # a default that builds replace: the image is one of the project
        own = move.upstream is None and "$" in context.source.text[image.start : image.end]
        idle = own or is_in_tests(image, context)
        yield Finding(image.start, image.end, f"{used.shown} {tag}: use a version", quiet=idle)


def _has_versions(move: Migration, context: Context) -> bool:
    """Return whether an image is a public one that is known to have a tag for each version."""
    name = "" if move.likely else move.upstream or ""
    return name in context.settings.catalog.facts.official or has_releases(name)
