"""Files built for another C library or language version than the stage they are copied to."""

from collections.abc import Iterator

from echo_migrate.dockerfile.stages import Stage
from echo_migrate.images.facts import facts_of
from echo_migrate.model import Finding
from echo_migrate.rules._readiness import root_of
from echo_migrate.rules._rule import Context, rule


@rule(on=Stage, level="warning")
def libc_mismatch(stage: Stage, context: Context) -> Iterator[Finding]:
    copies = [copy for copy in stage.copies if copy.origin and "$" not in copy.origin]
    image = root_of(stage, context.effective_bases) if copies and stage.ships == "layers" else None
    if image and _bound_at_all(image.ref.value, context):
        from echo_migrate.rules._copied_builds import mismatches  # few files copy from another stage or image

        yield from mismatches(stage, copies, context)


def _bound_at_all(value: str, context: Context) -> bool:
    """Return whether the C library of an image is known, or that it has none."""
    facts = facts_of(value, context.settings.catalog)
    return facts.libc is not None or facts.no_libc
