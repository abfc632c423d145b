"""echo-migrate: move container images to hardened ones, without breaking a file.

Public names are loaded on first use: ``check_text``, ``fix_text``, ``check_paths`` and ``load_settings``, the types of
what they take and return, and the errors that they raise. ``docs/api.md`` describes them.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from echo_migrate.api import UnknownFormat, check_paths, check_text, fix_text, load_settings
    from echo_migrate.dockerfile.container import Container
    from echo_migrate.dockerfile.parser import Instruction
    from echo_migrate.dockerfile.stages import Stage
    from echo_migrate.engine.fix import fix_source
    from echo_migrate.engine.run import run
    from echo_migrate.files.data import MappingError
    from echo_migrate.files.source import Edit, Source, Traced
    from echo_migrate.model import Finding, Fix, Image, Migration, Result
    from echo_migrate.model.reasons import Reason
    from echo_migrate.rules import UnknownRule
    from echo_migrate.rules._rule import Context, Rule, Settings, rule

__version__ = "0.1.0"

_HOMES = {
    "api": ("UnknownFormat", "check_paths", "check_text", "fix_text", "load_settings"),
    "files.source": ("Edit", "Source", "Traced"),
    "files.data": ("MappingError",),
    "model": ("Finding", "Fix", "Image", "Migration", "Result"),
    "model.reasons": ("Reason",),
    "rules": ("UnknownRule",),
    "rules._rule": ("Context", "Rule", "Settings", "rule"),
    "dockerfile.parser": ("Instruction",),
    "dockerfile.stages": ("Stage",),
    "dockerfile.container": ("Container",),
    "engine.fix": ("fix_source",),
    "engine.run": ("run",),
}
__all__ = [
    "Container",
    "Context",
    "Edit",
    "Finding",
    "Fix",
    "Image",
    "Instruction",
    "MappingError",
    "Migration",
    "Reason",
    "Result",
    "Rule",
    "Settings",
    "Source",
    "Stage",
    "Traced",
    "UnknownFormat",
    "UnknownRule",
    "check_paths",
    "check_text",
    "fix_source",
    "fix_text",
    "load_settings",
    "rule",
    "run",
]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
