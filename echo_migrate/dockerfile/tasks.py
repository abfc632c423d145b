"""The scripts of a package.json that commands run."""

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from echo_migrate.shell.commands import Command

MANIFEST = "package.json"

_MANAGERS = frozenset(("bun", "npm", "pnpm", "yarn", "yarnpkg"))
_INSTALLS = frozenset(("", "ci", "clean-install", "i", "install"))
_INSTALLING = ("preinstall", "install", "postinstall", "prepare")
"""Scripts that an install of a project runs (docs.npmjs.com, scripts, npm ci)."""
_RUNS = frozenset(("run", "run-script"))
_NAMED = {"t": "test", "tst": "test"}
_SEVERAL = frozenset(("npm-run-all", "run-p", "run-s"))
"""What runs the scripts that its words name (github.com/mysticatea/npm-run-all)."""
_FOLDERS = ("-C", "--cwd", "--dir", "--filter", "--prefix", "--workspace")


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
