"""A fleet on a cluster: a real scheduler of Dask with two workers, one that is killed, stores and tables elsewhere."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from multiprocessing import Pipe
from pathlib import Path
from threading import Event, Semaphore
from typing import Any

import duckdb
import pytest
from distributed import Client, LocalCluster

from echo_migrate import __version__
from echo_migrate.files.write import NotWritten
from echo_migrate.fleet import cluster
from echo_migrate.fleet.repositories import Repository
from echo_migrate.fleet.store import Store
from echo_migrate.fleet.task import Plan, program
from echo_migrate.fleet.work import scratch
from echo_migrate.fleet.worker import Errand, Outcome
from echo_migrate.images import catalog
from echo_migrate.rules._rule import Settings
from tests.conftest import ROOT, Run
from tests.git_http import smart_http
from tests.registries import Reply, Request, StandIn
from tests.test_fleet import DAY, made

NOWHERE = subprocess.DEVNULL
SECONDS = 300
"""Until something is taken to hang."""


def until(holds: Callable[[], object], what: str) -> None:
    """Wait for something that comes in seconds; the bound is there to end what hangs."""
    for _ in range(6000):
        if holds():
            return
        time.sleep(0.05)
    pytest.fail(f"waited in vain: {what}")


class Cluster:
    """A scheduler at one port, and workers with a thread each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running: list[subprocess.Popen[bytes]] = []
        self.port = 0

    def begin(self) -> None:
        """Start all, at a port that is nobody's, and wait for it."""
        for _ in range(10):
            self.port = random.randrange(20_000, 32_000)  # no system gives these to who asks for any
            if self.start():
                break
        else:
            pytest.fail("the scheduler could not be started")
        with Client(self.address, timeout=SECONDS) as client:
            client.wait_for_workers(2, timeout=SECONDS)

    @property
    def address(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    def _run(self, *words: str) -> "subprocess.Popen[bytes]":
        environment = os.environ | {
            "DASK_DISTRIBUTED__WORKER__DAEMON": "false",
            "DASK_TEMPORARY_DIRECTORY": str(self.folder),
        }
        words = (sys.executable, "-m", "dask", *words)
        one = subprocess.Popen(words, cwd=self.folder, env=environment, stdout=NOWHERE, stderr=NOWHERE, process_group=0)
        self.running.append(one)
        return one

    def start(self) -> bool:
        """Start the scheduler, and two workers without a nanny: what ends stays ended. Returns False, and starts no
        worker, if the port is another's."""
        listens = self.folder / f"{len(self.running)}.json"
        words = ("--host", "127.0.0.1", "--port", str(self.port), "--no-dashboard", "--scheduler-file", str(listens))
        self.scheduler = self._run("scheduler", *words)
        until(lambda: listens.exists() or self.scheduler.poll() is not None, "the scheduler neither listens nor ends")
        if not listens.exists():
            return False
        patience = ("--death-timeout", str(SECONDS))
        for _ in range(2):
            self._run("worker", self.address, "--nthreads", "1", "--no-nanny", "--no-dashboard", *patience)
        return True

    def close(self) -> None:
        for one in self.running:
            if one.returncode is None:  # the number of one that was waited for may be another's
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(one.pid, signal.SIGKILL)
                one.wait()


@pytest.fixture
def dask(tmp_path: Path) -> Iterator[Cluster]:
    (tmp_path / "dask").mkdir()
    one = Cluster(tmp_path / "dask")
    try:
        one.begin()
        yield one
    finally:
        one.close()


def results(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "results").rglob("*.json")}


def kept(store: Path) -> dict[str, bytes]:
    """All that stays in a store."""
    return results(store) | {"latest.json": (store / "latest.json").read_bytes()}


class Held:
    """A server of repositories that has a fetch wait until it is let go on."""

    def __init__(self, folder: Path) -> None:
        self.fetches, self.opened = Semaphore(0), Event()
        self._serve = smart_http(folder)

    def __call__(self, request: Request) -> Reply:
        if b"want " in request.body:
            self.fetches.release()
            self.opened.wait(SECONDS)
        return self._serve(request)

    def fetched(self, process: "subprocess.Popen[bytes]") -> None:
        """Wait for a fetch, as long as the command that wants it is running."""
        until(lambda: self.fetches.acquire(blocking=False) or process.poll() is not None, "a fetch")
        assert process.poll() is None, process.communicate(timeout=SECONDS)


def below(process: int) -> list[int]:
    """The processes that a process has started, and that are running."""
    with contextlib.suppress(OSError):
        return [
            int(one) for path in Path(f"/proc/{process}/task").glob("*/children") for one in path.read_text().split()
        ]
    return []


def fetching(dask: Cluster) -> tuple[int, int] | None:
    """The worker that has a repository, and its process, which waits for a fetch of git; None if none does."""
    for worker in dask.running:
        for process in below(worker.pid):
            for one in below(process):
                with contextlib.suppress(OSError):
                    if b"\0fetch\0" in Path(f"/proc/{one}/cmdline").read_bytes():
                        return worker.pid, process
    return None


