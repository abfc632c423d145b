"""An image at a registry: its index or manifest, and the configuration of one of its platforms."""

import re
from datetime import date
from typing import Any, NamedTuple

from echo_migrate.images.answers import Config
from echo_migrate.images.reference import HUB
from echo_migrate.registry.client import Client
from echo_migrate.registry.content import Manifest, parsed_json
from echo_migrate.registry.errors import Malformed

_FIRST = ("linux/amd64", "linux/arm64", "linux/arm64/v8")
"""The platforms whose configuration is read where an image has several, in order."""

_EARLIEST = "2013-03-13"
"""The first day of a date of creation that is credible (Docker's first release): reproducible builds state 1970."""

_VERSION_LABELS = ("com.docker.dhi.version", "org.opencontainers.image.version")
"""Labels with the version of what an image contains (docs.docker.com/dhi; image-spec, annotations.md)."""

_VERSION = re.compile(r"v?(\d{1,9}(?:\.\d{1,9}){1,5})(?=$|[-+_])")

_LONGEST_LIST = 1000
"""The most entries of a list in a configuration."""


class Index(NamedTuple):
    """An image of a registry: the digest under which a reference finds it, its platforms, and the manifest of each
    (with one manifest alone it is read with the image, and its platform is that of its configuration)."""

    digest: str
    manifests: tuple[tuple[str, str], ...]
    single: Manifest | None = None

    @property
    def platforms(self) -> tuple[str, ...]:
        """The platforms, of which attestations (unknown/unknown) are none."""
        return tuple(name for name, _ in self.manifests if name and not name.startswith("unknown/"))


def uncounted_manifest(client: Client, name: str, reference: str) -> Manifest:
    """Return the manifest or index that a tag or digest of a repository names. Docker Hub counts one that is read by
    its tag as a pull, and is asked for its digest first. Raises ``RegistryError``."""
    if name.startswith(f"{HUB}/") and ":" not in reference:
        reference = client.head(name, reference).digest
    return client.manifest(name, reference)


def index_of(client: Client, name: str, reference: str) -> Index:
    """Return the image that a tag or digest of a repository names. Raises ``RegistryError``."""
    found = uncounted_manifest(client, name, reference)
    if not found.is_index:
        return Index(found.digest, (), found)
    return Index(found.digest, tuple((one.platform, one.digest) for one in found.manifests))


def manifest_of(client: Client, name: str, index: Index) -> Manifest:
    """Return the manifest of the platform that is looked at. Raises ``RegistryError``."""
    if index.single:
        return index.single
    there = dict(reversed(index.manifests))
    digest = next((there[one] for one in (*_FIRST, *index.platforms) if one in there), None)
    if digest is None:
        raise Malformed(f"{name}: the index has no image")
    found = client.manifest(name, digest)
    if found.is_index:
        raise Malformed(f"{name}: the index leads to another index")
    return found


def configuration_of(client: Client, name: str, index: Index) -> tuple[dict[str, Any], int]:
    """Return the configuration of an image as the registry has it, and the size of its layers. Raises
    ``RegistryError``."""
    manifest = manifest_of(client, name, index)
    if manifest.config is None:
        raise Malformed(f"{name}: the image has no configuration")
    data = parsed_json(client.blob(name, manifest.config.digest), f"the configuration of {name}")
    return data, sum(layer.size or 0 for layer in manifest.layers)


def version_of(config: Config) -> str:
    """Return the version of an image's program that its labels state; "" if they state none, or no plain one."""
    labels = dict(config.labels)
    stated = next((labels[key] for key in _VERSION_LABELS if key in labels), "")
    found = _VERSION.match(stated)
    return found[1] if found else ""


def config_from(data: dict[str, Any], size: int) -> Config:
    """Return what a configuration states; values of another type than the specification's count as absent."""
    stated = data.get("config")
    values: dict[str, Any] = stated if isinstance(stated, dict) else {}
    pairs = [text.partition("=") for text in _texts(values.get("Env"))]
    labels = values.get("Labels")
    return Config(
        user=_text(values.get("User")),
        entrypoint=_texts(values.get("Entrypoint")),
        cmd=_texts(values.get("Cmd")),
        folder=_text(values.get("WorkingDir")),
        environment=tuple((name, value) for name, _, value in pairs),
        ports=_texts(values.get("ExposedPorts")),
        volumes=_texts(values.get("Volumes")),
        shell=_texts(values.get("Shell")),
        labels=tuple((key, _text(value)) for key, value in labels.items()) if isinstance(labels, dict) else (),
        created=_day(_text(data.get("created"))),
        size=size,
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: Any) -> tuple[str, ...]:
    """Return the texts of a list, or the keys of a table."""
    listed = value if isinstance(value, list | dict) else ()
    return tuple(one for one in list(listed)[:_LONGEST_LIST] if isinstance(one, str))


def _day(written: str) -> str:
    """Return the ISO date of a time, "" if it is none or is not credible."""
    try:
        day = date.fromisoformat(written[:10]).isoformat()
    except ValueError:
        return ""
    return day if day >= _EARLIEST else ""
