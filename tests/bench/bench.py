"""Speed and memory of whole processes, beside peers, on a folder of real Dockerfiles.

usage: bench.py FOLDER [NAME=COMMAND ...]      FOLDER holds Dockerfiles; nothing in it is written
   eg: bench.py corpus "hadolint=hadolint --no-fail -f json" "dockerfile-doctor=dockerfile-doctor lint"

A peer's command gets the files as arguments. Times are medians, those of a processor with what the process starts, and
files are those of a second of a processor, as the machine may do other work; memory is the peak of the process
(ru_maxrss).
"""

import os
import platform
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from echo_migrate.formats.dockerfile import recognise

SMALL = 'FROM python:3.12-slim AS build\nRUN pip install flask\n\nFROM build\nCOPY . /app\nCMD ["python", "/app"]\n'
BATCH = 2000
OURS = [sys.executable, "-m", "echo_migrate"]
RUNS = 5


def measure(command: Sequence[str], cwd: Path, runs: int = RUNS) -> tuple[float, float, float]:
    """Median wall time and median time of a processor in seconds, and the peak memory in MB."""
    times, used, peak = [], [], 0.0
    for _ in range(runs):
        begin = time.perf_counter()
        process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, _, usage = os.wait4(process.pid, 0)
        times.append(time.perf_counter() - begin)
        used.append(usage.ru_utime + usage.ru_stime)
        peak = max(peak, usage.ru_maxrss / 1024)
    return statistics.median(times), statistics.median(used), peak


def row(name: str, count: int, measured: tuple[float, float, float]) -> None:
    wall, used, peak = measured
    rate = f"{count / used:,.0f}" if count > 1 else ""
    print(f"| {name} | {wall * 1000:,.0f} | {used * 1000:,.0f} | {rate} | {peak:.0f} |", flush=True)


def copies(corpus: Path, folder: Path, count: int) -> list[str]:
    """The first ``count`` Dockerfiles of the corpus under names that every tool takes."""
    found = sorted(path for path in corpus.rglob("*") if path.is_file() and recognise(path.name, ""))
    names = []
    for number, path in enumerate(found[:count]):
        target = folder / f"{number // 100:03}" / f"Dockerfile.{number % 100:02}"
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(path, target)
        names.append(str(target.relative_to(folder)))
    return names


def main(corpus: str, *peers: str) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder, one = Path(temporary, "many"), Path(temporary, "one")
        folder.mkdir()
        one.mkdir()
        names = copies(Path(corpus), folder, BATCH)
        (one / "Dockerfile").write_text(SMALL)
        (one / "Dockerfile.long").write_text("FROM python:3.12\n" + "RUN echo a \\\n  && echo b\n" * 50_000)
        print(
            f"{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} processors, "
            f"{len(names)} files\n"
        )
        print("| what | ms | of a processor | files/s | peak MB |\n|---|---:|---:|---:|---:|")
        row("python -c pass", 1, measure([sys.executable, "-c", "pass"], one, 15))
        row("echo-migrate --help", 1, measure([*OURS, "--help"], one, 15))
        row("check, one small file", 1, measure([*OURS, "check", "Dockerfile"], one, 15))
        row("check, one file of 100,001 lines", 1, measure([*OURS, "check", "Dockerfile.long"], one))
        row("fix --diff, one file of 100,001 lines", 1, measure([*OURS, "fix", "--diff", "Dockerfile.long"], one))
        for part in (500, 1000, len(names)):
            command = [*OURS, "check", "--jobs", "1", *names[:part]]
            row(f"check, {part} files, one process", part, measure(command, folder))
        row("check ., two processes", len(names), measure([*OURS, "check", "--jobs", "2", "."], folder))
        row("fix --diff ., one process", len(names), measure([*OURS, "fix", "--diff", "--jobs", "1", "."], folder))
        for peer in peers:
            name, _, line = peer.partition("=")
            peer_words = shlex.split(line)
            row(f"{name}, one small file", 1, measure([*peer_words, "Dockerfile"], one))
            row(f"{name}, {len(names)} files", len(names), measure([*peer_words, *names], folder, 3))


if __name__ == "__main__":
    main(*sys.argv[1:])
