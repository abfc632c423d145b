"""Comments that suppress findings: our own, and existing ones for hadolint and BuildKit."""

import re
from collections.abc import Iterable, Iterator

from echo_migrate.dockerfile.parser import Dockerfile
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.model import Ignore

_MARK = r"\s*echo-migrate:\s*ignore(?:\[(?P<rules>[^\]\n]*)\])?(?![\w\[])"
OURS = lazy_regex(f"#{_MARK}")
SLASHED = lazy_regex(f"(?:#|//){_MARK}")
"""The same for languages in which ``//`` also begins a comment."""
_HADOLINT = lazy_regex(r"#\s*hadolint\s+(?P<all>global\s+)?ignore\s*=\s*(?P<rules>[\w, ]+)")
_BUILDKIT = lazy_regex(r"(?i)#\s*check\s*=\s*(?:error\s*=\s*\w+\s*;\s*)?skip\s*=\s*(?P<rules>[\w,*]+)")
_COMMENT = lazy_regex(r"[ \t]*(?:#|//)")
_INDENT = lazy_regex(r"[ ]*")
_WORDS = lazy_regex(r"[\w*-]+")


def ignores(text: str, file: Dockerfile) -> Iterator[Ignore]:
    """Yield each ignore comment with the range it covers: the next instruction, the next line inside one, or the file.

    Sources of the syntax: hadolint's README, "Inline ignores" (v2.15); Docker's "Build checks" reference, "skip".
    """
    if "ignore" not in text and "skip" not in text:
        return
    below: dict[int, int] = {}  # from a comment's line to the first line below that is not a comment
    for comment in reversed(file.comments):
        below[text.rfind("\n", 0, comment.text.start) + 1] = below.get(comment.below, comment.below)
    spans = {text.rfind("\n", 0, step.start) + 1: (step.start, step.end) for step in file.instructions}
    for comment in file.comments:
        value = comment.text.value
        ours = OURS.match(value)
        match = ours or _HADOLINT.match(value) or _BUILDKIT.match(value)
        if not match:
            continue
        first, last = 0, len(text)
        if not (comment.directive or ("all" in match.re.groupindex and match["all"])):
            line = below.get(comment.below, comment.below)
            end = text.find("\n", line)
            first, last = spans.get(line, (line, len(text) if end < 0 else end))
        rules = _rules(match["rules"])
        yield Ignore(rules, comment.text.start, comment.text.end, first, last, ours is not None)


def in_yaml(text: str, marks: re.Pattern[str] = OURS) -> Iterator[Ignore]:
    """Yield our ignore comments in YAML and similar formats: above a line or after its value, including the more deeply
    indented lines below."""
    found = marks.finditer(text)
    before = ((text[max(0, match.start() - 1) : match.start()], match) for match in found)
    return _indented(text, [match for one, match in before if not one or one.isspace()])  # otherwise inside a scalar


def in_python(text: str, comments: Iterable[int]) -> Iterator[Ignore]:
    """Yield our ignore comments in Python source whose comments begin at the given offsets."""
    return _indented(text, [match for place in comments if (match := OURS.match(text, place))])


def _indented(text: str, comments: list[re.Match[str]]) -> Iterator[Ignore]:
    below: dict[int, int] = {}  # from the line below a comment to the first that is not one
    ends: dict[int, int] = {}
    for match in reversed(comments):
        first = text.rfind("\n", 0, match.start()) + 1
        if not text[first : match.start()].strip():
            under = first = text.find("\n", match.end()) + 1 or len(text)
            while first not in below and _COMMENT.match(text, first):
                first = text.find("\n", first) + 1 or len(text)
            first = below[under] = below.get(first, first)
        if first not in ends:
            ends[first] = _block_end(text, first)
        yield Ignore(_rules(match["rules"]), match.start(), match.end(), first, ends[first], True)


def _block_end(text: str, first: int) -> int:
    """Return the end of the line at ``first`` and of the more deeply indented lines below it."""
    depth = _indent(text, first)
    last = text.find("\n", first)
    while last >= 0:
        below = text.find("\n", last + 1)
        line = text[last + 1 : len(text) if below < 0 else below]
        if line.strip() and _indent(text, last + 1) <= depth:
            break
        last = below
    return len(text) if last < 0 else last


def _indent(text: str, start: int) -> int:
    match = _INDENT.match(text, start)
    return match.end() - start if match else 0


def _rules(written: str | None) -> frozenset[str]:
    """Return the rules that a comment names: all without brackets, none if the brackets are empty."""
    if written is None:
        return frozenset("*")
    return frozenset("*" if word in ("*", "all") else word for word in _WORDS.findall(written))
