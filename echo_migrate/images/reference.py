"""Image references: ``registry/repository:tag@digest``, possibly with variables in place of parts.

Follows the grammar of distribution/reference (github.com/distribution/reference, reference.go and normalize.go).
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from echo_migrate.files.lazy_regex import lazy_regex

HUB = "docker.io"
"""The registry of names that have none."""

LONGEST = 1000
"""The maximum length in characters: a name has at most 255 (reference.go), a tag 128; the rest is for variables and
digests."""

VARIABLE = lazy_regex(
    r"\$(?:\{\{(?:[^{}]|\{\d+\})*\}\}|\{[^{}]*\}|\([^()]*\)|\[(?:[^\[\]]|\[[^\[\]]*\])*\]|\w+)|<<[ \t]*\w+\.[^<>\n]*>>",
    needs=("$", "<<"),
)
"""A variable of a shell, a build or Compose; in double braces of GitHub, in parentheses of make or Kubernetes, in
brackets of GitLab or Azure, in angle brackets of CircleCI."""

ANY = "*"
"""A part of a name that is the owner or the name of the repository, whatever these are."""

TAGGED = lazy_regex(r"(?:[\w.-]+(?::\d+)?/){0,5}[a-z0-9]+(?:[._-][a-z0-9]+)*(?::[\w.-]+|@sha256:[0-9a-f]{64}){1,2}")
"""A reference in one piece, with a tag or a digest."""

_REGISTRY = lazy_regex(r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]+)?")
_REPOSITORY = lazy_regex(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*")
_TAG = lazy_regex(r"\w[\w.-]{0,127}", re.ASCII)
_DIGEST = lazy_regex(r"[A-Za-z][A-Za-z0-9]*(?:[+._-][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}")
_PAIRS = ("{}", "()", "[]", "<>")
_VERSION = lazy_regex(r"v?[0-9]|\$|<<|latest$")


def variables(value: str) -> tuple[str, ...]:
    """Return the names of the variables in a reference, each once."""
    return tuple(dict.fromkeys(bare(match[0]) for match in VARIABLE.finditer(value))) if is_open(value) else ()


def is_open(text: str) -> bool:
    """Return whether a text has a variable, or what may be one."""
    return "$" in text or ("<<" in text and bool(VARIABLE.search(text)))


def with_values(values: Mapping[str, str], text: str) -> str:
    """Return a text with variables, given as they are written, replaced by their values."""
    return VARIABLE.sub(lambda found: values.get(found[0], found[0]), text)


def bare(variable: str) -> str:
    """Return the name of a variable without dollar sign and brackets."""
    name = variable.lstrip("$")
    while name and (name[0] + name[-1] in _PAIRS or name != name.strip()):
        name = name.strip() if name != name.strip() else name[1:-1]
    return name


def bare_name(variable: str) -> str:
    """Return the name of a variable without a default: ``V`` of ``V:-22``."""
    return bare(variable).partition(":")[0].partition("-")[0]


def name_shown(name: str, written: str) -> str:
    """Return the name of a variable as a text, ``written``, has it: ``$$`` of make is read as a dollar sign and a
    padding character, and an argument of a script is known by its dollar sign."""
    own = name.removeprefix("_")
    if f"$${own}" in written or f"$${{{own}" in written:
        return own
    return f"${name}" if name.isdigit() else name


class TagWord(NamedTuple):
    """A part of a tag between dashes, and its offsets in the reference."""

    text: str
    start: int
    end: int


class Reference(NamedTuple):
    """The parts of a reference. ``registry`` is "" if none is given; ``name_end`` is the offset of the name's end."""

    registry: str
    repository: str
    tag: str | None
    digest: str | None
    name_end: int

    @property
    def name(self) -> str:
        return f"{self.registry}/{self.repository}" if self.registry else self.repository

    @property
    def words(self) -> tuple[TagWord, ...]:
        """The dash-separated parts of the tag; a dash inside ``${…}`` does not separate."""
        return () if self.tag is None else _words(self.tag, self.name_end + 1)


@lru_cache(maxsize=1024)
def _words(tag: str, first: int) -> tuple[TagWord, ...]:
    start, words = first, []
    for piece in _masked(tag).split("-"):
        words.append(TagWord(tag[start - first : start - first + len(piece)], start, start + len(piece)))
        start += len(piece) + 1
    return tuple(words)


