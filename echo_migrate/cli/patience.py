"""Requests to a forge: patient, and never twice, nor for what is there already.

A request that is refused for its rate is made again when the forge says so, one that is not answered after a while. A
request that creates something is only repeated once a look shows that it is not there.
"""

import time
from collections.abc import Callable
from typing import NamedTuple, TypeVar

LONGEST = 120.0
"""The longest time that is waited for one answer, in seconds."""

AN_HOUR = 3700.0
"""The same where nobody waits: forges count requests by the hour, and a run over many repositories meets the limit."""

_TRIES = 4
T = TypeVar("T")


class Failed(Exception):
    """A forge did not do what was asked. ``status`` is 0 where it did not answer, and ``rate`` says that it was asked
    too often; the message is in our words alone."""

    def __init__(self, message: str, status: int = 0, rate: bool = False) -> None:
        super().__init__(message)
        self.status, self.rate = status, rate


def reads(there: str, text: str) -> bool:
    """Return whether a text at a forge reads so already: a forge may give line ends back otherwise."""
    return there.replace("\r\n", "\n").strip() == text.strip()


class Trouble(NamedTuple):
    """What an exception of a client means: the failure, after how many seconds the request can be made again (None:
    never; -1: as after any that was not answered), and whether it may have been done all the same."""

    failure: Failed
    wait: float | None = -1.0
    unsure: bool = True


def patiently(
    call: Callable[[], T],
    trouble: Callable[[Exception], Trouble | None],
    there: Callable[[], T | None] | None = None,
    longest: float = LONGEST,
) -> T:
    """Return what a call gives, made again while the forge asks to wait or does not answer. Raises ``Failed``.

    ``trouble`` tells what an exception means, None if it is none of the client's. With ``there``, the call creates
    something: it is not repeated if that finds what may have been created after all.
    """
    failure = Failed("the forge did not answer")
    for attempt in range(_TRIES):
        try:
            return call()
        except Exception as error:
            found = trouble(error)
            if found is None:
                raise
            failure = found.failure
        wait = 2.0**attempt if found.wait == -1.0 else found.wait
        if wait is None or wait > longest or attempt == _TRIES - 1:
            break
        time.sleep(wait)
        if there is not None and found.unsure and (made := there()) is not None:
            return made
    raise failure
