"""What a second worker brings to a fleet on a cluster, and what the cluster costs: repositories of 20 files each.

.venv/bin/python -m tests.bench.fleet_cluster [COUNT]
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from distributed import Client

from tests.bench.fleet import made

NOWHERE = subprocess.DEVNULL
TICKS = os.sysconf("SC_CLK_TCK")


class Spent(NamedTuple):
    """Elapsed seconds of a run, and the seconds of a processor: of the processes that do the tasks, with the git that
    they start, and beside them of the command, of the scheduler and of Dask's workers."""

    elapsed: float
    tasks: float
    command: float
    scheduler: float
    workers: float

    @property
    def share(self) -> float:
        """What the tasks have of all seconds of a processor."""
        return self.tasks / sum(self[1:])


def own(process: int) -> float:
    """Return the seconds of a processor that a process has used."""
    return sum(map(int, fields(process)[11:13])) / TICKS


def below(process: int) -> float:
    """Return those that the processes below it have used, also those that have ended."""
    running = Path(f"/proc/{process}/task").glob("*/children")
    children = [int(one) for path in running for one in path.read_text().split()]
    return sum(map(int, fields(process)[13:15])) / TICKS + sum(own(one) + below(one) for one in children)


def fields(process: int) -> list[str]:
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()


def run(clones: Path, count: int) -> Spent:
    """Have a fleet read by a cluster with a number of workers, which have all started when it begins."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = str(one.getsockname()[1])
    address = f"tcp://127.0.0.1:{port}"
    running: list[subprocess.Popen[bytes]] = []
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"DASK_TEMPORARY_DIRECTORY": folder}
        environment |= {"DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "false"}  # as docs/fleet.md has it
        environment |= {"DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL": "1s"}
        words = [["scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard"]]
        words += [["worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard"]] * count
        try:
            for each in words:
                dask = [sys.executable, "-m", "dask", *each]
                running.append(subprocess.Popen(dask, env=environment, stdout=NOWHERE, stderr=NOWHERE, cwd=folder))
            with Client(address, timeout=120) as client:
                client.wait_for_workers(count, timeout=120)
            idle = [own(one.pid) for one in running]
            fleet = [sys.executable, "-m", "echo_migrate", "fleet", str(clones), "--store", f"{folder}/store"]
            begun, before = time.perf_counter(), os.times()
            subprocess.run([*fleet, "--scheduler", address, "--output-format", "json"], check=True, stdout=NOWHERE)
            elapsed, after = time.perf_counter() - begun, os.times()
            scheduler, *workers = (own(one.pid) - was for one, was in zip(running, idle, strict=True))
            tasks = sum(below(one.pid) for one in running)
            return Spent(elapsed, tasks, sum(after[2:4]) - sum(before[2:4]), scheduler, sum(workers))
        finally:
            for process in running:
                process.send_signal(signal.SIGKILL)
                process.wait()


def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        clones = Path(name) / "clones"
        clones.mkdir()
        for number in range(count):
            made(clones / f"r{number}", number)
        print(f"{count} repositories: elapsed, and seconds of a processor\n", flush=True)
        print(
            "| workers | elapsed | tasks | command | scheduler | Dask's workers | tasks, of all |\n" + "|---" * 7 + "|"
        )
        done = [run(clones, workers) for workers in (1, 2)]
        for workers, one in enumerate(done, 1):
            print(f"| {workers} | {' | '.join(f'{value:.2f}' for value in one)} | {one.share:.0%} |")
        print(f"\ntwo workers do {done[0].elapsed / done[1].elapsed:.2f} times the work of one in the same time")
        print(f"the tasks have {min(one.share for one in done):.0%} of the seconds of a processor, or more")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
