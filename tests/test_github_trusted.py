"""Whose configuration holds in a pull request, with real repositories."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from echo_migrate.cli.github.event import Event
from echo_migrate.cli.github.trusted import Trusted, trusted
from tests.conftest import Run
from tests.standin import commit, git

TOML = "mapping = 'rows.yaml'\nexclude = ['vendor/x', '*.tmpl']\nfail-on = 'error'\n"
ROWS = "images:\n  acme/base: base\n"
EVIL = "registry: evil.example\nimages:\n  python: python\n"


def asked(folder: Path, base: dict[str, Any], change: dict[str, Any], **more: str) -> tuple[Trusted, Path]:
    """What holds in a pull request with these files, and the folder that the base's are written to."""
    tree, kept = folder / "tree", folder / "kept"
    first = commit(tree, base)
    head = commit(tree, change)
    return trusted(Event(7, head, first), str(tree / more.pop("start", "")), str(kept), **more), kept


def test_what_is_the_same_is_read_where_it_lies(tmp_path: Path) -> None:
    found, _ = asked(tmp_path, {"echo-migrate.toml": TOML, "rows.yaml": ROWS}, {"Dockerfile": "FROM a\n"})
    assert found == Trusted(("--config", str(tmp_path / "tree" / "echo-migrate.toml")))


def test_without_any_none_is_read(tmp_path: Path) -> None:
    assert asked(tmp_path, {"a": "x"}, {"a": "y"})[0] == Trusted(("--no-config",))


@pytest.mark.parametrize(
    "change",
    [
        {"echo-migrate.toml": TOML + "registry = 'evil.example'\n"},
        {"rows.yaml": EVIL},
        {".echo-migrate.toml": "registry = 'evil.example'\n"},
        {"echo-migrate.toml": None},
        {"echo-migrate.toml": "["},
        {"echo-migrate.toml": "a" + ".a" * 5000 + " = 1\n"},
        {"rows.yaml": None},
    ],
)
def test_what_differs_is_the_bases(tmp_path: Path, change: dict[str, Any]) -> None:
    found, kept = asked(tmp_path, {"echo-migrate.toml": TOML, "rows.yaml": ROWS}, change)
    assert found.options[:2] == ("--config", str(kept / "echo-migrate.toml"))
    assert (kept / "echo-migrate.toml").read_text() == TOML
    assert (kept / "rows.yaml").read_text() == ROWS
    assert found.options[2:] == ("--exclude", os.path.relpath(tmp_path / "tree" / "vendor/x"), "--exclude", "*.tmpl")
    (note,) = found.notes
    assert "base revision" in note
    assert "echo-migrate.toml, rows.yaml" in note


def test_the_baseline_is_the_bases_too(tmp_path: Path) -> None:
    base = {"sub/echo-migrate.toml": "baseline = 'known.json'\n", "sub/known.json": "{}"}
    found, kept = asked(tmp_path, base, {"sub/known.json": '{"more": 1}'}, start="sub")
    assert (kept / "sub" / "known.json").read_text() == "{}"
    assert "sub/known.json" in found.notes[0]


@pytest.mark.parametrize("file", ["echo-migrate.toml", "sub/echo-migrate.toml"])
def test_the_bases_baseline_knows_what_it_knew(tmp_path: Path, run: Run, file: str) -> None:
    """It is read elsewhere than where it lay, and its paths are meant from where it lay."""
    tree, text = tmp_path / "tree", "baseline = 'known.json'\n"
    folder = (tree / file).parent
    dockerfile: dict[str, Any] = {f"{Path(file).parent}/z/Dockerfile": "FROM python:3.12\n"}
    commit(tree, {file: text, **dockerfile})
    run("baseline", "--no-config", "--baseline", str(folder / "known.json"), "--quiet", cwd=folder)
    base = commit(tree, {})
    new = {f"{Path(file).parent}/a/Dockerfile": "FROM python:3.12\n"}
    head = commit(tree, {file: text + "fail-on = 'never'\n", **new})
    found = trusted(Event(7, head, base), str(folder), str(tmp_path / "kept"))
    assert found.options[1].startswith(str(tmp_path / "kept"))
    done = run("check", *found.options, "--output-format", "json", cwd=folder)
    assert {one["path"] for one in json.loads(done.stdout)["findings"]} == {"a/Dockerfile"}


def test_a_folder_on_the_way_that_became_a_link_leads_nowhere_else(tmp_path: Path, run: Run) -> None:
    """``x/../rows.yaml`` by its words is rows.yaml, whatever x is."""
    tree = tmp_path / "tree"
    config: dict[str, Any] = {"echo-migrate.toml": "mapping = 'x/../rows.yaml'\n", "rows.yaml": ROWS, "x/keep": ""}
    base = commit(tree, config)
    commit(
        tree,
        {"x/keep": None, "d/e/keep": "", "d/rows.yaml": EVIL, "Dockerfile": "FROM python:3.12\nFROM acme/base:2\n"},
    )
    (tree / "x").rmdir()
    (tree / "x").symlink_to("d/e")
    head = commit(tree, {})
    found = trusted(Event(7, head, base), str(tree), str(tmp_path / "kept"))
    done = run("check", *found.options, cwd=tree)
    assert b"evil" not in done.stdout + done.stderr
    assert b"reg.echohq.com/base:2" in done.stdout


