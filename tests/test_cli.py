"""The command line: what it prints, writes and exits with."""

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from echo_migrate import reports
from echo_migrate.engine import run as runs
from echo_migrate.files.yaml import documents, effective
from echo_migrate.formats._github_builds import replaces
from echo_migrate.rules import RULES, link
from tests.conftest import Done, Run

TEXT = "FROM python:3.12 AS build\nFROM redis:7-alpine\nFROM acme/tool:1\nFROM cgr.dev/x/y:1\nFROM build\n"
FIXED = TEXT.replace("FROM python", "FROM reg.echohq.com/python")


@pytest.fixture
def dockerfile(tmp_path: Path) -> Path:
    path = tmp_path / "Dockerfile"
    path.write_text(TEXT)
    return path


def err(done: Done) -> str:
    return done.stderr.decode()


def test_check_reports_and_writes_nothing(run: Run, dockerfile: Path) -> None:
    done = run("check", "--ignore", "large-base", "--output-format", "full")
    assert done.returncode == 1
    assert done.stdout.decode() == (
        "Dockerfile:1:6: warning[unhardened-image] python:3.12 -> reg.echohq.com/python:3.12\n"
        "  |\n"
        "1 | FROM python:3.12 AS build\n"
        "  |      ^^^^^^^^^^^\n"
        "  = fix: use reg.echohq.com/python:3.12\n"
        "\n"
        "Dockerfile:2:6: warning[unhardened-image] redis:7-alpine -> reg.echohq.com/redis:7: "
        "Echo has no Alpine variant: this switches to Debian (musl to glibc): "
        "see echo-migrate fix --unsafe-fixes --diff\n"
        "  |\n"
        "2 | FROM redis:7-alpine\n"
        "  |      ^^^^^^^^^^^^^^\n"
        "  = unsafe fix: use reg.echohq.com/redis:7\n"
        "\n"
        "4 image references in 1 file (echo-migrate inventory lists them)\n"
        "  1 ready to migrate\n"
        "  1 already hardened\n"
        "  1 not offered by Echo: acme/tool\n"
        "  1 needs review: 1 has an unsafe fix\n"
        "     1  Echo has no Alpine variant: switches to Debian (musl to glibc)   see echo-migrate fix "
        "--unsafe-fixes --diff\n"
        "2 findings in 1 file: 1 fixable with `echo-migrate fix`, "
        "1 more with --unsafe-fixes (review with --diff)\n"
        "Pulling from Echo needs a login: docker login reg.echohq.com\n"
    )
    assert done.stderr == b""
    assert dockerfile.read_text() == TEXT


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ((), 1),
        (("--fail-on", "error"), 0),
        (("--fail-on", "note"), 1),
        (("--fail-on", "never"), 0),
        (("--ignore", "unhardened-image"), 0),
        (("--ignore", "DL3026,floating-tag"), 0),
        (("--select", "floating-tag"), 0),
        (("--select", "all"), 1),
        (("--exclude", "Dockerfile"), 0),
    ],
)
def test_exit_codes_of_check(inside: Run, dockerfile: Path, words: tuple[str, ...], code: int) -> None:
    assert inside("check", *words).returncode == code


def test_fix_writes_and_a_second_run_changes_nothing(run: Run, dockerfile: Path) -> None:
    dockerfile.chmod(0o640)
    done = run("fix")
    assert (done.returncode, dockerfile.read_text(), dockerfile.stat().st_mode & 0o777) == (0, FIXED, 0o640)
    assert b"Dockerfile: 1 fixed\n" in done.stdout
    assert b"1 migrated" in done.stdout
    assert b"Fixed 1 in 1 file, " in done.stdout
    before = dockerfile.stat()
    again = run("fix")
    after = dockerfile.stat()
    assert again.returncode == 0
    assert (before.st_mtime_ns, before.st_ino) == (after.st_mtime_ns, after.st_ino)
    assert os.listdir(dockerfile.parent) == ["Dockerfile"]


def test_fix_check_writes_nothing(run: Run, dockerfile: Path) -> None:
    done = run("fix", "--check")
    assert (done.returncode, dockerfile.read_text()) == (1, TEXT)
    assert b"1 ready to migrate" in done.stdout
    run("fix")
    assert run("fix", "--check").returncode == 0


