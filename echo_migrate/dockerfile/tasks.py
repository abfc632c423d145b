"""The commands that tasks of a project run: the recipes of a makefile, and the scripts of a package.json."""

import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from posixpath import join

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.shell.commands import Command

MAKEFILES: tuple[str, ...] = ("GNUmakefile", "makefile", "Makefile")
MANIFEST = "package.json"

_MOST = 200
"""How many targets of a makefile, and how many lines of their recipes, are read."""
_LONGEST = 10_000
"""The length in characters up to which variables of a recipe are read as what they stand for."""
_LONGEST_VALUE = 1_000
MOST_INCLUDED = 20
"""How many makefiles are read beside one."""
_DEEPEST = 5
"""A value may name another variable, whose value may name a third."""

_ASSIGNED = lazy_regex(r" {0,4}(?:(?:export|override) {1,4})?(\.?[A-Za-z_]\w*)[ \t]{0,20}[?:+]{0,3}=[ \t]{0,20}(.*)")
_USED = lazy_regex(r"\$(?:\(([A-Za-z_]\w*)\)|\{([A-Za-z_]\w*)\})")
_SHELL = lazy_regex(r"\$\(shell[ \t]")
_FUNCTION = lazy_regex(r"\$\([a-z-]{2,12}[ \t]")
"""A function of make, whose name a shell would take for a command's."""
INCLUDE = lazy_regex(r"(?m)^ *(?:-?include|sinclude)[ \t]++([^#\n]*)")
"""The names of the makefiles that one includes (GNU make manual, Including Other Makefiles)."""
_VALUED = ("-C", "-f", "-I", "-o", "-W", "--directory", "--file", "--makefile")
_NUMBERED = ("-j", "-l", "--jobs", "--load-average", "--max-load")
"""Options behind which a number may stand, and need not."""
_MANAGERS = frozenset(("bun", "npm", "pnpm", "yarn", "yarnpkg"))
_INSTALLS = frozenset(("", "ci", "clean-install", "i", "install"))
_INSTALLING = ("preinstall", "install", "postinstall", "prepare")
"""Scripts that an install of a project runs (docs.npmjs.com, scripts, npm ci)."""
_RUNS = frozenset(("run", "run-script"))
_NAMED = {"t": "test", "tst": "test"}
_SEVERAL = frozenset(("npm-run-all", "run-p", "run-s"))
"""What runs the scripts that its words name (github.com/mysticatea/npm-run-all)."""
_FOLDERS = ("-C", "--cwd", "--dir", "--filter", "--prefix", "--workspace")


def makefile_of(command: Command) -> tuple[str, tuple[str, ...], list[str]]:
    """Return the folder and the names of the makefile that a make reads, and the targets that it is given."""
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


def included_by(text: str) -> list[str]:
    """Return the makefiles that a makefile includes by names that are known."""
    names = [name for line in INCLUDE.findall(text)[:MOST_INCLUDED] for name in line.split() if "$" not in name]
    return names[:MOST_INCLUDED]


def recipes_of(text: str, targets: list[str]) -> Iterator[str]:
    """Yield the lines of the recipes that a makefile has for some targets, the first one if there are none, and for
    what they need, each as a shell reads it."""
    rules: dict[str, tuple[list[str], list[str]]] = {}
    values: dict[str, str] = {}
    current: list[str] = []
    for line in re.sub(r"\\\r?\n[ \t]{0,40}", " ", text).splitlines():
        if line[:1] == "\t":
            for name in current:
                rules[name][1].append(line.strip())
            continue
        if assigned := _ASSIGNED.fullmatch(line):
            values.setdefault(assigned[1], assigned[2].partition(" #")[0].strip()[:_LONGEST_VALUE])
            continue
        head, colon, rest = line.partition(":")
        if colon and "=" not in head and head[:1] not in ("", " ", "#") and not rest.lstrip(":").startswith("="):
            needed, _, recipe = rest.lstrip(":").partition("#")[0].partition(";")
            current = _expanded(head, values).split()[:_MOST]
            for name in current:
                known = rules.setdefault(name, ([], []))
                known[0].extend(_expanded(needed, values).split())
                known[1].extend([recipe.strip()] if recipe.strip() else [])
    own = next((name for name in rules if name[:1] != "." and "%" not in name), "")
    for name in _ordered(rules, targets or values.get(".DEFAULT_GOAL", own).split()):
        for line in rules[name][1][:_MOST]:
            yield _expanded(line.lstrip("@-+ \t"), values)


