"""An image or registry that has been removed, deprecated or frozen."""

from collections.abc import Iterator

from echo_migrate.images.reference import parsed
from echo_migrate.model import Finding, Image
from echo_migrate.rules._rule import Context, rule


@rule(on=Image, level="warning")
def retired_image(image: Image, context: Context) -> Iterator[Finding]:
    if image.local:
        return
    reference = parsed(image.ref.value)
    if reference is None:
        return
    fact = context.settings.catalog.retired(reference)
    if fact:
        since = f"has been deprecated since {fact.since}" if fact.since else "is deprecated"
        successor = f": use {fact.successor}" if fact.successor else ""
        yield Finding(image.start, image.end, f"{fact.name} {since}{successor}")
