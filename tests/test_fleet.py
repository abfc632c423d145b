"""The inventory of many repositories, with real git: which, what of them, and what stays of a run."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from echo_migrate.cli.fleet_proposals import propose
from echo_migrate.files import git, scratch
from echo_migrate.files.data import latest_date, read_data
from echo_migrate.files.scratch import GitFailed, Remote, obtained
from echo_migrate.files.threads import at_once
from echo_migrate.fleet import work
from echo_migrate.fleet.repositories import FleetError, Repository, listed
from echo_migrate.fleet.store import Store
from echo_migrate.fleet.work import worked
from echo_migrate.fleet.worker import Outcome, Worker
from tests.conftest import ROOT, Run, heeding

AUTHOR = ("-c", "user.name=a", "-c", "user.email=a@example.com")
DAY = ("--today", "2026-11-27")


def made(folder: Path, files: dict[str, str]) -> str:
    """Make a folder a repository with a commit of files, and return the commit."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return committed(folder)


def committed(folder: Path) -> str:
    def asked(*words: str) -> bytes:
        return subprocess.run(["git", *AUTHOR, *words], cwd=folder, check=True, capture_output=True).stdout

    asked("add", "-A")
    asked("commit", "-qm", "change")
    return asked("rev-parse", "HEAD").decode().strip()


@pytest.fixture
def clones(tmp_path: Path) -> Path:
    folder = tmp_path / "clones"
    made(
        folder / "api", {"Dockerfile": "FROM python:3.12\n", "deploy/compose.yaml": "services: {a: {image: redis:8}}\n"}
    )
    made(folder / "acme" / "web", {"Dockerfile": "FROM reg.echohq.com/node:22\n"})
    return folder


def fleet(run: Run, place: Path, *more: str) -> dict[str, Any]:
    done = run("fleet", str(place), "--store", "store", "--output-format", "json", *DAY, *more)
    document: dict[str, Any] = json.loads(done.stdout)
    schema = json.loads((ROOT / "echo_migrate" / "cli" / "fleet.schema.json").read_text())
    Draft202012Validator(schema).validate(document)
    assert done.returncode == (2 if any(row["error"] for row in document["repositories"]) else 0)
    return document


def counts(document: dict[str, Any]) -> dict[str, dict[str, int]]:
    """The states that occur, by repository."""
    return {
        row["repository"]: {state: count for state, count in row["states"].items() if count}
        for row in document["repositories"]
    }


def test_what_is_committed_is_counted(run: Run, clones: Path, tmp_path: Path) -> None:
    (clones / "api" / "Dockerfile").write_text("FROM python:3.13\nFROM node:22\n")  # not committed
    before = {path: path.stat().st_mtime_ns for path in clones.rglob("*")}
    document = fleet(run, clones)
    assert counts(document) == {"acme/web": {"hardened": 1}, "api": {"migrate": 2}}
    assert document["total"]["migrate"] == 2
    assert {path: path.stat().st_mtime_ns for path in clones.rglob("*")} == before
    assert not list((tmp_path / "store" / "scratch").iterdir())


def test_a_list_has_paths_urls_and_names(run: Run, clones: Path, tmp_path: Path) -> None:
    bare = tmp_path / "b%20 re.git"
    subprocess.run(["git", "clone", "-q", "--bare", str(clones / "api"), str(bare)], check=True)
    names = clones / "list.txt"
    names.write_text(f"# ours\napi\nacme/web shop # the shop\n\nfile://{git_url(bare)} third\n")
    assert counts(fleet(run, names)) == {"api": {"migrate": 2}, "shop": {"hardened": 1}, "third": {"migrate": 2}}


def git_url(path: Path) -> str:
    return str(path).replace("%", "%25").replace(" ", "%20")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no repositories"),
        ("nowhere\n", "list:1: is not a git repository"),
        ("https://[a\n", "list:1: is not a URL of a repository"),
        ("file://#a\n", "list:1: is not a URL of a repository"),
        ("https://[a]/b\n", "list:1: is not a URL of a repository"),
        ("# x\nssh://host/a\n", "list:2: only https and file URLs are fetched"),
        ("git@host:a/b\n", "list:1: only https and file URLs are fetched"),
        ("ext::sh -c x\n", "list:1: has more than a repository and a name"),
        ("ext::sh%20-c\n", "list:1: only https and file URLs are fetched"),
        ("https://me:secret@host.example/a\n", "list:1: has a login"),
        ("file:///a x\nfile:///b x\n", "x more than once"),
    ],
)
def test_a_list_that_cannot_be_used(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "list").write_text(text)
    with pytest.raises(FleetError) as found:
        listed(str(tmp_path / "list"))
    assert said in str(found.value)
    assert "secret" not in str(found.value)


