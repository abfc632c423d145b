"""The contents of a RUN's layer: what it installs, removes and cleans."""

import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from posixpath import basename, join, normpath

from echo_migrate.dockerfile.run import Run, once_a_run
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.images.facts import ImageFacts
from echo_migrate.shell.commands import Command, Word
from echo_migrate.shell.package_managers import Call, data, package_name

ARCHIVE = lazy_regex(
    r"(?i)\.(?:tar(?:\.\w+)?|t[gbx]z2?|zip|deb|rpm|apk|gz|bz2|xz|zst|7z|whl|jar\.gz)$",
    needs=(".t", ".zip", ".deb", ".rpm", ".apk", ".gz", ".bz2", ".xz", ".zst", ".7z", ".whl"),
)
_BRACES = lazy_regex(r"\{([^{}]*,[^{}]*)\}")
_BRACED = lazy_regex(r"\$\{(\w+)\}")
_VARIABLE = lazy_regex(r"\$(?:(?=\w)|\{(?=\w+\}))(\w+)\}?(?=/|$)")
_WORDS = lazy_regex(r"[\w.-]+")
_PRINTED = lazy_regex(
    r"(?i)(?:\$\(|`)\s*(?:python[\d.]*\s+-m\s+)?([a-z-]+)[\d.]*\s[^)`]*(?:cache|store|gopath[)`](?:/pkg|$))",
    needs=("cache", "gopath", "store"),
)
"""A cache whose place a program prints: ``$(yarn cache dir)``, ``$(go env GOPATH)/pkg``."""
_UNKNOWN = frozenset("$`~")
"""Characters of what only a shell knows."""
_PLAIN_SH = frozenset(("alpine", "debian", "ubuntu", "wolfi"))
"""The families whose ``sh`` is dash or BusyBox."""
_NEVER = frozenset(("", "ash", "dash"))
_LINKS = frozenset(("cp", "dpkg-divert", "dpkg-reconfigure", "install", "ln", "mv", "update-alternatives"))
_SH = frozenset(("/bin/sh", "/usr/bin/sh", "dash", "sh"))
_MOST_BRACES = 64
_MOST_FOLDERS = 64
_LITERAL = frozenset("$`")
"""Characters that remain in a word only if a quote keeps them from the shell."""
_SETTING = frozenset((".", "eval", "source"))
"""Commands that may set any variable."""
_TAKES_ALL = frozenset(
    ("-a", "-and", "-delete", "-depth", "-follow", "-mindepth", "-mount", "-noleaf", "-o", "-or", "-print", "-xdev")
)
"""Words of a ``find`` that leave nothing out (find(1))."""
_NAMED = frozenset(("-iname", "-name"))
_PATHS = frozenset(("-ipath", "-iwholename", "-path", "-wholename"))
_INVERTED = frozenset(("!", "-not", "-prune"))
GLOB = frozenset("*?[")
"""Characters of a pattern (fnmatch(3))."""
_SOME = "?*"
"""The name in ``removed`` of files of which only tests other than names tell."""


def braces(word: str) -> list[str]:
    """Return the brace expansion of a word such as ``/var/{cache,log}``."""
    done: list[str] = []
    waiting = [word]
    while waiting and len(done) + len(waiting) < _MOST_BRACES:
        text = waiting.pop()
        match = _BRACES.search(text)
        if match:
            waiting += [text[: match.start()] + part + text[match.end() :] for part in match[1].split(",")]
        else:
            done.append(text)
    return done + waiting


def sh_expands_braces(stage: Stage, base: ImageFacts | None) -> bool:
    """Return whether the ``sh`` of a stage may expand braces: dash and BusyBox do not (dash(1); BusyBox 1.37, ash.c),
    unless a command may have put another shell in its place."""
    if base is None or base.family not in _PLAIN_SH:
        return True
    return any(map(_replaces_sh, stage.lineage))


def expands_removed(stage: Stage, base: ImageFacts | None) -> bool:
    """Return ``sh_expands_braces`` for a stage that removes files by braces; for others, as most are, that changes
    nothing."""
    return any(map(_removes_by_braces, stage.every_run)) and sh_expands_braces(stage, base)


@once_a_run
def _removes_by_braces(run: Run) -> bool:
    if REMOVING.isdisjoint(run.names):
        return False
    return any("{" in word.value for one in run.commands if one.name in REMOVING for word in one.words)