@lru_cache(maxsize=4096)  # an image is asked about several times
def parse(value: str) -> Reference:
    """Parse a reference. Raises ``ValueError`` for one that no builder would pull."""
    if len(value) > LONGEST:
        raise ValueError("longer than any reference")
    masked = _masked(value)
    at = masked.find("@")
    name_end = len(value) if at < 0 else at
    colon = masked.rfind(":", masked.rfind("/", 0, name_end) + 1, name_end)
    tag = None
    if colon >= 0:
        tag, name_end = value[colon + 1 : name_end], colon
    digest = None if at < 0 else value[at + 1 :]
    slash = masked.find("/", 0, name_end)
    first = masked[:slash] if slash >= 0 else ""
    has_registry = slash >= 0 and ("." in first or ":" in first or first == "localhost" or first != first.lower())
    registry = value[:slash] if has_registry else ""
    repository = value[slash + 1 : name_end] if has_registry else value[:name_end]
    for text, pattern in ((registry, _REGISTRY), (tag, _TAG), (digest, _DIGEST)):
        if text and not pattern.fullmatch(_masked(text)) and not VARIABLE.fullmatch(text):
            raise ValueError(f"{text} is not valid there")
    if tag == "" or digest == "" or not _REPOSITORY.fullmatch(_masked(repository)):
        raise ValueError("not an image reference")
    return Reference(registry, repository, tag, digest, name_end)


def parsed(value: str) -> Reference | None:
    """Return the parsed reference, or None for one that no builder would pull."""
    try:
        return parse(value)
    except ValueError:
        return None


def full_name(reference: Reference) -> str:
    """Return the full name of an image. A tag beside a digest is left out, as registries do."""
    registry, repository = reference.registry, reference.repository
    if registry in ("", "index.docker.io", "registry-1.docker.io"):
        registry = HUB
    if registry == HUB and "/" not in repository:
        repository = f"library/{repository}"
    if reference.digest is not None:
        return f"{registry}/{repository}@{reference.digest}"
    return f"{registry}/{repository}:{reference.tag or 'latest'}"


def familiar(value: str) -> str:
    """Return a name in its shortest spelling, as a builder compares it with those of its contexts and stages.

    Follows reference.FamiliarString (distribution/reference), from which BuildKit strips ``:latest``
    (dockerui/namedcontext.go); stage names are lowercase.
    """
    name = value.lower().removesuffix(":latest")
    for prefix in ("index.docker.io/", "docker.io/"):
        name = name.removeprefix(prefix)
    return name.removeprefix("library/")


def untagged(value: str) -> str:
    """Return a name without tag and digest; it need not be a valid reference."""
    path, slash, last = value.rpartition("/")
    return path + slash + last.partition("@")[0].partition(":")[0]


def is_number(text: str) -> bool:
    """Return whether a text is a decimal number that can be that of a port or a stage."""
    return text.isascii() and text.isdigit() and len(text) < 10


def is_version(word: str) -> bool:
    """Return whether the first word of a tag is a version: it starts with a digit, ``v`` and a digit, or a variable, or
    it is ``latest``."""
    return bool(_VERSION.match(word))


def name_change(old: str, new: str) -> tuple[int, int, str]:
    """Return the smallest change, in whole path components, from the name ``old`` to ``new``: start, end, new text."""
    ours, theirs = old.split("/"), new.split("/")
    same = 0
    while same < min(len(ours), len(theirs)) and ours[-1 - same] == theirs[-1 - same]:
        same += 1
    kept = len("/".join(ours[len(ours) - same :]))
    head = "/".join(theirs[: len(theirs) - same])
    if same == len(ours):
        return 0, 0, f"{head}/" if head else ""
    if same == len(theirs):
        return 0, len(old) - kept, ""
    return 0, len(old) - kept - (1 if same else 0), head


def tag_change(end: int, old: str | None, new: str) -> list[tuple[int, int, str]]:
    """Return the smallest change from the tag ``old`` (None for no tag), which follows a name that ends at ``end``, to
    the tag ``new``: start, end, new text; none if they mean the same."""
    if old is None:
        return [] if new == "latest" else [(end, end, f":{new}")]
    start = _alike(old, new)
    same = _alike(old[start:][::-1], new[start:][::-1])
    return [(end + 1 + start, end + 1 + len(old) - same, new[start : len(new) - same])] if old != new else []


def _alike(one: str, other: str) -> int:
    """Return the number of characters that two texts begin with alike."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _masked(text: str) -> str:
    """Return the text with each variable masked by ``x`` characters, so that its contents separate nothing."""
    return VARIABLE.sub(lambda match: "x" * len(match.group()), text) if is_open(text) else text
