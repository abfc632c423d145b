"""Development dependencies in the final image."""

import os
from collections.abc import Iterator
from fnmatch import fnmatchcase
from posixpath import basename, dirname, join

from echo_migrate.dockerfile.copies import Copy
from echo_migrate.dockerfile.layers import configures
from echo_migrate.dockerfile.run import Run
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Unreadable, contents
from echo_migrate.files.tree import dockerfile_at, real
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
_RUNNERS = frozenset(
    ("bun", "bundle", "composer", "npm", "npx", "pdm", "pnpm", "poetry", "python", "python3", "rake", "uv", "yarn")
)
"""Programs that run what packages bring."""
_STARTS = (
    *("dev", "watch", "nodemon", "rails", "serve", "lint", "develop", "cypress", "playwright"),
    *("npm-run-all", *sorted(_TESTS)),
)
"""Words of commands that run what only development has."""
_STARTS_DEVELOPMENT = lazy_regex(rf"\b(?:{'|'.join(_STARTS)})\b", needs=_STARTS)
_ELSEWHERE = (
    *("-C", "-d", "--cwd", "--dir", "--directory", "--gemfile", "--manifest", "--package", "--prefix", "--project"),
    *("-P", "-w", "--workspace", "--workspaces", "--working-dir"),
)
"""Options by which a command installs what another folder declares."""
_CONTEXT = frozenset((".", "./", "/"))
_WORKSPACE = "pnpm-workspace.yaml"
"""The file that names further projects, which have a file of their own each (pnpm.io)."""
_LONGEST = 1_000_000
"""The length in bytes up to which the file with the dependencies is read."""
_MODES = ("APP_ENV", "NODE_ENV", "RACK_ENV", "RAILS_ENV")


@rule(on=Stage, level="note", also=("composer-no-dev",))
@of_shipped_images
def development_dependencies(stage: Stage, context: Context) -> Iterator[Finding]:
    calls = [(run, call) for run in stage.runs for call in run.calls if call.action == "install" and not call.packages]
    if not stage.ships or not calls:
        return
    purpose = f"{stage.name} {stage.root} {basename(context.source.path)}"
    if _DEVELOPMENT.search(purpose) or _builds(stage) or _pruned(stage):
        return
    for run, call in calls:
        known = call.manager.development
        if not known or call.opaque:
            continue
        left_out = _has_a_choice(call, known, run) or _set(known, run, call, stage)
        if not left_out and not configures(stage, known.settings, call) and _may_declare(call, run, stage, context):
            message = f"{call.shown} also installs development dependencies: "
            message += f"add {known.write}, or use a builder stage"
            yield Finding(call.command.start, call.command.end, message)


def _has_a_choice(call: Call, known: Development, run: Run) -> bool:
    """Return whether a call leaves development dependencies out, or another one of its RUN does in its place, as in the
    other branch of an ``if``."""
    others = [one for one in run.calls if one.manager is call.manager and one.action == "install"]
    chosen = [one for one in others if not (one.command.always and call.command.always)]
    return any(one.has(known.unless) for one in (call, *chosen))


def _may_declare(call: Call, run: Run, stage: Stage, context: Context) -> bool:
    """Return whether a project may declare development dependencies: the file that would is not known, or has them."""
    known = call.manager.development
    if known is None or run.moves or call.command.via or call.has(_ELSEWHERE):
        return True
    copies = [copy for one in stage.lineage for copy in one.copies if not copy.origin]
    found = [file for copy in copies for file in _brought(copy, known.manifest, run.folder, context)]
    texts = [_text(file) for file in found]
    more = any(os.path.lexists(join(dirname(file), _WORKSPACE)) for file in found)
    return more or not texts or any(text is None or any(word in text for word in known.declares) for text in texts)


def _brought(copy: Copy, name: str, folder: str | None, context: Context) -> Iterator[str]:
    """Yield the files with a name that a COPY of the build context brings to a folder."""
    target = copy.target.rstrip("/") if copy.target else copy.target
    if target not in (folder, join(folder, name) if folder else name):
        return
    path = context.source.path
    for source in [word.value for word in copy.sources]:
        here = source in _CONTEXT
        written = name if here else join(dirname(source) if fnmatchcase(name, basename(source)) else source, name)
        for place in context.folders(path) or (real(dirname(path)),):
            below = os.path.relpath(place, real(dirname(path)))
            file = dockerfile_at(path, below, written.lstrip("/"))
            if file:
                yield file


def _text(path: str) -> str | None:
    """Return the text of a file, None if it cannot be read."""
    try:
        return contents(path, _LONGEST).decode("utf-8", "replace")
    except Unreadable:
        return None


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


def _builds(stage: Stage) -> bool:
    """Return whether a stage runs a build or tests, which may need development dependencies."""
    return any(run.that("build") or any(map(_tests, run.commands)) for run in stage.runs)


def _tests(command: Command) -> bool:
    """Return whether a command runs tests, itself or by the manager of its packages (``npm test``)."""
    words = command.arguments[:3] if command.name in _RUNNERS else ()
    return command.name in _TESTS - {"test"} or not _TESTS.isdisjoint(words)
