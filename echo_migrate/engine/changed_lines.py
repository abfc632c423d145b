"""The lines that differ from a revision, according to git."""

import io
import os
import re
from bisect import bisect_right
from typing import NamedTuple

from echo_migrate.files.git import UnsafeFilter, git, top_of, unfiltered
from echo_migrate.model import Finding, Result
from echo_migrate.rules.unreadable_file import unreadable_file

_HUNK = re.compile(rb"@@ -\S+ \+(\d+)(?:,(\d+))? @@")
_ESCAPED = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
_LETTERS = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
_ALL = (1, 10**9)


class NoRevision(ValueError):
    """A revision that cannot be compared with; the message gives the reason and the remedy."""


class Changed(NamedTuple):
    """The ranges of changed lines, as first and last line, by the real path of each file."""

    lines: dict[bytes, list[tuple[int, int]]]

    def limited(self, result: Result) -> Result:
        """Return the result with only the findings that overlap changed lines."""
        spans = self.lines.get(os.fsencode(os.path.realpath(result.source.path)), [])
        return result._replace(findings=tuple(one for one in result.findings if _on(result, one, spans)))


def changed(revision: str) -> Changed:
    """Return the changes between a revision and the working tree, untracked files included.

    The comparison is with the merge base, if there is one, so that later changes on the side of the revision do not
    count. Raises ``NoRevision``.
    """
    root = top_of(".")
    if not root:
        raise NoRevision("--diff-base needs a git repository, and git: run it in one, or leave it out")
    commit = git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if commit is None:
        shallow = (git(root, "rev-parse", "--is-shallow-repository") or b"").strip() == b"true"
        remedy = (
            "fetch it (git fetch origin REV; in CI, fetch with full depth: fetch-depth: 0)"
            if shallow
            else "name another"
        )
        raise NoRevision(f"--diff-base {revision}: there is no such revision here: {remedy}")
    sha = commit.strip().decode()
    base = (git(root, "merge-base", sha, "HEAD") or commit).strip().decode()
    options = (
        "--unified=0",
        "--inter-hunk-context=0",
        "--text",
        "--no-color",
        "--no-ext-diff",
        "--no-textconv",
        "--ignore-submodules=all",
        "--submodule=short",
        "--find-renames",
        "--diff-filter=d",  # deleted files have no lines
        "--no-relative",
    )
    try:
        settings = unfiltered(root)
    except UnsafeFilter as error:
        raise NoRevision(f"--diff-base {revision}: git would run a program of this repository: {error}") from None
    prefixes = ("--src-prefix=a/", "--dst-prefix=b/")
    patch = git(root, "diff", *options, *prefixes, base, "--", settings=settings)
    new = None if patch is None else git(root, "ls-files", "-z", "--others", "--exclude-standard")
    if patch is None or new is None:
        raise NoRevision(f"--diff-base {revision}: git could not compare with it")
    lines = dict(_lines(patch))
    lines |= {name: [_ALL] for name in new.split(b"\0") if name}
    return Changed(
        {os.fsencode(os.path.realpath(os.path.join(root, os.fsdecode(name)))): spans for name, spans in lines.items()}
    )


def _lines(patch: bytes) -> list[tuple[bytes, list[tuple[int, int]]]]:
    found: list[tuple[bytes, list[tuple[int, int]]]] = []
    left = 0  # remaining lines of a hunk, whose text may look like a header
    for whole in io.BytesIO(patch):  # a list of all lines can take twenty times the memory
        line = whole.rstrip(b"\n")
        hunk = _HUNK.match(line)
        if left and line[:1] in (b"+", b"-", b"\\"):
            left -= line[:1] != b"\\"
        elif line.startswith(b"+++ "):
            found.append((_name(line[4:].rstrip(b"\t")), []))
        elif hunk and found:
            start, count = int(hunk[1]), int(hunk[2] or 1)
            removed = re.match(rb"@@ -\d+(?:,(\d+))?", line)
            left = count + int((removed and removed[1]) or 1)
            if count:
                found[-1][1].append((start, start + count - 1))
    return found


def _name(written: bytes) -> bytes:
    """Return a path without its prefix, and without git's quotes for unusual characters."""
    if written.startswith(b'"'):
        written = _ESCAPED.sub(
            lambda match: bytes([int(match[1], 8)]) if len(match[1]) == 3 else _LETTERS.get(match[1], match[1]),
            written[1:].rstrip().removesuffix(b'"'),
        )
    return written.removeprefix(b"b/")


def _on(result: Result, finding: Finding, spans: list[tuple[int, int]]) -> bool:
    if finding.rule == unreadable_file.id:
        return True  # it represents findings that could not be determined
    for start, end in finding.places:
        first, _ = result.source.position(start)
        last, _ = result.source.position(end)
        place = bisect_right(spans, (last, _ALL[1]))  # spans are sorted and disjoint
        if place > 0 and spans[place - 1][1] >= first:
            return True
    return False
