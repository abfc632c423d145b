"""Offsets of a text as positions of the protocol, and back: a line, and a column in units of the negotiated encoding.

Language Server Protocol 3.17, "Position": lines end at LF, CR LF or CR, and columns count UTF-16 units unless both
sides agree on another encoding.
"""

from bisect import bisect_right

from lsprotocol import types

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Edit

_LINE_END = lazy_regex(r"\r\n|\n|\r")


class Positions:
    """The positions in one text. ``lead`` are the characters of a byte order mark before the text, which the editor
    counts and offsets do not."""

    def __init__(self, text: str, encoding: str, lead: int = 0) -> None:
        self.text = text
        self._units = _UNITS[types.PositionEncodingKind(encoding)]
        self._lead = lead
        self._starts = [0, *(match.end() for match in _LINE_END.finditer(text))]

    def position(self, offset: int) -> types.Position:
        """Return the position of an offset."""
        line = bisect_right(self._starts, offset) - 1
        column = self._units(self.text[self._starts[line] : offset])
        return types.Position(line, column + (self._lead if line == 0 else 0))

    def range(self, start: int, end: int) -> types.Range:
        """Return the range of a span."""
        return types.Range(self.position(start), self.position(end))

    def offset(self, position: types.Position) -> int:
        """Return the offset of a position; one behind its line is the line's end, one behind the text the text's."""
        if position.line >= len(self._starts):
            return len(self.text)
        start, end = self.line(position.line)
        wanted = position.character - (self._lead if position.line == 0 else 0)
        if self._units(self.text[start:end]) == end - start:
            return min(end, start + max(0, wanted))
        while start < end and self._units(self.text[start]) <= wanted:
            wanted -= self._units(self.text[start])
            start += 1
        return start

    def line(self, number: int) -> tuple[int, int]:
        """Return where a line begins, and where it ends without its line end."""
        start = self._starts[number]
        end = self._starts[number + 1] if number + 1 < len(self._starts) else len(self.text)
        return start, start + len(self.text[start:end].rstrip("\r\n"))

    def line_of(self, offset: int) -> int:
        """Return the number of the line that has an offset, from 0."""
        return bisect_right(self._starts, offset) - 1

    def text_edit(self, edit: Edit) -> types.TextEdit:
        """Return an edit in the terms of the protocol."""
        return types.TextEdit(self.range(edit.start, edit.end), edit.text)


def _utf16(text: str) -> int:
    return len(text) if text.isascii() else len(text) + sum(character > "\uffff" for character in text)


def _utf8(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


_UNITS = {
    types.PositionEncodingKind.Utf8: _utf8,
    types.PositionEncodingKind.Utf16: _utf16,
    types.PositionEncodingKind.Utf32: len,
}
