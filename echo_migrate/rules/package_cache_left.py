"""A package manager cache left in the final image."""

import re
from collections.abc import Iterator
from functools import lru_cache

from echo_migrate.dockerfile.control_flow import (
    can_be_appended_to,
    counts_on_the_cache,
    named_later,
    runs_before_the_end,
)
from echo_migrate.dockerfile.layers import caches_cleared, configures, expands_removed, leaves_links, within
from echo_migrate.dockerfile.run import Run
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.files.source import Edit
from echo_migrate.model import Finding, Fix
from echo_migrate.rules._purpose import of_shipped_images
from echo_migrate.rules._readiness import as_root
from echo_migrate.rules._rule import Context, rule
from echo_migrate.shell.package_managers import Call, Manager, data

_REPOSITORIES = frozenset(("--disablerepo", "--enablerepo", "--repo", "--repoid", "removerepo", "rr"))

_OF_ALL = frozenset(("~/.cache", "/root/.cache", "$HOME/.cache"))
"""The folder in which many package managers have theirs."""


@rule(on=Stage, level="note", also=("DL3019", "DL3032", "DL3036", "DL3040", "DL3042", "DL3060"), fixable=True)
@of_shipped_images
def package_cache_left(stage: Stage, context: Context) -> Iterator[Finding]:
    if not stage.ships:
        return
    effective = context.effective(stage)
    expanding = expands_removed(stage, effective.base if effective else None)
    paths: dict[int, str] | None = None
    for run in stage.every_run:
        leaving: dict[str, list[Call]] = {}
        cleared = caches_cleared(run, expanding)
        for call in run.calls:
            if cleared[call.manager.caches] < call.command.start and _leaves(call, run, stage):
                leaving.setdefault(call.manager.name, []).append(call)
        for calls in leaving.values():
            if all(map(_of_itself, calls)):
                continue
            first = calls[0]
            if first.manager.name == "bundle":
                paths = _bundle_paths(stage) if paths is None else paths
            remedy = _remedy(first, run, paths or {})
            message = f"{first.shown} leaves its cache in the image: {remedy}"
            known = stage.certain and not stage.in_onbuild(run.instruction.start)
            fix = _together([_fix(call, run, stage) for call in calls]) if known else None
            yield Finding(first.command.start, first.command.end, message, fix)


def _together(fixes: list[Fix | None]) -> Fix | None:
    """Return the fixes of several commands in a RUN as one, or None if the first has none."""
    known = [fix for fix in fixes if fix]
    if not fixes[0]:
        return None
    edits = tuple(dict.fromkeys(edit for fix in known for edit in fix.edits))
    return Fix(edits, known[0].title, all(fix.safe for fix in known))


def _leaves(call: Call, run: Run, stage: Stage) -> bool:
    """Return whether a call leaves its cache, if no command of its RUN clears it."""
    manager = call.manager
    fetches = call.action in ("install", "upgrade") or (call.action == "update" and manager.cached)
    if (
        not fetches
        or not manager.caches
        or call.subcommand in manager.uncached
        or leaves_links(call, run, stage)
        or call.opaque
        or not run.script
        or call.has(("--offline", "--local"))
        or (manager.kept and not configures(stage, manager.kept, call))
    ):
        return False
    return not (
        not run.script.certain
        or _too_old(manager, stage.root)
        or call.has((*manager.cached, *manager.moved))
        or _on_a_mount(call, run)
        or not run.variables(call.command).keys().isdisjoint(manager.environment)
        or configures(stage, manager.settings, call)
    )


def _of_itself(call: Call) -> bool:
    """Return whether a call installs the manager alone, and so keeps one small file at most."""
    return bool(call.packages) and all(word.value == call.manager.name for word in call.packages)


def _on_a_mount(call: Call, run: Run) -> bool:
    """Return whether the cache of a call may be on a cache or tmpfs mount. The home folder of root is not that of
    another user, and no shell expands a ``~``."""
    mounts = [mount for mount in run.mounts if mount.kind in ("cache", "tmpfs") and mount.target[:1] != "~"]
    user = run.user
    if (
        user is not None
        and "$" not in user
        and not as_root(user)
        and not call.command.via
        and "HOME" not in run.environment
    ):
        mounts = [mount for mount in mounts if not within(mount.target, "/root")]
    run = run._replace(mounts=tuple(mounts))
    return run.mounted(call.manager.caches) or any(_may_be_its_cache(one.target, call.manager) for one in mounts)


