"""Running the program as people do: as a process of its own, and a start where the start is the point."""

import contextlib
import gc
import os
import resource
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable, Generator, Iterable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from hypothesis import settings

from echo_migrate.cli import cli
from tests import recipes
from tests.asking import Request
from tests.warm import MEASURED, Warm

if TYPE_CHECKING:
    from tests.registries import Registry
    from tests.signing import KeyPair

ROOT = Path(__file__).parent.parent
Done = subprocess.CompletedProcess[bytes]
Run = Callable[..., Done]
NOWHERE = "http://127.0.0.1:9"
"""A proxy that is not there, so that no test reaches an upstream registry."""


# Some thousand processes start the program: it is compiled once, whatever the environment has for other work.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

_IRIS = "rfc3987_syntax"
_later = ModuleType(_IRIS)


def _is_valid_syntax(term: str, value: str) -> bool:
    """Check by the real module, which is imported for it: it makes a grammar, for a second, which few tests need."""
    if sys.modules.get(_IRIS) is _later:
        del sys.modules[_IRIS]
    return bool(import_module(_IRIS).is_valid_syntax(term, value))


if find_spec(_IRIS) and _IRIS not in sys.modules:  # which jsonschema imports as it is imported
    _later.is_valid_syntax = _is_valid_syntax  # type: ignore[attr-defined]
    sys.modules[_IRIS] = _later

settings.register_profile("here", deadline=None)  # a busy machine is no fault
settings.load_profile("here")


def pytest_collection_finish() -> None:
    """Let the collector of cycles be as the program sets it: what is collected here stays to the end."""
    gc.freeze()
    gc.set_threshold(200_000)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Run a test that is ``uncovered``, and what it starts, without what measures coverage, which costs its time again.

    The measuring is not ended: each new start of it leaves hooks behind that every process started later would run.
    """
    if not item.get_closest_marker("uncovered"):
        return (yield)
    tracing, asked = sys.gettrace(), os.environ.pop(MEASURED, None)
    sys.settrace(None)
    try:
        return (yield)
    finally:
        sys.settrace(tracing)
        if asked is not None:
            os.environ[MEASURED] = asked


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm]:
    """A process that has the program loaded, and runs it in children of its own."""
    process = Warm(ROOT)
    yield process
    process.close()


@pytest.fixture
def run(process: Run) -> Run:
    """``run("check", ".", input=b"…", cwd=…)``: the finished process; the working folder is the test's own."""
    return process


@pytest.fixture
def process(warm: Warm, tmp_path: Path) -> Run:
    """What ``run`` is, where a module does not run the program ``inside``.

    It is a child of a process that has the program loaded; where ``env`` has words for Python, one that starts anew.
    ``limits`` are numbers by resource.
    """

    def process(
        *words: str | bytes,
        input: bytes = b"",
        cwd: Path = tmp_path,
        env: dict[str, str] | None = None,
        limits: dict[int, int] | None = None,
    ) -> Done:
        given = env or {}
        environment = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "FORCE_COLOR", "CI")}
        environment |= {"PYTHONIOENCODING": "utf-8", "COLUMNS": "120"} | given
        if any(key.startswith("PYTHON") for key in given):
            command = [sys.executable, "-m", "echo_migrate", *words]
            return subprocess.run(command, input=input, cwd=cwd, capture_output=True, env=environment, check=False)
        request = Request([os.fsdecode(word) for word in words], str(cwd), environment, list((limits or {}).items()))
        return warm.run(request, input)

    return process


