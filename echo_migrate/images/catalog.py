"""The image catalog: upstream names, provider rows, distributions and hardened registries (``mappings/``)."""

import contextlib
import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from echo_migrate.files.data import MappingError, read_data
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Unreadable, contents
from echo_migrate.images.moved import Moved, moved
from echo_migrate.images.providers import PROVIDER, UPSTREAM, of_plugins, provider_data, providers
from echo_migrate.images.reference import Reference, is_open, parse, parsed
from echo_migrate.images.upstream import Facts, VendorRegistry, facts, lines, shortest
from echo_migrate.model.reasons import Reason, because

if TYPE_CHECKING:
    from echo_migrate.images.answers import Answers

FIPS = "fips"
"""The word of variants with cryptographic modules that are validated under FIPS 140, in names or in tags."""

_VERSION_IN_NAME = lazy_regex(r"(?<![a-z0-9])([a-z]*)(\d[\d.]{0,20})$")
"""A name that ends with a version: ``openjdk11``, ``ruby-2.7``; the word before it may be that of a system."""


class Upstream(NamedTuple):
    """A canonical upstream name. ``doubt`` is the reason why the reference may mean something else or something more
    specific, ``likely`` is true for a guess, and ``movable`` if a fix may be offered nevertheless. ``line`` is the
    version in the name of the repository that the tag does not have, which would be lost: ``11`` of openjdk11:jre."""

    name: str
    doubt: Reason | None = None
    likely: bool = False
    movable: bool = True
    line: str = ""


class Row(NamedTuple):
    """One row: the tag words of its key, and the provider's image; None means that there is no replacement.

    A version among the words also matches its patch versions (22 matches 22.4.1). ``seen`` is true if the image has
    been confirmed to exist, ``own`` if the row is from a user's mapping file.
    """

    words: frozenset[str]
    image: str | None
    seen: bool
    own: bool = False


