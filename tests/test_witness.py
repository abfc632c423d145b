"""The second reader notices what a faulty reading or a faulty edit would do."""

import pytest

from echo_migrate.dockerfile.parser import read
from echo_migrate.dockerfile.second_reader import mismatch
from echo_migrate.files.source import Edit, Source
from echo_migrate.formats import dockerfile

TEXT = "FROM a:1\nRUN b \\\n  c\nRUN d\n"
SOURCE = Source("Dockerfile", TEXT)


def test_a_missed_instruction_is_seen() -> None:
    file = read(TEXT)
    assert mismatch(SOURCE, file) is None
    blind = file._replace(instructions=(file.instructions[0], file.instructions[2]))
    assert mismatch(SOURCE, blind) == "a second reader does not see RUN on line 4 as we do"


def test_an_edit_that_glues_two_lines_is_seen() -> None:
    glued = Source("Dockerfile", TEXT.replace("a:1\n", "a:1 \\\n"))
    assert mismatch(glued, read(TEXT)) is not None
    assert (
        dockerfile.verify(SOURCE, glued, [Edit(8, 8, " \\")]) == "an instruction would appear, vanish or become another"
    )


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("a:1", "b:2", None),
        ("c\n", "e\n", "a RUN would no longer run all that it does"),
        ("c\n", "c -y && rm -rf x\n", None),
        ("c\n", "c && (\n", "a RUN would no longer run all that it does"),
        ("RUN d", "RUN <<d", "the changed file has a heredoc that d does not end"),
        ("rm x", "rm -rf /", "a RUN would no longer run all that it does"),
        ("rm x", "rm -f x", None),
        ("ONBUILD RUN y", "ONBUILD RUN z", "a RUN would no longer run all that it does"),
        ("f && g", "f -x && g", None),
        ("f && g", "f", "a RUN would no longer run all that it does"),
        ("f && g", "f && h", "a RUN would no longer run all that it does"),
        ("'i'", "'i -y'", "a RUN would no longer run all that it does"),
        (" AS s", " AS t", "more of FROM would change than its image"),
        ("# note", "# nota", "a comment would change"),
        ("CMD z", "CMD y", "CMD would change, which no edit touches"),
    ],
)
def test_only_an_image_may_change_and_a_run_only_gains(old: str, new: str, says: str | None) -> None:
    text = (
        TEXT.replace("a:1", "a:1 AS s")
        + "# note\nRUN <<E\nrm x\nE\nONBUILD RUN y\nCMD z\nRUN echo 'f && g' | sh && echo 'i'\n"
    )
    place = text.index(old)
    edits = [] if old.startswith("CMD") else [Edit(place, place + len(old), new)]
    assert dockerfile.verify(Source("Dockerfile", text), Source("Dockerfile", text.replace(old, new)), edits) == says
