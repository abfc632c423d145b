"""Expansion of quotes, escapes and variables as in BuildKit, with source spans.

Follows frontend/dockerfile/shell/lex.go of moby/buildkit (read at 73ed6825c, August 2026), with one difference: a
variable without a known value keeps its expression as text, so that the result is ``node:${V}`` and never a guess.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Traced

LONGEST = 4096
LONGEST_PATTERN = 32
LONGEST_EDITED = 512
MOST_READS = 64
"""The maximum number of places, and of variables without a value, recorded for a word; arguments that use each other
can double them."""

DEEPEST = 64
_PLAIN = re.compile(r"[^$'\"\\`]*")
_SPECIAL = {escape: lazy_regex(rf"[$'\"{re.escape(escape)}]") for escape in "\\`\0"}
"""The characters of a word that stand for more than themselves, by the escape character; NUL is for none."""

_NAME = re.compile(r"[0-9]+|[@*#?\-$!]|[^\W\d]\w*")
_HEREDOC_WORD = lazy_regex(r"([0-9]*)<<(-?)[\t\n\v\f\r ]*([^<]*)")
_UNEXPANDED = lazy_regex(r"\$\{|\$\w")


class Expansion(NamedTuple):
    """A word after expansion, and its variables without a known value (which are set at build time).

    ``depends_on`` are source spans that determine the text without being part of it, such as a value from which a
    pattern was removed; if there are many, one span that covers all. ``broken`` is true if the word could not be
    expanded and is kept as written.
    """

    text: Traced
    unsettled: tuple[str, ...] = ()
    depends_on: tuple[tuple[int, int], ...] = ()
    broken: bool = False

    @property
    def known(self) -> bool:
        return not _UNEXPANDED.search(self.text.value)


Lookup = Callable[[str], Expansion | None]

SET_BY_BUILD = Expansion(Traced("", ()))
"""The lookup result for a variable that is always set, to a value known only at build time."""


def _name(text: str, i: int) -> str:
    match = _NAME.match(text, i)
    return match.group() if match else ""


def _skip(text: str, i: int, stop: str, escape: str) -> int:
    """Return the index after the first ``stop`` from ``i`` on that is not in a quote, escape or expansion. Raises
    ``ValueError``."""
    while i < len(text):
        ch = text[i]
        if ch == stop:
            return i + 1
        if ch == escape:
            i += 2
        elif ch == "'":
            i = text.index("'", i + 1) + 1
        elif ch == '"':
            i = _skip_double(text, i, escape)
        elif ch == "$":
            i = _skip_dollar(text, i, escape)
        else:
            i += 1
    if stop:
        raise ValueError(f"{stop} is missing")
    return i


def _skip_double(text: str, i: int, escape: str) -> int:
    i += 1
    while text[i : i + 1] != '"':
        if i >= len(text):
            raise ValueError('" is missing')
        if text[i] == "$":
            i = _skip_dollar(text, i, escape)
        else:
            i += 2 if text[i] == escape and text[i + 1 : i + 2] in ('"', "$", escape) else 1
    return i + 1


def _skip_dollar(text: str, i: int, escape: str) -> int:
    if text[i + 1 : i + 2] != "{":
        return i + 1 + len(_name(text, i + 1))
    i += 2
    if text[i : i + 1] in ("", "{", "}", ":"):
        raise ValueError("bad substitution")
    i += len(_name(text, i))
    operator = text[i : i + 1]
    if operator == "}":
        return i + 1
    if operator == "/":
        i += 2 if text[i + 1 : i + 2] == "/" else 1
        return _skip(text, _skip(text, i, "/", escape), "}", escape)
    i += operator == ":"
    if text[i : i + 1] not in (("+", "-", "?") if operator == ":" else ("+", "-", "?", "#", "%")):
        raise ValueError("unsupported substitution")
    return _skip(text, i + 1, "}", escape)


def heredoc_words(line: str) -> Iterator[tuple[bool, str]]:
    """Yield the heredocs that a line opens: whether leading tabs are stripped, and the delimiter.

    The escape character is always the backslash here, regardless of the escape directive (parser.go,
    heredocsFromLine); a line with unclosed quotes or substitutions opens none. Raises ``ValueError`` for a delimiter
    that cannot be expanded.
    """
    words, i, begin = [], 0, -1
    try:
        while i < len(line):
            ch = line[i]
            if ch.isspace():
                if begin >= 0:
                    words.append(line[begin:i])
                begin, i = -1, i + 1
                continue
            begin = i if begin < 0 else begin
            if ch == "\\":
                i += 2
            elif ch == "'":
                i = line.index("'", i + 1) + 1
            elif ch == '"':
                i = _skip_double(line, i, "\\")
            elif ch == "$":
                i = _skip_dollar(line, i, "\\")
            elif line.startswith("<<", i):
                i += 2
                while line[i : i + 1] in ("\t", "\r", " "):
                    i += 1
            else:
                i += 1
    except (ValueError, RecursionError):
        return
    if begin >= 0:
        words.append(line[begin:])
    for word in words:
        match = _HEREDOC_WORD.fullmatch(word)
        if match and match[3]:
            name = expand(Traced.of(match[3], 0, len(match[3])), lambda _: None).text.value
            if name and not any(ch.isspace() for ch in _unquoted(match[3])):
                yield match[2] == "-", name


def _unquoted(word: str) -> str:
    return re.sub(r"'[^']*'|\"[^\"]*\"|\\.", "", word, flags=re.DOTALL)


def expand(word: Traced, lookup: Lookup, escape: str = "\\") -> Expansion:
    """Return the word without quotes and escapes, and with its variables expanded.

    ``lookup`` returns the expansion of a variable, or None if its value is not known. Raises ``ValueError`` if BuildKit
    would reject the word, or if it exceeds the size of any realistic reference or build argument (variables that
    double each other would otherwise exhaust memory).
    """
    text = word.value
    if _PLAIN.fullmatch(text) or not ("$" in text or "'" in text or '"' in text or escape in text):
        return Expansion(word)
    if text.count("$") > DEEPEST:
        raise ValueError("too many substitutions")
    depends_on: dict[tuple[int, int], None] = {}
    parts, unsettled = _expand(word, 0, len(text), (lookup, depends_on), escape)
    empty = 1 if text[0] in "'\"" else 0
    whole = Traced.join(parts or [word.cut(empty, empty)])
    if len(whole.value) > LONGEST or len(whole.spans) > LONGEST:
        raise ValueError("a value longer than any reference")
    return Expansion(whole, tuple(dict.fromkeys(unsettled))[:MOST_READS], fewer(depends_on))


def fewer(places: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Return the spans without duplicates; one span that covers all if there are more than ``MOST_READS``."""
    distinct = tuple(dict.fromkeys(places))
    if len(distinct) <= MOST_READS:
        return distinct
    return ((min(start for start, _ in distinct), max(end for _, end in distinct)),)