def test_one_repository_never_ends_the_run(run: Run, clones: Path) -> None:
    subprocess.run(["git", "init", "-q", str(clones / "empty")], check=True)
    made(clones / "torn", {"Dockerfile": "FROM node:22\n"})
    for path in (clones / "torn" / ".git" / "objects").glob("??/*"):
        path.chmod(0o644)
        path.write_bytes(b"")
    document = fleet(run, clones)
    errors = {row["repository"]: row["error"] for row in document["repositories"] if row["error"]}
    assert sorted(errors) == ["empty", "torn"]
    assert "has no commit" in errors["empty"]
    assert counts(document)["api"] == {"migrate": 2}


def test_nothing_of_a_repository_is_run_or_followed(run: Run, clones: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("FROM node:22\n")
    evil = clones / "evil"
    made(
        evil, {"Dockerfile": "FROM python:3.12\n", ".gitattributes": "* filter=x\n", "Dockerfile.dev": "FROM redis:8\n"}
    )
    (evil / "Dockerfile.out").symlink_to(secret)
    (evil / "here").symlink_to(tmp_path)
    committed(evil)
    program = f"touch {tmp_path}/ran; cat"
    for name in (
        "filter.x.smudge",
        "filter.x.clean",
        "core.fsmonitor",
        "uploadpack.packObjectsHook",
        "core.sshCommand",
    ):
        subprocess.run(["git", "config", name, program], cwd=evil, check=True)
    (evil / ".git" / "hooks").mkdir(exist_ok=True)
    for name in ("post-checkout", "post-index-change", "pre-commit", "reference-transaction"):
        (evil / ".git" / "hooks" / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
        (evil / ".git" / "hooks" / name).chmod(0o755)
    document = fleet(run, clones)
    assert counts(document)["evil"] == {"migrate": 2}
    assert not (tmp_path / "ran").exists()


def hostile(folder: Path, tree: bytes) -> None:
    """Make a repository whose commit has the tree that ``git mktree`` makes of these lines."""
    made(folder, {"Dockerfile": "FROM python:3.12\n"})

    def asked(*words: str, input: bytes = b"") -> str:
        done = subprocess.run(["git", *AUTHOR, *words], cwd=folder, input=input, check=True, capture_output=True)
        return done.stdout.decode().strip()

    blob = asked("hash-object", "-w", "Dockerfile").encode()
    head = asked("rev-parse", "HEAD").encode()
    for name, value in ((b"BLOB", blob), (b"HEAD", head), (b"TREE", asked("rev-parse", "HEAD^{tree}").encode())):
        tree = tree.replace(name, value)
    id = asked("mktree", "-z", "--missing", input=tree)
    asked("update-ref", "HEAD", asked("commit-tree", id, "-m", "x"))


@pytest.mark.parametrize(
    ("tree", "found"),
    [
        (b"100644 blob BLOB\tDockerfile\000160000 commit HEAD\tself\0", {"migrate": 1}),  # a submodule to itself
        (b"040000 tree TREE\t\x1b[31m\nx\xff\0", {"migrate": 1}),
        (b"100644 blob BLOB\t--help.Dockerfile\000100644 blob BLOB\t-rf\0", {"migrate": 1}),
        (b"120000 blob BLOB\tDockerfile\0", {}),  # a link to what the file says
        (b"100644 blob BLOB\t.git\0", None),
        (b"100644 blob BLOB\t..\0", None),
        (b"100644 blob " + b"1" * 40 + b"\tDockerfile\0", None),  # which is not there
    ],
)
def test_hostile_trees(run: Run, clones: Path, tmp_path: Path, tree: bytes, found: dict[str, int] | None) -> None:
    hostile(clones / "evil", tree)
    before = sorted(os.listdir(tmp_path))
    document = fleet(run, clones)
    assert counts(document)["evil"] == (found or {})
    assert [row["repository"] for row in document["repositories"] if row["error"]] == (
        [] if found is not None else ["evil"]
    )
    assert counts(document)["api"] == {"migrate": 2}
    assert sorted(os.listdir(tmp_path)) == sorted({*before, "store"})
    assert not list((tmp_path / "store" / "scratch").iterdir())


def test_a_tree_deeper_than_python_removes_is_removed(run: Run, clones: Path, tmp_path: Path) -> None:
    deep = "/".join(["d"] * 1500)
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(clones / "deep")], check=True)
    files = "".join(
        f"M 100644 inline {path}\ndata 17\nFROM python:3.12\n\n" for path in ("Dockerfile", f"{deep}/Dockerfile")
    )
    stream = f"commit refs/heads/main\ncommitter a <a@example.com> 1 +0000\ndata 1\nx\n{files}"
    subprocess.run(["git", "fast-import", "--quiet"], cwd=clones / "deep", input=stream.encode(), check=True)
    assert counts(fleet(run, clones))["deep"]["migrate"] == 1
    assert not list((tmp_path / "store" / "scratch").iterdir())


