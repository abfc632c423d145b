"""A user set by name, where only a numeric ID can be verified as non-root."""

import re
from collections.abc import Iterator, Set

from echo_migrate.dockerfile.container import Container
from echo_migrate.dockerfile.parser import Instruction
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.dockerfile.users import accounts
from echo_migrate.images.facts import ImageFacts
from echo_migrate.model import Finding
from echo_migrate.rules._readiness import EffectiveBase, as_root
from echo_migrate.rules._rule import Context, rule

_DISTROLESS = {"nobody": "65534", "nonroot": "65532", "root": "0"}
"""The users in /etc/passwd of distroless images (GoogleContainerTools/distroless, common/variables.bzl)."""
_FAMILIES = {
    "alpine": {"daemon": "2", "nobody": "65534"},
    "debian": {"daemon": "1", "nobody": "65534", "www-data": "33"},
    "ubuntu": {"daemon": "1", "nobody": "65534", "www-data": "33"},
}
"""The users in /etc/passwd of distributions (alpine-baselayout; base-passwd, which Ubuntu takes from Debian)."""
_WINDOWS = frozenset(("containeradministrator", "containeruser"))


@rule(on=Stage | Container, level="note", blocks=True)
def named_user(node: Stage | Container, context: Context) -> Iterator[Finding]:
    if isinstance(node, Container):
        yield from _of_service(node, context.effective(node))
        return
    user = _last(node)
    if not node.top or node.ships != "layers" or user is None or _said_above(node, user):
        return
    name = _name(user.args.value) if not as_root(node.user) else ""  # which root-at-runtime reports
    effective = context.effective(node)
    start, end = user.args.start, user.args.end
    if name and effective and _nobody(node, effective.base, name):
        message = f"{effective.shown} has no user {name}, so containers will not start: use a number, "
        message += "or COPY /etc/passwd from the stage that adds it"
        yield Finding(start, end, message, level="error")
    elif name and node.started:  # else it is a base image, or for interactive use
        numbers = _created(node, name)
        number = _number(name, numbers, effective)
        moves = bool(effective and effective.target)
        if context.settings.clusters and (number or moves):
            missing = "" if numbers else ", which another base may not have"
            message = f"Kubernetes (runAsNonRoot) needs a number, not the name {name}{missing}: use "
            message += f"USER {number}" if number else "its number"
            yield Finding(start, end, message, quiet=bool(numbers))  # it works on any base, outside of Kubernetes
        elif effective and moves and not (numbers or number):
            yield Finding(start, end, f"{effective.shown} may not have the user {name}: use its number")


def _of_service(service: Container, effective: EffectiveBase | None) -> Iterator[Finding]:
    name = _name(service.user.value) if service.user else ""
    if name and service.user:
        message = f"another image may not have the user {name}: use "
        message += _number(name, frozenset(), effective) or "its number"
        yield Finding(service.user.start, service.user.end, message, quiet=True)  # it works until the image changes


def _name(user: str) -> str:
    """Return the name in a USER, or "" for a number, root, a variable or a Windows user."""
    name = user.strip().strip("\"'").partition(":")[0]
    if re.search(r"[$\\\s{]", name) or name.isdigit() or as_root(name) or name.lower() in _WINDOWS:
        return ""
    return name


def _last(stage: Stage) -> Instruction | None:
    """Return the USER in effect at the end of a stage, or None."""
    found = [step for one in stage.lineage for step in one.instructions if step.verb == "user" and step.args.spans]
    return found[-1] if found else None


def _said_above(stage: Stage, user: Instruction) -> bool:
    """Return whether a preceding final stage inherits the same USER, which was then already reported."""
    return any(one.top and one.ships == "layers" and _last(one) is user for one in stage.others)


def _number(name: str, created: Set[str], effective: EffectiveBase | None) -> str:
    """Return the user ID of a name, or "" if it is not known."""
    base = effective.base if effective else None
    if created or base is None:
        return next(iter(created)) if len(created) == 1 else ""
    if base.user == name and base.uid is not None:
        return str(base.uid)
    known = _DISTROLESS if base.complete and base.family else _FAMILIES.get(base.family or "", {})
    return known.get(name, "")


def _created(stage: Stage, name: str) -> Set[str]:
    """Return the user IDs with which a stage creates a user, "" for one that is not known; none if it does not."""
    runs = [run for one in stage.lineage for run in one.runs]
    numbers = {one.uid for run in runs for one in accounts(run) if one.name == name}
    from echo_migrate.dockerfile.added_users import texts_of  # few stages name a user

    line = re.compile(rf"(?<![\w.-]){re.escape(name)}:[^:\s]{{0,20}}:(\d+):\d+:")
    numbers |= {match[1] for run in runs for text in texts_of(run) for match in line.finditer(text)}
    return numbers


def _nobody(stage: Stage, base: ImageFacts, name: str) -> bool:
    """Return whether a user certainly does not exist: neither the base image nor a RUN or COPY may provide it."""
    if not base.complete or base.user == name or (base.family and name in _DISTROLESS):
        return False
    from echo_migrate.dockerfile.added_users import may_add  # few images have no other users

    return not may_add(stage, name)
