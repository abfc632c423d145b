"""Sources, strings traced to their source offsets, and edits.

Offsets are the only coordinates. They count Unicode code points of the text after a byte order mark; a byte that is
not UTF-8 is one code point (a lone surrogate, PEP 383), so that every file is written back byte for byte.
"""

import codecs
import errno
import os
import stat
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache, partial
from itertools import accumulate, pairwise
from typing import NamedTuple

BOM = b"\xef\xbb\xbf"
LARGEST = 5_000_000


class Unreadable(ValueError):
    """A file that cannot be analysed; the message gives the reason and is shown to the user."""


class Inaccessible(Unreadable):
    """A file that exists but cannot be read."""


class TooMuch(Unreadable):
    """A text that exceeds a limit once it is expanded or read; the message says which."""


def reason_of(error: OSError) -> str:
    """Return the reason of an error of the system as it ends a sentence."""
    return (error.strerror or str(error)).lower()


def contents(path: str, most: int = LARGEST) -> bytes:
    """Return the bytes of a regular file of at most ``most`` bytes; never blocks on a pipe or a device.

    Raises ``Unreadable``.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # opening some devices has side effects
            raise Unreadable("is not a regular file")
        file = os.open(path, _READING)
        try:
            status = os.fstat(file)
            if not stat.S_ISREG(status.st_mode):
                raise Unreadable("is not a regular file")
            size = min(most, max(status.st_size, 65_536))  # some system files report no size
            data = _read(file, size + 1) if status.st_size <= most else b""
        finally:
            os.close(file)
    except OSError as error:
        kind = Unreadable if error.errno in _ABSENT else Inaccessible
        raise kind(f"cannot be read: {reason_of(error)}") from None
    if max(status.st_size, len(data)) > most:
        raise Unreadable(f"is larger than {most // 1_000_000} MB")
    return data


def decoded(data: bytes) -> str:
    """Return the text of a file that is only read, by its byte order mark as pip does, or UTF-8: PowerShell before 7
    writes UTF-16 (``pip freeze >``)."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    return data.removeprefix(BOM).decode("utf-8", "replace")


_ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


_READING = sum(
    getattr(os, name, 0) for name in ("O_RDONLY", "O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY", "O_NOINHERIT")
)
"""Flags by which a file is opened to read its bytes, and opening waits for nothing; each system has some of them."""


def _read(file: int, most: int) -> bytes:
    """Return up to ``most`` bytes of a file, by its descriptor: ``open`` costs as much again as these calls."""
    data = piece = os.read(file, most)
    while piece and len(data) < most:
        piece = os.read(file, most - len(data))
        data += piece
    return data


class Edit(NamedTuple):
    """A replacement of ``text[start:end]`` by ``text``; ``start == end`` inserts."""

    start: int
    end: int
    text: str

    def meets(self, other: "Edit") -> bool:
        """Return whether two edits conflict: they overlap, or one inserts where the other begins or ends."""
        if self.start == self.end or other.start == other.end:
            return self.start <= other.end and other.start <= self.end
        return self.start < other.end and other.start < self.end


