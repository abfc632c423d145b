"""Dev containers: JSON with comments, against an independent reader; edits, and what is never edited."""

import json
from pathlib import Path
from typing import Any

import json5
import pytest
from hypothesis import given
from hypothesis import strategies as st

from echo_migrate.engine import fix
from echo_migrate.files import json as json_values
from echo_migrate.files.source import Edit, Source
from echo_migrate.files.values import DEEPEST, NotRead, Value
from echo_migrate.formats import devcontainer, recognised
from echo_migrate.images import catalog
from echo_migrate.model import Result
from echo_migrate.rules import RULES
from echo_migrate.rules._rule import Settings
from tests.pages import PAGES, cases

CASES = [case for page in PAGES for case in cases(page) if case.path.endswith("devcontainer.json")]
SETTINGS = Settings(catalog.load(), tuple(RULES.values()), apply=True)
TEXTS = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]))  # json5 leaves surrogate pairs apart
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
)
GAPS = st.text("\n\r\t ", max_size=3) | st.sampled_from(['// {"a": 1}\n', "/* * , ] / */", "/**/", " //\r\n"])


def fix_source(path: str, text: str, unsafe: bool = False) -> Result:
    return fix.fix_source(Source(path, text), devcontainer, SETTINGS._replace(unsafe=unsafe))


def loaded(node: Value) -> Any:
    if node.kind == "map":
        return {key: loaded(value) for key, value in node.items}
    if node.kind == "list":
        return [loaded(value) for value in node.each]
    return node.value if node.kind == "text" else json.loads(node.value)


@st.composite
def documents(draw: st.DrawFn) -> str:
    """A value as JSON with comments: gaps of any kind where there may be any, commas behind last values."""
    whole = json.dumps(draw(VALUES), ensure_ascii=draw(st.booleans()))
    pieces = json_values._TOKEN.findall(whole)
    written = draw(GAPS)
    for piece, below in zip(pieces, [*pieces[1:], ""], strict=True):
        written += piece + draw(GAPS)
        if below in ("]", "}") and piece not in ("[", "{", ",") and draw(st.booleans()):
            written += "," + draw(GAPS)
    return written


@given(documents())
def test_another_reader_finds_the_same_values(text: str) -> None:
    assert loaded(json_values.read(text, relaxed=True)) == json5.loads(text)


@given(VALUES, st.sampled_from([None, 1, "\t"]))
def test_strict_json_is_what_the_standard_library_reads(value: Any, indent: Any) -> None:
    text = json.dumps(value, indent=indent)
    assert loaded(json_values.read(text)) == json.loads(text)


@given(st.text('{}[]:,"\\/*-+.019eEtrufalsn \n\t', max_size=40))
def test_what_one_takes_the_other_does_too(text: str) -> None:
    try:
        mine = loaded(json_values.read(text))
    except NotRead:
        with pytest.raises(json.JSONDecodeError):
            json.loads(text)
        return
    assert mine == json.loads(text)


@given(documents())
def test_every_string_knows_its_place(text: str) -> None:
    waiting = [json_values.read(text, relaxed=True)]
    while waiting:
        node = waiting.pop()
        waiting += [*node.each, *[value for _, value in node.items]]
        if node.kind == "text":
            assert json.loads(text[node.start : node.end], strict=False) == node.value
            assert not node.plain or text[node.start + 1 : node.end - 1] == node.value


@given(documents(), GAPS)
def test_edits_stay_inside_of_the_string(value: str, gap: str) -> None:
    text = f'{{"a":{value},{gap}"image"{gap}:{gap}"python:3.12"{gap},}}'
    result = fix_source("devcontainer.json", text)
    before, after = text.split('"python:3.12"')[0], text.rsplit('"python:3.12"', 1)
    if before.count('"image"') == 1 and text.count('"python:3.12"') == 1:
        assert result.refused is None
        assert result.fixed.text == after[0] + '"reg.echohq.com/python:3.12"' + after[1]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_the_loaded_value_differs_in_the_image_alone(case: Any) -> None:
    try:
        before = json5.loads(case.text)
    except ValueError:
        assert "unreadable-file" in case.says[0]
        return
    after = json5.loads(case.fixed)
    assert before | {"image": after["image"]} == after


@pytest.mark.parametrize(
    ("path", "known"),
    [
        (".devcontainer/devcontainer.json", True),
        (".devcontainer/node/devcontainer.json", True),
        (".devcontainer.json", True),
        ("devcontainer-feature.json", False),
        ("package.json", False),
    ],
)
def test_known_by_name(path: str, known: bool) -> None:
    assert (recognised(path, "{}") is devcontainer) == known


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[" * 100_000,
        "{" * 100_000,
        '{"a":' * (DEEPEST + 2) + "1" + "}" * (DEEPEST + 2),
        "/*" * 100_000,
        "//" + "*" * 100_000,
        '"' + "\\" * 99_999,
        '{"image": "python:3.12\n"}',
        "{'image': 'python:3.12'}",
        "{image: python}",
        '{"image": "python:3.12"} {"image": "python:3.12"}',
        '{"image": "\udcff", }, ',
        "{{ x }}",
    ],
)
def test_what_is_no_json_is_a_note(text: str) -> None:
    result = fix_source("devcontainer.json", text, unsafe=True)
    assert [(finding.rule, finding.level) for finding in result.findings] == [("unreadable-file", "note")]
    assert result.fixed is result.source


def test_strange_shapes_end_in_an_answer() -> None:
    for text in (
        "[]",
        "3",
        '"x"',
        '{"image": 3}',
        '{"image": ["a"], "build": 3}',
        '{"build": {"args": [1]}}',
        '{"": {}}',
    ):
        assert fix_source("devcontainer.json", text).findings == ()


def test_the_last_of_two_keys_counts() -> None:
    text = '{"image": "node:22", "image": "python:3.12"}'
    result = fix_source("devcontainer.json", text)
    assert result.fixed.text == text.replace("python", "reg.echohq.com/python")


def test_build_arguments_feed_a_dockerfile(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("ARG BASE=debian:12\nARG V=1\nFROM ${BASE}\nFROM node:${V}\n")
    text = (
        '{"build": {"dockerfile": "Dockerfile", "context": "..", "args": {"BASE": "python:3.12", "V": "22", "X": "a"}}}'
    )
    result = fix_source(str(tmp_path / "devcontainer.json"), text)
    assert [(o.image.where, o.image.ref.value, o.state) for o in result.outcomes] == [
        ("build.args.BASE", "python:3.12", "migrate"),
        ("build.args.V", "node:22", "needs-person"),
    ]
    assert result.fixed.text == text.replace("python", "reg.echohq.com/python")


def test_no_dockerfile_outside_of_the_tree_is_read(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\n")
    (tmp_path / "tree").mkdir()
    text = '{"build": {"dockerfile": "../Dockerfile", "args": {"BASE": "python:3.12"}}}'
    assert fix_source(str(tmp_path / "tree" / "devcontainer.json"), text).outcomes == ()


@pytest.mark.parametrize(("old", "new"), [("python", "node"), ('"a"', '"b"'), ("1]", "2]"), (", 1", ""), ("// x", "")])
def test_only_an_image_may_change(old: str, new: str) -> None:
    text = '{"image": "python:3.12", "a": [2, 1]} // x'
    place = text.index("python")
    other = Source("d", text.replace(old, new, 1))
    refused = devcontainer.verify(Source("d", text), other, [Edit(place, place + 6, "node")])
    assert (refused is None) == (old in ("python", "// x"))
