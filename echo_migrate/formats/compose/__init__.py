"""Compose files (the Compose specification and the older version 1): images, contexts, inline Dockerfiles."""

import contextlib
import os
from collections.abc import Iterable, Iterator
from itertools import islice

from echo_migrate.dockerfile.container import Container
from echo_migrate.dockerfile.verify import verify as verify_dockerfile
from echo_migrate.files.budget import beside
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Edit, Source, TooMuch, Traced, Unreadable
from echo_migrate.files.tree import real
from echo_migrate.files.workspace import of_a_run
from echo_migrate.files.yaml import (
    NotYaml,
    YamlNode,
    alike,
    documents,
    effective,
    is_scalar,
    items,
    positions,
    sequence,
)
from echo_migrate.formats import NO_REQUEST, Request
from echo_migrate.formats._build_places import COMPOSE, COPIED, STANDARD, above, compose_files, files_in
from echo_migrate.formats._ignores import in_yaml
from echo_migrate.formats._inline import lowered
from echo_migrate.formats._templates import fails_as_template, literals, of_template
from echo_migrate.formats.compose.commands import named_with
from echo_migrate.formats.compose.document import Document, Node
from echo_migrate.formats.compose.project import Project, project
from echo_migrate.formats.compose.service import (
    SERVICE_KEYS,
    TOP_KEYS,
    Build,
    arguments_named,
    build_in,
    context_in,
    contexts_of,
    dockerfile_of,
)
from echo_migrate.formats.compose.taken_in import taken_in, yaml_in
from echo_migrate.model import Ignore, Problem

NAME = COMPOSE
_YAML = lazy_regex(rf"(?i).+\.ya?ml(?:{COPIED})?")
_SERVICES = lazy_regex(r"(?m)^(?:services|[\"']services[\"'])[ \t]*:|^\{.*services")
_CONTEXTS = "additional_contexts"
_SERVICE = lazy_regex(
    r"(?m)^[ \t]+(?:- )?[\"']?(?:image|build|extends)[\"']?[ \t]*:|[{,][ \t]*[\"']?(?:image|build)[\"']?[ \t]*:"
)
_OTHER = lazy_regex(r"(?m)^(?:apiVersion|jobs|stages|openapi|swagger)[ \t]*:")

_MOST_SIBLINGS = 50
_TARGET = lazy_regex(r"(?m)^[ \t]+target[ \t]*:|[{,][ \t]*target[ \t]*:")


def candidate(path: str) -> bool:
    return bool(_YAML.fullmatch(path.rpartition("/")[2]))


def recognise(path: str, text: str) -> bool:
    """Return whether a file is a compose file: it has services with an image or a build and, unless its name is a
    standard one, only keys that Compose defines."""
    if not candidate(path) or not _SERVICE.search(text) or _OTHER.search(text):
        return False
    if STANDARD.fullmatch(path.rpartition("/")[2]):
        return True
    return bool(_SERVICES.search(text)) and (bool(NAME.fullmatch(path.rpartition("/")[2])) or _only_known_keys(text))


def _only_known_keys(text: str) -> bool:
    try:
        roots = [root for root in documents(text) if root is not None]
    except (NotYaml, TooMuch):
        return False
    if any(sequence(dict(items(root)).get("services")) for root in roots):
        return False
    known = all(key in TOP_KEYS or key.startswith("x-") for root in roots for key, _ in items(root))
    services = [node for root in roots for _, node in items(dict(items(root)).get("services"))]
    keys = (key for node in services for key, _ in items(node))
    return known and all(key in SERVICE_KEYS or key.startswith("x-") or key == "<<" for key in keys)


def targets(path: str) -> Iterator[tuple[str, str]]:
    """Yield the builds of a compose file that have a target, as path of the Dockerfile and target."""
    try:
        source = Source.read(path)
    except Unreadable:
        return
    if not _TARGET.search(source.text) or not recognise(path, source.text):
        return
    with contextlib.suppress(NotYaml):
        for root in documents(source.text):
            for _, node in Document(source, root).services:
                build = effective(node).get("build")
                target, dockerfile = effective(build).get("target"), dockerfile_of(path, build)
                if dockerfile and is_scalar(target) and "$" not in target.value:
                    yield dockerfile, target.value


def contexts(source: Source) -> Iterator[tuple[str, list[str]]]:
    """Yield the Dockerfiles built with named contexts, each with the context names; nothing if it cannot be read."""
    if "additional_contexts" in source.text and recognise(source.path, source.text):
        with contextlib.suppress(NotYaml):
            for root in documents(source.text):
                for _, keys, built in Document(source, root).builds():
                    names = [name for name, _ in contexts_of(effective(keys["build"]))]
                    if names:
                        yield built, names


