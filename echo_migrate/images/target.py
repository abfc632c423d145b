"""The target of one image reference that has a row: its edits, and the reasons why they are not safe."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Edit, Traced, apply
from echo_migrate.files.spelling import few
from echo_migrate.images.catalog import FIPS, Catalog, Row, Upstream
from echo_migrate.images.facts import facts_of
from echo_migrate.images.parts import spell, tagged, worded
from echo_migrate.images.providers import UPSTREAM
from echo_migrate.images.reference import Reference, full_name, is_open, name_change, parsed, with_values
from echo_migrate.images.state import state_in_volume
from echo_migrate.images.target_tag import Change, TargetTag, family_change
from echo_migrate.images.upstream import numbers
from echo_migrate.model import COMMON_PLATFORMS, Basis, Image, Migration
from echo_migrate.model.reasons import Reason, because

if TYPE_CHECKING:
    from echo_migrate.images.answers import Answer

DOUBTS = (
    "inferred",
    "offered",
    "tags-unknown",
    "tag-unknown",
    "unpublished",
    "version-unknown",
    "pre-release",
    "ended",
    "ended-there",
)
"""The reasons that only doubt whether an image, or its tag, is there."""

_PLAIN = lazy_regex(r"v?\d{1,9}(?:\.\d{1,9}){1,5}")

_BEFORE_A_MOVE = frozenset(("service-alias", "service-host"))
"""The reasons against an edit which an edit beside it lifts: the others hold the move that is possible then."""

_BY_HAND_TOO = frozenset(("ended", "family", "family-unknown", "no-variant"))
"""The reasons that also hold an edit that is made by hand: what the image then is based on."""

_REBUILT = 90
"""The number of days after which a tag is said not to be rebuilt."""


def no_value(image: Image) -> Reason:
    """Return the reason for an image with a variable without a value in the file, or with a default alone."""
    if image.unsettled and all(name.lstrip("(").startswith("matrix.") for name in image.unsettled):
        return because("matrix", names=", ".join(image.unsettled))
    defaults = tuple(dict.fromkeys(name.partition(":-")[0] for name in image.unsettled if ":-" in name))
    if image.unsettled and (not is_open(image.ref.value) or len(defaults) == len(image.unsettled)):
        return because("variable-overridden", name=few(defaults or image.unsettled))
    return because("no-value", names=few(image.unsettled) or "its variables")


class Target:
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
        tag: TargetTag,
        alone: Callable[[Image], Migration],
        text: str | None,
    ) -> None:
        self.image = image
        self.reference = reference
        self.upstream = upstream
        self.row = row
        self.catalog = catalog
        self.seen_only = seen_only
        self.today = today
        self.unsafe_reasons: list[Reason] = []
        self.tag = tag
        self.alone = alone
        self.text = text

    def move(self) -> Migration:
        image, reference, catalog = self.image, self.reference, self.catalog
        name = catalog.target(self.row.image or "")
        changes = self._name_changes(name)
        tag = self.tag.changes()
        self.unsafe_reasons += self.tag.unsafe_reasons
        missing: Reason | None = None
        if self.upstream.line:
            missing = because("version-in-name", version=self.upstream.line, name=self.upstream.name)
        elif isinstance(tag, Reason):
            missing = tag
        elif tag and tag[0][:2] == (changes[-1][1], changes[-1][1]) != changes[-1][:2]:
            start, end, new = changes[-1]
            changes[-1] = start, end, new + tag[0][2]  # a tag added to a whole new name
        else:
            changes += tag
        end = len(image.ref.value) - len(f"@{reference.digest}") * (reference.digest is not None)
        plain = apply(image.ref.value[:end], [Edit(*change) for change in changes])
        answer = self._answer(plain) if not missing else None
        changes = self._with_digest(changes, end, answer.digest if answer and answer.status == "available" else "")
        if reference.digest is not None and reference.tag is None:
            missing = because("digest-alone")
        target = tagged(image.parts, apply(image.ref.value, [Edit(*change) for change in changes]))
        self._circumstances(target)
        self._fips(plain)
        basis = self._basis()
        if basis == "inferred" or (self.seen_only and basis == "offered"):
            self.unsafe_reasons.append(because("inferred" if basis == "inferred" else "offered"))
        found = Migration(image, "needs-person", self.upstream.name, name, (), (), basis, self.upstream.likely)
        if not missing and image.choices and not self._keeps_choices(target):
            missing = because("choices-differ")
        if not missing:
            self._known_tag(plain, name)
        if not missing and not answer and catalog.answers and catalog.answers.locked:
            missing = because("not-locked", target=plain)
        if answer:
            found = found._replace(status=answer.status)
            missing = missing or self._confirmed(plain, answer)
        if missing and missing.id == "no-such-tag":
            found = found._replace(status="no-such-tag")
        if missing and missing.id == "no-such-image":
            return found._replace(state="no-replacement", target=None, reasons=(missing,))
        if missing or not self.upstream.movable:
            return found._replace(reasons=tuple(dict.fromkeys(filter(None, (missing, *self.unsafe_reasons)))))
        if any(reason.id == "tag-unknown" for reason in self.unsafe_reasons):
            return found._replace(reasons=tuple(self.unsafe_reasons))
        found = found._replace(target=target)
        if image.not_editable or not (image.ref.spans or image.parts):
            why = image.not_editable or because("cannot-edit")
            too = (*_BY_HAND_TOO, image.needs_login.id) if image.needs_login else _BY_HAND_TOO
            held = [one for one in self.unsafe_reasons if one.id in too or why.id in _BEFORE_A_MOVE]
            return found._replace(reasons=(why, *held))
        if image.parts and image.parts.digest and "@" not in target:
            return found._replace(reasons=(because("digest-key"),))
        edits = spell(image.parts, target) if image.parts else self._spelt(changes)
        if edits is None:
            number = image.parts and worded(image.parts, target)
            apart = because("number") if number else because("no-key" if image.parts else "separate-arguments")
            return found._replace(reasons=(*self.unsafe_reasons, apart))
        if not image.parts and any(map(image.ref.repeats, edits)):
            return found._replace(reasons=(*self.unsafe_reasons, because("repeated")))
        if reference.digest is None and "@" in target and not image.parts and not self._within(edits[-1]):
            self.unsafe_reasons.append(because("pin-elsewhere"))
        self.unsafe_reasons += [one for one in image.shared_by(edits) if one not in self.unsafe_reasons]
        return found._replace(
            state="needs-person" if self.unsafe_reasons else "migrate", edits=edits, reasons=tuple(self.unsafe_reasons)
        )

    def _answer(self, target: str) -> "Answer | None":
        """Return the registry's answer about a target without digest; None if it is not asked, or not yet."""
        reference = parsed(target)
        if not self.catalog.answers or is_open(target) or not reference:
            return None
        return self.catalog.answers.image(full_name(reference))

    def _with_digest(self, changes: list[Change], end: int, digest: str) -> list[Change]:
        """Return the changes with that of the digest, which begins at ``end`` in the reference if it has one.

        ``digest`` is that of the target, "" if it is not known: then the old one, which pins the old image, is dropped.
        """
        written, answers = self.image.ref.value, self.catalog.answers
        image = self.image
        if self.reference.digest is None:
            if not (answers and answers.pin and digest) or image.choices or image.unsettled:
                return changes
            if image.parts:
                self.unsafe_reasons.append(because("pin-elsewhere"))
                return changes
        if not digest:
            self.unsafe_reasons.append(because("digest"))
        start, text = end, f"@{digest}" if digest else ""
        if changes[-1][1] == end:
            *changes, (start, _, before) = changes
            text = before + text
        return [*changes, (start, len(written), text)]

    def _confirmed(self, target: str, answer: "Answer") -> Reason | None:
        """Return why a target must not be written, given the registry's answer. Takes the doubts away that the answer
        settles, and adds those that it gives."""
        name, shown = self.row.image or "", target.removeprefix(f"{self.catalog.registry}/")
        if answer.status == "no-such-image":
            return because("no-such-image", registry=self.catalog.registry, image=name)
        if answer.status == "no-such-tag":
            if self.catalog.answers:
                self.catalog.answers.tags_of(self.catalog.target(name))  # asked next: another may be chosen
            return because("no-such-tag", image=name, tag=shown.rpartition(":")[2], nearest="")
        if answer.status == "not-entitled":
            self.unsafe_reasons.append(because("not-entitled", image=shown, remedy=answer.said))
        elif answer.status == "available":
            settled = (*DOUBTS, "platform") if answer.platforms else DOUBTS
            self.unsafe_reasons = [one for one in self.unsafe_reasons if one.id not in settled]
            platform = self.image.platform
            if platform and not is_open(platform) and answer.platforms and not _has(answer.platforms, platform):
                self.unsafe_reasons.append(because("other-platforms", target=shown, platform=platform))
            if older := self._compare_versions(answer.version):
                return older
            if answer.created and self.today and _is_floating(shown) and _days(answer.created, self.today) > _REBUILT:
                self.unsafe_reasons.append(because("not-rebuilt", target=shown, date=answer.created))
        return None

    def _compare_versions(self, version: str) -> Reason | None:
        """Take the doubt away that a version is dropped, if the image says that it has it; else say which it has.
        Returns the reason why it must not be written if that is older."""
        written = self.reference.words[0].text if self.reference.words else ""
        dropped = [one for one in self.unsafe_reasons if one.id == "drops-version"]
        if not version or not dropped or not _PLAIN.fullmatch(written):
            return None
        self.unsafe_reasons = [one for one in self.unsafe_reasons if one.id != "drops-version"]
        if numbers(version) < numbers(written.removeprefix("v")):
            return because("older-version", before=written, after=version)
        if version != written.removeprefix("v"):
            self.unsafe_reasons.append(because("other-version", before=written, after=version))
        return None

    def _basis(self) -> Basis:
        """Return how well it is known that the provider has the image and the release line."""
        catalog, image = self.catalog, self.row.image or ""
        if (
            self.row.own
            or image in catalog.lists
            or "*" in catalog.seen
            or (self.row.seen and self.tag.seen and self.tag.line_is_seen())
        ):
            return "seen"
        return "offered" if self.row.seen or image in catalog.offered else "inferred"

    def _keeps_choices(self, target: str) -> bool:
        """Return whether the target fits each choice of variable values; adds the reasons of all of them."""
        kept = True
        for values in map(dict, self.image.choices):
            value = with_values(values, self.image.ref.value)
            move = self.alone(Image(Traced.of(value, 0, len(value)), self.image.where, 0, len(value)))
            kept = kept and move.target == with_values(values, target)
            self.unsafe_reasons += [reason for reason in move.reasons if reason not in self.unsafe_reasons]
        return kept

    def _name_changes(self, name: str) -> list[Change]:
        """Return the changes to the name: one, or one of the registry and one of the rest where a variable has the
        registry alone, so that it stays one."""
        old, registry = self.reference.name, self.catalog.registry
        change = name_change(old, name)
        host = len(self.reference.registry)
        if 0 < host < change[1] and change[2] != registry and name.startswith(f"{registry}/"):
            apart = [(0, host, registry), (host + 1, len(old), name[len(registry) + 1 :])]
            own, rest = (self.image.ref.replace(*one) if self.image.ref.spans else () for one in apart)
            if own and rest and not any(map(self._within, own)) and all(map(self._within, rest)):
                return apart
        return [change]

    def _spelt(self, changes: list[Change]) -> tuple[Edit, ...] | None:
        """Return the edits for the changes at their source spans, or None if a change does not fit into one."""
        places = [self.image.ref.replace(*change) for change in changes]
        torn = [edit for edits in places if len(edits) > 1 for edit in edits if not self._within(edit)]
        if len(torn) > 1 or any(not edit.text for edit in torn):
            return None
        return tuple(edit for place in places for edit in place)

    def _within(self, edit: Edit) -> bool:
        """Return whether an edit is inside the expression, so that it changes no build argument."""
        return self.image.start <= edit.start and edit.end <= self.image.end

    def _known_tag(self, target: str, name: str) -> None:
        """Add a reason if the provider is not known to have the new tag: on the way back, of official images and those
        with a list of tags alone it is known how their tags are made, unless the vendor keeps upstream's."""
        kept = self.catalog.vendor != UPSTREAM or self.catalog.drops_in(self.reference)
        if not kept and self.upstream.name not in self.catalog.facts.official:
            from echo_migrate.images.official_tags import is_listed  # few runs leave a vendor

            if not is_listed(self.upstream.name):
                self.unsafe_reasons.append(because("tags-unknown", image=name))
        tag = target[len(name) + 1 :] if target.startswith(f"{name}:") else "latest"
        if self.row.own or self.catalog.tags == "unconfirmed":
            return
        if self.catalog.tags == "unknown":
            self.unsafe_reasons.append(because("tags-unknown", image=name))
        elif tag not in self.tag.published and not is_open(tag):
            self.unsafe_reasons.append(because("tag-unknown", image=name, tag=tag))

    def _circumstances(self, target: str) -> None:
        image = self.image
        if self.upstream.doubt:
            self.unsafe_reasons.append(self.upstream.doubt)
        self.unsafe_reasons += image.unsafe_reasons
        if image.needs_login and self.catalog.login and not self.catalog.logged_in(image.login):
            self.unsafe_reasons.append(image.needs_login.given(registry=self.catalog.host))
        if image.platform not in COMMON_PLATFORMS:
            self.unsafe_reasons.append(because("platform", platform=image.platform))
        if image.unsettled or (is_open(image.ref.value) and not image.choices):
            self.unsafe_reasons.append(no_value(image))
        self.unsafe_reasons += state_in_volume(
            image.ref.value, target, image.mounts, self.catalog, self.text, image.variables
        )
        if image.variables:
            from echo_migrate.images.variables import ignored_variables  # few images are given any

            self.unsafe_reasons += ignored_variables(image.ref.value, image.variables, self.catalog)
        if self.catalog.crossing(self.reference) and not (self.tag.one_family and self.catalog.vendor == UPSTREAM):
            self._family(target)

    def _fips(self, target: str) -> None:
        """Add a reason if a FIPS variant is wanted, and the target is not known to be one."""
        catalog, image = self.catalog, self.row.image or ""
        name, _, tag = target.rpartition("/")[2].partition(":")
        if not catalog.prefers_fips or FIPS in (*name.split("-"), *tag.split("-")) or catalog.vendor == UPSTREAM:
            return
        form = {"names": f"{image}-{FIPS}", "tags": f"{image}:TAG-{FIPS}"}.get(catalog.fips, "")
        reason = because("fips-unlisted", image=image, form=form) if form else None
        self.unsafe_reasons.append(reason or because("no-fips", provider=catalog.title, image=image))

    def _family(self, target: str) -> None:
        """Add a reason if the distribution of a vendor's image and that of its target are not known to be the same."""
        before, after = (facts_of(value, self.catalog).family for value in (self.image.ref.value, target))
        if not before or not after:
            self.unsafe_reasons.append(because("family-unknown", name=self.upstream.name))
        elif before != after:
            self.unsafe_reasons.append(because("family", **family_change(before, after)))


def _has(platforms: Iterable[str], platform: str) -> bool:
    """Return whether a platform is among those of an image; arm64 is arm64/v8 (containerd/platforms)."""
    return platform.removesuffix("/v8") in {one.removesuffix("/v8") if "arm64" in one else one for one in platforms}


def _is_floating(target: str) -> bool:
    """Return whether a tag moves on to newer images: it has no patch version."""
    return target.rpartition(":")[2].partition("-")[0].count(".") < 2


def _days(first: str, last: str) -> int:
    from datetime import date

    return (date.fromisoformat(last) - date.fromisoformat(first)).days
