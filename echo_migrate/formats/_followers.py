"""The files of a tree by which other programs find an image by its name, and no longer do once it moves.

Keys: fluxcd.io, Kustomization (spec.path, spec.images); argo-cd.readthedocs.io, Application (spec.source.path,
kustomize.images); argocd-image-updater.readthedocs.io, annotation image-list and ImageUpdater (imageName);
docs.renovatebot.com, packageRules (matchPackageNames, matchDepNames); docs.github.com, dependabot.yml (allow, ignore,
groups).
"""

import contextlib
import os
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from itertools import islice
from typing import NamedTuple

from echo_migrate.files.budget import beside
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import TooMuch, Unreadable, contents
from echo_migrate.files.tree import entered, real, top
from echo_migrate.files.workspace import of_a_run
from echo_migrate.files.yaml import NotYaml, YamlNode, documents, effective, is_text, sequence
from echo_migrate.formats._yaml import YAML, walk
from echo_migrate.images.reference import familiar
from echo_migrate.reasons import Reason, because

_MOST_FILES = 20_000
_LARGEST = 1_000_000
_MOST_PATTERNS = 100
_WORDS = (b"kustomize.toolkit.fluxcd.io", b"argoproj.io/", b"argocd-image-updater")
_UPDATER = "argocd-image-updater.argoproj.io/image-list"
_RENOVATE = re.compile(r"(?i)\.?renovate(?:rc)?(?:\.json5?)?")
_RULE = lazy_regex(r"[\"']?match(?:Package|Dep)Names[\"']?\s*:\s*\[([^\[\]]{0,10000})\]")
_QUOTED = lazy_regex(r"\"([^\"\n]*)\"|'([^'\n]*)'")
_DEPENDABOT = re.compile(r"dependabot\.ya?ml")
_ECOSYSTEMS = ("docker", "docker-compose", "helm")
_VERSION = lazy_regex(r"[:@][^/]*$")


class _Follower(NamedTuple):
    """A file that names images: the folder below which files are meant, the id of the reason, the program, and the
    names and patterns of images."""

    path: str
    folder: str
    reason: str
    program: str
    names: frozenset[str]
    patterns: tuple[str, ...]

    def means(self, name: str, folders: set[str]) -> bool:
        """Return whether it means an image, given the folders that its file takes part in."""
        below = any((folder + os.sep).startswith(self.folder.rstrip(os.sep) + os.sep) for folder in folders)
        return below and (name in self.names or any(fnmatchcase(name, one) for one in self.patterns))


def replaced_by(path: str, name: str, folders: set[str]) -> Reason | None:
    """Return why Flux or Argo CD changes an image of a manifest by its name, or None; ``folders`` are those of the
    kustomizations that apply to the file."""
    root = real(top(path))
    for one in _followers(root):
        if one.reason in ("renamed", "retagged") and one.means(name, folders | {os.path.dirname(real(path))}):
            return because(one.reason, path=os.path.relpath(one.path, root))
    return None


def followed(path: str, image: str, deployed: bool) -> list[Reason]:
    """Return for each program that looks for an image of a file by its name why the image should not move alone;
    ``deployed`` means that the file is of a kind that programs of a cluster read."""
    root, folder = real(top(path)), {os.path.dirname(real(path))}
    followers = (*_updaters(root), *(_followers(root) if deployed else ()))
    found = [one for one in followers if one.reason == "followed" and one.means(_name(image), folder)]
    paths = {one.program: os.path.relpath(one.path, root) for one in found}
    return [because("followed", program=program, path=where) for program, where in paths.items()]


@of_a_run(64)
def _updaters(root: str) -> tuple[_Follower, ...]:
    """Return what the configurations of Renovate and Dependabot look for, where the two have them."""
    found: list[_Follower] = []
    for folder in (root, *(os.path.join(root, name) for name in (".github", ".gitlab", ".config"))):
        with contextlib.suppress(OSError):
            for name in [] if os.path.islink(folder) else sorted(os.listdir(folder)):
                if _RENOVATE.fullmatch(name) or _DEPENDABOT.fullmatch(name):
                    found += _read(os.path.join(folder, name), root)
    return tuple(found)