@lru_cache(maxsize=64)
def _replaces_sh(stage: Stage) -> bool:
    """Return whether a command of a stage may put another shell in the place of its ``sh``."""
    texts = [set(text.split()) for _, text in stage.settings if "sh" in text]  # each of _SH has it
    return any(not (_LINKS.isdisjoint(words) or _SH.isdisjoint(words)) for words in texts)


REMOVING = frozenset(("find", "rm", "rmdir", "shred", "unlink"))
"""Commands that may remove files."""


def removed(command: Command, expanding: bool = True) -> list[str]:
    """Return the paths that one of ``REMOVING`` removes, with braces expanded for ``rm`` if its shell does.

    ``expanding`` tells whether ``sh`` may. Without ``-f``, the build would fail if it did not. A word whose ``$`` or
    pattern a quote keeps from the shell is left out. Of a ``find`` with tests, they are the patterns of these.
    """
    if command.name not in REMOVING:
        return []
    given = [word for word in command.words[1:] if not word.known or _LITERAL.isdisjoint(word.value)]
    words = [word.value for word in given if command.name == "find" or not in_quotes(word, command)]
    if command.name == "find":
        return _found(words) if "-delete" in words or "rm" in words else []
    expands = not command.forced or (expanding if command.shell == "sh" else command.shell not in _NEVER)
    paths = [word for word in words if not word.startswith("-")]
    return [path for word in paths for path in (braces(word) if expands else [word][: not _BRACES.search(word)])]


def in_quotes(word: Word, command: Command) -> bool:
    """Return whether a word of a command has a pattern that no shell expands, so that it names no file: it stands in
    quotes, or no shell runs the command."""
    literal = not command.shell or (word.quoted and word.verbatim)
    return literal and not (GLOB.isdisjoint(word.value) and not _BRACES.search(word.value))


def _found(words: list[str]) -> list[str]:
    """Return what a ``find`` removes, by its arguments: the paths that it starts from, or patterns below these if tests
    leave some files out, whose ``*`` is any text."""
    words = [word for word in words if word not in ("-H", "-L", "-P")]
    first = next((i for i, word in enumerate(words) if word[:1] in ("-", "(", "!")), len(words))
    starts = words[:first] or ["."]
    tests, started = _tests(words[first:])
    given = list(zip(tests, [*tests[1:], ""], strict=True))
    deep = "-type" not in tests and any(word[:1] == "-" and "r" in word.lower() for word in started)
    every = {"-maxdepth"} if deep else {"-type"} if ("-type", "f") in given else set()
    if all(word in _TAKES_ALL or word in every for word in tests if word == "!" or word[:1] == "-"):
        return starts
    patterns = [pattern for word, value in given if word in _NAMED and value for pattern in (value, f"*/{value}")]
    patterns += [value for word, value in given if word in _PATHS and value]
    patterns = patterns[:_MOST_FOLDERS] if patterns and _INVERTED.isdisjoint(tests) else [_SOME]
    starts = starts[:_MOST_FOLDERS]
    return [one if one.startswith(f"{start}/") else join(start, one) for start in starts for one in patterns]


def _tests(words: list[str]) -> tuple[list[str], list[str]]:
    """Return the expression of a ``find`` without the commands that it starts, and the words of these."""
    tests: list[str] = []
    started: list[str] = []
    running = False
    for word in words:
        running = (running and word not in (";", "+")) or word in ("-exec", "-execdir", "-ok", "-okdir")
        (started if running or word in (";", "+") else tests).append(word)
    return tests, started


def placed(word: str, run: Run, command: Command) -> str:
    """Return what a command of a RUN removes (see ``removed``) in its absolute form, or as written if that is not
    known; of ``folder/*`` the folder."""
    folder = word.rstrip("/").removesuffix("/*") or "/"
    return absolute(folder, run, command) or folder


def takes(removed: str, path: str, place: str | None) -> bool:
    """Return whether what is removed (see ``placed``) is a file, a folder of it or a pattern of its name. ``place`` is
    the absolute form of its ``path``, None if not known."""
    name = basename(removed)
    if within(place or path, removed) or name == basename(path):
        return True
    return not GLOB.isdisjoint(removed) and (
        fnmatchcase(place or path, removed) or (name != _SOME and fnmatchcase(basename(path), name))
    )


