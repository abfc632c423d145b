"""An image that is most likely an upstream one under another name: repackaged, mirrored, or misspelt."""

from collections.abc import Iterator

from echo_migrate.model import Finding, Fix, Image
from echo_migrate.rules._rule import Context, rule


@rule(on=Image, level="note", fixable=True)
def likely_image(image: Image, context: Context) -> Iterator[Finding]:
    move = context.moves[image]
    if not move.likely or move.target is None or move.state not in ("migrate", "needs-person"):
        return
    message = f"{image.shown} may be {move.upstream}, which has a hardened image, {move.target}"
    message += f"; {'not a safe move' if move.edits else 'needs a person'}: {move.reason}"
    fix = Fix(move.edits, f"use {move.target}", safe=False) if move.edits else None
    yield Finding(image.start, image.end, message, fix, basis=move.basis)
