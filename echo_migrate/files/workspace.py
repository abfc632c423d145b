"""What a run has read of the tree beside the files themselves, kept as long as the run and no longer.

A program that lives for hours (an editor's server, a job over many repositories) calls for one run after the other, and
files change in between.
"""

from collections.abc import Callable
from functools import _lru_cache_wrapper, lru_cache
from typing import Any, TypeVar

_Answer = TypeVar("_Answer")
_kept: "list[_lru_cache_wrapper[Any]]" = []


def of_a_run(most: int) -> "Callable[[Callable[..., _Answer]], _lru_cache_wrapper[_Answer]]":
    """Keep what a function answers, for at most so many questions, until ``begin``."""

    def keep(function: Callable[..., _Answer]) -> "_lru_cache_wrapper[_Answer]":
        kept = lru_cache(maxsize=most)(function)
        _kept.append(kept)
        return kept

    return keep


def begin() -> None:
    """Forget what the run before has read."""
    for one in _kept:
        one.cache_clear()
