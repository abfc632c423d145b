"""A program that is built in the stage that ships it, with all that building needs."""

import re
from collections.abc import Iterator

from echo_migrate.engine import Context
from echo_migrate.layers import removed
from echo_migrate.model import Finding, rule
from echo_migrate.packages import does
from echo_migrate.runs import Run
from echo_migrate.shell import Command
from echo_migrate.stages import Stage

_BUILDER = re.compile(r"(?i)build")
_RUNNERS = frozenset(("bun", "npm", "pnpm", "yarn"))
"""Build tools that also start what they built."""


@rule(on=Stage, level="note", also=("prefer-multi-stage-build",))
def single_stage_build(stage: Stage, context: Context) -> Iterator[Finding]:
    if not stage.alone or not stage.ships or not stage.started or _BUILDER.search(stage.name):
        return
    for run in stage.runs:
        command = next((one for one in run.commands if does(one, "build")), None)
        if command and not _cleans_up(run) and not _is_started(command, stage):
            says = f"{command.name} builds in the only stage, so that sources, compilers and caches ship too: "
            says += "build in a first stage, and COPY --from it what runs"
            yield Finding("single-stage-build", command.start, command.end, says)
            return


def _cleans_up(run: Run) -> bool:
    """Whether the layer removes what it built with, packages or sources."""
    return any(call.action == "remove" for call in run.calls) or any(map(removed, run.commands))


def _is_started(command: Command, stage: Stage) -> bool:
    """Whether the container runs the build tool itself (``CMD ["mvn", "jetty:run"]``)."""
    return command.name not in _RUNNERS and command.name in re.findall(r"[\w.-]+", stage.started)
