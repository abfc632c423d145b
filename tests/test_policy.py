"""The gate: what ``policy`` writes says the same as the rule, by the engines that run such policies."""

import json
from pathlib import Path
from typing import Any

import cel
import dockerfile
import pytest
import regorus
import yaml

from echo_migrate.images.approval import Approval, Exemption, pattern, problem
from echo_migrate.reports.policies import KINDS
from tests.conftest import Run

TODAY = "2026-11-24"
NAMES = ("reg.echohq.com", "docker.io/acme/dhi-", "harbor.example:5000/base")
APPROVED = (
    "reg.echohq.com/python:3.13",
    "acme/dhi-node:22",
    "docker.io/acme/dhi-node@sha256:" + "a" * 64,
    "harbor.example:5000/base/java:21",
)
REFUSED = (
    "python:3.13",
    "reg.echohq.com.example/python:3",
    "example.com/reg.echohq.com/python:3",
    "acme/node:22",
    "harbor.example:5000/other/java:21",
    "harbor.example/base/java:21",
)
EXCEPTED = (Exemption("alpine", "until there is one", "2199-12-31"), Exemption("acme/old", "too long", "2026-11-23"))
HUB = ("docker.io", "index.docker.io", "registry-1.docker.io")


@pytest.fixture
def run(inside: Run) -> Run:
    """Run the program in this process: none of these tests is about processes."""
    return inside


def full(value: str) -> str:
    """A reference as BuildKit has it: the name alone, with the registry written out."""
    name = value.partition("@")[0]
    folder, slash, last = name.rpartition("/")
    name = folder + slash + last.partition(":")[0]
    first = name.partition("/")[0]
    if "." in first or ":" in first:
        return name
    return f"docker.io/{name}" if "/" in name else f"docker.io/library/{name}"


def asked(text: str, query: str, given: Any) -> Any:
    engine = regorus.Engine()
    engine.add_policy("policy.rego", text)
    engine.set_input(given)
    return engine.eval_rule(query)


def instructions(text: str) -> list[dict[str, Any]]:
    """A Dockerfile as Conftest reads it, which uses the same parser."""
    return [
        {"Cmd": one.cmd.lower(), "Value": list(one.value), "Flags": list(one.flags), "Stage": 0}
        for one in dockerfile.parse_string(text)
    ]


def images_are_fine(text: str, images: list[str], where: str = "containers") -> bool:
    """Whether Kyverno's policy lets a pod in: its variables, and then its expression, by CEL."""
    spec: dict[str, Any] = {"containers": [{"name": "x", "image": image} for image in images[:1]]}
    spec[where] = [{"name": "x", "image": image} for image in images]
    policy = yaml.safe_load(text)["spec"]
    values = {one["name"]: cel.evaluate(one["expression"], {"object": {"spec": spec}}) for one in policy["variables"]}
    return all(cel.evaluate(one["expression"], {"variables": values}) for one in policy["validations"])


@pytest.mark.parametrize("today", [TODAY, "2200-01-01"])
def test_each_program_allows_what_the_rule_allows(today: str) -> None:
    approval = Approval(NAMES, EXCEPTED)
    texts = {kind: write(approval, today) for kind, write in KINDS.items()}
    excepted = today == TODAY
    cases = [*((value, True) for value in APPROVED), *((value, False) for value in REFUSED)]
    cases += [("alpine:3.22", excepted), ("docker.io/library/alpine", excepted), ("acme/old:1", False)]
    for value, fine in cases:
        assert asked(texts["buildkit"], "data.docker.decision", {"image": {"fullRepo": full(value)}}) == {"allow": fine}
        for given in (
            instructions(f"FROM {value}\n"),
            instructions(f"ARG BASE={value}\nFROM ${{BASE}} AS build\nFROM build\nCOPY --from=0 / /\n"),
            instructions(f"FROM scratch\nCOPY --from={value} /a /a\n"),
            {"services": {"a": {"image": value}}},
            {"kind": "Pod", "spec": {"initContainers": [{"image": value}], "containers": []}},
        ):
            assert bool(asked(texts["conftest"], "data.main.deny", given)) is not fine, (value, given)
        for where in ("containers", "initContainers", "ephemeralContainers"):
            assert images_are_fine(texts["kyverno"], [value], where) is fine, (value, where)


def test_buildkit_runs_what_it_needs_itself() -> None:
    text = KINDS["buildkit"](Approval(NAMES), TODAY)
    for given in (
        {"local": {"name": "context"}},
        {"git": {"host": "github.com"}},
        {"image": {"fullRepo": "docker.io/docker/dockerfile"}},
    ):
        assert asked(text, "data.docker.decision", given) == {"allow": True}
    assert asked(text, "data.docker.decision", {"image": {"fullRepo": "docker.io/docker/cli"}}) == {"allow": False}


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("FROM python\nFROM scratch AS python\n", ["python"]),
        ("FROM reg.echohq.com/go:1 AS Build\nFROM build\nCOPY --from=BUILD /a /a\n", []),
        ("FROM reg.echohq.com/go:1 AS a\nCOPY --from=b /a /a\nFROM scratch AS b\n", ["b"]),
        ("ARG V=node\nARG V=reg.echohq.com/node\nFROM ${V}\nARG V=1\nFROM scratch\nARG V=2\n", []),
        ("ARG V=reg.echohq.com/node\nARG V=node\nFROM $V\n", ["node"]),
        ("FROM scratch\nARG V=reg.echohq.com/node\nFROM ${V}\n", ["${V}"]),
        ("FROM 0\n", ["0"]),
    ],
)
def test_conftest_reads_stages_and_arguments_as_docker_does(text: str, refused: list[str]) -> None:
    denied = asked(KINDS["conftest"](Approval(NAMES), TODAY), "data.main.deny", instructions(text))
    assert sorted(one.partition(" ")[0] for one in denied) == refused


