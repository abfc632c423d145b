"""An image that a command only pulls moves with its use in another file, or needs review."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from echo_migrate.api import check_paths, check_text, load_settings
from echo_migrate.engine import pulls
from echo_migrate.files.source import Source
from echo_migrate.files.workspace import begin
from echo_migrate.model import Migration
from tests.conftest import Run

PULL = "#!/bin/sh\n# keep in sync with the Dockerfile\ndocker pull python:3.12\n"
MOVED = PULL.replace("python", "reg.echohq.com/python")

WORKFLOW = ".github/workflows/t.yml"

LEFT = {
    "a stage that needs review": ("Dockerfile", "FROM python:3.12\nRUN wget x\n", "Dockerfile:1"),
    "a version in an argument": ("Dockerfile", "ARG V=3.12\nFROM python:${V} AS b\nRUN wget x\n", "Dockerfile:2"),
    "a registry in the name": ("Dockerfile", "FROM docker.io/library/python:3.12\nRUN wget x\n", "Dockerfile:1"),
    "a pod without a login": (
        "pod.yaml",
        "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - name: a\n    image: python:3.12\n",
        "pod.yaml:6",
    ),
    "an image that is loaded": ("load.sh", "kind load docker-image python:3.12\n", "load.sh:1"),
    "a job with a login that calls it": (
        WORKFLOW,
        "on: push\njobs:\n a: {steps: [{run: docker run python:3.12}]}\n b:\n  steps:\n"
        "  - run: docker login reg.echohq.com\n  - run: ./pull.sh\n",
        f"{WORKFLOW}:3",
    ),
    "an ignored use": ("Dockerfile", "# echo-migrate: ignore\nFROM python:3.12\n", "Dockerfile:2"),
}

TOGETHER = {
    "a stage that moves": ("Dockerfile", "FROM python:3.12\n"),
    "a service that moves": ("compose.yaml", "services:\n  a:\n    image: python:3.12\n"),
    "another pull of it": ("other.sh", "podman pull python:3.12\n"),
    "a script that runs it": ("run.sh", "docker run --rm python:3.12 true\n"),
    "another tag": ("Dockerfile", "FROM python:3.12-slim\nRUN wget x\n"),
    "another image": ("Dockerfile", "FROM acme/python:3.12\n"),
    "a comment": ("a.go", "// like python:3.12\n"),
    "a page": ("README.md", "docker pull python:3.12\n"),
    "a change log": ("CHANGELOG", "python:3.12 is new\n"),
    "a value that is no image": (
        "compose.yaml",
        "services:\n  a:\n    image: reg.echohq.com/nginx\n    environment:\n      BASE: python:3.12\n",
    ),
    "a script of npm": ("package.json", '{"scripts": {"test:python": "x python:3.12"}}\n'),
    "a list of names": ("images.txt", "python:3.12\n"),
    "a docstring": ("a.py", 'import docker\n\n\ndef a():\n    """Use python:3.12."""\n'),
    "no text": ("a.bin", "\0python:3.12\n"),
    "a job's image": (".gitlab-ci.yml", "test:\n  image: python:3.12\n  script: [pytest]\n"),
    "an agent's image": ("Jenkinsfile", "pipeline { agent { docker { image 'python:3.12' } } }\n"),
    "a job that runs it": (WORKFLOW, "on: push\njobs: {a: {steps: [{run: docker run python:3.12}]}}\n"),
}


def _pulled(run: Run) -> list[dict[str, object]]:
    references = json.loads(run("inventory", "--no-config", "--output-format", "json", ".").stdout)["references"]
    return [one for one in references if one["path"] == "pull.sh"]


@pytest.mark.parametrize("name", LEFT)
def test_a_pull_needs_review_where_its_use_stays(run: Run, tmp_path: Path, name: str) -> None:
    path, text, place = LEFT[name]
    (tmp_path / "pull.sh").write_text(PULL)
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text(text)
    (one,) = _pulled(run)
    assert one["state"] == "needs-person"
    assert f"pulled for {place}, which would still use the old name" in str(one["reason"])
    run("fix", "--no-config", ".")
    assert (tmp_path / "pull.sh").read_text() == PULL


@pytest.mark.parametrize("name", TOGETHER)
def test_a_pull_moves_with_its_use(run: Run, tmp_path: Path, name: str) -> None:
    path, text = TOGETHER[name]
    (tmp_path / "pull.sh").write_text(PULL)
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text(text)
    run("fix", "--no-config", ".")
    assert (tmp_path / "pull.sh").read_text() == MOVED
    done = (tmp_path / path).read_text()
    run("fix", "--no-config", ".")
    assert (tmp_path / path).read_text() == done


def test_a_pull_without_a_tag_follows_its_use(run: Run, tmp_path: Path) -> None:
    (tmp_path / "pull.sh").write_text("docker pull python\n")
    (tmp_path / "Dockerfile").write_text("FROM python:latest\nRUN wget x\n")
    (tmp_path / "words.txt").write_text("python\n")
    (one,) = _pulled(run)
    assert "pulled for Dockerfile:1," in str(one["reason"])


def test_a_pull_of_python_follows_its_use(run: Run, tmp_path: Path) -> None:
    text = "import docker\nclient = docker.from_env()\nclient.images.pull('python:3.12')\n"
    (tmp_path / "pull.sh").write_text("true\n")
    (tmp_path / "warm.py").write_text(text)
    (tmp_path / "Dockerfile").write_text("FROM python:3.12\nRUN wget x\n")
    run("fix", "--no-config", ".")
    assert (tmp_path / "warm.py").read_text() == text
    (tmp_path / "Dockerfile").write_text("FROM python:3.12\n")
    run("fix", "--no-config", ".")
    assert (tmp_path / "warm.py").read_text() == text.replace("python:", "reg.echohq.com/python:")


def test_what_the_file_runs_itself_is_its_own(run: Run, tmp_path: Path) -> None:
    (tmp_path / "pull.sh").write_text(PULL + "docker run python:3.12 true\n")
    (tmp_path / "Dockerfile").write_text("FROM python:3.12\nRUN wget x\n")
    assert [one["state"] for one in _pulled(run)] == ["migrate", "migrate"]


def test_a_pull_needs_review_where_the_file_runs_it_and_that_stays(run: Run, tmp_path: Path) -> None:
    used = 'V=15\ndocker pull "postgres:$V"\ndocker run -v "$PWD/data:/var/lib/postgresql/data" "postgres:$V"\n'
    (tmp_path / "pull.sh").write_text(used)
    pulled, ran = _pulled(run)
    assert (pulled["state"], ran["state"]) == ("needs-person", "needs-person")
    assert "pulled for line 3, which would still use the old name" in str(pulled["reason"])
    run("fix", "--no-config", ".")
    assert (tmp_path / "pull.sh").read_text() == used


def test_two_files_that_pull_for_each_other_are_read_once(run: Run, tmp_path: Path) -> None:
    for name in ("pull.sh", "other.sh"):
        (tmp_path / name).write_text(PULL)
    (tmp_path / "use.sh").write_text("kind load docker-image python:3.12\n")
    (one,) = _pulled(run)
    assert "pulled for use.sh:1," in str(one["reason"])


def test_a_use_that_is_excluded_stays(run: Run, tmp_path: Path) -> None:
    (tmp_path / "pull.sh").write_text(PULL)
    (tmp_path / "Dockerfile").write_text("FROM python:3.12\n")
    run("fix", "--no-config", "--exclude", "Dockerfile", ".")
    assert (tmp_path / "pull.sh").read_text() == PULL
    (tmp_path / ".echo-migrate.toml").write_text('exclude = ["Dockerfile"]\n')
    run("fix", ".")
    assert (tmp_path / "pull.sh").read_text() == PULL
    assert [one.state for one in _outcomes(tmp_path, ("Dockerfile",))] == ["needs-person"]


def _outcomes(folder: Path, exclude: tuple[str, ...] = ()) -> list[Migration]:
    results = check_paths([str(folder)], load_settings(), exclude=exclude)
    return [one for result in results for one in result.outcomes if result.source.path.endswith("pull.sh")]


def test_what_git_ignores_is_no_use(run: Run, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", "."], cwd=tmp_path, check=True)
    (tmp_path / "pull.sh").write_text(PULL)
    (tmp_path / ".gitignore").write_text("old\n")
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "Dockerfile").write_text("FROM python:3.12\nRUN wget x\n")
    assert [one["state"] for one in _pulled(run)] == ["migrate"]


def test_each_file_that_uses_an_image_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pull.sh").write_text("docker pull python:3.12\ndocker pull node:22\n" * 30)
    for number in range(5):
        (tmp_path / f"{number}.yaml").write_text("services: {a: {image: 'python:3.12'}, b: {image: 'node:22'}}\n")
    read = list[str]()

    def assess(source: Source) -> list[Migration]:
        read.append(source.path)
        return []

    begin()
    source = Source.read("pull.sh")
    moves = [*check_text(source.text, "elsewhere/pull.sh", load_settings()).outcomes]
    assert pulls.with_uses(moves, source, assess) == moves
    assert sorted(map(os.path.basename, read)) == [f"{number}.yaml" for number in range(5)]


@pytest.mark.parametrize("limit", ["_MOST_FILES", "_MOST_READ", "_MOST_BYTES"])
def test_a_tree_that_is_too_large_to_search_holds_its_pulls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("pull.sh", "other.sh", "third.sh"):
        (tmp_path / name).write_text(PULL)
    monkeypatch.setattr(pulls, limit, 1)
    (one,) = check_text(PULL, "pull.sh", load_settings()).outcomes
    begin()
    assert (one.state, [reason.id for reason in one.reasons]) == ("needs-person", ["uses-unread"])


@pytest.mark.parametrize("command", ["docker pull", "docker run"])
@pytest.mark.parametrize("login", ["", ", credentials: {username: u, password: '${{ secrets.ECHO_TOKEN }}'}"])
def test_a_step_does_not_wait_for_what_the_runner_pulls(run: Run, tmp_path: Path, command: str, login: str) -> None:
    path = tmp_path / WORKFLOW
    path.parent.mkdir(parents=True)
    text = (
        "on: push\njobs:\n a:\n  runs-on: ubuntu-latest\n  steps:\n"
        f"  - run: docker login reg.echohq.com\n  - run: {command} python:3.12\n"
        f" b:\n  runs-on: ubuntu-latest\n  services: {{p: {{image: 'python:3.12'{login}}}}}\n"
    )
    path.write_text(text)
    run("fix", "--no-config", ".")
    moved = text.replace("python:", "reg.echohq.com/python:", -1 if login else 1)
    assert path.read_text() == moved


def test_a_pull_needs_review_where_the_file_runs_it_and_that_needs_what_is_not_there(run: Run, tmp_path: Path) -> None:
    text = "docker pull golang:1.26\ndocker run golang:1.26 make\ndocker pull node:22\ndocker run node:22 node -v\n"
    (tmp_path / "pull.sh").write_text(text)
    run("fix", "--no-config", ".")
    assert (tmp_path / "pull.sh").read_text() == text.replace("node:22", "reg.echohq.com/node:22")
