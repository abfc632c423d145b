"""VEX: statements that a vulnerability is none in an image, as OpenVEX and CSAF 2.0 have them."""

from collections.abc import Callable, Iterable, Iterator
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
)

_STATUSES = ("not_affected", "fixed")
_MOST_PRODUCTS = 100_000


def excluded(statements: Iterable[Statement], image: Named) -> Callable[[str, str], str]:
    """Return a function that gives why a vulnerability, by its id and its package, is none in an image, "" where no
    statement says so."""
    by_id: dict[str, list[Statement]] = {}
    for one in statements:
        if _is(one.product, image):
            for id in one.ids:
                by_id.setdefault(id, []).append(one)

    def why(id: str, package: str) -> str:
        about = (one for one in by_id.get(id, ()) if not one.packages or package in one.packages)
        return next((one.status for one in about), "")

    return why


def _is(product: Product, image: Named) -> bool:
    """Return whether a product is an image: by its digest if it names one, which is these bytes wherever they lie."""
    if product.digest:
        return product.digest in image.digests
    names = (name.rpartition(":") for name in image.names)
    return any(repository == product.repository and product.tag in ("", tag) for repository, _, tag in names)


def openvex(data: Any) -> Iterator[Statement]:
    """Yield the statements of OpenVEX (github:openvex/spec, 0.2.0) that a vulnerability is none, or is fixed."""
    for one in listed(data, "statements"):
        status = text(one, "status")
        if status not in _STATUSES:
            continue
        vulnerability = one.get("vulnerability")
        if isinstance(vulnerability, str):
            ids = [vulnerability]
        else:
            ids = [text(vulnerability, "name"), *listed(vulnerability, "aliases")]
        why = text(one, "justification")
        for product in listed(one, "products"):
            names = [product] if isinstance(product, str) else _names(product)
            inner = [] if isinstance(product, str) else listed(product, "subcomponents")
            packages = {package_of(name) for sub in inner for name in ([sub] if isinstance(sub, str) else _names(sub))}
            found = next(filter(None, map(product_of, names)), None)
            if found and (not inner or packages - {""}):
                yield Statement(_ids(ids), found, frozenset(packages - {""}), _said(status, why))


def _names(product: Any) -> list[str]:
    return [text(product, "@id"), text(part(product, "identifiers"), "purl")]


def csaf(data: Any) -> Iterator[Statement]:
    """Yield the statements of CSAF 2.0 (docs.oasis-open.org/csaf) that a vulnerability is none, or is fixed."""
    products = _products(part(data, "product_tree"))
    for one in listed(data, "vulnerabilities"):
        status = part(one, "product_status")
        justified = {id: text(flag, "label") for flag in listed(one, "flags") for id in listed(flag, "product_ids")}
        for key, word in (("known_not_affected", "not_affected"), ("fixed", "fixed"), ("first_fixed", "fixed")):
            for id in listed(status, key):
                product, package = products.get(id, (None, ""))
                if product:
                    packages = frozenset([package] if package else [])
                    yield Statement(_ids([text(one, "cve")]), product, packages, _said(word, justified.get(id, "")))


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
        package = package_of(purls.get(text(one, "product_reference"), ""))
        if image and package:
            found[text(part(one, "full_product_name"), "product_id")] = (image, package)
    return found


def _ids(ids: list[Any]) -> frozenset[str]:
    texts = [id for id in ids if isinstance(id, str) and id]
    return frozenset([*texts, canonical(texts[0], texts)]) if texts else frozenset()


def _said(status: str, why: str) -> str:
    return f"{status.replace('_', ' ')}, by VEX" + (f": {why.replace('_', ' ')}" if why else "")