def platforms(source: Source) -> Iterator[tuple[str | None, int, int]]:
    """Yield where the platforms of services are, each with its Dockerfile."""
    with contextlib.suppress(NotYaml):
        for root in documents(source.text):
            for _, keys, built in Document(source, root).builds():
                for node in (keys.get("platform"), *sequence(effective(keys["build"]).get("platforms"))):
                    if is_scalar(node):
                        yield built, node.start_mark.index, node.end_mark.index


def results(source: Source) -> Iterator[str]:
    """Yield the names of what services build, as they are written and as an ``.env`` file beside settles them."""
    for document in _read(source.path):
        split = any("build" in keys and "image" not in keys for keys in document.keys.values())
        yield from document.named_results(_siblings(source.path, ()) if split else ())


def dockerfiles(path: str) -> list[str] | None:
    """Return the Dockerfiles that the services of a compose file build; None if one of them is not known, or if other
    compose files are taken in."""
    found: list[str | None] = []
    read = _read(path)
    for document in read:
        if "include" in document.source.text or "extends" in document.source.text:
            return None
        builds = (effective(node).get("build") for _, node in document.services)
        found += [dockerfile_of(path, build) for build in builds if build is not None]
    return [one for one in found if one] if read and None not in found else None


def arguments_given(source: Source) -> Iterator[tuple[str | None, str, str | None, int]]:
    """Yield the arguments that services give their builds: the Dockerfile, None if another file may say which it is,
    the name, the value if it is written, and the place."""
    with contextlib.suppress(NotYaml):
        for root in documents(source.text):
            for _, node in Document(source, root).services:
                build = effective(effective(node).get("build"))
                context = build.get("context")
                elsewhere = not is_scalar(context) or "$" in context.value
                path = dockerfile_of(source.path, effective(node).get("build"))
                if elsewhere or path:
                    yield from ((None if elsewhere else path, *one) for one in arguments_named(build))


def context_names(text: str) -> list[str] | None:
    """Return the names of all additional contexts in a text; None if it cannot be read."""
    try:
        roots = documents(text)
    except (NotYaml, Unreadable):
        return None
    given = [value for root in roots for key, value in positions(root) if key is not None and key.value == _CONTEXTS]
    return [name for value in given for name, _ in contexts_of({_CONTEXTS: value})]


def builders_of(dockerfile: Source) -> Iterator[tuple[Source, list[Container | Ignore]]]:
    """Yield the compose files that build a Dockerfile, each with the services that do and the ignore comments.

    They are searched for in the folder of the Dockerfile, its parents in the repository, and subfolders of these.
    """
    wanted = os.path.realpath(dockerfile.path)
    for folder, root in above(dockerfile.path):
        for source, users in _building(folder, root).get(wanted, {}).values():
            with contextlib.suppress(Unreadable, NotYaml):
                services = [service for one, name, keys in users for service in one.built(name, keys, dockerfile)]
                if services:
                    yield source, [*services, *in_yaml(source.text)]


Builders = dict[str, tuple[Source, list[tuple[Document, str, dict[str, YamlNode]]]]]
"""By the path of a compose file, its source and the services of its documents that build something."""


@of_a_run(64)
def _building(folder: str, root: str) -> dict[str, Builders]:
    """Return the builds of the compose files in a folder and its subfolders, by the real path of the Dockerfile."""
    found: dict[str, Builders] = {}
    for path in compose_files(folder, root):
        for one, name, keys, built in _builds(path):
            found.setdefault(built, {}).setdefault(path, (one.source, []))[1].append((one, name, keys))
    return found


@of_a_run(1024)
def _builds(path: str) -> list[tuple[Document, str, dict[str, YamlNode], str]]:
    """Return the builds of the services of a compose file, each with its document; none if that takes too long."""
    read = _read(path)  # before the time of what is made of it begins, as it is kept for others
    with contextlib.suppress(TooMuch), beside():
        return [(one, *build) for one in read for build in one.builds()]
    return []


@of_a_run(256)
def _read(path: str) -> list[Document]:
    """Return the documents of a compose file on disk, read once per run; none if it cannot be read."""
    with contextlib.suppress(Unreadable, NotYaml), beside():
        source = Source.read(path)
        return [Document(source, root) for root in documents(source.text)] if recognise(path, source.text) else []
    return []


