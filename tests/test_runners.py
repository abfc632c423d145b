"""An image that runs on machines of a rare platform needs review, wherever the file says so."""

import pytest

from echo_migrate.api import check_text, load_settings

STEP = "steps: [{name: a, image: 'node:22', commands: ['node -v']}]\n"
GITHUB = "on: push\njobs:\n  a: {runs-on: %s, container: 'node:22', steps: [{run: 'node -v'}]}\n"
COMPOSE = "services: {a: {image: 'node:22', deploy: {placement: {constraints: ['%s']}}}}\n"
NOMAD = (
    'job "a" {\n  %s\n  group "b" {\n    task "c" {\n      driver = "docker"\n'
    '      config {\n        image = "node:22"\n      }\n    }\n  }\n}\n'
)
CONSTRAINT = 'constraint {\n    attribute = "${attr.%s}"\n    %s\n  }'

RARE = {
    "Drone": (".drone.yml", "kind: pipeline\nplatform: {os: linux, arch: arm, variant: 7}\n" + STEP, "linux/arm"),
    "Drone on Windows": (".drone.yml", "kind: pipeline\nplatform: {os: windows}\n" + STEP, "windows/amd64"),
    "Woodpecker": (".woodpecker.yml", "labels: {platform: linux/riscv64}\n" + STEP, "linux/riscv64"),
    "Woodpecker before 1.0": (".woodpecker.yml", "platform: linux/arm/v7\n" + STEP, "linux/arm/v7"),
    "GitLab, a runner": (
        ".gitlab-ci.yml",
        "a: {image: 'node:22', tags: [shared, ibm-s390x], script: [x]}\n",
        "linux/s390x",
    ),
    "GitLab, an image": (
        ".gitlab-ci.yml",
        "a: {image: {name: 'node:22', docker: {platform: linux/ppc64le}}, script: [x]}\n",
        "linux/ppc64le",
    ),
    "GitLab, a runner of its own": (
        ".gitlab-ci.yml",
        "a: {image: 'node:22', tags: [saas-windows-medium-amd64], script: [x]}\n",
        "windows/amd64",
    ),
    "GitLab, all jobs": (
        ".gitlab-ci.yml",
        "default: {tags: [windows]}\na: {image: 'node:22', script: [x]}\n",
        "windows/amd64",
    ),
    "GitLab, a template": (
        ".gitlab-ci.yml",
        ".win: {tags: [windows-1809]}\n.b: {extends: .win}\na: {extends: .b, image: 'node:22', script: [x]}\n",
        "windows/amd64",
    ),
    "GitHub, on Windows": (".github/workflows/a.yml", GITHUB % "[self-hosted, Windows, X64]", "windows/amd64"),
    "GitHub, armhf": (".github/workflows/a.yml", GITHUB % "armhf-runner", "linux/arm/v7"),
    "GitHub, armv7": (".github/workflows/a.yml", GITHUB % "self-hosted-armv7l", "linux/arm/v7"),
    "GitHub, a label": (".github/workflows/a.yml", GITHUB % "ubuntu-24.04-ppc64le", "linux/ppc64le"),
    "GitHub, labels": (".github/workflows/a.yml", GITHUB % "[self-hosted, ARM]", "linux/arm"),
    "GitHub, a group": (".github/workflows/a.yml", GITHUB % "{group: g, labels: [s390x]}", "linux/s390x"),
    "GitHub, a script": (
        ".github/workflows/a.yml",
        "on: push\njobs:\n  a: {runs-on: windows-2022, steps: [{shell: bash, run: docker run node:22 node -v}]}\n",
        "windows/amd64",
    ),
    "Travis, one of several": (
        ".travis.yml",
        "arch: [amd64, s390x]\nscript: docker run node:22 node -v\n",
        "linux/s390x",
    ),
    "Travis": (".travis.yml", "arch: [s390x]\nscript: docker run node:22 node -v\n", "linux/s390x"),
    "Azure": (
        "azure-pipelines.yml",
        "pool: {vmImage: windows-2022}\njobs: [{job: a, container: 'node:22', steps: [{script: x}]}]\n",
        "windows/amd64",
    ),
    "Swarm": ("compose.yaml", COMPOSE % "node.platform.arch==armv7l", "linux/arm/v7"),
    "Swarm on Windows": ("compose.yaml", COMPOSE % "node.platform.os == windows", "windows/amd64"),
    "Nomad": ("a.nomad", NOMAD % (CONSTRAINT % ("cpu.arch", 'value = "arm"')), "linux/arm"),
    "Nomad on Windows": (
        "a.nomad",
        NOMAD % (CONSTRAINT % ("kernel.name", 'operator = "="\n    value = "windows"')),
        "windows/amd64",
    ),
}

