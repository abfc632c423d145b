"""A copy of a public image under another name: repackaged, mirrored or misspelled."""

from collections.abc import Iterator

from echo_migrate.model import Finding, Fix, Image
from echo_migrate.rules._rule import LONGEST, Context, also, moving, rule


@rule(on=Image, level="note", fixable=True, former=("likely-image",))
def renamed_image(image: Image, context: Context) -> Iterator[Finding]:
    move = context.moves[image]
    if not move.likely or move.target is None or move.state not in ("migrate", "needs-person"):
        return
    if image.not_editable and image.not_editable.id == "report-only":
        return  # a guess, in a file that only its author changes
    guess = [reason for reason in move.reasons if reason.id == "guess"]
    others = [reason for reason in move.reasons if reason.id != "guess"]
    move = move._replace(reasons=(*guess, *others))
    if move.edits:
        fix = Fix(move.edits, f"use {move.target}", safe=False)
        yield Finding(image.start, image.end, moving(move), fix, basis=move.basis, reasons=move.reasons)
        return
    message = ": ".join([image.shown, *(reason.message for reason in guess)])
    message += f"; if {move.target} fits, add a row to a mapping file"
    message += also(others, LONGEST - len(message))
    yield Finding(image.start, image.end, message, basis=move.basis, reasons=move.reasons, quiet=True)
