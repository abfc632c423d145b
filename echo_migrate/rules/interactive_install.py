"""A package install that prompts for confirmation, which a build cannot answer."""

from collections.abc import Iterator

from echo_migrate.dockerfile.control_flow import fails_the_run
from echo_migrate.dockerfile.layers import configures
from echo_migrate.dockerfile.run import Run
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Edit
from echo_migrate.model import Finding, Fix, Level
from echo_migrate.rules._rule import Context, rule
from echo_migrate.shell.package_managers import Call

_QUIET = lazy_regex(r"--quiet=[2-9]|-q=[2-9]")
_PROMPTING = ("install", "remove", "upgrade")
_CONFIGURES = lazy_regex(r"/(?:etc(?:/(?:apt|dnf|pacman|yum|zypp)[^/]*(?:/.*)?)?)?")
"""The targets of a COPY that may contain a package manager's configuration: its folder, or a parent."""

_ASSUMES = lazy_regex(r"(?:docker\.io/)?cimg/")
"""Images whose apt is configured to assume yes (github.com/CircleCI-Public/cimg-base, Dockerfile: APT::Get::Assume-Yes
in apt.conf.d)."""


@rule(on=Stage, level="warning", also=("DL3014", "DL3030", "DL3034", "DL3038"), fixable=True)
def interactive_install(stage: Stage, context: Context) -> Iterator[Finding]:
    for run in stage.every_run:
        for call in run.calls:
            manager = call.manager
            if call.action in _PROMPTING and manager.answers and not _answered(call, run, stage):
                option = manager.answers[0]
                message = f"{call.shown} may prompt, and a build cannot answer: add {option}"
                if manager.assumes:
                    message = f"{call.shown} prompts, and takes end of input as yes: add {option}"
                edits = (Edit(call.verb.end, call.verb.end, f" {option}"),)
                fails = run.script is not None and fails_the_run(call.command, run.script)
                by_sh = "script" in call.command.inside  # which shell reads it, and how, is not known
                safe = fails and not by_sh and not stage.in_onbuild(call.command.start)
                fix = Fix(edits, f"add {option}", safe) if call.command.editable else None
                level: Level | None = "note" if manager.assumes else None
                yield Finding(call.command.start, call.command.end, message, fix, level)


def _quiet(call: Call) -> bool:
    """Return whether ``-q`` is given twice or more, which implies ``-y`` for apt (apt-get(8), --quiet)."""
    given = [name for option in call.options for name in (call.manager.short(option) or [option])]
    once = sum(option in ("-q", "--quiet") for option in given)
    return call.manager.name == "apt-get" and (once > 1 or any(map(_QUIET.fullmatch, call.options)))


def _answered(call: Call, run: Run, stage: Stage) -> bool:
    """Return whether the prompt is answered, or may not appear."""
    manager, command = call.manager, call.command
    return (
        call.opaque
        or not (call.packages or call.unnamed or call.action != "install" or call.has(manager.elsewhere))
        or call.has(manager.answers, manager.letters)
        or _quiet(call)
        or command.fed
        or "xargs" in command.via
        or not run.variables(command).keys().isdisjoint(manager.answering)
        or configures(stage, tuple(one.lower() for one in manager.answering), call)
        or (manager.name in ("apt", "apt-get") and bool(_ASSUMES.match(stage.root)))
        or any(_CONFIGURES.fullmatch(copy.target or "") for one in stage.lineage for copy in one.copies)
    )