_Reading = tuple[Lookup, dict[tuple[int, int], None]]
"""A lookup, and the spans read through it that do not become part of the text."""


def _expand(word: Traced, i: int, stop: int, reading: _Reading, escape: str) -> tuple[list[Traced], list[str]]:
    text = word.value
    parts: list[Traced] = []
    unsettled: list[str] = []
    begin, quoted = i, False

    def literal(first: int, last: int) -> None:
        if first < last:
            parts.append(word.cut(first, last))

    special = _SPECIAL[escape]
    while match := special.search(text, i, stop):
        i, ch = match.start(), match[0]
        if ch == "$":
            end = _skip_dollar(text, i, escape)
            literal(begin, i)
            found, names = _variable(word, i, end, reading, escape)
            parts += found
            unsettled += names
            begin = i = end
        elif ch == '"':
            if not quoted:
                _skip_double(text, i, escape)
            literal(begin, i)
            begin = i = i + 1
            quoted = not quoted
        elif ch == "'" and not quoted:
            end = text.index("'", i + 1)
            literal(begin, i)
            literal(i + 1, end)
            begin = i = end + 1
        elif ch == escape and (not quoted or text[i + 1 : i + 2] in ('"', "$", escape)):
            literal(begin, i)
            begin, i = i + 1, i + 2
        else:
            i += 1
    literal(begin, stop)
    return parts, unsettled