@of_a_run(64)
def _followers(root: str) -> tuple[_Follower, ...]:
    """Return what the resources of Flux and Argo CD in a tree look for."""
    paths = (os.path.join(folder, name) for folder, names in entered(root) for name in names if YAML.fullmatch(name))
    return tuple(one for path in islice(paths, _MOST_FILES) for one in _read(path, root))


def _read(path: str, root: str) -> list[_Follower]:
    """Return what one file looks for; nothing if it is a link, invalid, or takes too long to read."""
    with contextlib.suppress(OSError, Unreadable, NotYaml, TooMuch), beside():
        if not os.path.islink(path):
            return list(_in_file(path, contents(path, _LARGEST), root))
    return []


def _in_file(path: str, data: bytes, root: str) -> Iterator[_Follower]:
    name = os.path.basename(path)
    if _RENOVATE.fullmatch(name):
        found = {
            a or b for written in _RULE.findall(data.decode("utf-8", "replace")) for a, b in _QUOTED.findall(written)
        }
        yield _Follower(path, root, "followed", "Renovate", *_named(found))
    elif _DEPENDABOT.fullmatch(name) or any(word in data for word in _WORDS):
        for document in documents(data.decode("utf-8", "replace")):
            yield from _in_dependabot(path, root, document) if _DEPENDABOT.fullmatch(name) else ()
            yield from _in_document(path, root, document)


def _named(names: set[str]) -> tuple[frozenset[str], tuple[str, ...]]:
    """Return the names, and the patterns among them; regular expressions, negations and what means everything are left
    out."""
    kept = {_name(name) for name in names if name.strip("*/") and name[0] not in "/!*"}
    patterns = sorted(name.replace("**", "*") for name in kept if "*" in name)
    return frozenset(name for name in kept if "*" not in name), tuple(patterns[:_MOST_PATTERNS])


def _name(image: str) -> str:
    """Return the name of an image in its shortest spelling, without tag and digest."""
    return familiar(_VERSION.sub("", image) or image).removesuffix(":latest")


def _in_dependabot(path: str, root: str, document: YamlNode | None) -> Iterator[_Follower]:
    for entry in map(effective, sequence(effective(document).get("updates"))):
        ecosystem, directory = entry.get("package-ecosystem"), entry.get("directory")
        if not is_text(ecosystem) or ecosystem.value not in _ECOSYSTEMS:
            continue
        said = [
            effective(one).get("dependency-name") for key in ("allow", "ignore") for one in sequence(entry.get(key))
        ]
        for group in effective(entry.get("groups")).values():
            said += sequence(effective(group).get("patterns"))
        names = {node.value for node in said if is_text(node)}
        below = directory.value.strip("/") if is_text(directory) else ""
        yield _Follower(path, os.path.normpath(os.path.join(root, below)), "followed", "Dependabot", *_named(names))


def _in_document(path: str, root: str, document: YamlNode | None) -> Iterator[_Follower]:
    """Yield what a resource of Flux or Argo CD looks for."""
    version, kind = (effective(document).get(key) for key in ("apiVersion", "kind"))
    if not is_text(version) or not is_text(kind):
        return
    flux = version.value.startswith("kustomize.toolkit.fluxcd.io/")
    for place in walk(document):
        keys = place.keys
        images = sequence(keys.get("images") if flux else effective(keys.get("kustomize")).get("images"))
        listed = keys.get(_UPDATER)
        follows = {one.rpartition("=")[2].strip() for one in listed.value.split(",")} if is_text(listed) else set[str]()
        name = keys.get("imageName")
        if kind.value == "ImageUpdater" and is_text(name):
            follows.add(name.value)
        if follows:
            yield _Follower(path, root, "followed", "Argo CD Image Updater", *_named(follows))
        for image in images:
            written = effective(image).get("name") if flux else image
            if is_text(written):
                old, new, _ = written.value.partition("=")
                renames = "newName" in effective(image) if flux else bool(new)
                reason = "renamed" if renames else "retagged"
                yield _Follower(path, _folder(root, keys), reason, kind.value, *_named({old}))


def _folder(root: str, keys: dict[str, YamlNode]) -> str:
    """Return the folder of the manifests that a resource applies: any, where its path is set elsewhere."""
    node = keys.get("path")
    written = node.value if is_text(node) else ""
    return root if "{" in written else os.path.normpath(os.path.join(root, written.lstrip("/")))
