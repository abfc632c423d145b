"""Programs that package managers start unseen: git for what lies in a repository, a compiler for what is published as
source alone, and Python for the modules of Node.js among these (node-gyp)."""

import os.path
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import partial
from itertools import pairwise
from posixpath import basename, dirname, join
from typing import NamedTuple

from echo_migrate.dockerfile.container import Container
from echo_migrate.dockerfile.programs import may_provide
from echo_migrate.dockerfile.run import Run
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.dockerfile.startup import StartCommand
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Unreadable, contents, decoded
from echo_migrate.files.tree import dockerfile_at, real
from echo_migrate.files.workspace import of_a_run
from echo_migrate.images.facts import ImageFacts
from echo_migrate.model.reasons import Reason, because
from echo_migrate.rules._declared_needs import (
    MAKERS,
    MANIFEST,
    PROJECT,
    SETUP,
    VCS,
    clients,
    compilers,
    is_a_repository,
    is_portable,
    made,
    needs_of,
    packages_of,
    versioned_by_git,
)
from echo_migrate.shell.commands import Command
from echo_migrate.shell.package_managers import Call, call, does, package_name

_LONGEST = 3_000_000
"""The length in bytes up to which a file with dependencies is read: locks are long."""
_HIGHEST = 6
"""How many folders, that of a Dockerfile and those above it, may be its build context."""
_MOST_SOURCES = 30
"""Of how many sources of COPY, the last ones, the files are looked for."""
_MOST = 20
"""How many files of requirements are read that name one another."""

_REQUIRED = lazy_regex(r"(?m)^[ \t]*(?:-r|--requirement)[ =]*(\S+)")
_WITH_A_FILE = lazy_regex(r"-[a-zA-Z]*r|--requirements?")
"""The option of a file of requirements, also behind other letters (``-Ur``)."""
_NO_SOURCE = lazy_regex(r"--only-binary[= ]:all:")
_GO = frozenset(("build", "generate", "get", "install", "list", "mod", "run", "test", "vet", "work"))
_GO_DIRECT = lazy_regex(r"\bGO(?:PRIVATE|NOPROXY)\b(?!=[\"']{0,2}(?:none\b|\s|$))|\bGOPROXY[ =][\"']?direct")
"""Settings with which go fetches modules by git, not from a proxy (go.dev/ref/mod, Private modules)."""
_CARGO = frozenset(
    (
        *("b", "bench", "build", "c", "check", "clippy", "d", "doc", "r", "run", "rustc", "rustdoc", "t", "test"),
        *(
            "auditable",
            "chef",
            "component",
            "lambda",
            "leptos",
            "llvm-cov",
            "nextest",
            "tarpaulin",
            "tauri",
            "watch",
            "zigbuild",
        ),
    )
)
"""Subcommands that build the packages of the lock: cargo's own (doc.rust-lang.org/cargo, Commands), and added ones."""
_CARGO_VALUED = ("--color", "--config", "-C", "-Z")
"""Options with a value that may stand before the subcommand."""
_CARGO_DIRECT = "CARGO_NET_GIT_FETCH_WITH_CLI"
"""The setting with which cargo starts git, where it has its own else (doc.rust-lang.org/cargo, Configuration)."""
_VENDORED = lazy_regex(r"-mod[= ]vendor\b")
_BY_SOURCE = ("--no-binary", "--build-from-source", "--build-from-source=true")
"""Options with which pip, and a module of Node.js, take no build that is published."""
_WITH_NAMES = ("pip", "uv pip")
"""Where ``--no-binary`` has a value: packages, ``:all:`` or ``:none:``."""
_NO_PROJECT = ("--no-install-project", "--no-root")
"""Options of uv and Poetry that leave out the project itself, which is built with what tells its version."""
_WHEELS = ("download", "wheel")
"""What pip calls as it does for ``install``."""

_FILES = {
    "npm": (MANIFEST, "package-lock.json", "npm-shrinkwrap.json"),
    "yarn": (MANIFEST, "yarn.lock"),
    "pnpm": (MANIFEST, "pnpm-lock.yaml"),
    "bun": (MANIFEST, "bun.lock"),
    "python": (PROJECT, SETUP, "poetry.lock", "uv.lock", "pdm.lock", "Pipfile", "Pipfile.lock"),
    "ruby": ("Gemfile", "Gemfile.lock", "gems.rb", "gems.locked"),
}
"""The files in which each language, or package manager, declares what is installed; locks of others are not read."""
_DECLARING = frozenset(("node", "python", "ruby"))
_LANGUAGES = {
    **dict.fromkeys(("npm", "yarn", "pnpm", "bun"), "node"),
    **dict.fromkeys(("pip", "pipx", "uv pip", "uv", "poetry", "pdm", "pipenv"), "python"),
    **dict.fromkeys(("gem", "bundle"), "ruby"),
    "docker-php-ext-install": "php",
}


