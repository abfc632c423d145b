"""Makefiles: the rules of their targets, the recipes of these, and what a command makes of them.

Follows the GNU make manual 4.4, "Recipe Syntax" and "Splitting Recipe Lines" (a recipe line begins with a tab, a
trailing backslash joins the next line, and both are passed to the shell), "Rule Syntax" (a recipe may also begin behind
a semicolon), "Special Variables" (.RECIPEPREFIX is what stands in place of the tab), "Shell Function", "Options
Summary", "Goals" (the first target, if none is given, unless .DEFAULT_GOAL names one), "Introduction to Pattern Rules",
"Target-specific Variable Values", "Splitting Long Lines" and "How the MAKE Variable Works".
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import lru_cache
from posixpath import join
from typing import NamedTuple

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Traced
from echo_migrate.shell.commands import MAKES, Command, Script
from echo_migrate.shell.parser import read

MAKEFILES: tuple[str, ...] = ("GNUmakefile", "makefile", "Makefile")
"""The names that make looks for, in its order."""
MAKEFILE = MAKEFILES[-1]
"""What stands for any of them in ``made``."""

_MOST = 200
"""How many targets of a makefile, and how many lines of their recipes, are read."""
_MOST_NEEDED = 2000
"""How many files that these need are looked for."""
_LONGEST = 10_000
"""The length in characters up to which variables of a recipe are read as what they stand for."""
_LONGEST_VALUE = 1_000
MOST_INCLUDED = 20
"""How many makefiles are read beside one."""
_DEEPEST = 5
"""A value may name another variable, whose value may name a third."""

_LINE = r"[-@+ \t]*((?:[^\\\n]|\\\r?\n|\\[^\n])+)"
_INLINE = lazy_regex(rf"(?m)^[^\s#:=;][^\n#:=;]*::?(?!=)[^\n#=;]*;{_LINE}")
_PREFIX = lazy_regex(r"(?m)^\.RECIPEPREFIX[ \t]*:*=[ \t]*(\S)?")


def _call(opening: str, closing: str) -> str:
    """Return the pattern of a call of ``shell``, whose text has brackets that are two deep at most."""
    text = rf"[^{opening}{closing}]*+"
    inner = rf"{text}(?>(?:\{opening}{text}\{closing}{text})*)"
    return rf"\{opening}shell[ \t]++({text}(?>(?:\{opening}{inner}\{closing}{text})*))\{closing}"


_SHELL = lazy_regex(rf"(?m)^[^#\n]*?\$(?:{_call('(', ')')}|{_call('{', '}')})")
_LOGICAL = lazy_regex(r"(?m)^[^\\\n]*(?>(?:\\(?:\r?\n|[^\n])?[^\\\n]*)*)")
_JOIN = lazy_regex(r"\\\r?\n[ \t]{0,40}")
_RULE = lazy_regex(r"(?!(?:else|ifn?def|ifn?eq|vpath)[ \t])([^\s#:=;][^#:=;]*)::?(?!:?=)([^#;]*)")
_ASSIGNED = lazy_regex(r" {0,4}(?:(?:export|override) {1,4})?(\.?[A-Za-z_]\w*)[ \t]{0,20}[?:+]{0,3}=[ \t]{0,20}(.*)")
_USED = lazy_regex(r"\$(?:\(([A-Za-z_]\w*)\)|\{([A-Za-z_]\w*)\})")
_ARGUMENT = lazy_regex(r"\$[({]?[1-9]")
"""What a definition, which only a call makes rules of, is given."""
_CALLS_SHELL = lazy_regex(r"\$\(shell[ \t]")
_FUNCTION = lazy_regex(r"\$\([a-z-]{2,12}[ \t]")
"""A function of make, whose name a shell would take for a command's."""
_OPEN = lazy_regex(r"\$(?:\{[^{}]*\}|\([^()]*\)|\w+|[@*<^?+])|%")
INCLUDE = lazy_regex(r"(?m)^ *(?:-?include|sinclude)[ \t]++([^#\n]*)")
"""The names of the makefiles that one includes (GNU make manual, Including Other Makefiles)."""
_VALUED = ("-C", "-f", "-I", "-o", "-W", "--directory", "--file", "--makefile")
_NUMBERED = ("-j", "-l", "--jobs", "--load-average", "--max-load")
"""Options behind which a number may stand, and need not."""
_ONLY_SHOWS = lazy_regex(r"-[bBdeikLmprRsStw]*[nqv][a-zA-Z]*|--(?:dry-run|just-print|recon|question|version|help)")


class _Rule(NamedTuple):
    """A rule with its targets and what these need, as written and with variables as what they stand for."""

    start: int
    names: tuple[str, ...]
    needed: tuple[str, ...]


