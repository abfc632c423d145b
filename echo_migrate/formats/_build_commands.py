"""Which Dockerfile a build command reads, as far as the command itself says.

Follows docs.docker.com, "docker buildx build" (``--file``, default ``PATH/Dockerfile``), and podman-build(1), which
also reads ``Containerfile``. The folder in which a command runs is not known: it is the end of a path that counts.
"""

import os
from functools import cache, partial
from typing import NamedTuple

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.tree import real, top

_BUILD = lazy_regex(
    r"(?<![\w.$/-])(?:docker|podman|nerdctl|buildah)[ \t]+(?:(?:buildx|image|builder)[ \t]+)?(?:build|bud)(?![\w.:=/-])"
)
_GAP = lazy_regex(r"(?:[ \t]|\\\r?\n)*")
_WORD = lazy_regex(
    r"(?:\$\{\{[^{}\n]*\}\}|\$\{[^{}\n]*\}|\$\([^()\n]*\)|\"(?:[^\"\\\n]|\\[^\n])*\"|'[^'\n]*'"
    r"|\\[^\r\n]|[^\s\"'`\\;&|<>()])+"
)
_PLAIN = lazy_regex(r"[\w.+-]+")
_MORE = lazy_regex(r"\s*--?\w")
"""What begins a line that goes on with a command, as in a folded scalar of YAML."""

_NAMED = lazy_regex(r"(?i)(?:docker|container)file", needs=("dockerfile", "containerfile"))
_WRITES = lazy_regex(r"(?i)(?<![\w-])(?:cat|cp|envsubst|install|ln|mv|rsync|sed|tee)\s|copy|move|render|template|write")
_REDIRECTED = lazy_regex(r"(?i)>[ \t]{0,20}[^\s>]{0,200}(?:docker|container)file")
_DEFAULTS = ("Dockerfile", "dockerfile", "Containerfile")
_FLAGS = frozenset(("--compress", "--force-rm", "--load", "--no-cache", "--pull", "--push", "--quiet", "--rm", "-q"))
"""Options that take no value, so that what follows them can be the context."""


class Build(NamedTuple):
    """The span of a build command, and how the path of its Dockerfile ends: in one of several ways."""

    start: int
    end: int
    endings: tuple[str, ...]


def builds_in(path: str, text: str) -> list[Build]:
    """Return the build commands in the text of a file, in their order, but those that do not say which Dockerfile they
    read, or of which there is none in the tree."""
    found: list[Build] = []
    if not _BUILD.search(text) or makes_dockerfiles(text):
        return found
    in_tree = cache(partial(_in_tree, path))
    end = 0
    for call in _BUILD.finditer(text):
        if call.start() >= end:
            words, end = _words(text, call.end())
            ends = end == len(text) or (text[end] in "\r\n\"';&|)" and not _MORE.match(text, end))
            endings = _endings(words) if ends else ()
            if in_tree(endings):
                found.append(Build(call.start(), end, endings))
    return found


def makes_dockerfiles(text: str) -> bool:
    """Return whether a text may copy or write a Dockerfile: then one at the path of another may be built."""
    last: dict[int, int] = {}  # where the last name on a line ends, by the start of the line
    start = end = 0
    for named in _NAMED.finditer(text):
        if named.start() >= end:
            start = text.rfind("\n", 0, named.start()) + 1
            end = text.find("\n", start) + 1 or len(text)
        last[start] = named.end()
    return any(_WRITES.search(text, *span) or _REDIRECTED.search(text, *span) for span in last.items())


def _words(text: str, start: int) -> tuple[list[str], int]:
    """Return the words of a command from an offset on, without quotes around them, and the offset at which they end."""
    words: list[str] = []
    while True:
        gap = _GAP.match(text, start)
        word = _WORD.match(text, gap.end() if gap else start)
        if not word or word[0][:1] == "#":
            return words, gap.end() if gap else start
        quoted = word[0][0] in "\"'" and word[0].count(word[0][0]) == 2 and word[0][-1] == word[0][0]
        words.append(word[0][1:-1] if quoted else word[0])
        start = word.end()


def _endings(words: list[str]) -> tuple[str, ...]:
    """Return how the path of the Dockerfile of a build ends, given the words behind ``build``."""
    for number, word in enumerate(words):
        option, equals, value = word.partition("=")
        if option == "--file":
            return _ending(value if equals else next(iter(words[number + 1 :]), ""))
        if word[:1] == "-" and word[:2] != "--" and "f" in option:
            return _ending(word[2:].removeprefix("=") or next(iter(words[number + 1 :]), "")) if word[1] == "f" else ()
    if not words or any(word[:1] == "$" for word in words[:-1]):
        return ()
    before = words[-2] if len(words) > 1 else ""
    if before[:1] == "-" and "=" not in before and before not in _FLAGS:
        return ()
    return tuple(end for name in _DEFAULTS for end in _ending(f"{words[-1]}/{name}"))


def _ending(path: str) -> tuple[str, ...]:
    """Return how a path ends: behind what is filled in, and behind the last ``..``; nothing for standard input, an
    address, and other words that are no path. Of an absolute path only the name counts, as it may be one of another
    machine."""
    steps = [step for step in path.split("/") if step != "."]
    if path[:1] in ("-", "") or "://" in path or "@" in path or not _PLAIN.fullmatch(steps[-1] if steps else ""):
        return ()
    kept: list[str] = []
    for step in reversed(steps[-1:] if path[:1] == "/" else steps):
        if not _PLAIN.fullmatch(step) or step == "..":
            break
        kept.insert(0, step)
    return ("/" + "/".join(kept),) if kept else ()


def _in_tree(path: str, endings: tuple[str, ...]) -> bool:
    """Return whether a file with one of the endings is in the folder of a file or in one above it, and no link leads
    to any."""
    folder, root = os.path.dirname(real(path)), real(top(path))
    found = False
    while True:
        for each in (folder + ending for ending in endings):
            if os.path.lexists(each):
                if real(each) != each:
                    return False
                found = True
        if len(folder) <= len(root):
            return found
        folder = os.path.dirname(folder)
