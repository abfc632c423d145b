"""Programs that a proof starts: with a time limit, with bounded output, and ended when the run is."""

import contextlib
import glob
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO, NamedTuple

MARK = "ECHO_MIGRATE_PROVE"
"""The variable by which the programs that a run has started are known: its value is the run's token."""

_LARGEST_ENVIRONMENT = 8_000_000
_HEAD = 64_000
_TAIL = 256_000
_AT_ONCE = 65_536
"""The bytes that a pipe of Linux holds."""

_BETWEEN = 0.05
_GRACE = 5.0
"""The seconds that a program has to end after it was told to."""

_LONGER = 20.0
"""The seconds that a builder has to end after its step was told to: it removes what it has begun."""


class Stopped(Exception):
    """The run was stopped."""


class Finished(NamedTuple):
    """How a program ended. ``code`` is None if it took too long; ``output`` is from standard output, ``errors`` from
    standard error."""

    code: int | None
    output: str
    errors: str

    @property
    def text(self) -> str:
        """Both outputs."""
        return self.output + self.errors


class Processes:
    """The programs of a run. Safe for threads."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self.environment = {**os.environ, **(environment or {})}
        self._running: dict[subprocess.Popen[bytes], bool] = {}
        self._lock = threading.Lock()
        self._stopped = False

    def call(
        self,
        words: Sequence[str],
        timeout: float,
        *,
        merged: bool = False,
        whole: bool = False,
        steps: bool = False,
        folder: str | None = None,
        read: Callable[[IO[bytes]], object] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Finished:
        """Run a program to its end. Raises ``Stopped``.

        With ``merged``, standard error goes to the output. With ``whole``, the end of the run does not end it: what it
        makes can be found, and removed, only when it is done. With ``steps``, it is ended by ending what it runs: when
        that fails, it removes what it has begun. ``read`` reads the output in place of this function.
        """
        with self._lock:
            if self._stopped and not whole:
                raise Stopped
            reader, writer = os.pipe()
            try:
                process = subprocess.Popen(
                    words,
                    stdin=subprocess.DEVNULL,
                    stdout=writer,
                    stderr=subprocess.STDOUT if merged else subprocess.PIPE,
                    pass_fds=[reader] * steps,  # or a program that outlives this one dies of the first line it prints
                    cwd=folder,
                    env={**self.environment, **(environment or {})},
                    start_new_session=True,  # an interrupt from the keyboard reaches this one alone, which ends them
                )
            except BaseException:
                os.close(reader)
                raise
            finally:
                os.close(writer)
            process.stdout = os.fdopen(reader, "rb", _AT_ONCE)
            if not whole:
                self._running[process] = steps
        try:
            return _finished(process, timeout, read, steps)
        finally:
            _end(process, steps)
            with self._lock:
                self._running.pop(process, None)
                stopped = self._stopped
            if stopped and not whole:
                raise Stopped

    def check(self) -> None:
        """Raise ``Stopped`` if the run was stopped."""
        if self._stopped:
            raise Stopped

    @property
    def running(self) -> bool:
        """Whether a program runs that ``stop`` would end."""
        return bool(self._running)

    def stop(self) -> None:
        """End the programs that run; those who wait for them get ``Stopped``."""
        with self._lock:
            self._stopped = True
            running = dict(self._running)
        threads = [threading.Thread(target=_end, args=one, daemon=True) for one in running.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def _finished(
    process: subprocess.Popen[bytes], timeout: float, read: Callable[[IO[bytes]], object] | None, steps: bool
) -> Finished:
    kept = [_Kept() for _ in range(2)]
    streams = [stream for stream in (process.stdout, process.stderr) if stream]
    readers = [
        threading.Thread(target=_guarded, args=(read if read and number == 0 else one.read, stream), daemon=True)
        for number, (one, stream) in enumerate(zip(kept, streams, strict=False))
    ]
    for reader in readers:
        reader.start()
    limit = time.monotonic() + timeout
    waiter = threading.Thread(target=process.wait, daemon=True)  # a wait with a limit would look every 50 ms
    waiter.start()
    waiter.join(timeout)
    code = None if waiter.is_alive() else process.returncode
    _end(process, steps)
    for reader in readers:  # a child that outlives its parent may hold the pipe
        reader.join(max(_GRACE, limit - time.monotonic()) if read else _GRACE)
    return Finished(code, *(one.text for one in kept))


def _guarded(read: Callable[[IO[bytes]], object], stream: IO[bytes]) -> None:
    for one in (read, _drain):  # a program whose output is not read to its end would not end
        with contextlib.suppress(OSError, ValueError):
            one(stream)


def _drain(stream: IO[bytes]) -> None:
    while stream.read(_AT_ONCE):
        pass


def _end(process: subprocess.Popen[bytes], steps: bool) -> None:
    """End a program and its children, first politely."""
    if process.poll() is None:
        end(process.pid, steps, lambda: process.poll() is None)
        process.wait()


def end(group: int, steps: bool, lives: Callable[[], bool]) -> None:
    """End the program that leads a process group, with all of the group: with ``steps``, what it runs first, so that it
    removes what it has begun. ``lives`` returns whether it has not ended yet."""
    if steps:
        _end_children(group, lives)
    if lives():
        _kill(os.killpg, group, signal.SIGTERM)
        _wait_while(lives, _GRACE)
    _kill(os.killpg, group, signal.SIGKILL)


def marked() -> Iterator[tuple[int, list[str], str]]:
    """Yield the user's programs that lead a process group and that a run has started, where that is known here: each
    with its process, its command line, and the run's token."""
    for path in glob.iglob("/proc/[0-9]*"):
        process = int(path.rpartition("/")[2])
        token = mark_of(process)
        with contextlib.suppress(OSError):
            if token and os.getpgid(process) == process and os.stat(path).st_uid == os.getuid():
                words = [os.fsdecode(word) for word in _fields(process, "cmdline")]
                if words:  # it has not ended since
                    yield process, words, token