def makefile_of(command: Command) -> tuple[str, tuple[str, ...], list[str]] | None:
    """Return the folder and the names of the makefile that a make reads, and the targets that it is given; None for
    another command, and for a make that runs nothing."""
    if command.name not in MAKES or any(map(_ONLY_SHOWS.fullmatch, command.arguments)):
        return None
    words = iter(command.arguments)
    folder, names = ".", MAKEFILES
    targets: list[str] = []
    option = ""
    for word in words:
        if option in _NUMBERED and (word[:1] == "$" or word.replace(".", "").isdecimal()):
            continue
        option, equals, value = word.partition("=")
        if option in _VALUED:
            value = value if equals else next(words, "")
        elif word[:2] in ("-C", "-f"):
            option, value = word[:2], word[2:]
        elif word[:1] != "-" and not equals:
            targets.append(word)
        if option in ("-C", "--directory"):
            folder = join(folder, value)
        elif option in ("-f", "--file", "--makefile"):
            names = (value,)
    return folder, names, targets


def made(command: Command) -> Iterator[tuple[str, str]]:
    """Yield the makefile that a command reads, as written, with each target that it makes: "" for the first."""
    folder, names, targets = makefile_of(command) or (".", (), [])
    # a variable beside targets is rather one of options
    targets = [one for one in targets if _pattern(one) != "*"] or targets[:1] or [""]
    yield from ((join(folder, MAKEFILE if names == MAKEFILES else names[0]), target) for target in targets if names)


def included_by(text: str) -> list[str]:
    """Return the makefiles that a makefile includes by names that are known."""
    names = [name for line in INCLUDE.findall(text)[:MOST_INCLUDED] for name in line.split() if "$" not in name]
    return names[:MOST_INCLUDED]


def recipes_of(text: str, targets: list[str]) -> Iterator[str]:
    """Yield the lines of the recipes that a makefile is certain to have for some targets, the first one if there are
    none, and for what they need, each as a shell reads it."""
    seen: set[int] = set()
    asked: set[str] = set()
    waiting = list(reversed(targets or [""]))
    while waiting and len(seen) < _MOST and len(asked) < _MOST_NEEDED:
        target = waiting.pop() or _first(text)
        asked.add(target)
        for rule in [one for one in _made_by(text, target, certain=True) if one.start not in seen]:
            seen.add(rule.start)
            waiting += reversed(rule.needed[:_MOST])
            yield from (_as_shells(line, text, target) for line in _recipes(text).get(rule.start, ())[:_MOST])


def rule_at(text: str, offset: int) -> int | None:
    """Return the offset of the rule in whose recipe an offset is, None if any target may use what is there."""
    line = text.rfind("\n", 0, offset) + 1
    while text.endswith(("\\\n", "\\\r\n"), 0, line):
        line = text.rfind("\n", 0, line - 1) + 1
    starts = _starts(text)
    at = bisect_right(starts, offset) - 1
    return starts[at] if at >= 0 and (starts[at] == line or text.startswith(_prefix(text), line)) else None


def rules_of(text: str, target: str) -> frozenset[int]:
    """Return the offsets of the rules by which a target is made, ``""`` for the first of the makefile: those that name
    it, else those that may. What is filled in may be anything."""
    return frozenset(rule.start for rule in _made_by(text, target))


def run_by(text: str, target: str) -> tuple[list[str], list[list[str]]]:
    """Return the targets that one needs, and the lines of each of its recipes, as a shell reads them. A list of files
    in a variable is left out."""
    rules = _made_by(text, target)
    needed = [name for rule in rules for name in rule.needed if _pattern(name) != "*" or name in _named(text)]
    return needed, [[_as_shells(line, text, target) for line in _recipes(text).get(rule.start, ())] for rule in rules]


def recipe_at(text: str, offset: int) -> Script | None:
    """Return the recipe that an offset is in as one script, with its places in the text; None if it is in none."""
    rule = rule_at(text, offset)
    lines = _recipes(text).get(rule, ()) if rule is not None else ()
    ends = [line.spans[-1][1] for line in lines]
    breaks = [Traced.of(text, end, min(end + 1, len(text))) for end in ends]
    whole = Traced.join([part for pair in zip(lines, breaks, strict=True) for part in pair])
    value = _USED.sub(lambda match: f"${{{match[1] or match[2]}}}", whole.value).replace("$$", " $")
    return read(whole._replace(value=value)) if lines else None


