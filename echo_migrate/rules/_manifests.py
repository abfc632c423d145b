"""The files that declare what a project needs, as a stage brings them, and what their scripts and its own start."""

import os
from collections.abc import Iterator
from fnmatch import fnmatchcase
from posixpath import basename, dirname, join, normpath, relpath
from typing import Any

from echo_migrate.dockerfile.copies import Copy
from echo_migrate.dockerfile.layers import ARCHIVE
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Unreadable, contents
from echo_migrate.files.tree import dockerfile_at, real
from echo_migrate.files.workspace import of_a_run
from echo_migrate.rules._rule import Context
from echo_migrate.shell.package_managers import Development

_SERVES = (
    *("concurrently", "next dev", "ng serve", "nodemon", "nuxt dev", "react-scripts start", "ts-node-dev", "vite"),
    *("vue-cli-service serve", "webpack serve", "webpack-dev-server"),
)
"""What a script of a package.json starts a development server with, as the documentation of each tells."""
_SERVES_DEVELOPMENT = lazy_regex(rf"\b(?:{'|'.join(_SERVES)})\b(?![.-]| (?:build|preview)\b)", needs=_SERVES)
_OF_SCRIPTS = "package.json"
"""The file that names what ``npm start`` and ``npm run`` start (docs.npmjs.com, package.json, scripts)."""
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
_CONTEXT = frozenset((".", "./", "/"))
_FETCHED = lazy_regex(r"://|^git@|\$|[*?\[].*/")
"""A source of COPY or ADD whose files are not known: a URL, a variable, folders by a pattern."""
_EMPTY = lazy_regex(r"\"[\w-]+\"\s*:\s*(?:\{\s*\}|\[\s*\])")
"""A section of a JSON file that declares nothing."""
_WORKSPACE = "pnpm-workspace.yaml"
"""The file that names further projects, which have a file of their own each (pnpm.io)."""
_LONGEST = 200_000
"""The length in bytes up to which the file with the dependencies is read."""


def text_of(path: str) -> str | None:
    """Return the text of a file, None if it cannot be read."""
    try:
        return contents(path, _LONGEST).decode("utf-8", "replace")
    except (OSError, Unreadable):
        return None


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
        found = json.loads(text_of(path) or "{}")
    except (RecursionError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def serves(known: Development, files: list[str] | None, stage: Stage, dockerfile: str) -> bool:
    """Return whether a stage starts a development server by a script that one of the files names (``npm start``), or
    what only a development dependency brings (``npx ts-node``), itself or by a script; or may do, as its files are not
    known, by a script other than that for the start (``npm run migrate``)."""
    if known.manifest != _OF_SCRIPTS:
        return False
    texts = list(started_scripts(stage, dockerfile))
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


def started_scripts(stage: Stage, dockerfile: str) -> Iterator[str]:
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
    """Return the names of the packages that only development needs, of a package.json, and the program of one that has
    the name of its scope (``@craco/craco``)."""
    found = _json(path)
    try:
        names = frozenset(found.get("devDependencies", ())) - frozenset(found.get("dependencies", ()))
    except TypeError:
        return frozenset()
    scoped = (name.removeprefix("@").partition("/") for name in names if name.startswith("@"))
    return names | {name for scope, _, name in scoped if scope == name}


@of_a_run(256)
def _named_in(path: str) -> tuple[tuple[str, str], ...]:
    """Return the names and texts of a file of JSON, as far as they are without escapes."""
    return tuple(_PAIR.findall(text_of(path) or ""))


def manifests(known: Development, folder: str | None, stage: Stage, context: Context) -> list[str] | None:
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


def may_declare(known: Development, files: list[str] | None) -> bool:
    """Return whether a project may declare development dependencies: the file that would is not known, or has them."""
    return files is None or any(_declares(file, known.declares) and not _is_all(file) for file in files)


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
    from echo_migrate.dockerfile.context_files import likely_contexts

    if known := context.folders(path):
        return [os.path.relpath(one, real(dirname(path))) for one in known]
    return [one for one in likely_contexts(path) if dockerfile_at(path, one, written)][:1]


@of_a_run(256)
def _may_ignore(path: str, written: str) -> bool:
    """Return whether a line of a .dockerignore may match a file: its last part does a part of the path."""
    last = [basename(line.strip().rstrip("/")) for line in (text_of(path) or "").splitlines() if line[:1] != "#"]
    return any(fnmatchcase(part, one) for one in last if one for part in written.split("/"))


@of_a_run(256)
def _declares(path: str, words: tuple[str, ...]) -> bool:
    """Return whether a file may declare development dependencies, or that of further projects stands beside it."""
    text = text_of(path)
    named = text is None or any(word in _EMPTY.sub("", text) for word in words)
    return named or os.path.lexists(join(dirname(path), _WORKSPACE))
