"""The migration of one image reference on its own: its target, the edits, and whether they are safe.

Rules, summary and reports all use this assessment, so that they cannot disagree.
"""

from functools import lru_cache, partial
from typing import TYPE_CHECKING

from echo_migrate.files.data import blocks
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Edit, Traced, apply
from echo_migrate.files.spelling import few
from echo_migrate.images.catalog import Catalog, Row, Upstream, load
from echo_migrate.images.providers import UPSTREAM
from echo_migrate.images.reference import VARIABLE, Reference, bare_name, is_open, is_version, parse, parsed, variables
from echo_migrate.images.state import keeps_data
from echo_migrate.images.target import Target, no_value
from echo_migrate.images.target_tag import TargetTag
from echo_migrate.model import Image, Migration, Variant
from echo_migrate.model.reasons import Reason, because

if TYPE_CHECKING:
    from echo_migrate.images.origin import Origin

_ACCOUNT = lazy_regex(r"<[^<>]{1,50}>|\b[A-Z][A-Z0-9_]+\b")
"""What stands for the account or the region in the host of a registry."""
_ATTRIBUTE = lazy_regex(r"(?:.*\.)?(\w+)\.\w+(?:\[[^\[\]]*\])?(\.\w+)")
"""An attribute of a resource of Terraform, by the kind of the resource and the attribute."""
_PLACEHOLDER = lazy_regex(
    r"[A-Z][A-Z0-9_]+/|[A-Z][A-Z0-9]*(?:[_-][A-Z0-9]+)+(?:$|[:/@])|[^/]{0,50}(?:<[^<>]{1,50}>|@\w{1,50}@|%\w{1,50}%|__\w{1,50}__|\{\{[^{}]{1,50}\}\})"
    r"|\S{0,200}?%[dqsv](?![\w%])"
)
"""A placeholder that a script replaces, usually with a registry; words in capitals, which no name has; or a verb of
``printf``."""

_KO = ("ko://", "bitbucket.org/", "github.com/", "gitlab.com/", "golang.org/")
"""How a manifest names an image that ko builds, by the import path of its Go program (https://ko.build), with or, as it
was before its version 0.6, without a scheme; no registry is at these hosts."""

_VERSIONED = lazy_regex(r"(?<![\d.])[\d.]*(?:-debian\d+)?$")


def assess(
    image: Image,
    catalog: Catalog,
    seen_only: bool = False,
    today: str = "",
    variant: Variant = "runtime",
    text: str | None = None,
) -> Migration:
    """Return the migration of one image on its own. ``today`` is the ISO date for end-of-life checks, "" for none;
    ``text`` is the file that names it, None if it is not known."""
    if image.local:
        return Migration(image, "local", reasons=())
    value = image.ref.value
    if value.startswith(_KO):
        return Migration(image, "first-party", reasons=(because("first-party"),))
    try:
        reference = parse(value)
    except ValueError:
        if _is_kept_apart(value, catalog):
            return Migration(image, "first-party", reasons=(because("first-party"),))
        written = because("template" if _PLACEHOLDER.match(value) else "not-a-reference")
        reason = no_value(image) if is_open(value) else written
        return Migration(image, "needs-person", reasons=(image.not_editable or reason,))
    if is_open(reference.name):
        return _elsewhere(image, reference, catalog, today)
    place = catalog.crossing(reference)
    if place:
        return _across(image, reference, place, catalog, seen_only, today, variant, text)
    vendor = catalog.hardened(reference)
    upstream = catalog.upstream(reference)
    if catalog.vendor == UPSTREAM and upstream:
        return Migration(image, "hardened", upstream.name, reasons=(because("at-upstream"),))
    if vendor:
        tail = reference.repository.rpartition("/")[2]
        name = upstream.name if upstream and not upstream.likely else tail if tail in catalog.rows else None
        return Migration(image, "hardened", name, reasons=(because("hardened", vendor=vendor),))
    if not upstream:
        if catalog.first_party(reference):
            return Migration(image, "first-party", reasons=(because("first-party"),))
        return Migration(image, "no-replacement", reasons=(because("unknown-image"),))
    row = catalog.row(upstream.name, frozenset(word.text for word in reference.words))
    if not row or not row.image:
        reason = _not_offered(reference, upstream.name, row, catalog)
        return Migration(image, "no-replacement", upstream.name, reasons=(reason,), likely=upstream.likely)
    successor = "" if row.own else catalog.successor(reference)
    if successor:
        reason = because("deprecated", name=upstream.name, successor=successor)
        return Migration(image, "needs-person", upstream.name, reasons=(reason,), likely=upstream.likely)
    row = row._replace(image=catalog.preferred(row.image))
    alone = partial(assess, catalog=catalog, seen_only=seen_only, today=today)
    tag = TargetTag(reference, upstream.name, row, catalog, today, variant, keeps_data(image, catalog))
    return Target(image, reference, upstream, row, catalog, seen_only, today, tag, alone, text).move()


