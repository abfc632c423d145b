"""Dockerfiles, manifests and compose files that scripts have in heredocs: their images are listed and not edited, as
what the shell and other programs make of such a text is theirs."""

import re
from collections.abc import Iterator

from echo_migrate.dockerfile.images import images
from echo_migrate.dockerfile.parser import read
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Places, Traced
from echo_migrate.formats._inline import lifted
from echo_migrate.formats._templates import LITERAL
from echo_migrate.images.reference import parsed
from echo_migrate.model import Image
from echo_migrate.model.reasons import because

_BEGIN = lazy_regex(r"(?<![<\w])<<-?[ \t]{0,9}([\"'\\]?)([A-Za-z_]\w{0,80})[^\n]{0,2000}\n")
_DOCKERFILE = lazy_regex(
    r"(?:[ \t]*(?:#[^\n]*)?\r?\n)*[ \t]*"
    r"(?:ARG[ \t]+\w+(?:=[^\n]*)?|FROM[ \t]+(?:--\S+[ \t]+)?\S+(?:[ \t]+(?i:AS)[ \t]+\S+)?)[ \t\r]*\n"
)
"""The first instruction of a Dockerfile, alone on its line, as no sentence has it."""

_FROM = lazy_regex(r"(?m)^[ \t]*FROM[ \t]")
_FROMS = lazy_regex(r"(?m)^[ \t]*FROM[ \t]([^\n]*)")
_TARGET = lazy_regex(r"(?:>|\btee[ \t])[ \t]*[\"']?(?:\./)?([\w./-]{1,200})")
"""The file that a heredoc is written to."""

_LONGEST = 2000
_SERVICES = lazy_regex(r"(?m)^[\"']?(?:apiVersion|services)[\"']?[ \t]*:")
_REASON = because("heredoc")
_MOST_OPEN = 20
"""How many beginnings without an end are looked for an end: they may be shifts of bits."""


def of_heredocs(script: Traced) -> Iterator[Image]:
    """Yield the images in the heredocs of a script that are Dockerfiles, manifests or compose files."""
    for _, body in _bodies(script):
        for image in _images(body):
            if not image.local and image.ref.spans and "$" not in image.ref.value and parsed(image.ref.value):
                yield image._replace(where=f"heredoc {image.where}", not_editable=_REASON)


def written(text: str, host: str) -> frozenset[str]:
    """Return the names of the Dockerfiles that a script writes with heredocs, "-" for one that a command reads, of
    which it is certain that they pull nothing from a registry: no stage of theirs is in a variable."""
    names: set[str] = set()
    for line, body in _bodies(Traced.of(text, 0, len(text))) if "<<" in text else ():
        froms = _FROMS.findall(body.value) if _DOCKERFILE.match(body.value) else []
        if froms and host not in body.value and not any("$" in one for one in froms):
            names.update(_TARGET.findall(line) or ("-",))
    return frozenset(names)


def _bodies(script: Traced) -> Iterator[tuple[str, Traced]]:
    """Yield the heredocs of a script, each with the line that begins it."""
    text, position, unended, places = script.value, 0, 0, Places(script)
    while unended < _MOST_OPEN and (begin := _BEGIN.search(text, position)):
        position = begin.end()
        end = re.compile(rf"(?m)^[ \t]*{begin[2]}[ \t\r]*$").search(text, position)
        if end:
            line = text[text.rfind("\n", max(0, begin.start() - _LONGEST), begin.start()) + 1 : position]
            yield line, places.cut(position, end.start())
            position = end.end()
        else:
            unended += 1


def _images(body: Traced) -> Iterator[Image]:
    text, places = body.value, Places(body)
    if _DOCKERFILE.match(text) and _FROM.search(text):
        found = images(read(text), {}, frozenset())
        yield from (one for one in lifted(found, places) if isinstance(one, Image))
    elif _SERVICES.search(text):
        for match in LITERAL.finditer(text):
            place = places.cut(*match.span(2))
            yield Image(place, "image", place.start, place.end)
