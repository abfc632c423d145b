"""Keys of a Compose service besides its image: contexts, arguments and Dockerfile of its build, volumes, settings."""

import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from echo_migrate.dockerfile.container import Container, Located
from echo_migrate.dockerfile.expansion import Expansion, expand
from echo_migrate.dockerfile.startup import StartCommand, checked, line, listed, unread
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Source, Traced, Unreadable
from echo_migrate.files.tree import dockerfile_at
from echo_migrate.files.workspace import of_a_run
from echo_migrate.files.yaml import ScalarNode, YamlNode, effective, is_scalar, is_set, is_text, items, sequence, traced
from echo_migrate.formats._environment import variables_of
from echo_migrate.formats._volumes import mounts_of
from echo_migrate.images.reference import is_number, is_version, parsed
from echo_migrate.images.upstream import facts
from echo_migrate.model import Image
from echo_migrate.shell.parser import LONGEST

TOP_KEYS = frozenset(("configs", "include", "models", "name", "networks", "secrets", "services", "version", "volumes"))
SERVICE_KEYS = frozenset(
    (
        *(
            "annotations",
            "attach",
            "blkio_config",
            "build",
            "cap_add",
            "cap_drop",
            "cgroup",
            "cgroup_parent",
            "command",
        ),
        *("configs", "container_name", "cpu_count", "cpu_percent", "cpu_period", "cpu_quota", "cpu_rt_period"),
        *("cpu_rt_runtime", "cpu_shares", "cpus", "cpuset", "credential_spec", "depends_on", "deploy", "develop"),
        *("device_cgroup_rules", "devices", "dns", "dns_opt", "dns_search", "domainname", "driver_opts", "entrypoint"),
        *("env_file", "environment", "expose", "extends", "external_links", "extra_hosts", "gpus", "group_add"),
        *("healthcheck", "hostname", "image", "init", "ipc", "isolation", "label_file", "labels", "links", "logging"),
        *("mac_address", "mem_limit", "mem_reservation", "mem_swappiness", "memswap_limit", "models", "network_mode"),
        *("networks", "oom_kill_disable", "oom_score_adj", "pid", "pids_limit", "platform", "ports", "post_start"),
        *(
            "pre_stop",
            "privileged",
            "profiles",
            "provider",
            "pull_policy",
            "pull_refresh_after",
            "read_only",
            "restart",
        ),
        *("runtime", "scale", "secrets", "security_opt", "shm_size", "stdin_open", "stop_grace_period", "stop_signal"),
        *("storage_opt", "sysctls", "tmpfs", "tty", "ulimits", "use_api_socket", "user", "userns_mode", "uts"),
        *("volume_driver", "volumes", "volumes_from", "working_dir"),
    )
)
"""The keys of services in the Compose specification (compose-spec.json)."""
_VERSION = lazy_regex(r"v?[0-9][\w.-]{0,40}|latest|nightly|stable|edge")
_SETTING = lazy_regex(r"(?m)^[ \t]*(?:export[ \t]+)?(\w+)[ \t]*=[ \t]*+((?:[^\n]*[^ \t\r\n])?)[ \t\r]*$")


def container_of(
    name: str, keys: dict[str, YamlNode], image: Image, path: str, derived: Iterable[dict[str, YamlNode]] = ()
) -> Container:
    """Return the container of a service with the given keys, in the file at a path. ``derived`` are the keys of those
    that extend it, and that start commands of theirs in its image unless they have one of their own."""
    check = effective(keys.get("healthcheck"))
    start_commands = [_launch(key, keys.get(key)) for key in ("entrypoint", "command")]
    start_commands.append(_check(check.get("test")) if "disable" not in check else None)
    user = keys.get("user")
    mounts = [*mounts_of(keys.get("volumes")), *(["/"] if "volumes_from" in keys else [])]
    for kind in ("configs", "secrets"):
        targets = [effective(one).get("target") for one in sequence(keys.get(kind))]
        mounts += [target.value for target in targets if is_scalar(target)]
    return Container(
        name,
        image,
        tuple(one for one in start_commands if one),
        _place(user) if is_text(user) and "$" not in user.value else None,
        tuple(ports_of(keys.get("ports"))),
        not {"cap_add", "sysctls"}.isdisjoint(keys) or is_set(keys.get("privileged")),
        tuple(mounts),
        not {"develop", "extends", "post_start", "pre_stop"}.isdisjoint(keys),
        entered=tuple(
            one
            for other in derived
            if not is_text(other.get("image")) and "build" not in other
            for one in container_of(name, other, image, path).start_commands
        ),
        variables=variables_of(keys, path),
    )


