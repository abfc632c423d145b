"""Findings that depend on what lies outside of a Dockerfile: the files that it copies, and what a shell does."""

import subprocess
from pathlib import Path

import pytest

from tests.conftest import Run

COPIED = "FROM debian:12\nCOPY tools/setup /tmp/setup\nRUN /tmp/setup && rm /tmp/setup\n"
LATE = b"removing /tmp/setup does not shrink the image"


@pytest.fixture
def run(inside: Run) -> Run:
    """Run the program in this process: none of these tests is about processes."""
    return inside


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"tools/setup": 900}, False),
        ({"tools/setup": 16_385}, True),
        ({}, True),
        ({"other/setup": 900}, True),
        ({"../tools/setup": 900}, False),
        ({"../tools/setup": 90_000, "tools/setup": 900}, True),
        ({"tools/setup/x": 900}, True),
    ],
)
def test_the_size_of_a_copied_file_tells_whether_its_removal_matters(
    run: Run, tmp_path: Path, files: dict[str, int], told: bool
) -> None:
    folder = tmp_path / "app" / "service"
    (folder.parent / ".git").mkdir(parents=True)
    for name, size in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"\0" * size)
    folder.mkdir(exist_ok=True)
    (folder / "Dockerfile").write_text(COPIED)
    assert (LATE in run("check", "app").stdout) == told


SHELLS = {"alpine:3.22": ["busybox", "sh"], "registry.access.redhat.com/ubi9/ubi:9.6": ["bash"]}
ONLY = ("{}", "A=1 {}", "{} $(:)", "{} # it", "$0 -c 'echo $$'")
LISTS = ("cd / && {}", "cd /; {}", "{} 2> /dev/null", "export A=1 && {} < /dev/null")
NEVER = (
    "true | {}",
    "trap : TERM; {}",
    "{} | cat",
    "! {}",
    "{} & wait",
    "if true; then {}; fi; true",
    "{} || {}",
    "f() {{ {}; :; }}; f",
)


@pytest.mark.parametrize("base", SHELLS)
@pytest.mark.parametrize("form", [*ONLY, *LISTS, *NEVER])
def test_a_shell_that_its_program_replaces_is_not_told(run: Run, tmp_path: Path, base: str, form: str) -> None:
    program = "sh -c 'echo $$'"
    with subprocess.Popen([*SHELLS[base], "-c", form.format(program, program), "sh"], stdout=subprocess.PIPE) as shell:
        said, _ = shell.communicate()
    replaced = said.split() == [str(shell.pid).encode()]
    (tmp_path / "Dockerfile").write_text(f"FROM {base}\nCMD {form.format('serve', 'serve')}\n")
    told = b"passes no signals" in run("check", "Dockerfile").stdout
    assert told or replaced
    assert not told or form not in ONLY + (LISTS if "alpine" in base else ())
