"""The whole build context in the final image, without a .dockerignore."""

from collections.abc import Iterator

from echo_migrate.dockerfile.stages import Stage
from echo_migrate.files.tree import ignore_file, real, top
from echo_migrate.model import Finding
from echo_migrate.rules._purpose import of_shipped_images
from echo_migrate.rules._rule import Context, rule


@rule(on=Stage, level="warning")
@of_shipped_images
def whole_context_copy(stage: Stage, context: Context) -> Iterator[Finding]:
    for copy in stage.copies if stage.ships else ():
        whole = next((one.value for one in copy.sources if one.value in (".", "./", "/")), "")
        if whole and not copy.origin:
            path = context.source.path
            folders = context.folders(path)
            if ignore_file(path, folders):
                return
            verb, own = copy.instruction.verb.upper(), real(top(path))
            git = "" if folders and all(one.startswith(f"{own.rstrip('/')}/") for one in folders) else ".git, "
            message = f"{verb} {whole} includes {git}.env and build output: the context needs a .dockerignore"
            yield Finding(copy.instruction.start, copy.instruction.end, message)
            return
