"""Programs that package managers start unseen: git for what lies in a repository, a compiler for what is published as
source alone."""

import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from functools import lru_cache
from itertools import pairwise
from posixpath import basename, dirname, join

from echo_migrate.dockerfile.container import Container
from echo_migrate.dockerfile.programs import may_provide
from echo_migrate.dockerfile.run import Run
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.dockerfile.startup import StartCommand
from echo_migrate.files.data import read_data
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Unreadable, contents
from echo_migrate.files.tree import dockerfile_at
from echo_migrate.files.workspace import of_a_run
from echo_migrate.images.facts import ImageFacts
from echo_migrate.reasons import Reason, because
from echo_migrate.shell.commands import Command
from echo_migrate.shell.package_managers import Call, call, package_name

_LONGEST = 3_000_000
"""The length in bytes up to which a file with dependencies is read: locks are long."""
_HIGHEST = 6
"""How many folders, that of a Dockerfile and those above it, may be its build context."""
_MOST_SOURCES = 30
"""Of how many sources of COPY, the last ones, the files are looked for."""
_MOST = 20
"""How many files of requirements are read that name one another."""

_VCS = lazy_regex(r"\b(bzr|git|hg|svn)\+(?:(ssh)|file|git|https?|lp|static-https?)\b")
"""A repository as pip writes it, and npm (pip.pypa.io, VCS Support; docs.npmjs.com, npm-install)."""
_IN_TOML = lazy_regex(r"\{[^{}\n]{0,400}\bgit\s*=\s*[\"']|(?m:^type = \"git\"$)|(?m:^\s*\"git\": \")", needs=("git",))
"""The same in the files of Poetry, Pipenv, PDM and uv."""
_OF_NODE = lazy_regex(
    r"(?:git[+:@]|(?:bitbucket|gist|github|gitlab|ssh):)"
    r"|https?://(?:[^/@]+@)?(?:bitbucket\.org|git(?:hub|lab)\.com)/[^/#]+/[^/#]+(?:#.*)?$"
    r"|[^#]+\.git(?:#.*)?$|[A-Za-z\d][\w-]*/[\w.-]+(?:#.*)?$"
)
"""What npm, Yarn, pnpm and Bun take from a repository (docs.npmjs.com, package.json, dependencies)."""
_IN_LOCK = lazy_regex(
    r"\"(?:resolved|version)\": ?\"git[+:@]|(?m:^ +resolved \"git[+:@])|[#&]commit=|\btype: git\b",
    needs=("git", "commit="),
)
_IN_GEMFILE = lazy_regex(
    r"(?m)^GIT$|^[ \t]*gem\b[^#\n]*[ ,{:](?:git|github|gist|bitbucket)(?::| *=>)|^[ \t]*(?:git|github)[ (][\"']"
)
"""Gems of a repository, in a Gemfile and in its lock (bundler.io, Git)."""
_SPEC = lazy_regex(r"(?m)^    ([\w.-]+) \(([^)\n]*)\)$")
"""A gem in a lock, with its version, which has the platform of one that is published for it."""
_REQUIRED = lazy_regex(r"(?m)^[ \t]*(?:-r|-c|--requirement|--constraint)[ =]*(\S+)")
_NAME = lazy_regex(r"(?m)^[ \t]*([A-Za-z\d][\w.-]*)")
_DEPENDENCIES = ("dependencies", "devDependencies", "optionalDependencies")
_GO = frozenset(("build", "generate", "get", "install", "list", "mod", "run", "test", "vet", "work"))
_GO_DIRECT = lazy_regex(r"\bGOPRIVATE\b|\bGONOPROXY\b|\bGOPROXY[ =]\"?direct")
"""Settings with which go fetches modules by git, not from a proxy (go.dev/ref/mod, Private modules)."""
_CARGO_DIRECT = "CARGO_NET_GIT_FETCH_WITH_CLI"
"""The setting with which cargo starts git, where it has its own else (doc.rust-lang.org/cargo, Configuration)."""
_BUILDS = ("gcc", "make")

