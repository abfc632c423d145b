"""Shell scripts: the images that their commands run, pull and set.

An argument counts if its command is known to take an image there, and the name is given in the script. Images that a
script only prints, copies or builds are not changed, nor are those of Dockerfiles and manifests in heredocs.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable

from echo_migrate.dockerfile.container import Container
from echo_migrate.files.source import Edit, Source, Traced
from echo_migrate.formats import NO_REQUEST, Request
from echo_migrate.formats._commands import calls, named
from echo_migrate.formats._ignores import in_yaml
from echo_migrate.formats._names_elsewhere import parts_of
from echo_migrate.model import Ignore, Image
from echo_migrate.shell.commands import Command, Script, Word
from echo_migrate.shell.parser import read

NAME = re.compile(r"(?!)")
_SUFFIX = re.compile(r"(?i).+\.(?:ba|k|z)?sh")


def candidate(path: str) -> bool:
    return bool(_SUFFIX.fullmatch(path.rpartition("/")[2]))


def recognise(path: str, text: str) -> bool:
    """Return whether a file is a shell script by name and may call a container CLI."""
    return candidate(path) and calls(text)


def parse(source: Source, request: Request = NO_REQUEST) -> list[Image | Container | Ignore]:
    """Return the images, containers and ignore comments of a script; never raises, and reports no syntax errors."""
    found = named(source.text, [Traced.of(source.text, 0, len(source.text))])
    services = [service for _, service in found if service] if Container in request.kinds else []
    return [*(image for image, _ in found), *services, *in_yaml(source.text)] if found else []


def verify(before: Source, after: Source, edits: Iterable[Edit]) -> str | None:
    """Return why ``after``, made from ``before`` by ``edits``, must not replace it, or None if it may.

    The commands must keep their number, order and words, except words with an edit inside.
    """
    old, new = _read(before), _read(after)
    if not new.certain or len(old.commands) != len(new.commands):
        return "the script would no longer read as it does"
    places = sorted(edits)
    if not all(_alike(one, other, places) for one, other in zip(old.commands, new.commands, strict=True)):
        return "something else than an image would change"
    return None


def _read(source: Source) -> Script:
    return read(Traced.of(source.text, 0, len(source.text)))


def _alike(one: Command, other: Command, edits: list[Edit]) -> bool:
    """Return whether two commands are equal apart from words that contain one of the (sorted) edits."""
    if (one.operator, one.inside, one.via, one.host) != (other.operator, other.inside, other.via, other.host):
        return False
    old, new = parts_of(one), parts_of(other)
    if [name for name, _ in old] != [name for name, _ in new]:
        return False
    return all(a.value == b.value or _edited(a, edits) for (_, a), (_, b) in zip(old, new, strict=True))


def _edited(word: Word, edits: list[Edit]) -> bool:
    place = bisect_left(edits, (word.start,))
    return place < len(edits) and edits[place].end <= word.end
