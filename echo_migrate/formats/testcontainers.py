"""Code in other languages than Python that names images: tests with Testcontainers or a cluster, stacks of the CDK, and
the properties of Quarkus.
Its images are reported but never rewritten.

The calls that name an image are defined in ``mappings/places/code.yaml``.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from echo_migrate.files.data import read_data
from echo_migrate.files.source import Edit, Source, Traced
from echo_migrate.formats import NO_REQUEST, Request
from echo_migrate.formats._yaml import NO_NAME as NAME
from echo_migrate.model import Image
from echo_migrate.model.reasons import because

__all__ = ["NAME", "candidate", "parse", "recognise", "verify"]

_ENDINGS = (
    ".cs",
    ".go",
    ".groovy",
    ".java",
    ".kt",
    ".scala",
    ".js",
    ".ts",
    ".tsx",
    ".jsx",
    ".mjs",
    ".cjs",
    ".mts",
    ".cts",
    ".properties",
)
_COMMENT = re.compile(r"[^\S\n]*(?://|/\*|\*|#)")
_CONSTANT = re.compile(
    r"\b([A-Za-z_]\w{0,80})(?:[ \t]{0,9}:[ \t]{0,9}[Ss]tring)?[ \t]{0,9}="
    r"(?![=>])(?:\s{0,99}([\"'`])([^\"'`\s$]{1,300})\2)?"
)
"""A name that is given a value; the last group has one that is a literal."""


_VERSION = re.compile(r"v?[\d.]+")
"""What a class takes that has its image itself."""


class Language(NamedTuple):
    """The files of a language that may start containers, what is said of where an image stands in them, what their text
    must have, the calls that name an image, and those that name a constant which holds one."""

    title: str
    files: "re.Pattern[str]"
    where: str
    needs: "re.Pattern[str]"
    calls: "re.Pattern[str]"
    names: "re.Pattern[str]"


@lru_cache
def languages() -> dict[str, Language]:
    """Return the languages that are defined in the data."""
    rows: dict[str, Any] = read_data("places/code.yaml")
    return {
        name: Language(
            row["title"],
            re.compile(row["files"]),
            row["where"],
            re.compile(row["needs"]),
            re.compile("|".join(row["calls"])),
            re.compile("|".join(row["names"])) if "names" in row else NAME,
        )
        for name, row in rows.items()
    }


def candidate(path: str) -> bool:
    return path.endswith(_ENDINGS) and bool(_languages(path))


def _languages(path: str) -> list[Language]:
    return [one for one in languages().values() if one.files.search(path.replace("\\", "/"))]


def recognise(path: str, text: str) -> bool:
    """Return whether a file is a candidate whose text mentions what names images there."""
    return path.endswith(_ENDINGS) and any(one.needs.search(text) for one in _languages(path))


def parse(source: Source, request: Request = NO_REQUEST) -> list[Image]:
    """Return the images that calls name literally; never raises."""
    known = [one for one in _languages(source.path) if one.needs.search(source.text)]
    return sorted({image.start: image for one in known for image in _images(source.text, one)}.values(), key=_start)


def _start(image: Image) -> int:
    return image.start


def _images(text: str, language: Language) -> Iterator[Image]:
    for match in _in_code(text, language.calls):
        if not _VERSION.fullmatch(match[match.lastindex or 0]):
            yield _image(text, match, match.lastindex or 0, language)
    used = {match[match.lastindex or 0] for match in _in_code(text, language.names)}
    held: dict[str, list[re.Match[str]]] = {}
    for match in _in_code(text, _CONSTANT) if used else ():
        held.setdefault(match[1], []).append(match)
    for name, found in held.items():
        if name in used and len(found) == 1 and found[0][3] and not _VERSION.fullmatch(found[0][3]):
            yield _image(text, found[0], 3, language)


def _image(text: str, match: re.Match[str], group: int, language: Language) -> Image:
    start, end = match.span(group)
    reason = because("report-only", language=language.title)
    return Image(Traced.of(text, start, end), language.where, start, end, not_editable=reason)


def _in_code(text: str, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
    """Yield the matches of a pattern that do not begin in a comment."""
    begin = last = comment = 0  # offsets of the previous match's line and of a comment in it
    for match in pattern.finditer(text):
        newline = text.rfind("\n", last, match.start())
        if newline >= 0 or not last:
            begin = newline + 1
            stop = text.find("\n", match.start()) % (len(text) + 1)
            found = text.find("//", begin, stop)
            comment = stop if found < 0 else found
            if _COMMENT.match(text, begin, stop):
                comment = begin
        last = match.end()
        if match.start() <= comment:
            yield match


def verify(before: Source, after: Source, edits: Iterable[Edit]) -> str | None:
    """Return the reason why no change is allowed."""
    return "it is not rewritten"
