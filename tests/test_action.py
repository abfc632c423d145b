"""The GitHub Action: its step, run as a runner does, in a checkout that is hostile; its files and examples, linted."""

import copy
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from check_jsonschema.builtin_schemas import get_builtin_schema
from check_jsonschema.cli import main as check_jsonschema
from click.testing import CliRunner
from jsonschema.validators import validator_for
from packaging.utils import canonicalize_name

import echo_migrate
from tests.conftest import ROOT, Run, copy_project
from tests.standin import REPOSITORY, GitHub, changed, commands, commit, git
from tests.test_lock import GITHUB, LOCK, pins
from tests.warm import Warm

ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
DEPENDABOT = ROOT / "hooks" / "github" / "dependabot.yml"
WORKFLOWS = [*sorted({*DEPENDABOT.parent.glob("*.yml")} - {DEPENDABOT}), ROOT / ".github" / "workflows" / "release.yml"]
RECIPES = (ROOT / "hooks" / "github" / "README.md").read_text()
README = (ROOT / "README.md").read_text()
BIN = Path(sys.executable).parent
TRAP = "import pathlib\npathlib.Path(__file__).with_name('it-ran').touch()\n"
TRAPS = (
    "pip",
    "venv",
    "json",
    "yaml",
    "hatchling",
    "sitecustomize",
    "echo_migrate/__init__",
    "echo_migrate/__main__",
    "github",
)
HOSTILE = {"PIP_CONFIG_FILE": "pip.conf", "PIP_CONSTRAINT": "nowhere.txt", "PIP_CACHE_DIR": "cache", "PYTHONPATH": "."}
TOKEN = "ghs_writer"


class Ran(NamedTuple):
    """A run, and what was there of it when it ended, whatever others do afterwards."""

    done: "subprocess.CompletedProcess[str]"
    outputs: dict[str, str]
    summary: str
    comments: list[dict[str, Any]]
    review_comments: list[dict[str, Any]]


class Runner:
    """What a runner gives to a step: folders, files and an environment without anything of ours."""

    def __init__(self, folder: Path, github: GitHub, index: dict[str, str]) -> None:
        self.folder, self.github, self.index = folder, github, index
        self.workspace, self.action = folder / "workspace", folder / "action"
        (folder / "temp").mkdir()
        copy_project(self.action)

    def run(self, event: dict[str, Any], **inputs: str) -> Ran:
        (self.folder / "event.json").write_text(json.dumps(event))
        for name in ("output", "summary"):
            (self.folder / name).write_text("")
        given = {name: str(one.get("default", "")) for name, one in ACTION["inputs"].items()} | {
            name.replace("_", "-"): value for name, value in inputs.items()
        }
        (step,) = ACTION["runs"]["steps"]
        values = {f"inputs.{name}": value for name, value in given.items()} | {"github.token": TOKEN}
        filled = {name: _filled(_filled(text, values), values) for name, text in step["env"].items()}
        network = {key: value for key, value in os.environ.items() if re.match(r"PIP_|SSL_|.*_proxy$|HOME$", key)}
        environment = (
            network
            | self.index
            | {
                "PATH": f"{self.index['PATH'].partition(os.pathsep)[0]}:/usr/bin:/bin",
                "GITHUB_ACTIONS": "true",
                "GITHUB_ACTION_PATH": str(self.action),
                "GITHUB_API_URL": self.github.url,
                "GITHUB_EVENT_PATH": str(self.folder / "event.json"),
                "GITHUB_OUTPUT": str(self.folder / "output"),
                "GITHUB_REPOSITORY": REPOSITORY,
                "GITHUB_STEP_SUMMARY": str(self.folder / "summary"),
                "GITHUB_WORKSPACE": str(self.workspace),
                "RUNNER_TEMP": str(self.folder / "temp"),
            }
        )
        environment |= {name: str(self.workspace / file) for name, file in HOSTILE.items()}
        script = self.folder / "step.sh"
        script.write_text(step["run"])
        words = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)]
        done = subprocess.run(
            words, cwd=self.workspace, env=environment | filled, capture_output=True, text=True, check=False
        )
        outputs = dict(line.split("=", 1) for line in (self.folder / "output").read_text().splitlines())
        summary = (self.folder / "summary").read_text()
        return Ran(done, outputs, summary, *copy.deepcopy((self.github.comments, self.github.review_comments)))


