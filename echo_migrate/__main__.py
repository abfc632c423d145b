"""The program: ``echo-migrate``, and ``python -m echo_migrate``."""

import atexit
import gc
import os
import sys


def main() -> None:
    """Run the command line, and exit."""
    gc.disable()  # what is imported stays: the command line enables it when it starts
    code = _finished()
    _end(code)
    raise SystemExit(code)


def _finished() -> object:
    """Return the exit code of the command line, once it has let go of all that it had."""
    from echo_migrate.cli import main as run

    try:
        run()
    except SystemExit as end:
        return end.code
    return None


def _end(code: object) -> None:
    """End the process without taking apart what is loaded, which is a tenth of the time of a small run; or return, if
    anything else is to happen at its end, or somebody watches it."""
    import threading

    if atexit._ncallbacks() or threading.active_count() > 1 or not isinstance(code, int | None) or _is_watched():
        return
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):  # the end of the interpreter tells
        return
    os._exit(code or 0)


def _is_watched() -> bool:
    """Return whether something measures or traces this process, or goes on in it (``python -i``)."""
    monitoring = getattr(sys, "monitoring", None)  # from Python 3.12 on
    tools = [monitoring.get_tool(number) for number in range(6)] if monitoring else []
    return bool(sys.gettrace() or sys.getprofile() or sys.flags.inspect or any(tools))


if __name__ == "__main__":  # processes that the program starts load this file again, where they are not forked
    main()
