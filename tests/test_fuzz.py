"""A few examples of each fuzzing target; CONTRIBUTING says how to run more."""

import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.fuzz.engines import by_hypothesis
from tests.fuzz.targets import targets

EXAMPLES = 40
pytestmark = pytest.mark.uncovered  # the cases cover what it runs, in a third of the time


@pytest.mark.parametrize("name", targets())
def test_no_text_breaks_a_law(name: str) -> None:
    by_hypothesis(name, EXAMPLES, seed=1)


def test_each_target_has_texts_to_begin_with() -> None:
    assert not [name for name, target in targets().items() if not target.seeds]


def test_the_command_runs_a_target() -> None:
    command = [sys.executable, "-m", "tests.fuzz", "patch", "--here", "--seconds", "1"]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == 0
