"""What a second worker brings to a fleet on a cluster, and what the cluster costs: repositories of 20 files each.

.venv/bin/python tests/bench/fleet_cluster.py CLONES
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ADDRESS = "tcp://127.0.0.1:9787"
TICKS = os.sysconf("SC_CLK_TCK")


def spent(process: int, below: bool) -> float:
    """The seconds of a processor that a process has used, or those that ended below it have."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[13:15] if below else fields[11:13])) / TICKS


def children(process: int) -> list[int]:
    path = Path(f"/proc/{process}/task")
    return [int(one) for task in path.iterdir() for one in (task / "children").read_text().split()]


def main(clones: str) -> None:
    for count in (1, 2):
        with tempfile.TemporaryDirectory() as folder:
            environment = (
                os.environ
                | {"DASK_TEMPORARY_DIRECTORY": folder}
                | {"DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "false"}
            )
            dask = [sys.executable, "-m", "dask"]
            scheduler = [*dask, "scheduler", "--host", "127.0.0.1", "--port", "9787", "--no-dashboard"]
            worker = [*dask, "worker", ADDRESS, "--nthreads", "1", "--no-nanny", "--no-dashboard"]
            quiet = subprocess.DEVNULL
            running = [
                subprocess.Popen(words, env=environment, stdout=quiet, stderr=quiet)
                for words in (scheduler, *[worker] * count)
            ]
            time.sleep(15)
            idle = sum(spent(one.pid, below=False) for one in running)
            words = [sys.executable, "-m", "echo_migrate", "fleet", clones, "--store", f"{folder}/store"]
            begun, before = time.perf_counter(), os.times()
            subprocess.run([*words, "--scheduler", ADDRESS, "--output-format", "json"], check=True, stdout=quiet)
            wall, after = time.perf_counter() - begun, os.times()
            below = [one for process in running for one in children(process.pid)]
            tasks = sum(spent(one, below=kind) for one in below for kind in (False, True))
            tasks += sum(spent(one.pid, below=True) for one in running)
            rest = sum(spent(one.pid, below=False) for one in running) - idle + sum(after[2:4]) - sum(before[2:4])
            print(f"{count} workers {wall:7.2f} s; of a processor {tasks:7.2f} s in tasks, {rest:7.2f} s beside them")
            for one in running:
                one.send_signal(signal.SIGKILL)
                one.wait()


if __name__ == "__main__":
    main(sys.argv[1])
