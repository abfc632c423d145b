"""Images that a command only pulls, for another file to use: they move with their use there, or need review.

What is pulled ahead is found by its name afterwards: by a build (FROM), by a cluster without a registry, or by a test.
"""

import os
import re
from collections.abc import Callable, Iterator
from itertools import islice

from echo_migrate.files.budget import beside
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Source, TooMuch, Unreadable, contents
from echo_migrate.files.tree import real, searched, top
from echo_migrate.files.workspace import of_a_run
from echo_migrate.images.reference import familiar, untagged
from echo_migrate.model import Image, Migration
from echo_migrate.reasons import Reason, because

Assess = Callable[[Source], list[Migration] | None]
"""Returns what becomes of the images of another file, whatever it pulls itself; None if it has no format."""

_PULL = lazy_regex(r"(?:.*[ ])?(?:docker|podman|nerdctl|buildah|ctr|crictl)(?: images?| i)? pull|.*\.pull(?:\(.*)?")
"""The place of an image that a command pulls and does not run."""

_TOLD = lazy_regex(
    r"(?i).+\.(?:adoc|css|csv|html?|ipynb|md|mdx|po|rst|svg)|\.?echo-migrate.*|(?:change|copying|licen).*"
)
"""Names of files that tell people about images, or are our own."""

_DOCKERFILE = lazy_regex(r"(?i)(?:docker|container)file.*|.*\.(?:docker|container)file")
_NAME = lazy_regex(r"(?<![\w./:@$-])[a-z0-9][a-z0-9._/-]*(?::[\w][\w.-]*)?(?![\w/:@-])", re.ASCII)
_REPOSITORY = lazy_regex(r"(?<![\w./:@$-])[a-z0-9][a-z0-9._/-]*", re.ASCII)
_KEY = lazy_regex(r"\bimage:[ \t]*[\"']?([a-z0-9][a-z0-9._/-]*)[\"']?[ \t]*$", re.ASCII | re.MULTILINE)
_REMARK = lazy_regex(r"[ \t]*(?:#|//|\*|<!--)")

_MOST_FILES = 20_000
_MOST_PATHS = 20
_LARGEST = 200_000


def with_uses(moves: list[Migration], source: Source, assess: Assess) -> list[Migration]:
    """Return the migrations; a safe one of an image that the file only pulls needs review if another file of the tree
    uses it by that name, and its use there does not move safely to the same target. A text that is in no tree has none
    beside it."""
    if not any(move.safe and is_pull(move.image) for move in moves) or not os.path.isfile(source.path):
        return moves
    ran = {familiar(move.image.ref.value) for move in moves if not is_pull(move.image)}
    found = []
    for move in moves:
        name = familiar(move.image.ref.value)
        reason = _left(move, name, source, assess) if move.safe and is_pull(move.image) and name not in ran else None
        found.append(move._replace(state="needs-person", reasons=(*move.reasons, reason)) if reason else move)
    return found


def is_pull(image: Image) -> bool:
    """Return whether an image is one that a command pulls and does not run."""
    return bool(_PULL.fullmatch(image.where))


def _left(move: Migration, name: str, source: Source, assess: Assess) -> Reason | None:
    """Return why a pull would leave a use of its image behind, or None."""
    root, own = real(top(source.path)), real(source.path)
    try:
        for path in _paths(root, name):
            with beside():
                line = _line_left(path, name, move, assess) if path != own else 0
            if line:
                return because("used-elsewhere", place=f"{os.path.relpath(path, root)}:{line}")
    except TooMuch:
        return because("uses-unread")
    return None


def _line_left(path: str, name: str, move: Migration, assess: Assess) -> int:
    """Return the first line of a file whose use of an image would not move with a pull of it, 0 if there is none."""
    try:
        source = Source.read(path)
    except Unreadable:
        return 0
    uses = [one for one in assess(source) or () if familiar(one.image.ref.value) == name]
    left = [one.image.start for one in uses if not is_pull(one.image) and not _follows(one, move)]
    known = [run for one in uses for run in ((one.image.start, one.image.end), *one.image.ref.spans)]
    if ":" in name:  # a name alone may be a word
        left += [place for place in _places(source.text, name) if not any(a <= place < b for a, b in known)]
    return source.position(min(left))[0] if left else 0


def _follows(use: Migration, move: Migration) -> bool:
    return use.safe and bool(use.edits) and use.target == move.target


def _places(text: str, name: str) -> Iterator[int]:
    """Yield where a text has a name, apart from lines that are comments."""
    for match in _NAME.finditer(text):
        if familiar(match[0].rstrip(".")) == name and not _REMARK.match(text, text.rfind("\n", 0, match.start()) + 1):
            yield match.start()


def _paths(root: str, name: str) -> list[str]:
    """Return the files of a tree that may use an image, by its name or, in Dockerfiles, that of its repository. Raises
    ``TooMuch``."""
    named = _named(root)
    if named is None:
        raise TooMuch("the tree is too large")
    return list(dict.fromkeys((*named.get(name, ()), *named.get(f"{untagged(name)} FROM", ()))))


@of_a_run(4)
def _named(root: str) -> dict[str, list[str]] | None:
    """Return the paths of the files of a tree by the names of images in them; with `` FROM``, those of Dockerfiles by
    the names of repositories in them. None if they take too long to read."""
    found: dict[str, list[str]] = {}
    paths = (
        os.path.join(folder, name) for folder, names in searched(root) for name in names if not _TOLD.fullmatch(name)
    )
    try:
        with beside():
            for path in islice(paths, _MOST_FILES):
                for name in _names_in(path):
                    held = found.setdefault(name, [])
                    if len(held) < _MOST_PATHS:
                        held.append(path)
    except TooMuch:
        return None
    return found


def _names_in(path: str) -> set[str]:
    """Return the names of images that a file has, as ``_named`` spells them."""
    if os.path.islink(path):
        return set()
    try:
        data = contents(path, _LARGEST)
    except Unreadable:
        return set()
    if b"\0" in data:
        return set()
    text = data.decode("utf-8", "replace")
    names = {familiar(one.rstrip(".")) for one in _NAME.findall(text) if ":" in one}
    names |= {familiar(one) for one in _KEY.findall(text)} if "image:" in text else set()
    if _DOCKERFILE.fullmatch(os.path.basename(path)):
        names |= {f"{familiar(one)} FROM" for one in _REPOSITORY.findall(text)}
    return names
