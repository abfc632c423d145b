"""A program that is started, but is missing from the base image."""

from collections.abc import Iterator

from echo_migrate.dockerfile.container import Container
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.model import Finding
from echo_migrate.rules._readiness import EffectiveBase, started
from echo_migrate.rules._rule import Context, rule


@rule(on=Stage | Container, level="error", blocks=True)
def missing_binary(node: Stage | Container, context: Context) -> Iterator[Finding]:
    effective = context.effective(node)
    if effective is None:
        return
    if isinstance(node, Stage):
        yield from _without_interpreter(node, effective, context)
    if effective.base.wants:
        from echo_migrate.rules._missing_programs import missing_programs  # most images lack nothing that is known

        yield from missing_programs(node, effective, context.source.path)


def _without_interpreter(stage: Stage, effective: EffectiveBase, context: Context) -> Iterator[Finding]:
    """Yield an error for a program of another stage that names the Python of that stage by its path."""
    if not effective.base.python or not any(copy.origin for one in stage.lineage for copy in one.copies):
        return
    from echo_migrate.dockerfile.interpreters import borrowed  # few stages with Python copy from another

    for launch in started(stage):
        path = (launch.words or ("",))[0]
        for there in borrowed(path, stage, context.source.text) if path[:1] == "/" else ():
            base = context.effective(there)
            place = base.base.python if base else ""
            if base and place and place != effective.base.python:
                message = f"{launch.shown} runs {path}, which needs Python in {place}, "
                message += f"but {effective.shown} has it in {effective.base.python}"
                yield Finding(launch.start, launch.end, message)
                return
