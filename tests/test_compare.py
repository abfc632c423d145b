"""Providers side by side: what is counted is what a run with each of them says."""

import json
from pathlib import Path

import pytest

from docs import comparison
from echo_migrate.images import providers
from tests import registries
from tests.conftest import Run
from tests.proxy import proxy
from tests.test_schemas import validator

ROOT = Path(__file__).parent.parent
EXAMPLES = str(ROOT / "tests" / "examples")
STATES = ("offered", "not_offered", "hardened", "first_party", "ignored", "unclear")


@pytest.fixture
def run(inside: Run) -> Run:
    """Run the program in this process: none of these tests is about processes."""
    return inside


def test_counts_are_those_of_each_provider(run: Run) -> None:
    done = run("compare", "--output-format", "json", "--today", comparison.TODAY, EXAMPLES)
    assert done.returncode == 0
    document = json.loads(done.stdout)
    validator("compare").validate(document)
    rows = {row["provider"]: row for row in document["providers"]}
    assert set(rows) == set(providers.providers())
    assert [row["safe"] for row in rows.values()] == sorted((row["safe"] for row in rows.values()), reverse=True)
    for provider, row in rows.items():
        words = ("--provider", provider, "--today", comparison.TODAY, "--output-format", "json", EXAMPLES)
        summary = json.loads(run("check", *words).stdout)["summary"]
        assert document["references"] == summary["references"] == sum(row[state] for state in STATES)
        assert row["offered"] == row["safe"] + row["unsafe"] + row["by_hand"]
        assert (row["safe"], row["hardened"], row["not_offered"]) == (
            *(summary["migrated"], summary["hardened"], summary["no_replacement"]),
        )
        assert row["unsafe"] + row["by_hand"] + row["unclear"] == summary["needs_person"]


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_forms_of_files(run: Run, tmp_path: Path, jobs: str) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python:3.13-slim\nFROM acme.example/own:1\nFROM ${BASE}\n")
    (tmp_path / "compose.yaml").write_text("services:\n  a: {image: 'dhi.io/redis:8'}\n")
    (tmp_path / "run.sh").write_text("docker run redis:7.4-alpine\n")
    done = run("compare", "--jobs", jobs, str(tmp_path))
    said = done.stdout.decode()
    assert done.returncode == 0
    assert "5 image references in 3 files" in said
    assert "1 of them without a value in their file" in said
    for title in ("Chainguard", "distroless", "Docker Hardened Images", "Red Hat Hardened Images"):
        assert f"{title}: why" in said


def test_from_a_vendor(run: Run, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM dhi.io/golang:1.26-dev\nFROM reg.echohq.com/node:22\n")
    words = ("compare", "--output-format", "json", str(tmp_path))
    before = {row["provider"]: row for row in json.loads(run(*words).stdout)["providers"]}
    after = {row["provider"]: row for row in json.loads(run(*words, "--from", "docker").stdout)["providers"]}
    assert (before["echo"]["hardened"], before["echo"]["safe"]) == (2, 0)
    assert (after["echo"]["hardened"], after["echo"]["safe"]) == (1, 1)
    assert after["docker"]["hardened"] == 2


def test_wrong_use(run: Run, tmp_path: Path) -> None:
    assert run("compare", "-").returncode == 2
    assert run("compare", str(tmp_path / "not-there")).returncode == 2
    assert run("compare", "--from", "dokcer", str(tmp_path)).returncode == 2


def test_the_tables_of_the_docs_are_what_a_run_prints() -> None:
    page = comparison.PAGE.read_text()
    assert comparison.with_table(page, "examples", comparison.table("tests/examples")) == page
    assert "| echo |" in page.partition("<!-- microservices-demo -->")[2]


def test_online_asks_each_provider_and_counts_as_offline_where_none_answers(run: Run, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python:3.13\nFROM node:22\n")
    words = ("compare", "--output-format", "json", "--today", comparison.TODAY, str(tmp_path))
    nowhere = dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY"), "http://127.0.0.1:9")
    asked = run(*words, "--online", env={**nowhere, "XDG_CACHE_HOME": str(tmp_path / "cache")})
    assert asked.returncode == 0, asked.stderr
    for host in ("dhi.io", "reg.echohq.com", "cgr.dev"):
        assert host.encode() in asked.stderr
    assert asked.stdout == run(*words).stdout
    assert run(*words, "--offline").returncode == 2


def test_online_counts_what_each_registry_has(run: Run, tmp_path: Path, no_logins: Path) -> None:
    tree, folders = tmp_path / "tree", [tmp_path / name for name in ("tree", "echo", "docker")]
    for folder in folders:
        folder.mkdir()
    (tree / "Dockerfile").write_text("FROM golang:1.26\nFROM node:22.9.0\nFROM redis:7.2\n")
    authority = registries.make_authority(tmp_path, "reg.echohq.com", "dhi.io")
    words = ("compare", "--output-format", "json", "--today", comparison.TODAY, str(tree))
    image = registries.Image({"bin/sh": ""}, {"Cmd": ["sh"]})
    with (
        registries.docker_registry(folders[1], authority=authority) as echo,
        registries.docker_registry(folders[2], authority=authority) as docker,
        proxy({"reg.echohq.com": echo.port, "dhi.io": docker.port}) as way,
    ):
        echo.push("golang", "1.26", image)
        echo.push("node", "22", image)
        docker.push("redis", "8", image)
        reach = {"HTTPS_PROXY": way.address, "SSL_CERT_FILE": str(authority.authority)}
        asked = run(*words, "--online", env={**reach, "XDG_CACHE_HOME": str(tmp_path / "cache")})
    assert asked.returncode == 0, asked.stderr
    assert b"reg.echohq.com" not in asked.stderr
    assert b"cgr.dev: the proxy refuses the connection" in asked.stderr
    counted = ("offered", "safe", "unsafe", "by_hand", "not_offered")
    offline, online = (
        {row["provider"]: row for row in json.loads(done.stdout)["providers"]} for done in (run(*words), asked)
    )
    assert [offline["echo"][one] for one in counted] == [3, 2, 1, 0, 0]
    assert [online["echo"][one] for one in counted] == [2, 1, 1, 0, 1]  # no image redis
    assert [offline["docker"][one] for one in counted] == [3, 1, 1, 1, 0]
    assert [online["docker"][one] for one in counted] == [1, 0, 0, 1, 2]  # redis alone, in another line
    assert online["chainguard"] == offline["chainguard"]
