"""Hostile input and bad luck: each ends in a finding or a clear error, and every file is whole."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import Run, heeding

TEXT = "FROM python:3.12\n"
FIXED = "FROM reg.echohq.com/python:3.12\n"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "this file is empty"),
        (b"\n \t\n", "this file is empty"),
        (b"\xef\xbb\xbf", "this file is empty"),
        (b"FROM python:3.12\0", "this file is binary"),
        ("FROM python:3.12".encode("utf-16"), "this file is UTF-16: save it as UTF-8"),
        (b"#" * 50_000_000, "this file is larger than 5 MB"),
        (b"\x7fELF\x02\x01", "this file has no FROM"),
        (b"FROM " + b"x" * 1_000_000, ""),
        (b"FROM " + b"${" * 100_000, "its expression cannot be expanded"),
        (b"FROM ${a:-" + b"${a:-" * 5000 + b"x" + b"}" * 5001, "its expression cannot be expanded"),
        (b"FROM python:3.12\nRUN <<A " + b"${a:-" * 100_000 + b"\n", ""),
        (b"ARG a=" + b"x" * 10 + b"".join(b"\nARG a=$a$a" for _ in range(100)) + b"\nFROM $a\n", "no value for its"),
        (b"ARG a=" + b"a" * 4000 + b"\nFROM ${a/" + b"*a" * 2000 + b"b/c}\n", ""),
        (b"FROM python:3.12\nCOPY " + b"[" * 200_000 + b"<<A\n", ""),
        (b"FROM python:3.12\n" + b"RUN a \\\n" * 40_000, ""),  # the second reader needs the square of it
        (b"FROM $a" + b"$b" * 30_000 + b"\n", ""),
        (b"FROM python:3.12\n\x1c\n", "this file has the unknown instruction \\x1c"),
    ],
)
def test_content(run: Run, tmp_path: Path, data: bytes, says: str) -> None:
    path = tmp_path / "Dockerfile"
    path.write_bytes(data)
    for command in ("check", "fix"):
        done = run(command, "--output-format", "concise", limits={resource.RLIMIT_CPU: 20})
        assert done.returncode in (0, 1)
        assert done.stderr == b""
        assert says in done.stdout.decode()
    assert path.read_bytes() in (data, data.replace(TEXT[:-1].encode(), FIXED[:-1].encode()))


def test_many_references_that_share_one_argument(run: Run, tmp_path: Path) -> None:
    """The fix of each would carry the edits of all: reports would grow with the square of their number."""
    shared = "ARG R=docker.io\n" + "FROM ${R}/library/python:3.12\n" * 2500
    (tmp_path / "Dockerfile").write_text(shared + "COPY --from=node:22 a b\n" * 2500)
    done = run("fix", "--output-format", "json", limits={resource.RLIMIT_CPU: 15})
    assert (done.returncode, len(done.stdout) < 5_000_000) == (0, True)
    assert b"more than 100 references share its text" in done.stdout
    assert (tmp_path / "Dockerfile").read_text() == shared + "COPY --from=reg.echohq.com/node:22 a b\n" * 2500


@pytest.mark.parametrize(
    "text",
    [
        "FROM python:3.12\n" * 6_250,
        "ARG x=y\nARG a=" + "$x" * 2000 + "\nARG b=" + "$a" * 20_000 + "\nFROM $b\n",
        "# a=b" + " " * 40_000 + "c\nFROM a\n",
        "# hadolint ignore=DL3006\n" * 20_000 + "FROM alpine\n",
        "# hadolint ignore=DL3006\nFROM alpine\n" * 5_000,
        "FROM a\nCOPY" + " --x=y \\\n" * 10_000 + "a b\n",
        "ARG " + "A=\\\nx " * 10_000 + "\nFROM a\n",
        "FROM a\nRUN --mount=type=bind\\\n" + ",from=a\\\n" * 10_000 + " b\n",
        "".join(f"FROM a AS s{n}\nFROM x-${{V}}\n" for n in range(2_500)),
    ],
)
def test_long_texts_end_within_seconds(run: Run, tmp_path: Path, text: str) -> None:
    (tmp_path / "Dockerfile").write_text(text)
    assert run("check", "-q", limits={resource.RLIMIT_CPU: 4}).returncode in (0, 1)


@pytest.mark.parametrize(
    "text",
    [
        "RUN " + "$(" * 2500 + "x" + ")" * 2500,
        "RUN " + "(" * 10_000,
        "RUN " + " && ".join(["apt-get install x"] * 10_000),
        "RUN " + " | ".join(["curl http://a/b.tgz"] * 10_000),
        "RUN apt-get install " + "a " * 150_000,
        "RUN apt-get install " + "'\"'" * 50_000,
        "RUN rm " + "{a,b}" * 2500,
        "RUN " + 'sh -c "' * 1000 + '"' * 1000,
        "RUN [" + '"a",' * 50_000 + '"b"]',
        "RUN apt-get update && apt-get install -y x\n" * 10_000,
        "COPY a /x\nRUN rm /x && chown -R a /x && curl -o /y http://a/b.tgz\n" * 300,
        "".join(f"FROM s{i - 1} AS s{i}\nRUN apt-get update && apt-get install x\n" for i in range(1, 300)),
        "RUN " + 'sh -c "$(' * 24 + "a" + ')"' * 24,
        "RUN " + "a=(" * 25_000,
        "RUN " + " && ".join(f"curl -o a{i}.tar.gz http://x && tar xf a{i}.tar.gz && rm b{i}" for i in range(300)),
        "ENV X='" + "a " * 10_000 + "'\n" + "RUN apt-get install $X\n" * 80,
        'RUN bash -c "a' + ' \\"p\\" \\\n' * 2000 + '"',
    ],
)
def test_scripts_that_are_long_or_deep(run: Run, tmp_path: Path, text: str) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM debian:12\n{text}\n")
    done = run("fix", "--select", "all", "--unsafe-fixes", "--diff", limits={resource.RLIMIT_CPU: 15})
    assert done.returncode == 1
    assert b"fault" not in done.stderr
    assert b"+FROM reg.echohq.com/debian:12" in done.stdout


def test_what_is_no_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").mkdir()
    os.mkfifo(tmp_path / "Dockerfile.pipe")
    os.symlink("Dockerfile.loop", tmp_path / "Dockerfile.loop")
    os.symlink("/etc/passwd", tmp_path / "Dockerfile.out")
    (tmp_path / "Dockerfile.good").write_text(TEXT)
    done = run("fix", "--output-format", "concise", limits={resource.RLIMIT_CPU: 20})
    said = done.stdout.decode()
    assert done.returncode == 0
    assert "Dockerfile.pipe:1:1: warning[unreadable-file] this file is not a regular file" in said
    assert (
        "Dockerfile.loop:1:1: warning[unreadable-file] this file is a symbolic link that leads in a circle, or too far"
        in said
    )
    assert "Dockerfile.out:1:1: warning[unreadable-file] this file is a symbolic link that leaves the tree" in said
    assert (tmp_path / "Dockerfile.good").read_text() == FIXED
    assert run("check", "Dockerfile.pipe", limits={resource.RLIMIT_CPU: 20}).returncode == 1


def test_names(run: Run, tmp_path: Path) -> None:
    names = [b"a b", b"a\nb::error::x", b"a\x1b[31mb", b"a\xff\xfeb", "ü\u202eb".encode(), b"-rf", b"%0A"]
    for name in names:
        folder = os.path.join(os.fsencode(tmp_path), name)
        os.mkdir(folder)
        with open(os.path.join(folder, b"Dockerfile"), "w") as file:
            file.write(TEXT)
    said = run("check", "--output-format", "concise").stdout
    assert said.count(b"Dockerfile:1:6: warning[unhardened-image]") == len(names)
    assert b"a\\nb::error::x/Dockerfile:1:6" in said
    assert not any(piece in said for piece in (b"\x1b", b"\xff", "\u202e".encode()))
    listed = {
        os.fsencode(found["path"]) for found in json.loads(run("check", "--output-format", "json").stdout)["findings"]
    }
    assert listed == {name + b"/Dockerfile" for name in names}
    assert run("fix", "--diff").returncode == 1
    assert run("fix").returncode == 0
    for name in names:
        with open(os.path.join(os.fsencode(tmp_path), name, b"Dockerfile")) as file:
            assert file.read() == FIXED


def test_text_that_would_move_the_cursor_is_shown_as_escapes(run: Run, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_bytes(b"FROM python:3.12 AS \x1b]0;x\x07\r\x1b[2Ka\nINSTALL\x1b[2J\n")
    said = run("check", "--color", "never").stdout
    assert b"\x1b" not in said
    assert b"\\x1b[2J" in said


def test_a_link_inside_of_the_tree_is_written_through(run: Run, tmp_path: Path) -> None:
    (tmp_path / "base.txt").write_text(TEXT)
    os.symlink("base.txt", tmp_path / "Dockerfile")
    assert run("fix").returncode == 0
    assert (tmp_path / "Dockerfile").is_symlink()
    assert (tmp_path / "base.txt").read_text() == FIXED


def test_a_folder_that_cannot_be_written(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "locked" / "Dockerfile"
    path.parent.mkdir()
    path.write_text(TEXT)
    (tmp_path / "Dockerfile").write_text(TEXT)
    path.parent.chmod(0o555)
    mount = [
        "unshare",
        "--mount",
        "sh",
        "-c",
        'mount --bind locked locked && mount -o remount,ro,bind locked && exec "$@"',
        "-",
    ]
    words = [sys.executable, "-m", "echo_migrate", "fix"]
    words = [*mount, *words] if os.geteuid() == 0 else words
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, check=False)
    path.parent.chmod(0o755)
    assert done.returncode == 2
    assert b"locked/Dockerfile: could not be written: " in done.stderr
    assert b"1 needs review" in done.stdout
    assert (path.read_text(), (tmp_path / "Dockerfile").read_text()) == (TEXT, FIXED)
    assert os.listdir(path.parent) == ["Dockerfile"]


def test_a_full_disk_leaves_the_file_whole(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    text = TEXT + "# note\n" * 3000
    path.write_text(text)
    done = run("fix", limits={resource.RLIMIT_FSIZE: 10_000})
    assert done.returncode == 2
    assert b"Dockerfile: could not be written: file too large" in done.stderr
    assert (path.read_text(), os.listdir(tmp_path)) == (text, ["Dockerfile"])


SLOW = """
import sys, time
from echo_migrate import cli
from echo_migrate.{room} import {module}
real = {module}.{name}
def slow(*words):
    {body}
{module}.{name} = slow
cli.main()
"""


def _slowly(
    module: str, name: str, body: str, cwd: Path, *words: str, room: str = "files"
) -> "subprocess.Popen[bytes]":
    script = SLOW.format(room=room, module=module, name=name, body=body)
    command = [sys.executable, "-c", script, *words]
    return subprocess.Popen(
        command,
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=heeding,
        start_new_session=True,
    )


@pytest.mark.parametrize("change", ["other", "gone"])
def test_a_file_that_changes_during_the_run_is_not_overwritten(tmp_path: Path, change: str) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text(TEXT)
    action = "open('Dockerfile', 'w').write('FROM x')" if change == "other" else "__import__('os').unlink('Dockerfile')"
    done = _slowly("write", "write", f"{action}; return real(*words)", tmp_path, "fix")
    out, err = done.communicate()
    assert done.returncode == 2
    assert b"1 needs review" in out
    if change == "other":
        assert b"Dockerfile: changed since it was read (by another run?); run again" in err
        assert path.read_text() == "FROM x"
    else:
        assert b"Dockerfile: could not be written: " in err
    assert os.listdir(tmp_path) == (["Dockerfile"] if change == "other" else [])


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_run_that_is_stopped_leaves_every_file_whole(
    run: Run, tmp_path: Path, stop: signal.Signals, jobs: str
) -> None:
    paths = [tmp_path / f"Dockerfile.{number:03}" for number in range(300)]
    for path in paths:
        path.write_text(TEXT)
    process = _slowly("write", "write", "time.sleep(0.02); return real(*words)", tmp_path, "fix", "--jobs", jobs)
    while paths[20].read_text() == TEXT and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(stop)
    _, err = process.communicate()
    texts = [path.read_text() for path in paths]
    assert set(texts) == {TEXT, FIXED}
    if stop != signal.SIGKILL:
        assert process.returncode == 128 + stop
        assert f"interrupted: {texts.count(FIXED)} files are changed, every file is whole" in err.decode()
    else:
        assert len(set(os.listdir(tmp_path)) - {path.name for path in paths}) <= 1
        assert run("fix", "--jobs", jobs).returncode == 0
        assert {path.read_text() for path in paths} == {FIXED}
    assert sorted(os.listdir(tmp_path)) == [path.name for path in paths]


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_the_whole_run_ends_it_with_one_line(tmp_path: Path, stop: signal.Signals) -> None:
    for number in range(300):
        (tmp_path / f"Dockerfile.{number:03}").write_text(TEXT)
    process = _slowly("write", "write", "time.sleep(0.02); return real(*words)", tmp_path, "fix", "--jobs", "2")
    while (tmp_path / "Dockerfile.020").read_text() == TEXT and process.poll() is None:
        time.sleep(0.005)
    os.killpg(process.pid, stop)
    _, err = process.communicate()
    assert (process.returncode, err.count(b"\n")) == (128 + stop, 1), err
    assert b"every file is whole" in err


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_does_not_wait_for_the_files_that_were_begun(tmp_path: Path, stop: signal.Signals) -> None:
    for number in range(300):
        (tmp_path / f"Dockerfile.{number:03}").write_text(TEXT)
    body = "open(words[0] + '.begun', 'x'); time.sleep(60); open(words[0] + '.ended', 'x')"
    process = _slowly("run", "fix_path", body, tmp_path, "check", "--jobs", "2", room="engine")
    while not list(tmp_path.glob("*.begun")) and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(stop)
    _, err = process.communicate()
    assert (process.returncode, err) == (128 + stop, b"echo-migrate: interrupted\n")
    assert list(tmp_path.glob("*.begun"))
    assert not list(tmp_path.glob("*.ended"))


def test_a_closed_pipe_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(TEXT * 5000)
    command = f"{sys.executable} -m echo_migrate check --output-format concise | head -n 1"
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, check=False)
    assert b"unhardened-image" in done.stdout
    assert b"Traceback" not in done.stderr


def test_output_that_fails_is_an_error_not_a_finding(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    for shell in ("check Dockerfile >/dev/full", "fix - <Dockerfile >/dev/full", "--help >/dev/full"):
        command = f"{sys.executable} -m echo_migrate {shell}"
        done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (2, b"echo-migrate: no space left on device\n")
    for shell in ("check nope 2>/dev/full", "check --nope 2>/dev/full", "check nope >/dev/full 2>&1"):
        done = subprocess.run(["bash", "-c", f"{sys.executable} -m echo_migrate {shell}"], cwd=tmp_path, check=False)
        assert done.returncode == 2
    for shell in ("check Dockerfile >&-", "fix --diff Dockerfile >&-", "check - <&-"):
        command = f"{sys.executable} -m echo_migrate {shell}"
        done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, check=False)
        assert b"Traceback" not in done.stderr


def test_standard_input_that_cannot_be_read_is_given_back(run: Run) -> None:
    for data in (b"FROM a\0", "FROM python:3.12".encode("utf-16"), b"FROM a\nRUN <<" + b"${a}" * 70 + b"\n"):
        done = run("fix", "-", input=data)
        assert (done.returncode, done.stdout) == (0, data)
        assert b"unreadable-file" in done.stderr


def test_a_config_of_a_strange_tree_writes_nothing(run: Run, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "echo-migrate.toml").write_text(f'output = ["text:{victim}"]\n')
    done = run("check")
    assert (done.returncode, victim.read_text()) == (2, "mine")
    assert b"unknown key 'output'" in done.stderr


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("pyproject.toml", "[[tool.echo-migrate]]\n", "must be a table"),
        ("pyproject.toml", 'tool = "echo-migrate"\n', ""),
        ("pyproject.toml", "# tool.echo-migrate\n", ""),
        ("echo-migrate.toml", "x = " + "[" * 5000, "is not valid TOML"),
        ("echo-migrate.toml", 'mapping = "m.yaml"\n', "is nested over 200 deep"),
        ("echo-migrate.toml", 'mapping = "n.yaml"\n', "write text on both sides"),
    ],
)
def test_a_hostile_config_is_said(run: Run, tmp_path: Path, name: str, text: str, says: str) -> None:
    (tmp_path / "m.yaml").write_text("a: " + "[" * 100_000)
    (tmp_path / "n.yaml").write_text('images: {"x\\e]0;owned\\a": 3}')
    (tmp_path / name).write_text(text)
    done = run("check")
    assert done.returncode == (2 if says else 0)
    assert says in done.stderr.decode()
    assert not any(piece in done.stderr for piece in (b"Traceback", b"\x1b", b"\x07"))


def test_a_chart_may_close_what_it_does_not_open(run: Run, tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text("apiVersion: v2\nname: a\n")
    (tmp_path / "values.yaml").write_text("image:\n  repository: python\n  tag: '3.12'\n")
    (tmp_path / "templates" / "a.yaml").write_text("a: b }}/{{ .Values.image.repository }}:{{ .Values.image.tag }}\n")
    done = run("inventory", "--output-format", "csv", ".")
    assert b"the chart may put a registry in front of it" in done.stdout
    assert b"fault" not in done.stderr
