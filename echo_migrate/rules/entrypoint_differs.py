"""A command that does not work with the entrypoint of its base image."""

from collections.abc import Iterator
from posixpath import basename, splitext

from echo_migrate.dockerfile.container import Container, stage_of
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.dockerfile.startup import INITS, SCRIPTS, SETTINGS, StartCommand, passes, wraps
from echo_migrate.images.facts import ImageFacts
from echo_migrate.model import Finding
from echo_migrate.rules._readiness import EffectiveBase, started
from echo_migrate.rules._rule import Context, rule
from echo_migrate.shell.commands import SHELLS, UNREADABLE
from echo_migrate.shell.package_managers import data


@rule(on=Stage | Container, level="error", blocks=True)
def entrypoint_differs(node: Stage | Container, context: Context) -> Iterator[Finding]:
    effective, command = context.effective(node), next((one for one in started(node) if one.verb in _COMMANDS), None)
    if effective is None or command is None or node.start_command("entrypoint"):
        return
    if command.shell and command.verb == "cmd":
        if command.script is UNREADABLE or not command.args.value.strip():
            return
        if effective.base.shell is False:
            from echo_migrate.dockerfile.programs import SHELL_PROGRAMS, may_provide  # most images have a shell

            if not may_provide(node, effective.base, SHELL_PROGRAMS):
                return  # shell-needed tells
        command = command._replace(words=_SHELL_FORM)
    message = _words(command, effective, stage_of(node)) if command.words else ""
    if message:
        yield Finding(command.start, command.end, message)


def _words(command: StartCommand, effective: EffectiveBase, stage: Stage | None) -> str:
    now, first = effective.base.entrypoint, (command.words or ("",))[0]
    if now is None:
        return ""
    if not passes(now):
        program = basename(now[0])
        doubled = _language(basename(first)) == _language(program)
        ran = effective.before is not None and _passed(effective.before) and not first.startswith("-")
        file = all(word.startswith("-") for word in now[1:]) and _is_program(first)
        file = file and (command.shell or not _is_copied(first, stage))
        interpreted = _language(program) in _INTERPRETERS and (doubled or file)
        if interpreted or (ran and (doubled or "." not in basename(first))):
            return (
                f"{effective.shown} starts {program}, and {command.shown} would become its arguments "
                f"({program} {first} …): {f'remove {first}' if doubled else 'set ENTRYPOINT too'}"
            )
        return ""
    before = effective.before
    if before and before.entrypoint and not passes(before.entrypoint):
        program = basename(before.entrypoint[0])
        if basename(first) != program and not program.endswith(".sh"):  # what a script starts is not known
            return _begin(effective, command, first, program)
    if wraps(now) or (now and basename(now[-1]) in INITS):  # tini and others have options of their own
        return ""
    program = next((cmd[0] for cmd in (before.cmd if before else None, effective.base.cmd) if cmd), "")
    files = before and wraps(before.entrypoint) and program == "node" and first.endswith(SCRIPTS)
    no_program = files or first.startswith("-") or first.endswith(SETTINGS)
    return _begin(effective, command, first, program) if no_program else ""


def _begin(effective: EffectiveBase, command: StartCommand, first: str, program: str) -> str:
    message = f"{effective.shown} has no entrypoint: {command.shown} would start {first}"
    return f"{message}, not {program}: begin with {program}" if program else f"{message}: begin with a program"


def _language(program: str) -> str:
    """Return the name of a program without its version, and of those with two names the shorter one."""
    name = program.rstrip(_VERSION)
    return "node" if name == "nodejs" else name


def _is_program(word: str) -> bool:
    """Return whether a word is the name of a program that is no file of an application."""
    return word in SHELLS or word in data().does["launch"] or word in data().managers


def _is_copied(name: str, stage: Stage | None) -> bool:
    """Return whether a COPY names a file or folder of a name, with or without a suffix."""
    copies = [copy for one in stage.lineage for copy in one.copies] if stage else []
    paths = [word.value.rstrip("/") for copy in copies for word in (*copy.sources, copy.written)]
    return any(name in (basename(path), splitext(basename(path))[0]) for path in paths)


_INTERPRETERS = frozenset(("java", "node", "perl", "php", "python", "ruby"))
"""Programs that run their first argument as a file; other programs may accept their own name there."""

_SHELL_FORM = ("sh", "-c")
"""What CMD in shell form begins with (Dockerfile reference, "Understand how CMD and ENTRYPOINT interact")."""

_COMMANDS = ("cmd", "command")
_VERSION = "0123456789."


def _passed(before: ImageFacts) -> bool:
    return before.entrypoint is not None and passes(before.entrypoint)