def _place(node: ScalarNode) -> Located:
    return Located(node.value, node.start_mark.index, node.end_mark.index)


def _words(node: YamlNode | None) -> list[str] | None:
    """Return the words of a list, or of a text as Compose splits it; None if a variable or a quote makes them
    unknown."""
    values = [one.value for one in ([node] if is_scalar(node) else sequence(node)) if is_scalar(one)]
    if any("$" in value.replace("$$", "") for value in values) or sum(map(len, values)) > LONGEST:
        return None
    values = [value.replace("$$", "$") for value in values]
    if not is_scalar(node):
        return values
    import shlex

    try:
        return shlex.split(values[0])
    except ValueError:
        return None


def _launch(key: str, node: YamlNode | None) -> StartCommand | None:
    if node is None or (is_scalar(node) and node.tag.endswith(":null")):
        return None
    words, start, end = _words(node), node.start_mark.index, node.end_mark.index
    if words is None:
        return unread(key, start, end)
    return listed(key, words, start, end)


def _check(node: YamlNode | None) -> StartCommand | None:
    if node is None or (is_scalar(node) and not is_text(node)):
        return None
    words, start, end = _words(node), node.start_mark.index, node.end_mark.index
    if words is None:
        return unread("healthcheck", start, end)
    if not words:
        return None
    if is_scalar(node):
        return line("healthcheck", node.value.replace("$$", "$"), start, end)
    return checked(words, start, end)


def ports_of(node: YamlNode | None) -> Iterator[Located]:
    """Yield the ports of a container that are published and given as numbers."""
    for port in sequence(node):
        target = port if is_scalar(port) else effective(port).get("target")
        if is_scalar(target):
            number = target.value.partition("/")[0].rpartition(":")[2]
            if is_number(number):
                yield _place(target)._replace(value=number)


def arguments(build: dict[str, YamlNode], text: str) -> Iterator[tuple[str, Traced]]:
    """Yield the build arguments that have a value, from a mapping or a list of name=value."""
    for name, value in items(build.get("args")):
        if is_scalar(value) and value.value:
            yield name, traced(value, text)
    for value in sequence(build.get("args")):
        if is_scalar(value) and "=" in value.value:
            name = value.value.partition("=")[0]
            place = traced(value, text)
            if place.spans:
                yield name, place.cut(len(name) + 1, len(place.value))


def arguments_named(build: dict[str, YamlNode]) -> Iterator[tuple[str, str | None, int]]:
    """Yield all build arguments: the name, the value if it is written, and the place."""
    for name, value in items(build.get("args")):
        known = is_scalar(value) and "$" not in value.value and not value.tag.endswith(":null")
        yield name, value.value if known and is_scalar(value) else None, value.start_mark.index
    for value in sequence(build.get("args")):
        if is_scalar(value):
            name, equals, written = value.value.partition("=")
            yield name, written if equals and "$" not in written else None, value.start_mark.index


def _unvalued(build: dict[str, YamlNode], path: str) -> Iterator[tuple[str, bool]]:
    """Yield the build arguments without a value, each with whether the .env file beside a compose file has it."""
    names = [name for name, value in items(build.get("args")) if is_scalar(value) and value.tag.endswith(":null")]
    listed = [value.value for value in sequence(build.get("args")) if is_scalar(value)]
    names += [name for name in listed if name and "=" not in name]
    there = _beside(path) if names else {}
    for name in names:
        yield name, name in there


