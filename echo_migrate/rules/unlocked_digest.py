"""A digest of a hardened image that is not the one in the lock file."""

from collections.abc import Iterator

from echo_migrate.images.reference import full_name, parsed
from echo_migrate.model import Finding, Image
from echo_migrate.rules._rule import Context, rule


@rule(on=Image, level="warning")
def unlocked_digest(image: Image, context: Context) -> Iterator[Finding]:
    catalog, value = context.settings.catalog, image.ref.value
    reference = parsed(value) if catalog.answers and catalog.answers.locked else None
    if not reference or not reference.digest or not reference.tag or not value.startswith(f"{catalog.registry}/"):
        return
    assert catalog.answers is not None
    answer = catalog.answers.image(full_name(reference._replace(digest=None)))
    plain = value.partition("@")[0]
    if answer is None or answer.status != "available":
        yield Finding(image.start, image.end, f"{plain} is not in the lock file: run echo-migrate lock")
    elif answer.digest != reference.digest:
        message = f"{image.shown} is not the image in the lock file, @{answer.digest[:13]}…"
        yield Finding(image.start, image.end, message)