_Contexts = tuple[tuple[str, ...], ...]
"""Groups of folders that may be a build context, by their paths from a Dockerfile's folder."""


_Declared = Callable[..., Iterator[tuple[str, str]]]
"""What returns name and text of the files of some names, and with ``followed`` of those too that they name."""

_Variables = Callable[[Command], Mapping[str, str]]
"""What returns the variables of a command."""


_Folders = Callable[[str], frozenset[str]]


class _Files(NamedTuple):
    """The path of a Dockerfile, "" if it has none, and what returns the folders that it is known to be built from."""

    dockerfile: str
    folders: _Folders


def programs_unseen(
    node: Stage | Container,
    launches: Iterable[StartCommand],
    base: ImageFacts,
    path: str,
    told: Collection[Reason],
    folders: _Folders,
) -> Iterator[Reason]:
    """Yield a reason for each program that a package manager starts unseen, in a RUN of a stage or in start commands,
    ``launches``, and that nobody is known to bring.

    ``base`` are the facts of the target, ``path`` the path of the file, ``told`` the reasons for programs that are
    called by name; ``folders`` returns the folders that a Dockerfile is known to be built from.
    """
    runs = [run for run in (*node.runs, *node.triggers) if run.script] if isinstance(node, Stage) else []
    files = _Files(path, folders)
    found = [one for run in runs if isinstance(node, Stage) for one in _in_run(node, run, base.family, files)]
    for command in (command for launch in launches for command in launch.script.commands):
        one = call(command)
        found += [(program, command, one) for program in _by_words(command, one, base.family)]
        found += [(program, command, one) for program in _at_start(command, one, path)]
    asked: set[str] = set()
    for program, command, one in found:
        known = base.has(program) is True or because("program-unknown", program=program) in told
        if known or program in asked:
            continue
        asked.add(program)
        before = command.start if runs else None
        if not may_provide(node, base, [program], before, True, path if isinstance(node, Stage) else ""):
            yield because("called-unseen", caller=one.called if one else command.name, program=program)


def makes_packages(stage: Stage, path: str, folders: _Folders) -> bool:
    """Return whether a RUN of a stage compiles packages that are installed, for all that is known."""
    found = (one for run in stage.runs if run.script for one in _in_run(stage, run, None, _Files(path, folders)))
    return any(one and program in MAKERS for program, _, one in found)


def is_portable_by_lock(stage: Stage, run: Run, one: Call, path: str, folders: _Folders) -> bool:
    """Return whether a call of a RUN installs what a lock has, which is known to run on each Linux alike."""
    names = _FILES["npm"][1:] if one.manager.name == "npm" and not one.packages else ()
    texts = list(_declared(stage, run, _Files(path, folders), names)) if names else []
    return bool(texts) and all(is_portable(text) for _, text in texts)


def _in_run(stage: Stage, run: Run, family: str | None, files: _Files) -> Iterator[tuple[str, Command, Call | None]]:
    """Yield the programs that the package managers of a RUN start unseen, with the command that starts each, and its
    call."""
    calls = {one.command.start: one for one in (*run.calls, *filter(None, map(_as_install, run.commands)))}
    for command in run.commands:
        one = calls.get(command.start)
        for program in _by_words(command, one, family):
            yield program, command, one
        if command.name in ("cargo", "go") and _fetches_itself(command, stage, run):
            yield "git", command, one
        for program in _of_crates(command, partial(_declared, stage, run, files)):
            yield program, command, one
    for one in calls.values():
        for program in _by_files(one, partial(_declared, stage, run, files), run.variables):
            yield program, one.command, one


def _at_start(command: Command, one: Call | None, path: str) -> Iterator[str]:
    """Yield what a start command starts for the packages that files beside a Dockerfile, or a service, declare: they
    may be copied or mounted."""

    def declared(names: tuple[str, ...], followed: bool = False) -> Iterator[tuple[str, str]]:
        return _texts(names, (".",), path, ((".",),), followed)

    yield from _of_crates(command, declared)
    yield from _by_files(one, declared, lambda _: {}) if one else ()