class Catalog(NamedTuple):
    """The images of a provider, and the upstream facts shared by all providers.

    ``vendor`` is the provider that the data is from, even if a user's file renames it. ``tags`` is what is known of its
    tags (``TAGS``), ``since`` the day from which it has any ("" if not known), ``date`` that of the data. ``offered``
    are images of other vendors, ``own`` the upstream names that the user mapped; ``drop_in`` is true if its images are
    drop-in replacements, with the same files and paths. ``answers`` are those of registries, None if none is asked.
    ``lists`` are the tags that a registry listed, by image, and ``known_as`` the vendor's own names of renamed images.
    ``fips`` says where the word fips is in its FIPS variants ("names" of images, "tags", "" if none are known), and
    ``prefers_fips`` that these are wanted. ``prefix`` is what the registry puts before the name of each image.
    ``sources`` are the vendors whose images are to be moved too, by registry.
    """

    vendor: str
    provider: str
    title: str
    registry: str
    login: str
    family: str
    variants: frozenset[str]
    tags: str
    drop_in: bool
    since: str
    date: str
    seen: frozenset[str]
    offered: frozenset[str]
    rows: dict[str, tuple[Row, ...]]
    own: frozenset[str]
    facts: Facts
    answers: "Answers | None" = None
    lists: dict[str, frozenset[str]] = {}  # noqa: RUF012 - never changed in place
    known_as: dict[str, str] = {}  # noqa: RUF012 - never changed in place
    prefix: str = ""
    fips: str = ""
    prefers_fips: bool = False
    sources: tuple[VendorRegistry, ...] = ()

    def __hash__(self) -> int:
        """Hash by identity: each catalog is loaded once, and results derived from it are cached."""
        return id(self)

    @lru_cache(maxsize=4096)  # noqa: B019 - as long as the process
    def upstream(self, reference: Reference) -> Upstream | None:
        """Return the canonical upstream name of a reference in any of its spellings, or None if it is not known."""
        facts = self.facts
        path = self.path(reference)
        if path in facts.names or path in self.own:
            return Upstream(path)
        prefix, _, name = path.partition("/")
        if prefix in facts.architectures and name in facts.official:
            return Upstream(name, because("architecture", prefix=prefix))
        from echo_migrate.images.matching import NAMED, candidates

        best = next(iter(candidates(reference)), None)
        if best is None or best.score < NAMED:
            return None
        if best.own:
            return Upstream(best.upstream)
        line = self._line_in_name(path, best.upstream, reference.tag or "")
        guess = because("guess", guess="; ".join(best.reasons))
        return Upstream(best.upstream, guess, True, best.movable and not line, line)

    def _line_in_name(self, path: str, name: str, tag: str) -> str:
        """Return the version in a repository's name, "" for none, or one that its tag has too: ``python38:3.8``."""
        found = _VERSION_IN_NAME.search(path)
        if not found or found[1] in self.facts.words or name.endswith(found[2]) or is_open(tag):
            return ""
        version = tag.removeprefix("v").partition("-")[0].replace(".", "")
        return "" if version.startswith(found[2].replace(".", "")) else found[2]

    @lru_cache(maxsize=4096)  # noqa: B019 - as above
    def path(self, reference: Reference) -> str:
        """Return the shortest spelling of a reference's name: for Docker Hub, without registry and ``library/``."""
        return shortest(reference.name, reference.registry, self.facts)

    def first_party(self, reference: Reference) -> bool:
        """Return whether only its owner can harden an image: it is in a private registry, or has a name without a
        namespace, which Docker Hub reserves for official images (callers handle those first)."""
        path, host = self.path(reference), reference.registry
        if not path.startswith(f"{host}/"):
            return "/" not in path
        private = host.endswith(self.facts.private) and host not in self.facts.public
        return bool(host) and ("." not in host or ":" in host or private)

    @lru_cache(maxsize=4096)  # noqa: B019 - as above
    def hardened(self, reference: Reference) -> str | None:
        """Return the title of the hardened-image vendor whose registry, or a mirror of it, a reference names, or
        None."""
        path = self.path(reference)
        if VendorRegistry(self.registry, self.vendor, self.prefix).image(path):
            return self.title
        found = (title for prefix, title in self.facts.hardened.items() if path.startswith(prefix + "/"))
        return next(found, None) or self._mirrored(reference)

    def _mirrored(self, reference: Reference) -> str | None:
        place = self.place(reference)
        return f"{_title(place[0])} (a mirror)" if place else None

    @lru_cache(maxsize=4096)  # noqa: B019 - as above
    def place(self, reference: Reference) -> tuple[str, str] | None:
        """Return the vendor whose image a reference names, and the vendor's name of the image; None for other ones."""
        path = self.path(reference)
        own = VendorRegistry(self.registry, self.vendor, self.prefix)
        for source in (own, *self.sources, *self.facts.sources):
            image = source.image(path) if source.registry else ""
            if image:
                return source.vendor, self.known_as.get(image, image) if source is own else image
        return mirror(path, self.facts)

    def crossing(self, reference: Reference) -> tuple[str, str] | None:
        """Return the vendor and the image of a reference that is to be moved from that vendor, or None. A vendor whose
        registry was turned off goes by the name of that registry."""
        if reference.registry in self.facts.gone:
            return reference.registry, reference.repository.rpartition("/")[2]
        place = self.place(reference)
        if place is None or place[0] == self.vendor or place[0] not in {source.vendor for source in self.sources}:
            return None
        return place

    @property
    def host(self) -> str:
        """The host of the registry, which is what is logged in to."""
        return self.registry.partition("/")[0]

    def logged_in(self, login: str) -> bool:
        """Return whether the text of a login names the registry, or the provider in a name of several words."""
        login = login.lower()
        named = re.search(rf"(?<![\w.-]){re.escape(self.host)}(?![\w.-])", login)
        return bool(named) or f"{self.provider}_" in login or f"_{self.provider}" in login

    def replaced(self, reference: Reference) -> "tuple[str, Catalog] | None":
        """Return the upstream name that an image of a hardened provider replaces, and its provider, or None."""
        place = self.place(reference)
        if place is None or place[0] not in providers():
            return None
        catalog = self if place[0] == self.vendor else load(place[0])
        image = place[1].rpartition("/")[2]  # an organisation has a folder of its own at Chainguard
        names = {name for name, rows in catalog.rows.items() if any(row.image == image for row in rows)}
        name = image if image in names else "".join(names) if len(names) == 1 else ""
        return (name, catalog) if name else None

    def drops_in(self, reference: Reference | None) -> bool:
        """Return whether the provider's image has the files and paths of the image that a reference names."""
        place = self.place(reference) if reference and self.drop_in else None
        return self.drop_in and (place is None or place[0] not in providers() or load(place[0]).drop_in)

    def target(self, image: str) -> str:
        """Return the full name of one of the provider's images, without a tag."""
        folder, slash, name = image.rpartition("/")
        return "/".join(filter(None, (self.registry, f"{folder}{slash}{self.prefix}{name}")))

    def preferred(self, image: str) -> str:
        """Return the name of an image's FIPS variant if that is wanted and known to be there, else the name itself."""
        name = f"{image}-{FIPS}"
        if not self.prefers_fips or self.fips != "names":
            return image
        tags = self.lists.get(name) or (self.answers and self.answers.tags_of(self.target(name)))
        return name if tags else image

    def state_of(self, value: str) -> list[str]:
        """Return the folders in which the upstream image of a reference keeps state, if any."""
        reference = parsed(value)
        return self.facts.stateful.get(self.name_of(reference), []) if reference else []

    def name_of(self, reference: Reference) -> str:
        """Return the canonical upstream name of an image, or of the one that a vendor's image replaces; "" if it is not
        known."""
        upstream = self.upstream(reference)
        replaced = None if upstream else self.replaced(reference)
        return upstream.name if upstream else replaced[0] if replaced else ""

    def moved(self, reference: Reference) -> Moved | None:
        """Return what became of an image that is gone, frozen or elsewhere, or None."""
        path = self.path(reference)
        fact = self.facts.retired_images.get(path)
        if fact:
            return Moved(path, "retired", *fact)
        return moved(path, reference.tag)

    def successor(self, reference: Reference) -> str:
        """Return the successor of a retired image; "" if there is none, or the image is not retired."""
        fact = self.facts.retired_images.get(self.path(reference))
        return fact[1] if fact else ""

    def row(self, name: str, words: frozenset[str]) -> Row | None:
        """Return the row that best matches a name and tag words, or None: one without an image, else the most words."""
        words = words | {line for word in words if word[:1].isdigit() for line in lines(word)}
        fitting = [row for key in ("*", name) for row in self.rows.get(key, ()) if row.words <= words]
        return min(fitting, key=lambda row: (row.image is not None, -len(row.words)), default=None)

    def word_family(self, word: str) -> str | None:
        """Return the distribution family that a variant word names: ``alpine3.20`` is alpine, ``jammy`` ubuntu."""
        return self.facts.words.get(word.rstrip("0123456789."))

    def release_number(self, word: str) -> str | None:
        """Return the number of a Debian release, given its code name."""
        return self.facts.debian_releases.get(word)

    def publishes(self, name: str, word: str) -> bool:
        """Return whether both the provider and the upstream image are known to publish a variant."""
        return word in self.variants and name in self.facts.variants.get(word, ())


