"""A command or a write that requires root, in a stage that runs as another user."""

from collections.abc import Iterator

from echo_migrate.dockerfile.control_flow import must_succeed
from echo_migrate.dockerfile.layers import within
from echo_migrate.dockerfile.programs import lacks_manager
from echo_migrate.dockerfile.run import Run
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.images.facts import ImageFacts
from echo_migrate.model import Finding
from echo_migrate.rules._readiness import EffectiveBase, as_root
from echo_migrate.rules._rule import Context, rule
from echo_migrate.shell.commands import Command

_ACCOUNTS = frozenset(("addgroup", "adduser", "groupadd", "groupmod", "update-ca-certificates", "useradd", "usermod"))
_ROOTS = ("/bin/", "/etc/", "/lib/", "/root/", "/sbin/", "/usr/bin/", "/usr/lib/", "/usr/local/bin/", "/usr/sbin/")
"""System folders, which no image assigns to its user."""
_THERE = ("/bin", "/etc/ca-certificates", "/etc/pki", "/etc/ssl", "/lib", "/sbin", "/usr")
"""Folders in which ``mkdir -p`` may have nothing to create."""
_WRITERS = frozenset(("cp", "ln", "mkdir", "mv", "tee"))
_ELSEWHERE = ("-t", "--target-directory")


@rule(on=Stage, level="note", blocks=True)
def root_owned_path(stage: Stage, context: Context) -> Iterator[Finding]:
    effective = context.effective(stage)
    if effective is None:
        return
    if effective.base.unprivileged and effective.base.shell is not False:
        yield from _needs_root(stage, effective)
    if stage.ships:
        yield from _copied(stage)


def _needs_root(stage: Stage, effective: EffectiveBase) -> Iterator[Finding]:
    """Yield an error for the first command that needs root in a stage that runs as the user of its base image."""
    for run in stage.runs:
        if run.user is not None or not run.script or not run.script.certain:
            continue
        for command in run.commands:
            what = _what(command, run, effective.base, _given(stage, run))
            if what:
                message = f"{what} needs root, and {effective.shown} runs as {effective.base.user}: "
                message += f"add USER root before it, and USER {effective.base.user} after it"
                yield Finding(command.start, command.end, message, level="error")
                return


def _given(stage: Stage, run: Run) -> list[str]:
    """Return the folders that may belong to the user: targets of COPY --chown, mounts, and the working directory."""
    copies = [copy for one in stage.lineage for copy in one.copies]
    given = [copy.target for copy in copies if any(flag.name == "chown" for flag in copy.instruction.flags)]
    given += [run.folder, *[mount.target for mount in run.mounts]]
    return [path for path in given if path and path != "/"]


def _what(command: Command, run: Run, base: ImageFacts, own: list[str]) -> str:
    if command.via or not command.words or not run.script or not must_succeed(command, run.script):
        return ""
    call = next((one for one in run.calls if one.command is command), None)
    if call:
        manager = call.manager
        there = manager.system and not lacks_manager(base, manager.name, manager.families)
        changes = call.action in ("install", "remove", "upgrade") and not call.has(manager.dry)
        return call.shown if there and changes and "/" not in command.words[0].value else ""
    if command.name in _ACCOUNTS:
        return command.name
    words = [word.value for word in command.words[1:]]
    paths = [word for word in words if not word.startswith("-")]
    if command.name not in _WRITERS or any(word.startswith(_ELSEWHERE) for word in words):
        return ""
    if command.name == "mkdir" and "-p" in words:
        paths = [path for path in paths if not path.startswith(_THERE)]
    paths = paths[1:][-1:] if command.name in ("cp", "ln", "mv") else paths
    written = next((path for path in paths if path.startswith(_ROOTS) and not any(within(path, o) for o in own)), None)
    return f"{command.name} {written}" if written else ""


def _copied(stage: Stage) -> Iterator[Finding]:
    """Yield a finding for the first COPY after a USER whose files belong to root and are changed by a later RUN."""
    user = None
    copied: list[tuple[int, int, str]] = []
    runs = {run.instruction.start: run for run in stage.runs}
    for step in stage.instructions:
        if step.verb == "user":
            user = step.args.value.strip()
        elif step.verb in ("copy", "add") and user and not as_root(user) and "$" not in user:
            copy = next(one for one in stage.copies if one.instruction is step)
            if copy.target and not any(flag.name == "chown" for flag in step.flags):
                copied.append((step.start, step.end, copy.target))
        elif step.start in runs and copied and user and not as_root(user):
            place = next((one for one in copied if _writes(runs[step.start], one[2])), None)
            if place:
                start, end, path = place
                message = f"files copied to {path} belong to root, and a RUN as {user} writes there: add --chown={user}"
                yield Finding(start, end, message, level="warning")
                return


def _writes(run: Run, path: str) -> bool:
    """Return whether a RUN changes the mode or owner of copied files."""
    for command in run.commands:
        if command.name in ("chmod", "chown") and not command.via:
            words = [word.value for word in command.words[1:] if not word.value.startswith("-")][1:]
            if any(word == path or word.startswith(path.rstrip("/") + "/") for word in words):
                return True
    return False
