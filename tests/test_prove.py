"""The parts of a proof that need no builder: what logs tell, what a context is, what differs, and records."""

import contextlib
import http.server
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Thread, get_ident
from typing import IO

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from echo_migrate.cli import proofs, smoke
from echo_migrate.files.source import Source
from echo_migrate.files.threads import awaited
from echo_migrate.files.workspace import begin
from echo_migrate.proof import failure
from echo_migrate.proof.builders import Builder, PassedOn
from echo_migrate.proof.compare import Observed, Row, Verdict, compare
from echo_migrate.proof.container import Running, Smoke, request
from echo_migrate.proof.context import Context, context_of, digest
from echo_migrate.proof.image import Config, Files, Reader, config_of
from echo_migrate.proof.processes import MARK, Processes, Stopped
from echo_migrate.proof.prove import stale
from echo_migrate.proof.records import Proof, Records, own_folder, records, text_hash
from echo_migrate.proof.secrets import Secrets
from echo_migrate.proof.workplace import Workplace
from tests.conftest import ROOT, Run
from tests.test_schemas import validator

DOCKERFILE = "FROM a AS one\nRUN echo x && \\\n  foo bar\nFROM one\nCOPY x /y\nRUN apk add curl\n"
BUILDKIT = """#4 [one 2/2] RUN echo x &&   foo bar
#4 0.300 /bin/sh: 1: foo: not found
#4 ERROR: process "/bin/sh -c echo x &&   foo bar" did not complete successfully: exit code: 127
------
 > [one 2/2] RUN echo x &&   foo bar:
0.300 /bin/sh: 1: foo: not found
------
Dockerfile:2
--------------------
   1 |     FROM a AS one
   2 | >>> RUN echo x && \\
   3 | >>>   foo bar
   4 |     FROM one
--------------------
ERROR: failed to solve: process "/bin/sh -c echo x &&   foo bar" did not complete successfully: exit code: 127
"""
OLDER = """#6 [stage-1 3/3] RUN apk add curl
#6 0.4 /bin/sh: apk: not found
#6 ERROR: executor failed running [/bin/sh -c apk add curl]: exit code: 127
------
 > [stage-1 3/3] RUN apk add curl:
------
executor failed running [/bin/sh -c apk add curl]: exit code: 127
"""
CLASSIC = """Step 2/6 : RUN echo x &&   foo bar
 ---> Running in 5e2749b7ae77
\x1b[91m/bin/sh: foo: not found
\x1b[0mx
The command '/bin/sh -c echo x &&   foo bar' returned a non-zero code: 127
"""
BUILDAH = """[2/2] STEP 3/3: RUN apk add curl
exec container process (missing dynamic library?) `/bin/sh`: No such file or directory
Error: building at STEP "RUN apk add curl": while running runtime: exit status 1
"""
NO_HOST = """#2 [internal] load metadata for dhi.io/node:22
------
 > [internal] load metadata for dhi.io/node:22:
------
failed to do request: Head "https://dhi.io/v2/node/manifests/22": dial tcp: lookup dhi.io: no such host
"""


@pytest.mark.parametrize(
    ("log", "line", "cause"),
    [(BUILDKIT, 2, "program"), (OLDER, 6, "package-manager"), (CLASSIC, 2, "program"), (BUILDAH, 6, "no-shell"),
     (NO_HOST, 0, "unreachable")],
)  # fmt: skip
def test_the_failed_line(log: str, line: int, cause: str) -> None:
    found = failure.of_build(log, DOCKERFILE)
    assert (found.line, found.cause and found.cause.id) == (line, cause)


@pytest.mark.parametrize(
    ("said", "cause"),
    {
        "pull access denied for acme/x, repository does not exist or may require 'docker login'": "login",
        'Head "https://dhi.io/v2/node/manifests/22": unexpected status: 401 Unauthorized': "login",
        "Error: initializing source docker://dhi.io/x:1: reading manifest 1: unauthorized: access denied": "login",
        "manifest for python:9.9 not found: manifest unknown": "missing-image",
        'exec: "/bin/sh": stat /bin/sh: no such file or directory': "no-shell",
        "E: Unable to locate package libpq9": "package",
        "  libpq9 (no such package):": "package",
        "E: Could not open lock file /var/lib/dpkg/lock-frontend - open (13: Permission denied)": "permission",
        "Error: EACCES: permission denied, mkdir '/app/node_modules'": "permission",
        "Error loading shared library libc.musl-x86_64.so.1: No such file or directory": "wrong-libc",
        "/lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.38' not found (required by ./app)": "wrong-libc",
        "unable to find user node: no matching entries in passwd file": "user",
        "Error: Cannot find module '/app/node'": "entrypoint",
        "/app/entrypoint.sh: line 3: curl: command not found": "program",
        'exec: "npm": executable file not found in $PATH: unknown': "program",
        "ERROR: No matching distribution found for flask==3.1": "network",
        "the disk is full": None,
    }.items(),
)
def test_the_likely_cause(said: str, cause: str | None) -> None:
    found = failure.of_build(f"STEP 1/1: FROM a\n{said}\nexit status 1\n", "FROM a\n")
    assert (found.cause.id if found.cause else None, found.message) == (cause, said.strip())


