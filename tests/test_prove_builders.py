"""Proofs by real builders: docker, podman and buildah, with stand-ins for images (``tests/proof``)."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, heeding
from tests.proof import matrix
from tests.proof.daemon import daemon
from tests.proof.standins import make

Done = subprocess.CompletedProcess[str]
_LEAN = ("cron", "flask")
"""The projects that are built with each run of the tests; ``python -m tests.proof.matrix`` builds all."""

_BASES = ("python:3.13-slim", "reg.echohq.com/python:3.13-slim")


@contextmanager
def shared(folder: Path) -> Iterator[dict[str, str]]:
    """Give all processes of a run of the tests one daemon: the first starts it, and stops it when the last is done."""
    folder.mkdir(exist_ok=True)
    with (folder / "users").open("a") as users, (folder / "first").open("a") as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        ready = folder / "ready"
        if ready.exists():
            fcntl.flock(users, fcntl.LOCK_SH)
            fcntl.flock(first, fcntl.LOCK_UN)
            yield json.loads(ready.read_text())
            return
        with daemon(folder / "d") as environment:
            for name in _BASES:
                make(name, "python", _BASES[0], "echo", environment)
            ready.write_text(json.dumps(environment))
            fcntl.flock(first, fcntl.LOCK_UN)
            yield environment
            fcntl.flock(users, fcntl.LOCK_EX)  # as soon as no other process uses it


@pytest.fixture(scope="module")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment for the clients of a daemon."""
    base = tmp_path_factory.getbasetemp()
    with shared((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "docker") as environment:
        yield environment


@pytest.fixture
def environment(docker: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """The environment of a test: with a cache of its own, and so with no proof of another's."""
    return {
        **os.environ,
        **docker,
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "PYTHONPATH": str(ROOT),
        "COLUMNS": "120",
    }


def prove(environment: dict[str, str], folder: Path, *words: str) -> Done:
    command = [sys.executable, "-m", "echo_migrate", "prove", "--network", "host", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def proofs(done: Done) -> list[dict[str, Any]]:
    assert done.returncode in (0, 1), done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)["proofs"]
    return found


def left(environment: dict[str, str]) -> list[str]:
    """Return the containers and images with our label that runs of this test have made; others may be at work."""
    return [*_labelled(environment, "container", "ps", "--all"), *_labelled(environment, "image", "images", "--all")]


def _labelled(environment: dict[str, str], kind: str, *words: str) -> list[str]:
    machine = (Path(environment["XDG_CACHE_HOME"]) / "echo-migrate" / "prove" / "machine").read_text()
    listed = _docker(environment, *words, "--quiet", "--filter", "label=io.echo-migrate.prove")
    format = '{{index .Config.Labels "io.echo-migrate.prove"}}'
    labels = {id: _docker(environment, kind, "inspect", "--format", format, id) for id in listed.split()}
    return [id for id, label in labels.items() if label.startswith(machine)]


def _docker(environment: dict[str, str], *words: str) -> str:
    return subprocess.run(["docker", *words], env=environment, capture_output=True, text=True, check=False).stdout


def project(tmp_path: Path, dockerfile: str, **files: str) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "Dockerfile").write_text(dockerfile)
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize("name", _LEAN)
def test_what_the_tool_says_is_what_builds_show(name: str, docker: dict[str, str], tmp_path: Path) -> None:
    before = dict(os.environ)
    try:
        pairs = list(
            matrix.run([name], ("echo", "docker"), {**docker, "XDG_CACHE_HOME": str(tmp_path)}, tmp_path / "p")
        )
    finally:
        os.environ.clear()
        os.environ.update(before)
    assert [pair.provider for pair in pairs] == ["echo", "docker"]
    for pair in pairs:
        assert pair.naive.verdict not in ("not-comparable", "not-checked"), pair.naive
        assert pair.safe is None or pair.safe.verdict in ("same", "differs"), pair.safe
        broken = pair.naive.verdict == "broken"
        assert not broken or pair.warned or pair.safe, "a swap that breaks, of which nothing was said"


def test_a_second_run_builds_nothing_and_a_change_is_noticed(environment: dict[str, str], tmp_path: Path) -> None:
    folder = project(
        tmp_path, 'FROM python:3.13-slim\nCOPY a /a\nCMD ["cat", "/a"]\n', a="first", **{".dockerignore": "b\n"}
    )
    (first,) = proofs(prove(environment, folder, "--output-format", "json"))
    assert (first["verdict"], first["remembered"]) == ("same", False)
    (folder / "b").write_text("not seen by the builder")
    (second,) = proofs(prove(environment, folder, "--output-format", "json"))
    assert second["remembered"]
    (folder / "a").write_text("second")
    (third,) = proofs(prove(environment, folder, "--output-format", "json"))
    assert (third["verdict"], third["remembered"]) == ("same", False)
    assert (folder / "Dockerfile").read_text().startswith("FROM python:3.13-slim\n")
    assert sorted(path.name for path in folder.iterdir()) == [".dockerignore", "Dockerfile", "a", "b"]
    assert not left(environment)


def test_the_rules_of_an_ignore_file_hold(environment: dict[str, str], tmp_path: Path) -> None:
    dockerfile = 'FROM python:3.13-slim\nCOPY . /x\nRUN test ! -e /x/hidden && test -e /x/seen\nCMD ["ls", "/x"]\n'
    folder = project(tmp_path, dockerfile, seen="1", hidden="1")
    (folder / ".dockerignore").write_text("*\n")
    (folder / "Dockerfile.dockerignore").write_text("hidden\n")
    (proof,) = proofs(prove(environment, folder, "--output-format", "json"))
    assert proof["verdict"] == "same", proof


def test_what_a_container_does_is_watched(environment: dict[str, str], tmp_path: Path) -> None:
    code = "import http.server as h; h.HTTPServer(('127.0.0.1', 8031), h.SimpleHTTPRequestHandler).serve_forever()"
    folder = project(
        tmp_path,
        "FROM python:3.13-slim\nWORKDIR /www\nCOPY page .\nVOLUME /data\nEXPOSE 8031\nHEALTHCHECK CMD touch /data/x\n"
        f'CMD ["python", "-c", "{code}"]\n',
        page="hello",
    )
    (folder / ".echo-migrate.toml").write_text(
        '[[prove]]\nhttp = "/page"\ntext = "hello"\n[[prove]]\nhttp = "/none"\nstatus = 404\n'
        '[[prove]]\ncommand = ["cat", "/www/page"]\ntext = "hello"\n'
    )
    (proof,) = proofs(prove(environment, folder, "--output-format", "json"))
    assert proof["verdict"] == "same", proof
    done = prove(environment, folder, "--smoke", "cat /nowhere")
    assert "not-comparable  Dockerfile: smoke test cat /nowhere fails before the change, too" in done.stdout


def test_what_is_proven_is_written_and_what_breaks_is_not(environment: dict[str, str], tmp_path: Path) -> None:
    folder = project(tmp_path, 'FROM python:3.13-slim\nCMD ["python", "-c", "print(1)"]\n')
    done = prove(environment, folder, "--apply")
    assert (done.returncode, "1 applied" in done.stdout) == (0, True), done
    assert (folder / "Dockerfile").read_text().startswith("FROM reg.echohq.com/python:3.13-slim\n")
    broken = 'FROM python:3.13-slim\nRUN grep -q upstream /etc/flavour\nCMD ["true"]\n'
    (folder / "Dockerfile").write_text(broken)
    text = "FROM python:3.13-slim\nRUN echo upstream > /etc/flavour\n"
    words = ["docker", "build", "--quiet", "--network", "host", "--tag", "python:3.13-slim-flavour", "-"]
    subprocess.run(words, input=text, env=environment, check=True, text=True, capture_output=True)
    for tag, of in (("3.13.1-slim", "python:3.13-slim-flavour"), ("3.13.2-slim", "python:3.13-slim")):
        name = f"python:{tag}" if tag == "3.13.1-slim" else "reg.echohq.com/python:3.13.1-slim"
        subprocess.run(["docker", "tag", of, name], env=environment, check=True)
    broken = broken.replace("3.13-slim", "3.13.1-slim")
    (folder / "Dockerfile").write_text(broken)
    done = prove(environment, folder, "--apply", "--unsafe-fixes")
    assert done.returncode == 1, done
    assert "the build fails; line 2: " in done.stdout
    assert (folder / "Dockerfile").read_text() == broken
    assert not left(environment)


def test_where_unsafe_fixes_do_not_pass_the_safe_ones_are_proven_alone(
    environment: dict[str, str], tmp_path: Path
) -> None:
    for name, more in (("golang:1.26", ""), ("dhi.io/golang:1.26-dev", ""), ("dhi.io/python:3.13", "USER 5\n")):
        words = ["docker", "build", "--quiet", "--tag", name, "-"]
        text = f"FROM python:3.13-slim\nENV A=b\n{more}"
        subprocess.run(words, input=text, env=environment, check=True, text=True, capture_output=True)
    dockerfile = (
        "FROM golang:1.26 AS build\nRUN echo 1 > /a\n"
        'FROM python:3.13-slim\nCOPY --from=build /a /a\nCMD ["python", "-c", "print(1)"]\n'
    )
    folder = project(tmp_path, dockerfile)
    done = prove(environment, folder, "--unsafe-fixes", "--apply", "--provider", "docker", ".")
    assert "differs         Dockerfile: user\n" in done.stdout, done
    assert "same            Dockerfile with its safe fixes alone\n" in done.stdout
    moved = dockerfile.replace("golang:1.26 AS", "dhi.io/golang:1.26-dev AS")
    assert (folder / "Dockerfile").read_text() == moved


def test_no_value_that_was_handed_over_is_printed(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("value-of-the-secret\n")
    folder = project(
        tmp_path,
        "FROM python:3.13-slim\nARG TOKEN\n"
        "RUN --mount=type=secret,id=s cat /run/secrets/s; echo $TOKEN; touch /etc/$TOKEN; printf '\\033[2J'\n"
        "ENV SAID=$TOKEN\nUSER 5\nCMD echo $SAID; cat /run/secrets/s; exit 0\n",
    )
    words = ("--secret", f"id=s,src={tmp_path}/secret", "--build-arg", "TOKEN=value-of-the-argument", "--verbose")
    kept = str(tmp_path / "kept")
    for format in ("text", "json", "markdown"):
        done = prove(environment, folder, *words, "--output-format", format, "--proofs", kept)
        assert done.returncode == 0, done.stderr
        assert "value-of" not in done.stdout + done.stderr
        assert "\x1b" not in done.stdout + done.stderr
    (record,) = Path(kept).iterdir()
    assert "value-of" not in record.read_text()


@pytest.mark.parametrize(
    ("number", "what"),
    [(signal.SIGINT, "build"), (signal.SIGTERM, "run"), (signal.SIGHUP, "build"), (signal.SIGINT, "sibling")],
)
def test_nothing_is_left_after_a_signal(
    number: signal.Signals, what: str, environment: dict[str, str], tmp_path: Path
) -> None:
    folder = _waiting(tmp_path, what)
    process = _begin(environment, folder)
    _until_begun(environment, process, what)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number, errors
    assert not left(environment)
    assert not list((tmp_path / "cache" / "echo-migrate" / "prove").glob("*.*"))
    assert not list((tmp_path / "cache" / "echo-migrate").glob("proofs/*"))


def test_a_killed_run_leaves_nothing_once_the_next_has_ended(environment: dict[str, str], tmp_path: Path) -> None:
    folder = _waiting(tmp_path, "run")
    process = _begin(environment, folder)
    _until_begun(environment, process, "run")
    process.kill()
    process.wait()
    assert left(environment)
    (folder / "Dockerfile").write_text('FROM python:3.13-slim\nCMD ["true"]\n')
    done = prove(environment, folder)
    assert done.returncode == 0, done.stderr
    assert "of a run that was killed" in done.stderr
    assert not left(environment)
    assert not list((tmp_path / "cache" / "echo-migrate" / "prove").glob("*.*"))


def _waiting(tmp_path: Path, what: str) -> Path:
    """Return a project whose build or run takes longer than a test, or that of a sibling."""
    if what == "sibling":
        folder = composed(tmp_path, '["sleep", "600"]')
        (folder / "compose.yaml").write_text((folder / "compose.yaml").read_text().replace('"-e", ', '"-d", '))
        return folder
    wait = "RUN sleep 600\n" if what == "build" else ""
    dockerfile = f'FROM python:3.13-slim\n{wait}HEALTHCHECK CMD sleep 30\nCMD ["sleep", "600"]\n'
    return project(tmp_path, dockerfile)


def _begin(environment: dict[str, str], folder: Path, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "echo_migrate", "prove", "--network", "host", "--verbose", *words],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heeding,
    )


def _until_begun(environment: dict[str, str], process: "subprocess.Popen[str]", what: str) -> None:
    """Wait until a run has begun to build, or has a container that runs."""
    assert process.stderr
    for line in process.stderr:
        if f"{'building' if what == 'build' else 'starting'} before" in line:
            break
    limit = time.monotonic() + 60
    while what in ("run", "sibling") and not _labelled(environment, "container", "ps"):
        assert time.monotonic() < limit
        time.sleep(0.1)


def test_a_build_that_takes_too_long_is_ended(environment: dict[str, str], tmp_path: Path) -> None:
    folder = project(tmp_path, "FROM python:3.13-slim\nRUN sleep 600\n")
    (proof,) = proofs(prove(environment, folder, "--timeout", "2", "--output-format", "json"))
    assert proof["verdict"] == "not-comparable"
    assert proof["differences"][0]["before"] == "took more than 2 s"
    assert not left(environment)


def test_rules_that_cannot_be_read_are_no_verdict(environment: dict[str, str], tmp_path: Path) -> None:
    folder = project(tmp_path, 'FROM python:3.13-slim\nCMD ["true"]\n')
    (folder / "Dockerfile.dockerignore").write_bytes(b"#" * 6_000_000)
    done = prove(environment, folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("not-checked     Dockerfile: the context cannot be read: ")


def test_an_image_that_cannot_be_pulled_is_no_verdict(environment: dict[str, str], tmp_path: Path) -> None:
    folder = project(tmp_path, 'FROM python:3.12-slim\nCMD ["true"]\n')
    done = prove(environment, folder, "--output-format", "json")
    assert [proof["verdict"] for proof in proofs(done)] == ["not-checked"], done.stdout
    assert done.returncode == 0


def test_a_blocked_change_is_built_to_see_whether_it_is_so_rightly(environment: dict[str, str], tmp_path: Path) -> None:
    subprocess.run(["docker", "tag", "python:3.13-slim", "dhi.io/python:3.13"], env=environment, check=True)
    folder = project(tmp_path, 'FROM python:3.13-slim\nRUN echo x\nCMD ["python", "-c", "1"]\n')
    words = ("--blocked", "--provider", "docker", "--variant", "runtime", "--output-format", "json")
    (proof,) = proofs(prove(environment, folder, *words))
    assert (proof["verdict"], proof["unsafe"]) == ("same", True)


def test_a_proof_counts_as_long_as_it_fits(environment: dict[str, str], tmp_path: Path) -> None:
    name = "dhi.io/python:3.13"
    subprocess.run(["docker", "tag", "python:3.13-slim", name], env=environment, check=True)
    dockerfile = 'FROM python:3.13-slim\nCOPY a /a\nCMD ["python", "-c", "print(1)"]\n'
    folder = project(tmp_path, dockerfile, a="1")
    provider = ("--provider", "docker", ".")

    def program(*words: str) -> Done:
        command = [sys.executable, "-m", "echo_migrate", *words, *provider]
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)

    done = program("fix", "--proven")
    assert "unsafe fixes are not applied: not proven: run echo-migrate prove --unsafe-fixes" in done.stderr
    (proof,) = proofs(
        prove(environment, folder, "--unsafe-fixes", "--output-format", "json", "--proofs", "kept", *provider)
    )
    assert (proof["verdict"], proof["unsafe"], proof["applied"]) == ("same", True, False)
    assert f"(proven on {proof['date'][:10]} by {proof['by']})" in program(
        "check", "--proofs", "kept", "--output-format", "concise"
    ).stdout  # fmt: skip
    assert "proven on" not in program("check").stdout, "records of a tree are believed if they are named"
    (folder / "a").write_text("2")
    assert (
        "is stale: the build context, or a service beside it, has changed"
        in program("fix", "--proven", "--proofs", "kept").stderr
    )
    assert "is stale" in program("check", "--proofs", "kept", "--output-format", "concise").stdout
    (folder / "a").write_text("1")
    assert (folder / "Dockerfile").read_text() == dockerfile
    done = program("fix", "--proven", "--proofs", "kept")
    assert f"Dockerfile: proven on {proof['date'][:10]} by {proof['by']}" in done.stderr
    assert (folder / "Dockerfile").read_text() == dockerfile.replace("python:3.13-slim", name)
    (folder / "Dockerfile").write_text(dockerfile)
    subprocess.run(["docker", "rmi", name], env=environment, check=True, capture_output=True)
    assert f"is stale: {name} is another image now" in program("fix", "--proven", "--proofs", "kept").stderr


_COMPOSE = """
services:
  web:
    build: .
    environment: {STORE: "store:8123"}
    command: ["python3", "/ask.py"]
    depends_on: {store: {condition: service_healthy}}
  store:
    build: {context: store}
    environment: ["WORD=${WORD:-apple}"]
    depends_on: [before]
    healthcheck: {test: ["CMD", "test", "-e", "/tmp/ready"]}
  before:
    image: python:3.13-slim
    command: BEFORE
  never: {image: "acme.example/not-here:1"}
"""
_ASK = """import os, urllib.request
print(urllib.request.urlopen(f"http://{os.environ['STORE']}/").read().decode())
"""
_STORE = """import http.server, os, pathlib
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(os.environ["WORD"].encode())
server = http.server.HTTPServer(("", 8123), Handler)
pathlib.Path("/tmp/ready").touch()
server.serve_forever()
"""


def composed(tmp_path: Path, before: str) -> Path:
    dockerfile = "FROM python:3.13-slim\nCOPY ask.py /ask.py\n"
    files = {"ask.py": _ASK, "compose.yaml": _COMPOSE.replace("BEFORE", before)}
    folder = project(tmp_path, dockerfile, **files)
    (folder / "store").mkdir()
    (folder / "store" / "store.py").write_text(_STORE)
    text = 'FROM python:3.13-slim\nCOPY store.py /s.py\nCMD ["python3", "/s.py"]\n'
    (folder / "store" / "Dockerfile").write_text(text)
    return folder


def test_siblings_have_a_network_of_their_own(environment: dict[str, str], tmp_path: Path) -> None:
    folder = composed(tmp_path, '["sleep", "600"]')
    command = [sys.executable, "-m", "echo_migrate", "prove", "Dockerfile", "--output-format", "json"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    (proof,) = proofs(done)
    assert (proof["verdict"], proof["reason"]) == ("same", None), proof
    assert "echo-migrate" not in _docker(environment, "network", "ls")


def test_a_service_is_proven_with_those_that_it_needs(environment: dict[str, str], tmp_path: Path) -> None:
    folder = composed(tmp_path, '["sleep", "600"]')
    (proof,) = proofs(prove(environment, folder, "Dockerfile", "--output-format", "json"))
    assert (proof["verdict"], proof["reason"]) == ("same", None), proof
    (again,) = proofs(prove(environment, folder, "Dockerfile", "--output-format", "json"))
    assert again["remembered"]
    text = (folder / "compose.yaml").read_text()
    (folder / "compose.yaml").write_text(text.replace("apple", "pear"))
    (other,) = proofs(prove(environment, folder, "Dockerfile", "--output-format", "json"))
    assert (other["verdict"], other["remembered"]) == ("same", False)
    (folder / "compose.yaml").write_text(text.replace("image: python:3.13-slim", "image: acme.example/not-here:1"))
    (unmet,) = proofs(prove(environment, folder, "Dockerfile", "--output-format", "json"))
    assert unmet["verdict"] == "not-comparable"
    assert "acme.example/not-here:1 is not on this machine (--pull pulls it)" in unmet["reason"]
    assert not left(environment)


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ('["no-such-program"]', "its sibling before does not start"),
        ("python3 -c 'exit(3)'", "its sibling before does not start: it ended with 3"),
        ("[sleep, '9']\n    volumes: ['./store:/x']", "its sibling before cannot be started: it mounts ./store"),
        ("[sleep, '9']\n    env_file: .env", "its sibling before cannot be started: its env_file is not read"),
        ("[sleep, $$WAIT, $WAIT]", "its sibling before cannot be started: the value of WAIT is not in the file"),
    ],
)
def test_a_sibling_that_does_not_start_is_no_verdict(
    before: str, said: str, environment: dict[str, str], tmp_path: Path
) -> None:
    (proof,) = proofs(prove(environment, composed(tmp_path, before), "Dockerfile", "--output-format", "json"))
    assert proof["verdict"] == "not-comparable"
    assert proof["reason"].startswith(said)
    assert not left(environment)


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a storage of podman and buildah that is the test's own."""
    conf, root, run = (tmp_path / name for name in ("storage.conf", "storage", "storage-run"))
    driver = subprocess.run(
        ["podman", "info", "--format", "{{.Store.GraphDriverName}}"], check=True, capture_output=True, text=True
    ).stdout.strip()
    conf.write_text(f'[storage]\ndriver = "{driver}"\ngraphroot = "{root}"\nrunroot = "{run}"\n')
    yield {"CONTAINERS_STORAGE_CONF": str(conf)}
    subprocess.run(["umount", str(root / driver)], check=False, capture_output=True)  # the storage mounts itself


