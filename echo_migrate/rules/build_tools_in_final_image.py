"""Compilers, headers and build systems in the final image."""

from collections.abc import Iterator

from echo_migrate.dockerfile.layers import installed, remaining_installs, tools_started
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.model import Finding
from echo_migrate.rules._purpose import of_shipped_images
from echo_migrate.rules._rule import Context, rule
from echo_migrate.shell.package_managers import listed, used_for


@rule(on=Stage, level="warning")
@of_shipped_images
def build_tools_in_final_image(stage: Stage, context: Context) -> Iterator[Finding]:
    found = [(call, word, used_for(word)) for call, word in installed(stage)]
    if any(use == "packaging" for _, _, use in found) or tools_started(stage):
        return  # the image is for building, packages or what a container is given
    tools = [(call, word) for call, word, use in found if use == "build"]
    unnamed = [call for run in stage.runs for call, _ in remaining_installs(run) if call.unnamed and stage.ships]
    if tools or unnamed:
        call = tools[0][0] if tools else unnamed[0]
        what = listed(word for _, word in tools) or f"by {unnamed[0].shown}"
        message = f"final image contains build-time packages ({what}): compile in a builder stage and COPY the result"
        yield Finding(call.command.start, call.command.end, message)
