"""The command ``init``: what it writes, that the programs it is for accept it, and that nothing else is touched."""

import json
import os
import pty
import re
import resource
import subprocess
import sys
import threading
import tomllib
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

import echo_migrate
from echo_migrate.cli.init import EXAMPLES, TEMPLATES
from tests.conftest import ROOT, Done, Run

CONFIGURATION, HOOK, WORKFLOW = ".echo-migrate.toml", ".pre-commit-config.yaml", ".github/workflows/echo-migrate.yml"
SCHEMA = json.loads((ROOT / "echo_migrate/cli/config.schema.json").read_text())


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A repository with two references of its own, and one that is vendored."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / "Dockerfile").write_text("FROM python:3.12 AS build\nFROM build\n")
    (tmp_path / "compose.yaml").write_text("services: {a: {image: node:22}}\n")
    (tmp_path / "x" / "vendor").mkdir(parents=True)
    (tmp_path / "x" / "vendor" / "Dockerfile").write_text("FROM redis:7\n")
    return tmp_path


def files(folder: Path) -> dict[str, bytes]:
    """All files of a tree but git's own; folders with an empty text."""
    found = (path for path in folder.rglob("*") if ".git" not in path.relative_to(folder).parts)
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b"" for path in found}


def added(before: dict[str, bytes], folder: Path) -> set[str]:
    """The files that are new; all others must be as they were."""
    after = files(folder)
    assert {name: after[name] for name in before} == before
    return {name for name in set(after) - set(before) if (folder / name).is_file()}


def refused(done: Done) -> str:
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr
    return done.stderr.decode()


def on_a_terminal(folder: Path, answers: bytes, *words: str) -> tuple[int, str]:
    """Run it with all three streams on a terminal where the answers are typed; return the exit code and what shows."""
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "echo_migrate", "init", *words]
    process = subprocess.Popen(command, cwd=folder, stdin=follower, stdout=follower, stderr=follower)
    os.close(follower)
    os.write(leader, answers)
    shown = b""
    while True:
        try:
            piece = os.read(leader, 65536)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    os.close(leader)
    return process.wait(), shown.decode()


def test_without_a_terminal_the_defaults_are_taken(run: Run, tree: Path) -> None:
    before = files(tree)
    done = run("init")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode() == (
        "Found 3 image references in 3 files (dockerfile 2, compose 1).\n"
        "Excluded: vendor (1 of them).\n"
        "Wrote .echo-migrate.toml.\n"
        "Next: run `echo-migrate check`, then `echo-migrate fix --diff`.\n"
    )
    assert added(before, tree) == {CONFIGURATION}
    assert tomllib.loads((tree / CONFIGURATION).read_text()) == {"provider": "echo", "exclude": ["vendor"]}
    assert (tree / CONFIGURATION).stat().st_mode & 0o777 == (tree / "Dockerfile").stat().st_mode & 0o777


def test_the_configuration_holds_for_a_check(run: Run, tree: Path) -> None:
    assert run("init", "--provider", "chainguard", "--registry", "mirror.example:5000/a").returncode == 0
    done = run("inventory", "--output-format", "json")
    assert (done.returncode, done.stderr) == (0, b"")
    listed = json.loads(done.stdout)
    assert listed["configuration"].startswith("Configuration .echo-migrate.toml sets provider chainguard, registry")
    assert {row["path"] for row in listed["references"]} == {"Dockerfile", "compose.yaml"}
    assert run("check").returncode == 1


def test_the_default_provider_is_nothing_to_be_told_of(run: Run, tree: Path) -> None:
    run("init")
    done = run("check", "--output-format", "concise")
    assert (done.returncode, done.stderr) == (1, b"")


def test_the_keys_that_are_shown_as_comments_are_keys(run: Run, tree: Path) -> None:
    run("init")
    text = (tree / CONFIGURATION).read_text()
    text = re.sub(r"(?m)^# ([\w-]+ = )", r"\1", text)
    assert tomllib.loads(text) == EXAMPLES | {"exclude": ["vendor"]}
    Draft202012Validator(SCHEMA).validate(tomllib.loads(text))
    (tree / "hardened.yaml").write_text("images: {acme/tool: tool}\n")
    assert run("baseline", "--no-config").returncode == 0
    (tree / CONFIGURATION).write_text(text)
    done = run("check")
    assert (done.returncode, done.stderr) == (0, b"")


