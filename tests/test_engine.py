"""The laws of fixing, on Dockerfiles put together at random; and what refuses a doubtful result."""

import json
import os
import subprocess
import sys
from pathlib import Path

import dockerfile as buildkit
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from echo_migrate.engine import fix
from echo_migrate.engine import run as runs
from echo_migrate.files.source import Edit, Source
from echo_migrate.formats import dockerfile
from echo_migrate.images import catalog
from echo_migrate.model import Finding, Fix, Image
from echo_migrate.reports import summary
from echo_migrate.rules import RULES
from echo_migrate.rules._rule import Context, Rule, Settings
from tests.conftest import ROOT, Run

SETTINGS = Settings(catalog.load(), tuple(RULES.values()), apply=True)
LINES = [
    "ARG A=python",
    "ARG A='node'",
    'ARG A=""',
    "ARG A",
    "ARG B=3.12-alpine",
    "ARG B=22",
    "ARG C=docker.io/library/ D=-slim",
    "FROM ${A}:${B}",
    "FROM $C${A}:1",
    "FROM ${C}debian:12${D}",
    "FROM ${E:-redis}:7",
    "FROM python:3.12 AS python",
    "FROM python",
    "FROM acme/${A}:1",
    "FROM \\\n  node:22 \\\n# c\n  AS n",
    "FROM scratch",
    "from 'nginx:1.25' as x",
    "COPY --from=node:20 a b",
    "COPY --from=python a b",
    "RUN --mount=from=golang:1.22,target=/x true",
    "RUN <<E\nFROM node:1\nE",
    "# hadolint ignore=DL3026",
    "# echo-migrate: ignore",
    "ONBUILD COPY --from=debian:12 a b",
    "ARG A=ruby",
    "",
    "FROM debian:bookworm-slim",
    "RUN echo $A",
]


@pytest.fixture
def run(inside: Run) -> Run:
    """Run the program in this process: none of these tests is about processes."""
    return inside


@settings(max_examples=300)
@given(st.lists(st.sampled_from(LINES), max_size=12), st.booleans(), st.sampled_from(["\n", "\r\n"]))
def test_laws(lines: list[str], unsafe: bool, newline: str) -> None:
    text = newline.join(lines).replace("\n", newline).replace("\r\r", "\r")
    asked = SETTINGS._replace(unsafe=unsafe)
    result = fix.fix_source(Source("Dockerfile", text), dockerfile, asked)
    again = fix.fix_source(result.fixed, dockerfile, asked)
    assert result.refused is None
    assert again.fixed.text == result.fixed.text
    assert result.fixed.text.count("\n") == text.count("\n")

    counts = summary([result])
    assert counts.references == sum(outcome.state != "local" for outcome in result.outcomes)
    hardened = summary([again]).hardened
    assert hardened == counts.hardened + counts.migrated
    for old, new in zip(result.outcomes, again.outcomes, strict=True):
        assert new.image.ref.value == old.image.ref.value or old.target == new.image.ref.value

    try:
        before = buildkit.parse_string(text)
    except buildkit.GoParseError:
        return
    after = buildkit.parse_string(result.fixed.text)
    assert [(step.cmd, step.start_line, step.end_line) for step in before] == [
        (s.cmd, s.start_line, s.end_line) for s in after
    ]


@settings(max_examples=100)
@given(st.lists(st.sampled_from(LINES), max_size=12))
def test_check_says_what_fix_does(lines: list[str]) -> None:
    source = Source("Dockerfile", "\n".join(lines))
    checked = fix.fix_source(source, dockerfile, SETTINGS._replace(apply=False))
    fixed = fix.fix_source(source, dockerfile, SETTINGS)
    assert summary([checked]) == summary([fixed])
    assert checked.fixed is source


MOVE = Edit(5, 5, "reg.echohq.com/")


def _rule(*edits: Edit, once: bool = False) -> Rule:
    """A faulty rule, for what must catch it."""

    def check(image: Image, context: Context) -> list[Finding]:
        done = once and not context.source.text.startswith("FROM node:22\nRUN true")
        return [] if done else [Finding(image.start, image.end, "x", Fix(edits, "x"))]

    return Rule("faulty", Image, check, "warning", (), "x", True, True)


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        (_rule(Edit(0, 0, "")), "do not settle in 10 rounds"),
        (_rule(Edit(5, 9, "mode"), once=True), "node:22 would become mode:22"),
        (_rule(Edit(0, 4, "RUN"), once=True), "an instruction would appear, vanish"),
        (
            _rule(Edit(12, 12, "\nUSER x"), MOVE, once=True),
            "an instruction would appear, vanish",
        ),
        (_rule(Edit(17, 21, "false"), MOVE, once=True), "would no longer run all that it does"),
    ],
)
def test_a_doubtful_result_is_refused_whole(rule: Rule, says: str) -> None:
    source = Source("Dockerfile", "FROM node:22\nRUN true\n")
    result = fix.fix_source(source, dockerfile, SETTINGS._replace(rules=(rule,)))
    assert says in (result.refused or "")
    assert result.fixed is source
    assert [(f.applied, f.refused) for f in result.findings] == [(False, result.refused)]


def test_a_refused_fix_leaves_its_reference_to_a_person() -> None:
    source = Source("Dockerfile", "FROM python:3.12\n")
    result = fix.refuse(fix.fix_source(source, dockerfile, SETTINGS), "the disk is full")
    assert [(outcome.state, outcome.reason) for outcome in result.outcomes] == [
        ("needs-person", "its fix was refused: the disk is full")
    ]


def test_overlapping_fixes_wait_for_the_next_round() -> None:
    def check(image: Image, context: Context) -> list[Finding]:
        text = context.source.text
        return [
            Finding(at, at + 1, f"{ch} at {at}", Fix((Edit(at, at + 2, ch.upper() + text[at + 1 : at + 2]),), ch))
            for at, ch in enumerate(text)
            if at > 10 and ch in "xyz"
        ]

    rule = Rule("word", Image, check, "note", (), "x", True, True)
    result = fix.fix_source(
        Source("Dockerfile", "FROM reg.echohq.com/a:1\nLABEL xyz=1\n"), dockerfile, SETTINGS._replace(rules=(rule,))
    )
    assert result.fixed.text.endswith("LABEL XYZ=1\n")
    assert all(finding.applied for finding in result.findings)


def test_one_faulty_file_does_not_end_a_run(tmp_path: Path) -> None:
    paths = [str(tmp_path / name) for name in ("Dockerfile", "Dockerfile.b")]
    for path in paths:
        Path(path).write_text("FROM python:3.12\n")

    def check(image: Image, context: Context) -> list[Finding]:
        if context.source.path.endswith(".b"):
            raise RuntimeError("broken rule")
        return []

    rule = Rule("faulty", Image, check, "warning", (), "x", False, True)
    asked = SETTINGS._replace(rules=(*SETTINGS.rules, rule))
    results = [result for result in runs.run(paths, asked) if result]
    assert [result.fixed is not result.source for result in results] == [True, False]
    assert "a fault of echo-migrate (RuntimeError: broken rule)" in results[1].findings[0].message


def test_processes_give_the_same_results(tmp_path: Path) -> None:
    paths = []
    for number in range(runs.MANY + 20):
        path = tmp_path / f"Dockerfile.{number:04}"
        path.write_text(f"FROM python:3.{number}\nFROM node:{number}-alpine\n")
        paths.append(str(path))
    assert list(runs.run(paths, SETTINGS, jobs=2)) == list(runs.run(paths, SETTINGS, jobs=1))


LATER = """
import multiprocessing, sys
from echo_migrate.__main__ import main
multiprocessing.set_start_method("forkserver")
sys.argv = ["echo-migrate", "inventory", ".", "--no-config", "--jobs", "2", "--output-format", "json"]
main()
"""


def test_processes_are_started_as_they_must_whatever_python_prefers(tmp_path: Path) -> None:
    """Python 3.14 prefers a server that forks them, whose children are not this process's."""
    for number in range(runs.MANY):
        (tmp_path / f"Dockerfile.{number}").write_text("FROM node:22\n")
    words = [sys.executable, "-P", "-c", LATER]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert {row["state"] for row in json.loads(done.stdout)["references"]} == {"migrate"}


def test_one_doubtful_fix_does_not_keep_the_others_from_being_made() -> None:
    doubtful = _rule(Edit(17, 21, "false"))
    rules = (doubtful, RULES["unhardened-image"])
    source = Source("Dockerfile", "FROM node:22\nRUN true\n")
    result = fix.fix_source(source, dockerfile, SETTINGS._replace(rules=rules))
    assert result.refused is None
    assert result.fixed.text == "FROM reg.echohq.com/node:22\nRUN true\n"
    said = {found.rule: (found.applied, found.refused) for found in result.findings}
    assert said == {
        "faulty": (False, "a RUN would no longer run all that it does"),
        "unhardened-image": (True, None),
    }