class Traced(NamedTuple):
    """A string and the source spans of its characters, in order.

    The lengths of ``spans`` add up to ``len(value)``, and an empty span marks where an empty value was written.
    A value without a source (an escaped scalar) has no spans: it can be read but not rewritten.
    """

    value: str
    spans: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, text: str, start: int, end: int) -> "Traced":
        return traced((text[start:end], ((start, end),)))

    @classmethod
    def join(cls, parts: "Iterable[Traced]") -> "Traced":
        """Return the concatenation of the parts; without spans if a nonempty part has none."""
        parts = list(parts)
        if len(parts) == 1:
            return parts[0]
        value = "".join(part.value for part in parts)
        if any(part.value and not part.spans for part in parts):
            return cls(value, ())
        return cls(value, tuple(run for part in parts for run in part.spans))

    @property
    def start(self) -> int:
        return self.spans[0][0]

    @property
    def end(self) -> int:
        return self.spans[-1][1]

    def cut(self, start: int, stop: int) -> "Traced":
        """Return ``value[start:stop]`` with its spans; negative indexes are not supported."""
        if len(self.spans) == 1:
            origin = self.spans[0][0]
            return traced((self.value[start:stop], ((origin + start, origin + stop),)))
        spans: list[tuple[int, int]] = []
        position = 0
        for first, last in self.spans:
            after = position + last - first
            low = start if start > position else position  # noqa: FURB136 - a call costs more than all around it
            high = stop if stop < after else after  # noqa: FURB136
            if low < high or (low == high == start == stop and not spans):
                spans.append((first + low - position, first + high - position))
            position = after
            if position >= stop and spans:
                break
        return traced((self.value[start:stop], tuple(spans)))

    def cuts(self, spans: "Iterable[tuple[int, int]]") -> "list[Traced]":
        """Return the ``cut`` of each span, in one pass; the spans must be sorted and must not overlap."""
        if len(self.spans) == 1:
            value, origin = self.value, self.spans[0][0]
            return [traced((value[start:stop], ((origin + start, origin + stop),))) for start, stop in spans]
        spans = list(spans)
        if not self.spans or len(spans) < 2:
            return [self.cut(start, stop) for start, stop in spans]
        ends = list(accumulate(last - first for first, last in self.spans))
        found = []
        for start, stop in spans:
            low, high = bisect_right(ends, start), bisect_left(ends, stop)
            low, high = min(low, len(ends) - 1), min(high, len(ends) - 1)
            position = ends[low - 1] if low else 0
            few = Traced(self.value[position : ends[high]], self.spans[low : high + 1])
            found.append(few.cut(start - position, stop - position))
        return found

    def replace(self, start: int, stop: int, text: str) -> tuple[Edit, ...]:
        """Return the edits that replace ``value[start:stop]`` by ``text``.

        The new text goes to the position of the first replaced character; an insertion goes into the first span that
        has its offset, also for an empty value. Raises ``ValueError`` if there are no spans.
        """
        if not self.spans:
            raise ValueError(f"{self.value!r} has no source to edit")
        edits: list[Edit] = []
        position = 0
        for first, last in self.spans:
            length = last - first
            low, high = max(start, position), min(stop, position + length)
            if low < high or low == high == start == stop:
                edits.append(Edit(first + low - position, first + high - position, text))
                if start == stop:
                    break
                text = ""
            position += length
        return tuple(edit for edit in edits if edit.start != edit.end or edit.text)

    def repeats(self, edit: Edit) -> bool:
        """Return whether what an edit changes stands in the string more than once."""
        spans = sorted(span for span in self.spans if span[0] <= edit.start and edit.end <= span[1])
        return any(one == other or one[1] > other[0] for one, other in pairwise(spans))


traced: Callable[[tuple[str, tuple[tuple[int, int], ...]]], Traced] = partial(tuple.__new__, Traced)
"""Makes a string of the tuple of its fields: to call a named tuple takes twice as long, and a file has thousands."""


class Places:
    """An index of a traced string for many lookups: none iterates over the preceding spans."""

    def __init__(self, whole: Traced) -> None:
        self.whole = whole
        self.ends = list(accumulate(last - first for first, last in whole.spans))

    def cut(self, start: int, stop: int) -> Traced:
        """Return the same as ``Traced.cut``."""
        value, runs, ends = self.whole.value, self.whole.spans, self.ends
        if not runs:
            return Traced(value[start:stop], ())
        i = bisect_right(ends, start) if stop > start else max(0, bisect_right(ends, start - 1))
        if i < len(ends) and stop <= ends[i]:
            begin = runs[i][1] - ends[i] + start
            return traced((value[start:stop], ((begin, begin + stop - start),)))
        low, high = min(i, len(ends) - 1), min(bisect_left(ends, stop), len(ends) - 1)
        position = ends[low - 1] if low else 0
        few = Traced(value[position : ends[high]], runs[low : high + 1])
        return few.cut(start - position, stop - position)

    def offset(self, offset: int) -> int:
        """Return the source offset of an offset in the string: its end if it is past the string, 0 without a source."""
        if not self.whole.spans:
            return 0
        return self.whole.end if offset >= len(self.whole.value) else self.cut(offset, offset + 1).start


