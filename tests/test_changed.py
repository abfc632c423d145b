"""Findings on changed lines alone: what git says of insertions, renames, new files and strange names."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import Run

BASE = "FROM python:3.12 AS a\nFROM node:22 AS b\nFROM debian:12 AS c\n"


@pytest.fixture
def run(inside: Run) -> Run:
    """Run the program in this process: none of these tests is about processes."""
    return inside


def git(folder: Path, *words: str) -> str:
    identity = {
        "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@b",
        "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@b",
    }
    done = subprocess.run(
        ["git", "-c", "init.defaultBranch=main", *words],
        cwd=folder,
        env={**os.environ, **identity},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    root.mkdir()
    (root / "Dockerfile").write_text(BASE)
    (root / "Dockerfile.kept").write_text(BASE)
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-qm", "base")
    git(root, "tag", "base")
    return root


def found(run: Run, folder: Path, *words: str) -> set[str]:
    select = ("--select", "unhardened-image", "--output-format", "json", "--no-config")
    done = run("check", *select, "--diff-base", *words, cwd=folder)
    assert done.returncode in (0, 1), done.stderr
    return {f"{finding['path']}:{finding['line']}" for finding in json.loads(done.stdout)["findings"]}


def test_only_changed_lines(run: Run, tree: Path) -> None:
    assert found(run, tree, "base") == set()
    (tree / "Dockerfile").write_text("# above\n" + BASE.replace("node:22", "node:24"))
    assert found(run, tree, "base") == {"Dockerfile:3"}
    git(tree, "commit", "-qam", "change")
    assert found(run, tree, "HEAD") == set()
    assert found(run, tree, "base") == {"Dockerfile:3"}


def test_a_new_file_counts_whole_and_a_renamed_one_by_its_lines(run: Run, tree: Path) -> None:
    (tree / "Dockerfile.new").write_text("FROM python:3.12\n")
    git(tree, "mv", "Dockerfile.kept", "Dockerfile.moved")
    (tree / "Dockerfile.moved").write_text(BASE + "FROM nginx:1.29\n")
    assert found(run, tree, "base") == {"Dockerfile.new:1", "Dockerfile.moved:4"}


@pytest.mark.parametrize("name", ["a b", 'quo"te', "tab\t", "new\nline", "ünï", "b", "+++ b"])
def test_strange_names(run: Run, tree: Path, name: str) -> None:
    (tree / name).mkdir()
    (tree / name / "Dockerfile").write_text(BASE)
    git(tree, "add", ".")
    git(tree, "commit", "-qm", "strange")
    (tree / name / "Dockerfile").write_text("FROM python:3.13\n" + BASE)
    assert found(run, tree, "HEAD") == {f"{name}/Dockerfile:1"}


def test_lines_that_look_like_a_patch(run: Run, tree: Path) -> None:
    text = "FROM python:3.12\n++ b/Dockerfile.kept\n-- a\n@@ -1 +1,99 @@\nFROM node:22\n"
    (tree / "Dockerfile.odd").write_text("FROM python:3.12\nFROM node:22\n")
    git(tree, "add", ".")
    git(tree, "commit", "-qm", "odd")
    (tree / "Dockerfile.odd").write_text(text)
    assert not [one for one in found(run, tree, "HEAD") if "kept" in one]


def test_from_a_folder_below(run: Run, tree: Path) -> None:
    (tree / "below").mkdir()
    (tree / "below" / "Dockerfile").write_text("FROM python:3.12\n")
    assert found(run, tree / "below", "base", ".") == {"Dockerfile:1"}


def test_what_came_to_the_base_since_does_not_count(run: Run, tree: Path) -> None:
    git(tree, "checkout", "-qb", "topic")
    (tree / "Dockerfile").write_text(BASE + "FROM nginx:1.29\n")
    git(tree, "commit", "-qam", "topic")
    git(tree, "checkout", "-q", "main")
    (tree / "Dockerfile.kept").write_text(BASE.replace("debian:12", "debian:13"))
    git(tree, "commit", "-qam", "elsewhere")
    git(tree, "checkout", "-q", "topic")
    assert found(run, tree, "main") == {"Dockerfile:4"}


def test_a_revision_is_no_option(run: Run, tree: Path) -> None:
    proof = tree / "proof"
    done = run("check", "--diff-base", f"--output={proof}", cwd=tree)
    assert done.returncode == 2
    assert b"there is no such revision here: name another" in done.stderr
    assert not proof.exists()


def test_a_shallow_clone_is_told_what_to_do(run: Run, tree: Path, tmp_path: Path) -> None:
    git(tree, "commit", "-q", "--allow-empty", "-m", "more")
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{tree}", "shallow")
    done = run("check", "--diff-base", "base~0", cwd=tmp_path / "shallow")
    assert done.returncode == 2
    assert b"fetch-depth: 0" in done.stderr


def test_without_a_repository(run: Run, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(BASE)
    done = run("check", "--diff-base", "main", env={"GIT_CEILING_DIRECTORIES": str(tmp_path.parent)})
    assert done.returncode == 2
    assert b"--diff-base needs a git repository" in done.stderr


def test_a_filter_that_the_tree_names_is_never_run(run: Run, tree: Path) -> None:
    ran = tree.parent / "ran"
    git(tree, "config", "filter.evil.clean", f"touch {ran}; cat")
    (tree / ".gitattributes").write_text("Dockerfile filter=evil\n")
    (tree / "Dockerfile").write_text("# above\n" + BASE)
    assert found(run, tree, "base") == set()
    assert not ran.exists()


def test_what_is_gone_has_no_lines(run: Run, tree: Path) -> None:
    (tree / "Dockerfile.kept").unlink()
    (tree / "Dockerfile").write_text(BASE + "FROM python:3.13\n")
    done = run("check", "--diff-base", "HEAD", "--output-format", "concise", cwd=tree)
    assert b"Dockerfile:4:6:" in done.stdout
    assert b"Dockerfile:1:" not in done.stdout