def test_unsafe_fixes_and_image(run: Run, dockerfile: Path) -> None:
    run("fix", "--unsafe-fixes", "--image", "redis")
    assert dockerfile.read_text() == TEXT.replace("redis:7-alpine", "reg.echohq.com/redis:7")
    done = run("fix", "--image", "pyhton")
    assert done.returncode == 2
    assert "no image 'pyhton' has a row: did you mean 'python'?" in err(done)


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        TEXT.replace("\n", "\r\n").encode(),
        b"FROM python:3.12",
        b"\xef\xbb\xbfFROM python:3.12\n",
        b"FROM python:3.12\n# \xe9\nRUN a\r\nRUN b\rc\n",
        b"# 1\n" * 20 + b"FROM python:3.12\n" + b"# 2\n" * 20 + b"FROM node:22",
    ],
)
@pytest.mark.parametrize("name", ["Dockerfile", "a b/Dockerfile", 'q"é\\/Dockerfile', "t\tn\n/Dockerfile"])
def test_diff_is_a_patch_that_git_applies(inside: Run, tmp_path: Path, data: bytes, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    done = inside("fix", "--diff")
    assert done.returncode == 1
    assert path.read_bytes() == data
    assert re.fullmatch(rb"Would fix \d in 1 file\.\n", done.stderr)
    subprocess.run(["git", "init", "-q", "."], cwd=tmp_path, check=True)
    subprocess.run(["git", "-c", "core.autocrlf=false", "apply"], input=done.stdout, cwd=tmp_path, check=True)
    patched = path.read_bytes()
    path.write_bytes(data)
    inside("fix")
    assert path.read_bytes() == patched != data
    assert inside("fix", "--diff").stdout == b""


def test_diff_from_a_folder_below_and_through_a_link(run: Run, tmp_path: Path) -> None:
    below = tmp_path / "below"
    below.mkdir()
    for path in (tmp_path / "Dockerfile", below / "Dockerfile", below / "base"):
        path.write_text(TEXT)
    os.symlink("base", below / "Dockerfile.link")
    subprocess.run(["git", "init", "-q", "."], cwd=tmp_path, check=True)
    for words in (("fix", "--diff"), ("fix", "--diff", "..")):
        patch = run(*words, cwd=below).stdout
        subprocess.run(["git", "apply", "--check"], input=patch, cwd=tmp_path, check=True)
    subprocess.run(["git", "apply"], input=run("fix", "--diff", cwd=below).stdout, cwd=below, check=True)
    assert [path.read_text() for path in (tmp_path / "Dockerfile", below / "Dockerfile", below / "base")] == [
        TEXT,
        FIXED,
        FIXED,
    ]


def test_a_dry_run_claims_nothing(run: Run, dockerfile: Path) -> None:
    for option in ("--check", "--diff"):
        done = run("fix", option, "--output", "json:out.json")
        document = json.loads((dockerfile.parent / "out.json").read_text())
        assert not any(finding["applied"] for finding in document["findings"])
        assert b"= fixed" not in done.stdout + done.stderr


def test_standard_input(run: Run, tmp_path: Path) -> None:
    done = run("fix", "-", input=TEXT.encode())
    assert (done.returncode, done.stdout.decode()) == (0, FIXED)
    done = run("check", "-", "--stdin-filename", "docker/Dockerfile.dev", input=TEXT.encode())
    assert done.returncode == 1
    assert b"docker/Dockerfile.dev\n" in done.stdout
    done = run("fix", "-", "--diff", input=TEXT.encode())
    assert done.stdout.startswith(b"diff --git a/Dockerfile b/Dockerfile\n")
    done = run("fix", "-", input=b"FROM a\0")
    assert b"binary" in done.stderr
    assert run("check", "-", "Dockerfile").returncode == 2
    assert os.listdir(tmp_path) == []


def test_json(run: Run, dockerfile: Path) -> None:
    done = run("check", "--ignore", "large-base", "--output-format", "json")
    document = json.loads(done.stdout)
    assert (document["version"], document["provider"]) == (1, "echo")
    assert document["summary"] == {
        "files": 1,
        "references": 4,
        "migrated": 1,
        "hardened": 1,
        "no_replacement": 1,
        "first_party": 0,
        "needs_person": 1,
        "ignored": 0,
        "by_convention": 0,
    }
    assert document["findings"][0] == {
        "path": "Dockerfile",
        "rule": "unhardened-image",
        "level": "warning",
        "message": "python:3.12 -> reg.echohq.com/python:3.12",
        "line": 1,
        "column": 6,
        "end_line": 1,
        "end_column": 17,
        "start": 5,
        "end": 16,
        "basis": "seen",
        "fix": {
            "title": "use reg.echohq.com/python:3.12",
            "safe": True,
            "edits": [{"start": 5, "end": 5, "text": "reg.echohq.com/"}],
        },
        "applied": False,
        "refused": None,
        "reasons": [],
    }
    fixed = json.loads(run("fix", "--ignore", "large-base", "--output-format", "json").stdout)
    assert [finding["applied"] for finding in fixed["findings"]] == [True, False]
    assert fixed["summary"]["migrated"] == 1


def test_outputs_go_to_files_too(run: Run, dockerfile: Path, tmp_path: Path) -> None:
    done = run("check", "--output", "json:out.json", "--output", "out.txt", "--color", "always")
    assert b"\x1b[" in done.stdout
    assert json.loads((tmp_path / "out.json").read_text())["summary"]["references"] == 4
    assert (tmp_path / "out.txt").read_text().startswith("Dockerfile\n  1:6  warning  unhardened-image  ")
    run("check", "--output", "by-suffix.sarif", "--output", "by-suffix.JSON", "--output", "text:forced.json")
    assert json.loads((tmp_path / "by-suffix.sarif").read_text())["version"] == "2.1.0"
    assert json.loads((tmp_path / "by-suffix.JSON").read_text())["version"] == 1
    assert (tmp_path / "forced.json").read_text().startswith("Dockerfile\n")
    assert run("-V").stdout == run("--version").stdout
    done = run("check", "--output", "none/out.txt")
    assert (done.returncode, b"none/out.txt" in done.stderr) == (2, True)


def test_quiet_and_verbose(run: Run, dockerfile: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("FROM python:3.12\n")
    assert b"image references" not in run("check", "-q").stdout
    done = run("check", "-v", "Dockerfile", "notes.txt")
    assert b"1  not in the list of known images" in done.stdout
    assert b"1 \xc3\x97 acme/tool:1" in done.stdout
    assert "notes.txt: skipped" in err(done)
    assert err(run("check", "Dockerfile", "notes.txt")) == ""


def test_misuse_names_the_remedy(run: Run, dockerfile: Path) -> None:
    for words, says in (
        (("check", "nowhere"), "nowhere: no such file or folder"),
        (("check", "--select", "unhardened-imag"), "no rule 'unhardened-imag': did you mean 'unhardened-image'?"),
        (("check", "--provider", "ecko"), "known are chainguard, distroless, docker, echo, ironbank, redhat"),
        (("check", "--registry", "not a host"), "write HOST[:PORT][/PREFIX]"),
        (("check", "--mapping", "none.yaml"), "none.yaml: cannot be read: no such file or directory"),
        (("check", "--fail-on", "info"), "'info' is not one of 'note', 'warning', 'error', 'never'"),
        (("explain", "nothing"), "no rule 'nothing'"),
        (("chek",), "No such command 'chek'"),
    ):
        done = run(*words)
        assert done.returncode == 2, words
        assert says in err(done), words
        assert b"Traceback" not in done.stderr


def test_a_missing_path_does_not_cost_the_others_results(run: Run, dockerfile: Path) -> None:
    done = run("fix", "nowhere", "Dockerfile")
    assert (done.returncode, dockerfile.read_text()) == (2, FIXED)


def test_explain_and_rules(run: Run) -> None:
    page = run("explain", "unhardened-image").stdout
    assert page.startswith(b"# unhardened-image\n")
    assert run("explain", "DL3026").stdout == page
    listed = run("rules").stdout.decode().splitlines()
    assert [line.split()[0] for line in listed] == ["rule", *RULES]
    assert {"DL3026"} <= {
        name for rule in json.loads(run("rules", "--output-format", "json").stdout) for name in rule["also"]
    }


def test_colour_is_for_terminals(run: Run, dockerfile: Path) -> None:
    assert b"\x1b[" not in run("check").stdout
    assert b"\x1b[" in run("check", env={"FORCE_COLOR": "1"}).stdout
    assert b"\x1b[" not in run("check", env={"FORCE_COLOR": "1", "NO_COLOR": "1"}).stdout
    assert b"\x1b[" not in run("check", "--color", "never", env={"FORCE_COLOR": "1"}).stdout
    assert b"\x1b[" in _on_a_terminal(dockerfile.parent, "check")


def test_a_long_run_shows_its_progress_on_a_terminal(dockerfile: Path) -> None:
    modules = (
        "from echo_migrate import cli\nfrom echo_migrate.cli import results\nfrom echo_migrate.engine import run\n"
    )
    impatient = modules + "results._LONG = 0; run.MANY = 1; cli.main()"
    assert b"1/1" in _on_a_terminal(dockerfile.parent, "check", program=("-c", impatient))
    assert b"1/1" not in _on_a_terminal(dockerfile.parent, "check", "-q", program=("-c", impatient))
    assert b"1/1" not in _on_a_terminal(dockerfile.parent, "check")


def _on_a_terminal(cwd: Path, *words: str, program: tuple[str, ...] = ("-m", "echo_migrate")) -> bytes:
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, *program, *words],
        cwd=cwd,
        stdout=follower,
        stderr=follower,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "120"},
    )
    os.close(follower)
    shown = b""
    while True:
        try:
            piece = os.read(leader, 65536)
        except OSError:
            piece = b""
        if not piece:
            break
        shown += piece
    process.wait()
    os.close(leader)
    return shown


