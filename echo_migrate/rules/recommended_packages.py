"""An install that also installs packages that are only recommended."""

from collections.abc import Iterable, Iterator

from echo_migrate.dockerfile.layers import configures, remaining_installs
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.files.source import Edit
from echo_migrate.images.reference import parsed
from echo_migrate.model import Finding, Fix
from echo_migrate.rules._purpose import of_shipped_images
from echo_migrate.rules._rule import Context, rule
from echo_migrate.shell.commands import Word
from echo_migrate.shell.package_managers import Call, package_name

_SETTINGS = ("apt::install-recommends", "install_weak_deps")


@rule(on=Stage, level="note", also=("DL3015",), fixable=True)
@of_shipped_images
def recommended_packages(stage: Stage, context: Context) -> Iterator[Finding]:
    if not stage.ships:
        return
    installed: set[str] = set()
    for run in stage.every_run:
        for call, words in remaining_installs(run):
            known = call.manager.recommended
            if all(package_name(word) in call.manager.alone for word in words):
                continue
            if not known or call.opaque or not words or call.has(known) or configures(stage, _SETTINGS, call):
                continue
            option = known[0]
            message = f"{call.command.name} installs recommended packages: add {option}"
            wanted = [one for one in _companions(call, words) if not _is_brought(one[0], call, stage, context)]
            installed = installed or (_installed(stage) if wanted else installed)
            missing = list(dict.fromkeys(others[0] for others in wanted if installed.isdisjoint(others)))
            message += f", and name {' and '.join(missing)} too" if missing else ""
            edits = (Edit(call.verb.end, call.verb.end, f" {option}"),)
            editable = call.command.editable and not stage.in_onbuild(call.command.start)
            fix = Fix(edits, f"add {option}", safe=False) if editable and stage.certain and not missing else None
            yield Finding(call.command.start, call.command.end, message, fix)


def _companions(call: Call, words: Iterable[Word]) -> list[list[str]]:
    """Return what packages of a call need and only recommend, each with what stands for it."""
    names = {package_name(word) for word in words}
    return [others for name, others in call.manager.companions.items() if name in names]


def _is_brought(package: str, call: Call, stage: Stage, context: Context) -> bool:
    """Return whether the image that a stage is based on has a package in each of its tags."""
    reference = parsed(stage.root) if package in call.manager.brought else None
    return reference is not None and context.settings.catalog.name_of(reference) in call.manager.brought[package]


def _installed(stage: Stage) -> set[str]:
    """Return the packages that the installs of a stage name."""
    calls = [one for own in stage.lineage for run in own.runs for one in run.calls if one.action == "install"]
    return {package_name(word) for one in calls for word in one.packages}
