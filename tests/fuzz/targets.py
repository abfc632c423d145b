"""The targets: for each kind of input, texts to begin with, and what must hold for any other."""

import json
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

import click

from echo_migrate.cli import cli, settings
from echo_migrate.cli.github import artifact, comment, event
from echo_migrate.cli.github.diff import diff
from echo_migrate.cli.match import match
from echo_migrate.engine import baseline, changed_lines
from echo_migrate.files.data import MappingError
from echo_migrate.files.source import Source
from echo_migrate.formats import FORMATS, kind, recognised
from echo_migrate.images import catalog
from tests.fuzz import laws
from tests.fuzz.documents import DOCUMENTS, is_shown
from tests.fuzz.trees import Tree, loaded
from tests.pages import PAGES, cases
from tests.shapes import SHAPES

SEEDS = Path(__file__).parent / "seeds"
DOCKERFILE = "ARG BASE=python:3.12\nFROM $BASE AS build\nRUN make\nFROM acme/tool:1-alpine\nCOPY --from=build /a /a\n"


class Target(NamedTuple):
    """``seeds`` are trees to begin with; ``check`` raises for a tree that breaks a law."""

    seeds: list[Tree]
    check: Callable[[Tree], None]


@cache
def targets() -> dict[str, Target]:
    """Return the targets by name: one for each format, and for each other kind of input."""
    known = [{case.path: case.text} for page in PAGES for case in cases(page)]
    known += [{path: text(3)} for path, text in SHAPES.values()]
    found = {name: Target(_seeds(name), OTHERS.get(name, laws.of_files)) for name in (*FORMATS, *OTHERS)}
    for tree in known:
        ((path, text),) = tree.items()
        if format := recognised(path, text):
            found[kind(format)].seeds.append(tree)
    return found


def _seeds(name: str) -> list[Tree]:
    """Return the trees that are written for a target, each below a line of six signs."""
    path = SEEDS / f"{name}.txt"
    pieces = path.read_bytes().split(b"======\n") if path.exists() else []
    return [tree for piece in pieces if (tree := loaded(piece))]


def _config(tree: Tree) -> None:
    """A configuration is taken, or refused with an error that can be shown; what it chooses can be run."""
    with laws.laid(tree):
        try:
            with cli.make_context("echo-migrate", ["check"]) as group:
                context = laws.within(500_000, partial(cli.commands["check"].make_context, "check", [], group))
                asked = settings.settings_of(context.params)  # type: ignore[arg-type]
        except click.UsageError as error:
            is_shown(error.format_message())
            return
        laws.examined(Source("Dockerfile", DOCKERFILE), asked)


def _mapping(tree: Tree) -> None:
    """A mapping is taken, or refused; with one that is taken, the laws of a file hold."""
    with laws.laid({**tree, "Dockerfile": DOCKERFILE}):
        try:
            known = catalog.load("echo", "", next(reversed(tree)))
        except MappingError as error:
            is_shown(str(error))
            return
        result = laws.examined(Source.read("Dockerfile"), laws.ON_IMAGES._replace(catalog=known))
        assert result is not None
        laws.of_result(result, laws.ON_IMAGES._replace(catalog=known))
        laws.of_references(result)


def _baseline(tree: Tree) -> None:
    """A baseline is taken, or refused; one that is taken is written back as it was read."""
    with laws.laid(tree) as path:
        try:
            known = baseline.read(path)
        except baseline.Unusable as error:
            is_shown(str(error))
            return
        baseline.write(path, known)
        assert baseline.read(path) == {name: marks for name, marks in known.items() if marks}
        result = laws.examined(Source("Dockerfile", DOCKERFILE), laws.EVERYTHING)
        assert result is not None
        ((new,), left) = baseline.compare([result], known, ".", frozenset())
        baseline.write(path, left)
        assert len(new.findings) <= len(result.findings)


def _patch(tree: Tree) -> None:
    """Every line that a patch is said to add is one of it."""
    for text in tree.values():
        for _, spans in changed_lines._lines(text.encode("utf-8", "surrogateescape")):
            assert all(0 <= first <= last for first, last in spans)
        for hunk in diff(text).hunks:
            assert all(hunk.holds(line, line) for line in hunk.added)
            assert all(line in text for line in hunk.lines)


def _event(tree: Tree) -> None:
    """An event is taken, or refused."""
    with laws.laid(tree) as path:
        try:
            found = event.read(path)
        except event.Unusable as error:
            is_shown(str(error))
            return
        assert found.number >= 0
        assert all(len(one) in (0, 40, 64) for one in (found.head, found.base))


def _report(tree: Tree) -> None:
    """The results of another workflow are taken, or refused; a comment on them has its size."""
    with laws.laid(tree):
        try:
            report = artifact.distrusted(artifact.read("report.json", "inventory.json"))
        except event.Unusable as error:
            is_shown(str(error))
            return
        assert len(comment.body(comment.View(report)).encode("utf-8", "backslashreplace")) <= comment.LONGEST


def _match(tree: Tree) -> None:
    """Any text is matched with something or nothing."""
    for line in "\n".join(tree.values()).split("\n")[:20]:
        answer = laws.within(100_000, partial(match, line, catalog.load(), False, "2026-11-01"))
        assert json.loads(json.dumps(answer.as_json()))["target"] == answer.target


OTHERS: dict[str, Callable[[Tree], None]] = {
    "neighbours": laws.of_files,
    "config": _config,
    "mapping": _mapping,
    "baseline": _baseline,
    "patch": _patch,
    "event": _event,
    "report": _report,
    "match": _match,
    **DOCUMENTS,
}
