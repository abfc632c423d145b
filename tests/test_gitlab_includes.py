"""GitLab pipelines of several files: which files are read, and what one says of the images of another."""

import json
from pathlib import Path

import pytest

from tests.conftest import Run

HIDDEN = ".base:\n  image: python:3.12\n"
READ = {
    "a text": ("include: ci/a.yml\n", {"ci/a.yml": HIDDEN}),
    "a list of texts and mappings": (
        "include:\n- local: /ci/a.yml\n- remote: https://a.io/b.yml\n",
        {"ci/a.yml": HIDDEN},
    ),
    "any name in a folder": ("include: {local: 'ci/*.yml'}\n", {"ci/a.yml": HIDDEN}),
    "any folder": ("include: [{local: 'ci/**/*.yaml'}]\n", {"ci/b/c/a.yaml": HIDDEN}),
    "what is included by another": (
        "include: ci/b.yml\n",
        {"ci/b.yml": "include: {local: ci/a.yml}\n", "ci/a.yml": HIDDEN},
    ),
    "a pipeline that a job triggers": ("a: {trigger: {include: [{local: ci/a.yml}]}}\n", {"ci/a.yml": HIDDEN}),
    "a circle": ("include: ci/a.yml\n", {"ci/a.yml": f"include: .gitlab-ci.yml\n{HIDDEN}"}),
}
UNREAD = {
    "a file that nothing includes": ("include: ci/b.yml\n", {"ci/a.yml": HIDDEN}),
    "a file of another project": ("include: [{project: x/y, file: ci/a.yml}]\n", {"ci/a.yml": HIDDEN}),
    "another folder": ("include: 'ci/*.yml'\n", {"ci/b/a.yml": HIDDEN}),
    "an address": ("include: https://a.io/ci/a.yml\n", {"https:/a.io/ci/a.yml": HIDDEN}),
    "a folder above": ("include: ci/../ci/a.yml\n", {"ci/a.yml": HIDDEN}),
    "a manifest of Kubernetes": (
        "include: ci/a.yml\n",
        {"ci/a.yml": "apiVersion: example.io/v1\nkind: Other\nspec:\n  image: python:3.12\n"},
    ),
    "a manifest": ("include: ci/a.yml\n", {"ci/a.yml": f"version: 2\n{HIDDEN}"}),
}
MORE = "default: {image: node:22}\ninclude: ci/a.yml\n"
REASONS = {
    "the scripts of jobs that extend what is included": (
        "include: ci/a.yml\nx: {extends: .base, script: [wget x]}\n",
        HIDDEN,
        {"python:3.12": ["program-unknown"]},
    ),
    "the scripts of jobs that refer to an image": (
        "include: ci/a.yml\nx: {image: !reference [.base, image], script: [wget x]}\n",
        HIDDEN,
        {"python:3.12": ["program-unknown"]},
    ),
    "the scripts of included jobs in the default image": (
        MORE,
        "x:\n  script: [wget x]\n",
        {"node:22": ["program-unknown"]},
    ),
    "the scripts of included jobs in an image of their own": (
        MORE,
        "x:\n  image: python:3.12\n  script: [wget x]\n",
        {"node:22": [], "python:3.12": ["program-unknown"]},
    ),
    "the scripts of another pipeline": (
        "default: {image: node:22}\na: {trigger: {include: ci/a.yml}}\n",
        "x:\n  script: [wget x]\n",
        {"node:22": []},
    ),
    "a host name that another file uses": (
        "include: ci/a.yml\nx: {extends: .base, script: [redis-cli -h redis]}\n",
        ".base:\n  services:\n  - {name: 'redis:7', alias: db}\n",
        {"redis:7": ["service-alias"]},
    ),
    "a host name that none uses": (
        "include: ci/a.yml\nx: {extends: .base, script: [redis-cli -h db]}\n",
        ".base:\n  services:\n  - {name: 'redis:7', alias: db}\n",
        {"redis:7": []},
    ),
    "a job in two files": (
        "include: ci/a.yml\nx: {script: [wget x]}\n",
        "x: {image: 'python:3.12', stage: a}\n",
        {"python:3.12": ["program-unknown"]},
    ),
    "what is for all jobs in two files": (
        "include: ci/a.yml\ndefault: {before_script: [wget x]}\nx: {script: [b]}\n",
        "default: {image: 'python:3.12'}\n",
        {"python:3.12": ["program-unknown"]},
    ),
    "what one version of a job installs": (
        "include: ci/a.yml\nx: {before_script: [b]}\n",
        "x: {image: 'python:3.12', before_script: [apt-get install -y wget], script: [wget x]}\n",
        {"python:3.12": ["program-unknown"]},
    ),
    "what one version of a reference installs": (
        "include: ci/a.yml\n.s: {script: [b]}\n",
        ".s: {script: [apt-get install -y wget]}\n"
        "x: {image: 'python:3.12', script: [!reference [.s, script], wget x]}\n",
        {"python:3.12": ["program-unknown"]},
    ),
    "a file that may be left out": (
        "include: [{local: ci/a.yml, rules: [{if: $A}]}]\ndefault: {image: 'node:22'}\nx: {script: [wget x]}\n",
        "x: {image: 'python:3.12'}\n",
        {"node:22": ["program-unknown"], "python:3.12": ["program-unknown"]},
    ),
    "a variable of another file": (
        "include: ci/a.yml\nvariables: {V: '22'}\n",
        ".base:\n  image: node:$V\n",
        {"node:$V": ["no-value"]},
    ),
}


