"""The laws of sources, traced strings and edits, on arbitrary bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echo_migrate.files.source import Edit, Source, Traced, Unreadable, apply, compatible

BYTES = st.one_of(
    st.binary(),
    st.lists(
        st.sampled_from(
            [b"\xef\xbb\xbf", b"\r\n", b"\n", b"\r", b"\xe9", b"a", b" ", "𝄞".encode(), "é".encode(), b"\\", b"\xff"]
        )
    ).map(b"".join),
).filter(lambda data: b"\0" not in data)


@st.composite
def texts_with_edits(draw: st.DrawFn) -> tuple[str, list[Edit]]:
    text = draw(st.text(max_size=40))
    places = sorted(draw(st.lists(st.integers(0, len(text)), max_size=8).map(lambda p: p[: len(p) // 2 * 2])))
    edits: list[Edit] = []
    for start, end in zip(places[::2], places[1::2], strict=True):
        edit = Edit(start, end, draw(st.text("xyz\n", max_size=3)))
        if not any(edit.meets(other) for other in edits):
            edits.append(edit)
    return text, edits


@given(BYTES)
def test_bytes_survive(data: bytes) -> None:
    source = Source.of("f", data)
    assert source.data == data
    assert source.apply([]).data == data
    assert source.bom in (b"", b"\xef\xbb\xbf")
    assert not source.text.startswith("\ufeff") or data.startswith(b"\xef\xbb\xbf\xef\xbb\xbf")


@given(BYTES, st.data())
def test_bytes_outside_of_edits_survive(data: bytes, draw: st.DataObject) -> None:
    source = Source.of("f", data)
    start = draw.draw(st.integers(0, len(source.text)))
    end = draw.draw(st.integers(start, len(source.text)))
    before, after = source.text[:start], source.text[end:]
    new = source.apply([Edit(start, end, "NEW")])
    assert new.data == source.bom + b"NEW".join(text.encode("utf-8", "surrogateescape") for text in (before, after))


@given(texts_with_edits())
def test_apply_replaces_each_span_once(given: tuple[str, list[Edit]]) -> None:
    text, edits = given
    expected = list(text) + [""]
    for edit in edits:
        expected[edit.start] = edit.text + (expected[edit.start] if edit.start == edit.end else "")
        for place in range(edit.start + 1, edit.end):
            expected[place] = ""
    assert apply(text, edits) == apply(text, [*edits, *edits]) == apply(text, reversed(edits)) == "".join(expected)


def test_overlapping_edits_are_refused() -> None:
    with pytest.raises(ValueError, match="overlaps"):
        apply("abcdef", [Edit(0, 3, "x"), Edit(2, 4, "y")])
    with pytest.raises(ValueError, match="overlaps"):
        apply("abcdef", [Edit(2, 2, "x"), Edit(2, 2, "y")])
    assert apply("abcdef", [Edit(0, 3, "x"), Edit(3, 6, "y")]) == "xy"


@given(
    st.lists(
        st.lists(
            st.builds(lambda a, b, t: Edit(a, a + b, t), st.integers(0, 20), st.integers(0, 4), st.sampled_from("xy")),
            max_size=3,
        ).map(tuple),
        max_size=8,
    )
)
def test_groups_are_whole_and_first_come(groups: list[tuple[Edit, ...]]) -> None:
    answers = compatible(groups)
    taken: list[Edit] = []
    for group, answer in zip(groups, answers, strict=True):
        together = list(dict.fromkeys([*taken, *group]))
        fits = not any(a.meets(b) for i, a in enumerate(together) for b in together[:i])
        assert answer == fits
        taken = together if fits else taken
    apply("." * 30, taken)


@st.composite
def traced(draw: st.DrawFn) -> tuple[str, Traced]:
    """A text of words between semicolons, and the string that is read from some of them."""
    words = draw(st.lists(st.text("abc", max_size=3), min_size=1, max_size=5))
    text, runs = ";", []
    for word in words:
        runs.append((len(text), len(text) + len(word)))
        text += word + ";"
    return text, Traced("".join(words), tuple(runs))


@given(traced(), st.data())
def test_rewritten_text_reads_as_asked(given: tuple[str, Traced], draw: st.DataObject) -> None:
    text, string = given
    start = draw.draw(st.integers(0, len(string.value)))
    stop = draw.draw(st.integers(start, len(string.value)))
    new = draw.draw(st.text("xyz", max_size=4))
    changed = apply(text, string.replace(start, stop, new))
    assert "".join(changed.split(";")) == string.value[:start] + new + string.value[stop:]
    assert changed.count(";") == text.count(";")


@given(traced(), st.data())
def test_a_cut_is_read_from_its_runs(given: tuple[str, Traced], draw: st.DataObject) -> None:
    text, string = given
    start = draw.draw(st.integers(0, len(string.value)))
    stop = draw.draw(st.integers(start, len(string.value)))
    middle = string.cut(start, stop)
    assert middle.value == string.value[start:stop] == "".join(text[a:b] for a, b in middle.spans)
    whole = Traced.join([string.cut(0, start), middle, string.cut(stop, len(string.value))])
    assert whole.value == string.value == "".join(text[a:b] for a, b in whole.spans)


def test_a_string_without_a_source_cannot_be_rewritten() -> None:
    joined = Traced.join([Traced.of("abc", 0, 1), Traced("x", ())])
    assert joined == Traced("ax", ())
    with pytest.raises(ValueError, match="no source"):
        joined.replace(0, 1, "y")


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"FROM a\0", "binary"), ("FROM a".encode("utf-16"), "UTF-16"), (b"#" * 5_000_001, "larger than 5 MB")],
)
def test_what_is_no_text_is_said(data: bytes, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        Source.of("f", data)


def test_positions_count_code_points_from_one() -> None:
    source = Source.of("f", "\ufeffé𝄞x\r\ny\rz\n".encode())
    assert [source.position(source.text.index(ch)) for ch in "éxyz"] == [(1, 1), (1, 3), (2, 1), (2, 3)]