@pytest.mark.parametrize("builder", ["podman", "buildah"])
def test_other_builders(builder: str, environment: dict[str, str], storage: dict[str, str], tmp_path: Path) -> None:
    saved = subprocess.run(["docker", "save", "python:3.13-slim"], env=environment, check=True, capture_output=True)
    environment |= storage

    def said(*words: str) -> str:
        return subprocess.run(words, env=environment, check=True, capture_output=True, text=True).stdout

    subprocess.run(["podman", "load", "--quiet"], input=saved.stdout, env=environment, check=True, capture_output=True)
    for name in (
        "docker.io/library/python:3.13-slim",
        "reg.echohq.com/python:3.13-slim",
        "docker.io/library/python:3.11",
    ):
        said("podman", "tag", "python:3.13-slim", name)
    folder = project(
        tmp_path,
        "FROM docker.io/library/python:3.13-slim\nCOPY . /x\nRUN test ! -e /x/hidden\nUSER 5\n"
        'HEALTHCHECK CMD true\nCMD ["sleep", "9"]\n',
        hidden="1",
    )
    (folder / "Dockerfile.dockerignore").write_text("hidden\n")
    (proof,) = proofs(prove(environment, folder, "--builder", builder, "--output-format", "json"))
    assert proof["verdict"] == "same", proof
    assert proof["builder"].startswith(builder)
    assert proof["reason"] == ("as built: buildah starts no containers" if builder == "buildah" else None)
    assert not said(builder, "images", "--quiet", "--filter", "label=io.echo-migrate.prove")
    machine = (tmp_path / "cache" / "echo-migrate" / "prove" / "machine").read_text()
    label = ("--label", f"io.echo-migrate.prove={machine}.{'0' * 16}")
    said("podman", "create", "--network", "host", *label, "python:3.13-slim", "true")
    step = ["sleep", f"600.{os.urandom(4).hex().translate(str.maketrans('abcdef', '012345'))}"]
    (folder / "Dockerfile").write_text(f"FROM docker.io/library/python:3.13-slim\nRUN {' '.join(step)}\n")
    process = _begin(environment, folder, "--builder", builder)
    while not _running(step):
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 128 + signal.SIGINT, errors
    assert not _running(step)
    assert not said("buildah", "containers", "--quiet"), "the container of a step is left"
    if builder == "podman":  # buildah knows no containers that were started
        assert not said("podman", "ps", "--all", "--quiet"), "the container of a run that was killed is left"


def _running(words: list[str]) -> bool:
    """Return whether a program runs, by its command line."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if path.read_text(errors="replace").split("\0")[:-1] == words:
                return True
    return False
