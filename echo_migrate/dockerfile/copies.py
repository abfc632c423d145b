"""COPY and ADD instructions: sources, origin and target."""

from typing import NamedTuple

from echo_migrate.dockerfile.parser import Instruction
from echo_migrate.files.source import Traced


class Copy(NamedTuple):
    """A COPY or ADD: ``origin`` is the stage or image it copies from, "" for the build context; ``written`` is its last
    word, and ``target`` the absolute path of that, None if not known."""

    instruction: Instruction
    origin: str
    sources: tuple[Traced, ...]
    written: Traced
    target: str | None
