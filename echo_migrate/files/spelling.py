"""How names are shown in messages, and suggestions for misspelt ones."""

from collections.abc import Iterable, Sequence

from echo_migrate.files.lazy_regex import lazy_regex

TEMPLATE = r"\.(?:erb|gotmpl|in|j2|jinja2?|template|tm?pl)"
"""What the name of a template has behind that of the file which is made of it, as a regular expression."""


def near(name: str, known: Iterable[str]) -> str:
    """Return a suggestion ("did you mean …?") for an unknown name, or an empty string."""
    from difflib import get_close_matches

    found = get_close_matches(name, list(known), 1)
    return f"did you mean {found[0]!r}?" if found else ""


def unknown_key(key: str, known: Iterable[str]) -> str:
    """Return what is wrong with a key that a table cannot have: a suggestion, or all keys that there are."""
    names = list(known)
    return f"unknown key {key!r}: " + (near(key, names) or f"known are {', '.join(names)}")


MOST_NAMED = 2


def few(names: Sequence[str], most: int = MOST_NAMED) -> str:
    """Return the first names as text for a message, at most so many, and how many more there are."""
    text, left = ", ".join(names[:most]), len(names) - most
    return f"{text} and {left} more" if left > 0 else text


def shown(value: str) -> str:
    """Return a reference for display, with non-ASCII characters escaped: none is valid, and many look like ASCII.

    The ellipsis is kept, as this program uses it for unknown parts.
    """
    value = unsigned(value)
    if value.isascii():
        return value
    return "".join(ch if ch.isascii() or ch == "…" else ch.encode("ascii", "backslashreplace").decode() for ch in value)


def unsigned(value: str) -> str:
    """Return a reference with the credentials before its registry masked; they are not part of a reference."""
    return _LOGIN.sub("***@", value) if "@" in value else value


_LOGIN = lazy_regex(r"(?<![^/\s])[^/\s:@]+:[^/\s@]+@(?=[\w.-]+(?::[0-9]+)?/)")


def as_variables(text: str) -> str:
    """Return a text with each of its words as a word of a variable's name: ``prod-echo`` as ``_prod_echo_``."""
    return _WORD.sub(lambda word: f"_{word[0].replace('-', '_')}_", text)


_WORD = lazy_regex(r"[\w.-]+")
