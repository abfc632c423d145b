"""What has become of references since a former inventory."""

import json
import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echo_migrate.images.reference import untagged
from echo_migrate.model import STATES
from echo_migrate.reports.inventory.comparison import Reference, compare
from tests.conftest import Run
from tests.test_schemas import validator


@pytest.fixture
def run(inside: Run) -> Run:
    """Run the program in this process: none of these tests is about processes."""
    return inside


def reference(text: str, path: str = "Dockerfile", line: int = 1) -> Reference:
    """A reference of ``state resolved``, with upstream and target as the program has them."""
    state, resolved = text.split()
    name = untagged(resolved).removeprefix("reg.echohq.com/")
    target = f"reg.echohq.com/{name}" if state in ("migrate", "needs-person") else None
    return Reference(path, line, "FROM", resolved, name, target, state)


@pytest.mark.parametrize(
    ("before", "now", "changes"),
    [
        (["migrate python:3.12"], ["hardened reg.echohq.com/python:3.12"], ["moved"]),
        (["hardened reg.echohq.com/python:3.12"], ["migrate python:3.13"], ["came-back"]),
        (["needs-person node:22"], ["migrate node:22"], ["changed"]),
        (["migrate node:20"], ["migrate node:22"], ["changed"]),
        (["migrate node:22", "migrate node:22"], ["migrate node:22"], ["gone", "same"]),
        ([], ["migrate node:22"], ["appeared"]),
        (["migrate node:22"], ["no-replacement busybox:1"], ["appeared", "gone"]),
        (["local scratch"], ["local scratch", "migrate a"], ["appeared"]),
        (
            ["migrate node:22", "migrate python:3.12"],
            ["hardened reg.echohq.com/python:3.12", "migrate node:22"],
            ["moved", "same"],
        ),
    ],
)
def test_changes(before: list[str], now: list[str], changes: list[str]) -> None:
    assert [one.change for one in compare(map(reference, before), map(reference, now))] == changes


def test_a_target_of_another_name_is_known_again() -> None:
    target = "r.io/eclipse-temurin-jre:21"
    old = Reference("a", 1, "FROM", "eclipse-temurin:21-jre", "eclipse-temurin", target, "migrate")
    new = Reference("a", 1, "FROM", target, None, None, "hardened")
    assert [one.change for one in compare([old], [new])] == ["moved"]
    assert [one.change for one in compare([new], [old])] == ["came-back"]


REFERENCES = st.builds(
    Reference,
    st.sampled_from("ab"),
    st.integers(1, 9),
    st.sampled_from(("FROM", "image")),
    st.sampled_from(("node:22", "node:20", "r/node:22", "x")),
    st.sampled_from((None, "node")),
    st.sampled_from((None, "r/node:22")),
    st.sampled_from(STATES),
)


@given(st.lists(REFERENCES, max_size=8), st.lists(REFERENCES, max_size=8))
def test_each_reference_is_in_one_change(before: list[Reference], now: list[Reference]) -> None:
    compared = compare(before, now)
    assert Counter(one.before for one in compared if one.before) == Counter(x for x in before if x.state != "local")
    assert Counter(one.now for one in compared if one.now) == Counter(x for x in now if x.state != "local")
    assert {one.change for one in compare(now, now)} <= {"same"}


def test_of_a_tree(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "Dockerfile").write_text("FROM python:3.12\nFROM redis:7-alpine\n")
    (tmp_path / "b.Dockerfile").write_text("FROM reg.echohq.com/node:22\nFROM busybox:1.37\n")
    assert run("inventory", "--output-format", "json", "--output", "old.json").returncode == 0
    assert run("inventory", "--compare", "old.json").stdout.decode().splitlines() == [
        "Since old.json: 4 image references, 0 moved, 0 came back, 0 changed, 0 appeared, 0 gone, 4 same"
    ]
    assert run("fix", "-q").returncode == 0
    (tmp_path / "b.Dockerfile").write_text("FROM node:22\nFROM nginx:1.30\n")
    done = run("inventory", "--compare", "old.json", "--output", "new.json", "--output", "new.md")
    assert done.returncode == 0
    assert done.stdout.decode().splitlines() == [
        "1 moved to a hardened image",
        "  a/Dockerfile:1 python:3.12 (migrate) -> reg.echohq.com/python:3.12 (hardened)",
        "",
        "1 came back from a hardened image",
        "  b.Dockerfile:1 reg.echohq.com/node:22 (hardened) -> node:22 (migrate)",
        "",
        "1 appeared",
        "  b.Dockerfile:2 nginx:1.30 (migrate)",
        "",
        "1 gone",
        "  b.Dockerfile:2 busybox:1.37 (no-replacement)",
        "",
        "Since old.json: 5 image references, 1 moved, 1 came back, 0 changed, 1 appeared, 1 gone, 1 same",
    ]
    data = json.loads((tmp_path / "new.json").read_text())
    validator("comparison").validate(data)
    assert data["counts"] == {"moved": 1, "came-back": 1, "changed": 0, "appeared": 1, "gone": 1, "same": 1}
    assert "| came back | `b.Dockerfile:1` |" in (tmp_path / "new.md").read_text()
    assert run("inventory", "--compare", "old.json", "--output-format", "csv").returncode == 2


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "[]",
            "{}",
            "[" * 100_000,
            "\xff",
            '{"version": 1, "references": NaN}',
            '{"version": 2, "references": []}',
        ),
        *('{"version": 1, "references": [1]}', '{"version": 1, "references": [{}]}', "9" * 10_000),
        '{"version": 1, "references": [{"path": "a", "line": true, "context": "", "resolved": "", "upstream": null, '
        '"target": null, "state": "migrate"}]}',
    ],
)
def test_what_is_no_inventory_is_told(run: Run, tmp_path: Path, text: str) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python:3.12\n")
    (tmp_path / "old.json").write_bytes(text.encode("latin-1"))
    done = run("inventory", "--compare", "old.json")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"old.json: is n" in done.stderr


def test_a_pipe_is_no_inventory(run: Run, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert b"pipe: is not a regular file" in run("inventory", "--compare", "pipe").stderr
    assert b"nowhere: cannot be read" in run("inventory", "--compare", "nowhere").stderr