@pytest.fixture
def inside(process: Run, tmp_path: Path) -> Run:
    """As ``run``, in this process, which costs a tenth: for many runs of which none is about the process.

    Where it reads standard input, or has words for Python or limits, it is a process all the same.
    """

    def inside(*words: str | bytes, cwd: Path = tmp_path, env: dict[str, str] | None = None, **more: object) -> Done:
        given = env or {}
        if more or "-" in words or any(key.startswith("PYTHON") for key in given):
            return process(*words, cwd=cwd, env=env, **more)
        environment = dict.fromkeys(("NO_COLOR", "FORCE_COLOR", "CI")) | {"COLUMNS": "120"} | given
        environment["PYTHONSAFEPATH"] = os.environ.get("PYTHONSAFEPATH")  # which a run with several processes sets
        arguments = [os.fsdecode(word) for word in words]
        with contextlib.chdir(cwd):
            done = CliRunner().invoke(cli, arguments, env=environment, catch_exceptions=False, prog_name="echo-migrate")
        return Done(["echo-migrate", *arguments], done.exit_code, done.stdout_bytes, done.stderr_bytes)

    return inside


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Registry]":
    """A registry that is open to everyone, to which tests push their images under names of their own."""
    from tests import registries

    with registries.docker_registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for keys."""
    return tmp_path_factory.mktemp("keys")


@pytest.fixture(scope="session")
def key(keys: Path) -> "KeyPair":
    """A key that signs images."""
    from tests import signing

    return signing.key_pair(keys, "release")


@pytest.fixture
def verify(run: Run, tmp_path: Path) -> Callable[..., Done]:
    """``verify(image)``: the finished process of that command, with a home and a cache of its own, and no network."""
    home = tmp_path.parent / f"{tmp_path.name}-home"
    home.mkdir()
    reach = {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "HTTPS_PROXY": NOWHERE, "HTTP_PROXY": NOWHERE}
    return lambda *words: run("verify", *words, env=reach)


@pytest.fixture
def no_logins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder without logins, and an environment without any; the folder is returned."""
    home = tmp_path / "home"
    home.mkdir()
    for name in [*os.environ]:
        if name.startswith(
            ("CI_", "DOCKER_", "REGISTRY_", "XDG_", "SSL_CERT", "REQUESTS_CA", "CURL_CA")
        ) or name.upper().endswith("_PROXY"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    return home


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the project as it stands."""
    (built,) = recipes.shared(tmp_path_factory, "wheel", lambda folder: build("wheel", ROOT, folder)).iterdir()
    return built


@pytest.fixture(scope="session")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution of the project as it stands."""
    (built,) = recipes.shared(tmp_path_factory, "sdist", lambda folder: build("sdist", ROOT, folder)).iterdir()
    return built


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which what a recipe installs comes from an index that was fetched once, for all of them."""
    return recipes.index(tmp_path_factory)


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the wheel is unpacked, to be put on Python's path."""
    return unpacked(wheel, tmp_path_factory.mktemp("installed"))


def build(kind: str, project: Path, target: Path) -> Path:
    """Build a project's ``wheel`` or ``sdist`` into an empty folder, with what is installed here."""
    words = [sys.executable, "-m", "build", f"--{kind}", "--no-isolation", "--outdir", str(target), str(project)]
    subprocess.run(words, check=True, capture_output=True)
    (built,) = target.iterdir()
    return built


def unpacked(wheel: Path, target: Path) -> Path:
    """Install a wheel by what an installer does of it: its files into a folder."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    return target


@pytest.fixture
def limited(run: Run) -> Run:
    """``limited(30, "check", …)``: as ``run``, with no more than that many seconds of a processor, and 2 GB."""

    def limited(seconds: int, *words: str | bytes, **more: object) -> Done:
        return run(*words, limits={resource.RLIMIT_CPU: seconds, resource.RLIMIT_AS: 2 * 10**9}, **more)

    return limited


_UNFINISHED = " <unfinished ...>"


@pytest.fixture
def traced(tmp_path: Path) -> Callable[..., list[str]]:
    """``traced("execve", "check", ".", cwd=…)``: the system calls of the program and of what it starts, by strace."""

    def traced(calls: str, *words: str, cwd: Path = tmp_path) -> list[str]:
        log = tmp_path / "strace.log"
        command = ["strace", "-f", "-qq", "-e", f"trace=execve,{calls}", "-e", "signal=none", "-o", str(log)]
        command += [sys.executable, "-m", "echo_migrate", *words]
        subprocess.run(command, cwd=cwd, capture_output=True, check=False)
        lines = log.read_text(errors="replace").splitlines()
        assert f'execve("{sys.executable}"' in lines[0]  # so that it is known to have been looked at
        return list(_whole(lines[1:]))

    return traced


def _whole(lines: Iterable[str]) -> Iterator[str]:
    """Yield the calls of a log of strace, of which those that another process interrupted are in two lines."""
    begun: dict[str, str] = {}
    for line in lines:
        process = line.partition(" ")[0]
        if line.endswith(_UNFINISHED):
            begun[process] = line.removesuffix(_UNFINISHED)
        elif " resumed>" in line:
            yield begun.pop(process, process) + line.partition(" resumed>")[2]
        else:
            yield line
    yield from begun.values()


def heeding() -> None:
    """Heed signals, in a child before it is what it becomes: a shell's background job, or nohup, ignores some."""
    for one in (signal.SIGHUP, signal.SIGINT):
        signal.signal(one, signal.SIG_DFL)


def copy_project(target: Path) -> None:
    """Lay the project's files, as they stand, into a folder."""
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(words, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).write_bytes((ROOT / name).read_bytes())
            (target / name).chmod((ROOT / name).stat().st_mode)
