"""Expansion: a table after BuildKit's rules, bash for the patterns, and laws."""

import itertools
import random
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echo_migrate.dockerfile.expansion import Expansion, expand
from echo_migrate.files.source import Traced

VALUES = {"x": "abc", "empty": "", "image": "docker.io/library/python:3.12-slim"}


def lookup(name: str) -> Expansion | None:
    return Expansion(Traced(VALUES[name], ((1000, 1000 + len(VALUES[name])),))) if name in VALUES else None


def read(word: str, escape: str = "\\") -> Expansion:
    return expand(Traced.of(word, 0, len(word)), lookup, escape)


@pytest.mark.parametrize(
    ("word", "value", "unsettled"),
    [
        ("plain", "plain", ()),
        ("'a'\"b\"c", "abc", ()),
        ('"a\\"b"', 'a"b', ()),
        ("a\\ b", "a b", ()),
        ("'$x'", "$x", ()),
        ('"$x"', "abc", ()),
        ("$x-${x}", "abc-abc", ()),
        ("$xy", "$xy", ("xy",)),
        ("${y}", "${y}", ("y",)),
        ("${y:-d}", "d", ("y",)),
        ("${y-d}", "d", ("y",)),
        ("${empty:-d}", "d", ("empty",)),
        ("${empty-d}", "", ()),
        ("${x:-d}", "abc", ()),
        ("${x:+d}", "d", ()),
        ("${x+d}", "d", ()),
        ("${empty:+d}", "", ("empty",)),
        ("${empty+d}", "d", ()),
        ("${y:+d}", "", ("y",)),
        ("${y:-${x}}", "abc", ("y",)),
        ("${y:-${z:-q}}", "q", ("y", "z")),
        ("${y:-'a b'}", "a b", ("y",)),
        ("${x?no}", "abc", ()),
        ("${y?no}", "${y?no}", ("y",)),
        ("${x#a}", "bc", ()),
        ("${x%c}", "ab", ()),
        ("${image##*/}", "python:3.12-slim", ()),
        ("${image%%-*}", "docker.io/library/python:3.12", ()),
        ("${image/python/node}", "docker.io/library/node:3.12-slim", ()),
        ("${image//l/}", "docker.io/ibrary/python:3.12-sim", ()),
        ("${y#a}", "${y#a}", ("y",)),
        ("$", "$", ()),
        ("a$", "a$", ()),
    ],
)
def test_word(word: str, value: str, unsettled: tuple[str, ...]) -> None:
    found = read(word)
    assert (found.text.value, found.unsettled) == (value, unsettled)


def test_the_escape_character_may_be_a_backtick() -> None:
    assert read("a`b\\c", "`").text.value == "ab\\c"


@pytest.mark.parametrize("word", ["'a", '"a', "${x", "${}", "${x!y}", "${:x}", "${x:#a}", "${x/a}", '"${x"'])
def test_what_buildkit_refuses_is_an_error(word: str) -> None:
    with pytest.raises(ValueError, match="."):
        read(word)


def test_patterns_are_bashs() -> None:
    chance = random.Random(7)  # the same cases each time
    values = ["".join(chance.choices("ab/.-:", k=chance.randint(0, 7))) for _ in range(40)]
    patterns = ["".join(chance.choices("ab*?.-", k=chance.randint(1, 4))) for _ in range(40)]
    operators = ["#{}", "##{}", "%{}", "%%{}", "/{}/Z", "//{}/Z"]
    cases = [
        (value, operator.format(pattern))
        for value, pattern, operator in itertools.product(values, patterns, operators)
        if not pattern.startswith(("#", "%"))
    ]
    script = "LC_ALL=C\n" + "\n".join(f"x='{value}'; echo \"[${{x{edit}}}]\"" for value, edit in cases)
    done = subprocess.run(["bash"], input=script, capture_output=True, text=True, check=True)
    for (value, edit), theirs in zip(cases, done.stdout.splitlines(), strict=True):
        word = "${v" + edit + "}"
        known = Expansion(Traced.of(value, 0, len(value)))
        ours = expand(Traced.of(word, 0, len(word)), {"v": known}.get).text.value
        assert f"[{ours}]" == theirs, (value, edit)


@given(
    st.lists(
        st.sampled_from(
            ["$x", "${x", "}", ":-", "'", '"', "\\", "a", "-", "/", "#", "%", "*", "?", "$", "{", " ", "${y:-", "empty"]
        )
    ).map("".join)
)
def test_every_character_is_traced(word: str) -> None:
    try:
        text = read(word).text
    except ValueError:
        return
    places = "".join(VALUES["x"][a - 1000 : b - 1000] if a >= 1000 else word[a:b] for a, b in text.spans)
    assert places == text.value


def test_arguments_that_double_each_other_do_not_fill_the_memory() -> None:
    values: dict[str, Expansion] = {"a0": Expansion(Traced.of("x" * 10, 0, 10))}

    def double(number: int) -> None:
        word = f"$a{number}$a{number}"
        values[f"a{number + 1}"] = expand(Traced.of(word, 0, len(word)), values.get)

    for number in range(8):
        double(number)
    with pytest.raises(ValueError, match="longer than any reference"):
        double(8)
