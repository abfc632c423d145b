"""The kustomizations of a tree, which change the names and tags of images in the manifests that they list.

Keys: kubectl.docs.kubernetes.io, "Kustomization" (resources, bases, components, images, replacements), kustomize 5.
"""

import contextlib
import os
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from echo_migrate.files.budget import beside
from echo_migrate.files.source import Source, TooMuch, Unreadable
from echo_migrate.files.tree import at_written, searched, top
from echo_migrate.files.workspace import of_a_run
from echo_migrate.files.yaml import NotYaml, YamlNode, documents, effective, is_text, sequence
from echo_migrate.formats._followers import replaced_by
from echo_migrate.formats._yaml import walk
from echo_migrate.images.reference import parse, untagged
from echo_migrate.model.reasons import Reason, because

FILE = re.compile(r"(?i)kustomization(?:\.ya?ml)?")
_IMAGE = re.compile(r"(?:^|\.)image$")
_CONTAINER = re.compile(r"(?:^|\.)(\w*[cC]ontainers)\.(?:\[name=([^\[\]]+)\]|(\d+))\.image$")
_POLICY = re.compile(r"/(\w*[cC]ontainers)/(\d+)/imagePullPolicy$")
_KIND = re.compile(r"\w+")
_PLAIN = re.compile(r"[\w.-]+")
"""A kind and a name that are no regular expressions, as which kustomize reads them."""

_LISTS = ("resources", "bases", "components")
_PATCHES = ("patches", "patchesStrategicMerge", "patchesJson6902")


class _Kustomization(NamedTuple):
    """A kustomization: the image names that it renames, those for which it only sets a tag, what its patches mount, and
    the paths that it lists; ``replaced`` are the containers whose images its replacements set, ``unpulled`` those whose
    images a patch has never pulled. ``unread`` is true if reading it takes too long: it may rename any image."""

    path: str
    renamed: frozenset[str] = frozenset()
    retagged: frozenset[str] = frozenset()
    mounts: tuple["_Mount", ...] = ()
    listed: tuple[str, ...] = ()
    components: tuple[str, ...] = ()
    replaced: frozenset["Of"] = frozenset()
    unpulled: frozenset["Of"] = frozenset()
    unread: bool = False


class Of(NamedTuple):
    """A container: the kind and name of its resource, and its list with its name or number, as ``containers.0``; each
    "" for any."""

    kind: str
    name: str
    container: str

    def may_be(self, other: "Of") -> bool:
        """Return whether this container may be one that a replacement selects; one without a name is in a list."""
        return not self.name or all(said in ("", own) for own, said in zip(self, other, strict=True))


class _Mount(NamedTuple):
    """A path at which a patch mounts a volume: the kind and name of the resource and the name of the container, each ""
    for any."""

    kind: str
    name: str
    container: str
    path: str


class _Tree(NamedTuple):
    """The kustomizations of a tree by folder, and by listed path the folders of those that list it."""

    by_folder: dict[str, _Kustomization]
    listing: dict[str, list[str]]


def rewritten(path: str, image: str, places: tuple[Of, ...] = ()) -> Reason | None:
    """Return why a kustomization may change an image of a file: it lists the file, directly or through others, and
    renames the image or sets its tag, or cannot be read. Return None if none does. ``places`` are the spellings of the
    container that has the image; without them, it may be any.

    Kustomize compares the name without tag and digest (kustomize, api/internal/image, IsImageMatched).
    """
    try:
        name = parse(image).name
    except ValueError:
        name = image.partition("@")[0].partition(":")[0]  # a placeholder is compared as well
    root = top(path)
    for one in _reaching(root, os.path.realpath(path)):
        where = os.path.relpath(one.path, os.path.realpath(root))
        if one.unread or name in one.renamed:
            return because("renamed", path=where)
        if name in one.retagged:
            return because("retagged", path=where)
        if one.replaced and (not places or any(own.may_be(other) for own in places for other in one.replaced)):
            return because("replaced", path=where)
    reaching = {os.path.dirname(one.path) for one in _reaching(root, os.path.realpath(path)) if not one.unread}
    return replaced_by(path, name, reaching)


