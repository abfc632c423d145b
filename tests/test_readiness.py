"""The bond: what stands on an image decides whether its move is safe, and no selection changes that."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from echo_migrate.engine import fix
from echo_migrate.files.source import Source
from echo_migrate.formats import Format, recognised
from echo_migrate.images import catalog, providers
from echo_migrate.model import Result
from echo_migrate.rules import RULES
from echo_migrate.rules._rule import Settings
from tests.conftest import Run

BLOCKED = """\
FROM eclipse-temurin:25-jre
HEALTHCHECK CMD wget -q http://localhost:8080 || exit 1
"""
GUARDS = {id for id, rule in RULES.items() if rule.blocks}


@pytest.fixture
def run(inside: Run) -> Run:
    """Run the program in this process: none of these tests is about processes."""
    return inside


def fix_source(
    text: str, rules: set[str], provider: str = "echo", path: str = "Dockerfile", unsafe: bool = False
) -> Result:
    source = Source(path, text)
    format: Format | None = recognised(path, text)
    assert format is not None
    asked = Settings(catalog.load(provider), tuple(RULES[id] for id in sorted(rules)), apply=True, unsafe=unsafe)
    asked = asked._replace(variant="runtime")
    return fix.fix_source(source, format, asked)


def reasons(result: Result) -> list[str]:
    return [f"{outcome.state}: {outcome.reason}" for outcome in result.outcomes]


@given(st.sets(st.sampled_from(sorted(RULES))))
def test_selection_decides_what_is_said_never_what_is_safe(rules: set[str]) -> None:
    result = fix_source(BLOCKED, rules | {"unhardened-image"})
    assert result.fixed.text == BLOCKED
    assert reasons(result) == ["needs-person: blocked by missing-binary (line 2)"]
    assert {finding.rule for finding in result.findings} <= rules | {"unhardened-image"}


@given(st.sets(st.sampled_from(sorted(RULES))))
def test_findings_on_readiness_do_not_depend_on_what_else_is_selected(rules: set[str]) -> None:
    said = [(f.rule, f.message) for f in fix_source(BLOCKED, rules | GUARDS).findings if f.rule in GUARDS]
    assert said == [(f.rule, f.message) for f in fix_source(BLOCKED, GUARDS).findings]


def test_what_would_fail_is_not_offered_by_unsafe_fixes_either() -> None:
    result = fix_source(BLOCKED, {"unhardened-image"}, unsafe=True)
    assert result.refused is None
    assert result.fixed.text == BLOCKED
    lifted = BLOCKED.replace("HEALTHCHECK", "# echo-migrate: ignore[missing-binary] it is copied\nHEALTHCHECK")
    assert "reg.echohq.com" in fix_source(lifted, {"unhardened-image"}).fixed.text


@pytest.mark.parametrize(
    ("comment", "moves"),
    [
        ("# echo-migrate: ignore[missing-binary] it is mounted", True),
        ("# echo-migrate: ignore", True),
        ("# echo-migrate: ignore[shell-needed]", False),
        ("# hadolint ignore=DL3055", False),
        ("# check=skip=all", False),
    ],
)
def test_only_a_comment_of_ours_on_the_very_finding_lifts_it(comment: str, moves: bool) -> None:
    text = BLOCKED.replace("HEALTHCHECK", f"{comment}\nHEALTHCHECK")
    assert (fix_source(text, {"unhardened-image"}).fixed.text != text) == moves


def test_a_comment_on_another_line_lifts_nothing() -> None:
    text = "# echo-migrate: ignore[missing-binary]\n" + BLOCKED
    assert fix_source(text, {"unhardened-image"}).fixed.text == text


def test_it_is_asked_once_of_what_would_take_the_place() -> None:
    text = "FROM debian:bookworm\nUSER 1\nRUN true\n"
    (said,) = fix_source("FROM node:22\nUSER 1\nRUN true\n", GUARDS, "docker").findings
    assert "the new image dhi.io/node:22 has none" in said.message
    assert not fix_source(text, GUARDS, "echo").findings


def test_a_child_stage_speaks_for_the_image_at_its_root() -> None:
    text = "FROM node:22 AS base\nUSER 1\nFROM base AS mid\nFROM mid\nRUN npm ci\n"
    result = fix_source(text, {"unhardened-image"}, "docker")
    assert result.fixed.text == text
    assert reasons(result)[0] == "needs-person: blocked by shell-needed (line 5)"


def test_each_stage_speaks_for_its_own_image() -> None:
    text = "FROM node:22 AS build\nUSER 1\nRUN npm ci\nFROM node:24\nUSER 1\nCOPY --from=build /app/dist /app\n"
    result = fix_source(text, {"unhardened-image"}, "docker")
    assert result.fixed.text == text.replace("node:24", "dhi.io/node:24")


def test_what_shares_a_build_argument_stays_with_what_is_held() -> None:
    text = "ARG R=docker.io/library\nFROM ${R}/node:22 AS a\nUSER 1\nRUN npm ci\nFROM ${R}/node:24\nUSER 1\n"
    result = fix_source(text, {"unhardened-image"}, "docker")
    assert result.fixed.text == text
    assert reasons(result) == [
        "needs-person: blocked by shell-needed (line 4)",
        "needs-person: set by the same text as docker.io/library/node:22, which cannot move",
    ]


@pytest.mark.parametrize(
    ("text", "moves"),
    [
        ("FROM node:22\n", False),  # node, not root
        ("FROM node:22\nUSER 1000\n", True),
        ("FROM node:22 AS a\nFROM a\nUSER 1000\n", True),
        ("FROM node:22 AS a\nUSER 1000\nFROM a\n", True),
        ("FROM scratch\nCOPY --from=node:22 /usr/local/bin/node /node\n", False),  # it may lie elsewhere
    ],
)
def test_a_user_that_changes_is_no_safe_move(text: str, moves: bool) -> None:
    assert (fix_source(text, {"unhardened-image"}, "docker").fixed.text != text) == moves


@pytest.mark.parametrize(
    ("text", "moves"),
    [
        ('FROM python:3.14\nUSER 1000\nCMD ["python", "/x.py"]\n', True),
        ('FROM python:3.14\nUSER 1000\nCMD ["/app/run.sh"]\n', False),
        ('FROM python:3.14\nUSER 1000\nCMD ["gosu", "app", "python", "/x.py"]\n', False),
        ('FROM python:3.14\nUSER 1000\nRUN ["pip", "install", "flask"]\nCMD ["python", "/x.py"]\n', False),
        ('FROM python:3.14\nUSER 1000\nRUN <<EOF\n#!/bin/bash\npip install x\nEOF\nCMD ["python", "/x.py"]\n', False),
        ('FROM python:3.14\nUSER 1000\nCMD ["python", "/x.py"]\nONBUILD RUN make\n', False),
    ],
)
def test_what_is_not_known_to_be_there_is_no_safe_move(text: str, moves: bool) -> None:
    """A finding needs to be sure of what is missing; a safe move, of what is there."""
    result = fix_source(text, {"unhardened-image"}, provider="docker")
    assert (result.fixed.text != text) is moves


@pytest.mark.parametrize(
    ("body", "moves"),
    [
        ("", True),
        ("    healthcheck: {test: wget -q localhost}\n", False),
        ("    healthcheck: {test: [CMD, wget, -q, localhost]}\n", False),
        ("    healthcheck: {test: [CMD, java, -version]}\n", True),
        ("    healthcheck: {test: [NONE]}\n", True),
        ("    healthcheck: {disable: true}\n", True),
        ("    entrypoint: wget localhost\n", False),
        ("    entrypoint: [wget, localhost]\n    command: [x]\n", False),
        ("    command: [wget, localhost]\n", True),  # which entrypoint it would be an argument of is not known
        ("    volumes: [data:/data]\n", True),
    ],
)
def test_services(body: str, moves: bool) -> None:
    text = f"services:\n  web:\n    image: eclipse-temurin:25-jre\n{body}"
    assert (fix_source(text, {"unhardened-image"}, path="compose.yaml").fixed.text != text) == moves


def test_a_service_that_shares_an_image_by_anchor_speaks_for_it() -> None:
    text = (
        "services:\n  a: &a\n    image: eclipse-temurin:25-jre\n  b:\n    <<: *a\n"
        "    healthcheck: {test: [CMD, wget, localhost]}\n"
    )
    assert fix_source(text, {"unhardened-image"}, path="compose.yaml").fixed.text == text


def test_what_is_not_read_is_not_safe() -> None:
    text = "services:\n  web:\n    build:\n      dockerfile_inline: |\n        FROM eclipse-temurin:25-jre\n"
    result = fix_source(text, {"unhardened-image"}, path="compose.yaml")
    assert result.fixed.text == text
    assert reasons(result) == ["needs-person: what it needs of its base could not be read"]


def test_a_service_with_a_build_stands_on_what_it_builds(tmp_path: Path, run: Run) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "Dockerfile").write_text(
        "FROM eclipse-temurin:25-jre AS plain\nFROM plain AS with\nRUN apt-get install -y wget\n"
    )
    for target, found in (("plain", 1), ("with", 0)):
        (tmp_path / "compose.yaml").write_text(
            f"services:\n  web:\n    build: {{context: app, target: {target}}}\n"
            "    healthcheck: {test: [CMD, wget, -q, localhost]}\n"
        )
        done = run("check", "--output-format", "json", "--select", "missing-binary", "compose.yaml")
        assert len(json.loads(done.stdout)["findings"]) == found


@pytest.mark.parametrize(
    ("compose", "moves"),
    [
        ("services:\n  web:\n    build: app\n    healthcheck: {test: [CMD, wget, localhost]}\n", False),
        ("services:\n  web:\n    build: app\n    healthcheck: {test: [CMD, java, -version]}\n", True),
        ("services:\n  web:\n    build: other\n    healthcheck: {test: [CMD, wget, localhost]}\n", True),
        (
            "services:\n  web:\n    build: app\n    # echo-migrate: ignore[missing-binary] a sidecar checks\n"
            "    healthcheck: {test: [CMD, wget, localhost]}\n",
            True,
        ),
        ("services: {web: {build: app, healthcheck: {test: [CMD, wget", True),
    ],
)
@pytest.mark.parametrize("path", [".", "app/Dockerfile"])
def test_what_builds_a_dockerfile_speaks_for_its_image(
    tmp_path: Path, run: Run, compose: str, moves: bool, path: str
) -> None:
    """Whichever paths are given: the files on disk decide, not those of the run."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "app").mkdir()
    dockerfile = tmp_path / "app" / "Dockerfile"
    dockerfile.write_text("FROM eclipse-temurin:25-jre\n")
    (tmp_path / "compose.yaml").write_text(compose)
    done = run("fix", "--no-config", "--output-format", "concise", path)
    assert (dockerfile.read_text() == "FROM reg.echohq.com/eclipse-temurin-jre:25\n") == moves
    assert (b"blocked by missing-binary (compose.yaml:4)" in done.stdout) != moves