@once_a_run
def remaining_installs(run: Run) -> Sequence[tuple[Call, list[Word]]]:
    """Return the installs of a layer by system package managers, each with the packages that the layer does not remove.

    Installs before an ``apt-mark auto`` are ignored: only apt knows which of their packages ``autoremove`` removes.
    """
    if not run.calls:
        return []
    marking = run.commands if "apt-mark" in run.names else ()
    marks = (command.start for command in marking if command.name == "apt-mark" and "auto" in command.arguments)
    marked = max(marks, default=-1)
    removed_later: dict[str, set[str]] = {}
    found = []
    for call in reversed(run.calls):
        later = removed_later.get(call.manager.name)
        if call.action == "remove":
            names = {name for word in call.packages for name in (word.value, package_name(word))}
            removed_later.setdefault(call.manager.name, set()).update(names)
        if call.action != "install" or not call.manager.system or marked > call.command.start:
            continue
        if "chroot" in call.command.via or call.has(call.manager.dry):
            continue
        gone = later or set()
        left = [word for word in call.packages if not gone or gone.isdisjoint(_removed_with(word, call))]
        unknown = later is None and (call.opaque or call.unnamed)
        if (left or unknown) and (not call.group or call.group not in gone):
            found.append((call, left))
    return found[::-1]


def _removed_with(word: Word, call: Call) -> tuple[str, ...]:
    """Return the packages whose removal removes a package: itself as written and by its name, and what it needs."""
    name = package_name(word)
    return word.value, name, *call.manager.needs.get(name, ())


def installed(stage: Stage) -> list[tuple[Call, Word]]:
    """Return the packages that a stage ships, each with the call that installs it."""
    return (
        [(call, word) for run in stage.runs for call, words in remaining_installs(run) for word in words]
        if stage.ships
        else []
    )


def removed_later(stage: Stage) -> dict[tuple[str, str], int]:
    """Return what the RUNs of a stage remove, by package manager and package or group, with the start of the last
    command that does: what was installed before stays in a layer, hidden."""
    return {
        (call.manager.name, name): call.command.start
        for run in stage.runs
        for call in run.calls
        if call.action == "remove"
        for one in call.packages
        for name in (one.value, package_name(one))
    }


def removed_after(call: Call, word: Word, removed: Mapping[tuple[str, str], int]) -> bool:
    """Return whether a package, or its group, is among those that a later RUN removes."""
    names = (*_removed_with(word, call), *filter(None, (call.group,)))
    return any(removed.get((call.manager.name, name), -1) > call.command.start for name in names)


def clears(run: Run, folders: Iterable[str], expanding: bool = True) -> int:
    """Return the offset of the last command of a RUN that removes one of the folders, a parent or some of its files; -1
    if none does."""
    return _last_of(_removals(run, expanding), folders)


def _last_of(removals: list[tuple[int, str]], folders: Iterable[str]) -> int:
    wanted = [folder.rstrip("/") for folder in folders]
    return max((start for start, path in removals if _clears(path, wanted)), default=-1)


def _removals(run: Run, expanding: bool) -> list[tuple[int, str]]:
    """Return the paths that the commands of a RUN remove, each with the offset of the command."""
    if REMOVING.isdisjoint(run.names):
        return []
    return [(one.start, path) for one in run.commands for path in _removed_by(one, run, expanding)]


def _removed_by(command: Command, run: Run, expanding: bool) -> Iterator[str]:
    """Yield the paths that a command of a RUN removes, as written and in their absolute form, as far as it is known."""
    for path in removed(command, expanding):
        yield path
        match = _VARIABLE.match(path)
        value = run.environment.get(match[1]) if match else None
        if match and value:
            if not _may_set(run, match[1]):
                yield value + path[match.end() :]
        elif path[:1] not in ("/", "~", "$") and (place := absolute(path, run, command)):
            yield place


def _may_set(run: Run, name: str) -> bool:
    """Return whether a RUN names a variable other than to expand it, as what sets, reads or loops over it does, or runs
    what may set any."""
    texts = (run.instruction.args.value, *[heredoc.value for heredoc in run.instruction.heredocs])
    named = re.compile(rf"(?<![\w${{./-]){name}(?![\w./-])")
    return not _SETTING.isdisjoint(run.names) or any(map(named.search, texts))


def _clears(path: str, wanted: list[str]) -> bool:
    folder = path.rstrip("/*") or "/"
    if any("*" in one and (fnmatchcase(folder, one) or fnmatchcase(path, one)) for one in wanted):
        return True
    if "*" in folder and any(fnmatchcase(one, folder) for one in wanted):
        return True
    if any(f"{one}/".startswith(f"{folder}/") or path.startswith(f"{one}/") for one in wanted):
        return True
    return any(one.startswith("~") and f"{one[1:]}/" in f"{folder}/" for one in wanted)  # by its absolute path