def _variable(word: Traced, i: int, end: int, reading: _Reading, escape: str) -> tuple[list[Traced], list[str]]:
    text, (lookup, depends_on) = word.value, reading
    braced = text[i + 1 : i + 2] == "{"
    name = _name(text, i + 1 + braced)
    if not name:
        return [word.cut(i, end)], []
    value = lookup(name)
    if value is SET_BY_BUILD:
        return [word.cut(i, end)], [name]
    if value:
        depends_on.update(dict.fromkeys(value.depends_on))
    if not braced or text[i + 2 + len(name)] == "}":
        return ([value.text], list(value.unsettled)) if value else ([word.cut(i, end)], [name])
    at = i + 2 + len(name)
    empty_counts = text[at] == ":"
    at += empty_counts
    operator = text[at]
    given = bool(value) and not (empty_counts and value is not None and not value.text.value)
    settled = list(value.unsettled) if value and given else [name]
    if operator in "-+":
        if (operator == "-") == given:
            return ([value.text] if value and operator == "-" else []), settled
        if value:
            depends_on.update(dict.fromkeys(fewer(value.text.spans)))
        parts, names = _expand(word, at + 1, end - 1, reading, escape)
        return parts, settled + names
    if value is None or (operator == "?" and not given):
        return [word.cut(i, end)], [name]
    if operator == "?":
        return [value.text], settled
    depends_on.update(dict.fromkeys(fewer(value.text.spans)))
    return _edited(word, at, end, value, reading, escape), settled


def _edited(word: Traced, at: int, end: int, value: Expansion, reading: _Reading, escape: str) -> list[Traced]:
    """Expand ``${x#p}``, ``${x##p}``, ``${x%p}``, ``${x%%p}``, ``${x/p/r}`` or ``${x//p/r}`` for a known value."""
    operator, text = word.value[at], value.text
    if not value.known or len(text.value) > LONGEST_EDITED:
        raise ValueError("substitution in an unknown value, or one longer than any reference")
    every = word.value[at + 1] == operator
    if operator == "/":
        begin = at + 1 + every
        middle = _skip(word.value, begin, "/", escape)
        pattern = _pattern(word.value[begin : middle - 1])
        new, _ = _expand(word, middle, end - 1, reading, escape)
        replacement = Traced.join(new or [word.cut(middle, middle)])
        if "$" in replacement.value:
            raise ValueError("a replacement without a value")
        if not text.value and set(pattern) == {"**"}:
            return [replacement]
        parts: list[Traced] = []
        done = i = 0
        while i <= len(text.value):
            longest = max(glob_ends(pattern, text.value, i), default=i)
            if longest == i:
                if pattern[:1] == ["**"]:
                    break  # without a match here, there is none further on
                i += 1
                continue
            parts += text.cut(done, i), replacement
            done = i = longest
            if not every:
                break
        return [part for part in [*parts, text.cut(done, len(text.value))] if part.value] or [text.cut(0, 0)]
    pattern = _pattern(word.value[at + 1 + every : end - 1])
    choose = max if every else min
    length = len(text.value)
    if operator == "#":
        return [text.cut(choose(glob_ends(pattern, text.value, 0), default=0), length)]
    found = choose(glob_ends(pattern[::-1], text.value[::-1], 0), default=0)
    return [text.cut(0, length - found)]


def _pattern(text: str) -> list[str]:
    """Return a glob as tokens for ``glob_ends``. Raises ``ValueError`` for one that is too long or has quotes."""
    if len(text) > LONGEST_PATTERN or re.search(r"[$'\"]", text):
        raise ValueError("unsupported pattern")
    tokens = re.findall(r"\\(.)|(.)", text, re.DOTALL)
    return [escaped or {"*": "**", "?": ""}.get(plain, plain) for escaped, plain in tokens]


def glob_ends(pattern: list[str], text: str, start: int) -> list[int]:
    """Return the possible ends of a match that begins at ``start``, in time proportional to both lengths.

    The pattern is a list of characters, with ``""`` for any one and ``"**"`` for any number.
    """
    ends = {start}
    for token in pattern:
        if token == "**":
            ends = set(range(min(ends), len(text) + 1)) if ends else ends
        else:
            ends = {end + 1 for end in ends if end < len(text) and token in ("", text[end])}
    return sorted(ends)
