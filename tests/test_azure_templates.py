"""Azure pipelines of several files: which templates are read, and what runs in an image that another file names."""

import json
from pathlib import Path

import pytest

from tests.conftest import Run

JOB = "- job: a\n  container: python:3.12\n  steps: [{script: x}]\n"
STEPS = "steps:\n- script: wget x\n"
ALIAS = "resources:\n  containers:\n  - {container: py, image: 'python:3.12', endpoint: reg}\n"
NOT_BESIDE = "login-other"
READ = {
    "jobs in any folder": ("ci/a.yml", f"jobs:\n{JOB}", ["python:3.12"]),
    "jobs of a template with parameters": (
        "ci/a.yml",
        "parameters:\n  x: 1\njobs:\n- ${{ each x in parameters.y }}:\n  - template: b.yml\n"
        "    parameters: {baseImage: 'node:22', pool: x}\n",
        ["node:22"],
    ),
    "what a template is given": (
        "azure-pipelines.yml",
        "extends:\n  template: a.yml@other\n  parameters:\n    containerImage: node:22\n    name: x:1\n",
        ["node:22"],
    ),
    "parameters that no template is given": (
        "azure-pipelines.yml",
        "jobs:\n- job: a\n  parameters: {image: 'node:22'}\n",
        [],
    ),
    "a name of the pipeline's": ("ci/a.yml", "jobs:\n- job: a\n  container: py\n  steps: []\n", []),
    "jobs that GitLab needs": ("ci/a.yml", "x:\n  needs:\n  - job: a\n  container: python:3.12\n", []),
    "jobs of Zuul": ("zuul.yaml", "- job:\n    name: a\n    container: python:3.12\n", []),
}
RUN_IN = {
    "steps of a template": ("container: {image: 'python:3.12', endpoint: r}\nsteps:\n- template: b.yml\n", STEPS, True),
    "steps of a template from the top": (
        "jobs:\n- job: a\n  container: {image: 'python:3.12', endpoint: r}\n  steps:\n  - template: /b.yml@self\n",
        STEPS,
        True,
    ),
    "a template of another job": (
        "jobs:\n- job: a\n  container: {image: 'python:3.12', endpoint: r}\n  steps: [{bash: x}]\n"
        "- job: b\n  steps: [{template: b.yml}]\n",
        STEPS,
        False,
    ),
    "a template of another repository": (
        "container: {image: 'python:3.12', endpoint: r}\nsteps:\n- template: b.yml@x\n",
        STEPS,
        False,
    ),
    "jobs that name the container": (
        f"{ALIAS}jobs: [{{template: b.yml}}]\n",
        "jobs:\n- job: a\n  container: py\n  steps: [{script: wget x}]\n",
        True,
    ),
    "jobs that name another container": (
        f"{ALIAS}jobs: [{{template: b.yml}}]\n",
        "jobs:\n- job: a\n  container: other\n  steps: [{script: wget x}]\n",
        False,
    ),
    "a step in the container": (
        f"{ALIAS}jobs: [{{template: b.yml}}]\n",
        "jobs:\n- job: a\n  steps: [{script: wget x, target: py}]\n",
        True,
    ),
}


@pytest.fixture
def run(inside: Run) -> Run:
    """Run the program in this process: none of these tests is about processes."""
    return inside


def _listed(run: Run, tmp_path: Path, files: dict[str, str]) -> dict[str, list[str]]:
    (tmp_path / ".git").mkdir()
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    listed = json.loads(run("inventory", "--output-format", "json", ".").stdout)["references"]
    return {one["raw"]: [reason["id"] for reason in one["reasons"]] for one in listed}


@pytest.mark.parametrize("kind", READ)
def test_templates_are_known_by_what_they_say(run: Run, tmp_path: Path, kind: str) -> None:
    path, text, expected = READ[kind]
    assert list(_listed(run, tmp_path, {path: text})) == expected


@pytest.mark.parametrize("kind", RUN_IN)
def test_what_templates_run_in_an_image_is_asked_for(run: Run, tmp_path: Path, kind: str) -> None:
    pipeline, template, asked = RUN_IN[kind]
    found = _listed(run, tmp_path, {"azure-pipelines.yml": pipeline, "b.yml": template})
    assert found == {"python:3.12": [NOT_BESIDE, *(["program-unknown"] if asked else [])]}


UNREAD = {
    "a template that is not valid YAML": ("steps:\n- template: b.yml\n", {"b.yml": "steps: [\n"}),
    "a template that is not there": ("steps:\n- template: c.yml\n", {}),
    "a template in a template that is not there": (
        "steps:\n- template: b.yml\n",
        {"b.yml": "steps: [{template: c.yml}]"},
    ),
    "a template whose name a parameter has": ("steps:\n- template: ${{ parameters.steps }}.yml\n", {}),
    "a template outside of the tree": ("steps:\n- template: ../../b.yml\n", {}),
    "more templates than are read": (
        "steps:\n" + "".join(f"- template: t{number}.yml\n" for number in range(51)),
        {f"t{number}.yml": "steps: []\n" for number in range(51)},
    ),
}
CONTAINER = "container: {image: 'python:3.12', endpoint: r}\n"


@pytest.mark.parametrize("form", [CONTAINER, f"{ALIAS}container: py\n"])
@pytest.mark.parametrize("kind", UNREAD)
def test_templates_that_could_not_be_read_are_said(run: Run, tmp_path: Path, kind: str, form: str) -> None:
    steps, files = UNREAD[kind]
    found = _listed(run, tmp_path, {"azure-pipelines.yml": form + steps, **files})
    assert "pipeline-unread" in found["python:3.12"]


@pytest.mark.parametrize("steps", ["- template: b.yml@other\n", "- script: x\n", "- template: b.yml\n"])
def test_templates_that_were_read_hold_no_image(run: Run, tmp_path: Path, steps: str) -> None:
    files = {"azure-pipelines.yml": f"{CONTAINER}steps:\n{steps}", "b.yml": "steps: [{script: x}]\n"}
    assert "pipeline-unread" not in _listed(run, tmp_path, files)["python:3.12"]