@pytest.mark.parametrize("said", ["pull access denied for x", "/v2/: 401 Unauthorized", "manifest unknown"])
def test_a_command_cannot_pretend_that_an_image_is_missing(said: str) -> None:
    found = failure.of_build(f"STEP 2/2: RUN fail\n{said}\nexit status 1\n", "FROM a\nRUN fail\n")
    assert found.line == 2
    assert found.cause is None


@given(st.text())
def test_any_log_is_read(log: str) -> None:
    found = failure.of_build(log, DOCKERFILE)
    assert 0 <= found.line <= 6
    assert len(found.message) <= 300


@pytest.mark.parametrize(
    ("line", "rules", "said"),
    [
        (0, [("entrypoint-differs", 9)], "entrypoint-differs on line 9"),
        (2, [("entrypoint-differs", 9)], ""),
        (2, [("entrypoint-differs", 9), ("missing-binary", 9)], "missing-binary on line 9"),
        (2, [("missing-binary", 9), ("missing-binary", 2)], "missing-binary on line 2"),
    ],
)
def test_what_predicts_a_failed_line_is_no_finding_of_the_start(
    line: int, rules: list[tuple[str, int]], said: str
) -> None:
    program = next(one for one in failure.causes() if one.id == "program")
    assert failure.predicted(failure.Failure(line, "RUN x", "x: not found", program), rules, []) == said


def test_causes_name_rules_and_reasons() -> None:
    from echo_migrate.model.reasons import table
    from echo_migrate.rules import RULES

    for cause in failure.causes():
        assert cause.rules <= RULES.keys()
        assert cause.reasons <= table().keys()


CONTEXTS = {
    "all": ("", {"a", "b/c", "b/d.log", "Dockerfile"}),
    "a name": ("b\n", {"a", "Dockerfile"}),
    "a star": ("**/*.log\n# a comment\n", {"a", "b/c", "Dockerfile"}),
    "an exception": ("*\n!b/c\n", {"b/c"}),
    "a slash": ("/b/c/\n", {"a", "b/d.log", "Dockerfile"}),
    "a letter": ("b/[cx]\n?\n!b\n", {"b/c", "b/d.log", "Dockerfile"}),
}


@pytest.mark.parametrize("name", CONTEXTS)
def test_the_hash_is_of_what_a_builder_sees(name: str, tmp_path: Path) -> None:
    rules, seen = CONTEXTS[name]
    (tmp_path / "b").mkdir()
    paths = ("a", "b/c", "b/d.log", "Dockerfile")
    for path in paths:
        (tmp_path / path).write_text("x")
    (tmp_path / ".dockerignore").write_text(rules + ".dockerignore\n")
    context = context_of(str(tmp_path / "Dockerfile"), "FROM a\nCOPY . .\n")
    assert context.folder == str(tmp_path)
    before = digest(context)
    for path in paths:
        (tmp_path / path).write_text("y")
        assert (digest(context) != before) == (path in seen), path
        (tmp_path / path).write_text("x")
    assert digest(context) == before


@pytest.mark.parametrize("rules", ["*a*a*a*a*a*\n", "x\n" * 501])
def test_rules_that_are_too_many_hide_nothing(rules: str, tmp_path: Path) -> None:
    (tmp_path / ".dockerignore").write_text(f"*\n{rules}")
    (tmp_path / "a").write_text("x")
    context = context_of(str(tmp_path / "Dockerfile"), "FROM a\n")
    before = digest(context)
    (tmp_path / "a").write_text("y")
    assert digest(context) != before


