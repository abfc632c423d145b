"""How long `prove` takes beside the builds themselves, and a second time with nothing changed.

    .venv/bin/python tests/bench/prove.py [--step SECONDS] [--network NAME] [PROJECT…]

The projects are those of tests/proof/projects.md, moved to Echo, with stand-ins. Those of Echo get a file more each, as
a hardened image is another than upstream's: with the same files, the builder would take each step of after from before.
The builder's cache is emptied before each measurement, except of the images themselves. The builds themselves are those
of ``docker build``, one after the other, as prove has them. Their steps are stand-ins, too, and take no time: with
``--step``, the last stage of each has one that takes a processor for so long, as real ones do, and is no other
project's, or it would be built once for all with one base. Without a network, each container has one of its own, as on
Docker's bridge, which the daemon of these tests has not; on the host's, one runs after the other.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent))
from tests.proof import matrix
from tests.proof.daemon import daemon

PROVIDER = "echo"
_STEP = 'RUN ["/usr/lib/standin/python3", "-c", "import time\\nwhile time.process_time() < {}: pass # {}"]\n'
_LAST = re.compile(r"(?ms)\A.*^FROM [^\n]*\n")


def main(names: list[str], step: float, network: str) -> None:
    with tempfile.TemporaryDirectory(prefix="bench-") as name, daemon(Path(name) / "d") as environment:
        os.environ |= environment
        folder, bases, here = Path(name) / "p", matrix.Bases(environment), os.getcwd()
        texts: dict[Path, tuple[str, str]] = {}
        moved: set[str] = set()
        for project in matrix.projects():
            path = matrix.write(project, folder / project.name)
            if step:
                path.write_text(_longer(path.read_text(), step, project.name))
            os.chdir(path.parent)
            result = matrix.checked(path, PROVIDER, unsafe=True)
            if result.fixed.text != result.source.text and (not names or project.name in names):
                bases.of(result, PROVIDER)
                moved |= {move.target for move in result.outcomes if move.target and not move.image.local}
                texts[path] = result.source.text, result.fixed.text
        os.chdir(here)
        _distinct(moved, Path(name))
        _empty()
        built = _timed(lambda: _build(texts, network))
        _empty()
        words = ["prove", "--network", network, "--unsafe-fixes", "--provider", PROVIDER, "--quiet", *map(str, texts)]
        first, second = (_timed(lambda: _run(words)) for _ in range(2))
        print(f"{len(texts)} projects: builds {built:.1f} s, prove {first:.1f} s ({first / built:.2f} times)")
        print(f"again, with nothing changed: {second:.1f} s, {second / len(texts):.2f} s a project")


def _distinct(images: Iterable[str], folder: Path) -> None:
    """Give images a file of their own, so that no step on them is one of another image's."""
    for image in images:
        (folder / "name").write_text(image)
        (folder / "Dockerfile").write_text(f"FROM {image}\nCOPY name /usr/lib/standin/name\n")
        (folder / "Dockerfile.dockerignore").write_text("*\n!name\n")
        words = ["docker", "build", "--quiet", "--tag", image, "--file", str(folder / "Dockerfile"), str(folder)]
        subprocess.run(words, stdout=subprocess.DEVNULL, check=True)


def _longer(text: str, step: float, name: str) -> str:
    return _LAST.sub(lambda found: found[0] + _STEP.format(step, name), text)


def _build(texts: Mapping[Path, Iterable[str]], network: str) -> None:
    for path, both in texts.items():
        for text in both:
            words = ["docker", "build", "--quiet", "--network", network, "--file", "-", str(path.parent)]
            subprocess.run(words, input=text.encode(), capture_output=True, check=True)


def _empty() -> None:
    subprocess.run(["docker", "builder", "prune", "--all", "--force"], stdout=subprocess.DEVNULL, check=True)


def _run(words: list[str]) -> None:
    subprocess.run([sys.executable, "-m", "echo_migrate", *words], stdout=subprocess.DEVNULL, check=False)


def _timed(what: Callable[[], object]) -> float:
    begun = time.monotonic()
    what()
    return time.monotonic() - begun


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--step", type=float, default=0)
    parser.add_argument("--network", default="none")
    parser.add_argument("names", nargs="*")
    given = parser.parse_args()
    main(given.names, given.step, given.network)