def load(provider: str = PROVIDER, registry: str = "", mapping: str = "") -> Catalog:
    """Return the catalog of a provider, overlaid with a user's mapping file and with another registry, if given.

    Raises ``MappingError`` for an invalid mapping file or registry.
    """
    if provider == UPSTREAM:
        return _upstream()
    written = b""
    if mapping:  # which may have changed since it was last read
        with contextlib.suppress(Unreadable):
            written = contents(mapping)
    return _load(provider, registry, mapping, written)


@lru_cache(maxsize=16)
def _load(provider: str, registry: str, mapping: str, written: bytes) -> Catalog:
    """Return the catalog; ``written`` are the bytes of the mapping file, which tell one version of it from another."""
    data = provider_data(provider)
    rows = _rows(data["images"], frozenset(data["seen"]))
    own: frozenset[str] = frozenset()
    lists: dict[str, frozenset[str]] = {}
    known_as: dict[str, str] = {}
    for file in filter(None, (of_plugins().get(provider), mapping)):
        from echo_migrate.images.mapping_file import TAG_LISTS, read_mapping

        laid_over = read_mapping(file)
        if laid_over.get("tags") == "listed" != data["tags"] and not laid_over.get(TAG_LISTS):
            raise MappingError(f"{file}: tags: no list of {data['title']}'s tags is known: write unconfirmed")
        images = laid_over.get("images", {})
        lists |= {name: frozenset(tags) for name, tags in laid_over.pop(TAG_LISTS, {}).items()}
        known_as |= {images[key]: name for key, name in data["images"].items() if name and images.get(key) in lists}
        vouched = frozenset(laid_over["seen"]) if "seen" in laid_over else None
        own |= frozenset(_key(key)[0] for key in images) - {"*"}
        for name, rows_of_name in _rows(images, vouched, own=True).items():
            new = tuple(row._replace(own=row.image not in lists) for row in rows_of_name)
            words = {row.words for row in new}
            rows[name] = (*new, *[row for row in rows.get(name, ()) if row.words not in words])
        data |= {"login": ""} if "registry" in laid_over else {}
        data |= {key: value for key, value in laid_over.items() if key not in ("images", "seen")}
    prefix = ""
    if registry:
        data["registry"], prefix = mirror_of(registry, "--registry")
    return Catalog(
        vendor=provider,
        provider=data["provider"],
        title=data["title"],
        registry=data["registry"],
        login="" if registry else data["login"],
        family=data["family"],
        variants=frozenset(data["variants"]),
        tags=data["tags"],
        drop_in=data["drop_in"],
        since=str(data["since"]),
        date=str(data["date"]),
        seen=frozenset(data["seen"]),
        offered=frozenset(data["offered"]),
        rows=rows,
        own=own,
        facts=facts(),
        lists=lists,
        known_as=known_as,
        prefix=prefix,
        fips=data["fips"],
    )


