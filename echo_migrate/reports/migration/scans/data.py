"""Access to data of files that others wrote: what is of another kind than it should be raises ``TypeError``."""

import re
from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.images.reference import full_name, is_open, parsed

LONGEST = 500
_DIGEST = lazy_regex(r"sha256:[0-9a-f]{64}")
_CVE = lazy_regex(r"CVE-\d{4}-\d{4,10}")
IDS = lazy_regex(r"CVE-\d{4}-\d{4,10}|GHSA(?:-[a-z0-9]{4}){3}")


class Vulnerability(NamedTuple):
    """A known vulnerability of a package in an image. ``excluded`` is why it is none there, by the scan or by VEX."""

    id: str
    package: str = ""
    version: str = ""
    severity: str = ""
    excluded: str = ""


class Named(NamedTuple):
    """What a file calls an image: its full names with a tag, and digests of it."""

    names: frozenset[str] = frozenset()
    digests: frozenset[str] = frozenset()


class Scan(NamedTuple):
    """What a scanner found in an image; ``format`` is that of the file. Scans of one format looked for the same.
    ``unclear`` are ids of which it cannot be said whether they are in the image."""

    image: Named
    found: tuple[Vulnerability, ...]
    format: str = ""
    unclear: frozenset[str] = frozenset()


class Product(NamedTuple):
    """An image that a VEX statement is about: its repository, with tag and digest if they are given."""

    repository: str
    tag: str = ""
    digest: str = ""


class Statement(NamedTuple):
    """A VEX statement that a vulnerability is none in an image, or that it is one (``status`` is "" then), or in
    packages of it alone (all if there are none), each a name, or name@version. ``date`` is when it was made, "" if not
    known: of two about the same, the later one holds."""

    ids: frozenset[str]
    product: Product
    packages: frozenset[str]
    status: str
    date: str = ""


def table(value: Any) -> dict[str, Any]:
    """Return a value that is an object. Raises ``TypeError``."""
    if not isinstance(value, dict):
        raise TypeError
    return value


def part(value: Any, *keys: str) -> dict[str, Any]:
    """Return an object within objects, empty if there is none. Raises ``TypeError``."""
    for key in keys:
        value = table(value).get(key) or {}
    return table(value)


def listed(value: Any, key: str) -> list[Any]:
    """Return a list of an object, empty if there is none. Raises ``TypeError``."""
    found = table(value).get(key)
    if found is None:
        return []
    if not isinstance(found, list):
        raise TypeError
    return found


def text(value: Any, key: str) -> str:
    """Return a text of an object, "" if there is none. Raises ``TypeError``."""
    found = table(value).get(key)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise TypeError
    return found[:LONGEST]


def named(texts: Iterable[Any]) -> Named:
    """Return what names of an image name: a name without a tag and a digest is its ``latest``."""
    names, digests = set(), set()
    for one in texts:
        if not isinstance(one, str) or len(one) > LONGEST:
            continue
        if _DIGEST.fullmatch(one):
            digests.add(one)
            continue
        reference = parsed(one)
        if reference is None or is_open(one):
            continue
        if reference.digest:
            digests.add(reference.digest)
        if reference.tag or not reference.digest:
            names.add(full_name(reference._replace(digest=None)))
    return Named(frozenset(names), frozenset(digests))


def canonical(id: str, aliases: Iterable[Any] = ()) -> str:
    """Return the id by which a vulnerability is counted: its CVE if it has one."""
    return next((one for one in (id, *aliases) if isinstance(one, str) and _CVE.fullmatch(one)), id)


def product_of(purl: str) -> Product | None:
    """Return the image of a package URL (types oci and docker), None if it is none whose registry is certain."""
    match = re.fullmatch(r"pkg:(oci|docker)/([^@?#]{1,300})(?:@([^?#]{1,200}))?(?:\?([^#]{0,500}))?(?:#.*)?", purl)
    if not match:
        return None
    kind, name, version = match[1], unquote(match[2]), unquote(match[3] or "")
    qualifiers = parse_qs(match[4] or "")
    url = qualifiers.get("repository_url", [""])[0].removeprefix("https://").strip("/")
    if kind == "oci" and not url:
        return None
    base = url if kind == "oci" and url.endswith(f"/{name}") else f"{url}/{name}" if url else name
    reference = parsed(base)
    if reference is None or is_open(base) or reference.tag or reference.digest:
        return None
    digest = version if _DIGEST.fullmatch(version) else ""
    tag = qualifiers.get("tag", [""])[0] or ("" if digest else version)
    return Product(full_name(reference).rpartition(":")[0], tag, digest)


def package_of(purl: str) -> str:
    """Return the name of the package of a package URL, "" if it is none."""
    match = re.fullmatch(r"pkg:[a-z]{1,20}/(?:[^@?#]{0,300}/)?([^@?#/]{1,200})(?:[@?#].*)?", purl)
    return unquote(match[1]) if match else ""


def version_of(purl: str) -> str:
    """Return the version of the package of a package URL, with its epoch, "" if it has none."""
    match = re.fullmatch(r"pkg:([a-z]{1,20})/[^@?#]{1,500}@([^?#]{1,200})(?:\?([^#]{0,500}))?(?:#.*)?", purl)
    if not match:
        return ""
    version, epoch = unquote(match[2]), parse_qs(match[3] or "").get("epoch", ["0"])[0]
    if match[1] == "golang":
        version = version.removeprefix("v")
    return version if epoch == "0" or ":" in version else f"{epoch}:{version}"