def test_where_a_context_is(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "docker").mkdir()
    (tmp_path / "app").mkdir()
    path = tmp_path / "docker" / "Dockerfile"
    assert context_of(str(path), "FROM a\nRUN x\n").folder == str(path.parent)
    assert context_of(str(path), 'FROM a\nCOPY ["app", "/"]\n').folder == str(path.parent)
    assert context_of(str(path), "FROM a\nCOPY app /app\n").folder == str(tmp_path)
    assert context_of(str(path), "FROM a\nCOPY nowhere /app\n").folder == str(path.parent)
    path.with_name("Dockerfile.dockerignore").touch()
    (tmp_path / ".dockerignore").touch()
    assert context_of(str(path), "FROM a\nCOPY app /app\n").own
    path.write_text("FROM a\n")
    build = "services:\n  web:\n    build:\n      context: app\n      dockerfile: ../docker/Dockerfile\n"
    (tmp_path / "compose.yaml").write_text(build + "      target: one\n      args: {V: '1'}\n")
    begin()
    found = context_of(str(path), "FROM a\n")
    assert (found.folder, found.target, found.arguments) == (str(tmp_path / "app"), "one", (("V", "1"),))


UP = Running("up", output="listening on 8000\n")
AS_ROOT = Config(command=("app",), environment=(("PATH", "/bin"), ("V", "3.13.1")))
BUILT = Observed(True, None, AS_ROOT, None, UP)
FAILED = Observed(False, failure.of_build(OLDER, DOCKERFILE))
NO_LOGIN = Observed(False, failure.of_build("STEP 1/1: FROM a\npull access denied for a", "FROM a\n"))
UNHEALTHY = UP._replace(health="wget: not found")
HEALTHY = UP._replace(health="ok")
JOB = Running("exited", 0, output="42 rows\n")
BAD_JOB = JOB._replace(code=3)


@pytest.mark.parametrize(
    ("before", "after", "verdict", "names"),
    [
        (BUILT, BUILT, "same", []),
        (BUILT, BUILT._replace(config=AS_ROOT._replace(user="0:0")), "same", []),
        (BUILT, BUILT._replace(config=AS_ROOT._replace(environment=(("PATH", "/bin"), ("V", "3.13.9")))), "same", []),
        (BUILT, BUILT._replace(running=UP._replace(output="listening on 8001\n")), "same", []),
        (BUILT, BUILT._replace(config=AS_ROOT._replace(size=2)), "same", []),
        (BUILT, FAILED, "broken", ["build"]),
        (FAILED, FAILED, "not-comparable", ["build"]),
        (BUILT, NO_LOGIN, "not-checked", ["build"]),
        (NO_LOGIN, BUILT, "not-checked", ["build"]),
        (BUILT, BUILT._replace(config=AS_ROOT._replace(user="nonroot")), "differs", ["user"]),
        (BUILT, BUILT._replace(config=AS_ROOT._replace(entrypoint=("/usr/bin/python",))), "differs", ["entrypoint"]),
        (BUILT, BUILT._replace(config=AS_ROOT._replace(environment=(("PATH", "/a"), ("V", "3")))), "differs", ["PATH"]),
        (BUILT, BUILT._replace(config=AS_ROOT._replace(environment=(("PATH", "/bin"),))), "differs", ["environment"]),
        (BUILT, BUILT._replace(running=Running("failed", 127)), "broken", ["start"]),
        (BUILT, BUILT._replace(running=Running("exited", 1)), "broken", ["start"]),
        (BUILT._replace(running=JOB), BUILT._replace(running=JOB), "same", []),
        (BUILT._replace(running=JOB), BUILT._replace(running=JOB._replace(code=1)), "broken", ["start"]),
        (BUILT._replace(running=BAD_JOB), BUILT._replace(running=BAD_JOB), "not-comparable", []),
        (BUILT._replace(running=HEALTHY), BUILT._replace(running=UNHEALTHY), "broken", ["health"]),
        (BUILT._replace(running=Running("failed")), BUILT._replace(running=Running("failed")), "not-comparable", []),
        (BUILT._replace(running=None), BUILT._replace(running=None), "same", []),
        (BUILT, Observed(False, failure.of_build("RUN x\nnot found\n", "")), "broken", ["build"]),
        (BUILT, BUILT._replace(config=AS_ROOT._replace(layers=2)), "same", []),
        (BUILT, BUILT._replace(config=AS_ROOT._replace(environment=(*AS_ROOT.environment, ("W", "1")))), "same", []),
        (BUILT._replace(running=UNHEALTHY), BUILT._replace(running=UNHEALTHY), "same", []),
        (BUILT._replace(running=UNHEALTHY), BUILT._replace(running=HEALTHY), "differs", ["health"]),
        (BUILT, BUILT._replace(running=UP._replace(errors="Permission denied")), "differs", ["standard error"]),
        (BUILT._replace(running=UP._replace(written=("/data", "/data/x", "/tmp/1"))), BUILT, "differs", ["writes"]),
    ],
)  # fmt: skip
def test_verdicts(before: Observed, after: Observed, verdict: Verdict, names: list[str]) -> None:
    found, _, rows = compare(before, after)
    said = [row.name for row in rows if row.weight != "information" or row.name == "build"]
    assert (found, said) == (verdict, names)


