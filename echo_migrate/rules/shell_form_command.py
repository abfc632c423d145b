"""A CMD or ENTRYPOINT in shell form, which runs the program under a shell."""

import re
from collections.abc import Iterator
from posixpath import join, normpath

from echo_migrate.dockerfile.stages import Stage
from echo_migrate.dockerfile.startup import INITS, StartCommand, passes
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Traced
from echo_migrate.images.facts import facts_of
from echo_migrate.model import Finding, Fix
from echo_migrate.rules._readiness import EffectiveBase
from echo_migrate.rules._rule import Context, rule
from echo_migrate.shell.commands import BUILT_IN, SHELLS, UNREADABLE, Command, Script, handed
from echo_migrate.shell.parser import read

_EXPANDED = lazy_regex(r"[*?\[\]{}~#\n]")
"""Characters that a shell may interpret, and exec form does not."""

_LOOPS = frozenset(("for", "while"))

_SETTING_TRAPS = frozenset((".", "eval", "source", "trap"))
"""Commands that set traps, or may: a shell with a trap stays."""
_LISTS = frozenset(("", "&&", ";", "\n"))
_SHELLS = {**dict.fromkeys(("azure", "redhat", "suse"), "bash"), **dict.fromkeys(("alpine", "busybox", "wolfi"), "ash")}
"""The shells of the families in which a program takes the place of ``sh``: bash (tried: 5.2), and that of BusyBox (1.30
and 1.35); dash 0.5.12, which Debian and Ubuntu have, stays."""

_ASH = frozenset(("ash", "sh"))

_SHORT = lazy_regex(
    r"(?!.*(?:auth|cred|key|pass|pw|secret|token))(?!.*[a-z]{13})(?=.{1,28}$)[a-z./_]+\d?(?: [a-z./_]+\d?)*"
)
"""A command of which a message has the words: names and paths, none of which is an option, or can be a credential."""


@rule(on=Stage, level="note", also=("DL3025", "JSONArgsRecommended"), fixable=True)
def shell_form_command(stage: Stage, context: Context) -> Iterator[Finding]:
    chosen = any(step.verb == "shell" for one in stage.lineage for step in one.instructions)
    if not stage.ships or not stage.top or chosen:
        return
    for launch in stage.start_commands:
        holds = launch.verb in ("cmd", "entrypoint") and launch is stage.start_command(launch.verb)
        if not holds or not launch.shell or launch.script is UNREADABLE or re.match(r"exec\s", launch.args.value):
            continue
        effective = context.effective(stage)
        entrypoint = stage.start_command("entrypoint")
        if launch.verb == "cmd" and entrypoint and entrypoint.shell:
            continue  # it is never used (Dockerfile reference, "CMD and ENTRYPOINT")
        if launch.args.value[:1] == "[" and launch.args.value.rstrip()[-1:] == "]":
            message = (
                f"{launch.shown} is not valid JSON, so a shell runs it: put words in double quotes, with commas between"
            )
            yield Finding(launch.start, launch.end, message)
            continue
        if _has_no_other_form(launch.script) or _is_replaced(launch.script, _families(stage, context)):
            continue
        text = _exec_form(launch)
        script = _script(launch, stage, context.source.path) if text else ""
        if script and not script.startswith("#!"):  # a shell runs it, the kernel does not ("exec format error")
            remedy = "give the script a first line (#!/bin/sh), then use exec form"
            message = f"{launch.shown} in shell form passes no signals to the program: {remedy}"
            yield Finding(launch.start, launch.end, message)
            continue
        fix = None
        if text and _keeps_its_meaning(launch, stage, effective):
            fix = Fix(launch.args.replace(0, len(launch.args.value), text), "write it as a list of words", safe=False)
        message = f"{launch.shown} in shell form passes no signals to the program: {_remedy(launch, text, fix)}"
        message += ", and start the last program of the script with exec" if _stays(script) else ""
        yield Finding(launch.start, launch.end, message, fix)


def _has_no_other_form(script: Script) -> bool:
    """Return whether no other form of a script helps: it ends in a loop, which is the shell's own, or with ``exec``."""
    own = [command for command in script.commands if command.host is None]
    if not own or not script.certain:
        return False
    return "exec" in own[-1].via if not own[-1].inside else own[-1].inside[0] in _LOOPS


