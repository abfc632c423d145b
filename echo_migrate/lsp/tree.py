"""What the other files of a tree build, read by a process of its own, so that the editor never waits for it."""

import asyncio
import contextlib
import os
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context

from echo_migrate.engine.discover import discover
from echo_migrate.engine.run import end_with
from echo_migrate.formats import targets


async def targets_below(folder: str, exclude: tuple[str, ...]) -> dict[str, frozenset[str]]:
    """Return the stages that the files of a tree build, by the path of the Dockerfile; nothing if the process fails."""
    pool = ProcessPoolExecutor(1, get_context("spawn"), initializer=end_with, initargs=(os.getpid(),))
    try:
        return await asyncio.get_running_loop().run_in_executor(pool, _targets, folder, exclude)
    except (BrokenProcessPool, OSError):
        return {}
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _targets(folder: str, exclude: tuple[str, ...]) -> dict[str, frozenset[str]]:
    with contextlib.suppress(OSError):
        os.nice(10)
    return targets(discover((folder,), exclude).files)