def test_a_smoke_test_that_fails_only_after() -> None:
    test = Smoke(http="/health")
    good, bad = (BUILT._replace(running=UP._replace(smoke=(said,))) for said in ("ok", "status 500"))
    assert compare(good, bad, (test,))[:2] == ("broken", "smoke test GET /health")
    assert compare(bad, bad, (test,))[0] == "not-comparable"
    assert compare(good, good, (test,))[0] == "same"


def test_what_files_tell() -> None:
    files = Files(frozenset(("a", "b")), frozenset(("bin/su",)), frozenset(), {"app": (0, 0), "app/x": (0, 0)})
    other = Files(
        frozenset(("a",)), frozenset(("bin/su", "bin/new")), frozenset(("app",)), {"app": (5, 5), "app/x": (5, 5)}
    )
    rows = {row.name: row for row in compare(BUILT._replace(files=files), BUILT._replace(files=other))[2]}
    assert rows["packages"][1:3] == ("2", "1")
    assert rows["set-uid"].after == "/bin/new"
    assert rows["writable by all"].after == "/app"
    assert (rows["owner"].before, rows["owner"].after, rows["owner"].weight) == ("/app 0:0", "/app 5:5", "information")


@pytest.mark.parametrize(
    "found", [{}, {"Config": None}, {"Config": {"Env": [1], "Cmd": "x"}, "Size": "1"}, {"Config": 7}]
)
def test_any_configuration_is_read(found: dict[str, object]) -> None:
    assert config_of(found).size == 0


def test_values_that_were_handed_over_are_shown_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_text("first line\nsecond line\n")
    monkeypatch.setenv("TOKEN", "of-the-environment")
    secrets = Secrets(
        PassedOn(("A=hunter22", "TOKEN", "B=1"), (f"id=k,src={tmp_path}/key", "id=TOKEN", "id=none,src=/nowhere"))
    )
    shown = secrets.hidden("A hunter22 1 second line of-the-environment, xhunter22x first line")
    assert shown == "A *** 1 *** ***, x***x ***"


PROOF = Proof(
    "Dockerfile", "same", "", (Row("size", "1", "2", "information"),), "a" * 64, "b" * 64, "c" * 64, "d" * 64,
    (("python:3.13", "e"), ("x", "")), ("x",), "docker 28", "2026-11-27T10:00:00Z", "me@here",
    places=((5, 5), (40, 48)),
)  # fmt: skip


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    records = Records([str(tmp_path / "proofs")])
    records.keep(PROOF)
    (read,) = records.of(PROOF.before, PROOF.after, "Dockerfile")
    assert read == PROOF._replace(remembered=True)
    assert not list(records.of(PROOF.after, PROOF.before, "Dockerfile"))
    assert not list(records.of(PROOF.before, PROOF.after, "other/Dockerfile"))


def test_a_record_without_places_is_read(tmp_path: Path) -> None:
    records = Records([str(tmp_path)])
    records.keep(PROOF)
    (path,) = tmp_path.iterdir()
    data = json.loads(path.read_text())
    del data["places"]
    path.write_text(json.dumps(data))
    assert [one.places for one in records.of(PROOF.before, PROOF.after, "Dockerfile")] == [()]


@pytest.mark.parametrize(
    "change", [{"verdict": "perfect"}, {"before": "f" * 64}, {"version": 2}, {"images": []}, {"date": "today"},
               {"differences": [{"name": "x"}]}, {"by": 7}, {"added": [1]}, {"context": "../x"},
               {"places": [[1]]}, {"places": None}, {"places": [[1, "2"]]}, {"places": [[-1, 2]]},
               {"places": [[True, 2]]}, {"line": float("inf")}, {"line": "1"}, {"seconds": float("nan")},
               {"seconds": 10**400}, {"seconds": "1"}]
)  # fmt: skip
def test_a_record_of_another_form_is_none(change: dict[str, object], tmp_path: Path) -> None:
    records = Records([str(tmp_path)])
    records.keep(PROOF)
    (path,) = tmp_path.iterdir()
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    assert not list(records.of(PROOF.before, PROOF.after, "Dockerfile"))
    path.write_text("[" * 100_000)
    assert not list(records.of(PROOF.before, PROOF.after, "Dockerfile"))


