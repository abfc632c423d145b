"""The stage graph, what reaches the final image, and the laws of the fixes in RUN."""

import gc
import json
import subprocess
import weakref
from functools import cache
from pathlib import Path

import dockerfile as buildkit
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from echo_migrate.dockerfile.images import images
from echo_migrate.dockerfile.parser import read
from echo_migrate.dockerfile.stages import MOST, Stage, stages
from echo_migrate.engine import fix
from echo_migrate.engine.run import check_safely
from echo_migrate.files.source import Source
from echo_migrate.formats import dockerfile
from echo_migrate.images import catalog
from echo_migrate.rules import RULES
from echo_migrate.rules._rule import Settings
from tests.conftest import Run


def graph(text: str, *targets: str) -> list[Stage]:
    bases = [image.ref.value for image in images(read(text), {}, frozenset()) if image.where == "FROM"]
    return stages(text, read(text), bases, frozenset(targets))


@pytest.mark.parametrize(
    ("text", "targets", "says"),
    [
        ("FROM a\nFROM b", (), ["unused", "layers"]),
        ("FROM a AS x\nFROM X AS y\nFROM y", (), ["layers", "layers", "layers"]),
        ("FROM a AS x\nFROM b\nCOPY --from=x /f /f", (), ["", "layers"]),
        ("FROM a AS x\nFROM b\nCOPY --from=0 / /", (), ["files", "layers"]),
        ("FROM a AS r\nFROM r AS x\nFROM b\nCOPY --from=x / /", (), ["files", "files", "layers"]),
        ("FROM a AS x\nFROM b\nRUN --mount=type=bind,from=x,target=/m true", (), ["", "layers"]),
        ("FROM a AS x\nFROM b AS y\nCOPY --from=x /f /\nFROM c", (), ["unused", "unused", "layers"]),
        ("FROM a AS x\nFROM b AS y\nFROM c", ("x",), ["perhaps layers", "unused", "layers"]),
        ("ARG V=y\nFROM a AS x\nFROM b AS y\nFROM $V", (), ["", "layers", "layers"]),
        ("FROM a AS x\nFROM x\nCOPY --from=nothing /f /", (), ["layers", "layers"]),
    ],
)
def test_what_reaches_the_final_image(text: str, targets: tuple[str, ...], says: list[str]) -> None:
    found = [
        ("perhaps " if stage.ships and not stage.certain else "") + stage.ships if stage.used else "unused"
        for stage in graph(text, *targets)
    ]
    assert found == says


def test_nothing_of_a_file_is_left_when_its_stages_are_given_up() -> None:
    found = graph("FROM a AS x\nRUN true\nFROM x AS y\nFROM b\nCOPY --from=y /f /\n")
    first, second, third = found
    assert (second.lineage, third.others, third.preceding("Y"), third.preceding("0")) == (
        found[:2],
        found[:2],
        second,
        first,
    )
    assert (first.graph.stages(), first.graph.stages(1), first.others) == (found, found[1:], [])
    assert [one.settings for one in first.graph.stages()] == [one.settings for one in found]
    left = weakref.ref(first.graph)
    collecting = gc.isenabled()
    gc.disable()
    try:
        del found, first, second, third
        assert left() is None
    finally:
        if collecting:
            gc.enable()


def test_the_state_of_a_command_is_inherited() -> None:
    text = (
        "ARG OUTER=1\nARG UNUSED=2\nFROM a AS base\nARG OUTER\nENV A=x B=\"y z\"\nENV OLD value here\n"
        "WORKDIR /srv/$A\nUSER app:app\nSHELL [\"/bin/bash\", \"-eo\", \"pipefail\", \"-c\"]\n"
        "FROM base\nWORKDIR sub\nRUN id; true\nUSER 0\nRUN id\nSHELL [\"powershell\"]\nRUN id\n"
    )  # fmt: skip
    stage = graph(text)[1]
    first, second, third = stage.runs
    assert (first.user, first.folder, second.user) == ("app:app", "/srv/x/sub", "0")
    assert dict(first.environment) == {"OUTER": "1", "A": "x", "B": "y z", "OLD": "value here"}
    assert first.script is not None
    assert first.script.errexit
    assert third.script is None
    assert (stage.user, stage.environment["A"]) == ("0", "x")
    assert (stage.root, [one.name for one in stage.lineage]) == ("a", ["base", ""])


def test_what_the_base_image_brings_is_not_known() -> None:
    (stage,) = graph("FROM a\nWORKDIR x\nRUN id\nCOPY f g\n")
    assert (stage.runs[0].user, stage.runs[0].folder, stage.copies[0].target) == (None, None, None)


def test_windows_has_no_posix_shell() -> None:
    for text in ("FROM mcr.microsoft.com/windows/nanoserver:x\nRUN dir", "# escape=`\nFROM a\nRUN dir"):
        assert graph(text)[0].runs[0].script is None


def test_more_than_can_be_real_is_not_read() -> None:
    assert graph("FROM a\n" + "RUN b\n" * MOST) == []
    assert graph("FROM a\nRUN " + "b && " * MOST + "b") == []
    assert len(graph("FROM a\nRUN " + "b && " * (MOST - 1) + "b")[0].runs[0].commands) == MOST


TARGETED = (
    "FROM debian:12 AS web\nRUN apt-get update && apt-get install -y vim\n"
    "FROM debian:12\nRUN apt-get update && apt-get install -y tzdata\n"
)