COMMON = {
    "GitHub, arm64": (".github/workflows/a.yml", GITHUB % "[self-hosted, ARM64]"),
    "GitHub, a name": (".github/workflows/a.yml", GITHUB % "farm-linux"),
    "GitHub, another job": (
        ".github/workflows/a.yml",
        GITHUB % "ubuntu-latest" + "  b: {runs-on: s390x, steps: [{run: make}]}\n",
    ),
    "GitHub, a matrix": (
        ".github/workflows/a.yml",
        "on: push\njobs:\n  a: {runs-on: ubuntu, strategy: {matrix: {os: [windows]}}, container: 'node:22'}\n",
    ),
    "GitHub, Linux for Windows": (".github/workflows/a.yml", GITHUB % "windows-tests-linux"),
    "GitHub, not Windows": (".github/workflows/a.yml", GITHUB % "[self-hosted, linux, x64, not-windows]"),
    "GitHub, only not Windows": (".github/workflows/a.yml", GITHUB % "not-windows"),
    "GitHub, x64 for another": (".github/workflows/a.yml", GITHUB % "[self-hosted, x64, s390x-cross]"),
    "GitHub, a word within": (".github/workflows/a.yml", GITHUB % "ubuntu-latest-s390x-cross"),
    "GitLab, a word within": (
        ".gitlab-ci.yml",
        "a: {image: 'node:22', tags: [build-windows-installer], script: [x]}\n",
    ),
    "GitLab, tags of its own": (
        ".gitlab-ci.yml",
        "default: {tags: [windows]}\na: {image: 'node:22', tags: [docker], script: [x]}\n",
    ),
    "GitLab, tags over a template's": (
        ".gitlab-ci.yml",
        ".win: {tags: [windows]}\na: {extends: .win, image: 'node:22', tags: [docker], script: [x]}\n",
    ),
    "Azure, a pool of its own": (
        "azure-pipelines.yml",
        "pool: {vmImage: windows-2022}\n"
        "jobs: [{job: a, pool: {vmImage: ubuntu-latest}, container: {image: 'node:22', endpoint: r}, steps: []}]\n",
    ),
    "Azure, a pool by name": (
        "azure-pipelines.yml",
        "pool: {vmImage: windows-2022}\n"
        "jobs: [{job: a, pool: own, container: {image: 'node:22', endpoint: r}, steps: []}]\n",
    ),
    "Drone": (".drone.yml", "kind: pipeline\nplatform: {os: linux, arch: arm64}\n" + STEP),
    "GitLab": (".gitlab-ci.yml", "a: {image: 'node:22', tags: [arm64, docker], script: [x]}\n"),
    "Swarm": ("compose.yaml", COMPOSE % "node.platform.arch==x86_64"),
    "Swarm, a role": ("compose.yaml", COMPOSE % "node.role==manager"),
    "Swarm, not there": ("compose.yaml", COMPOSE % "node.platform.os != windows"),
    "Nomad, not there": (
        "a.nomad",
        NOMAD % (CONSTRAINT % ("kernel.name", 'operator = "!="\n    value = "windows"')),
    ),
    "Nomad": ("a.nomad", NOMAD % (CONSTRAINT % ("cpu.arch", 'value = "arm64"'))),
}

SETTINGS = load_settings()._replace(logins=frozenset({"ci", "github", "gitlab", "nomad"}))


@pytest.mark.parametrize(("path", "text", "platform"), RARE.values(), ids=RARE)
def test_a_rare_platform_needs_review(path: str, text: str, platform: str) -> None:
    (one,) = check_text(text, path, SETTINGS).outcomes
    assert one.state == "needs-person"
    assert f"platform {platform} may not be available" in [reason.message for reason in one.reasons]


@pytest.mark.parametrize(("path", "text"), COMMON.values(), ids=COMMON)
def test_a_common_platform_does_not(path: str, text: str) -> None:
    assert [one.state for one in check_text(text, path, SETTINGS).outcomes] == ["migrate"]
