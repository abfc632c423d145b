"""One cause, one finding: what a merge may take, what it never takes, and what is quiet by default."""

import json
from itertools import chain
from pathlib import Path

import pytest

from echo_migrate.engine.fix import fix_source
from echo_migrate.files.source import Source
from echo_migrate.formats import compose, dockerfile, github
from echo_migrate.images import catalog
from echo_migrate.model import LEVELS, Level
from echo_migrate.rules import RULES
from echo_migrate.rules._causes import AT_ITS_PLACE, IN_FILE, IN_ITS_STAGE, REPEATED, TOLD_THERE
from echo_migrate.rules._rule import LONGEST, Settings
from tests.conftest import Run
from tests.test_changed import git

MERGED = [(rule, into) for table in (AT_ITS_PLACE, IN_ITS_STAGE) for rule, others in table.items() for into in others]
MERGED += TOLD_THERE.items()
PIPED = "FROM debian:12\nRUN curl -fsSL https://example.com/install.sh | sh\n"


@pytest.fixture
def run(inside: Run) -> Run:
    """Run the program in this process: none of these tests is about processes."""
    return inside


@pytest.mark.parametrize(("rule", "into"), MERGED)
def test_what_stays_is_as_severe(rule: str, into: str) -> None:
    assert LEVELS.index(RULES[into].level) >= LEVELS.index(RULES[rule].level)


@pytest.mark.parametrize("rule", sorted({*chain(AT_ITS_PLACE, IN_ITS_STAGE), *TOLD_THERE, *REPEATED, *IN_FILE}))
def test_what_decides_over_a_move_or_a_signal_is_never_merged(rule: str) -> None:
    assert not RULES[rule].blocks
    assert rule not in ("shell-form-command", "unhardened-image", "secret-in-image")


@pytest.mark.parametrize(
    ("level", "said"),
    [
        ("note", ["piped-install"]),
        ("warning", ["piped-install"]),
        ("error", ["piped-install", "unverified-download"]),
    ],
)
def test_a_level_that_the_user_raised_is_kept(level: Level, said: list[str]) -> None:
    rules = (RULES["piped-install"], RULES["unverified-download"])
    settings = Settings(catalog.load(), rules, levels={"unverified-download": level})
    found = fix_source(Source("Dockerfile", PIPED), dockerfile, settings).findings
    assert sorted(one.rule for one in found) == said


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (("retired-image", "renamed-image"), ["retired-image", "retired-image"]),
        (("renamed-image",), ["renamed-image", "renamed-image"]),
    ],
)
def test_a_retired_image_is_not_said_to_be_renamed_as_well(rules: tuple[str, ...], said: list[str]) -> None:
    settings = Settings(catalog.load(), tuple(RULES[one] for one in rules))
    text = "FROM bitnami/redis:7.4\nFROM bitnamilegacy/redis:7.4\n"
    assert [one.rule for one in fix_source(Source("Dockerfile", text), dockerfile, settings).findings] == said


ENDED = "Rust 1.80 reached end of life on 2024-09-05"
MOVED = f"rust:1.80 -> reg.echohq.com/rust:1.80: {ENDED}: upgrade to 1.98 first"
BOTH = "Go 1.16 reached end of life on 2022-03-15, and Alpine Linux 3.12 on 2022-05-01"


@pytest.mark.parametrize(
    ("text", "levels", "said"),
    [
        ("FROM rust:1.80\n", {}, {"unhardened-image": MOVED}),
        (
            "FROM rust:1.80\n",
            {"end-of-life-base": "error"},
            {"end-of-life-base": f"{ENDED}: use 1.98 or later", "unhardened-image": MOVED},
        ),
        (
            "# echo-migrate: ignore[unhardened-image]\nFROM rust:1.80\n",
            {},
            {"end-of-life-base": f"{ENDED}: use 1.98 or later"},
        ),
        (
            "FROM golang:1.16.5-alpine3.12\n",
            {},
            {
                "end-of-life-base": f"{BOTH}: use Go 1.26 and Alpine Linux 3.22 or later",
                "unhardened-image": "golang:1.16.5-alpine3.12 -> reg.echohq.com/golang:1.16.5: "
                "Go 1.16 reached end of life on 2022-03-15: upgrade to 1.26 first; also: Alpine to Debian",
            },
        ),
    ],
)
def test_an_end_is_told_once_where_the_image_moves(text: str, levels: dict[str, Level], said: dict[str, str]) -> None:
    """And where its line is all that it says: what else has ended is in no other finding."""
    rules = (RULES["end-of-life-base"], RULES["unhardened-image"])
    settings = Settings(catalog.load(), rules, levels=levels, today="2026-11-28")
    found = fix_source(Source("Dockerfile", text), dockerfile, settings).findings
    assert {one.rule: one.message for one in found} == said