def _filled(text: str, values: dict[str, str]) -> str:
    return re.sub(r"\$\{\{ ([\w.-]+) \}\}", lambda match: values[match[1]], text)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory, index: dict[str, str]) -> Iterator[tuple[Runner, Ran]]:
    """A runner, and its first run: on a hostile pull request."""
    github = GitHub()
    one = Runner(tmp_path_factory.mktemp("runner"), github, index)
    base = commit(one.workspace, {"README.md": "x\n", "echo-migrate.toml": "exclude = ['vendor/old']\n"})
    evil: dict[str, Any] = {f"{name}.py": TRAP for name in TRAPS}
    evil["echo-migrate.toml"] = "registry = 'evil.example'\nfail-on = 'never'\n"
    evil["pip.conf"] = "[install]\nconstraint = nowhere.txt\n"
    evil["app/Dockerfile"] = "FROM python:3.12\nRUN true\n"
    evil["vendor/old/Dockerfile"] = "FROM node:22\nRUN true\n"
    evil[".git-blame-ignore-revs"] = "x\n"
    head = commit(one.workspace, evil)
    os.symlink(one.folder / "outside", one.workspace / "results.sarif")
    (one.folder / "outside").write_text("mine")
    os.symlink(one.folder, one.workspace / "away")
    github.open(7, head, changed(one.workspace, base, head))
    event = {
        "pull_request": {
            "number": 7,
            "head": {"sha": head, "repo": {"full_name": REPOSITORY}},
            "base": {"sha": base, "repo": {"full_name": REPOSITORY}},
        }
    }
    yield one, one.run(event, sarif_file="results.sarif")
    github.server.shutdown()
    github.server.server_close()
    assert github.violations == []


@pytest.fixture
def runner(hostile: tuple[Runner, Ran]) -> Runner:
    return hostile[0]


@pytest.fixture
def ran(hostile: tuple[Runner, Ran]) -> Ran:
    return hostile[1]


def test_the_action_comments_and_ends_as_its_check_does(ran: Ran) -> None:
    assert ran.done.returncode == 1, ran.done.stdout + ran.done.stderr
    (comment,) = ran.comments
    assert "| `python:3.12` | `reg.echohq.com/python:3.12` | safe | `app/Dockerfile:1` |" in comment["body"]
    assert len(ran.review_comments) == 1
    assert "::warning file=app/Dockerfile,line=1" in ran.done.stdout
    assert ran.summary == comment["body"].partition("\n")[2]
    counts = {name: value for name, value in ran.outputs.items() if value.isdigit()}
    assert counts == {"findings": "2", "fixable": "1", "migrated": "1"}
    assert set(ran.outputs) == set(ACTION["outputs"])
    assert {path.name for path in Path(ran.outputs["report"]).iterdir()} == {"report.json", "inventory.json"}


def test_nothing_of_the_pull_request_is_run(runner: Runner) -> None:
    assert [str(path) for path in runner.workspace.rglob("it-ran")] == []
    assert not (runner.workspace / "cache").exists(), "what pip keeps for its next run could be the pull request's"


def test_what_is_installed_is_what_the_lock_says(runner: Runner) -> None:
    """On this system and this Python, all of it and nothing else; pip comes with Python."""
    program, *_ = (runner.folder / "temp").glob("echo-migrate-*/venv/bin/python")
    words = [str(program), "-I", "-m", "pip", "list", "--format=freeze", "--exclude=pip", "--exclude=setuptools"]
    listed = subprocess.run(words, capture_output=True, text=True, check=True).stdout.lower().splitlines()
    found = {str(canonicalize_name(name)): version for name, _, version in (line.partition("==") for line in listed)}
    assert found.pop("echo-migrate") == echo_migrate.__version__
    assert found == pins(None, LOCK, GITHUB)
    assert subprocess.run([*words[:4], "check"], check=False).returncode == 0


