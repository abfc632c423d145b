"""CI systems whose images are found by key path alone: CircleCI, Azure Pipelines, Bitbucket and others.

The files and key paths are defined in ``mappings/places/ci.yaml``.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

from echo_migrate.dockerfile.container import Container
from echo_migrate.files.data import read_data
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Source
from echo_migrate.files.workspace import of_a_run
from echo_migrate.files.yaml import (
    MappingNode,
    ScalarNode,
    YamlNode,
    effective,
    is_mapping,
    is_scalar,
    is_text,
    sequence,
)
from echo_migrate.formats import NO_REQUEST, Request
from echo_migrate.formats._commands import calls
from echo_migrate.formats._environment import variables_of
from echo_migrate.formats._jobs import entered
from echo_migrate.formats._parameters import Parameters, Scope, named, nothing, together
from echo_migrate.formats._pipeline_parts import UNREAD, part_at
from echo_migrate.formats._runners import on_runners
from echo_migrate.formats._volumes import mounts_of
from echo_migrate.formats._yaml import NO_NAME as NAME
from echo_migrate.formats._yaml import YAML, Around, Node, YamlFile, nodes, verify
from echo_migrate.images.reference import TAGGED
from echo_migrate.model import Image
from echo_migrate.model.reasons import because
from echo_migrate.shell.commands import SHELLS

__all__ = ["NAME", "candidate", "parse", "recognise", "verify"]

_CONTAINER, _TARGET = ("**", "container"), ("**", "target")
_STEP = ("script", "bash")
"""Keys of Azure Pipelines: what names a container, and what a POSIX shell runs in a step."""
_IMAGE = lazy_regex(r"(?i)(?:(?:agent|base|build|container|docker|job)[-_]?)?image(?:[-_]?name)?")
_TEMPLATE = because("template-input")
_BARE = re.compile(r"[\w-]+")
_OTHER_LOGIN = because("login-other")
_NO_LOGIN = because("login-beside")


class Kind(NamedTuple):
    """A kind of file: patterns for its path, for the text of files with other paths, and for what any has in it; key
    paths of images, the key of a login, key paths of what templates are given, and of names that the file defines
    itself, which are not images; keys that a whole pipeline has, and a template does not;
    key paths of shell scripts, each with what in the text says that it may be one of another shell, and what is filled
    into them; whether a program writes it; and how a login is added: keys beside an image, what an image in short form
    is under then, the key of a list of secrets; key paths of the scripts that run in an image, from what names it."""

    name: str
    files: "re.Pattern[str]"
    content: "re.Pattern[str] | None"
    needs: "re.Pattern[str]"
    images: tuple[tuple[str, ...], ...]
    login: str
    given: tuple[tuple[str, ...], ...]
    names: tuple[tuple[str, ...], ...]
    whole: frozenset[str]
    scripts: "tuple[tuple[tuple[str, ...], re.Pattern[str]], ...]"
    filled: "re.Pattern[str]"
    generated: bool
    adds: dict[str, Any]
    short: dict[str, str]
    secrets: str
    runs: tuple[tuple[str, ...], ...]
    unused: str


@lru_cache
def kinds() -> list[Kind]:
    """Return the kinds that are defined in the data."""
    rows: dict[str, Any] = read_data("places/ci.yaml")
    return [
        Kind(
            name,
            re.compile(row["files"]),
            re.compile(row["content"]) if "content" in row else None,
            re.compile(rf"(?m)(?:^[ \t-]*|[{{,][ \t]*)[\"']?(?:{'|'.join(row['needs'])})[\"']?[ \t]*:")
            if "needs" in row
            else NAME,
            tuple(tuple(way.split(".")) for way in row.get("images", ())),
            row.get("login", ""),
            tuple(tuple(way.split(".")) for way in row.get("given", ())),
            tuple(tuple(way.split(".")) for way in row.get("names", ())),
            frozenset(row.get("whole", ())),
            tuple(
                (tuple(way.split(".")), re.compile(unless) if unless else NAME)
                for way, unless in (dict.fromkeys(row.get("scripts", ()), "") | row.get("unless", {})).items()
            ),
            re.compile(row["filled"]) if "filled" in row else NAME,
            row.get("generated", False),
            row.get("adds", {}),
            row.get("short", {}),
            row.get("secrets", ""),
            tuple(tuple(way.split(".")) for way in row.get("runs", ())),
            row.get("unused", ""),
        )
        for name, row in rows.items()
    ]


def candidate(path: str) -> bool:
    return bool(YAML.fullmatch(path))


def recognise(path: str, text: str) -> bool:
    """Return whether the path is that of a known CI system and the text has a key that leads to images, or calls a
    container CLI."""
    return candidate(path) and kind_of(path, text) is not None


def kind_of(path: str, text: str) -> Kind | None:
    """Return the kind of a file by its path and its text, or None."""
    path = path.replace("\\", "/")
    found = (kind for kind in kinds() if kind.files.search(path))
    by_path = next((kind for kind in found if kind.needs.search(text) or (kind.scripts and calls(text))), None)
    others = (kind for kind in kinds() if kind.content and kind.needs.search(text) and kind.content.search(text))
    return by_path or next(others, None)


def parse(source: Source, request: Request = NO_REQUEST) -> list[Node]:
    """Return the images of a file, ignore comments and problems; never raises."""
    kind = kind_of(source.path, source.text)
    sheet = YamlFile(source, kind.unused if kind else "")
    read = [one for root in sheet.roots if kind for one in (*_images(sheet, root, kind), *_given(sheet, root, kind))]
    images = list(together(one for one in read if isinstance(one, Image)))
    merged = {(image.start, image.end): image for image in images}
    jobs = [one for one in read if isinstance(one, Container) and one.image]
    found: list[Image | Container] = [
        *images,
        *(one._replace(image=merged[one.image.start, one.image.end]) for one in jobs),
    ]
    if kind and kind.scripts and calls(source.text):
        found += sheet.scripts((one for root in sheet.roots for one in _scripts(sheet, root, kind)), kind.filled)
    if kind and kind.name == "cloud-build":
        from echo_migrate.formats import _cloud_build

        found += [one for root in sheet.roots for one in _cloud_build.calls(sheet, root)]
        found += sheet.scripts(one for root in sheet.roots for one in _cloud_build.scripts(root))
    return nodes(sheet, on_runners(sheet, found, "arch", "labels", "os", "platform", "pool", "runs-on"), request)


def _scripts(sheet: YamlFile, root: YamlNode | None, kind: Kind) -> Iterator[tuple[str, YamlNode]]:
    """Yield the scripts of a document with their key paths, but for those that may be of another shell."""
    for way, unless in kind.scripts:
        for path, above, node in () if unless.search(sheet.text) else _follow(root, way, (), (), set()):
            shell = effective(above[-1] if above else None).get("shell")
            name = shell.value.partition(" ")[0].rpartition("/")[2].removesuffix(".exe") if is_text(shell) else "sh"
            if name in SHELLS:
                yield ".".join(path), node


def _run_in(
    sheet: YamlFile, kind: Kind, path: tuple[str, ...], above: tuple[MappingNode, ...]
) -> Iterable[list[ScalarNode] | list[YamlNode]]:
    """Yield the scripts that run in an image, a list for each job: those of the mapping that names it, or else of those
    around it; those of the jobs that name it by an alias. The first of a list of containers runs them."""
    if path[-3:-2] == ("docker",) and path[-2] != "0":
        return []
    if kind.name == "circleci":
        from echo_migrate.formats._circleci import run_in

        return run_in(path, above)
    if kind.name == "azure-pipelines" and path[:2] == ("resources", "containers"):
        from echo_migrate.formats._azure_templates import templates

        roots = ((sheet.path, above[0]), *templates(sheet.path, above[0]).documents)
        return [scripts for file, root in roots for scripts in _run_by_alias(kind, file, root, above[-1]) if scripts]
    return islice(filter(None, (_scripts_of(kind, sheet.path, holder) for holder in reversed(above[-3:]))), 1)


def _is_whole(sheet: YamlFile, kind: Kind, path: tuple[str, ...], above: tuple[MappingNode, ...]) -> bool:
    """Return whether all templates in the tree could be read that may have what runs in an image."""
    if kind.name != "azure-pipelines" or not above:
        return True
    from echo_migrate.formats._azure_templates import templates

    named = [above[0]] if path[:2] == ("resources", "containers") else [_steps_of(above)]
    return all(templates(sheet.path, one).whole for one in named)


def _steps_of(above: tuple[MappingNode, ...]) -> YamlNode | None:
    """Return the steps of the job around an image of Azure Pipelines."""
    return next((keys["steps"] for keys in map(effective, reversed(above[-3:])) if "steps" in keys), None)


def _run_by_alias(kind: Kind, file: str, root: YamlNode, container: YamlNode) -> Iterator[list[ScalarNode]]:
    """Yield the scripts of a document that run in a container of Azure Pipelines' resources: those of the jobs that
    name it, but for steps with a target of their own, and those of the steps whose target it is (Microsoft Learn, "Step
    targets")."""
    name = effective(container).get("container")
    for way in (_CONTAINER, _TARGET):
        for path, holders, node in _follow(root, way, (), (), set()):
            holder = holders[-1]
            if path[-2:] == ("target", "container"):
                holder = next(one for one in reversed(holders) if one is not holders[-1])
            if holder is container or not _same(node, name):
                continue
            if "target" in path[-2:]:
                yield [one for key in _STEP if is_scalar(one := effective(holder).get(key))]
            else:
                aside = _targeted(holder)
                yield [one for one in _scripts_of(kind, file, holder) if id(one) not in aside]


def _targeted(job: YamlNode) -> set[int]:
    """Return the ids of the scripts of a job's steps that have a target of their own."""
    steps = [keys for step in sequence(effective(job).get("steps")) if "target" in (keys := effective(step))]
    return {id(keys[key]) for keys in steps for key in _STEP if key in keys}


def _same(node: ScalarNode, name: YamlNode | None) -> bool:
    return is_text(name) and node.value == name.value


def _scripts_of(kind: Kind, file: str, holder: YamlNode) -> list[ScalarNode]:
    """Return the scripts of a job in a file, and behind them those of the templates of its steps."""
    found = [node for way in kind.runs for _, _, node in _follow(holder, way, (), (), set())]
    found.sort(key=lambda node: node.start_mark.index)
    if kind.given:
        from echo_migrate.formats._azure_templates import templates

        for each in templates(file, effective(holder).get("steps")).paths:
            found += _scripts_in(each, kind.runs)
    return found


@of_a_run(256)
def _scripts_in(path: str, runs: tuple[tuple[str, ...], ...]) -> list[ScalarNode]:
    """Return the scripts of a template at a real path."""
    part = part_at(path)
    roots = part.roots if part else ()
    return [node for root in roots for way in runs for _, _, node in _follow(root, way, (), (), set())]


def _images(sheet: YamlFile, root: YamlNode | None, kind: Kind) -> Iterator[Image | Container]:
    own = {node.value for way in kind.names for _, _, node in _follow(root, way, (), (), set())}
    by_path = kind.files.search(sheet.path.replace("\\", "/"))
    whole = by_path and not kind.whole.isdisjoint(effective(root))
    partial = bool(kind.whole) and not whole  # its names may be those of another file
    placed = [one for way in kind.images for one in _follow(root, way, (), (), set())]
    if kind.name == "woodpecker":
        from echo_migrate.formats._woodpecker import pulls

        placed = [one for one in placed if pulls(root, one[2].value)]
    parameters = _parameters(kind, root, frozenset(id(node) for _, _, node in placed))
    used: dict[int, list[Scope]] = {}
    for _, above, node in placed:
        used.setdefault(id(node), []).extend(parameters.scopes(above) if parameters else [nothing])
    for path, above, node in placed:
        keys = effective(above[-1] if above else None)
        login = sheet.under(keys.get(kind.login)) if kind.login else ""
        needs_login = (_OTHER_LOGIN if login else _NO_LOGIN) if kind.login else None
        mounts = tuple(mounts_of(keys.get("volumes")))
        pull = keys.get("pull")
        left = because("never-pulled") if is_scalar(pull) and pull.value == "never" else None
        left = because("generated") if kind.generated else left
        around: Around = {"needs_login": needs_login, "login": login, "mounts": mounts, "variables": variables_of(keys)}
        for image in named(sheet, node, ".".join(path), used[id(node)], not_editable=left, **around):
            if image.ref.value not in own and not (partial and _BARE.fullmatch(image.ref.value)):
                if not _is_whole(sheet, kind, path, above):
                    image = image._replace(unsafe_reasons=(*image.unsafe_reasons, UNREAD))
                yield image
                for scripts in _run_in(sheet, kind, path, above):
                    yield from entered(kind.name, image, scripts, keys)


def _given(sheet: YamlFile, root: YamlNode | None, kind: Kind) -> Iterator[Image]:
    """Yield the images that a template is given by the usual names, with a tag, where it may be in any file."""
    for way in kind.given:
        for path, above, node in _follow(root, (*way, "*"), (), (), set()):
            inside = "template" in effective(above[-2] if len(above) > 1 else None)
            if inside and _IMAGE.fullmatch(path[-1]) and TAGGED.fullmatch(node.value):
                login = _NO_LOGIN if kind.login else None
                yield from sheet.image(node, ".".join(path), unsafe_reasons=(_TEMPLATE,), needs_login=login)


def _parameters(kind: Kind, root: YamlNode | None, images: frozenset[int]) -> Parameters | None:
    """Return the parameters of a document of a kind that has any."""
    if kind.name == "circleci":
        from echo_migrate.formats._circleci import CircleCI

        return CircleCI(root, images)
    if kind.name == "azure-pipelines":
        from echo_migrate.formats._azure import Azure

        return Azure(root, images)
    if kind.name == "cloud-build":
        from echo_migrate.formats._cloud_build import CloudBuild

        return CloudBuild(root, images)
    if kind.name in ("drone", "woodpecker"):
        from echo_migrate.formats._woodpecker import Woodpecker

        return Woodpecker(root, images)
    return None


Placed = tuple[tuple[str, ...], tuple[MappingNode, ...], ScalarNode]


def _follow(
    node: YamlNode | None,
    way: tuple[str, ...],
    path: tuple[str, ...],
    above: tuple[MappingNode, ...],
    around: set[tuple[int, int]],
) -> Iterator[Placed]:
    """Yield the scalars at a key path pattern, each with its actual path and the mappings that it is in."""
    if not way:
        if is_scalar(node):
            yield path, above, node
        return
    if node is None or is_scalar(node) or (id(node), len(way)) in around:
        return  # a node that contains itself
    around.add((id(node), len(way)))
    step, rest = way[0], way[1:]
    if is_mapping(node):
        below = list(effective(node).items())
        above = (*above, node)
    else:
        below = [(str(index), child) for index, child in enumerate(node.value)]
        step = "*" if step == "[]" else step
    if step == "**":
        yield from _follow(node, rest, path, above, around)
    for key, child in below:
        if step == "**":
            yield from _follow(child, way, (*path, key), above, around)
        elif step in ("*", key) or (step[-2:] == "#*" and key.startswith(step[:-1])):
            yield from _follow(child, rest, (*path, key), above, around)
    around.discard((id(node), len(way)))
