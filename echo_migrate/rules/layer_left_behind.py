"""Files that a later layer removes or changes, but that still ship in the earlier layer."""

import os
from collections.abc import Iterable, Iterator
from itertools import islice, pairwise
from posixpath import basename, dirname, join

from echo_migrate.dockerfile.control_flow import must_succeed
from echo_migrate.dockerfile.copies import Copy
from echo_migrate.dockerfile.downloads import downloads
from echo_migrate.dockerfile.layers import (
    REMOVING,
    above,
    absolute,
    caches_cleared,
    configures,
    expands_removed,
    leaves_links,
    placed,
    removed,
    takes,
    within,
)
from echo_migrate.dockerfile.run import Run
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.tree import at_or_above, dockerfile_at, real
from echo_migrate.model import Finding
from echo_migrate.rules._purpose import of_shipped_images
from echo_migrate.rules._rule import Context, rule
from echo_migrate.shell.commands import Command
from echo_migrate.shell.package_managers import Call, joined, listed, package_name

_SMALL = lazy_regex(r"(?i)^(?!\w+://).*\.(?:bash|cfg|conf|in|ini|lock|md|patch|pl|py|rb|sh|toml|txt|ya?ml)$")
"""A script or settings, which take a few kilobytes of a layer."""

_FEW = 16_384
"""The length in bytes up to which a file is as small."""
_MOST_FOLDERS = 16
_SECRET = lazy_regex(
    r"(?i)auth|cred|key|pass|pwd|secret|token|(?:^|\.)env\b|^id_|"
    r"(?:boto|cfg|cnf|config|jks|json|p12|pem|pfx|properties|rc|xml)$"
)
"""The name of a file that may have a credential, which matters whatever its length is."""
_PATTERN = lazy_regex(r"[*?\[$]|://|\.\.|[^\x20-\x7e]|.{200}")
"""A source of COPY or ADD that is not the path of one file, or a strange one."""
_CHANGING = ("chmod", "chown")
_LATE = REMOVING.union(_CHANGING)
_IN_TURN = ("", ";", "\n")
_ELSEWHERE = frozenset(("pip", "uv pip"))
"""Package managers that install a project's packages into the interpreter, not where they are called."""
_VALUED = ("--from", "--reference")


@rule(on=Stage, level="warning")
@of_shipped_images
def layer_left_behind(stage: Stage, context: Context) -> Iterator[Finding]:
    last = max((run.instruction.start for run in stage.runs if _may_be_late(run)), default=-1)
    if stage.ships != "layers" or last < 0:
        return
    effective = context.effective(stage)
    below = _Layers(expands_removed(stage, effective.base if effective else None))
    steps: list[Run | Copy] = sorted([*stage.runs, *stage.copies], key=lambda step: step.instruction.start)
    for step in steps:
        if step.instruction.start > last:
            break
        if isinstance(step, Copy):
            below.copy(step)
            continue
        said = [
            (one, _twice(one, step, below, stage, context), False) for one in step.commands if one.name in _CHANGING
        ]
        if not REMOVING.isdisjoint(step.names):
            said += [(one, *_too_late(one, step, below, context)) for one in step.commands]
        late = _cleaned_too_late(step, below)
        said += [(call.command, message, False) for call, message in late if not _is_idle(call, stage)]
        said = sorted((one for one in said if one[1]), key=lambda one: (one[2], one[0].start))
        yield from [Finding(one.start, one.end, message, quiet=small) for one, message, small in said][:1]
        below.run(step, stage)


def _is_idle(call: Call, stage: Stage) -> bool:
    """Return whether a call cleans a cache in which the image keeps nothing anyway (``docker-clean``)."""
    return call.action == "clean" and bool(call.manager.kept) and not configures(stage, call.manager.kept, call)


def _may_be_late(run: Run) -> bool:
    """Return whether a RUN does what may be said of files, packages or caches of the layers below."""
    return not _LATE.isdisjoint(run.names) or any(call.action in ("clean", "remove") for call in run.calls)