def test_the_pull_requests_configuration_does_not_count_and_that_is_said(ran: Ran) -> None:
    (comment,) = ran.comments
    assert "evil" not in comment["body"] + ran.review_comments[0]["body"] + ran.done.stdout
    assert "vendor/old" not in comment["body"], "the base's patterns hold, from where its file lies"
    assert "Read from the base revision" in comment["body"]
    assert "echo-migrate.toml" in comment["body"]


def test_the_token_is_nowhere(runner: Runner, ran: Ran) -> None:
    assert TOKEN not in ran.done.stdout + ran.done.stderr + ran.summary + str(ran.outputs)
    written = [path for path in (runner.folder / "temp").rglob("*.json") if "site-packages" not in path.parts]
    assert len(written) >= 2
    assert not any(TOKEN in path.read_text() for path in written)


def test_sarif_replaces_a_link_and_does_not_follow_it(runner: Runner) -> None:
    assert (runner.folder / "outside").read_text() == "mine"
    assert not (runner.workspace / "results.sarif").is_symlink()
    assert json.loads((runner.workspace / "results.sarif").read_text())["version"] == "2.1.0"


def test_the_second_workflow_tells_what_the_first_found(runner: Runner, ran: Ran) -> None:
    """No checkout, the results of another run, and a token that may write; with what the first has installed."""
    installs = '_installed(os.path.join(folder, "venv"))'
    program, *_ = (runner.folder / "temp").glob("echo-migrate-*/venv/bin/python")
    script = runner.action / "hooks" / "action.py"
    whole = script.read_text()
    assert installs in whole
    event = {
        "workflow_run": {
            "event": "pull_request",
            "head_sha": runner.github.pulls[7]["head"]["sha"],
            "head_branch": "topic",
            "head_repository": {"owner": {"login": "acme"}},
        }
    }
    reviews = len(runner.github.reviews)
    script.write_text(whole.replace(installs, repr([str(program), "-I", "-m"])))
    run = runner.run(event, report=ran.outputs["report"]).done
    script.write_text(whole)
    assert run.returncode == 0, run.stdout + run.stderr
    assert len(runner.github.comments) == 1
    assert "From a run on the code of the pull request" in runner.github.comments[0]["body"]
    assert len(runner.github.reviews) == reviews


