"""The compose files that commands and settings near one name together with it: later ones are laid over the first.

Follows docs.docker.com, "Merge Compose files" (``-f``) and "Configure pre-defined environment variables"
(``COMPOSE_FILE``, ``COMPOSE_PATH_SEPARATOR``), read in November 2026.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator
from itertools import islice

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Unreadable, contents
from echo_migrate.files.tree import real, top
from echo_migrate.files.workspace import of_a_run
from echo_migrate.formats._build_places import DEFAULT, MOST_FOLDERS, folders_above, may_pass, places

_SETTING = lazy_regex(
    r"(?:^|(?<=[\s\"']))COMPOSE_FILE[\"']?[ \t]*[?:]?[=:][ \t]*[\"']?([^\s\"'#]+)", needs=("compose_file",)
)
_COMMAND = lazy_regex(r"(?i)compose\b((?:\\\r?\n|[^\n;&|])*)", needs=("compose",))
_FILE = lazy_regex(
    r"(?<![\w-])(?:-f|--file)(?:[ \t]*[= \t][ \t]*|[\"'][ \t]*,[ \t]*)[\"']?([^\s\"'`$;&|,]+\.ya?ml)\b", needs=("-f",)
)
_SEPARATOR = lazy_regex(r"[:;,]")
_ENVIRONMENT = lazy_regex(r"(?i)\.env(?:rc|[._-].*)?|.+\.env")
_LARGEST = 200_000
_MOST = 200


def named_with(path: str) -> tuple[str, ...]:
    """Return the real paths of the files that commands or settings, in the folder of a compose file or above it, name
    together with it."""
    own = real(path)
    groups = (group for folder in folders_above(path) for group in _groups(folder, top(path)) if own in group)
    return tuple(islice(dict.fromkeys(one for group in groups for one in group if one != own), _MOST))


def laid_with(path: str, others: Iterable[str]) -> set[str]:
    """Return those of other compose files that Compose takes together with one, all by their paths: one of both is the
    file that it looks for itself, or a command names both. What else is in a folder may be an alternative."""
    paths = set(others)
    if not paths or DEFAULT.fullmatch(os.path.basename(path)):
        return paths
    named = named_with(path)
    return {one for one in paths if DEFAULT.fullmatch(os.path.basename(one)) or one in named}


@of_a_run(1024)
def _groups(folder: str, root: str) -> tuple[tuple[str, ...], ...]:
    """Return the real paths of files in the tree that are named together in a folder and its folders for builds."""
    found: dict[tuple[str, ...], None] = {}
    below = real(root).rstrip(os.sep) + os.sep
    for place in islice(places(folder), MOST_FOLDERS):
        with contextlib.suppress(OSError):
            for name in sorted(os.listdir(place)):
                path = os.path.join(place, name)
                if (may_pass(name) or _ENVIRONMENT.fullmatch(name)) and not os.path.islink(path):
                    for names in _named(path):
                        seen = (os.path.join(start, one) for start in (place, folder, root) for one in names)
                        group = dict.fromkeys(one for one in map(real, seen) if one.startswith(below))
                        found[tuple(one for one in group if os.path.isfile(one))] = None
    return tuple(group for group in found if len(group) > 1)


def _named(path: str) -> Iterator[list[str]]:
    """Yield the names of compose files that a file has in one command or setting."""
    with contextlib.suppress(Unreadable):
        data = contents(path, _LARGEST)
        if b"COMPOSE_FILE" in data or (b"compose" in data and b"-f" in data):
            text = data.decode("utf-8", "replace")
            yield from (_SEPARATOR.split(match[1]) for match in _SETTING.finditer(text))
            yield from (_FILE.findall(match[1]) for match in _COMMAND.finditer(text))