def said(cwd: Path, event: Event, kept: Path, *words: str) -> dict[str, Any]:
    """What the action is told, in a working folder and of paths."""
    pull = {
        "number": event.number,
        "head": {"sha": event.head, "repo": None},
        "base": {"sha": event.base, "repo": {"full_name": "acme/shop"}},
    }
    path = kept.parent / "event.json"
    path.write_text(json.dumps({"pull_request": pull}))
    command = [sys.executable, "-I", "-m", "echo_migrate.cli.github.trusted", str(kept), *words]
    environment = os.environ | {"GITHUB_EVENT_PATH": str(path)}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.mark.parametrize(
    ("words", "paths"), [((), []), (("", "src"), ["."]), (("", "src/app", "src/Dockerfile"), ["app", "Dockerfile"])]
)
def test_a_checkout_in_a_folder_of_its_own_is_where_to_work(
    tmp_path: Path, words: tuple[str, ...], paths: list[str]
) -> None:
    tree = tmp_path / "work" / "src"
    base = commit(tree, {"echo-migrate.toml": TOML.replace("mapping", "#"), "app/x": "", "Dockerfile": "FROM a\n"})
    head = commit(tree, {"Dockerfile": "FROM python:3.12\n"})
    answer = said(tmp_path / "work", Event(7, head, base), tmp_path / "kept", *words)
    assert answer == {
        "top": str(tree),
        "paths": paths,
        "options": ["--config", str(tree / "echo-migrate.toml")],
        "notes": [],
        "fork": True,  # of a repository that is gone
    }


def test_of_several_repositories_one_is_to_be_named(tmp_path: Path) -> None:
    revisions = [commit(tmp_path / "work" / name, {"Dockerfile": f"FROM {name}\n"}) for name in ("one", "two")]
    event = Event(7, revisions[0], revisions[0])
    for words in ((), ("", "one", "two")):
        assert "one repository" in said(tmp_path / "work", event, tmp_path / "kept", *words)["misuse"]
    assert said(tmp_path / "work", event, tmp_path / "kept", "", "two")["top"] == str(tmp_path / "work" / "two")


def test_outside_of_any_repository_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    answer = said(tmp_path / "work", Event(7, "0" * 40, "0" * 40), tmp_path / "kept")
    assert (answer["top"], answer["paths"]) == (str(tmp_path / "work"), [])
    assert answer["notes"] == ["The working folder is in no git repository: paths are taken from it."]


def test_below_the_top_only_what_lies_there_is_checked(tmp_path: Path) -> None:
    base = commit(tmp_path / "tree", {"app/Dockerfile": "FROM a\n"})
    answer = said(tmp_path / "tree" / "app", Event(7, base, base), tmp_path / "kept")
    assert (answer["top"], answer["paths"]) == (str(tmp_path / "tree"), ["app"])


def test_a_new_configuration_is_not_read(tmp_path: Path) -> None:
    found, _ = asked(tmp_path, {"a": "x"}, {"echo-migrate.toml": "registry = 'evil.example'\n"})
    assert found.options == ("--no-config",)
    assert "the base revision has none" in found.notes[0]


def test_links_are_no_configuration(tmp_path: Path) -> None:
    """Neither one that a pull request makes, nor what one of the base's leads to."""
    tree = tmp_path / "tree"
    commit(tree, {"a": "x"})
    (tree / "there.toml").write_text("registry = 'evil.example'\n")
    (tree / "echo-migrate.toml").symlink_to("there.toml")
    head = commit(tree, {})
    base = git(tree, "rev-parse", "HEAD^").strip()
    assert trusted(Event(7, head, base), str(tree), str(tmp_path / "kept")).options == ("--no-config",)
    later = commit(tree, {"there.toml": "registry = 'evil.example'\nfail-on = 'never'\n"})
    assert trusted(Event(7, later, head), str(tree), str(tmp_path / "kept")).options == ("--no-config",)


def test_a_mapping_behind_a_link_is_not_read(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "rows.yaml").symlink_to("other.yaml")
    base = commit(tree, {"echo-migrate.toml": "mapping = 'rows.yaml'\n", "other.yaml": ROWS})
    head = commit(tree, {"other.yaml": EVIL})
    found = trusted(Event(7, head, base), str(tree), str(tmp_path / "kept"))
    assert found.options == ("--no-config",)
    assert "names files that the base revision does not have" in found.notes[0]


