"""Baselines: under insertions, renames and moved files, as a property; and on the command line."""

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echo_migrate.engine import baseline, fix
from echo_migrate.files.source import Source
from echo_migrate.formats import dockerfile
from echo_migrate.images import catalog
from echo_migrate.model import Result
from echo_migrate.rules import RULES
from echo_migrate.rules._rule import Settings
from tests.conftest import Run

SETTINGS = Settings(catalog.load(), (RULES["unhardened-image"], RULES["floating-tag"]))
NAMES = frozenset(rule.id for rule in SETTINGS.rules)
LINES = st.sampled_from(["FROM python", "FROM node:22", "FROM acme/x:1", "FROM redis", "FROM  node:22"])
TREES = st.dictionaries(st.sampled_from(["a", "b", "c/d"]), st.lists(LINES, max_size=5), max_size=3)


@pytest.fixture
def run(inside: Run) -> Run:
    """Run the program in this process: none of these tests is about processes."""
    return inside


def results(tree: dict[str, list[str]]) -> list[Result]:
    return [fix.fix_source(Source(name, "\n".join(lines)), dockerfile, SETTINGS) for name, lines in tree.items()]


def new(tree: dict[str, list[str]], known: baseline.Known, folder: Path) -> tuple[int, baseline.Known]:
    found, left = baseline.compare(results(tree), known, str(folder), NAMES)
    return sum(len(result.findings) for result in found), left


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("empty")


@given(TREES, st.data())
def test_what_is_known_stays_known_wherever_it_goes(
    folder: Path, tree: dict[str, list[str]], data: st.DataObject
) -> None:
    known = baseline.of(results(tree), ".")
    known = baseline.of(results({str(folder / name): lines for name, lines in tree.items()}), str(folder))
    moved = {}
    names = data.draw(st.permutations(["e", "f", "g/h"]))
    for name, lines in tree.items():
        shifted = list(lines)
        for _ in range(data.draw(st.integers(0, 3))):
            shifted.insert(
                data.draw(st.integers(0, len(shifted))), data.draw(st.sampled_from(["", "# x", "FROM a/b:1"]))
            )
        moved[str(folder / ((data.draw(st.booleans()) and names.pop()) or name))] = shifted
    count, left = new(moved, known, folder)
    assert count == 0
    assert sum(left.values(), Counter()) == sum(known.values(), Counter())


@given(TREES, LINES)
def test_what_comes_is_new_and_what_came_back_is_too(folder: Path, tree: dict[str, list[str]], line: str) -> None:
    placed = {str(folder / name): lines for name, lines in tree.items()}
    known = baseline.of(results(placed), str(folder))
    more = {**placed, str(folder / "z"): [line]}
    own = sum(len(result.findings) for result in results({"z": [line]}))
    assert new(more, known, folder)[0] == own
    count, left = new({name: [] for name in placed}, known, folder)
    assert (count, left) == (0, {})
    assert new(placed, left, folder)[0] == sum(len(result.findings) for result in results(placed))


def test_on_the_command_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python:3.12\nFROM node\n")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "Dockerfile").write_text("FROM debian:12\n")
    count = len(json.loads(run("check", "--output-format", "json").stdout)["findings"])
    done = run("baseline")
    name = "echo-migrate-baseline.json"
    says = f"Wrote {count} findings to {name}. `check --baseline {name}` reports only new ones.\n"
    assert (done.returncode, done.stdout.decode()) == (0, says)
    kept = (tmp_path / "echo-migrate-baseline.json").read_text()
    assert "python" not in kept, "no text of the files"
    words = ("check", "--baseline", "echo-migrate-baseline.json", "--output-format", "json")

    def rules(*more: str) -> list[str]:
        return [finding["rule"] for finding in json.loads(run(*words, *more).stdout)["findings"]]

    assert rules() == []
    assert run(*words).returncode == 0
    (tmp_path / "Dockerfile").write_text("# above\n\nFROM python:3.12\nFROM redis:7\nFROM node\n")
    assert rules() == ["unhardened-image"]
    assert (tmp_path / "echo-migrate-baseline.json").read_text() == kept, "nothing is gone"
    assert rules("sub") == []
    assert (tmp_path / "echo-migrate-baseline.json").read_text() == kept, "what was not looked at stays"
    (tmp_path / "sub" / "Dockerfile").rename(tmp_path / "Dockerfile.moved")
    assert rules() == ["unhardened-image"]
    (tmp_path / "Dockerfile").write_text("FROM node\n")
    assert rules("--select", "floating-tag") == []
    assert rules() == []
    assert json.loads((tmp_path / "echo-migrate-baseline.json").read_text()) != json.loads(kept)
    (tmp_path / "Dockerfile").write_text("FROM python:3.12\nFROM node\n")
    assert "unhardened-image" in rules(), "what came back is new"


