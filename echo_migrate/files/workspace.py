"""Caches of what a run reads of the tree besides the files themselves, valid for one run.

A long-lived process (a language server, a job over many repositories) makes many runs, and files change in between.
"""

from collections.abc import Callable
from functools import _lru_cache_wrapper, lru_cache
from typing import Any, TypeVar

_Asked = TypeVar("_Asked")
_Answer = TypeVar("_Answer")
_kept: "list[_lru_cache_wrapper[Any]]" = []


def of_a_run(most: int) -> "Callable[[Callable[..., _Answer]], _lru_cache_wrapper[_Answer]]":
    """Return a decorator that caches up to ``most`` results of a function until ``begin`` is called."""

    def keep(function: Callable[..., _Answer]) -> "_lru_cache_wrapper[_Answer]":
        kept = lru_cache(maxsize=most)(function)
        _kept.append(kept)
        return kept

    return keep


def of_the_last(function: Callable[[_Asked], _Answer]) -> Callable[[_Asked], _Answer]:
    """Return a function that keeps its answer for the object that it was asked of last: of one that takes long to hash,
    and is asked of many times in a row. The pair is replaced as a whole, as several threads may ask."""
    last: list[tuple[_Asked, _Answer]] = []

    def answer(asked: _Asked) -> _Answer:
        pair = last[0] if last else None
        if pair is None or pair[0] is not asked:
            pair = (asked, function(asked))
            last[:] = [pair]
        return pair[1]

    return answer


def begin() -> None:
    """Clear the caches of the previous run."""
    for one in _kept:
        one.cache_clear()