POD = "apiVersion: v1\nkind: Pod\nspec: {containers: [{image: 'python:3.12'}]}\n"
KUSTOMIZATION = "resources: [pod.yaml]\nimages: [{name: python, newTag: '3.13'}]\n"
CHANGES = {
    "a kustomization": ("pod.yaml", POD, "kustomization.yaml", KUSTOMIZATION),
    "a named context": (
        "Dockerfile",
        "FROM python:3.12\n",
        "build.sh",
        "docker build --build-context reg.echohq.com/python=docker-image://x .\n",
    ),
    "a compose file": (
        "Dockerfile",
        "FROM postgres:16\n",
        "compose.yaml",
        "services: {a: {build: ., volumes: ['x:/var/lib/postgresql/data']}}\n",
    ),
    "a chart": (
        "values.yaml",
        "image: {registry: docker.io, repository: python, tag: '3.12'}\n",
        "templates/a.yaml",
        "image: {{ .Values.image.repository }}-extra\n",
    ),
    "an ignore file": ("Dockerfile", "FROM python:3.12\nCOPY . /srv\n", ".dockerignore", "*\n"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_changes_between_two_runs_of_a_process_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    file, text, other, more = CHANGES[what]
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text("apiVersion: v2\nname: a\n")
    (tmp_path / file).write_text(text)
    settings = SETTINGS._replace(rules=tuple(RULES.values()), apply=False)

    def said() -> object:
        (result,) = runs.run([file], settings, 1)
        assert result is not None
        return [(found.rule, found.fix and found.fix.safe) for found in result.findings], [
            (one.state, one.reason) for one in result.outcomes
        ]

    before = said()
    (tmp_path / other).write_text(more)
    assert said() != before
    (tmp_path / other).unlink()
    assert said() == before


def test_a_word_in_the_values_for_the_tests_of_a_chart_is_an_image(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a" / "ci").mkdir(parents=True)
    (tmp_path / "a" / "ci" / "test-values.yaml").write_text("extra:\n- {name: a, image: redis}\n")
    found = [json.loads(run("inventory", "--output-format", "json", "a").stdout)["references"]]
    (tmp_path / "a" / "Chart.yaml").write_text("apiVersion: v2\nname: a\n")
    found.append(json.loads(run("inventory", "--output-format", "json", "a").stdout)["references"])
    assert [[one["raw"] for one in each] for each in found] == [[], ["redis"]]


@pytest.mark.parametrize(("path", "read"), [("helmfile.yaml", True), ("Chart.yaml", True), ("config.yaml", False)])
def test_values_may_be_in_a_folder_of_their_own(run: Run, tmp_path: Path, path: str, read: bool) -> None:
    (tmp_path / "a" / "values").mkdir(parents=True)
    (tmp_path / "a" / path).write_text("name: a\n")
    (tmp_path / "a" / "values" / "web.yaml").write_text("image: {repository: node, tag: '24'}\n")
    found = json.loads(run("inventory", "--output-format", "json").stdout)["references"]
    assert [(one["raw"], one["state"]) for one in found] == [("node", "needs-person")] * read


BUILDS = """\
jobs:
  a:
    steps:
      - uses: docker/build-push-action@v6
        with: {file: "FILE", platforms: "linux/amd64,linux/arm/v7"}
"""

NEARBY = {
    "a build argument in a Makefile": ("argument-given", {"Makefile": "x:\n\tdocker build --build-arg V=20 .\n"}),
    "build arguments of a workflow": (
        "argument-given",
        {".github/workflows/x.yml": "jobs: {a: {steps: [{uses: a/b, with: {build-args: V=20}}]}}\n"},
    ),
    "a build argument of skaffold": (
        "argument-given",
        {"skaffold.yaml": "build:\n  artifacts:\n    - docker:\n        buildArgs:\n          A: x\n          V: 20\n"},
    ),
    "build arguments of skaffold in one line": (
        "argument-given",
        {"skaffold.yaml": "build: {artifacts: [{image: a, docker: {buildArgs: {A: x, V: '20'}}}]}\n"},
    ),
    "a build argument in a list": (
        "argument-given",
        {"cloudbuild.yaml": "steps:\n- name: docker\n  args:\n  - build\n  - '--build-arg'\n  - 'V=20'\n"},
    ),
    "an argument on the next line of a command": (
        "argument-given",
        {"build.sh": "docker build --build-arg \\\n  V=20 .\n"},
    ),
    "an argument with the value of the environment": ("argument-given", {"build.sh": "docker build --build-arg V .\n"}),
    "an argument of compose": (
        "argument-given",
        {"compose.yaml": "services: {a: {build: {context: app, args: {V: 20}}}}\n"},
    ),
    "an argument of compose by .env": (
        "argument-given",
        {"compose.yaml": "services:\n  a:\n    build:\n      context: app\n      args: [V]\n", ".env": "V=20\n"},
    ),
    "an argument in an override": (
        "argument-given",
        {"compose.override.yaml": "services: {a: {build: {args: [V=20]}}}\n"},
    ),
    "an argument of compose under another name": (
        "argument-given",
        {"stack.yml": "services: {a: {build: {context: app, args: {V: '${V:-20}'}}}}\n"},
    ),
    "an argument of a dev container": (
        "argument-given",
        {".devcontainer/devcontainer.json": '{"build": {"dockerfile": "../app/Dockerfile", "args": {"V": "20"}}}\n'},
    ),
    "an argument of bake in JSON": (
        "argument-given",
        {"docker-bake.json": '{"target": {"a": {"context": "app", "args": {"V": "20"}}}}\n'},
    ),
    "an argument of bake in HCL": (
        "argument-given",
        {"docker-bake.hcl": 'target "a" {\n  context = "app"\n  args = { V = "20" }\n}\n'},
    ),
    "an argument set over bake": ("argument-given", {"build.sh": "docker buildx bake --set '*.args.V=20'\n"}),
    "arguments of a provider": (
        "argument-given",
        {"main.tf": 'resource "docker_image" "a" {\n  build {\n    build_args = { V = "20" }\n  }\n}\n'},
    ),
    "arguments of a client": ("argument-given", {"b.py": 'images.build(path="app", buildargs={"V": "20"})\n'}),
    "an argument in code": ("argument-given", {"b.js": "run(['build', '--build-arg', `V=${v}`, '.'])\n"}),
    "a provider's argument by a variable": (
        "argument-given",
        {"main.tf": 'resource "docker_image" "a" {\n  build_args = { V = "${lookup(var.v, "a")}" }\n}\n'},
    ),
    "a client's argument by the environment": (
        "argument-given",
        {"b.py": 'docker.build(buildargs={"A": f"{v}", "V": os.environ["V"]})\n'},
    ),
    "arguments of a call": ("argument-given", {"b.js": "docker.buildArgs({ V: `${v}` })\n"}),
    "arguments of a call of another kind": ("", {"b.js": "const a = buildArgs({ V: 3 })\n"}),
    "an argument that a comment speaks of": ("", {"build.sh": "# docker build --build-arg V=20 .\n"}),
    "the default as an argument of a command": ("", {"build.sh": "docker build --build-arg V=22 .\n"}),
    "the default with more behind it": ("argument-given", {"build.sh": "docker build --build-arg V=22$X .\n"}),
    "the default as an argument of compose": (
        "",
        {"compose.yaml": "services: {a: {build: {context: app, args: {V: '22'}}}}\n"},
    ),
    "an argument for another Dockerfile": (
        "",
        {"compose.yaml": "services: {a: {build: {context: b, args: {V: 20}}}}\n", "b/Dockerfile": "FROM scratch\n"},
    ),
    "an argument without a value in bake": (
        "",
        {"docker-bake.json": '{"target": {"a": {"context": "app", "args": {"V": null}}}}\n'},
    ),
    "an image that a script builds": ("build-result", {"build.sh": "docker build -q -t node:22 .\n"}),
    "an image that skaffold builds": (
        "build-result",
        {"skaffold.yaml": "build:\n  artifacts:\n    - image: node:22\n"},
    ),
    "a rare platform of a workflow": (
        "platform",
        {".github/workflows/x.yml": "jobs: {a: {steps: [{with: {platforms: 'linux/amd64,linux/arm/v7'}}]}}\n"},
    ),
    "a rare platform of a script": ("platform", {"build.sh": "docker buildx build --platform linux/s390x .\n"}),
    "a rare platform that a script asks for": (
        "",
        {"b.sh": 'docker build .\ncase "$PLATFORM" in\n  linux/arm64|linux/386) x ;;\n  (linux/arm/v7) y ;;\nesac\n'},
    ),
    "a rare platform that a script asks for, beside one that is written": (
        "",
        {"b.sh": "docker build --platform=linux/amd64 .\ncase $1 in\n  linux/386) x ;;\nesac\n"},
    ),
    "a rare platform that a script asks for, and may build for": (
        "platform",
        {"b.sh": 'case "$1" in\n  linux/386) x ;;\nesac\ndocker build --platform "$1" .\n'},
    ),
    "a rare platform that a script asks for, and may build for by a variable": (
        "platform",
        {"b.sh": "export DOCKER_DEFAULT_PLATFORM=$1\ncase $1 in\n  linux/386) x ;;\nesac\ndocker build .\n"},
    ),
    "a rare platform that a script asks for, and whoever calls it may have set": (
        "platform",
        {"b.sh": 'case "$DOCKER_DEFAULT_PLATFORM" in\n  linux/386) x ;;\nesac\ndocker build .\n'},
    ),
    "a rare platform that a script asks for, and may build for beside another": (
        "platform",
        {"b.sh": "docker build --platform linux/amd64,$1 .\ncase $1 in\n  linux/386) x ;;\nesac\n"},
    ),
    "a rare platform that a workflow asks for, and may build for": (
        "platform",
        {
            ".github/workflows/x.yml": "jobs:\n  a:\n    steps:\n    - run: |\n        case ${{ inputs.p }} in\n"
            "          linux/386) x ;;\n        esac\n    - uses: docker/build-push-action@v6\n"
            "      with:\n        platforms: ${{ inputs.p }}\n"
        },
    ),
    "a rare platform that a Dockerfile asks for": (
        "",
        {
            "Dockerfile": "FROM --platform=$BUILDPLATFORM alpine\nARG TARGETPLATFORM\n"
            "RUN <<E\ncase $TARGETPLATFORM in\n  linux/386) x ;;\nesac\nE\n"
        },
    ),
    "a rare platform in a list of a script": (
        "platform",
        {"b.sh": "case $1 in\n a) x ;;\nesac\nP=(linux/amd64\n  linux/386)\ndocker build --platform $P\n"},
    ),
    "a rare platform in a command on two lines": (
        "platform",
        {"b.sh": "x=$(docker build --platform \\\n  linux/arm/v7)\n"},
    ),
    "a rare platform behind a case": (
        "platform",
        {"b.sh": "case $1 in\n  a) docker build --platform linux/386 . ;;\nesac\n"},
    ),
    "a rare platform in a command that is filled in": (
        "platform",
        {"b.sh": "x=$(docker build --platform linux/386)\n"},
    ),
    "a rare platform of GoReleaser": (
        "platform",
        {".goreleaser.yml": "dockers_v2:\n- {dockerfile: app/Dockerfile, platforms: [linux/arm/v6]}\n"},
    ),
    "a rare platform of another Dockerfile of GoReleaser": (
        "",
        {
            ".goreleaser.yml": "dockers:\n- build_flag_templates: [--platform=linux/arm/v6]\n",
            "Dockerfile": "FROM scratch\n",
        },
    ),
    "a rare platform of GoReleaser, of a Dockerfile that is not there": (
        "platform",
        {".goreleaser.yml": "dockers_v2:\n- dockerfile: '{{ .X }}'\n  platforms: [linux/arm/v6]\n"},
    ),
    "a rare platform of a variable": ("platform", {"b.sh": "export DOCKER_DEFAULT_PLATFORM=linux/ppc64le\n"}),
    "a rare platform of a bake target": (
        "platform",
        {"docker-bake.hcl": 'target "a" {\n  context = "app"\n  platforms = ["linux/arm/v7"]\n}\n'},
    ),
    "a rare platform that a bake target inherits": (
        "platform",
        {
            "docker-bake.hcl": 'target "a" {\n  context = "b"\n  platforms = ["linux/arm/v7"]\n}\n'
            'target "c" {\n  inherits = ["a"]\n  context = "app"\n}\n'
        },
    ),
    "a rare platform of a bake variable": (
        "platform",
        {
            "docker-bake.hcl": 'variable "P" { default = ["linux/386"] }\n'
            'target "a" {\n  context = "b"\n  platforms = P\n}\n'
        },
    ),
    "a rare platform of another bake target": (
        "",
        {
            "docker-bake.hcl": 'target "a" {\n  context = "b"\n  platforms = ["linux/arm/v7"]\n}\n'
            'target "c" {\n  context = "app"\n}\n',
            "b/Dockerfile": "FROM scratch\n",
        },
    ),
    "a rare platform of a bake target below, of another file from the top": (
        "",
        {
            "docker/docker-bake.hcl": 'target "a" {\n  dockerfile = "b/x"\n  platforms = ["linux/386"]\n}\n',
            "b/x": "FROM scratch\n",
        },
    ),
    "a rare platform of a bake target below, of no file": (
        "platform",
        {"docker/docker-bake.hcl": 'target "a" {\n  dockerfile = "c/x"\n  platforms = ["linux/386"]\n}\n'},
    ),
    "a rare platform of a bake target in JSON of another file": (
        "",
        {
            "docker-bake.json": '{"target": {"a": {"dockerfile": "app/x", "platforms": ["linux/s390x"]}}}\n',
            "app/x": "FROM scratch\n",
        },
    ),
    "a rare platform of a service": (
        "platform",
        {"compose.yaml": "services: {a: {build: {context: app, platforms: [linux/arm/v6]}}}\n"},
    ),
    "a rare platform of another service": (
        "",
        {
            "compose.yaml": "services: {a: {build: b, platform: linux/arm/v6}, c: {build: app}}\n",
            "b/Dockerfile": "FROM scratch\n",
        },
    ),
    "a rare platform of an action's build": (
        "platform",
        {".github/workflows/x.yml": BUILDS.replace("FILE", "app/Dockerfile")},
    ),
    "a rare platform of an action's build of another file": (
        "",
        {".github/workflows/x.yml": BUILDS.replace("FILE", "b/Dockerfile"), "b/Dockerfile": "FROM scratch\n"},
    ),
    "a rare platform of an action's build of a matrix": (
        "platform",
        {".github/workflows/x.yml": BUILDS.replace("FILE", "${{ matrix.file }}"), "b/Dockerfile": "FROM scratch\n"},
    ),
    "a rare platform of a recipe for another file": (
        "",
        {
            "Makefile": "x:\n\tdocker buildx build \\\n\t\t--platform linux/arm/v7 \\\n\t\t--file b/Dockerfile .\n",
            "b/Dockerfile": "FROM scratch\n",
        },
    ),
    "a rare platform of a script for this file": (
        "platform",
        {"build.sh": "docker buildx build -f app/Dockerfile --platform linux/386,linux/amd64 .\n"},
    ),
    "a rare platform for all targets of a bake file": (
        "platform",
        {
            "build.sh": "docker buildx bake -f docker-bake.hcl --set *.platform=linux/386\n",
            "docker-bake.hcl": 'target "a" { context = "app" }\n',
        },
    ),
    "a rare platform of a script for a variable": (
        "platform",
        {"build.sh": "docker buildx build -f $F --platform linux/386,linux/amd64 .\n"},
    ),
    "common platforms": ("", {"build.sh": "docker buildx build --platform linux/amd64,linux/arm64 .\n"}),
    "the name in a variable of a script": (
        "build-result",
        {"build.sh": 'IMAGE="node:22"\ndocker build -t "$IMAGE" .\n'},
    ),
    "the name in a variable of make": (
        "build-result",
        {"Makefile": "TAG ?= node:22\nx:\n\tdocker build --tag $(TAG) .\n"},
    ),
    "the name of another variable": ("", {"build.sh": 'OTHER="node:22"\ndocker build -t "$IMAGE" .\n'}),
    "another name for an image": ("build-result", {"build.sh": "docker tag app node:22 && docker push app\n"}),
    "an image that a name is given to": ("", {"build.sh": "docker tag node:22 app\n"}),
    "another name that a comment speaks of": ("", {"build.sh": "# docker pull x && docker tag x node:22\n"}),
    "another name behind a command": ("", {"build.sh": "set -e  # docker tag x node:22\n"}),
    "another name that is printed": ("", {"Makefile": "a:\n\t@echo docker tag x node:22\n"}),
    "another name after a line that is printed": (
        "build-result",
        {"build.sh": "echo 'issue #1' && docker tag x node:22\n"},
    ),
    "a container that becomes an image": ("build-result", {"build.sh": "podman container commit app node:22\n"}),
    "an archive that becomes an image": ("build-result", {"build.sh": "cat x.tar | docker import - 'node:22'\n"}),
    "the name of a build's output": (
        "build-result",
        {"build.sh": "docker buildx build -o type=docker,dest=x,name=node:22 .\n"},
    ),
    "an image that a script tags, with a comment": ("build-result", {"build.sh": "docker tag a node:22 # last\n"}),
    "an image that a script tags in braces": (
        "build-result",
        {"build.sh": "(docker build . && docker tag a node:22)\n"},
    ),
    "another argument, and another image": ("", {"build.sh": "docker build --build-arg W=1 -t node:23 .\n"}),
}


@pytest.mark.parametrize(
    "text",
    [
        "ARG V=3.12\nARG BASE=python:${V}\nFROM ${BASE}\nFROM debian:12\nARG BASE=other\n",
        'ARG W=1 V=3.12 \\\n  BASE="python:${V}"\nFROM ${BASE}\n',
        "ARG V=3.12\nARG U=$V\nARG BASE=python:$U\nFROM $BASE\n" + "ARG A=1\n" * 300,
    ],
)
def test_an_argument_within_the_default_of_another_is_asked_for(run: Run, tmp_path: Path, text: str) -> None:
    (tmp_path / "build.sh").write_text("docker build --build-arg V=3.9 .\n")
    (tmp_path / "Dockerfile").write_text(text)
    one, *_ = json.loads(run("inventory", "--output-format", "json", "Dockerfile").stdout)["references"]
    assert [reason["id"] for reason in one["reasons"]] == ["argument-given"]


@pytest.mark.parametrize("kind", NEARBY)
def test_what_builds_nearby_set_and_make_is_asked_for(run: Run, tmp_path: Path, kind: str) -> None:
    why, others = NEARBY[kind]
    (tmp_path / ".git").mkdir()
    for name, text in {"app/Dockerfile": "ARG V=22\nFROM node:$V\n", **others}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    listed = json.loads(run("inventory", "--output-format", "json", "app/Dockerfile").stdout)["references"]
    assert [[reason["id"] for reason in one["reasons"]] for one in listed] == [[why] if why else []]


@pytest.mark.parametrize(
    ("run_step", "state"),
    [
        ('IMAGE="ghcr.io/${{ env.NAME }}:x"\n      docker run --rm "$IMAGE" true', "first-party"),
        ('IMAGE="ghcr.io/${{ env.NAME }}:${{ github.sha }}"\n      docker run --rm "$IMAGE" true', "first-party"),
        ("docker run ghcr.io/${{ github.repository }}/x:1 ls", "first-party"),
        ('IMAGE="quay.io/${{ env.NAME }}:x"\n      docker run --rm "$IMAGE" true', "needs-person"),
        ('IMAGE="ghcr.io/${{ env.OTHER }}:x"\n      docker run --rm "$IMAGE" true', "needs-person"),
        ('IMAGE="node:${{ env.V }}"\n      docker run --rm "$IMAGE" true', "needs-person"),
        ('IMAGE="${{ env.BASE }}:22"\n      docker run --rm "$IMAGE" true', "needs-person"),
    ],
)
def test_a_variable_of_a_step_that_holds_what_the_workflow_builds(
    run: Run, tmp_path: Path, run_step: str, state: str
) -> None:
    (tmp_path / ".github" / "workflows").mkdir(parents=True)
    (tmp_path / ".github" / "workflows" / "a.yml").write_text(
        "on: push\nenv:\n  NAME: acme/web\n  BASE: node\n  V: 22\njobs:\n a:\n  steps:\n"
        "  - uses: docker/build-push-action@v6\n    with: {tags: 'ghcr.io/${{ env.NAME }}:${{ github.sha }}'}\n"
        f"  - run: |\n      {run_step}\n"
    )
    (one,) = json.loads(run("inventory", "--output-format", "json", "--logins", "github").stdout)["references"]
    assert (one["state"], "_" in (one["resolved"] or "")) == (state, False)


CROSS = r"""PLATFORMS ?= linux/arm64,linux/s390x # s390x too
.PHONY: docker-buildx
docker-buildx: ## Build for cross-platform support
	# copy the Dockerfile and insert --platform=${BUILDPLATFORM}
	sed -e '1 s/\(^FROM\)/FROM --platform=\$$\{BUILDPLATFORM\}/; t' -e ' 1,// s//FROM --platform=\$$\{BUILDPLATFORM\}/' Dockerfile > Dockerfile.cross
	- $(DOCKER) buildx build --push --platform=$(PLATFORMS) --tag ${IMG} -f Dockerfile.cross .
	rm Dockerfile.cross
"""  # noqa: E501 - as Kubebuilder writes it


@pytest.mark.parametrize(
    ("more", "first"),
    [
        ("", []),
        ("IMG ?= controller:latest\nx:\n\tdocker build -t ${IMG} .\n", []),
        ("y:\n\tdocker buildx build --platform=$(PLATFORMS) .\n", ["platform"]),
        ("y:\n\tdocker buildx build --platform=$(PLATFORMS) -f other/Dockerfile .\n", ["platform"]),
        ("export PLATFORMS\n", ["platform"]),
        ("export DOCKER_DEFAULT_PLATFORM=linux/s390x\n", ["platform"]),
        ("y:\n\tDOCKER_DEFAULT_PLATFORM=linux/s390x docker build .\n", ["platform"]),
        (
            "y:\n\tsed 1,// s//FROM --platform=BUILDPLATFORM x > y && docker build --platform=linux/s390x .\n",
            ["platform"],
        ),
    ],
)
def test_the_first_stage_is_the_builders_where_a_dockerfile_is_made_so(
    run: Run, tmp_path: Path, more: str, first: list[str]
) -> None:
    (tmp_path / "Makefile").write_text(CROSS + more)
    for name in ("Dockerfile", "Dockerfile.debug"):
        (tmp_path / name).write_text("FROM node:22 AS builder\nFROM python:3.12\n")
    found = [
        [
            [reason["id"] for reason in one["reasons"]]
            for one in json.loads(run("inventory", "--output-format", "json", name).stdout)["references"]
        ]
        for name in ("Dockerfile", "Dockerfile.debug")
    ]
    assert found == [[first, ["platform"]], [["platform"], ["platform"]]]


@pytest.mark.parametrize(
    ("built", "named", "state"),
    [
        ({"Makefile": "image:\n\tdocker build -t dgraph/dgraph:local .\n"}, "dgraph/dgraph:local", "first-party"),
        ({"hack/pack.sh": "docker buildx build --tag=umbrella/tool:dev .\n"}, "umbrella/tool:dev", "first-party"),
        (
            {"Makefile": "NAME := umbrella/tool\nx:\n\tdocker build -t $(NAME) .\n"},
            "docker.io/umbrella/tool:latest",
            "first-party",
        ),
        ({"Makefile": "image:\n\tdocker build -t dgraph/dgraph:local .\n"}, "dgraph/dgraph:v24", "no-replacement"),
        ({"Makefile": "image:\n\tdocker build -t dgraph/dgraph .\n"}, "dgraph/dgraph:local", "no-replacement"),
        ({"Makefile": "x:\n\tdocker build -t web .\n"}, "registry.example.com/shop/web:1.2", "of its name"),
        ({"compose.yaml": "services: {a: {build: ., image: shop/web}}\n"}, "ghcr.io/store/web", "of its name"),
        ({"docker-bake.hcl": 'target "a" {\n  tags = ["shop/web:1"]\n}\n'}, "ghcr.io/store/web", "of its name"),
        ({"Makefile": "x:\n\tdocker build -t shop/web .\n"}, "ghcr.io/shop/web-tools:1", "no-replacement"),
        ({"Makefile": "x:\n\tdocker build -t shop/node .\n"}, "node:22", "migrate"),
        ({"other/Makefile": "x:\n\tdocker build -t umbrella/tool:dev .\n"}, "umbrella/tool:dev", "first-party"),
        ({"other/Makefile": "x:\n\tdocker build -t umbrella/tool:dev .\n"}, "umbrella/toolbox:dev", "first-party"),
        ({"Makefile": "image:\n\tdocker build -t node:22 .\n"}, "node:22", "needs-person"),
    ],
)
@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("systest/ha/compose.yaml", "services: {a: {image: '%s'}}\n"),
        ("systest/Dockerfile", "FROM %s\n"),
        ("deploy/base/pod.yaml", "{apiVersion: v1, kind: Pod, spec: {containers: [{name: a, image: '%s'}]}}\n"),
    ],
)
def test_an_image_that_a_folder_above_builds_is_first_party(
    run: Run, tmp_path: Path, built: dict[str, str], named: str, state: str, path: str, text: str
) -> None:
    (tmp_path / ".git").mkdir()
    for name, content in {path: text % named, **built}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    if state == "of its name":  # a Dockerfile builds on what it is named for
        state = "no-replacement" if path.endswith("Dockerfile") else "first-party"
    logins = ("--logins", "kubernetes")
    listed = json.loads(run("inventory", "--output-format", "json", *logins, path).stdout)["references"]
    assert [one["state"] for one in listed] == [state]


META = "uses: docker/metadata-action@v5\n    with: {images: 'ghcr.io/%s'}"
PUSHED = "uses: docker/build-push-action@v6\n    with: {push: true, tags: 'ghcr.io/%s:main'}"
REPOSITORY = "${{ github.repository }}"


@pytest.mark.parametrize(
    ("step", "named", "own"),
    [
        (META % f"{REPOSITORY}/web-app", "ghcr.io/acme/shop/web-app:1.2", True),
        (META % f"{REPOSITORY}/web-app", "ghcr.io/acme/shop/other:1.2", False),
        (META % f"{REPOSITORY}/web-app", "ghcr.io/acme/web-app:1.2", True),
        (META % f"{REPOSITORY}/web-app", "quay.io/acme/shop/web-app:1.2", True),
        (PUSHED % f"{REPOSITORY}/web-app", "ghcr.io/acme/shop/web-app:main", True),
        (PUSHED % f"{REPOSITORY}-web", "ghcr.io/acme/shop-web:main", False),
        (META % "${{ env.IMAGE_NAME }}/web-app", "ghcr.io/acme/shop/web-app", True),
        (META % "${{ env.IMAGE_NAME }}", "ghcr.io/acme/shop:1", True),
        (META % REPOSITORY, "ghcr.io/acme/shop:1", True),
        (META % REPOSITORY, "ghcr.io/astral-sh/uv:1.2", False),
        (META % "${{ github.repository_owner }}/web", "ghcr.io/acme/web:1", True),
        (META % "${{ github.repository_owner }}/web", "ghcr.io/astral-sh/uv:1.2", False),
        (META % "${{ inputs.project }}/web", "ghcr.io/acme/shop/web:1", True),
        ("run: docker build -t ghcr.io/$GITHUB_REPOSITORY/web .", "ghcr.io/acme/shop/web:1", True),
        ("run: docker build -t $CI_REGISTRY_IMAGE/web .", "registry.gitlab.com/acme/shop/web:1", True),
        ("run: docker build -t $CI_REGISTRY_IMAGE .", "registry.gitlab.com/acme/shop:1", True),
        ("run: docker build -t $CI_REGISTRY_IMAGE .", "registry.gitlab.com/acme/tool:1", False),
    ],
)
def test_a_name_with_that_of_the_repository_is_its_own(
    run: Run, tmp_path: Path, step: str, named: str, own: bool
) -> None:
    tree = tmp_path / "shop"
    workflow = f"name: build\non: push\nenv:\n  IMAGE_NAME: {REPOSITORY}\njobs:\n a:\n  steps:\n  - {step}\n"
    manifest = f"{{apiVersion: v1, kind: Pod, spec: {{containers: [{{name: a, image: '{named}'}}]}}}}\n"
    for name, content in {".github/workflows/b.yml": workflow, "k8s/pod.yaml": manifest, ".git/config": ""}.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(content)
    (one,) = json.loads(run("inventory", "--output-format", "json", "shop/k8s").stdout)["references"]
    assert one["state"] == ("first-party" if own else "no-replacement")


@pytest.mark.parametrize(
    ("used", "others", "found"),
    [
        ("$(BASE)", {"common.mk": "BASE ?= debian:11-slim\n"}, "debian:11-slim"),
        (
            "${BASE}",
            {"common.mk": "include deep/more.mk\n", "deep/more.mk": "BASE := $(A)/python:3\nA=docker.io\n"},
            "",
        ),
        (
            "$(BASE):3.12",
            {"common.mk": "BASE = ${HUB}/python\nHUB = docker.io/library\n"},
            "docker.io/library/python:3.12",
        ),
        ('"$(BASE)"', {"common.mk": "BASE = debian:11\nBASE = debian:12\n"}, None),
        ('"$(BASE)"', {"common.mk": "BASE = $(BASE)\n"}, None),
        ('"$(OWN)"', {"common.mk": "OWN = debian:11\n"}, None),
        ('"$(BASE)"', {"../common.mk": "BASE = debian:11\n"}, None),
    ],
)
def test_an_image_in_a_variable_of_an_included_makefile(
    run: Run, tmp_path: Path, used: str, others: dict[str, str], found: str | None
) -> None:
    """Without a value of its own that is certain, it is listed by its variable."""
    top = tmp_path / "top"
    (top / ".git").mkdir(parents=True)
    text = f"include common.mk\n-include ../common.mk\nOWN = $(shell ./name)\nrun:\n\tdocker run --rm {used} true\n"
    for name, content in {"Makefile": text, **others}.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(content)
    (listed,) = json.loads(run("inventory", "--output-format", "json", "top/Makefile").stdout)["references"]
    assert (listed["state"], listed["line"]) == ("needs-person", 5)
    expected = "docker.io/python:3" if found == "" else found or used.strip('"')
    assert listed["resolved"] == expected
    assert [reason["id"] for reason in listed["reasons"]] != ["set-elsewhere"] or found is not None


def test_options_in_a_variable_of_an_included_makefile_are_no_image(run: Run, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "common.mk").write_text("A = --rm\nB = $(C)\nD = $(A)\n")
    (tmp_path / "Makefile").write_text(
        "include common.mk\na:\n" + "".join(f"\tdocker run $({name}) node:22\n" for name in "ABD")
    )
    listed = json.loads(run("inventory", "--output-format", "json", "Makefile").stdout)["references"]
    assert [one["resolved"] for one in listed] == ["node:22"] * 3


@pytest.mark.parametrize(
    ("own", "other", "moves"),
    [
        ("Q = @", "Q = @ssh host", False),
        ("Q = @", "Q = @ssh $(HOST)", False),
        ("Q = @", "Q += ssh", False),
        ("Q = @", "Q = -\nQ = ssh host", False),
        ("Q = ssh host", "Q = @", False),
        ("Q = @", "Q =", True),
        ("Q = @", "P = ssh host", True),
        ("", "Q = $(P)\nP = @", True),
        ("Q = docker\nrun:\n\t$(Q) run node:22\nP = @", "Q = $(X) docker", False),
    ],
)
def test_what_an_included_makefile_sets_too_is_heeded(
    run: Run, tmp_path: Path, own: str, other: str, moves: bool
) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "other.mk").write_text(f"{other}\n")
    used = own if "run:" in own else f"{own}\nrun:\n\t$(Q) docker run --rm node:22"
    (tmp_path / "Makefile").write_text(f"{used}\ninclude other.mk\n")
    assert ("+" in run("fix", "--diff", "Makefile").stdout.decode()) == moves


