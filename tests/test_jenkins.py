"""Groovy's tokens, and what is and is not rewritten in a Jenkinsfile."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echo_migrate.files.groovy import tokens
from echo_migrate.files.source import Edit, Source
from echo_migrate.files.values import NotRead
from echo_migrate.formats import jenkins, recognised

PIECES = ["'a'", '"${x ? "b" : \'c\'} d"', "'''\n it's '''", '"""q " ${ {1} }"""', "/it's/", "// '\n", '/* " */']


@given(
    st.lists(st.sampled_from([*PIECES, "a = ", "b ", "/ ", "{", "}", "(", ")", "\n", "1.5 ", "é", "\\\n"]), max_size=20)
)
def test_tokens_are_slices_of_the_text_in_order(pieces: list[str]) -> None:
    text = "".join(pieces)
    try:
        found = tokens(text)
    except NotRead:
        return
    assert all(text[one.start : one.end] == f"{one.quote}{one.value}{one.quote}" for one in found)
    assert all(one.end <= two.start for one, two in pairwise(found))
    assert all(one.line == text.count("\n", 0, one.start) + 1 for one in found)


@given(st.text(alphabet="'\"$/\\{}*\n ax", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    nodes = jenkins.parse(Source("Jenkinsfile", text))
    assert isinstance(nodes, list)


@pytest.mark.parametrize("piece", PIECES)
def test_strings_and_comments_hide_what_is_in_them(piece: str) -> None:
    words = [one.value for one in tokens(f"a = {piece}\nend") if one.kind == "word"]
    assert words == ["a", "end"]


@pytest.mark.parametrize(
    "text",
    [
        '"' + "${a}" * 20_000,
        "'''" + "'" * 20_001 + "\\",
        '"""' + "${{a}" * 20_000,
        "$/ a" * 20_000,
        "/*" + "*" * 30_000,
        "=/a " * 20_000,
    ],
)
def test_hostile_text_takes_no_time(text: str) -> None:
    assert len(jenkins.parse(Source("Jenkinsfile", text))) < 2


@pytest.mark.parametrize(
    ("path", "text", "known"),
    [
        ("Jenkinsfile", "pipeline {}\n", True),
        ("ci/Jenkinsfile-nightly", "pipeline {}\n", True),
        ("release.Jenkinsfile", "pipeline {}\n", True),
        ("build.jenkinsfile", "pipeline {}\n", True),
        ("vars/deploy.groovy", "docker.image('node:22').inside {}\n", True),
        ("vars/check.groovy", "def call() { sh 'docker run node:22 node -v' }\n", True),
        ("vars/check.groovy", "def call() { sh(script: 'docker run node:22 node -v') }\n", True),
        ("vars/check.groovy", "def call() { println 'docker run node:22' }\n", False),
        ("src/check.groovy", "def call() { sh 'docker run node:22 node -v' }\n", False),
        ("src/Main.groovy", "class Main { String image = 'node:22' }\n", False),
        ("jenkinsfile.bats", "docker.image('node:22')\n", False),
        ("docs/jenkinsfile.md", "pipeline {}\n", False),
    ],
)
def test_known_by_name_or_by_its_steps(path: str, text: str, known: bool) -> None:
    assert (recognised(path, text) is jenkins) == known


def test_nothing_but_a_string_with_an_edit_may_change() -> None:
    before = Source("Jenkinsfile", "agent { docker { image 'node:22' } }\nx = 'node:22'\n")
    edit = Edit(24, 31, "reg.echohq.com/node:22")
    assert jenkins.verify(before, before.apply([edit]), [edit]) is None
    assert jenkins.verify(before, before.apply([edit, Edit(0, 5, "agents")]), [edit])
    assert jenkins.verify(before, before.apply([edit, Edit(43, 50, "node:23")]), [edit])
    assert jenkins.verify(before, before.apply([Edit(24, 31, "a' + 'b")]), [edit])
    assert jenkins.verify(before, before.apply([Edit(24, 31, "a'")]), [edit])
