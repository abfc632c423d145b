"""The hooks, run by the programs that people run them with: pre-commit, prek and git itself."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from echo_migrate.formats import candidate
from tests.conftest import copy_project

ROOT = Path(__file__).parent.parent
MANIFEST = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
README = (ROOT / "README.md").read_text()
TEXT = "FROM python:3.12\nRUN true\n"
FIXED = TEXT.replace("python:3.12", "reg.echohq.com/python:3.12")


class Home(NamedTuple):
    """Where the programs keep what they install, and the environment in which they install it."""

    folder: Path
    installs: dict[str, str]


def environment(home: Home) -> dict[str, str]:
    plain = {key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "PRE_COMMIT", "PREK"))}
    who = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}
    kept = {"PRE_COMMIT_HOME": str(home.folder / "pre-commit"), "PREK_HOME": str(home.folder / "prek")}
    return plain | who | home.installs | kept


def call(folder: Path, home: Home, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(words, cwd=folder, env=environment(home), capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, index: dict[str, str]) -> Home:
    return Home(tmp_path_factory.mktemp("home"), index)


@pytest.fixture(scope="module")
def project(home: Home) -> Path:
    """A repository that holds the project as it stands, to be hooked from."""
    clone = home.folder / "project"
    copy_project(clone)
    for words in (("init", "-q"), ("add", "."), ("commit", "-qm", "all")):
        assert call(clone, home, "git", *words).returncode == 0
    return clone


@pytest.fixture
def tree(tmp_path: Path, home: Home, project: Path) -> Path:
    """A repository of a user's, with the README's configuration: both hooks."""
    folder = tmp_path / "tree"
    folder.mkdir()
    written = re.findall(r"```yaml\n(repos:.*?)```", README, re.DOTALL)[0]
    config = yaml.safe_load(written)
    config["repos"][0]["repo"] = str(project)
    config["repos"][0]["rev"] = call(project, home, "git", "rev-parse", "HEAD").stdout.strip()
    config["repos"][0]["hooks"].append({"id": "echo-migrate-fix", "stages": ["manual"]})
    (folder / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))
    (folder / "Dockerfile").write_text(TEXT)
    call(folder, home, "git", "init", "-q")
    call(folder, home, "git", "add", ".")
    return folder


REPORTED = re.compile(r"(?m)^ *Dockerfile\n +1:6 +warning +unhardened-image ")


def hook(tree: Path, home: Home, *words: str) -> "subprocess.CompletedProcess[str]":
    return call(tree, home, sys.executable, "-m", "pre_commit", *words)


def test_the_manifest_is_one() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pre_commit", "validate-manifest", str(ROOT / ".pre-commit-hooks.yaml")],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        *(
            (name, True)
            for name in (
                "Dockerfile",
                "a/dockerfile",
                "DOCKERFILE",
                "DockerfileDev",
                "a/ApiDockerfile",
                "Dockerfile.dev",
                "Dockerfile-dev",
            )
        ),
        *(
            (name, True)
            for name in ("app.dockerfile", "x/Containerfile", "dev.Dockerfile", "Dockerfile_x", "compose.yml")
        ),
        *((name, True) for name in ("docker-compose.yaml", "docker-compose.prod.yml", "a/prod.compose.yaml")),
        *((name, False) for name in ("Dockerfile.dockerignore", "Dockerfile.md", "Dockerfile.orig", "README.md")),
        *(
            (name, True)
            for name in ("values.yaml", "k8s/Kustomization", ".github/workflows/ci.yml", "run.sh", "a.BASH")
        ),
        *((name, True) for name in (".devcontainer/devcontainer.json", "docker-bake.hcl", "docker-bake.dev.json")),
        *((name, True) for name in ("main.tf", "Makefile", "a/docker.mk")),
        *((name, True) for name in ("task.json", "Jenkinsfile", "ci/Jenkinsfile.deploy", "vars/build.groovy")),
        *((name, True) for name in ("stack.template", "web.nomad", "web.nomad.hcl", "app.container")),
        *((name, True) for name in ("compose.yaml.dist", "docker-compose.yml.example")),
        *((name, False) for name in ("my-compose.txt", "run.fish", "a.pyc", "tf", "container")),
    ],
)
def test_the_files_of_the_hooks_are_those_that_the_program_takes(name: str, taken: bool) -> None:
    for one in MANIFEST:
        chosen = bool(re.search(one["files"], name)) and not re.search(one["exclude"], name)
        assert chosen == taken
    assert candidate(name) == taken


def test_check_then_fix_then_nothing(tree: Path, home: Home) -> None:
    first = hook(tree, home, "run", "--all-files")
    assert first.returncode == 1, first.stdout + first.stderr
    assert REPORTED.search(first.stdout)
    assert (tree / "Dockerfile").read_text() == TEXT
    fixed = hook(tree, home, "run", "--all-files", "--hook-stage", "manual", "echo-migrate-fix")
    assert "files were modified by this hook" in fixed.stdout
    assert (tree / "Dockerfile").read_text() == FIXED
    again = hook(tree, home, "run", "--all-files", "--hook-stage", "manual", "echo-migrate-fix")
    assert "Passed" in again.stdout
    assert hook(tree, home, "run", "--all-files").returncode == 0
    assert sorted(path.name for path in tree.iterdir()) == [".git", ".pre-commit-config.yaml", "Dockerfile"]


def test_a_commit_through_the_installed_hook(tree: Path, home: Home) -> None:
    assert hook(tree, home, "install").returncode == 0
    refused = call(tree, home, "git", "commit", "-qm", "first")
    assert refused.returncode == 1
    assert "unhardened-image" in refused.stdout + refused.stderr
    (tree / "Dockerfile").write_text(FIXED)
    call(tree, home, "git", "add", ".")
    assert call(tree, home, "git", "commit", "-qm", "first").returncode == 0


def test_what_is_not_staged_is_kept_and_not_looked_at(tree: Path, home: Home) -> None:
    (tree / "Dockerfile").write_text(FIXED)
    call(tree, home, "git", "add", ".")
    (tree / "Dockerfile").write_text(FIXED + "FROM node:22\n")
    assert hook(tree, home, "run").returncode == 0
    assert (tree / "Dockerfile").read_text() == FIXED + "FROM node:22\n"


def test_line_ends_are_kept(tree: Path, home: Home) -> None:
    (tree / "Dockerfile").write_bytes(TEXT.replace("\n", "\r\n").encode())
    call(tree, home, "git", "add", ".")
    hook(tree, home, "run", "--all-files", "--hook-stage", "manual", "echo-migrate-fix")
    assert (tree / "Dockerfile").read_bytes() == FIXED.replace("\n", "\r\n").encode()


def test_forty_files_in_one_run(tree: Path, home: Home) -> None:
    (tree / "Dockerfile").unlink()
    for number in range(40):
        (tree / f"Dockerfile.{number}").write_text(TEXT)
    call(tree, home, "git", "add", ".")
    done = hook(tree, home, "run", "--all-files", "echo-migrate")
    assert done.stdout.count(" in 40 files (") == 1
    hook(tree, home, "run", "--all-files", "--hook-stage", "manual", "echo-migrate-fix")
    assert all((tree / f"Dockerfile.{number}").read_text() == FIXED for number in range(40))


def test_a_users_own_files_pattern_meets_quiet(tree: Path, home: Home) -> None:
    """It takes the place of ours, so that the program is handed what it does not know."""
    path = tree / ".pre-commit-config.yaml"
    config = yaml.safe_load(path.read_text())
    config["repos"][0]["hooks"] = [{"id": "echo-migrate", "files": "", "exclude": "Dockerfile"}]
    path.write_text(yaml.safe_dump(config))
    (tree / "notes.txt").write_text("FROM python:3.12\n")
    call(tree, home, "git", "add", ".")
    assert hook(tree, home, "run", "--all-files").returncode == 0


def test_try_repo(tree: Path, home: Home, project: Path) -> None:
    done = hook(tree, home, "try-repo", str(project), "echo-migrate", "--all-files", "--verbose")
    assert done.returncode == 1, done.stderr
    assert REPORTED.search(done.stdout)


def test_prek_reads_the_same(tree: Path, home: Home) -> None:
    prek = str(Path(sys.executable).parent / "prek")
    done = call(tree, home, prek, "run", "--all-files")
    assert done.returncode == 1, done.stdout + done.stderr
    assert REPORTED.search(done.stdout)
    (tree / "Dockerfile").write_text(FIXED)
    call(tree, home, "git", "add", ".")
    assert call(tree, home, prek, "run", "--all-files").returncode == 0


def test_the_plain_hook_looks_at_what_is_staged(tree: Path, home: Home) -> None:
    target = tree / ".git" / "hooks" / "pre-commit"
    target.write_bytes((ROOT / "hooks" / "pre-commit").read_bytes())
    target.chmod(0o755)
    folder = str(Path(sys.executable).parent)

    def commit(path: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["git", "commit", "-qm", "x"],
            cwd=tree,
            env=environment(home) | {"PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )

    usual = os.environ["PATH"]
    assert "is not on PATH" in commit("/usr/bin:/bin").stderr
    refused = commit(f"{folder}:{usual}")
    assert refused.returncode == 1
    assert REPORTED.search(refused.stdout + refused.stderr)
    (tree / "echo-migrate.toml").write_text('ignore = ["unhardened-image"]\n')
    assert commit(f"{folder}:{usual}").returncode == 1, "a configuration that is not staged does not count"
    call(tree, home, "git", "add", ".")
    assert commit(f"{folder}:{usual}").returncode == 0, "staged, it does"
    (tree / "Dockerfile").write_text(TEXT + "FROM node\n")
    (tree / "other").write_text("x")
    call(tree, home, "git", "add", "other")
    assert commit(f"{folder}:{usual}").returncode == 0, "what is not staged does not count"


def test_a_name_is_no_option(tmp_path: Path, home: Home, tree: Path) -> None:
    """Folders of a branch can be called as options are: to have another registry, or a file overwritten."""
    for hook in MANIFEST:
        assert re.search(hook["exclude"], "--registry=evil.example/a.py")
        assert not re.search(hook["exclude"], "a/-b/Dockerfile")
    precious = tmp_path / "precious"
    precious.mkdir()
    for name in (f"--output=json:{precious}", "--registry=evil.example"):
        (tree / name).mkdir(parents=True)
        (tree / name / "a.sh").write_text("docker run python:3.12\n")
    hook = tree / ".git" / "hooks" / "pre-commit"
    hook.write_bytes((ROOT / "hooks" / "pre-commit").read_bytes())
    hook.chmod(0o755)
    call(tree, home, "git", "add", "--", ".")
    programs = {**environment(home), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    words = ["git", "commit", "-qm", "a"]
    done = subprocess.run(words, cwd=tree, env=programs, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "evil.example/python" not in done.stdout + done.stderr
    assert "unhardened-image" in done.stdout + done.stderr
    assert list(precious.iterdir()) == []
