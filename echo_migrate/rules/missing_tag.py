"""A hardened image with a tag that its vendor is not known to have."""

from collections.abc import Iterator

from echo_migrate.images.reference import parsed
from echo_migrate.model import Finding, Image
from echo_migrate.rules._rule import Context, rule


@rule(on=Image, level="warning")
def missing_tag(image: Image, context: Context) -> Iterator[Finding]:
    reference = None if image.local else parsed(image.ref.value)
    if reference is None or not context.settings.catalog.place(reference):
        return
    from echo_migrate.images.vendor_tags import missing  # most files name no image of a vendor

    found = missing(reference, context.settings.catalog)
    if found:
        message = f"{image.shown}: {found.vendor} has no such tag in the list of {found.date}"
        message += f" (nearest: {found.nearest})" if found.nearest else ""
        yield Finding(image.start, image.end, message)
