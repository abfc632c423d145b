"""How long `prove` takes beside the builds themselves, and a second time with nothing changed.

    .venv/bin/python tests/bench/prove.py [PROJECT…]

The projects are those of tests/proof/projects.md, moved to Echo, with stand-ins; the builder's cache is emptied before
each measurement, except of the images themselves.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent))
from tests.proof import matrix
from tests.proof.daemon import daemon

PROVIDER = "echo"


def main(names: list[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="bench-") as name, daemon(Path(name) / "d") as environment:
        os.environ |= environment
        folder, bases, here = Path(name) / "p", matrix.Bases(environment), os.getcwd()
        texts: dict[Path, tuple[str, str]] = {}
        for project in matrix.projects():
            path = matrix.write(project, folder / project.name)
            os.chdir(path.parent)
            result = matrix.checked(path, PROVIDER, unsafe=True)
            if result.fixed.text != result.source.text and (not names or project.name in names):
                bases.of(result, PROVIDER)
                texts[path] = result.source.text, result.fixed.text
        os.chdir(here)
        _empty()
        built = _timed(lambda: [_build(path, text) for path, both in texts.items() for text in both])
        _empty()
        words = ["prove", "--network", "host", "--unsafe-fixes", "--provider", PROVIDER, "--quiet", *map(str, texts)]
        first, second = (_timed(lambda: _run(words)) for _ in range(2))
        print(f"{len(texts)} projects: builds {built:.1f} s, prove {first:.1f} s ({first / built:.2f} times)")
        print(f"again, with nothing changed: {second:.1f} s, {second / len(texts):.2f} s a project")


def _build(path: Path, text: str) -> int:
    words = ["docker", "build", "--quiet", "--network", "host", "--file", "-", str(path.parent)]
    return subprocess.run(words, input=text.encode(), capture_output=True, check=False).returncode


def _empty() -> None:
    subprocess.run(["docker", "builder", "prune", "--all", "--force"], stdout=subprocess.DEVNULL, check=True)


def _run(words: list[str]) -> None:
    subprocess.run([sys.executable, "-m", "echo_migrate", *words], stdout=subprocess.DEVNULL, check=False)


def _timed(what: Callable[[], object]) -> float:
    begun = time.monotonic()
    what()
    return time.monotonic() - begun


if __name__ == "__main__":
    main(sys.argv[1:])
