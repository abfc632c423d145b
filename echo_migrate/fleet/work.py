"""A run over a fleet: processes that have a repository each, so that none can end the run, and none can stall it."""

import contextlib
import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from importlib import import_module
from multiprocessing.connection import wait

from echo_migrate.files.scratch import remove
from echo_migrate.files.source import reason_of
from echo_migrate.files.threads import at_once
from echo_migrate.files.write import NotWritten
from echo_migrate.fleet.repositories import Repository
from echo_migrate.fleet.store import NotRead, Store, key
from echo_migrate.fleet.task import Failed, Plan, revision
from echo_migrate.fleet.worker import SECONDS, Errand, Outcome, Work, Worker, kept
from echo_migrate.formats import FORMATS

_AT_ONCE = 16
"""The repositories whose HEAD is asked for at a time."""

_SCRATCH = "echo-migrate-fleet-"
_LOCK = "lock"


def run(repositories: list[Repository], plan: Plan, store: Store, jobs: int, scheduler: str = "") -> Iterator[Outcome]:
    """Yield the outcome of each repository as it is done; its result is in the store by then.

    ``jobs`` is the number of processes at a time; with the address of a ``scheduler``, its workers do the work. Raises
    ``NotWritten`` if nothing can be written to the store, and ``NoScheduler``.
    """
    # done before the first process is forked, which threads do not survive
    known = at_once(lambda one: _known(one, plan, store), repositories, _AT_ONCE)
    yield from (one for one in known if one.known or one.error)
    left = [one for one in known if not one.known and not one.error]
    if left and scheduler:
        from echo_migrate.fleet import cluster

        yield from cluster.worked(left, plan, store, scheduler)
    elif left:
        work: Work | Errand = Errand.of(plan, store)  # asynchronous clients of stores refuse to be used after a fork
        if store.is_local:
            work = kept(plan, store)
            for format in FORMATS:
                import_module(f"echo_migrate.formats.{format}")  # once, and not in each process
        with scratch(store) as folder:
            yield from worked(left, work, folder, jobs)


def _known(repository: Repository, plan: Plan, store: Store) -> Outcome:
    """Return the outcome of a repository so far: its commit, and whether the store has its result."""
    try:
        commit = revision(repository)
        name = key(repository.name, commit, plan.identity)
        return Outcome(repository, commit, name, known=name in store)
    except (Failed, NotRead) as error:
        return Outcome(repository, error=str(error))


def worked(
    outcomes: list[Outcome], work: Work | Errand, folder: str, jobs: int, seconds: float = SECONDS
) -> Iterator[Outcome]:
    """Yield what became of each repository, as it is done. ``folder`` is for what processes write meanwhile;
    ``seconds`` is the limit for one repository."""
    left, made = list(reversed(outcomes)), 0
    every, busy, idle = list[Worker](), list[Worker](), list[Worker]()
    try:
        while left or busy:
            while left and len(busy) < jobs:
                if not idle:
                    one = Worker(work, os.path.join(folder, str(made)), seconds)
                    made += 1
                    every.append(one)  # before it starts: an interrupt may come at any time
                    one.start()
                    idle.append(one)
                busy.append(idle.pop())
                busy[-1].begin(left.pop())
            soonest = min(one.until for one in busy)
            wait([one.answer for one in busy], max(0.0, soonest - time.monotonic()))
            now = time.monotonic()
            for one in [one for one in busy if one.until <= now or one.answer.poll()]:
                busy.remove(one)
                outcome, again = one.end()
                if again:
                    idle.append(one)
                else:
                    one.stop()
                    every.remove(one)
                yield outcome
    finally:
        for one in every:
            one.stop()


@contextlib.contextmanager
def scratch(store: Store) -> Iterator[str]:
    """Yield a folder for what is fetched, and remove it, and what killed runs left: it is in the store, if that is on
    this machine. Several runs, also of several machines, may have one each."""
    above = os.path.join(store.folder, "scratch") if store.is_local else tempfile.gettempdir()
    with contextlib.ExitStack() as undo:
        try:
            os.makedirs(above, exist_ok=True)
            for name in os.listdir(above):
                if name.startswith(_SCRATCH):
                    _remove_left(os.path.join(above, name))
            folder = tempfile.mkdtemp(prefix=_SCRATCH, dir=above)
            undo.callback(remove, folder)
            lock = undo.enter_context(open(os.path.join(folder, "new"), "xb"))  # of this process, not of its children
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.rename(lock.name, os.path.join(folder, _LOCK))  # so that it is never there without the lock
        except OSError as error:
            raise NotWritten(f"{store.shown}: {reason_of(error)}") from None
        yield folder


def _remove_left(folder: str) -> None:
    """Remove a folder whose run was killed: nobody has its lock."""
    with contextlib.suppress(OSError), open(os.path.join(folder, _LOCK), "r+b") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        remove(folder)
