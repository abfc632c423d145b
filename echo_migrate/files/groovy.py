"""A reader for the tokens of Groovy with their offsets; what a Jenkinsfile says is found in their order.

Follows the Groovy language documentation, "Syntax" (groovy-lang.org, 4.0): comments, strings, identifiers. An
expression in a string may have strings and braces one deep; strings between ``$/`` and ``/$`` are read as what is in
them.
"""

from typing import Literal, NamedTuple

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Traced
from echo_migrate.files.values import NotRead

MOST_TOKENS = 200_000

_TOKEN = lazy_regex(
    r"""(?sx)
    (?P<space>\s++|//[^\n]*+|/\*(?>(?:[^*]|\*(?!/))*)\*/|\A\#![^\n]*+|\\\r?\n)
    |(?P<text>'''(?>(?:[^'\\]|\\.|'(?!''))*)'''
        |\"{3}(?>(?:[^\"\\$]|\\.|\"(?!\"\")|\$(?!\{)|\$\{(?>(?:[^{}]|\{[^{}]*+\})*)\})*)\"{3}
        |'(?>(?:[^'\\\n]|\\.)*)'
        |\"(?>(?:[^\"\\$\n]|\\.|\$(?!\{)|\$\{(?>(?:[^{}\"\n]|\"[^\"\n]*+\"|\{[^{}\n]*+\})*)\})*)\")
    |(?P<word>[A-Za-z_$][\w$]*+)
    |(?P<number>\d[\w.]*+)
    |(?P<other>[^\"'])
    """
)
_SLASHY = lazy_regex(r"/(?>(?:[^/\\\n]|\\.)+)/")
_OVER_LINES = lazy_regex(r"(?s)/(?>(?:[^/\\]|\\.)*)")
_BEFORE_A_PATTERN = frozenset("(,=~[:!&|?{;") | {"return", "in"}
"""What stands before a slash that begins a string; elsewhere it divides."""


class Token(NamedTuple):
    """A token: ``value`` is its source text, that of a ``text`` what is between its quotes. ``quote`` are these; a text
    in double quotes may have expressions. ``start`` and ``end`` include the quotes; ``line`` counts from 1."""

    kind: Literal["word", "text", "other"]
    value: str
    start: int
    end: int
    line: int
    quote: str = ""

    @property
    def traced(self) -> Traced:
        """The string of a text with its source span; without one if it has escapes."""
        inside = self.start + len(self.quote), self.end - len(self.quote)
        return Traced(self.value, () if "\\" in self.value else (inside,))


def tokens(text: str) -> list[Token]:
    """Return the tokens of a text, without comments. Raises ``NotRead``.

    After a slash whose string does not end on its line, quotes are not read as strings up to the next slash, nor at all
    if there is none.
    """
    found: list[Token] = []
    place, line, doubt = 0, 1, 0
    while place < len(text):
        before = found[-1].value if found else ";"
        pattern = text[place] == "/" and before in _BEFORE_A_PATTERN and text[place + 1 : place + 2] not in ("/", "*")
        slashy = _SLASHY.match(text, place) if pattern else None
        if pattern and not slashy and place >= doubt and (over := _OVER_LINES.match(text, place)):
            doubt = over.end()
        match = slashy or _TOKEN.match(text, place)
        if match is None:
            raise NotRead("has a string that does not end", place)
        written, kind, span = match[0], match.lastgroup, match.span()
        if kind == "text" and place >= doubt:
            quote = written[:3] if len(written) >= 6 and written[:3] in ("'''", '"""') else written[0]
            found.append(Token("text", written[len(quote) : -len(quote)], *span, line, quote))
        elif kind != "space":
            found.append(Token("word" if kind == "word" else "other", written, *span, line))
        if len(found) > MOST_TOKENS:
            raise NotRead(f"has more than {MOST_TOKENS:,} tokens")
        place, line = match.end(), line + written.count("\n")
    return found
