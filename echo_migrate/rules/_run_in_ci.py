"""What scripts and workflows of a tree do with the image that a Dockerfile makes: run its tests, or build in it."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Unreadable, contents
from echo_migrate.files.tree import absolute, names_in, top
from echo_migrate.files.workspace import of_a_run

_CHECKS = lazy_regex(
    r"\bdocker[ -](?:compose )?(?:run|exec)\b[^\n]{0,300}?[ '\"]"
    r"(?:eslint|jest|mypy|phpunit|pytest|rspec|rubocop|ruff|vitest"
    r"|(?:bun|composer|make|npm|pnpm|poe|yarn) (?:run )?[\w:-]{0,40}(?:check|lint|test))(?![\w.])",
    needs=("docker",),
)
_IS_A_BUILDER = lazy_regex(r"\s(?:-t|--tag)[ =][\"']?[\w./-]{0,200}builder(?![\w-])", needs=("builder",))
_MOST = 64
_LARGEST = 200_000


def runs_checks(path: str) -> bool:
    """Return whether a workflow that names the folder of a Dockerfile runs tests or linters in a container."""
    root = top(path)
    folder = os.path.relpath(os.path.dirname(absolute(path)), root)
    named = re.compile(rf"(?<![\w.-])(?:\./)?{re.escape(folder)}(?![\w-])") if folder != "." else re.compile("")
    workflows = _texts(os.path.join(root, ".github", "workflows"), (".yml", ".yaml"))
    return any(_CHECKS.search(text) and named.search(text) for text in workflows)


def is_a_builder(path: str) -> bool:
    """Return whether a script beside a Dockerfile gives what that makes the name of a builder."""
    name = os.path.basename(path)
    scripts = _texts(os.path.dirname(absolute(path)), (".sh",))
    return any(name in text and _IS_A_BUILDER.search(text) for text in scripts)


@of_a_run(64)
def _texts(folder: str, endings: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_read(folder, endings))


def _read(folder: str, endings: tuple[str, ...]) -> Iterator[str]:
    for name in sorted(one for one in names_in(folder) if one.endswith(endings))[:_MOST]:
        with suppress(Unreadable):
            data = contents(os.path.join(folder, name))
            yield data[:_LARGEST].decode("utf-8", "replace")
