"""What makes the texts of a target: hypothesis draws changes, and atheris is guided by the branches that they reach.

Both write a text that breaks a law into ``build/fuzz``: hypothesis the smallest that it finds, atheris the first.
"""

import sys
import tempfile
import time
from pathlib import Path
from random import Random

from tests.fuzz.trees import Tree, changed, dumped, loaded

OUT = Path(__file__).parent.parent.parent / "build" / "fuzz"
LONGEST = 200_000
SEEDS = 60
"""Of the seeds, how many are run before anything is changed: each costs time, and a Dockerfile has hundreds."""
CPU_SECONDS = 20
"""What one text may cost in a long run: a pattern that backtracks calls no function, so that counted calls miss it."""


def by_hypothesis(name: str, examples: int, seed: int) -> None:
    """Check so many changed trees of a target. Raises what a law raises."""
    import hypothesis
    from hypothesis import strategies as st

    from tests.fuzz.targets import targets

    target = targets()[name]
    slow = list(hypothesis.HealthCheck)

    @hypothesis.seed(seed)
    @hypothesis.settings(max_examples=examples, deadline=None, database=None, suppress_health_check=slow)
    @hypothesis.given(st.sampled_from(target.seeds), st.randoms(use_true_random=False))
    def holds(tree: Tree, random: Random) -> None:
        tree = changed(tree, target.seeds, random)
        try:
            target.check(tree)
        except BaseException:
            OUT.mkdir(parents=True, exist_ok=True)
            (OUT / name).write_bytes(dumped(tree))
            raise

    holds()


def by_atheris(name: str, seconds: int, seed: int) -> None:
    """Check changed trees of a target for so many seconds, and end the process: with 0 if every law held."""
    import atheris

    with atheris.instrument_imports(include=["echo_migrate"]):
        from tests.fuzz.targets import targets

        target = targets()[name]
        seeds = Random(seed).sample(target.seeds, min(SEEDS, len(target.seeds)))
        for tree in seeds[:10]:  # what is imported only when it is needed counts too
            target.check(tree)

    def check(data: bytes) -> None:
        if tree := loaded(data):
            before = time.process_time()
            target.check(tree)
            used = time.process_time() - before
            assert used < CPU_SECONDS, f"{used:.1f} s of CPU time, where {CPU_SECONDS} are the budget"

    def change(data: bytes, most: int, seed: int) -> bytes:
        random = Random(seed)
        made = dumped(changed(loaded(data) or random.choice(target.seeds), target.seeds, random))
        return made if len(made) <= most else data

    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as corpus:
        for number, tree in enumerate(seeds):
            (Path(corpus) / str(number)).write_bytes(dumped(tree))
        options = [
            f"-max_total_time={seconds}",
            f"-seed={seed}",
            f"-max_len={LONGEST}",
            "-len_control=0",
            "-timeout=60",
        ]
        atheris.Setup([sys.argv[0], *options, f"-artifact_prefix={OUT}/{name}-", corpus], check, custom_mutator=change)
        atheris.Fuzz()
