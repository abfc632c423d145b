"""A command that does not work with the entrypoint of its base image."""

from collections.abc import Iterator
from posixpath import basename

from echo_migrate.dockerfile.container import Container
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.dockerfile.startup import StartCommand, passes
from echo_migrate.images.facts import ImageFacts
from echo_migrate.model import Finding
from echo_migrate.rules._readiness import EffectiveBase, started
from echo_migrate.rules._rule import Context, rule


@rule(on=Stage | Container, level="error", blocks=True)
def entrypoint_differs(node: Stage | Container, context: Context) -> Iterator[Finding]:
    effective, command = context.effective(node), next((one for one in started(node) if one.verb in _COMMANDS), None)
    if effective is None or command is None or not command.words or node.start_command("entrypoint"):
        return
    message = _words(command, effective)
    if message:
        yield Finding(command.start, command.end, message)


def _words(command: StartCommand, effective: EffectiveBase) -> str:
    now, first = effective.base.entrypoint, (command.words or ("",))[0]
    if now is None:
        return ""
    if not passes(now):
        program = basename(now[0])
        doubled = basename(first) in (program, *_ALSO.get(program, ()))
        ran = effective.before is not None and _passed(effective.before) and not first.startswith("-")
        if (doubled and (ran or program in _INTERPRETERS)) or (ran and "." not in basename(first)):
            return (
                f"{effective.shown} starts {program}, and {command.shown} would become its arguments "
                f"({program} {first} …): {f'remove {first}' if doubled else 'set ENTRYPOINT too'}"
            )
    elif effective.before and effective.before.entrypoint and not passes(effective.before.entrypoint):
        program = basename(effective.before.entrypoint[0])
        if basename(first) != program:
            message = f"{effective.shown} has no entrypoint: {command.shown} would start {first}, "
            return message + f"not {program} {first}"
    return ""


_INTERPRETERS = frozenset(("java", "node", "perl", "php", "python", "python3", "ruby"))
"""Programs that run their first argument as a file; other programs may accept their own name there."""

_COMMANDS = ("cmd", "command")
_ALSO = {"python": ("python3",), "python3": ("python",), "node": ("nodejs",)}


def _passed(before: ImageFacts) -> bool:
    return before.entrypoint is not None and passes(before.entrypoint)
