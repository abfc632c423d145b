"""A copy of a public image under another name: repackaged, mirrored or misspelled."""

from collections.abc import Iterator

from echo_migrate.model import Finding, Fix, Image
from echo_migrate.rules._rule import Context, moving, rule


@rule(on=Image, level="note", fixable=True, former=("likely-image",))
def renamed_image(image: Image, context: Context) -> Iterator[Finding]:
    move = context.moves[image]
    if not move.likely or move.target is None or move.state not in ("migrate", "needs-person"):
        return
    fix = Fix(move.edits, f"use {move.target}", safe=False) if move.edits else None
    yield Finding(image.start, image.end, moving(move), fix, basis=move.basis, reasons=move.reasons)