def mounted(path: str, kind: str, name: str, container: str) -> tuple[str, ...]:
    """Return the paths at which patches mount volumes in a container of a resource in a file."""
    of_it = (kind, name, container)
    return tuple(
        one.path
        for kustomization in _reaching(top(path), os.path.realpath(path))
        for one in kustomization.mounts
        if all(said in ("", own) for said, own in zip(one[:3], of_it, strict=True))
    )


def unpulled(path: str, places: tuple[Of, ...]) -> bool:
    """Return whether a patch says that the image of a container of a file, by its spellings, is never pulled."""
    reaching = _reaching(top(path), os.path.realpath(path))
    return any(own.may_be(other) for own in places for one in reaching for other in one.unpulled)


@of_a_run(4096)
def _reaching(root: str, path: str) -> tuple[_Kustomization, ...]:
    """Return the kustomizations that apply to a file, nearest first. A component also applies to the resources of those
    that use it. Those that could not be read come last, because they may list any file."""
    tree = _kustomizations(root)
    folder = os.path.dirname(path)
    own = folder in tree.by_folder and tree.by_folder[folder].path == path
    waiting = [*tree.listing.get(folder if own else path, ())]
    found: dict[str, None] = {}
    for folder in waiting:  # grows in the loop
        if folder not in found:
            found[folder] = None
            waiting += tree.listing.get(folder, ())
            waiting += [other for other in tree.by_folder[folder].components if other in tree.by_folder]
    unread = [one for one in tree.by_folder.values() if one.unread and one.path != path]
    return (*(tree.by_folder[folder] for folder in found), *unread)


@of_a_run(64)
def _kustomizations(root: str) -> _Tree:
    """Return the kustomizations of a tree."""
    tree = _Tree({}, {})
    for folder, names in searched(os.path.realpath(root)):
        for name in names:
            path = os.path.join(folder, name)
            if FILE.fullmatch(name) and not os.path.islink(path):
                tree.by_folder[folder] = one = _read(path)
                for other in one.listed:
                    tree.listing.setdefault(other, []).append(folder)
    return tree


@of_a_run(4096)
def _read(path: str) -> _Kustomization:
    """Return what a kustomization contains; nothing if the file is not valid."""
    renamed, retagged, listed = set[str](), set[str](), dict[str, list[str]]()
    mounts, replaced, unpulled = list[_Mount](), set[Of](), set[Of]()
    folder = os.path.dirname(path)
    try:
        with contextlib.suppress(NotYaml), beside():
            for root in documents(Source.read(path).text):
                keys = effective(root)
                tags = [one for node in sequence(keys.get("transformers")) for one in _documents(node, folder)]
                images = [effective(one).get("imageTag") for one in tags]
                for patch in (one for key in _PATCHES for one in sequence(keys.get(key))):
                    for changed in _changed(patch, folder):
                        mounts += _mounts(*changed)
                        unpulled |= {*_unpulled(*changed)}
                for image in map(effective, (*sequence(keys.get("images")), *images)):
                    name = image.get("name")
                    if is_text(name):
                        (renamed if "newName" in image else retagged).add(untagged(name.value))
                replaced |= {
                    one
                    for node in sequence(keys.get("replacements"))
                    for root in (_documents(effective(node)["path"], folder) if "path" in effective(node) else [node])
                    for one in _replaced(root)
                }
                for key in _LISTS:
                    listed.setdefault(key, []).extend(one.value for one in sequence(keys.get(key)) if is_text(one))
    except TooMuch:
        return _Kustomization(path, unread=True)
    except Unreadable:
        return _Kustomization(path)
    paths = {key: [*_paths(folder, values)] for key, values in listed.items()}
    below = tuple(dict.fromkeys(value for values in paths.values() for value in values))
    return _Kustomization(
        path,
        frozenset(renamed),
        frozenset(retagged),
        tuple(mounts),
        below,
        tuple(dict.fromkeys(paths.get("components", ()))),
        frozenset(replaced),
        frozenset(unpulled),
    )


def _replaced(replacement: YamlNode | None) -> Iterator[Of]:
    """Yield the containers whose images a replacement sets, or several in a list."""
    for one in (replacement, *sequence(replacement)):
        for target in map(effective, sequence(effective(one).get("targets"))):
            select = effective(target.get("select"))
            kind, name = _plain(select, "kind", _KIND), _plain(select, "name", _PLAIN)
            for field in sequence(target.get("fieldPaths")):
                if is_text(field) and _IMAGE.search(field.value):
                    at = _CONTAINER.search(field.value)
                    yield Of(kind, name, f"{at[1]}.{at[2] or at[3]}" if at else "")


