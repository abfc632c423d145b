"""The files that say what ``docker compose`` and ``docker buildx bake`` pull: theirs, and the Dockerfiles they build.

Follows docs.docker.com, "docker compose" (options, COMPOSE_FILE, the files that it looks for), "docker buildx bake" and
"Bake file reference" (groups), and github.com/docker/bake-action (files, targets), read in November 2026.
"""

import os
import re
from contextlib import suppress

from echo_migrate.files.source import Source, Unreadable
from echo_migrate.files.tree import dockerfile_at, top
from echo_migrate.files.values import NotRead
from echo_migrate.files.workspace import of_a_run
from echo_migrate.files.yaml import YamlNode, is_scalar
from echo_migrate.formats._build_commands import is_local

_FILE_OPTIONS = ("-f", "--file")
_COMPOSE_VALUED = frozenset(("-p", "--ansi", "--env-file", "--parallel", "--profile", "--progress", "--project-name"))
_PULL = frozenset(("build", "create", "pull", "run", "up", "watch"))
_PULL_NOTHING = frozenset(
    ("config", "cp", "down", "events", "exec", "images", "kill", "logs", "ls", "pause", "port", "ps", "restart", "rm")
    + ("start", "stop", "top", "unpause", "version", "wait")
)
_BAKE_VALUED = frozenset(("--allow", "--builder", "--metadata-file", "--progress", "--provenance", "--sbom"))
_BAKE_FLAGS = frozenset(("--load", "--no-cache", "--print", "--pull", "--push"))
_COMPOSE = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
_BAKE = ("docker-bake.json", "docker-bake.override.json", "docker-bake.hcl", "docker-bake.override.hcl")
_ITEMS = re.compile(r"[\s,]+")

Options = tuple[list[str], list[str]]
"""The files that options name, and the words behind the options."""


def of_compose(path: str, folder: str, words: list[str]) -> list[str] | None:
    """Return the files that a command of Compose reads for what it pulls, given the words behind its name, for a
    workflow at ``path`` that calls it in a folder of the tree; None if it may read others."""
    found = _options(words, _COMPOSE_VALUED, frozenset())
    if found is None or not found[1] or found[1][0] not in _PULL:
        return [] if found and found[1] and found[1][0] in _PULL_NOTHING else None
    names = found[0] or _usual(path, folder)
    files = [_at(path, folder, name) for name in names]
    built = [_with_builds(one) if one else None for one in files]
    return None if not built or None in built else [one for each in built for one in each or ()]


def of_bake(path: str, folder: str, words: list[str]) -> list[str] | None:
    """Return the files that a command of bake reads for what it pulls, as ``of_compose`` does."""
    found = _options(words, _BAKE_VALUED, _BAKE_FLAGS)
    return _baked(path, folder, *map(tuple[str, ...], found)) if found else None


def of_bake_action(path: str, keys: dict[str, YamlNode]) -> list[str] | None:
    """Return the files that docker/bake-action reads for what it pulls, given its inputs, as ``of_compose`` does."""
    if not {"set", "workdir", "source"}.isdisjoint(keys):
        return None
    files, targets = (_words(keys.get(name)) for name in ("files", "targets"))
    return _baked(path, "", tuple(files), tuple(targets))


def _words(node: YamlNode | None) -> list[str]:
    return [one for one in _ITEMS.split(node.value) if one] if is_scalar(node) else []


def _options(words: list[str], valued: frozenset[str], flags: frozenset[str]) -> Options | None:
    """Return what options say; None if one of them is not known. Those of Compose end at its command."""
    files, rest = list[str](), list[str]()
    waiting = iter(words)
    for word in waiting:
        name, given, value = word.partition("=")
        if name in _FILE_OPTIONS:
            files.append(value if given else next(waiting, ""))
        elif name in valued:
            _ = given or next(waiting, "")
        elif word[:1] == "-" and word not in flags:
            return None
        elif word[:1] != "-":
            rest.append(word)
            if not flags:
                break
    return files, rest


def _usual(path: str, folder: str) -> list[str]:
    """Return the compose files that Compose looks for in a folder, none if a file there may name others."""
    there = os.path.join(top(path), folder)
    if os.path.lexists(os.path.join(there, ".env")):
        return []
    own = next((name for name in _COMPOSE if os.path.exists(os.path.join(there, name))), None)
    over = [f"{name.rpartition('.')[0]}.override.{ending}" for name in _COMPOSE for ending in ("yaml", "yml")]
    return [own, *dict.fromkeys(one for one in over if os.path.exists(os.path.join(there, one)))] if own else []


def _at(path: str, folder: str, name: str) -> str | None:
    """Return the path of a file of the tree, None if it is not there."""
    return dockerfile_at(os.path.join(top(path), "_"), ".", os.path.join(folder, name)) if is_local(name) else None


@of_a_run(256)
def _with_builds(path: str) -> list[str] | None:
    """Return a compose file and the Dockerfiles that its services build; None if it takes in others."""
    from echo_migrate.formats import compose

    built = compose.dockerfiles(path)
    return None if built is None else [path, *built]


@of_a_run(256)
def _baked(path: str, folder: str, files: tuple[str, ...], targets: tuple[str, ...]) -> list[str] | None:
    """Return a bake file and the Dockerfiles of its targets; None if others may be read, or it cannot be."""
    names = files or [name for name in (*_COMPOSE, *_BAKE) if _at(path, folder, name)]
    file = _at(path, folder, names[0]) if len(names) == 1 else None
    if file is None or os.path.basename(file) in _COMPOSE or not all(map(_is_plain, targets)):
        return None
    from echo_migrate.formats import bake

    built = None
    with suppress(NotRead, Unreadable):  # that is said of the bake file itself
        built = bake.built(Source.read(file), os.path.join(top(path), folder, "_"), [*targets] or ["default"])
    return None if built is None else [file, *built]


def _is_plain(target: str) -> bool:
    return "$" not in target and "*" not in target
