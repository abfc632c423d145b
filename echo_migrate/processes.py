"""The same work in several processes, for large trees."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from echo_migrate.engine import treat_path, unread
from echo_migrate.examine import Settings
from echo_migrate.model import Result
from echo_migrate.rules import RULES
from echo_migrate.source import Source

CHUNK = 32

_settings: Settings | None = None


def shared(paths: list[str], settings: Settings, jobs: int) -> Iterator[Result | None]:
    """The results in the order of the paths. Rules travel by name (they are functions of their modules)."""
    names = tuple(rule.id for rule in settings.rules)
    arguments = (settings._replace(rules=()), names, os.getpid())
    done = 0
    os.environ["PYTHONSAFEPATH"] = "1"  # a process that is started anew imports nothing from the working folder
    with ProcessPoolExecutor(jobs, initializer=_start, initargs=arguments) as pool:
        try:
            for result in pool.map(_treat, paths, chunksize=CHUNK):
                done += 1
                yield result
        except (GeneratorExit, KeyboardInterrupt):
            pool.shutdown(wait=False, cancel_futures=True)  # an interrupted run waits for nobody
            raise
        except BrokenProcessPool:
            why = "this file was left unread: a process that read files was killed (was there too little memory?)"
            yield from (unread(Source(path, ""), why) for path in paths[done:])


def _start(settings: Settings, names: tuple[str, ...], parent: int) -> None:
    global _settings

    def outlive() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)  # the parent was killed: nobody waits for our answers

    threading.Thread(target=outlive, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends the run
    _settings = settings._replace(rules=tuple(RULES[name] for name in names))


def _treat(path: str) -> Result | None:
    assert _settings is not None
    return treat_path(path, _settings)
