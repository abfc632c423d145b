"""Patterns that are compiled on first use: the words that one needs are in each text in which it has a match."""

import re
from collections.abc import Iterable, Iterator
from importlib import import_module
from itertools import product
from pathlib import Path
from re import _constants as code
from re import _parser as parser
from typing import Any

import pytest

import echo_migrate
from echo_migrate.files.lazy_regex import _Lazy, lazy_regex

ANYTHING = "\0"
FEW = 8


def matched(pattern: Iterable[tuple[Any, Any]]) -> set[str]:
    """Return the texts in which a parsed pattern has a match, with ``ANYTHING`` for what is not one of a few."""
    return {"".join(parts) for parts in product(*(part(*one) for one in pattern))}


def part(kind: Any, value: Any) -> set[str]:
    if kind is code.LITERAL:
        return {chr(value)}
    if kind is code.BRANCH:
        return set().union(*map(matched, value[1]))
    if kind in (code.SUBPATTERN, code.ATOMIC_GROUP):
        return matched(value[-1] if kind is code.SUBPATTERN else value)
    if kind in (code.AT, code.ASSERT, code.ASSERT_NOT):
        return {""}
    if kind is code.IN and len(value) <= FEW and all(one is code.LITERAL for one, _ in value):
        return {chr(character) for _, character in value}
    if kind in (code.MAX_REPEAT, code.MIN_REPEAT) and value[0] > 0:
        return {text + ANYTHING for text in matched(value[2])} if value[1] > 1 else matched(value[2])
    return {ANYTHING}


def without(pattern: str, flags: int, needs: tuple[str, ...]) -> list[str]:
    """Return texts in which a pattern has a match, and that have none of the words."""
    texts = matched(parser.parse(pattern, flags))
    return [text for text in sorted(texts) if not any(word in text.casefold() for word in needs)]


def lazy(value: object) -> Iterator[_Lazy]:
    if isinstance(value, _Lazy):
        yield value
    elif isinstance(value, tuple | list):
        for one in value:
            yield from lazy(one)


def test_the_words_are_in_each_text_with_a_match() -> None:
    package = Path(echo_migrate.__file__).parent
    files = [one for one in package.rglob("*.py") if "needs=" in one.read_text() and one.name != "lazy_regex.py"]
    modules = [".".join(one.relative_to(package.parent).with_suffix("").parts) for one in files]
    found = {
        id(one): one for name in modules for value in vars(import_module(name)).values() for one in lazy(value)
    }.values()
    needing = [(*one._written, one._needs) for one in found if one._needs]
    assert len(needing) > 20
    assert {pattern: left for pattern, flags, needs in needing if (left := without(pattern, flags, needs))} == {}
    assert all(word == word.casefold() for _, _, needs in needing for word in needs)


def test_a_word_that_a_match_can_do_without_is_found() -> None:
    assert without(r"a+b|cd?e", 0, ("b", "e")) == []
    assert without(r"(?:ab|ac)x*d[ef]", 0, ("ab", "ce")) == [f"ac{ANYTHING}de", f"ac{ANYTHING}df"]


@pytest.mark.parametrize("text", ["no word", "a Key: 1", "KEY: 2, key: 3", "key alone", ""])
def test_it_is_as_if_compiled(text: str) -> None:
    written = r"(?i)key: *(\d)"
    own = re.compile(written)
    for first, of_files in product((text, "Key: 9"), (False, True)):  # before, and after it is compiled
        made = lazy_regex(written, needs=("key",), of_files=of_files)
        for one in (first, text):
            assert made.findall(one) == own.findall(one)
            assert made.sub("x", one) == own.sub("x", one)
            assert [match.span() for match in made.finditer(one)] == [match.span() for match in own.finditer(one)]
            for name in ("search", "match", "fullmatch"):
                for span in ((), (2,), (2, len(one))):
                    ours, theirs = getattr(made, name)(one, *span), getattr(own, name)(one, *span)
                    assert (ours and ours.span()) == (theirs and theirs.span())


def test_it_takes_what_a_pattern_takes() -> None:
    written = r"key: *(\d)"
    own = re.compile(written)
    for text in ("key: 1, key: 2", "none"):
        for given in ((), (3,), (0, 3)):
            assert bool(lazy_regex(written, needs=("key",)).search(text, *given)) == bool(own.search(text, *given))
        found = lazy_regex(written, needs=("key",)).search(text, pos=3, endpos=14)
        assert bool(found) == bool(own.search(text, pos=3, endpos=14))
        assert lazy_regex(written, needs=("key",)).sub("x", text, count=1) == own.sub("x", text, count=1)
