"""A command that counts on another entrypoint than the base has."""

from collections.abc import Iterator
from posixpath import basename

from echo_migrate.dockerfile.container import Service
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.dockerfile.startup import Launch, passes
from echo_migrate.images.facts import Base
from echo_migrate.model import Finding
from echo_migrate.rules._readiness import Standing, started
from echo_migrate.rules._rule import Context, rule


@rule(on=Stage | Service, level="error", blocks=True)
def entrypoint_differs(node: Stage | Service, context: Context) -> Iterator[Finding]:
    standing, command = context.standing(node), next((one for one in started(node) if one.verb in _COMMANDS), None)
    if standing is None or command is None or not command.words or node.launched("entrypoint"):
        return
    says = _words(command, standing)
    if says:
        yield Finding(command.start, command.end, says)


def _words(command: Launch, standing: Standing) -> str:
    now, first = standing.base.entrypoint, (command.words or ("",))[0]
    if now is None:
        return ""
    if not passes(now):
        program = basename(now[0])
        doubled = basename(first) in (program, *_ALSO.get(program, ()))
        ran = standing.before is not None and _passed(standing.before) and not first.startswith("-")
        if (doubled and (ran or program in _INTERPRETERS)) or (ran and "." not in basename(first)):
            return (
                f"{standing.shown} starts {program}, so that {command.shown} would be its arguments: "
                f"{program} {first} …; "
                f"{f'leave {first} out' if doubled else 'say ENTRYPOINT too'}"
            )
    elif standing.before and standing.before.entrypoint and not passes(standing.before.entrypoint):
        program = basename(standing.before.entrypoint[0])
        if basename(first) != program:
            says = f"{standing.shown} has no entrypoint, so that {command.shown} would start {first}, "
            return says + f"not {program} {first}"
    return ""


_INTERPRETERS = frozenset(("java", "node", "perl", "php", "python", "python3", "ruby"))
"""Programs that take their first argument for a file to run; others may not mind their own name there."""

_COMMANDS = ("cmd", "command")
_ALSO = {"python": ("python3",), "python3": ("python",), "node": ("nodejs",)}


def _passed(before: Base) -> bool:
    return before.entrypoint is not None and passes(before.entrypoint)