class Source(NamedTuple):
    """The path and text of a file: UTF-8 with surrogate escapes, newlines unchanged, without the byte order mark."""

    path: str
    text: str
    bom: bytes = b""

    @classmethod
    def of(cls, path: str, data: bytes) -> "Source":
        """Return the source of a file's bytes. Raises ``Unreadable`` if it is too large or binary (UTF-16 included)."""
        if len(data) > LARGEST:
            raise Unreadable(f"is larger than {LARGEST // 1_000_000} MB")
        if b"\0" in data:
            utf16 = data[:2] in (b"\xff\xfe", b"\xfe\xff")
            raise Unreadable("is UTF-16: save it as UTF-8" if utf16 else "is binary (it has a NUL byte)")
        bom = BOM if data.startswith(BOM) else b""
        return cls(path, data[len(bom) :].decode("utf-8", "surrogateescape"), bom)

    @classmethod
    def read(cls, path: str) -> "Source":
        """Read a file. Raises ``Unreadable`` as ``of`` and ``contents`` do."""
        return cls.of(path, contents(path))

    @property
    def data(self) -> bytes:
        return self.bom + self.text.encode("utf-8", "surrogateescape")

    def apply(self, edits: Iterable[Edit]) -> "Source":
        return self._replace(text=apply(self.text, edits))

    def position(self, offset: int) -> tuple[int, int]:
        """Return line and column, both from 1; lines end at LF (and so at CR LF and CR CR LF too)."""
        starts = line_starts(self.text)
        line = bisect_right(starts, offset)
        return line, offset - starts[line - 1] + 1


@lru_cache(maxsize=4)
def line_starts(text: str) -> list[int]:
    """Return the offsets at which the lines of a text begin."""
    return [0, *accumulate([len(line) + 1 for line in text.split("\n")[:-1]])]


def has_any(data: bytes, words: Iterable[bytes]) -> bool:
    """Return whether bytes have one of some words in them. ``in`` would first take each word for a number, and fail."""
    return any(data.find(word) >= 0 for word in words)


def apply(text: str, edits: Iterable[Edit]) -> str:
    """Return the text with all edits applied, identical ones once. Raises ``ValueError`` for overlapping edits."""
    pieces: list[str] = []
    position, last = 0, None
    for edit in sorted(set(edits)):
        if last is not None and edit.meets(last):
            raise ValueError(f"{edit} overlaps {last}")
        pieces += text[position : edit.start], edit.text
        position, last = edit.end, edit
    pieces.append(text[position:])
    return "".join(pieces)


def compatible(groups: Sequence[tuple[Edit, ...]]) -> list[bool]:
    """Return for each group of edits whether it can be applied as a whole together with the earlier applicable ones."""
    taken: list[Edit] = []  # sorted and disjoint, so that only the neighbours of a new edit can meet it
    answers: list[bool] = []
    known: dict[int, bool] = {}  # the same object gets the same answer
    for group in groups:
        if id(group) in known:
            answers.append(known[id(group)])
            continue
        added: list[Edit] = []
        for edit in group:
            place = bisect_left(taken, edit)
            neighbours = taken[max(0, place - 1) : place + 1]
            if edit in neighbours:
                continue
            if any(edit.meets(other) for other in neighbours):
                for other in added:
                    taken.remove(other)
                known[id(group)] = False
                break
            taken.insert(place, edit)
            added.append(edit)
        answers.append(known.setdefault(id(group), True))
    return answers
