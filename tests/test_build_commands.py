"""Whose a build argument is: the Dockerfile that the command of the build says, or any near it."""

import os
from pathlib import Path

import pytest

from echo_migrate.files.workspace import begin
from echo_migrate.formats._builds_nearby import builds_near

DOCKERFILES = ("Dockerfile", "Dockerfile.dev", "b/Dockerfile")
EVERY = set(DOCKERFILES)
WORKFLOW = """\
on: push
jobs:
  a:
    steps:
      - uses: docker/build-push-action@v6
        with:
          WITH
          build-args: |
            V=20
"""
GIVEN = {
    "a file": ("b.sh", "docker build --build-arg V=20 -f b/Dockerfile .", {"b/Dockerfile"}),
    "a file in a folder of a variable": ("b.sh", 'docker build -f "$D/b/Dockerfile" --build-arg V .', {"b/Dockerfile"}),
    "a file above": ("scripts/b.sh", "docker build --build-arg V=20 --file=../Dockerfile.dev ..", {"Dockerfile.dev"}),
    "a file behind its option": ("b.sh", "docker build --build-arg V=20 -fDockerfile.dev .", {"Dockerfile.dev"}),
    "a file on another line": (
        "Makefile",
        "x:\n\tdocker build --build-arg V=$(V) \\\n\t  -f b/Dockerfile .",
        {"b/Dockerfile"},
    ),
    "a file in a string": (
        "Jenkinsfile",
        'sh "podman build --build-arg V=${v} -f b/Dockerfile . && x"',
        {"b/Dockerfile"},
    ),
    "a file in a pipeline": (
        "b.sh",
        "docker buildx build --build-arg V=20 -f Dockerfile.dev . | tee x",
        {"Dockerfile.dev"},
    ),
    "a context": ("b.sh", "docker build --build-arg V=20 --pull ./b", {"b/Dockerfile"}),
    "the context of the folder": ("b.sh", "docker build --build-arg V=20 -t x .; x", {"Dockerfile", "b/Dockerfile"}),
    "a file with a variable as its name": ("b.sh", 'docker build --build-arg V=20 -f "b/$F" .', EVERY),
    "options in a variable": ("b.sh", "docker build --build-arg V=20 $OPTIONS b", EVERY),
    "all arguments of a script": ("b.sh", 'docker build --build-arg V=20 "$@" b', EVERY),
    "a value that is no context": ("b.sh", "docker build . --build-arg V=20 --target b", EVERY),
    "standard input": ("b.sh", "docker build --build-arg V=20 - < b/Dockerfile", EVERY),
    "a Dockerfile that is standard input": ("b.sh", "docker build --build-arg V=20 -f - b", EVERY),
    "an address": ("b.sh", "docker build --build-arg V=20 https://github.com/a/b", EVERY),
    "a file that is not there": ("b.sh", "docker build --build-arg V=20 -f c/Dockerfile .", EVERY),
    "a file that was copied before": (
        "b.sh",
        "cp b/Dockerfile Dockerfile\ndocker build --build-arg V=20 -f Dockerfile .",
        EVERY,
    ),
    "a file that was written before": ("b.sh", "x > Dockerfile\ndocker build --build-arg V=20 .", EVERY),
    "a link": ("b.sh", "docker build --build-arg V=20 -f link/Dockerfile .", EVERY),
    "a command that goes on": ("b.ps1", "docker build --build-arg V=20 . `\n  -f b/Dockerfile", EVERY),
    "a command of cmd.exe that goes on": ("b.cmd", "docker build --build-arg V=20 ^\r\n  -f b/Dockerfile .", EVERY),
    "a folded command": ("b.yml", "run: >\n  docker build --build-arg V=20 .\n  -f b/Dockerfile", EVERY),
    "an argument before the command": ("b.sh", "A='--build-arg V=20'\ndocker build $A -f b/Dockerfile .", EVERY),
    "a file of a step": (".github/workflows/x.yml", WORKFLOW.replace("WITH", "file: b/Dockerfile"), {"b/Dockerfile"}),
    "a context of a step": (".github/workflows/x.yml", WORKFLOW.replace("WITH", "context: b"), {"b/Dockerfile"}),
    "a step with neither": (".github/workflows/x.yml", WORKFLOW.replace("WITH", "push: true"), {"Dockerfile"}),
    "another repository": (".github/workflows/x.yml", WORKFLOW.replace("WITH", "context: https://a.io/b.git"), EVERY),
    "a file of a matrix": (".github/workflows/x.yml", WORKFLOW.replace("WITH", "file: ${{ matrix.f }}"), EVERY),
    "a comment of JavaScript": ("b.js", "  // client.buildImage({ buildargs: { V: 1 } }) // docker", set()),
    "a comment over lines": ("b.ts", "/*\n docker build --build-arg V=20 .\n*/", set()),
    "what follows a comment": (
        "b.ts",
        "/** x */\nsh('docker build --build-arg V=20 -f Dockerfile.dev .')",
        {"Dockerfile.dev"},
    ),
    "a comment before a call": ("b.py", "# docker build(build_args={'V': '1'})", set()),
    "the docstring of a file": ("b.py", '# x\n\n"""docker build --build-arg V=20 ."""\n', set()),
    "the docstring of a function": (
        "b.py",
        'def f() -> None:\n    """\n    docker build --build-arg V=20 .\n    """\n',
        set(),
    ),
    "a text on a line of its own": (
        "b.py",
        'run(\n    """docker build --build-arg V=20 -f b/Dockerfile ."""\n)\n',
        {"b/Dockerfile"},
    ),
    "a text that is a value": (
        "b.py",
        'x = {\n    "a":\n    """docker build --build-arg V=20 -f b/Dockerfile ."""\n}\n',
        {"b/Dockerfile"},
    ),
}


@pytest.mark.parametrize("kind", GIVEN)
def test_an_argument_is_of_the_dockerfile_that_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    path, text, expected = GIVEN[kind]
    monkeypatch.chdir(tmp_path)
    begin()
    for name in (*DOCKERFILES, path):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"{text}\n" if name == path else "ARG V=22\nFROM node:$V\n", newline="")
    (tmp_path / ".git").mkdir()
    os.symlink("b", tmp_path / "link")
    assert {name for name in DOCKERFILES if "V" in builds_near(name).arguments} == expected
