"""The targets of makefiles that a command asks for, and what their recipes run.

Follows the GNU make manual 4.4, "Options Summary", "Goals" (the first target, if none is given) and "How the MAKE
Variable Works".
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Traced
from echo_migrate.formats._templates import without_comments
from echo_migrate.formats.makefile import recipes
from echo_migrate.shell.commands import Command
from echo_migrate.shell.parser import read

_RULE = lazy_regex(r"(?m)^([^\s#:=;][^#:=;\n]*)::?(?!=)([^\n=#;]*)")
_OF_MAKE = lazy_regex(r"\$[({]([A-Za-z_]\w*)[)}]")
_WITH_VALUE = frozenset(("-C", "--directory", "-f", "--file", "--makefile", "-I", "-o", "-W", "-l", "-j"))
_FILES = ("Makefile", "makefile", "GNUmakefile")


def made(command: Command) -> Iterator[tuple[str, str]]:
    """Yield the makefiles that a command may read, as written, each with a target that it makes: "" for the first."""
    if command.name not in ("make", "gmake"):
        return
    folder, file, targets = "", "", list[str]()
    words = iter([word.value for word in command.words[1:]])
    for word in words:
        name, given, value = word.partition("=") if word.startswith("--") else (word, "", "")
        if name in _WITH_VALUE and not given:
            value = next(words, "")
        elif word[:2] in ("-C", "-f"):
            name, value = word[:2], word[2:]
        if name in ("-C", "--directory"):
            folder = f"{value.rstrip('/')}/"
        elif name in ("-f", "--file", "--makefile"):
            file = value
        if name == "-j" and not value.isdigit() and not value.startswith("-"):
            targets.append(value)  # the number behind it may be left out
        elif not word.startswith("-") and "=" not in word:
            targets.append(word)
    yield from ((f"{folder}{one}", target) for one in ([file] if file else _FILES) for target in targets or [""])


def target_at(text: str, offset: int) -> frozenset[str]:
    """Return the targets of the rule whose recipe an offset is in; none where any target may use what is there."""
    found = [rule for rule in _rules(text) if rule.start() <= offset]
    names = frozenset(found[-1][1].split()) if found else frozenset[str]()
    return names if not any("%" in name or "$" in name for name in names) else frozenset()


def is_made(text: str, targets: frozenset[str], target: str) -> bool:
    """Return whether a target that is asked for is one of some, ``""`` for the first of the makefile."""
    return not targets or (target or _first(text)) in targets


def run_by(text: str, target: str) -> tuple[list[str], list[Command]]:
    """Return the targets that one needs, and the commands of its recipes."""
    target = target or _first(text)
    rules = _rules(text)
    ends = [rule.start() for rule in rules[1:]] + [len(text)]
    spans = [(rule.start(), end) for rule, end in zip(rules, ends, strict=True) if target in rule[1].split()]
    needed = [name for rule in rules if target in rule[1].split() for name in rule[2].split() if name != "|"]
    commands = list[Command]()
    for recipe in recipes(text) if spans else ():
        if any(start <= recipe.start < end for start, end in spans):
            commands += read(_as_shells(recipe)).commands
    return needed, commands


@lru_cache(maxsize=2)  # each image of a makefile makes this call
def _rules(text: str) -> list[re.Match[str]]:
    return list(_RULE.finditer(without_comments(text)))


def _first(text: str) -> str:
    names = (name for rule in _rules(text) for name in rule[1].split())
    return next((name for name in names if not name.startswith(".") and "%" not in name), "")


def _as_shells(recipe: Traced) -> Traced:
    """Return a recipe with make's name for its variable, and shell variables for others."""
    text = _OF_MAKE.sub(lambda match: "make" if match[1] == "MAKE" else f"${{{match[1]}}}", recipe.value)
    text = text.replace("$$", "$")
    return Traced.of(text, 0, len(text))
