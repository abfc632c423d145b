"""Package lists from an update, left in the final image."""

import re
from collections.abc import Iterable, Iterator

from echo_migrate.dockerfile.control_flow import can_be_appended_to, fetches_its_own, lists_are_missed
from echo_migrate.dockerfile.layers import expands_removed, in_quotes, unlisted, within
from echo_migrate.dockerfile.run import Run
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Edit
from echo_migrate.images.facts import is_root
from echo_migrate.model import Finding, Fix
from echo_migrate.rules._purpose import of_shipped_images
from echo_migrate.rules._rule import Context, rule
from echo_migrate.shell.commands import Command
from echo_migrate.shell.package_managers import Call, Manager

_CLEANS = lazy_regex(r"(?i)/[^/]*clean[^/]*$|clean[^/]*\.sh$", needs=("clean",))
"""A script that cleans up, whose content is not in the file."""


@rule(on=Stage, level="warning", also=("DL3009",), fixable=True)
@of_shipped_images
def package_lists_left(stage: Stage, context: Context) -> Iterator[Finding]:
    if not stage.ships:
        return
    effective = context.effective(stage)
    expanding = expands_removed(stage, effective.base if effective else None)
    for run in stage.every_run:
        fetched = [call for call in run.calls if call.action == "update" and call.manager.lists]
        updates = [call for call in fetched if "chroot" not in call.command.via]
        if not updates or run.script is None or not run.script.certain or unlisted(run, updates[-1], expanding):
            continue
        later = [one for one in run.commands if one.start > updates[-1].command.start]
        if any(_CLEANS.search(word.value) for one in later for word in one.words[:2]):
            continue
        call, folder = updates[-1], updates[-1].manager.lists[0]
        alone = not any(one.action in ("install", "upgrade") and one.manager is call.manager for one in run.calls)
        needed = ""
        useless = len(run.commands) == len(fetched)  # with the lists removed too, the RUN would do nothing
        if useless and not stage.order.followed(run, stage, "any", lambda later: True):
            needed, remedy = ", from which no RUN installs", "remove it"
        elif alone:
            remedy = f"remove it, or install in the same RUN and end that with rm -rf {folder}/*"
        elif _installs_later(run, stage, call.manager):
            needed, remedy = ", from which a later RUN installs", f"use one RUN that ends with rm -rf {folder}/*"
        else:
            remedy = f"add rm -rf {folder}/*"
        quoted = _in_quotes(later, updates[-1].manager.lists)
        remedy = f"the quotes keep {quoted} from matching: remove them" if quoted else remedy
        message = f"{call.shown} leaves {folder}{needed}: {remedy}"
        certain = stage.certain and not stage.in_onbuild(run.instruction.start)
        fix = _fix(run, stage, call) if certain and not useless and not quoted else None
        if needed or not _is_installed_into(context):
            yield Finding(call.command.start, call.command.end, message, fix)


def _is_installed_into(context: Context) -> bool:
    from echo_migrate.files.installed_into import installed_into  # few files leave lists

    return installed_into(context.source.path)


def _installs_later(run: Run, stage: Stage, manager: Manager) -> bool:
    """Return whether a later RUN installs from the package lists that a RUN leaves, so that it would fail without."""

    def installs(later: Run) -> bool:
        actions = {call.action for call in later.calls if call.manager is manager}
        return "install" in actions and "update" not in actions and not fetches_its_own(later, manager)

    return stage.order.followed(run, stage, ("installs", manager.name), installs)


def _in_quotes(commands: Iterable[Command], folders: Iterable[str]) -> str:
    """Return the pattern by which a command would remove package lists if it were not in quotes, "" if there is
    none."""
    words = [word for one in commands if one.name == "rm" and one.shell for word in one.words if in_quotes(word, one)]
    return next((word.value for word in words if any(within(word.value, folder) for folder in folders)), "")


def _fix(run: Run, stage: Stage, call: Call) -> Fix | None:
    """Return the fix: removal after the last command; None if a later command may depend on the package lists."""
    folder = call.manager.lists[0]
    place = run.script.tail if run.script else None
    mounted = any("$" in mount.target or within(mount.target, folder) for mount in run.mounts)
    if place is None or call.command.via or not (run.user is None or is_root(run.user)) or mounted:
        return None
    if not can_be_appended_to(run) or any(within(path, folder) or within(folder, path) for path in stage.taken):
        return None
    if re.search(r"\bapt", stage.started):
        return None
    if lists_are_missed(run, stage, call.manager):
        return None
    return Fix((Edit(place, place, f" && rm -rf {folder}/*"),), f"remove {folder}/*")