def call(runner: Runner, words: str, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """A function of the script by itself, with this installation: the whole is run above."""
    script = f"import sys; sys.path[:0] = [sys.argv[1]]; import action; sys.exit(action.{words})"
    command = [sys.executable, "-I", "-c", script, str(ROOT / "hooks"), *arguments]
    given = os.environ | {"RUNNER_TEMP": str(runner.folder / "temp"), "GITHUB_EVENT_PATH": ""} | environment
    return subprocess.run(command, cwd=runner.workspace, env=given, capture_output=True, text=True, check=False)


def test_without_annotations_the_log_has_no_commands(runner: Runner, tmp_path: Path) -> None:
    """A folder's name begins a line there; it is printed while GitHub takes no commands."""
    name = "::error title=x::y"
    (runner.workspace / name).mkdir()
    (runner.workspace / name / "Dockerfile").write_text("FROM python:3.12\n")
    inputs = {"INPUT_ANNOTATIONS": "false", "INPUT_PATHS": name, "INPUT_FAIL_ON": "never"}
    run = call(runner, "_check([sys.executable, '-I', '-m'], sys.argv[2], '')", str(tmp_path), **inputs)
    assert run.returncode == 0, run.stdout + run.stderr
    mark = ""
    inside = []
    for line in run.stdout.splitlines():
        if stopped := re.fullmatch(r"::stop-commands::(\w{32})", line):
            mark = stopped[1]
        elif line == f"::{mark}::":
            mark = ""
        elif mark:
            inside.append(line)
    assert any("error title=x::y/Dockerfile:1:6: warning" in line for line in inside)
    assert not any(line.startswith("::") for line in inside)


WRAPPER = """
import json, os, sys
address, root, module, *words = sys.argv[1:]
sys.path.append(root)
from tests.asking import Request, ask
with open(os.environ["SEEN"], "a") as file:
    file.write(json.dumps([[module, *words], dict(os.environ)]) + "\\n")
of = "" if module == "echo_migrate" else module
sys.exit(ask(address, Request(words, os.getcwd(), dict(os.environ), [], of), [0, 1, 2]))
"""
ALONE = (sys.executable, "-I", "-S")


class Job:
    """A job on a pull request, with a look at what each command of it is given: the process ``warm`` runs them.

    That what a job starts is isolated is seen where a runner starts all of it.
    """

    def __init__(self, folder: Path, warm: Warm, checkout: str = ".") -> None:
        self.warm = warm
        self.folder, self.workspace = folder, folder / "workspace"
        self.tree, self.github = self.workspace / checkout, GitHub()
        (folder / "temp").mkdir()
        (folder / "wrapper.py").write_text(WRAPPER)
        self.base = self.head = ""
        self.whose = REPOSITORY

    def pull(self, base: dict[str, Any], change: dict[str, Any], links: tuple[str, ...] = ()) -> None:
        """A pull request; ``links`` are submodules that are not checked out."""
        self.base = commit(self.tree, base)
        for name in links:
            (self.tree / name).mkdir(parents=True)
        self.head = commit(self.tree, change)
        for name in links:
            git(self.tree, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},{name}")
        if links:
            git(self.tree, "commit", "-q", "-m", "x")
            self.head = git(self.tree, "rev-parse", "HEAD").strip()
        self.github.open(7, self.head, changed(self.tree, self.base, self.head))

    def run(self, **inputs: str) -> "subprocess.CompletedProcess[str]":
        sides = {
            name: {"sha": sha, "repo": {"full_name": whose}}
            for name, sha, whose in (("head", self.head, self.whose), ("base", self.base, REPOSITORY))
        }
        (self.folder / "event.json").write_text(json.dumps({"pull_request": {"number": 7, **sides}}))
        for name in ("output", "summary", "seen"):
            (self.folder / name).write_text("")
        script = (
            "import sys; sys.path[:0] = [sys.argv[1]]; import action\n"
            "action._installed = lambda _: sys.argv[2:]; sys.exit(action.main())"
        )
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "INPUT_"))}
        environment |= {f"INPUT_{name.upper()}": value for name, value in inputs.items()} | {
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": self.github.url,
            "GITHUB_EVENT_PATH": str(self.folder / "event.json"),
            "GITHUB_OUTPUT": str(self.folder / "output"),
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary"),
            "GITHUB_TOKEN": TOKEN,
            "INPUT_TOKEN": TOKEN,
            "RUNNER_TEMP": str(self.folder / "temp"),
            "SEEN": str(self.folder / "seen"),
        }
        program = [*ALONE, str(self.folder / "wrapper.py"), self.warm.address, str(ROOT)]
        words = [*ALONE, "-c", script, str(ROOT / "hooks"), *program]
        done = subprocess.run(words, cwd=self.workspace, env=environment, capture_output=True, text=True, check=False)
        assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
        return done

    @property
    def summary(self) -> str:
        return (self.folder / "summary").read_text()

    @property
    def outputs(self) -> dict[str, str]:
        return dict(line.split("=", 1) for line in (self.folder / "output").read_text().splitlines())


@pytest.fixture
def job(tmp_path: Path, warm: Warm) -> Iterator[Job]:
    yield from _job(tmp_path, warm, ".")


@pytest.fixture
def job_in_src(tmp_path: Path, warm: Warm) -> Iterator[Job]:
    """As actions/checkout leaves it with ``path: src``."""
    yield from _job(tmp_path, warm, "src")