@pytest.mark.parametrize(
    ("text", "unsafe", "said"),
    [
        ("FROM node:16\n", True, [("end-of-life-base", False), ("unhardened-image", True)]),
        ("FROM node:16\n", False, [("unhardened-image", False)]),
    ],
)
def test_an_end_is_told_apart_from_the_move_that_a_run_makes(
    text: str, unsafe: bool, said: list[tuple[str, bool]]
) -> None:
    """What tells it is fixed, and no finding of the new image has it."""
    rules = (RULES["end-of-life-base"], RULES["unhardened-image"])
    settings = Settings(catalog.load(), rules, today="2026-11-28", apply=True, unsafe=unsafe)
    found = fix_source(Source("Dockerfile", text), dockerfile, settings).findings
    assert sorted((one.rule, one.applied) for one in found) == said


def test_what_to_use_instead_of_an_ended_line_has_room() -> None:
    image = "services: {a: {image: 'mysql:5.7', volumes: ['x:/var/lib/mysql'], platform: linux/s390x}}\n"
    settings = Settings(catalog.load(), (RULES["unhardened-image"],), today="2026-11-28")
    (found,) = fix_source(Source("compose.yaml", image), compose, settings).findings
    assert ": MySQL 5.7 reached end of life on 2023-10-31: upgrade to 8.4 first, step by step; also: " in found.message
    assert len(found.message) <= LONGEST


@pytest.mark.parametrize(("image", "level"), [("mysql:5.7", "warning"), ("mysql:8.4", "note")])
def test_a_service_whose_line_has_ended_has_one_finding(image: str, level: str) -> None:
    rules = (RULES["unhardened-image"], RULES["end-of-life-base"])
    settings = Settings(catalog.load(), rules, today="2026-11-28")
    source = Source(".github/workflows/a.yml", f"on: push\njobs: {{a: {{services: {{db: {{image: '{image}'}}}}}}}}\n")
    (found,) = fix_source(source, github, settings).findings
    assert (found.rule, found.level) == ("unhardened-image", level)


def test_every_place_of_a_merged_finding_counts_as_changed(run: Run, tmp_path: Path) -> None:
    lines = ["FROM debian:12", "RUN apt-get install -y htop", "RUN apt-get install -y nano", 'CMD ["/app"]']
    file = tmp_path / "Dockerfile"
    file.write_text("\n".join((*lines, "")))
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "base")
    said = []
    for number, line in enumerate(lines):
        file.write_text("\n".join((*lines[:number], line + " ", *lines[number + 1 :], "")))
        done = _checked(run, tmp_path, "--select", "recommended-packages", "--diff-base", "HEAD")
        said.append([(one["line"], str(one["message"]).rpartition(" (")[2]) for one in done])
    assert said == [[], [(2, "also on line 3)")], [(2, "also on line 3)")], []]


INSTALL = "FROM debian:12\nRUN apt-get install -y --no-install-recommends jq\n"


@pytest.mark.parametrize(
    ("text", "options", "levels"),
    [
        (INSTALL, (), []),
        (INSTALL, ("--select", "default"), []),
        (INSTALL, ("--preset", "migrate"), []),
        (INSTALL, ("--preset", "all"), ["note"]),
        (INSTALL, ("--select", "package-install"), ["note"]),
        (INSTALL, ("--select", "default", "--select", "package-install"), ["note"]),
        ("FROM alpine:3.22\nRUN apt-get install -y jq\n", (), ["error"]),
        ("FROM gcr.io/distroless/base-debian12\nRUN apk add jq\n", (), ["error"]),
    ],
)
def test_an_install_is_only_said_where_it_fails_or_is_asked_for(
    run: Run, tmp_path: Path, text: str, options: tuple[str, ...], levels: list[str]
) -> None:
    (tmp_path / "Dockerfile").write_text(text)
    found = _checked(run, tmp_path, *options)
    assert [one["level"] for one in found if one["rule"] == "package-install"] == levels


