"""A port below 1024 in a container that does not run as root."""

from collections.abc import Iterator
from posixpath import basename, join

from echo_migrate.dockerfile.container import Container, stage_of
from echo_migrate.dockerfile.copies import Copy
from echo_migrate.dockerfile.parser import Instruction
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.images.reference import is_number
from echo_migrate.model import Finding
from echo_migrate.rules._readiness import EffectiveBase, as_root
from echo_migrate.rules._rule import Context, rule

_FIRST_FREE = 1024
_CONFIGURATION = lazy_regex(r"/etc/nginx/(?:nginx\.conf|(?:conf\.d|http\.d|templates)(?:/|$))")


@rule(on=Stage | Container, level="warning")
def privileged_port(node: Stage | Container, context: Context) -> Iterator[Finding]:
    effective = context.effective(node)
    user = _user(node, effective)
    if not user:
        return
    if isinstance(node, Container):
        of_docker = context.kind == "compose" or node.image.where.startswith("docker ")  # docker run, in any file
        if of_docker and not _instead(effective, stage_of(node)):
            return  # Docker lets every user listen on each port (20.10)
        places = [(one.value, one.start, one.end) for one in node.ports] if not node.privileges else []
    elif node.ships == "layers" and node.top and (context.settings.clusters or _instead(effective, stage_of(node))):
        places = [(port, one.start, one.end) for one in node.instructions for port in _ports(one)]
    else:
        places = []
    for port, start, end in places:
        if is_number(port) and 0 < int(port) < _FIRST_FREE:
            if isinstance(node, Stage) and _may_bind(node):
                return
            where = "" if isinstance(node, Container) and of_docker else ", as in Kubernetes"
            message = f"user {user} may not be allowed to listen on port {port}{where}: use 1024 or above"
            yield Finding(start, end, message + _instead(effective, stage_of(node)))
            return


def _may_bind(stage: Stage) -> bool:
    """Return whether the stage or a parent stage gives a program the capability to listen on such a port."""
    return any("cap_net_bind_service" in text for one in stage.lineage for _, text in one.settings)


def _user(node: Stage | Container, effective: EffectiveBase | None) -> str:
    """Return the user that a container is known to run as, or "" for root or if it is not known."""
    stage = stage_of(node)
    own = node.user.value if isinstance(node, Container) and node.user else stage.user if stage else None
    if own is not None:
        return "" if as_root(own) or "$" in own else own
    return f"{effective.base.user} of {effective.reference}" if effective and effective.base.unprivileged else ""


def _instead(effective: EffectiveBase | None, stage: Stage | None) -> str:
    """Return on which ports the image listens, unless a stage brings a configuration of its own for nginx."""
    if stage and any(_CONFIGURATION.search(path) for one in stage.lineage for path in map(_target, one.copies)):
        return ""
    ports = effective.base.ports if effective else ()
    return f"; {effective.reference} listens on {', '.join(ports)}" if effective and ports else ""


def _target(copy: Copy) -> str:
    """Return where the file of a COPY gets to, with the name that it has if that is in a folder."""
    names = [basename(word.value) for word in copy.sources] if copy.written.value.endswith("/") else []
    return " ".join(join(copy.target or "", name) for name in (names or [""]))


def _ports(instruction: Instruction) -> list[str]:
    """Return the ports in an EXPOSE, the first of each range, or in the variable PORT of an ENV."""
    words = [word.value for word in instruction.words()] if instruction.verb in ("env", "expose") else []
    if instruction.verb == "expose":
        return [word.partition("/")[0].partition("-")[0] for word in words]
    if instruction.verb == "env":
        return [word.partition("=")[2].strip("\"'") for word in words if word.startswith("PORT=")]
    return []
