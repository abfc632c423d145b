"""What a COPY of the whole context brings: that of the folder that compose files and workflows build from."""

import json
from pathlib import Path

import pytest

from echo_migrate.files.workspace import begin
from echo_migrate.formats._builds_nearby import folders_of
from tests.conftest import Run

COMPOSE = """\
services:
  a: {build: ./a}
  top: {build: {context: ., dockerfile: top/Dockerfile}}
  both: {build: ./both}
  all: {build: {context: ., dockerfile: both/Dockerfile}}
  beside: {build: {context: ./src, dockerfile: ../beside/Dockerfile}}
  partly: {build: ./partly}
"""
STEP = "      - uses: docker/build-push-action@v6\n        with: {WITH}\n"
STEPS = ("context: ./w", "file: g/Dockerfile", "file: partly/Dockerfile, context: '${{ matrix.c }}'")
WORKFLOW = "on: push\njobs:\n  a:\n    steps:\n" + "".join(STEP.replace("WITH", one) for one in STEPS)
FOLDERS = {
    "a": {"a"},
    "top": {""},
    "both": {"both", ""},
    "beside": {"src"},
    "partly": set[str](),
    "w": {"w"},
    "g": {""},
    "nobody": set[str](),
    "own": set[str](),
}
"""Of each folder, those that its Dockerfile is known to be built from."""

WHOLE = "COPY . includes .git, any .env and build output: the context needs a .dockerignore"
BELOW = "COPY . includes any .env and build output: the context needs a .dockerignore"


@pytest.fixture
def run(inside: Run) -> Run:
    """Run the program in this process: none of these tests is about processes."""
    return inside


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    files = {f"{name}/Dockerfile": "FROM node:22-slim\nCOPY . .\n" for name in FOLDERS}
    files |= {"compose.yaml": COMPOSE, ".github/workflows/a.yml": WORKFLOW, ".git/HEAD": ""}
    files |= {f"{name}/package.json": "" for name in ("a", "own", "src", "w")}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def found(run: Run, tree: Path) -> dict[str, str]:
    """Return the message for each folder."""
    done = run("check", "--select", "whole-context-copy", "--output-format", "json", str(tree))
    assert not done.stderr
    files = json.loads(done.stdout)["findings"]
    return {Path(one["path"]).parent.name: one["message"] for one in files}


def test_the_folders_that_are_built_from(tree: Path) -> None:
    begin()
    there = {name: folders_of(str(tree / name / "Dockerfile")) for name in FOLDERS}
    assert there == {name: {str((tree / one).resolve()) for one in folders} for name, folders in FOLDERS.items()}


def test_the_repository_is_sent_from_its_top_alone(run: Run, tree: Path) -> None:
    below = {"a", "beside", "own", "w"}  # its own folder, where it is not known and has more than Dockerfiles
    assert found(run, tree) == {name: BELOW if name in below else WHOLE for name in FOLDERS}


@pytest.mark.parametrize(("name", "told"), [("site.conf", False), (".env", True), ("main.go", True), ("src/a", True)])
def test_a_folder_in_which_nothing_is_built_brings_what_it_has(run: Run, tree: Path, name: str, told: bool) -> None:
    (tree / "a" / "package.json").unlink()
    (tree / "a" / name).parent.mkdir(exist_ok=True)
    (tree / "a" / name).write_text("")
    assert ("a" in found(run, tree)) == told


def test_the_rules_of_what_is_left_out_are_those_of_the_context(run: Run, tree: Path) -> None:
    (tree / "src" / ".dockerignore").write_text(".env\n")
    (tree / "w" / "Dockerfile.dockerignore").write_text(".env\n")
    assert found(run, tree).keys() == FOLDERS.keys() - {"beside", "w"}
    (tree / ".dockerignore").write_text(".env\n")
    assert found(run, tree) == {"a": BELOW}


WRITES = """\
FROM node:22-slim AS web
WORKDIR /srv/app
USER node
CMD ["sh", "-c", "touch /srv/app/x && exec node a.js"]
"""


@pytest.mark.parametrize(
    ("volumes", "told"),
    [("[./src:/srv/app]", False), ("['data:/srv:rw']", False), ("[{type: tmpfs, target: /srv/app}]", False)]
    + [("[./src:/srv/app/sub]", True), ("[./src:/data]", True), ("['./src:${PLACE}']", False), ("[]", True)],
)
def test_what_a_mount_may_lie_over_is_not_said_to_fail(run: Run, tmp_path: Path, volumes: str, told: bool) -> None:
    (tmp_path / "Dockerfile").write_text(WRITES)
    (tmp_path / "compose.yaml").write_text(f"services:\n  a:\n    build: .\n    volumes: {volumes}\n")
    done = run("check", "--select", "root-owned-path", "--output-format", "json", str(tmp_path))
    assert not done.stderr
    assert [one["line"] for one in json.loads(done.stdout)["findings"]] == [4] * told


def test_a_mount_of_a_container_is_not_there_in_a_build(run: Run, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(WRITES.replace("CMD", "RUN"))
    (tmp_path / "compose.yaml").write_text("services:\n  a:\n    build: .\n    volumes: [./src:/srv/app]\n")
    done = run("check", "--select", "root-owned-path", "--output-format", "json", str(tmp_path))
    assert [one["line"] for one in json.loads(done.stdout)["findings"]] == [4]


BUILT = "services:\n  a:\n    build: .\n    volumes: [./src:/srv/app]\n  b:\n    build: .\n"


@pytest.mark.parametrize(
    ("more", "told"),
    [("", True), ("    volumes: [data:/srv]\n", False), ("    command: node b.js\n", False)]
    + [("    volumes: [data:/srv/app/sub]\n", True), ("    entrypoint: [x]\n  c:\n    build: .\n", True)],
)
def test_each_service_that_runs_a_start_command_needs_its_mount(
    run: Run, tmp_path: Path, more: str, told: bool
) -> None:
    (tmp_path / "Dockerfile").write_text(WRITES)
    (tmp_path / "compose.yaml").write_text(BUILT + more)
    done = run("check", "--select", "root-owned-path", "--output-format", "json", str(tmp_path))
    assert [one["line"] for one in json.loads(done.stdout)["findings"]] == [4] * told
