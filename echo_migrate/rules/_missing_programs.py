"""What starts a program that the base image of a stage or container lacks, and that nothing brings."""

from collections.abc import Iterator
from posixpath import basename

from echo_migrate.dockerfile.container import Container
from echo_migrate.dockerfile.control_flow import must_succeed
from echo_migrate.dockerfile.copied_scripts import interpreter_of, program_of, script_at
from echo_migrate.dockerfile.programs import manager_of, may_provide, mounted
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.dockerfile.startup import INITS, StartCommand, passes
from echo_migrate.images.facts import FOLDERS
from echo_migrate.model import Finding
from echo_migrate.rules._readiness import EffectiveBase, started
from echo_migrate.shell.commands import BUILT_IN, SHELLS
from echo_migrate.shell.package_managers import data

_ASKS = frozenset(("command", "hash", "type", "which"))


def missing_programs(node: Stage | Container, effective: EffectiveBase, path: str) -> Iterator[Finding]:
    """Yield an error for each start command, and for the first command of a RUN, that certainly needs a program which
    the base image is known to lack. ``path`` is that of the file."""
    for launch in started(node):
        name = next(
            (one for one in _programs(launch, node, effective) if not may_provide(node, effective.base, [one])), None
        )
        if name:
            message = f"{launch.shown} runs {name}, which {effective.shown} does not have: {_remedy(launch, name)}"
            yield Finding(launch.start, launch.end, message)
    if isinstance(node, Stage):
        yield from _in_scripts(node, effective, path)
        yield from _in_runs(node, effective)


def _programs(launch: StartCommand, node: Stage | Container, effective: EffectiveBase) -> Iterator[str]:
    """Yield the programs that a command starts and the base image lacks. Paths outside the usual folders are assumed to
    be the image's own files."""
    if launch.shell:
        words = [command.words[0].value for command in launch.commands()]
    else:
        argument = launch.verb in ("cmd", "command") and not _is_program(node, effective)
        words = [*(launch.words or ())[:1]] if not argument else []
    for word in words:
        folder, slash, name = word.rpartition("/")
        usual = (not slash or folder in FOLDERS) and "\\" not in word
        if usual and not (launch.shell and name in BUILT_IN | SHELLS) and effective.base.has(name) is False:
            yield name


def _is_program(node: Stage | Container, effective: EffectiveBase) -> bool:
    """Return whether the first word of a command is a program, not an argument of the entrypoint."""
    entrypoint = node.start_command("entrypoint")
    if entrypoint is not None:
        return not entrypoint.shell and entrypoint.words is not None and passes(entrypoint.words, INITS)
    return effective.base.entrypoint is not None and passes(effective.base.entrypoint)


def _in_scripts(stage: Stage, effective: EffectiveBase, file: str) -> Iterator[Finding]:
    """Yield an error for each script that a stage starts and whose first line names a program that the base image
    lacks. If that has no shell, ``shell-needed`` reports scripts of one."""
    for launch in started(stage):
        path = program_of(launch.words)
        argument = launch.verb == "cmd" and not _is_program(stage, effective)
        name = interpreter_of((path and not argument and script_at(path, stage, file)) or "")
        if not name or (effective.base.shell is False and name in SHELLS):
            continue
        if effective.base.has(name) is False and not may_provide(stage, effective.base, [name]):
            message = f"{launch.shown} runs {basename(path)}, which needs {name}, and {effective.shown} does not have "
            message += f"it: {_remedy(launch, name)}"
            yield Finding(launch.start, launch.end, message)


def _in_runs(stage: Stage, effective: EffectiveBase) -> Iterator[Finding]:
    for run in stage.runs:
        if not run.script or not _ASKS.isdisjoint(run.names):
            continue
        if effective.base.shell is False and run.shell_form:
            continue  # shell-needed reports it
        for command in run.commands:
            name = command.name
            if effective.base.shell is False and name in SHELLS:
                continue
            if not command.words or not command.words[0].known or "/" in command.words[0].value:
                continue
            if effective.base.has(name) is not False or name in data().managers or name in BUILT_IN:
                continue  # package-install reports package managers
            there = mounted(run, [name]) or may_provide(stage, effective.base, [name], command.start)
            if must_succeed(command, run.script) and not there:
                remedy = "install it before" if manager_of(effective.base) else "run it in a stage that has it"
                message = f"RUN calls {name}, which {effective.shown} does not have: {remedy}"
                yield Finding(command.start, command.end, message)
                return


def _remedy(launch: StartCommand, name: str) -> str:
    if launch.verb == "healthcheck":
        return "check with a program that it has, or COPY one"
    return f"start a program that it has, or COPY a statically linked {name}"
