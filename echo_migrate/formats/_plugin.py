"""Formats of plugins: as those of the package, and none of their errors ends more than the reading of one file."""

from collections.abc import Callable, Iterable
from re import Pattern
from typing import TYPE_CHECKING, Any

from echo_migrate.files.entry_points import Plugin
from echo_migrate.files.plugins import failed
from echo_migrate.files.source import Edit, Source

if TYPE_CHECKING:
    from echo_migrate.formats import Format, Request


def guarded(plugin: Plugin, module: "Format", taken: Iterable[str]) -> "Format | None":
    """Return the format of a plugin; None, and told, if it is none, or its name is ``taken``."""
    functions = ("candidate", "recognise", "parse", "verify")
    if plugin.name in taken:
        plugin.broken("there is a format of this name")
    elif not isinstance(getattr(module, "NAME", None), Pattern):
        plugin.broken("is no format: NAME must be a compiled pattern")
    elif missing := [name for name in functions if not callable(getattr(module, name, None))]:
        plugin.broken(f"is no format: has no {', '.join(missing)}")
    else:
        return _Guarded(plugin, module)
    return None


class _Guarded:
    """A format whose questions about a file are answered with no where they fail, and which reads and verifies it, or
    raises ``PluginFailed``."""

    def __init__(self, plugin: Plugin, format: "Format") -> None:
        self.__name__ = plugin.name
        self.NAME = format.NAME
        self._plugin = plugin
        self._format = format

    def candidate(self, path: str) -> bool:
        return self._asked(self._format.candidate, path)

    def recognise(self, path: str, text: str) -> bool:
        return self._asked(self._format.recognise, path, text)

    def _asked(self, function: Callable[..., Any], *arguments: Any) -> bool:
        try:
            return bool(function(*arguments))
        except (Exception, SystemExit) as error:
            self._plugin.broken(error)
            return False

    def parse(self, source: Source, request: "Request") -> Iterable[Any]:
        try:
            return list(self._format.parse(source, request))
        except (Exception, SystemExit) as error:
            failed(self._plugin, error)

    def verify(self, before: Source, after: Source, edits: Iterable[Edit]) -> str | None:
        try:
            return self._format.verify(before, after, edits)
        except (Exception, SystemExit) as error:
            failed(self._plugin, error)
