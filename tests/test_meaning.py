"""What a text only looks like: names of contexts, letters of other alphabets, formulas, targets that climb."""

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from echo_migrate.cli.github.artifact import _lies_at
from echo_migrate.files.spelling import shown
from echo_migrate.images.reference import familiar, untagged
from tests.conftest import Run

TEXT = "FROM python:3.12\n"
CONTEXTS = "docker-image://attacker.example/x:1"
HCL = 'target "base" {{ contexts = {{ "{name}" = "' + CONTEXTS + '" }} }}\ntarget "a" {{ inherits = ["base"] }}\n'
SERVICE = "services:\n  a:\n    build:\n      context: .\n      additional_contexts:"
ACTION = (
    "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n    - uses: docker/build-push-action@v6\n      with:\n"
    "        build-contexts: |\n          {name}=" + CONTEXTS + "\n"
)
SHADOWS = {
    "compose.yaml": SERVICE + "\n        {name}: " + CONTEXTS,
    "docker-compose.override.yml": SERVICE + " ['{name}=" + CONTEXTS + "']",
    "deploy/stack.yaml": SERVICE + " ['{name}=" + CONTEXTS + "']",
    "docker-bake.hcl": HCL,
    "build.hcl": HCL,
    "docker-bake.json": '{{"target": {{"a": {{"contexts": {{"{name}": "' + CONTEXTS + '"}}}}}}}}',
    "scripts/build": "docker buildx build --build-context {name}=" + CONTEXTS + " .\n",
    ".circleci/config.yml": "docker buildx build --build-context {name}=" + CONTEXTS + " .\n",
    ".github/actions/a/action.yml": "run: docker build --build-context {name}=" + CONTEXTS + " .\n",
    "api/devcontainer.json": '{{"build": {{"options": ["--build-context={name}=' + CONTEXTS + '"]}}}}',
    "build.sh": "docker buildx build --build-context {name}=" + CONTEXTS + " .\n",
    "Makefile": "all:\n\tdocker build --build-context '{name}=" + CONTEXTS + "' .\n",
    ".github/workflows/a.yml": ACTION,
    ".gitlab-ci.yml": "a:\n  stage: b\n  script:\n  - docker build --build-context={name}=" + CONTEXTS + " .\n",
}


@pytest.fixture
def run(inside: Run) -> Run:
    """Run the program in this process: none of these tests is about processes."""
    return inside


@pytest.mark.parametrize("file", SHADOWS)
@pytest.mark.parametrize("name", ["reg.echohq.com/python:3.12", "reg.echohq.com/python"])
def test_a_target_that_is_the_name_of_a_context_is_none(run: Run, tmp_path: Path, file: str, name: str) -> None:
    (tmp_path / "api").mkdir()
    folder = tmp_path / "api"
    (folder / "Dockerfile").write_text(TEXT)
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text(SHADOWS[file].format(name=f'"{name}"' if file == "compose.yaml" else name))
    for words in (("fix",), ("fix", "--unsafe-fixes")):
        done = run(*words)
        assert done.returncode == 0
        assert b"may be the name of a build context here" in done.stdout
        assert (folder / "Dockerfile").read_text() == TEXT


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("compose.yaml", SERVICE + " ['${R:-reg.echohq.com}/python:3.12=docker-image://x']"),
        ("compose.yaml", SERVICE + " [unclosed"),
        ("docker-bake.hcl", 'target "a" { contexts = { "${R}/python:3.12" = "docker-image://x" } }'),
        ("docker-bake.hcl", 'target "a" { contexts = { (R) = "docker-image://x" } }'),
        ("docker-bake.hcl", 'target "a" { contexts = { "reg\\u002eechohq.com/python:3.12" = "docker-image://x" } }'),
        ("docker-bake.hcl", 'target "a" { contexts = merge({}, B) }'),
        ("docker-bake.hcl", 'target "a" { contexts = {'),
        ("build.sh", "docker build --build-context $R/python:3.12=docker-image://x ."),
        ("build.sh", "docker build --build-context reg.echohq.com/pyt\\\nhon:3.12=docker-image://x ."),
    ],
)
def test_what_may_be_the_name_of_a_context_is_taken_for_one(run: Run, tmp_path: Path, file: str, text: str) -> None:
    (tmp_path / "Dockerfile").write_text(TEXT)
    (tmp_path / file).write_text(text)
    run("fix", "--unsafe-fixes", "Dockerfile")
    assert (tmp_path / "Dockerfile").read_text() == TEXT


