"""Files built in one image and copied to another: whether its C library and the version of its language fit."""

import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from itertools import pairwise
from posixpath import basename, dirname, normpath, splitext
from typing import NamedTuple

from echo_migrate.dockerfile.copies import Copy
from echo_migrate.dockerfile.layers import ARCHIVE, within
from echo_migrate.dockerfile.run import Run
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.images.facts import facts_of
from echo_migrate.images.reference import parsed
from echo_migrate.model import Finding, Level
from echo_migrate.rules._readiness import root_of
from echo_migrate.rules._rule import Context
from echo_migrate.shell.commands import Command
from echo_migrate.shell.package_managers import Call, does, package_name

_BRIDGES = {"musl": lazy_regex("gcompat|libc6-compat|glibc|ld-linux"), "glibc": lazy_regex("musl")}
"""Text in a stage that may provide the other C library, or build for it, by the C library of the stage."""

_SHARED = lazy_regex(r"/(?:usr/(?:local/)?)?lib(?:64)?/.*\.so[\d.*]*")
_PROGRAM = lazy_regex(r"/(?:usr/)?s?bin/[\w.+-]+")
_PORTABLE = lazy_regex(r"busybox|docker.*|dumb-init|go|gosu|helm|hugo|kubectl|npm|npx|pip\d?|pnpm|tini|yarn|.*\.sh")
"""Programs that are scripts, or that distributions link statically."""

_STATIC = lazy_regex("static|nostdlib")
_NO_LOADER = lazy_regex("static|nostdlib|netgo|osusergo|patchelf|dynamic-linker|wasm|wasi")
"""Text in a stage whose programs may need no loader in the usual place."""

_LOADERS = ("/lib", "/lib32", "/lib64", "/libx32", "/usr/lib", "/usr/lib32", "/usr/lib64")
_COMPILERS = frozenset(("c++", "cc", "clang", "clang++", "g++", "gcc", "gfortran", "ghc"))
_INSTALLERS = frozenset(("cmake", "gmake", "make", "ninja"))
_LINKED = ("bin", "lib", "lib64", "libexec", "sbin")

_PYTHON_MANAGERS = ("pip", "uv", "uv pip", "poetry")
_NODE_MANAGERS = ("npm", "yarn", "pnpm", "bun")
_PACKAGES = lazy_regex(r"/(?:python(3\.\d+)(?:/(?:site|dist)-packages)?|(?:site|dist)-packages|\.?venv)(?:/\*)?$")
_MANAGED = lazy_regex(
    r"\b(?:ana|mini)?conda|mamba|deadsnakes|pyenv|uv python|uv_python|--python|python-build-standalone"
)
"""Ways to install a Python other than that of the base image."""

_NATIVE = "native modules in it will not load"
"""The message for Node modules, which is only a note because most modules have no compiled part."""

_BUNDLE = lazy_regex(r"/usr/local/bundle|/.*/vendor/bundle")
_EXTENSIONS = lazy_regex(r"/usr/local/lib/php/extensions.*")


class _Side(NamedTuple):
    """The source or the target of a COPY --from: an image, and the stages of the file that are based on it.

    ``version`` is the minor version of its language, "" if the tag does not name it. ``own`` are globs of the paths at
    which the image has programs linked with the C library. ``text`` is the lowercase text of its stages, and ``later``
    are the RUNs of stages built on them. ``bare`` is true if it is known to have no C library.
    """

    name: str
    libc: str | None
    upstream: str
    version: str
    own: tuple[str, ...] = ()
    stages: tuple[Stage, ...] = ()
    text: str = ""
    later: tuple[Run, ...] = ()
    bare: bool = False
    near: Context | None = None

    @property
    def commands(self) -> list[tuple[Run, Command]]:
        return [(run, one) for stage in self.stages for run in stage.runs for one in run.commands if one.words]

    def installs(self, managers: tuple[str, ...]) -> list[tuple[Run, Call]]:
        """Return the calls of some package managers that install into a folder, not globally."""
        runs = [*[run for stage in self.stages for run in stage.runs], *self.later]
        calls = [(run, call) for run in runs for call in run.calls if call.manager.name in managers]
        return [(run, call) for run, call in calls if call.action == "install" and not call.has(("-g", "--global"))]