@pytest.mark.parametrize(
    ("now", "why"),
    [
        (PROOF, ""),
        (PROOF._replace(after="f" * 64), "the Dockerfile has changed"),
        (PROOF._replace(context="f" * 64), "the build context, or a service beside it, has changed"),
        (PROOF._replace(options="f" * 64), "it was built with other options"),
        (PROOF._replace(images=(("python:3.13", "f"), ("x", ""))), "python:3.13 is another image now"),
        (PROOF._replace(date="2026-11-28T10:00:00Z"), "x is not on this machine, and may be another image now"),
    ],
)
def test_why_a_record_is_stale(now: Proof, why: str) -> None:
    assert stale(PROOF, now) == why


def test_what_a_build_prints_has_no_effect_where_it_is_shown() -> None:
    row = Row("start", "stays up", "\x1b[2Jgone\u202e ::error::x\n</details><script>|`", "broken")
    hostile = PROOF._replace(path="a\x1b]0;x\x07/Dockerfile", verdict="broken", reason="start", rows=(row,))
    for format in ("text", "markdown", "json"):
        shown = proofs.render(format, [hostile, hostile], [], True, False)
        assert not {"\x1b", "\x07", "\u202e"} & set(shown), format
        assert not any(line.lstrip().startswith("::") for line in shown.split("\n"))
    assert "<script>" not in proofs.render("markdown", [hostile], [], True, False)
    data = json.loads(proofs.render("json", [hostile], [], True, False))
    assert data["proofs"][0]["verdict"] == "broken"
    validator("prove").validate(data)


def test_the_summary_counts_what_was_predicted() -> None:
    broken = PROOF._replace(verdict="broken", reason="the build fails", predicted="shell-needed on line 2")
    third = broken._replace(predicted="", path="c")
    shown = proofs.render("text", [PROOF, broken._replace(path="b"), third], ["Dockerfile"], False, False)
    assert shown.endswith("\n3 Dockerfiles: 1 same, 2 broken; 1 of 2 failures predicted; 1 applied\n")


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("http = 'health'", "http must be a path that begins with /"),
        ("http = '/'\ncommand = ['x']", "give command or http, in a table each"),
        ("comand = ['x']", "unknown key 'comand': did you mean 'command'?"),
        ("command = []", "command must be a list of texts"),
        ("port = 0\nhttp = '/'", "port must be a number"),
        ("path = '../../x'", "path must lie in the repository of this file"),
        ("context = '/'", "context must lie in the repository of this file"),
    ],
)
def test_tables_that_are_wrong(row: str, says: str, run: Run, tmp_path: Path) -> None:
    (tmp_path / ".echo-migrate.toml").write_text(f"[[prove]]\n{row}\n")
    done = run("prove", ".")
    assert done.returncode == 2
    assert says in done.stderr.decode()
    assert run("check", ".").returncode == 2


def test_tests_are_for_their_dockerfile(tmp_path: Path) -> None:
    given = [{"path": "a", "http": "/"}, {"command": ["x"]}, {"path": "b", "context": "."}]
    rows = smoke.rows("", given, str(tmp_path), lambda _: True)
    tests = smoke.Tests(("curl 'a b'",), tuple(rows))
    assert [one.title for one in tests.of(str(tmp_path / "a"))] == ["curl 'a b'", "GET /", "x"]
    assert [one.title for one in tests.of(str(tmp_path / "b"))] == ["curl 'a b'", "x"]
    assert tests.context(str(tmp_path / "b")) == os.path.relpath(tmp_path)


def test_a_file_of_a_repository_decides_nothing_about_builds(run: Run, tmp_path: Path) -> None:
    for key in ("builder", "secret", "build-arg", "network", "proofs", "apply", "smoke"):
        (tmp_path / ".echo-migrate.toml").write_text(f"{key} = true\n")
        assert f"unknown key '{key}'" in run("prove", ".").stderr.decode()


def test_without_a_builder(run: Run, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text('FROM python:3.13\nCMD ["x"]\n')
    done = run("prove", ".", env={"PATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")})
    assert done.returncode == 2
    assert "no builder can be used: docker is not installed; podman is not installed" in done.stderr.decode()
    assert not list((tmp_path / "cache" / "echo-migrate" / "prove").glob("*.*"))


@pytest.mark.parametrize(
    ("words", "says"),
    [(("-",), "prove builds files"), (("--smoke", "'a", "."), "--smoke"), (("--blocked", "--apply", "."), "--blocked")],
)
def test_misuse(words: tuple[str, ...], says: str, run: Run) -> None:
    done = run("prove", *words)
    assert done.returncode == 2
    assert says in done.stderr.decode()


