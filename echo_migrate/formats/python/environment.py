"""The names of the environment variables that calls in Python give a container; their values are never looked at."""

import re
from collections.abc import Callable, Iterator, Mapping

import libcst as cst

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.formats.python.mounts import NOTHING
from echo_migrate.images.variables import UNREAD

_GIVEN = ("env", "env_vars", "environment", "private_environment")
_ELSEWHERE = ("configmaps", "env_file", "env_files", "env_from")
_SPELT = lazy_regex(r"[A-Za-z]{0,2}(?:\"\"\"|'''|\"|')([A-Za-z_]\w{0,200})(?=[=\"'])")
_LATER = lazy_regex(r"\.with_env(s|_file)?\(([^()]{0,500})")
_KEYWORD = lazy_regex(r"(?:^|,)\s*(\w{1,200})\s*=|(\*\*)")

Written = Callable[[cst.CSTNode], str]
"""The text of a node, as it is written."""


def of_call(given: Mapping[str, cst.BaseExpression], written: Written) -> Iterator[str]:
    """Yield the names that the keywords of a call set, with ``UNREAD`` where there may be others.

    Keywords: docker-py, "Containers" and "Services"; Airflow, "DockerOperator" and "KubernetesPodOperator"; Kubernetes,
    V1Container; aiodocker, the Env of a config. Read in November 2026.
    """
    for keyword, node in given.items():
        if keyword in _GIVEN:
            yield from _names(node, written)
        elif keyword in _ELSEWHERE and written(node).strip() not in NOTHING:
            yield UNREAD
        elif keyword == "config" and isinstance(node, cst.Dict):
            pairs = [one for one in node.elements if isinstance(one, cst.DictElement)]
            yield from (
                name for one in pairs if _spelt(one.key, written) == "Env" for name in _names(one.value, written)
            )


def of_later_calls(text: str) -> Iterator[str]:
    """Yield the names that a file gives its containers of Testcontainers, whichever these are."""
    for match in _LATER.finditer(text):
        if match[1] == "s":
            yield from (one[1] or UNREAD for one in _KEYWORD.finditer(match[2]))
        else:
            name = None if match[1] else _SPELT.match(re.sub(r"^key\s*=\s*", "", match[2].strip()))
            yield name[1] if name else UNREAD


def _names(node: cst.BaseExpression, written: Written) -> Iterator[str]:
    """Yield the names of a dictionary, of a list of ``NAME=VALUE``, and of a list of objects with a name."""
    if isinstance(node, cst.Dict):
        for pair in node.elements:
            yield _spelt(pair.key, written) if isinstance(pair, cst.DictElement) else UNREAD
    elif isinstance(node, cst.List | cst.Tuple | cst.Set):
        for one in node.elements:
            yield _of_object(one.value, written) if isinstance(one, cst.Element) else UNREAD
    elif isinstance(node, cst.Call) and written(node.func) == "dict" and node.args:
        yield from (one.keyword.value if one.keyword else UNREAD for one in node.args)
    elif written(node).strip() not in NOTHING:
        yield UNREAD


def _of_object(node: cst.BaseExpression, written: Written) -> str:
    """Return the name in an item of a list: a text, or a call or a dictionary with a name."""
    if isinstance(node, cst.Call):
        first = next((one.value for one in node.args if one.keyword and one.keyword.value == "name"), None)
        plain = [one.value for one in node.args if not one.keyword and not one.star]
        return _spelt(first or plain[0], written) if first or plain else UNREAD
    if isinstance(node, cst.Dict):
        pairs = [one for one in node.elements if isinstance(one, cst.DictElement)]
        named = (one.value for one in pairs if _spelt(one.key, written) == "name")
        return next((_spelt(one, written) for one in named), UNREAD)
    return _spelt(node, written)


def _spelt(node: cst.BaseExpression, written: Written) -> str:
    """Return the name that a string begins with, up to an equals sign; ``UNREAD`` if it has none."""
    match = _SPELT.match(written(node).lstrip("( \n"))
    return match[1] if match else UNREAD