def test_patterns_are_written_as_they_are_meant(run: Run, tree: Path) -> None:
    """As TOML has texts, and relative to the folder that is named, wherever the command is run."""
    (tree / "x" / "a").mkdir()
    (tree / "x" / "a" / "Dockerfile").write_text("FROM node:22\n")
    done = run("init", "x", "--exclude", 'a/Dockerfile,"q\\"', "--exclude", "ö*")
    assert done.stdout.startswith(b"Found 1 image reference in 1 file (dockerfile 1).\nWrote x/.echo-migrate.toml.\n")
    assert b"Next: in x, run `echo-migrate check`" in done.stdout
    exclude = ["a/Dockerfile", '"q\\"', "ö*"]
    assert tomllib.loads((tree / "x" / CONFIGURATION).read_text())["exclude"] == exclude
    listed = json.loads(run("inventory", "--output-format", "json", cwd=tree / "x").stdout)
    assert {row["path"] for row in listed["references"]} == {"vendor/Dockerfile"}


def test_hook_and_workflow_are_accepted_by_their_programs(run: Run, tree: Path) -> None:
    before = files(tree)
    done = run("init", "--hook", "--workflow")
    assert done.returncode == 0, done.stderr
    assert added(before, tree) == {CONFIGURATION, HOOK, WORKFLOW}
    validate = [sys.executable, "-m", "pre_commit", "validate-config", str(tree / HOOK)]
    assert subprocess.run(validate, capture_output=True, check=False).returncode == 0
    (repo,) = yaml.safe_load((tree / HOOK).read_text())["repos"]
    assert {hook["id"] for hook in repo["hooks"]} <= {
        hook["id"] for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    }
    assert yaml.safe_load((tree / WORKFLOW).read_text())["jobs"]
    assert (tree / WORKFLOW).read_bytes() == (ROOT / "hooks/github/pull-request.yml").read_bytes()
    assert b"set repo and rev of the hook" in done.stdout
    assert b"set the last `uses` of the workflow" in done.stdout
    assert run("check").returncode == 1  # what was written is no finding that could not be read


def test_the_hook_is_that_of_the_readme_and_of_this_version() -> None:
    text = (ROOT / "hooks/pre-commit-config.yml").read_text()
    assert f"```yaml\n{text}```" in (ROOT / "README.md").read_text()
    assert yaml.safe_load(text)["repos"][0]["rev"] == f"v{echo_migrate.__version__}"


@pytest.mark.parametrize(
    ("where", "name", "text"),
    [
        (".", ".echo-migrate.toml", ""),
        (".", "echo-migrate.toml", "jobs = 1\n"),
        (".", "pyproject.toml", "[tool.echo-migrate]\n"),
        ("x", ".echo-migrate.toml", ""),
    ],
)
def test_a_folder_that_is_configured_is_left(run: Run, tree: Path, where: str, name: str, text: str) -> None:
    (tree / name).write_text(text)
    before = files(tree)
    said = refused(run("init", "--hook" if where == "." else "--no-hook", cwd=tree / where))
    assert f"echo-migrate: {os.path.relpath(tree / name, tree / where)} configures this folder already" in said
    assert added(before, tree) == set()


def test_what_has_the_name_of_the_configuration_is_left(run: Run, tree: Path) -> None:
    os.symlink("nowhere", tree / CONFIGURATION)
    before = files(tree)
    assert ".echo-migrate.toml: exists, and is not overwritten" in refused(run("init", "--hook"))
    assert added(before, tree) == set()
    assert os.readlink(tree / CONFIGURATION) == "nowhere"


