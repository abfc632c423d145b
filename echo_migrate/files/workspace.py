"""Caches of what a run reads of the tree besides the files themselves, valid for one run.

A long-lived process (a language server, a job over many repositories) makes many runs, and files change in between.
"""

from collections.abc import Callable
from functools import _lru_cache_wrapper, lru_cache
from typing import Any, TypeVar

_Answer = TypeVar("_Answer")
_kept: "list[_lru_cache_wrapper[Any]]" = []


def of_a_run(most: int) -> "Callable[[Callable[..., _Answer]], _lru_cache_wrapper[_Answer]]":
    """Return a decorator that caches up to ``most`` results of a function until ``begin`` is called."""

    def keep(function: Callable[..., _Answer]) -> "_lru_cache_wrapper[_Answer]":
        kept = lru_cache(maxsize=most)(function)
        _kept.append(kept)
        return kept

    return keep


def begin() -> None:
    """Clear the caches of the previous run."""
    for one in _kept:
        one.cache_clear()
