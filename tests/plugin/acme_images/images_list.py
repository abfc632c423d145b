"""Lists of images: an image on each line of a file ``*.images``."""

import re
from collections.abc import Iterable, Iterator

from echo_migrate import Edit, Image, Source, Traced

NAME = re.compile(r".+\.images")


def candidate(path: str) -> bool:
    return path.endswith(".images")


def recognise(path: str, text: str) -> bool:
    return candidate(path)


def parse(source: Source, request: object) -> Iterator[Image]:
    for line in re.finditer(r"(?m)^[^\s#]+", source.text):
        yield Image(Traced.of(source.text, *line.span()), "line", *line.span())


def verify(before: Source, after: Source, edits: Iterable[Edit]) -> str | None:
    same = before.text.count("\n") == after.text.count("\n")
    return None if same else "the number of lines would change"