def test_a_default_is_not_written_into_where_a_build_gives_another_value(run: Run, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("ARG V=22\nFROM node:$V AS b\nRUN npm ci\nFROM scratch\nCOPY --from=b /a /a\n")
    fixed = run("fix", "--diff", "--provider", "docker", ".").stdout.decode()
    assert "+ARG V=22-dev\n+FROM dhi.io/node:$V AS b\n" in fixed
    (tmp_path / "compose.yaml").write_text(
        "services:\n  a:\n    build:\n      context: .\n      args:\n        V: 22\n"
    )
    assert "+" not in run("fix", "--diff", "--provider", "docker", ".").stdout.decode()
    shown = run("check", "--provider", "docker", ".").stdout.decode()
    assert "compose.yaml:6 sets ARG V" in " ".join(shown.split())


def test_a_default_that_is_a_whole_image_moves_beside_one_that_a_build_gives(run: Run, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("ARG BASE=python:3.12\nFROM ${BASE}\n")
    (tmp_path / "compose.yaml").write_text("services: {a: {build: {context: ., args: {BASE: 'python:3.13'}}}}\n")
    fixed = run("fix", "--diff", ".").stdout.decode()
    assert "+ARG BASE=reg.echohq.com/python:3.12\n" in fixed
    assert "BASE: 'reg.echohq.com/python:3.13'" in fixed


@pytest.mark.parametrize(
    ("path", "readme", "safe"),
    [
        ("Dockerfile", "# Shop\n\nA template engine and its starter page.\n", True),
        ("Dockerfile", "# Notification template service\n", True),
        ("app/Dockerfile", "[![x](y)](z)\n# Django starter kit\n", False),
        ("Dockerfile", "# Boilerplate for services in Go\n", False),
        ("Dockerfile", "# Shop\n\n[Use this template](https://github.com/a/b/generate)\n", False),
        ("Dockerfile", "# Shop\n\nUse this template\n\n## Synchronization with Template\n", True),
        ("Dockerfile beside .copier-answers.yml", "# Django starter kit\n", True),
        ("Dockerfile beside .cruft.json", "# Django starter kit\n", True),
        ("Dockerfile beside .github/workflows/template-sync.yml", "# Shop\n\nUse this template\n", True),
        ("Dockerfile beside .github/workflows/template-sync.yml", "# PHP service template\n", False),
        ("Dockerfile beside .templatesyncignore", "# Shop\n\nUse this template\n", True),
        ("Dockerfile beside .github/workflows/sync.yml", "# Shop\n\nUse this template\n", False),
        ("{{cookiecutter.name}}/Dockerfile", "# Shop\n", False),
        ("cli/templates/Dockerfile beside cli/templates/{{name}}", "# Shop\n", False),
        ("cli/templates/web/Dockerfile beside cli/templates/api/{{name}}", "# Shop\n", False),
        ("cli/templates/api/Dockerfile", "# Shop\n", True),
        ("skeleton/Dockerfile", "# Shop\n", True),
        ("api-starter/Dockerfile", "# Shop\n", False),
        ("Dockerfile", "# email-template-service\n", True),
        ("Dockerfile", "# Go template - services\n", False),
        ("go/Dockerfile", "# docker-templates\n", False),
        ("Dockerfile", "# acme_mt\n\nA FastAPI starter **template**: clone it, brand it, ship it.\n", False),
        ("Dockerfile", "# Acme\n\n**Full-Stack Starter Kit for Founders**\n", False),
        ("Dockerfile", "# Shop\n\nThis shop was made from a Django starter template.\n", True),
        ("Dockerfile", "# Shop\n\nA shop with a project template editor.\n", True),
        ("Dockerfile", "# Shop\n\nThis shop uses the Django starter kit.\n", True),
        ("Dockerfile", "# Plans\n\n- Project templates\n- [Starter kit](#starter-kit)\n\n## Starter kit\n", True),
        ("Dockerfile", "# Plans\n\nManage project templates for your team\n", True),
        ("Dockerfile", "# Plans\n\nA project template generator for teams\n", True),
        ("Dockerfile", "# Radio\n\n![starter kit](a.png)\n\nSmart radio starter kit dashboard.\n", True),
        ("Dockerfile", "# Shop\n\n**Starter template:** https://example.com/a\n", True),
        ("Dockerfile", "# Shop\n\nA boilerplate-free web server.\n", True),
        ("Dockerfile", "# Shop\n\nThis is a small boilerplate for services.\n", False),
        ("Dockerfile", "# acme\n\n[acme](https://example.com) is a skeleton application that has it all.\n", False),
        ("Dockerfile", "# acme\r\n\r\n> This repository serves as a template for new services.\r\n", False),
        ("Dockerfile", "<h1 align='center'>\n  <b>Shop Template</b>\n</h1>\n", False),
        ("Dockerfile", "# Django template [![build](b.svg)](c)\n", False),
        ("examples/api/Dockerfile", "# Shop\n", True),
        (
            "Dockerfile",
            "# Shop\n\n[Nest](https://github.com/nestjs/nest) framework TypeScript starter repository.\n",
            True,
        ),
        ("Dockerfile", "# Astro Starter Kit: Basics\n\nRun `npm create astro@latest`.\n", True),
        ("Dockerfile", "# Nuxt Minimal Starter\n", True),
        ("Dockerfile", "# `Turborepo` Docker starter\n\nThis is an official starter.\n", True),
        ("Dockerfile", "# Payload Blank Template\n", True),
        ("Dockerfile", "<h1 align='center'>\n  Gatsby's default starter\n</h1>\n", True),
        ("Dockerfile", "# Svelte app\n\nThis is a project template for [Svelte](https://svelte.dev) apps.\n", True),
        ("Dockerfile", "# Shop\n\nThis template should help get you started with Vue 3 in Vite.\n", True),
        (
            "Dockerfile",
            "# Shop\n\nThis is a [Next.js](https://nextjs.org) project bootstrapped with `create-next-app`.\n",
            True,
        ),
        ("Dockerfile", "# Shop\n\n[Kit](https://github.com/acme/kit) is a starter kit that we took parts of.\n", True),
        ("Dockerfile", "# Shop\n\n[Nest](https://github.com/nestjs/nest) starter repository with Redis.\n", False),
        ("Dockerfile", "# Nuxt Minimal Starter\n\nA starter template for shops.\n", False),
    ],
)
def test_what_users_of_a_template_get_needs_review(
    run: Run, tmp_path: Path, path: str, readme: str, safe: bool
) -> None:
    (tmp_path / "README.md").write_text(readme)
    path, _, beside = path.partition(" beside ")
    for folder in (tmp_path / beside, (tmp_path / path).parent):
        folder.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text("FROM node:22\n")
    (one,) = json.loads(run("inventory", "--output-format", "json").stdout)["references"]
    assert (one["state"], [reason["id"] for reason in one["reasons"]]) == (
        ("migrate", []) if safe else ("needs-person", ["project-template"])
    )


@pytest.mark.parametrize(("remote", "state"), [("acme/kit", "needs-person"), ("acme/shop", "migrate")])
def test_a_template_is_known_by_the_name_of_its_remote(run: Run, tmp_path: Path, remote: str, state: str) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text(f'[remote "origin"]\n\turl = https://github.com/{remote}.git\n')
    (tmp_path / "README.md").write_text("# Kit\n\n[Kit](https://github.com/acme/kit) is a starter kit for shops.\n")
    (tmp_path / "Dockerfile").write_text("FROM node:22\n")
    (one,) = json.loads(run("inventory", "--output-format", "json").stdout)["references"]
    assert one["state"] == state


@pytest.mark.parametrize(
    ("remote", "of", "state"),
    [
        ("acme/kit", "acme/kit", "needs-person"),
        ("acme/shop", "acme/kit", "migrate"),
        ("acme/shop", "acme/Next.js-Starter.svg", "migrate"),
        ("acme/next.js-starter", "acme/Next.js-Starter", "needs-person"),
        ("acme/api-template", "fastapi/fastapi", "needs-person"),
    ],
)
def test_a_readme_whose_badges_are_of_another_template_is_inherited(
    run: Run, tmp_path: Path, remote: str, of: str, state: str
) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text(f'[remote "origin"]\n\turl = https://github.com/{remote}.git\n')
    (tmp_path / "README.md").write_text(
        f"[![Stars](https://img.shields.io/github/stars/{of})](/../../stargazers)\n\n# Kit template\n"
    )
    (tmp_path / "Dockerfile").write_text("FROM node:22\n")
    (one,) = json.loads(run("inventory", "--output-format", "json").stdout)["references"]
    assert one["state"] == state


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("compose.yaml", "services: {a: {image: 'node:22'}}\n"),
        ("scripts/t.sh", "docker run node:22 true\n"),
        ("Makefile", "t:\n\tdocker run node:22 true\n"),
        ("t.py", "import docker\ndocker.from_env().containers.run('node:22', 'true')\n"),
    ],
)
def test_jobs_need_a_login_for_what_lies_in_a_folder_of_ci(run: Run, tmp_path: Path, name: str, text: str) -> None:
    for path in (tmp_path / ".github" / name, tmp_path / "dev" / name):
        path.parent.mkdir(parents=True)
        path.write_text(text)
    found = [
        [(one["state"], [reason["id"] for reason in one["reasons"]]) for one in json.loads(done.stdout)["references"]]
        for done in (
            run("inventory", "--output-format", "json"),
            run("inventory", "--output-format", "json", "--logins", "github"),
        )
    ]
    assert found == [[("needs-person", ["login-ci"]), ("migrate", [])], [("migrate", []), ("migrate", [])]]


