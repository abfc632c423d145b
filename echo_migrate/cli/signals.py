"""The signals that stop a run."""

import contextlib
import signal
from collections.abc import Iterator

STOPPING = tuple(getattr(signal, name) for name in ("SIGHUP", "SIGINT", "SIGTERM") if hasattr(signal, name))
"""A closed terminal (which Windows does not signal), an interrupt, a cancelled job."""


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Delay signals that stop the run until the body is done, such as a file that is written and counted."""
    waiting: list[int] = []
    wishes = [one for one in STOPPING if callable(signal.getsignal(one))]
    before = [(one, signal.signal(one, lambda number, _: waiting.append(number))) for one in wishes]
    try:
        yield
    finally:
        for one, handler in before:
            signal.signal(one, handler)
    if waiting:
        raise KeyboardInterrupt(waiting[0])
