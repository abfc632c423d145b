"""The Python interface: the documented example runs, each call stands for itself, and its types can be checked."""

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import echo_migrate
from echo_migrate import Result, UnknownFormat, check_paths, check_text, fix_text, load_settings
from echo_migrate.files import workspace

ROOT = Path(__file__).parent.parent
DOCUMENT = (ROOT / "docs" / "api.md").read_text()
COMPOSE = "services:\n  web:\n    build: .\n"


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository, as the working folder."""
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rules(result: Result) -> list[str]:
    return [finding.rule for finding in result.findings]


def test_the_documented_example(tmp_path: Path) -> None:
    ((code, printed),) = re.findall(r"```python\n(.*?)```.*?```text\n(.*?)```", DOCUMENT, re.DOTALL)
    (tmp_path / "Dockerfile").write_text("FROM python:3.13\n")
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout == printed


def test_every_public_name_is_there_and_documented() -> None:
    for name in echo_migrate.__all__:
        assert getattr(echo_migrate, name).__doc__
    documented = (
        "check_text",
        "fix_text",
        "check_paths",
        "load_settings",
        "UnknownFormat",
        "UnknownRule",
        "MappingError",
    )
    assert set(documented) <= set(echo_migrate.__all__)
    assert all(f"`{name}" in DOCUMENT for name in documented)


@pytest.mark.parametrize(
    ("path", "text", "fixed"),
    [
        ("Dockerfile", "FROM node:22\r\nUSER 1\r\n", "FROM reg.echohq.com/node:22\r\nUSER 1\r\n"),
        ("a/compose.yaml", "services: {web: {image: 'python:3.13'}}\n", "reg.echohq.com/python:3.13"),
        ("Dockerfile", "\ufeffFROM python:3.13\n", "FROM reg.echohq.com/python:3.13\n"),
        ("Dockerfile", "FROM unknown.example/x:1\n", "FROM unknown.example/x:1\n"),
    ],
)
def test_a_text_is_fixed(tree: Path, path: str, text: str, fixed: str) -> None:
    result = fix_text(text, path)
    assert fixed in result.fixed.text
    assert result.fixed.data.decode().startswith("\ufeff") == text.startswith("\ufeff")
    assert fix_text(result.fixed.text, path).fixed.text == result.fixed.text
    assert check_text(text, path).fixed.text == text.removeprefix("\ufeff")
    assert list(tree.iterdir()) == [tree / ".git"]


def test_an_unsafe_fix_is_applied_when_asked(tree: Path) -> None:
    text = "FROM node:22-alpine\n"
    assert fix_text(text).fixed.text == text
    assert fix_text(text, unsafe=True).fixed.text == "FROM reg.echohq.com/node:22\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("FROM node:22\0\n", "unreadable-file"),
        ("FROM \udcff:1\n", "unresolved-image"),
        ("FROM a" * 999_999, "unreadable-file"),
    ],
)
def test_what_a_text_has_never_raises(tree: Path, text: str, says: str) -> None:
    result = check_text(text)
    assert says in rules(result)
    assert result.source.path == "Dockerfile"


@pytest.mark.parametrize(("path", "text"), [("notes.txt", "FROM node:22\n"), ("a.yaml", "x: 1\n"), ("a.py", "x = 1\n")])
def test_an_unknown_format_is_an_error(tree: Path, path: str, text: str) -> None:
    with pytest.raises(UnknownFormat, match=re.escape(path)):
        check_text(text, path)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"provider": "echoo"}, "no provider 'echoo'"),
        ({"rules": ["floating-tags"]}, "no rule 'floating-tags': did you mean 'floating-tag'?"),
        ({"mapping": "none.yaml"}, "none.yaml: cannot be read"),
        ({"registry": "user:secret@host"}, "--registry"),
    ],
)
def test_wrong_settings_are_a_value_error(tree: Path, options: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        load_settings(**options)  # type: ignore[arg-type]


def test_a_tree_has_the_findings_of_a_check(tree: Path) -> None:
    (tree / "Dockerfile").write_text("FROM node:22-slim\n")
    (tree / "b").mkdir()
    (tree / "b" / "Dockerfile").write_text("FROM node:22\0\n")
    (tree / "out").symlink_to("/etc/hosts")
    (tree / "Dockerfile.out").symlink_to("/etc/hosts")
    workflow = tree / ".github" / "workflows" / "a.yml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text("jobs: {a: {runs-on: x, steps: [{run: docker build .}]}}\n")
    found = {(result.source.path, rule) for result in check_paths(["."]) for rule in rules(result)}
    assert found == {
        ("Dockerfile", "unhardened-image"),
        ("b/Dockerfile", "unreadable-file"),
        ("Dockerfile.out", "unreadable-file"),
        (".github/workflows/a.yml", "registry-login"),
    }
    assert {result.source.path for result in check_paths(Path("b").iterdir())} == {"b/Dockerfile"}  # type: ignore[arg-type]
    assert not list(check_paths(["."], exclude=["*"]))
    with pytest.raises(FileNotFoundError, match="c"):
        check_paths(["b", "c"])


def test_a_later_call_sees_what_changed_on_disk(tree: Path) -> None:
    """The files around a text: a named context, a Renovate rule, a compose file with the target."""
    text = "FROM node:22 AS one\nFROM python:3.13 AS two\n"
    assert len(fix_text(text).outcomes) == 2
    before = [move.state for move in check_text(text).outcomes]
    bake = tree / "docker-bake.hcl"
    bake.write_text('target "a" { contexts = { "reg.echohq.com/node" = "./x" } }\n')
    assert [move.state for move in check_text(text).outcomes] == ["needs-person", before[1]]
    bake.unlink()
    assert [move.state for move in check_text(text).outcomes] == before
    renovate = tree / "renovate.json"
    renovate.write_text('{"packageRules": [{"matchPackageNames": ["python"]}]}\n')
    assert [move.state for move in check_text(text).outcomes] == [before[0], "needs-person"]
    renovate.unlink()
    assert [move.state for move in check_text(text).outcomes] == before


def test_a_shell_of_which_nothing_is_known_is_not_said_to_pass_no_signals(tree: Path) -> None:
    folder = tree / "named"
    folder.mkdir()
    (folder / "docker-bake.hcl").write_text('target "a" { contexts = { base = "target:b" } }\n')
    asked = load_settings(rules=["shell-form-command"])
    said = []
    for line in ("node a.js", "a; node a.js"):
        (folder / "Dockerfile").write_text(f"FROM base\nCMD {line}\n")
        said.append([found.rule for result in check_paths([str(folder)], settings=asked) for found in result.findings])
    assert said == [[], ["shell-form-command"]]


STEPS = {
    "run: docker build .": "warning",
    "run: docker build . && npm test && docker run --rm a": "warning",
    "run: cd web && docker build -f ../Dockerfile ..": "warning",
    "uses: docker/build-push-action@v6": "warning",
    "run: docker compose up --build": "warning",
    "run: docker build -f b.Dockerfile .": "note",
    "run: docker build $WHERE": "note",
    "{uses: docker/build-push-action@v6, with: {file: b.Dockerfile}}": "note",
}


def test_a_missing_login_warns_where_a_step_is_known_to_pull(tree: Path) -> None:
    folder = tree / "named"
    (folder / ".github" / "workflows").mkdir(parents=True)
    (folder / ".git").mkdir()
    (folder / "Dockerfile").write_text("FROM node:22\n")
    (folder / "compose.yaml").write_text("services: {web: {build: .}}\n")
    (folder / "b.Dockerfile").write_text("ARG BASE\nFROM $BASE\n")
    jobs = [f"  j{number}:\n    steps:\n      - {step}\n" for number, step in enumerate(STEPS)]
    jobs.append("  last:\n    steps:\n      - run: docker build $WHERE\n      - run: docker build .\n")
    (folder / ".github" / "workflows" / "a.yml").write_text("on: push\njobs:\n" + "".join(jobs))
    results = list(check_paths([str(folder)]))
    said = [found.level for result in results for found in result.findings if found.rule == "registry-login"]
    assert said == [*STEPS.values(), "warning"]


def test_a_mapping_file_that_changed_is_read_again(tree: Path) -> None:
    mapping = tree / "m.yaml"
    targets = []
    for name in ("one", "two", "six"):  # of the same length
        mapping.write_text(f"images: {{acme/tool: {name}}}\n")
        targets.append(check_text("FROM acme/tool:1\n", settings=load_settings(mapping="m.yaml")).outcomes[0].target)
    assert targets == [f"reg.echohq.com/{name}:1" for name in ("one", "two", "six")]


def test_calls_between_the_results_of_a_tree_change_nothing(tree: Path) -> None:
    for name in "abc":
        (tree / f"{name}.Dockerfile").write_text("FROM node:22\n")
    whole = list(check_paths(["."]))
    results = []
    for result in check_paths(["."]):
        results.append(result)
        check_text("FROM node:${V}\n", "x/Dockerfile", load_settings("chainguard"))
        workspace.begin()
    assert results == whole


def test_settings_are_not_changed_by_a_call(tree: Path) -> None:
    settings = load_settings()
    before = tuple(settings)
    fix_text("FROM node:22-alpine\n", settings=settings, unsafe=True)
    list(check_paths(["."], settings))
    assert tuple(settings) == before


def test_another_thread_may_call(tree: Path) -> None:
    found = []
    thread = threading.Thread(target=lambda: found.append(fix_text("FROM node:22\nRUN set -e; ls\n").fixed.text))
    thread.start()
    thread.join()
    assert found == ["FROM reg.echohq.com/node:22\nRUN set -e; ls\n"]
