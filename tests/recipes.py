"""What recipes install from, in tests: an index in a folder, of what the locks name, fetched once for a whole run.

The recipes' own commands ask it as they ask any index: where packages come from, and how long it takes to read what an
index has of each, is no recipe's to say. What is compared with its hashes is compared all the same.
"""

import ast
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from urllib.parse import quote

import pytest
from packaging.utils import parse_wheel_filename

_ROOT = Path(__file__).parent.parent
LOCKS = tuple(_ROOT / "hooks" / name for name in ("requirements.txt", "requirements-github.txt"))


def shared(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Return a folder of this run of the tests, which the first of its workers that asks has filled by ``make``.

    Another that asks meanwhile waits; where ``make`` fails, the next one tries.
    """
    own = factory.getbasetemp()
    top = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    folder = top / name
    with (top / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            made = Path(tempfile.mkdtemp(dir=top, prefix=f"{name}-"))
            make(made)
            made.rename(folder)
    return folder


def index(factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the environment in which pip and uv install from the index, by a Python that its packages are for.

    pip compiles nothing: most of what it installs is never imported. What environments of that Python have of pip is
    made once.
    """
    url = shared(factory, "index", _fetch).as_uri()
    here = Path(sys.executable)
    own = shared(factory, "python", _python) / "python" / "bin"
    path = os.pathsep.join([str(own), str(here.resolve().parent), os.environ["PATH"], str(here.parent)])  # uv's is last
    return {"PATH": path, "PIP_INDEX_URL": url, "PIP_COMPILE": "0", "UV_DEFAULT_INDEX": url}


def _python(folder: Path) -> None:
    """Lay out the pip of this environment, and make one whose Python gives that pip to all environments that it makes.

    To copy it takes no time beside what ``ensurepip`` takes to compile one.
    """
    base = str(Path(sys.executable).resolve())
    subprocess.run([base, "-I", "-m", "venv", "--without-pip", folder / "python"], check=True)
    (packages,) = folder.glob("python/lib/python*/site-packages")
    shutil.copyfile(_ROOT / "tests" / "pip_once.py", packages / "sitecustomize.py")
    for file in metadata.files("pip") or ():
        copy = folder / "made" / packages.relative_to(folder / "python") / file
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file.locate(), copy)


def _fetch(folder: Path) -> None:
    """Fill a folder with the packages of the locks, laid out as an index (PyPA's "simple repository API").

    uv says where they lie: of each, pip would read all that an index has, which takes most of the time.
    """
    with tempfile.TemporaryDirectory(dir=folder.parent) as fetched:
        links = Path(fetched, "links.html")
        links.write_text("".join(f'<a href="{url}">x</a>\n' for url in _urls()))
        words = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        words += ["--require-hashes", "--no-index", f"--find-links={links}", f"--dest={fetched}"]
        words += [word for lock in LOCKS for word in ("-r", str(lock))]
        subprocess.run(words, check=True)  # what pip says is shown where it fails
        for wheel in Path(fetched).glob("*.whl"):
            project = folder / parse_wheel_filename(wheel.name)[0]
            project.mkdir()
            mark = hashlib.sha256(wheel.read_bytes()).hexdigest()
            (project / "index.html").write_text(f'<a href="{quote(wheel.name)}#sha256={mark}">{wheel.name}</a>\n')
            wheel.rename(project / wheel.name)


def _urls() -> Iterator[str]:
    """Yield the address of each wheel of the locks' packages that this Python can use, from the index that pip asks."""
    words = [str(Path(sys.executable).with_name("uv")), "pip", "compile", "--quiet", "--no-deps", "--only-binary=:all:"]
    words += [f"--python={sys.executable}", "--format=pylock.toml", *map(str, LOCKS)]
    found = subprocess.run(words, env={**os.environ, **asked()}, check=True, stdout=subprocess.PIPE).stdout.decode()
    for package in tomllib.loads(found)["packages"]:
        for wheel in package["wheels"]:
            yield wheel["url"]


def asked() -> dict[str, str]:
    """Return the environment in which uv asks the index that pip is configured with, if it is with one."""
    words = [sys.executable, "-m", "pip", "config", "list"]
    lines = subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout.decode().splitlines()
    named = dict(line.split("=", 1) for line in lines)
    keys = [f"{one}.index-url" for one in (":env:", "download", "global")]  # what pip heeds first is first
    return next(({"UV_DEFAULT_INDEX": ast.literal_eval(named[key])} for key in keys if key in named), {})