def test_killing_any_part_loses_nothing_and_a_run_again_gives_the_same_bytes(
    run: Run, tmp_path: Path, dask: Cluster
) -> None:
    """Each part is killed while a worker has a repository, and others are done or left."""
    for name in ("a", "b", "c", "torn", "d", "e", "held/z"):
        made(tmp_path / name, {"Dockerfile": f"FROM python:3.12\nLABEL name={name}\n"})
    for path in (tmp_path / "torn" / ".git" / "objects").glob("??/*"):
        path.chmod(0o644)
        path.write_bytes(b"")
    held = Held(tmp_path / "held")
    with StandIn(held) as server:
        lines = [*"abcde", "torn", f"{server.url}/z/.git z"]
        (tmp_path / "list").write_text("\n".join(lines))
        held.opened.set()
        assert run("fleet", "list", "--store", "whole", *DAY).returncode == 2  # for the one that is torn
        whole = kept(tmp_path / "whole")
        assert len(whole) == 7  # six results, and what the run had
        for part in ("command", "process", "worker", "scheduler"):
            until(lambda: not fetching(dask), "a fetch for the command that was killed")
            held.opened.clear()
            held.fetches = Semaphore(0)
            words = ["fleet", "list", "--store", part, *DAY, "--output-format", "json"]
            command = [sys.executable, "-m", "echo_migrate", *words, "--scheduler", dask.address]
            pipe = subprocess.PIPE
            process = subprocess.Popen(command, cwd=tmp_path, stdout=pipe, stderr=pipe, process_group=0)
            dask.running.append(process)
            held.fetched(process)
            done = {path: path.stat().st_mtime_ns for path in (tmp_path / part / "results").rglob("*.json")}
            worker, program = fetching(dask) or (0, 0)
            assert program
            killed = {"command": process.pid, "process": program, "worker": worker, "scheduler": dask.scheduler.pid}
            os.kill(killed[part], signal.SIGKILL)
            if part == "scheduler":
                assert dask.start()
            if part in ("worker", "scheduler"):  # another has the repository then
                held.fetched(process)
            if part != "process":
                held.opened.set()
            out, err = process.communicate(timeout=SECONDS)
            assert process.returncode == (-signal.SIGKILL if part == "command" else 2), err
            failed = [row["repository"] for row in json.loads(out)["repositories"] if row["error"]] if out else []
            assert failed == {"command": [], "process": ["torn", "z"]}.get(part, ["torn"])
            held.opened.set()
            again = run(*words, *(("--parquet", "all.parquet") if part == "scheduler" else ()))
            assert [row["repository"] for row in json.loads(again.stdout)["repositories"] if row["error"]] == ["torn"]
            assert kept(tmp_path / part) == whole
            assert {path: path.stat().st_mtime_ns for path in done} == done  # none was made again
    rows = duckdb.connect().execute(f"select repository from '{tmp_path}/all.parquet' order by all").fetchall()
    assert rows == [(name,) for name in "abcdez"]


def test_without_a_scheduler_the_run_ends(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    made(tmp_path / "many" / "a", {"Dockerfile": "FROM node:22\n"})
    done = run("fleet", "many", "--store", "store", "--scheduler", "nonsense://x")
    assert done.returncode == 2
    assert b"nonsense" in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_worker_of_another_version_does_nothing(tmp_path: Path) -> None:
    nothing: Any = None
    errand = Errand(Plan(nothing, (), "9.9\nx"), (), "")
    (done,) = cluster._task([Outcome(nothing, key="k")], errand)
    assert (done.key, "not 9.9" in done.error) == ("", True)


def test_plugins_are_a_part_of_what_decides_a_result(run: Run, tmp_path: Path) -> None:
    made(tmp_path / "many" / "a", {"Dockerfile": "FROM node:22\n"})
    metadata = tmp_path / "site" / "echo_migrate_acme-1.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "entry_points.txt").write_text("[echo_migrate.reports]\nacme = json:dumps\n")
    for version in ("1.5", "1.5", "1.6"):
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: echo-migrate-acme\nVersion: {version}\n")
        done = run(
            "fleet", "many", "--store", "store", *DAY, env={"PYTHONPATH": f"{metadata.parent}{os.pathsep}{ROOT}"}
        )
        assert done.returncode == 0
    assert len(results(tmp_path / "store")) == 2
    wanted = f"{__version__}, echo-migrate-acme 1.6"
    nothing: Any = None
    (one,) = cluster._task([Outcome(nothing, key="k")], Errand(Plan(nothing, (), wanted), (), str(tmp_path)))
    assert one.error == f"a worker has version {__version__}, not {wanted}"


def test_an_error_of_a_worker_is_not_that_of_the_scheduler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = [
        Outcome(Repository("a", f"file://{tmp_path}/a"), made(tmp_path / "a", {"Dockerfile": "FROM x\n"}), "k" * 64)
    ]
    plan, store = Plan(Settings(catalog.load(), ()), (), program()), Store(str(tmp_path / "store"))
    with LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None) as one:
        monkeypatch.setattr(sys, "executable", str(tmp_path / "none"))  # so that no process can be started
        (done,) = cluster.worked(given, plan, store, one.scheduler_address)
    assert (done.key, done.error) == ("", "its worker failed (FileNotFoundError: no such file or directory)")