QUIET = {
    "a script that is copied and removed": (
        "layer-left-behind",
        {"Dockerfile": "FROM debian:12\nCOPY setup.sh /tmp/\nRUN sh /tmp/setup.sh && rm /tmp/setup.sh\n"},
        ["warning"],
    ),
    "settings that are copied and removed": (
        "layer-left-behind",
        {"Dockerfile": "FROM debian:12\nCOPY a.toml b.ini /o/\nRUN use /o/a.toml && rm /o/a.toml /o/b.ini\n"},
        ["warning"],
    ),
    "an archive that is copied and removed": (
        "layer-left-behind",
        {"Dockerfile": "FROM debian:12\nCOPY a.tar.gz /tmp/\nRUN tar xf /tmp/a.tar.gz && rm /tmp/a.tar.gz\n"},
        [],
    ),
    "a script, and an archive later": (
        "layer-left-behind",
        {
            "Dockerfile": "FROM debian:12\nCOPY a.sh b.tar /tmp/\nCOPY c.sh /tmp/c.sh\n"
            "RUN rm /tmp/c.sh && rm /tmp/b.tar\n"
        },
        [],
    ),
    "the user of a service": (
        "named-user",
        {"compose.yaml": "services:\n  db:\n    image: postgres:16\n    user: postgres\n"},
        ["note"],
    ),
    "root with a comment": (
        "root-at-runtime",
        {"compose.yaml": "services:\n  a:\n    image: node:22\n    user: root  # reads the sockets of the host\n"},
        ["note"],
    ),
    "root without a comment": (
        "root-at-runtime",
        {"compose.yaml": "services:\n  a:\n    image: node:22\n    user: '0'\n"},
        [],
    ),
    "a template without a known image": (
        "unreadable-file",
        {"Dockerfile": "FROM {{ .Base }}\nRUN make\n"},
        ["note"],
    ),
    "a template with a known image": ("unreadable-file", {"Dockerfile": "{{ if .X }}\nFROM node:22\n{{ end }}\n"}, []),
    "a property of Maven": ("unresolved-image", {"Dockerfile": "FROM ${docker.base.image}\n"}, ["note"]),
    "a property of Gradle in a tag": (
        "unresolved-image",
        {"Dockerfile": "FROM ${app.name}:${app.version}\n"},
        ["note"],
    ),
    "an argument of Home Assistant": (
        "unresolved-image",
        {"Dockerfile": "ARG BUILD_FROM\nFROM $BUILD_FROM\n"},
        ["note"],
    ),
    "an argument of cross": (
        "unresolved-image",
        {"Dockerfile": "ARG CROSS_BASE_IMAGE\nFROM ${CROSS_BASE_IMAGE}\n"},
        ["note"],
    ),
    "a variable without a value": ("unresolved-image", {"Dockerfile": "ARG BASE\nFROM ${BASE}\n"}, []),
    "an image of the project under a default": (
        "floating-tag",
        {"Dockerfile": "ARG R=ghcr.io/acme\nARG T=latest\nFROM ${R}/api-base:${T}\n"},
        ["warning"],
    ),
    "a public image under a default": ("floating-tag", {"Dockerfile": "ARG T=latest\nFROM node:${T}\n"}, []),
    "the base of an image for development": ("floating-tag", {"Dockerfile.dev": "FROM rust:latest\n"}, ["warning"]),
    "an upgrade of a base": ("package-upgrade", {"Dockerfile": "FROM debian:13\nRUN apt-get upgrade -y\n"}, ["note"]),
    "a container of a test in another language": (
        "unhardened-image",
        {"order.test.ts": 'import { GenericContainer } from "testcontainers";\nnew GenericContainer("redis:8");\n'},
        ["note"],
    ),
    "another's image": ("floating-tag", {"Dockerfile": "FROM ghcr.io/acme/api-base:latest\n"}, []),
    "an image that a script only copies": ("unhardened-image", {"a.sh": "crane digest python:3.12\n"}, ["note"]),
    "an image that is loaded into a cluster": (
        "unhardened-image",
        {"a.sh": "kind load docker-image redis:8\n"},
        ["note"],
    ),
}
"""What is quiet by default: the rule, the files, and the levels of what is said more when the rule is named."""


@pytest.mark.parametrize("kind", QUIET)
def test_what_nobody_would_act_on_is_quiet(run: Run, tmp_path: Path, kind: str) -> None:
    rule, files, more = QUIET[kind]
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    said = [one["level"] for one in _checked(run, tmp_path) if one["rule"] == rule]
    asked = [one["level"] for one in _checked(run, tmp_path, "--select", rule)]
    assert len(asked) == 1
    assert said == ([] if more else asked)
    assert not more or asked == more


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("registry=https://npm.example.com/\nauto-install-peers=true\n", []),
        ("; //npm.example.com/:_authToken=x\nstrict=false\n", []),
        ("//npm.example.com/:_authToken=abcdefghijkl\n", ["secret-in-image"]),
        ("registry=https://user:abcdefgh@npm.example.com/\n", ["secret-in-image"]),
        ("_password=abcdefgh\n", ["secret-in-image"]),
        (None, ["secret-in-image"]),
    ],
)
def test_settings_without_a_credential_are_no_secret(
    run: Run, tmp_path: Path, text: str | None, rules: list[str]
) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "Dockerfile").write_text("FROM node:22-slim\nCOPY .npmrc package.json ./\n")
    if text is not None:
        (tmp_path / ".npmrc").write_text(text)
    assert [one["rule"] for one in _checked(run, tmp_path, "--select", "secret-in-image")] == rules


