"""A process that works for a fleet: it has one repository at a time, and can be killed without harm to another."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection
from typing import NamedTuple, Protocol

from echo_migrate.engine.run import end_with
from echo_migrate.files.scratch import remove
from echo_migrate.files.write import NotWritten
from echo_migrate.fleet.repositories import Repository
from echo_migrate.fleet.store import Store
from echo_migrate.fleet.task import Failed, Plan, inventory
from echo_migrate.rules import RULES

SECONDS = 900.0
"""The time for one repository, fetching included."""

RENEWED = 100
"""The repositories that a process has before another takes its place: what they leave in memory goes with it."""

_TO_STOP = 5.0
"""The time that a process has to end what it started, before it is killed."""


class Outcome(NamedTuple):
    """What became of a repository: the key of its result, or the reason why there is none. ``known`` says that the
    result was there before."""

    repository: Repository
    revision: str = ""
    key: str = ""
    error: str = ""
    known: bool = False


Work = Callable[[Outcome, str], Outcome]
"""What is done for a repository, in an empty folder that is removed afterwards."""


class Errand(NamedTuple):
    """The work that keeps inventories in a store, as it can be sent to another machine: rules are sent by name."""

    plan: Plan
    rules: tuple[str, ...]
    store: str

    @classmethod
    def of(cls, plan: Plan, store: Store) -> "Errand":
        names = tuple(rule.id for rule in plan.settings.rules)
        return cls(plan._replace(settings=plan.settings._replace(rules=(), targets={})), names, store.folder)

    def work(self) -> Work:
        """Return the work. Raises ``NotWritten``."""
        rules = tuple(RULES[name] for name in self.rules)
        return kept(self.plan._replace(settings=self.plan.settings._replace(rules=rules)), Store(self.store))


class _Process(Protocol):
    def terminate(self) -> None: ...
    def kill(self) -> None: ...
    def join(self, timeout: float | None = None) -> None: ...
    def is_alive(self) -> bool: ...


class Worker:
    """A process, and the repository that it has. ``folder`` is for what it writes, which does not stay; ``seconds`` is
    the limit for one repository."""

    def __init__(self, work: Work | Errand, folder: str, seconds: float = SECONDS) -> None:
        self.seconds = seconds
        self.folder = folder
        self.answer, self._theirs = Pipe()
        self._work = work
        self.given = 0
        self.until = 0.0
        self._outcome: Outcome | None = None
        self._process: _Process | None = None

    def start(self) -> None:
        """Start the process; ``stop`` is for one that was interrupted here too."""
        if isinstance(self._work, Errand):  # its process has threads, which do not survive a fork
            self._process = _program(self._theirs, self.folder)
            with contextlib.suppress(OSError):  # it has ended: there is no answer
                self.answer.send(self._work)
        else:
            context = get_context("fork")  # with all that is loaded, and work that no other start method can send
            pipe = self.answer, self._theirs
            process = context.Process(target=_forked, args=(self._work, self.folder, pipe, os.getpid()), daemon=True)
            self._process = process
            process.start()
        self._theirs.close()

    def begin(self, outcome: Outcome) -> None:
        """Give it a repository; ``answer`` can be read, or ``until`` has passed, when it is to be asked for."""
        self._outcome, self.given, self.until = outcome, self.given + 1, time.monotonic() + self.seconds
        with contextlib.suppress(OSError):  # it has ended: there is no answer
            self.answer.send(outcome)

    def end(self) -> tuple[Outcome, bool]:
        """Return what became of the repository, and whether the process can have another one."""
        assert self._outcome is not None
        if not self.answer.poll():
            return self._outcome._replace(key="", error=f"not done after {self.seconds / 60:.0f} minutes"), False
        try:
            return self.answer.recv(), self.given < RENEWED
        except (EOFError, OSError):
            why = "its process was killed: was there too little memory?"
            return self._outcome._replace(key="", error=why), False

    def stop(self) -> None:
        """End the process, with the git that it may have started, and remove what it wrote."""
        if self._process and self._process.is_alive():
            self._process.terminate()
            self._process.join(_TO_STOP)
        if self._process and self._process.is_alive():
            self._process.kill()
            self._process.join()
        self.answer.close()
        self._theirs.close()
        remove(self.folder)


class _Program:
    """A process that is started anew, with the methods of one that is forked."""

    def __init__(self, started: "subprocess.Popen[bytes]") -> None:
        self._started = started
        self.terminate, self.kill = started.terminate, started.kill

    def join(self, timeout: float | None = None) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._started.wait(timeout)

    def is_alive(self) -> bool:
        return self._started.poll() is None


def _program(theirs: Connection, folder: str) -> _Program:
    words = [sys.executable, "-P", "-m", __name__, str(theirs.fileno()), folder, str(os.getpid())]
    return _Program(subprocess.Popen(words, pass_fds=[theirs.fileno()]))


def kept(plan: Plan, store: Store) -> Work:
    """Return the work that keeps the inventory of a repository in a store."""

    def work(outcome: Outcome, folder: str) -> Outcome:
        store.put(outcome.key, inventory(outcome.repository, outcome.revision, plan, folder))
        return outcome

    return work


def _forked(work: Work, folder: str, pipe: tuple[Connection, Connection], parent: int) -> None:
    """Serve the process that this one is a copy of, whose end of the pipe is not held open here."""
    pipe[0].close()
    _serve(work, folder, pipe[1], parent)


def _serve(work: Work, folder: str, answer: Connection, parent: int) -> None:
    """Do the work for one repository after the other, until there is no more to come."""
    end_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends the run
    with contextlib.suppress(EOFError, OSError, KeyboardInterrupt):
        while True:
            answer.send(_done(work, answer.recv(), folder))


def _done(work: Work, outcome: Outcome, folder: str) -> Outcome:
    """Return what became of a repository: a failure is an outcome too."""
    try:
        os.mkdir(folder)
        return work(outcome, folder)
    except (Failed, NotWritten) as error:
        return outcome._replace(key="", error=str(error))
    except Exception as error:
        return outcome._replace(key="", error=f"a fault of echo-migrate ({type(error).__name__}: {error})")
    finally:
        os.chdir(os.path.dirname(folder))
        remove(folder)


def _main(descriptor: int, folder: str, parent: int) -> None:
    """Serve a process of another program."""
    answer = Connection(descriptor)
    with contextlib.suppress(EOFError, OSError, NotWritten):  # there is no answer then, and that is told
        _serve(answer.recv().work(), folder, answer, parent)


if __name__ == "__main__":
    _main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
