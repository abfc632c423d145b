"""Development dependencies in the final image."""

import os
from collections.abc import Iterator
from fnmatch import fnmatchcase
from posixpath import basename, dirname, join, normpath, relpath
from typing import Any

from echo_migrate.dockerfile.copies import Copy
from echo_migrate.dockerfile.layers import ARCHIVE, configures
from echo_migrate.dockerfile.run import Run
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Unreadable, contents
from echo_migrate.files.tree import dockerfile_at, real
from echo_migrate.files.workspace import of_a_run
from echo_migrate.model import Finding
from echo_migrate.rules._purpose import of_shipped_images
from echo_migrate.rules._rule import Context, rule
from echo_migrate.shell.commands import Command
from echo_migrate.shell.package_managers import Call, Development

_DEVELOPMENT = lazy_regex(
    r"(?i)dev|test|lint|\bci\b|build|debug|cypress|playwright",
    needs=("dev", "test", "lint", "ci", "build", "debug", "cypress", "playwright"),
)
_TESTS = frozenset(("jest", "mocha", "nox", "phpunit", "py.test", "pytest", "rspec", "test", "tox", "vitest"))
_COMPILING = frozenset(("esbuild", "rollup", "swc", "tsc", "webpack"))
_BUILDING = frozenset(("nest", "next", "ng", "nuxi", "nuxt", "react-scripts", "vite", "vue-cli-service"))
"""Programs that compile, and those that do with the word ``build``."""
_RUNNERS = frozenset(
    ("bun", "bundle", "composer", "npm", "npx", "pdm", "pnpm", "poetry", "python", "python3", "rake", "uv", "yarn")
)
"""Programs that run what packages bring."""
_RUNS = ("-m", "exec", "run", "run-script", "manage.py", "setup.py")
"""Words behind which they have the name of that."""
_STARTS = (
    *("dev", "watch", "nodemon", "rails", "serve", "lint", "develop", "cypress", "playwright"),
    *("npm-run-all", *sorted(_TESTS)),
)
"""Words of commands that run what only development has."""
_STARTS_DEVELOPMENT = lazy_regex(rf"\b(?:{'|'.join(_STARTS)})\b", needs=_STARTS)
_SERVES = (
    *("concurrently", "next dev", "ng serve", "nodemon", "nuxt dev", "react-scripts start", "ts-node-dev", "vite"),
    *("vue-cli-service serve", "webpack serve", "webpack-dev-server"),
)
"""What a script of a package.json starts a development server with, as the documentation of each tells."""
_SERVES_DEVELOPMENT = lazy_regex(rf"\b(?:{'|'.join(_SERVES)})\b(?![.-]| (?:build|preview)\b)", needs=_SERVES)
_OF_SCRIPTS = "package.json"
"""The file that names what ``npm start`` and ``npm run`` start (docs.npmjs.com, package.json, scripts)."""
_ELSEWHERE = (
    *("-C", "-d", "--cwd", "--dir", "--directory", "--gemfile", "--manifest", "--package", "--prefix", "--project"),
    *("-P", "-w", "--workspace", "--workspaces", "--working-dir"),
)
"""Options by which a command installs what another folder declares."""
_NAMES_FILE = frozenset(("BUNDLE_GEMFILE", "COMPOSER"))
"""Variables that name the file with the dependencies (bundle-config(1); getcomposer.org/doc/03-cli.md)."""
_CONTEXT = frozenset((".", "./", "/"))
_FETCHED = lazy_regex(r"://|^git@|\$|[*?\[].*/")
"""A source of COPY or ADD whose files are not known: a URL, a variable, folders by a pattern."""
_EMPTY = lazy_regex(r"\"[\w-]+\"\s*:\s*(?:\{\s*\}|\[\s*\])")
"""A section of a JSON file that declares nothing."""
_NAMED = lazy_regex(r"\b(?:bun|npm|pnpm|yarn) +(?:run(?:-script)? +)?([\w:.-]+)", needs=("bun", "npm", "yarn"))
"""A script of a package.json, in a command that runs it."""
_OF_MANAGERS = frozenset(("add", "cache", "ci", "config", "exec", "i", "install", "run", "set", "x"))
"""Commands of the package managers themselves."""
_COMPILED = (".cts", ".mts", ".ts")
_COMPILERS = frozenset(("@swc/register", "esbuild-register", "ts-node", "tsx", "typescript"))
"""What a program needs to read TypeScript, as knex does for its configuration (knexjs.org/guide/migrations)."""
_BRINGS = {
    "babel": ("@babel/cli",),
    "babel-node": ("@babel/node",),
    "gulp": ("gulp-cli",),
    "nest": ("@nestjs/cli",),
    "ng": ("@angular/cli",),
    "nuxi": ("nuxt",),
    "run-p": ("npm-run-all", "npm-run-all2"),
    "run-s": ("npm-run-all", "npm-run-all2"),
    "sequelize": ("sequelize-cli",),
    "sls": ("serverless",),
    "svelte-kit": ("@sveltejs/kit",),
    "swc": ("@swc/cli",),
    "tsc": ("typescript",),
    "vue-cli-service": ("@vue/cli-service",),
    "webpack": ("webpack-cli",),
}
"""The packages that bring a command of another name (package.json, bin, of each in the npm registry)."""
_DEPTH = 3
"""How many scripts deep one that runs others is followed."""
_WORD = lazy_regex(r"@?[\w.-]+(?<!\.)")
_PAIR = lazy_regex(r"\"([^\"\\\n]+)\"\s*:\s*\"([^\"\\\n]*)")
_WORKSPACE = "pnpm-workspace.yaml"
"""The file that names further projects, which have a file of their own each (pnpm.io)."""
_LONGEST = 200_000
"""The length in bytes up to which the file with the dependencies is read."""
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
    asked: dict[tuple[str, str | None], bool] = {}
    files: dict[tuple[str, str | None], list[str] | None] = {}
    told: set[tuple[int, str]] = set()
    for run, call in calls:
        known = call.manager.development
        if not known or call.opaque:
            continue
        left_out = _has_a_choice(call, known, run) or _set(known, run, call, stage)
        if left_out or configures(stage, known.settings, call):
            continue
        key = known.manifest, run.folder
        if key not in asked:
            found = files[key] = _manifests(known, run.folder, stage, context)
            asked[key] = _may_declare(known, found) and not _serves(known, found, stage, context.source.path)
        if asked[key] or _is_elsewhere(call, run):
            if _is_worked_in(stage, context):
                return
            message = f"{call.shown} also installs development dependencies: "
            message += _remedy(known, files[key], call, stage)
            if (run.instruction.start, message) not in told:  # as in both branches of a choice
                yield Finding(call.command.start, call.command.end, message)
            told.add((run.instruction.start, message))


