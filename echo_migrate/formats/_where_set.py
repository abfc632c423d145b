"""Where a script, or the file around it, sets a variable that has no one value, and to what."""

from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.spelling import few
from echo_migrate.images.reference import name_shown
from echo_migrate.model.reasons import Reason, because
from echo_migrate.shell.commands import Command

_GIVEN = lazy_regex(r"(?<![\w$-])(?<!\$[({])([A-Za-z_]\w*+)[ \t]*+(?:[:?+!]{0,3}=|:[ \t]|(?<=[ \t])in[ \t])")
"""A variable that is given a value: by an assignment, a key of YAML, or a loop."""

_TAKEN = lazy_regex(
    r"[ \t]*+([\"']?)"
    r"(?:\$(?:([0-9@*]|[A-Za-z_]\w*)|\{([0-9@*]|[A-Za-z_]\w*)(?::?\?[^}\n]{0,200}|:?-|[#%][^}\n]{0,99})?\}))?"
    r"\1(?=[\s;&|)]|$)"
)
"""A value that is empty, or all of a variable without a default."""

Places = tuple[tuple[int, int], ...]
"""Where the scripts of a text begin and end."""


class _Setting(NamedTuple):
    """A place at which a variable is given a value: an own one, or that of an argument, or none."""

    start: int
    own: bool
    argument: bool = False


@lru_cache(maxsize=2)
def _settings(bare: str) -> dict[str, list[_Setting]]:
    """Return where a text gives each variable a value."""
    found: dict[str, list[_Setting]] = defaultdict(list)
    for match in _GIVEN.finditer(bare):
        taken = _TAKEN.match(bare, match.end())
        other = (taken[2] or taken[3] or "") if taken else None
        argument = other is not None and other[:1] in tuple("0123456789@*")
        own = other is not None and other not in ("", match[1]) and not argument
        found[match[1]].append(_Setting(match.start(), other is None or own, argument))
    return found


def _nearest(settings: Iterable[_Setting], use: int, scripts: Places) -> _Setting | None:
    """Return what sets a variable for a use: in its own script the last before it, else that outside of all scripts."""

    def rank(setting: _Setting) -> tuple[bool, int, int]:
        inside = [begin <= use < end for begin, end in scripts if begin <= setting.start < end]
        return setting.start > use, 1 if not inside else 0 if inside[0] else 2, abs(use - setting.start)

    return min((one for one in settings if one.own), key=rank, default=None)


def why_open(
    bare: str, names: list[str], written: str, use: int, scripts: Places, commands: tuple[Command, ...]
) -> Reason:
    """Return why the image in some variables, which a script at ``use`` has as ``written``, has no one name."""
    settings = _settings(bare)
    for name in names:
        setting = _nearest(settings.get(name, ()), use, scripts)
        if setting:
            line = str(bare.count("\n", 0, setting.start) + 1)
            return because("set-by-variable", name=name_shown(name, written), line=line)
    arguments = [use] if any(not name.isidentifier() for name in names) else []
    arguments += [one.start for name in names for one in settings.get(name, ()) if one.argument]
    functions = [command for command in commands if "function" in command.inside]
    if any(command.start <= place < command.end for command in functions for place in arguments):
        return because("argument")
    return because("no-value", names=few(tuple(dict.fromkeys(name_shown(name, written) for name in names))))
