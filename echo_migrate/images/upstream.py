"""Provider-independent facts about upstream images: ``mappings/upstream.yaml``."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

from echo_migrate.files.data import read_data


class VendorRegistry(NamedTuple):
    """A registry with a vendor's images: the vendor, and what it puts before the name of each image."""

    registry: str
    vendor: str
    prefix: str = ""

    def image(self, path: str) -> str:
        """Return the vendor's name of the image at a path, "" for another registry's or a name without the prefix."""
        if not path.startswith(self.registry) or path[len(self.registry) : len(self.registry) + 1] != "/":
            return ""
        name = path[path.rfind("/") + 1 :]
        if not name.startswith(self.prefix):
            return ""
        return path[len(self.registry) + 1 :].removesuffix(name) + name[len(self.prefix) :]


class Facts(NamedTuple):
    """The data of ``mappings/upstream.yaml``."""

    official: frozenset[str]
    names: frozenset[str]
    hub: frozenset[str]
    library: tuple[str, ...]
    architectures: frozenset[str]
    common_architectures: frozenset[str]
    hardened: dict[str, str]
    private: tuple[str, ...]
    public: frozenset[str]
    projects: frozenset[str]
    owned: frozenset[str]
    vendors: dict[str, str]
    sources: tuple[VendorRegistry, ...]
    mirrors: dict[str, dict[str, Any]]
    gone: dict[str, dict[str, Any]]
    families: dict[str, frozenset[str]]
    jdks: frozenset[str]
    variants: dict[str, frozenset[str]]
    slim_last: frozenset[str]
    plain: dict[str, list[str]]
    words: dict[str, str]
    programs: dict[str, frozenset[str]]
    debian_releases: dict[str, str]
    stateful: dict[str, list[str]]
    owners: dict[str, dict[str, int]]
    linked: dict[str, list[str]]
    builders: frozenset[str]
    builder_words: frozenset[str]
    full: frozenset[str]
    equipped: frozenset[str]
    retired_images: dict[str, tuple[str, str]]
    pythons: dict[str, str]
    system_pythons: dict[str, str]

    def family_of(self, name: str, version: str = "", words: Iterable[str] = ()) -> str | None:
        """Return the distribution family of an upstream image whose tag has no distribution word, or None: also if one
        of the tag's ``words`` is of a JDK that may bring another, or if no version tells which of its lines is meant,
        and these differ."""
        if not self.jdks.isdisjoint(words):
            return None
        for one in (*(f"{name}:{line}" for line in lines(version)), name):
            family = next((family for family, names in self.families.items() if one in names), None)
            if family and (one != name or version[:1].isdigit() or not self._has_lines(name)):
                return family
        return None

    def _has_lines(self, name: str) -> bool:
        """Return whether lines of an image stand on another distribution than the others."""
        return any(one.startswith(f"{name}:") for names in self.families.values() for one in names)


def lines(version: str) -> list[str]:
    """Return a version and the release lines it belongs to, longest first: 3.12.1, 3.12 and 3; 8u502 and 8."""
    parts = version.split(".")
    release, update, number = parts[0].partition("u")
    older = [release] if update and release.isdecimal() and number.isdecimal() else []
    return [".".join(parts[:count]) for count in range(len(parts), 0, -1)] + older


@lru_cache(maxsize=4096)
def numbers(version: str) -> tuple[int, ...]:
    """Return the numbers of a version, by which versions are compared: (3, 12) of 3.12; parts that are none are left
    out."""
    return tuple(int(part) for part in version.split(".") if part.isdecimal())


def shortest(name: str, registry: str, facts: Facts) -> str:
    """Return the name of an image without the parts that are optional for Docker Hub: the registry, and ``library/``
    before a single component."""
    if registry in facts.hub:
        name = name.removeprefix(f"{registry}/")
    prefix = next((prefix for prefix in facts.library if name.startswith(prefix + "/")), None)
    rest = name[len(prefix) + 1 :] if prefix else ""
    return rest if rest and "/" not in rest else name


@lru_cache
def facts() -> Facts:
    """Return the facts shared by all providers."""
    data = read_data("upstream.yaml")
    official = frozenset(data["official"]["images"])
    spellings, distributions = data["spellings"], data["distributions"]
    vendors = dict(sorted(data["vendors"]["registries"].items(), key=lambda pair: -len(pair[0])))
    hardened = data["hardened"]["registries"]
    return Facts(
        official=official,
        names=official | frozenset(data["removed"]["images"]),
        hub=frozenset(spellings["hub"]),
        library=tuple(spellings["library"]),
        architectures=frozenset(spellings["architectures"]),
        common_architectures=frozenset(spellings["common"]),
        hardened=hardened,
        private=tuple(data["private"]["endings"]),
        public=frozenset(data["private"]["except"]),
        projects=frozenset(data["private"]["projects"]),
        owned=frozenset(data["private"]["variables"]),
        vendors=vendors,
        sources=tuple(
            VendorRegistry(prefix, vendor)
            for prefix, vendor in vendors.items()
            if prefix in hardened or prefix.partition("/")[0] in hardened
        ),
        mirrors=data["mirrors"]["vendors"],
        gone=data["gone"]["registries"],
        families={family: frozenset(names) for family, names in data["families"]["images"].items()},
        jdks=frozenset(data["families"]["jdks"]),
        variants={word: frozenset(names) for word, names in data["variants"]["images"].items()},
        slim_last=frozenset(data["variants"]["slim_last"]),
        plain=data["plain"]["images"],
        words={word: family for family, words in distributions["words"].items() for word in words},
        programs={family: frozenset(found) for family, found in distributions["programs"].items()},
        debian_releases={word: str(number) for word, number in distributions["debian_releases"].items()},
        stateful=data["stateful"]["images"],
        owners=data["owners"]["images"],
        linked=data["linked"]["images"],
        builders=frozenset(data["builders"]["images"]),
        builder_words=frozenset(data["builders"]["words"]),
        full=frozenset(data["builders"]["full"]),
        equipped=frozenset(data["builders"]["full"]).union(data["builders"]["images"], data["builders"]["compilers"]),
        retired_images={
            name: (str(fact["since"]), fact["successor"]) for name, fact in data["retired"]["images"].items()
        },
        pythons=data["interpreters"]["vendors"],
        system_pythons=data["interpreters"]["systems"],
    )
