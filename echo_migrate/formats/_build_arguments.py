"""The images that build arguments name, determined by the Dockerfile that receives them."""

import os
import sys
from bisect import bisect_right
from collections.abc import Iterator, Mapping

from echo_migrate.dockerfile.expansion import Expansion
from echo_migrate.dockerfile.images import images
from echo_migrate.dockerfile.parser import Dockerfile, read
from echo_migrate.files.source import Source, TooMuch, Traced, Unreadable
from echo_migrate.files.tree import real, top
from echo_migrate.model import Image
from echo_migrate.model.reasons import because

IMAGE_CONTEXT = "docker-image://"
"""What stands before an image that a build has as a named context."""

MOST_READ = 10_000
"""The maximum number of instructions in all Dockerfiles that a file passes arguments to, counted per build."""

MOST_PIECES = 64
"""The maximum number of source spans of a reference that contains an argument: each is stored for each image."""

_MANY = because("many-parts")
_FAR = 10**12
"""Added to the offsets of build arguments while a Dockerfile is read, to distinguish them from offsets in its text."""


class BuildArguments:
    """The builds with arguments of one file."""

    def __init__(self) -> None:
        self.left = MOST_READ
        self.files: dict[str, Dockerfile] = {}

    def images(
        self, text: str, path: str, given: Mapping[str, Expansion], contexts: frozenset[str] = frozenset()
    ) -> Iterator[tuple[str, Image]]:
        """Yield each FROM image that contains an argument, with the name of that argument. Raises ``TooMuch``.

        ``text`` is that of the Dockerfile, and ``path`` its name in messages. ``given`` has the arguments with offsets
        in the file that passes them, and the offsets of the images are in that file too.
        """
        if text not in self.files:
            self.files[text] = read(text)
        self.left -= len(self.files[text].instructions)
        if self.left < 0:
            raise TooMuch(f"the Dockerfiles that it gives arguments to have more than {MOST_READ:,} instructions")
        far = {key: value._replace(text=_shifted(value.text, _FAR)) for key, value in given.items()}
        shown = os.path.relpath(real(path), top(path)) if os.path.isabs(path) else path
        starts = sorted((run[0], run[1], key) for key, value in far.items() for run in value.text.spans)
        for image in images(self.files[text], far, contexts):
            own = [run for run in image.ref.spans if run[0] >= _FAR]
            key = _key(starts, own[0][0]) if own and image.where == "FROM" else None
            if key is None:
                continue
            many = len(own) > MOST_PIECES
            whole = len(own) == len(image.ref.spans) and not many
            depends_on = (*image.depends_on, *(() if whole else own))[:MOST_PIECES]
            shared = ((a - _FAR, b - _FAR, words) for a, b, words in image.shared_spans if a >= _FAR)
            yield (
                key,
                image._replace(
                    ref=_shifted(image.ref, -_FAR) if whole else Traced(image.ref.value, ()),
                    not_editable=image.not_editable if whole else _MANY if many else because("other-part", path=shown),
                    shared_spans=tuple(shared),
                    depends_on=tuple((a - _FAR, b - _FAR) for a, b in depends_on if a >= _FAR),
                ),
            )


def of_a_build(
    path: str | None, given: Mapping[str, Expansion], where: str, contexts: frozenset[str] = frozenset()
) -> Iterator[Image]:
    """Yield the images that the arguments of one build name, each where it is written; none if there is no Dockerfile
    that can be read at the path. Raises ``TooMuch``."""
    if not path or not given:
        return
    try:
        text = Source.read(path).text
    except Unreadable:
        return
    for key, image in BuildArguments().images(text, os.path.normpath(path), given, contexts):
        ref = given[key].text
        yield image._replace(where=f"{where}.{key}", start=ref.start, end=ref.end)


def _key(starts: list[tuple[int, int, str]], offset: int) -> str | None:
    """Return the argument whose value contains an offset, or None."""
    place = bisect_right(starts, (offset, sys.maxsize)) - 1
    return starts[place][2] if place >= 0 and offset <= starts[place][1] else None


def _shifted(place: Traced, by: int) -> Traced:
    return Traced(place.value, tuple((start + by, end + by) for start, end in place.spans))
