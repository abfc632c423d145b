"""The tests that a command runs with pytest, by itself or through what calls it (tox, nox, Hatch).

Follows docs.pytest.org, "How to invoke pytest" and "Conventions for Python test discovery"; tox.wiki, nox.thea.codes
and hatch.pypa.io, "Testing".
"""

from collections.abc import Iterator
from itertools import pairwise

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.shell.commands import Command

TESTS = ":tests"
"""What stands for the target of a makefile in a call of tests, as no target has such a name."""

_PYTEST = frozenset(("py.test", "pytest"))
_SESSIONS = frozenset(("nox", "tox"))
_CHOICE = lazy_regex(r"-e|-s|--sessions?|--envs?")
_RUNNERS = lazy_regex(r"coverage|hatch|pdm|pipenv|pixi|poetry|python[\d.]*|rye|uvx?")
_VALUED = frozenset(("-c", "-k", "-m", "-n", "-o", "-p", "-r", "-W", "--cov", "--ignore", "--rootdir", "--timeout"))
_PYTHON_TESTS = lazy_regex(
    r"(?i)(?:.*/)?(?:(?:e2e|integration)?[-_]?tests?|testing)/.*|(?:.*/)?(?:test_[^/]*|[^/]*_test|conftest)\.py"
)


def tested(command: Command) -> Iterator[str]:
    """Yield the folders or files whose tests a command runs, as written; "" for those of the folder that it is in."""
    words = [word.value for word in command.words]
    if command.name == "hatch" and words[1:2] == ["test"]:
        yield from _given(words[2:])
        return
    runs = bool(_RUNNERS.fullmatch(command.name)) and (
        command.name == "uvx" or not {"run", "-m"}.isdisjoint(words[1:4])
    )
    at = next((at for at, word in enumerate(words) if word in _PYTEST | _SESSIONS), None) if runs else 0
    name = command.name if at == 0 else words[at] if at else ""
    if name in _PYTEST and at is not None:
        yield from _given(words[at + 1 :])
    elif name in _SESSIONS and not _chooses_others(words):
        yield ""


def _given(words: list[str]) -> list[str]:
    paths = [
        word.partition("::")[0]
        for before, word in zip(("", *words), words, strict=False)
        if not word.startswith("-") and before not in _VALUED
    ]
    return paths or [""]


def _chooses_others(words: list[str]) -> bool:
    """Return whether a command names sessions none of which is of tests, by its name."""
    chosen = [after for word, after in pairwise(words) if _CHOICE.fullmatch(word)]
    return bool(chosen) and not any(part in one for one in chosen for part in ("py", "test", "$"))


def is_read(own: str, path: str) -> bool:
    """Return whether a file is one of tests, and below a path that pytest is given: both from the top, a path after
    ``**/`` from any folder, "" for all."""
    name = path.removeprefix("**/")
    if not _PYTHON_TESTS.fullmatch(own):
        return False
    below = f"{own}/".startswith(f"{name}/") if name == path else f"/{name}/" in f"/{own}/"
    helper = own.endswith("conftest.py") and name.startswith(own.removesuffix("conftest.py"))
    return not name or below or helper
