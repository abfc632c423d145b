"""A file is written whole, as what it was, or not at all; and what a killed run left is removed."""

import fcntl
import os
import resource
import subprocess
from pathlib import Path

import pytest

from echo_migrate.files.source import Source
from echo_migrate.files.write import NotWritten, remove_stale, replace, write
from tests.conftest import Run

OLD, NEW = b"FROM python:3.12\n", b"FROM reg.echohq.com/python:3.12\n"
STALE = ".echo-migrate-0123456789abcdef"


@pytest.fixture(autouse=True)
def _each_run_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    remove_stale.cache_clear()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "Dockerfile"
    path.write_bytes(OLD)
    return path


def fix(path: Path) -> None:
    write(Source.of(str(path), OLD), Source.of(str(path), NEW))


def said(*words: str) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("mode", [0o644, 0o600, 0o755, 0o4711, 0o444])
def test_the_mode_stays(path: Path, mode: int) -> None:
    path.chmod(mode)
    fix(path)
    assert (path.read_bytes(), path.stat().st_mode & 0o7777) == (NEW, mode)


def test_an_access_list_stays(path: Path) -> None:
    path.chmod(0o640)
    said("setfacl", "-m", "u:1234:rw,g:4321:r", str(path))
    before = said("getfacl", "--numeric", "--omit-header", str(path))
    fix(path)
    assert path.read_bytes() == NEW
    assert said("getfacl", "--numeric", "--omit-header", str(path)) == before
    assert "group::r--" in before


def test_a_folders_default_access_list_does_not_come_to_a_file_without_one(path: Path) -> None:
    said("setfacl", "-d", "-m", "u:1234:rwx", str(path.parent))
    before = said("getfacl", "--numeric", "--omit-header", str(path))
    fix(path)
    assert said("getfacl", "--numeric", "--omit-header", str(path)) == before


def test_attributes_stay(path: Path) -> None:
    os.setxattr(path, "user.note", b"mine")
    fix(path)
    assert (path.read_bytes(), os.getxattr(path, "user.note")) == (NEW, b"mine")


def test_what_cannot_be_given_to_the_new_file_keeps_the_old(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.setxattr(path, "user.note", b"mine")

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "setxattr", refuse)
    with pytest.raises(NotWritten, match="it would lose its access list or attributes"):
        fix(path)
    assert (path.read_bytes(), os.listdir(path.parent)) == (OLD, ["Dockerfile"])


def test_a_file_with_another_hard_link_is_left(path: Path) -> None:
    os.link(path, path.parent / "other")
    with pytest.raises(NotWritten, match="it has other hard links"):
        fix(path)
    assert (path.read_bytes(), (path.parent / "other").read_bytes()) == (OLD, OLD)
    assert sorted(os.listdir(path.parent)) == ["Dockerfile", "other"]


def test_another_owner_is_kept_or_the_file_is_left(run: Run, tmp_path: Path, path: Path) -> None:
    """As root the owner is kept; anybody else who may write the folder does not take the file over."""
    os.chown(path, 1234, 4321)
    fix(path)
    assert (path.read_bytes(), path.stat().st_uid, path.stat().st_gid) == (NEW, 1234, 4321)
    path.write_bytes(OLD)
    tmp_path.chmod(0o777)
    for folder in tmp_path.parents:
        folder.chmod(folder.stat().st_mode | 0o555) if "/pytest-" in str(folder) else None
    script = (
        "import os, sys; os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "from echo_migrate.files.source import Source; from echo_migrate.files.write import write\n"
        f"write(Source.of({str(path)!r}, {OLD!r}), Source.of({str(path)!r}, {NEW!r}))\n"
    )
    child = os.fork()
    if child == 0:  # what is imported already need not be readable to another user
        try:
            exec(script)
        except NotWritten as error:
            os._exit(7 if "it would change its owner or group" in str(error) else 8)
        os._exit(9)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert (path.read_bytes(), path.stat().st_uid, os.listdir(tmp_path)) == (OLD, 1234, ["Dockerfile"])


def test_what_a_killed_run_left_is_removed_and_what_a_run_holds_is_not(path: Path) -> None:
    left, held = path.parent / STALE, path.parent / (STALE[:-1] + "0")
    for one in (left, held, path.parent / ".echo-migrate-x", path.parent / f"{STALE}0"):
        one.write_bytes(b"half")
    os.mkfifo(path.parent / (STALE[:-1] + "1"))
    os.symlink("Dockerfile", path.parent / (STALE[:-1] + "2"))
    with open(held) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        fix(path)
    assert sorted(os.listdir(path.parent)) == sorted(
        [".echo-migrate-0123456789abcde0", ".echo-migrate-0123456789abcde1", ".echo-migrate-0123456789abcde2"]
        + [".echo-migrate-0123456789abcdef0", ".echo-migrate-x", "Dockerfile"]
    )