def mismatches(stage: Stage, copies: Iterable[Copy], context: Context) -> Iterator[Finding]:
    """Yield a finding for each COPY --from of a stage, of those given, whose files do not work there."""
    here = _side(stage, context, True)
    for copy in copies:
        there = _origin(copy, stage, context)
        if here and there:
            paths = [path for word in copy.sources if (path := _path(word.value, stage))]
            message = _other_libc(paths, there, here) or _other_version(paths, copy, there, here)
            message = message or _no_libc(paths, copy, there, here)
            if message:
                level: Level | None = "note" if _NATIVE in message else None
                yield Finding(copy.instruction.start, copy.instruction.end, message, level=level)


def _origin(copy: Copy, stage: Stage, context: Context) -> _Side | None:
    """Return the source of a COPY --from: a preceding stage by name or number, or an image; None if not known."""
    found = stage.preceding(copy.origin)
    return _side(found, context) if found else _image(copy.origin, True, context)


def _side(stage: Stage, context: Context, last: bool = False) -> _Side | None:
    """Return the side for a stage, with the RUNs built on it if it is the ``last`` one; None if not known."""
    image = root_of(stage, context.effective_bases)
    if image is None:
        return None
    text, later = context.source.text, tuple(stage.order.built_on(stage.number)) if last else ()
    found = _image(image.ref.value, "$" not in text[image.start : image.end], context)
    places = [(one.start, one.end) for one in stage.lineage]
    places += [(run.instruction.start, run.instruction.end) for run in later]
    said = "\n".join([text[start:end] for start, end in places]).lower()
    return found and found._replace(stages=tuple(stage.lineage), text=said, later=later, near=context)


def _image(value: str, literal: bool, context: Context) -> _Side | None:
    catalog = context.settings.catalog
    reference = parsed(value)
    if reference is None:
        return None
    known = catalog.upstream(reference)
    version = re.match(r"\d+\.\d+", reference.tag or "") if literal else None
    name, drop_in = known.name if known and not known.likely else "", True
    replaced = None if name else catalog.replaced(reference)
    if replaced:
        name, drop_in = replaced[0], replaced[1].drop_in
    without = "static" in basename(reference.repository)  # distroless/static and similar images have no C library
    facts = facts_of(value, catalog)
    libc = None if without else facts.libc
    own = catalog.facts.linked.get(name, ()) if drop_in else ()
    return _Side(value, libc, name, version[0] if version else "", tuple(own), bare=facts.no_libc)


def _path(source: str, stage: Stage) -> str:
    """Return the absolute path of a source of COPY --from, or "" if it depends on unknown variables."""
    found = re.sub(r"\$\{?(\w+)\}?", lambda match: stage.environment.get(match[1], match[0]), source)
    return "" if "$" in found else _rooted(found)


def _rooted(path: str) -> str:
    return normpath("/" + path.lstrip("/"))


def _other_libc(paths: list[str], there: _Side, here: _Side) -> str:
    """Return the message for paths that do not work with another C library, or ""."""
    if there.libc is None or here.libc is None or there.libc == here.libc:
        return ""
    if any(_BRIDGES[side.libc or ""].search(side.text) for side in (there, here)):
        return ""
    for path in paths:
        what = "" if _brought(path, there) else _bound(path, there, here)
        if what:
            message = f"{path} is from {there.name} ({there.libc}), {here.name} has {here.libc}: {what} "
            return message + "there: use one distribution"
    return ""


def _no_libc(paths: list[str], copy: Copy, there: _Side, here: _Side) -> str:
    """Return the message for a program that is started in an image without a C library, or ""."""
    dynamic = here.bare and there.libc and not _NO_LOADER.search(there.text)
    if not dynamic or _BRIDGES[there.libc or ""].search(there.text) or _may_have_loader(here, paths):
        return ""
    for path in paths:
        linked = any(
            one.name not in (*_INSTALLERS, "jlink") and _links(path, one, run, there) for run, one in there.commands
        )
        if linked and _starts(here.stages[-1], path, copy) and not _brought(path, there):
            message = f"{path} is from {there.name} ({there.libc}), {here.name} has no C library: it will not start "
            return message + "there: link it statically"
    return ""


def _starts(stage: Stage, path: str, copy: Copy) -> bool:
    """Return whether a container of a stage starts a file, given its path before a COPY."""
    found = [stage.start_command(verb) for verb in ("entrypoint", "cmd")]
    words = next((one.words for one in found if one and not one.empty), None)
    places = [copy.target or "", f"{(copy.target or '').rstrip('/')}/{basename(path)}"]
    if not words or not stage.top:
        return False
    return normpath(words[0]) in places if words[0].startswith("/") else basename(words[0]) in map(basename, places)


