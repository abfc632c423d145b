"""The README: its commands run on a fresh clone, its table is the program's, its claims can be checked."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.conftest import copy_project
from tests.rules_table import TABLES, renewed

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
COMMANDS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)


def test_the_first_command_installs_and_fixes_the_examples(tmp_path: Path, index: dict[str, str]) -> None:
    clone = tmp_path / "clone"
    copy_project(clone)
    words = ["bash", "-ec", COMMANDS[0]]
    done = subprocess.run(words, cwd=clone, env=os.environ | index, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (
        "23 image references in 14 files (echo-migrate inventory lists them)\n  13 migrated (8 with tags not verified)"
        in done.stdout
    )
    assert (
        (clone / "demo/api/Dockerfile")
        .read_text()
        .startswith("ARG REGISTRY=reg.echohq.com\nFROM ${REGISTRY}/node:22 AS deps\n")
    )
    again = subprocess.run(
        [".venv/bin/echo-migrate", "fix", "--diff", "demo"], cwd=clone, capture_output=True, check=False
    )
    assert (again.returncode, again.stdout) == (0, b"")
    (installed,) = clone.glob(".venv/lib/python3*/site-packages/echo_migrate/mappings")
    data = {path.relative_to(ROOT / "mappings").with_suffix(".json") for path in (ROOT / "mappings").rglob("*.yaml")}
    assert {path.relative_to(installed) for path in installed.rglob("*") if path.is_file()} == data


def test_the_patch_that_the_readme_shows_is_what_a_fix_prints() -> None:
    said = README.partition("$ echo-migrate fix --diff tests/examples/api\n")[2].partition("```")[0]
    words = ("fix", "--diff", "--no-config", "tests/examples/api")
    done = subprocess.run([sys.executable, "-m", "echo_migrate", *words], cwd=ROOT, capture_output=True, check=False)
    assert done.stdout.decode() == said


def test_the_readme_is_short() -> None:
    assert README.count("\n") <= 200


def test_the_second_command_is_what_the_gate_runs() -> None:
    assert COMMANDS[1].strip() in (ROOT / ".ci/run").read_text()


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.name)
def test_a_table_is_the_programs(path: Path) -> None:
    assert renewed(path) == path.read_text(), "write it anew: python -m tests.rules_table"


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    reasons = (ROOT / "CONTRIBUTING.md").read_text().partition("## What each dependency is for")[2]
    for requirement in [*project["dependencies"], *project["optional-dependencies"]["dev"]]:
        name = re.split(r"[<>=[]", requirement)[0]
        if not name.startswith("types-"):
            assert name.lower() in reasons, name


def test_the_picture_of_the_house_is_true() -> None:
    house = README.partition("## The house")[2].partition("```\n")[2].partition("```")[0]
    named = re.findall(r"(?m)^  (\w+)(?:/|\.py) ", house)
    there = {path.stem for path in (ROOT / "echo_migrate").iterdir()} - {"__init__", "__main__", "__pycache__", "py"}
    assert set(named) == there
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = [set(re.findall(r"echo_migrate\.(\w+)", layer)) for layer in contracts[0]["layers"][1:]]
    floors = [next(i for i, layer in enumerate(layers) if name in layer) for name in named]
    assert floors == sorted(floors)