@pytest.mark.parametrize(
    ("step", "safe"),
    [
        ("run: ./ci/smoke.sh", False),
        ("run: bash -eux ci/smoke.sh", False),
        ("run: |\n      cd ci\n      sudo ./smoke.sh --all", False),
        ("run: if true; then source $GITHUB_WORKSPACE/ci/smoke.sh; fi", False),
        ("run: ${{ github.workspace }}/ci/smoke.sh", False),
        ("run: ./smoke.sh\n    working-directory: ci", False),
        ("run: docker login reg.echohq.com -u u --password-stdin && ci/smoke.sh", True),
        ("run: ci/smoke.sh && docker login reg.echohq.com -u u --password-stdin", False),
        ("uses: docker/login-action@v3\n    with:\n      registry: reg.echohq.com\n  - run: ci/smoke.sh", True),
        ("uses: docker/login-action@v3\n    with:\n      registry: ghcr.io\n  - run: ci/smoke.sh", False),
        ("run: |\n      docker login reg.echohq.com\n      ci/smoke.sh\n b:\n  steps:\n  - run: ci/smoke.sh", False),
        ("run: ./smoke.sh", False),
        ("run: ./other/smoke.sh", True),
        ("run: shellcheck ci/smoke.sh", True),
        ("run: echo ci/smoke.sh", True),
        ("run: ci/smoke.sh\n    shell: python", True),
    ],
)
def test_jobs_need_a_login_for_what_a_script_pulls_that_a_workflow_calls(
    run: Run, tmp_path: Path, step: str, safe: bool
) -> None:
    (tmp_path / ".github" / "workflows").mkdir(parents=True)
    (tmp_path / "ci").mkdir()
    (tmp_path / "ci" / "smoke.sh").write_text("docker run node:22 true\n")
    workflow = tmp_path / ".github" / "workflows" / "test.yml"
    workflow.write_text(f"on: push\njobs:\n a:\n  runs-on: ubuntu-24.04\n  steps:\n  - {step}\n")
    for arguments, settled in ([], safe), (["--logins", "github"], True):
        (one,) = json.loads(run("inventory", "--output-format", "json", *arguments).stdout)["references"]
        found = (one["state"], [reason["id"] for reason in one["reasons"]])
        assert found == (("migrate", []) if settled else ("needs-person", ["login-ci"]))


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("bash ci/smoke.sh\n", False),
        ('. "$(dirname "$0")/smoke.sh"\nci/all.sh\n', False),
        ('"$(cd "$(dirname "$0")/.." && pwd)/ci/smoke.sh" --all\n', False),
        ("echo ci/smoke.sh\n", True),
    ],
)
def test_jobs_need_a_login_for_what_the_scripts_of_a_script_pull(
    run: Run, tmp_path: Path, text: str, safe: bool
) -> None:
    workflow = "on: push\njobs: {a: {steps: [{run: ci/all.sh}]}}\n"
    texts = {".github/workflows/t.yml": workflow, "ci/all.sh": text, "ci/smoke.sh": "docker run node:22 true\n"}
    for name, content in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    (one,) = json.loads(run("inventory", "--output-format", "json").stdout)["references"]
    assert [reason["id"] for reason in one["reasons"]] == ([] if safe else ["login-ci"])


