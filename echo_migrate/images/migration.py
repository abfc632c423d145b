"""The migration of one image reference on its own: its target, the edits, and whether they are safe.

Rules, summary and reports all use this assessment, so that they cannot disagree.
"""

from collections.abc import Mapping

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Edit, Traced, apply
from echo_migrate.images.catalog import Catalog, Row, Upstream
from echo_migrate.images.end_of_life import end_of_line, published_since
from echo_migrate.images.facts import ImageFacts, listed
from echo_migrate.images.parts import spell, tagged, worded
from echo_migrate.images.reference import VARIABLE, Reference, TagWord, is_version, name_change, parse, tag_change
from echo_migrate.images.state import state_in_volume
from echo_migrate.images.upstream import lines
from echo_migrate.model import COMMON_PLATFORMS, Basis, Image, Migration, Variant
from echo_migrate.reasons import Reason, because

_PLACEHOLDER = lazy_regex(
    r"[A-Z][A-Z0-9_]+/|[^/]{0,50}(?:<[^<>]{1,50}>|@\w{1,50}@|%\w{1,50}%|__\w{1,50}__|\{\{[^{}]{1,50}\}\})"
)
"""A placeholder that a script replaces, usually with a registry."""


def assess(
    image: Image, catalog: Catalog, seen_only: bool = False, today: str = "", variant: Variant = "runtime"
) -> Migration:
    """Return the migration of one image on its own. ``today`` is the ISO date for end-of-life checks, "" for none."""
    if image.local:
        return Migration(image, "local", reasons=())
    value = image.ref.value
    try:
        reference = parse(value)
    except ValueError:
        written = because("template" if _PLACEHOLDER.match(value) else "not-a-reference")
        reason = _no_value(image) if "$" in value else written
        return Migration(image, "needs-person", reasons=(image.not_editable or reason,))
    if "$" in reference.name:
        return _elsewhere(image, catalog, today)
    vendor = catalog.hardened(reference)
    upstream = catalog.upstream(reference)
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
        name = ":".join([upstream.name, *sorted(row.words)[:1]]) if row else upstream.name
        reason = because("not-offered", provider=catalog.title, name=name)
        return Migration(image, "no-replacement", upstream.name, reasons=(reason,), likely=upstream.likely)
    successor = "" if row.own else catalog.successor(reference)
    if successor:
        reason = because("deprecated", name=upstream.name, successor=successor)
        return Migration(image, "needs-person", upstream.name, reasons=(reason,), likely=upstream.likely)
    return _Target(image, reference, upstream, row, catalog, seen_only, today, variant).move()


def _elsewhere(image: Image, catalog: Catalog, today: str) -> Migration:
    """Return the migration of an image whose name is set elsewhere: needs review, with a target if that is known."""
    unknown = Migration(image, "needs-person", reasons=(image.not_editable or _no_value(image),))
    if not image.resolved:
        return unknown
    known = assess(image._replace(ref=Traced(image.resolved, ()), resolved="", unsettled=()), catalog, today=today)
    if known.state not in ("migrate", "needs-person") or "$" in image.resolved:
        return unknown
    reason = image.not_editable or because("set-elsewhere", value=image.resolved)
    return known._replace(image=image, state="needs-person", edits=(), reasons=(reason,))


def _no_value(image: Image) -> Reason:
    if image.unsettled and all(name.startswith("matrix.") for name in image.unsettled):
        return because("matrix", names=", ".join(image.unsettled))
    return because("no-value", names=", ".join(image.unsettled or (image.shown,)))


