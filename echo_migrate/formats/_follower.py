"""A file by which a program finds images by their names."""

import os
from fnmatch import fnmatchcase
from typing import NamedTuple

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.images.reference import familiar

RENOVATE = lazy_regex(r"(?i)\.?renovate(?:rc)?(?:\.json5?)?", needs=("renovate",))
PACKAGE = "package.json"
"""The file of npm at the top of a tree, which may have the configuration of Renovate."""

DEPENDABOT = lazy_regex(r"dependabot\.ya?ml", needs=("dependabot",))
TILT = lazy_regex(r"Tiltfile(?:\..+)?|.+\.tiltfile", needs=("tilt",))
DEVSPACE = lazy_regex(r"devspace\.ya?ml", needs=("devspace",))
KUSTOMIZE = "kustomize"
_VERSION = lazy_regex(r"[:@][^/]*$")


class Follower(NamedTuple):
    """A file that names images: the folder below which files are meant (``alone``: in which), the id of the reason, the
    program, and the names and patterns of images."""

    path: str
    folder: str
    reason: str
    program: str
    names: frozenset[str]
    patterns: tuple[str, ...]
    alone: bool = False

    def means(self, name: str, folders: set[str]) -> bool:
        """Return whether it means an image, given the folders that its file takes part in."""
        above = self.folder.rstrip(os.sep) + os.sep
        meant = any(
            folder + os.sep == above if self.alone else f"{folder}{os.sep}".startswith(above) for folder in folders
        )
        return meant and (name in self.names or any(fnmatchcase(name, one) for one in self.patterns))


def name_of(image: str) -> str:
    """Return the name of an image in its shortest spelling, without tag and digest."""
    return familiar(_VERSION.sub("", image) or image).removesuffix(":latest")