def _families(stage: Stage, context: Context) -> set[str]:
    """Return the families of the images that a stage is based on, and will be after the fixes that are asked for; "" is
    one that is not known. There are none for the result of another build, of which the file tells nothing."""
    effective = context.effective(stage)
    image = context.effective_bases.root(stage)
    move = context.moves.get(image) if image else None
    bases = [effective.base, effective.before] if effective else []
    if move and move.target and move.edits and context.settings.unsafe:
        bases.append(facts_of(move.target, context.settings.catalog))
    return {one.family or "" for one in bases if one}


def _is_replaced(script: Script, families: set[str]) -> bool:
    """Return whether the program takes the place of the shell, so that it is process 1 and gets the signals: bash
    starts an only command so, and BusyBox the last of several."""
    own = [command for command in script.commands if command.host is None]
    if not own or not script.certain or script.background:
        return False
    last = own[-1]
    if not _SETTING_TRAPS.isdisjoint(command.name for command in own):
        return False
    if _has_a_script(last):
        nested = handed(last) if last.name in _ASH else None
        if nested is None or not _is_replaced(read(nested.text), families):
            return False
    plain = last.words and last.words[0].value not in BUILT_IN and not (last.via or last.inside or last.then)
    shells = {_SHELLS.get(one, "") for one in families}
    if not plain or last.operator not in _LISTS or "" in shells or any("function" in one.inside for one in own):
        return False
    alone = len(own) == 1 and not last.redirects
    return alone or shells == {"ash"}


def _script(launch: StartCommand, stage: Stage, file: str) -> str:
    """Return the text of the script of the build context that a command starts, "" if it starts none."""
    from echo_migrate.dockerfile.copied_scripts import likely_text_at  # few start commands are in shell form

    path = launch.script.commands[0].words[0].value
    folders = [folder for one in stage.lineage for _, folder in one.workdirs.values()]
    placed = normpath(join(folders[-1] if folders else "/", path)) if "/" in path else path
    return likely_text_at(placed, stage, (), file) or ""


def _stays(script: str) -> bool:
    """Return whether the shell of a script stays while the program runs that it starts last, which gets no signals."""
    from echo_migrate.dockerfile.copied_scripts import interpreter_of  # few start commands are in shell form

    known = interpreter_of(script) in SHELLS
    commands = [one for one in read(Traced.of(script, 0, len(script))).commands if one.host is None] if known else []
    if not commands or not _SETTING_TRAPS.isdisjoint(one.name for one in commands):
        return False
    last = commands[-1]
    return bool(last.words) and last.words[0].value not in BUILT_IN and not (last.via or last.inside or last.then)


def _has_a_script(command: Command) -> bool:
    """Return whether a command is a shell with a script in its words, which may start several programs."""
    return command.name in SHELLS and any(word[:1] == "-" and word.endswith("c") for word in command.arguments)


def _remedy(launch: StartCommand, text: str, fix: Fix | None) -> str:
    """Return what to write: the list of words, if no fix has it, and it is short and no secret can be in it; what needs
    a shell (variables, several commands) can be started in its place."""
    if not text:
        return "put exec before the program, or use exec form"
    shown = launch.verb == "cmd" and not fix and _SHORT.fullmatch(launch.args.value.strip())
    return f"write {launch.shown} {text}" if shown else "use exec form"


def _exec_form(launch: StartCommand) -> str:
    """Return the command in exec form, or "" if it is not a single plain command."""
    import json

    script, args = launch.script, launch.args
    command = script.commands[0] if len(script.commands) == 1 and script.certain and not script.background else None
    if command is None or command.via or command.assignments or command.redirects or command.inside:
        return ""
    words = [word.value for word in command.words]
    plain = all(word.known for word in command.words) and words[0] not in BUILT_IN and len(args.spans) == 1
    if not plain or _EXPANDED.search(args.value):
        return ""
    return f"[{', '.join(json.dumps(word, ensure_ascii=False) for word in words)}]"


def _keeps_its_meaning(launch: StartCommand, stage: Stage, effective: EffectiveBase | None) -> bool:
    """Return whether exec form certainly starts the same program, given the entrypoint and CMD of the stage."""
    if launch.verb == "entrypoint":
        return stage.start_command("cmd") is None
    entrypoint = stage.start_command("entrypoint")
    if entrypoint is not None:
        return entrypoint.words is not None and passes(entrypoint.words, INITS)
    bases = [effective.base, *([effective.before] if effective.before else [])] if effective else []
    return bool(bases) and all(one.entrypoint is not None and passes(one.entrypoint) for one in bases)
