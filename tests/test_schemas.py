"""What is printed and read is what the schemas say, and the schemas are shipped."""

import datetime
import json
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from jsonschema import Draft202012Validator

from echo_migrate import cli
from echo_migrate.cli import config
from echo_migrate.files.data import folder, read_data
from echo_migrate.images import mapping_file, providers
from tests.conftest import Run

ROOT = Path(__file__).parent.parent
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
SCHEMAS = {path.name.partition(".")[0]: path for path in ROOT.glob("echo_migrate/**/*.schema.json")}


@pytest.fixture
def run(inside: Run) -> Run:
    """Run the program in this process: none of these tests is about processes."""
    return inside


@pytest.fixture
def examples(tmp_path: Path) -> str:
    """The examples, away from the project's other files, which a run would read to see what builds or follows them."""
    return str(shutil.copytree(ROOT / "tests" / "examples", tmp_path / "examples"))


@cache
def validator(name: str) -> Draft202012Validator:
    schema = json.loads(SCHEMAS[name].read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def test_reports(run: Run, examples: str) -> None:
    for words in (("check",), ("fix", "--check"), ("check", "--seen-only")):
        done = run(*words, "--output-format", "json", examples)
        document = json.loads(done.stdout)
        validator("report").validate(document)
        counts = document["summary"]
        states = ("migrated", "hardened", "no_replacement", "first_party", "needs_person", "ignored")
        assert counts["references"] == sum(counts[state] for state in states) == 23


def test_inventory(run: Run, examples: str) -> None:
    listed = json.loads(run("inventory", "--output-format", "json", examples).stdout)
    validator("inventory").validate(listed)
    assert len([row for row in listed["references"] if row["state"] != "local"]) == 23


def test_match(run: Run) -> None:
    done = run(
        "match", "--output-format", "json", "node:22", "pyhton", "foo", "node:${V}", "golang:{{ v }}", "-", "a b"
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    for answer in answers:
        validator("match").validate(answer)
    assert [answer["upstream"] for answer in answers] == ["node", "python", None, "node", "golang", None, None]
    assert [answer["safe"] for answer in answers] == [True] + [False] * 6


def test_config_keys_are_the_options() -> None:
    schema = json.loads(SCHEMAS["config"].read_text())
    keys = {
        max(option.opts, key=len).lstrip("-")
        for command in cli.cli.commands.values()  # of each: a new option is no key until the schema has it
        for option in command.params
        if isinstance(option, click.Option) and option.name not in config.NOT_KEYS
    }
    assert set(schema["properties"]) == keys - {"tests", "policies"} | {"prove", "verify"}
    assert schema["properties"]["preset"]["enum"] == list(read_data("presets.yaml"))


@pytest.mark.parametrize("provider", providers.providers())
def test_mappings(provider: str) -> None:
    assert set(json.loads(SCHEMAS["mapping"].read_text())["properties"]) == set(mapping_file.KEYS)
    data: dict[str, Any] = yaml.load((Path(folder()) / f"{provider}.yaml").read_text(), LOADER)
    data = {key: value.isoformat() if isinstance(value, datetime.date) else value for key, value in data.items()}
    validator("mapping").validate(data)
    assert list(validator("mapping").iter_errors({"images": {"a": "host.example:5000/b"}}))
    assert list(validator("mapping").iter_errors({"imagse": {}}))
