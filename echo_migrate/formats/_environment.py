"""The names of the environment variables that a container is given; their values are never looked at."""

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Source, Unreadable
from echo_migrate.files.tree import top
from echo_migrate.files.workspace import of_a_run
from echo_migrate.files.yaml import YamlNode, effective, is_scalar, is_text, sequence
from echo_migrate.images.variables import UNREAD
from echo_migrate.shell.container_commands import Option, data

if TYPE_CHECKING:
    from echo_migrate.files.values import Value

_INLINE = ("env", "environment", "variables")
_OF_VALUES = (*_INLINE, "environment_variables", "secure_environment_variables", "secrets")
_ELSEWHERE = ("envFrom", "env_from", "environmentFiles", "extraEnvFrom", "extraEnvVarsCM", "extraEnvVarsSecret")
_OF_A_BLOCK = frozenset(("name", "value", "valueFrom", "value_from", "value_source"))
_SPELT = lazy_regex(r"\"?([A-Za-z_]\w{0,200})(?:=|\"?$)")
_SETTING = lazy_regex(r"(?m)^[ \t]*(?:export[ \t]+)?([A-Za-z_][\w.]{0,200})[ \t]*(?:=|\r?$)")


def variables_of(keys: dict[str, YamlNode], path: str = "") -> tuple[str, ...]:
    """Return the names of the variables that keys of a container set, with ``UNREAD`` where there may be others.

    ``path`` is that of the file, from which files of variables are found; "" if these are not read.
    """
    found = [name for key in (*_INLINE, "extraEnv", "extraEnvVars") for name in _named(keys.get(key))]
    found += [UNREAD for key in _ELSEWHERE if key in keys and not _is_empty(keys[key])]
    for key in ("env_file", "env_files"):
        found += [name for node in _files(keys.get(key)) for name in _in_file(node, path)]
    return tuple(dict.fromkeys(found))


def of_options(options: Iterable[Option]) -> Iterator[str]:
    """Yield the names of the variables that options of a command set, with ``UNREAD`` where there may be others."""
    meaning = data()["meaning"]
    for option in options:
        said = meaning.get(option.name)
        name = option.value.value.partition("=")[0] if option.value else "$"
        if said == "variables" or option.name.startswith("$"):
            yield UNREAD
        elif said == "variable":
            yield UNREAD if "$" in name else name


def of_values(keys: Iterable[tuple[str, "Value"]]) -> tuple[str, ...]:
    """Return the names of the variables that keys of a container set in HCL or JSON, with ``UNREAD`` where there may be
    others. A block that is there several times is a key each time, and one that an expression makes is ``dynamic``."""
    found: list[str] = []
    for key, value in keys:
        if key in _OF_VALUES:
            found += _of_value(value)
        elif key == "dynamic":
            found += [UNREAD for name, _ in value.items if name in (*_INLINE, *_ELSEWHERE)]
        elif key in _ELSEWHERE and value.value:
            found.append(UNREAD)
    return tuple(dict.fromkeys(found))


def _of_value(value: "Value") -> Iterator[str]:
    """Yield the names of a block with a name, of a map, of a list of ``NAME=VALUE`` and of one of maps with a name."""
    keys = dict(value.items)
    if keys and "name" in keys and _OF_A_BLOCK.issuperset(keys):
        yield _name(keys["name"])
    else:
        yield from (match[1] if (match := _SPELT.match(name)) else UNREAD for name in keys)
    yield from (_name(dict(one.items).get("name", one)) for one in value.each)
    if value.kind in ("text", "other") and value.value != "null":
        yield UNREAD


def _name(value: "Value") -> str:
    """Return the name in a text, or in ``NAME=VALUE``; ``UNREAD`` for an expression."""
    written = value.text or (value.value if value.kind == "other" and value.value[:1] == '"' else "")
    match = _SPELT.match(written)
    return match[1] if match else UNREAD


def _named(node: YamlNode | None) -> Iterator[str]:
    """Yield the names of a mapping, of a list of ``NAME=VALUE`` and of a list of mappings with a name."""
    yield from effective(node)
    for one in sequence(node):
        name = one if is_scalar(one) else effective(one).get("name", effective(one).get("Name"))
        yield name.value.partition("=")[0].strip() if is_text(name) else UNREAD
    if is_text(node):
        yield UNREAD  # a text that a template or an expression fills in


def _is_empty(node: YamlNode) -> bool:
    """Return whether a value names nothing, as those that a chart leaves to its user."""
    return not node.value or (is_scalar(node) and node.value in ("null", "~"))


def _files(node: YamlNode | None) -> Iterator[YamlNode]:
    if node is not None and not _is_empty(node):
        for one in sequence(node) or [node]:
            yield effective(one).get("path", one)


def _in_file(node: YamlNode, path: str) -> tuple[str, ...]:
    if not path or not is_text(node) or "$" in node.value:
        return (UNREAD,)
    return names_in(os.path.join(os.path.dirname(os.path.abspath(path)), node.value), top(path))


@of_a_run(512)
def names_in(path: str, root: str) -> tuple[str, ...]:
    """Return the names of the variables that a file of NAME=VALUE sets; ``UNREAD`` alone if it is not there, or not
    below a folder."""
    if "\0" in path or not os.path.isfile(path) or not os.path.realpath(path).startswith(root + os.sep):
        return (UNREAD,)
    try:
        return tuple(dict.fromkeys(match[1] for match in _SETTING.finditer(Source.read(path).text)))
    except Unreadable:
        return (UNREAD,)
