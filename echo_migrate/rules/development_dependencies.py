"""Development dependencies in the final image."""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from posixpath import basename
from typing import Any

from echo_migrate.dockerfile.container import Container
from echo_migrate.dockerfile.layers import configures
from echo_migrate.dockerfile.run import Run
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.model import Finding
from echo_migrate.rules._purpose import of_shipped_images
from echo_migrate.rules._rule import Context, rule
from echo_migrate.shell.commands import Command
from echo_migrate.shell.package_managers import Call, Development

_DEVELOPMENT = lazy_regex(
    r"(?i)dev|test|lint|\bci\b|build|debug|cypress|playwright",
    needs=("dev", "test", "lint", "ci", "build", "debug", "cypress", "playwright"),
)
_TESTS = frozenset(("jest", "mocha", "nox", "phpunit", "py.test", "pytest", "rspec", "test", "tox", "vitest"))
_COMPILING = frozenset(("esbuild", "rollup", "swc", "tsc", "webpack"))
_BUILDING = frozenset(("nest", "next", "ng", "nuxi", "nuxt", "react-scripts", "vite", "vue-cli-service"))
"""Programs that compile, and those that do with the word ``build``."""
_RUNNERS = frozenset(
    ("bun", "bundle", "composer", "npm", "npx", "pdm", "pnpm", "poetry", "python", "python3", "rake", "uv", "yarn")
)
"""Programs that run what packages bring."""
_RUNS = ("-m", "exec", "run", "run-script", "manage.py", "setup.py")
"""Words behind which they have the name of that."""
_STARTS = (
    *("dev", "watch", "nodemon", "rails", "serve", "lint", "develop", "cypress", "playwright"),
    *("npm-run-all", *sorted(_TESTS)),
)
"""Words of commands that run what only development has."""
_STARTS_DEVELOPMENT = lazy_regex(rf"\b(?:{'|'.join(_STARTS)})\b", needs=_STARTS)
_CHECKING = ("brakeman", "jest", "phpunit", "py.test", "pytest", "rspec", "rubocop", "vitest")
_RUNS_TESTS = lazy_regex(
    rf"(?m)^(?:[^#\n]{{0,300}}?[ \t\"';&|(/])?(?:{'|'.join(map(re.escape, _CHECKING))})(?=[\s\"';,]|$)"
    r"|\b(?:bun|composer|npm|pnpm|rails|rake|yarn)[ \t\"',]+(?:run[ \t\"',]+)?test(?=[\s\"';,:]|$)",
    needs=(*_CHECKING, "test"),
)
"""A command that runs tests or checks the code of a project."""
_DEBUGGER = lazy_regex(r"(?:^|[-_/])xdebug\b", needs=("xdebug",))
_ELSEWHERE = (
    *("-C", "-d", "--cwd", "--dir", "--directory", "--gemfile", "--manifest", "--package", "--prefix", "--project"),
    *("-P", "-w", "--workspace", "--workspaces", "--working-dir"),
)
"""Options by which a command installs what another folder declares."""
_NAMES_FILE = frozenset(("BUNDLE_GEMFILE", "COMPOSER"))
"""Variables that name the file with the dependencies (bundle-config(1); getcomposer.org/doc/03-cli.md)."""
_MODES = ("APP_ENV", "NODE_ENV", "RACK_ENV", "RAILS_ENV")


@rule(on=Stage, level="note", also=("composer-no-dev",))
@of_shipped_images
def development_dependencies(stage: Stage, context: Context) -> Iterator[Finding]:
    calls = [(run, call) for run in stage.runs for call in run.calls if call.action == "install" and not call.packages]
    if not stage.ships or not calls:
        return
    purpose = f"{stage.name} {stage.root} {basename(context.source.path)}"
    if _DEVELOPMENT.search(purpose) or _builds(stage) or _pruned(stage) or _is_for_stages_that_need_them(stage):
        return
    from echo_migrate.rules._manifests import manifests, may_declare, serves  # few stages install a project's packages

    asked: dict[tuple[str, str | None], bool] = {}
    files: dict[tuple[str, str | None], list[str] | None] = {}
    found: dict[tuple[int, str], Finding] = {}
    for run, call in calls:
        known = call.manager.development
        if not known or call.opaque:
            continue
        left_out = _has_a_choice(call, known, run) or _set(known, run, call, stage)
        if left_out or configures(stage, known.settings, call):
            continue
        key = known.manifest, run.folder
        if key not in asked:
            own = files[key] = manifests(known, run.folder, stage, context)
            asked[key] = may_declare(known, own) and not serves(known, own, stage, context.source.path)
        if asked[key] or _is_elsewhere(call, run):
            message = f"{call.shown} also installs development dependencies: "
            message += _remedy(known, files[key], call, stage)
            place = run.instruction.start, message  # once a RUN, as in both branches of a choice
            found.setdefault(place, Finding(call.command.start, call.command.end, message))
    if found and not _is_worked_in(stage, context):
        from echo_migrate.rules._run_in_ci import runs_checks  # few stages install development dependencies

        if not runs_checks(context.source.path):
            yield from found.values()