def test_completion_knows_rules_and_options(run: Run) -> None:
    environment = {
        "_ECHO_MIGRATE_COMPLETE": "bash_complete",
        "COMP_WORDS": "echo-migrate explain unh",
        "COMP_CWORD": "2",
    }
    assert b"unhardened-image" in run(env=environment).stdout
    environment |= {"COMP_WORDS": "echo-migrate fix --uns"}
    assert b"--unsafe-fixes" in run(env=environment).stdout


@pytest.mark.parametrize("name", [".echo-migrate.toml", "echo-migrate.toml", "pyproject.toml"])
def test_the_nearest_config_gives_the_defaults(inside: Run, dockerfile: Path, tmp_path: Path, name: str) -> None:
    table = "[tool.echo-migrate]\n" if name == "pyproject.toml" else ""
    (tmp_path / name).write_text(
        table + 'seen-only = true\nignore = ["floating-tag"]\nregistry = "mirror.example/echo"\nimage = ["python"]\n'
    )
    below = tmp_path / "below"
    below.mkdir()
    (below / "Dockerfile").write_text("FROM python:3.12\nFROM python\n")
    assert b"-> mirror.example/echo/python:3.12" in inside("check", cwd=below).stdout
    assert b"floating-tag" not in inside("check", cwd=below).stdout
    assert b"floating-tag" in inside("check", "--no-config", cwd=below).stdout
    assert b"-> other.example/python:3.12" in inside("check", "--registry", "other.example", cwd=below).stdout
    (below / "own.toml").write_text('registry = "own.example"\n')
    assert b"-> own.example/python:3.12" in inside("check", "--config", "own.toml", cwd=below).stdout


def test_a_config_ends_at_its_repository(run: Run, dockerfile: Path, tmp_path: Path) -> None:
    (tmp_path / "echo-migrate.toml").write_text('registry = "mirror.example"\n')
    below = tmp_path / "repository"
    below.mkdir()
    subprocess.run(["git", "init", "-q", str(below)], check=True)
    (below / "Dockerfile").write_text("FROM python:3.12\n")
    assert b"-> reg.echohq.com/python:3.12" in run("check", cwd=below).stdout


def test_a_mapping_in_a_config_lies_beside_it(run: Run, dockerfile: Path, tmp_path: Path) -> None:
    (tmp_path / "echo-migrate.toml").write_text('mapping = "my.yaml"\n')
    (tmp_path / "my.yaml").write_text("images:\n  acme/tool: tool\n")
    below = tmp_path / "below"
    below.mkdir()
    (below / "Dockerfile").write_text("FROM acme/tool:1\n")
    run("fix", cwd=below)
    assert (below / "Dockerfile").read_text() == "FROM reg.echohq.com/tool:1\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("regstry = 'a'", "unknown key 'regstry': did you mean 'registry'?"),
        ("paths = ['a']", "unknown key 'paths'"),
        ("seen-only = 'no'", "seen-only must be true or false"),
        ("select = 'a'", "select must be a list of texts"),
        ("jobs = 'x'", "jobs must be a number"),
        ("jobs = -1", "jobs: -1 is not in the range"),
        ("registry = 1", "registry must be a text"),
        ("fail-on = 'x'", "fail-on: 'x' is not one of"),
        ("a = [", "is not valid TOML"),
    ],
)
def test_a_faulty_config_is_said(run: Run, dockerfile: Path, tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "echo-migrate.toml").write_text(text)
    done = run("check")
    assert done.returncode == 2
    assert "echo-migrate.toml" in err(done)
    assert says in err(done)


def test_several_processes_say_what_one_says(run: Run, tmp_path: Path) -> None:
    for number in range(runs.MANY):
        (tmp_path / f"Dockerfile.{number:03}").write_text(f"{TEXT}RUN apt-get install x{number}\n")
    for words in (("--select", "unhardened-image"), ("--select", "all")):
        one, two = (run("check", *words, "--jobs", jobs, "--output-format", "concise") for jobs in ("1", "2"))
        assert one.stdout == two.stdout
        assert one.stdout.count(b"\n") > runs.MANY


def test_providers(run: Run) -> None:
    listed = {row["provider"]: row for row in json.loads(run("providers", "--output-format", "json").stdout)}
    assert list(listed) == ["chainguard", "distroless", "docker", "echo", "ironbank", "redhat", "suse"]
    assert all(row["source"] and row["date"] >= "2026-04-25" and row["rows"] for row in listed.values())
    assert listed["docker"]["images_known"] == 554
    assert listed["docker"]["login"] == "docker login dhi.io"
    text = run("providers").stdout.decode()
    assert "registry.access.redhat.com/hi" in text
    assert "github:GoogleContainerTools/distroless" in text


