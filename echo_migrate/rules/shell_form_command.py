"""A CMD or ENTRYPOINT in shell form: a shell stands between the container and its program."""

import re
from collections.abc import Iterator

from echo_migrate.dockerfile.stages import Stage
from echo_migrate.dockerfile.startup import INITS, Launch, passes
from echo_migrate.files.lazy import lazy
from echo_migrate.model import Finding, Fix
from echo_migrate.rules._readiness import Standing
from echo_migrate.rules._rule import Context, rule
from echo_migrate.shell.commands import BUILT_IN, UNREADABLE

_EXPANDED = lazy(r"[*?\[\]{}~#\n]")
"""What a shell would make something else of, or which is not its business in exec form."""


@rule(on=Stage, level="note", also=("DL3025", "JSONArgsRecommended"), fixable=True)
def shell_form_command(stage: Stage, context: Context) -> Iterator[Finding]:
    chosen = any(step.verb == "shell" for one in stage.lineage for step in one.instructions)
    if not stage.ships or not stage.top or chosen:
        return
    for launch in stage.launches:
        held = launch.verb in ("cmd", "entrypoint") and launch is stage.launched(launch.verb)
        if not held or not launch.shell or launch.script is UNREADABLE or re.match(r"exec\s", launch.args.value):
            continue
        text = _exec_form(launch)
        says = f"{launch.shown} is in shell form, so that signals reach a shell and not the program: "
        says += "write it as a list of words" if text else "start it in exec form, or from a script that ends with exec"
        fix = None
        if text and _keeps_its_meaning(launch, stage, context.standing(stage)):
            fix = Fix(launch.args.replace(0, len(launch.args.value), text), "write it as a list of words", safe=False)
        yield Finding(launch.start, launch.end, says, fix)


def _exec_form(launch: Launch) -> str:
    """The words as a list, or nothing where they are not plain ones."""
    import json

    script, args = launch.script, launch.args
    command = script.commands[0] if len(script.commands) == 1 and script.certain and not script.background else None
    if command is None or command.via or command.assignments or command.redirects or command.inside:
        return ""
    words = [word.value for word in command.words]
    plain = all(word.known for word in command.words) and words[0] not in BUILT_IN and len(args.runs) == 1
    if not plain or _EXPANDED.search(args.value):
        return ""
    return f"[{', '.join(json.dumps(word, ensure_ascii=False) for word in words)}]"


def _keeps_its_meaning(launch: Launch, stage: Stage, standing: Standing | None) -> bool:
    """Whether it starts the same program in exec form: what stands before it, or would come behind it, is known."""
    if launch.verb == "entrypoint":
        return stage.launched("cmd") is None
    entrypoint = stage.launched("entrypoint")
    if entrypoint is not None:
        return entrypoint.words is not None and passes(entrypoint.words, INITS)
    bases = [standing.base, *([standing.before] if standing.before else [])] if standing else []
    return bool(bases) and all(one.entrypoint is not None and passes(one.entrypoint) for one in bases)