def test_the_next_run_removes_it_though_nothing_is_to_be_written(run: Run, path: Path) -> None:
    path.write_bytes(NEW)
    (path.parent / STALE).write_bytes(b"half")
    assert run("check").returncode == 0
    assert (path.parent / STALE).exists()  # a check writes nothing
    assert run("fix", "--diff").returncode == 0
    assert (path.parent / STALE).exists()
    assert run("fix").returncode == 0
    assert os.listdir(path.parent) == ["Dockerfile"]


def test_a_new_file_has_the_mode_of_any_new_file(path: Path) -> None:
    before = os.umask(0o027)
    try:
        replace(str(path.parent / "new.json"), b"{}")
    finally:
        os.umask(before)
    assert (path.parent / "new.json").stat().st_mode & 0o777 == 0o640


def test_a_baseline_is_written_as_everything_is(run: Run, path: Path) -> None:
    baseline = path.parent / "baseline.json"
    assert run("baseline", "--baseline", "baseline.json").returncode == 0
    baseline.chmod(0o600)
    path.write_text("FROM node:22\n")
    assert run("baseline", "--baseline", "baseline.json").returncode == 0
    assert baseline.stat().st_mode & 0o777 == 0o600
    os.link(baseline, path.parent / "other.json")
    before = baseline.read_bytes()
    path.write_text("FROM debian:12\n")
    done = run("baseline", "--baseline", "baseline.json")
    assert (done.returncode, baseline.read_bytes()) == (2, before)
    assert b"baseline.json: could not be written: it has other hard links" in done.stderr
    assert sorted(os.listdir(path.parent)) == ["Dockerfile", "baseline.json", "other.json"]


def test_a_full_disk_leaves_nothing_of_a_baseline(run: Run, path: Path) -> None:

    path.write_text("FROM node:22\n" * 2000)
    done = run(
        *("baseline", "--baseline", "b.json", "--select", "all"),
        limits={resource.RLIMIT_FSIZE: 100},
    )
    assert (done.returncode, os.listdir(path.parent)) == (2, ["Dockerfile"])
    assert b"b.json: could not be written: file too large" in done.stderr


def test_what_is_written_to_an_output_is_whole_too(run: Run, path: Path) -> None:
    output = path.parent / "report.json"
    output.write_text("before")
    output.chmod(0o600)
    assert run("check", "--output", "json:report.json").returncode == 1
    assert (output.read_text()[0], output.stat().st_mode & 0o777) == ("{", 0o600)
    assert run("check", "--output", "json:/dev/null").returncode == 1
    output.write_text("theirs")
    os.symlink("report.json", path.parent / "link.json")
    assert run("check", "--output", "json:link.json").returncode == 1
    assert (output.read_text(), (path.parent / "link.json").is_symlink()) == ("theirs", False)
    os.mkfifo(path.parent / "pipe.json")
    done = run("check", "--output", "json:pipe.json", limits={resource.RLIMIT_CPU: 20})
    assert done.returncode == 2
    assert b"pipe.json: could not be written: it is not a regular file" in done.stderr


def test_a_folder_without_its_own_synchronising_is_no_error(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(22, "Invalid argument")

    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: real(file) if os.path.isfile(f"/proc/self/fd/{file}") else refuse())
    fix(path)
    assert path.read_bytes() == NEW


def test_nothing_is_removed_beside_a_link_that_leaves_the_tree(run: Run, tmp_path: Path) -> None:
    out, tree = tmp_path / "out", tmp_path / "tree"
    out.mkdir()
    (tree / ".git").mkdir(parents=True)
    (out / "o.Dockerfile").write_text("FROM python:3.12\n")
    (out / ".echo-migrate-0123456789abcdef").write_text("theirs")
    (tree / "x.Dockerfile").symlink_to(out / "o.Dockerfile")
    (tree / "Dockerfile").write_text("FROM python:3.12\n")
    assert b"leaves the tree" in run("fix", "--output-format", "concise", cwd=tree).stdout
    assert sorted(os.listdir(out)) == [".echo-migrate-0123456789abcdef", "o.Dockerfile"]
    assert (out / "o.Dockerfile").read_text() == "FROM python:3.12\n"
