"""The files of a tree by which other programs find an image by its name, and no longer do once it moves."""

import contextlib
import os
from itertools import islice

from echo_migrate.files.budget import beside
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import TooMuch, Unreadable, contents
from echo_migrate.files.tree import real, searched, top
from echo_migrate.files.workspace import of_a_run
from echo_migrate.formats._follower import DEPENDABOT, KUSTOMIZE, PACKAGE, RENOVATE, TILT, Follower, name_of
from echo_migrate.model.reasons import Reason, because

_MOST_FILES = 20_000
_LARGEST = 1_000_000
_READ = lazy_regex(r"(?i).+\.(?:ya?ml|(?:ba)?sh|mk)|(?:gnu)?makefile")


def replaced_by(path: str, name: str, folders: set[str]) -> Reason | None:
    """Return why Flux, Argo CD or a command of kustomize changes an image of a manifest by its name, or None;
    ``folders`` are those of the kustomizations that apply to the file, which that command edits."""
    root = real(top(path))
    own = {os.path.dirname(real(path))}
    for one in _followers(root):
        within = folders if one.program == KUSTOMIZE else folders | own
        if one.reason in ("renamed", "retagged") and one.means(name, within):
            return because(one.reason, path=os.path.relpath(one.path, root))
    return None


def followed(path: str, image: str, deployed: bool, built: bool = False) -> list[Reason]:
    """Return for each program that looks for an image of a file by its name why the image should not move alone;
    ``deployed`` means that the file is of a kind that programs of a cluster read, ``built`` that it is known that a
    build nearby makes the image, which is why Tilt looks for it."""
    root, folder = real(top(path)), {os.path.dirname(real(path))}
    followers = (*_updaters(root), *(_followers(root) if deployed else ()))
    found = [one for one in followers if one.reason == "followed" and one.means(name_of(image), folder)]
    found = [one for one in found if not (built and one.program == "Tilt")]
    paths = {one.program: os.path.relpath(one.path, root) for one in found}
    return [because("followed", program=program, path=where) for program, where in paths.items()]


@of_a_run(64)
def _updaters(root: str) -> tuple[Follower, ...]:
    """Return what the configurations of Renovate and Dependabot look for, where the two have them."""
    found: list[Follower] = []
    for folder in (root, *(os.path.join(root, name) for name in (".github", ".gitlab", ".config"))):
        with contextlib.suppress(OSError):
            for name in [] if os.path.islink(folder) else sorted(os.listdir(folder)):
                if RENOVATE.fullmatch(name) or DEPENDABOT.fullmatch(name) or (folder == root and name == PACKAGE):
                    found += _read(os.path.join(folder, name), root)
    return tuple(found)


@of_a_run(64)
def _followers(root: str) -> tuple[Follower, ...]:
    """Return what the resources of Flux and Argo CD in a tree, Tilt, DevSpace and commands look for."""
    found = ((folder, name) for folder, names in searched(root) for name in names)
    paths = (os.path.join(folder, name) for folder, name in found if _READ.fullmatch(name) or TILT.fullmatch(name))
    return tuple(one for path in islice(paths, _MOST_FILES) for one in _read(path, root))


def _read(path: str, root: str) -> list[Follower]:
    """Return what one file looks for; nothing if it is a link, invalid, or takes too long to read."""
    if not os.path.islink(path):
        from echo_migrate.files.yaml import NotYaml
        from echo_migrate.formats._follower_files import followers_in  # most trees have no such file

        with contextlib.suppress(OSError, Unreadable, NotYaml, TooMuch), beside():
            return list(followers_in(path, contents(path, _LARGEST), root))
    return []
