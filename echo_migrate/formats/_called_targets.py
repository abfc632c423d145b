"""The targets of makefiles that a command asks for, and what their recipes run.

Follows the GNU make manual 4.4, "Options Summary", "Goals" (the first target, if none is given, unless .DEFAULT_GOAL
names one), "Introduction to Pattern Rules", "Splitting Long Lines" and "How the MAKE Variable Works".
"""

import os
from bisect import bisect_right
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import NamedTuple

from echo_migrate.dockerfile.tasks import MAKEFILES, makefile_of
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Traced
from echo_migrate.formats._templates import without_comments
from echo_migrate.formats.makefile import recipes
from echo_migrate.shell.commands import Command, Script
from echo_migrate.shell.parser import read

_RULE = lazy_regex(r"(?m)^([^\s#:=;][^#:=;\n]*)::?(?!=)((?:[^\n=#;\\]|\\\r?\n|\\[^\n=#;])*)")
_GOAL = lazy_regex(r"(?m)^\.DEFAULT_GOAL[ \t]*(?:\?|:{1,3})?=[ \t]*([^\s#]+)", needs=(".default_goal",))
_OF_MAKE = lazy_regex(r"\$[({]([A-Za-z_]\w*)[)}]")
_OPEN = lazy_regex(r"\$(?:\{[^{}]*\}|\([^()]*\)|\w+|[@*<^?+])|%")
_ONLY_SHOWS = lazy_regex(r"-[a-zA-Z]*n[a-zA-Z]*|--(?:dry-run|just-print|recon|version|help)")

MAKEFILE = "Makefile"
FILES = MAKEFILES
"""The names that make looks for, in its order; a call of any of them is one of the last."""


class _Rule(NamedTuple):
    start: int
    names: tuple[str, ...]
    needed: tuple[str, ...]


def made(command: Command) -> Iterator[tuple[str, str]]:
    """Yield the makefile that a command reads, as written, with each target that it makes: "" for the first."""
    if command.name not in ("make", "gmake") or any(_ONLY_SHOWS.fullmatch(word.value) for word in command.words[1:]):
        return
    folder, names, targets = makefile_of(command)
    file = MAKEFILE if names == FILES else names[0]
    # a variable beside targets is rather one of options
    targets = [one for one in targets if _pattern(one) != "*"] or targets[:1] or [""]
    yield from ((os.path.join(folder, file), target) for target in targets)


def rule_at(text: str, offset: int) -> int | None:
    """Return the offset of the rule in whose recipe an offset is, None if any target may use what is there."""
    line = text.rfind("\n", 0, offset) + 1
    while text.endswith(("\\\n", "\\\r\n"), 0, line):
        line = text.rfind("\n", 0, line - 1) + 1
    starts = _starts(text)
    at = bisect_right(starts, offset) - 1
    return starts[at] if at >= 0 and (starts[at] == line or text[line : line + 1] == "\t") else None


def rules_of(text: str, target: str) -> frozenset[int]:
    """Return the offsets of the rules by which a target is made, ``""`` for the first of the makefile: those that name
    it, else those that may. What is filled in may be anything."""
    return frozenset(rule.start for rule in _made_by(text, target))


def run_by(text: str, target: str) -> tuple[list[str], list[list[str]]]:
    """Return the targets that one needs, and the lines of each of its recipes, as a shell reads them. A list of files
    in a variable is left out."""
    rules = _made_by(text, target)
    needed = [name for rule in rules for name in rule.needed if _pattern(name) != "*" or name in _named(text)]
    return needed, [[_as_shells(line, target) for line in _recipes(text).get(rule.start, ())] for rule in rules]


def recipe_at(text: str, offset: int) -> Script | None:
    """Return the recipe that an offset is in as one script, with its places in the text; None if it is in none."""
    rule = rule_at(text, offset)
    lines = _recipes(text).get(rule, ()) if rule is not None else ()
    ends = [line.spans[-1][1] for line in lines]
    breaks = [Traced.of(text, end, min(end + 1, len(text))) for end in ends]
    whole = Traced.join([part for pair in zip(lines, breaks, strict=True) for part in pair])
    value = _OF_MAKE.sub(lambda match: f"${{{match[1]}}}", whole.value).replace("$$", " $")
    return read(whole._replace(value=value)) if lines else None


def _made_by(text: str, target: str) -> list[_Rule]:
    target = target or _first(text)
    if target in _named(text):
        return _named(text)[target]
    asked = _pattern(target)
    return [
        rule
        for rule in _rules(text)
        for name in rule.names
        if ("*" in asked or _pattern(name) != name)
        and not name.startswith(".")
        and (fnmatchcase(asked, _pattern(name)) or fnmatchcase(name, asked))
    ]


@lru_cache(maxsize=4)  # each image and each target of a makefile makes these calls
def _rules(text: str) -> list[_Rule]:
    return [
        _Rule(found.start(), *(tuple(part.replace("\\", " ").split()) for part in found.groups()))
        for found in _RULE.finditer(without_comments(text))
    ]


@lru_cache(maxsize=4)
def _starts(text: str) -> list[int]:
    return [rule.start for rule in _rules(text)]


@lru_cache(maxsize=4)
def _named(text: str) -> dict[str, list[_Rule]]:
    found: dict[str, list[_Rule]] = {}
    for rule in _rules(text):
        for name in rule.names:
            found.setdefault(name, []).append(rule)
    return found


@lru_cache(maxsize=4)
def _recipes(text: str) -> dict[int | None, list[Traced]]:
    """Return the recipes by the offsets of their rules."""
    found: dict[int | None, list[Traced]] = {}
    for recipe in recipes(text):
        found.setdefault(rule_at(text, recipe.start), []).append(recipe)
    return found


def _first(text: str) -> str:
    said = _GOAL.search(text)
    names = (name for rule in _rules(text) for name in rule.names)
    return said[1] if said else next((name for name in names if not name.startswith(".") and "%" not in name), "")


def _pattern(name: str) -> str:
    """Return a name with ``*`` for what is filled in."""
    return _OPEN.sub("*", name) if "$" in name or "%" in name else name


def _as_shells(recipe: Traced, target: str) -> str:
    """Return a recipe with make's name and its target for their variables, and shell variables for others."""
    text = _OF_MAKE.sub(lambda match: "make" if match[1] == "MAKE" else f"${{{match[1]}}}", recipe.value)
    return text.replace("$(@)", "$@").replace("$@", target).replace("$$", "$")
