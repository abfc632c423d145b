"""A RUN that reads the distribution's name or release, which the hardened image does not have."""

from collections.abc import Iterator

from echo_migrate.dockerfile.run import Run
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.model import Finding
from echo_migrate.rules._os_release import read_by, read_by_scripts
from echo_migrate.rules._rule import Context, rule


@rule(on=Stage, level="error", blocks=True)
def os_release_differs(stage: Stage, context: Context) -> Iterator[Finding]:
    effective = context.effective(stage)
    if effective is None or not effective.target or not effective.base.os_release:
        return
    for run in stage.runs:
        what = read_by(run) or _by_script(run, stage, context.source.path)
        if what:
            message = f"RUN {what[0]}, which differs in {effective.shown} (ID={effective.base.os_release}): {what[1]}"
            yield Finding(run.instruction.start, run.instruction.end, message)
            return


def _by_script(run: Run, stage: Stage, path: str) -> tuple[str, str] | None:
    """Return how a script of the build context that a RUN starts certainly reads it, and a remedy, or None."""
    found = [(name, what) for name, what, certain in read_by_scripts(run, stage, path) if certain]
    return next(((f"runs {name}, which {how}", remedy) for name, (how, remedy) in found), None)
