"""A COPY or ADD: what it takes, from where, and to where."""

from typing import NamedTuple

from echo_migrate.dockerfile.parser import Instruction
from echo_migrate.files.source import Traced


class Copy(NamedTuple):
    """A COPY or ADD: ``origin`` is the stage or image it takes from, "" for the build context; ``written`` is its last
    word, ``target`` the absolute path that this is, None where it is not known."""

    instruction: Instruction
    origin: str
    sources: tuple[Traced, ...]
    written: Traced
    target: str | None
