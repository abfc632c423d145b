"""The second reader notices what a faulty reading or a faulty edit would do."""

from echo_migrate.formats import dockerfile
from echo_migrate.instructions import read
from echo_migrate.source import Source
from echo_migrate.witness import disagreement

TEXT = "FROM a:1\nRUN b \\\n  c\nRUN d\n"
SOURCE = Source("Dockerfile", TEXT)


def test_a_missed_instruction_is_seen() -> None:
    file = read(TEXT)
    assert disagreement(SOURCE, file) is None
    blind = file._replace(instructions=(file.instructions[0], file.instructions[2]))
    assert disagreement(SOURCE, blind) == "a second reader does not see RUN on line 4 as we do"


def test_an_edit_that_glues_two_lines_is_seen() -> None:
    glued = Source("Dockerfile", TEXT.replace("a:1\n", "a:1 \\\n"))
    assert disagreement(glued, read(TEXT)) is not None
    assert dockerfile.verify(SOURCE, glued) == "an instruction would appear, vanish or become another"


def test_a_changed_command_is_seen() -> None:
    assert dockerfile.verify(SOURCE, Source("Dockerfile", TEXT.replace("c\n", "e\n"))) == "a RUN command would change"
    assert dockerfile.verify(SOURCE, Source("Dockerfile", TEXT.replace("a:1", "b:2"))) is None
    unclosed = Source("Dockerfile", TEXT.replace("RUN d", "RUN <<d"))
    assert dockerfile.verify(SOURCE, unclosed) == "the changed file has a heredoc that d does not end"
