"""Questions that wait for something else, asked several at a time by threads."""

from collections.abc import Callable, Iterable
from typing import TypeVar

_Item = TypeVar("_Item")
_Found = TypeVar("_Found")


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
            return list(pool.map(ask, items))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            if leave:
                leave()
            raise
