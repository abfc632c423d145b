"""The names of a script's text: how often each is there."""

from collections import Counter
from functools import lru_cache

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.formats._templates import without_comments

_NAMED = lazy_regex(r"(?<![\w${!#])[A-Za-z_]\w*")
_SET = lazy_regex(r"(?<![\w$!#])(?<!\$\{)(?<!env\.)(?<!\{\{\.)(?<!\{\{ \.)[A-Za-z_]\w*")

PLAIN_VARIABLE = lazy_regex(r"\$(?:(\w+)|\{(\w+)\})")
"""A variable without a default."""


@lru_cache(maxsize=2)  # a pipeline file makes this call for each of its scripts
def counted(text: str) -> tuple[str, Counter[str]]:
    """Return the text with comments replaced by spaces, and the number of times that each name occurs in it."""
    bare = without_comments(text)
    return bare, Counter(_NAMED.findall(bare))


@lru_cache(maxsize=2)
def names_set(text: str) -> Counter[str]:
    """Return how often a text has each name apart from the uses of a variable, those in GitHub's expressions too."""
    return Counter(_SET.findall(counted(text)[0]))


def in_braces(name: str) -> str:
    """Return a name with its variables in one spelling."""
    return PLAIN_VARIABLE.sub(lambda match: f"${{{match[1] or match[2]}}}", name)


def tagged(name: str) -> str:
    """Return a name with the default tag if it has neither tag nor digest."""
    return name if ":" in name.rpartition("/")[2] or "@" in name else f"{name}:latest"
