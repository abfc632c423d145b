"""A public image that the provider offers in a hardened form."""

from collections.abc import Iterator

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.model import Finding, Fix, Image, Migration
from echo_migrate.rules._purpose import is_in_tests
from echo_migrate.rules._rule import Context, moving, rule

_PIPELINES = ("ci", "github", "gitlab")
_BESIDE_A_JOB = lazy_regex(r"(?:^|\.)services\.|(?:^|[. ])(?:docker|nerdctl|podman) run$")
"""What a job has beside it, or runs once: images that are not shipped, and that nothing is built on."""


@rule(on=Image, level="warning", also=("DL3026",), fixable=True, former=("mapped-image",))
def unhardened_image(image: Image, context: Context) -> Iterator[Finding]:
    move = context.moves[image]
    if move.upstream is None or move.target is None or move.likely or move.state not in ("migrate", "needs-person"):
        return
    fix = Fix(move.edits, f"use {move.target}", move.safe) if move.edits else None
    finding = Finding(image.start, image.end, moving(move), fix, basis=move.basis, reasons=move.reasons)
    if image.not_editable:
        in_tests = image.not_editable.id == "report-only" and is_in_tests(image, context)  # which nobody edits by hand
        finding = finding._replace(level="note", quiet=in_tests or not image.not_editable.remedy)
    elif context.kind in _PIPELINES and _BESIDE_A_JOB.search(image.where) and not _matters(move):
        finding = finding._replace(level="note")
    yield finding


def _matters(move: Migration) -> bool:
    """Return whether there is more to an image than where a job pulls it from: another host runs it, or its line has
    ended, which is told here."""
    return any(reason.id in ("ended", "other-host") for reason in move.reasons)