def test_an_existing_pre_commit_configuration_is_not_edited(run: Run, tree: Path) -> None:
    (tree / HOOK).write_text("repos: []\n")
    before = files(tree)
    done = run("init", "--hook")
    assert done.returncode == 0
    assert added(before, tree) == {CONFIGURATION}
    shown = done.stdout.decode()
    assert ".pre-commit-config.yaml exists, and is not changed. Add to its repos:\n" in shown
    snippet = shown.partition("repos:\n")[2].partition("Next")[0]
    assert yaml.safe_load("repos:\n" + snippet) == yaml.safe_load((ROOT / "hooks/pre-commit-config.yml").read_text())


def test_an_existing_workflow_is_not_overwritten(run: Run, tree: Path) -> None:
    (tree / WORKFLOW).parent.mkdir(parents=True)
    (tree / WORKFLOW).write_text("on: push\n")
    before = files(tree)
    done = run("init", "--workflow", "--hook")
    assert done.returncode == 0
    assert added(before, tree) == {CONFIGURATION, HOOK}
    assert b".github/workflows/echo-migrate.yml exists, and is not overwritten.\n" in done.stdout


def test_diff_is_a_patch_of_what_would_be_written(run: Run, tree: Path) -> None:
    before = files(tree)
    done = run("init", "--hook", "--workflow", "--diff", "--registry", "mirror.example")
    assert done.returncode == 0
    assert added(before, tree) == set()
    subprocess.run(["git", "apply"], cwd=tree, input=done.stdout, check=True)
    patched = files(tree)
    for name in added(before, tree):
        (tree / name).unlink()
    assert run("init", "--hook", "--workflow", "--registry", "mirror.example").returncode == 0
    assert files(tree) == patched
    assert b"Would write .echo-migrate.toml." in done.stderr


def test_on_a_terminal_it_asks(tree: Path) -> None:
    before = files(tree)
    code, shown = on_a_terminal(tree, b"acme\nredhat\nnot a host\nmirror.example/x\nn\ny\ny\n")
    assert code == 0, shown
    assert "write HOST[:PORT][/PREFIX], without a login" in shown
    assert added(before, tree) == {CONFIGURATION, HOOK, WORKFLOW}
    written = tomllib.loads((tree / CONFIGURATION).read_text())
    assert written == {"provider": "redhat", "registry": "mirror.example/x"}


def test_an_empty_answer_is_the_default(run: Run, tree: Path) -> None:
    code, shown = on_a_terminal(tree, b"\n" * 5)
    assert code == 0, shown
    by_default = files(tree)
    (tree / CONFIGURATION).unlink()
    assert on_a_terminal(tree, b"", "--yes")[0] == 0
    assert files(tree) == by_default
    (tree / CONFIGURATION).unlink()
    assert run("init").returncode == 0
    assert files(tree) == by_default


def test_what_an_option_says_is_not_asked(tree: Path) -> None:
    words = ("--provider", "docker", "--registry", "m.example", "--exclude", "x", "--no-hook", "--workflow")
    code, shown = on_a_terminal(tree, b"", *words)
    assert code == 0, shown
    assert "?" not in shown
    assert (tree / WORKFLOW).exists()
    assert not (tree / HOOK).exists()


def test_of_an_existing_workflow_it_says_so_and_does_not_ask(tree: Path) -> None:
    (tree / WORKFLOW).parent.mkdir(parents=True)
    (tree / WORKFLOW).write_text("on: push\n")
    code, shown = on_a_terminal(tree, b"\n" * 4)
    assert code == 0, shown
    assert "echo-migrate.yml exists, and is not overwritten." in shown


def test_an_end_of_input_at_a_question_is_an_interrupt(tree: Path) -> None:
    before = files(tree)
    code, shown = on_a_terminal(tree, b"echo\n\x04")
    assert code == 130
    assert "echo-migrate: interrupted" in shown
    assert added(before, tree) == set()