def test_a_match_with_all_providers_stands_side_by_side(run: Run) -> None:
    done = run("match", "--provider", "all", "node:22", "nowhere/nothing:1")
    assert done.returncode == 1
    lines = done.stdout.decode().splitlines()
    assert lines[0] == "node:22"
    vendors = [line.split()[0] for line in lines[1:8]]
    assert vendors == ["chainguard", "distroless", "docker", "echo", "ironbank", "redhat", "suse"]
    assert "dhi.io/node:22 (safe)" in lines[3]
    assert "no node tag" in lines[1]
    answers = run("match", "--provider", "all", "--output-format", "json", "node:22").stdout.splitlines()
    assert {json.loads(answer)["provider"]: json.loads(answer)["safe"] for answer in answers} == {
        "chainguard": False,
        "distroless": False,
        "docker": True,
        "echo": True,
        "ironbank": False,
        "redhat": False,
        "suse": False,
    }


def test_all_is_no_provider_elsewhere(run: Run) -> None:
    done = run("check", "--provider", "all")
    assert done.returncode == 2
    assert b"known are chainguard" in done.stderr


def test_presets(inside: Run, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python:3.12\nRUN apt-get install -y gcc | tee log\nENTRYPOINT a\n")

    def rules(*words: str) -> set[str]:
        done = inside("check", "--output-format", "json", *words)
        return {finding["rule"] for finding in json.loads(done.stdout)["findings"]}

    migrate, default, everything = (rules("--preset", name) for name in ("migrate", "default", "all"))
    assert migrate < default < everything
    assert "unhardened-image" in migrate
    assert default == rules()
    assert rules("--preset", "migrate", "--ignore", "unhardened-image") == migrate - {"unhardened-image"}
    assert rules("--preset", "migrate", "--select", "shell-form-command") == {"shell-form-command"}
    wrong = inside("check", "--preset", "migrat")
    assert wrong.returncode == 2
    assert b"did you mean 'migrate'?" in wrong.stderr


def test_what_the_job_has_built_is_not_pulled(run: Run, tmp_path: Path) -> None:
    workflow, own = tmp_path / ".github" / "workflows" / "a.yml", tmp_path / "own" / "Dockerfile"
    workflow.parent.mkdir(parents=True)
    own.parent.mkdir()
    own.write_text("FROM alpine:3.22\n")
    (tmp_path / "Dockerfile").write_text("FROM python:3.13\n")
    build = "{uses: docker/build-push-action@v6, with: {context: own, load: true, tags: 'test-${{ github.ref }}'}}"
    steps = "jobs:\n  a:\n    steps:\n      - %s\n      - run: docker run '%s-${{ github.ref }}' sh\n"
    workflow.write_text(steps % (build, "test"))
    assert b"registry-login" not in run("check", "--output-format", "concise").stdout
    workflow.write_text(steps % (build, "other"))
    assert b"a.yml:5:14: note[registry-login]" in run("check", "--output-format", "concise").stdout


@pytest.mark.parametrize(
    ("update", "told"),
    [
        ("docker, directory: /", False),
        ("docker, directory: /app", True),
        ("docker, directory: /own", False),
        ("docker, directory: /k8s", True),
        ("docker, directories: [/own, /app]", True),
        ("docker, directories: ['**/*']", True),
        ("docker-compose, directory: /", True),
        ("docker-compose, directory: /app", False),
    ],
)
def test_dependabot_reads_tags_of_the_files_in_its_folders(run: Run, tmp_path: Path, update: str, told: bool) -> None:
    texts = {
        ".github/dependabot.yml": f"version: 2\nupdates: [{{package-ecosystem: {update}}}]\n",
        "app/Dockerfile": "FROM python:3.12\n",
        "compose.yaml": "services: {a: {image: 'python:3.12'}}\n",
        "k8s/job.yaml": "apiVersion: v1\nkind: Pod\nspec: {containers: [{image: 'python:3.12'}]}\n",
        "own/Dockerfile": "FROM acme/own:1\n",
        "policy.yml": "days: 3\n",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert (b"dependabot.yml" in run("check").stdout) == told


def test_the_login_is_said_once_where_nobody_logs_in(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    (folder / "a.yml").write_text("jobs:\n  a:\n    steps:\n      - run: docker build .\n")
    (folder / "b.yml").write_text("jobs:\n  a:\n    steps:\n      - run: docker pull x\n")
    (folder / "c.yml").write_text("jobs: {a: {steps: [{run: docker build")
    (tmp_path / "Dockerfile").write_text("FROM ubuntu:24.04\n")
    assert b"registry-login" not in run("check").stdout, "nothing moves, so nobody has to log in"
    (tmp_path / "Dockerfile").write_text("FROM python:3.12\n")
    done = run("check", "--output-format", "concise")
    assert done.stdout.count(b"registry-login") == 1
    when = b"after the migration, this step may pull from reg.echohq.com without a login"
    assert b".github/workflows/a.yml:4:14: warning[registry-login] " + when in done.stdout
    assert b"registry-login" not in run("check", "--ignore", "registry-login").stdout
    assert run("fix").returncode == 0, "it blocks nothing"
    assert (tmp_path / "Dockerfile").read_text() == "FROM reg.echohq.com/python:3.12\n"
    done = run("check", "--output-format", "concise")
    assert b"[registry-login] this step may pull" in done.stdout, "hardened already, and still nobody logs in"


def heredoc(command: str, image: str) -> str:
    """Return a step that hands a Dockerfile to a command."""
    return f"run: |\n          {command} <<EOF\n          FROM {image}\n          EOF\n          "


STAGED = """\
FROM python:3.12 AS base
FROM base AS test
FROM acme/own:1 AS own
FROM own AS copied
COPY --from=test /a /a
FROM own AS mounted
RUN --mount=from=base,target=/b cp /b/a /a
FROM own AS apart
FROM test
"""


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ("uses: docker/build-push-action@v6\n        with: {context: old}", False),
        ("uses: docker/build-push-action@v6\n        with: {file: old/Dockerfile}", False),
        ("uses: docker/build-push-action@v6\n        with: {file: ./gone.Dockerfile}", False),
        ("uses: docker/build-push-action@v6\n        with: {context: new}", True),
        ("uses: docker/build-push-action@v6\n        with: {context: '${{ matrix.a }}'}", True),
        ("run: cd old && docker build -t a .", False),
        ("run: docker build -t a -f old/Dockerfile .", False),
        ("run: docker build --file=old/Dockerfile old", False),
        ("run: docker build .\n        working-directory: old", False),
        ("run: docker build -t ghcr.io/${{ github.repository_owner }}/x old", False),
        ('run: docker build --tag "${{ env.NAME }}" --build-arg V=${{ matrix.v }} old', False),
        ("run: docker build ${{ inputs.options }} old", True),
        ("run: docker build -f ${{ matrix.file }} old", True),
        ("run: docker build '${{ matrix.folder }}'", True),
        ("run: docker build old && ${{ inputs.command }}", True),
        ("run: docker build $OPTIONS old", True),
        ("run: docker build old && docker build new", True),
        ("run: cd old && docker build . && docker compose up", True),
        ("run: (cd old && make); docker build .", True),
        ("run: docker build $WHERE", True),
        ("run: for one in old; do docker build $one; done", True),
        ("run: docker build https://github.com/acme/old.git", True),
        ("run: docker build -t a old && docker tag a b && docker push b", False),
        ("run: docker build old; make image; ./pull.sh", True),
        ("run: docker build old && docker stack deploy -c stack.yaml a", True),
        ("run: docker build old\n        shell: bash", False),
        ("run: docker build old\n        shell: python", True),
        ("run: docker build --build-arg BASE=$BASE given", True),
        (
            "uses: docker/build-push-action@v6\n        with: {context: given, build-args: 'BASE=${{ vars.BASE }}'}",
            True,
        ),
        (
            "uses: docker/build-push-action@v6\n        with: {context: default, build-args: 'BASE=${{ vars.BASE }}'}",
            True,
        ),
        ("uses: docker/build-push-action@v6\n        with: {context: tag, build-args: 'V=${{ vars.V }}'}", False),
        ("uses: docker/build-push-action@v6\n        with: {context: offered, build-args: 'V=${{ vars.V }}'}", True),
        ("uses: docker/build-push-action@v6\n        with: {context: template}", True),
        ("uses: docker/build-push-action@v6\n        with: {context: half}", True),
        (heredoc("docker build -f- .", "acme/own:1"), False),
        (heredoc("docker build -t a -", "acme/own:1"), False),
        (heredoc("docker build --file=- .", "$BASE"), True),
        (heredoc("docker build -f - .", "reg.echohq.com/python:3.12"), True),
        (heredoc("cat > ./Dockerfile.a", "acme/own:1") + "docker build -f Dockerfile.a .", False),
        (heredoc("cat > Dockerfile.a", "acme/own:1") + "\n      - run: docker build -f ./Dockerfile.a old", False),
        (heredoc("cat > Dockerfile.a", "acme/own:1") + "docker build -f Dockerfile.b .", True),
        (heredoc("cat > Dockerfile", "acme/own:1") + "docker build .", True),
        (heredoc("cd new\n          cat > Dockerfile.a", "acme/own:1") + "docker build -f Dockerfile.a .", True),
        ("uses: docker/build-push-action@v6\n        with: {context: staged, target: own}", False),
        ("uses: docker/build-push-action@v6\n        with: {context: staged, target: Apart}", False),
        ("uses: docker/build-push-action@v6\n        with: {context: staged, target: copied}", True),
        ("uses: docker/build-push-action@v6\n        with: {context: staged, target: mounted}", True),
        ("uses: docker/build-push-action@v6\n        with: {context: staged, target: '${{ inputs.target }}'}", True),
        ("uses: docker/build-push-action@v6\n        with: {context: staged, target: none}", True),
        ("uses: docker/build-push-action@v6\n        with: {context: staged}", True),
        ("run: docker build --target own staged", False),
        ("run: docker build --target=own staged && docker build old", True),
        ("run: docker build --target=own staged && docker build --target=copied staged", True),
        ("run: cp new/Dockerfile staged/ && docker build --target own staged", True),
    ],
)
def test_a_step_that_builds_no_image_of_the_provider_needs_no_login(
    inside: Run, tmp_path: Path, step: str, told: bool
) -> None:
    texts = {
        "old": "FROM acme/own:1\n",
        "new": "FROM python:3.12\n",
        ".": "FROM python:3.12\n",
        "given": "ARG BASE\nFROM $BASE\n",
        "default": "ARG BASE=acme/own:1\nFROM $BASE\n",
        "tag": "ARG V=1\nARG D=24\nFROM acme/own:$V\nFROM dgraph/dgraph:v$D\n",
        "offered": "ARG V=3.12\nFROM python:$V\n",
        "template": "FROM {{ base }}\n",
        "half": "FROM {{ base }} AS a\nFROM acme/own:1\n",
        "staged": STAGED,
    }
    for name, text in texts.items():
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / "Dockerfile").write_text(text)
    (tmp_path / ".git").mkdir()
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    (folder / "a.yml").write_text(f"on: push\njobs:\n  a:\n    steps:\n      - {step}\n")
    assert (b"registry-login" in inside("check").stdout) == told
    added = inside("fix", "--add-logins", "--unsafe-fixes", "--diff").stdout
    assert (b"docker/login-action" in added) == told