LOGIN = "docker login reg.echohq.com"
COMPOSITE = "runs:\n  steps:\n  - {run: ci/smoke.sh, shell: bash}\n"
STEP = "on: push\njobs: {a: {steps: [{run: %s}]}}\n"
FLOW = ".github/workflows/t.yml"
RECIPES = "all: test\n\ntest: | up\n\t@$(MAKE) -s smoke\nsmoke:\n\t./ci/smoke.sh\nother:\n\tci/other.sh\n"


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        ({".github/actions/a/action.yml": COMPOSITE}, "github"),
        ({".gitlab-ci.yml": "a: {script: [ci/smoke.sh]}\n"}, "gitlab"),
        ({".circleci/config.yml": "jobs: {a: {steps: [{run: {command: bash ci/smoke.sh}}]}}\n"}, "ci"),
        ({".gitlab-ci.yml": "a: {rules: [{changes: [ci/smoke.sh]}], script: [ls]}\n"}, ""),
        ({FLOW: STEP % "make smoke", "Makefile": RECIPES}, "github"),
        ({FLOW: STEP % "make", "Makefile": RECIPES}, "github"),
        ({FLOW: STEP % "make -j 4 -C . V=1 lint test", "Makefile": RECIPES}, "github"),
        ({FLOW: STEP % "make other", "Makefile": RECIPES}, ""),
        ({FLOW: STEP % "make -n smoke", "Makefile": RECIPES}, ""),
        ({FLOW: STEP % "'make ${{ matrix.of }}'", "Makefile": RECIPES}, "github"),
        ({FLOW: STEP % "'make sm${{ matrix.of }}'", "Makefile": RECIPES}, "github"),
        ({FLOW: STEP % "'make oth${{ matrix.of }}'", "Makefile": RECIPES}, ""),
        ({FLOW: STEP % "make in-a", "Makefile": "in-%:\n\t./ci/smoke.sh\n"}, "github"),
        ({FLOW: STEP % "make all", "Makefile": "all: \\\n  a \\\n  b\nb:\n\t./ci/smoke.sh\n"}, "github"),
        ({FLOW: STEP % "make", "Makefile": f".DEFAULT_GOAL := smoke\n{RECIPES.replace('all:', 'a:')}"}, "github"),
        ({FLOW: STEP % "make", "Makefile": f".DEFAULT_GOAL := other\n{RECIPES}"}, ""),
        ({FLOW: STEP % "make a", "Makefile": "L = b\na: $(L)\nb:\n\t./ci/smoke.sh\n"}, "github"),
        ({FLOW: STEP % "make b", "Makefile": "a \\\nb:\n\t./ci/smoke.sh\n"}, "github"),
        ({FLOW: STEP % "make a", "Makefile": "include mk/*.mk\n", "mk/a.mk": "a:\n\tci/smoke.sh\n"}, "github"),
        ({FLOW: STEP % "cd ci && make a", "Makefile": "a:\n\tls\n", "ci/Makefile": "a:\n\t./smoke.sh\n"}, "github"),
        ({FLOW: STEP % "cd ci && make a", "Makefile": "a:\n\tci/smoke.sh\n", "ci/Makefile": "a:\n\tls\n"}, ""),
        ({FLOW: STEP % "(cd ci; make a); make a", "Makefile": "a:\n\tci/smoke.sh\n", "ci/Makefile": "a:\n"}, "github"),
        ({FLOW: STEP % "cd src/shop/ci && make a", "Makefile": "", "ci/Makefile": "a:\n\t./smoke.sh\n"}, "github"),
        (
            {FLOW: STEP % "make a, working-directory: ci", "Makefile": "", "ci/Makefile": "a:\n\t./smoke.sh\n"},
            "github",
        ),
        ({FLOW: STEP % "make -C ci", "Makefile": "", "ci/Makefile": "a:\n\t$(MAKE) b\nb:\n\t./smoke.sh\n"}, "github"),
        ({".gitlab-ci.yml": "include: /a.yml\n", "a.yml": "a: {script: [ci/smoke.sh]}\n"}, "gitlab"),
        ({".buildkite/pipeline.yml": "steps: [{command: ci/smoke.sh}]\n"}, "ci"),
        ({".travis.yml": "before_install: [ci/smoke.sh]\n"}, "ci"),
        ({".circleci/continue.yml": "jobs: {a: {steps: [{run: ci/smoke.sh}]}}\n"}, "ci"),
        ({".drone.yml": "steps: [{name: a, commands: [ci/smoke.sh]}]\n"}, "ci"),
        ({"azure-pipelines.yml": "steps: [{script: make smoke}]\n", "Makefile": RECIPES}, "ci"),
        ({"bitbucket-pipelines.yml": "pipelines: {default: [{step: {after-script: [ci/smoke.sh]}}]}\n"}, "ci"),
        ({"cloudbuild.yaml": "steps: [{name: x, entrypoint: bash, args: [-c, ci/smoke.sh]}]\n"}, "ci"),
        ({"Jenkinsfile": "pipeline { agent any\n steps { sh './ci/smoke.sh --all' } }\n"}, "jenkins"),
        ({"Jenkinsfile": 'node { sh(script: """\n  make smoke\n""") }\n', "Makefile": RECIPES}, "jenkins"),
        ({"vars/build.groovy": "def call() { docker.image('a').inside { sh 'ci/smoke.sh' } }\n"}, "jenkins"),
        ({"vars/build.groovy": "def call() { sh 'docker build . && ci/smoke.sh' }\n"}, "jenkins"),
        ({"Jenkinsfile": "node { echo 'ci/smoke.sh' }\n"}, ""),
        ({"Jenkinsfile": "node { docker.withRegistry('https://reg.echohq.com', 'a') { sh 'ci/smoke.sh' } }\n"}, ""),
        ({FLOW: STEP % "make a", "Makefile": "a:\n\tcd x; ls\n\tci/smoke.sh\n", "x/a": ""}, "github"),
        ({FLOW: STEP % "make a", "Makefile": "a:\n\tcd x; ci/smoke.sh\n", "x/a": ""}, ""),
        ({FLOW: STEP % f"'{LOGIN}; make a'", "Makefile": "a:\n\tci/smoke.sh\n"}, ""),
        ({FLOW: STEP % f"'{LOGIN}; sudo make a'", "Makefile": "a:\n\tci/smoke.sh\n"}, "github"),
        ({FLOW: STEP % f"'{LOGIN}; sudo ./ci/smoke.sh'"}, "github"),
        ({FLOW: STEP % "make a", "Makefile": f"a:\n\t{LOGIN}\n\tci/smoke.sh\n"}, ""),
        ({FLOW: STEP % "make a", "Makefile": f"a:\n\t{LOGIN} && ci/smoke.sh\n"}, ""),
        ({FLOW: STEP % "make a", "Makefile": f"a:\n\tci/smoke.sh\n\t{LOGIN}\n"}, "github"),
        ({FLOW: STEP % "make a", "Makefile": f"a:\n\t{LOGIN}\n\tdocker logout\n\tci/smoke.sh\n"}, "github"),
        ({FLOW: STEP % "ci/a.sh", "ci/a.sh": f"{LOGIN}\nci/smoke.sh\n"}, ""),
        ({FLOW: STEP % "ci/a.sh", "ci/a.sh": f"sudo {LOGIN}\nci/smoke.sh\n"}, "github"),
        ({FLOW: STEP % "ci/a.sh", "ci/a.sh": f"[ $A ] && {LOGIN}\nci/smoke.sh\n"}, "github"),
    ],
)
def test_jobs_need_a_login_for_what_a_script_pulls_that_they_call_in_other_ways(
    run: Run, tmp_path: Path, texts: dict[str, str], kind: str
) -> None:
    for name, content in (texts | {"ci/smoke.sh": "docker run node:22 true\n"}).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    for arguments, settled in ([], not kind), (["--logins", kind or "github"], True):
        found = json.loads(run("inventory", "--output-format", "json", *arguments).stdout)["references"]
        (one,) = (each for each in found if each["path"] == "ci/smoke.sh")
        assert [reason["id"] for reason in one["reasons"]] == ([] if settled else ["login-ci"])


@pytest.mark.parametrize(
    ("texts", "path", "held"),
    [
        ({FLOW: STEP % "pytest tests"}, "tests/core/test_a.py", True),
        ({FLOW: STEP % "pytest"}, "tests/conftest.py", True),
        ({FLOW: STEP % "pytest -q tests/unit"}, "tests/core/test_a.py", False),
        ({FLOW: STEP % "pytest tests/unit"}, "tests/conftest.py", True),
        ({FLOW: STEP % "'pytest tests/test_a.py::test_b'"}, "tests/test_a.py", True),
        ({FLOW: STEP % "pytest"}, "tools/start.py", False),
        ({FLOW: STEP % "pip install pytest"}, "tests/test_a.py", False),
        ({FLOW: STEP % "python -m pytest --cov acme tests"}, "tests/test_a.py", True),
        ({FLOW: STEP % "coverage run -m pytest"}, "tests/test_a.py", True),
        ({FLOW: STEP % "uv run --frozen pytest tests"}, "tests/test_a.py", True),
        ({FLOW: STEP % "poetry run pytest"}, "tests/test_a.py", True),
        ({FLOW: STEP % "hatch test"}, "tests/test_a.py", True),
        ({FLOW: STEP % "tox -e py312"}, "tests/test_a.py", True),
        ({FLOW: STEP % "tox -e lint"}, "tests/test_a.py", False),
        ({FLOW: STEP % "nox"}, "tests/test_a.py", True),
        ({FLOW: STEP % "cd api && pytest"}, "api/tests/test_a.py", True),
        ({FLOW: STEP % "cd api && pytest", "api/a": ""}, "tests/test_a.py", False),
        ({FLOW: STEP % "'pytest ${{ matrix.of }}'"}, "tests/test_a.py", True),
        ({FLOW: STEP % "docker login reg.echohq.com && pytest"}, "tests/test_a.py", False),
        ({FLOW: STEP % "make core/tests", "Makefile": "%/tests:\n\tuv run pytest $*/tests\n"}, "core/tests/a.py", True),
        ({}, "tests/test_a.py", False),
    ],
)
def test_jobs_need_a_login_for_what_the_tests_pull_that_they_run(
    run: Run, tmp_path: Path, texts: dict[str, str], path: str, held: bool
) -> None:
    code = "import docker\ndocker.from_env().containers.run('node:22', 'true')\n"
    for name, content in (texts | {path: code}).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    for arguments, reasons in ([], ["login-ci"] if held else []), (["--logins", "github"], []):
        (one,) = json.loads(run("inventory", "--output-format", "json", *arguments).stdout)["references"]
        assert [reason["id"] for reason in one["reasons"]] == reasons


def test_jobs_need_a_login_for_what_the_targets_pull_that_they_make(run: Run, tmp_path: Path) -> None:
    steps = (
        "on: push\njobs: {a: {steps: [{run: make ci}]}, b: {steps: [{run: docker login reg.echohq.com && make b}]}}\n"
    )
    rules = "db:\n\tdocker run node:22\nci: lint\nlint:\n\tdocker run python:3.13\nb:\n\tdocker run ruby:3.4\n"
    (tmp_path / ".github" / "workflows").mkdir(parents=True)
    (tmp_path / ".github" / "workflows" / "t.yml").write_text(steps)
    (tmp_path / "Makefile").write_text(rules)
    found = json.loads(run("inventory", "--output-format", "json").stdout)["references"]
    assert [[reason["id"] for reason in one["reasons"]] for one in found] == [[], ["login-ci"], []]


@pytest.mark.parametrize(
    ("recipe", "safe"),
    [
        (f"\t@{LOGIN}\n\tdocker run node:22 true\n", True),
        (f'\t@echo "$$KEY" | {LOGIN} -u "$(NAME)" \\\n\t  --password-stdin\n\t@docker run node:22 true\n', True),
        (f"\t{LOGIN} && docker run node:22 true\n", True),
        (f"\tdocker run node:22 true\n\t{LOGIN}\n", False),
        (f"\tdocker run node:22 true\nb:\n\t{LOGIN}\n", False),
        (f"\tif [ $$A ]; then {LOGIN}; fi\n\tdocker run node:22 true\n", False),
        (f"\t{LOGIN}\n\tdocker logout reg.echohq.com\n\tdocker run node:22 true\n", False),
        (f"\t{LOGIN}\n\tsudo docker run node:22 true\n", False),
        (f"\tsudo {LOGIN}\n\tsudo docker run node:22 true\n", True),
    ],
)
def test_a_recipe_that_jobs_make_has_its_own_logins(run: Run, tmp_path: Path, recipe: str, safe: bool) -> None:
    (tmp_path / ".github" / "workflows").mkdir(parents=True)
    (tmp_path / FLOW).write_text(STEP % "make a")
    (tmp_path / "Makefile").write_text(f"a:\n{recipe}")
    (one,) = json.loads(run("inventory", "--output-format", "json").stdout)["references"]
    assert [reason["id"] for reason in one["reasons"]] == ([] if safe else ["login-ci"])


def test_the_logins_before_calls_are_those_of_jobs_that_have_none_elsewhere(run: Run, tmp_path: Path) -> None:
    texts = {
        FLOW: STEP % "docker login reg.echohq.com && make a",
        ".gitlab-ci.yml": "a: {script: [make a]}\n",
        "Makefile": "a:\n\tdocker run node:22 true\nB := $(shell docker run ruby:3.4 date)\n",
    }
    for name, content in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    for arguments, reasons in ([], ["login-ci"]), (["--logins", "gitlab"], []):
        found = json.loads(run("inventory", "--output-format", "json", *arguments).stdout)["references"]
        assert [[reason["id"] for reason in one["reasons"]] for one in found] == [reasons, reasons]


STAYS = "docker run node:22 true\n"


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (f"{LOGIN}\n{STAYS}", True),
        (f'echo "$TOKEN" | docker login \\\n  -u ci --password-stdin \\\n  https://reg.echohq.com\n{STAYS}', True),
        (f"{LOGIN} && {STAYS}", True),
        (f"cd a && {LOGIN} && {STAYS}", True),
        (f"if cd a; then {LOGIN} && {STAYS}fi\n", True),
        (f"cd a && {LOGIN} || {STAYS}", False),
        (f"cd a && {LOGIN}\n[ $A ] && {STAYS}", False),
        (f"cd a && {LOGIN} && true; {STAYS}", False),
        (f"{LOGIN} && docker logout reg.echohq.com && {STAYS}", False),
        (f"podman login reg.echohq.com\n{STAYS.replace('docker', 'podman')}", True),
        (f"docker login -u echo_user -p x docker.io\n{STAYS}", False),
        (f"docker login -u echo_user -p x\n{STAYS}", False),
        (f'docker login ghcr.io -u x -p "$GHCR_ECHO_TOKEN"\n{STAYS}', False),
        (f'echo "$MY_ECHO" | docker login quay.io -u x --password-stdin\n{STAYS}', False),
        (f"{LOGIN}.evil.example\n{STAYS}", False),
        (f'echo "run {LOGIN} first"\n{STAYS}', False),
        (f": <<'X'\n{LOGIN}\nX\n{STAYS}", False),
        (f"ssh host {LOGIN}\n{STAYS}", False),
        (f"sudo {LOGIN}\n{STAYS}", False),
        (f"{LOGIN}\nsudo {STAYS}", False),
        (f"{LOGIN}\nsudo -u ci {STAYS}", False),
        (f"sudo {LOGIN}\nsudo {STAYS}", True),
        (f"sudo -n -H {LOGIN}\nsudo --preserve-env=A,B -uroot {STAYS}", True),
        (f"sudo {LOGIN}\nsudo -E {STAYS}", False),
        (f"sudo {LOGIN}\nsudo -nE {STAYS}", False),
        (f"sudo {LOGIN}\nsudo --preserve-env=A,HOME {STAYS}", False),
        (f"sudo -E {LOGIN}\nsudo -E {STAYS}", False),
        (f"sudo -E {LOGIN}\nsudo {STAYS}", False),
        (f"sudo {LOGIN}\nsudo env HOME=/x {STAYS}", False),
        (f"{LOGIN}\nenv A=1 {STAYS}", True),
        (f"{LOGIN}\nHOME=/x {STAYS}", False),
        (f"{LOGIN}\ndoas {STAYS}", False),
        (f"{LOGIN}\nsu -c '{STAYS.strip()}'\n", False),
        (f"sudo {LOGIN}\nsudo sh -c 'sudo -u ci {STAYS.strip()}'\n", False),
        (f'if a; then D=docker; else D="sudo docker"; fi\n{LOGIN}\n$D run node:22 true\n', False),
        (f'D="sudo docker"\n{LOGIN}\n$D run node:22 true\n', False),
        (f"sudo -u ci {LOGIN}\nsudo {STAYS}", False),
        (f"{LOGIN}\nsudo sh -c '{STAYS.strip()}'\n", False),
        (f"DOCKER_CONFIG=$(mktemp -d) {LOGIN}\n{STAYS}", False),
        (f"docker --config x login reg.echohq.com\n{STAYS}", False),
        (f"{LOGIN}\nexport DOCKER_CONFIG=/x\n{STAYS}", False),
        (f"{LOGIN}\ndocker logout reg.echohq.com\n{STAYS}", False),
        (f"login() {{ {LOGIN}; }}\n{STAYS}", False),
        (f"if test x; then {LOGIN}; fi\n{STAYS}", False),
        (f'test "$1" && echo x | {LOGIN}\n{STAYS}', False),
        (f"{LOGIN} &\n{STAYS}", False),
        (f"podman login reg.echohq.com\n{STAYS}", False),
        (f"{STAYS}{LOGIN}\n", False),
    ],
)
def test_a_script_of_jobs_is_logged_in_by_what_always_runs(
    run: Run, tmp_path: Path, script: str, expected: bool
) -> None:
    path = tmp_path / ".github" / "x.sh"
    path.parent.mkdir()
    path.write_text(script)
    run("fix")
    assert ("reg.echohq.com/node:22" in path.read_text()) is expected


