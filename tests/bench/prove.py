"""How long `prove` takes beside the builds themselves, and a second time with nothing changed.

    .venv/bin/python tests/bench/prove.py [--network NAME] [PROJECT…]

The projects are those of tests/proof/projects.md, moved to Echo, with stand-ins in which pip and npm install for real
(installs.py), from packages that are fetched at the start. Each image gets a file of its own, as a hardened image is
another than upstream's: with the same files, the builder would take each step of after from before. The builder's cache
is emptied before each measurement, except of the images themselves. The builds themselves are those of ``docker
build``, one after the other, and prove has two at a time; both are measured in turn, and the medians compared. Without
a network, each container has one of its own, as on Docker's bridge, which the daemon of these tests has not; on the
host's, one runs after the other.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent))
from tests.bench.installs import Installs
from tests.proof import matrix
from tests.proof.daemon import daemon

PROVIDER = "echo"
RUNS = 3


def main(names: list[str], network: str) -> None:
    with tempfile.TemporaryDirectory(prefix="bench-") as name, daemon(Path(name) / "d") as environment:
        os.environ |= environment
        folder, bases, here = Path(name) / "p", matrix.Bases(environment), os.getcwd()
        wanted = [one for one in matrix.projects() if not names or one.name in names]
        installs = Installs(Path(name) / "i", [text for one in wanted for text in one.files.values()])
        texts: dict[Path, tuple[str, str]] = {}
        for project in wanted:
            path = matrix.write(project, folder / project.name)
            installs.complete(path.parent)
            os.chdir(path.parent)
            result = matrix.checked(path, PROVIDER, unsafe=True)
            if result.fixed.text != result.source.text:
                bases.of(result, PROVIDER)
                texts[path] = result.source.text, result.fixed.text
        os.chdir(here)
        for image in sorted(bases.made):
            installs.into(image)
        words = ["prove", "--network", network, "--unsafe-fixes", "--provider", PROVIDER, "--quiet", *map(str, texts)]
        builds, proofs = [], []
        for _ in range(RUNS):
            builds.append(_timed(lambda: _build(texts, network)))
            shutil.rmtree(Path(environment["XDG_CACHE_HOME"]) / "echo-migrate", ignore_errors=True)
            proofs.append(_timed(lambda: _run(words)))
            print(f"builds {builds[-1]:.1f} s, prove {proofs[-1]:.1f} s, load {os.getloadavg()[0]:.1f}", flush=True)
        again, built, proven = _timed(lambda: _run(words)), statistics.median(builds), statistics.median(proofs)
        print(f"{len(texts)} projects: builds {built:.1f} s, prove {proven:.1f} s ({proven / built:.2f} times)")
        print(f"again, with nothing changed: {again:.1f} s, {again / len(texts):.2f} s a project")


def _build(texts: Mapping[Path, Iterable[str]], network: str) -> None:
    for path, both in texts.items():
        for text in both:
            words = ["docker", "build", "--quiet", "--network", network, "--file", "-", str(path.parent)]
            subprocess.run(words, input=text.encode(), stdout=subprocess.DEVNULL, check=True)


def _empty() -> None:
    subprocess.run(["docker", "builder", "prune", "--all", "--force"], stdout=subprocess.DEVNULL, check=True)


def _run(words: list[str]) -> None:
    subprocess.run([sys.executable, "-m", "echo_migrate", *words], stdout=subprocess.DEVNULL, check=False)


def _timed(what: Callable[[], object]) -> float:
    _empty()
    begun = time.monotonic()
    what()
    return time.monotonic() - begun


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--network", default="none")
    parser.add_argument("names", nargs="*")
    given = parser.parse_args()
    main(given.names, given.network)
