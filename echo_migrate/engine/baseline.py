"""The findings of a day, kept in a file, so that a team can start with hundreds and see the new ones alone.

A finding is known by its fingerprint, so that it stays known when lines shift and when its file is renamed. What is
gone is taken out of the file, so that it is new if it comes back.
"""

import json
import os
from collections import Counter
from typing import Any

from echo_migrate.engine.fingerprints import fingerprints
from echo_migrate.files.source import Unreadable, contents
from echo_migrate.files.write import replace
from echo_migrate.model import Result
from echo_migrate.rules import FORMER
from echo_migrate.rules.unreadable_file import unreadable_file

VERSION = 1
LARGEST = 100_000_000
"""Of what a file can be: a finding takes 100 bytes."""

Known = dict[str, Counter[tuple[str, str]]]
"""By path: how often a rule and a fingerprint are known."""


class Unusable(ValueError):
    """A baseline that cannot be read; the message names the file and the remedy."""


def read(path: str) -> Known:
    """Return the findings of a baseline. Raises ``Unusable``."""
    remedy = "write it anew with `echo-migrate baseline`"
    try:
        document: Any = json.loads(contents(path, LARGEST))
        if document["version"] != VERSION:
            raise Unusable(f"{path}: is of version {document['version']}, and {VERSION} is known: {remedy}")
        found: Known = {}
        for name, rules in document["findings"].items():
            counts = {(FORMER.get(rule, rule), mark): n for rule, marks in rules.items() for mark, n in marks.items()}
            if not all(isinstance(n, int) and n > 0 for n in counts.values()):
                raise ValueError("a count is no number")
            found[name] = Counter(counts)
        return found
    except Unreadable as error:
        raise Unusable(f"{path}: {error}: {remedy}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        if isinstance(error, Unusable):
            raise
        raise Unusable(f"{path}: is no baseline: {remedy}") from None


def replaceable(path: str) -> bool:
    """Return whether nothing is lost if a baseline is written there: it is one, of any version, or nothing is there."""
    try:
        document = json.loads(contents(path, LARGEST))
    except (Unreadable, ValueError, RecursionError):
        return not os.path.lexists(path)
    return isinstance(document, dict) and document.keys() >= {"version", "findings"}


def of(results: list[Result], folder: str) -> Known:
    """Return the findings of a run; paths are from a folder, that of the baseline."""
    found: Known = {}
    for result in results:
        marks = Counter((finding.rule, mark) for finding, mark in fingerprints(result))
        if marks:
            found[_name(result.source.path, folder)] = marks
    return found


def write(path: str, known: Known) -> None:
    """Write a baseline: sorted, a line a finding, so that it merges well. Raises ``NotWritten``."""
    findings: dict[str, dict[str, dict[str, int]]] = {}
    for name in sorted(name for name, marks in known.items() if marks):
        rules: dict[str, dict[str, int]] = {}
        for (rule, mark), count in sorted(known[name].items()):
            rules.setdefault(rule, {})[mark] = count
        findings[name] = rules
    text = json.dumps({"version": VERSION, "findings": findings}, indent=1) + "\n"
    replace(path, text.encode())


def compare(results: list[Result], known: Known, folder: str, rules: frozenset[str]) -> tuple[list[Result], Known]:
    """Return the results with their new findings alone, and the baseline without what is gone.

    Gone is what a file of the run no longer has, by the ``rules`` that were asked, and what a file had that is not
    there any more; a finding that was in such a file is looked for in the others first.
    """
    faulty = {id(one) for one in results if any(found.rule == unreadable_file.id for found in one.findings)}
    read = {_name(result.source.path, folder) for result in results if id(result) not in faulty}
    gone = {name for name in known if name not in read and not os.path.lexists(os.path.join(folder, name))}
    moved = Counter[tuple[str, str]]()
    for name in gone:
        moved.update(known[name])
    left = {name: marks for name, marks in known.items() if name not in read and name not in gone}
    new = []
    for result in results:
        name = _name(result.source.path, folder)
        own, kept, fresh = Counter(known.get(name, ())), Counter[tuple[str, str]](), []
        for finding, mark in fingerprints(result):
            key = (finding.rule, mark)
            source = next((one for one in (own, moved) if one[key] > 0), None)
            if source is None:
                fresh.append(finding)
            else:
                source[key] -= 1
                kept[key] += 1
        unread = id(result) in faulty  # what it had is not gone: it was not looked at
        kept += Counter({key: count for key, count in own.items() if unread or key[0] not in rules})
        left[name] = kept
        new.append(result._replace(findings=tuple(fresh)))
    return new, {name: marks for name, marks in left.items() if marks}


def _name(path: str, folder: str) -> str:
    return os.path.relpath(path, folder).replace(os.sep, "/")
