"""Compose files: both of PyYAML's loaders, other files beside them, hostile texts, and a plain walk as an oracle."""

import json
from pathlib import Path

import pytest
import yaml

from echo_migrate.engine import fix
from echo_migrate.files.source import Edit, Source
from echo_migrate.files.workspace import begin
from echo_migrate.formats import compose, recognised
from echo_migrate.images import catalog
from echo_migrate.model import Result
from echo_migrate.rules import RULES
from echo_migrate.rules._rule import Settings
from tests.pages import PAGES, Case, cases, settings

CASES = [case for page in PAGES for case in cases(page) if case.path == "compose.yaml"]
SETTINGS = Settings(catalog.load(), tuple(RULES.values()), apply=True)


def fix_source(path: str, text: str) -> Result:
    return fix.fix_source(Source(path, text), compose, SETTINGS)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_the_pure_loader_sees_the_same(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    fast = fix.fix_source(Source(case.path, case.text), compose, settings(case))
    monkeypatch.delattr(yaml, "CSafeLoader")
    slow = fix.fix_source(Source(case.path, case.text), compose, settings(case))
    assert slow.fixed == fast.fixed
    assert [outcome.state for outcome in slow.outcomes] == [outcome.state for outcome in fast.outcomes]


@pytest.mark.parametrize("pure", [False, True])
@pytest.mark.parametrize(
    ("character", "said"),
    [
        ("\b", "this file has the character U+0008, which YAML forbids; it is not rewritten"),
        ("\ufffe", "this file has the character U+FFFE, which YAML forbids; it is not rewritten"),
        ("\udcff", "this file has bytes that are not UTF-8; it is not rewritten"),
    ],
)
def test_a_character_that_no_document_may_have_is_shown_where_it_is(
    character: str, said: str, pure: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if pure:
        monkeypatch.delattr(yaml, "CSafeLoader")
    text = f"services:\n  ä: {{image: acme/a}}\n  # {character}\n"
    found = fix_source("compose.yaml", text).findings
    assert [(one.start, one.message) for one in found if one.rule == "unreadable-file"] == [
        (text.index(character), said)
    ]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_every_image_that_a_plain_walk_finds_is_listed(case: Case) -> None:
    class Loader(yaml.SafeLoader):
        pass

    Loader.add_multi_constructor("!", lambda loader, suffix, node: None)
    try:
        documents = list(yaml.load_all(case.text, Loader))
    except yaml.YAMLError:
        return
    listed = {o.image.ref.value for o in fix_source(case.path, case.text).outcomes}
    listed |= {case.text[o.image.start : o.image.end] for o in fix_source(case.path, case.text).outcomes}
    for document in documents:
        for service in document.get("services", document).values():
            if isinstance(service, dict) and service.get("image"):
                assert service["image"].strip() in listed


@pytest.mark.parametrize(
    ("path", "text", "known"),
    [
        ("compose.yaml", "services:\n  a:\n    image: b\n", True),
        ("stack.yml", "services:\n  a:\n    image: b\n", True),
        ("docker-compose.yml", "a:\n  image: b\n", True),
        ("other.yml", "a:\n  image: b\n", False),
        ("content.yml", "services:\n  cards:\n    icon: node\n    image: python\n", False),
        ("values.yaml", "replicaCount: 1\nservices:\n  a:\n    image: b\n", False),
        ("compose.json", "services: {a: {image: b}}", False),
        ("ci.yml", "on: push\njobs:\n  a:\n    services:\n      b:\n        image: c\n", False),
        ("services.yaml", "services:\n  App\\Foo:\n    arguments: [a]\n", False),
        ("pod.yaml", "apiVersion: v1\nkind: Pod\nservices:\n  - image: a\n", False),
        (".gitlab-ci.yml", "services:\n  - docker:dind\njob:\n  image: a\nstages: [a]\n", False),
    ],
)
def test_recognised_by_content(path: str, text: str, known: bool) -> None:
    assert (recognised(path, text) is compose) == known


@pytest.mark.parametrize(
    "text",
    [
        "services:\n  a:\n    image: x\n  b: " + "[" * 200_000,
        "services:\n  a:\n    image: x\n  b:\n" + "".join(" " * n + "- -\n" for n in range(400, 1000)),
        "services:\n  a:\n\timage: x\n",
        "services:\n  a:\n    image: x\n   b: y\n",
        "services:\n  a:\n    image: x\n---\n: : :\n  - [\n",
        "services:\n  a:\n    image: \x01\n",
        "services:\n  a:\n    image: \udcff\n",
        "services:\n  a:\n    image: *none\n",
    ],
)
def test_what_is_no_yaml_is_a_finding(text: str) -> None:
    result = fix_source("compose.yaml", text)
    assert [finding.rule for finding in result.findings] == ["unreadable-file"]
    assert result.fixed is result.source


def test_strange_shapes_end_in_an_answer() -> None:
    letters = zip("abcde", "bcdef", strict=True)
    bomb = "x-a: &a [x, x]\n" + "".join(f"x-{c}: &{c} [*{p}, *{p}, *{p}, *{p}]\n" for p, c in letters)
    shapes = (
        bomb + "services:\n  s:\n    image: python:3.12\n    x: *f\n",
        "services:\n  ? [a, b]\n  : image: x\n  s:\n    image: python:3.12\n",
        "services:\n  s: &s\n    <<: *s\n    image: python:3.12\n",
        "services:\n  r: {image: [a]}\n  t: {image: {a: b}}\n  s: {image: 'python:3.12', build: null, volumes: 3}\n",
        "services: [a]\n---\nservices:\n  s:\n    image: python:3.12\n",
    )
    for text in shapes:
        result = fix_source("compose.yaml", text)
        assert not any(finding.rule == "unreadable-file" for finding in result.findings), text
        moved = "build: null" not in text
        assert ("reg.echohq.com/python:3.12" in result.fixed.text) == moved, text


def test_settings_beside_it_are_read_for_the_report_alone(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# note\nIMAGE=python:3.12\nexport TAG='22'\n")
    path = tmp_path / "compose.yaml"
    text = "services:\n  a:\n    image: ${IMAGE}\n  b:\n    image: node:${TAG}\n"
    result = fix_source(str(path), text)
    assert [(o.image.resolved, o.upstream, o.state) for o in result.outcomes] == [
        ("python:3.12", "python", "needs-person"),
        ("node:22", "node", "needs-person"),
    ]
    assert result.fixed is result.source
    unsafe = fix.fix_source(Source(str(path), text), compose, SETTINGS._replace(unsafe=True))
    assert unsafe.fixed.text == text.replace("node:", "reg.echohq.com/node:")


EXTENDS = "db: {extends: {file: ../base/compose.yaml, service: db}}"
VOLUME = "volumes: ['data:/var/lib/postgresql/data']"


@pytest.mark.parametrize(
    ("path", "text", "counts"),
    [
        (
            "app/compose.yaml",
            f"services: {{a: {{extends: {{file: ../base/db.compose.yaml, service: db}}, {VOLUME}}}}}",
            True,
        ),
        ("base/compose.yaml", f"services: {{a: {{extends: {{file: db.compose.yaml, service: db}}, {VOLUME}}}}}", True),
        ("a/b/compose.yaml", f"services: {{db: {{extends: {{file: ../../base/db.compose.yaml}}, {VOLUME}}}}}", True),
        ("app/compose.yaml", "services: {a: {extends: {file: ../base/db.compose.yaml, service: web}}}", False),
        ("app/compose.yaml", "services: {a: {extends: {file: ../base/db.compose.yaml, service: db}}}", False),
        (
            "app/compose.yaml",
            f"services: {{a: {{extends: {{file: $X/db.compose.yaml, service: db}}, {VOLUME}}}}}",
            True,
        ),
        (
            "app/compose.yaml",
            "services: {a: {extends: {file: ../base/db.compose.yaml, service: db}}, "
            f"b: {{extends: a, {VOLUME}}}}}",
            True,
        ),
        (
            "app/compose.yaml",
            f"services: {{a: {{image: busybox, extends: {{file: ../base/db.compose.yaml, service: db}}, {VOLUME}}}}}",
            False,
        ),
        (
            "app/stack.yml",
            f"services:\n  a: {{extends: {{file: ../base/db.compose.yaml, service: db}}, {VOLUME}}}\n",
            True,
        ),
        ("app/stack.yml", f"x: {{a: {{extends: {{file: ../base/db.compose.yaml, service: db}}, {VOLUME}}}}}\n", False),
        ("base/prod.yml", f"services:\n  db: {{{VOLUME}}}\n", True),
        ("base/prod.yml", f"services:\n  db: {{labels: {{{VOLUME}}}, x-v: {{{VOLUME}}}}}\nx-db: {{{VOLUME}}}\n", False),
        ("app/compose.yaml", "services: {a: {extends: {file: $X/$Y, service: db}}}", False),
        ("compose.yaml", "include: [base/db.compose.yaml]\nservices: {web: {image: 'node:22'}}", True),
        ("compose.yaml", "include: [{path: base/db.compose.yaml}]\nservices: {}", True),
        ("compose.yaml", "include: [{path: [base/db.compose.yaml, more/over.yaml]}]", True),
        ("app/compose.yaml", "include: [../base/db.compose.yaml]", False),
        ("compose.yaml", "include: [app/compose.yaml]", False),
    ],
)
def test_a_volume_in_a_file_that_takes_in_another_counts(tmp_path: Path, path: str, text: str, counts: bool) -> None:
    (tmp_path / ".git").mkdir()
    image = "services: {db: {image: 'postgres:16'}}\n"
    over = f"services: {{db: {{{VOLUME}}}}}\n"
    others = {"compose.override.yaml": over, "more/over.yaml": over} if "include" in text else {}
    for name, content in {"base/db.compose.yaml": image, **others, path: text}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    (outcome,) = fix_source(str(tmp_path / "base" / "db.compose.yaml"), image).outcomes
    assert ("a volume keeps its data" in outcome.reason) == counts


@pytest.mark.parametrize(
    ("files", "counts"),
    [
        (("base: {image: 'postgres:16'}, db: {extends: base}", "compose.override.yaml", f"db: {{{VOLUME}}}"), True),
        (("base: {image: 'postgres:16'}, db: {extends: base}", "compose.override.yaml", "db: {}"), False),
        ((f"base: {{image: 'postgres:16'}}, db: {{extends: base, image: null, {VOLUME}}}",), True),
        ((f"base: {{image: 'postgres:16'}}, db: {{extends: base, image: 'busybox:1', {VOLUME}}}",), False),
        (("db: {image: 'postgres:16'}", "app/compose.yaml", EXTENDS, "app/prod.yaml", f"db: {{{VOLUME}}}"), True),
        (("db: {image: 'postgres:16'}", "app/compose.yaml", EXTENDS, "app/prod.yaml", f"web: {{{VOLUME}}}"), False),
        (
            (
                *("db: {image: 'postgres:16'}", "app/compose.yaml", EXTENDS, "over/o.yaml", f"db: {{{VOLUME}}}"),
                *("compose.yaml", "}\ninclude: [{path: [app/compose.yaml, over/o.yaml]}]\nx-a: {"),
            ),
            True,
        ),
        (
            (
                *("db: {image: 'postgres:16'}", "deep/compose.yaml"),
                f"d: {{extends: {{file: ../app/compose.yaml, service: s299}}, {VOLUME}}}",
                "app/compose.yaml",
                ", ".join(f"s{one}: {{extends: {{file: ../base/compose.yaml, service: db}}}}" for one in range(300)),
            ),
            True,
        ),
        (
            (
                *("db: {image: 'postgres:16'}", "base/compose.override.yaml"),
                *("db: {extends: {file: vol/vol.yaml, service: v}}", "base/vol/vol.yaml", f"v: {{{VOLUME}}}"),
            ),
            True,
        ),
        (
            (
                *("db: {image: 'postgres:16'}", "base/compose.override.yaml"),
                *("db: {extends: {file: vol/vol.yaml, service: v}}", "base/vol/vol.yaml", f"v: {{}}, w: {{{VOLUME}}}"),
            ),
            False,
        ),
        (("db: {image: 'postgres:16'}", "base/values.yaml", f"db: {{{VOLUME}, replicas: 2}}"), False),
        (("db: {image: 'postgres:16'}", "base/values.yaml", f"db: {{{VOLUME}}}", "base/Chart.yaml", ""), False),
        (("db: {image: 'postgres:16'}", "base/values.yaml", f"db: {{{VOLUME}}}"), True),
    ],
)
def test_what_is_laid_over_a_service_counts_for_what_it_extends(
    tmp_path: Path, files: tuple[str, ...], counts: bool
) -> None:
    (tmp_path / ".git").mkdir()
    names = ("base/compose.yaml", *files[1::2])
    for name, services in zip(names, files[::2], strict=True):
        path = tmp_path / (f"base/{name}" if name == "compose.override.yaml" else name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"services: {{{services}}}\n")
    own = tmp_path / "base" / "compose.yaml"
    outcome = fix_source(str(own), own.read_text()).outcomes[0]
    assert ("a volume keeps its data" in outcome.reason) == counts


@pytest.mark.parametrize(
    ("path", "text", "counts"),
    [
        (".env", "COMPOSE_FILE=base/compose.yaml:over/state.yml\n", True),
        ("base/.env", "COMPOSE_FILE='compose.yaml:../over/state.yml'\n", True),
        (".envrc", "export COMPOSE_FILE=base/compose.yaml;over/state.yml\n", True),
        ("Makefile", "up:\n\tdocker compose -f base/compose.yaml \\\n\t  -f over/state.yml up\n", True),
        ("scripts/up.sh", "docker-compose --file base/compose.yaml --file=over/state.yml up\n", True),
        ("a.yml", "steps: [{run: [docker, compose, '-f', 'base/compose.yaml', '-f', 'over/state.yml', up]}]\n", True),
        (".github/workflows/a.yml", "env:\n  COMPOSE_FILE: base/compose.yaml:over/state.yml\n", True),
        ("up.sh", "docker compose -f base/compose.yaml up\ndocker compose -f over/state.yml up\n", False),
        ("up.sh", "docker compose -f base/other.yaml -f over/state.yml up\n", False),
        ("README", "nothing\n", False),
    ],
)
def test_files_that_commands_and_settings_name_with_a_file_are_laid_over_it(
    tmp_path: Path, path: str, text: str, counts: bool
) -> None:
    (tmp_path / ".git").mkdir()
    own = "services: {db: {image: 'postgres:16'}}\n"
    over = f"services: {{db: {{{VOLUME}}}}}\n"
    for name, content in {"base/compose.yaml": own, "over/state.yml": over, path: text}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    begin()
    (outcome,) = fix_source(str(tmp_path / "base" / "compose.yaml"), own).outcomes
    assert ("a volume keeps its data" in outcome.reason) == counts


BASE = "services: {b: {image: 'busybox:1.37', volumes: ['x:/etc/x']}, v: {extends: b, " + VOLUME + "}}\n"


@pytest.mark.parametrize(
    ("extends", "counts"),
    [
        ("b", False),
        ("{service: b}", False),
        ("v", True),
        ("{file: base.yaml, service: b}", False),
        ("{file: base.yaml, service: v}", True),
        ("{file: base.yaml, service: none}", True),
        ("{file: missing.yaml, service: b}", True),
        ("{file: '${X}/base.yaml', service: b}", True),
        ("{file: ../base.yaml, service: b}", True),
        ("db", True),
    ],
)
def test_volumes_are_those_of_the_services_that_are_extended(tmp_path: Path, extends: str, counts: bool) -> None:
    root = tmp_path / "root"
    (root / ".git").mkdir(parents=True)
    for folder in (tmp_path, root):
        (folder / "base.yaml").write_text(BASE)
    text = BASE.replace("}}\n", "}, db: {image: 'postgres:16', extends: " + extends + "}}\n")
    (root / "compose.yaml").write_text(text)
    outcome = fix_source(str(root / "compose.yaml"), text).outcomes[-1]
    assert ("a volume keeps its data" in outcome.reason) == counts


@pytest.mark.parametrize("path", ["/etc/passwd", "../outside.yaml", "x\0y", "$X/y.yaml", "compose.yaml"])
def test_what_is_taken_in_stays_in_the_tree(tmp_path: Path, path: str) -> None:
    (tmp_path / "outside.yaml").write_text(f"services: {{db: {{{VOLUME}}}}}\n")
    tree = tmp_path / "tree"
    (tree / ".git").mkdir(parents=True)
    image = "services: {db: {image: 'postgres:16'}}\n"
    (tree / "db.yaml").write_text(image)
    written = json.dumps(path)  # of YAML too, with escapes
    (tree / "compose.yaml").write_text(f"include: [{{path: [db.yaml, {written}]}}]\nservices: {{}}\n")
    (outcome,) = fix_source(str(tree / "db.yaml"), image).outcomes
    assert outcome.state == "migrate"


@pytest.mark.parametrize("form", ["{}: {}", "- {}={}"])
def test_build_arguments_feed_a_dockerfile(tmp_path: Path, form: str) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "Dockerfile").write_text("ARG BASE=debian:12\nARG V=1\nFROM ${BASE}\nFROM node:${V}\n")
    arguments = "".join(
        f"        {form.format(*pair)}\n" for pair in (("BASE", "python:3.12"), ("V", "22"), ("X", "ruby:3"))
    )
    text = f"services:\n  a:\n    build:\n      context: app\n      args:\n{arguments}"
    result = fix_source(str(tmp_path / "compose.yaml"), text)
    assert [(o.image.where, o.image.ref.value, o.state) for o in result.outcomes] == [
        ("services.a.build.args.BASE", "python:3.12", "migrate"),
        ("services.a.build.args.V", "node:22", "needs-person"),
    ]
    assert result.fixed.text == text.replace("python:3.12", "reg.echohq.com/python:3.12")


def test_an_argument_that_also_reaches_a_stage_is_not_moved_safely(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("ARG B\nFROM ${B}\nARG B\nRUN test $B\n")
    text = "services:\n  a:\n    build:\n      context: .\n      args:\n        B: python:3.12\n"
    result = fix_source(str(tmp_path / "compose.yaml"), text)
    assert [(o.state, o.reason) for o in result.outcomes] == [("needs-person", "ARG B is also used inside a stage")]


def test_an_argument_that_serves_two_images_blocks_itself_alone(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("ARG B\nFROM ${B} AS a\nFROM corp.example/${B} AS b\n")
    text = "services:\n  a:\n    build:\n      context: .\n      args: {B: 'python:3.12'}\n  b: {image: 'node:20'}\n"
    result = fix_source(str(tmp_path / "compose.yaml"), text)
    assert result.refused is None
    assert result.fixed.text == text.replace("node:20", "reg.echohq.com/node:20")


def test_no_dockerfile_outside_of_the_tree_is_read(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\n")
    (tmp_path / "tree").mkdir()
    text = "services:\n  a:\n    build:\n      context: ..\n      args: {BASE: 'python:3.12'}\n"
    assert fix_source(str(tmp_path / "tree" / "compose.yaml"), text).outcomes == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [("python", "node"), ("restart", "resturt"), ("always", "never"), ("- a", "- b"), ("# note", "  - c")],
)
def test_only_an_image_may_change(old: str, new: str) -> None:
    text = "services:\n  s:\n    image: python:3.12\n    restart: always\n    command:\n    - a\n    # note\n"
    place = text.index("python")
    refused = compose.verify(Source("c", text), Source("c", text.replace(old, new)), [Edit(place, place + 6, "node")])
    assert (refused is None) == (old == "python")
