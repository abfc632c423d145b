"""The results of another workflow are anybody's: what is not of the form is refused, and what is, is distrusted."""

import copy
import json
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from echo_migrate.cli.github.artifact import LARGEST, MOST, distrusted, read
from echo_migrate.cli.github.event import Event, Unusable, of
from tests.conftest import ROOT, Run

SCHEMAS = {path.name.partition(".")[0]: path for path in ROOT.glob("echo_migrate/**/*.schema.json")}
FINDING: dict[str, Any] = {
    "path": "Dockerfile",
    "rule": "unhardened-image",
    "level": "warning",
    "message": "m",
    "line": 1,
    "column": 6,
    "end_line": 1,
    "end_column": 9,
    "start": 5,
    "end": 8,
    "basis": "seen",
    "fix": {"title": "t", "safe": True, "edits": [{"start": 5, "end": 8, "text": "x"}]},
    "applied": False,
    "refused": None,
    "reasons": [],
}
REPORT: dict[str, Any] = {
    "version": 1,
    "provider": "echo",
    "summary": dict.fromkeys(
        (
            *("files", "references", "migrated", "hardened", "no_replacement"),
            *("first_party", "needs_person", "ignored", "by_convention"),
        ),
        1,
    ),
    "findings": [FINDING],
}
REFERENCE: dict[str, Any] = {
    "path": "Dockerfile",
    "line": 1,
    "column": 6,
    "context": "FROM",
    "raw": "a",
    "resolved": "a",
    "upstream": None,
    "target": "evil.example/a",
    "state": "migrate",
    "reason": "r",
    "reasons": [],
    "basis": None,
}
INVENTORY: dict[str, Any] = {"version": 1, "references": [REFERENCE]}


def written(folder: Path, report: Any, inventory: Any = INVENTORY) -> tuple[str, str]:
    paths = folder / "report.json", folder / "inventory.json"
    for path, document in zip(paths, (report, inventory), strict=True):
        path.write_text(document if isinstance(document, str) else json.dumps(document))
    return str(paths[0]), str(paths[1])


def test_what_the_program_writes_is_read(inside: Run, tmp_path: Path) -> None:
    examples = str(shutil.copytree(ROOT / "tests" / "examples", tmp_path / "examples"))  # whose neighbours are all read
    inside("check", examples, "--output", "json:report.json")
    listed = inside("inventory", "--output-format", "json", examples).stdout.decode()
    (tmp_path / "inventory.json").write_text(listed)
    report = read(str(tmp_path / "report.json"), str(tmp_path / "inventory.json"))
    document = json.loads((tmp_path / "report.json").read_text())
    assert len(report.findings) == len(document["findings"])
    assert report.summary._asdict() == document["summary"]
    assert len(report.references) == len(json.loads(listed)["references"])


def test_the_examples_here_are_of_the_schemas() -> None:
    for name, document in (("report", REPORT), ("inventory", INVENTORY)):
        Draft202012Validator(json.loads(SCHEMAS[name].read_text())).validate(document)


def places(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    return [path] * bool(path) + [place for key, child in children for place in places(child, (*path, key))]


UNREAD = {"end_line", "end_column", "start", "end", "applied", "title", "context", "raw", "upstream"}
WRONG: list[Any] = [None, True, -1, 1.5, "x", [], {}, [None], 10**30, float("nan"), "9" * 9]


@pytest.mark.parametrize("place", places({"report": REPORT, "inventory": INVENTORY}), ids=str)
def test_what_the_schema_refuses_is_refused(place: tuple[Any, ...], tmp_path: Path) -> None:
    """For every part of both documents, put every wrong kind in its place."""
    for value in WRONG:
        documents = copy.deepcopy({"report": REPORT, "inventory": INVENTORY})
        part: Any = documents
        for key in place[:-1]:
            part = part[key]
        part[place[-1]] = value
        schema = json.loads(SCHEMAS[place[0]].read_text())
        wrong = not Draft202012Validator(schema).is_valid(documents[place[0]])
        top = place[-1] in UNREAD and place[-3:-1] != ("edits", 0) and len(place) > 1
        paths = written(tmp_path, documents["report"], documents["inventory"])
        if wrong and not top:
            with pytest.raises(Unusable):
                read(*paths)
        else:
            with suppress(Unusable):  # stricter than the schema: a count beyond all counts, a rule that is not known
                read(*paths)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[]",
        "{}",
        '{"version": 2}',
        "[" * 200_000,
        '{"version": 1e999}',
        "\udcff".encode("utf-8", "surrogatepass").decode("latin-1"),
    ],
)
def test_what_is_no_report_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(Unusable):
        read(*written(tmp_path, text))