def parse(source: Source, request: Request = NO_REQUEST) -> list[Node]:
    """Return the images of a compose file and of its inline Dockerfiles, ignore comments and problems; never raises.
    Of a template that is no YAML, they are those that it names literally."""
    try:
        roots = documents(source.text)
    except NotYaml as error:
        if of_template(source.path) or fails_as_template(source.text):
            return [*in_yaml(source.text), *literals(source.text)]
        return [Problem(error.offset, error.offset, str(error))]
    nodes: list[Node] = [*in_yaml(source.text)]
    extended, over = taken_in(source.path)
    siblings = _siblings(source.path, over)
    for root in roots:
        nodes += Document(source, root, siblings, extended).nodes(Container in request.kinds)
    return nodes


def _siblings(path: str, over: tuple[str, ...]) -> tuple[Document, ...]:
    """Return the documents of the other compose files in a file's folder, whatever their names, which may be laid over
    it (``-f``), of those that commands name with it, and of those at the given paths."""
    own = real(path)
    folder, root = next(above(path))
    beside_it = (files_in(folder, root), over, named_with(path), [one for one in yaml_in(folder) if _may_be_laid(one)])
    listed = (dict.fromkeys(one for one in map(real, paths) if one != own) for paths in beside_it)
    others = dict.fromkeys(one for paths in listed for one in islice(paths, _MOST_SIBLINGS))
    return tuple(document for one in others for document in _laid_over(one))


@of_a_run(256)
def _may_be_laid(path: str) -> bool:
    """Return whether a file of any name may be laid over a compose file: Compose refuses keys that it does not know,
    and the values of a chart are Helm's."""
    folder, _, name = path.rpartition("/")
    if NAME.fullmatch(name):
        return True
    if name.startswith("values") and os.path.isfile(os.path.join(folder, "Chart.yaml")):
        return False
    with contextlib.suppress(Unreadable, TooMuch), beside():
        text = Source.read(path).text
        return bool(_SERVICES.search(text)) and _only_known_keys(text)
    return False


@of_a_run(256)
def _laid_over(path: str) -> list[Document]:
    """Return the documents of a compose file that may name no image; none if it cannot be read."""
    with contextlib.suppress(Unreadable, NotYaml), beside():
        source = Source.read(path)
        return [Document(source, root) for root in documents(source.text)] if _SERVICES.search(source.text) else []
    return []


def verify(before: Source, after: Source, edits: Iterable[Edit]) -> str | None:
    """Return why ``after``, made from ``before`` by ``edits``, must not replace it, or None if it may.

    Documents must keep their structure, keys and tags, and only scalars with an edit inside may change; inline
    Dockerfiles are verified like separate ones.
    """
    places = sorted(edits)
    try:
        old, new = documents(before.text), documents(after.text)
    except NotYaml as error:
        return f"the changed file {error}"
    if len(old) != len(new) or not all(alike(a, b, places) for a, b in zip(old, new, strict=True)):
        return "something else than an image would change"
    for one, other in zip(_inlines(before, old), _inlines(after, new), strict=True):
        if one.value != other.value:
            within = lowered(one, places)
            refused = verify_dockerfile(Source(before.path, one.value), Source(after.path, other.value), within)
            if refused:
                return refused
    return None


def _inlines(source: Source, roots: list[YamlNode | None]) -> list[Traced]:
    return [inline for root in roots for _, _, inline in Document(source, root).inlines()]


def build_of(dockerfile: str) -> Build | None:
    """Return how the nearest compose file builds a Dockerfile; None if none does, or with values not known here."""
    found = next(_uses(dockerfile), None)
    return found[0] if found else None


def project_of(dockerfile: str) -> Project | None:
    """Return the service that ``build_of`` takes with those that it needs; None if there is none."""
    found = next(_uses(dockerfile), None)
    return project(*found[1:]) if found else None


def folders_of(dockerfile: str) -> Iterator[str | None]:
    """Yield the folders that services of compose files build a Dockerfile from, None for one that is not known."""
    for document, _, keys in _builders(dockerfile):
        yield context_in(document.source, keys["build"])


def _uses(dockerfile: str) -> Iterator[tuple[Build, Document, str]]:
    """Yield how services of compose files build a Dockerfile, those of the nearest file first."""
    for document, service, keys in _builders(dockerfile):
        build = build_in(document.source, keys["build"])
        if build:
            yield build, document, service


def _builders(dockerfile: str) -> Iterator[tuple[Document, str, dict[str, YamlNode]]]:
    wanted = os.path.realpath(dockerfile)
    for folder, root in above(dockerfile):
        for _, users in _building(folder, root).get(wanted, {}).values():
            yield from users