def _may_have_loader(side: _Side, built: list[str]) -> bool:
    """Return whether a COPY or ADD may bring a loader into a stage; ``built`` are paths of programs."""
    for copy in (copy for stage in side.stages for copy in stage.copies):
        if copy.target is None or copy.target == "/usr" or any(within(copy.target, one) for one in _LOADERS):
            return True
        files = all(splitext(word.value)[1] and not ARCHIVE.search(word.value) for word in copy.sources)
        if copy.target == "/" and not (files or [_rooted(word.value) for word in copy.sources] == built):
            return True
    return False


def _bound(path: str, there: _Side, here: _Side) -> str:
    """Return what fails in a path with another C library, or "" if that is not certain."""
    if _SHARED.fullmatch(path) or _EXTENSIONS.fullmatch(path):
        return "it will not load"
    if any(fnmatchcase(path, one) for one in there.own) or _packaged(path, there):
        return "it will not start"
    if not _STATIC.search(there.text) and any(_links(path, command, run, there) for run, command in there.commands):
        return "it will not start"
    if _python(path, there) and there.installs(_PYTHON_MANAGERS) and not here.installs(_PYTHON_MANAGERS):
        return "compiled modules in it will not load"
    if _node(path, there, here) and not _is_portable(there):
        return _NATIVE
    if _BUNDLE.fullmatch(path) and there.installs(("bundle", "gem")) and not here.installs(("bundle", "gem")):
        return "compiled gems in it will not load"
    return ""


def _brought(path: str, side: _Side) -> bool:
    """Return whether a file of a stage may come from elsewhere: from a COPY, a download or an archive."""
    name = basename(path.removesuffix("/*"))
    for copy in (copy for stage in side.stages for copy in stage.copies):
        words = [word.value.rstrip("/") for word in (*copy.sources, copy.written)]
        if name in map(basename, words) or (copy.instruction.verb == "add" and any(map(ARCHIVE.search, words))):
            return True
    fetching = [one for _, one in side.commands if does(one, "download") or does(one, "unpack")]
    return any(name in word for one in fetching for word in one.arguments)


def _packaged(path: str, side: _Side) -> bool:
    """Return whether a program is installed by a distribution package of the same name."""
    name = basename(path)
    calls = [call for stage in side.stages for run in stage.runs for call in run.calls if call.manager.system]
    packages = {package_name(word) for call in calls if call.action == "install" for word in call.packages}
    return bool(_PROGRAM.fullmatch(path)) and name in packages and not _PORTABLE.fullmatch(name)


def _links(path: str, command: Command, run: Run, side: _Side) -> bool:
    """Return whether a command builds a program linked with the C library at a path, or moves it there."""
    words = command.arguments
    name = re.sub(r"-\d+$", "", command.name)
    if name == "jlink":
        return path in _values(words, "--output")
    if name in _COMPILERS:
        return _is_output(path, words)
    if name == "go" and words[:1] == ["build"]:
        return run.variables(command).get("CGO_ENABLED") == "1" and _is_output(path, words)
    if name in ("cargo", "swift") and side.libc == "glibc" and words[:1] in (["build"], ["install"]):
        folder = "/target/" if name == "cargo" else "/.build/"
        moved = [
            word for _, one in side.commands if one.name in ("cp", "install", "mv") for word in _moved(one, folder)
        ]
        crates = name == "cargo" and words[0] == "install" and path.startswith("/usr/local/cargo/bin/")
        made = not {"debug", "release"}.isdisjoint(path.partition(folder)[2].split("/")[:-1])
        return made or path in moved or crates
    return name in _INSTALLERS and ("install" in words or "--install" in words) and _in_prefix(path, words, side)


def _values(words: list[str], *options: str) -> list[str]:
    """Return the values of options, either the next word or the text after an equals sign."""
    joined = [word.partition("=")[::2] for word in words if "=" in word]
    return [value for option, value in (*pairwise(words), *joined) if option in options]


def _is_output(path: str, words: list[str]) -> bool:
    """Return whether ``-o`` names a file with the name of a path, or a file inside the path."""
    written = [normpath(word) for word in _values(words, "-o")]
    return any(basename(word) == basename(path) or within(word, path) for word in written if path != "/")


