"""What is suggested on a pull request's lines: the patches are git's, what is accepted is what a fix would write."""

import re
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from echo_migrate.cli.github.artifact import Report, ReportedFinding
from echo_migrate.cli.github.diff import Diff, Hunk, diff
from echo_migrate.cli.github.suggestions import Suggestion, plan
from echo_migrate.engine import fix
from echo_migrate.files.source import Source, apply
from echo_migrate.formats import dockerfile
from echo_migrate.images import catalog
from echo_migrate.reports import Summary
from echo_migrate.rules import RULES, link
from echo_migrate.rules._rule import Settings
from tests.standin import changed, commit

SETTINGS = Settings(catalog.load(), tuple(RULES.values()), today="2026-11-24")


def report(path: str, text: str | bytes) -> Report:
    data = text.encode() if isinstance(text, str) else text
    source = Source.of(path, data)
    found = []
    for one in fix.fix_source(source, dockerfile, SETTINGS).findings:
        line, column = source.position(one.start)
        safe, edits = (one.fix.safe, one.fix.edits) if one.fix else (None, ())
        found.append(
            ReportedFinding(path, one.rule, one.level or "note", one.message, line, column, one.basis, safe, edits)
        )
    return Report("echo", Summary(1, 1, 1, 0, 0, 0, 0, 0, 0), tuple(found), ())


def suggested(
    folder: Path, before: str | bytes | None, after: str | bytes, path: str = "Dockerfile", most: int = 15
) -> list[Suggestion]:
    """The suggestions on a pull request that makes ``after`` of ``before``."""
    base = commit(folder, {"other": "x"} if before is None else {path: before})
    head = commit(folder, {path: after})
    diffs = {one["filename"]: diff(one.get("patch", "")) for one in changed(folder, base, head)}
    return plan(report(path, after), diffs, str(folder), most)


def accepted(text: str, one: Suggestion) -> str:
    """The text once a suggestion is accepted: its lines replaced by the block's."""
    found = re.search(r"^(`{3,})suggestion\n(.*?)\n\1$", one.body, re.DOTALL | re.MULTILINE)
    assert found
    lines = text.split("\n")
    return "\n".join([*lines[: one.first - 1], *found[2].split("\n"), *lines[one.last :]])


def test_a_line(tmp_path: Path) -> None:
    text = "FROM python:3.12\nRUN true\n"
    (one,) = suggested(tmp_path, "FROM scratch\nRUN true\n", text)
    assert (one.first, one.last) == (1, 1)
    assert accepted(text, one) == "FROM reg.echohq.com/python:3.12\nRUN true\n"
    assert one.body.startswith(f"[`unhardened-image`]({link('unhardened-image')}): python")


def test_a_build_argument_and_what_it_serves_are_one_suggestion(tmp_path: Path) -> None:
    text = "ARG REGISTRY=docker.io\n\nFROM ${REGISTRY}/library/node:22-slim\nRUN true\n"
    (one,) = suggested(tmp_path, None, text)
    assert (one.first, one.last) == (1, 3)
    assert accepted(text, one) == "ARG REGISTRY=reg.echohq.com\n\nFROM ${REGISTRY}/node:22-slim\nRUN true\n"


def test_fixes_on_the_same_lines_are_one_suggestion(tmp_path: Path) -> None:
    text = "FROM debian:12\nRUN apt-get update && \\\n    apt-get install curl\n"
    both = [one for one in suggested(tmp_path, None, text) if "install" in one.body]
    assert len(both) == 1
    assert both[0].body.count("\n\n`") >= 1
    assert "apt-get install -y" in accepted(text, both[0])


def test_lines_outside_of_the_diff_get_none(tmp_path: Path) -> None:
    text = "FROM python:3.12\n" + "RUN true\n" * 20
    assert suggested(tmp_path, text, text + "RUN false\n") == []


def test_lines_of_two_hunks_get_none(tmp_path: Path) -> None:
    middle = "# x\n" * 12
    before = f"ARG R=docker.io\n{middle}FROM ${{R}}/library/node:22\nRUN true\n"
    after = before.replace("RUN true", "RUN false").replace("ARG R", "# y\nARG R")
    revisions = [commit(tmp_path, {"Dockerfile": text}) for text in (before, after)]
    assert len(diff(changed(tmp_path, *revisions)[0]["patch"]).hunks) == 2
    assert suggested(tmp_path, before, after) == []


def test_what_stands_around_a_change_gets_none(tmp_path: Path) -> None:
    """Nothing of it is the pull request's, although GitHub shows it."""
    before = "FROM python:3.12\nRUN true\n"
    assert suggested(tmp_path, before, before + "RUN false\n") == []


def test_more_than_github_takes_gets_none_and_the_others_stay(tmp_path: Path) -> None:
    """One such would have the whole review refused."""
    long = "FROM node:22 AS " + "x" * 66_000
    found = suggested(tmp_path, None, f"FROM python:3.12\n{long}\n")
    assert [one.first for one in found] == [1]
    assert all(len(one.body) <= 65_536 for one in found)


