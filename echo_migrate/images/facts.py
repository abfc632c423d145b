"""Facts about base images: user, shell, package manager, programs.

The facts are data (``mappings/images/``, one file per vendor). Anything not stated there is unknown, which is
represented by ``None`` or an empty set; no conclusion is drawn from it.
"""

import re
from collections.abc import Collection
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from echo_migrate.files.data import read_block
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.images.catalog import Catalog
from echo_migrate.images.reference import Reference, full_name, is_number, is_open, is_version, parsed
from echo_migrate.shell.commands import SHELLS

if TYPE_CHECKING:
    from echo_migrate.images.answers import Config, Contents

_LIBC = {"alpine": "musl", **dict.fromkeys(("azure", "debian", "redhat", "suse", "ubuntu", "wolfi"), "glibc")}
_UPSTREAM = "upstream"
_RELEASE = lazy_regex(r"-debian\d+$", needs=("-debian",))
_WILD = lazy_regex(r"[*?\[]")
_ROOT = ("root", "0")
_MANAGERS = ("apt-get", "apk", "microdnf", "dnf", "yum", "zypper", "tdnf")
_FAMILIES = {
    "alpine": "alpine",
    "debian": "debian",
    "ubuntu": "ubuntu",
    "wolfi": "wolfi",
    "chainguard": "wolfi",
    **dict.fromkeys(("azurelinux", "mariner"), "azure"),
    **dict.fromkeys(("rhel", "centos", "fedora", "rocky", "almalinux", "ol"), "redhat"),
    **dict.fromkeys(("sles", "sle_hpc", "opensuse"), "suse"),
}
"""The family of a distribution by its ID in /etc/os-release."""

FOLDERS = ("/bin", "/sbin", "/usr/bin", "/usr/local/bin", "/usr/local/sbin", "/usr/sbin")
"""The folders in which a program is found by its bare name (PATH of the known images)."""


def is_root(user: str) -> bool:
    """Return whether a user in the form of USER, with or without a group, is root."""
    name = user.partition(":")[0]
    return name in _ROOT or (name[:1] == "0" and set(name) == {"0"})


class ImageFacts(NamedTuple):
    """The facts about an image; each is documented in ``mappings/images/upstream.yaml``, except ``python``, the folder
    of that interpreter."""

    family: str | None = None
    manager: str | None = None
    shell: bool | None = None
    shell_at: str = ""
    no_libc: bool = False
    user: str | None = None
    uid: int | None = None
    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    ports: tuple[str, ...] = ()
    packages: frozenset[str] = frozenset()
    programs: frozenset[str] = frozenset()
    lacks: frozenset[str] = frozenset()
    complete: bool = False
    os_release: str = ""
    eol: str = ""
    python: str = ""

    @property
    def libc(self) -> str | None:
        """The C library, ``musl`` or ``glibc``; None if not known, or if there is none."""
        return None if self.no_libc else _LIBC.get(self.family or "")

    @property
    def unprivileged(self) -> bool:
        """Whether it is known to run as a user other than root."""
        return self.user is not None and not is_root(self.user)

    @property
    def wants(self) -> bool:
        """Whether it is known to lack something that a stage may need."""
        return self.shell is False or self.manager == "" or self.unprivileged or bool(self.lacks) or self.complete

    def has(self, program: str) -> bool | None:
        """Return whether the image has a program, given its name; None if that is not known."""
        if program in self.programs or (program == "sh" and self.shell):
            return True
        if program in self.lacks or (program in SHELLS and self.shell is False):
            return False
        versioned = program.rstrip("0123456789.") in self.programs
        return False if self.complete and not versioned else None


NOTHING_KNOWN = ImageFacts()


@lru_cache(maxsize=4096)
def facts_of(value: str, catalog: Catalog) -> ImageFacts:
    """Return the facts about the image that a reference, or ``scratch``, names."""
    reference = parsed(value)
    if reference is None:
        return NOTHING_KNOWN
    return facts(reference, catalog) if not is_open(reference.name) else NOTHING_KNOWN


def has_tools(value: str, catalog: Catalog) -> bool:
    """Return whether the image that a reference names is one of upstream's that are known to have compilers or git: a
    slim one, or one of Alpine, works without them."""
    reference = parsed(value)
    upstream = catalog.upstream(reference) if reference else None
    if reference is None or upstream is None or upstream.name not in catalog.facts.equipped:
        return False
    return not any(word.text == "slim" or catalog.word_family(word.text) == "alpine" for word in reference.words)