def _remedy(known: Development, files: list[str] | None, call: Call, stage: Stage) -> str:
    """Return what to write: an option of the install, or the command of a later major version, which has none."""
    later = known.later
    from echo_migrate.rules._manifests import text_of

    texts = [text_of(file) or "" for file in files or ()] if later else []
    named = any(word in text for text in texts for word in later["declares"])
    if named or (later and configures(stage, later["settings"], call)):
        return f"use {later['write']}, or a builder stage"
    if known.again and _installs_again(call, known.again, stage):
        return f"set {known.again['write']}, or use a builder stage"
    return f"add {known.write}, or use a builder stage"


def _installs_again(call: Call, again: dict[str, Any], stage: Stage) -> bool:
    """Return whether a later command of a stage, or its start, installs a project's packages again (``uv run``)."""
    starts = [launch.script for launch in map(stage.start_command, ("entrypoint", "cmd")) if launch]
    later = [own for run in stage.runs for own in run.commands if own.start > call.command.start]
    return any(
        own.name == call.command.name and not set(own.arguments[:1]).isdisjoint(again["commands"])
        for own in (*later, *[own for script in starts for own in script.commands])
    )


def _has_a_choice(call: Call, known: Development, run: Run) -> bool:
    """Return whether a call leaves development dependencies out, or another one of its RUN does in its place, as in the
    other branch of an ``if``."""
    if call.command.always:
        return call.has(known.unless)
    others = [one for one in run.calls if one.manager is call.manager and one.action == "install"]
    return any(one.has(known.unless) for one in others)


def _is_elsewhere(call: Call, run: Run) -> bool:
    """Return whether a call may install what another file declares than that of the folder of its RUN."""
    named = not _NAMES_FILE.isdisjoint(run.variables(call.command))
    return bool(named or run.moves or call.command.via or call.has(_ELSEWHERE))


def _set(known: Development, run: Run, call: Call, stage: Stage) -> bool:
    """Return whether a variable excludes development dependencies, or marks the image as one for development."""
    values = run.variables(call.command)
    for name, value in known.environment.items():
        if name in values and (not value or fnmatchcase(values[name].lower(), value) or "$" in values[name]):
            return True
    return any(values.get(name, "production") != "production" for name in _MODES)


def _pruned(stage: Stage) -> bool:
    """Return whether development dependencies are pruned, or the start commands need them (``npm run dev``)."""
    return bool(_STARTS_DEVELOPMENT.search(stage.started)) or any(
        "prune" in command.arguments for run in stage.runs for command in run.commands
    )


def _is_worked_in(stage: Stage, context: Context) -> bool:
    """Return whether all containers of other files that start a stage do so with what only development has, or one does
    with tests, as may a script that the stage starts: without it, they would fail. PHP's debugger is for people."""
    words = [word for above in stage.lineage for run in above.runs for one in run.commands for word in one.arguments]
    if any(_DEBUGGER.search(word) for word in words):
        return True
    from echo_migrate.rules._manifests import started_scripts

    started = [_commands(one) for one in context.containers(stage)]
    if any(_RUNS_TESTS.search(text) for text in (*started, *started_scripts(stage, context.source.path))):
        return True
    return bool(started) and all(map(_STARTS_DEVELOPMENT.search, started))


def _commands(container: Container) -> str:
    return "\n".join(one.args.value for one in container.start_commands if one.verb in ("command", "entrypoint"))


def _is_for_stages_that_need_them(stage: Stage) -> bool:
    """Return whether each image that is built on a stage, in its file, builds something or starts what only
    development has."""
    ends = [one.lineage for one in stage.graph.stages(stage.number + 1) if one.top]
    built = [line for line in ends if any(one.number == stage.number for one in line)]
    return bool(built) and all(
        _STARTS_DEVELOPMENT.search(line[-1].started) or any(_builds(one) for one in line if one.number > stage.number)
        for line in built
    )


def _builds(stage: Stage) -> bool:
    """Return whether a stage runs a build or tests, which may need development dependencies."""
    return any(run.that("build") or any(_tests(one) or _compiles(one) for one in run.commands) for run in stage.runs)


def _compiles(command: Command) -> bool:
    """Return whether a command calls a compiler or bundler that packages bring (``npx tsc``, ``vite build``)."""
    words = [basename(command.name), *(word for word in command.arguments if word[:1] != "-")]
    program, *rest = [word for word in words if word not in _RUNNERS and word not in ("exec", "run")] or [""]
    return program in _COMPILING or (program in _BUILDING and rest[:1] == ["build"])


def _tests(command: Command) -> bool:
    """Return whether a command runs tests, itself or by the manager of its packages (``npm test``)."""
    words = command.arguments[:3] if command.name in _RUNNERS else ()
    run = [word for before, word in zip(("run", *words), words, strict=False) if before.endswith(_RUNS)]
    return command.name in _TESTS - {"test"} or not _TESTS.isdisjoint(run)
