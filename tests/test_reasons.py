"""Why references do not move: the table of reasons, and what people are shown of it."""

import ast
import re
from pathlib import Path

import pytest

from echo_migrate import reports
from echo_migrate.engine import fix
from echo_migrate.files.source import Source
from echo_migrate.formats import dockerfile
from echo_migrate.images import catalog
from echo_migrate.model.reasons import Reason, because, table
from echo_migrate.rules import RULES
from echo_migrate.rules._rule import Settings, also
from tests.conftest import ROOT, Run

LONGEST = 160
AVOIDED = re.compile(
    r"(?i)\ba person\b|\bstands? (?:on|in|beside|against|alone)\b|\bsays?\b|in a place of its own|as it arrives|"
    r"not a safe move|left out|by (?:naming )?convention|tag unconfirmed|names no version|its own is|\bthat day\b|"
    r"had no place|a layer too late|from now on|a run of its own|it would run as|what else lies|say USER|"
    r"its place is taken"
)
"""Words of a dialect: what is meant has a plain name."""

PARAMETER = re.compile(r"\{(\w+)\}")


@pytest.fixture
def run(inside: Run) -> Run:
    """Run the program in this process: none of these tests is about processes."""
    return inside


def calls() -> list[tuple[str, set[str], str]]:
    """Every reason that the program gives: its id, its parameters, and where."""
    found = []
    for path in (ROOT / "echo_migrate").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "because":
                branches = [one for one in ast.walk(node.args[0]) if isinstance(one, ast.Constant)]
                names = {one.arg or "*" for one in node.keywords}
                found += [(str(one.value), names, f"{path.name}:{node.lineno}") for one in branches]
    return found


@pytest.mark.parametrize("id", table())
def test_a_row_is_a_short_sentence_and_what_to_do(id: str) -> None:
    row = table()[id]
    for text in (row.message, row.remedy):
        assert len(PARAMETER.sub("x" * 30, text)) <= LONGEST
        assert not AVOIDED.search(text)
        assert not text.endswith(".")
    assert row.message
    assert bool(row.lift) <= bool(row.remedy)


def test_every_reason_that_is_given_has_a_row_with_its_parameters_and_every_row_is_given() -> None:
    given = calls()
    assert {id for id, _, _ in given} == set(table())
    late = {"registry"}  # the provider's, which is known when a move is
    for id, names, where in given:
        wanted = {*PARAMETER.findall(table()[id].message), *PARAMETER.findall(table()[id].remedy)} - late
        assert "*" in names or wanted <= names, where


def test_a_reason_is_a_value() -> None:
    one = because("login-step")
    assert one == Reason("login-step")
    assert one.message == "no login to registry before it"
    assert one.given(registry="a.io").message == "no login to a.io before it"
    assert hash(one.given(registry="a.io")) == hash(because("login-step", registry="a.io"))
    with pytest.raises(KeyError):
        _ = because("none of these").message


TEXT = (
    "FROM node:22-alpine AS a\nFROM node:22-alpine AS b\nFROM python:3.12@sha256:" + "0" * 64 + "\nFROM ${V}\n"
    "FROM redis:alpine\nFROM harbor.acme.internal/team/app:1\nFROM adservice\nFROM acme/tool:1\nFROM python:3.12\n"
)


def test_the_reasons_of_the_summary_account_for_every_reference() -> None:
    result = fix.fix_source(Source("Dockerfile", TEXT), dockerfile, Settings(catalog.load(), tuple(RULES.values())))
    run = reports.RunReport("check", "echo", "Echo", "", verbose=True)
    text = reports.render("grouped", [result], run)
    counts = re.findall(r"(?m)^  (\d) (ready|not|private|need review)", text)
    assert counts == [("1", "ready"), ("1", "not"), ("2", "private"), ("5", "need review")]
    assert "  5 need review: 3 have an unsafe fix, 2 need an edit by hand\n" in text
    listed = re.findall(r"(?m)^ {5}(\d)  (?!of these)", text.partition("need review: ")[2].partition("findings in")[0])
    assert sum(map(int, listed)) == 5
    assert "  2 private or built here\n" in text
    assert "     2  Echo has no Alpine variant: switches to Debian (musl to glibc)   see echo-migrate fix " in text
    assert reports.summary([result]).first_party == 2


