"""Findings that depend on what lies outside of a Dockerfile: the files that it copies, and what a shell does."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.conftest import Run

COPIED = "FROM debian:12\nCOPY tools/setup /tmp/setup\nRUN /tmp/setup && rm /tmp/setup\n"
SECRETS = ("settings.xml", "npmrc", "github-token", "auth.json", "gcp-key.json", "nuget.config", ".env.local", "id_rsa")
LATE = b"removing /tmp/setup does not shrink the image"


@pytest.fixture
def run(inside: Run) -> Run:
    """Run the program in this process: none of these tests is about processes."""
    return inside


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"tools/setup": 900}, False),
        ({"tools/setup": 16_385}, True),
        ({}, True),
        ({"other/setup": 900}, True),
        ({"../tools/setup": 900}, False),
        ({"../tools/setup": 90_000, "tools/setup": 900}, True),
        ({"tools/setup/x": 900}, True),
    ],
)
def test_the_size_of_a_copied_file_tells_whether_its_removal_matters(
    run: Run, tmp_path: Path, files: dict[str, int], told: bool
) -> None:
    folder = tmp_path / "app" / "service"
    (folder.parent / ".git").mkdir(parents=True)
    for name, size in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"\0" * size)
    folder.mkdir(exist_ok=True)
    (folder / "Dockerfile").write_text(COPIED)
    assert (LATE in run("check", "app").stdout) == told


@pytest.mark.parametrize("name", SECRETS)
def test_a_small_file_that_may_have_a_credential_matters(run: Run, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("x")
    (tmp_path / "Dockerfile").write_text(f"FROM debian:12\nCOPY {name} /tmp/{name}\nRUN build && rm /tmp/{name}\n")
    assert f"removing /tmp/{name} does not shrink the image".encode() in run("check").stdout


BUILDS = "services:\n  a:\n    build: .\n"
STARTS = BUILDS + "    command: npm run dev\n"


@pytest.mark.parametrize(
    ("files", "told"),
    [((), True), ((STARTS,), False), ((STARTS, STARTS), False), ((STARTS, BUILDS), True), ((BUILDS,), True)],
)
def test_an_image_is_for_development_if_all_its_containers_are(
    run: Run, tmp_path: Path, files: tuple[str, ...], told: bool
) -> None:
    (tmp_path / "Dockerfile").write_text('FROM node:22\nCOPY . .\nRUN npm ci\nCMD ["node", "a.js"]\n')
    for name, text in zip(("docker-compose.a.yml", "docker-compose.b.yml"), files, strict=False):
        (tmp_path / name).write_text(text)
    assert (b"installs development dependencies" in run("check", "Dockerfile").stdout) == told


MOUNTED = BUILDS + "    volumes: ['.:/app']\n"


@pytest.mark.parametrize(
    ("start", "files", "told"),
    [
        ("dev", (MOUNTED,), False),
        ("dev", (), True),
        ("dev", (BUILDS,), True),
        ("dev", (MOUNTED, BUILDS), True),
        ("start", (MOUNTED,), True),
    ],
)
def test_an_image_that_is_only_worked_in_may_run_as_root(
    run: Run, tmp_path: Path, start: str, files: tuple[str, ...], told: bool
) -> None:
    (tmp_path / "Dockerfile").write_text(f'FROM node:18\nWORKDIR /app\nCOPY . .\nCMD ["npm", "run", "{start}"]\n')
    for name, text in zip(("docker-compose.a.yml", "docker-compose.b.yml"), files, strict=False):
        (tmp_path / name).write_text(text)
    assert (b"runs as root" in run("check", "Dockerfile").stdout) == told


@pytest.mark.parametrize(
    ("name", "line", "command", "told"),
    [
        ("Dockerfile", "", "make dev", False),
        ("Dockerfile", "RUN make\n", "make dev", True),
        ("Dockerfile", "", "sh a.sh", True),
        ("Dockerfile", "RUN apk add --no-cache gcc\n", "make dev", True),
        ("Dockerfile.builder", "", "sh a.sh", False),
        ("builder.Dockerfile", "", "sh a.sh", False),
        ("query-builder.dockerfile", "", "sh a.sh", True),
    ],
)
def test_make_may_be_what_starts_an_image(
    run: Run, tmp_path: Path, name: str, line: str, command: str, told: bool
) -> None:
    (tmp_path / name).write_text(f'FROM alpine:3.23\nRUN apk add --no-cache make\n{line}CMD ["sh", "a.sh"]\n')
    (tmp_path / "compose.yml").write_text(f"{BUILDS}    command: {command}\n")
    assert (b"build-time packages" in run("check", name).stdout) == told


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ("docker run --rm api make lint", False),
        ("docker compose run api pytest -q", False),
        ("docker run api python -m app", True),
        ("make test", True),
    ],
)
def test_a_workflow_that_runs_tests_in_an_image_needs_what_development_has(
    run: Run, tmp_path: Path, step: str, told: bool
) -> None:
    place = tmp_path / ".github" / "workflows"
    place.mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    (tmp_path / "api").mkdir()
    (place / "a.yml").write_text(
        f"on: push\njobs:\n  a:\n    steps:\n      - run: docker build api\n      - run: {step}\n"
    )
    (tmp_path / "api" / "Dockerfile").write_text('FROM python:3.13\nRUN poetry install\nCMD ["python", "a.py"]\n')
    assert (b"development dependencies" in run("check").stdout) == told


@pytest.mark.parametrize(("tag", "told"), [("acme/linux-builder", False), ("acme/linux", True)])
def test_a_script_may_call_an_image_a_builder(run: Run, tmp_path: Path, tag: str, told: bool) -> None:
    (tmp_path / "gcc.Dockerfile").write_text("FROM debian:13\nRUN apt-get install -y gcc\nCOPY . .\n")
    (tmp_path / "build.sh").write_text(f"docker build -t {tag} -f gcc.Dockerfile .\ndocker run -v .:/src {tag}\n")
    assert (b"build-time packages" in run("check", "gcc.Dockerfile").stdout) == told


@pytest.mark.parametrize(("folder", "told"), [(".", True), ("legacy", False)])
def test_a_workflow_that_github_does_not_read(run: Run, tmp_path: Path, folder: str, told: bool) -> None:
    (tmp_path / ".git").mkdir()
    place = tmp_path / folder / ".github" / "workflows"
    place.mkdir(parents=True)
    (place / "a.yml").write_text(
        "on: push\njobs:\n  a:\n    container: node:24\n    steps: [{run: docker run node:24}]\n  b: ]\n"
    )
    assert (b"not valid YAML" in run("check").stdout) == told


@pytest.mark.parametrize(
    ("setting", "told"), [("", True), ("CACHE=8.2\n", False), ("CACHE=latest\n", True), ("OTHER=8.2\n", True)]
)
def test_a_setting_takes_the_place_of_a_default(run: Run, tmp_path: Path, setting: str, told: bool) -> None:
    (tmp_path / "compose.yml").write_text("services:\n  a:\n    image: ${FROM:-docker.io}/redis:${CACHE:-latest}\n")
    (tmp_path / ".env").write_text(setting)
    assert (b"docker.io/redis:latest uses the tag latest" in run("check", "compose.yml").stdout) == told


@pytest.mark.parametrize(
    ("image", "resolved"),
    [
        ("${A:-${B:-redis:7}}", "postgres:16"),
        ("${C:-${B:-redis:7}}", "mysql:8"),
        ("${A:+redis:7}", "redis:7"),
        ("${C:-redis:7}", "redis:7"),
    ],
)
def test_settings_take_the_place_of_nested_defaults(run: Run, tmp_path: Path, image: str, resolved: str) -> None:
    (tmp_path / "compose.yml").write_text(f"services:\n  a:\n    image: {image}\n")
    (tmp_path / ".env").write_text("A=postgres:16\nB=mysql:8\n")
    (row,) = json.loads(run("inventory", "--output-format", "json", "compose.yml").stdout)["references"]
    assert row["resolved"] == resolved


def test_a_registry_is_that_of_the_setting(run: Run, tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_text("services:\n  a:\n    image: ${A:-redis:7}\n")
    (tmp_path / ".env").write_text("A=quay.io/acme/redis:7\n")
    (tmp_path / "echo-migrate.toml").write_text('approved = ["ghcr.io/acme"]\n')
    said = run("check", "--config", "echo-migrate.toml", "compose.yml").stdout
    assert b"quay.io/acme/redis:7 is from no approved registry" in said


@pytest.mark.parametrize("check", ["curl -f http://localhost/", "true"])
def test_a_tool_of_a_health_check_is_no_tool_of_the_build(run: Run, tmp_path: Path, check: str) -> None:
    installs = "FROM debian:12 AS base\nRUN apt-get install -y curl && curl -o /a https://a.example/a\n"
    (tmp_path / "Dockerfile").write_text(f'{installs}FROM base\nCMD ["/a"]\n')
    health = f"    healthcheck:\n      test: {check}\n"
    (tmp_path / "compose.yml").write_text(f"services:\n  a:\n    build: .\n{health}")
    assert (b"curl in the final image" in run("check", "Dockerfile").stdout) == (check == "true")


SHELLS = {"alpine:3.22": ["busybox", "sh"], "registry.access.redhat.com/ubi9/ubi:9.6": ["bash"]}
ONLY = ("{}", "A=1 {}", "{} $(:)", "{} # it", "$0 -c 'echo $$'")
LISTS = ("cd / && {}", "cd /; {}", "{} 2> /dev/null", "export A=1 && {} < /dev/null")
NEVER = (
    "true | {}",
    "trap : TERM; {}",
    "{} | cat",
    "! {}",
    "{} & wait",
    "if true; then {}; fi; true",
    "{} || {}",
    "f() {{ {}; :; }}; f",
)
INNER = ("sh -c '{}; :'", "sh -c '{} | cat'", "sh -c '{} 2>&1 | cat'")


@pytest.mark.parametrize("base", SHELLS)
@pytest.mark.parametrize("form", [*ONLY, *LISTS, *NEVER, *INNER])
def test_a_shell_that_its_program_replaces_is_not_told(run: Run, tmp_path: Path, base: str, form: str) -> None:
    program = 'sh -c "echo \\$\\$"' if form in INNER else "sh -c 'echo $$'"
    with subprocess.Popen([*SHELLS[base], "-c", form.format(program, program), "sh"], stdout=subprocess.PIPE) as shell:
        said, _ = shell.communicate()
    replaced = said.split() == [str(shell.pid).encode()]
    (tmp_path / "Dockerfile").write_text(f"FROM {base}\nCMD {form.format('serve', 'serve')}\n")
    told = b"passes no signals" in run("check", "Dockerfile").stdout
    assert told or replaced
    assert not told or form not in ONLY + (LISTS if "alpine" in base else ())


COMPOSE = "services:\n  test:\n    image: redis\n"
POD = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n    - name: a\n      image: redis\n"
TASK = "apiVersion: tekton.dev/v1\nkind: Task\nspec:\n  steps:\n    - name: a\n      image: redis\n"
CLOUD = "steps:\n  - name: redis\n"
AZURE = "resources:\n  containers:\n    - container: a\n      image: redis\n"
JENKINS = "pipeline {\n  agent { docker { image 'redis' } }\n  stages { stage('a') { steps { sh 'make' } } }\n}\n"
JOB = "version: 2.1\njobs:\n  a:\n    docker:\n      - image: redis\n    steps: [checkout]\n"


@pytest.mark.parametrize(
    ("path", "text", "rule", "told"),
    [
        ("docker-compose.yml", COMPOSE, "floating-tag", True),
        ("docker-compose.test.yml", COMPOSE, "floating-tag", False),
        ("e2e/compose.yml", COMPOSE, "floating-tag", False),
        ("latest/compose.yml", COMPOSE, "floating-tag", True),
        (".circleci/config.yml", JOB, "floating-tag", True),
        (".gitlab-ci.yml", "a:\n  image: redis\n  script: make\n", "floating-tag", True),
        (".gitlab/ci/test.gitlab-ci.yml", "a:\n  image: redis\n  script: make\n", "floating-tag", True),
        (".azure/ci/azure-pipelines.yml", AZURE, "floating-tag", True),
        (".woodpecker/test.yml", "steps:\n  a:\n    image: redis\n    commands: make\n", "floating-tag", True),
        (".tekton/test.yaml", TASK, "floating-tag", True),
        ("ci/cloudbuild.yaml", CLOUD, "floating-tag", True),
        ("ci/Jenkinsfile", JENKINS, "floating-tag", True),
        ("make/pod.yaml", POD, "floating-tag", True),
        ("ci/compose.yml", COMPOSE, "floating-tag", True),
        ("e2e/pod.yaml", POD, "floating-tag", False),
        ("a_test.py", "from kfp import dsl\ndsl.ContainerSpec(image='redis')\n", "floating-tag", False),
        ("a.py", "from kfp import dsl\ndsl.ContainerSpec(image='redis')\n", "floating-tag", True),
        ("e2e/compose.yml", "services: {a: {build: {dockerfile_inline: FROM redis}}}\n", "floating-tag", False),
        ("Dockerfile.append", "COPY a /a\n", "unreadable-file", False),
        ("Dockerfile.append", "COPY --from=redis:8 /a /a\n", "unreadable-file", True),
        ("Dockerfile.append", "{{\n  set x\n}}RUN a\n", "unreadable-file", False),
        ("Dockerfile.append", "FORM node\nRUN a {{\n", "unreadable-file", True),
        ("Dockerfile", "COPY a /a\n", "unreadable-file", True),
        ("Dockerfile", "FORM node:22\n", "unreadable-file", True),
        ("api.Dockerfile", "FRMO node:22\nCOPY a /a\n", "unreadable-file", True),
        ("Dockerfile.dev", "FROM:node:22\nCOPY a /a\n", "unreadable-file", True),
        ("Dockerfile.dev", "\u200bFROM node:22\nCOPY a /a\n", "unreadable-file", True),
        ("Dockerfile.dev", '{"from": "node:22"}\n', "unreadable-file", True),
        ("Dockerfile.in", "FROM a b c\n", "unreadable-file", False),
        ("Dockerfile.in", "FROM a\0\n", "unreadable-file", True),
        ("Dockerfile.x", "FROM a b c\n", "unreadable-file", True),
    ],
)
def test_what_nobody_acts_on_is_told_only_if_it_is_asked_for(
    run: Run, tmp_path: Path, path: str, text: str, rule: str, told: bool
) -> None:
    (tmp_path / "app" / path).parent.mkdir(parents=True)
    (tmp_path / "app" / path).write_text(text)
    assert (f" {rule} ".encode() in run("check", cwd=tmp_path / "app").stdout) == told
    assert f" {rule} ".encode() in run("check", "--select", rule, cwd=tmp_path / "app").stdout


@pytest.mark.parametrize("text", ["FROM a\0\n", "FROM a\n" + "#" * 5_000_001])
def test_a_template_that_cannot_be_read_fails_the_run(run: Run, tmp_path: Path, text: str) -> None:
    (tmp_path / "Dockerfile.in").write_text(text)
    assert run("check").returncode == 1


@pytest.mark.parametrize(("chosen", "told"), [((), False), (("--select", "renamed-image"), True)])
def test_a_repackaged_image_is_told_by_the_inventory(
    run: Run, tmp_path: Path, chosen: tuple[str, ...], told: bool
) -> None:
    (tmp_path / "compose.yml").write_text("services:\n  a:\n    image: confluentinc/cp-zookeeper:7.5.0\n")
    assert (b"renamed-image" in run("check", *chosen, "compose.yml").stdout) == told
    (row,) = json.loads(run("inventory", "--output-format", "json", "compose.yml").stdout)["references"]
    assert (row["state"], row["upstream"], row["reasons"][0]["id"]) == ("needs-person", "zookeeper", "guess")


LEAVES_LISTS = "FROM debian:12\nRUN apt-get update && apt-get install -y --no-install-recommends python3 sudo\n"
POST = '"build": {"dockerfile": "Dockerfile"}, "postCreateCommand": '


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        ("img/molecule.yml", "driver:\n  name: docker\n", False),
        ("molecule/default/molecule.yml", "platforms:\n- dockerfile: ../../img/Dockerfile\n", False),
        ("molecule/default/molecule.yml", "platforms:\n- image: a\n", True),
        (".kitchen.yml", "driver:\n  name: docker\n  dockerfile: img/Dockerfile\n", False),
        ("Vagrantfile", 'config.vm.provider "docker" do |d|\n  d.build_dir = "img"\nend\n', False),
        ("a.pkr.hcl", 'source "docker" "a" {\n  build {\n    path = "img/Dockerfile"\n  }\n}\n', False),
        ("img/devcontainer.json", f'{{{POST}"sudo apt-get install -y jq"}}', False),
        ("img/devcontainer.json", f'{{{POST}"sudo apt-get update && sudo apt-get install -y jq"}}', True),
        ("img/devcontainer.json", f'{{{POST}"npm ci"}}', True),
    ],
)
def test_lists_that_what_installs_later_may_need(run: Run, tmp_path: Path, file: str, text: str, told: bool) -> None:
    (tmp_path / ".git").mkdir()
    for name, body in {"img/Dockerfile": LEAVES_LISTS, file: text}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(body)
    assert (b"leaves /var/lib/apt/lists" in run("check", "--select", "package-lists-left").stdout) == told
