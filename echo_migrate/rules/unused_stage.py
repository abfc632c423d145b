"""A stage that no final image needs."""

from collections.abc import Iterator

from echo_migrate.dockerfile.stages import Stage
from echo_migrate.model import Finding
from echo_migrate.rules._rule import Context, rule


@rule(on=Stage, level="note", also=("no-unreachable-stages",), default=False)
def unused_stage(stage: Stage, context: Context) -> Iterator[Finding]:
    if not stage.used and stage.leaf:
        message = f"{stage.shown} is unused: remove it, unless it is built by name (--target)"
        yield Finding(stage.start, stage.instructions[0].end, message)
