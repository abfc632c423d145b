"""A program built in the stage that ships it, together with its build dependencies."""

from collections.abc import Iterator

from echo_migrate.dockerfile.layers import removed, tools_started
from echo_migrate.dockerfile.run import Run
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.model import Finding
from echo_migrate.rules._purpose import of_shipped_images
from echo_migrate.rules._rule import Context, rule


@rule(on=Stage, level="note", also=("prefer-multi-stage-build",))
@of_shipped_images
def single_stage_build(stage: Stage, context: Context) -> Iterator[Finding]:
    if not stage.ships or not stage.started or "build" in stage.name.lower():
        return
    for run in stage.runs:
        command = next(iter(run.that("build")), None)
        if command and not _cleans_up(run) and command.name not in tools_started(stage):
            message = f"{command.name} builds in the final stage, so sources, compilers and caches ship too: "
            message += "build in an earlier stage, and COPY what runs"
            yield Finding(command.start, command.end, message)
            return


def _cleans_up(run: Run) -> bool:
    """Return whether a RUN removes the packages or sources of its build."""
    return any(call.action == "remove" for call in run.calls) or any(map(removed, run.commands))