_FILES = {
    "node": ("package.json", "package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock"),
    "python": ("pyproject.toml", "poetry.lock", "uv.lock", "pdm.lock", "Pipfile", "Pipfile.lock"),
    "ruby": ("Gemfile", "Gemfile.lock", "gems.rb", "gems.locked"),
}
"""The files in which each language declares what is installed."""
_LANGUAGES = {
    **dict.fromkeys(("npm", "yarn", "pnpm", "bun"), "node"),
    **dict.fromkeys(("pip", "pipx", "uv pip", "uv", "poetry", "pdm", "pipenv"), "python"),
    **dict.fromkeys(("gem", "bundle"), "ruby"),
    "docker-php-ext-install": "php",
}


def programs_unseen(
    node: Stage | Container, launches: Iterable[StartCommand], base: ImageFacts, path: str
) -> Iterator[Reason]:
    """Yield a reason for each program that a package manager starts unseen, in a RUN of a stage or in start commands,
    ``launches``, and that nobody is known to bring.

    ``base`` are the facts of the target, ``path`` the path of the file.
    """
    runs = [run for run in (*node.runs, *node.triggers) if run.script] if isinstance(node, Stage) else []
    found = [one for run in runs if isinstance(node, Stage) for one in _in_run(node, run, base.family, path)]
    found += [
        (program, one)
        for launch in launches
        for one in launch.script.commands
        for program in _by_words(one, base.family)
    ]
    told: set[str] = set()
    for program, command in found:
        if program in told or base.has(program) is True:
            continue
        told.add(program)
        before = command.start if runs else None
        if not may_provide(node, base, [program], before, likely=True):
            yield because("called-unseen", caller=command.name, program=program)


def _in_run(stage: Stage, run: Run, family: str | None, dockerfile: str) -> Iterator[tuple[str, Command]]:
    """Yield the programs that the package managers of a RUN start unseen, with the command that starts each."""
    for command in run.commands:
        for program in _by_words(command, family):
            yield program, command
        if command.name in ("cargo", "go") and _fetches_itself(command, stage, run):
            yield "git", command
    for one in run.calls:
        language = _LANGUAGES.get(one.manager.name, "")
        if one.action == "install" and language in _FILES and (language != "ruby" or not one.packages):
            for program in _by_files(one, language, stage, run, dockerfile):
                yield program, one.command


def _by_words(command: Command, family: str | None) -> Iterator[str]:
    """Yield what a command starts for the packages that it names itself."""
    for word in command.words:
        if found := _VCS.search(word.value):
            yield from _clients(found)
    one = call(command)
    language = _LANGUAGES.get(one.manager.name, "") if one and one.action == "install" else ""
    words = [word.value for word in one.packages] if one else []
    if one and language == "node" and any(map(_is_a_repository, words)):
        yield "git"
    names = {_plain(package_name(word)) for word in one.packages} if one else set()
    if not names.isdisjoint(_compiled(language)) or (language == "php" and family != "alpine"):
        yield from _compilers(language)


def _clients(found: "re.Match[str]") -> Iterator[str]:
    yield found[1]
    if found[2]:
        yield "ssh"


def _compilers(language: str) -> tuple[str, ...]:
    """Return what makes a package from its source: that of Python calls the compiler itself."""
    return _BUILDS[:1] if language == "python" else _BUILDS


def _fetches_itself(command: Command, stage: Stage, run: Run) -> bool:
    """Return whether go or cargo is set to fetch by git."""
    if command.name == "cargo":
        return run.variables(command).get(_CARGO_DIRECT, "") == "true"
    steps = [step.args.value for one in stage.lineage for step in one.instructions if step.start < command.end]
    return not _GO.isdisjoint(command.arguments[:1]) and any(map(_GO_DIRECT.search, steps))


def _by_files(one: Call, language: str, stage: Stage, run: Run, dockerfile: str) -> Iterator[str]:
    """Yield what a call starts for the packages that a file declares."""
    names = _given(one) if language == "python" and one.manager.name in ("pip", "uv pip") else ()
    if one.packages and not names and not any(word.value.startswith(".") for word in one.packages):
        return
    texts = list(_texts((*names, *_FILES[language]), stage, run, dockerfile, bool(names)))
    if language == "python":
        texts = [(name, re.sub(r"(?m)(?:^|\s)#.*", "", text)) for name, text in texts]
    if language == "ruby" and not any(_SPEC.search(text) for _, text in texts):
        yield from _BUILDS  # few locks have no gem in C
    yield from dict.fromkeys(program for name, text in texts for program in _of_text(language, name, text))


