"""Plugins: rules, formats, providers and reports of other distributions, found by their entry points.

A distribution with plugins is named ``echo-migrate-…``, so that a start without any lists the folders of ``sys.path``
and nothing more: reading the entry points of all that is installed would take as long as a small run.
"""

import os
import sys
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple, NoReturn

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_NAME = "echo-migrate-"
_BETWEEN = str.maketrans("_.", "--")
_GROUP = "echo_migrate."
_told: set[str] = set()


class PluginFailed(Exception):
    """A plugin did not do its part for a file or a report; the message names it."""


class Plugin(NamedTuple):
    """An entry point: its name, the kind of plugin, the distribution with its version, and the distribution's page."""

    name: str
    kind: str
    distribution: str
    page: str
    load: Callable[[], Any]

    def __str__(self) -> str:
        return f"plugin {self.name} of {self.distribution}"

    def broken(self, reason: object) -> None:
        """Print once why a plugin, or what it did, is left out."""
        error = f"{type(reason).__name__}: {reason}" if isinstance(reason, BaseException) else str(reason)
        text = " ".join(f"echo-migrate: {self}: {error}".split())
        text = "".join(one if one.isprintable() else "?" for one in text)
        processes = sys.modules.get("multiprocessing.process")
        if text not in _told and (processes is None or processes.parent_process() is None):
            print(text, file=sys.stderr)
        _told.add(text)

    def failed(self, error: BaseException) -> NoReturn:
        """Raise ``PluginFailed`` for an error of the plugin."""
        raise PluginFailed(f"{self} failed: {type(error).__name__}: {error}") from error


def built_in(kind: str) -> list[str]:
    """Return the names of what the program itself has of a kind with a module each (rules, reports), without importing
    any."""
    names = os.listdir(os.path.join(_PACKAGE, kind))
    return sorted(name[:-3].replace("_", "-") for name in names if name.endswith(".py") and not name.startswith("_"))


@cache
def found(kind: str) -> tuple[Plugin, ...]:
    """Return the plugins of a kind (rules, formats, providers, reports), sorted by name, without loading them."""
    return tuple(
        sorted((plugin for plugin in _all() if plugin.kind == kind), key=lambda one: (one.name, one.distribution))
    )


@cache
def distributions() -> tuple[str, ...]:
    """Return the distributions with plugins of any kind, each with its version, sorted."""
    return tuple(sorted({plugin.distribution for plugin in _all()}))


@cache
def loaded(kind: str) -> dict[Plugin, Any]:
    """Return what the plugins of a kind are; one that cannot be loaded, or has a name twice, is told and left out."""
    values, names = dict[Plugin, Any](), set[str]()
    for plugin in found(kind):
        try:
            value = plugin.load()
        except (Exception, SystemExit) as error:
            plugin.broken(error)
            continue
        if plugin.name in names:
            plugin.broken("another plugin has this name")
        else:
            values[plugin] = value
            names.add(plugin.name)
    return values


@cache
def _all() -> tuple[Plugin, ...]:
    folders = [folder for entry in dict.fromkeys(sys.path) for folder in _named_folders(entry)]
    if not folders:
        return ()
    from importlib.metadata import Distribution

    plugins: dict[str, list[Plugin]] = {}
    for folder in folders:
        distribution = Distribution.at(folder)
        try:
            name, version = distribution.metadata["Name"], distribution.metadata["Version"]
            if name in plugins:  # the first on the path is the one that is imported
                continue
            page = _page(distribution.metadata.get_all("Project-URL") or [])
            plugins[name] = [
                Plugin(point.name, point.group.removeprefix(_GROUP), f"{name} {version}", page, point.load)
                for point in distribution.entry_points
                if point.group.startswith(_GROUP)
            ]
        except Exception as error:
            Plugin("", "", os.path.basename(folder), "", str).broken(error)
    return tuple(plugin for of_one in plugins.values() for plugin in of_one)


def _named_folders(entry: str) -> list[str]:
    """Return the metadata of distributions with plugins in an entry of the path; none of the working folder, which may
    be a tree that others wrote."""
    try:
        if not os.path.isabs(entry) or entry == os.getcwd():
            return []
        return [os.path.join(entry, name) for name in os.listdir(entry) if _may_have_plugins(name)]
    except OSError:
        return []


def _may_have_plugins(name: str) -> bool:
    small = name.lower()
    if not small.endswith(".dist-info"):  # as of most names: the standard library alone has hundreds
        return False
    begins = small[: len(_NAME)].translate(_BETWEEN) == _NAME
    return begins and small[len(_NAME) : len(_NAME) + 1].isalpha()


def _page(addresses: list[str]) -> str:
    return next((address for _, _, address in (one.partition(", ") for one in addresses) if _is_address(address)), "")


def _is_address(text: str) -> bool:
    import re

    return bool(re.fullmatch(r"https://[\w./~%-]+", text))
