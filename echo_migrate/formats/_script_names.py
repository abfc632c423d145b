"""The names of a script's text, and the order of its commands."""

from bisect import bisect
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.formats._templates import without_comments
from echo_migrate.images.reference import VARIABLE, bare
from echo_migrate.model import Image
from echo_migrate.shell.commands import Command

_NAMED = lazy_regex(r"(?<![\w${!#])[A-Za-z_]\w*")
_SET = lazy_regex(r"(?<![\w$!#])(?<!\$\{)(?<!env\.)(?<!\{\{\.)(?<!\{\{ \.)[A-Za-z_]\w*")

PLAIN_VARIABLE = lazy_regex(r"\$(?:(\w+)|\{(\w+)\})")
"""A variable without a default."""

_REPEATED = frozenset(("case", "for", "function", "while"))
"""Constructs in which the order of the commands is not that of the text, or which a function or loop runs again."""


@lru_cache(maxsize=2)  # a pipeline file makes this call for each of its scripts
def counted(text: str) -> tuple[str, Counter[str]]:
    """Return the text with comments replaced by spaces, and the number of times that each name occurs in it."""
    bare = without_comments(text)
    return bare, Counter(_NAMED.findall(bare))


@lru_cache(maxsize=2)
def names_set(text: str) -> Counter[str]:
    """Return how often a text has each name apart from the uses of a variable, those in GitHub's expressions too."""
    return Counter(_SET.findall(counted(text)[0]))


def spelled(name: str) -> str:
    """Return a name with its variables in one spelling, and the default tag if it has neither tag nor digest."""
    tagged = name if ":" in name.rpartition("/")[2] or "@" in name else f"{name}:latest"
    return PLAIN_VARIABLE.sub(lambda match: f"${{{match[1] or match[2]}}}", tagged)


def as_written(image: Image, text: str) -> Image:
    """Return an image with the variables of its reference as written in the file: those of other languages (make,
    GitHub) were replaced by shell variables of the same length."""
    read, written = image.ref.value, "".join(text[start:end] for start, end in image.ref.spans)
    if read == written or len(read) != len(written):
        return image
    names = {bare(match[0]): bare(written[match.start() : match.end()]) for match in VARIABLE.finditer(read)}
    unsettled = tuple(names.get(name, name) for name in image.unsettled)
    written = read if "$$" in written else written  # the $$ of make is not part of a reference
    return image._replace(ref=image.ref._replace(value=written), unsettled=unsettled)


def follows(command: Command, others: list[int], jobs: Sequence[int]) -> bool:
    """Return whether a command may run after one of others, by their offsets, in the same job: ``jobs`` are where each
    begins, in order. Where there are none, as in a makefile, what stands below may run before."""
    together = [other for other in others if bisect(jobs, other) == bisect(jobs, command.start)]
    ordered = bool(jobs) and _REPEATED.isdisjoint(command.inside)
    return any(other < command.start or not ordered for other in together)