@pytest.mark.parametrize(("target", "level"), [("own", b"note"), ("copied", b"warning")])
def test_a_target_that_pulls_nothing_as_it_is_written_is_not_known_to(
    inside: Run, tmp_path: Path, target: str, level: bytes
) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "Dockerfile").write_text(STAGED)
    path = tmp_path / ".github" / "workflows" / "a.yml"
    path.parent.mkdir(parents=True)
    steps = f"      - run: python3 prepare.py\n      - run: docker build --target {target} .\n"
    path.write_text(f"on: push\njobs:\n  a:\n    steps:\n{steps}")
    said = inside("check", "--output-format", "concise").stdout
    assert b"a.yml:6:14: " + level + b"[registry-login]" in said


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("-f a.yml up -d", True),
        ('--env-file=.env --profile "a b" build', True),
        ("\\\n          -f ${{ env.F }} pull", True),
        ("-f a.yml exec -T api npm run test", False),
        ("logs run", False),
    ],
)
def test_a_command_of_compose_is_the_word_behind_its_options(
    inside: Run, tmp_path: Path, words: str, told: bool
) -> None:
    path = tmp_path / ".github" / "workflows" / "a.yml"
    path.parent.mkdir(parents=True)
    path.write_text(f"on: push\njobs:\n  a:\n    steps:\n      - run: |\n          docker compose {words}\n")
    (tmp_path / "Dockerfile").write_text("FROM python:3.12\n")
    assert (b"registry-login" in inside("check").stdout) is told