@pytest.mark.parametrize("link", [".github", ".github/workflows"])
def test_a_link_is_not_written_through(
    run: Run, tree: Path, link: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (tree / link).parent.mkdir(exist_ok=True)
    os.symlink(elsewhere, tree / link)
    before = files(tree)
    for more in ((), ("--diff",)):
        done = run("init", "--hook", "--workflow", *more)
        assert "a folder of its path is a symbolic link, which is not followed" in refused(done)
        assert b"diff" not in done.stdout
    assert added(before, tree) == set()
    assert list(elsewhere.iterdir()) == []


def test_what_cannot_be_written_whole_takes_the_rest_back(run: Run, tree: Path) -> None:
    """The hook and the workflow have room, and the configuration, which is the last, has none."""
    large = max(len((ROOT / "hooks" / name).read_bytes()) for name in TEMPLATES.values())
    exclude = ("--exclude", "a" * large)
    before = files(tree)
    done = run("init", "--hook", "--workflow", *exclude, limits={resource.RLIMIT_FSIZE: large})
    assert ".echo-migrate.toml: could not be written: file too large" in refused(done)
    assert files(tree) == before  # folders, too
    assert run("init", "--hook", "--workflow", *exclude).returncode == 0


def test_a_file_where_a_folder_is_needed(run: Run, tree: Path) -> None:
    (tree / ".github").write_text("")
    before = files(tree)
    said = refused(run("init", "--hook", "--workflow"))
    assert ".github/workflows/echo-migrate.yml: could not be written: not a directory" in said
    assert files(tree) == before


def test_a_folder_in_which_nobody_may_write(run: Run) -> None:
    said = refused(run("init", "/proc/sys/kernel/random"))  # not even root
    assert "random/.echo-migrate.toml: could not be written: " in said


def test_of_runs_at_once_one_writes_and_no_other_overwrites(run: Run, tree: Path) -> None:
    codes: dict[str, int] = {}

    def one(provider: str) -> None:
        codes[provider] = run("init", "--provider", provider).returncode

    threads = [threading.Thread(target=one, args=(name,)) for name in ("chainguard", "docker", "echo", "redhat")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = (provider for provider, code in codes.items() if code == 0)
    assert sorted(codes.values()) == [0, 2, 2, 2]
    assert tomllib.loads((tree / CONFIGURATION).read_text())["provider"] == winner
    assert [name for name in os.listdir(tree) if name.startswith(".echo-migrate-")] == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--provider", "acme"), "known are"),
        (("--registry", "a b"), "--registry: write HOST"),
        (("--exclude", "a\nb"), "control character"),
        (("--exclude", b"\xff"), "not UTF-8"),
        (("--exclude", ",".join(f"a{number}" for number in range(201))), "more than 200 patterns"),
        (("nowhere\x1b[31m",), "nowhere\\x1b[31m' does not exist"),
        (("Dockerfile",), "is a file"),
        (("x", "--hook"), "--hook needs the top folder of the repository: ."),
    ],
)
def test_misuse(run: Run, tree: Path, words: tuple[str | bytes, ...], says: str) -> None:
    before = files(tree)
    assert says in refused(run("init", *words))
    assert added(before, tree) == set()


def test_without_a_repository_there_is_no_hook(run: Run, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python:3.12\n")
    assert "--workflow needs a git repository: run git init first" in refused(run("init", "--workflow"))
    assert files(tmp_path).keys() == {"Dockerfile"}
    assert run("init").returncode == 0
    (tmp_path / CONFIGURATION).unlink()
    code, shown = on_a_terminal(tmp_path, b"\n\n")
    assert (code, "hook" in shown) == (0, False)


def test_names_of_the_tree_do_nothing_to_a_terminal(run: Run, tree: Path) -> None:
    folder = tree / "\x1b[31mred"
    folder.mkdir()
    (folder / "Dockerfile").write_bytes(b"FROM python:3.12\n\0")
    done = run("init", str(folder), "--diff")
    done_again = run("init", str(folder))
    for one in (done, done_again):
        assert one.returncode == 0
        assert b"\x1b" not in one.stdout + one.stderr
    assert b"\\x1b[31mred/.echo-migrate.toml" in done_again.stdout


def test_a_wheel_has_what_it_writes(run: Run, installed: Path, tree: Path) -> None:
    done = run("init", "--hook", "--workflow", env={"PYTHONPATH": str(installed)})
    assert done.returncode == 0, done.stderr
    from_the_wheel = files(tree)
    for name in (CONFIGURATION, HOOK, WORKFLOW):
        (tree / name).unlink()
    assert run("init", "--hook", "--workflow").returncode == 0
    assert files(tree) == from_the_wheel
