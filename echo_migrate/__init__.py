"""echo-migrate: move container images to hardened ones, without breaking a file.

Public names are loaded on first use: ``Source``, ``Traced``, ``Edit``, ``Finding``, ``Fix``, ``Result``, ``Settings``,
``fix_source`` (one text to its result) and ``run`` (many paths).
"""

from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "files.source": ("Edit", "Source", "Traced"),
    "model": ("Finding", "Fix", "Result"),
    "rules._rule": ("Settings",),
    "engine.fix": ("fix_source",),
    "engine.run": ("run",),
}
__all__ = ["Edit", "Finding", "Fix", "Result", "Settings", "Source", "Traced", "fix_source", "run"]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