def _documents(node: YamlNode | None, folder: str) -> list[YamlNode | None]:
    """Return the documents that an entry has in itself, or names as a file in the tree, or as a folder whose
    kustomization lists their files; none if they are not valid.

    Raises ``TooMuch``.
    """
    if not is_text(node):
        return []
    text = node.value
    try:
        if "\n" in text or ":" in text:
            return documents(text)
        path = at_written(folder, text)
        if path is None:
            return []
        inside = (os.path.realpath(path) + os.sep).startswith(os.path.realpath(top(folder + os.sep)) + os.sep)
        return [root for one in (_listed(path) if inside else ()) for root in documents(Source.read(one).text)]
    except TooMuch:
        raise
    except (NotYaml, OSError, Unreadable):  # of one entry: what the others say still holds
        return []


def _listed(path: str) -> list[str]:
    """Return a file, or those that the kustomization of a folder lists. Raises ``TooMuch``."""
    if os.path.isdir(path) and not os.path.islink(path):
        own = next((one for one in sorted(os.listdir(path)) if FILE.fullmatch(one)), "")
        names = _resources(os.path.join(path, own)) if own and not os.path.islink(os.path.join(path, own)) else []
        return [one for one in _paths(path, names) if os.path.dirname(one) == path and _is_file(one)]
    return [path] if os.path.isfile(path) else []


def _paths(folder: str, names: Iterable[str]) -> Iterator[str]:
    return filter(None, (at_written(folder, name) for name in names))


def _is_file(path: str) -> bool:
    return os.path.isfile(path) and not os.path.islink(path)


def _resources(path: str) -> list[str]:
    """Return the entries of a kustomization that name files. Raises ``Unreadable``, ``NotYaml``."""
    roots = [effective(root) for root in documents(Source.read(path).text)]
    return [one.value for keys in roots for key in _LISTS for one in sequence(keys.get(key)) if is_text(one)]


def _changed(patch: YamlNode, folder: str) -> Iterator[tuple[YamlNode | None, str, str]]:
    """Yield the documents of a patch, each with the kind and name of the resource that it changes: one that is merged
    names it, another has a target."""
    keys = effective(patch)
    target = effective(keys.get("target"))
    selected = _plain(target, "kind", _KIND), _plain(target, "name", _PLAIN)
    for root in _documents(keys.get("path") or keys.get("patch") or patch, folder):
        own = effective(root)
        named = own.get("kind"), effective(own.get("metadata")).get("name")
        kind, name = selected if target else (node.value if is_text(node) else "" for node in named)
        yield root, kind, name


def _plain(selector: dict[str, YamlNode], key: str, plain: re.Pattern[str]) -> str:
    """Return what a selector has for a key, "" for a regular expression, which may be any."""
    node = selector.get(key)
    return node.value if is_text(node) and plain.fullmatch(node.value) else ""


def _mounts(root: YamlNode | None, kind: str, name: str) -> Iterator[_Mount]:
    """Yield what a document of a patch mounts, ``/`` for what it claims."""
    for place in walk(root):
        if "persistentVolumeClaim" in place.keys:  # maybe in place of what keeps nothing
            yield _Mount(kind, name, "", "/")
        at = place.keys.get("mountPath")
        if is_text(at):
            container = place.path[-3] if place.path[-2:-1] == ("volumeMounts",) else ""
            yield _Mount(kind, name, container, at.value.rstrip("/") or "/")


def _unpulled(root: YamlNode | None, kind: str, name: str) -> Iterator[Of]:
    """Yield the containers that a document of a patch gives the pull policy Never: merged by name, or added by the path
    to the number of one."""
    for place in walk(root):
        policy, at = (place.keys.get(key) for key in ("imagePullPolicy", "path"))
        if is_text(policy) and policy.value == "Never":
            yield Of(kind, name, ".".join(place.path[-2:]))
        elif is_text(at) and is_text(value := place.keys.get("value")) and value.value == "Never":
            added = _POLICY.search(at.value)
            if added:
                yield Of(kind, name, f"{added[1]}.{added[2]}")
