"""What calls a shell, in a stage or container whose base image has none, or has it elsewhere than in /bin."""

from collections.abc import Iterator, Sequence
from posixpath import basename

from echo_migrate.dockerfile.container import Container, stage_of
from echo_migrate.dockerfile.copied_scripts import program_of, script_at
from echo_migrate.dockerfile.layers import within
from echo_migrate.dockerfile.parser import Instruction
from echo_migrate.dockerfile.programs import SHELL_PROGRAMS, may_provide, mounted
from echo_migrate.dockerfile.run import Run, exec_form
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.dockerfile.startup import StartCommand
from echo_migrate.images.facts import FOLDERS, ImageFacts
from echo_migrate.model import Finding
from echo_migrate.rules._readiness import EffectiveBase, started
from echo_migrate.shell.commands import SHELLS

_CALL = "call that"
_BUNDLES = {
    "update-ca-certificates": "/etc/ssl/certs/ca-certificates.crt",
    "update-ca-trust": "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
}
"""The file of trusted certificates that a command makes anew (update-ca-certificates(8), update-ca-trust(8))."""
_FOR_SERVICES = ("write a list with CMD", "write a list with CMD")


def calls_of_a_shell(node: Stage | Container, effective: EffectiveBase, path: str) -> Iterator[Finding]:
    """Yield a finding for the RUNs, and each start command, that need a shell, or one in /bin, that a base image lacks.
    ``path`` is that of the file."""
    if isinstance(node, Stage):
        yield from _in_runs(node, effective, path)
    stage = stage_of(node)
    file = path if stage is node else ""
    for launch in started(node):
        chosen = stage and not _usual_shell(stage, launch.start if stage is node else stage.end, effective.base)
        if may_provide(node, effective.base, SHELL_PROGRAMS):
            continue
        if launch.shell and not chosen:
            remedies = ("write it in exec form, without a shell", "") if stage is node else _FOR_SERVICES
            yield _finding(launch.shown, launch.start, launch.end, effective, *remedies)
        elif not launch.shell and _starts_script(launch, node, stage, effective.base, file):
            what = f"{launch.shown} starts a script, which"
            remedies = "start a program of that image", "name that in its first line"
            yield _finding(what, launch.start, launch.end, effective, *remedies)
        elif _calls_usual_shell(launch.words, effective.base) and not _is_argument(launch, node, effective.base):
            yield _finding(launch.shown, launch.start, launch.end, effective, "", _CALL)


def _calls_usual_shell(words: Sequence[str] | None, base: ImageFacts) -> bool:
    """Return whether an exec form calls sh in one of the usual folders, and the base image has it elsewhere."""
    folder, _, name = (words or ("",))[0].rpartition("/")
    return bool(base.shell_at) and folder in FOLDERS and name == "sh"


def _is_argument(launch: StartCommand, node: Stage | Container, base: ImageFacts) -> bool:
    return launch.verb in ("cmd", "command") and bool(base.entrypoint or node.start_command("entrypoint"))


def _starts_script(
    launch: StartCommand, node: Stage | Container, stage: Stage | None, base: ImageFacts, file: str
) -> bool:
    return _is_script(program_of(launch.words), stage, base, file) and not _is_argument(launch, node, base)


def _is_script(path: str, stage: Stage | None, base: ImageFacts, file: str) -> bool:
    """Return whether a path is that of a shell script: its text is known, or it is copied from the build context under
    the name of one (``start.sh``). ``file`` is the path of the file with the stage."""
    text = script_at(path, stage, file) if stage else None
    if text:
        return _by_usual_shell(text, base)
    for copy in [copy for one in stage.lineage for copy in one.copies] if stage else ():
        sources = [] if copy.origin or copy.instruction.heredocs else [basename(word.value) for word in copy.sources]
        if path.endswith(".sh") and basename(path) in (*sources, basename(copy.target or "") if sources else ""):
            return True
    return False


