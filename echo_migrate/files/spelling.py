"""How a name is shown, and which known one it is most like."""

from collections.abc import Iterable

from echo_migrate.files.lazy_regex import lazy_regex


def near(name: str, known: Iterable[str]) -> str:
    """ "did you mean …?" for a name that is not among the known ones, or nothing."""
    from difflib import get_close_matches

    found = get_close_matches(name, list(known), 1)
    return f"did you mean {found[0]!r}?" if found else ""


def shown(value: str) -> str:
    """Return a reference as people are shown it: no name has a letter beyond ASCII, and many look like one that has.

    The ellipsis is ours, for what is not known.
    """
    value = unsigned(value)
    if value.isascii():
        return value
    return "".join(ch if ch.isascii() or ch == "…" else ch.encode("ascii", "backslashreplace").decode() for ch in value)


def unsigned(value: str) -> str:
    """Return a reference without a login before its registry, which is no part of one, and is nobody's to see."""
    return _LOGIN.sub("***@", value) if "@" in value else value


_LOGIN = lazy_regex(r"(?<![^/\s])[^/\s:@]+:[^/\s@]+@(?=[\w.-]+(?::[0-9]+)?/)")
