"""The entry points of distributions with plugins, read from their metadata."""

import os
import re
import sys
from collections.abc import Callable, Iterable
from importlib.metadata import Distribution
from typing import Any, NamedTuple

_GROUP = "echo_migrate."
_told: set[str] = set()


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


def plugins_in(folders: Iterable[str]) -> tuple[Plugin, ...]:
    """Return the plugins of distributions, given the folders of their metadata in the order of the path; one that
    cannot be read is told and left out."""
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


def _page(addresses: list[str]) -> str:
    return next((address for _, _, address in (one.partition(", ") for one in addresses) if _is_address(address)), "")


def _is_address(text: str) -> bool:
    return bool(re.fullmatch(r"https://[\w./~%-]+", text))