@pytest.mark.parametrize(("folder", "told"), [("", True), ("projects/a/", False), ("template/", False)])
def test_a_workflow_that_nobody_runs_needs_no_login(inside: Run, tmp_path: Path, folder: str, told: bool) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "Dockerfile").write_text("FROM python:3.12\n")
    path = tmp_path / folder / ".github" / "workflows" / "a.yml"
    path.parent.mkdir(parents=True)
    path.write_text("on: push\njobs:\n  a:\n    steps:\n      - run: docker build .\n")
    assert (b"registry-login" in inside("check").stdout) == told


@pytest.mark.parametrize(
    ("path", "text", "told"),
    [
        ("compose.yaml", "services: {}\n", False),
        ("catalog-info.yaml", "apiVersion: backstage.io/v1alpha1\nkind: Component\n", False),
        ("values.yaml", "kind: a\n", False),
        ("deploy/a.yml", "kind: Deployment\napiVersion: apps/v1\n", True),
        ("charts/a/Chart.yaml", "name: a\n", True),
        ("kustomization.yaml", "resources: []\n", True),
    ],
)
def test_what_only_kubernetes_asks_for_is_said_where_the_run_reads_files_of_it(
    inside: Run, tmp_path: Path, path: str, text: str, told: bool
) -> None:
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text(text)
    users = {"a": "www-data", "b": "1000", "c": "acme"}
    for name, user in users.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text(f'FROM python:3.12\nUSER {user}\nEXPOSE 80\nCMD ["/a"]\n')
    rules = ("--select", "privileged-port,named-user")
    said = inside("check", *rules, "--output-format", "concise").stdout.decode()
    assert (said.count("[privileged-port]"), said.count("Kubernetes (runAs")) == ((3, 2) if told else (0, 0))
    assert ("reg.echohq.com/python:3.12 may not have the user acme" in said) == (not told)


_UP = "run: docker compose up"
TOGETHER = {
    "bad.hcl": 'target "default" {',
    ".env.example": "",
    "docker-compose.yml": "services: {a: {image: 'acme/own:1'}}\n",
    "new.yaml": "services: {a: {image: 'python:3.12'}}\n",
    "build.yaml": "services: {a: {build: new}}\n",
    "old.yaml": "services: {a: {build: old}, b: {image: 'acme/own:1'}}\n",
    "more.yaml": "include: [new.yaml]\nservices: {b: {image: 'acme/own:1'}}\n",
    "set.yaml": "services: {b: {image: '$NAME:1'}}\n",
    "tag.yaml": "services: {b: {image: 'acme/own:$TAG'}}\n",
    "inline.yaml": 'services: {a: {build: {dockerfile_inline: "FROM acme/own:1"}}}\n',
    "over/compose.yaml": "services: {a: {image: 'acme/own:1'}}\n",
    "over/compose.override.yaml": "services: {a: {image: 'python:3.12'}}\n",
    "env/compose.yaml": "services: {a: {image: 'acme/own:1'}}\n",
    "env/.env": "COMPOSE_FILE=../new.yaml\n",
    "docker-bake.hcl": """group "default" { targets = ["a"] }
target "a" { context = "old" }
target "b" { context = "new" }
target "c" {
  context = "old"
  contexts = { d = "target:b" }
}
target "d" {
  context = "old"
  contexts = { e = "docker-image://acme/own:1" }
}
target "e" {
  context = "old"
  matrix = { x = ["1"] }
}
""",
    "bake/docker-bake.hcl": 'target "default" { context = "../old" }\n',
    "new/docker-bake.json": '{"target": {"default": {"context": "."}}}\n',
}


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ("run: docker compose up -d --wait", False),
        ("run: docker-compose -p x -f docker-compose.yml run a ls", False),
        ("run: docker compose -f new.yaml up", True),
        ("run: docker compose -f docker-compose.yml --file=new.yaml up", True),
        ("run: docker compose -f old.yaml build && docker compose -f old.yaml logs", False),
        ("run: docker compose -f build.yaml up", True),
        ("run: docker compose -f more.yaml up", True),
        ("run: docker compose -f set.yaml up", True),
        ("run: docker compose -f tag.yaml up", False),
        ("run: docker compose -f inline.yaml up", True),
        ("run: docker compose -f $FILE up", True),
        ("run: docker compose $OPTIONS up", True),
        ("run: docker compose -f none.yaml up", True),
        ("run: COMPOSE_FILE=new.yaml docker compose up", True),
        ("run: docker compose pull\n        working-directory: over", True),
        ("run: cd env && docker compose up", True),
        ("run: docker compose up\n        working-directory: env", True),
        ("run: docker buildx bake -f docker-bake.hcl --push", False),
        ("run: docker buildx bake -f docker-bake.hcl b", True),
        ("run: docker bake --file=docker-bake.hcl a b", True),
        ("run: docker buildx bake -f docker-bake.hcl c", True),
        ("run: docker buildx bake -f docker-bake.hcl d", False),
        ("run: docker buildx bake -f docker-bake.hcl e", True),
        ("run: docker buildx bake -f docker-bake.hcl --set a.context=new", True),
        ("run: docker buildx bake -f docker-bake.hcl $TARGETS", True),
        ("run: cd new && docker buildx bake", True),
        ("run: docker buildx bake --push\n        working-directory: bake", False),
        ("run: docker buildx bake", True),
        ("uses: docker/bake-action@v6\n        with: {push: true, files: docker-bake.hcl}", False),
        ("uses: docker/bake-action@v6\n        with: {targets: 'a,d', files: docker-bake.hcl}", False),
        ("uses: docker/bake-action@v6\n        with: {targets: b, files: docker-bake.hcl}", True),
        ("uses: docker/bake-action@v6\n        with: {set: a.context=new, files: docker-bake.hcl}", True),
        (f"run: echo COMPOSE_FILE=new.yaml >> $GITHUB_ENV\n      - {_UP}", True),
        (f"{_UP}\n        env: {{COMPOSE_ENV_FILES: env/.env}}", True),
        ("run: cp new.yaml docker-compose.yml && docker compose up", True),
        (f"run: mv new.yaml docker-compose.yml\n      - {_UP}", True),
        (f"uses: actions/checkout@v4\n        with: {{repository: acme/other}}\n      - {_UP}", True),
        (f"uses: actions/checkout@v4\n      - {_UP}", False),
        (f"{_UP}\n      - run: cp new.yaml docker-compose.yml", False),
        ("run: docker build new\n      - run: chart=$(ls dist)", True),
        ("run: docker buildx bake -f bad.hcl\n  b:\n    steps:\n      - run: docker build new", True),
    ],
)
def test_what_compose_and_bake_build_and_pull_is_read(inside: Run, tmp_path: Path, step: str, told: bool) -> None:
    for name, text in (
        *TOGETHER.items(),
        ("old/Dockerfile", "FROM acme/own:1\n"),
        ("new/Dockerfile", "FROM node:22\n"),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / ".git").mkdir()
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    (folder / "a.yml").write_text(f"on: push\njobs:\n  a:\n    steps:\n      - {step}\n")
    assert (b"registry-login" in inside("check").stdout) == told


