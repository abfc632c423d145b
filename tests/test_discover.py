"""Which files are found, with git and without."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echo_migrate.engine.discover import Discovery, discover
from echo_migrate.files.tree import DEEPEST, followed, ignore_file
from echo_migrate.formats import candidate, dockerfile, recognised
from tests.conftest import Run

FOUND = [
    "Dockerfile",
    "dockerfile",
    "Containerfile",
    "Dockerfile.dev",
    "Dockerfile-dev",
    "Dockerfile_19c",
    "dev.Dockerfile",
    "a.b.dockerfile",
    "prod.containerfile",
    "DOCKERFILE",
    "Dockerfile.j2",
    "Dockerfile.license",
    "DockerfileBackendProd",
    "MyDockerfile",
    "my-Dockerfile",
    ".github/Dockerfile",
    ".devcontainer/Dockerfile",
]
PASSED = [
    "Dockerfile.dockerignore",
    "Dockerfile.orig",
    "Dockerfile.sig",
    "README.rst",
    "Dockerfiles",
    "DOCKERFILES",
    "DockerfileParser.txt",
    "Mydockerfile",
    "node_modules/a/Dockerfile",
    "venv/Dockerfile",
    "env/Dockerfile",
    ".git2/x.txt",
    "lib/site-packages/Dockerfile",
    "a/__pycache__/Dockerfile",
]


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in FOUND + PASSED:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("FROM python:3.12\n")
    (tmp_path / "env" / "pyvenv.cfg").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def git(path: Path, *words: str) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "protocol.file.allow=always")
    subprocess.run(["git", *identity, *words], cwd=path, check=True, capture_output=True)


def test_a_name_that_ends_in_the_word_needs_a_first_instruction() -> None:
    assert recognised("ApiDockerfile", "# a\nARG V=1\nFROM python:$V\n") is dockerfile
    assert recognised("writeDockerfile", "#!/bin/sh\ncat <<E\nFROM python:3.12\nE\n") is None


def test_names() -> None:
    assert [name for name in FOUND + PASSED if candidate(name)] == FOUND + [
        name for name in PASSED if "/Dockerfile" in name
    ]


def test_source_code_is_known_by_its_first_line() -> None:
    assert recognised("Dockerfile.go", "# go\nFROM golang:1 AS a\nRUN x\n") is dockerfile
    assert recognised("Dockerfile.py", "ARG V=1\nFROM python:$V\n") is dockerfile
    assert recognised("dockerfile.go", "package dockerfile\n") is None
    assert recognised("dockerfile.py", "from a import b\n") is None
    assert recognised("Dockerfile.json", "{}") is None
    assert recognised("Dockerfile.dev", "package dockerfile\n") is dockerfile


def test_git_and_walk_find_the_same(tree: Path) -> None:
    walked = discover(["."])
    assert walked.files == sorted(FOUND)
    git(tree, "init", "-q")
    git(tree, "add", "Dockerfile", "Dockerfile.dev")
    assert vars(discover(["."])) == vars(walked)


def test_git_leaves_out_what_is_ignored_and_a_named_path_is_read_all_the_same(tree: Path) -> None:
    (tree / ".gitignore").write_text("*.dev\nbuild/\n")
    (tree / "build").mkdir()
    (tree / "build" / "Dockerfile").touch()
    git(tree, "init", "-q")
    assert {"Dockerfile.dev", "build/Dockerfile"}.isdisjoint(discover(["."]).files)
    assert discover(["Dockerfile.dev", "build"]).files == ["Dockerfile.dev", "build/Dockerfile"]
    assert discover(["Dockerfile.dev", "build"], ["build"]).files == ["Dockerfile.dev"]


def test_excludes(tree: Path) -> None:
    assert discover(["."], [".github", "*.dev", "prod.*", "Containerfile"]).files == [
        name
        for name in sorted(FOUND)
        if name not in (".github/Dockerfile", "Dockerfile.dev", "prod.containerfile", "Containerfile")
    ]


def test_excludes_hold_below_the_tree_and_in_every_spelling(tree: Path) -> None:
    others = [name for name in sorted(FOUND) if not name.startswith(".github")]
    for pattern in ("./.github", "/.github", ".github/", "**/.github", ".github/Dockerfile"):
        assert discover(["."], [pattern]).files == others, pattern
    assert len(discover([str(tree)], [tree.parent.name, tree.name, "tmp"]).files) == len(FOUND)


def test_tracked_files_that_are_absent_are_passed_over(tree: Path) -> None:
    git(tree, "init", "-q")
    git(tree, "add", "Dockerfile", "Dockerfile.dev")
    (tree / "Dockerfile.dev").unlink()
    assert "Dockerfile.dev" not in discover(["."]).files


def test_other_repositories_are_left_to_runs_of_their_own(tree: Path) -> None:
    for name in ("sub", "clone"):
        (tree / name).mkdir()
        git(tree / name, "init", "-q")
        (tree / name / "Dockerfile").touch()
        git(tree / name, "add", ".")
        git(tree / name, "commit", "-qm", "a")
    notes = [f"{name}: skipped nested git repository: run echo-migrate inside it" for name in ("clone", "sub")]
    assert (discover(["."]).notes, discover(["."]).files) == (notes, sorted(FOUND))
    git(tree, "init", "-q")
    git(tree, "submodule", "add", "-q", "./sub")
    assert sorted(discover(["."]).notes) == notes
    assert not [name for name in discover(["."]).files if name.startswith(("sub", "clone"))]


def test_links(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "Dockerfile"
    outside.write_text("FROM python:3.12\n")
    os.symlink(outside, tree / "Dockerfile.out")
    os.symlink("Dockerfile", tree / "Dockerfile.again")
    os.symlink("README.md", tree / "Dockerfile.in")
    os.symlink("Dockerfile.loop", tree / "Dockerfile.loop")
    os.symlink("none", tree / "Dockerfile.dangling")
    os.symlink(".", tree / "circle")
    for _ in ("walk", "git"):
        found = discover(["."])
        assert found.refused == {
            "Dockerfile.out": "is a symbolic link that leaves the tree",
            "Dockerfile.loop": "is a symbolic link that leads in a circle, or too far",
        }
        assert set(found.files) ^ set(FOUND) == {"Dockerfile.in", "Dockerfile.dangling"}
        assert discover(["Dockerfile.out"]).refused
        git(tree, "init", "-q")


@pytest.mark.parametrize("known", [False, True], ids=["walk", "git"])
def test_what_cannot_be_entered_is_said_and_ends_in_2(run: Run, tmp_path: Path, known: bool) -> None:
    """A folder and a file that are closed, for root too, who has no capability here, and a path that is too long."""
    for name in ("Dockerfile", "open/Dockerfile", "closed/below/Dockerfile", "closed/Dockerfile", "open/compose.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("FROM python:3.12\n")
    here = os.getcwd()
    os.chdir(tmp_path)
    for _ in range(22):
        os.mkdir("d" * 200)
        os.chdir("d" * 200)
    os.chdir(here)
    if known:
        git(tmp_path, "init", "-q")
        git(tmp_path, "add", "closed", "open", "Dockerfile")
    (tmp_path / "closed").chmod(0)
    (tmp_path / "open" / "compose.yaml").chmod(0)
    bare = ("setpriv", "--bounding-set=-all") if os.geteuid() == 0 else ()
    program = [*bare, sys.executable, "-m", "echo_migrate"]
    environment = {**os.environ, "HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    for words in (
        ("check", "--output-format", "concise", "."),
        ("inventory", "."),
        ("fix", "--jobs", "2", "--output-format", "concise", "."),
        ("check", "--select", "floating-tag", "--output-format", "concise", "."),
    ):
        done = subprocess.run([*program, *words], cwd=tmp_path, env=environment, capture_output=True, check=False)
        said = (done.stdout + done.stderr).decode()
        assert done.returncode == 2, said
        assert said.count("closed") == 1
        assert "this folder could not be entered: permission denied" in said
        assert "this folder could not be entered: file name too long" in said
        assert "open/compose.yaml" in said
        assert "this file cannot be read: permission denied" in said
    assert (tmp_path / "open" / "Dockerfile").read_text() == "FROM reg.echohq.com/python:3.12\n"
    (tmp_path / "closed").chmod(0o755)
    subprocess.run(["rm", "-rf", *[str(one) for one in tmp_path.iterdir()]], check=True)


@pytest.fixture
def deep() -> Iterator[Path]:
    """A tree of 1,500 folders, each in the one before, with a Dockerfile in each and 1,000 files in the last.

    It lies outside pytest's own folders: what a killed run leaves there is removed by the next one, by recursion, which
    fails on so deep a tree.
    """
    here = os.getcwd()
    root = Path(tempfile.mkdtemp())
    os.chdir(root)
    try:
        for _ in range(1500):
            os.mkdir("d")
            os.chdir("d")
            Path("Dockerfile").write_text("FROM python:3.12\n")
        for number in range(1000):
            Path(f"Dockerfile.{number}").write_text("FROM python:3.12\n")
    finally:
        os.chdir(here)
    yield root
    subprocess.run(["rm", "-rf", str(root)], check=True)


@pytest.mark.parametrize("known", ["walk", "git", "tracked"])
def test_of_a_very_deep_tree_the_upper_folders_are_read(limited: Run, deep: Path, known: str) -> None:
    if known != "walk":
        git(deep, "init", "-q")
    if known == "tracked":
        git(deep, "add", ".")
    done = limited(20, "check", "--select", "floating-tag", "--output-format", "concise", cwd=deep)
    assert done.returncode == 2
    said = done.stdout.decode()
    assert f"{DEEPEST} image references" in said
    assert said.count("this folder could not be entered: it lies more than 100 folders deep") == 1


def test_a_named_file_that_lies_very_deep_is_said(limited: Run, deep: Path) -> None:
    named = ["d/" * depth + "Dockerfile" for depth in range(1, 1500)]
    done = limited(20, "check", "--select", "floating-tag", "--output-format", "concise", *named, cwd=deep)
    assert done.returncode == 2
    assert "it lies more than 100 folders deep" in done.stdout.decode()


def test_links_that_lead_through_others_for_long_are_not_followed(limited: Run, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "Dockerfile").write_text("FROM python:3.12\n")
    way = "d/../" * 700
    os.symlink(f"{way}d", tmp_path / "l0")
    for number in range(1, 39):
        os.symlink(f"l{number - 1}/../{way}d", tmp_path / f"l{number}")
    for number in range(1000):
        os.symlink(f"l38/../{way}Dockerfile", tmp_path / f"Dockerfile.{number}")
    os.symlink("d/../Dockerfile", tmp_path / "Dockerfile.short")
    done = limited(20, "check", "--output-format", "concise", "--no-config")
    assert done.stdout.decode().count("is a symbolic link that leads in a circle, or too far") == 1000
    assert b"Dockerfile.short" not in done.stdout


_PART = st.sampled_from(("a", "b", "c", "..", ".", "", "l1", "l2", "l3", "f", "none"))


@given(st.lists(st.lists(_PART, min_size=1, max_size=8), min_size=3, max_size=3), st.lists(_PART, max_size=8))
def test_a_link_leads_where_the_system_says(texts: list[list[str]], last: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        tree = Path(os.path.realpath(name))
        (tree / "a" / "b" / "c").mkdir(parents=True)
        (tree / "a" / "f").touch()
        for number, parts in enumerate(texts, 1):
            os.symlink("/".join(parts) or ".", tree / f"l{number}")
        os.symlink("/".join(last) or ".", tree / "a" / "link")
        path = str(tree / "a" / "link")
        try:
            found = followed(path)
        except OSError:
            with pytest.raises(OSError, match="symbolic links|No such file"):
                os.stat(path)
        else:
            assert found == os.path.realpath(path)


def test_without_git_a_walk_finds_the_files(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(tree, "init", "-q")
    monkeypatch.setattr("echo_migrate.files.git.files", lambda folder: None)
    assert discover(["."]).files == sorted(FOUND)


def test_an_embedded_repository_cannot_run_code_through_git(tree: Path) -> None:
    """A bare repository in a tree, and one with a file system monitor, each with a command in its config."""
    proof = tree / "proof"
    bare = tree / "bare"
    git(tree, "init", "-q", "--bare", "bare")
    git(tree, "init", "-q")
    for config in (bare / "config", tree / ".git" / "config"):
        with open(config, "a") as file:
            file.write(f'[core]\n\tfsmonitor = "touch {proof};"\n\tworktree = {tree}\n\thooksPath = hooks\n')
    (bare / "Dockerfile").touch()
    for paths in ([str(tree)], [str(bare)]):
        found = discover(paths)
        assert isinstance(found, Discovery)
        assert found.files
    assert not proof.exists()


def test_a_dockerignore_holds_beside_the_dockerfile_and_above_it_within_the_repository(tmp_path: Path) -> None:
    (tmp_path / ".dockerignore").touch()
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    (tmp_path / "repo" / "api").mkdir()
    path = str(tmp_path / "repo" / "api" / "Dockerfile")
    assert not ignore_file(path)
    (tmp_path / "repo" / "api" / "Dockerfile.dockerignore").touch()
    ignore_file.cache_clear()
    assert ignore_file(path)
    assert not ignore_file(path + ".dev")
    (tmp_path / "repo" / ".dockerignore").touch()
    ignore_file.cache_clear()
    assert ignore_file(path + ".dev")


def test_many_patterns_cost_a_deep_path_little(limited: Run, tmp_path: Path) -> None:
    for depth in (50, 90, 97):
        deep = tmp_path.joinpath(*["d" * 6] * depth)
        deep.mkdir(parents=True, exist_ok=True)
        (deep / "Dockerfile").write_text("FROM python:3.12\n")
    words = [word for i in range(200) for word in ("--exclude", f"*[x-z]*{i}", "--exclude", f"**/a/**/*[x-z]*{i}")]
    words += ["--exclude", "/".join(["d" * 6, "**"] * 400) + "/x"]
    done = limited(10, "check", *words, ".")
    assert done.returncode == 1
    assert b"3 image references" in done.stdout


@pytest.mark.parametrize(
    ("pattern", "left"),
    [
        ("a", ["x/y"]),
        ("a/b", ["x/y"]),
        ("b/c", ["x/y"]),
        ("c", ["x/y"]),
        ("*", []),
        ("a/*/c", ["x/y"]),
        ("a/*", ["x/y"]),
        ("a/c", ["a/b/c", "x/y"]),
        ("a*c", ["a/b/c", "x/y"]),
        ("a/**/c", ["x/y"]),
        ("a/**", ["x/y"]),
        ("a/b/**/c", ["x/y"]),
        ("**/c", ["x/y"]),
        ("**", []),
        ("[xy]", ["a/b/c"]),
        ("b/**/y", ["a/b/c", "x/y"]),
    ],
)
def test_what_a_pattern_matches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: str, left: list[str]) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a/b/c", "x/y"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "Dockerfile").write_text("FROM a\n")
    assert discover(["."], [pattern]).files == [f"{name}/Dockerfile" for name in left]


def test_a_named_link_out_of_the_tree_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("out", "tree/.git", "tree/in"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "Dockerfile").write_text("FROM a\n")
    (tmp_path / "tree" / "up").symlink_to(tmp_path / "out")
    (tmp_path / "tree" / "also").symlink_to("in")
    monkeypatch.chdir(tmp_path / "tree")
    found = discover(["up", "also"])
    assert (found.files, found.refused) == (["also/Dockerfile"], {"up": "is a symbolic link that leaves the tree"})
