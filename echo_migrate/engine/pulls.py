"""Images that a command only pulls, for another file to use: they move with their use there, or need review.

What is pulled ahead is found by its name afterwards: by a build (FROM), by a cluster without a registry, or by a test.
"""

import os
from collections.abc import Callable, Iterator

from echo_migrate.engine.discover import candidates
from echo_migrate.engine.logins import runner_of
from echo_migrate.files.budget import beside
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Source, TooMuch, Unreadable, contents
from echo_migrate.files.tree import real, top
from echo_migrate.files.workspace import of_a_run
from echo_migrate.formats import dockerfile, makefile
from echo_migrate.images.reference import familiar, untagged
from echo_migrate.model import Image, Migration
from echo_migrate.model.reasons import Reason, because

Assess = Callable[[Source], list[Migration] | None]
"""Returns what becomes of the images of another file, whatever it pulls itself; None if it has no format."""

_PULL = lazy_regex(r"(?:.*[ ])?(?:docker|podman|nerdctl|buildah|ctr|crictl)(?: images?| i)? pull|.*\.pull(?:\(.*)?")
"""The place of an image that a command pulls and does not run."""

_MOST_FILES = 20_000
_MOST_READ = 100
"""The maximum number of files that are read for the pulls of one."""

_LARGEST = 200_000
_MOST_BYTES = 50_000_000
"""The maximum size of all files that may use an image, which are held for a run."""


_BY_RUNNERS = frozenset(("login-beside", "login-credentials", "login-runner", "login-secrets"))
"""The logins that images of jobs want which a runner pulls itself, whatever a script has pulled."""


def with_uses(moves: list[Migration], source: Source, assess: Assess) -> list[Migration]:
    """Return the migrations; a safe one of a pull, whose image the file itself does not use, needs review if a use of
    it in another file of the tree does not move safely to the same target. A text that is in no tree has none."""
    ran = {familiar(move.image.ref.value) for move in moves if _uses_pulled(move.image)}
    alone = [one for one in dict.fromkeys(map(_asked, _safe_pulls(moves))) if one[0] not in ran]
    if not alone or not os.path.isfile(source.path):
        return moves
    local = {_asked(move) for move in moves if is_pull(move.image)}
    local -= {_asked(move) for move in moves if is_pull(move.image) and _by_jobs(move.image, source)}
    return _reviewed(moves, dict(_held(alone, local, source, assess)))


def with_own_uses(moves: list[Migration], source: Source) -> list[Migration]:
    """Return the migrations, which are settled; a safe one of a pull needs review if a use of its image in the file
    itself does not move safely to the same target."""
    asked = dict.fromkeys(map(_asked, _safe_pulls(moves)))
    lines = {one: _line_left(source, moves, *one) for one in asked}
    return _reviewed(moves, {one: because("used-elsewhere", place=f"line {n}") for one, n in lines.items() if n})


def _safe_pulls(moves: list[Migration]) -> list[Migration]:
    return [move for move in moves if move.safe and is_pull(move.image)]


def _reviewed(moves: list[Migration], held: dict["_Asked", Reason]) -> list[Migration]:
    """Return the migrations, those of pulls that are held with the reason."""
    found = []
    for move in moves:
        reason = held.get(_asked(move)) if held and move.safe and is_pull(move.image) else None
        found.append(move._replace(state="needs-person", reasons=(*move.reasons, reason)) if reason else move)
    return found


def is_pull(image: Image) -> bool:
    """Return whether an image is one that a command pulls and does not run."""
    return bool(_PULL.fullmatch(image.where))


def _uses_pulled(image: Image) -> bool:
    """Return whether an image is taken from those that were pulled before, if it is there."""
    return not is_pull(image) and not (image.needs_login and image.needs_login.id in _BY_RUNNERS)


_Asked = tuple[str, str]
"""The name of an image that is pulled, and its target."""


def _asked(move: Migration) -> _Asked:
    return familiar(move.image.ref.value), move.target or ""


def _by_jobs(image: Image, source: Source) -> bool:
    """Return whether jobs may run what pulls an image: what they use themselves is pulled on another machine than what
    a developer runs."""
    from echo_migrate.formats._called_scripts import login_of_callers, may_be_called  # reads YAML

    if runner_of(source.path) or not may_be_called(source.path):
        return True
    place = image.start if makefile.candidate(source.path) else None
    return login_of_callers(source.path, source.text, frozenset(), place) is not None


def _held(pulls: list[_Asked], local: set[_Asked], source: Source, assess: Assess) -> Iterator[tuple[_Asked, Reason]]:
    """Yield the pulls that would leave a use of their image behind, each with the reason. Those that are ``local`` have
    none in the files of jobs."""
    from echo_migrate.formats._called_scripts import files_of_jobs

    root, own = real(top(source.path)), real(source.path)
    of_jobs = files_of_jobs(root) if local else frozenset()
    read: dict[str, tuple[Source, list[Migration]]] = {}
    skipped = {own}
    waiting = dict.fromkeys(pulls)
    try:
        with beside():
            for one in pulls:
                for path in _paths(root, one[0]):
                    if path in of_jobs and one in local:
                        continue
                    if path not in read and path not in skipped:
                        uses = _uses(path, assess)
                        if uses is None:
                            skipped.add(path)
                            continue
                        read[path] = uses
                        if len(read) > _MOST_READ:
                            raise TooMuch("the tree has too many uses")
                    line = _line_left(*read[path], *one) if path in read else 0
                    if line:
                        yield one, because("used-elsewhere", place=f"{os.path.relpath(path, root)}:{line}")
                        break
                del waiting[one]
    except TooMuch:
        for one in waiting:
            yield one, because("uses-unread")


def _uses(path: str, assess: Assess) -> tuple[Source, list[Migration]] | None:
    """Return the text of a file and what becomes of its images, or None if it has no format."""
    try:
        source = Source.read(path)
    except Unreadable:
        return None
    moves = assess(source)
    return None if moves is None else (source, moves)


def _line_left(source: Source, moves: list[Migration], name: str, target: str) -> int:
    """Return the first line of a file whose use of an image would not move with a pull of it, 0 if there is none."""
    uses = [one for one in moves if familiar(one.image.ref.value) == name and _uses_pulled(one.image)]
    left = [one.image.start for one in uses if not (one.safe and one.edits and one.target == target)]
    return source.position(min(left))[0] if left else 0


@of_a_run(4096)
def _paths(root: str, name: str) -> tuple[str, ...]:
    """Return the files of a tree that may use an image: those with the last part of its name, and with its tag, whose
    parts a Dockerfile may have apart, in arguments. Raises ``TooMuch``."""
    texts = _texts(root)
    if texts is None:
        raise TooMuch("the tree is too large")
    repository = untagged(name)
    last, tag = repository.rpartition("/")[2].encode(), name.removeprefix(repository).lstrip(":").encode()
    return tuple(path for path, data in texts if last in data and (tag in data or dockerfile.candidate(path)))


@of_a_run(2)
def _texts(root: str) -> tuple[tuple[str, bytes], ...] | None:
    """Return the files of a tree that a format may have, and their bytes; None if they are too many or too large."""
    found: list[tuple[str, bytes]] = []
    left = _MOST_BYTES
    for path in candidates(root):
        try:
            data = contents(path, _LARGEST)
        except Unreadable:
            continue
        left -= len(data)
        if left < 0 or len(found) >= _MOST_FILES:
            return None
        found.append((path, data))
    return tuple(found)
