"""Other systems than Linux, as far as a test on Linux can: a Python that lacks what theirs lacks."""

import ntpath
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from echo_migrate.engine.discover import discover
from echo_migrate.files import budget
from echo_migrate.files.patterns import matcher, slashed
from echo_migrate.reports import sarif
from tests.conftest import ROOT

WINDOWS = """
import os, signal, sys
for name in ("fcntl", "grp", "pwd", "resource", "termios"):
    sys.modules[name] = None
import subprocess, tempfile  # which have this system's own
for module, names in (
    (signal, "SIGHUP SIGPROF ITIMER_PROF setitimer SIGKILL SIGXCPU"),
    (os, "getuid geteuid fchmod fchown getxattr listxattr sched_getaffinity nice sysconf killpg"),
    (os, "O_NOFOLLOW O_NONBLOCK O_NOCTTY O_DIRECTORY"),
):
    for name in names.split():
        delattr(module, name)
from echo_migrate.cli import main
main()
"""
"""A start in which Python has what it has on Windows (docs.python.org, "Availability: Unix")."""


def windows(folder: Path, *words: str) -> tuple[int, str, str]:
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", WINDOWS, *words]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_what_only_reads_runs_without_what_windows_lacks(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "Dockerfile").write_bytes(b"FROM node:22-slim\r\nRUN set -e; ls\r\n")
    (tmp_path / "compose.yaml").write_bytes(b"services:\r\n  a:\r\n    image: python:3.13\r\n")
    code, printed, told = windows(tmp_path, "fix", "--diff")
    assert (code, told) == (1, "Would fix 2 in 2 files.\n")
    assert re.findall(r"(?m)^\+[^+].*$", printed) == [
        "+FROM reg.echohq.com/node:22-slim\r",
        "+    image: reg.echohq.com/python:3.13\r",
    ]
    assert windows(tmp_path, "check")[0] == 1


def test_nothing_is_written_where_it_cannot_be_kept_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM node:22-slim\n")
    code, _, told = windows(tmp_path, "fix")
    assert code == 2
    assert told.splitlines()[0] == (
        "echo-migrate: Dockerfile: could not be written: on Windows, apply the patch of fix --diff"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["Dockerfile"]
    assert (tmp_path / "Dockerfile").read_text() == "FROM node:22-slim\n"
    code, _, told = windows(tmp_path, "prove")
    assert (code, told.splitlines()[-1]) == (2, "Error: prove builds on Linux and macOS alone")


@pytest.fixture
def paths_of_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sep", ntpath.sep)
    monkeypatch.setattr(os, "path", ntpath)


@pytest.mark.usefixtures("paths_of_windows")
def test_globs_match_whatever_separates_folders() -> None:
    """``/`` in a configuration, on each system."""
    for glob, path, excluded in (
        ("old", "old\\Dockerfile", True),
        ("old/api", "svc\\old\\api\\Dockerfile", True),
        ("old/api", "svc\\old/api\\Dockerfile", True),
        ("svc/*/Dockerfile", "svc\\a\\Dockerfile", True),
        ("svc/*/Dockerfile", "svc\\a\\b\\Dockerfile", False),
        ("svc/**", "svc\\a\\b\\Dockerfile", True),
        ("old", "older\\Dockerfile", False),
    ):
        assert matcher([glob])(path, ".") == excluded, (glob, path)
    assert matcher(["old"])("..\\other\\old\\Dockerfile", "..\\other")


@pytest.mark.usefixtures("paths_of_windows")
@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("svc\\api\\Dockerfile", "svc/api/Dockerfile"),
        ("C:\\work\\a b\\Dockerfile", "file:///C:/work/a%20b/Dockerfile"),
    ],
)
def test_paths_are_told_with_forward_slashes(path: str, uri: str) -> None:
    """RFC 8089, appendix E.2: a drive letter is the first part of the path."""
    assert sarif._uri(slashed(path)) == uri


def test_paths_that_are_given_with_backslashes_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "svc" / ".github" / "workflows").mkdir(parents=True)
    for name in ("svc/Dockerfile", "svc/.github/workflows/ci.yml"):
        (tmp_path / name).write_text("FROM node:22\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "sep", ntpath.sep)  # the paths of this system, as the files are
    given = ("svc\\Dockerfile", "svc\\.github\\workflows\\ci.yml")
    assert discover(given).files == ["svc/.github/workflows/ci.yml", "svc/Dockerfile"]
    assert discover(("svc",), ["svc/.github"]).files == ["svc/Dockerfile"]


@pytest.mark.parametrize(("platform", "unit"), [("darwin", 1), ("freebsd14", 1024)])
def test_the_peak_of_memory_is_in_the_unit_of_the_system(
    monkeypatch: pytest.MonkeyPatch, platform: str, unit: int
) -> None:
    """getrusage(2): ``ru_maxrss`` is bytes on macOS, kilobytes elsewhere."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def missing(*_: object) -> None:
        raise FileNotFoundError

    monkeypatch.setattr("builtins.open", missing)
    monkeypatch.setattr(sys, "platform", platform)
    assert budget._memory() // unit >= peak
    assert budget._memory() // unit < 2 * peak
