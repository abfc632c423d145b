"""Plugins: rules, formats, providers and reports of other distributions, found by their entry points.

A distribution with plugins is named ``echo-migrate-…``, so that a start without any lists the folders of ``sys.path``
and nothing more: reading the entry points of all that is installed would take as long as a small run.
"""

import os
import sys
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from echo_migrate.files.entry_points import Plugin

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_NAME = "echo-migrate-"
_BETWEEN = str.maketrans("_.", "--")


class PluginFailed(Exception):
    """A plugin did not do its part for a file or a report; the message names it."""


def failed(plugin: "Plugin", error: BaseException) -> NoReturn:
    """Raise ``PluginFailed`` for an error of a plugin."""
    raise PluginFailed(f"{plugin} failed: {type(error).__name__}: {error}") from error


def built_in(kind: str) -> list[str]:
    """Return the names of what the program itself has of a kind with a module each (rules, reports), without importing
    any."""
    names = os.listdir(os.path.join(_PACKAGE, kind))
    return sorted(name[:-3].replace("_", "-") for name in names if name.endswith(".py") and not name.startswith("_"))


@cache
def found(kind: str) -> "tuple[Plugin, ...]":
    """Return the plugins of a kind (rules, formats, providers, reports), sorted by name, without loading them."""
    return tuple(
        sorted((plugin for plugin in _all() if plugin.kind == kind), key=lambda one: (one.name, one.distribution))
    )


@cache
def distributions() -> tuple[str, ...]:
    """Return the distributions with plugins of any kind, each with its version, sorted."""
    return tuple(sorted({plugin.distribution for plugin in _all()}))


@cache
def loaded(kind: str) -> "dict[Plugin, Any]":
    """Return what the plugins of a kind are; one that cannot be loaded, or has a name twice, is told and left out."""
    values: dict[Plugin, Any] = {}
    names = set[str]()
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
def _all() -> "tuple[Plugin, ...]":
    folders = [folder for entry in dict.fromkeys(sys.path) for folder in _named_folders(entry)]
    if not folders:
        return ()
    from echo_migrate.files.entry_points import plugins_in  # most installations have no plugin

    return plugins_in(folders)


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
