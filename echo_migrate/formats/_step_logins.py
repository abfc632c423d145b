"""The logins to registries in a YAML file of a CI system: what the shells of its steps run, and inputs of actions."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Traced
from echo_migrate.files.yaml import YamlNode, is_scalar, is_text, positions, traced
from echo_migrate.shell.parser import read
from echo_migrate.shell.registry_logins import CLEARED, logins_in, named_in

LOGIN = lazy_regex(r"(?m)^(?![ \t]*#).*\b(?:login|registry)\b.*$")
"""A line of a registry login: ``registry:`` of docker/login-action, ``docker login`` and similar."""

_CALLED = lazy_regex(r"\b(?:buildah|docker|nerdctl|podman)(?:[ \t]|\\\r?\n)+login\b", needs=("login",))
_FILLED_IN = lazy_regex(r"\$\{\{[^{}]*\}\}|<<[ \t]*(?:parameters|pipeline|matrix)\.[\w.-]+[ \t]*>>")
_TOLD = frozenset(("description", "displayName", "label", "name", "title"))
"""Keys whose values nothing runs."""

Login = tuple[int, str | None]
"""The offset of a login and what it says, its host where that is known; None where the logins before it are gone."""


def step_logins(text: str, roots: Iterable[YamlNode | None]) -> list[Login]:
    """Return the logins of a text and its documents, in their order. A line counts by its words, but for those of
    scripts that a POSIX shell can be shown to run: there, what only prints a login, or may not run, is none."""
    made: list[Login] = []
    read_whole: list[tuple[int, int]] = []
    if _CALLED.search(text):
        for start, end, logins in _scripts(text, roots):
            made += logins
            read_whole.append((start, end))
    read_whole.sort()
    for match in LOGIN.finditer(text):
        place = bisect_right(read_whole, (match.end(), len(text))) - 1
        if place < 0 or read_whole[place][1] <= match.start():
            made.append((match.start(), named_in(match[0])))
    return sorted(made, key=lambda one: one[0])


def _scripts(text: str, roots: Iterable[YamlNode | None]) -> Iterator[tuple[int, int, list[Login]]]:
    """Yield where the scripts with logins are that can be read, each with its logins; none for titles."""
    seen: set[int] = set()
    for root in roots:
        for key, node in positions(root):
            if not is_text(node) or id(node) in seen or not _CALLED.search(node.value):
                continue
            seen.add(id(node))
            whole = traced(node, text)
            if is_scalar(key) and key.value in _TOLD:
                yield node.start_mark.index, node.end_mark.index, []
            elif whole.spans:
                script = read(Traced(_FILLED_IN.sub(_as_name, whole.value), whole.spans))
                if script.certain:
                    logins = [
                        (one.start, None if host is CLEARED else host or text[one.start : one.end])
                        for one, host in logins_in(script)
                    ]
                    yield node.start_mark.index, node.end_mark.index, logins


def _as_name(match: "re.Match[str]") -> str:
    """Return an expression as a shell variable of the same length."""
    return "${" + "_" * (len(match[0]) - 3) + "}"