@pytest.mark.parametrize(
    ("run", "shell", "told"),
    [
        ("cat .env.ci > .env", "bash", True),
        ("envsubst < new.yaml >docker-compose.yml", "", True),
        ("(cat new.yaml; echo) >> 'ci/docker-compose.yml'", "", True),
        ("if true; then cat new.yaml; fi > Dockerfile.ci", "", True),
        ("cat > docker-bake.hcl <<X\ntarget\nX", "", True),
        ("cp env/.env .env", "", True),
        ("cp -r env/. .", "", True),
        ("cp ci/compose.yaml .", "", True),
        ("mv ci/* ./", "", True),
        ("sed -i s/own/new/ ./docker-compose.yml", "", True),
        ("echo x | sudo tee compose.override.yml", "", True),
        ("git checkout main", "", True),
        ("git fetch && git apply x.patch", "", True),
        ("Copy-Item new.yaml docker-compose.yml", "pwsh", True),
        ("if [ cp a Dockerfile", "", True),
        ("cp a.txt . && cat docker-compose.yml > log", "", False),
        ("docker build -f Dockerfile . 2>&1 | tee log", "", False),
        ("cp -r a b; git fetch; rm .env; ls > /dev/null", "", False),
        ("echo ${{ github.sha }} > version", "", False),
    ],
)
def test_steps_that_put_other_files_where_builds_read(run: str, shell: str, told: bool) -> None:
    text = json.dumps({"run": run} | ({"shell": shell} if shell else {}))
    (step,) = documents(text)
    assert replaces(effective(step)) == told


def test_what_cannot_be_read_of_one_job_hides_no_other(run: Run, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "old").mkdir()
    (tmp_path / "new" / "Dockerfile").write_text("FROM python:3.12\n")
    (tmp_path / "old" / "Dockerfile").write_text("FROM acme/own:1\n")
    (tmp_path / "docker-bake.hcl").write_text('target "default" { context = "old" }\n' + "#" * 5_500_000)
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    jobs = "".join(f"  {name}: {{steps: [{{run: {name}}}]}}\n" for name in ("docker bake", "docker build new"))
    (folder / "a.yml").write_text(f"on: push\njobs:\n{jobs}")
    said = run("check", "--output-format", "concise").stdout
    assert b"a.yml:3:31: note[registry-login]" in said
    assert b"a.yml:4:36: warning[registry-login]" in said


