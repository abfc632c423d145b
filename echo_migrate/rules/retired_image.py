"""An image or registry that has been removed, deprecated or frozen."""

from collections.abc import Iterator

from echo_migrate.images.reference import parsed
from echo_migrate.model import Finding, Fix, Image
from echo_migrate.rules._rule import Context, rule


@rule(on=Image, level="warning", fixable=True)
def retired_image(image: Image, context: Context) -> Iterator[Finding]:
    reference = None if image.local else parsed(image.ref.value)
    fact = context.settings.catalog.moved(reference) if reference else None
    if not fact:
        return
    move = context.swaps.get(image)
    fix = Fix(move.edits, f"use {move.target}", move.safe) if move else None
    yield Finding(image.start, image.end, fact.message, fix, reasons=move.reasons if move else ())