def test_nothing_to_prove(run: Run, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    done = run("prove", ".", env={"PATH": str(tmp_path)})
    assert (done.returncode, done.stdout) == (0, b"Nothing to prove: no Dockerfile would change.\n")
    assert json.loads(run("prove", "--output-format", "json", ".").stdout) == {"version": 1, "proofs": []}


def test_a_text_is_known_by_its_bytes() -> None:
    assert text_hash(Source.of("a", b"\xef\xbb\xbfFROM a\r\n")) != text_hash(Source.of("a", b"FROM a\n"))
    assert Context("x").ignore_file == ""


def test_programs_that_a_proof_starts_have_limits() -> None:
    processes = Processes()
    python = sys.executable
    done = processes.call([python, "-c", "import sys; print('x' * 900_000 + 'end'); sys.exit('why')"], 60)
    assert (done.code, done.errors) == (1, "why\n")
    assert len(done.output) < 600_000
    assert done.output.endswith("xend\n")
    assert processes.call([python, "-c", "import time; time.sleep(60)"], 0.2).code is None
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
    )
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(processes.call, [python, "-c", stubborn], 60)
        while not processes.running:
            time.sleep(0.01)
        processes.stop()
        with pytest.raises(Stopped):
            waiting.result()
    with pytest.raises(Stopped):
        processes.call([python, "-c", ""], 60)
    assert processes.call([python, "-c", "print(1)"], 60, whole=True).output == "1\n"


_CLEANING = """
import pathlib, subprocess, sys
with subprocess.Popen(eval(sys.argv[2])) as step:
    pathlib.Path(sys.argv[1], "begun").touch()
    step.wait()
pathlib.Path(sys.argv[1], "cleaned").touch()
"""
_SUPERVISOR = """
import os, pathlib, signal, subprocess, sys
def end(*_):
    step.kill()
    step.wait()
    subprocess.run(["sleep", "0.5"])
    pathlib.Path(sys.argv[1], "ended").touch()
    os._exit(1)
step = subprocess.Popen(["sleep", "600"], start_new_session=True)
pathlib.Path(sys.argv[1], "step").write_text(str(step.pid))
signal.signal(signal.SIGTERM, end)
pathlib.Path(sys.argv[1], "ready").touch()
signal.pause()
"""


@pytest.mark.parametrize("supervised", [False, True])
def test_a_builder_whose_step_is_ended_removes_what_it_began(supervised: bool, tmp_path: Path) -> None:
    """Also where the step is in another session, and only what the builder runs can end it."""
    processes = Processes()
    step = [sys.executable, "-c", _SUPERVISOR, str(tmp_path)] if supervised else ["sleep", "600"]
    words = [sys.executable, "-c", _CLEANING, str(tmp_path), repr(step)]
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(processes.call, words, 600, steps=True)
        while not (tmp_path / ("ready" if supervised else "begun")).exists() and not waiting.done():
            time.sleep(0.01)
        processes.stop()
        with pytest.raises(Stopped):
            waiting.result()
    assert (tmp_path / "cleaned").exists()
    if supervised:
        try:
            assert (tmp_path / "ended").exists()
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int((tmp_path / "step").read_text()), signal.SIGKILL)


def test_what_a_killed_run_still_runs_is_ended_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a build by podman its step first; of other commands all at once: they may never end by themselves."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(Builder, "labelled", lambda _: ([], []))
    monkeypatch.setattr(Builder, "networks", lambda _: [])
    place, living = Workplace(), Workplace()
    for name in ("build", "export"):
        (tmp_path / name).write_text("sleep 600; true")

    def begun(name: str, command: str, token: str) -> "subprocess.Popen[bytes]":
        words, environment = [name, command], {**os.environ, MARK: token}
        one = subprocess.Popen(words, executable="/bin/sh", cwd=tmp_path, env=environment, start_new_session=True)
        while not Path(f"/proc/{one.pid}/task/{one.pid}/children").read_text():
            assert one.poll() is None
            time.sleep(0.01)
        return one

    dead = f"{place.machine}.{'0' * 16}"
    ended = [begun(*words, dead) for words in (("docker", "build"), ("podman", "build"), ("podman", "export"))]
    kept = [begun("docker", "build", one) for one in (living.token, f"{'0' * 16}.{'0' * 16}")]
    kept.append(begun("editor", "build", dead))
    try:
        place.sweep(Builder("docker", Processes(), place.token))
        assert [one.wait(60) for one in ended] == [-signal.SIGTERM, 0, -signal.SIGTERM]
        assert [one.poll() for one in kept] == [None] * 3
    finally:
        for one in (*ended, *kept):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(one.pid, signal.SIGKILL)
            one.wait()
        place.close()
        living.close()


