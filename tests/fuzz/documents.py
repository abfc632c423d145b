"""The checks of documents that others may have written: locks, proofs, scans, histories, answers of registries."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from echo_migrate import reports
from echo_migrate.files.code_owners import CodeOwners, Grammar
from echo_migrate.files.remote import remote_of, revision_of
from echo_migrate.fleet import repositories
from echo_migrate.proof import records
from echo_migrate.registry import content, lock
from echo_migrate.registry.errors import Malformed
from echo_migrate.reports.migration import history, scans
from tests.fuzz import laws
from tests.fuzz.trees import Tree


def is_shown(message: str) -> None:
    """A message can be shown on a terminal, and has no more of a file than a line."""
    assert message
    assert all(line.isprintable() for line in reports.printable(message).split("\n"))
    assert len(message) < 10_000


def _lock(tree: Tree) -> None:
    """A lock is taken, or refused; one that is taken is written as it was read."""
    for text in tree.values():
        try:
            found = laws.within(200_000, partial(lock.parse, "a.lock", text))
        except lock.LockError as error:
            is_shown(str(error))
            continue
        assert lock.parse("a.lock", lock.text_of(found)) == found
        lock.answers(found)


def _proof(tree: Tree) -> None:
    """Proofs are taken, or refused; those that are taken are written as they were read."""
    for data in _values(tree):
        try:
            found = records.printed(data)
        except ValueError as error:
            is_shown(str(error))
            continue
        told = [records.as_data(one) for one in found]
        again = records.printed(json.loads(json.dumps({"version": 1, "proofs": told}, allow_nan=False)))
        assert [records.as_data(one) for one in again] == told


def _values(tree: Tree) -> Iterator[Any]:
    for text in tree.values():
        try:
            yield json.loads(text)
        except (ValueError, RecursionError):
            continue


def _scan(tree: Tree) -> None:
    """A scan, a bill of materials, and what advisories and VEX files say of them, are taken or refused."""
    with laws.laid(tree):
        given = list(tree)
        found = [scan for path in given for scan in _taken(scans.read_scan, path)]
        bills = [(path, bill) for path in given for bill in _taken(scans.read_sbom, path)]
        statements = [one for path in given for each in _taken(scans.read_vex, path) for one in each]
        for path in given:
            found += [scan for more in _taken(partial(scans.matched, bills), [path]) for _, scan in more[0]]
        scans.risk((), [(given[0], one) for one in found], statements)


def _taken(read: Callable[[Any], Any], given: object) -> Iterator[Any]:
    """Yield what is read, if it is not refused."""
    try:
        yield laws.within(1_000_000, partial(read, given))
    except scans.ScanError as error:
        is_shown(str(error))


def _history(tree: Tree) -> None:
    """The records of a history are read, and written as they were read; what is none is counted."""
    with laws.laid(tree) as path:
        found, others = history.read(path)
        assert others >= 0
        for record in found:
            assert history._parsed(record.line) == record
            assert record in history.trend(found, record)


def _fleet(tree: Tree) -> None:
    """A list of repositories is taken, or refused."""
    with laws.laid(tree) as path:
        try:
            found = repositories.listed(path)
        except repositories.FleetError as error:
            is_shown(str(error))
            return
        assert all(one.name and one.url.startswith(("https://", "http://", "file://")) for one in found)


def _manifest(tree: Tree) -> None:
    """What a registry answers is a manifest, or is refused."""
    for text in tree.values():
        data = text.encode("utf-8", "surrogateescape")
        try:
            found = content.manifest(data, "", "latest", "", "an answer")
            content.descriptors(found.data.get("manifests", found.data.get("layers")), "a list")
        except Malformed as error:
            is_shown(str(error))
            continue
        assert found.media_type in content.ACCEPTED


def _clone(tree: Tree) -> None:
    """What a repository tells of itself: no credential is part of its address, and the owners of a file are found."""
    with laws.laid({f".git/{path}": text for path, text in tree.items()}):
        found = remote_of(".")
        assert found is None or not {"@", "?", "#", " "} & set(found.host)
        assert found is None or "\n" not in found.base
        assert len(revision_of(".")) in (0, 40, 64)
    grammars: tuple[Grammar, ...] = ("github", "gitlab")
    for grammar in grammars:
        for text in tree.values():
            laws.within(400_000, partial(CodeOwners(text, grammar).of, "a/b/c.txt"))


DOCUMENTS: dict[str, Callable[[Tree], None]] = {
    "lock": _lock,
    "proof": _proof,
    "scan": _scan,
    "history": _history,
    "fleet": _fleet,
    "manifest": _manifest,
    "clone": _clone,
}