def _not_offered(reference: Reference, name: str, row: Row | None, catalog: Catalog) -> Reason:
    """Return the reason why a provider has no image for a reference, by the row that says so, None if there is none."""
    lacking = sorted(row.words)[:1] if row else []
    if lacking and not is_version(lacking[0]):
        return because("variant-not-offered", provider=catalog.title, name=name, word=lacking[0])
    first = [word.text for word in reference.words[:1] if is_version(word.text) and not is_open(word.text)]
    line = lacking or (first if name in catalog.rows and not row else [])
    return because("not-offered", provider=catalog.title, name=":".join([name, *line]))


def _across(
    image: Image,
    reference: Reference,
    place: tuple[str, str],
    catalog: Catalog,
    seen_only: bool,
    today: str,
    variant: Variant,
    text: str | None,
) -> Migration:
    """Return the migration of a vendor's image, by way of the upstream image that it takes the place of."""
    from echo_migrate.images.origin import CrossingTag  # few runs leave a vendor

    if is_open(reference.tag or ""):
        return Migration(image, "needs-person", reasons=(image.not_editable or no_value(image),))
    if reference.digest is not None and reference.tag is None:
        return Migration(image, "needs-person", reasons=(image.not_editable or because("digest-alone"),))
    found = _origin(reference, place, today)
    vendor = _titled(place[0], catalog)
    if found is None and catalog.vendor != UPSTREAM and place[0] not in catalog.facts.gone:
        return Migration(image, "hardened", reasons=(because("hardened", vendor=vendor),))
    if found is None:
        return Migration(image, "needs-person", reasons=(image.not_editable or because("no-origin", vendor=vendor),))
    row = catalog.row(found.name, frozenset((found.tag or "latest").split("-")))
    if not row or not row.image:
        unknown = because("no-home", name=found.name) if catalog.vendor == UPSTREAM else None
        reason = unknown or because("not-offered", provider=catalog.title, name=found.name)
        return Migration(image, "no-replacement", found.name, reasons=(reason,))
    row = row._replace(image=catalog.preferred(row.image))
    alone = partial(assess, catalog=catalog, seen_only=seen_only, today=today)
    tag = CrossingTag(reference, found, row, catalog, today, found.variant or variant)
    move = Target(image, reference, Upstream(found.name), row, catalog, seen_only, today, tag, alone, text).move()
    if move.edits and found.others and _differ(found, catalog, today, found.variant or variant):
        names = few([f"{found.name}:{one}" for one in (found.tag or "latest", *found.others)])
        reason = because("several-origins", vendor=vendor, names=names)
        move = move._replace(state="needs-person", reasons=(*move.reasons, reason))
    offered = catalog.vendor == UPSTREAM or place[0] in catalog.facts.gone
    return move if offered or not any(one.id in _CHANGES for one in move.reasons) else move._replace(edits=())


