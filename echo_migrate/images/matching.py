"""Matching of image names to upstream images: exact matches from the lists of publishers, else ranked guesses with a
score from 0 to 100 and reasons that can be checked.

Scores: 100 the project's own image; 90 a mirror path that ends in a known one; 85 a known name with a variant word or a
version in it; 80 a repackager's image; 70 a known name on a third-party registry; 60 a known name in a third-party
namespace; for typos, the similarity of the names. ``tests/bench/README.md`` has precision and recall by threshold.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from echo_migrate.files.data import read_data
from echo_migrate.images.moved import successor
from echo_migrate.images.reference import Reference
from echo_migrate.images.upstream import facts, shortest

NAMED = 70
"""The minimum score for an upstream to be used; lower-scored candidates are only listed by ``match``."""

CLOSE = 80
"""The minimum similarity of two names that counts as a typo."""

_TAIL_WORDS = frozenset(
    (
        "alpine",
        "slim",
        "latest",
        "lts",
        "stable",
        "base",
        "debian",
        "ubuntu",
        "bookworm",
        "bullseye",
        "fpm",
        "jre",
        "jdk",
    )
)
_MIRRORS = frozenset(
    ("docker", "dockerhub", "docker-hub", "docker.io", "docker-io", "docker-remote", "docker-proxy", "docker-virtual")
    + ("hub", "index.docker.io", "library", "mirror", "mirrors", "proxy", "registry-1.docker.io", "remote")
)


class Candidate(NamedTuple):
    """An upstream image that a reference may mean.

    ``own`` is true if it is certainly the project's own image, and ``movable`` if it also has the project's tags, so
    that a fix may be offered (repackagers have their own versions).
    """

    upstream: str
    score: int
    reasons: tuple[str, ...]
    own: bool = False
    movable: bool = False


class Publishers(NamedTuple):
    """The data of ``mappings/publishers.yaml``."""

    own: frozenset[str]
    no_names: frozenset[str]
    aliases: dict[str, str]
    repackagers: frozenset[str]
    repackaged: dict[str, str]
    repackaged_words: frozenset[str]
    lookalikes: frozenset[str]
    lookalike_words: frozenset[str]


@lru_cache
def publishers() -> Publishers:
    data = read_data("publishers.yaml")
    return Publishers(
        frozenset(data["own"]["namespaces"]),
        frozenset(data["own"]["words"]),
        data["aliases"]["images"],
        frozenset(data["repackagers"]["namespaces"]),
        data["repackagers"]["images"],
        frozenset(data["repackagers"]["words"]),
        frozenset(data["lookalikes"]["namespaces"]),
        frozenset(data["lookalikes"]["words"]),
    )


def candidates(reference: Reference) -> list[Candidate]:
    """Return the upstream images that a reference may mean, best first; none for look-alikes and unknown names."""
    return list(_candidates(shortest(reference.name, reference.registry, facts())))


@lru_cache(maxsize=4096)
def _candidates(path: str) -> tuple[Candidate, ...]:
    known = facts()
    official, names, architectures = known.official, known.names, known.architectures
    if path in names:
        return (
            Candidate(path, 100, (f"{path} is a Docker official image" + " of old" * (path not in official),), True),
        )
    prefix, _, rest = path.partition("/")
    if prefix in architectures and rest in official:
        return (Candidate(rest, 100, (f"{rest} for the architecture {prefix}",), True),)
    lists = publishers()
    if _below(path, lists.lookalikes):
        return ()
    if path in lists.aliases:
        return (Candidate(lists.aliases[path], 100, (f"{path} is the project's own image",), True),)
    if path in lists.repackaged:
        return (Candidate(lists.repackaged[path], 80, (f"another build of {lists.repackaged[path]} than upstream's",)),)
    tail = path.rpartition("/")[2]
    below_registry = path.partition("/")[2] if _has_registry(path) else path
    if not lists.lookalike_words.isdisjoint(re.split(r"[-_./]", below_registry)):
        return ()
    if _below(path, lists.repackagers):
        ending = "/".join(path.split("/")[-2:])  # calico/node is not node, even if repackaged
        name = lists.aliases.get(ending) or _known(tail, lists.repackaged_words, names) or tail
        return (Candidate(name, 80, (f"{path.rpartition('/')[0]} has its own build of {name}",)),)
    moved = successor(path)
    if moved:
        return _candidates(moved)
    if "/" in path and _below(path, lists.own):  # the names without a namespace are Docker's
        return (Candidate(_own_name(path, official), 100, (f"{path} is the project's own image",), True),)
    twice = path.split("/")[-2:] == [tail, tail]
    if twice and path.removesuffix(f"{tail}/{tail}") in ("", "ghcr.io/", "quay.io/"):
        reason = f"{path} bears the project's name twice"
        return (Candidate(_own_name(path, official), 100, (reason,), True),)
    found = [*_mirrored(path, official, lists), *_named_by_its_tail(path, official), *_varied(path, official)]
    if not found and "/" not in path and path not in lists.own:
        found = _misspelt(path, official)
    return tuple(sorted(found, key=lambda candidate: -candidate.score))


def _below(path: str, namespaces: frozenset[str]) -> bool:
    """Return whether a path, or one of its parents, is in the namespaces."""
    parts = path.split("/")
    return any("/".join(parts[:end]) in namespaces for end in range(1, len(parts) + 1))


def _known(tail: str, words: frozenset[str], names: frozenset[str]) -> str | None:
    """Return the last path component without the given words; and without a version if that makes it a known one."""
    name = "-".join(piece for piece in re.split(r"[-_]", tail) if piece not in words)
    return next((spelling for spelling in (name, name.rstrip("0123456789.")) if spelling in names), name or None)


def _own_name(path: str, official: frozenset[str]) -> str:
    """Return the canonical name of an image in a project's own namespace; never that of an official image, or of one of
    old, as ``debezium/postgres`` is not postgres."""
    name = path.rpartition("/")[2].replace("_", "-")
    lists = publishers()
    taken = name in official or name in facts().names or name in lists.no_names or name in lists.aliases.values()
    return "/".join(path.split("/")[-2:]) if taken else name


def _has_registry(path: str) -> bool:
    first = path.partition("/")[0]
    return "/" in path and ("." in first or ":" in first or first == "localhost")


def _mirrored(path: str, official: frozenset[str], lists: Publishers) -> list[Candidate]:
    """Return the candidate for a path on a registry that ends in a known one: ``host/dockerhub/library/python``."""
    parts = path.split("/")
    if not _has_registry(path):
        return []
    for begin in range(1, len(parts) - 1):
        ending = "/".join(parts[begin:])
        name = lists.aliases.get(ending) or ("/".join(parts[begin:-1]) in lists.own and _own_name(ending, official))
        if name:
            return [Candidate(name, 90, (f"the path ends in {ending}", f"{parts[0]} may mirror it"), movable=True)]
    if len(parts) > 2 and parts[-2] in _MIRRORS and parts[-1] in official:
        return [Candidate(parts[-1], 90, (f"{'/'.join(parts[:-1])} looks like a mirror of Docker Hub",), movable=True)]
    return []


def _named_by_its_tail(path: str, official: frozenset[str]) -> list[Candidate]:
    parts = path.split("/")
    if len(parts) != 2 or parts[1] not in official:
        return []
    if _has_registry(path):
        return [Candidate(parts[1], 70, (f"{parts[0]} has an image of that name; it may be another one",))]
    return [Candidate(parts[1], 60, (f"{parts[0]} publishes an image of that name; it is not the official one",))]


def _varied(path: str, official: frozenset[str]) -> list[Candidate]:
    """Return the candidate for a known name with a version or variant words: ``python3``, ``node-alpine``."""
    if path.count("/") > 1 or _has_registry(path):
        return []
    tail = path.rpartition("/")[2]
    name = _known(tail, _TAIL_WORDS, official)
    if name is None or name == tail or name not in official:
        return []
    score = 85 if "/" not in path else 60
    reason = f"{tail} is {name} with a version or a variant in its name"
    return [Candidate(name, score, (reason,), movable="/" not in path)]


def _misspelt(path: str, official: frozenset[str]) -> list[Candidate]:
    """Return the candidates for a typo; the library is only imported if a name has that first letter and similar
    length."""
    near = [name for name in official if name[0] == path[0] and abs(len(name) - len(path)) < 2]
    if not near or len(path) < 5:
        return []
    from rapidfuzz.distance import DamerauLevenshtein

    scored = ((round(100 * DamerauLevenshtein.normalized_similarity(path, name)), name) for name in sorted(near))
    return [
        Candidate(name, score, (f"{path} is spelt like {name}",), movable=True)
        for score, name in scored
        if score >= CLOSE
    ]
