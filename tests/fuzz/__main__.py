"""Run targets, each for some seconds, and end with 1 if one of them broke a law; or look again at a file that did."""

import argparse
import importlib.util
import subprocess
import sys
import time
from pathlib import Path

from tests.fuzz.engines import by_atheris, by_hypothesis


def main() -> int:
    """Run the command line, and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="default: all")
    parser.add_argument("--seconds", type=int, default=180, help="for each target")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--file", help="check this file alone, which a run has written into build/fuzz")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.here:
        _run(asked.targets[0], asked.seconds, asked.seed)
        return 0
    from tests.fuzz.targets import targets
    from tests.fuzz.trees import loaded

    if asked.file:
        if tree := loaded(Path(asked.file).read_bytes()):
            targets()[asked.targets[0]].check(tree)
        return 0
    options = ["--here", f"--seconds={asked.seconds}", f"--seed={asked.seed}"]
    broken = False
    for name in asked.targets or targets():  # a process for each: atheris ends the one that it runs in
        print(f"== {name}", flush=True)
        broken |= subprocess.run([sys.executable, "-m", "tests.fuzz", name, *options], check=False).returncode != 0
    return int(broken)


def _run(name: str, seconds: int, seed: int) -> None:
    if importlib.util.find_spec("atheris"):
        by_atheris(name, seconds, seed)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        by_hypothesis(name, 100, seed)
        seed += 1


if __name__ == "__main__":
    sys.exit(main())