@pytest.fixture
def run(inside: Run) -> Run:
    """Run the program in this process: none of these tests is about processes."""
    return inside


def _listed(run: Run, tmp_path: Path, files: dict[str, str]) -> list[dict[str, object]]:
    (tmp_path / ".git").mkdir()
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    done = run("inventory", "--output-format", "json", "--logins", "gitlab", ".")
    listed: list[dict[str, object]] = json.loads(done.stdout)["references"]
    return listed


@pytest.mark.parametrize("kind", READ)
def test_a_file_that_a_pipeline_includes_is_read(run: Run, tmp_path: Path, kind: str) -> None:
    first, others = READ[kind]
    assert [one["raw"] for one in _listed(run, tmp_path, {".gitlab-ci.yml": first, **others})] == ["python:3.12"]


@pytest.mark.parametrize("kind", UNREAD)
def test_any_other_file_is_not(run: Run, tmp_path: Path, kind: str) -> None:
    first, others = UNREAD[kind]
    assert _listed(run, tmp_path, {".gitlab-ci.yml": first, **others}) == []


@pytest.mark.parametrize("kind", REASONS)
def test_other_files_of_a_pipeline_say_how_an_image_is_used(run: Run, tmp_path: Path, kind: str) -> None:
    first, other, expected = REASONS[kind]
    found = _listed(run, tmp_path, {".gitlab-ci.yml": first, "ci/a.yml": other})
    assert {one["raw"]: [reason["id"] for reason in one["reasons"]] for one in found} == expected  # type: ignore[attr-defined]


UNREAD_PARTS = {
    "all": ({}, []),
    "many": ({"ci/x.yml": "x: {script: [wget x]}\n"}, ["pipeline-unread"]),
    "large": ({"ci/00.yml": "x: {script: [wget x]}\n" + "#\n" * 300_000}, ["pipeline-unread"]),
    "broken": ({"ci/00.yml": "x: [\n"}, ["pipeline-unread"]),
}


@pytest.mark.parametrize("kind", UNREAD_PARTS)
def test_nothing_of_a_pipeline_is_safe_unless_all_of_it_is_read(run: Run, tmp_path: Path, kind: str) -> None:
    more, expected = UNREAD_PARTS[kind]
    parts = {f"ci/{number:02}.yml": f"j{number}: {{script: [b]}}\n" for number in range(49)}
    first = {".gitlab-ci.yml": "default: {image: node:22}\ninclude: 'ci/*.yml'\n"}
    found = _listed(run, tmp_path, {**first, **parts, **more})
    assert [[reason["id"] for reason in one["reasons"]] for one in found] == [expected]  # type: ignore[attr-defined]