def _of_crates(command: Command, declared: _Declared) -> Iterator[str]:
    if command.name == "cargo" and _builds_its_lock(command.arguments):
        yield from needs_of("rust", list(declared(("Cargo.lock",))))


def _builds_its_lock(words: list[str]) -> bool:
    """Return whether cargo, called with these words, builds the packages of the lock beside it: not those of an
    installed program, which has its own."""
    for before, word in pairwise(("", *words)):
        if not word.startswith(("+", "-")) and before not in _CARGO_VALUED:
            return word in _CARGO or (word == "install" and any(one.startswith("--path") for one in words))
    return False


def _as_install(command: Command) -> Call | None:
    """Return the call of pip that a command is where ``wheel`` or ``download`` stands for ``install``, None if it is
    none."""
    for place, word in enumerate(command.words[1:4], 1):
        if word.value == "install":
            return None  # a package may have such a name
        if word.value in _WHEELS:
            same = word._replace(text=word.text._replace(value="install"))
            found = call(command._replace(words=(*command.words[:place], same, *command.words[place + 1 :])))
            return found if found and found.manager.name == "pip" else None
    return None


def _by_words(command: Command, one: Call | None, family: str | None) -> Iterator[str]:
    """Yield what a command, whose call ``one`` is, starts for the packages that it names itself."""
    if command.name == "node-gyp":
        yield from compilers("node")
    if one.action != "install" if one else not does(command, "install") or does(command, "interpret"):
        return
    for word in (*command.words, *(one.packages if one else ())):
        if found := VCS.search(word.value):
            yield from clients(found)
    language = _LANGUAGES.get(one.manager.name, "") if one else "php" if _is_pecl(command) else ""
    words = [word.value for word in one.packages] if one else []
    if language == "node" and any(map(is_a_repository, words)):
        yield "git"
    if (one and _by_source(one)) or (language == "php" and family != "alpine"):
        yield from compilers(language)
    if one and not _from_wheels(one):
        named = packages_of("\n".join(words)) if language == "python" else map(package_name, one.packages)
        yield from made(language, named)


def _by_source(one: Call) -> bool:
    """Return whether a call is told to make packages from their source, with a compiler."""
    if one.manager.name not in _WITH_NAMES:
        return one.has(_BY_SOURCE)
    words = one.command.arguments
    given = [after for word, after in pairwise(words) if word == "--no-binary"]
    given += [word.partition("=")[2] for word in words if word.startswith("--no-binary=")]
    names = [name for text in given for name in text.split(",")]
    return any(name.strip() not in ("", ":none:") for name in names)  # few are known to be without C


def _is_pecl(command: Command) -> bool:
    return command.name == "pecl" and command.arguments[:1] == ["install"]


def _from_wheels(one: Call) -> bool:
    """Return whether a call takes no package that is published as source."""
    return bool(_NO_SOURCE.search(" ".join(one.options)))


def _fetches_itself(command: Command, stage: Stage, run: Run) -> bool:
    """Return whether go or cargo is set to fetch by git."""
    if command.name == "cargo":
        return run.variables(command).get(_CARGO_DIRECT, "") == "true"
    if _GO.isdisjoint(command.arguments[:1]):
        return False
    flags = [run.variables(command).get("GOFLAGS", ""), *command.arguments]
    steps = [step.args.value for one in stage.lineage for step in one.instructions if step.start < command.end]
    return not _VENDORED.search(" ".join(flags)) and any(map(_GO_DIRECT.search, steps))


def _by_files(one: Call, declared: _Declared, variables: _Variables) -> Iterator[str]:
    """Yield what a call starts for the packages that a file declares."""
    language = _LANGUAGES.get(one.manager.name, "")
    if one.action != "install" or language not in _DECLARING or (language == "ruby" and one.packages):
        return
    pip = one.manager.name in ("pip", "uv pip")
    names = _given(one) if pip else ()
    itself = any(word[:1] == "." for word in one.command.arguments)
    if one.packages and not names and not itself:
        return
    known = _FILES.get(one.manager.name) or _FILES[language]
    files = known if not pip else (*names, PROJECT, SETUP) if itself or not names else names
    texts = list(declared(files, bool(names)))
    if one.has(_NO_PROJECT):
        texts = [(name, text) for name, text in texts if name != SETUP]
    elif not any("PRETEND_VERSION" in name for name in variables(one.command)):
        yield from ("git" for name, text in texts if name == PROJECT and versioned_by_git(text))
    found = needs_of(language, texts, _lean(one, variables))
    yield from (program for program in found if program not in MAKERS or not _from_wheels(one))


