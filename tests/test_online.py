"""Runs that ask a registry, or a lock file: Debian's docker-registry on loopback, and stand-ins for the rest."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from echo_migrate.images import catalog
from echo_migrate.images.mapping_file import read_mapping
from echo_migrate.registry import lock
from tests import registries
from tests.conftest import NOWHERE, Done, Run, heeding
from tests.registries import Image, Registry, Reply, Request, StandIn

ROOT_USER = Image({"bin/sh": ""}, {"Cmd": ["python3"]})
NONROOT = Image({"bin/true": ""}, {"User": "65532", "Entrypoint": ["/usr/bin/node"]})
DIGEST = f"sha256:{'0123456789abcdef' * 4}"

Ask = Callable[..., Done]


@pytest.fixture(scope="module")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry with some of Echo's images."""
    with registries.docker_registry(tmp_path_factory.mktemp("echo")) as running:
        for tag in ("3.13", "3.13-slim", "3.12-bookworm"):
            running.push_index("python", tag, ROOT_USER, ROOT_USER._replace(platform="linux/arm64"))
        running.push("golang", "1.26", ROOT_USER)
        running.push("node", "22", NONROOT)
        running.push("node", "22.11.0", NONROOT)
        running.push("redis", "8.0", ROOT_USER)
        yield running


@pytest.fixture
def ask(run: Run, tmp_path: Path) -> Ask:
    """``ask(registry, "check", …)``: the finished process of a run at that registry, with a cache of its own."""
    home = tmp_path.parent / f"{tmp_path.name}-home"
    home.mkdir()
    reach = {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "HTTPS_PROXY": NOWHERE, "HTTP_PROXY": NOWHERE}

    def ask(at: "Registry | StandIn | str", *words: str, env: Mapping[str, str] = {}) -> Done:
        host = at if isinstance(at, str) else at.host
        return run(*words, "--registry", host, env=reach | dict(env))

    return ask


def references(done: Done) -> list[dict[str, Any]]:
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)["references"]
    return found


def test_statuses(ask: Ask, echo: Registry, tmp_path: Path) -> None:
    lines = ["golang:1.26", "python:3.12-bookworm", "node:22.9.0", "redis:7.2", "httpd:2.4", "python:${V}"]
    (tmp_path / "Dockerfile").write_text("".join(f"FROM {line}\n" for line in lines))
    listing = ("inventory", ".", "--output-format", "json")
    before = references(ask(echo, *listing))
    assert not any("status" in row for row in before)
    states = {row["raw"]: row["state"] for row in before}
    assert (
        states.pop("python:${V}") == states.pop("node:22.9.0") == states.pop("python:3.12-bookworm") == "needs-person"
    )
    assert set(states.values()) == {"migrate"}
    found = {row["raw"]: row for row in references(ask(echo, *listing, "--online"))}
    said = {raw: (row["state"], row["status"], row["target"]) for raw, row in found.items()}
    assert said == {
        "golang:1.26": ("migrate", "available", f"{echo.host}/golang:1.26"),
        "python:3.12-bookworm": ("migrate", "available", f"{echo.host}/python:3.12-bookworm"),
        "node:22.9.0": ("needs-person", "available", f"{echo.host}/node:22"),
        "redis:7.2": ("needs-person", "no-such-tag", f"{echo.host}/redis"),
        "httpd:2.4": ("no-replacement", "no-such-image", None),
        "python:${V}": ("needs-person", None, f"{echo.host}/python:${{V}}"),
    }
    assert found["node:22.9.0"]["reasons"][0]["id"] == "drops-version"
    assert found["redis:7.2"]["reason"] == "redis has no tag 7.2; nearest: 8.0"
    assert found["httpd:2.4"]["reason"] == f"{echo.host} has no image httpd"


