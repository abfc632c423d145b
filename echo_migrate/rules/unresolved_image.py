"""An image reference that cannot be resolved from the file alone."""

from collections.abc import Iterator

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.model import Finding, Image
from echo_migrate.rules._purpose import is_of_a_build
from echo_migrate.rules._rule import Context, rule, with_remedy

_FILLED_IN = lazy_regex(r"\$\{[\w-]+\.[\w.-]+\}")
"""A property, which no Dockerfile can have as a variable: its name has a dot."""


@rule(on=Image, level="note", also=("UndefinedArgInFrom", "InvalidDefaultArgInFrom"))
def unresolved_image(image: Image, context: Context) -> Iterator[Finding]:
    move = context.moves[image]
    placeholder = any(reason.id == "template" for reason in move.reasons)
    if move.state == "needs-person" and move.upstream is None and not image.templated and not placeholder:
        message = f"{image.shown}: {move.reason}"
        # whoever deploys it, or fills in a template of Maven or the like, sets its variables; the summary counts it
        quiet = not is_of_a_build(image) or bool(_FILLED_IN.search(image.ref.value))
        yield Finding(image.start, image.end, with_remedy(message, move.reasons[0]), reasons=move.reasons, quiet=quiet)