def facts(reference: Reference, catalog: Catalog) -> ImageFacts:
    """Return the facts about an image."""
    path = catalog.path(reference)
    vendor, name = catalog.place(reference) or (_UPSTREAM, path)
    if vendor == _UPSTREAM:
        prefix = next((prefix for prefix in catalog.facts.vendors if path.startswith(f"{prefix}/")), "")
        vendor, name = catalog.facts.vendors.get(prefix, vendor), path[len(prefix) + 1 :] if prefix else path
    if path.startswith("cgr.dev/") and not path.startswith("cgr.dev/chainguard/"):
        name = "_default"  # an organisation's images may be built differently
    elif vendor == "ubi":
        name = re.sub(r"^ubi\d+$", "ubi", re.sub(r"^ubi\d+(?:-|/(?:ubi)?-?)", "ubi-", name)).rstrip("-")
    elif vendor == _UPSTREAM and path != "scratch":
        known = catalog.upstream(reference)
        name = known.name if known and not known.likely else ""
    found = _variant(vendor, name, _tag(reference)) if name else NOTHING_KNOWN
    if vendor == _UPSTREAM and found.family is None and name not in ("", "scratch"):
        words = [word.text for word in reference.words]
        family = next((one for one in map(catalog.word_family, words) if one), None)
        if family is None and not reference.digest and (not words or (is_version(words[0]) and not is_open(words[0]))):
            family = catalog.facts.family_of(name, words[0] if words else "", words)
        found = found._replace(family=family)
    if vendor == _UPSTREAM and not found.complete and found.shell is not False:
        found = found._replace(
            programs=_both(found.programs, catalog.facts.programs.get(found.family or "", frozenset()))
        )
    known_at = catalog.facts.pythons if re.fullmatch(r"python[\d.]*(?:-debian\d+)?", name) else {}
    place = known_at.get(vendor, "") or (catalog.facts.system_pythons.get(name, "") if vendor == _UPSTREAM else "")
    found = found._replace(python=place) if place else found
    config = catalog.answers.config(full_name(reference)) if catalog.answers else None
    return _as_configured(found, config) if config else found


@lru_cache(maxsize=64)
def _both(some: frozenset[str], others: frozenset[str]) -> frozenset[str]:
    """Return the programs of two sets, which thousands of tags may have."""
    return some | others


def _as_configured(found: ImageFacts, config: "Config") -> ImageFacts:
    """Return facts with what an image's own configuration, and its layers where they were read, state."""
    user = config.user.partition(":")[0]
    uids = dict(config.contents.users) if config.contents else {}
    uid = int(user) if is_number(user) else 0 if user in ("", *_ROOT) else uids.get(user)
    found = found._replace(
        user=user or "root",
        uid=uid if uid is not None else found.uid if found.user == user else None,
        entrypoint=config.entrypoint,
        cmd=config.cmd,
        ports=tuple(dict.fromkeys(port.partition("/")[0] for port in config.ports)) or found.ports,
    )
    return _as_contained(found, config.contents) if config.contents else found


def _as_contained(found: ImageFacts, contents: "Contents") -> ImageFacts:
    """Return facts with what the layers of an image have: all of its programs and packages are known then."""
    system = dict(contents.os_release)
    family = next((_FAMILIES[id] for id in _ids(system) if id in _FAMILIES), found.family)
    return found._replace(
        programs=contents.programs,
        packages=contents.packages,
        lacks=frozenset(),
        complete=True,
        shell="sh" in contents.programs,
        shell_at=contents.shell_at,
        manager=next((one for one in _MANAGERS if one in contents.programs), ""),
        family=family,
        os_release="" if system.get("ID", "") in _FAMILIES else system.get("ID", found.os_release),
    )


def _ids(system: dict[str, str]) -> list[str]:
    """Return the distribution in os-release, and those that it is like (freedesktop.org, os-release)."""
    return [system.get("ID", ""), *system.get("ID_LIKE", "").split()]


def published(image: str, catalog: Catalog) -> dict[str, ImageFacts]:
    """Return the tags that a provider has for an image, each with its facts: those that the registry listed, else those
    of the provider's list; empty if there is neither."""
    answers, name = catalog.answers, catalog.known_as.get(image, image)
    tags = answers.tags.get(catalog.target(image)) if answers else None
    if tags is None:
        tags = catalog.lists.get(image)
    if tags is None:
        return listed(name, catalog.vendor) if catalog.tags == "listed" else {}
    return {tag: _variant(catalog.vendor, name, tag) for tag in sorted(tags)}


