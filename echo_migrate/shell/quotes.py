"""What is left of a word of a shell without its quotes and escapes."""

import re
from collections.abc import Iterator

from echo_migrate.files.lazy_regex import lazy_regex

_QUOTED = lazy_regex(r"'([^']*)'?|\"((?:[^\"\\]+|\\.)*)\"?|\\(.)|[^'\"\\]+|\\$", re.DOTALL)
_ESCAPED = lazy_regex(r"\\([$`\"\\])|\\\n")


def unquoted(value: str) -> Iterator[tuple[int, int, str]]:
    """Yield the pieces of a word that remain without quotes and escapes, as (start, end, quote)."""
    for match in _QUOTED.finditer(value):
        if match[1] is not None:
            yield (*match.span(1), "'")
        elif match[2] is not None:
            start, end = match.span(2)
            for escape in _ESCAPED.finditer(value, start, end):
                yield start, escape.start(), '"'
                start = escape.start(1) if escape[1] else escape.end()
            yield start, end, '"'
        elif match[3] is not None:
            yield (*match.span(3), "'")
        else:
            yield (*match.span(), "")