class _Layers:
    """The contents of the preceding layers: the COPY that first added each path and its parent folders (``trees``: all
    those that most likely add folders; ``every`` has all), the downloaded files, and the packages installed by each
    package manager. ``expanding`` tells whether ``sh`` may expand braces."""

    def __init__(self, expanding: bool) -> None:
        self.expanding = expanding
        self.copied: dict[str, Copy] = {}
        self.trees: dict[str, list[Copy]] = {}
        self.every: list[Copy] = []
        self.downloaded: set[str] = set()
        self.installed: dict[str, set[str]] = {}
        self.uncleaned: set[str] = set()

    def copy(self, copy: Copy) -> None:
        target = copy.target
        if not target:
            return
        self.every.append(copy)
        for place in dict.fromkeys((target, *[join(target, basename(word.value)) for word in copy.sources])):
            for folder in above(place):
                self.copied.setdefault(folder, copy)
        for folder in above(target) if _tree(copy) else ():
            self.trees.setdefault(folder, []).append(copy)

    def run(self, run: Run, stage: Stage) -> None:
        for command in run.that("download"):
            for file in filter(None, [absolute(name, run, command) for _, name in downloads(command) if name]):
                if not run.mounted([file]) and not self._removes(run, command, file):
                    self.downloaded.update(above(file))
        cleared = caches_cleared(run, self.expanding)
        for call in run.calls:
            if call.action == "install":
                name = call.manager.name
                names = {name for word in call.packages for name in (word.value, package_name(word))}
                self.installed.setdefault(name, set()).update(names, {call.group})
                if cleared[call.manager.caches] < call.command.start and not leaves_links(call, run, stage):
                    self.uncleaned.add(name)

    def _removes(self, run: Run, download: Command, file: str) -> bool:
        """Return whether a RUN certainly removes, after a command, the file that it downloads."""
        later = [one for one in run.commands if one.start > download.start and _certain(one, run)]
        gone = [placed(word, run, one) for one in later for word in removed(one, self.expanding)]
        return any(takes(one, file, file) for one in gone)


def _certain(command: Command, run: Run) -> bool:
    """Return whether a RUN succeeds only if a command ran."""
    script = run.script
    if script is None or not script.certain:
        return False
    return must_succeed(command, script) or (not command.inside and command.operator in _IN_TURN)


def _tree(copy: Copy) -> bool:
    """Return whether a COPY most likely copies a folder, not a file."""
    return any(word.value in (".", "./") or "." not in basename(word.value.rstrip("/")) for word in copy.sources)


def _twice(command: Command, run: Run, below: _Layers, stage: Stage, context: Context) -> str:
    """Return the message for a recursive chown or chmod that stores copied files a second time, or ""."""
    if not any(map(_recursive, command.arguments)):
        return ""
    operands, options, given = _operands(command.arguments)
    known = given if command.name == "chown" else ""
    trees = {
        place: copies
        for word in operands
        if (place := absolute(word, run, command))
        and (copies := _changed(below.trees.get(place, ()), options.get("--from"), known))
    }
    inside = [one for one in below.every if any(within(one.target or "", place) for place in trees)]
    # a file with the name of its place, such as COPY x /srv/app, counts by its tree
    copies = _changed([*inside, *(one for found in trees.values() for one in found)], options.get("--from"), known)
    if not trees:
        return ""
    starts = dict.fromkeys(sorted(one.instruction.start for one in copies))
    what, where = list(trees), "where it is copied"
    if len(starts) > 1:
        where = f"on lines {', '.join(str(context.source.position(start)[0]) for start in starts)}"
    elif not _writes_there(what, stage, command):
        what = [copies[0].target or ""]
    verbs = " and ".join(dict.fromkeys(one.instruction.verb.upper() for one in copies))
    remedy = f"use {verbs} --{command.name}= {where}"
    if command.name == "chown":
        remedy += _for_the_user(known, what, min(starts), stage, command)
    return f"{command.name} stores {joined(what)} a second time: {remedy}"


def _changed(copies: Iterable[Copy], owner: str | None, given: str) -> list[Copy]:
    """Return the copies whose files a chown (from an owner) gives another one, or a chmod another mode."""
    ours = [one for one in copies if owner is None or _belongs(one, owner)]
    return [one for one in ours if not given or not _belongs(one, given)]


def _for_the_user(given: str, places: list[str], copied: int, stage: Stage, change: Command) -> str:
    """Return what a chown of folders needs besides the owner of what is copied from an offset on."""
    from echo_migrate.dockerfile.added_users import is_added_after  # few files are stored twice

    user = given.partition(":")[0]
    folders = {folder for above in stage.lineage for _, folder in above.workdirs.values()}
    made = [place for place in places if place in folders]  # WORKDIR makes it root's
    remedy = f", after RUN chown {given} {' '.join(made)}" if given and made else ""
    parts = [f"run what else writes there as {user or 'its user'}"] if _writes_there(places, stage, change) else []
    if is_added_after(stage, user, copied):
        parts.append("create the user first" if parts else "create the user before it, or use its number")
    return remedy + "".join(f", {'and ' * (part == parts[-1])}{part}" for part in parts)