@pytest.mark.parametrize(
    ("folder", "key", "rules"),
    [
        ("test/conformance", "ssl/server.key", []),
        ("fixtures/tls", "Server.Key.pem", []),
        ("examples/tls", "server.key", ["secret-in-image"]),  # what is built in examples is real
        ("load-test-runner", "server.key", ["secret-in-image"]),
        ("sample-api/test", "id_rsa", ["secret-in-image"]),
        ("test/app", ".netrc", ["secret-in-image"]),
        ("test/app", "store.p12", ["secret-in-image"]),
        ("deploy", "server.key", ["secret-in-image"]),
        ("test", "../server.key", ["secret-in-image"]),  # it does not lie beside the tests, and is no file of theirs
        ("test", "", ["secret-in-image"]),
    ],
)
def test_a_key_beside_tests_is_made_up(run: Run, tmp_path: Path, folder: str, key: str, rules: list[str]) -> None:
    at = tmp_path / folder
    (at / "ssl").mkdir(parents=True)
    for name in ("Dockerfile", "ssl/Dockerfile"):  # the second is built from the folder above
        (at / name).write_text(f"FROM httpd:2.4\nCOPY {key or 'server.key'} /etc/ssl/\n")
    if key:
        (at / key).write_text("")
    assert [one["rule"] for one in _checked(run, tmp_path, "--select", "secret-in-image")] == rules * 2


@pytest.mark.parametrize(
    ("path", "state"),
    [
        ("schema/.woodpecker/test-a.yml", "ignored"),
        ("pipeline/linter/x/.woodpecker/a.yml", "ignored"),
        (".woodpecker/a.yml", "needs-person"),
        ("apps/api/.woodpecker/a.yml", "needs-person"),
    ],
)
def test_a_pipeline_below_what_reads_pipelines_is_a_fixture(run: Run, tmp_path: Path, path: str, state: str) -> None:
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text("steps:\n  a:\n    image: node:22\n    commands: [make]\n")
    done = run("inventory", "--output-format", "json", cwd=tmp_path)
    assert [one["state"] for one in json.loads(done.stdout)["references"]] == [state]


def test_an_install_with_a_level_in_the_configuration_is_asked_for(run: Run, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(INSTALL)
    (tmp_path / "echo-migrate.toml").write_text('[levels]\npackage-install = "warning"\n')
    done = run("check", "--output-format", "json", cwd=tmp_path)
    found = [one["level"] for one in json.loads(done.stdout)["findings"] if one["rule"] == "package-install"]
    assert found == ["warning"]


@pytest.mark.parametrize(("name", "lines"), [("compose.yaml", [1]), ("compose-ci.yaml", [])])
def test_root_is_said_once_of_a_compose_file_and_not_of_one_for_tests(
    run: Run, tmp_path: Path, name: str, lines: list[int]
) -> None:
    (tmp_path / name).write_text("services: {a: {image: x/a:1, user: root},\n  b: {image: x/b:1, user: root}}\n")
    assert [one["line"] for one in _checked(run, tmp_path) if one["rule"] == "root-at-runtime"] == lines
    asked = _checked(run, tmp_path, "--select", "root-at-runtime")
    assert [one["message"] for one in asked] == ["service a runs as root: use the uid of another user (also on line 2)"]


def test_a_comment_for_what_is_quiet_is_used(run: Run, tmp_path: Path) -> None:
    text = INSTALL.replace("RUN", "# echo-migrate: ignore[package-install] needed\nRUN")
    (tmp_path / "Dockerfile").write_text(text)
    assert {one["rule"] for one in _checked(run, tmp_path)}.isdisjoint({"package-install", "unused-ignore"})


def _checked(run: Run, folder: Path, *options: str) -> list[dict[str, object]]:
    done = run("check", "--output-format", "json", "--no-config", *options, cwd=folder)
    assert done.returncode in (0, 1), done.stderr
    findings: list[dict[str, object]] = json.loads(done.stdout)["findings"]
    return findings