def test_a_choice_between_contexts_is_read_for_its_names(run: Run, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(TEXT)
    choice = 'variable "A" { default = "a" }\ntarget "a" {\n  tags = ["${A}", "${A}/x"]\n'
    choice += '  contexts = A != "" ? {\n    "%s" = "."\n  } : null\n}\n'
    for name, moves in (("src", True), ("reg.echohq.com/python:3.12", False)):
        (tmp_path / "docker-bake.hcl").write_text(choice.replace("%s", name))
        done = run("fix", "--check", "Dockerfile")
        assert (done.returncode == 1) is moves


def test_other_contexts_keep_nothing_back(run: Run, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(TEXT)
    (tmp_path / "compose.yaml").write_text(SERVICE + " {src: ., base: 'service:b'}\n")
    (tmp_path / "docker-bake.hcl").write_text('target "a" { contexts = { src = ".", "node:22" = "docker-image://x" } }')
    (tmp_path / "build.sh").write_text("docker build --build-context src=. .\n")
    run("fix", "Dockerfile")
    assert (tmp_path / "Dockerfile").read_text() == "FROM reg.echohq.com/python:3.12\n"


@pytest.mark.parametrize("line", ['"$(GREEN)======$(RESET)"', '"\\033[1;32m$(X)=="', '"$(A)$(B)=$(C)"'])
def test_a_word_with_variables_elsewhere_is_no_context(run: Run, tmp_path: Path, line: str) -> None:
    (tmp_path / "Dockerfile").write_text(TEXT)
    (tmp_path / "Makefile").write_text(f"a:\n\tdocker build --build-context src=. .\n\t@echo {line}\n")
    run("fix", "Dockerfile")
    assert (tmp_path / "Dockerfile").read_text() == "FROM reg.echohq.com/python:3.12\n"


def test_a_context_takes_no_image_from_a_service_and_no_other_reason(run: Run, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python:3.12-alpine\n")
    (tmp_path / "compose.yaml").write_text("services:\n  a:\n    image: python:3.12\n")
    (tmp_path / "build.sh").write_text('docker build --build-context "$X=." .\n')
    said = run("check").stdout
    assert b"no Alpine variant" in said
    assert b"may be the name of a build context here" in said
    run("fix", "--unsafe-fixes")
    assert (tmp_path / "Dockerfile").read_text() == "FROM python:3.12-alpine\n"
    assert b"image: reg.echohq.com/python:3.12\n" in (tmp_path / "compose.yaml").read_bytes()


def test_a_comment_passes_no_contexts(run: Run, tmp_path: Path) -> None:
    comment = "##   docker build --build-context=ext=<path> --build-arg ${X}=1 .\n"
    (tmp_path / "Dockerfile").write_text(comment + TEXT)
    (tmp_path / "build.sh").write_text(f"# as in {comment}docker build .\n")
    run("fix", "Dockerfile")
    assert (tmp_path / "Dockerfile").read_text() == f"{comment}FROM reg.echohq.com/python:3.12\n"
    (tmp_path / "build.sh").write_text(f"# as in {comment}docker build --build-context $X=. .\n")
    (tmp_path / "Dockerfile").write_text(TEXT)
    run("fix", "Dockerfile")
    assert (tmp_path / "Dockerfile").read_text() == TEXT


def test_an_inline_dockerfile_has_the_contexts_of_its_service(run: Run, tmp_path: Path) -> None:
    build = "build:\n      additional_contexts: {'reg.echohq.com/python:3.12': docker-image://x.example/y}\n"
    text = f"services:\n  a:\n    {build}      dockerfile_inline: |\n        FROM python:3.12\n"
    (tmp_path / "compose.yaml").write_text(text)
    assert run("fix", "--unsafe-fixes").returncode == 0
    assert (tmp_path / "compose.yaml").read_text() == text


@pytest.mark.parametrize("name", ["python:3.12", "docker.io/library/python:3.12", "docker.io/python:3.12"])
def test_a_context_holds_for_every_spelling_of_its_name(run: Run, tmp_path: Path, name: str) -> None:
    (tmp_path / "Dockerfile").write_text(TEXT + "FROM node\n")
    contexts = f'{{ "{name}" = "./a", "node:latest" = "./b" }}'
    (tmp_path / "docker-bake.hcl").write_text(f'target "a" {{ contexts = {contexts} }}\n')
    rows = json.loads(run("inventory", "--output-format", "json", "Dockerfile").stdout)["references"]
    assert [row["state"] for row in rows] == ["local", "local"]


@pytest.mark.parametrize(
    ("value", "short"),
    [
        ("docker.io/library/python:3.12", "python:3.12"),
        ("Index.docker.io/library/python:latest", "python"),
        ("library/python", "python"),
        ("docker.io/acme/x", "acme/x"),
        ("reg.example:5000/a:1", "reg.example:5000/a:1"),
    ],
)
def test_the_shortest_spelling(value: str, short: str) -> None:
    assert familiar(value) == short


@pytest.mark.parametrize(
    ("value", "name"), [("reg.example:5000/a:1", "reg.example:5000/a"), ("a@sha256:b", "a"), ("a:1@x", "a"), ("a", "a")]
)
def test_a_name_without_its_tag(value: str, name: str) -> None:
    assert untagged(value) == name


LOOKS_LIKE = ["pyth\u03bfn:3.12", "\u0440ython:3.12", "python\u200b:3.12", "py\u00adthon:3.12", "python\u2024x:3.12"]


@pytest.mark.parametrize("value", LOOKS_LIKE)
def test_a_letter_that_looks_like_another_is_seen(run: Run, tmp_path: Path, value: str) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM {value}\n")
    (tmp_path / "compose.yaml").write_text(f"services:\n  a:\n    image: {value}\n")
    for format in ("text", "csv", "markdown"):
        said = run("inventory", "--output-format", format).stdout.decode()
        assert said.isascii() or format == "markdown"
        assert not any(ord(ch) > 127 and ch in value for ch in said)
        assert value.encode("ascii", "backslashreplace").decode().partition("\\")[2].split(":")[0][:5] in said
    rows = json.loads(run("inventory", "--output-format", "json").stdout)["references"]
    assert {row["raw"] for row in rows} == {value}  # for programs, as it is written
    assert run("fix", "--unsafe-fixes").returncode == 0
    assert (tmp_path / "Dockerfile").read_text() == f"FROM {value}\n"


def test_what_is_not_known_of_a_reference_is_shown_as_ever() -> None:
    assert shown("python:${…}") == "python:${…}"
    assert shown("a\udcffé") == "a\\udcff\\xe9"


@pytest.mark.parametrize("begin", ["=cmd|calc!A0:1", "+1", "-x", "@x", '=HYPERLINK("http://x")'])
def test_no_cell_is_a_formula(run: Run, tmp_path: Path, begin: str) -> None:
    folder = tmp_path / begin.replace("/", "_")
    folder.mkdir()
    (folder / "Dockerfile").write_text(f"FROM {begin}\nFROM python:3.12\n")
    rows = list(csv.reader(io.StringIO(run("inventory", "--output-format", "csv").stdout.decode())))
    assert len(rows) == 3
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for row in rows for cell in row)
    assert rows[1][0].startswith("'")


@pytest.mark.parametrize(
    ("target", "fine"),
    [
        ("reg.echohq.com/python:3.12", True),
        ("reg.echohq.com/../evil.io/x", False),
        ("reg.echohq.com/./x", False),
        ("reg.echohq.com/x y", False),
        ("reg.echohq.com/x\n", False),
        ("reg.echohq.com/X", False),
        ("reg.echohq.com//x", False),
        ("reg.echohq.com.evil.io/x", False),
        ("reg.echohq.com@evil.io/x", False),
        ("evil.io/reg.echohq.com/x", False),
        ("", False),
        (None, False),
    ],
)
def test_a_forged_target_lies_elsewhere(target: str | None, fine: bool) -> None:
    assert _lies_at(target, "reg.echohq.com") is fine


def test_a_python_source_with_lone_carriage_returns_moves(run: Run, tmp_path: Path) -> None:
    text = b'import docker\nc = docker.from_env()\n# a\rc.images.pull("python:3.12")\nc.images.pull("node:22")\n'
    (tmp_path / "app.py").write_bytes(text)
    assert run("fix").returncode == 0
    moved = text.replace(b'"python', b'"reg.echohq.com/python').replace(b'"node', b'"reg.echohq.com/node')
    assert (tmp_path / "app.py").read_bytes() == moved


@pytest.mark.parametrize("secret", ["hunter22", "sk_live_51Habc"])
def test_what_another_file_holds_is_shown_of_images_alone(run: Run, tmp_path: Path, secret: str) -> None:
    (tmp_path / ".env").write_text(f"KEY={secret}\nV=3.12\nWHOLE=grafana/grafana:13.1.0\n")
    services = "  a: {image: '${KEY}'}\n  b: {image: 'x.example/${KEY}'}\n  c: {image: 'python:${V}'}\n"
    services += "  d: {image: '${WHOLE}'}\n"
    (tmp_path / "compose.yaml").write_text(f"services:\n{services}")
    for words in (
        ("check",),
        ("check", "-v"),
        *[("inventory", "--output-format", form) for form in ("text", "json", "csv")],
    ):
        done = run(*words)
        assert secret.encode() not in done.stdout + done.stderr
    assert b"python:3.12" in run("inventory").stdout
    assert b"grafana/grafana:13.1.0" in run("inventory").stdout


def test_a_login_in_a_reference_is_not_shown(run: Run, tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text("services:\n  a: {image: 'me:hunter22@reg.example/python:3.12'}\n")
    (tmp_path / "Dockerfile").write_text("FROM me:hunter22@reg.example:5000/python:3.12\n")
    formats = ["text", "json", "concise", "markdown", "github", "sarif", "gitlab", "rdjson", "junit"]
    for words in [("check", form) for form in formats] + [
        ("inventory", form) for form in ("text", "json", "csv", "markdown")
    ]:
        done = run(words[0], "--output-format", words[1])
        assert b"hunter22" not in done.stdout + done.stderr, words


def test_a_digest_is_no_login() -> None:
    digest = "python:3.12@sha256:" + "a" * 64
    assert shown(digest) == digest
    assert shown(f"reg.example:5000/{digest}") == f"reg.example:5000/{digest}"


@pytest.mark.parametrize(
    "line",
    [
        "docker login -u me -p hunter22 x.io",
        "curl -u me:hunter22 http://x",
        "wget --header='Authorization: Bearer hunter22' http://x",
        "mysql -phunter22 -e x",
        "MYSQL_PWD=hunter22 mysql",
        "aws AKIAHUNTER22HUNTER22",
        "echo ghp_hunter22hunter22hunter22",
        "pip install https://me:hunter22@x.io/y",
    ],
)
def test_a_line_that_may_hold_a_credential_is_not_shown(run: Run, tmp_path: Path, line: str) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM python:3.12\nRUN sudo {line} && apt-get install -y x\n")
    said = run("check", "--select", "all", "--output-format", "full").stdout.lower()
    assert b"hunter22" not in said
    assert b"dockerfile:2:" in said


def test_what_lies_beside_a_file_behind_a_link_is_not_read(traced: Callable[..., list[str]], tmp_path: Path) -> None:
    outside, tree = tmp_path / "outside", tmp_path / "tree"
    for name in ("a.yaml", "values-x.yaml", "Chart.yaml", "compose.yaml", ".env", "docker-bake.hcl", "Dockerfile"):
        (outside / name).parent.mkdir(exist_ok=True)
        (outside / name).write_text("image: '{{ a }}/python:3.12'\n")
    (tree / "chart").mkdir(parents=True)
    (tree / "chart" / "Chart.yaml").write_text("apiVersion: v2\nname: a\n")
    (tree / "chart" / "values.yaml").write_text("image: python:3.12\n")
    (tree / "compose.yaml").write_text(
        "services:\n  a: {image: 'python:${V}'}\n  b: {build: {context: far, args: {A: 'python:3.12'}}}\n"
        "  c: {build: {dockerfile: ../outside/Dockerfile, args: {A: 'python:3.12'}}}\n"
    )
    (tree / "Dockerfile").write_text(TEXT)
    for name in ("chart/templates", "chart/ci", "far", ".github", "scripts"):
        (tree / name).symlink_to(outside)
    for name in (".env", "docker-bake.hcl", "kustomization.yaml"):
        (tree / name).symlink_to(outside / name)
    for words in (("fix", "--diff"), ("inventory",)):
        calls = [call for call in traced("open,openat", *words, ".", cwd=tree) if "ENOENT" not in call]
        paths = [call.split('"')[1].removeprefix(f"{tree}/") for call in calls]
        opened = [path for path in paths if not path.startswith("/") or str(tmp_path) in path]
        assert "Dockerfile" in opened
        names = ("outside", "templates", "/ci", "far", "scripts", ".github", ".env", "bake", "kustomization")
        assert not [path for path in opened if any(name in path for name in names)]


COMMANDS = (
    *("::error file=a::pwned", "##vso[task.setvariable variable=PATH]x", "##[set-env name=a]b", "##VSO[a]b"),
    "##teamcity[buildStop comment='x']",
)


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("format", ["text", "concise", "json", "sarif", "gitlab", "rdjson", "junit", "markdown"])
def test_no_path_is_a_command_to_a_runner(run: Run, tmp_path: Path, name: str, format: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "Dockerfile").write_text(f"FROM python:3.12 AS {name}\nRUN apt-get update\nCMD {name}\n")
    for words in (("check", "--select", "all"), ("fix", "--check")):
        done = run(*words, "--output-format", format)
        for line in (done.stdout + done.stderr).decode().splitlines():
            assert not line.lstrip().startswith("::")
            assert not re.search(r"(?i)##[a-z]*\[", line)
    if format == "json":
        assert json.loads(done.stdout)["findings"][0]["path"] == f"{name}/Dockerfile"


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("format", ["text", "json", "csv", "markdown"])
def test_nor_in_an_inventory(run: Run, tmp_path: Path, name: str, format: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "Dockerfile").write_text("FROM python:3.12\n")
    for line in run("inventory", "--output-format", format).stdout.decode().splitlines():
        assert not line.lstrip(' "').startswith("::")
        assert not re.search(r"(?i)##[a-z]*\[", line)


def test_a_name_of_a_context_with_variables_is_compared_in_one_pass(limited: Run, tmp_path: Path) -> None:
    (tmp_path / "build").write_text('docker build --build-context "' + "${A}a" * 200 + 'zz=1" .\n')
    (tmp_path / "Dockerfile").write_text("FROM python:3.12\n")
    assert limited(5, "fix", "--registry", "e.io/" + "a" * 200).returncode == 0
    assert (tmp_path / "Dockerfile").read_text() == f"FROM e.io/{'a' * 200}/python:3.12\n"


@pytest.mark.parametrize(
    ("name", "taken"),
    [(r"'\n=====", False), (r"\n", False), (r"reg\x2eechohq.com/python", True), (r"\$R\/python", True)],
)
def test_an_escape_in_the_name_of_a_context_is_one_character(run: Run, tmp_path: Path, name: str, taken: bool) -> None:
    (tmp_path / "build.sh").write_text(f"docker build --build-context api=./api --build-context {name}=x .\n")
    (tmp_path / "Dockerfile").write_text("FROM python:3.12\n")
    said = run("check", cwd=tmp_path).stdout
    assert (b"may be the name of a build context here" in said) == taken


def test_many_names_of_contexts_cost_each_dockerfile_nothing(limited: Run, tmp_path: Path) -> None:
    for i in range(50):
        names = " ".join(f"$a-{n}=" for n in range(2000))
        (tmp_path / f"build{i}").write_text(f"docker build --build-context {names}\n")
        (tmp_path / f"d{i}").mkdir()
        (tmp_path / f"d{i}" / "Dockerfile").write_text("FROM python:3.12\n" * 6)
    done = limited(20, "check")
    assert b"left unread" not in done.stdout
    assert b"may be the name of a build context here" in done.stdout


def test_a_deep_folder_is_taken_to_have_contexts_of_any_name(limited: Run, tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["d"] * 90)
    deep.mkdir(parents=True)
    (deep / "Dockerfile").write_text("FROM python:3.12\nFROM node:22\n")
    assert b"2 need review" in limited(10, "fix").stdout
