"""Where the files are that may define builds of the files near them: in the same folder, above it, and in the folders
that usually have such files. Found by name, without reading any."""

import contextlib
import os
from collections.abc import Iterator, Set
from itertools import islice

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.spelling import TEMPLATE
from echo_migrate.files.tree import absolute, top, upwards
from echo_migrate.files.workspace import of_a_run

_SCRIPTS = frozenset(("sh", "bash", "mk", "yml", "yaml", "ps1", "hcl", "tf"))
_SCRIPT_FILES = ("makefile.", "dockerfile.", "taskfile.")
_SCRIPT_JSON = frozenset(("package", "devcontainer", ".devcontainer"))
_CODE = _SCRIPTS | {
    *("bat", "cmd", "fish", "toml", "xml", "gradle", "kts", "groovy", "py", "rb", "php"),
    *("js", "cjs", "mjs", "ts", "cts", "mts"),
}
_CODE_FILES = (*_SCRIPT_FILES, "justfile.", "tiltfile.", "jenkinsfile.")
_CODE_JSON = _SCRIPT_JSON | {"project"}

MOST_FOLDERS = 64
"""The maximum number of folders above a file, and in each of them, that are searched: beyond that, any name may be that
of a context."""

_BESIDE = (
    *(".circleci", ".devcontainer", ".github", ".github/workflows", ".gitlab", ".okteto", "bin", "build", "ci"),
    *("compose", "deploy", "devops", "docker", "hack", "infra", "ops", "scripts", "tools"),
)
"""Folders that usually contain the build definitions for the files around them."""

COPIED = rf"\.(?:dist|example|sample|default)|{TEMPLATE}"
"""What stands behind the name of a file that people or programs make a compose file of."""

COMPOSE = lazy_regex(
    rf"(?i)(?:(?:.*[._-])?(?:docker-?)?compose(?:[._-].*)?|fig)\.ya?ml(?:{COPIED})?", needs=("compose", "fig")
)
"""The usual names of compose files, and of those that one is made of."""

STANDARD = lazy_regex(rf"(?i)(?:(?:docker-?)?compose(?:[._-].*)?|fig)\.ya?ml(?:{COPIED})?", needs=("compose", "fig"))
"""Those that Compose itself looks for, or did as Fig, and their variants: files of version 1 have no other sign."""

DEFAULT = lazy_regex(r"(?:docker-)?compose\.ya?ml", needs=("compose",))
"""Those that Compose itself looks for, and lays others over."""

_MOST_WITHIN = 200


def may_pass(name: str) -> bool:
    """Return whether a file of this name may pass contexts to a build."""
    return _is_one_of(name, _SCRIPTS, _SCRIPT_FILES, _SCRIPT_JSON)


def may_build(name: str) -> bool:
    """Return whether a file of this name may define a build, with arguments, or call a program that does."""
    return _is_one_of(name, _CODE, _CODE_FILES, _CODE_JSON)


def _is_one_of(name: str, endings: Set[str], begins: tuple[str, ...], json: Set[str]) -> bool:
    """Return whether a name has none of its own endings, one of these, one of these beginnings, or is that of a JSON
    file: of one of these, or of bake. All of them are in lowercase."""
    name = name.lower()
    stem, dot, ending = name.rpartition(".")
    if not dot or ending in endings or name.startswith(begins):
        return True
    return ending == "json" and (stem in json or "bake" in stem)


def may_be_baked(path: str) -> bool:
    """Return whether ``docker buildx bake`` may read a file, by its name."""
    name = os.path.basename(path).lower()
    return name.endswith(".hcl") or (name.endswith(".json") and "bake" in name)


def is_manifest(path: str) -> bool:
    """Return whether a file is a manifest of Okteto or Garden, by its name."""
    stem, _, ending = os.path.basename(path).lower().rpartition(".")
    return ending in ("yml", "yaml") and (stem.startswith("okteto") or is_of_garden(path))


def is_of_goreleaser(path: str) -> bool:
    """Return whether a file is a configuration of GoReleaser, by its name."""
    name = os.path.basename(path).lower()
    return name.lstrip(".").startswith("goreleaser") and name.endswith((".yml", ".yaml"))


def is_of_garden(path: str) -> bool:
    """Return whether a manifest is one of Garden, by its name."""
    stem = os.path.basename(path).lower().rpartition(".")[0]
    return stem == "garden" or stem.endswith(".garden")


def folders_above(path: str) -> tuple[str, ...]:
    """Return the folder of a file and its parents up to the top of its tree, at most ``MOST_FOLDERS``."""
    return _upwards(os.path.dirname(absolute(path)), os.getcwd())


@of_a_run(4096)
def _upwards(folder: str, working: str) -> tuple[str, ...]:
    return tuple(islice(upwards(os.path.join(folder, "_")), MOST_FOLDERS))


def places(folder: str) -> Iterator[str]:
    """Yield a folder and its folders for build definitions, except links."""
    yield folder
    there: set[str] = set()
    with contextlib.suppress(OSError):
        there.update(os.listdir(folder))
    for name in _BESIDE:
        if name.partition("/")[0] not in there:
            continue
        place = os.path.join(folder, name)
        if os.path.islink(place) or os.path.islink(os.path.dirname(place)):
            continue
        yield place
        if name == ".github":
            with contextlib.suppress(OSError):
                own = os.path.join(place, "actions")
                entries = [] if os.path.islink(own) else list(os.scandir(own))
                yield from (entry.path for entry in entries if entry.is_dir(follow_symlinks=False))


def above(dockerfile: str) -> Iterator[tuple[str, str]]:
    """Yield the folder of a Dockerfile and its parents up to the top of its tree, each with the top."""
    folder = os.path.dirname(absolute(dockerfile))
    root = top(dockerfile)
    while True:
        yield folder, root
        if folder in (root, os.path.dirname(folder)):
            return
        folder = os.path.dirname(folder)


@of_a_run(4096)
def files_in(folder: str, root: str) -> list[str]:
    """Return the files with usual compose names in a folder, except links out of the tree."""
    with contextlib.suppress(OSError):
        paths = [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if COMPOSE.fullmatch(name)]
        return [path for path in paths if os.path.realpath(path).startswith(os.path.realpath(root) + os.sep)]
    return []


@of_a_run(4096)
def compose_files(folder: str, root: str) -> list[str]:
    """Return the files with usual compose names in a folder and its subfolders, except links out of the tree."""
    return [path for place in (folder, *_within(folder)) for path in files_in(place, root)]


def _within(folder: str) -> list[str]:
    try:
        entries = [entry for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []
    names = sorted(entry.path for entry in entries if entry.name not in (".git", "node_modules"))
    return names if len(names) <= _MOST_WITHIN else []
