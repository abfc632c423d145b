"""How much work one file may be, so that a text that was made to stall a run costs seconds.

What is known to grow faster than a text has bounds where it is read; this is for what nobody knows of yet.
"""

import contextlib
import resource
import signal
import time
from collections.abc import Iterator
from threading import current_thread, main_thread

SECONDS = 10
"""Of a processor. What takes longest of 60,000 files of public repositories takes 2."""

MEMORY = 1_000_000_000
"""Bytes, beside what the process had."""

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


@contextlib.contextmanager
def bounded() -> Iterator[None]:
    """Raise ``Spent`` within a block that uses more than a file may. Other threads than the main one get no signals."""
    if current_thread() is not main_thread():
        yield
        return
    began = time.process_time()
    held: list[int] = []

    def look(*_: object) -> None:
        now = _memory()
        held.append(now)
        reason = exceeded(time.process_time() - began, now - held[0])
        if reason:
            raise Spent(reason)

    before = signal.signal(signal.SIGPROF, look)
    signal.setitimer(signal.ITIMER_PROF, _EVERY, _EVERY)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _memory() -> int:
    """The memory that the process has now, in bytes; elsewhere than on Linux the most that it had."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
