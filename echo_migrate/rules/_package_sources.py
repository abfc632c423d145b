"""A RUN that works on the distribution's list of package sources: a vendor's images have sources of their own."""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import lru_cache
from posixpath import basename, join

from echo_migrate.dockerfile.control_flow import must_succeed
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Source
from echo_migrate.images.catalog import Catalog
from echo_migrate.model.reasons import Reason, because
from echo_migrate.shell.commands import Command
from echo_migrate.shell.package_managers import Manager, data, package_name

_ONE_VERSION = lazy_regex(r"[\w.+-]+(?::\w+)?(?:=|~=?|<=?)[^=*]", needs=("=", "~", "<"))
_ONE_RPM = lazy_regex(r"[a-zA-Z_]-(?:\d+:)?\d[\w~^]*(?:\.[\w~^]+)+(?:-\d[\w.~^]*)?$")
"""Packages with a version, as apt-get(8), apk(8) and zypper(8) write it, and as dnf(8) does."""

_OF_OTHERS = lazy_regex(r"nodesource|pgdg|ppa\d|~(?:debian|ubuntu)\.")
"""Versions of packages in the repositories of others, which say whose they are."""

_SOURCES = lazy_regex(r"/etc/apt/sources\.list(?:\.d/(?:debian|ubuntu)\.(?:list|sources)|\.d/\*\S*)?")
_SUITE = lazy_regex(
    r"\bdeb(?:-src)?[ \t]+(?:\[[^\]\n]{0,300}\][ \t]+)?[^\s\"']{1,300}[ \t]+"
    r"([a-z]{3,20}(?:[-/][\w./-]{0,100})?)(?![\w$])"
    r"|(?:\s-t|--target-release|Suites:)[= \t]{0,9}([a-z]{3,20}(?:-[\w-]{1,100})?)(?![\w$])",
)
"""The suite of a source of packages in a list, and that which a call takes packages from."""
_COPIERS = frozenset(("cp", "install", "mv"))
_EDITORS = frozenset(
    ("awk", "cat", "chgrp", "chmod", "chown", "grep", "head", "ls", "perl", "rm", "sed", "sort", "tail")
)
"""Commands that fail on a file that is missing, or leave out what they are there for (perl)."""
_MAKERS = frozenset(("dd", "tee", "touch"))
_TARGET = lazy_regex(r"(?:-\w*t|--target-directory=?)(.*)")
_RECURSIVE = lazy_regex(r"-\w*[aRr]|--archive|--recursive")


def package_sources(stage: Stage) -> Iterator[Reason]:
    """Yield the reason for the first list of package sources that a RUN of a stage reads or edits, and that neither the
    stage nor its parents are seen to write before."""
    written = {f"{copy.target.rstrip('/')}/*" for one in stage.lineage for copy in one.copies if copy.target}
    written |= {pattern.removesuffix("/*") for pattern in written}
    for one in stage.lineage:
        for run in one.runs:
            for command in run.commands:
                certain = run.script is not None and must_succeed(command, run.script)
                for path in _read(command) if certain and one is stage else ():
                    if not any(fnmatchcase(path, file) or fnmatchcase(file, path) for file in written):
                        yield because("sources-edited", path=path)
                        return
                if certain or not command.inside:
                    written.update(_written(command))


def _read(command: Command) -> list[str]:
    """Return the lists of package sources that a command needs to be there."""
    if command.name in _COPIERS:
        words = _sources_of(command)
    else:
        words = command.arguments if command.name in _EDITORS and not command.forced else []
    words = [*words, *[one.target.value for one in command.redirects if one.operator == "<"]]
    return [word for word in words if _SOURCES.fullmatch(word)]


def _sources_of(command: Command) -> list[str]:
    """Return the files that a command copies or moves: all but its last argument, unless an option names its folder."""
    operands = [word for word in command.arguments if word[:1] != "-"]
    return operands if any(map(_TARGET.fullmatch, command.arguments)) else operands[:-1]


