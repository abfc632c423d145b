"""A service of a compose project, and the services that it needs: started before its container, and removed after it.

They are started one by one by the builder, as Compose would, on a network of their own: on one that is named, those of
before and after would answer to the same names, and so may what runs there. Nothing of this machine is mounted into
them. On the host's network a service is reached by its name at this machine.
"""

import shlex
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from echo_migrate.formats.compose.project import Project, Service
from echo_migrate.proof.builders import NETWORK, Builder, Given, PassedOn
from echo_migrate.proof.container import PATIENCE, healthy
from echo_migrate.proof.image import Config, config_of


class Unmet(Exception):
    """A sibling cannot be started; the message says which and why."""


def unready(project: Project) -> str:
    """Return why a project cannot be started as Compose would, or ""."""
    if project.own.unknown:
        return f"the service {project.own.name} cannot be started as Compose would: {project.own.unknown}"
    unread = next((one for one in project.siblings if one.unread), None)
    return f"its sibling {unread.name} cannot be started: {unread.unread}" if unread else ""


@contextmanager
def beside(
    builder: Builder, project: Project, passed: PassedOn, built: Callable[[Service], str]
) -> Iterator[Callable[[Config], tuple[Given, Config]]]:
    """Start the siblings of a service. Yields what gives, for the configuration of the service's own image, how its
    container is started, and its configuration then. ``built`` returns the id of the image of a service that is built,
    "" for none. Raises ``Unmet``.
    """
    if why := unready(project):
        raise Unmet(why)
    with ExitStack() as stack:
        network = _network(builder, project, passed, stack)
        names = [name for one in (*project.siblings, project.own) for name in one.names]
        conditions = {name: condition for one in (*project.siblings, project.own) for name, condition in one.needs}
        for one in project.siblings:
            image = built(one) if one.dockerfile else _pulled(builder, one, passed)
            if not image:
                raise Unmet(f"its sibling {one.name} cannot be built")
            given, config = _given(one, config_of(builder.inspect(image)), network, names)
            container, message = builder.create(image, passed, [], given)
            if not container:
                raise Unmet(f"its sibling {one.name} does not start: {message.strip()}")
            stack.callback(builder.remove_containers, container)
            message = builder.start(container) or _ready(builder, container, conditions[one.name], config)
            if message:
                raise Unmet(f"its sibling {one.name} does not start: {message.strip()}")
        yield lambda config: _given(project.own, config, network, names)


def _network(builder: Builder, project: Project, passed: PassedOn, stack: ExitStack) -> str:
    if not project.siblings or passed.network in ("host", "none"):
        return passed.network
    name, message = builder.add_network()
    if not name:
        raise Unmet(f"its siblings have no network: {message}")
    stack.callback(builder.remove_network, name)
    return name


def _pulled(builder: Builder, one: Service, passed: PassedOn) -> str:
    """Return the id of a sibling's image, pulled if that is asked for. Raises ``Unmet``."""
    found = builder.inspect(one.image)
    if passed.pull and not found:
        builder.pull(one.image, passed.timeout)
        found = builder.inspect(one.image)
    if not found:
        remedy = "cannot be pulled" if passed.pull else "is not on this machine (--pull pulls it)"
        raise Unmet(f"its sibling {one.name} cannot be started: {one.image or 'its image'} {remedy}")
    return str(found.get("Id") or one.image)


def _given(service: Service, config: Config, network: str, names: list[str]) -> tuple[Given, Config]:
    """Return how the container of a service is started, and its configuration then."""
    options = ["--network", network] if network else []
    if network == "host":
        options += [word for name in names for word in ("--add-host", f"{name}:127.0.0.1")]
    elif network.startswith(NETWORK):
        options += [word for name in service.names for word in ("--network-alias", name)]
    options += [word for name, value in service.environment for word in ("--env", f"{name}={value}")]
    options += [word for folder in service.volumes for word in ("--volume", folder)]
    options += ["--user", service.user] if service.user else []
    options += ["--workdir", service.folder] if service.folder else []
    command = service.command or ()
    if service.entrypoint is not None:
        options += ["--entrypoint", *(service.entrypoint[:1] or ("",))]
        command = (*service.entrypoint[1:], *command)
        config = config._replace(entrypoint=service.entrypoint, command=service.command or ())
    elif service.command is not None:
        config = config._replace(command=service.command)
    if service.health is not None:
        config = config._replace(health=service.health)
    if service.ports and not config.ports:
        config = config._replace(ports=tuple(map(str, service.ports)))
    return Given(tuple(options), tuple(command), network=bool(network)), config


def _ready(builder: Builder, container: str, condition: str, config: Config) -> str:
    """Wait until a sibling is ready by the condition of those that need it; return why it is not, or ""."""
    if condition == "service_completed_successfully":
        builder.wait(container, PATIENCE)
        state = builder.state(container)
        return "" if not state.running and state.code == 0 else _ended(builder, container)
    if config.health[:1] in (("CMD",), ("CMD-SHELL",)):
        said = healthy(builder, container, config.health)
        return "" if said == "ok" else f"{shlex.join(config.health[1:])}: {said}"
    return "" if builder.state(container).running else _ended(builder, container)


def _ended(builder: Builder, container: str) -> str:
    state, texts = builder.state(container), builder.logs(container)
    lines = [line for text in texts for line in text.split("\n") if line.strip()]
    return "it still runs" if state.running else f"it ended with {state.code}: {(lines or ['no output'])[-1]}"
