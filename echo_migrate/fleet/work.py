"""A run over a fleet: a process for each repository, so that none can end the run, and none can stall it."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from typing import NamedTuple

from echo_migrate.engine.run import end_with
from echo_migrate.files.write import NotWritten
from echo_migrate.fleet.repositories import Repository
from echo_migrate.fleet.store import Store, key
from echo_migrate.fleet.task import Failed, Plan, inventory, revision
from echo_migrate.formats import FORMATS

SECONDS = 900.0
"""The time for one repository, fetching included."""

_AT_ONCE = 16
"""The repositories whose HEAD is asked for at a time."""

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


class _Running(NamedTuple):
    outcome: Outcome
    process: ForkProcess
    answer: Connection
    folder: str
    until: float


def run(repositories: list[Repository], plan: Plan, store: Store, jobs: int) -> Iterator[Outcome]:
    """Yield the outcome of each repository as it is done; its result is in the store by then.

    ``jobs`` is the number of processes at a time. Raises ``NotWritten`` if nothing can be written to the store.
    """
    with ThreadPoolExecutor(_AT_ONCE) as pool:  # done before the first process is forked, which threads do not survive
        known = list(pool.map(lambda one: _known(one, plan, store), repositories))
    yield from (one for one in known if one.known or one.error)
    left = [one for one in known if not one.known and not one.error]
    if left:
        yield from _worked(left, plan, store, jobs)


def _known(repository: Repository, plan: Plan, store: Store) -> Outcome:
    """Return the outcome of a repository so far: its commit, and whether the store has its result."""
    try:
        commit = revision(repository)
    except Failed as error:
        return Outcome(repository, error=str(error))
    name = key(repository.name, commit, plan.identity)
    return Outcome(repository, commit, name, known=name in store)


def _worked(outcomes: list[Outcome], plan: Plan, store: Store, jobs: int) -> Iterator[Outcome]:
    for format in FORMATS:
        import_module(f"echo_migrate.formats.{format}")  # once, and not in each process
    left, running = list(reversed(outcomes)), dict[int, _Running]()
    with _scratch(store.folder) as scratch:
        try:
            while left or running:
                while left and len(running) < jobs:
                    one = _started(left.pop(), plan, store, os.path.join(scratch, str(len(left))))
                    running[one.process.sentinel] = one
                soonest = min(one.until for one in running.values())
                ended = wait([*running], max(0.0, soonest - time.monotonic()))
                late = [place for place, one in running.items() if one.until <= time.monotonic()]
                for place in dict.fromkeys((*ended, *late)):
                    assert isinstance(place, int)
                    yield _ended(running.pop(place))
        finally:
            for one in running.values():
                _stop(one.process)


def _started(outcome: Outcome, plan: Plan, store: Store, folder: str) -> _Running:
    context = get_context("fork")  # with all that is loaded, and rules that no other start method can send
    answer, ours = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(outcome, plan, store, folder, ours, os.getpid()))
    process.start()
    ours.close()
    return _Running(outcome, process, answer, folder, time.monotonic() + SECONDS)


def _ended(one: _Running) -> Outcome:
    late = one.process.is_alive()
    _stop(one.process)
    outcome = one.outcome._replace(key="", error="its process was killed: was there too little memory?")
    with contextlib.suppress(EOFError, OSError):
        if one.answer.poll():
            outcome = one.answer.recv()
        elif late:
            outcome = outcome._replace(error=f"not done after {SECONDS / 60:.0f} minutes")
    one.answer.close()
    _remove(one.folder)
    return outcome


def _stop(process: ForkProcess) -> None:
    """End a process, with the git that it may have started."""
    process.terminate()
    process.join(_TO_STOP)
    if process.is_alive():
        process.kill()
        process.join()


def _work(outcome: Outcome, plan: Plan, store: Store, folder: str, answer: Connection, parent: int) -> None:
    """Do the work for a repository in a process of its own, and send its outcome."""
    end_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends the run
    try:
        os.mkdir(folder)
        store.put(outcome.key, inventory(outcome.repository, outcome.revision, plan, folder))
    except (Failed, NotWritten) as error:
        outcome = outcome._replace(key="", error=str(error))
    except Exception as error:
        outcome = outcome._replace(key="", error=f"a fault of echo-migrate ({type(error).__name__}: {error})")
    answer.send(outcome)


@contextlib.contextmanager
def _scratch(store: str) -> Iterator[str]:
    """Yield a folder for what is fetched, and remove it, and what killed runs left."""
    above = os.path.join(store, "scratch")
    folder = os.path.join(above, str(os.getpid()))
    try:
        os.makedirs(above, exist_ok=True)
        for name in os.listdir(above):
            if not name.isdecimal() or not _is_alive(int(name)):
                _remove(os.path.join(above, name))
        os.makedirs(folder, mode=0o700, exist_ok=True)
    except OSError as error:
        raise NotWritten(f"{store}: {(error.strerror or str(error)).lower()}") from None
    try:
        yield folder
    finally:
        _remove(folder)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


def _remove(folder: str) -> None:
    """Remove a folder of any depth, which ``shutil.rmtree`` cannot."""
    subprocess.run(["rm", "-rf", "--", folder], stderr=subprocess.DEVNULL, check=False)