def _job(folder: Path, warm: Warm, checkout: str) -> Iterator[Job]:
    one = Job(folder, warm, checkout)
    yield one
    one.github.server.shutdown()
    one.github.server.server_close()
    assert one.github.violations == []


def test_one_command_has_the_token(job: Job) -> None:
    job.pull({"README.md": "x\n"}, {"Dockerfile": "FROM python:3.12\n"})
    assert job.run().returncode == 1
    seen = [json.loads(line) for line in (job.folder / "seen").read_text().splitlines()]
    assert [words[:2] for words, _ in seen if words[0] == "echo_migrate"] == [
        ["echo_migrate", name] for name in ("check", "inventory", "github")
    ]
    assert [words[:2] for words, given in seen if TOKEN in given.values()] == [["echo_migrate", "github"]]
    assert not any(TOKEN in word for words, _ in seen for word in words)


@pytest.mark.parametrize(("whose", "asks"), [(REPOSITORY, True), ("stranger/fork", False)])
def test_the_registry_is_asked_for_pull_requests_of_the_repository_alone(
    job: Job, monkeypatch: pytest.MonkeyPatch, whose: str, asks: bool
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # nothing answers there: no test reaches a registry
    job.pull({"README.md": "x\n"}, {"Dockerfile": "FROM python:3.12\n"})
    job.whose = whose
    assert job.run(online="true").returncode == 1
    seen = [json.loads(line) for line in (job.folder / "seen").read_text().splitlines()]
    asked = {words[1]: "--online" in words for words, _ in seen if words[0] == "echo_migrate"}
    assert asked == {"check": asks, "inventory": asks, "github": False}
    assert ("the pull request comes from a fork" in job.summary) != asks


COMMANDS = ("##[error]x", "a##[stop-commands]t", "##[set-env name=X]y", "::error::z", "::add-mask::z")


@pytest.mark.parametrize("inputs", [{}, {"annotations": "false"}, {"sarif_file": "##[error]x/../nowhere/x"}])
def test_no_word_of_a_checkout_is_a_command(job: Job, inputs: dict[str, str]) -> None:
    """Of files, folders, submodules and images: whatever is said of them, the runner takes only what is ours."""
    text = "FROM python:3.12\nFROM ##[error]x\nRUN echo '##[error]y' && apt-get install x\n"
    files: dict[str, Any] = {f"{name}/Dockerfile": text for name in COMMANDS}
    files |= {f"{name}.yaml": "services: {a: {image: '##[error]x'}}\n" for name in COMMANDS}
    files |= {"::error::b/compose.yaml": "\tservices: [\n", "##[error]u/Dockerfile": b"FROM \xff\xfe\x00\n"}
    job.pull({"README.md": "x\n"}, files, tuple(f"{name}/sub" for name in COMMANDS))
    done = job.run(**inputs)
    said = commands(done.stdout) + commands(done.stderr)
    ours = r"::(warning|error|notice) (file=[^:]*,)?title=[\w-]+::|::debug::comment: "
    assert all(re.match(ours, line) for _, line in said), said
    assert (not any("file=" in line for _, line in said)) == (inputs.get("annotations") == "false")
    assert done.stdout.count("::stop-commands::") >= 4
    for body in [job.summary, *(one["body"] for one in job.github.comments)]:
        assert commands(body) == []


@pytest.mark.parametrize("inputs", [{}, {"paths": "src"}, {"paths": "src/app\nsrc/old"}])
def test_a_checkout_in_a_folder_of_its_own_is_told_of(job_in_src: Job, inputs: dict[str, str]) -> None:
    job = job_in_src
    base = {"echo-migrate.toml": "exclude = ['old']\n", "old/Dockerfile": "FROM node:22\n"}
    job.pull(base, {"app/Dockerfile": "FROM python:3.12\n"})
    done = job.run(sarif_file="x.sarif", **inputs)
    assert done.returncode == 1, done.stdout + done.stderr
    (comment,) = job.github.comments
    assert "`app/Dockerfile:1`" in comment["body"]
    assert "old/" not in comment["body"]
    assert [one["path"] for one in job.github.review_comments] == ["app/Dockerfile"]
    assert "::warning file=app/Dockerfile,line=1" in done.stdout
    assert (job.workspace / job.outputs["sarif-file"]).is_file()


def test_a_matrix_of_paths_has_a_comment_each(job: Job) -> None:
    job.pull({"README.md": "x\n"}, {f"{name}/Dockerfile": "FROM python:3.12\n" for name in ("api", "web")})
    for _ in range(2):
        for path in ("api", "web"):
            assert job.run(paths=path).returncode == 1
    assert ["api" in one["body"] for one in job.github.comments] == [True, False]
    assert ["web" in one["body"] for one in job.github.comments] == [False, True]


def test_a_report_of_another_job_is_distrusted(job: Job) -> None:
    job.pull({"README.md": "x\n"}, {"Dockerfile": "FROM python:3.12\n"})
    job.run(comment="never")
    results = Path(job.outputs["report"])
    report = (results / "report.json").read_text().replace("reg.echohq.com", "evil.example")
    (results / "report.json").write_text(report)
    assert job.run(report=str(results)).returncode == 0
    (comment,) = job.github.comments
    assert "evil" not in comment["body"] + job.summary
    assert job.github.review_comments == []


def test_a_folder_where_sarif_should_go_does_not_keep_from_telling(job: Job) -> None:
    job.pull({"README.md": "x\n"}, {"Dockerfile": "FROM python:3.12\n", "x.sarif/y": "y"})
    done = job.run(sarif_file="x.sarif")
    assert done.returncode == 2
    assert "::error title=echo-migrate::sarif-file: cannot be written" in done.stdout
    assert len(job.github.comments) == 1
    assert job.outputs["findings"] != "0"
    assert sorted(path.name for path in job.tree.iterdir()) == [".git", "Dockerfile", "README.md", "x.sarif"]


def test_an_entrypoint_as_long_as_a_book_does_not_keep_from_telling(job: Job) -> None:
    words = " ".join(f"--option{number}=value{number}" for number in range(150))
    job.pull({"README.md": "x\n"}, {"Dockerfile": f"FROM debian:12\nENTRYPOINT /app/run {words}\n"})
    assert job.run().returncode == 1
    assert len(job.github.comments) == 1


def test_the_threat_model_names_tests_that_there_are() -> None:
    rows = [line for line in (ROOT / "SECURITY.md").read_text().splitlines() if line.startswith("| ")]
    lines = [line for line in rows if not line.startswith("| who, and what they want")]
    assert len(lines) >= 25
    for line in lines:
        named = re.findall(r"`(tests/\w+\.py)::(\w+)`", line.rpartition(" | ")[2])
        assert named, line
        for path, name in named:
            assert re.search(rf"^def {name}\(", (ROOT / path).read_text(), re.MULTILINE), name


@pytest.mark.parametrize(
    ("version", "word"),
    [("--index-url=http://evil.example", "version"), ("1\n::error::x", "version"), ("../x", "version")],
)
def test_a_version_is_a_version(runner: Runner, version: str, word: str) -> None:
    run = runner.run({}, version=version).done
    assert run.returncode == 2
    assert run.stdout.startswith(f"::error title=echo-migrate::{word}: ")
    assert run.stdout.count("\n") == 1


@pytest.mark.parametrize("wanted", ["away/x.sarif", "../x.sarif", "/etc/x.sarif", "nowhere/x.sarif"])
def test_a_file_is_written_below_the_checkout_alone(runner: Runner, wanted: str) -> None:
    made = runner.folder / "made"
    made.write_text("{}")
    run = call(runner, "_placed(*sys.argv[2:])", str(made), wanted, str(runner.workspace))
    assert "Misuse: sarif-file: must lie in" in run.stderr
    assert not (runner.folder / "x.sarif").exists()


def test_no_input_has_a_default_that_overrides_the_configuration() -> None:
    assert {name: one["default"] for name, one in ACTION["inputs"].items() if "default" in one} == {
        "token": "${{ github.token }}"
    }


def test_the_script_reads_every_input_and_no_other() -> None:
    script = (ROOT / "hooks" / "action.py").read_text()
    read = {f"INPUT_{name}" for name in re.findall(r'_(?:input|given)\("(\w+)"', script)} | {"INPUT_TOKEN"}
    (step,) = ACTION["runs"]["steps"]
    assert read == set(step["env"]) == {f"INPUT_{name.upper().replace('-', '_')}" for name in ACTION["inputs"]}


def test_no_expression_stands_in_a_script() -> None:
    for path in [ROOT / "action.yml", *WORKFLOWS]:
        document = yaml.safe_load(path.read_text())
        jobs = [document["runs"]] if "runs" in document else document["jobs"].values()
        scripts = [step.get("run", "") for job in jobs for step in job["steps"]]
        assert not any("${{" in script for script in scripts), path


def _workflow_of_the_readme() -> str:
    (found,) = re.findall(r"```yaml\n(on: pull_request\n.*?)```", README, re.DOTALL)
    return str(found)


def test_the_readmes_workflow_is_ten_lines_of_the_example() -> None:
    short, whole = (
        yaml.safe_load(_workflow_of_the_readme()),
        yaml.safe_load((ROOT / "hooks/github/pull-request.yml").read_text()),
    )
    assert len(_workflow_of_the_readme().splitlines()) <= 10
    assert short["jobs"]["images"]["steps"] == whole["jobs"]["images"]["steps"]


@pytest.mark.parametrize("tool", ["zizmor", "actionlint", "check-jsonschema"])
def test_what_others_check_of_workflows(tool: str, tmp_path: Path) -> None:
    readme = tmp_path / "readme.yml"
    readme.write_text("name: readme\n" + _workflow_of_the_readme())
    workflows = [str(path) for path in [*WORKFLOWS, readme]]
    action = str(ROOT / "action.yml")
    if tool == "check-jsonschema":
        for schema, files in (("github-actions", [action]), ("github-workflows", workflows)):
            checked = CliRunner().invoke(check_jsonschema, ["--builtin-schema", f"vendor.{schema}", *files])
            assert checked.exit_code == 0, checked.output
        return
    commands = {
        "zizmor": [["--offline", "--no-progress", action, *workflows[:-1]]],
        "actionlint": [workflows],
    }
    for words in commands[tool]:
        run = subprocess.run([str(BIN / tool), *words], capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stdout + run.stderr


def test_actions_of_others_are_pinned_with_their_version() -> None:
    for path in WORKFLOWS:
        for line in re.findall(r"uses: .*", path.read_text()):
            assert re.fullmatch(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


@pytest.mark.parametrize(
    ("name", "schema"), [("renovate.json", "vendor.renovate"), ("dependabot.yml", "vendor.dependabot")]
)
def test_recipes_are_of_the_form(name: str, schema: str) -> None:
    """By the published schemas; Renovate's own validator needs its 787 packages: ``hooks/github/README.md``."""
    document = yaml.safe_load((ROOT / "hooks" / "github" / name).read_text())
    form = get_builtin_schema(schema)
    assert [error.message for error in validator_for(form)(form).iter_errors(document)] == []


def test_the_recipe_for_contributors_has_no_finding_on_its_images(run: Run, tmp_path: Path) -> None:
    (block,) = re.findall(r"```dockerfile\n(.*?)```", RECIPES, re.DOTALL)
    (tmp_path / "Dockerfile").write_text(block)
    said = json.loads(run("check", "--output-format", "json").stdout)
    assert [one["message"] for one in said["findings"] if one["level"] != "note"] == []
    assert (said["summary"]["hardened"], said["summary"]["ignored"]) == (1, 1)
