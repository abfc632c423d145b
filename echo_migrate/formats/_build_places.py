"""Where the files are that may define builds of the files near them: in the same folder, above it, and in the folders
that usually have such files. Found by name, without reading any."""

import contextlib
import os
from collections.abc import Iterator

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.tree import absolute, real, top
from echo_migrate.files.workspace import of_a_run

GIVES = lazy_regex(
    r"(?i).*\.(?:sh|bash|mk|ya?ml|ps1|hcl|tf)|[^.]+|(?:.*bake.*|package|\.?devcontainer)\.json|(?:make|docker|task)file\..*"
)
"""Names of files that may pass contexts to a build."""

MOST_FOLDERS = 64
"""The maximum number of folders above a file, and in each of them, that are searched: beyond that, any name may be that
of a context."""

_BESIDE = (
    *(".circleci", ".devcontainer", ".github", ".github/workflows", ".gitlab", "bin", "build", "ci", "compose"),
    *("deploy", "devops", "docker", "hack", "infra", "ops", "scripts", "tools"),
)
"""Folders that usually contain the build definitions for the files around them."""


def folders_above(path: str) -> tuple[str, ...]:
    """Return the folder of a file and its parents up to the top of its tree, at most ``MOST_FOLDERS``."""
    return _upwards(os.path.dirname(absolute(path)), os.getcwd())


@of_a_run(4096)
def _upwards(folder: str, working: str) -> tuple[str, ...]:
    folders, root = [real(folder)], top(os.path.join(folder, "_"))
    while len(folders) < MOST_FOLDERS and folders[-1] not in (root, os.path.dirname(folders[-1])):
        folders.append(os.path.dirname(folders[-1]))
    return tuple(folders)


def places(folder: str) -> Iterator[str]:
    """Yield a folder and its folders for build definitions, except links."""
    yield folder
    there: set[str] = set()
    with contextlib.suppress(OSError):
        there.update(os.listdir(folder))
    for name in _BESIDE:
        place = os.path.join(folder, name)
        if name.partition("/")[0] not in there or os.path.islink(place) or os.path.islink(os.path.dirname(place)):
            continue
        yield place
        if name == ".github":
            with contextlib.suppress(OSError):
                own = os.path.join(place, "actions")
                entries = [] if os.path.islink(own) else list(os.scandir(own))
                yield from (entry.path for entry in entries if entry.is_dir(follow_symlinks=False))