def _declared(
    stage: Stage, run: Run, near: _Files, names: tuple[str, ...], followed: bool = False
) -> Iterator[tuple[str, str]]:
    """Yield name and text of the files of these names that a stage has from the build context before a RUN."""
    sources = _sources(stage, run) if near.dockerfile else ()
    contexts = _contexts(near) if sources else ()
    yield from _texts(names, sources, near.dockerfile, contexts, followed)


def _lean(one: Call, variables: _Variables) -> bool:
    """Return whether a call leaves out what is for development."""
    how = one.manager.development
    given = variables(one.command)
    return how is not None and (
        one.has(how.unless) or any(value and given.get(name) == value for name, value in how.environment.items())
    )


def _given(one: Call) -> tuple[str, ...]:
    """Return the files of requirements that a call names."""
    words = one.command.arguments
    given = [after for word, after in pairwise(words) if _WITH_A_FILE.fullmatch(word)]
    given += [word[2:] for word in words if re.match(r"-r[\w./]", word)]
    return (*given, *[word.partition("=")[2] for word in words if word.startswith("--requirement=")])


def _texts(
    names: tuple[str, ...], sources: tuple[str, ...], file: str, contexts: _Contexts, followed: bool = False
) -> Iterator[tuple[str, str]]:
    """Yield name and text of the files of these names that the sources of COPY bring from the build context of a file;
    with ``followed``, of those too that they name."""
    pending = list(_nearest(names, sources, file, contexts))
    read: set[str] = set()
    while pending and len(read) < _MOST:
        path = pending.pop(0)
        text = _text(path) if path not in read else None
        read.add(path)
        if text is not None:
            yield basename(path), text
            named = _REQUIRED.findall(text) if followed else ()
            pending += [found for one in named if (found := dockerfile_at(path, ".", one))]


def _sources(stage: Stage, run: Run) -> tuple[str, ...]:
    """Return what a stage has from the build context by a COPY before a RUN, or by a mount of it."""
    start = run.instruction.start
    copies = [
        copy for one in stage.lineage for copy in one.copies if copy.instruction.start < start and not copy.origin
    ]
    sources = [word.value for copy in copies if not copy.instruction.heredocs for word in copy.sources]
    sources += [mount.source for mount in run.mounts if mount.kind == "bind" and not mount.origin]
    return tuple(dict.fromkeys(sources))[-_MOST_SOURCES:]


def _contexts(near: _Files) -> _Contexts:
    """Return the folders, from that of a Dockerfile, that may be its build context: those that other files build it
    from, and then each that is above it."""
    own = real(dirname(near.dockerfile))
    stated = tuple(sorted(os.path.relpath(one, own) for one in near.folders(near.dockerfile)))
    above = (("/".join([".."] * height) or ".",) for height in range(_HIGHEST))
    return (stated, *above)


@of_a_run(64)
def _nearest(names: tuple[str, ...], sources: tuple[str, ...], file: str, contexts: _Contexts) -> tuple[str, ...]:
    """Return the files of the names that the sources bring, from the first folders that have any of them."""
    written = list(dict.fromkeys(one for name in names for source in sources for one in _written(name, source)))
    for folders in contexts if file else ():
        places = ((folder, one) for folder in folders for one in written)
        found = tuple(dict.fromkeys(at for folder, one in places if (at := _at(file, folder, one))))
        if found:
            return found
    return ()


@of_a_run(4096)
def _at(file: str, folder: str, name: str) -> str | None:
    """Return the path of a file of the context that lies at a path from another's folder, None if there is none."""
    return dockerfile_at(file, folder, name)


def _written(name: str, source: str) -> list[str]:
    """Return where a file of a name may lie in the context, for a source of COPY to bring it."""
    last = basename(source)
    folder = dirname(source) if last and fnmatchcase(basename(name), last) else source
    return sorted({join(folder, name).lstrip("/"), join(folder, basename(name)).lstrip("/")})


@of_a_run(64)
def _text(path: str) -> str | None:
    """Return the text of a file, None if it cannot be read."""
    try:
        return decoded(contents(path, _LONGEST)).replace("\r\n", "\n")
    except (OSError, Unreadable):
        return None
