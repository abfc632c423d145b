"""Questions that wait for something else, asked several at a time by threads."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future

_Item = TypeVar("_Item")
_Found = TypeVar("_Found")

_LOOK = 0.2
"""The seconds between two looks for a signal: one that arrives as a wait begins, or in another thread, ends no wait."""


def at_once(
    ask: Callable[[_Item], _Found], items: Iterable[_Item], most: int, leave: Callable[[], object] | None = None
) -> list[_Found]:
    """Return what a function returns for each item, in their order; ``most`` are asked for at a time.

    Raises what it raises. After that, or an interrupt, nothing more is asked for; ``leave`` then makes what threads
    still wait for end.
    """
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(most) as pool:
        try:
            return [awaited(future) for future in [pool.submit(ask, item) for item in items]]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            if leave:
                leave()
            raise


def awaited(future: "Future[_Found]") -> _Found:
    """Return the result of a future, for however long it takes, or raise what it raised. A signal ends the wait."""
    from concurrent.futures import wait

    while not future.done():  # one that is cancelled is done, and no wait says so
        wait([future], _LOOK)
    return future.result()