def test_another_part_of_pyproject_is_no_difference(tmp_path: Path) -> None:
    ours = "[tool.echo-migrate]\nfail-on = 'error'\n"
    change = {"pyproject.toml": "[project]\nname = 'x'\n" + ours}
    found, _ = asked(tmp_path, {"pyproject.toml": ours}, change)
    assert found == Trusted(("--config", str(tmp_path / "tree" / "pyproject.toml")))


def test_a_file_that_the_workflow_names(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    files = {"ci/images.toml": "fail-on = 'error'\n"}
    found, kept = asked(tmp_path, files, {"ci/images.toml": "fail-on = 'never'\n"}, named=str(tree / "ci/images.toml"))
    assert found.options == ("--config", str(kept / "ci/images.toml"))
    outside = tmp_path / "own.toml"
    assert trusted(Event(7, "0" * 40, "0" * 40), str(tree), str(kept), str(outside)).options == (
        "--config",
        str(outside),
    )


def test_without_a_pull_request_nothing_is_said(tmp_path: Path) -> None:
    assert trusted(Event(), str(tmp_path), str(tmp_path)) == Trusted()
    assert trusted(Event(), str(tmp_path), str(tmp_path), "x.toml") == Trusted(("--config", "x.toml"))


def shallow(tmp_path: Path, depth: int) -> tuple[Path, Event, str]:
    """A clone as actions/checkout makes it: of the merge that GitHub made, this deep."""
    origin = tmp_path / "origin"
    start = commit(origin, {"echo-migrate.toml": "fail-on = 'error'\n"})
    git(origin, "checkout", "-q", "-b", "topic")
    head = commit(origin, {"echo-migrate.toml": "fail-on = 'never'\n"})
    git(origin, "checkout", "-q", "main")
    commit(origin, {"other": "x"})
    git(origin, "merge", "-q", "--no-ff", "topic", "-m", "merge")
    merge = git(origin, "rev-parse", "HEAD").strip()
    git(tmp_path, "clone", "-q", f"--depth={depth}", f"file://{origin}", "tree")
    return tmp_path / "tree", Event(7, head, start), merge


def test_a_merge_has_its_base_two_deep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree, event, merge = shallow(tmp_path, 2)
    git(tree, "remote", "remove", "origin")
    monkeypatch.setenv("GITHUB_SHA", merge)
    git(tree, "cat-file", "-e", "HEAD^1")
    found = trusted(event._replace(base="1" * 40), str(tree), str(tmp_path / "kept"))
    assert (tmp_path / "kept" / "echo-migrate.toml").read_text() == "fail-on = 'error'\n"
    assert "base revision" in found.notes[0]


def test_a_shallow_clone_fetches_the_base_from_where_the_runner_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree, event, _ = shallow(tmp_path, 1)
    git(tree, "remote", "remove", "origin")
    monkeypatch.setenv("GITHUB_SERVER_URL", f"file://{tmp_path}")
    monkeypatch.setenv("GITHUB_REPOSITORY", "origin")
    found = trusted(event, str(tree), str(tmp_path / "kept"))
    assert (tmp_path / "kept" / "echo-migrate.toml").read_text() == "fail-on = 'error'\n"
    assert found.options[0] == "--config"


def test_where_the_base_cannot_be_had_none_is_read_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree, event, _ = shallow(tmp_path, 1)
    for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY"):
        monkeypatch.setenv(name, "ext::x")
    found = trusted(event, str(tree), str(tmp_path / "kept"))
    assert found.options == ("--no-config",)
    assert "fetch-depth" in found.notes[0]


def test_the_checks_options_do_what_they_say(tmp_path: Path, run: Run) -> None:
    """The words that the action passes on, in a real check: the pull request's registry is in none of it."""
    tree = tmp_path / "tree"
    base = commit(tree, {"echo-migrate.toml": "exclude = ['vendor/x']\n"})
    evil: dict[str, Any] = {"echo-migrate.toml": "registry = 'evil.example'\n", "a/Dockerfile": "FROM python:3.12\n"}
    head = commit(tree, evil | {"vendor/x/Dockerfile": "FROM python:3.12\n"})
    event = {
        "number": 7,
        "head": {"sha": head, "repo": None},
        "base": {"sha": base, "repo": {"full_name": "acme/shop"}},
    }
    (tmp_path / "event.json").write_text(json.dumps({"pull_request": event}))
    words = [sys.executable, "-I", "-m", "echo_migrate.cli.github.trusted", str(tmp_path / "kept"), ""]
    environment = os.environ | {"GITHUB_EVENT_PATH": str(tmp_path / "event.json")}
    said = json.loads(subprocess.run(words, cwd=tree, env=environment, capture_output=True, check=True).stdout)
    done = run("check", *said["options"], "--output-format", "json", cwd=tree)
    assert b"evil" not in done.stdout
    assert [one["path"] for one in json.loads(done.stdout)["findings"] if one["rule"] == "unhardened-image"] == [
        "a/Dockerfile"
    ]