@pytest.mark.parametrize("folder", [".", "web"])
def test_an_unsafe_fix_that_breaks_what_builds_the_file_is_not_offered(tmp_path: Path, run: Run, folder: str) -> None:
    text = "FROM eclipse-temurin:25-jre-alpine\n"
    compose = "services:\n  web:\n    build: FOLDER\n    healthcheck: {test: [CMD, PROGRAM, localhost]}\n"
    file = tmp_path / folder / "Dockerfile"
    file.parent.mkdir(exist_ok=True)
    for program, expected in (("wget", text), ("java", "FROM reg.echohq.com/eclipse-temurin-jre:25\n")):
        file.write_text(text)
        (tmp_path / "compose.yaml").write_text(compose.replace("PROGRAM", program).replace("FOLDER", folder))
        done = run("fix", "--no-config", "--unsafe-fixes", "--output-format", "concise")
        assert file.read_text() == expected
        assert (b"blocked by missing-binary (compose.yaml:4)" in done.stdout) == (program == "wget")


def test_a_tool_that_a_healthcheck_beside_calls_is_asked_of_the_image(tmp_path: Path, run: Run) -> None:
    (tmp_path / ".git").mkdir()
    dockerfile, compose = tmp_path / "Dockerfile", tmp_path / "compose.yaml"
    dockerfile.write_text("FROM node:22\n")
    for check, says in (
        ("[CMD, curl, localhost]", b"may have no curl"),
        ("[CMD, node, check.js]", b"Dockerfile: 1 fixed"),
    ):
        compose.write_text(f"services:\n  web:\n    build: .\n    healthcheck: {{test: {check}}}\n")
        assert says in run("fix", "--no-config", "Dockerfile").stdout
    assert dockerfile.read_text() == "FROM reg.echohq.com/node:22\n"