def _writes_there(places: list[str], stage: Stage, change: Command) -> bool:
    """Return whether a command of a stage before a chown makes files or folders in what that changes: an install of a
    project's packages, or mkdir. These have the owner that they should only if that user runs it."""
    for run in stage.runs:
        before = [one for one in run.commands if one.start < change.start]
        made = [absolute(word, run, one) for one in before if one.name == "mkdir" for word in _folders(one.arguments)]
        calls = [call for call in run.calls if call.command.start < change.start and call.action == "install"]
        calls = [call for call in calls if call.manager.name not in _ELSEWHERE]
        made += [run.folder for call in calls if not call.manager.system and not call.packages]
        if any(within(path, place) for path in filter(None, made) for place in places):
            return True
    return False


def _folders(words: list[str]) -> list[str]:
    """Return the folders that mkdir makes, without its options and the mode that one of them (``-pm``) is given."""
    return [
        word
        for before, word in pairwise(("", *words))
        if not word.startswith("-") and not (before.startswith("-") and before.endswith("m"))
    ]


def _operands(words: list[str]) -> tuple[list[str], dict[str, str], str]:
    """Return the paths of a chown or chmod, its options with the values of those that take one, and the owner or mode,
    "" if it is that of another file."""
    operands: list[str] = []
    options: dict[str, str] = {}
    waiting = ""
    for word in words:
        if waiting:
            options[waiting], waiting = word, ""
        elif word.startswith("-"):
            name, equals, options[name] = word.partition("=")
            waiting = "" if equals or name not in _VALUED else name
        else:
            operands.append(word)
    if "--reference" in options:
        return operands, options, ""
    return operands[1:], options, "".join(operands[:1])


def _belongs(copy: Copy, owner: str) -> bool:
    """Return whether the files of a COPY certainly belong to a user, a user:group or a :group."""
    given = next((flag.value.value for flag in copy.instruction.flags if flag.name == "chown"), "")
    if not given and copy.origin:
        return False  # they may keep the owner that they have there
    wanted = owner.partition(":")[::2]
    user, _, group = (given or "root").partition(":")
    return all(not name or _name(name) == _name(own) for name, own in zip(wanted, (user, group or user), strict=True))


def _name(user: str) -> str:
    return "root" if user == "0" else user


def _recursive(option: str) -> bool:
    return option == "--recursive" or (option.startswith("-") and not option.startswith("--") and "R" in option)


def _too_late(command: Command, run: Run, below: _Layers, context: Context) -> tuple[str, bool]:
    """Return the message for the removal of files that an earlier layer copied or downloaded, or "", and whether what
    it copied is small."""
    words = removed(command, below.expanding)
    for path in filter(None, (absolute(word.removesuffix("/*"), run, command) for word in words)):
        copy = below.copied.get(path)
        if copy:
            remedy = "mount it instead (RUN --mount=type=bind), or copy it in a builder stage"
            if any("://" in word.value for word in copy.sources):
                remedy = "download it in this RUN"
            message = f"removing {path} does not shrink the image, {copy.instruction.verb.upper()} added it: {remedy}"
            return message, all(
                _SMALL.search(word.value) or _is_few(word.value, copy, context) for word in copy.sources
            )
        if path in below.downloaded:
            return f"removing {path} does not shrink the image, another RUN downloaded it: remove it there", False
    return "", False


def _is_few(source: str, copy: Copy, context: Context) -> bool:
    """Return whether a COPY of the build context brings a file of a few kilobytes, in each folder that may be it."""
    path = context.source.path
    if copy.origin or _PATTERN.search(source) or _SECRET.search(basename(source)):
        return False
    own = real(dirname(path))
    known = [dockerfile_at(path, os.path.relpath(one, own), source.lstrip("/")) for one in context.folders(path)]
    files = known or list(islice(at_or_above(path, source.lstrip("/")), _MOST_FOLDERS))
    return bool(files) and all(file and os.path.isfile(file) and os.path.getsize(file) <= _FEW for file in files)


def _cleaned_too_late(run: Run, below: _Layers) -> Iterator[tuple[Call, str]]:
    """Yield the calls that remove packages or caches of an earlier layer, each with its message."""
    here = {one.manager.name for one in run.calls if one.action in ("install", "update", "upgrade")}
    for call in run.calls:
        name = call.manager.name
        installed = below.installed.get(name)
        if name in here or installed is None:
            continue
        if call.action == "clean" and name in below.uncleaned:
            yield call, f"{call.shown} in a later layer does not shrink the image: run it in the RUN that installs"
        gone = [word for word in call.packages if word.value in installed] if call.action == "remove" else []
        if gone:
            yield (
                call,
                f"removing {listed(gone)} does not shrink the image, another RUN installed it: "
                "remove it there, or use it in a builder stage",
            )
