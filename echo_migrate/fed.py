"""The images that a build's arguments name, by the Dockerfile that they are given to."""

from collections.abc import Iterator, Mapping

from echo_migrate.expand import Expansion
from echo_migrate.formats import dockerfile
from echo_migrate.model import Image
from echo_migrate.source import Traced

_FAR = 10**12
"""Added to the offsets of build arguments while a Dockerfile is read, to tell its own text from theirs."""


def fed(
    text: str, path: str, given: Mapping[str, Expansion], contexts: frozenset[str] = frozenset()
) -> Iterator[tuple[str, Image]]:
    """Each image of a FROM that an argument is part of, with the argument's name.

    ``text`` is the Dockerfile's and ``path`` what messages call it; ``given`` are the arguments with a place in the
    file that gives them, and the places of what is answered are there.
    """
    far = {key: value._replace(text=_shifted(value.text, _FAR)) for key, value in given.items()}
    for image in dockerfile.images(text, far, contexts):
        own = [run for run in image.ref.runs if run[0] >= _FAR]
        key = next((key for key, value in far.items() if own and _holds(value.text, own[0][0])), None)
        if key is None or image.where != "FROM":
            continue
        whole = len(own) == len(image.ref.runs)
        read = (*image.reads, *(() if whole else own))
        yield (
            key,
            image._replace(
                ref=_shifted(image.ref, -_FAR) if whole else Traced(image.ref.value, ()),
                locked=image.locked if whole else f"its other part stands in {path}",
                leaks=tuple((a - _FAR, b - _FAR, words) for a, b, words in image.leaks if a >= _FAR),
                reads=tuple((a - _FAR, b - _FAR) for a, b in read if a >= _FAR),
            ),
        )


def _holds(text: Traced, offset: int) -> bool:
    return any(start <= offset <= end for start, end in text.runs)


def _shifted(place: Traced, by: int) -> Traced:
    return Traced(place.value, tuple((start + by, end + by) for start, end in place.runs))