class _Target:
    """Determines one target, and collects the reasons why the migration is unsafe."""

    def __init__(
        self,
        image: Image,
        reference: Reference,
        upstream: Upstream,
        row: Row,
        catalog: Catalog,
        seen_only: bool,
        today: str,
        variant: Variant,
    ) -> None:
        self.variant = variant
        self.image = image
        self.reference = reference
        self.upstream = upstream
        self.row = row
        self.catalog = catalog
        self.seen_only = seen_only
        self.today = today
        self.unsafe_reasons: list[Reason] = []
        self.unpublished: list[str] = []
        self.seen = row.seen
        known = catalog.tags == "listed" and not row.own
        self.published: dict[str, ImageFacts] = listed(row.image or "", catalog.vendor) if known else {}

    def move(self) -> Migration:
        image, reference, catalog = self.image, self.reference, self.catalog
        name = f"{catalog.registry}/{self.row.image}"
        changes = [name_change(reference.name, name)]
        listed_tags = catalog.tags == "listed" and not self.row.own and "$" not in (reference.tag or "")
        if not listed_tags:
            self._age()
        tag = self._listed_tag() if listed_tags else self._tag()
        missing: Reason | None = None
        if isinstance(tag, Reason):
            missing = tag
        elif tag and tag[0][:2] == (changes[0][1], changes[0][1]) != changes[0][:2]:
            changes = [(changes[0][0], changes[0][1], changes[0][2] + tag[0][2])]  # a tag added to a whole new name
        else:
            changes += tag
        if reference.digest is not None:
            start, text = len(image.ref.value) - len(reference.digest) - 1, ""
            if changes[-1][1] == start:
                start, _, text = changes.pop()
            changes.append((start, len(image.ref.value), text))
            self.unsafe_reasons.append(because("digest"))
            if reference.tag is None:
                missing = because("digest-alone")
        target = tagged(image.parts, apply(image.ref.value, [Edit(*change) for change in changes]))
        self._circumstances(target)
        basis = self._basis()
        if basis == "inferred" or (self.seen_only and basis == "offered"):
            self.unsafe_reasons.append(because("inferred" if basis == "inferred" else "offered"))
        found = Migration(image, "needs-person", self.upstream.name, name, (), (), basis, self.upstream.likely)
        if not missing and image.choices and not self._keeps_choices(target):
            missing = because("choices-differ")
        if missing or not self.upstream.movable:
            return found._replace(reasons=tuple(dict.fromkeys(filter(None, (missing, *self.unsafe_reasons)))))
        self._known_tag(target, name)
        if any(reason.id == "tag-unknown" for reason in self.unsafe_reasons):
            return found._replace(reasons=tuple(self.unsafe_reasons))
        found = found._replace(target=target)
        if image.not_editable or not (image.ref.spans or image.parts):
            return found._replace(reasons=(image.not_editable or because("cannot-edit"),))
        edits = spell(image.parts, target) if image.parts else self._spelt(changes)
        if edits is None:
            number = image.parts and worded(image.parts, target)
            apart = because("number") if number else because("no-key" if image.parts else "separate-arguments")
            return found._replace(reasons=(*self.unsafe_reasons, apart))
        if not image.parts and any(map(image.ref.repeats, edits)):
            return found._replace(reasons=(*self.unsafe_reasons, because("repeated")))
        for start, end, reason in image.shared_spans:
            if reason not in self.unsafe_reasons and any(edit.start <= end and start <= edit.end for edit in edits):
                self.unsafe_reasons.append(reason)
        return found._replace(
            state="needs-person" if self.unsafe_reasons else "migrate", edits=edits, reasons=tuple(self.unsafe_reasons)
        )

    def _listed_tag(self) -> list[tuple[int, int, str]] | Reason:
        """Return the change to the tag of the provider's list that means what the reference's tag means, of the variant
        asked for where there is one, or why there is none."""
        from echo_migrate.images.tags import choose, nearest  # most runs are for a provider without a list

        catalog, image, name = self.catalog, self.row.image or "", self.upstream.name
        written, build = self.reference.tag or "latest", self.variant == "dev"
        system = catalog.word_family(name)
        if self.published and system and all(facts.family != system for facts in self.published.values()):
            self.unsafe_reasons.append(because("drops-words", words=written, provider=catalog.title))
            written = "latest"  # the version is a release of another distribution
        choice = choose(name, written, image, catalog, build)
        if not choice:
            choice = choose(name, written, image, catalog, not build)
            if not choice:
                self._age()
                near = nearest(name, written, image, catalog)
                if not near:
                    return because("image-unlisted", image=image, date=catalog.date)
                return because("tag-unlisted", image=image, tag=written, date=catalog.date, nearest=near)
            if not build:
                self.unsafe_reasons.append(because("one-variant", image=image))
        target = self.published[choice.tag]
        if choice.floating:
            self.unsafe_reasons.append(because("floating", tag=written, target=choice.tag))
        if choice.line:
            line = choice.tag.partition("-")[0]
            self.unsafe_reasons.append(
                because("drops-version", version=self.reference.words[0].text, image=image, line=line)
            )
        if choice.behind:
            self.unsafe_reasons.append(because("behind", target=choice.tag, version=choice.behind, date=catalog.date))
        if choice.release:
            self.unsafe_reasons.append(because("release", before=choice.release.title(), target=choice.tag))
        if not target.eol:
            self._age()
        elif self.today and target.eol < self.today:
            shown = f"{image}:{choice.tag}"
            self.unsafe_reasons.append(because("ended", line=shown, date=f" on {target.eol}", follower="a newer one"))
        word = next((one for one in map(catalog.word_family, self._texts()) if one), None)
        self._family(word, target.family or catalog.family)
        return tag_change(self.reference.name_end, self.reference.tag, choice.tag)

    def _basis(self) -> Basis:
        """Return how well it is known that the provider has the image and the release line."""
        catalog, image = self.catalog, self.row.image or ""
        if self.row.own or "*" in catalog.seen or (self.row.seen and self.seen and self._line_is_seen()):
            return "seen"
        return "offered" if self.row.seen or image in catalog.offered else "inferred"

    def _line_is_seen(self) -> bool:
        """Return whether there is public evidence of the release line in the tag."""
        words = self.reference.words
        named = lines(words[0].text) if words else ["latest"]
        return any(f"{self.row.image}:{line}" in self.catalog.seen for line in named)

    def _age(self) -> None:
        """Add a reason if the version reached end of life, or was last published before the provider began."""
        name, catalog = self.upstream.name, self.catalog
        first = next(iter(self._texts()), "")
        version = (name == "debian" and catalog.release_number(first)) or first
        if not version or not is_version(version) or "$" in version or self.row.own:
            return
        if f"{self.row.image}:{version}" in catalog.seen:
            return
        end = end_of_line(name, version, self.today) if self.today else None
        if end and not end.until and not self._line_is_seen():
            date = f" on {end.date}" if end.date else ""
            self.unsafe_reasons.append(
                because("ended", line=end.shown, date=date, follower=end.follower or "a newer one")
            )
        elif catalog.since and not published_since(name, version):
            self.unsafe_reasons.append(because("unpublished", version=version, since=catalog.since))

    def _keeps_choices(self, target: str) -> bool:
        """Return whether the target fits each choice of variable values; adds the reasons of all of them."""
        kept = True
        for values in map(dict, self.image.choices):
            value = _with(values, self.image.ref.value)
            move = assess(
                Image(Traced.of(value, 0, len(value)), self.image.where, 0, len(value)),
                self.catalog,
                self.seen_only,
                self.today,
            )
            kept = kept and move.target == _with(values, target)
            self.unsafe_reasons += [reason for reason in move.reasons if reason not in self.unsafe_reasons]
        return kept

    def _spelt(self, changes: list[tuple[int, int, str]]) -> tuple[Edit, ...] | None:
        """Return the edits for the changes at their source spans, or None if a change does not fit into one."""
        places = [self.image.ref.replace(*change) for change in changes]
        torn = [edit for edits in places if len(edits) > 1 for edit in edits if not self._within(edit)]
        if len(torn) > 1 or any(not edit.text for edit in torn):
            return None
        return tuple(edit for place in places for edit in place)

    def _within(self, edit: Edit) -> bool:
        """Return whether an edit is inside the expression, so that it changes no build argument."""
        return self.image.start <= edit.start and edit.end <= self.image.end

    def _tag(self) -> list[tuple[int, int, str]] | Reason:
        """Return the changes to the tag, or the reason why no tag remains."""
        words = self.reference.words
        if not words:
            self._undivided()
            return []
        catalog, name = self.catalog, self.upstream.name
        changes, functions = list[tuple[int, int, str]](), list[str]()
        versioned, family = is_version(words[0].text), None
        line = next((one for one in lines(words[0].text) if one in self.row.words), None) if versioned else None
        if line:
            return self._in_the_name(line)
        if self.row.own and self.row.words.issuperset(self._texts()):
            return [(self.reference.name_end, words[-1].end, "")]  # the row of a user takes the place of the whole tag
        for word in words[1:] if versioned else words:
            text = word.text
            if "$" in text:
                continue  # kept as written; the missing value is a reason of its own
            if text in self.row.words:
                changes.append(self._without(word))
                continue
            family = family or catalog.word_family(text)
            number = catalog.release_number(text) if name == "debian" and word is words[0] else None
            if number:
                changes.append((word.start, word.end, number))
                versioned = True
            elif catalog.publishes(name, text):
                self.seen = self.seen and f"{self.row.image}:{text}" in catalog.seen
            else:
                changes.append(self._without(word))
                if catalog.word_family(text) or text == "slim" or (text.isdigit() and len(text) == 8):
                    self._dropped(text, catalog.word_family(text))
                elif text not in catalog.facts.plain.get(name, ()):
                    functions.append(text)
        if functions and versioned:
            return because("no-such-word", words="-".join(functions), provider=catalog.title)
        if not versioned:
            return because("no-version", tag=self.reference.tag or "", name=self.upstream.name)
        self._leaves_out()
        if family is None:
            self._undivided()
        return changes

    def _texts(self) -> list[str]:
        return [word.text for word in self.reference.words]

    def _in_the_name(self, line: str) -> list[tuple[int, int, str]]:
        """Return the changes if the provider's image name includes the version: the tag is removed."""
        first, *rest = self._texts()
        if first != line:
            self.unsafe_reasons.append(because("drops-version", version=first, image=self.row.image or "", line=line))
        for text in rest:
            self._dropped(text, self.catalog.word_family(text))
        self._leaves_out()
        end = self.reference.name_end
        return [(end, end + 1 + len(self.reference.tag or ""), "")]

    def _leaves_out(self) -> None:
        if self.unpublished:
            words = "-".join(self.unpublished)
            self.unsafe_reasons.append(because("drops-words", words=words, provider=self.catalog.title))

    def _known_tag(self, target: str, name: str) -> None:
        """Add a reason if the provider is not known to have the new tag."""
        tag = target[len(name) + 1 :] if target.startswith(f"{name}:") else "latest"
        if self.row.own or self.catalog.tags == "unconfirmed":
            return
        if self.catalog.tags == "unknown":
            self.unsafe_reasons.append(because("tags-unknown", image=name))
        elif tag not in self.published and "$" not in tag:
            self.unsafe_reasons.append(because("tag-unknown", image=name, tag=tag))

    def _without(self, word: TagWord) -> tuple[int, int, str]:
        """Return the change that removes a word from the tag, with the dash before it (after it for the first word)."""
        first = word.start == self.reference.name_end + 1
        return (word.start, word.end + 1, "") if first else (word.start - 1, word.end, "")

    def _dropped(self, text: str, family: str | None) -> None:
        if family and family != self.catalog.family:
            self.unsafe_reasons.append(
                because("no-variant", provider=self.catalog.title, **_change(family, self.catalog.family))
            )
        else:
            self.unpublished.append(text)

    def _undivided(self) -> None:
        """Add a reason if a tag has no distribution word and there is no evidence that the family stays the same."""
        if not (self.row.seen and (self.catalog.drop_in or self.row.own)):
            self._family(None, self.catalog.family)

    def _family(self, word: str | None, target: str | None) -> None:
        """Add a reason if the distribution family changes, or is not known; ``word`` is that of the tag, if any."""
        words = self._texts()
        known = word or self.catalog.family_of(self.upstream.name, words[0] if words else "")
        if known is None:
            self.unsafe_reasons.append(because("family-unknown", name=self.upstream.name))
        elif known != target:
            self.unsafe_reasons.append(because("family", **_change(known, target or "another")))

    def _circumstances(self, target: str) -> None:
        image = self.image
        if self.upstream.doubt:
            self.unsafe_reasons.append(self.upstream.doubt)
        self.unsafe_reasons += image.unsafe_reasons
        if image.needs_login and self.catalog.login and not self._logged_in():
            self.unsafe_reasons.append(image.needs_login.given(registry=self.catalog.registry.partition("/")[0]))
        if image.platform not in COMMON_PLATFORMS:
            self.unsafe_reasons.append(because("platform", platform=image.platform))
        if image.unsettled or ("$" in image.ref.value and not image.choices):
            self.unsafe_reasons.append(_no_value(image))
        self.unsafe_reasons += state_in_volume(image.ref.value, target, image.mounts, self.catalog)

    def _logged_in(self) -> bool:
        """Return whether the image's login names the provider or its registry."""
        login, host = self.image.login.lower(), self.catalog.registry.partition("/")[0]
        return host in login or any(
            part in login for part in (f"{self.catalog.provider}_", f"_{self.catalog.provider}")
        )


def _with(values: Mapping[str, str], text: str) -> str:
    """Return a text with variables replaced by their values."""
    return VARIABLE.sub(lambda found: values.get(found[0], found[0]), text)


def _change(before: str, after: str) -> dict[str, str]:
    """Return the change of a distribution family as parameters of a reason."""
    libc = " (musl to glibc)" if before == "alpine" else ""
    return {"before": _title(before), "after": _title(after), "libc": libc}


def _title(family: str) -> str:
    return {"redhat": "Red Hat", "another": "another distribution"}.get(family, family.title())
