"""What the containers of Terraform resources run: their commands, checks, probes and hooks.

Keys: the providers docker (docker_container: entrypoint, command, healthcheck), kubernetes (container: command, args,
probes, lifecycle), google (Cloud Run: command, args), azurerm (container group: commands) and aws
(container_definitions: entryPoint, command, healthCheck), read in November 2026.
"""

from collections.abc import Iterator

from echo_migrate.dockerfile.startup import StartCommand, checked, listed, unread
from echo_migrate.files.values import Value

_OF_DOCKER = ("aws_", "docker_")
"""Resource types in which ``command`` is what the entrypoint is given, rather than the entrypoint."""

_CHECKS = ("healthcheck", "healthCheck")
_PROBES = ("liveness_probe", "readiness_probe", "startup_probe", "lifecycle")
_PROBES_IN_JSON = ("livenessProbe", "readinessProbe", "startupProbe")


def start_commands(type: str, keys: dict[str, Value]) -> Iterator[StartCommand]:
    """Yield the commands of a container, of a resource of a type: the entrypoint first."""
    of_docker = type.startswith(_OF_DOCKER) and "args" not in keys
    for key in ("entrypoint", "entryPoint", "commands", *(() if of_docker else ("command",))):
        if key in keys and keys[key].each:
            yield _launch("entrypoint", keys[key])
    key = "command" if of_docker else "args"
    if key in keys and keys[key].each:
        yield _launch("command", keys[key])
    for key in _CHECKS:
        test = dict(keys[key].items) if key in keys else {}
        words = _words(test.get("test") or test.get("command"))
        if words:
            yield checked(words, keys[key].start, keys[key].end)
    for key in (*_PROBES, *_PROBES_IN_JSON):
        for value in _executed(keys[key]) if key in keys else ():
            yield _launch("healthcheck", value)


def _executed(node: Value) -> Iterator[Value]:
    """Yield the commands that the probes and hooks below a block execute."""
    for key, value in node.items:
        command = dict(value.items).get("command") if key == "exec" else None
        if command and command.each:
            yield command
        else:
            yield from _executed(value)
    for one in node.each:
        yield from _executed(one)


def _launch(verb: str, value: Value) -> StartCommand:
    words = _words(value)
    return listed(verb, words, value.start, value.end) if words else unread(verb, value.start, value.end)


def _words(value: Value | None) -> list[str]:
    """Return the words of a list; none if one of them is not known."""
    each = value.each if value else []
    return [one.text for one in each] if all(one.kind == "text" and "$" not in one.text for one in each) else []
