"""Development dependencies in the final image."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from posixpath import basename

from echo_migrate.dockerfile.layers import configures
from echo_migrate.dockerfile.run import Run
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.model import Finding
from echo_migrate.rules._purpose import of_shipped_images
from echo_migrate.rules._rule import Context, rule
from echo_migrate.shell.package_managers import Call, Development

_DEVELOPMENT = lazy_regex(
    r"(?i)dev|test|lint|\bci\b|build|debug|cypress|playwright",
    needs=("dev", "test", "lint", "ci", "build", "debug", "cypress", "playwright"),
)
_STARTS = (
    *("dev", "test", "watch", "nodemon", "rails", "serve", "lint", "develop", "cypress", "playwright"),
    "npm-run-all",
)
_STARTS_DEVELOPMENT = lazy_regex(rf"\b(?:{'|'.join(_STARTS)})\b", needs=_STARTS)
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
        left_out = call.has(known.unless) or _set(known, run, call, stage)
        if not left_out and not configures(stage, known.settings, call):
            message = f"{call.shown} also installs development dependencies: "
            message += f"add {known.write}, or use a builder stage"
            yield Finding(call.command.start, call.command.end, message)


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
    """Return whether a stage runs a build, which may need development dependencies."""
    return any(run.that("build") for run in stage.runs)
