"""Bake files: HCL against an independent reader, the Dockerfiles that targets build, and what is never edited."""

from pathlib import Path
from typing import Any

import hcl2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from echo_migrate.engine import fix
from echo_migrate.files import hcl
from echo_migrate.files.source import Edit, Source
from echo_migrate.files.values import DEEPEST, NotRead, Value
from echo_migrate.formats import bake, recognised
from echo_migrate.images import catalog
from echo_migrate.model import Result
from echo_migrate.rules import RULES
from echo_migrate.rules._rule import Settings
from tests.pages import PAGES, Case, cases

CASES = [case for page in PAGES for case in cases(page) if case.path.endswith(".hcl")]
SETTINGS = Settings(catalog.load(), tuple(RULES.values()), apply=True)
NAMES = st.from_regex(r"[a-z][a-z0-9_-]{0,6}", fullmatch=True).filter(
    lambda name: name not in ("for", "if", "in", "null", "true", "false", "endif", "endfor", "else")
)
WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters='"\\$%'), max_size=12)
TAGS = st.sampled_from(["python:3.12", "node:22", "nginx:1.29"])


def fix_source(path: str, text: str, unsafe: bool = False) -> Result:
    return fix.fix_source(Source(path, text), bake, SETTINGS._replace(unsafe=unsafe))


def texts(node: Value) -> list[str]:
    """Every string of a tree, in order."""
    inner = [*node.each, *[value for _, value in node.items]]
    return [node.text] if node.kind == "text" else [text for one in inner for text in texts(one)]


def strings(value: Any) -> list[str]:
    """The same of what the other reader loads."""
    if isinstance(value, dict):
        return [text for key, one in value.items() if not key.startswith("__") for text in strings(one)]
    if isinstance(value, list):
        return [text for one in value for text in strings(one)]
    quoted = isinstance(value, str) and value[:1] == '"' and value[-1:] == '"'
    return [value[1:-1]] if quoted else []


@st.composite
def files(draw: st.DrawFn) -> str:
    """Targets with attributes of every kind, comments between them."""
    names = draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
    text = ""
    for name in names:
        keys = draw(st.lists(NAMES, max_size=4, unique=True))
        text += draw(st.sampled_from(["", '# a { "\n', '/* target "x" { */\n', "// é ü\n"]))
        text += f'target "{name}" {{\n'
        for key in keys:
            words = draw(st.lists(WORDS, max_size=3))
            listed = ", ".join(f'"{word}"' for word in words)
            mapped = "".join(f'\n    k{i} = "{word}"' for i, word in enumerate(words))
            value = draw(st.sampled_from([f"[{listed}]", f"{{{mapped}\n  }}", '"é"', "12", "true"]))
            text += f"  {key} = {value}\n"
        text += "}\n"
    return text


@settings(max_examples=40)  # of up to three targets each; the other reader takes 50 times as long as ours
@given(files())
def test_another_reader_finds_the_same_strings(text: str) -> None:
    assert sorted(texts(hcl.read(text))) == sorted(strings(hcl2.loads(text)))


@given(files())
def test_every_string_knows_its_place(text: str) -> None:
    waiting = [hcl.read(text)]
    while waiting:
        node = waiting.pop()
        waiting += [*node.each, *[value for _, value in node.items]]
        if node.kind == "text" and node.plain:
            assert text[node.start : node.end] == f'"{node.text}"'


@given(files(), TAGS, st.sampled_from(["\n", "\r\n"]))
def test_edits_stay_inside_of_the_string(text: str, image: str, newline: str) -> None:
    text = f'{text}target "é-own" {{\n  contexts = {{ "x" = "docker-image://{image}" }} # {image}\n}}\n'
    text = text.replace("\n", newline)
    result = fix_source("docker-bake.hcl", text)
    assert result.refused is None
    assert result.fixed.text == text.replace(f"image://{image}", f"image://reg.echohq.com/{image}")


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_another_reader_takes_what_is_written(case: Case) -> None:
    try:
        before = strings(hcl2.loads(case.text))
    except Exception:  # the other reader has no one type of error
        assert "unreadable-file" in case.says[0]
        return
    after = strings(hcl2.loads(case.fixed))
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    plain = [(old.replace("docker.io/library/", ""), new.replace("reg.echohq.com/", "")) for old, new in changed]
    assert all(new.partition("@")[0] == old for old, new in plain)


@pytest.mark.parametrize(
    ("path", "text", "known"),
    [
        ("docker-bake.hcl", "", True),
        ("docker-bake.override.json", "{}", True),
        ("docker-bake.dev.hcl", "", True),
        ("build.hcl", 'target "a" {}', True),
        ("build.hcl", 'group "a" {}', False),
        ("x.pkr.hcl", 'source "docker" "x" {}\ntarget "a" {}', False),
        ("bake.json", '{"target": {}}', False),
        ("main.tf", 'target "a" {}', False),
    ],
)
def test_recognised(path: str, text: str, known: bool) -> None:
    assert (recognised(path, text) is bake) == known