def _remedy(known: Development, files: list[str] | None, call: Call, stage: Stage) -> str:
    """Return what to write: an option of the install, or the command of a later major version, which has none."""
    later = known.later
    texts = [_text(file) or "" for file in files or ()] if later else []
    named = any(word in text for text in texts for word in later["declares"])
    if named or (later and configures(stage, later["settings"], call)):
        return f"use {later['write']}, or a builder stage"
    if known.again and _installs_again(call, known.again, stage):
        return f"set {known.again['write']}, or use a builder stage"
    return f"add {known.write}, or use a builder stage"


def _installs_again(call: Call, again: dict[str, Any], stage: Stage) -> bool:
    """Return whether a later command of a stage, or its start, installs a project's packages again (``uv run``)."""
    starts = [launch.script for launch in map(stage.start_command, ("entrypoint", "cmd")) if launch]
    later = [own for run in stage.runs for own in run.commands if own.start > call.command.start]
    return any(
        own.name == call.command.name and not set(own.arguments[:1]).isdisjoint(again["commands"])
        for own in (*later, *[own for script in starts for own in script.commands])
    )


def _has_a_choice(call: Call, known: Development, run: Run) -> bool:
    """Return whether a call leaves development dependencies out, or another one of its RUN does in its place, as in the
    other branch of an ``if``."""
    if call.command.always:
        return call.has(known.unless)
    others = [one for one in run.calls if one.manager is call.manager and one.action == "install"]
    return any(one.has(known.unless) for one in others)


def _is_elsewhere(call: Call, run: Run) -> bool:
    """Return whether a call may install what another file declares than that of the folder of its RUN."""
    named = not _NAMES_FILE.isdisjoint(run.variables(call.command))
    return bool(named or run.moves or call.command.via or call.has(_ELSEWHERE))


def _manifests(known: Development, folder: str | None, stage: Stage, context: Context) -> list[str] | None:
    """Return the files that would declare the development dependencies of the project in a folder; None if they are not
    known."""
    copies = {(copy.target, copy.written.value, _sources(copy)): copy for one in stage.lineage for copy in one.copies}
    found: dict[str, None] = {}
    for copy in copies.values():
        below = _below(copy, known.manifest, folder)
        if below is None:
            continue
        if copy.origin or copy.instruction.heredocs or any(map(_is_unknown, _sources(copy))):
            return None
        found.update(dict.fromkeys(_brought(copy, known.manifest, below, context)))
    return list(found) or None