def test_a_program_whose_errand_never_comes_ends_silently(tmp_path: Path) -> None:
    ours, theirs = Pipe()
    words = [sys.executable, "-m", "echo_migrate.fleet.worker", str(theirs.fileno()), str(tmp_path), str(os.getpid())]
    with subprocess.Popen(words, pass_fds=[theirs.fileno()], stderr=subprocess.PIPE, cwd=ROOT) as one:
        theirs.close()
        ours.close()
        assert one.communicate()[1] == b""
    assert one.returncode == 0


def test_a_store_can_lie_anywhere(run: Run, tmp_path: Path) -> None:
    made(tmp_path / "many" / "a", {"Dockerfile": "FROM node:22\n"})
    place = f"local://{tmp_path}/there"
    first = run("fleet", "many", "--store", place, "--output-format", "json", *DAY)
    assert first.returncode == 0, first.stderr
    again = run("fleet", "many", "--store", place, *DAY)
    assert b"; 1 unchanged" in again.stdout
    run("fleet", "many", "--store", "here", *DAY)
    assert results(tmp_path / "here") == results(tmp_path / "there")
    assert not (tmp_path / "there" / "scratch").exists()
    store = Store(place)
    assert store.get(store.latest()[0]["key"]) is not None
    (next((tmp_path / "there" / "results").rglob("*.json"))).write_text('{"inventory": [')
    assert store.get(store.latest()[0]["key"]) is None


def test_a_result_that_is_not_kept_is_not_counted_as_nothing(run: Run, tmp_path: Path) -> None:
    made(tmp_path / "many" / "a", {"Dockerfile": "FROM node:22\n"})
    done = run("fleet", "many", "--store", "memory://x", *DAY)  # each process has a memory of its own
    assert (done.returncode, done.stderr) == (2, b"echo-migrate: a: its result is not in the store\n")
    assert b"; 1 not read" in done.stdout


def test_a_login_in_the_place_of_a_store_is_not_printed(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(tmp_path / "many" / "a", {"Dockerfile": "FROM node:22\n"})
    store = "memory://user:hunter2@h/x"
    for words, says in (
        (("report",), b"Error: the store has no results: run"),
        (("watch",), b"the store has no run yet"),
        (("fleet", "many"), b"not in the store"),
    ):
        done = run(*words, "--store", store)
        assert (done.returncode, says in done.stderr) == (2, True), done.stderr
        assert b"hunter2" not in done.stdout + done.stderr
    monkeypatch.setattr(tempfile, "tempdir", "/proc/none")
    with pytest.raises(NotWritten, match="^the store: no such file"), scratch(Store(store)):
        pass


SLOW = """
import os, pathlib
from fsspec.asyn import AsyncFileSystem

class Slow(AsyncFileSystem):
    protocol = "slow"
    async def _cat_file(self, path, start=None, end=None, **_):
        return pathlib.Path(path).read_bytes()
    async def _pipe_file(self, path, value, mode="overwrite", **_):
        pathlib.Path(path).write_bytes(value)
    async def _makedirs(self, path, exist_ok=False):
        os.makedirs(path, exist_ok=exist_ok)
"""


def test_a_store_may_have_an_asynchronous_client(run: Run, tmp_path: Path) -> None:
    """As that of S3 is: it refuses to be used in a process that was forked."""
    made(tmp_path / "many" / "a", {"Dockerfile": "FROM node:22\n"})
    metadata = tmp_path / "site" / "slow-1.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: slow\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text("[fsspec.specs]\nslow = slow:Slow\n")
    (tmp_path / "site" / "slow.py").write_text(SLOW)
    env = {"PYTHONPATH": f"{tmp_path / 'site'}{os.pathsep}{ROOT}"}
    done = run("fleet", "many", "--store", f"slow://{tmp_path}/there", *DAY, env=env)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"0 of 1 references are hardened, 1 are ready" in done.stdout
    assert len(results(tmp_path / "there")) == 1


def test_what_is_no_place_is_said_without_its_login() -> None:
    for place in ("nowhere://me:secret@x/y", "https://me:secret@127.0.0.1:9/x"):
        with pytest.raises(NotWritten) as found:
            Store(place).put("a" * 64, {})
        assert "secret" not in str(found.value)