def test_a_line_for_each_distinct_finding_of_a_file_within_the_width(run: Run, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM node:22-alpine AS a\nFROM node:22-alpine\nFROM a\nFROM python:3\n")
    for width in (60, 80, 120):
        done = run("check", "--select", "unhardened-image", env={"COLUMNS": str(width)})
        head, first, *rest = done.stdout.decode().splitlines()
        assert head == "Dockerfile"
        assert first.split()[:5] == ["1,2", "warning", "unhardened-image", "node:22-alpine", "->"]
        said = " ".join(" ".join((first, *rest[: rest.index("")])).split())
        assert "node:22-alpine -> reg.echohq.com/node:22 [unsafe: Alpine to Debian]" in said
        assert all(len(line) <= max(width, 74) for line in (first, *rest[: rest.index("")]))


@pytest.mark.parametrize(
    ("width", "mark"), [(108, "[unsafe: Alpine to Debian, …]"), (122, "[unsafe: Alpine to Debian, drops digest]")]
)
def test_further_reasons_are_listed_where_they_take_no_line_of_their_own(
    run: Run, tmp_path: Path, width: int, mark: str
) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM node:22-alpine@sha256:{'0' * 64}\n")
    said = run("check", "--select", "unhardened-image", env={"COLUMNS": str(width)}).stdout.decode()
    finding = said.partition("\n\n")[0]
    assert mark in " ".join(finding.split())
    every = run("check", "-v", "--select", "unhardened-image", env={"COLUMNS": str(width)}).stdout.decode()
    assert "[unsafe: Alpine to Debian, drops digest]" in " ".join(every.split())


@pytest.mark.parametrize(
    ("briefs", "room", "text"),
    [
        ((), 100, ""),
        (("digest",), 100, "; also: drops digest"),
        (("digest", "digest"), 100, "; also: drops digest"),
        (("digest", "volume", "offered"), 60, "; also: drops digest, data in a volume, image not verified"),
        (("digest", "volume", "offered"), 50, "; also: drops digest, data in a volume and 1 more"),
        (("digest", "volume", "offered"), 25, "; also: 3 more reasons"),
        (("digest",), 19, ""),
    ],
)
def test_further_reasons_end_a_message_as_far_as_there_is_room(briefs: tuple[str, ...], room: int, text: str) -> None:
    assert also([because(id) for id in briefs], room) == text


@pytest.mark.parametrize(
    ("width", "names"), [(120, "acme/one (2), acme/two, acme/three"), (50, "acme/one (2), acme/two, …"), (20, "")]
)
def test_the_summary_names_what_is_not_offered_as_far_as_there_is_room(width: int, names: str) -> None:
    text = "FROM acme/one:1\nFROM acme/one:2\nFROM acme/two:1\nFROM acme/three\n"
    result = fix.fix_source(Source("Dockerfile", text), dockerfile, Settings(catalog.load(), tuple(RULES.values())))
    said = reports.render("grouped", [result], reports.RunReport("check", "echo", "Echo", "", width=width))
    line = next(line for line in said.splitlines() if "not offered" in line)
    assert line == f"  4 not offered by Echo: {names}".removesuffix(": ")


def test_a_fix_lists_what_changed_and_then_what_is_left(run: Run, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text("FROM python:3.12\nFROM node:22-alpine\n")
    patch = run("fix", "--diff", "--select", "unhardened-image")
    assert patch.stderr == b"Would fix 2 in 2 files.\n"
    done = run("fix", "--select", "unhardened-image").stdout.decode()
    assert done.startswith(
        "a/Dockerfile: 1 fixed\nb/Dockerfile: 1 fixed\n\na/Dockerfile, b/Dockerfile\n  2:6  warning  "
    )
    assert "python:3.12 ->" not in done
    assert "Fixed 2 in 2 files, 2 remain.\n" in done


def test_a_placeholder_is_accounted_for_and_no_finding(run: Run, tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("images: [{name: adservice, newName: IMAGES_REGISTRY/adservice}]\n")
    said = b" ".join(run("check").stdout.split())
    assert b"unresolved-image" not in said
    assert b"1 needs an edit by hand 1 a placeholder, filled in elsewhere change what fills it in" in said


def test_what_a_rule_was_called_before_still_selects_and_silences_it(run: Run, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python:3.12\n")
    assert b"unhardened-image" in run("check", "--select", "mapped-image").stdout
    (tmp_path / "Dockerfile").write_text("# echo-migrate: ignore[mapped-image] of old\nFROM python:3.12\n")
    assert b"unhardened-image" not in run("check").stdout
    (tmp_path / "Dockerfile").write_text("FROM python:3.12\n")
    run("baseline")
    path = tmp_path / "echo-migrate-baseline.json"
    path.write_text(path.read_text().replace("unhardened-image", "mapped-image"))
    assert run("check", "--baseline", path.name).returncode == 0


def test_what_a_file_has_ten_thousand_times_is_a_line(limited: Run, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python:3.12\n" * 20_000)
    said = limited(20, "check", "-q", "--select", "unhardened-image").stdout.decode()
    assert said.startswith("Dockerfile:1,2,3,4,5,6,… warning unhardened-image python:3.12 -> ")