def test_a_login_is_one_of_root_or_of_the_user(run: Run, tmp_path: Path) -> None:
    path = tmp_path / ".github" / "workflows" / "x.yaml"
    path.parent.mkdir(parents=True)
    action = "      - {uses: docker/login-action@v3, with: {registry: reg.echohq.com}}\n"
    head = "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n"
    pulls = "      - run: docker run python:3.13 true\n      - run: sudo docker run node:22 true\n"
    root, kept = "      - run: sudo docker login reg.echohq.com\n", "      - run: sudo -E docker login reg.echohq.com\n"
    for before, moved in (action, "python:3.13"), (root, "node:22"), (kept, "never"):
        path.write_text(head + before + pulls)
        run("fix")
        assert path.read_text() == head + before + pulls.replace(moved, f"reg.echohq.com/{moved}")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("docker login reg.echohq.com -u x --password-stdin < key", True),
        ('docker login "$ECHO_REGISTRY"', True),
        ("docker login ${{ secrets.ECHO_REGISTRY }}", True),
        ("docker login -u echo_ci -p x docker.io", False),
        ("docker login -u echo_ci -p x", False),
        ("docker login -u ${{ secrets.ECHO_USER }} -p x quay.io", False),
        ("docker login -u reg.echohq.com -p x $R", False),
        ("docker login -ureg.echohq.com -p x $R", False),
        ("docker login --config /h/reg.echohq.com $R", False),
        ("docker login -u ${{ secrets.ECHO_USER }} -p $P ${{ vars.R }}", False),
        ("'try { docker login -u reg.echohq.com $R } catch { throw }'", False),
        ("docker login --username=reg.echohq.com $R", False),
        ("docker login -u a -p x ${{ vars.ECHO_REGISTRY }}", True),
        ("docker login reg.echohq.com.evil.example", False),
        ("true\n      # docker login reg.echohq.com", False),
        ("echo docker login reg.echohq.com", False),
        ("'echo \"docker login reg.echohq.com\"'", False),
        ("docker login reg.echohq.com || true", True),
        ("false || docker login reg.echohq.com", False),
        ("docker login reg.echohq.com && docker logout reg.echohq.com", False),
        ("|\n          docker login \\\n            -u a \\\n            reg.echohq.com", True),
        ("|\n          cat <<E\n          docker login reg.echohq.com\n          E", False),
        ("|\n          if test -n '$A'; then\n            docker login reg.echohq.com\n          fi", False),
        ("|\n          # docker login reg.echohq.com\n          true", False),
        ("make\n        name: docker login reg.echohq.com", False),
        ("'{ docker login reg.echohq.com; }'", True),
        ("timeout 60 docker login reg.echohq.com", True),
        ("time docker login reg.echohq.com", True),
        ("if ! echo $P | docker login reg.echohq.com; then exit 1; fi", True),
        ("until docker login reg.echohq.com; do sleep 1; done", True),
        ("if false; then exit 1; fi; if ! docker login reg.echohq.com; then exit 1; fi", True),
        ("true; if [ $A ]; then docker login reg.echohq.com; fi", False),
        ("if true; then false; elif docker login reg.echohq.com; then true; fi", False),
        ("while [ $A ]; do docker login reg.echohq.com; done", False),
        ("false && if docker login reg.echohq.com; then true; fi", False),
        ("'[ $A ] && { [ $B ]; docker login reg.echohq.com; }'", False),
        ("'f() { docker login reg.echohq.com; }'", False),
        ("cd app && docker login reg.echohq.com", False),
        ("echo $(id) | docker login reg.echohq.com", True),
        ("false && echo $(id) | docker login reg.echohq.com", False),
        ("sh -c 'if false; then docker login reg.echohq.com; fi'", False),
        ("DOCKER_CONFIG=/a docker login reg.echohq.com", False),
        ("docker login ghcr.io; crane auth login reg.echohq.com", True),
        ("docker login ghcr.io; helm registry login reg.echohq.com", True),
        ("docker login ghcr.io; ./ci/login.sh reg.echohq.com", True),
        ("|\n          # docker login ghcr.io\n          skopeo login reg.echohq.com", True),
        ("docker login ghcr.io; false && crane auth login reg.echohq.com", False),
        ("docker login ghcr.io; ssh a docker login reg.echohq.com", False),
        ("docker login reg.echohq.com; az logout", True),
        ("docker login reg.echohq.com; docker logout ghcr.io", True),
        ("docker login reg.echohq.com; docker logout", True),
        ("docker login reg.echohq.com; podman logout --all", False),
        ("docker login reg.echohq.com; docker logout $R", False),
        ("docker login reg.echohq.com; crane auth logout reg.echohq.com", False),
        ("docker login reg.echohq.com\n      - run: docker logout reg.echohq.com", False),
        ("docker login reg.echohq.com\n      - run: docker logout quay.io", True),
        ("docker login reg.echohq.com\n      - {shell: pwsh, run: docker logout reg.echohq.com}", False),
        ("'try { docker login reg.echohq.com } catch { throw }'\n        shell: pwsh", True),
        ("'try { docker login reg.echohq.com } catch { throw }'", True),
        (">-\n          docker login -u a\n          reg.echohq.com", True),
        ("docker login -u a\n          reg.echohq.com", True),
        (">-\n          docker login\n          reg.echohq.com &&\n          docker logout reg.echohq.com", False),
        (">-\n          false &&\n          docker login\n          reg.echohq.com", False),
    ],
)
def test_a_step_logs_in_to_the_registry_that_it_names(run: Run, tmp_path: Path, line: str, expected: bool) -> None:
    path = tmp_path / ".github" / "workflows" / "x.yaml"
    path.parent.mkdir(parents=True)
    head = "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n"
    path.write_text(f"{head}      - run: {line}\n      - run: docker run --rm node:22 true\n")
    run("fix")
    assert ("reg.echohq.com/node:22" in path.read_text()) is expected


BUILT = "RUN python -m venv /opt/venv && /opt/venv/bin/pip install flask\n"
KEPT = 'COPY --from=build /opt/venv /opt/venv\nCMD ["python", "-m", "app"]\n'
NEEDS = "RUN apt-get update && apt-get install -y curl\n"
MADE = "WORKDIR /src\nCOPY . .\nRUN ./build\n"
NEEDS_APK = "RUN apk add curl\n"
TAKEN = "COPY --from=build /src/out /out\n"
JAR = "COPY --from=build /src/target/*.jar /app.jar\n"
LOCKED = "COPY --from=build /src/requirements.txt /src/pins/*.txt /src/\n"
GO = "golang:1.26"
SITE = 'USER 1000\nCOPY --from=build /usr/local/lib/python3.13/site-packages /x\nCMD ["python"]\n'
ONE = 'USER 1000\nCOPY --from=build /usr/local/bin/tool /x\nCMD ["node"]\n'
PAGES = 'COPY --from=build /src/dist /src/main.js /x/\nCMD ["node"]\n'
ACROSS = 'COPY --from=a /x /x\nCMD ["python"]\n'
JDK, JRE = "eclipse-temurin:21-jdk-alpine", "eclipse-temurin:21-jre-alpine"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            f"FROM python:3.13-slim AS build\n{BUILT}FROM python:3.13-slim\n{NEEDS}{KEPT}",
            ["copied-into", "dev-variant"],
        ),
        (
            f"FROM python:3.13-slim AS build\n{BUILT}FROM gcr.io/distroless/python3\n{KEPT}",
            [None, "hardened"],
        ),
        (f"FROM python:3.13-slim AS build\n{BUILT}FROM python:3.13-slim\nUSER 1000\n{KEPT}", [None, None]),
        (f"FROM python:3.13-slim AS build\n{BUILT}FROM node:22\n{NEEDS}{KEPT}", [None, "dev-variant"]),
        (
            f"FROM python:3.8 AS build\n{BUILT}FROM python:3.13-slim\nUSER 1000\n{KEPT}",
            ["tag-unlisted", "copied-from"],
        ),
        (
            f"FROM python:3.13 AS build\n{BUILT}FROM python:3.13-slim AS run\nUSER 1000\n{KEPT}"
            f"FROM python:3.13-slim\n{NEEDS}{KEPT.replace('=build', '=run')}",
            ["copied-into", "copied-into", "dev-variant"],
        ),
        (
            'FROM node:22 AS staging\nRUN apt-get update\nCMD ["npm", "start"]\nFROM node:22\nRUN apt-get update\n',
            ["dev-variant"] * 2,
        ),
        (f"FROM python:3.13 AS build\n{NEEDS}FROM python:3.13-slim\n{SITE}", ["layout", "copied-from"]),
        (
            f"FROM python:3.13 AS build\n{NEEDS}FROM python:3.13-slim AS run\n{SITE}FROM python:3.13-slim\n"
            f"{SITE.replace('=build', '=run').replace('lib/python3.13/site-packages', 'bin/')}",
            ["layout", "layout", "copied-from"],
        ),
        (f"FROM node:22 AS build\n{NEEDS}FROM node:22\n{ONE}", ["layout", "copied-from"]),
        (f"FROM node:8 AS build\n{MADE}FROM node:22-slim\nUSER 1000\n{PAGES}", ["tag-unlisted", None]),
        (
            f"FROM node:8 AS build\n{MADE}FROM node:22-slim\nUSER 1000\n{PAGES.replace('/src/dist', '/dist/x')}",
            ["tag-unlisted", "copied-from"],
        ),
        (
            f"FROM python:3.13@sha256:{'0' * 64} AS a\nFROM python:3.13-slim AS b\nUSER 1\n{ACROSS}"
            f"FROM python:3.13-slim\nUSER 1\n{ACROSS.replace('=a', '=b')}",
            ["digest", "copied-from", "copied-from"],
        ),
        (f"FROM {GO}-trixie AS build\n{NEEDS}FROM {GO}-trixie\n{SITE}", ["layout", None]),
        (f"FROM alpine:3.23 AS build\n{MADE}FROM alpine:3.23\n{NEEDS_APK}{TAKEN}", [None, "dev-variant"]),
        (f"FROM debian:13 AS build\n{MADE}FROM debian:trixie-slim\n{NEEDS}{TAKEN}", [None, "dev-variant"]),
        (f"FROM alpine:3.23 AS build\n{MADE}FROM alpine:3.22\n{NEEDS_APK}{TAKEN}", ["copied-into", "dev-variant"]),
        (f"FROM debian:trixie AS build\n{MADE}FROM debian\n{NEEDS}{TAKEN}", ["copied-into", "dev-variant"]),
        (f"FROM {JDK} AS build\n{MADE}FROM {JRE}\n{NEEDS_APK}{JAR}", ["copied-into", "dev-variant"]),
        (f"FROM {GO}-alpine3.23 AS build\n{MADE}FROM {GO}-alpine3.23\n{NEEDS_APK}{TAKEN}", [None, "dev-variant"]),
        (f"FROM {GO}-trixie AS build\n{MADE}FROM {GO}-trixie\n{NEEDS}{TAKEN}", [None, "dev-variant"]),
        (f"FROM {GO}-trixie AS build\n{MADE}FROM {GO}-bookworm\n{NEEDS}{TAKEN}", ["copied-into", "dev-variant"]),
        (f"FROM {GO} AS build\n{MADE}FROM {GO}\n{NEEDS}{TAKEN}", ["copied-into", "dev-variant"]),
        (
            f"FROM node:22-trixie AS build\n{MADE}FROM node:22-trixie\n{NEEDS}{TAKEN}",
            ["copied-into", "dev-variant"],
        ),
        (
            f"FROM python:3.13-slim AS build\n{MADE}FROM python:3.13-slim\n{NEEDS}{LOCKED}",
            [None, "dev-variant"],
        ),
        (
            f"FROM python:3.13-slim AS build\n{MADE}FROM python:3.13-slim\n{NEEDS}{LOCKED}{TAKEN}",
            ["copied-into", "dev-variant"],
        ),
    ],
)
def test_stages_that_share_files_move_together(text: str, expected: list[str | None]) -> None:
    asked = Settings(catalog.load("docker"), tuple(RULES.values()), today="2026-11-28")
    moves = fix.fix_source(Source("Dockerfile", text), dockerfile, asked).outcomes
    found = [one for one in moves if one.image.where == "FROM"]
    assert [next((reason.id for reason in one.reasons), None) for one in found] == expected


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("FROM debian:13.1 AS build\nFROM debian:13-slim\n", False),
        ("FROM debian:13.1 AS build\nFROM debian:trixie-slim\n", False),
        ("FROM debian:13.1 AS build\nFROM debian:12.11\n", True),
        ("FROM debian:13.1 AS build\nFROM debian:stable\n", True),
    ],
)
def test_a_point_release_of_debian_is_that_release(text: str, held: bool) -> None:
    last = f"{NEEDS}{TAKEN}USER me\nHEALTHCHECK CMD nc -z localhost 80\n"
    text = text.replace(" AS build\n", f" AS build\n{MADE}") + last
    asked = Settings(catalog.load("echo"), tuple(RULES.values()), today="2026-11-28")
    build, run = [
        one
        for one in fix.fix_source(Source("Dockerfile", text), dockerfile, asked).outcomes
        if one.image.where == "FROM"
    ]
    assert run.state == "needs-person"
    assert ("copied-into" in [one.id for one in build.reasons]) == held
    assert build.safe != held


@pytest.mark.parametrize(
    ("path", "held"),
    [
        ("apps/_templates/pod.yaml", True),
        ("_template/web/pod.yaml", True),
        ("_template-web/pod.yaml", True),
        ("apps/_template/compose.yaml", True),
        ("templates/pod.yaml", False),
        ("apps/web-template/pod.yaml", False),
        ("apps/web/pod.yaml", False),
    ],
)
def test_manifests_in_a_folder_to_copy_need_review(run: Run, tmp_path: Path, path: str, held: bool) -> None:
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text(POD if "pod" in path else "services: {a: {image: 'node:22'}}\n")
    words = ("--output-format", "json", "--logins", "kubernetes")
    (one,) = json.loads(run("inventory", *words).stdout)["references"]
    assert [reason["id"] for reason in one["reasons"]] == (["project-template"] if held else [])


