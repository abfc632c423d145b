"""How much work one file may be, so that a text that was made to stall a run costs seconds.

What is known to grow faster than a text has bounds where it is read; this is for what nobody knows of yet.
"""

import contextlib
import resource
import signal
import time
from collections.abc import Iterator
from threading import current_thread, main_thread
from typing import TYPE_CHECKING

from echo_migrate.files.source import TooMuch

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

SECONDS = 10
"""Of a processor. No file of 61,455 in public repositories needs them all."""

BESIDE = 2
"""The same for what is read beside a file: a neighbour, which many files may have."""

MEMORY = 1_000_000_000
"""Bytes, beside what the process had."""

_PIECE = 65_536
_EVERY = 0.25
"""Seconds of a processor between two looks: no more than some 100 MB can be taken meanwhile."""


class Spent(BaseException):
    """What a file may use is used up; the message says of what. No ``Exception``, so that no reader keeps it."""


def exceeded(seconds: float, memory: int) -> str | None:
    """Return why work must end that took these seconds of a processor and bytes of memory, or None."""
    if seconds > SECONDS:
        return f"it takes more than {SECONDS} seconds of a processor"
    if memory > MEMORY:
        return f"it takes more than {MEMORY // 1_000_000_000} GB of memory"
    return None


class _Watch:
    """What is noted of the file that is read: why it must end, and whether that can be raised now."""

    reason: str | None = None
    raising: bool = True
    neighbour: float | None = None
    """When the processor's time for the neighbour that is read began."""
    spared: float = 0.0
    """Seconds that went into neighbours, and are not the file's own."""


_watch = _Watch()


@contextlib.contextmanager
def bounded() -> Iterator[None]:
    """Raise ``Spent`` within a block that uses more than a file may. Other threads than the main one get no signals."""
    if current_thread() is not main_thread():
        yield
        return
    began = time.process_time()
    held: list[int] = []

    def look(*_: object) -> None:
        now, memory = time.process_time(), _memory()
        held.append(memory)
        late = _watch.neighbour is not None and now - _watch.neighbour > BESIDE
        beside = _watch.spared + (0 if _watch.neighbour is None else now - _watch.neighbour)
        _watch.reason = exceeded(now - began - beside, memory - held[0]) or (_LATE if late else None)
        if _watch.reason and _watch.raising:
            raise Spent(_watch.reason)

    before = signal.signal(signal.SIGPROF, look)
    signal.setitimer(signal.ITIMER_PROF, _EVERY, _EVERY)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
        _watch.reason = None  # what is read outside of a block is not ended by it
        _watch.spared = 0.0


@contextlib.contextmanager
def beside() -> Iterator[None]:
    """Raise ``TooMuch`` within a block, in one that is ``bounded``, that reads a neighbour for longer than it may take.

    What is said of such a neighbour can be kept, so that it costs its time once a run, and not once for each file that
    lies beside it.
    """
    above = _watch.neighbour
    _watch.neighbour = time.process_time() if above is None else above
    try:
        yield
    except Spent as error:
        if above is not None or error.args != (_LATE,):
            raise
        raise TooMuch(_LATE) from None
    except RecursionError:
        raise TooMuch("to be read beside another, it is nested too deep") from None
    finally:
        if above is None and _watch.neighbour is not None:
            _watch.spared += time.process_time() - _watch.neighbour
        _watch.neighbour = above
        if above is None and _watch.reason == _LATE:
            _watch.reason = None  # what is read next is another


_LATE = f"to be read beside another, it takes more than {BESIDE} seconds of a processor"


def parse(parser: "Parser", data: bytes) -> "Node":
    """Return the root of what a grammar makes of a text. Raises ``Spent``.

    A grammar runs for as long as it takes, and looks long for what a faulty text could be. Between two of its steps it
    asks whether to go on: there a signal is heard, which must not be raised through it.
    """
    _watch.raising = False
    try:
        return parser.parse(
            lambda offset, _: data[offset : offset + _PIECE], progress_callback=lambda *_: _watch.reason is not None
        ).root_node
    except ValueError:
        parser.reset()
        raise Spent(_watch.reason or "its grammar gave up") from None
    finally:
        _watch.raising = True


def _memory() -> int:
    """Return the memory that the process has now, in bytes; elsewhere than on Linux the most that it had."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