def _made_by(text: str, target: str, certain: bool = False) -> list[_Rule]:
    target = target or _first(text)
    if target in _named(text):
        return _named(text)[target]
    asked = _pattern(target)
    if certain and asked != target:
        return []
    return [
        rule
        for rule, names in (_patterns(text) if asked == target else [(one, one.names) for one in _rules(text)])
        for name in names
        if not (certain and "$" in name) and (fnmatchcase(asked, _pattern(name)) or fnmatchcase(name, asked))
    ]


@lru_cache(maxsize=4)  # each image and each target of a makefile makes these calls
def _read(text: str) -> tuple[list[_Rule], dict[str, str]]:
    """Return the rules of a makefile, and the first values of its variables."""
    rules: list[_Rule] = []
    values: dict[str, str] = {}
    prefix = _prefix(text)
    for match in _LOGICAL.finditer(text):
        line = _JOIN.sub(" ", match[0]).rstrip("\r")
        if line.startswith(prefix):
            continue
        if assigned := _ASSIGNED.fullmatch(line):
            values.setdefault(assigned[1], assigned[2].partition(" #")[0].strip()[:_LONGEST_VALUE])
        elif (found := _RULE.match(line)) and found[1].count("(") == found[1].count(")"):
            head, needed = found[1], "" if "=" in found[2] else found[2]  # a variable of targets
            names = [name for name in _both(head, values) if name[0] != "." or not name[1:2].isupper()]
            rules.append(_Rule(match.start(), tuple(names), tuple(_both(needed, values))))
    return rules, values


def _both(text: str, values: dict[str, str]) -> list[str]:
    """Return the words of a text, with variables as what they stand for, and as written: a call may set others."""
    written = text.split()[:_MOST]
    return list(dict.fromkeys((*_expanded(text, values).split()[:_MOST], *written))) if "$" in text else written


def _rules(text: str) -> list[_Rule]:
    return _read(text)[0]


@lru_cache(maxsize=4)
def _prefix(text: str) -> str:
    set_to = _PREFIX.search(text)
    return set_to[1] if set_to and set_to[1] else "\t"


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
def _patterns(text: str) -> list[tuple[_Rule, list[str]]]:
    found = ((rule, [name for name in rule.names if _pattern(name) != name]) for rule in _rules(text))
    return [(rule, names) for rule, names in found if names][:_MOST]


@lru_cache(maxsize=4)
def _recipes(text: str) -> dict[int | None, list[Traced]]:
    """Return the recipes by the offsets of their rules."""
    found: dict[int | None, list[Traced]] = {}
    for recipe in recipes(text):
        found.setdefault(rule_at(text, recipe.start), []).append(recipe)
    return found


def _first(text: str) -> str:
    names = (name for rule in _rules(text) for name in rule.names)
    values = _read(text)[1]
    said = _expanded(values.get(".DEFAULT_GOAL", ""), values)
    return said or next(
        (name for name in names if name[:1] != "." and "%" not in name and not _ARGUMENT.search(name)), ""
    )


def _pattern(name: str) -> str:
    """Return a name with ``*`` for what is filled in."""
    return _OPEN.sub("*", name) if "$" in name or "%" in name else name


def _as_shells(recipe: Traced, text: str, target: str) -> str:
    """Return a recipe with make's name and its target for their variables, and what others stand for."""
    return _expanded(recipe.value.replace("$(@)", "$@").replace("$@", target), _read(text)[1])


def _expanded(line: str, values: dict[str, str]) -> str:
    """Return a line of a makefile as its shell reads it: with variables and functions as what they stand for."""
    return "$".join([_filled(piece, values) for piece in line.split("$$")])


def _filled(text: str, values: dict[str, str]) -> str:
    for _ in range(_DEEPEST):
        if "$" not in text or len(text) > _LONGEST:
            break
        text = _USED.sub(lambda match: _value(match[1] or match[2], values), text)
    return _FUNCTION.sub("$(: ", _CALLS_SHELL.sub("$( ", text)) if "$(" in text else text


def _value(name: str, values: dict[str, str]) -> str:
    return "make" if name == "MAKE" else values.get(name, f"${{{name}}}")


def recipes(text: str) -> Iterator[Traced]:
    """Yield the recipes of a makefile, line by line, and the commands of its shell functions outside of them."""
    prefix = _prefix(text)
    for match in sorted((*re.finditer(f"(?m)^{re.escape(prefix)}{_LINE}", text), *_INLINE.finditer(text)), key=_start):
        place = Traced.of(text, *match.span(1))
        yield place._replace(value=re.sub(rf"(\\\r?\n){re.escape(prefix)}", r"\1 ", place.value))
    for match in _SHELL.finditer(text):
        yield Traced.of(text, *match.span(match.lastindex or 0))


def _start(match: "re.Match[str]") -> int:
    return match.start()
