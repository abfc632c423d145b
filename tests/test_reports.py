"""The outputs: what each prints of the same results, with names that would do harm in it."""

import csv
import io
import json
import re
from pathlib import Path

import pytest

from echo_migrate import reports
from echo_migrate.engine import fix
from echo_migrate.files.source import Source
from echo_migrate.formats import dockerfile
from echo_migrate.images import catalog
from echo_migrate.model import Result
from echo_migrate.reports import inventory
from echo_migrate.reports.inventory.rows import rows
from echo_migrate.rules import RULES
from echo_migrate.rules._rule import Settings
from tests.conftest import Run

EVIL = "a|b`c\n<img src=x>@you\x1b[31m\u202e/Dockerfile"
TEXT = (
    "FROM python:3.12\nFROM redis:7-alpine AS r\nFROM acme/x\nFROM cgr.dev/a/b:1\n"
    "FROM ${V}\nFROM r\nFROM acme/<b>@me|`\n"
)
RUN = reports.RunReport("check", "echo", "Echo", "docker login reg.echohq.com")


@pytest.fixture
def run(inside: Run) -> Run:
    """Run the program in this process: none of these tests is about processes."""
    return inside


@pytest.fixture
def results() -> list[Result]:
    settings = Settings(catalog.load(), tuple(RULES.values()))
    return [fix.fix_source(Source(path, TEXT), dockerfile, settings) for path in ("Dockerfile", EVIL)]


@pytest.mark.parametrize("format", [*reports.FORMATS, *reports.ALSO])
def test_nothing_printed_moves_the_cursor_or_breaks_a_line(results: list[Result], format: str) -> None:
    text = reports.render(format, results, RUN)
    assert not any(piece in text for piece in ("\x1b[31m", "\u202e", "c\n<img"))


@pytest.mark.parametrize("format", list(inventory.FORMATS))
def test_inventory_lists_every_reference_once(results: list[Result], format: str) -> None:
    text = inventory.render(format, results, RUN.login)
    assert not any(piece in text for piece in ("\x1b[31m", "\u202e", "c\n<img"))
    assert text.count("redis:7-alpine") >= (1 if format == "cyclonedx" else 2)


def test_the_map_by_kind_of_file_has_every_reference(results: list[Result]) -> None:
    text = inventory.render("text", results, RUN.login)
    assert re.search(r"(?m)^dockerfile +12 +2 +2 +2 +0 +6 +0$", text)
    assert "| dockerfile | 12 | 2 | 2 | 2 | 0 | 6 | 0 |" in inventory.render("markdown", results, RUN.login)


def test_the_bill_of_materials_is_valid_and_says_where_each_image_is_used(results: list[Result]) -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    text = inventory.render("cyclonedx", results, RUN.login)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert inventory.render("cyclonedx", results, RUN.login) == text
    components = {one["bom-ref"]: one for one in json.loads(text)["components"]}
    shown = [row for row in rows(results) if row.state != "local"]
    assert len(components) == len({row.resolved for row in shown})
    assert sum(len(one["evidence"]["occurrences"]) for one in components.values()) == len(shown)
    python = components["python:3.12"]
    assert (python["name"], python["version"], python["purl"]) == ("python", "3.12", "pkg:docker/python@3.12")
    assert {"name": "echo-migrate:target", "value": "reg.echohq.com/python:3.12"} in python["properties"]
    assert {(place["location"], place["line"]) for place in python["evidence"]["occurrences"]} == {
        ("Dockerfile", 1),
        (reports.printable(EVIL), 1),
    }
    assert components["cgr.dev/a/b:1"]["purl"] == "pkg:docker/a/b@1?repository_url=cgr.dev"


def test_a_bill_of_materials_without_its_library_names_the_remedy(run: Run, tmp_path: Path) -> None:
    (tmp_path / "cyclonedx.py").write_text("raise ImportError\n")
    done = run("inventory", "--output-format", "cyclonedx", env={"PYTHONPATH": str(tmp_path)})
    assert done.returncode == 2
    assert b"install echo-migrate[cyclonedx]" in done.stderr


def test_concise_is_a_line_a_finding(results: list[Result]) -> None:
    lines = reports.render("concise", results, RUN).splitlines()
    assert "Dockerfile:1:6: warning[unhardened-image] python:3.12 -> reg.echohq.com/python:3.12" in lines
    assert len(lines) == sum(len(result.findings) for result in results) + 1
    assert lines[-1] == (
        "2 files, 12 image references: 2 ready to migrate (0 not verified), 2 hardened, 2 not offered, "
        "0 private or built here, 6 need review, 0 ignored; pulling needs: docker login reg.echohq.com"
    )


def test_markdown_is_one_table_whatever_the_names(results: list[Result]) -> None:
    text = reports.render("markdown", results, RUN)
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + sum(len(result.findings) for result in results)
    plain = text.replace("\\|", "")
    assert all(line.count("|") == 4 for line in plain.splitlines() if line.startswith("|"))
    assert "@you" not in re.sub(r"`` .*? ``|`[^`]*`", "", plain)
    assert "<b>" not in text


def test_inventory_sums(results: list[Result]) -> None:
    listed = list(rows(results))
    counts = reports.summary(results)
    assert len([row for row in listed if row.state != "local"]) == counts.references == 12
    table = list(csv.DictReader(io.StringIO(inventory.render("csv", results, RUN.login))))
    assert [row["state"] for row in table] == [row.state for row in listed]
    text = inventory.render("text", results, RUN.login)
    for state, words in (
        ("migrate", "2 ready"),
        ("hardened", "2 already"),
        ("needs-person", "6 need review"),
    ):
        assert sum(row.state == state for row in listed) == int(words.split()[0])
        assert words in text


def test_the_commands(run: Run, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python:3.12\nFROM acme/x:1\n")
    done = run("inventory")
    assert done.returncode == 0
    assert b"Dockerfile:1:6 python:3.12 -> reg.echohq.com/python:3.12" in done.stdout
    assert run("inventory", "--output", "csv:out.csv").returncode == 0
    assert (
        (tmp_path / "out.csv")
        .read_text()
        .startswith("path,line,column,context,raw,resolved,upstream,target,state,reason,basis\n")
    )
    done = run("match", "node:22", "bitnami/redis:7")
    assert (done.returncode, done.stdout.decode()) == (
        0,
        "node:22 -> reg.echohq.com/node:22 (safe)\n"
        "  100  node                     node is a Docker official image\n"
        "bitnami/redis:7 -> reg.echohq.com/redis (not safe)\n"
        "   80  redis                    bitnami has its own build of redis\n"
        "   50  bitnamilegacy/redis      it replaces bitnami/*\n"
        "       images of bitnami were removed on 2025-09-29: use bitnamilegacy/redis\n",
    )
    assert run("match", "acme/tool").returncode == 1
    assert run("match").returncode == 2


@pytest.mark.parametrize("rule", ["unhardened-image", "shell-form-command"])
@pytest.mark.parametrize(
    "line", ["CMD curl https://bob:hunter2@host/i.sh", "CMD run --api-key=hunter2", "CMD export TOKEN=hunter2"]
)
def test_no_line_that_may_hold_a_credential_is_shown(line: str, rule: str) -> None:
    settings = Settings(catalog.load(), (RULES["shell-form-command"], RULES[rule]))
    text = reports.render(
        "text", [fix.fix_source(Source("Dockerfile", f"FROM python:3.12\n{line}\n"), dockerfile, settings)], RUN
    )
    assert "shell-form-command" in text
    assert "hunter2" not in text