def _written(command: Command) -> Iterator[str]:
    """Yield the files that a command may write."""
    yield from [one.target.value for one in command.redirects if ">" in one.operator]
    if command.name in _MAKERS:
        yield from [word.removeprefix("of=") for word in command.arguments]
    if command.name in _COPIERS:
        operands = [word for word in command.arguments if word[:1] != "-"]
        named = [match[1] for match in map(_TARGET.fullmatch, command.arguments) if match]
        for target in [*named, *operands] if named else operands[-1:]:
            yield target
            yield from (join(target, basename(source)) for source in _sources_of(command))
            if any(map(_RECURSIVE.match, command.arguments)):
                yield join(target, "*")


def pinned(stage: Stage, source: Source) -> Iterator[Reason]:
    """Yield the first package of the distribution that a stage wants in one version: a vendor's image has builds of its
    own, or later ones, on which others of it depend. ``source`` is the file with the stage."""
    for run in (*stage.runs, *stage.triggers):
        for one in run.calls:
            for word in one.packages if one.manager.system and one.action in ("install", "upgrade") else ():
                if _pins_one(one.manager, word.value):
                    line = str(source.position(word.start)[0])
                    yield because("pinned-there", package=package_name(word), line=line)
                    return


def of_one_release(stage: Stage, source: Source) -> Iterator[Reason]:
    """Yield the first package that a stage installs and that only one release of the distribution has: which one a
    vendor's own distribution follows is not known. ``source`` is the file with the stage.

    Where the stage adds a list of packages, names with a version count only of libraries: others publish programs.
    """
    adds = any("sources.list.d" in text or "add-apt-repository" in text for text in _texts(stage))
    for run in (*stage.runs, *stage.triggers):
        for one in run.calls:
            for word in one.packages if one.manager.system and one.action == "install" else ():
                name = package_name(word)
                others = adds and not name.startswith("lib") and any(map(str.isdigit, name))
                releases = None if others else _only_in(name)
                if releases:
                    where = "Debian {}, not in {}".format(*releases)
                    yield because("of-one-release", package=name, line=str(source.position(word.start)[0]), where=where)
                    return


def suites_of_one_release(stage: Stage, source: Source, catalog: Catalog) -> Iterator[Reason]:
    """Yield the first source of packages that a RUN of a stage names for one release of Debian, by its code name."""
    for run in (*stage.runs, *stage.triggers):
        for match in _SUITE.finditer(run.text):
            suite = match[1] or match[2]
            number = next(filter(None, map(catalog.release_number, re.findall(r"[a-z]+", suite))), None)
            if number:
                line = str(source.position(run.instruction.start)[0])
                yield because("suite-of-one-release", suite=suite, line=line, release=f"Debian {number}")
                return


@lru_cache(maxsize=4096)
def _only_in(name: str) -> tuple[int, int] | None:
    """Return the release of Debian that has a package, and that which has not, or None where both or neither have."""
    for row in data().of_one_release:
        for one in row["names"]:
            if name == one or ("*" in one and _is(name, one)):
                return row["has"], row["lacks"]
    return None


def _is(name: str, pattern: str) -> bool:
    """Return whether a name is of a pattern with a `*` for any text, and perhaps one more at its end."""
    head, _, tail = pattern.partition("*")
    if not name.startswith(head):
        return False
    return name.find(tail[:-1], len(head)) >= 0 if tail[-1:] == "*" else name.endswith(tail)


def _texts(stage: Stage) -> Iterator[str]:
    """Yield the texts that a list of packages that a stage adds is named in."""
    for one in stage.lineage:
        yield from (run.text for run in one.runs)
        yield from (copy.target for copy in one.copies if copy.target)


def _pins_one(manager: Manager, package: str) -> bool:
    """Return whether a word asks for a package of a distribution in one version, or in those of one line: not for that
    version and later ones (``>``), nor for another repository (``@``)."""
    if manager.pinned == "-":
        return "://" not in package and bool(_ONE_RPM.search(package))
    return bool(_ONE_VERSION.match(package)) and not _OF_OTHERS.search(package)