ENDED = "FROM node:16-alpine\n"
APART = f"{ENDED}RUN apk add --no-cache curl\n"
"""Another reason comes first, so that the end is told by a finding of its own."""


@pytest.mark.parametrize(
    ("before", "after", "said"), [(ENDED, APART, 0), (APART, ENDED, 0), ("FROM node:22\n", ENDED, 1)]
)
def test_what_is_merged_today_and_not_tomorrow_is_known(folder: Path, before: str, after: str, said: int) -> None:
    rules = ("end-of-life-base", "unhardened-image")
    settings = SETTINGS._replace(rules=tuple(RULES[name] for name in rules), today="2026-11-28")

    def checked(text: str) -> list[Result]:
        return [fix.fix_source(Source(str(folder / "Dockerfile"), text), dockerfile, settings)]

    assert {len(checked(text)[0].findings) for text in (ENDED, APART)} == {1, 2}
    known = baseline.of(checked(before), str(folder))
    found, left = baseline.compare(checked(after), known, str(folder), frozenset(rules))
    assert len(found[0].findings) == said
    assert said or left == known


@pytest.mark.parametrize("today", ["2023-01-01", "2026-11-28"])
def test_the_end_of_a_line_is_new_once_it_comes(folder: Path, today: str) -> None:
    settings = SETTINGS._replace(rules=(RULES["end-of-life-base"], RULES["unhardened-image"]))

    def checked(today: str) -> list[Result]:
        source = Source(str(folder / "Dockerfile"), "FROM node:16\n")
        return [fix.fix_source(source, dockerfile, settings._replace(today=today))]

    known = baseline.of(checked("2023-01-01"), str(folder))
    found, _ = baseline.compare(checked(today), known, str(folder), frozenset(one.id for one in settings.rules))
    assert [one.rule for one in found[0].findings] == (["unhardened-image"] if today > "2023-09-11" else [])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "no such file or directory: write it anew with `echo-migrate baseline`"),
        ("{", "is no baseline"),
        ("[]", "is no baseline"),
        ('{"version": 2, "findings": {}}', "is of version 2, and 1 is known"),
        ('{"version": 1, "findings": {"a": 1}}', "is no baseline"),
        ('{"version": 1, "findings": {"a": {"b": {"c": "x"}}}}', "is no baseline"),
        ("[" * 10_000, "is no baseline"),
    ],
)
def test_a_faulty_baseline_is_said(run: Run, tmp_path: Path, text: str | None, says: str) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python:3.12\n")
    if text is not None:
        (tmp_path / "b.json").write_text(text)
    done = run("check", "--baseline", "b.json")
    assert done.returncode == 2
    assert says in done.stderr.decode()


def test_a_baseline_that_cannot_be_written_loses_nothing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python:3.12\n")
    done = run("baseline", "--baseline", "nowhere/b.json")
    assert done.returncode == 2
    assert b"nowhere/b.json: could not be written" in done.stderr


def test_a_baseline_in_a_config_lies_beside_it(run: Run, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python:3.12\n")
    (tmp_path / "echo-migrate.toml").write_text('baseline = "kept.json"\n')
    assert run("baseline").returncode == 0
    assert (tmp_path / "kept.json").exists()
    (tmp_path / "below").mkdir()
    assert run("check", "..", cwd=tmp_path / "below").returncode == 0


@pytest.mark.parametrize(
    "text", ["{", "[]", "1e999", '{"version": 1e999}', '{"version": 1, "findings": 1e999}', "\x00"]
)
def test_a_baseline_that_is_none_is_an_error_that_names_it(run: Run, tmp_path: Path, text: str) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python:3.12\n")
    (tmp_path / "known.json").write_text(text)
    done = run("check", "--baseline", "known.json")
    assert (done.returncode, b"known.json" in done.stderr, b"Traceback" in done.stderr) == (2, True, False)
