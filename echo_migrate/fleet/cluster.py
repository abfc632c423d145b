"""A run over a fleet on any number of machines: the same work, handed out by a scheduler of Dask distributed.

Each result is in the store before its task ends, so that nothing is lost with a scheduler, a worker or this process:
what has no result is handed out again. A worker has each repository in a process of its own, which can be killed.
"""

import os
import threading
import time
from collections.abc import Iterator
from multiprocessing.connection import wait
from typing import TYPE_CHECKING

from echo_migrate.files.source import reason_of
from echo_migrate.files.write import NotWritten
from echo_migrate.fleet.store import NotRead, Store
from echo_migrate.fleet.task import Plan, program
from echo_migrate.fleet.worker import Errand, Outcome, Worker

if TYPE_CHECKING:
    from distributed import Client

MISSING = "--scheduler needs the extra: install echo-migrate[fleet]"
_SECONDS_TO_CONNECT = 30
_TRIES = 20
"""How often in a row a scheduler is asked that is not there: it may be starting again."""

_PARTS = 64
_MOST_AT_ONCE = 16
"""A task has some repositories, as each costs the scheduler some milliseconds; few enough that no worker has long to
wait for another at the end."""

_own = threading.local()


class NoScheduler(Exception):
    """The scheduler cannot be used; the message says why."""


def worked(outcomes: list[Outcome], plan: Plan, store: Store, address: str) -> Iterator[Outcome]:
    """Yield what became of each repository, as it is done. Raises ``NoScheduler``."""
    try:
        from distributed import Client
    except ImportError:
        raise NoScheduler(MISSING) from None
    left = {one.key: one for one in outcomes}
    errand, tries = Errand.of(plan, store), 0
    while left:
        before = len(left)
        try:
            with Client(address, timeout=_SECONDS_TO_CONNECT) as client:
                for one in _handed_out(client, [*left.values()], errand):
                    del left[one[0]]
                    yield one[1]
        except OSError as error:  # it does not answer, or not any more
            why = f"{address}: the scheduler does not answer ({type(error).__name__})"
        except ValueError as error:
            raise NoScheduler(f"{address}: {error}") from None
        else:
            why = f"{address}: the scheduler loses what it is given"
        tries = 0 if len(left) < before else tries + 1
        if left and tries >= _TRIES:
            raise NoScheduler(why)
        if left:
            time.sleep(1)


def _handed_out(client: "Client", outcomes: list[Outcome], errand: Errand) -> Iterator[tuple[str, Outcome]]:
    """Yield what the scheduler has done, by key; what it has lost is not among it."""
    from concurrent.futures import CancelledError

    from distributed import as_completed

    shared = client.scatter(errand, broadcast=True, hash=False)
    size = min(max(len(outcomes) // _PARTS, 1), _MOST_AT_ONCE)
    parts = [outcomes[start : start + size] for start in range(0, len(outcomes), size)]
    given = {client.submit(_task, part, shared, pure=False, retries=0): part for part in parts}
    for future in as_completed(given):
        part = given[future]
        try:
            done = future.result()
        except CancelledError:
            continue
        except OSError:
            raise
        except Exception as error:  # its worker was killed again and again, say
            done = [one._replace(key="", error=f"its worker failed ({type(error).__name__})") for one in part]
        yield from zip((one.key for one in part), done, strict=True)


def _task(outcomes: list[Outcome], errand: Errand) -> list[Outcome]:
    """Do the work for some repositories, on a worker; what was done before it was lost is not done again."""
    wanted, here = errand.plan.identity.partition("\n")[0], program()
    if here != wanted:
        return [one._replace(key="", error=f"a worker has version {here}, not {wanted}") for one in outcomes]
    return [_tried(one, errand) for one in outcomes]


def _tried(outcome: Outcome, errand: Errand) -> Outcome:
    """Return what became of a repository. An ``OSError`` here is no lost scheduler: it must not look like one."""
    try:
        return outcome if outcome.key in Store(errand.store) else _done(outcome, errand)
    except OSError as error:
        why = f"its worker failed ({type(error).__name__}: {reason_of(error)})"
    except (NotRead, NotWritten) as failed:
        why = str(failed)
    return outcome._replace(key="", error=why)


def _done(outcome: Outcome, errand: Errand) -> Outcome:
    worker = _worker(errand)
    worker.begin(outcome)
    wait([worker.answer], worker.seconds)
    done, again = worker.end()
    if not again:
        worker.stop()
        _own.worker = None
    return done


def _worker(errand: Errand) -> Worker:
    """Return the process of this thread, a new one for another errand."""
    from distributed import get_worker

    worker: Worker | None = getattr(_own, "worker", None)
    if worker is not None and _own.errand != errand:
        worker.stop()
        worker = _own.worker = None
    if worker is None:
        folder = os.path.join(get_worker().local_directory, f"echo-migrate-{threading.get_ident()}")
        worker = Worker(errand, folder)
        worker.start()
        _own.worker, _own.errand = worker, errand
    return worker
