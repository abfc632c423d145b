"""The images and tags that an account can see at a registry, as a mapping file.

A registry that lists its repositories is asked for all of them; one that does not (a pull-through cache, Docker Hub) is
asked name by name for the images that the provider is known to have.
"""

import json
import re
from collections.abc import Iterable
from typing import NamedTuple

from echo_migrate.files.data import read_data
from echo_migrate.images.catalog import FIPS, Catalog
from echo_migrate.images.mapping_file import TAG_LISTS
from echo_migrate.registry.attached import COSIGN
from echo_migrate.registry.client import Client
from echo_migrate.registry.errors import Denied, NotFound, RegistryError

_AT_ONCE = 8
_MOST_NOTES = 5

_ATTACHED = re.compile(rf"sha256-[0-9a-f]{{64}}.*|.*\.(?:{'|'.join(COSIGN)})")
"""Tags of what is attached to images: signatures, attestations, bills of materials (cosign, and the referrers tag)."""

_PREFIXES = ("", "dhi-")
"""What stands before an image's name in mirrors: Docker mirrors as dhi-NAME (docs.docker.com/dhi/how-to/mirror)."""


class Pulled(NamedTuple):
    """What a registry has of a provider: ``images`` are rows, ``tags`` the tags of each image; ``listed`` says whether
    the registry listed its repositories, ``failed`` how many images gave no answer, ``notes`` why."""

    images: dict[str, str]
    tags: dict[str, tuple[str, ...]]
    listed: bool
    failed: int
    notes: tuple[str, ...]


def pull(client: Client, known: Catalog) -> Pulled:
    """Return what a registry has of a provider, by the names of the provider's rows and of upstream images."""
    rows = {key: image for key, image in read_data(f"{known.vendor}.yaml")["images"].items() if image}
    theirs = frozenset(rows.values())
    theirs |= {f"{image}-{FIPS}" for image in theirs} if known.fips == "names" else frozenset()
    there, notes = _repositories(client, known.registry)
    spellings = _spellings(there, theirs | known.facts.names) if there else {image: _spelt(image) for image in theirs}
    answers = client.at_once(lambda names: _first(client, known.registry, names), spellings.values(), _AT_ONCE)
    found = dict(zip(spellings, answers, strict=True))
    names = {image: one.name for image, one in found.items() if one.tags}
    images = {key: names[image] for key, image in rows.items() if image in names}
    images |= {image: name for image, name in names.items() if image not in theirs and image not in images}
    failed = [one.failure for one in found.values() if one.failure]
    told = dict.fromkeys([*notes, *failed])
    return Pulled(
        dict(sorted(images.items())),
        {one.name: one.tags for one in sorted(found.values()) if one.tags},
        bool(there),
        len(failed),
        tuple(told)[:_MOST_NOTES],
    )


class _Repository(NamedTuple):
    """A repository's tags, or why it has none: ``failure`` is "" if there is no such repository."""

    name: str
    tags: tuple[str, ...] = ()
    failure: str = ""


def _repositories(client: Client, registry: str) -> tuple[list[str], list[str]]:
    """Return the names of the repositories below a registry's prefix, none if it does not list them, and notes."""
    host, _, prefix = registry.partition("/")
    try:
        found = client.repositories(host)
    except (NotFound, Denied):
        return [], []  # as most registries answer: they are asked name by name
    except RegistryError as error:
        return [], [error.message]
    below = f"{prefix}/" if prefix else ""
    return [name.removeprefix(below) for name in found if name.startswith(below)], []


def _spelt(image: str) -> tuple[str, ...]:
    return tuple(prefix + image for prefix in _PREFIXES)


def _spellings(there: Iterable[str], images: frozenset[str]) -> dict[str, tuple[str, ...]]:
    """Return the names that a registry has for images, by image."""
    found: dict[str, tuple[str, ...]] = {}
    for name in sorted(there, key=lambda name: (len(name), name)):
        for prefix in _PREFIXES:
            image = name.removeprefix(prefix)
            if name.startswith(prefix) and image in images:
                found.setdefault(image, (name,))
    return found


def _first(client: Client, registry: str, names: tuple[str, ...]) -> _Repository:
    """Return the first repository of some names that has tags."""
    failure = ""
    for name in names:
        try:
            tags = client.tags(f"{registry}/{name}")
        except (NotFound, Denied):
            continue  # most registries do not tell apart what is not there and what an account may not see
        except RegistryError as error:
            failure = error.message
            continue
        kept = tuple(sorted(tag for tag in tags if not _ATTACHED.fullmatch(tag)))
        if kept:
            return _Repository(name, kept)
    return _Repository(names[0], failure=failure)


def text_of(pulled: Pulled, registry: str, day: str) -> str:
    """Return a mapping file: ``day`` is the ISO date on which the registry answered. One line an image, sorted."""
    lines = [
        "# Written by `echo-migrate catalog pull`: what an account can see of a registry, for --mapping.\n",
        f"registry: {json.dumps(registry)}\n",
        f"source: {json.dumps(f'the tag lists of {registry}')}\n",
        f"date: {day}\n",
        "tags: listed\n",
        "images:\n" if pulled.images else "images: {}\n",
        *(f"  {json.dumps(key)}: {json.dumps(image)}\n" for key, image in pulled.images.items()),
        f"{TAG_LISTS}:\n" if pulled.tags else f"{TAG_LISTS}: {{}}\n",
        *(f"  {json.dumps(name)}: {json.dumps(tags)}\n" for name, tags in pulled.tags.items()),
    ]
    return "".join(lines)


class Difference(NamedTuple):
    """What differs in one image between two lists: tags that appeared, and tags that vanished."""

    image: str
    appeared: tuple[str, ...]
    vanished: tuple[str, ...]


def differences(before: dict[str, tuple[str, ...]], after: dict[str, tuple[str, ...]]) -> list[Difference]:
    """Return what differs between the tags of two lists, by image."""
    found = []
    for name in sorted(before.keys() | after.keys()):
        old, new = set(before.get(name, ())), set(after.get(name, ()))
        if old != new:
            found.append(Difference(name, tuple(sorted(new - old)), tuple(sorted(old - new))))
    return found
