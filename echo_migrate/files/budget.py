"""Time and memory limits per file, so that a text crafted to stall a run costs only seconds.

Known cases of superlinear growth are bounded where they are read; these limits cover the unknown ones.
"""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from threading import current_thread, main_thread
from typing import TYPE_CHECKING

from echo_migrate.files.source import TooMuch

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

SECONDS = 10
"""The limit of CPU time per file, in seconds. None of 61,455 files in public repositories reaches it."""

BESIDE = 2
"""The limit of CPU time in seconds for a related file that is read along with a file, and that many may share."""

MEMORY = 1_000_000_000
"""The limit of additional memory per file, in bytes."""

_PIECE = 65_536
_EVERY = 0.25
"""Seconds of CPU time between two checks, in which about 100 MB at most can be allocated."""


class Spent(BaseException):
    """A file exceeded a limit; the message says which. Not an ``Exception``, so that no reader swallows it."""


def exceeded(seconds: float, memory: int) -> str | None:
    """Return why work that took this CPU time in seconds and memory in bytes must end, or None if it may go on."""
    if seconds > SECONDS:
        return f"it takes more than {SECONDS} seconds of a processor"
    if memory > MEMORY:
        return f"it takes more than {MEMORY // 1_000_000_000} GB of memory"
    return None


class _Watch:
    """The state of the file being read: why reading must end, and whether ``Spent`` can be raised now."""

    reason: str | None = None
    raising: bool = True
    neighbour: float | None = None
    """The CPU time at which reading of the current related file began."""
    spared: float = 0.0
    """CPU time in seconds spent on related files, which does not count towards the limit of the file."""


_watch = _Watch()


@contextlib.contextmanager
def bounded() -> Iterator[None]:
    """Raise ``Spent`` in a block that exceeds the limits. No effect outside the main thread, which gets no signals, and
    on Windows, which has none for it."""
    if not _watches() or not hasattr(signal, "setitimer"):
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
        _watch.reason = None  # must not end what is read outside the block
        _watch.spared = 0.0


@contextlib.contextmanager
def beside() -> Iterator[None]:
    """Raise ``TooMuch`` in a block, inside a ``bounded`` one, that reads a related file for longer than ``BESIDE``.

    Callers can cache that result, so that a slow file costs its time once per run, and not once per file that uses it.
    Outside the main thread, only for one that is nested too deep.
    """
    if not _watches():
        try:
            yield
        except RecursionError:
            raise TooMuch(_DEEP) from None
        return
    above = _watch.neighbour
    _watch.neighbour = time.process_time() if above is None else above
    try:
        yield
    except Spent as error:
        if above is not None or error.args != (_LATE,):
            raise
        raise TooMuch(_LATE) from None
    except RecursionError:
        raise TooMuch(_DEEP) from None
    finally:
        if above is None and _watch.neighbour is not None:
            _watch.spared += time.process_time() - _watch.neighbour
        _watch.neighbour = above
        if above is None and _watch.reason == _LATE:
            _watch.reason = None  # must not end the next file


_DEEP = "to be read beside another, it is nested too deep"
_LATE = f"to be read beside another, it takes more than {BESIDE} seconds of a processor"


def parse(parser: "Parser", data: bytes) -> "Node":
    """Return the root node of a parsed text. Raises ``Spent``.

    The parser has no time limit of its own, and is slow to recover from errors in a text. Between two steps it calls
    back to ask whether to go on: the signal is acted on there, because it must not be raised through the parser. No
    limit holds outside the main thread.
    """
    if not _watches():
        return parser.parse(lambda offset, _: data[offset : offset + _PIECE]).root_node
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


def _watches() -> bool:
    """Return whether the limits hold here: the state is that of the one file that the main thread reads."""
    return current_thread() is main_thread()


def _memory() -> int:
    """Return the current memory of the process in bytes; on other systems than Linux, its peak."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        import resource  # which Windows has not

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024  # macOS gives bytes, other systems kilobytes