@pytest.mark.parametrize(
    "text",
    [
        b"FROM python:3.12\r\nRUN true\r\n",
        b"\xef\xbb\xbfFROM python:3.12\nRUN true\n",
        b"FROM python:3.12 # \xff\nRUN true\n",
        b"FROM python:3.12 AS a\x1b\nRUN true\n",
    ],
)
def test_bytes_that_a_browser_may_not_keep_get_none(tmp_path: Path, text: bytes) -> None:
    """A command keeps them: the comment says which."""
    assert suggested(tmp_path, None, text) == []


def test_the_fence_is_longer_than_any_in_the_lines(tmp_path: Path) -> None:
    text = "FROM debian:12\nRUN echo '````' && apt-get update && apt-get install curl\n"
    found = [one for one in suggested(tmp_path, None, text) if "````" in one.body]
    assert found
    assert all("\n`````suggestion\n" in one.body for one in found)
    assert "````" in accepted(text, found[0])


def test_no_more_than_asked_for(tmp_path: Path) -> None:
    text = "".join(f"FROM node:{line}\n" for line in ("22", "22.23", "24", "24.19", "26", "22.22"))
    found = suggested(tmp_path, None, text, most=4)
    assert [one.first for one in found] == [1, 2, 3, 4]
    assert plan(report("Dockerfile", text), {"Dockerfile": diff("@@ -0,0 +1 @@\n+x")}, str(tmp_path), 0) == []


def test_a_checkout_whose_lines_are_others_gets_none(tmp_path: Path) -> None:
    """As a merge has, when the base has moved on."""
    base = commit(tmp_path, {"other": "x"})
    head = commit(tmp_path, {"Dockerfile": "FROM python:3.12\n"})
    diffs = {"Dockerfile": diff(changed(tmp_path, base, head)[0]["patch"])}
    merged = "FROM node:22\nFROM python:3.12\n"
    (tmp_path / "Dockerfile").write_text(merged)
    assert plan(report("Dockerfile", merged), diffs, str(tmp_path), 15) == []


def test_links_are_not_read(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tmp_path / "Dockerfile").write_text("FROM python:3.12\n")
    (tree / "Dockerfile").symlink_to(tmp_path / "Dockerfile")
    (tree / "up").symlink_to(tmp_path)
    diffs = diff("@@ -0,0 +1 @@\n+FROM python:3.12")
    for path in ("Dockerfile", "up/Dockerfile", "../Dockerfile", str(tmp_path / "Dockerfile")):
        assert plan(report(path, "FROM python:3.12\n"), {path: diffs}, str(tree), 15) == []


def test_a_line_with_a_credential_is_not_quoted(tmp_path: Path) -> None:
    text = "FROM debian:12\nRUN apt-get update && apt-get install curl && curl https://u:geheim@x.example/\n"
    assert not any("geheim" in one.body for one in suggested(tmp_path, None, text))


def test_a_file_that_is_shorter_than_its_report_gets_none(tmp_path: Path) -> None:
    """As where somebody else wrote the report, or the checkout changed."""
    (tmp_path / "Dockerfile").write_text("FROM a\n")
    known = {"Dockerfile": diff("@@ -0,0 +1 @@\n+FROM a")}
    assert plan(report("Dockerfile", "# long\n" * 9 + "FROM python:3.12\n"), known, str(tmp_path), 15) == []


@given(
    st.lists(
        st.sampled_from(
            [
                "FROM python:3.12",
                "FROM node:22 AS b",
                "RUN true",
                "",
                "# x",
                "RUN apt-get install x",
                "ARG V=3.12",
                "FROM python:${V}",
            ]
        ),
        min_size=1,
        max_size=12,
    )
)
def test_what_is_accepted_is_what_the_fixes_write(lines: list[str]) -> None:
    """Each suggestion, accepted alone, is its findings' edits; none reaches out of the hunk."""
    text = "\n".join(lines) + "\n"
    found = report("Dockerfile", text)
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "Dockerfile").write_text(text)
        whole = Diff((Hunk(1, tuple(text.split("\n")[:-1]), frozenset(range(1, len(lines) + 1))),))
        planned = plan(found, {"Dockerfile": whole}, name, 99)
        for one in planned:
            edits = {
                edit
                for each in found.findings
                if each.safe
                for edit in each.edits
                if one.first <= text.count("\n", 0, edit.start) + 1 <= one.last
            }
            assert accepted(text, one) == apply(text, edits)
        assert len({one.key for one in planned}) == len(planned)
        spans = [(one.first, one.last) for one in planned]
        assert all(last < first for (_, last), (first, _) in pairwise(spans))


@settings(max_examples=40)
@given(st.binary(max_size=200), st.binary(max_size=200))
def test_hunks_are_the_new_files_lines(before: bytes, after: bytes) -> None:
    """Against git's own patch of the two."""
    clean = [data.replace(b"\0", b"").decode("utf-8", "replace").encode() for data in (before, after)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "tree"
        base, head = (commit(folder, {"f": data}) for data in clean)
        listed: list[dict[str, Any]] = changed(folder, base, head)
    if listed and "patch" in listed[0]:
        lines = clean[1].decode().split("\n")
        hunks = diff(listed[0]["patch"]).hunks
        assert len(hunks) == len(re.findall(r"(?m)^@@ -\S+ \+[1-9]", listed[0]["patch"]))
        for hunk in hunks:
            assert list(hunk.lines) == lines[hunk.first - 1 : hunk.first - 1 + len(hunk.lines)]