def users_of(image: str, catalog: Catalog) -> set[str | None]:
    """Return the default users of all variants that a provider has of an image; empty if its tags are not listed."""
    return {facts.user for facts in published(image, catalog).values()}


@lru_cache(maxsize=256)
def listed(name: str, vendor: str) -> dict[str, ImageFacts]:
    """Return the tags of a vendor's list for an image, each with its facts. A tag of every image that this one does not
    have stands in its row after a ``!``."""
    found: dict[str, ImageFacts] = {}
    patterns: list[tuple[str, ImageFacts]] = []
    for row in [*_rows(vendor, name), *_rows(vendor, "_default")] if _rows(vendor, name) else []:
        stated = _stated(row)
        for tag in row["tags"]:
            if _is_pattern(tag):
                patterns.append((tag, stated))
            elif tag not in found:
                found[tag] = next((facts for pattern, facts in patterns if _fits(tag, pattern)), stated)
    return {tag: facts for tag, facts in found.items() if not tag.startswith("!") and f"!{tag}" not in found}


def _tag(reference: Reference) -> str | None:
    """Return the tag that determines the variant, or None if it is not known."""
    if reference.tag is None:
        return None if reference.digest else "latest"
    return None if is_open(reference.tag) else reference.tag


@lru_cache(maxsize=4096)
def _variant(vendor: str, name: str, tag: str | None) -> ImageFacts:
    for candidate in dict.fromkeys((name, _RELEASE.sub("", name), _RELEASE.sub("", name).rstrip("0123456789."))):
        if _rows(vendor, candidate):
            found = _base(vendor, candidate, tag)
            return found if found.eol else found._replace(eol=_end(vendor, name))
    return _base(vendor, "_default", tag)


def _end(vendor: str, name: str) -> str:
    """Return the day on which a vendor's image reached its end by its name, "ended" without a day, or ""."""
    ends: dict[str, str] = read_block(f"images/{vendor}.yaml", "_ends") or {} if _RELEASE.search(name) else {}
    return min((end for one, end in ends.items() if fnmatchcase(name, one)), default="")


@lru_cache(maxsize=4096)
def _base(vendor: str, name: str, tag: str | None) -> ImageFacts:
    rows = [*_rows(vendor, name), *(_rows(vendor, "_default") if name != "_default" else [])]
    if tag is None:
        rows = rows[:1] if rows and rows[0]["tags"] == ["*"] else []
    row = next((row for row in rows if any(tag is None or _fits(tag, one) for one in row["tags"])), None)
    return _stated(row) if row else NOTHING_KNOWN


def _stated(row: dict[str, list[str]]) -> ImageFacts:
    """Return the facts that a row states."""
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in row.items() if key != "tags"
    }
    for key in ("packages", "programs", "lacks"):
        values[key] = frozenset(values.get(key, ()))
    return ImageFacts(**values)


def _fits(tag: str, pattern: str) -> bool:
    """Return whether a tag fits a pattern; most patterns are tags, and one that ends in a version's further numbers has
    no variant words."""
    if tag == pattern or pattern == "*":
        return True
    word = pattern[1:-1]
    if word.isalpha() and pattern == f"*{word}*":
        return word in tag
    if not _is_pattern(pattern) or not tag.startswith(_WILD.split(pattern, maxsplit=1)[0]):
        return False  # as most do, and no pattern is compiled for them
    return fnmatchcase(tag, pattern) and not (pattern.endswith("[._]*") and "-" in tag)


def _is_pattern(tag: str) -> bool:
    return "*" in tag or "[" in tag


@lru_cache(maxsize=4096)
def _rows(vendor: str, name: str) -> list[dict[str, list[str]]]:
    found: list[dict[str, list[str]]] | None = read_block(f"images/{vendor}.yaml", name)
    if found is None and vendor == _UPSTREAM:
        found = read_block("images/official.yaml", name)
    return found or []


def lacks_manager(base: ImageFacts, manager: str, families: Collection[str]) -> bool:
    """Return whether a base image is known to lack a package manager: it has none, or that of another distribution."""
    if base.manager == "":
        return True
    return base.family is not None and bool(families) and base.family not in families and base.manager != manager