def mark_of(process: int) -> str:
    """Return the token of the run that has started a process; "" if none has, or that is not known here."""
    start = f"{MARK}=".encode()
    return next((os.fsdecode(one[len(start) :]) for one in _fields(process, "environ") if one.startswith(start)), "")


def _fields(process: int, name: str) -> list[bytes]:
    """Return the strings of a file that the system has of a process; none if there is no such process, or it is not
    the user's."""
    with contextlib.suppress(OSError), open(f"/proc/{process}/{name}", "rb") as file:
        return file.read(_LARGEST_ENVIRONMENT).split(b"\0")
    return []


def _wait_while(lives: Callable[[], bool], seconds: float) -> None:
    limit = time.monotonic() + seconds
    while lives() and time.monotonic() < limit:
        time.sleep(_BETWEEN)


def _kill(how: Callable[[int, int], None], process: int, number: int) -> None:
    with contextlib.suppress(OSError):
        how(process, number)


def _end_children(process: int, lives: Callable[[], bool]) -> None:
    """Tell what a builder runs to end, and wait until the builder has ended, too.

    What it runs may be a supervisor, which ends the step and removes its container when it is told to, and does neither
    when it is killed. So it is told first, and killed if it is left after half of the time. What the builder starts
    meanwhile may be what cleans up, and is let be until then.
    """
    told: list[int] = []
    limit = time.monotonic() + _GRACE
    while not told and lives() and time.monotonic() < limit:
        told = _children(process)
        if not told:
            time.sleep(_BETWEEN)
    for child in told:
        _kill(os.kill, child, signal.SIGTERM)
    if told:
        _wait_while(lives, _LONGER / 2)
        for child in _children(process) if lives() else ():
            _kill(os.kill, child, signal.SIGKILL if child in told else signal.SIGTERM)
        _wait_while(lives, _LONGER / 2)


def _children(process: int) -> list[int]:
    """Return the processes that a process has started, where that is known here."""
    found: list[int] = []
    for path in glob.iglob(f"/proc/{process}/task/*/children"):
        with contextlib.suppress(OSError, ValueError), open(path, encoding="ascii") as file:
            found += map(int, file.read().split())
    return found


class _Kept:
    """The begin and the end of an output."""

    def __init__(self) -> None:
        self.head, self.tail, self.more = bytearray(), bytearray(), False

    def read(self, stream: IO[bytes]) -> None:
        while chunk := os.read(stream.fileno(), _AT_ONCE):
            room = _HEAD - len(self.head)
            self.head += chunk[:room] if room > 0 else b""
            self.tail += chunk[max(room, 0) :]
            if len(self.tail) > 2 * _TAIL:
                del self.tail[:-_TAIL]
                self.more = True

    @property
    def text(self) -> str:
        gap = b"\n...\n" if self.more else b""
        return bytes(self.head + gap + self.tail).decode("utf-8", "replace")
