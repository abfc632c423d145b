"""An upstream image that the provider offers in a hardened form."""

from collections.abc import Iterator

from echo_migrate.model import Finding, Fix, Image
from echo_migrate.rules._rule import Context, rule


@rule(on=Image, level="warning", also=("DL3026",), fixable=True)
def mapped_image(image: Image, context: Context) -> Iterator[Finding]:
    move = context.moves[image]
    if move.upstream is None or move.target is None or move.likely or move.state not in ("migrate", "needs-person"):
        return
    message = f"{image.shown} has a hardened image, {move.target}"
    if move.basis == "convention":
        message += " (by naming convention, tag unconfirmed)"
    if move.reasons:
        message += f"; not a safe move: {move.reason}" if move.edits else f"; needs a person: {move.reason}"
    fix = Fix(move.edits, f"use {move.target}", move.safe) if move.edits else None
    finding = Finding(image.start, image.end, message, fix, basis=move.basis)
    yield finding._replace(level="note") if image.not_editable else finding