_INTERRUPTED = """
import pathlib, time
from concurrent.futures import ThreadPoolExecutor
from echo_migrate.__main__ import main
submit = ThreadPoolExecutor.submit
def interrupted(*words):
    submit(*words)
    while not pathlib.Path("begun").exists():
        time.sleep(0.01)
    raise KeyboardInterrupt
ThreadPoolExecutor.submit = interrupted
main()
"""
_BUILDER = """#!/bin/sh
case "$1 $2" in
version*) echo 1 1 ;;
"build --help") ;;
"build "*) echo > begun; exec sleep 600 ;;
*) exit 1 ;;
esac
"""


def test_an_interrupt_right_after_the_first_build_began_ends_it(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text('FROM python:3.13-slim\nCMD ["true"]\n')
    builder = tmp_path / "docker"
    builder.write_text(_BUILDER)
    builder.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "XDG_CACHE_HOME": str(tmp_path / "cache"), "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-c", _INTERRUPTED, "prove", "--builder", "docker"]
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, timeout=60)
    assert done.returncode == 130, done.stderr


_TWO_AT_ONCE = """#!/bin/sh
case "$1 $2" in
version*) echo 1 1 ;;
"build --help") ;;
"build "*) : > begun.$$; for _ in $(seq 600); do set -- begun.*; [ $# -lt 2 ] || exit 1; sleep 0.05; done; kill $PPID ;;
*) exit 1 ;;
esac
"""


def test_two_files_are_built_at_a_time(run: Run, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text('FROM python:3.13-slim\nCMD ["true"]\n')
    builder = tmp_path / "docker"
    builder.write_text(_TWO_AT_ONCE)
    builder.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    environment = {"PATH": path, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = run("prove", "--builder", "docker", "--output-format", "json", env=environment)
    assert [one["verdict"] for one in json.loads(done.stdout)["proofs"]] == ["not-comparable"] * 2, done


class _Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/" else 500)
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *words: object) -> None:
        pass


@pytest.mark.parametrize(
    ("test", "said"),
    [
        (Smoke(http="/", text="hello"), "ok"),
        (Smoke(http="/", text="other"), "'other' is not in its answer"),
        (Smoke(http="/x"), "status 500"),
        (Smoke(http="/x", status=500), "ok"),
    ],
)
def test_what_an_answer_must_be(test: Smoke, said: str) -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), _Page) as server:
        thread = Thread(target=server.handle_request)
        thread.start()
        assert request(server.server_port, test) == said
        thread.join()
    assert request(server.server_port, test).startswith("no answer: ")


def test_proofs_that_are_not_the_users_alone_are_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = tmp_path / "echo-migrate" / "proofs"
    assert own_folder() == str(folder)
    records().keep(PROOF)
    assert list(records().of(PROOF.before, PROOF.after, "Dockerfile"))
    assert list(records().about(PROOF.before, "Dockerfile"))
    folder.chmod(0o777)
    assert own_folder() is None
    assert records("named").folders == ["named"]


