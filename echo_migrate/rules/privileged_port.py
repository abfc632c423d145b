"""A port below 1024, where the container does not run as root."""

from collections.abc import Iterator

from echo_migrate.dockerfile.container import Service, stage_of
from echo_migrate.dockerfile.parser import Instruction
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.images.reference import is_number
from echo_migrate.model import Finding
from echo_migrate.rules._readiness import Standing, as_root
from echo_migrate.rules._rule import Context, rule

_FIRST_FREE = 1024


@rule(on=Stage | Service, level="warning")
def privileged_port(node: Stage | Service, context: Context) -> Iterator[Finding]:
    standing = context.standing(node)
    user = _user(node, standing)
    if not user:
        return
    if isinstance(node, Service):
        places = [(one.value, one.start, one.end) for one in node.ports] if not node.privileges else []
    elif node.ships == "layers" and node.top and "cap_net_bind_service" not in node.settings:
        places = [(port, one.start, one.end) for one in node.instructions for port in _ports(one)]
    else:
        places = []
    for port, start, end in places:
        if is_number(port) and 0 < int(port) < _FIRST_FREE:
            says = (
                f"{user} may not listen on port {port} everywhere (Kubernetes among them): listen on one from 1024 on"
            )
            yield Finding(start, end, says + _instead(standing))
            return


def _user(node: Stage | Service, standing: Standing | None) -> str:
    """Who runs it, if that is known not to be root."""
    stage = stage_of(node)
    own = node.user.value if isinstance(node, Service) and node.user else stage.user if stage else None
    if own is not None:
        return "" if as_root(own) or "$" in own else own
    return f"{standing.base.user} of {standing.reference}" if standing and standing.base.unprivileged else ""


def _instead(standing: Standing | None) -> str:
    ports = standing.base.ports if standing else ()
    return f"; {standing.reference} listens on {', '.join(ports)}" if standing and ports else ""


def _ports(instruction: Instruction) -> list[str]:
    """The ports that an EXPOSE, or ENV PORT, names."""
    words = [word.value for word in instruction.words()]
    if instruction.verb == "expose":
        return [word.partition("/")[0] for word in words]
    if instruction.verb == "env":
        return [word.partition("=")[2].strip("\"'") for word in words if word.startswith("PORT=")]
    return []
