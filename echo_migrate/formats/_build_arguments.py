"""The images that a build's arguments name, by the Dockerfile that they are given to."""

import sys
from bisect import bisect_right
from collections.abc import Iterator, Mapping

from echo_migrate.dockerfile.expansion import Expansion
from echo_migrate.dockerfile.images import images
from echo_migrate.dockerfile.parser import Dockerfile, read
from echo_migrate.files.source import TooMuch, Traced
from echo_migrate.model import Image
from echo_migrate.reasons import Reason, because

MOST_READ = 10_000
"""How many instructions all Dockerfiles that a file gives arguments to may have, one counted once for each build."""

MOST_PIECES = 64
"""In how many pieces a reference may be written that an argument is part of: each is kept for each image."""

_MANY = because("many-parts")
_FAR = 10**12
"""Added to the offsets of build arguments while a Dockerfile is read, to tell its own text from theirs."""


class BuildArguments:
    """The builds of one file that are given arguments."""

    def __init__(self) -> None:
        self.left = MOST_READ
        self.files: dict[str, Dockerfile] = {}

    def images(
        self, text: str, path: str, given: Mapping[str, Expansion], contexts: frozenset[str] = frozenset()
    ) -> Iterator[tuple[str, Image]]:
        """Yield each image of a FROM that an argument is part of, with the argument's name. Raises ``TooMuch``.

        ``text`` is the Dockerfile's and ``path`` what messages call it; ``given`` are the arguments with a place in the
        file that gives them, and the places of what is answered are there.
        """
        if text not in self.files:
            self.files[text] = read(text)
        self.left -= len(self.files[text].instructions)
        if self.left < 0:
            raise TooMuch(f"the Dockerfiles that it gives arguments to have more than {MOST_READ:,} instructions")
        far = {key: value._replace(text=_shifted(value.text, _FAR)) for key, value in given.items()}
        starts = sorted((run[0], run[1], key) for key, value in far.items() for run in value.text.spans)
        shared_spans: dict[int, tuple[tuple[int, int, Reason], ...]] = {}  # all images of a Dockerfile have the same
        for image in images(self.files[text], far, contexts):
            own = [run for run in image.ref.spans if run[0] >= _FAR]
            key = _key(starts, own[0][0]) if own and image.where == "FROM" else None
            if key is None:
                continue
            many = len(own) > MOST_PIECES
            whole = len(own) == len(image.ref.spans) and not many
            depends_on = (*image.depends_on, *(() if whole else own))[:MOST_PIECES]
            if id(image.shared_spans) not in shared_spans:
                shared_spans[id(image.shared_spans)] = tuple(
                    (a - _FAR, b - _FAR, words) for a, b, words in image.shared_spans if a >= _FAR
                )
            yield (
                key,
                image._replace(
                    ref=_shifted(image.ref, -_FAR) if whole else Traced(image.ref.value, ()),
                    not_editable=image.not_editable if whole else _MANY if many else because("other-part", path=path),
                    shared_spans=shared_spans[id(image.shared_spans)],
                    depends_on=tuple((a - _FAR, b - _FAR) for a, b in depends_on if a >= _FAR),
                ),
            )


def _key(starts: list[tuple[int, int, str]], offset: int) -> str | None:
    """Return the argument in whose value an offset lies."""
    place = bisect_right(starts, (offset, sys.maxsize)) - 1
    return starts[place][2] if place >= 0 and offset <= starts[place][1] else None


def _shifted(place: Traced, by: int) -> Traced:
    return Traced(place.value, tuple((start + by, end + by) for start, end in place.spans))
