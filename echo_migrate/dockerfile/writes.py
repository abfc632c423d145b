"""What the commands of a stage write, in its RUNs and where a container starts."""

import re
from collections.abc import Iterator
from posixpath import dirname

from echo_migrate.dockerfile.downloads import downloads
from echo_migrate.dockerfile.run import Run
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.shell.commands import Command
from echo_migrate.shell.package_managers import Call, call

COMPILERS = frozenset(("c++", "cc", "clang", "g++", "gcc", "go", "rustc"))
ELSEWHERE = ("-t", "--target-directory")
"""The option of cp, ln and mv with which the last operand is no target."""

_FILLS = {
    "npm": ("add", "ci", "clean-install", "i", "install", "install-clean"),
    "yarn": ("add", "install", "yarn"),
    "pnpm": ("add", "i", "install"),
    "bun": ("add", "i", "install"),
    "composer": ("install", "require", "update"),
}
"""The installs of projects, which write to the working directory."""
_ASIDE = (
    *("-C", "-d", "-g", "--cwd", "--dir", "--dry-run", "--filter", "--global", "--location", "--modules-folder"),
    *("--prefix", "--working-dir"),
)
"""Options with which they write elsewhere, or nothing."""
_TARGET = ("-t", "--target")
_GOING = frozenset(("cd", "popd", "pushd"))


def written(command: Command, called: Call | None, before: set[str]) -> list[tuple[str, bool]]:
    """Return the folders in which a command makes something, each with whether that is a file, which may be there.
    ``called`` is its call of a package manager, ``before`` are the managers that ran in the folder before it."""
    return _filled(called, before) if called else _made(command)


def runs_here(called: Call) -> bool:
    """Return whether a package manager works in the working directory, if it works on a project."""
    return not called.has(_ASIDE)


def makes_parents(command: Command) -> bool:
    """Return whether ``mkdir`` makes the folders above, and accepts those that are there."""
    return any(word == "--parents" or re.match(r"-[a-z]*p", word) for word in command.arguments)


def started(stage: Stage) -> Iterator[Run]:
    """Yield the ENTRYPOINT and the CMD of a stage in the form of a RUN, in the folder that a container starts in; none
    that goes to another one."""
    last = next((step for step in reversed(stage.instructions) if step.start in stage.workdirs), None)
    folder = stage.workdirs[last.start][1] if last else None
    entrypoint = stage.start_command("entrypoint")
    for verb in ("entrypoint", "cmd"):
        launch = stage.start_command(verb)
        given = verb == "cmd" and entrypoint is not None and not entrypoint.empty
        step = next((one for one in stage.instructions if launch and one.start == launch.start), None)
        if launch is None or step is None or launch.empty or given or launch.script is None:
            continue
        if any(command.name in _GOING for command in launch.script.commands):
            continue
        calls = tuple(one for one in map(call, launch.script.commands) if one)
        yield Run(step, launch.script, calls, (), stage.user, folder, stage.environment)


def _filled(call: Call, before: set[str]) -> list[tuple[str, bool]]:
    """Return the folders that a package manager certainly writes to; ``before`` are those that ran in them before."""
    if call.action != "install" or call.opaque:
        return []
    if call.manager.name == "pip":
        pairs = zip(call.options, (*call.options[1:], ""), strict=False)
        given = [value if "=" not in one else one.partition("=")[2] for one, value in pairs if one.startswith(_TARGET)]
        return [(folder, False) for folder in given]
    if call.verb.value not in _FILLS.get(call.manager.name, ()) or call.has(_ASIDE):
        return []
    anew = call.verb.value in ("ci", "clean-install", "install-clean")
    return [(".", False)] if anew or call.manager.name not in before else []


def _made(command: Command) -> list[tuple[str, bool]]:
    """Return the folders in which a command makes something, each with whether that is a file, which may be there."""
    words = [word for word in command.arguments if not word.startswith("-")]
    files = [one.target.value for one in command.redirects if one.operator in (">", ">>")]
    made: list[str] = []
    if command.name in ("touch", "tee"):
        files += words
    elif command.name == "mkdir":
        made += words
    elif command.name == "cp" and len(words) > 1 and not any(word.startswith(ELSEWHERE) for word in command.arguments):
        files += words[-1:]
    elif command.name == "git" and words[:1] == ["clone"]:
        place = next((i for i, word in enumerate(words) if "://" in word or word.startswith("git@")), len(words))
        made += (words[place + 1 :] or ["clone"])[:1] if place < len(words) else []
    elif command.name == "sed" and any(re.match(r"-[nErsz]*i|--in-place", word) for word in command.arguments):
        made += [word for word in words[1:] if "/" in word]  # it makes a new file beside each
    elif command.name in COMPILERS and "-o" in command.arguments[:-1]:
        files.append(command.arguments[command.arguments.index("-o") + 1])
    files += [file for _, file in downloads(command) if file]
    return [(_folder_of(one), one in files) for one in (*made, *files) if one not in ("/dev/null", "-")]


def _folder_of(path: str) -> str:
    """Return the folder that something is written to."""
    return path if path in (".", "./") or path.endswith("/") else dirname(path) or "."
