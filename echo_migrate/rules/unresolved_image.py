"""An image reference that cannot be resolved from the file alone."""

from collections.abc import Iterator

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.model import Finding, Image
from echo_migrate.rules._purpose import is_of_a_build
from echo_migrate.rules._rule import Context, rule, with_remedy

_FILLED_IN = lazy_regex(r"\$\{[\w-]+\.[\w.-]+\}")
"""A property, which no Dockerfile can have as a variable: its name has a dot."""

_GIVEN = lazy_regex(r"\$\{?(?:BUILD_FROM|CROSS_BASE_IMAGE)\b", needs=("build_from", "cross_base_image"))
"""Build arguments that a tool always gives: Home Assistant's builder (developers.home-assistant.io, apps), and cross
(github.com/cross-rs/cross, docs/custom_images.md)."""


@rule(on=Image, level="note", also=("UndefinedArgInFrom", "InvalidDefaultArgInFrom"))
def unresolved_image(image: Image, context: Context) -> Iterator[Finding]:
    move = context.moves[image]
    placeholder = any(reason.id == "template" for reason in move.reasons)
    if move.state == "needs-person" and move.upstream is None and not image.templated and not placeholder:
        message = f"{image.shown}: {move.reason}"
        # who deploys it, fills in a template of Maven or builds it with a tool sets them; the summary counts it
        filled = _FILLED_IN.search(image.ref.value) or _GIVEN.search(image.ref.value)
        quiet = not is_of_a_build(image) or bool(filled)
        yield Finding(image.start, image.end, with_remedy(message, move.reasons[0]), reasons=move.reasons, quiet=quiet)