@pytest.mark.parametrize(
    "text",
    [
        'target "a" {',
        "}" * 1000,
        "{" * 9000,
        "a = " + "[" * 9000,
        "a = " + "[" * (DEEPEST + 2) + "]" * (DEEPEST + 2),
        'target "a" {\n' * (DEEPEST + 2) + "}\n" * (DEEPEST + 2),
        "a = [\n" * 20_000,
        'target "a" {\n  contexts = { b = "docker-image://python:3.12 }\n}\n',
        "{{ x }}",
        "#" * 300_000,
        '"' * 10_001,
        "a = <<EOT\n",
    ],
)
def test_what_is_no_hcl_is_a_note(text: str) -> None:
    result = fix_source("docker-bake.hcl", text, unsafe=True)
    assert [(finding.rule, finding.level) for finding in result.findings] == [("unreadable-file", "note")]
    assert result.fixed is result.source


def test_strange_shapes_end_in_an_answer() -> None:
    for text in (
        "",
        "target {}",
        'target "a" "b" {}',
        "target = 3",
        'target "a" { contexts = "docker-image://python:3.12" }',
        'target "a" { contexts = { x = ["docker-image://python:3.12"], (y) = "docker-image://%{ if a }b%{ endif }" } }',
        'target "a" { inherits = ["a"] }',
        'target "a" { inherits = ["b", "x"] }\ntarget "b" { inherits = ["a"] }',
        'variable "a" {}\nvariable "b" { default = a }\ntarget "c" { args = { a = b } }',
        'target "a" { contexts = { x = "\udcff" } }',
    ):
        result = fix_source("docker-bake.hcl", text, unsafe=True)
        assert result.refused is None
        assert not any("fault" in finding.message for finding in result.findings)
        assert result.fixed is result.source
    for text in (
        "[]",
        "3",
        '{"target": []}',
        '{"target": {"a": 3}}',
        '{"target": {"a": {"args": [1], "inherits": {}}}}',
    ):
        assert fix_source("docker-bake.json", text).findings == ()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "Dockerfile").write_text("ARG BASE=debian:12\nARG V=1\nFROM ${BASE}\nFROM node:${V}\n")
    return tmp_path


def test_build_arguments_feed_a_dockerfile(tree: Path) -> None:
    text = 'target "a" {\n  context = "app"\n  args = { BASE = "python:3.12", V = "22", X = "ruby:3", Y = f("x") }\n}\n'
    result = fix_source(str(tree / "docker-bake.hcl"), text)
    assert [(o.image.where, o.image.ref.value, o.state) for o in result.outcomes] == [
        ("target.a.args.BASE", "python:3.12", "migrate"),
        ("target.a.args.V", "node:22", "needs-person"),
    ]
    assert result.fixed.text == text.replace("python", "reg.echohq.com/python")


def test_arguments_are_inherited_and_moved_once(tree: Path) -> None:
    text = (
        'target "_all" { args = { BASE = "python:3.12" } }\n'
        'target "a" {\n  inherits = ["_all"]\n  context = "app"\n}\n'
        'target "b" {\n  inherits = ["a"]\n  args = { V = "22" }\n}\n'
    )
    result = fix_source(str(tree / "docker-bake.hcl"), text)
    assert [o.image.ref.value for o in result.outcomes] == ["python:3.12", "node:22"]
    assert result.fixed.text == text.replace("python", "reg.echohq.com/python")


def test_an_argument_that_another_target_uses_otherwise_stays(tree: Path) -> None:
    (tree / "other").mkdir()
    (tree / "other" / "Dockerfile").write_text("ARG BASE\nFROM acme/${BASE}\n")
    text = (
        'target "_all" { args = { BASE = "python:3.12" } }\n'
        'target "a" {\n  inherits = ["_all"]\n  context = "app"\n}\n'
        'target "b" {\n  inherits = ["_all"]\n  context = "other"\n}\n'
    )
    result = fix_source(str(tree / "docker-bake.hcl"), text, unsafe=True)
    assert [(o.state, o.reason) for o in result.outcomes] == [("needs-person", "other targets get the same value")]
    assert result.fixed is result.source


def test_a_variable_that_is_an_argument_moves_where_it_is_written(tree: Path) -> None:
    text = 'variable "BASE" { default = "python:3.12" }\ntarget "a" {\n  context = "app"\n  args = { BASE = BASE }\n}\n'
    path = str(tree / "docker-bake.hcl")
    assert fix_source(path, text).fixed.text == text
    assert fix_source(path, text, unsafe=True).fixed.text == text.replace("python", "reg.echohq.com/python")


def test_no_dockerfile_outside_of_the_tree_is_read(tree: Path) -> None:
    (tree / "in").mkdir()
    text = 'target "a" {\n  context = "../app"\n  args = { BASE = "python:3.12" }\n}\n'
    assert fix_source(str(tree / "in" / "docker-bake.hcl"), text).outcomes == ()


@pytest.mark.parametrize(
    ("old", "new"), [("python", "node"), ("tags", "tag"), ('"a"', '"b"'), ("1]", "2]"), ("# x", "")]
)
def test_only_an_image_may_change(old: str, new: str) -> None:
    text = 'target "t" {\n  contexts = { a = "docker-image://python:3.12" } # x\n  tags = ["a", 1]\n}\n'
    place = text.index("python")
    other = Source("x.hcl", text.replace(old, new, 1))
    refused = bake.verify(Source("x.hcl", text), other, [Edit(place, place + 6, "node")])
    assert (refused is None) == (old in ("python", "# x"))


def test_what_breaks_is_refused() -> None:
    text = 'target "t" { contexts = { a = "docker-image://python:3.12" } }'
    with pytest.raises(NotRead):
        hcl.read(text + "}")
    assert bake.verify(Source("x.hcl", text), Source("x.hcl", text + "}"), [Edit(len(text), len(text), "}")])