def _given(one: Call) -> tuple[str, ...]:
    """Return the files of requirements that a call names."""
    words = one.command.arguments
    given = [after for word, after in pairwise(words) if word in ("-r", "--requirement")]
    given += [word[2:] for word in words if re.match(r"-r[\w./]", word)]
    return (*given, *[word.partition("=")[2] for word in words if word.startswith("--requirement=")])


def _of_text(language: str, name: str, text: str) -> Iterator[str]:
    """Yield what the packages of one file need."""
    if language == "node":
        if _IN_LOCK.search(text) if name != "package.json" else any(map(_is_a_repository, _dependencies(text))):
            yield "git"
        return
    if language == "ruby":
        if _IN_GEMFILE.search(text):
            yield "git"
        if any(_plain(match[1]) in _compiled("ruby") and "-" not in match[2] for match in _SPEC.finditer(text)):
            yield from _BUILDS
        return
    if found := _VCS.search(text):
        yield from _clients(found)
    elif _IN_TOML.search(text):
        yield "git"
    if name.endswith(".txt") and any(_plain(match[1]) in _compiled("python") for match in _NAME.finditer(text)):
        yield from _compilers("python")


def _is_a_repository(word: str) -> bool:
    _, at, rest = word[1:].partition("@") if "://" not in word else ("", "", "")
    return bool(_OF_NODE.match(word)) or bool(at and _OF_NODE.match(rest))


def _dependencies(text: str) -> list[str]:
    """Return where a package.json takes its dependencies from; empty if it cannot be read."""
    import json  # few stages install them

    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        return []
    groups = [read.get(name) for name in _DEPENDENCIES] if isinstance(read, dict) else []
    values = [value for group in groups if isinstance(group, dict) for value in group.values()]
    return [value for value in values if isinstance(value, str)]


def _texts(names: Iterable[str], stage: Stage, run: Run, dockerfile: str, followed: bool) -> Iterator[tuple[str, str]]:
    """Yield name and text of the files of these names that the stage has from the build context before a RUN; with
    ``followed``, of those too that they name."""
    paths = dict.fromkeys(path for name in names for path in _beside(name, stage, run, dockerfile))
    pending = list(paths)
    read: set[str] = set()
    while pending and len(read) < _MOST:
        path = pending.pop(0)
        text = _text(path) if path not in read else None
        read.add(path)
        if text is not None:
            yield basename(path), text
            named = _REQUIRED.findall(text) if followed else ()
            pending += [found for one in named if (found := dockerfile_at(path, ".", one))]


def _beside(name: str, stage: Stage, run: Run, dockerfile: str) -> Iterator[str]:
    """Yield the files of a name that a COPY, or a mount of a RUN, has from the build context."""
    start = run.instruction.start
    copies = [
        copy for one in stage.lineage for copy in one.copies if copy.instruction.start < start and not copy.origin
    ]
    sources = [word.value for copy in copies if not copy.instruction.heredocs for word in copy.sources]
    sources += [mount.source for mount in run.mounts if mount.kind == "bind" and not mount.origin]
    for source in list(dict.fromkeys(sources))[-_MOST_SOURCES:] if dockerfile else ():
        yield from _nearest(name, source, dockerfile)


@of_a_run(4096)
def _nearest(name: str, source: str, dockerfile: str) -> tuple[str, ...]:
    """Return the files of a name that a source of COPY brings, from the nearest folder that may be the context."""
    last = basename(source)
    folder = dirname(source) if last and fnmatchcase(basename(name), last) else source
    written = sorted({join(folder, name).lstrip("/"), join(folder, basename(name)).lstrip("/")})
    for height in ("/".join([".."] * above) or "." for above in range(_HIGHEST)):
        found = tuple(file for one in written if (file := dockerfile_at(dockerfile, height, one)))
        if found:
            return found
    return ()


@of_a_run(64)
def _text(path: str) -> str | None:
    """Return the text of a file, None if it cannot be read."""
    try:
        return contents(path, _LONGEST).decode("utf-8", "replace")
    except (OSError, Unreadable):
        return None


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")


@lru_cache
def _compiled(language: str) -> frozenset[str]:
    """Return the packages of a language that are published for Linux as source alone."""
    return frozenset(map(_plain, read_data("commands.yaml")["compiled"].get(language, ())))
