"""A command or a write that requires root, in a stage that runs as another user."""

from collections.abc import Iterator, Sequence

from echo_migrate.dockerfile.container import Container
from echo_migrate.dockerfile.layers import within
from echo_migrate.dockerfile.run import Run
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.files.workspace import of_a_run
from echo_migrate.model import Finding
from echo_migrate.rules._readiness import as_root, of_a_user
from echo_migrate.rules._rule import Context, rule

_STARTS = ("command", "entrypoint")
"""The keys of a container's own start command."""


@rule(on=Stage, level="note", blocks=True)
def root_owned_path(stage: Stage, context: Context) -> Iterator[Finding]:
    effective = context.effective(stage)
    if effective is None:
        return
    if effective.base.unprivileged and effective.base.shell is not False:
        from echo_migrate.rules._needs_root import needs_root  # few base images run as a user

        yield from needs_root(stage, effective)
    copied = list(_copied(stage)) if stage.ships else []
    yield from copied
    before = effective.before if effective.target else effective.base
    if stage.used and not copied and before and before.user is not None and not before.unprivileged:
        yield from (one for one, place in _found(stage) if not (place and _mounted(place, context.containers(stage))))


@of_a_run(64)
def _found(stage: Stage) -> tuple[tuple[Finding, str], ...]:
    """Return the findings that any base gives, each with the folder over which a mount may lie: a stage is asked once
    for each base that it may have."""
    starts = stage.top and not (stage.user is None or as_root(stage.user) or "$" in stage.user)
    if not starts and not any(of_a_user(run) for run in stage.runs):
        return ()
    from echo_migrate.rules._root_folders import writes_of_users  # most stages have no user

    return tuple(writes_of_users(stage, starts))


def _mounted(folder: str, containers: Sequence[Container]) -> bool:
    """Return whether each container has a mount over a folder; if some run the start command of the image, these alone
    count. False without any."""
    starting = [one for one in containers if not any(own.verb in _STARTS for own in one.start_commands)]
    found = starting or containers
    return bool(found) and all(any(within(folder, path) for path in one.mounts) for one in found)


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
