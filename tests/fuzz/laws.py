"""The laws of every text: what is read of it, what is written, and what that may cost."""

import contextlib
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar
from zlib import crc32

from echo_migrate import reports
from echo_migrate.engine import changed_lines, patch
from echo_migrate.engine.fix import fix_source
from echo_migrate.engine.registry_login import missing_logins, with_logins
from echo_migrate.files.budget import bounded
from echo_migrate.files.source import Source, TooMuch, Unreadable, apply
from echo_migrate.files.workspace import begin
from echo_migrate.files.write import write
from echo_migrate.formats import recognised
from echo_migrate.images import catalog, providers
from echo_migrate.model import STATES, Result
from echo_migrate.rules import RULES
from echo_migrate.rules._rule import Settings
from echo_migrate.rules.unreadable_file import unreadable_file
from tests.fuzz.trees import Tree

EVERYTHING = Settings(catalog.load(), tuple(RULES.values()), apply=True, unsafe=True, today="2026-11-01")
ON_IMAGES = EVERYTHING._replace(rules=(RULES["unhardened-image"], RULES["renamed-image"]))
WITH_LOGINS = EVERYTHING._replace(add_logins=True)
PROVIDERS = tuple(catalog.load(name) for name in providers.providers())
RUN = reports.RunReport("check", "echo", "Echo", "docker login reg.echohq.com")

CALLS = 800_000
CALLS_EACH, CALLS_EACH_PYTHON = 60, 400
"""The budget of a text: calls in all (what stages inherit is bounded, and the uses of one variable), and for each
character (libcst has many of them)."""

_Answer = TypeVar("_Answer")


def of_files(tree: Tree) -> None:
    """Check the laws of the last file of a tree, beside the others."""
    with laid(tree) as path:
        try:
            source = Source.read(path)
        except Unreadable:
            return
        drawn = crc32(source.data)
        on_images = ON_IMAGES._replace(catalog=PROVIDERS[drawn % len(PROVIDERS)], unsafe=bool(drawn % 2))
        each = CALLS_EACH_PYTHON if path.endswith(".py") else CALLS_EACH
        limit = CALLS + each * sum(map(len, tree.values()))
        for settings in (EVERYTHING, on_images):
            result = within(limit, partial(examined, source, settings))
            if result is None:
                return
            of_result(result, settings)
            reports.render(reports.FORMATS[drawn % len(reports.FORMATS)], [result], RUN)
            if settings is on_images:
                of_references(result)
            elif path.endswith((".yml", ".yaml")):
                of_logins(result)


@contextlib.contextmanager
def laid(tree: Tree) -> Iterator[str]:
    """Lay a tree into an empty folder, work there, and yield the path of the file under test."""
    path = ""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        begin()
        os.mkdir(".git")
        for path, text in tree.items():
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).write_bytes(text.encode("utf-8", "surrogateescape"))
        yield path


def examined(source: Source, settings: Settings) -> Result | None:
    """Return the result for a text; None if it is of no known format, or has too much in it to be read."""
    with contextlib.suppress(TooMuch, RecursionError), bounded():
        format = recognised(source.path, source.text)
        return fix_source(source, format, settings) if format else None
    return None


def within(limit: int, work: Callable[[], _Answer]) -> _Answer:
    """Return what some work returns. It must not call more functions of Python than ``limit``, data once loaded."""
    answer, calls = _counted(work)
    if calls > limit:
        answer, calls = _counted(work)
    assert calls <= limit, f"{calls} calls, where {limit} are the budget"
    return answer


def _counted(work: Callable[[], _Answer]) -> tuple[_Answer, int]:
    calls = 0

    def call(*_: object) -> None:
        nonlocal calls
        calls += 1

    before = sys.gettrace()
    sys.settrace(call)
    try:
        return work(), calls
    finally:
        sys.settrace(before)


def of_result(result: Result, settings: Settings) -> None:
    """Positions lie in the text; a fix is applied whole, changes nothing else, and leaves nothing to do."""
    source, fixed = result.source, result.fixed
    assert result.refused is None, result.refused
    for found in result.findings:
        assert 0 <= found.start <= found.end <= len(source.text), found
        assert found.refused is None, found
        edits = found.fix.edits if found.fix else ()
        assert all(0 <= edit.start <= edit.end <= len(source.text) for edit in edits), found
        apply(source.text, edits)
    assert all(state in STATES for state in {move.state for move in result.outcomes})
    assert sum(reports.summary([result])[2:8]) == reports.summary([result]).references
    if fixed is source:
        return
    assert fixed.bom == source.bom
    assert Source.of(source.path, fixed.data) == fixed
    assert fixed.text.endswith("\n") == source.text.endswith("\n")
    endings = Counter(source.text.replace("\r\n", "\0"))
    assert bool(endings["\n"]) or bool(not endings["\0"]) or "\n" not in fixed.text.replace("\r\n", "")
    assert "\r" in source.text or "\r" not in fixed.text
    again = examined(fixed, settings)
    assert again is not None
    assert again.fixed is fixed, "a second run changes it again"
    problems = [sum(one.rule == unreadable_file.id for one in each.findings) for each in (result, again)]
    assert problems[1] <= problems[0], "it reads worse than before"
    _written(result)


def _written(result: Result) -> None:
    """What is written is what was found, in a patch that says of each line what it is."""
    write(result.source, result.fixed)
    assert Path(result.source.path).read_bytes() == result.fixed.data
    write(result.fixed, result.source)
    if result.source.text.count("\n") == result.fixed.text.count("\n"):
        pairs = zip(result.source.text.split("\n"), result.fixed.text.split("\n"), strict=True)
        lines = {number for number, (old, new) in enumerate(pairs, 1) if old != new}
        ((_, spans),) = changed_lines._lines(patch.patch([result]))
        assert lines <= {line for first, last in spans for line in range(first, last + 1)}


def of_logins(result: Result) -> None:
    """What lacks a login is found, and logins are added once."""
    missing_logins(result, EVERYTHING, in_use=False)
    added = with_logins(result, result.source.path, WITH_LOGINS, used=True)
    assert added is not None
    again = examined(added.fixed, WITH_LOGINS) if added.fixed is not result.fixed else None
    if again is not None:
        last = with_logins(again, again.source.path, WITH_LOGINS, used=True)
        assert last is not None
        assert last.fixed is last.source, "logins are added again"


def of_references(result: Result) -> None:
    """Each string is what stands at its places, and edits stay within what names the image."""
    text = result.source.text
    places: list[tuple[int, int]] = []
    for image in (move.image for move in result.outcomes):
        parts = (image.parts.registry, image.parts.repository, image.parts.tag) if image.parts else ()
        for written in filter(None, (image.ref, *parts)):
            assert sum(last - first for first, last in written.spans) in (0, len(written.value)), image
            variable = "$" in written.value and result.kind in ("python", "makefile")  # of no dollar, or of two
            read = "".join(text[first:last] for first, last in written.spans)
            assert variable or not written.spans or written.value == read, image
        places += [(image.start, image.end), *image.ref.spans, *(image.parts.places if image.parts else ())]
    made = {edit for one in result.findings if one.applied and one.fix for edit in one.fix.edits}
    assert all(any(first <= edit.start and edit.end <= last for first, last in places) for edit in made)
    assert result.fixed.text == apply(text, made)
