"""sudo in a build, where USER can set the required user instead."""

from collections.abc import Iterator

from echo_migrate.dockerfile.stages import Stage
from echo_migrate.images.facts import is_root
from echo_migrate.model import Finding
from echo_migrate.rules._rule import Context, rule

_IDLE = frozenset(("", ":", "echo", "true"))
"""Commands that need no permissions, and only test sudo itself."""


@rule(on=Stage, level="warning", also=("DL3004",))
def sudo_command(stage: Stage, context: Context) -> Iterator[Finding]:
    for run in stage.every_run:
        commands = run.script.commands if run.script and run.user is not None else ()
        command = next((one for one in commands if "sudo" in one.via and one.name not in _IDLE), None)
        if command:
            root = is_root(run.user or "")
            remedy = (
                "the build already runs as root here: remove sudo"
                if root
                else f"remove sudo, and add USER root before it, and USER {run.user} after it"
            )
            yield Finding(command.start, command.end, f"RUN calls sudo ({command.name}): {remedy}")
