"""Regular expressions that are compiled on first use, as most runs use only a few of those in the rules."""

import re
from typing import Any, AnyStr, cast

_NONE = {"search": None, "match": None, "fullmatch": None, "findall": (), "finditer": (), "sub": None}
"""What the methods of a pattern return for a text in which it has no match, iterable where they return several."""


class _Lazy:
    def __init__(self, pattern: Any, flags: int, needs: tuple[str, ...], of_files: bool) -> None:
        self._written = pattern, flags
        self._needs = needs
        self._of_files = of_files

    def __getattr__(self, name: str) -> Any:
        value = _asked_first(self, name) if self._needs and name in _NONE else _compiled(self, name)
        setattr(self, name, value)  # later lookups bypass __getattr__
        return value


def _compiled(lazy: _Lazy, name: str) -> Any:
    return getattr(re.compile(*lazy._written), name)


def _asked_first(lazy: _Lazy, name: str) -> Any:
    """Return a method that is the pattern's own from the first text on that has a word that the pattern needs; of a
    pattern for whole files, one that asks for the words of each."""
    made: list[Any] = []

    def lacks(text: str) -> bool:
        small = text.casefold()
        for word in lazy._needs:  # noqa: SIM110 - a generator costs as much as three words
            if word in small:
                return False
        return True

    def own() -> Any:
        if not made:
            made.append(_compiled(lazy, name))
        if not lazy._of_files:
            setattr(lazy, name, made[0])
        return made[0]

    def search(text: str, *span: int, **named: int) -> Any:
        if named or not lacks(text[span[0] : span[1] if len(span) > 1 else None] if span else text):
            return own()(text, *span, **named)
        return [] if name == "findall" else _NONE[name]

    def sub(new: Any, text: str, *count: int, **named: Any) -> Any:
        return text if lacks(text) else own()(new, text, *count, **named)

    return sub if name == "sub" else search


def lazy_regex(
    pattern: AnyStr, flags: int = 0, needs: tuple[str, ...] = (), of_files: bool = False
) -> re.Pattern[AnyStr]:
    """Return a pattern that is compiled on first use.

    ``needs`` are words in lowercase of which each text has one in which the pattern has a match: texts without one, as
    most are, do not compile it. If it is searched for in files, or in other texts as many
    (``of_files``), they are asked for in each: to find that a Dockerfile has none takes some 4 us, to find that it has
    no match 20 to 50.
    """
    return cast("re.Pattern[AnyStr]", _Lazy(pattern, flags, needs, of_files))
