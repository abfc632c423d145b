"""Compilers, headers and build systems in the final image."""

from collections.abc import Iterator

from echo_migrate.dockerfile.layers import installed
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.model import Finding
from echo_migrate.rules._rule import Context, rule
from echo_migrate.shell.package_managers import listed, used_for


@rule(on=Stage, level="warning")
def build_tools_in_final_image(stage: Stage, context: Context) -> Iterator[Finding]:
    tools = [(call, word) for call, word in installed(stage) if used_for(word) == "build"]
    if tools:
        call, _ = tools[0]
        message = f"final image contains build-time packages ({listed(word for _, word in tools)})"
        message += ": compile in a builder stage and COPY the result"
        yield Finding(call.command.start, call.command.end, message)