def _differ(origin: "Origin", catalog: Catalog, today: str, variant: Variant) -> bool:
    """Return whether the upstream images that a vendor's one stands for have different targets."""
    targets: set[tuple[str | None, object]] = set()
    for tag in (origin.tag or "latest", *origin.others):
        value = f"{origin.name}:{tag}"
        row = catalog.row(origin.name, frozenset(tag.split("-")))
        if catalog.vendor == UPSTREAM or not row or not row.image:
            targets.add((None, value))
            continue
        row = row._replace(image=catalog.preferred(row.image))
        changes = TargetTag(parse(value), origin.name, row, catalog, today, variant).changes()
        named = changes if isinstance(changes, Reason) else apply(value, [Edit(*one) for one in changes])
        targets.add((row.image, named))
    return len(targets) > 1


def _titled(vendor: str, catalog: Catalog) -> str:
    """Return the title of a vendor, or of one whose registry was turned off."""
    gone = catalog.facts.gone
    return gone[vendor]["title"] if vendor in gone else load(vendor).title


_CHANGES = (
    "drops-version",
    "drops-words",
    "family",
    "family-unknown",
    "floating",
    "one-variant",
    "release",
    "several-origins",
    "version-unstated",
)
"""Reasons for which an image is not offered from vendor to vendor: another version, variant or distribution."""


@lru_cache(maxsize=4096)
def _origin(reference: Reference, place: tuple[str, str], today: str) -> "Origin | None":
    from echo_migrate.images.origin import origin

    def forward(value: str, catalog: Catalog, variant: Variant) -> Migration:
        image = Image(Traced.of(value, 0, len(value)), "FROM", 0, len(value))
        return assess(image, catalog, today=today, variant=variant)

    return origin(reference, place, forward)


def _owned(reference: Reference, catalog: Catalog) -> bool:
    """Return whether an image with variables in its name is its owner's whatever these are: by its host, by what only
    its owner sets, or by the project that a variable stands for; a mirror of public images is not."""
    host, _, path = reference.name.partition("/")
    project, *rest = path.split("/")
    if "library" in (project, *rest[:-1]):
        return False  # Docker Hub, or a mirror of it
    names = map(bare_name, variables(reference.name))
    if any(not {name, _ATTRIBUTE.sub(r"\1\2", name)}.isdisjoint(catalog.facts.owned) for name in names):
        return True
    if path.rpartition("/")[2] in catalog.facts.names:
        return False  # it may be a mirror of public images
    if host in catalog.facts.projects:
        return is_open(project) and any(not is_open(part) and not _of_distroless(part) for part in rest)
    known = parsed(VARIABLE.sub("x", reference.name))
    hosted = known is not None and "/" in catalog.path(known)  # a name alone is Docker Hub's, whatever it is
    return bool(known and hosted and catalog.first_party(known) and not catalog.upstream(known))


def _is_kept_apart(value: str, catalog: Catalog) -> bool:
    """Return whether a name whose host has placeholders, such as those of an account, is on a registry of its owner."""
    host, _, path = value.partition("/")
    filled = _ACCOUNT.sub("x", host)
    known = parsed(f"{filled}/{_ACCOUNT.sub('x', path)}") if path and filled != host else None
    apart = known and catalog.first_party(known) and not catalog.upstream(known)
    return bool(apart) and known is not None and known.name.rpartition("/")[2] not in catalog.facts.names


def _of_distroless(name: str) -> bool:
    """Return whether a name is that of a distroless image, with a version and a release of Debian or without."""
    return _VERSIONED.sub("", name) in blocks("images/distroless.yaml")


def _elsewhere(image: Image, reference: Reference, catalog: Catalog, today: str) -> Migration:
    """Return the migration of an image whose name is set elsewhere: needs review, with a target if that is known; one
    that is its owner's whatever is set does not."""
    unknown = Migration(image, "needs-person", reasons=(image.not_editable or no_value(image),))
    if not image.resolved and _owned(reference, catalog):
        return Migration(image, "first-party", reasons=(because("first-party"),))
    if not image.resolved:
        return unknown
    known = assess(image.settled, catalog, today=today)
    if known.state not in ("migrate", "needs-person") or is_open(image.resolved):
        return unknown
    reason = image.not_editable or because("set-elsewhere", value=image.resolved)
    return known._replace(image=image, state="needs-person", edits=(), reasons=(reason,))
