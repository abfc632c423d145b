"""Before and after: what is known of an image in use, and of the one that it moves to.

It is known from the registry (size, user, ports; with its layers packages and shell), from a bill of materials that the
user has (packages), or from published facts (user, shell, ports). What is not known of both is not compared.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from echo_migrate.images.answers import Config
from echo_migrate.images.catalog import Catalog
from echo_migrate.images.facts import facts_of, is_root
from echo_migrate.images.reference import full_name, parsed
from echo_migrate.reports import visible
from echo_migrate.reports.migration.figures import Figure, Index
from echo_migrate.reports.migration.rows import ReportRow

FIELDS = ("size", "packages", "user", "shell", "ports")


class Side(NamedTuple):
    """What is known of an image; a field is None where it is not. ``size`` is in bytes, compressed, ``packages`` the
    number of installed ones, and ``sources`` where all of it is from."""

    size: int | None = None
    packages: int | None = None
    user: str | None = None
    shell: bool | None = None
    ports: tuple[str, ...] | None = None
    sources: tuple[str, ...] = ()

    @property
    def by_layers(self) -> bool:
        """Whether its packages are those of its layers, which are of the system alone."""
        return "layers" in self.sources


class Pair(NamedTuple):
    """An image in use and the one that it moves to, what is known of each, and the references."""

    before: str
    after: str
    old: Side
    new: Side
    figure: Figure

    def both(self, field: str) -> bool:
        """Return whether a field is known of both images, and of the same packages: layers have the system's alone."""
        known = getattr(self.old, field) is not None and getattr(self.new, field) is not None
        return known and not (field == "packages" and self.old.by_layers != self.new.by_layers)

    def differ(self, field: str) -> bool:
        """Return whether a field is known of both images, and is not the same."""
        return self.both(field) and getattr(self.old, field) != getattr(self.new, field)

    def told(self, field: str) -> str:
        """Return a field before and after as text; numbers of packages that are not compared have their source."""
        sides = (self.old, self.new)
        texts = [text_of(field, getattr(one, field)) for one in sides]
        if field == "packages" and not self.both(field) and None not in (self.old.packages, self.new.packages):
            by = ["layers" if one.by_layers else "a bill of materials" for one in sides]
            texts = [f"{text} (by {source})" for text, source in zip(texts, by, strict=True)]
        return " → ".join(texts)


class Images(NamedTuple):
    """The pairs that differ in something that is known of both images, and the numbers of those that do not, and of
    those of which nothing is known of both."""

    pairs: tuple[Pair, ...]
    alike: int
    others: int

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that are known of both images of a pair."""
        return tuple(field for field in FIELDS if any(pair.both(field) for pair in self.pairs))

    def known(self, field: str) -> list[Pair]:
        """Return the pairs of whose images a field is known."""
        return [pair for pair in self.pairs if pair.both(field)]

    def sums(self, field: str) -> tuple[int, int]:
        """Return the sum of a number before and after, over the pairs of which it is known."""
        known = self.known(field)
        return sum(getattr(one.old, field) for one in known), sum(getattr(one.new, field) for one in known)

    @property
    def no_longer_root(self) -> int:
        """The number of pairs whose image runs as root, and the new one as another user."""
        return sum(is_root(one.old.user or "") and not is_root(one.new.user or "") for one in self.known("user"))

    @property
    def without_shell(self) -> int:
        """The number of pairs whose image has a shell, and the new one has none."""
        return sum(bool(one.old.shell) and not one.new.shell for one in self.known("shell"))


def images(rows: Sequence[ReportRow], catalog: Catalog, packages: Mapping[str, int]) -> Images:
    """Return what is known of the images of rows and of those that they move to; ``packages`` are the numbers of
    packages in bills of materials, by full name."""
    index = Index(list(rows))
    sides: dict[str, Side] = {}

    def side(image: str) -> Side:
        if image not in sides:
            sides[image] = _side(image, catalog, packages)
        return sides[image]

    moves = dict.fromkeys((row.reference, row.target) for row in rows if row.target and row.step)
    pairs = [
        Pair(
            before,
            after,
            side(before),
            side(after.partition("@")[0]),
            index.figure(("image", before), ("target", after)),
        )
        for before, after in moves
    ]
    known = [pair for pair in pairs if any(map(pair.both, FIELDS))]
    differing = [pair for pair in known if any(map(pair.differ, FIELDS))]
    differing.sort(key=lambda pair: (-(pair.old.size or 0), -pair.figure.number, pair.before, pair.after))
    return Images(tuple(differing), len(known) - len(differing), len(pairs) - len(known))


def _side(image: str, catalog: Catalog, packages: Mapping[str, int]) -> Side:
    reference = parsed(image)
    if reference is None:
        return Side()
    name = full_name(reference)
    facts = facts_of(image, catalog)
    config: Config | None = catalog.answers.configs.get(name) if catalog.answers else None
    contents = config.contents if config else None
    listed = packages.get(name)
    size = config.size if config and config.size else None
    counted = len(contents.packages) if contents else listed
    ports = facts.ports if facts.ports or config else None
    known = facts.user is not None or ports is not None
    sources = {
        "registry": config is not None,
        "layers": contents is not None,
        "bill of materials": contents is None and listed is not None,
        "published facts": contents is None and (facts.shell is not None or (config is None and known)),
    }
    user = None if facts.user is None else visible(facts.user)
    shown = None if ports is None else tuple(map(visible, ports))
    return Side(size, counted, user, facts.shell, shown, tuple(name for name, used in sources.items() if used))


def text_of(field: str, value: Any) -> str:
    """Return what is known of a field as text."""
    if value is None:
        return "not known"
    if field == "size":
        return f"{value / 1_000_000:,.1f} MB" if value >= 1_000_000 else f"{value / 1000:,.1f} kB"
    if field == "shell":
        return "yes" if value else "no"
    return (" ".join(value) or "none") if field == "ports" else f"{value}"


def gains(found: Images) -> list[tuple[str, str, int]]:
    """Return what changes by moving, in words and figures, and the number of pairs that each is the sum of."""
    told: list[tuple[str, str, int]] = []
    for field, name in (("size", "Size, compressed"), ("packages", "Packages")):
        before, after = found.sums(field)
        if found.known(field):
            told.append((name, f"{text_of(field, before)} → {text_of(field, after)}", len(found.known(field))))
    for name, number, field in (
        ("No longer root", found.no_longer_root, "user"),
        ("No shell any more", found.without_shell, "shell"),
    ):
        if number:
            told.append((name, str(number), len(found.known(field))))
    return told