def mirror_of(written: str, option: str) -> tuple[str, str]:
    """Return the registry of HOST[:PORT][/PREFIX], and what it puts before the names of images: a PREFIX that ends with
    a dash is one (``docker.io/acme/dhi-`` has ``docker.io/acme/dhi-python``). Raises ``MappingError``."""
    registry = written.removeprefix("https://").rstrip("/")
    prefix = registry.rpartition("/")[2] if registry.endswith("-") and "/" in registry else ""
    from echo_migrate.images.mapping_file import check_reference  # most runs have no mirror, and no file of their own

    check_reference(f"{registry}{'' if prefix else '/'}image", f"{option}: write HOST[:PORT][/PREFIX], without a login")
    return registry.removesuffix(f"/{prefix}") if prefix else registry, prefix


def _upstream() -> Catalog:
    """Return the catalog of the images that the vendors' ones take the place of."""
    known = facts()
    homes: dict[str, str] = {name: name for name in known.official} | read_data("homes.yaml")["images"]
    return Catalog(
        vendor=UPSTREAM,
        provider=UPSTREAM,
        title=UPSTREAM,
        registry="",
        login="",
        family="",
        variants=frozenset(),
        tags="unconfirmed",
        drop_in=True,
        since="",
        date="",
        seen=frozenset(("*",)),
        offered=frozenset(),
        rows={name: (Row(frozenset(), home, True),) for name, home in sorted(homes.items())},
        own=frozenset(),
        facts=known,
        sources=known.sources,
    )


def _title(vendor: str) -> str:
    """Return the title of a vendor."""
    return load(vendor).title if vendor in providers() else vendor


def mirror(path: str, known: Facts) -> tuple[str, str] | None:
    """Return the vendor that a path is known to mirror by its naming, and the vendor's name of the image, or None."""
    parts = path.split("/")
    host = parts[0] if len(parts) > 1 and ("." in parts[0] or ":" in parts[0]) else ""
    for vendor, mirrored in known.mirrors.items():
        prefix, name = mirrored["prefix"], parts[-1]
        is_named = bool(prefix) and name.startswith(prefix) and len(parts) > 1
        in_folder = bool(host) and len(parts) > 2 and parts[-2] in mirrored["folders"]
        name = name.removeprefix(prefix) if is_named else name
        if (is_named or in_folder) and name in _images(vendor):
            return vendor, name
    return None


@lru_cache
def _images(vendor: str) -> frozenset[str]:
    """Return the names of a vendor's images that take the place of an upstream one."""
    return frozenset(row.image for rows in load(vendor).rows.values() for row in rows if row.image)


def _rows(images: dict[str, str | None], seen: frozenset[str] | None, own: bool = False) -> dict[str, tuple[Row, ...]]:
    """Return the rows by upstream name. ``seen`` None means all: the author of a mapping file vouches for its rows."""
    rows: dict[str, list[Row]] = {}
    for key, image in images.items():
        name, colon, words = _key(key)
        named = frozenset(words.lstrip("!").split("-")) if colon else frozenset[str]()
        known = seen is None or image in seen or "*" in seen
        rows.setdefault(name, []).append(Row(named, image, known, own))
    return {name: tuple(of_name) for name, of_name in rows.items()}


def _key(key: str) -> tuple[str, str, str]:
    """Split the key of a row into name, colon and words, with the name in its shortest spelling."""
    colon = key.find(":", key.rfind("/") + 1)
    name, words = (key, "") if colon < 0 else (key[:colon], key[colon + 1 :])
    if "/" in name:  # others have no registry
        with contextlib.suppress(ValueError):  # an invalid name is reported where the file is checked
            name = shortest(name, parse(name).registry, facts())
    return name, ":" * (colon >= 0), words