def test_what_unpacks_to_more_than_fits_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = made(tmp_path / "big", {"a": "x" * 1000, "b": "x" * 1000})
    monkeypatch.setattr(scratch, "LARGEST", 1_999)
    (tmp_path / "out").mkdir()
    with pytest.raises(GitFailed, match="its files have more than"):
        obtained(str(tmp_path / "out"), Remote(f"file://{tmp_path}/big"), commit)
    assert os.listdir(tmp_path / "out") == [".git"]


def test_a_remote_that_sends_without_end_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"file://{tmp_path}/a%0Ab"  # which is fetched, as its objects cannot be named
    (tmp_path / "a\nb").mkdir()
    (tmp_path / "a\nb" / "noise").write_bytes(os.urandom(400_000))
    commit = made(tmp_path / "a\nb", {})
    for most, left in ((4_000_000, False), (100_000, True)):
        monkeypatch.setattr(git, "_LARGEST_FILE", most)
        out = tmp_path / f"out{most}"
        out.mkdir()
        if left:
            with pytest.raises(GitFailed, match="could not be fetched"):
                obtained(str(out), Remote(url), commit)
        else:
            obtained(str(out), Remote(url), commit)
            assert (out / "noise").stat().st_size == 400_000
        assert max(path.stat().st_size for path in out.rglob("*") if path.is_file()) <= most


def test_packs_that_are_torn_end_one_repository(run: Run, clones: Path) -> None:
    made(clones / "torn", {"Dockerfile": "FROM node:22\n"})
    subprocess.run(["git", "gc", "-q"], cwd=clones / "torn", check=True)
    for path in (clones / "torn" / ".git" / "objects" / "pack").glob("*.pack"):
        path.chmod(0o644)
        path.write_bytes(path.read_bytes()[:-30] + b"\0" * 30)
    document = fleet(run, clones)
    assert [row["repository"] for row in document["repositories"] if row["error"]] in (["torn"], [])
    assert counts(document)["api"] == {"migrate": 2}


def test_a_process_that_is_killed_is_replaced(tmp_path: Path) -> None:
    def work(outcome: Outcome, folder: str) -> Outcome:
        (Path(folder) / "file").write_text("x")
        if outcome.repository.name == "2":
            os.kill(os.getpid(), signal.SIGKILL)
        if outcome.repository.name == "4":
            raise RecursionError
        return outcome._replace(revision=str(os.getpid()))

    given = [Outcome(Repository(str(number), ""), key="k") for number in range(8)]
    done = {one.repository.name: one for one in worked(given, work, str(tmp_path), 2)}
    assert {name: one.error for name, one in done.items() if one.error} == {
        "2": "its process was killed: was there too little memory?",
        "4": "a fault of echo-migrate (RecursionError: )",
    }
    assert len({one.revision for one in done.values() if one.revision}) <= 3
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["start", "begin", "end"])
def test_an_interrupt_leaves_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """At whichever step it comes."""
    step = getattr(Worker, name)

    def interrupted(one: Worker, *given: Any) -> None:
        step(one, *given)
        raise KeyboardInterrupt

    monkeypatch.setattr(Worker, name, interrupted)
    given = [Outcome(Repository(str(number), ""), key="k") for number in range(3)]
    with pytest.raises(KeyboardInterrupt):
        list(worked(given, lambda outcome, _: outcome, str(tmp_path), 2))
    assert not multiprocessing.active_children()


