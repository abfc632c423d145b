"""Names of repositories, and what is known of registries: addresses, other spellings, token servers.

The grammar of names is that of distribution/reference (reference.go), as in ``images/reference.py``, without variables.
"""

import ipaddress
import re
from functools import cache
from typing import Any, NamedTuple

from echo_migrate.files.data import read_data
from echo_migrate.images.reference import HUB, parsed
from echo_migrate.registry.errors import RegistryError

TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
HOST = re.compile(r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9._-]{0,251}[a-zA-Z0-9])?|\[[0-9a-fA-F:]{2,39}\])(?::[0-9]{1,5})?")
PATH = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*")
_LONGEST = 255


class Repository(NamedTuple):
    """A repository: its registry as people write it (``docker.io``, ``localhost:5000``) and its path there."""

    host: str
    path: str

    @property
    def name(self) -> str:
        return f"{self.host}/{self.path}"


def repository(name: str) -> Repository:
    """Return the repository of a name with a registry, ``host[:port]/path``. Raises ``RegistryError``."""
    reference = parsed(name)
    whole = reference is not None and reference.tag is None and reference.digest is None and len(name) <= _LONGEST
    if reference is None or not whole or not is_host(reference.registry) or not PATH.fullmatch(reference.repository):
        raise RegistryError(f"{printable(name)} is not the name of a repository in a registry")
    host, path = canonical(reference.registry), reference.repository
    return Repository(host, f"library/{path}" if host == HUB and "/" not in path else path)


def reference(text: str) -> str:
    """Return a tag or digest. Raises ``RegistryError`` if it is neither."""
    if not DIGEST.fullmatch(text) and not TAG.fullmatch(text):
        raise RegistryError(f"{printable(text)} is neither a tag nor a digest")
    return text


def digest(text: str) -> str:
    """Return a digest. Raises ``RegistryError`` if it is none."""
    if not DIGEST.fullmatch(text):
        raise RegistryError(f"{printable(text)} is not a digest")
    return text


def algorithm(digest: str) -> str:
    """Return the algorithm of a digest."""
    return digest.partition(":")[0]


def registry(host: str) -> str:
    """Return the canonical spelling of a registry's host. Raises ``RegistryError`` if it is no host."""
    if not is_host(host):
        raise RegistryError(f"{printable(host)} is not the host of a registry")
    return canonical(host)


def is_host(text: str) -> bool:
    """Return whether a text is a host with or without a valid port."""
    port = re.search(r":([0-9]+)$", text)
    return bool(HOST.fullmatch(text)) and (port is None or 0 < int(port[1]) < 65536)


def canonical(host: str) -> str:
    """Return the spelling of a host under which its logins and images are known."""
    lower = host.lower()
    return str(_data()["aliases"].get(lower, lower))


def address(host: str) -> str:
    """Return the host and port that answer for a registry."""
    return str(_data()["addresses"].get(host, host))


def token_servers(host: str) -> tuple[str, ...]:
    """Return the hosts on other domains that are known to issue the tokens of a registry."""
    return tuple(_data()["token_servers"].get(host, ()))


def hostname(netloc: str) -> str:
    """Return a host without its port, and without the brackets of IPv6."""
    if netloc.startswith("["):
        return netloc[1:].partition("]")[0]
    return netloc.partition(":")[0]


def is_loopback(netloc: str) -> bool:
    """Return whether a host is this machine by its spelling; nothing is looked up."""
    name = hostname(netloc).lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def printable(text: str, most: int = 120) -> str:
    """Return a text from elsewhere as it can be shown: ASCII without control characters, and not long."""
    shown = "".join(char if " " <= char <= "~" else "?" for char in text[: most + 1])
    return shown if len(text) <= most else f"{shown[: most - 1]}…"


@cache
def _data() -> dict[str, Any]:
    return dict(read_data("registries.yaml"))