def _may_be_its_cache(folder: str, manager: Manager) -> bool:
    """Return whether a folder may be the cache of a manager: those of systems are where the system has them, and that
    of another manager is none."""
    if "$" in folder:
        return True
    if manager.system:
        return False
    if any(_in_a_home(folder, one) for one in manager.caches if one not in _OF_ALL):
        return True
    others = _caches() - {*manager.caches, *_OF_ALL}
    return "cache" in folder and not any(within(folder, one) or _in_a_home(folder, one) for one in others)


def _in_a_home(folder: str, cache: str) -> bool:
    return cache[:1] == "~" and f"{cache[1:]}/" in f"{folder}/"


@lru_cache
def _caches() -> frozenset[str]:
    """Return the folders of the caches and package lists of all managers."""
    managers = data().managers.values()
    return frozenset(folder for one in managers for folder in (*one.caches, *one.lists)) | {"/var/cache/apt"}


def _too_old(manager: Manager, base: str) -> bool:
    """Return whether the package manager of a base image is too old for the option."""
    return any(words in base and re.search(rf"{re.escape(words)}(?!\d)", base) for words in manager.old)


def _remedy(call: Call, run: Run, paths: dict[int, str]) -> str:
    manager = call.manager
    if call.action == "update":
        return f"remove it, and install with {manager.cached[0]}"
    if manager.cached:
        return f"add {manager.cached[0]}"
    if manager.name == "bundle" and (path := _bundle_path(call, run, paths)):
        return f"clean up in the same RUN (rm -rf {path}/ruby/*/cache)"
    cleaning = (
        f"{call.called.partition(' ')[0]} {manager.cleaning}" if manager.cleaning else f"rm -rf {manager.caches[0]}"
    )
    return f"clean up in the same RUN ({cleaning})"


def _bundle_paths(stage: Stage) -> dict[int, str]:
    """Return the folders that ``bundle config`` sets in a stage and those above it, each by where that stands
    (bundle-config(1), path)."""
    found = {}
    for run in (run for above in stage.lineage for run in above.runs if "bundle" in run.names):
        for one in run.commands:
            words = [word for word in one.arguments if word[:1] != "-"] if one.name == "bundle" else []
            if words[:1] == ["config"] and words[-2:-1] == ["path"]:
                found[one.start] = words[-1]
    return found


def _bundle_path(call: Call, run: Run, paths: dict[int, str]) -> str:
    """Return the folder in which Bundler installs, as a shell reads it; "" for that of the gems."""
    if places := [start for start in paths if start < call.command.start]:
        return paths[max(places)]
    return '"$BUNDLE_PATH"' if "BUNDLE_PATH" in run.variables(call.command) else ""


def _fix(call: Call, run: Run, stage: Stage) -> Fix | None:
    """Return the fix: the option that disables the cache, or the manager's clean command after the last command. Return
    None if a later command may use or expect the cache."""
    manager, script = call.manager, run.script
    if script is None or call.has(manager.dry) or counts_on_the_cache(run, stage, call):
        return None
    if named_later(run, stage, manager.caches):
        return None
    if manager.cached:
        if not call.command.editable or any(one.action == "update" and one.manager is manager for one in run.calls):
            return None  # an update writes the same cache
        return Fix((Edit(call.verb.end, call.verb.end, f" {manager.cached[0]}"),), f"add {manager.cached[0]}")
    if (
        not manager.cleaning
        or not manager.system
        or manager.kept
        or call.command.via
        or script.tail is None
        or _may_not_clean(call, run)
    ):
        return None
    if not can_be_appended_to(run) or not runs_before_the_end(call.command, script):
        return None
    cleaning = f"{call.command.name} {manager.cleaning}"
    return Fix((Edit(script.tail, script.tail, f" && {cleaning}"),), f"add {cleaning}")


def _may_not_clean(call: Call, run: Run) -> bool:
    """Return whether the package manager, or all its repositories, may be gone at the end of the RUN."""
    removing = [one.command for one in run.calls if one.action == "remove"]
    removing += [one for one in run.commands if one.name in ("rm", "rpm", "mv")]
    words = [word for one in removing for word in one.arguments]
    gone = any(call.manager.name in word or "repos" in word for word in words)
    return gone or any(word.partition("=")[0] in _REPOSITORIES for one in run.commands for word in one.arguments)