@pytest.mark.parametrize("words", [("--unsafe-fixes", "."), ("-",)])
def test_misuse_of_proven(words: tuple[str, ...], run: Run, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python:3.13\n")
    done = run("fix", "--proven", *words)
    assert done.returncode == 2
    assert "--proven" in done.stderr.decode()


def test_links_and_closed_folders_of_a_context(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nowhere")
    before = digest(Context(str(tmp_path)))
    (tmp_path / "link").unlink()
    (tmp_path / "link").symlink_to("elsewhere")
    assert digest(Context(str(tmp_path))) != before
    (tmp_path / ".echo-migrate.proofs").mkdir()
    after = digest(Context(str(tmp_path)))
    (tmp_path / ".echo-migrate.proofs" / "x").touch()
    assert digest(Context(str(tmp_path))) == after


def test_a_tar_that_is_none_tells_nothing() -> None:
    reader = Reader()
    reader.read(io.BytesIO(b"x" * 2000))
    assert reader.files is None


_LONG = "srv/" + "n" * 60
_ENTRIES = st.lists(
    st.builds(
        tarfile.TarInfo,
        st.sampled_from(
            ["app", "./app/x", f"{_LONG}/{_LONG}/x", "var/lib/dpkg/status", "lib/apk/db/installed", "ä", "a" * 100, "."]
        ),
    ),
    max_size=6,
)


@given(
    _ENTRIES,
    st.sampled_from([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
    st.data(),
)
def test_the_files_of_an_image_are_read_as_tarfile_reads_them(
    entries: list[tarfile.TarInfo], format: int, data: st.DataObject
) -> None:
    buffer = io.BytesIO()
    numbers = st.sampled_from([0, 5, 2_097_151] + [2_097_152, 10**10] * (format != tarfile.USTAR_FORMAT))
    kinds = st.sampled_from([tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE])
    with tarfile.open(fileobj=buffer, mode="w", format=format) as archive:
        for one in entries:
            one.type, one.uid, one.gid = data.draw(kinds), data.draw(numbers), data.draw(numbers)
            one.mode = data.draw(st.sampled_from([0o644, 0o4755, 0o1777, 0o777]))
            text = data.draw(st.sampled_from([b"", b"Package: a\nStatus: x\n", b"P:b\n" * 128, b"x" * 511]))
            one.size = len(text) if one.isfile() else 0
            archive.addfile(one, io.BytesIO(text) if one.isfile() else None)
    whole = buffer.getvalue()
    with tarfile.open(fileobj=io.BytesIO(whole), mode="r:") as read:
        plain = read.getmembers()
    owners = {
        name: (one.uid, one.gid)
        for one in plain
        for name in [one.name.removeprefix("./").strip("/")]
        if (one.isfile() or one.isdir()) and not name.startswith("var/lib/dpkg")
    }
    reader = Reader()
    reader.read(io.BytesIO(whole))
    assert reader.files
    assert reader.files.owners == owners
    assert reader.files.privileged == {
        one.name.removeprefix("./") for one in plain if one.isfile() and one.mode & 0o4000
    }
    cut = Reader()
    cut.read(io.BytesIO(whole[: data.draw(st.integers(0, len(whole)))]))


def test_files_that_are_cut_off_tell_nothing() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in ("var/lib/dpkg/status", "b"):
            member = tarfile.TarInfo(name)
            member.size = 700
            archive.addfile(member, io.BytesIO(b"x" * 700))
    for end in (0, 100, 512, 1024, 1300, 2048, 2500, 3000):
        reader = Reader()
        reader.read(io.BytesIO(buffer.getvalue()[:end]))
        assert (reader.files, reader.cut) == (None, True), end


def test_a_program_is_read_to_its_end_whatever_its_reader_makes_of_it() -> None:
    def fail(stream: IO[bytes]) -> None:
        raise ValueError(stream.read(1))

    assert Processes().call(["head", "-c", "1000000", "/dev/zero"], 60, read=fail).code == 0


def test_files_whose_reading_fails_are_cut_off() -> None:
    class Damaged(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise ValueError("damaged")

    reader = Reader()
    with pytest.raises(ValueError, match="damaged"):
        reader.read(Damaged())
    assert (reader.files, reader.cut) == (None, True)


def test_a_smoke_test_is_a_command() -> None:
    for command in ("", "  "):
        with pytest.raises(click.BadParameter):
            smoke.Tests((command,), ())
    with pytest.raises(click.UsageError):
        smoke.rows("", {"http": "/"}, "", lambda _: True)


def test_nothing_is_printed_where_nothing_is_to_be_proven_quietly() -> None:
    assert proofs.render("text", [], [], False, True) == ""
    assert proofs.render("markdown", [PROOF._replace(rows=())], [], False, False).count("\n") == 3


def test_a_run_that_begins_is_not_taken_for_a_dead_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(Builder, "labelled", lambda _: ([], []))
    monkeypatch.setattr(Builder, "networks", lambda _: [])
    first = Workplace()
    sweep = Thread(target=first.sweep, args=(Builder("docker", Processes(), first.token),))
    mkdir = os.mkdir

    def slow(path: str, mode: int) -> None:
        mkdir(path, mode)
        sweep.start()
        sweep.join(0.5)

    with monkeypatch.context() as patched:
        patched.setattr(os, "mkdir", slow)
        second = Workplace()
    sweep.join()
    assert os.path.isfile(os.path.join(second.folder, "lock"))
    second.close()
    first.sweep(Builder("docker", Processes(), first.token))
    first.close()


def test_a_signal_ends_a_wait_although_it_does_not_wake_it() -> None:
    """As one that arrives when a wait is about to begin, or that the system gives to another thread."""
    main, ended = get_ident(), Event()

    def work() -> bool:
        while awaited.__code__ not in [frame.f_code for frame, _ in traceback.walk_stack(sys._current_frames()[main])]:
            time.sleep(0.01)
        time.sleep(0.1)  # until it waits
        signal.pthread_kill(get_ident(), signal.SIGUSR1)
        return ended.wait(60)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(work)
            with pytest.raises(KeyboardInterrupt):
                awaited(future)
            ended.set()
            assert future.result()
    finally:
        signal.signal(signal.SIGUSR1, before)
