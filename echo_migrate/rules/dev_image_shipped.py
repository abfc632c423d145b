"""A vendor's image for building that ships, although nothing needs it."""

from collections.abc import Iterator

from echo_migrate.dockerfile.stages import Stage
from echo_migrate.images.reference import parsed
from echo_migrate.model import Finding
from echo_migrate.rules._readiness import root_of
from echo_migrate.rules._rule import Context, rule


@rule(on=Stage, level="note")
def dev_image_shipped(stage: Stage, context: Context) -> Iterator[Finding]:
    image = root_of(stage, context.effective_bases)
    if image is None or stage.ships != "layers" or not stage.top or stage.worked_in or not _needs_nothing(stage):
        return
    reference = parsed(image.ref.value)
    if reference is None or not context.settings.catalog.place(reference):
        return
    from echo_migrate.images.vendor_tags import runtime_tag  # most files name no image of a vendor

    tag = runtime_tag(reference, context.settings.catalog)
    if tag:
        message = f"{image.shown} has a shell and a package manager, and nothing here uses them: use {tag}"
        yield Finding(image.start, image.end, message)


def _needs_nothing(stage: Stage) -> bool:
    """Return whether a stage runs no command while it is built, and starts a program without a shell."""
    if any(one.runs or one.triggers for one in stage.lineage):
        return False
    starts = [stage.start_command(verb) for verb in ("entrypoint", "cmd", "healthcheck")]
    given = [one for one in starts if one and not one.empty]
    scripts = any(word.endswith(".sh") for one in given for word in one.words or ())  # which need the shell
    return bool(given) and not scripts and all(not one.shell and one.words is not None for one in given)