def _ordered(rules: dict[str, tuple[list[str], list[str]]], targets: list[str]) -> list[str]:
    """Return the rules that make targets, and what these need."""
    patterns = [name for name in rules if "%" in name][:_MOST]
    found: dict[str, None] = {}
    waiting = list(reversed(targets))
    while waiting and len(found) < _MOST:
        target = waiting.pop()
        made_by = [target] if target in rules else [one for one in patterns if _fits(target, one)]
        for name in made_by:
            if name not in found:
                found[name] = None
                waiting += reversed(rules[name][0][:_MOST])
    return list(found)


def _fits(target: str, pattern: str) -> bool:
    start, _, end = pattern.partition("%")
    return target.startswith(start) and target.endswith(end) and len(target) > len(start) + len(end)


def _expanded(line: str, values: dict[str, str]) -> str:
    """Return a line of a makefile as its shell reads it: with variables and functions as what they stand for."""
    return "$".join([_as_shells(piece, values) for piece in line.split("$$")])


def _as_shells(text: str, values: dict[str, str]) -> str:
    for _ in range(_DEEPEST):
        if "$" not in text or len(text) > _LONGEST:
            break
        text = _USED.sub(lambda match: _value(match[1] or match[2], values), text)
    return _FUNCTION.sub("$(: ", _SHELL.sub("$( ", text)) if "$(" in text else text


def _value(name: str, values: dict[str, str]) -> str:
    return "make" if name == "MAKE" else values.get(name, f"${name}")


def scripts_of_project(command: Command) -> tuple[str, list[str]] | None:
    """Return the folder of the package.json whose scripts a package manager of Node.js runs, and the names of those,
    None if it runs none. The first word of Yarn, pnpm and Bun may be a script's name."""
    if command.name not in _MANAGERS:
        return None
    folder, words, given = ".", [], iter(command.arguments)
    for word in given:
        option, equals, value = word.partition("=")
        if option in _FOLDERS or (option == "-w" and command.name == "npm"):
            folder = value if equals else next(given, ".")
        elif word == "--":
            break
        elif word[:1] != "-":
            words.append(word)
    verb, *rest = words or [""]
    if verb in _INSTALLS:
        none = (
            rest or "--ignore-scripts" in command.arguments or (verb == "" and command.name not in ("yarn", "yarnpkg"))
        )
        return None if none else (folder, list(_INSTALLING))
    name = rest[0] if verb in _RUNS and rest else _NAMED.get(verb, verb)
    if command.name == "npm" and verb not in (*_RUNS, *_NAMED, "restart", "start", "stop", "test"):
        return None
    return folder, [f"pre{name}", name, f"post{name}"]


def scripts_named(command: Command) -> list[str]:
    """Return the names, or patterns of them, of the scripts of the same project that a command runs."""
    if command.name in _SEVERAL:
        return [word for word in command.arguments if word[:1] != "-"]
    words = command.arguments if command.name == "concurrently" else []
    return [word[4:] for word in words if word[:4] == "npm:"]


def scripts_in(text: str, names: Iterable[str]) -> Iterator[str]:
    """Yield the scripts of these names, which may be patterns, that a package.json has."""
    import json  # few stages run any

    try:
        read = json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        return
    scripts = read.get("scripts") if isinstance(read, dict) else None
    for name in names:
        for key, value in scripts.items() if isinstance(scripts, dict) else ():
            if isinstance(value, str) and (key == name or ("*" in name and fnmatchcase(key, name))):
                yield value