@pytest.mark.parametrize(
    ("beside", "body", "more", "held"),
    [
        ("app/rancher-compose.yml", ".catalog:\n  name: a\n", "", True),
        ("app/rancher-compose.yml", "version: '2'\ncatalog:\n  questions: []\n", "", True),
        ("app/rancher-compose.yml", "a:\n  scale: 2\n", "", False),
        ("app/questions.yaml", "questions:\n- variable: a\n", "", True),
        ("app/questions.yml", "- what: is it\n", "", False),
        ("app/umbrel-app.yml", "manifestVersion: 1\nid: a\n", "", True),
        ("app/config.json", '{"id": "a", "tipi_version": 3}', "", True),
        ("app/config.json", '{"id": "a"}', "", False),
        ("app/readme.txt", "", "x-casaos:\n  main: a\n", True),
        ("templates.json", '{"templates": [{"repository": {"stackfile": "app/docker-compose.yml"}}]}', "", True),
        ("templates.json", '{"templates": [{"repository": {"stackfile": "b/docker-compose.yml"}}]}', "", False),
    ],
)
def test_what_users_install_from_a_catalog(
    run: Run, tmp_path: Path, beside: str, body: str, more: str, held: bool
) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "app").mkdir()
    (tmp_path / beside).write_text(body)
    (tmp_path / "app" / "docker-compose.yml").write_text(f"services:\n  a:\n    image: python:3.13\n{more}")
    one = json.loads(run("inventory", "--output-format", "json").stdout)["references"][0]
    assert [reason["id"] for reason in one["reasons"]] == (["catalog-entry"] if held else [])


def test_a_template_of_copier_and_its_folder(run: Run, tmp_path: Path) -> None:
    (tmp_path / "copier.yml").write_text("name: {type: str}\n")
    (tmp_path / "compose.yaml").write_text("services: {a: {image: 'node:22'}}\n")
    (one,) = json.loads(run("inventory", "--output-format", "json").stdout)["references"]
    assert one["reasons"][0]["id"] == "project-template"


def test_a_stage_on_the_builders_platform_is_of_no_rare_one(run: Run, tmp_path: Path) -> None:
    (tmp_path / "build.sh").write_text("docker buildx build --platform linux/arm/v7 .\n")
    (tmp_path / "Dockerfile").write_text("FROM --platform=$BUILDPLATFORM node:22 AS a\nFROM python:3.12\n")
    listed = json.loads(run("inventory", "--output-format", "json").stdout)["references"]
    assert [one["state"] for one in listed] == ["migrate", "needs-person"]


@pytest.mark.parametrize(
    ("path", "fine"),
    [
        ("/usr/local/bin/node", False),
        ("/usr/local/bin", False),
        ("/opt/yarn", False),
        ("/usr/local/bin/app", True),
        ("/usr/share/zoneinfo", True),
        ("/app/dist", True),
        ("/opt/app/dist", True),
        ("/opt/other/dist", False),
    ],
)
def test_a_path_of_upstreams_own_may_lie_elsewhere(run: Run, tmp_path: Path, path: str, fine: bool) -> None:
    (tmp_path / "Dockerfile").write_text(
        "FROM node:22-alpine AS build\nWORKDIR /opt/app\nRUN npm run build -- --out /usr/local/bin/app\n"
        f"FROM scratch\nCOPY --from=build {path} /x/\n"
    )
    done = run("inventory", "--output-format", "json", "--provider", "docker")
    reasons = [reason["id"] for one in json.loads(done.stdout)["references"] for reason in one["reasons"]]
    assert ("layout" not in reasons) == fine
    assert "layout" not in run("inventory", "--output-format", "json").stdout.decode(), "a drop-in image has its layout"


@pytest.mark.parametrize("other", ["docker-compose.override.yml", "docker-compose.prod.yml"])
def test_volumes_and_builds_of_compose_files_beside_count(run: Run, tmp_path: Path, other: str) -> None:
    (tmp_path / "docker-compose.yml").write_text("services: {db: {image: 'postgres:17'}, web: {image: 'node:22'}}\n")
    (tmp_path / other).write_text(
        "services:\n  db:\n    volumes: [pg:/var/lib/postgresql/data]\n  web: {build: ., image: 'node:22'}\n"
    )
    found = json.loads(run("inventory", "--output-format", "json", "docker-compose.yml").stdout)["references"]
    assert [(one["state"], [reason["id"] for reason in one["reasons"]]) for one in found] == [
        ("needs-person", ["volume"]),
        ("local", []),
    ]