def test_a_base_that_a_compose_file_builds_is_shipped(run: Run, tmp_path: Path) -> None:
    """And is none that only tests are built on."""
    install = "RUN apt-get update && apt-get install -y --no-install-recommends gcc && rm -rf /var/lib/apt/lists/*\n"
    tests = "FROM app-base AS test\nRUN make check\n"
    (tmp_path / "Dockerfile").write_text(f"FROM debian:13 AS app-base\n{install}{tests}")
    words = ("check", "--select", "build-tools-in-final-image", "--output-format", "concise")
    assert b"build-tools" not in run(*words).stdout
    service = "services: {a: {build: {context: ., target: App-Base}, command: [/srv/app]}}\n"
    (tmp_path / "compose.yaml").write_text(service)
    assert b"Dockerfile:2:23: warning[build-tools-in-final-image]" in run(*words).stdout


def test_a_target_of_a_compose_file_is_a_final_image_for_findings_and_never_for_fixes(run: Run, tmp_path: Path) -> None:
    (tmp_path / "api").mkdir()
    path = tmp_path / "api" / "Dockerfile"
    path.write_text(TARGETED)
    words = ("--select", "package-lists-left", "--output-format", "json", ".")
    alone = json.loads(run("check", *words).stdout)["findings"]
    (tmp_path / "compose.yaml").write_text("services:\n  a:\n    build:\n      context: ./api\n      target: WEB\n")
    both = json.loads(run("check", *words).stdout)["findings"]
    assert [(found["line"], found["fix"] is not None) for found in alone] == [(4, True)]
    assert [(found["line"], found["fix"] is not None) for found in both] == [(2, False), (4, True)]
    run("fix", *words)
    with_compose = path.read_text()
    path.write_text(TARGETED)
    (tmp_path / "compose.yaml").unlink()
    run("fix", *words)
    assert path.read_text() == with_compose != TARGETED


COMMANDS = [
    *("apt-get update", "apt-get install curl", "apt-get -y install --no-install-recommends git", "pip install x"),
    *("apk add jq", "dnf install -y tzdata", "rm -rf /var/lib/apt/lists/*", "set -e", "true", "cat <<E\nt\nE\n"),
    *(
        "sh -c 'apt-get install make'",
        "if true; then apk add x; fi",
        "(yum install y)",
        "sudo apt-get update",
        "# note\n",
    ),
    *(
        "pip install \\\n  # why\n  a",
        "apt-get install \\\n\n curl",
        "echo 'apt-get install'",
        "$INSTALL x",
        "./run.sh",
    ),
]
JOINTS = st.sampled_from([" && ", "; ", " \\\n  && ", " || "])
SETTINGS = Settings(catalog.load(), tuple(RULES.values()), apply=True, unsafe=True)


@settings(max_examples=200)
@given(
    st.lists(st.lists(st.tuples(st.sampled_from(COMMANDS), JOINTS), min_size=1, max_size=4), min_size=1, max_size=4),
    st.sampled_from(["\n", "\r\n"]),
)  # fmt: skip
def test_a_run_that_bash_accepts_is_accepted_after_and_nothing_else_changes(
    runs: list[list[tuple[str, str]]], newline: str
) -> None:
    lines = ["RUN " + "".join(part for pair in run for part in pair)[: -len(run[-1][1])] for run in runs]
    source = Source("Dockerfile", newline.join(["FROM debian:12", *lines, ""]).replace("\n", newline))
    result = fix.fix_source(source, dockerfile, SETTINGS)
    assert result.refused is None
    try:
        before, after = buildkit.parse_string(source.text), buildkit.parse_string(result.fixed.text)
    except buildkit.GoParseError:
        return
    assert [step.cmd for step in before] == [step.cmd for step in after]
    assert [accepted(step) for step in after] == [accepted(step) for step in before]
    again = fix.fix_source(result.fixed, dockerfile, SETTINGS)
    assert again.fixed is again.source


def accepted(step: buildkit.Command) -> bool:
    return _bash_accepts(" ".join(step.value))


@cache
def _bash_accepts(body: str) -> bool:
    """Ask bash, once for a text: most of what is fixed leaves the other steps as they are."""
    return subprocess.run(["bash", "-n"], input=body.encode(), capture_output=True, check=False).returncode == 0


def test_a_fault_of_ours_is_said_whatever_is_selected(monkeypatch: pytest.MonkeyPatch) -> None:
    def boom(*_: object) -> list[object]:
        raise RuntimeError("boom")

    monkeypatch.setattr(dockerfile, "parse", boom)
    settings = Settings(catalog.load(), ())
    result = check_safely(Source("Dockerfile", "FROM a AS b\nFROM b\n"), settings)
    assert result is not None
    assert [(one.state, one.image.shown) for one in result.outcomes] == [("needs-person", "a")]
    assert [(found.level, "boom" in found.message) for found in result.findings] == [("error", True)]


def test_a_dev_container_ships_nothing() -> None:
    text = "FROM debian:12\nRUN apt-get update && apt-get install vim\n"
    rules = {
        path: {found.rule for found in fix.fix_source(Source(path, text), dockerfile, SETTINGS).findings}
        for path in (".devcontainer/Dockerfile", "api/Dockerfile")
    }
    assert "interactive-install" in rules[".devcontainer/Dockerfile"]
    assert rules["api/Dockerfile"] - rules[".devcontainer/Dockerfile"] >= {"package-install", "package-lists-left"}