def dockerfile_of(path: str, node: YamlNode | None) -> str | None:
    """Return the path of the Dockerfile of a build, or None if it is not in the tree of the compose file."""
    build = effective(node)
    context = node if is_scalar(node) else build.get("context")
    name = build.get("dockerfile")
    parts = [part.value if is_scalar(part) else default for part, default in ((context, "."), (name, "Dockerfile"))]
    if "dockerfile_inline" in build:
        return None
    return dockerfile_at(path, *parts)


class Build(NamedTuple):
    """How a service builds a Dockerfile: the context as a path, the target and the build arguments that have values.
    ``unvalued`` are the others, which Compose takes from the environment and from the .env file: each with whether that
    file has it."""

    context: str
    target: str
    arguments: tuple[tuple[str, str], ...]
    unvalued: tuple[tuple[str, bool], ...] = ()


def context_in(source: Source, node: YamlNode) -> str | None:
    """Return the path of the folder that a service of a compose file builds from, given its ``build``; None if it is
    not here, or set elsewhere."""
    context = node if is_scalar(node) else effective(node).get("context")
    path = os.path.join(os.path.dirname(source.path), context.value if is_scalar(context) else ".")
    return os.path.normpath(path) if os.path.isdir(path) else None


def build_in(source: Source, node: YamlNode) -> Build | None:
    """Return how a service of a compose file builds its Dockerfile; None if the context is not here, or with values
    that are not known here."""
    build, path = effective(node), context_in(source, node)
    target = build.get("target")
    given = [(name, value.value) for name, value in arguments(build, source.text)]
    name = target.value if is_scalar(target) else ""
    if path is None or "$" in "".join((name, *(value for _, value in given))):
        return None
    return Build(path, name, tuple(given), (*_unvalued(build, source.path),))


def contexts_of(build: dict[str, YamlNode]) -> Iterator[tuple[str, ScalarNode]]:
    """Yield the additional contexts of a build, from a mapping or a list of name=value."""
    contexts = build.get("additional_contexts")
    for name, value in items(contexts):
        if is_scalar(value):
            yield name, value
    for value in sequence(contexts):
        if is_scalar(value):
            yield value.value.partition("=")[0], value


@of_a_run(256)
def settings_beside(path: str) -> dict[str, str]:
    """Return the settings of the .env file next to a compose file that look like versions or images."""
    return {name: value for name, value in _beside(path).items() if _names_an_image(value)}


def settled(written: str, path: str) -> str:
    """Return a reference with variables set by the .env file next to a compose file, for reports only; "" if that
    changes nothing, or makes no reference. What is set there counts, not a default."""
    settings = settings_beside(path) if "$" in written and "$$" not in written else {}
    if not settings:
        return ""

    def known(name: str) -> Expansion | None:
        return Expansion(Traced(settings[name], ())) if name in settings else None

    try:
        filled, plain = (expand(Traced(written, ()), lookup, escape="\0").text.value for lookup in (known, unset))
    except ValueError:
        return ""
    return filled if filled != plain else ""


def unset(_: str) -> None:
    """Look a variable up where none is known."""


def _beside(path: str) -> dict[str, str]:
    """Return the settings of the .env file next to a compose file.

    The file is read for reports and never edited; a link is not followed.
    """
    name = os.path.join(os.path.dirname(path), ".env")
    if os.path.islink(name) or not os.path.isfile(name):
        return {}
    try:
        text = Source.read(name).text
    except Unreadable:
        return {}
    return {match[1]: match[2].strip("'\"") for match in _SETTING.finditer(text)}


def _names_an_image(value: str) -> bool:
    """Return whether a setting is a version, or an image with a registry, with a namespace and a version, or with an
    official name. Any other may be a credential, and must not be shown."""
    if _VERSION.fullmatch(value):
        return True
    reference = parsed(value)
    if reference is None:
        return False
    versioned = "/" in reference.name and is_version(reference.tag or "")
    return versioned or "." in reference.registry or reference.name in facts().official
