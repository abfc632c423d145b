"""What a run asks of the folders around its files grows with the files, and not with all that lies below."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from echo_migrate.files import tree
from echo_migrate.files.named import inside
from tests.conftest import Done

Run = Callable[..., Done]
POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers: [{name: a, image: 'nginx:1.30'}]\n"
RENAMED = "kind: Kustomization\nresources: [../a/pod.yaml]\nimages: [{name: nginx, newName: x}]\n"


def test_the_deepest_folder_named_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    path = str(tmp_path / "a" / "b" / "c")
    assert inside(path, (".",)) == inside(path, [str(tmp_path)]) == "a/b/c"
    assert inside(path, (".", "a", "a/b/", "x")) == inside(path, ["a/./b", "."]) == "c"
    assert inside(path, (path, "a")) == inside(path, ("elsewhere",)) == inside(path, ()) == ""
    assert inside(path, ("/",)) == path[1:]
    named = (".",)
    assert inside(path, named) == "a/b/c"
    monkeypatch.chdir("/")
    assert inside(path, named) == path[1:]


def test_many_files_named_are_made_absolute_once(monkeypatch: pytest.MonkeyPatch) -> None:
    named, count = tuple(f"f{number}" for number in range(100)), 0
    plain = os.path.abspath

    def counted(path: str) -> str:
        nonlocal count
        count += 1
        return plain(path)

    monkeypatch.setattr(os.path, "abspath", counted)
    for _ in range(50):
        assert inside("/x/f1", named) == ""
    assert count == len(named)


def test_a_working_folder_is_searched_to_a_limit_and_a_repository_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(30):
        (tmp_path / f"{number:02}").mkdir()
    monkeypatch.setattr(tree, "_MOST_SEARCHED", 10)
    assert len(list(tree.searched(str(tmp_path)))) == 10
    (tmp_path / ".git").mkdir()
    assert len(list(tree.searched(str(tmp_path)))) == 31


def test_a_kustomization_of_a_working_folder_still_counts(run: Run, tmp_path: Path) -> None:
    for name, text in (("a/pod.yaml", POD), ("b/kustomization.yaml", RENAMED)):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text)
    assert b"kustomization.yaml" in run("check", "-v", "a").stdout


def test_a_pattern_stands_for_files_of_the_tree_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, outside = tmp_path / "tree", tmp_path / "outside"
    for path in (root / "mk" / "a.mk", root / "mk" / ".b.mk", root / "x" / "deep" / "c.mk", outside / "d.mk"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    (root / "out").symlink_to(outside)
    (root / "mk" / "e.mk").symlink_to(outside / "d.mk")
    listed: list[str] = []
    plain = os.listdir

    def seen(folder: str) -> list[str]:
        listed.append(folder)
        return plain(folder)

    monkeypatch.setattr(os, "listdir", seen)

    def found(folder: Path, pattern: str) -> list[str]:
        paths = tree.matching(str(folder), pattern, str(root))
        return [os.path.relpath(path, root) for path in paths]

    assert found(root, "mk/*.mk") == found(root / "x", "../mk/*.mk") == ["mk/a.mk"]
    assert found(root, "*/*/*.mk") == ["x/deep/c.mk"]
    assert found(root, "mk/a.m?") == ["mk/a.mk"]
    for pattern in ("out/*.mk", "*/d.mk", "../outside/*.mk", "mk/e.mk", "/etc/*", "mk/\0*"):
        assert found(root, pattern) == []
    assert not [folder for folder in listed if os.path.realpath(folder).startswith(str(outside))]
