"""Instructions against BuildKit's own parser (the package ``dockerfile`` wraps it)."""

import dockerfile
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from echo_migrate.dockerfile.parser import VERBS, Dockerfile, read
from echo_migrate.dockerfile.second_reader import mismatch
from echo_migrate.files.source import Source
from echo_migrate.formats.dockerfile import parse
from echo_migrate.model import Problem
from tests.pages import PAGES, cases

HAND_WRITTEN = [case.text for page in PAGES for case in cases(page) if case.path == "Dockerfile"] + [
    "FROM a:1",
    "\ufeffFROM a:1\nRUN b\n",
    "FROM a:1\r\nRUN b \\\r\n  # c\r\n  d\r\n",
    "FROM a:1\nRUN b\f c\x0bd\n",
    "  FROM a:1\n\n\n \t\nRUN  b  \n",
    "FROM a:1\nRUN cat <<A <<'B' > /c\n1\nA\n2\nB\nRUN d\n",
    "FROM a:1\nRUN cat <<-A\n\t1\n\t\tA\nRUN d\n",
    "FROM a:1\nRUN 3<<A cat\n1\nA\nRUN d\n",
    'FROM a:1\nCOPY ["<<A", "b"]\nRUN d\n',
    'FROM a:1\nRUN ["cat", "<<A"]\nRUN d\n',
    'FROM a:1\nRUN echo "it\'s" <<A\n1\nA\n',
    "FROM a:1\nRUN echo ${x:-<<A}\nRUN d\n",
    "FROM a:1\nLABEL a=<<A\nCMD <<A\nRUN d\n",
    "FROM a:1\nADD <<A /b\n1\nA\nonbuild copy <<A /b\nFROM c\nA\n",
    "FROM a:1\nRUN b \\\n\\\n  c\n\\\nRUN d\n",
    "FROM a:1\nRUN b \\\\\\\nRUN c\n",
    "FROM a:1\nRUN b # c \\\n  d\n",
    "FROM a:1\nRUN b \\\n# c \\\n  d\n",
    "# escape=`\nFROM a:1\nRUN b `\n  c\\\nRUN d``\nRUN e\n",
    "#escape = `   \nFROM a:1\nRUN b `\n  c\n",
    "\n# escape=`\nFROM a:1\nRUN b `\nRUN c\n",
    "# syntax=x\n# escape=`\nFROM a:1\nRUN b `\n c\n",
    "# unknown=x\n# escape=`\nFROM a:1\nRUN b `\nRUN c\n",
    "FROM --platform=linux/amd64 'a:1' AS b\nRUN --mount=type=bind,from=c,target=/d --network=none e -- f\n",
    'FROM a\nCOPY --from="b c" --chown=1:\\ 1 d e\nRUN --a=b --\\\n c\n',
    'ARG A=1 B=\'2 3\' C="4 \\" 5" D=a\\ b E\nFROM a\n',
    "FROM a\nRUN b \\",
    "FROM a\n\u2028RUN b\n\u00a0RUN c\n",
    "FROM a\nRUN echo é𝄞\n# ü\n",
]
FRAGMENTS = [
    "FROM a:1",
    "from b AS c",
    "RUN d",
    "RUN <<A",
    "RUN e <<-'A B' <<C",
    "A",
    "\tA B",
    "C",
    "COPY --from=c d e",
    "ONBUILD RUN <<A",
    "ARG X=1 Y='2 3'",
    "ENV k v",
    "# note",
    "  # in",
    "\\",
    " \\",
    " \\\\",
    "`",
    "",
    " ",
    "\n",
    "\r\n",
    "\n",
    "\n",
    "\\\n",
    "# escape=`\n",
    "# syntax=x\n",
    "\t",
    '"',
    "'",
    "${x",
    "<<<",
    "RUN --mount=type=bind,from=q",
    'CMD ["a"]',
]


def theirs(text: str) -> list[tuple[str, int, int]] | None:
    try:
        return [
            ((step.cmd or "").lower(), step.start_line, step.end_line)
            for step in dockerfile.parse_string(text.removeprefix("\ufeff"))
        ]
    except dockerfile.GoParseError:
        return None


def ours(text: str) -> tuple[Source, Dockerfile, list[tuple[str, int, int]]]:
    source = Source.of("Dockerfile", text.encode())
    file = read(source.text)
    return source, file, [(i.verb, source.position(i.start)[0], source.position(i.end)[0]) for i in file.instructions]


@pytest.mark.parametrize("text", [text for text in HAND_WRITTEN if "# check" not in text])
def test_hand_written(text: str) -> None:
    source, file, steps = ours(text)
    expected = theirs(text)
    if expected is None:
        assert any(isinstance(node, Problem) for node in parse(source))
        return
    assert file.broken is None
    assert steps == expected
    for step, instruction in zip(dockerfile.parse_string(text.removeprefix("\ufeff")), file.instructions, strict=True):
        if instruction.verb in ("from", "arg"):
            words = instruction.words() if instruction.verb == "from" else instruction.arguments()
            assert [word.value for word in words] == list(step.value)
        if instruction.verb == "run" and not step.json:
            assert (instruction.args.value,) == step.value
        if instruction.verb != "onbuild":
            flags = [f"--{flag.name}" + f"={flag.value.value}" * bool(flag.value.value) for flag in instruction.flags]
            assert flags == list(step.flags)
    if all(verb in VERBS for verb, *_ in steps):
        assert mismatch(source, file) is None


@settings(max_examples=400)
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=14).map("".join))
def test_generated(text: str) -> None:
    _, file, steps = ours(text)
    expected = theirs(text)
    if expected is not None:
        assert file.broken is None
        assert steps == expected


@given(st.text(st.sampled_from("FROMRUNArun<<-'\"\\`#= \t\r\n${}é\x85\udcff"), max_size=60))
def test_reading_never_raises_and_every_run_is_read_from_its_place(text: str) -> None:
    source = Source("Dockerfile", text)
    for node in parse(source):
        assert node.start <= node.end <= len(text)
    for instruction in read(text).instructions:
        runs = "".join(text[start:end] for start, end in instruction.args.spans)
        assert runs == instruction.args.value


def test_the_check_directive_comes_before_escape_in_any_order() -> None:
    file = read("# check=skip=all\n# escape=`\nFROM a\nRUN b `\n c\n")
    assert (file.escape, [i.verb for i in file.instructions]) == ("`", ["from", "run"])


def test_blanks_may_stand_before_a_heredocs_name() -> None:
    """As newer BuildKit reads it (shell/lex.go, processPossibleHeredoc); the wrapped parser is older."""
    assert [i.verb for i in read("FROM a\nRUN cat << A\nFROM b\nA\nRUN c\n").instructions] == ["from", "run", "run"]


def test_a_long_file_is_read_in_a_time_that_grows_with_its_length() -> None:
    text = "FROM a\n" + "RUN b \\\n  c\n" * 50_000
    assert len(read(text).instructions) == 50_001