def test_confirming_from_the_cache_loads_no_http(ask: Ask, echo: Registry, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM golang:1.26\nFROM redis:7.2\n")
    listing, named = ("inventory", ".", "--output-format", "json", "--online"), {"PYTHONPROFILEIMPORTTIME": "1"}
    first, second = (ask(echo, *listing, env=named) for _ in range(2))
    assert b"httpcore" in first.stderr
    for name in (b"httpcore", b"echo_migrate.registry.session", b" ssl\n"):
        assert name not in second.stderr
    assert references(first) == references(second)


def test_what_was_asked_is_in_every_output(ask: Ask, echo: Registry, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM golang:1.26\nFROM redis:7.2\nFROM httpd:2.4\n")
    text = ask(echo, "check", ".", "--online")
    assert text.returncode == 1
    assert b"At the registry: 1 available, 1 no such tag, 1 no such image\n" in text.stdout
    assert b"not verified" not in text.stdout
    report = json.loads(ask(echo, "check", ".", "--online", "--output-format", "json").stdout)
    assert report["statuses"] == {"available": 1, "no-such-tag": 1, "no-such-image": 1}
    assert report["summary"]["by_convention"] == 0
    assert "statuses" not in json.loads(ask(echo, "check", ".", "--output-format", "json").stdout)


def test_the_registrys_own_answer_decides_who_runs_and_where(ask: Ask, echo: Registry, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM node:22\nRUN apt-get update\n")
    offline = references(ask(echo, "inventory", ".", "--output-format", "json"))
    (found,) = references(ask(echo, "inventory", ".", "--output-format", "json", "--online"))
    assert offline[0]["state"] == "migrate"
    assert found["state"] == "needs-person"
    assert "runs as 65532 instead of root" in found["reason"]


def test_match_shows_both_images(ask: Ask, echo: Registry) -> None:
    done = ask(echo, "match", "python:3.13", "--online")
    assert done.returncode == 0, done.stderr
    assert f"python:3.13 -> {echo.host}/python:3.13 (safe)".encode() in done.stdout
    rows = [line.split() for line in done.stdout.decode().splitlines()]
    assert ["user", "root"] in rows
    assert ["platforms", "linux/amd64", "linux/arm64"] in rows
    answer = json.loads(ask(echo, "match", "python:3.13", "--online", "--output-format", "json").stdout)
    assert answer["status"] == "available"
    assert answer["after"]["cmd"] == "python3"
    assert "before" not in answer  # upstream's registry could not be asked


def test_a_fix_is_pinned_and_the_lock_does_it_again_without_a_network(
    ask: Ask, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    written = f"""\
FROM node:22-alpine@{DIGEST} AS build
RUN npm ci
FROM python:3.13-slim AS tools
FROM node:22.9.0-alpine
COPY --from=tools /app /app
"""
    file = tmp_path / "Dockerfile"
    file.write_text(written)
    with registries.docker_registry(tmp_path_factory.mktemp("gone")) as gone:
        alpine = gone.push("node", "22-alpine", Image({}, {"Entrypoint": ["docker-entrypoint.sh"]}))
        slim = gone.push("python", "3.13-slim", ROOT_USER)
        asked = ask(gone, "fix", "--diff", ".", "--online", "--pin")
        assert asked.returncode == 1, asked.stderr
        locked = ask(gone, "lock", ".")
        assert locked.returncode == 0, locked.stderr
        assert ask(gone, "lock", ".", "--check").returncode == 0
    host = gone.host
    entries = lock.read(str(tmp_path / lock.NAME))
    assert {name: entry.answer.digest for name, entry in entries.items() if entry.answer.status == "available"} == {
        f"{host}/node:22-alpine": alpine.digest,
        f"{host}/python:3.13-slim": slim.digest,
    }
    assert ask(host, "fix", "--diff", ".", "--locked", "--pin").stdout == asked.stdout
    assert ask(host, "fix", ".", "--locked", "--pin").returncode == 0
    fixed = file.read_text()
    assert fixed == written.replace(f"node:22-alpine@{DIGEST}", f"{host}/node:22-alpine@{alpine.digest}").replace(
        "python:3.13-slim", f"{host}/python:3.13-slim@{slim.digest}"
    )
    assert ask(host, "fix", ".", "--locked", "--pin").returncode == 0
    assert file.read_text() == fixed
    file.write_text(fixed.replace(slim.digest, DIGEST))
    checked = ask(host, "check", ".", "--locked", "--output-format", "concise")
    assert [line.split()[1] for line in checked.stdout.decode().splitlines() if "digest" in line]
    assert b"unlocked-digest" in checked.stdout


def test_a_registry_that_does_not_answer_changes_nothing(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python:3.13-slim\nFROM golang:1.26\n")
    host = f"127.0.0.1:{registries.free_port()}"
    offline = ask(host, "check", ".")
    done = ask(host, "check", ".", "--online")
    assert done.returncode == offline.returncode
    assert done.stdout.replace(b"At the registry: 2 unconfirmed\n", b"") == offline.stdout
    assert host in done.stderr.decode()
    assert b"Traceback" not in done.stderr
    locked = ask(host, "lock", ".")
    assert locked.returncode == 2
    assert not (tmp_path / lock.NAME).exists()


def test_an_interrupt_ends_what_waits_for_a_registry(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM golang:1.26\n")

    def answer(request: Request) -> Reply:
        if request.path != "/v2/":
            standin.released.wait()
        return Reply()

    words = [sys.executable, "-m", "echo_migrate", "check", ".", "--online", "--registry"]
    with StandIn(answer) as standin:
        environment = os.environ | {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
        process = subprocess.Popen(
            [*words, standin.host], cwd=tmp_path, env=environment, stderr=subprocess.PIPE, preexec_fn=heeding
        )
        while not standin.asked:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=15)  # one that sends nothing is given 20 s
    assert (process.returncode, said) == (130, b"echo-migrate: interrupted\n")


def test_what_an_account_may_not_pull(ask: Ask, tmp_path: Path) -> None:
    def answer(request: Request) -> Reply:
        if not request.authorization:
            return Reply(401, b"{}", {"WWW-Authenticate": 'Basic realm="test"'})
        return Reply(403, b'{"errors":[{"code":"DENIED"}]}')

    (tmp_path / "Dockerfile").write_text("FROM python:3.13-slim\n")
    with StandIn(answer) as standin:
        config = tmp_path.parent / f"{tmp_path.name}-login"
        config.mkdir()
        login = {"auths": {standin.host: {"auth": "YWRhOmhpZGRlbi13b3Jk"}}}  # ada:hidden-word
        (config / "config.json").write_text(json.dumps(login))
        listing = ("inventory", ".", "--online", "--output-format", "json")
        (found,) = references(ask(standin, *listing, env={"DOCKER_CONFIG": str(config)}))
        assert (found["status"], found["state"]) == ("not-entitled", "needs-person")
        assert found["reason"] == "your account may not pull python:3.13-slim"
        (unknown,) = references(ask(standin, *listing))
        assert (unknown["status"], unknown["state"]) == ("unconfirmed", "migrate")
        told = ask(standin, "check", ".", "--online", env={"DOCKER_CONFIG": str(config)})
        assert b"hidden-word" not in told.stdout + told.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("version = 2\n", "no lock file of this version"),
        ("version = 1\nimages = 3\n", "images must be a table"),
        ('version = 1\n[images]\n"node:22" = {}\n', "not the full name"),
        ('version = 1\n[images]\n"a.example/node:22" = 3\n', "needs a status"),
        ('version = 1\n[images]\n"a.example/node:22" = {status = "available", date = "2026-01-01"}\n', "has a digest"),
        (
            'version = 1\n[images]\n"a.example/n:1" = {status = "no-such-tag", date = "2026-01-01", digest = "x"}\n',
            "digest is not",
        ),
        (
            'version = 1\n[images]\n"a.example/n:1" = {status = "no-such-tag", date = "2026-01-01", platforms = "x"}\n',
            "platforms are",
        ),
        ("version = ", "not valid TOML"),
        ("a" + ".a" * 5000 + " = 1\n", "too many parts"),
        ("\xff", "not valid TOML"),
    ],
)
def test_a_lock_file_that_is_none(run: Run, tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "Dockerfile").write_text("FROM node:22\n")
    (tmp_path / lock.NAME).write_text(text)
    done = run("check", ".", "--locked")
    assert done.returncode == 2
    assert said in done.stderr.decode()
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("check", "--online", "--locked"),
        ("check", "--refresh"),
        ("check", "--offline"),
        ("fix", "--pin"),
        ("check", "--online", "--refresh", "--offline"),
        ("check", "--locked"),
    ],
)
def test_options_that_do_not_go_together(run: Run, tmp_path: Path, words: tuple[str, ...]) -> None:
    (tmp_path / "Dockerfile").write_text("FROM node:22\n")
    done = run(*words, ".")
    assert done.returncode == 2
    assert done.stderr.startswith(b"Error: ")


def test_a_configuration_file_reaches_no_network(run: Run, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "Dockerfile").write_text("FROM node:22\n")
    for key in ("online", "locked", "refresh", "offline"):
        (tmp_path / ".echo-migrate.toml").write_text(f"{key} = true\n")
        done = run("check", ".")
        assert done.returncode == 2
        assert f"unknown key '{key}'" in done.stderr.decode()


def test_a_list_takes_the_place_of_the_tables(ask: Ask, run: Run, echo: Registry, tmp_path: Path) -> None:
    pulled = ask(echo, "catalog", "pull", "--output", "own.yaml")
    assert pulled.returncode == 0, pulled.stderr
    data = read_mapping(str(tmp_path / "own.yaml"))
    assert data["images"] == {name: name for name in ("golang", "node", "python", "redis")}
    assert data["tag_lists"]["python"] == ["3.12-bookworm", "3.13", "3.13-slim"]
    (tmp_path / "Dockerfile").write_text("FROM golang:1.26\nFROM golang:1.27\nFROM httpd:2.4\n")
    found = references(run("inventory", ".", "--mapping", "own.yaml", "--output-format", "json"))
    assert [(row["state"], row["basis"]) for row in found] == [("migrate", "seen")] + [
        ("needs-person", "seen"),
        ("needs-person", "offered"),
    ]
    assert found[0]["target"] == f"{echo.host}/golang:1.26"
    assert ask(echo, "catalog", "diff", "own.yaml").returncode == 0
    (tmp_path / "old.yaml").write_text((tmp_path / "own.yaml").read_text().replace('"3.13-slim"', '"3.11"'))
    differs = ask(echo, "catalog", "diff", "old.yaml", "own.yaml")
    assert differs.returncode == 1
    assert differs.stdout == b"+ python: 3.13-slim\n- python: 3.11\n"


def test_a_mirror_with_names_of_its_own_that_lists_nothing(ask: Ask, run: Run, tmp_path: Path) -> None:
    tags = {
        "acme/dhi-python": ["3.14", "3.14-dev", "3.14-debian13", "3.14-debian13-dev", "sha256-" + "0" * 64 + ".sig"]
    }

    def answer(request: Request) -> Reply:
        name = request.path.removeprefix("/v2/").removesuffix("/tags/list")
        if name in tags:
            return Reply(200, json.dumps({"name": name, "tags": tags[name]}).encode())
        return Reply(200 if request.path == "/v2/" else 404, b'{"errors":[{"code":"NAME_UNKNOWN"}]}')

    with StandIn(answer) as standin:
        at = f"{standin.host}/acme"
        pulled = ask(at, "catalog", "pull", "--provider", "docker", "--output", "own.yaml")
    assert pulled.returncode == 0, pulled.stderr
    data = read_mapping(str(tmp_path / "own.yaml"))
    assert data["tag_lists"] == {"dhi-python": ["3.14", "3.14-debian13", "3.14-debian13-dev", "3.14-dev"]}
    (tmp_path / "Dockerfile").write_text(
        "FROM python:3.14-slim AS build\nRUN pip install flask\nFROM python:3.14-slim\n"
    )
    words = ("--provider", "docker", "--mapping", "own.yaml", "--output-format", "json")
    found = references(run("inventory", ".", *words))
    assert [row["target"] for row in found] == [f"{at}/dhi-python:3.14-dev", f"{at}/dhi-python:3.14"]
    assert catalog.load("docker", "", str(tmp_path / "own.yaml")).login == ""


_WATCHED = """
import sys

def stop(event, args):
    if event.startswith("socket."):
        raise SystemExit(f"asked the network: {event}")

sys.addaudithook(stop)
sys.argv[1:] = sys.argv[1:]
from echo_migrate.cli import main
main()
"""


@pytest.mark.parametrize("words", [("check",), ("fix", "--diff"), ("inventory",), ("check", "--locked")])
def test_no_socket_without_online(run: Run, tmp_path: Path, words: tuple[str, ...]) -> None:
    import subprocess

    (tmp_path / "Dockerfile").write_text("FROM node:22\nFROM golang:1.26\n")
    (tmp_path / "compose.yaml").write_text("services:\n  a:\n    image: redis:8\n")
    (tmp_path / lock.NAME).write_text(lock.text_of({}))
    done = subprocess.run(
        [sys.executable, "-c", _WATCHED, *words, "."], cwd=tmp_path, capture_output=True, check=False, text=True
    )
    assert done.returncode in (0, 1), done.stderr
    assert "asked the network" not in done.stderr