def test_inventory_tells_the_reason(tmp_path: Path, run: Run) -> None:
    (tmp_path / "Dockerfile").write_text(BLOCKED)
    (row,) = json.loads(run("inventory", "--output-format", "json").stdout)["references"]
    assert (row["state"], row["reason"]) == ("needs-person", "blocked by missing-binary (line 2)")


@settings(max_examples=200)
@given(
    st.lists(
        st.sampled_from(
            [
                *(
                    "FROM node:22",
                    "FROM python:3.13 AS b",
                    "FROM b",
                    "FROM scratch",
                    "FROM php:8.4-fpm",
                    "FROM debian:12",
                ),
                *(
                    "RUN apt-get install -y x",
                    "RUN echo",
                    'RUN ["x"]',
                    "USER 1",
                    "USER root",
                    "CMD x",
                    'CMD ["python"]',
                ),
                *("HEALTHCHECK CMD wget x", "HEALTHCHECK NONE", 'ENTRYPOINT ["php"]', "COPY --from=node:22 a b"),
                *("COPY --from=busybox /bin/busybox /bin/sh", "ADD r.tar /", "COPY a /usr/bin/", "EXPOSE 80"),
                *("FROM eclipse-temurin:25-jre", 'SHELL ["/bin/bash", "-c"]', "WORKDIR /a", "ONBUILD RUN x"),
            ]
        ),
        max_size=12,
    ),
    st.sampled_from(providers.providers()),
    st.booleans(),
)
def test_what_moved_has_all_that_stands_on_it_needs(lines: list[str], provider: str, unsafe: bool) -> None:
    text = "\n".join(lines)
    result = fix_source(text, {"unhardened-image"}, provider, unsafe=unsafe)
    assert result.refused is None
    again = fix_source(result.fixed.text, {"unhardened-image", *GUARDS}, provider, unsafe=unsafe)
    assert again.fixed.text == result.fixed.text
    registry = f"{catalog.load(provider).registry}/"
    errors = [f.message for f in again.findings if f.level == "error" and "the new image " not in f.message]
    assert unsafe or not [message for message in errors if registry in message]


@pytest.mark.parametrize(
    ("image", "keys", "held"),
    [
        ("curlimages/curl:8.17.0", 'command: ["sh", "-c", "curl x"]', True),
        ("curlimages/curl:8.17.0", 'entrypoint: ["sh"]\n    command: ["-c", "curl x"]', False),
        ("curlimages/curl:8.17.0", 'command: ["-f", "http://x"]', False),
        ("perl:5.42", 'command: ["sh", "-c", "perl x.pl"]', False),
    ],
)
def test_a_shell_that_an_unknown_entrypoint_may_not_run(image: str, keys: str, held: bool) -> None:
    text = f"services:\n  a:\n    image: {image}\n    {keys}\n"
    found = reasons(fix_source(text, {"unhardened-image"}, path="compose.yaml"))
    assert any("entrypoint is not known" in one for one in found) == held