def _may_declare(known: Development, files: list[str] | None) -> bool:
    """Return whether a project may declare development dependencies: the file that would is not known, or has them."""
    return files is None or any(_declares(file, known.declares) and not _is_all(file) for file in files)


@of_a_run(256)
def _is_all(path: str) -> bool:
    """Return whether a package.json declares nothing but development dependencies: the tools of an image for people,
    or what the package itself is run with."""
    if basename(path) != _OF_SCRIPTS:
        return False
    found = _json(path)
    others = ("dependencies", "optionalDependencies", "peerDependencies", "workspaces")
    alone = os.path.lexists(join(dirname(path), _WORKSPACE))
    return bool(found.get("devDependencies")) and not alone and not any(found.get(one) for one in others)


def _json(path: str) -> dict[str, Any]:
    """Return what a file of JSON has, {} if that is no mapping or cannot be read."""
    import json  # few stages install a project's packages

    try:
        found = json.loads(_text(path) or "{}")
    except (RecursionError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _serves(known: Development, files: list[str] | None, stage: Stage, dockerfile: str) -> bool:
    """Return whether a stage starts a development server by a script that one of the files names (``npm start``), or
    what only a development dependency brings (``npx ts-node``), itself or by a script; or may do, as its files are not
    known, by a script other than that for the start (``npm run migrate``)."""
    if known.manifest != _OF_SCRIPTS:
        return False
    texts = list(_started_scripts(stage, dockerfile))
    names = {*_scripts(stage), *[name for text in texts for name in _NAMED.findall(text)]} - _OF_MANAGERS
    if not files:
        return not names <= {"start"}
    runs = _run_by(names, files)
    words = {word for text in (stage.started, *texts, *runs) for word in _WORD.findall(text)}
    words |= {package for word in words for package in _BRINGS.get(word, ())}
    compiled = any(word.endswith(_COMPILED) for word in words)
    for development in map(_of_development, files):
        if not words.isdisjoint(development) or (compiled and not _COMPILERS.isdisjoint(development)):
            return True
    return any(map(_SERVES_DEVELOPMENT.search, runs))


def _run_by(names: set[str], files: list[str]) -> list[str]:
    """Return the texts of the scripts of some names, of those that go before them, and of those that these run."""
    found: dict[str, None] = {}
    known = [named for file in files for named in _named_in(file)]
    for _ in range(_DEPTH):
        wanted = {*names, *(f"pre{name}" for name in names)}
        found.update(dict.fromkeys(run for name, run in known if name in wanted))
        names = {name for run in found for name in _NAMED.findall(run)} - _OF_MANAGERS
    return list(found)


def _started_scripts(stage: Stage, dockerfile: str) -> Iterator[str]:
    """Yield the texts of the scripts that a stage starts: files of the build context, and what a RUN writes."""
    from echo_migrate.dockerfile.copied_scripts import likely_text_at, started

    folder = next((one for above in reversed(stage.lineage) for _, one in [*above.workdirs.values()][-1:]), None)
    for launch in (stage.start_command("entrypoint"), stage.start_command("cmd")):
        for path in filter(None, map(started, launch.script.commands if launch else ())):
            text = likely_text_at(normpath(join(folder or "/", path)), stage, (), dockerfile)
            if text:
                yield text
            for run in [run for one in stage.lineage for run in one.runs]:
                if any(basename(one.target.value) == basename(path) for own in run.commands for one in own.redirects):
                    yield run.instruction.args.value.replace("\\n", "\n")


def _scripts(stage: Stage) -> Iterator[str]:
    """Yield the names of the scripts that the start commands of a stage run by a package manager."""
    for launch in (stage.start_command("entrypoint"), stage.start_command("cmd")):
        for command in launch.script.commands if launch else ():
            words = [word for word in command.arguments if word[:1] != "-" and word not in ("run", "run-script")]
            if words and command.name in ("bun", "npm", "pnpm", "yarn"):
                yield words[0]


@of_a_run(256)
def _of_development(path: str) -> frozenset[str]:
    """Return the names of the packages that only development needs, of a package.json."""
    found = _json(path)
    try:
        return frozenset(found.get("devDependencies", ())) - frozenset(found.get("dependencies", ()))
    except TypeError:
        return frozenset()


@of_a_run(256)
def _named_in(path: str) -> tuple[tuple[str, str], ...]:
    """Return the names and texts of a file of JSON, as far as they are without escapes."""
    return tuple(_PAIR.findall(_text(path) or ""))


def _sources(copy: Copy) -> tuple[str, ...]:
    return (
        copy.origin,
        *[word.value for word in copy.sources],
        *[one.value for one in copy.instruction.heredocs],
    )


def _is_unknown(source: str) -> bool:
    return bool(_FETCHED.search(source) or ARCHIVE.search(source))


def _below(copy: Copy, name: str, folder: str | None) -> str | None:
    """Return the path of a folder below the target of a COPY, "." for the target; None if the COPY brings no file with
    a name to it. A folder that is not known is the working directory of the base image, to which a COPY may be
    relative."""
    if not folder:
        return "." if copy.target == "/" or normpath(copy.written.value) in (".", name) else None
    target = normpath(copy.target) if copy.target else folder
    if target in (folder, join(folder, name)):
        return "."
    return relpath(folder, target) if folder.startswith(f"{target.rstrip('/')}/") else None


def _brought(copy: Copy, name: str, below: str, context: Context) -> Iterator[str]:
    """Yield the files with a name that a COPY of the build context brings to a folder below its target; of what a
    .dockerignore may keep out of the context, and of the project of several others, a path without a file."""
    path = context.source.path
    for source in [word.value for word in copy.sources]:
        folder = dirname(source) if fnmatchcase(name, basename(source)) and below == "." else source
        written = normpath(join("/", "" if source in _CONTEXT else folder, below, name))[1:]
        for within in _contexts(path, written, context):
            file = dockerfile_at(path, within, written)
            ignores = (dockerfile_at(path, within, ".dockerignore"), f"{path}.dockerignore")
            if file:
                yield file if not any(_may_ignore(one, written) for one in ignores if one) else ""


def _contexts(path: str, written: str, context: Context) -> list[str]:
    """Return the build contexts of a Dockerfile, as its folder names them: if they are not known, the folder nearest to
    it that has a file."""
    from echo_migrate.dockerfile.copied_scripts import likely_contexts

    if known := context.folders(path):
        return [os.path.relpath(one, real(dirname(path))) for one in known]
    return [one for one in likely_contexts(path) if dockerfile_at(path, one, written)][:1]


@of_a_run(256)
def _may_ignore(path: str, written: str) -> bool:
    """Return whether a line of a .dockerignore may match a file: its last part does a part of the path."""
    last = [basename(line.strip().rstrip("/")) for line in (_text(path) or "").splitlines() if line[:1] != "#"]
    return any(fnmatchcase(part, one) for one in last if one for part in written.split("/"))


@of_a_run(256)
def _declares(path: str, words: tuple[str, ...]) -> bool:
    """Return whether a file may declare development dependencies, or that of further projects stands beside it."""
    text = _text(path)
    named = text is None or any(word in _EMPTY.sub("", text) for word in words)
    return named or os.path.lexists(join(dirname(path), _WORKSPACE))


def _text(path: str) -> str | None:
    """Return the text of a file, None if it cannot be read."""
    try:
        return contents(path, _LONGEST).decode("utf-8", "replace")
    except (OSError, Unreadable):
        return None


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


def _is_worked_in(stage: Stage, context: Context) -> bool:
    """Return whether all containers of other files that start a stage do so with what only development has: without it,
    they would fail."""
    containers = context.containers(stage)
    return bool(containers) and all(
        any(
            own.verb in ("command", "entrypoint") and _STARTS_DEVELOPMENT.search(own.args.value)
            for own in one.start_commands
        )
        for one in containers
    )


def _builds(stage: Stage) -> bool:
    """Return whether a stage runs a build or tests, which may need development dependencies."""
    return any(run.that("build") or any(_tests(one) or _compiles(one) for one in run.commands) for run in stage.runs)


def _compiles(command: Command) -> bool:
    """Return whether a command calls a compiler or bundler that packages bring (``npx tsc``, ``vite build``)."""
    words = [basename(command.name), *(word for word in command.arguments if word[:1] != "-")]
    program, *rest = [word for word in words if word not in _RUNNERS and word not in ("exec", "run")] or [""]
    return program in _COMPILING or (program in _BUILDING and rest[:1] == ["build"])


def _tests(command: Command) -> bool:
    """Return whether a command runs tests, itself or by the manager of its packages (``npm test``)."""
    words = command.arguments[:3] if command.name in _RUNNERS else ()
    run = [word for before, word in zip(("run", *words), words, strict=False) if before.endswith(_RUNS)]
    return command.name in _TESTS - {"test"} or not _TESTS.isdisjoint(run)
