"""Terraform: where an image is a container's, against an independent reader, and what is never edited."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import hcl2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from echo_migrate.engine import fix
from echo_migrate.files.source import Edit, Source
from echo_migrate.formats import recognised, terraform
from echo_migrate.images import catalog
from echo_migrate.model import Result
from echo_migrate.model.reasons import because
from echo_migrate.rules import RULES
from echo_migrate.rules._rule import Settings
from tests.conftest import ROOT
from tests.pages import PAGES, Case, cases

CASES = [case for page in PAGES for case in cases(page) if case.path.endswith(".tf")]
SETTINGS = Settings(catalog.load(), tuple(RULES.values()), apply=True, logins=frozenset(["terraform"]))


def fix_source(text: str, unsafe: bool = False) -> Result:
    return fix.fix_source(Source("main.tf", text), terraform, SETTINGS._replace(unsafe=unsafe))


def named(value: Any, key: str = "") -> list[str]:
    """The images of containers in what the other reader loads, by a walk of its own."""
    if isinstance(value, list):
        return [image for one in value for image in named(one, key)]
    if not isinstance(value, dict):
        return []
    own = [value["image"]] if "image" in value and key in terraform._CONTAINERS else []
    return own + [image for name, one in value.items() for image in named(one, name.strip('"'))]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_another_reader_finds_the_same_containers(case: Case) -> None:
    try:
        loaded = hcl2.loads(case.text)
    except Exception:  # the other reader has no one type of error
        assert "unreadable-file" in case.says[0]
        return
    theirs = [image.strip('"') for image in named(loaded) if image.startswith('"')]
    images = [outcome.image for outcome in fix_source(case.text).outcomes]
    called = re.compile(r"\.docker_|\.container_def")  # it leaves calls unread, and the values of names
    others = {because("default").id, because("variable-shared").id}
    ours = [
        one
        for one in images
        if not called.search(one.where) and others.isdisjoint(reason.id for reason in one.unsafe_reasons)
    ]
    assert sorted(theirs) == sorted(case.text[image.start : image.end] for image in ours)
    assert hcl2.loads(case.fixed)


@given(
    st.sampled_from(sorted(terraform._CONTAINERS)),
    st.lists(st.sampled_from(["a", "spec", "template", "dynamic"]), max_size=5),
    st.sampled_from(["python:3.12", "node:22", "nginx"]),
    st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=8),
    st.sampled_from(["\n", "\r\n"]),
)
def test_edits_stay_inside_of_the_string(key: str, above: list[str], image: str, words: str, newline: str) -> None:
    inner = f'{key} {{\n  image = "{image}" # {words} "\n}}\n'
    for name in above:
        inner = f"{name} {{\n# {words}\n{inner}}}\n"
    text = f'resource "kubernetes_pod" "é" {{\n{inner}}}\n'.replace("\n", newline)
    result = fix_source(text)
    assert result.refused is None
    assert [outcome.image.ref.value for outcome in result.outcomes] == [image]
    assert result.fixed.text == text.replace(f'image = "{image}"', f'image = "reg.echohq.com/{image}"')


@pytest.mark.parametrize(
    ("path", "text", "known"),
    [
        ("main.tf", 'resource "x" "y" { container { image = "a" } }', True),
        ("main.tf", 'resource "docker_image" "y" {}', True),
        ("main.tf", 'variable "image" {}', False),
        ("main.tfvars", 'image = "a"', True),
        ("main.tfvars", 'region = "a"', False),
        ("main.ts", 'image: "a"', False),
    ],
)
def test_recognised(path: str, text: str, known: bool) -> None:
    assert (recognised(path, text) is terraform) == known


def test_strange_shapes_end_in_an_answer() -> None:
    for text in (
        "image = 3",
        'resource "a" "b" { image = "python:3.12" }',
        'resource "a" "b" { container = "python:3.12"\n image = "python:3.12" }',
        'resource "a" "b" { container { image = ["python:3.12"] } }',
        'resource "a" "b" { container_definitions = jsonencode() }\n# image = "a"',
        'resource "a" "b" { container_definitions = jsonencode(a, b) }\n# image = "a"',
        'resource "a" "b" { container { image = "%{ if x }python:3.12%{ endif }" } }',
        'resource "a" "b" { container { image = "python\\u003a3.12" } }',
    ):
        result = fix_source(text, unsafe=True)
        assert result.refused is None
        assert result.fixed is result.source
        assert not any("fault" in finding.message for finding in result.findings)


@pytest.mark.parametrize(
    ("old", "new"), [("python", "node"), ("name", "nome"), ('"a"', '"b"'), ("jsonencode", "yamlencode")]
)
def test_only_an_image_may_change(old: str, new: str) -> None:
    text = 'resource "x" "y" { container_definitions = jsonencode([{ name = "a", image = "python:3.12" }]) }\n'
    place = text.index("python")
    other = Source("a.tf", text.replace(old, new, 1))
    refused = terraform.verify(Source("a.tf", text), other, [Edit(place, place + 6, "node")])
    assert (refused is None) == (old == "python")


def test_files_are_said_unread_where_hcl_is_not_installed(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "main.tf").write_text('resource "docker_image" "a" {\n  name = "node:22-slim"\n}\n')
    (tmp_path / "docker-bake.hcl").write_text('target "a" {\n  contexts = { base = "docker-image://node:22" }\n}\n')
    (tmp_path / "Dockerfile").write_text("FROM node:22-slim\nUSER 1\n")
    code = "import sys; sys.modules['tree_sitter_hcl'] = None; from echo_migrate.cli import main; main()"
    words = [sys.executable, "-c", code, "check", "--no-config", "--output-format", "concise"]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    remedy = "is HCL, which needs the extra `hcl`: pip install 'echo-migrate[hcl]'; it is not rewritten"
    assert re.findall(rf"(?m)^(\S+):1:1: \w+\[unreadable-file\] this file {re.escape(remedy)}$", done.stdout) == [
        "docker-bake.hcl",
        "main.tf",
    ]
    assert "Dockerfile:1:6: warning[unhardened-image]" in done.stdout