def test_sizes_are_bounded(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="no regular file of at most"):
        read(*written(tmp_path, " " * (LARGEST + 1)))
    with pytest.raises(Unusable):
        read(*written(tmp_path, REPORT, {"version": 1, "references": [REFERENCE] * (MOST + 1)}))
    long = REPORT | {"findings": [FINDING | {"message": "x" * 100_000}]}
    assert len(read(*written(tmp_path, long)).findings[0].message) < 3_000


def test_an_edit_that_writes_a_book_is_left_out_and_its_finding_kept(tmp_path: Path) -> None:
    fix = {"title": "t", "safe": True, "edits": [{"start": 5, "end": 8, "text": "x" * 2_001}]}
    (one,) = read(*written(tmp_path, REPORT | {"findings": [FINDING | {"fix": fix}]})).findings
    assert (one.safe, one.edits) == (True, ())


def test_of_too_many_results_of_ours_the_counts_are_read(tmp_path: Path) -> None:
    large = REPORT | {"findings": [FINDING] * (MOST + 1)}
    found = read(*written(tmp_path, large), ours=True)
    assert (found.whole, found.findings, found.references, found.summary.files) == (False, (), (), 1)
    long = REPORT | {"findings": [FINDING | {"message": "x" * LARGEST}]}
    assert len(read(*written(tmp_path, long), ours=True).findings) == 1
    with pytest.raises(Unusable):
        read(*written(tmp_path, REPORT | {"findings": {}}), ours=True)


def test_links_and_folders_are_not_read(tmp_path: Path) -> None:
    report, inventory = written(tmp_path, REPORT)
    (tmp_path / "link").symlink_to(report)
    for path in (tmp_path / "link", tmp_path, tmp_path / "missing"):
        with pytest.raises(Unusable):
            read(str(path), inventory)


def test_a_provider_that_is_none_is_not_named(tmp_path: Path) -> None:
    report = distrusted(read(*written(tmp_path, REPORT | {"provider": "all who run curl evil.example"})))
    assert (report.provider, report.references[0].target) == ("another provider", None)


def test_nothing_that_its_writer_chose_freely_is_kept(tmp_path: Path) -> None:
    report = distrusted(read(*written(tmp_path, REPORT)))
    assert report.findings[0].edits == ()
    assert report.findings[0].message == "A public image that the provider offers in a hardened form."
    assert (report.references[0].target, report.references[0].reason) == (None, "")
    ours = {"version": 1, "references": [REFERENCE | {"target": "reg.echohq.com/a"}]}
    assert distrusted(read(*written(tmp_path, REPORT, ours))).references[0].target == "reg.echohq.com/a"
    near = {"version": 1, "references": [REFERENCE | {"target": "reg.echohq.com.evil.example/a"}]}
    assert distrusted(read(*written(tmp_path, REPORT, near))).references[0].target is None


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "pull_request",
                    "workflow_run",
                    "number",
                    "head",
                    "base",
                    "repo",
                    "sha",
                    "full_name",
                    "event",
                    "head_sha",
                    "head_repository",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(json_like)
def test_an_event_is_read_or_refused(payload: Any) -> None:
    with suppress(Unusable, KeyError, TypeError, AttributeError):  # what ``read`` turns into misuse
        assert isinstance(of(payload), Event)
