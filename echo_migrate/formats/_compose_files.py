"""Where the compose files are that may build a Dockerfile: found by name, without reading any."""

import contextlib
import os
from collections.abc import Iterator

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.spelling import TEMPLATE
from echo_migrate.files.tree import absolute, top
from echo_migrate.files.workspace import of_a_run

COPIED = rf"\.(?:dist|example|sample|default)|{TEMPLATE}"
"""What stands behind the name of a file that people or programs make a compose file of."""

NAME = lazy_regex(rf"(?i)(?:.*[._-])?(?:docker-?)?compose(?:[._-].*)?\.ya?ml(?:{COPIED})?", needs=("compose",))
"""The usual names of compose files, and of those that one is made of."""

STANDARD = lazy_regex(rf"(?i)(?:docker-?)?compose(?:[._-].*)?\.ya?ml(?:{COPIED})?", needs=("compose",))
"""Those that Compose itself looks for, and their variants: files of version 1 have no other sign."""

DEFAULT = lazy_regex(r"(?:docker-)?compose\.ya?ml", needs=("compose",))
"""Those that Compose itself looks for, and lays others over."""

_MOST_FOLDERS = 200


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
        paths = [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if NAME.fullmatch(name)]
        return [path for path in paths if os.path.realpath(path).startswith(os.path.realpath(root) + os.sep)]
    return []


@of_a_run(4096)
def compose_files(folder: str, root: str) -> list[str]:
    """Return the files with usual compose names in a folder and its subfolders, except links out of the tree."""
    return [path for place in (folder, *_folders(folder)) for path in files_in(place, root)]


def _folders(folder: str) -> list[str]:
    try:
        entries = [entry for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []
    names = sorted(entry.path for entry in entries if entry.name not in (".git", "node_modules"))
    return names if len(names) <= _MOST_FOLDERS else []