def test_a_folder_that_all_steps_run_in_is_not_that_of_the_repository(run: Run, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    for name, image in ((".", "acme/own:1"), ("new", "python:3.12")):
        (tmp_path / name / "Dockerfile").write_text(f"FROM {image}\n")
    (tmp_path / ".git").mkdir()
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    for defaults, told in (("", False), ("    defaults: {run: {working-directory: new}}\n", True)):
        (folder / "a.yml").write_text(f"on: push\njobs:\n  a:\n{defaults}    steps:\n      - run: docker build .\n")
        assert (b"registry-login" in run("check").stdout) == told


def test_logins_are_added_where_they_are_missing(inside: Run, tmp_path: Path) -> None:
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    workflow = (
        "on: push\njobs:\n  a:\n    runs-on: x\n    container: node:22\n    steps:\n      - run: docker build .\n"
    )
    (folder / "a.yml").write_text(workflow)
    (folder / "b.yml").write_text("jobs: {a: {steps: [{run: docker build")
    pod = "apiVersion: v1\r\nkind: Pod\r\nspec:\r\n  containers:\r\n  - image: {}node:22\r\n"
    (tmp_path / "pod.yaml").write_bytes(pod.format("").encode())
    (tmp_path / "Dockerfile").write_text("FROM python:3.12\n")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    offered = inside("fix", "--add-logins", "--check")
    assert b"registry-login" in offered.stdout
    assert b"--unsafe-fixes" in offered.stdout
    patch = inside("fix", "--add-logins", "--unsafe-fixes", "--diff").stdout
    assert before == {path: path.read_bytes() for path in before}

    assert inside("fix", "--add-logins", "--unsafe-fixes", "--select", "registry-login").returncode == 0
    secret = "spec:\r\n  imagePullSecrets:\r\n    - name: echo-registry\r\n"
    assert (tmp_path / "pod.yaml").read_bytes() == pod.format("").replace("spec:\r\n", secret).encode()
    assert (tmp_path / "Dockerfile").read_text() == "FROM python:3.12\n", "nothing else is asked for"
    assert inside("fix").returncode == 0
    assert b"image: reg.echohq.com/node:22" in (tmp_path / "pod.yaml").read_bytes(), "a safe move now"
    assert inside("fix", "--add-logins", "--unsafe-fixes").returncode == 0
    login = (folder / "a.yml").read_text()
    assert "      - uses: docker/login-action@" in login
    assert "      image: reg.echohq.com/node:22\n      credentials:\n" in login
    after = {path: path.read_bytes() for path in before}
    again = inside("fix", "--add-logins", "--unsafe-fixes")
    assert b"registry-login" not in again.stdout
    assert after == {path: path.read_bytes() for path in before}

    for path, data in before.items():
        path.write_bytes(data)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(["git", "apply", "--whitespace=nowarn"], input=patch, cwd=tmp_path, check=True)
    assert after == {path: path.read_bytes() for path in before}


def test_the_date_decides_over_ends_of_life(run: Run, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python:3.12-bookworm\n")
    for day, found in (("2026-01-01", 0), ("2031-01-01", 1)):
        done = run("check", "--select", "end-of-life-base", "--today", day)
        assert done.stdout.count(b"end-of-life-base") == found


def test_no_report_shows_a_credential(run: Run, tmp_path: Path) -> None:
    secret = "hunter2-and-more-7f3a"
    (tmp_path / "Dockerfile").write_text(f'FROM ubuntu:24.04\nENV DB_PASSWORD={secret}\nCMD ["/app"]\n')
    for name in reports.FORMATS:
        done = run("check", "--select", "secret-in-image", "--output-format", name)
        assert b"secret-in-image" in done.stdout, name
        assert secret.encode() not in done.stdout + done.stderr, name


def test_files_with_the_same_findings_stand_together_and_rules_are_links_on_a_terminal(
    run: Run, tmp_path: Path
) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text("FROM python:3.12\n" if name != "b" else "FROM node:22\n")
    plain = run("check", "-q", "--select", "unhardened-image").stdout.decode()
    assert plain == (
        "a/Dockerfile, c/Dockerfile\n"
        "  1:6  warning  unhardened-image  python:3.12 -> reg.echohq.com/python:3.12 [fix]\n"
        "b/Dockerfile:1:6 warning unhardened-image node:22 -> reg.echohq.com/node:22 [fix]\n"
    )
    shown = _on_a_terminal(tmp_path, "check", "-q", "--select", "unhardened-image").decode()
    assert f"\x1b]8;;{link('unhardened-image')}\x1b\\unhardened-image\x1b]8;;\x1b\\" in shown
    assert re.sub(r"\x1b\]8;;.*?\x1b\\|\x1b\[[\d;]*m", "", shown).replace("\r\n", "\n") == plain
    patch = _on_a_terminal(tmp_path, "fix", "--diff", "a").decode()
    assert "\x1b[31m-FROM python:3.12\x1b[0m\r\n\x1b[32m+FROM reg.echohq.com/python:3.12\x1b[0m" in patch
    assert "\x1b[1;4munhardened-image" in _on_a_terminal(tmp_path, "explain", "unhardened-image").decode()


def test_a_patch_on_a_terminal_does_nothing_there(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_bytes(b"FROM python:3.12\n# \x1b]0;title\x07 ##[group]\n")
    shown = _on_a_terminal(tmp_path, "fix", "--diff").decode()
    assert r" # \x1b]0;title\x07 #\x23[group]" in shown


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("check", "--fix"), "Error: check writes nothing: use echo-migrate fix\n"),
        (("fix", "--dry-run"), "Error: use --diff, which prints a patch and writes nothing\n"),
        *(
            ((name, "/"), "Error: / is the whole machine: name the folders to read\n")
            for name in ("check", "compare", "lock", "verify")
        ),
        (("check", "--levels", "DL3026=loud"), "is not RULE=LEVEL, with a level of note, warning, error\n"),
        (("check", "--per-file-ignores", "DL3026"), "'DL3026' is not GLOB:RULE,RULE\n"),
        (("check", "--per-file-ignores", "a:b"), "Error: no rule 'b' (see `echo-migrate rules`)\n"),
    ],
)
def test_what_is_asked_for_wrongly_is_said_in_a_line(run: Run, words: tuple[str, ...], says: str) -> None:
    done = run(*words)
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)
    assert err(done).endswith(says)


def test_rules_are_left_out_of_files_and_have_levels(run: Run, tmp_path: Path) -> None:
    for name in ("tests", "src"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text("FROM python:3.12\nFROM node:23\n")
    config = tmp_path / ".echo-migrate.toml"
    config.write_text(
        'select = ["unhardened-image", "end-of-life-base"]\n[per-file-ignores]\n"tests/**" = ["DL3026"]\n'
        '[levels]\nDL3026 = "error"\nend-of-life-base = "note"\n'
    )
    lines = run("check", "-q", "--today", "2026-11-26", "--output-format", "concise").stdout.decode().splitlines()
    assert [line.partition("]")[0] for line in lines] == [
        "src/Dockerfile:1:6: error[unhardened-image",
        "src/Dockerfile:2:6: error[unhardened-image",
        "src/Dockerfile:2:6: note[end-of-life-base",
        "tests/Dockerfile:2:6: note[end-of-life-base",
    ]
    below = run("check", "-q", "--output-format", "concise", cwd=tmp_path / "tests").stdout
    assert b"unhardened" not in below
    run("fix")
    assert "reg.echohq.com" not in (tmp_path / "tests" / "Dockerfile").read_text()
    assert "reg.echohq.com/node:23" in (tmp_path / "src" / "Dockerfile").read_text()
    words = ("--no-config", "--select", "DL3026", "--per-file-ignores", "src:DL3026", "--levels", "DL3026=note")
    assert run("check", *words).returncode == 0
    for text, says in (
        ("levels = 1", "levels must be a table"),
        ("[levels]\na = 1", "levels: 'a' must be a level"),
        ("[per-file-ignores]\na = [1]", "per-file-ignores: 'a' must be a list of rules"),
    ):
        config.write_text(text)
        done = run("check")
        assert (done.returncode, says in err(done)) == (2, True)


def test_an_image_can_be_named_with_its_tag(run: Run, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM node:24\nFROM node:22\n")
    run("fix", "--image", "node:24")
    assert (tmp_path / "Dockerfile").read_text() == "FROM reg.echohq.com/node:24\nFROM node:22\n"
    assert "no image 'x:1' has a row" in err(run("fix", "--image", "x:1"))


def test_statistics_as_json(run: Run, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM node:22\nFROM redis:7-alpine\n")
    words = ("check", "--select", "DL3026", "--statistics", "--output-format", "json")
    document = json.loads(run(*words).stdout)
    assert document["rules"] == [{"rule": "unhardened-image", "level": "warning", "findings": 2, "fixable": 1}]
    assert document["summary"]["references"] == 2


@pytest.mark.parametrize(
    ("typed", "offers"),
    [
        ("check --provider ech", "echo"),
        ("check --preset mig", "migrate"),
        ("fix --image pyth", "python"),
        ("check --config ", ""),
    ],
)
def test_names_are_completed(run: Run, typed: str, offers: str) -> None:
    words = f"echo-migrate {typed}"
    environment = {"_ECHO_MIGRATE_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    done = run(env=environment).stdout.decode().splitlines()
    assert done == ([f"plain,{offers}"] if offers else ["file,"])