def test_a_process_ends_with_the_pipe_to_it_and_with_the_run(tmp_path: Path) -> None:
    one = Worker(lambda outcome, _: outcome, str(tmp_path / "0"))
    one.start()
    (process,) = multiprocessing.active_children()
    one.answer.close()
    process.join(60)
    assert (process.exitcode, process.daemon) == (0, True)
    one.stop()


def test_after_an_interrupt_nothing_more_is_asked_for() -> None:
    asked, left = list[int](), threading.Event()

    def ask(number: int) -> None:
        asked.append(number)
        left.wait()

    def items() -> Iterator[int]:
        yield from range(50)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        at_once(ask, items(), 2, left.set)
    assert len(asked) <= 2


ELSEWHERE = """
import os, sys
from echo_migrate.fleet.store import Store
from echo_migrate.fleet.work import scratch

os.getpid = lambda: 2**22 + 1  # as on another machine: no process here has this number
with scratch(Store(sys.argv[1])) as folder:
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("kind", ["", "local://"])
def test_runs_on_one_store_leave_each_other_their_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    words = [sys.executable, "-c", ELSEWHERE, f"{kind}{tmp_path}/store"]
    env = os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env, cwd=ROOT) as other:
        assert other.stdout is not None
        there = other.stdout.readline().decode().rstrip("\n")
        with work.scratch(Store(f"{kind}{tmp_path}/store")) as here:
            assert os.path.isdir(there)
            assert os.path.dirname(here) == os.path.dirname(there)
            other.kill()
            other.wait()
        assert os.path.isdir(there)
    with work.scratch(Store(f"{kind}{tmp_path}/store")) as here:
        assert not os.path.lexists(there)
    assert not os.path.lexists(here)


def test_a_repository_that_stalls_is_given_up(tmp_path: Path) -> None:
    def work(outcome: Outcome, folder: str) -> Outcome:
        while outcome.repository.name == "1":
            time.sleep(10)
        return outcome

    given = [Outcome(Repository(str(number), ""), key="k") for number in range(3)]
    done = {one.repository.name: one.error for one in worked(given, work, str(tmp_path), 1, 5)}
    assert done == {"0": "", "1": "not done after 0 minutes", "2": ""}


def test_proposing_has_the_time_that_a_forge_asks_to_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = list[float]()
    begin = Worker.begin

    def noted(one: Worker, outcome: Outcome) -> None:
        begin(one, outcome)
        limits.append(one.seconds)

    monkeypatch.setattr(Worker, "begin", noted)
    options: Any = {"mapping": ""}
    nowhere = Outcome(Repository("a", f"file://{tmp_path}/none"), "0" * 40, "k")
    (done,) = propose([nowhere], options, Store(str(tmp_path / "store")))
    assert "cannot read the repository" in done.error
    assert limits[0] > 3600


def test_a_second_run_reads_what_changed_alone(run: Run, clones: Path, tmp_path: Path) -> None:
    first = fleet(run, clones)
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "store" / "results").rglob("*.json")}
    latest = (tmp_path / "store" / "latest.json").read_bytes()
    assert fleet(run, clones) == first
    assert (tmp_path / "store" / "latest.json").read_bytes() == latest
    (clones / "api" / "Dockerfile").write_text("FROM reg.echohq.com/python:3.12\n")
    commit = committed(clones / "api")
    assert counts(fleet(run, clones))["api"] == {"migrate": 1, "hardened": 1}
    now = {path: path.stat().st_mtime_ns for path in (tmp_path / "store" / "results").rglob("*.json")}
    assert kept.items() < now.items()
    assert len(now) == len(kept) + 1
    entries = {one["repository"]: one for one in Store(str(tmp_path / "store")).latest()}
    result = Store(str(tmp_path / "store")).get(entries["api"]["key"])
    assert result is not None
    assert result["revision"] == entries["api"]["revision"] == commit
    fleet(run, clones, "--provider", "docker")
    assert len(list((tmp_path / "store" / "results").rglob("*.json"))) == len(now) + 2


def test_another_day_reads_again_only_if_a_line_has_ended_since(run: Run, clones: Path, tmp_path: Path) -> None:
    made(clones / "old", {"Dockerfile": "FROM python:3.10\n"})
    cycles = read_data("eol.yaml")["python"]["cycles"]
    assert cycles["3.10"] == "2026-10-31"  # on which it still is supported
    days = ("2026-10-29", "2026-10-31", "2026-11-01")
    for day in days:
        run("fleet", str(clones), "--store", "store", "--today", day, "--output-format", "json")
    states = [json.loads(path.read_text()) for path in (tmp_path / "store" / "results").rglob("*.json")]
    of_old = [one["inventory"]["references"][0] for one in states if one["repository"] == "old"]
    assert sorted(any(reason["id"] == "ended" for reason in one["reasons"]) for one in of_old) == [False, True]
    before, same, after = map(latest_date, days)
    assert before == same < after == "2026-10-31"


def test_a_result_that_was_torn_is_made_again(run: Run, clones: Path, tmp_path: Path) -> None:
    first = fleet(run, clones)
    for path in (tmp_path / "store" / "results").rglob("*.json"):
        path.write_bytes(path.read_bytes()[:40])
    assert fleet(run, clones) == first


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_was_stopped_goes_on(run: Run, tmp_path: Path, how: signal.Signals) -> None:
    for number in range(12):
        made(tmp_path / "many" / f"r{number}", {"Dockerfile": f"FROM python:3.{number}\n"})
    words = [sys.executable, "-m", "echo_migrate", "fleet", "many", "--store", "store", "--jobs", "1", *DAY]
    nowhere = subprocess.DEVNULL
    process = subprocess.Popen(words, cwd=tmp_path, preexec_fn=heeding, stdout=nowhere, stderr=nowhere)
    results = tmp_path / "store" / "results"
    while process.poll() is None and len(list(results.rglob("*.json"))) < 3:
        time.sleep(0.01)
    process.send_signal(how)
    assert process.wait() == (-how if how == signal.SIGKILL else 128 + how)
    assert not (tmp_path / "store" / "latest.json").exists()
    if how != signal.SIGKILL:
        assert not list((tmp_path / "store" / "scratch").iterdir())
    kept = {path: path.read_bytes() for path in results.rglob("*.json")}
    assert all(json.loads(text)["inventory"] for text in kept.values())
    document = fleet(run, tmp_path / "many")
    assert sum(document["total"].values()) == 12
    assert kept.items() <= {path: path.read_bytes() for path in results.rglob("*.json")}.items()
    assert not list((tmp_path / "store" / "scratch").iterdir())
    whole = {path.name: path.read_bytes() for path in results.rglob("*.json")}
    run("fleet", "many", "--store", "other", *DAY)
    assert {path.name: path.read_bytes() for path in (tmp_path / "other" / "results").rglob("*.json")} == whole


def test_the_table_shows_who_is_how_far(run: Run, clones: Path) -> None:
    made(clones / "a\x1b[31mb\nc", {"Dockerfile": "FROM python:3.12\n"})
    done = run("fleet", str(clones), "--store", "store", *DAY)
    lines = done.stdout.decode().splitlines()
    assert lines[1].split() == ["api", "2", "2", "0", "0", "0", "0", "0"]
    assert lines[-1] == "3 repositories: 1 of 4 references are hardened, 3 are ready to migrate; 0 unchanged"
    assert b"\x1b[31m" not in done.stdout


def test_the_head_of_what_is_no_repository(tmp_path: Path) -> None:
    assert git.head(f"file://{tmp_path}/none") == ""
    assert git.head("ext::touch /tmp/x") == ""
    with pytest.raises(GitFailed, match="cannot read the repository"):
        obtained(str(tmp_path), Remote(f"file://{tmp_path}/none"), "0" * 40)
    with pytest.raises(GitFailed, match="only https is supported"):
        obtained(str(tmp_path), Remote("ext::touch /tmp/x"), "0" * 40)


def test_a_store_that_cannot_be_written(run: Run, clones: Path, tmp_path: Path) -> None:
    (tmp_path / "store").write_text("mine\n")
    done = run("fleet", str(clones), "--store", "store")
    assert done.returncode == 2
    assert b"store" in done.stderr
    assert b"Traceback" not in done.stderr
    assert (tmp_path / "store").read_text() == "mine\n"
    assert os.listdir(clones) == ["acme", "api"] or sorted(os.listdir(clones)) == ["acme", "api"]
