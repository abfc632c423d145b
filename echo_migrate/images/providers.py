"""The providers of hardened images: those whose data is in ``mappings/``, and those of plugins."""

import os
from functools import cache
from typing import Any

from echo_migrate.files.data import MappingError, names, read_data
from echo_migrate.files.plugins import loaded

PROVIDER = "echo"
UPSTREAM = "upstream"
"""The provider that takes hardened images back to the images that they take the place of."""
SHARED = (
    *("commands.yaml", "eol.yaml", "failures.yaml", "homes.yaml", "logins.yaml", "moved.yaml", "presets.yaml"),
    *("published.yaml", "publishers.yaml", "registries.yaml", "upstream.yaml", "variables.yaml", "verification.yaml"),
)


_PLAIN: dict[str, Any] = dict.fromkeys(("login", "date", "since"), "")
_PLAIN |= {"variants": [], "tags": "unconfirmed", "drop_in": False, "offered": [], "fips": ""}
"""What a plugin's provider has that its file does not tell."""


def providers() -> list[str]:
    """Return the names of the available providers."""
    return [*_own(), *of_plugins()]


@cache
def _own() -> tuple[str, ...]:
    """Return those whose data is in ``mappings/``, which is listed once: it is asked of every image."""
    return tuple(name.removesuffix(".yaml") for name in names() if name not in SHARED)


@cache
def of_plugins() -> dict[str, str]:
    """Return the mapping file of each provider that a plugin adds."""
    files = {}
    for plugin, path in loaded("providers").items():
        if f"{plugin.name}.yaml" in names() or plugin.name in (UPSTREAM, "all"):
            plugin.broken("there is a provider of this name")
            continue
        from echo_migrate.images.mapping_file import read_mapping  # few installations have a provider's plugin

        try:
            missing = {"title", "registry", "family", "images"} - read_mapping(os.fspath(path)).keys()
        except (MappingError, TypeError) as error:
            plugin.broken(error)
            continue
        if missing:
            plugin.broken(f"{path} has no {', '.join(sorted(missing))}")
        else:
            files[plugin.name] = os.fspath(path)
    return files


def provider_data(provider: str) -> dict[str, Any]:
    """Return the data of a provider; that of a plugin has no rows yet, which its mapping file lays over."""
    own = of_plugins().get(provider)
    if own is None:
        found: dict[str, Any] = read_data(f"{provider}.yaml")
        return found
    from echo_migrate.images.mapping_file import read_mapping

    known = read_mapping(own)
    known |= {"source": [str(known.get("source", own))], "images": {}, "seen": known.get("seen", [])}
    return _PLAIN | {"provider": provider} | known
