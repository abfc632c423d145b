"""The variables that a YAML file gives the scripts in it, and what is filled into either before a shell reads them."""

import re
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress

from echo_migrate.dockerfile.expansion import Expansion, expand
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Traced
from echo_migrate.files.yaml import YamlNode, effective, is_mapping, is_text, positions, traced
from echo_migrate.formats._script_names import names_set

_VARIABLES = ("env", "environment", "variables", "vars")
"""Keys whose values are variables of the scripts below them."""

_OTHER = lazy_regex(r"\W")


def given_by(
    text: str, roots: Iterable[YamlNode | None], scripts: list[str], filled: re.Pattern[str]
) -> tuple[dict[str, Expansion], dict[str, Expansion]]:
    """Return the variables that a file gives its scripts, by their names there, and by the names that they are given
    under: those with one value, whose names are nowhere but in their uses. What is ``filled`` in is a variable too."""
    found: dict[str, list[Traced]] = defaultdict(list)
    for root in roots if any("$" in script or "{{" in script for script in scripts) else ():
        for key, child in positions(root):
            if key is not None and key.value in _VARIABLES and is_mapping(child):
                for name, value in effective(child).items():
                    found[name].append(traced(value, text) if is_text(value) else Traced("", ()))
    single = ((name, values[0]) for name, values in found.items() if len(values) == 1 and values[0].spans)
    named = ((name, _whole(value, filled)) for name, value in single if names_set(text)[name] == 1)
    given = {name: whole for name, whole in named if whole}
    values = dict(given)
    for match in (one for script in scripts for one in filled.finditer(script) if given):
        name = match[match.lastindex or 0].strip().removeprefix("env.").removeprefix(".")
        if name in given:
            values[as_name(match)[2:-1]] = given[name]
    return values, given


def _whole(value: Traced, filled: re.Pattern[str]) -> Expansion | None:
    """Return a value with variables for what is filled in; None if it has other signs of variables, which stay."""
    if "$" not in value.value:
        return Expansion(value)
    if "$" in filled.sub("", value.value):
        return None
    with suppress(ValueError):
        return expand(value._replace(value=filled.sub(as_name, value.value)), lambda _: None, escape="\0")
    return None


def as_name(match: re.Match[str]) -> str:
    """Return what is filled in as a shell variable of the same length."""
    name = _OTHER.sub("_", match[match.lastindex or 0])
    return "${" + name.ljust(len(match[0]) - 3, "_") + "}"