def _in_runs(stage: Stage, effective: EffectiveBase, file: str) -> Iterator[Finding]:
    runs = [run for run in stage.runs if not may_provide(stage, effective.base, SHELL_PROGRAMS, run.instruction.start)]
    if not any(
        step.verb == "onbuild" and step.trigger and step.trigger.verb in ("add", "copy") for step in _steps(stage)
    ):
        runs += stage.triggers if not may_provide(stage, effective.base, SHELL_PROGRAMS) else ()
    runs = [run for run in runs if _by_shell(run, stage, effective.base, file) and not mounted(run, SHELL_PROGRAMS)]
    if runs:
        one = f"{'ONBUILD ' * (runs[0] in stage.triggers)}RUN"
        what = one if len(runs) == 1 else f"{len(runs)} RUN instructions"
        start, end = runs[0].instruction.start, runs[0].instruction.end
        elsewhere = "" if runs[0].shell_form else _CALL
        result = _trusted(runs) or "the result"
        yield _finding(what, start, end, effective, f"run it in a stage that has one, and COPY {result}", elsewhere)


def _trusted(runs: Sequence[Run]) -> str:
    """Return the file with the certificates that each RUN makes, if that is what they are for; "" otherwise."""
    made = [next((_BUNDLES[one.name] for one in run.commands if one.name in _BUNDLES), "") for run in runs]
    return made[0] if all(made) else ""


def _by_shell(run: Run, stage: Stage, base: ImageFacts, file: str) -> bool:
    """Return whether /bin/sh, or a shell in its place, runs a RUN; a heredoc may have its own interpreter."""
    if not run.shell_form:
        words = [word.value for word in exec_form(run.instruction.args) or ()]
        lacking = base.shell is False and bool(words) and words[0].rpartition("/")[2] in SHELLS
        return lacking or _calls_usual_shell(words, base) or bool(words and _is_script(words[0], stage, base, file))
    before = stage.place(run.instruction.start)
    if run.script is None or not (_usual_shell(stage, before, base) or _is_nowhere(run, stage, before, base)):
        return False
    return all(_by_usual_shell(body.value, base) for body in run.instruction.heredocs if body.value.startswith("#!"))


def _by_usual_shell(script: str, base: ImageFacts) -> bool:
    """Return whether the first line of a script names a shell that the base image lacks."""
    first, *rest = script[2:].partition("\n")[0].split() or [""]
    options = rest if first.endswith(("/busybox", "/env")) else []
    words = [first, *(word for word in options if not word.startswith("-"))]
    elsewhere = bool(base.shell_at) and words[0].rpartition("/")[0] not in FOLDERS
    return not elsewhere and not SHELLS.isdisjoint(word.rpartition("/")[2] for word in words[:2])


def _usual_shell(stage: Stage, before: int, base: ImageFacts) -> bool:
    """Return whether the last SHELL before an offset names a shell in the usual folders; true if there is none.

    By its bare name, a shell that the base image has elsewhere may be found.
    """
    folder, _, name = _chosen_shell(stage, before).rpartition("/")
    return (folder in FOLDERS or not (folder or base.shell_at)) and name in SHELLS


def _chosen_shell(stage: Stage, before: int) -> str:
    """Return the program of the last SHELL before an offset, /bin/sh if there is none."""
    chosen = [step for step in _steps(stage) if step.verb == "shell" and step.start < before]
    words = exec_form(chosen[-1].args) if chosen else None
    return words[0].value if words else "/bin/sh"


def _is_nowhere(run: Run, stage: Stage, before: int, base: ImageFacts) -> bool:
    """Return whether the last SHELL before a RUN names a shell that the base image is known not to have, in a folder to
    which nothing is copied or mounted."""
    shell = _chosen_shell(stage, before)
    copies = [copy for one in stage.lineage for copy in one.copies if copy.instruction.start < before]
    brought = [copy.target or "/" for copy in copies] + [mount.target for mount in run.mounts]
    known = base.shell is False and not base.shell_at and shell[:1] == "/" and basename(shell) in SHELLS
    return known and not any(within(shell, place.rstrip("/") or "/") for place in brought)


def _steps(stage: Stage) -> Iterator[Instruction]:
    return (step for one in stage.lineage for step in one.instructions)


def _finding(what: str, start: int, end: int, effective: EffectiveBase, remedy: str, elsewhere: str = "") -> Finding:
    """Return the finding; ``elsewhere`` is the remedy if the base image has a shell in another folder than /bin."""
    needs, path = "need" if what.endswith("instructions") else "needs", effective.base.shell_at
    message = f"{what} {needs} a shell, and {effective.shown} has none: {remedy}"
    if path:
        remedy = elsewhere or f'set SHELL ["{path}", "-c"]'
        message = f"{what} {needs} /bin/sh, and {effective.shown} has {path}: {remedy}"
    return Finding(start, end, message)