def _moved(command: Command, folder: str) -> list[str]:
    """Return the paths to which a command copies or moves a program from its build folder."""
    *sources, target = [word for word in command.arguments if not word.startswith("-")] or [""]
    built = [word for word in sources if f"{folder}release/" in f"/{word}"]
    return [path for word in built for path in (target, f"{target.rstrip('/')}/{basename(word)}")]


def _in_prefix(path: str, words: list[str], side: _Side) -> bool:
    """Return whether a path is in a folder where ``make install`` puts programs and libraries."""
    configured = [one for _, one in side.commands if one.name in ("configure", "cmake")]
    if not configured:
        return False
    options = ("--prefix", "-DCMAKE_INSTALL_PREFIX", "-DCMAKE_INSTALL_PREFIX:PATH")
    given = [value for one in configured for value in _values(one.arguments, *options)]
    folders = {normpath(folder) for folder in given or ["/usr/local"] if folder.startswith("/")}
    folders = {folder for folder in folders if folder != "/usr"}
    return path in folders or any(within(path, f"{folder}/{part}") for folder in folders for part in _LINKED)


def _python(path: str, side: _Side) -> bool:
    """Return whether a path has Python packages: a virtual environment, site-packages, or an install target of pip."""
    if _PACKAGES.search(path):
        return True
    for _, command in side.commands:
        words = command.arguments
        if (command.name == "virtualenv" or "venv" in words[:2]) and path in words:
            return True
        user = path.endswith("/.local") and "--user" in words
        if "install" in words and (user or path in _values(words, "--prefix", "--target", "-t")):
            return True
    return False


def _node(path: str, there: _Side, here: _Side) -> bool:
    """Return whether a path has Node modules, alone or in an application, and nothing reinstalls them."""
    again = here.installs(_NODE_MANAGERS) or re.search(r"(?:npm|yarn|pnpm) (?:run )?rebuild", here.text)
    folders = [run.folder for run, _ in there.installs(_NODE_MANAGERS) if run.folder]
    if again or not folders or path.startswith(("/usr/lib", "/usr/local/lib")):
        return False
    if basename(path.removesuffix("/*")) == "node_modules":
        return dirname(path.removesuffix("/*")) in folders
    return here.upstream == "node" and "node_modules" not in there.text and path in folders


def _is_portable(side: _Side) -> bool:
    """Return whether all Node modules that are installed on a side are known to have no compiled part."""
    from echo_migrate.rules._called_unseen import is_portable_by_lock  # few files copy modules to another C library

    calls = side.installs(_NODE_MANAGERS) if side.near else []
    return bool(calls) and all(
        is_portable_by_lock(side.stages[-1], run, one, side.near.source.path, side.near.folders)
        for run, one in calls
        if side.near
    )


def _other_version(paths: list[str], copy: Copy, there: _Side, here: _Side) -> str:
    """Return the message for paths that do not work with another version of a language, or ""."""
    known = there.version and here.version and there.version != here.version
    for path in paths if known and there.upstream == here.upstream else ():
        if here.upstream == "python" and _python(path, there) and not _managed(there, here):
            return _said(path, "Python", there.version, here)
        if here.upstream == "ruby" and _BUNDLE.fullmatch(path):
            return _said(path, "Ruby", there.version, here)
        if here.upstream == "php" and _EXTENSIONS.fullmatch(path):
            return _said(path, "PHP", there.version, here)
    if here.upstream == "python" and here.version and not _managed(there, here):
        for path in (*paths, copy.target or ""):
            match = _PACKAGES.search(path)
            if match and match[1] and match[1] != here.version and f"python{match[1]}" not in _spoken(here):
                return _said(path, "Python", match[1], here)
    return ""


def _managed(there: _Side, here: _Side) -> bool:
    """Return whether a stage may install its own Python."""
    return bool(_MANAGED.search(there.text) or _MANAGED.search(here.text))


def _spoken(side: _Side) -> str:
    """Return the text of the arguments and variables of a side."""
    words = [word for _, one in side.commands for word in one.arguments]
    return "\n".join([*words, *[value for stage in side.stages for value in stage.environment.values()]])


def _said(path: str, language: str, version: str, here: _Side) -> str:
    message = f"{path} is of {language} {version}, {here.name} has {language} {here.version}: its modules will not "
    return message + "load: use one version"
