"""The users and groups that a stage may add, and those that it is given by name.

All answers are conservative: a user that may be there counts as there.
"""

import re
from collections.abc import Iterator
from posixpath import basename

from echo_migrate.dockerfile.copies import Copy
from echo_migrate.dockerfile.run import Run
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.files.lazy_regex import lazy_regex

_NAME = lazy_regex(r"[A-Za-z_][\w.-]*")
_ADDS = lazy_regex(r"adduser|addgroup|groupadd|useradd|sysusers|/etc/group")


def may_add(stage: Stage, name: str, likely: bool = False) -> bool:
    """Return whether a RUN or COPY of a stage may add a user or group of a name; with ``likely`` a RUN that names it
    counts if it adds any."""
    texts = [text for one in stage.lineage for run in one.runs for text in texts_of(run)]
    if any("passwd" in text or (name in text and (not likely or _ADDS.search(text))) for text in texts):
        return True
    return any(_may_bring_users(copy, stage) for one in stage.lineage for copy in one.copies)


def is_added_after(stage: Stage, name: str, start: int) -> bool:
    """Return whether RUNs behind an offset name a user where they add any, and none before it does."""
    if not _NAME.fullmatch(name):
        return False
    named = [
        run.instruction.start
        for run in stage.runs
        for text in texts_of(run)
        if _ADDS.search(text) and name in re.findall(r"[\w.-]+", text)
    ]
    return bool(named) and min(named) > start


def texts_of(run: Run) -> list[str]:
    """Return the texts that a RUN executes: its line and its heredocs."""
    return [run.instruction.args.value, *[body.value for body in run.instruction.heredocs]]


def named_by(stage: Stage) -> Iterator[str]:
    """Yield the users and groups that a stage is given by name: in USER, and in ``--chown`` of its own COPY and ADD."""
    steps = [step for one in stage.lineage for step in one.instructions]
    given = [step.args.value for step in steps if step.verb == "user"] + [stage.user or ""]
    given += [flag.value.value for step in steps for flag in step.flags if flag.name == "chown"]
    for name in (part for value in given for part in value.strip("\"'").split(":")):
        if _NAME.fullmatch(name):
            yield name


def numbered_by(stage: Stage) -> Iterator[str]:
    """Yield what a stage is given as owner or user in any form: in USER, in ``--chown``, and as a word of chown."""
    for step in (step for one in stage.lineage for step in one.instructions):
        if step.verb == "user":
            yield step.args.value
        yield from (flag.value.value for flag in step.flags if flag.name == "chown")
    commands = (command for one in stage.lineage for run in one.runs for command in run.that("plain"))
    yield from (word for command in commands if command.name in ("chown", "chgrp") for word in command.arguments)


def _may_bring_users(copy: Copy, stage: Stage) -> bool:
    """Return whether a COPY may add /etc/passwd: by its target, or with a folder that is copied to the root."""
    if copy.target is None or "$" in copy.target or copy.target in ("/etc", "/etc/passwd"):
        return True
    started = re.findall(r"[\w.-]+", stage.started)
    return copy.target == "/" and any(basename(word.value.rstrip("/")) not in started for word in copy.sources)