@once_a_run
def caches_cleared(run: Run, expanding: bool = True) -> Mapping[tuple[str, ...], int]:
    """Return the offset of the last command of a RUN that clears the caches of a package manager that it calls, by the
    folders of these: the manager's own, or one that removes the folders; -1 if none does."""
    removals = _removals(run, expanding) if run.calls else []
    found = {caches: _last_of(removals, caches) for caches in {call.manager.caches: None for call in run.calls}}
    printed = {match[1]: start for start, path in removals if (match := _PRINTED.match(path))}
    for call in run.calls:
        asked = [printed.get(words.partition(" ")[0], -1) for words in (call.manager.name, call.called)]
        found[call.manager.caches] = max(found[call.manager.caches], *asked)
        whole = call.verb.value not in ("cache", "store") or any(
            word.value in ("clean", "clear", "prune", "purge", "rm") for word in call.packages
        )
        if call.action == "clean" and whole:
            found[call.manager.caches] = max(found[call.manager.caches], call.command.start)
    return found


def unlisted(run: Run, call: Call, expanding: bool = True) -> bool:
    """Return whether the package lists that an update fetched are removed in the same RUN, or are on a mount."""
    manager = call.manager
    emptied = any(
        other.verb.value in manager.emptied and other.command.start > call.command.start
        for other in run.calls
        if other.manager.name == manager.name
    )
    cleared = clears(run, manager.lists, expanding) >= call.command.start
    return emptied or run.mounted(manager.lists) or cleared


def tools_started(stage: Stage) -> frozenset[str]:
    """Return the build tools in the start commands of a stage, except those that also run what they have built."""
    return _tools().intersection(_WORDS.findall(stage.started))


@lru_cache
def _tools() -> frozenset[str]:
    known = data()
    return known.verbs["build"] - known.does["start"]


def leaves_links(call: Call, run: Run, stage: Stage) -> bool:
    """Return whether what an installation of a RUN leaves in its manager's caches are hard links to what it installs,
    which take no room of their own."""
    manager = call.manager
    if not manager.copying:
        return False
    given = [" ".join(call.command.arguments).replace("=", " ")]
    given += [f"{name} {value}".lower() for name, value in run.variables(call.command).items()]
    copies = any(f" {one} " in f" {text} " for text in given for one in manager.copying)
    return not copies and not configures(stage, manager.copying, call)


def configures(stage: Stage, settings: Sequence[str], call: Call) -> bool:
    """Return whether a lowercase setting, in which ``*`` is any text, occurs in what a stage or its parents run, write
    or set up to a call.

    Command options do not count, as they apply to their own command only. A call in an ONBUILD runs after all of its
    stage.
    """
    place = stage.place(call.command.start)
    return bool(settings) and any(_first(one, tuple(settings)) <= place for one in stage.lineage)


@lru_cache(maxsize=64)
def _first(stage: Stage, settings: tuple[str, ...]) -> int:
    """Return the offset of the first of the settings in a stage, or one behind all text if there is none."""
    whole = "\n".join([text for _, text in stage.settings])
    there = [one for one in settings if all(word in whole for word in one.replace("*", " ").split())]
    parts = [setting.split("*") for setting in there]  # none of most
    found = stage.settings if parts else ()
    return next((start for start, text in found if any(_stands(text, words) for words in parts)), sys.maxsize)


def _stands(text: str, parts: list[str]) -> bool:
    """Return whether a text contains the parts in this order; words that are options are left out if there is more than
    one word."""
    if " " in " ".join(parts):
        text = " ".join([word for word in text.split() if word[:1] != "-"])
    place = 0
    for part in parts:
        place = text.find(part, place) + len(part)
        if place < len(part):
            return False
    return True


def absolute(path: str, run: Run, command: Command) -> str | None:
    """Return the absolute form of a path in a command of a RUN, or None if it is not known (variables, ``~``)."""
    path = _BRACED.sub(r"$\1", path) if "${" in path else path
    if path.startswith("/") and "$(" not in path and "`" not in path:
        return normpath(path)  # a variable has the same value in both places
    if not _UNKNOWN.isdisjoint(path):
        return None
    moved = [folder for start, folder in run.moves if start < command.start]
    folder = moved[-1] if moved else run.folder
    return None if folder is None else normpath(join(folder, path))


def above(path: str) -> Iterator[str]:
    """Yield a path and its parent folders, without the root."""
    for _ in range(_MOST_FOLDERS):
        if path in ("", "/"):
            return
        yield path
        path = path.rpartition("/")[0]


def within(path: str, folder: str) -> bool:
    """Return whether a path is the folder itself or inside it."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")
