"""The whole build context in the final image, without a .dockerignore."""

from collections.abc import Iterator

from echo_migrate.dockerfile.stages import Stage
from echo_migrate.files.tree import ignore_file
from echo_migrate.model import Finding
from echo_migrate.rules._purpose import of_shipped_images
from echo_migrate.rules._rule import Context, rule


@rule(on=Stage, level="warning")
@of_shipped_images
def whole_context_copy(stage: Stage, context: Context) -> Iterator[Finding]:
    for copy in stage.copies if stage.ships else ():
        whole = next((one.value for one in copy.sources if one.value in (".", "./", "/")), "")
        if whole and not copy.origin:
            if ignore_file(context.source.path):
                return
            verb = copy.instruction.verb.upper()
            message = f"{verb} {whole} includes .git, .env and build output: the context needs a .dockerignore"
            yield Finding(copy.instruction.start, copy.instruction.end, message)
            return
