"""VEX: statements that a vulnerability is none in an image, as OpenVEX and CSAF 2.0 have them."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from echo_migrate.reports.migration.scans.data import (
    Named,
    Product,
    Statement,
    canonical,
    listed,
    package_of,
    part,
    product_of,
    table,
    text,
    version_of,
)

_STATUSES = ("not_affected", "fixed")
_OPEN = ("affected", "under_investigation")
_MOST_PRODUCTS = 100_000


def excluded(statements: Iterable[Statement], image: Named) -> Callable[[str, str, str], str]:
    """Return a function that gives why a vulnerability, by its id and the name and version of its package, is none in
    an image, "" where no statement says so, or a later one says otherwise."""
    by_id: dict[str, list[Statement]] = {}
    for one in sorted(statements, key=lambda one: one.date):
        if _is(one.product, image):
            for id in one.ids:
                by_id.setdefault(id, []).append(one)

    def why(id: str, package: str, version: str) -> str:
        names = {package, f"{package}@{version}", f"{package}@{version.removeprefix('v')}"}
        about = [one for one in by_id.get(id, ()) if not one.packages or names & one.packages]
        return about[-1].status if about else ""

    return why


def _is(product: Product, image: Named) -> bool:
    """Return whether a product is an image: by its digest if it names one, which is these bytes wherever they lie."""
    if product.digest:
        return product.digest in image.digests
    names = (name.rpartition(":") for name in image.names)
    return any(repository == product.repository and product.tag in ("", tag) for repository, _, tag in names)


def openvex(data: Any) -> Iterator[Statement]:
    """Yield the statements of OpenVEX (github:openvex/spec, 0.2.0)."""
    for one in listed(data, "statements"):
        status = text(one, "status")
        if status not in (*_STATUSES, *_OPEN):
            continue
        vulnerability = one.get("vulnerability")
        if isinstance(vulnerability, str):
            ids = [vulnerability]
        else:
            ids = [text(vulnerability, "name"), *listed(vulnerability, "aliases")]
        said = _said(status, text(one, "justification")) if status in _STATUSES else ""
        date = _date(text(one, "timestamp")) or _date(text(data, "timestamp"))
        for product in listed(one, "products"):
            names = [product] if isinstance(product, str) else _names(product)
            inner = [] if isinstance(product, str) else listed(product, "subcomponents")
            packages = {_package([sub] if isinstance(sub, str) else _names(sub), bool(said)) for sub in inner}
            found = next(filter(None, map(product_of, names)), None)
            if not said and "" in packages:
                packages = set()  # of a package that is not known: it may be any
            elif inner and not packages - {""}:
                continue
            if found:
                yield Statement(_ids(ids), found, frozenset(packages - {""}), said, date)


def _package(purls: list[str], versioned: bool) -> str:
    """Return the package of package URLs, with its version if it has one and that is asked for; "" for none."""
    purl = next(filter(package_of, purls), "")
    version = version_of(purl) if versioned else ""
    return f"{package_of(purl)}@{version}" if version else package_of(purl)


def _date(written: str) -> str:
    """Return a time in UTC, in a form that sorts; "" if it is none."""
    try:
        time = datetime.fromisoformat(written)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC).isoformat(timespec="microseconds")
    except (ValueError, OverflowError):
        return ""


def _names(product: Any) -> list[str]:
    return [text(product, "@id"), text(part(product, "identifiers"), "purl")]


def csaf(data: Any) -> Iterator[Statement]:
    """Yield the statements of CSAF 2.0 (docs.oasis-open.org/csaf) that a vulnerability is none, or is fixed."""
    products = _products(part(data, "product_tree"))
    date = _date(text(part(data, "document", "tracking"), "current_release_date"))
    for one in listed(data, "vulnerabilities"):
        status = part(one, "product_status")
        justified = {id: text(flag, "label") for flag in listed(one, "flags") for id in listed(flag, "product_ids")}
        for key, word in (("known_not_affected", "not_affected"), ("fixed", "fixed"), ("first_fixed", "fixed")):
            for id in listed(status, key):
                product, package = products.get(id, (None, ""))
                if product:
                    packages = frozenset([package] if package else [])
                    yield Statement(
                        _ids([text(one, "cve")]), product, packages, _said(word, justified.get(id, "")), date
                    )


def _products(tree: dict[str, Any]) -> dict[str, tuple[Product | None, str]]:
    """Return the image, and the package in it if it is one of it alone, of each product of a CSAF document."""
    purls: dict[str, str] = {}
    waiting = [tree]
    while waiting and len(purls) < _MOST_PRODUCTS:
        branch = waiting.pop()
        waiting += map(table, listed(branch, "branches"))
        for product in [*listed(branch, "full_product_names"), part(branch, "product")]:
            purls[text(product, "product_id")] = text(part(product, "product_identification_helper"), "purl")
    found = {id: (product_of(purl), "") for id, purl in purls.items()}
    for one in listed(tree, "relationships"):
        image = found.get(text(one, "relates_to_product_reference"), (None, ""))[0]
        package = _package([purls.get(text(one, "product_reference"), "")], versioned=True)
        if image and package:
            found[text(part(one, "full_product_name"), "product_id")] = (image, package)
    return found


def _ids(ids: list[Any]) -> frozenset[str]:
    texts = [id for id in ids if isinstance(id, str) and id]
    return frozenset([*texts, canonical(texts[0], texts)]) if texts else frozenset()


def _said(status: str, why: str) -> str:
    return f"{status.replace('_', ' ')}, by VEX" + (f": {why.replace('_', ' ')}" if why else "")