GENERATED = "# Code generated by hand.sh; DO NOT EDIT.\n"
FETCHED = """name: web
maintainers:
- name: other
dependencies:
- alias: cache
  name: redis
  repository: "https://charts.example.com"
- name: own
  repository: file://charts/own
- name: queue
  import-values:
    - child: a
      parent: b
  repository: "@stable"
"""
ARGO = """apiVersion: argoproj.io/v1alpha1
kind: Workflow
spec: {templates: [{container: {image: python:3.12}}]}
"""
VENDIR = """apiVersion: vendir.k14s.io/v1alpha1
kind: Config
directories:
- path: deploy/chart
  contents:
  - path: sub
    git: {url: https://example.com/chart}
- path: "by-hand"
  contents:
  - path: .
    manual: {}
"""
WORKFLOW = """on: push
jobs:
  a:
    runs-on: ubuntu-24.04
    steps:
      - uses: docker/login-action@v3
        with: {registry: reg.echohq.com}
      - run: docker pull python:3.12
"""
UNEDITED = {
    "vendor/a/Dockerfile": ("vendored", {"vendor/modules.txt": ""}, ""),
    "vendor/github.com/a/b/Dockerfile": ("vendored", {}, ""),
    "app/vendor/bundle/x/Dockerfile": ("vendored", {}, ""),
    "third_party/x/Dockerfile": ("vendored", {}, ""),
    ".ansible/roles/x/Dockerfile": ("vendored", {}, ""),
    "ansible/roles/x/Dockerfile": ("", {}, ""),
    "deploy/chart/pod.yaml": ("vendored", {"vendir.yml": VENDIR}, POD),
    "apps/deploy/chart/pod.yaml": ("vendored", {"apps/vendir.yml": VENDIR}, POD),
    "deploy/charts/compose.yaml": ("", {"vendir.yml": VENDIR}, "services: {a: {image: python:3.12}}\n"),
    "by-hand/compose.yaml": ("", {"vendir.yml": VENDIR}, "services: {a: {image: python:3.12}}\n"),
    "sub/compose.yaml": ("", {"vendir.yml": VENDIR}, "services: {a: {image: python:3.12}}\n"),
    "pkg/testdata/Dockerfile": ("fixture", {}, ""),
    "test/data/Dockerfile": ("fixture", {}, ""),
    "test/net/data/Dockerfile": ("", {"test/net/compose.yaml": "services: {a: {build: ./data}}\n"}, ""),
    "test/data/a/Dockerfile": ("fixture", {"test/data/compose.yaml": "services: {a: {build: ./a}}\n"}, ""),
    "tests/fixtures/deep/Dockerfile": ("fixture", {}, ""),
    "tests/_fixtures/Dockerfile": ("fixture", {}, ""),
    "src/__snapshots__/Dockerfile": ("fixture", {}, ""),
    "a/pod.golden.yaml": ("fixture", {}, POD),
    "a/pod.expected.yaml": ("fixture", {"a/pod.yaml": ""}, POD),
    "chart/charts/redis/pod.yaml": ("vendored", {"chart/Chart.yaml": FETCHED}, POD),
    "chart/charts/queue/pod.yaml": ("vendored", {"chart/Chart.yaml": FETCHED}, POD),
    "chart/charts/own/Dockerfile": ("", {"chart/Chart.yaml": FETCHED}, ""),
    "chart/charts/other/Dockerfile": ("", {"chart/Chart.yaml": FETCHED}, ""),
    "a/pod.gen.yaml": ("generated", {"a/pod.sh": ""}, POD),
    "test/diff/before/pod.yaml": ("fixture", {"test/diff/after/pod.yaml": ""}, POD),
    "tests/after/Dockerfile": ("", {}, ""),
    "issue_12/expected/pod.yaml": ("fixture", {}, POD),
    "simple/expected.yaml": ("fixture", {"simple/pod.yaml": ""}, POD),
    "a/job.expected.yml": ("fixture", {"a/job.py": ""}, POD),
    "a/on-exit.upstream.yaml": ("fixture", {"a/on_exit.py": ""}, POD),
    "test/k/pod.upstream.yaml": ("fixture", {}, POD),
    "k/pod.expected.yaml": ("", {}, "services: {a: {image: python:3.12}}\n"),
    "k/nginx.upstream.yaml": ("", {"k/nginx.yaml": ""}, "services: {a: {image: python:3.12}}\n"),
    "envs/test/pod.expected.yaml": ("", {}, "services: {a: {image: python:3.12}}\n"),
    "compose.expected.yml": ("", {"compose.py": ""}, "services: {a: {image: python:3.12}}\n"),
    "tests/docker-compose.upstream.yml": ("", {}, "services: {a: {image: python:3.12}}\n"),
    "Dockerfile.upstream.amd64": ("", {}, ""),
    "upstream/Dockerfile": ("", {}, ""),
    "tests/checks/example_Run/Dockerfile": ("fixture", {}, ""),
    "integration/dockerfiles/Dockerfile": ("fixture", {}, ""),
    "tests/migrate/expected/Dockerfile": ("fixture", {}, ""),
    "src/__tests__/expected_output/Dockerfile": ("fixture", {}, ""),
    "e2e/fixture/Dockerfile": ("fixture", {}, ""),
    "testing/test-cases/syntax.Dockerfile": ("fixture", {}, ""),
    "test/testcases/web/Dockerfile": ("fixture", {}, ""),
    "tests/cases/7/Dockerfile": ("fixture", {}, ""),
    "test/webhook_cases/one/Dockerfile": ("fixture", {}, ""),
    "tests/use-cases/Dockerfile": ("", {}, ""),
    "test/webhook/failing_test.pod.yaml": ("fixture", {}, POD),
    "deploy/failing_test.pod.yaml": ("", {}, "services: {a: {image: python:3.12}}\n"),
    "testing/data/Dockerfile": ("fixture", {}, ""),
    "testing/deploy/Dockerfile": ("", {}, ""),
    "testing/Dockerfile": ("", {}, ""),
    "overlays/testing/resources/Dockerfile": ("", {}, ""),
    "test-cases/Dockerfile": ("", {}, ""),
    "expected/Dockerfile": ("", {}, ""),
    "fixture/expected-load/Dockerfile": ("", {}, ""),
    "3.13/slim/Dockerfile": ("official", {"generate-stackbrew-library.sh": ""}, ""),
    "Dockerfile": ("generated", {}, GENERATED + "FROM python:3.12\n"),
    "run.sh": ("", {}, "#!/bin/sh\ncat > x <<E\n# Auto-generated by run.sh, do not edit\nE\ndocker run python:3.12\n"),
    "env.sh": ("generated", {}, "#!/bin/sh\n\n# Auto-generated by make\nset -e\ndocker run python:3.12\n"),
    "do.sh": ("generated", {}, "#!/bin/sh\nset -eu\n# Code generated by x. DO NOT EDIT.\ndocker run python:3.12\n"),
    "cd/Dockerfile": ("", {}, "# pip is VENDORED\nFROM python:3.12\nRUN echo 'DO NOT EDIT' > /x\n"),
    "ci/pod.yaml": ("vendored", {}, "# VENDORED from shop/web at v1.2.\n# UNMODIFIED: no edits here.\n" + POD),
    "ci/own/pod.yaml": ("", {}, "# VENDORED modules are mounted\nservices: {a: {image: python:3.12}}\n"),
    "b/Dockerfile": ("generated", {}, "#\n# NOTE: this file is auto-generated\n#\nFROM python:3.12\n"),
    "password/Dockerfile": ("", {}, "# the password is autogenerated\nFROM python:3.12\n"),
    "lib/bundle/ruby/3.3.0/gems/web-1.2/Dockerfile": ("vendored", {}, ""),
    ".cache/ruby/2.7.0/bundler/gems/web/Dockerfile": ("vendored", {}, ""),
    "jobs/test-fixtures/Dockerfile": ("fixture", {}, ""),
    "driver/test_resources/a/Dockerfile": ("fixture", {}, ""),
    "policies/labels/.kyverno-test/pod.yaml": ("fixture", {}, POD),
    "e2e/labels/pod.yaml": ("fixture", {"e2e/labels/chainsaw-test.yaml": ""}, POD),
    "e2e/scale/00-pod.yaml": ("fixture", {"e2e/scale/00-assert.yaml": ""}, POD),
    "docs/_site/pods/pod.yaml": ("generated", {}, POD),
    "rendered/pod.yaml": ("generated", {}, "---\n# Source: shop/charts/web/templates/pod.yaml\n" + POD),
    "cluster/pod.yaml": ("generated", {}, "# Generated by running `helm template shop`\n" + POD),
    "web/Dockerfile": ("generated", {"web/Dockerfile.j2": ""}, ""),
    "images/web/3/bookworm/Dockerfile": (
        "generated",
        {"images/web/versions.yaml": "", "images/web/templates/full/Dockerfile.template": ""},
        "",
    ),
    "8.4/Dockerfile": ("generated", {"versions.json": "", "Dockerfile.template": ""}, ""),
    "flows/on-exit.yaml": ("generated", {"flows/on_exit.py": "import os\nfrom hera.workflows import Workflow\n"}, ARGO),
    "flows/deploy.yaml": (
        "",
        {"flows/deploy.py": "from hera.workflows import Workflow\n"},
        "services: {a: {image: python:3.12}}\n",
    ),
    "flows/docker-compose.yaml": (
        "",
        {"flows/docker_compose.py": "import hera\n"},
        "services: {a: {image: python:3.12}}\n",
    ),
    "flows/daily.yaml": ("", {"flows/daily.py": "import os\n"}, "services: {a: {image: python:3.12}}\n"),
    "cmd/new/start/Dockerfile": ("embedded", {"cmd/new/new.go": "package new\n\n//go:embed start/*\n"}, ""),
    "cmd/pod.yaml": ("embedded", {"cmd/a.go": "//go:embed README.md pod.yaml\nvar pod []byte\n"}, POD),
    "internal/all/deep/Dockerfile": ("embedded", {"internal/x.go": '//go:embed "all:all"\n'}, ""),
    "examples/resources/web_app/Dockerfile": ("example", {"go.mod": "", "docs/index.md": ""}, ""),
    "examples/resources/app/Dockerfile": ("", {"go.mod": ""}, ""),
    "images/web/4/Dockerfile": ("", {"images/web/versions.yaml": "", "templates/Dockerfile.template": ""}, ""),
    "services/web/Dockerfile": ("", {"Dockerfile.template": ""}, ""),
    "BACKUP_2024-03-01/Dockerfile": ("backup", {}, ""),
    "deploy/prod-20230512.bak/compose.yaml": ("backup", {}, "services: {a: {image: python:3.12}}\n"),
    "backup/Dockerfile": ("", {}, ""),
    "docs-src/includes/versions/v0.7.0/quick/Dockerfile": ("backup", {}, ""),
    "versioned_docs/version-2.x/start/Dockerfile": ("backup", {}, ""),
    ".history/app/Dockerfile_20251029215322": ("backup", {}, ""),
    "images/versions/8.1/Dockerfile": ("", {}, ""),
    "docs/versions/Dockerfile": ("", {}, ""),
    "backup-service-2024/Dockerfile": ("", {}, ""),
    "api/Dockerfile.old": ("backup", {}, ""),
    "api/web.Dockerfile-bak2": ("backup", {}, ""),
    "api/Dockerfile_old": ("backup", {}, ""),
    "api/Dockerfile___": ("backup", {}, ""),
    "api/docker-compose copy 2.yml": ("backup", {}, "services: {a: {image: python:3.12}}\n"),
    "api/Dockerfile.ok": ("backup", {}, ""),
    "api/docker-compose.prod.old.yml": ("backup", {}, "services: {a: {image: python:3.12}}\n"),
    "api/docker-compose.backup.yml": ("", {}, "services: {a: {image: python:3.12}}\n"),
    "api/Dockerfile.backup": ("", {}, ""),
    "api/Dockerfile.copy": ("", {}, ""),
    "api/Dockerfile.threshold": ("", {}, ""),
    "benchmarks/data/7/Dockerfile": ("fixture", {}, ""),
    "benchmarks/runner/Dockerfile": ("", {}, ""),
    "test/bench/labels/resources.yaml": ("fixture", {}, POD),
    "k8s/overlays/test/resources.yaml": ("", {}, "services: {a: {image: python:3.12}}\n"),
    "deploy/resources.yaml": ("", {}, "services: {a: {image: python:3.12}}\n"),
    "docs/snippets/web/pod.yaml": ("example", {"mkdocs.yml": ""}, POD),
    "docs/snippets/api/Dockerfile": ("", {}, ""),
    "d/Dockerfile": ("generated", {}, "# Please do not edit this file, see tools/\nFROM python:3.12\n"),
    "d/1/Dockerfile": (
        "generated",
        {},
        "# This file is a copy of the original in tools, please make changes there instead\nFROM python:3.12\n",
    ),
    "d/2/Dockerfile": ("generated", {}, "# This file is synced from acme/tools\nFROM python:3.12\n"),
    "d/3/Dockerfile": ("", {}, "# This file is a copy of web's, with its own port\nFROM python:3.12\n"),
    "d/5/Dockerfile": ("", {}, "# This file is a copy of upstream's, with our own port\nFROM python:3.12\n"),
    "d/6/Dockerfile": ("", {}, "# This file is a copy of the original, but has no cache\nFROM python:3.12\n"),
    "d/4/Dockerfile": ("", {}, "# This file is kept in sync with the one of web\nFROM python:3.12\n"),
    "e/Dockerfile": ("generated", {}, "# made by hand.sh, don't edit by hand\nFROM python:3.12\n"),
    "f/Dockerfile": ("", {}, "FROM python:3.12\n# Do not change the name of the stage\n"),
    "f/2/Dockerfile": ("", {}, "FROM python:3.12\n# Time zone (do not change, see issue 12)\nENV TZ=UTC\n"),
    "f/3/Dockerfile": ("", {}, "FROM python:3.12\n# No root; do not change - see 12\nUSER 1000\n"),
    "f/4/Dockerfile": (
        "generated",
        {},
        "# syntax=docker/dockerfile:1\n\n# Managed by x.\n# Do not edit\nFROM python:3.12\n",
    ),
    "g/1/Dockerfile": ("generated", {}, "# This file is generated by hand.sh\nFROM python:3.12\n"),
    "g/2/Dockerfile": (
        "generated",
        {},
        "#\n# Generated by hand.sh: any changes will be overwritten\nFROM python:3.12\n",
    ),
    "g/3/Dockerfile": ("generated", {}, "# generated from docker/Base.tmpl\nFROM python:3.12\n"),
    "g/4/Dockerfile": ("", {}, "FROM python:3.12\n# this file is generated by the stage above\nCOPY a b\n"),
    "g/5/Dockerfile": ("", {}, "# Settings here are overwritten by the build\nFROM python:3.12\n"),
    "g/6/Dockerfile": ("", {}, "# For development: changes are lost when it restarts\nFROM python:3.12\n"),
    "g/7/Dockerfile": ("", {}, "# requirements.txt is generated from requirements.in\nFROM python:3.12\n"),
    "g/8/Dockerfile": ("", {}, "# .env: local changes will be overwritten\nFROM python:3.12\n"),
    "g/9/Dockerfile": ("generated", {}, "# Changes to this file will be lost: edit a.yml\nFROM python:3.12\n"),
    "g/10/Dockerfile": ("generated", {}, "# Generated by hand.sh.\n# Any changes will be lost.\nFROM python:3.12\n"),
    "g/a.tf": (
        "generated",
        {},
        '/*\n Code generated by x.\n DO NOT EDIT.\n*/\nresource "docker_image" "a" {\n  name = "python:3.12"\n}\n',
    ),
    "g/a.py": (
        "generated",
        {},
        '"""Code generated by x. DO NOT EDIT."""\nimport docker\ndocker.from_env().containers.run("python:3.12")\n',
    ),
    "f/6/Dockerfile": ("generated", {}, "# Copyright acme\r\n\r\n# Do not edit\r\nFROM python:3.12\r\n"),
    "f/7/Dockerfile": ("generated", {}, "FROM python:3.12\n# managed by chef, do not edit; changes are lost\n"),
    "f/5/Dockerfile": ("generated", {}, "ARG V=1\n# this file is rendered, do not edit\nFROM python:3.12\n"),
    "g/Dockerfile": ("", {}, "# do not modify the versions below without asking\nFROM python:3.12\n"),
    "i/Dockerfile": ("generated", {}, "# Do not edit these Dockerfiles by hand\nFROM python:3.12\n"),
    "j/Dockerfile": ("generated", {}, "# DO NOT EDIT the docs/Dockerfile, edit its twin\nFROM python:3.12\n"),
    "k/Dockerfile": ("generated", {}, "# do not edit those manifests: jsonnet renders them\nFROM python:3.12\n"),
    "o/Dockerfile": (
        "generated",
        {},
        "# NOTE: This file is auto generated by a generator (of clients)\nFROM python:3.12\n",
    ),
    "h/Dockerfile": ("generated", {}, "# DO NOT EDIT generated by make, as the others here\nFROM python:3.12\n"),
    "forks/tool/.github/workflows/ci.yml": ("foreign-workflow", {".git/HEAD": ""}, WORKFLOW),
    "tool/.github/workflows/ci.yml": ("", {}, WORKFLOW),
    "convert/input/ci.yml": ("foreign-workflow", {".git/HEAD": ""}, WORKFLOW),
    "convert/.gitea/workflows/ci.yml": ("foreign-workflow", {".git/HEAD": ""}, WORKFLOW),
    ".forgejo/workflows/ci.yml": ("", {".git/HEAD": ""}, WORKFLOW),
    "workflow-templates/ci.yml": ("", {".git/HEAD": ""}, WORKFLOW),
    "convert/output/ci.yml": ("", {}, WORKFLOW),
    "starterkit/.github/workflows/ci.yml": ("foreign-workflow", {".git/HEAD": ""}, WORKFLOW),
    "starter-kit/.github/workflows/ci.yml": ("foreign-workflow", {".git/HEAD": ""}, WORKFLOW),
    "restarter/input/ci.yml": ("foreign-workflow", {".git/HEAD": ""}, WORKFLOW),
    ".depot/workflows/ci.yml": ("", {".git/HEAD": ""}, WORKFLOW),
    "ci/workflow.yml": ("", {".git/HEAD": ""}, WORKFLOW),
    "mesh-1.30.2/samples/pod.yaml": ("vendored", {"mesh-1.30.2/LICENSE": "", "mesh-1.30.2/bin/meshctl": ""}, POD),
    "web-1.30.2/samples/Dockerfile": ("", {"web-1.30.2/README.md": "", "web-1.30.2/bin/web": ""}, ""),
    "app-v1.0.0/Dockerfile": ("", {"app-v1.0.0/LICENSE": "", "app-v1.0.0/samples/a.py": ""}, ""),
    "app-1.0.0/Dockerfile": ("", {"app-1.0.0/LICENSE": "", "app-1.0.0/bin/a": ""}, ""),
    "web-2/Dockerfile": ("", {"web-2/LICENSE": "", "web-2/bin/web": ""}, ""),
    "{{cookiecutter.slug}}/.github/workflows/ci.yml": ("", {}, WORKFLOW),
    "cmd/old/Dockerfile": ("", {"cmd/old/a.go": "package old\n\n// go:embed Dockerfile\n"}, ""),
    "chart/Dockerfile": ("", {}, "# Source: the team's templates/\nFROM python:3.12\n"),
    "vendor/own/Dockerfile": ("", {}, ""),
    "examples/docs/samples/Dockerfile": ("", {}, ""),
    "tests/app/Dockerfile": ("", {}, ""),
    "c/Dockerfile": ("", {}, "# the image that a generator is built with\nFROM python:3.12\n# DO NOT: ask\n"),
}


def test_images_that_nobody_edits_are_ignored_whether_they_are_known_or_not(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "pkg/testdata"
    folder.mkdir(parents=True)
    names = "python:3.12", "busybox:1", "acme/tool:1", "sonarqube:1", "myapp:v1"
    (folder / "Dockerfile").write_text("".join(f"FROM {name} AS s{at}\n" for at, name in enumerate(names)))
    (tmp_path / "Dockerfile").write_text("# echo-migrate: ignore[unhardened-image]\nFROM acme/tool:1\n")
    result = run("inventory", "--no-config", "--output-format", "json", ".", cwd=tmp_path)
    rows = json.loads(result.stdout)["references"]
    found = [(row["state"], [reason["id"] for reason in row["reasons"]]) for row in rows]
    assert found == [("no-replacement", ["unknown-image"]), *[("ignored", ["fixture"])] * len(names)]


JAVA = """import org.testcontainers.containers.GenericContainer;
class A { GenericContainer<?> a = new GenericContainer<>("python:3.12"); }
"""


def test_packages_of_java_are_no_folders_of_inputs(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "src/test/java/org/samples"
    folder.mkdir(parents=True)
    (folder / "ATest.java").write_text(JAVA)
    (listed,) = json.loads(run("inventory", "--output-format", "json").stdout)["references"]
    assert "fixture" not in [reason["id"] for reason in listed["reasons"]]


@pytest.mark.parametrize("path", UNEDITED)
def test_what_nobody_edits_is_listed_and_left_unless_it_is_named_or_included(
    run: Run, tmp_path: Path, path: str
) -> None:
    why, others, text = UNEDITED[path]
    text = text or "FROM python:3.12\nRUN apt-get update\n"
    for name, content in {path: text, **others}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content.encode())
    moved = text.replace("python:3.12", "reg.echohq.com/python:3.12")
    by_name = "golden" in path or path.startswith("api/")  # also if its folder is named
    beside = by_name or any((tmp_path / name).parent == (tmp_path / path).parent for name in others)
    told = why == "foreign-workflow" or any(word in text for word in ("enerated", "edit", "Source:", "This file"))
    lasting = why and (beside or told)

    def fixed(*words: str, **environment: str) -> str:
        (tmp_path / path).write_bytes(text.encode())
        run("fix", "--select", "unhardened-image", "--logins", "kubernetes", *words, env=environment)
        return (tmp_path / path).read_bytes().decode()

    listed = json.loads(run("inventory", "--output-format", "json").stdout)["references"]
    assert [[reason["id"] for reason in one["reasons"]] for one in listed] == [[why] if why else []]
    assert run("check").returncode == (0 if why else 1)
    assert fixed(".") == (text if why else moved)
    assert fixed(path) == moved
    assert fixed(path, PRE_COMMIT="1") == (text if why else moved)
    assert fixed(".", "--include", path) == moved
    folder = path.rpartition("/")[0]
    assert fixed(folder or path) == (text if folder and lasting else moved)


def test_all_package_commands_of_a_run_are_mended_in_one_round() -> None:
    text = "FROM python:3.12\nRUN " + " && ".join(f"pip install a{number}==1" for number in range(15)) + "\n"
    result = fix.fix_source(Source("Dockerfile", text), dockerfile, SETTINGS)
    assert result.refused is None
    fixed = text.replace("install ", "install --no-cache-dir ").replace("python:", "reg.echohq.com/python:")
    assert result.fixed.text == fixed


def test_a_rule_that_does_not_settle_takes_no_other_with_it() -> None:
    rules = (_rule(Edit(17, 17, "x")), RULES["unhardened-image"])
    result = fix.fix_source(
        Source("Dockerfile", "FROM node:22\nRUN true\n"), dockerfile, SETTINGS._replace(rules=rules)
    )
    assert result.fixed.text == "FROM reg.echohq.com/node:22\nRUN true\n"
    assert {found.rule for found in result.findings if found.refused} == {"faulty"}
