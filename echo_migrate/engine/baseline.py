"""Baselines: existing findings recorded in a file, so that a team can start with hundreds and see only new ones.

Findings are identified by fingerprint, and so are still recognised when lines shift or a file is renamed. Fixed
findings are removed from the baseline, and are new if they come back.
"""

import json
import os
from collections import Counter
from typing import Any

from echo_migrate.engine.fingerprints import fingerprints
from echo_migrate.files.patterns import slashed
from echo_migrate.files.source import Unreadable, contents
from echo_migrate.files.write import replace
from echo_migrate.model import Finding, Result
from echo_migrate.rules import FORMER
from echo_migrate.rules.unreadable_file import unreadable_file

VERSION = 1
LARGEST = 100_000_000
"""The maximum size of a baseline in bytes: a finding takes 100."""

Known = dict[str, Counter[tuple[str, str]]]
"""By path, the number of known findings for each rule and fingerprint."""


class Unusable(ValueError):
    """A baseline that cannot be read; the message gives the file and the remedy."""


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
    """Return whether a baseline can be written to a path without loss: it is one, of any version, or does not exist."""
    try:
        document = json.loads(contents(path, LARGEST))
    except (Unreadable, ValueError, RecursionError):
        return not os.path.lexists(path)
    return isinstance(document, dict) and document.keys() >= {"version", "findings"}


def of(results: list[Result], folder: str) -> Known:
    """Return the findings of a run, with paths relative to the folder of the baseline."""
    found: Known = {}
    for result in results:
        marks = Counter((finding.rule, mark) for finding, mark in fingerprints(_apart(result)))
        if marks:
            found[_name(result.source.path, folder)] = marks
    return found


def write(path: str, known: Known) -> None:
    """Write a baseline, sorted and with one line per finding, so that it merges well. Raises ``NotWritten``."""
    findings: dict[str, dict[str, dict[str, int]]] = {}
    for name in sorted(name for name, marks in known.items() if marks):
        rules: dict[str, dict[str, int]] = {}
        for (rule, mark), count in sorted(known[name].items()):
            rules.setdefault(rule, {})[mark] = count
        findings[name] = rules
    text = json.dumps({"version": VERSION, "findings": findings}, indent=1) + "\n"
    replace(path, text.encode())


def compare(results: list[Result], known: Known, folder: str, rules: frozenset[str]) -> tuple[list[Result], Known]:
    """Return the results with only their new findings, and the baseline without findings that are gone.

    Gone are findings of the ``rules`` that were run which a file of the run no longer has, and those of files that no
    longer exist, unless they are found in another file.
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
        own, kept, fresh = Counter(known.get(name, ())), Counter[tuple[str, str]](), list[Finding]()
        merged = [finding for finding in result.findings for _ in (finding.rule, *finding.told)]
        for (finding, mark), shown in zip(fingerprints(_apart(result)), merged, strict=True):
            key = (finding.rule, mark)
            source = next((one for one in (own, moved) if one[key] > 0), None)
            if source is None:
                fresh += [shown] if shown not in fresh[-1:] else []
            else:
                source[key] -= 1
                kept[key] += 1
        unread = id(result) in faulty  # its findings are not gone, as it was not checked
        kept += Counter({key: count for key, count in own.items() if unread or key[0] not in rules})
        left[name] = kept
        new.append(result._replace(findings=tuple(fresh)))
    return new, {name: marks for name, marks in left.items() if marks}


def _apart(result: Result) -> Result:
    """Return a result with findings that are merged into another one as findings of their own: what else is at their
    place changes from run to run, and decides whether they are."""
    apart = [one._replace(rule=rule, told=()) for one in result.findings for rule in (one.rule, *one.told)]
    return result._replace(findings=tuple(apart))


def _name(path: str, folder: str) -> str:
    return slashed(os.path.relpath(path, folder))
