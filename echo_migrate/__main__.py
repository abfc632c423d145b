"""The program: ``echo-migrate``, and ``python -m echo_migrate``."""

import gc
import sys
from types import ModuleType
from typing import Any


class _Inspect(ModuleType):
    """What click imports as ``inspect``. Click uses it for help pages, and to unindent the texts of options, which are
    lines; to load it takes a twentieth of a start."""

    @staticmethod
    def cleandoc(text: str) -> str:
        """Return a text without the indentation of a docstring."""
        if "\n" in text or "\t" in text or text[:1].isspace():
            from inspect import cleandoc

            return cleandoc(text)
        return text

    def __getattr__(self, name: str) -> Any:
        import inspect

        return getattr(inspect, name)


def _import_click() -> None:
    """Import click, in which ``inspect`` is loaded on first use; all others that import it get the module itself."""
    if "inspect" in sys.modules:
        return
    sys.modules["inspect"] = _Inspect("inspect")
    try:
        import click  # noqa: F401
    finally:
        del sys.modules["inspect"]


def main() -> None:
    """Run the command line, and exit."""
    gc.disable()  # what is imported stays: the command line enables it when it starts
    _import_click()
    from echo_migrate.cli import main as run

    run()


if __name__ == "__main__":  # processes that the program starts load this file again, where they are not forked
    main()