TREE = """\
ARG RUNTIME=python:3.13-slim
FROM golang:1.26 AS build
RUN go build -o /tool .
FROM ${RUNTIME}
COPY --from=build /tool /tool
COPY --from=redis:8 /usr/local/bin/redis-cli /usr/local/bin/
"""


def test_a_migrated_tree_passes_and_one_upstream_image_does_not(run: Run, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(TREE)
    (tmp_path / ".echo-migrate.toml").write_text('approved = ["reg.echohq.com"]\n')
    texts = {}
    for kind in KINDS:
        assert run("policy", kind, "--output", f"{kind}.policy").returncode == 0
        texts[kind] = (tmp_path / f"{kind}.policy").read_text()
    words = ("check", "--select", "unapproved-registry,unhardened-image", "--output-format", "json")

    def refused() -> int:
        text = (tmp_path / "Dockerfile").read_text()
        found = [one for one in json.loads(run(*words).stdout)["findings"] if one["rule"] == "unapproved-registry"]
        denied = asked(texts["conftest"], "data.main.deny", instructions(text))
        assert len(found) == len(denied)
        return len(found)

    assert refused() == 3
    run("fix", "--select", "unhardened-image")
    assert refused() == 0
    text = (tmp_path / "Dockerfile").read_text()
    (tmp_path / "Dockerfile").write_text(text.replace("reg.echohq.com/redis", "redis"))
    assert refused() == 1


def test_an_exception_ends(run: Run, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM acme/tool:1\n")
    (tmp_path / ".echo-migrate.toml").write_text(
        'approved = ["dhi.io"]\n[exceptions]\n"acme/tool" = { reason = "no hardened form", until = 2199-06-30 }\n'
    )
    check = ("check", "--select", "unapproved-registry")
    assert run(*check, "--today", "2199-06-30").returncode == 0
    late = run(*check, "--today", "2199-07-01")
    assert (late.returncode, b"its exception ended on 2199-06-30 (no hardened form)" in late.stdout) == (1, True)
    for today, fine in (("2199-06-30", True), ("2199-07-01", False)):
        text = run("policy", "buildkit", "--today", today).stdout.decode()
        given = {"image": {"fullRepo": "docker.io/acme/tool"}}
        assert asked(text, "data.docker.decision", given) == {"allow": fine}
        text = run("policy", "conftest", "--today", today).stdout.decode()
        assert bool(asked(text, "data.main.deny", instructions("FROM acme/tool:1\n"))) is not fine
        text = run("policy", "kyverno", "--today", today).stdout.decode()
        assert images_are_fine(text, ["dhi.io/a:1", "acme/tool:1"]) is fine


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('approved = "dhi.io"', "approved must be a list of texts"),
        ('approved = ["docker.io"]', "has the images of everyone"),
        ('approved = ["dhi.io/python:3"]', "is not HOST"),
        ('approved = ["https://dhi.io"]', "is not HOST"),
        ('approved = ["[::1]:5000"]', "is not HOST"),
        ("exceptions = []", "exceptions must be a table"),
        ('[exceptions]\nalpine = "x"', "must be a table with reason and until"),
        ('[exceptions]\nalpine = { reason = "x" }', "until must be a day"),
        ('[exceptions]\nalpine = { reason = "x", until = "soon" }', "until must be a day"),
        ('[exceptions]\nalpine = { reason = "x", until = 2999-01-01 }', "must not be after 2200"),
        ('[exceptions]\nalpine = { reason = "", until = 2027-01-01 }', "reason must be a text"),
        ('[exceptions]\nalpine = { reason = "a\\nb", until = 2027-01-01 }', "reason must be a text"),
        ('[exceptions]\nalpine = { reasons = "x", until = 2027-01-01 }', "did you mean 'reason'"),
        ('[exceptions]\n"a:b:c" = { reason = "x", until = 2027-01-01 }', "is not HOST"),
    ],
)
def test_wrong_configuration(run: Run, tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / ".echo-migrate.toml").write_text(text + "\n")
    done = run("check", ".")
    assert done.returncode == 2
    assert says in " ".join(done.stderr.decode().split())


def test_wrong_use(run: Run, tmp_path: Path) -> None:
    assert run("policy", "opa").returncode == 2
    assert run("policy", "buildkit", "--provider", "upstream").returncode == 2
    assert run("policy", "buildkit", "--output", str(tmp_path)).returncode == 2
    assert b"dhi[.]io/" in run("policy", "buildkit", "--provider", "docker").stdout


def test_names_are_quoted() -> None:
    assert pattern(["dhi.io"]) == "^(?:dhi[.]io/)"
    assert problem("dhi.io") == problem("acme/dhi-") == problem("localhost:5000/x") == ""
    assert all(problem(name) for name in (*HUB, "a b", "$x", "dhi.io/$x", "dhi.io/a:1"))
