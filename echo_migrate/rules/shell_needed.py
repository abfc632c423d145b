"""A command in shell form on a base image without a shell."""

from collections.abc import Iterator

from echo_migrate.dockerfile.container import Container, stage_of
from echo_migrate.dockerfile.parser import Instruction
from echo_migrate.dockerfile.programs import FOLDERS, SHELL_PROGRAMS, may_provide, mounted
from echo_migrate.dockerfile.run import Run, exec_form
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.model import Finding
from echo_migrate.rules._readiness import EffectiveBase, started
from echo_migrate.rules._rule import Context, rule
from echo_migrate.shell.commands import SHELLS


@rule(on=Stage | Container, level="error", blocks=True)
def shell_needed(node: Stage | Container, context: Context) -> Iterator[Finding]:
    effective = context.effective(node)
    if effective is None or effective.base.shell is not False:
        return
    if isinstance(node, Stage):
        yield from _in_runs(node, effective)
    for launch in started(node):
        chosen = isinstance(node, Stage) and not _usual_shell(node, launch.start)
        if may_provide(node, effective.base, SHELL_PROGRAMS):
            continue
        if launch.shell and not chosen:
            remedy = "write it in exec form, without a shell" if isinstance(node, Stage) else "write a list with CMD"
            yield _finding(launch.shown, launch.start, launch.end, effective, remedy)
        elif not launch.shell and launch.words and _is_script(launch.words[0], node):
            what = f"{launch.shown} starts a script, which"
            yield _finding(what, launch.start, launch.end, effective, "start a program of that image")


def _is_script(path: str, node: Stage | Container) -> bool:
    """Return whether a path is that of a shell script whose text stands in the file (``COPY <<EOF /start``)."""
    stage = stage_of(node)
    for copy in [copy for one in stage.lineage for copy in one.copies] if stage else ():
        body = copy.instruction.heredocs[0].value if copy.instruction.heredocs else ""
        if copy.target == path and body.startswith("#!"):
            words = body[2:].partition("\n")[0].split()
            return not SHELLS.isdisjoint(word.rpartition("/")[2] for word in words[:2])
    return False


def _in_runs(stage: Stage, effective: EffectiveBase) -> Iterator[Finding]:
    runs = [run for run in stage.runs if not may_provide(stage, effective.base, SHELL_PROGRAMS, run.instruction.start)]
    if not any(
        step.verb == "onbuild" and step.trigger and step.trigger.verb in ("add", "copy") for step in _steps(stage)
    ):
        runs += stage.triggers if not may_provide(stage, effective.base, SHELL_PROGRAMS) else ()
    runs = [run for run in runs if _in_shell_form(run, stage) and not mounted(run, SHELL_PROGRAMS)]
    if runs:
        more = f" (and {len(runs) - 1} more)" * (len(runs) > 1)
        what = f"{'ONBUILD ' * (runs[0] in stage.triggers)}RUN{more}"
        start, end = runs[0].instruction.start, runs[0].instruction.end
        yield _finding(what, start, end, effective, "run it in a stage that has one, and COPY the result")


def _in_shell_form(run: Run, stage: Stage) -> bool:
    """Return whether /bin/sh, or a shell in its place, runs a RUN; a heredoc may have its own interpreter."""
    if run.script is None or not _usual_shell(stage, run.instruction.start):
        return False
    interpreters = [body.value.partition("\n")[0] for body in run.instruction.heredocs if body.value.startswith("#!")]
    if any(SHELLS.isdisjoint(word.rpartition("/")[2] for word in one[2:].split()) for one in interpreters):
        return False
    return bool(run.instruction.heredocs) or exec_form(run.instruction.args) is None


def _usual_shell(stage: Stage, before: int) -> bool:
    """Return whether the last SHELL before an offset names a shell in the usual folders; true if there is none."""
    chosen = [step for step in _steps(stage) if step.verb == "shell" and step.start < before]
    words = exec_form(chosen[-1].args) if chosen else None
    folder, _, name = words[0].value.rpartition("/") if words else ("/bin", "/", "sh")
    return folder in ("", *FOLDERS) and name in SHELLS


def _steps(stage: Stage) -> Iterator[Instruction]:
    return (step for one in stage.lineage for step in one.instructions)


def _finding(what: str, start: int, end: int, effective: EffectiveBase, remedy: str) -> Finding:
    needs = "need" if "more)" in what else "needs"
    message = f"{what} {needs} a shell, and {effective.shown} has none: {remedy}"
    return Finding(start, end, message)
