"""The tag of a target: what an upstream tag becomes at a provider, and the reasons why that is not safe."""

from typing import TYPE_CHECKING

from echo_migrate.images.catalog import Catalog, Row
from echo_migrate.images.end_of_life import (
    BY_STEPS,
    end_of_line,
    is_early,
    is_superseded,
    last_known,
    published_since,
)
from echo_migrate.images.facts import ImageFacts, published
from echo_migrate.images.reference import Reference, TagWord, is_open, is_version, tag_change
from echo_migrate.images.upstream import lines, numbers
from echo_migrate.model import Variant
from echo_migrate.model.reasons import Reason, because

if TYPE_CHECKING:
    from echo_migrate.images.tags import Choice

Change = tuple[int, int, str]
"""A change to the text of a reference: start, end, new text."""


class TargetTag:
    """Determines the tag of one target, and collects the reasons why it is not safe."""

    def __init__(
        self,
        reference: Reference,
        name: str,
        row: Row,
        catalog: Catalog,
        today: str,
        variant: Variant,
        over_data: bool = False,
    ) -> None:
        self.reference = reference
        self.name = name
        self.row = row
        self.catalog = catalog
        self.today = today
        self.variant = variant
        self.over_data = over_data
        self.unsafe_reasons: list[Reason] = []
        self.unpublished: list[str] = []
        self.seen = row.seen
        self.one_family = False
        if catalog.prefers_fips and catalog.answers:
            catalog.answers.tags_of(
                catalog.target(row.image or "")
            )  # which of them are FIPS variants is not asked by name
        self.shown = ""  # the tag to name where it is not that of the reference
        self.published: dict[str, ImageFacts] = {} if row.own else published(row.image or "", catalog)

    def changes(self) -> list[Change] | Reason:
        """Return the changes to the tag, none if it stays, or the reason why there is no tag."""
        settled = not is_open(self.reference.tag or "")
        if settled and not self.row.own and (self.published or self.catalog.tags == "listed"):
            return self._listed_tag()
        self._age()
        if settled and self._stays():
            return []
        return self._tag()

    def _stays(self) -> bool:
        """Return whether the registry has the image with the very tag that is written."""
        answers, words = self.catalog.answers, self._texts()
        if not answers or self.row.words or not words:
            return False
        if answers.status(f"{self.catalog.target(self.row.image or '')}:{self.reference.tag}") != "available":
            return False
        family = next((one for one in map(self.catalog.word_family, words) if one), None)
        self._family(family, family or self.catalog.family)
        return True

    def _listed_tag(self) -> list[Change] | Reason:
        """Return the change to the tag of the provider's list that means what the reference's tag means, of the variant
        asked for where there is one, or why there is none."""
        # most runs are for a provider without a list
        from echo_migrate.images.tags import (
            BEFORE_RELEASE,
            BUILD,
            choose,
            meaning_of,
            without_revision,
            without_word,
        )

        catalog, image, name = self.catalog, self.row.image or "", self.name
        written, build = self.reference.tag or "latest", self.variant == "dev"
        system = catalog.word_family(name)
        if self.published and system and all(facts.family != system for facts in self.published.values()):
            if written != "latest":
                self.unsafe_reasons.append(because("drops-words", words=written, provider=catalog.title))
            written = "latest"  # the version is a release of another distribution
        if written == BUILD:  # upstream's last build, not the provider's variant for building
            return because("no-version", tag=written, name=name)
        written, architecture = without_word(written, self.published, catalog.facts.common_architectures)
        if architecture:
            self.unsafe_reasons.append(because("architecture-tag", word=architecture))
        written, revision = without_revision(written, catalog)
        if revision:
            self.unsafe_reasons.append(because("drops-words", words=f"-{revision}", provider=catalog.title))
        early = BUILD if BUILD in written.split("-") else ""  # a branch of development, not the variant for building
        written = "-".join(one for one in written.split("-") if one != BUILD)
        if not early:
            written, early = without_word(written, self.published, BEFORE_RELEASE)
        choice = choose(name, written, image, catalog, build)
        if not choice:
            choice = choose(name, written, image, catalog, not build)
            if not choice:
                return self._unlisted(written)
            if not build:
                self.unsafe_reasons.append(because("one-variant", image=image))
        if early:
            self.unsafe_reasons.append(because("pre-release", version=self.reference.tag or ""))
        target = self.published[choice.tag]
        choice = self._exact(choice)
        if choice.floating:
            self.unsafe_reasons.append(because("floating", tag=self.shown or written, target=choice.tag))
        if choice.line:
            line = choice.tag.partition("-")[0]
            version = next(filter(is_version, self._texts()), "")  # debian's may have the day of its build
            meant = meaning_of(written, catalog).version
            version = version if meaning_of(version, catalog).version == meant else meant or version or written
            self.unsafe_reasons.append(because("drops-version", version=version, image=image, line=line))
        if choice.behind:
            self.unsafe_reasons.append(because("behind", target=choice.tag, version=choice.behind, date=catalog.date))
        if choice.release:
            self.unsafe_reasons.append(because("release", before=choice.release.title(), target=choice.tag))
        if not target.eol:
            self._age()
        elif self.today and target.eol < self.today:
            shown = f"{image}:{choice.tag}"
            if any(not one.eol or one.eol >= self.today for one in self.published.values()):
                self.unsafe_reasons.append(
                    because("ended", line=shown, date=f" on {target.eol}", follower="a newer one", how="")
                )
            else:  # the vendor's date may be that of an older line
                reason = because("ended-there", line=shown, provider=catalog.title, date=target.eol)
                self.unsafe_reasons.append(reason)
        word = next((one for one in map(catalog.word_family, self._texts()) if one), None)
        self._family(word, meaning_of(choice.tag, catalog).family or target.family or catalog.family)
        return tag_change(self.reference.name_end, self.reference.tag, choice.tag)

    def _unlisted(self, tag: str) -> Reason:
        """Return why the list has no counterpart of a tag, with the nearest one there."""
        from echo_migrate.images.tags import FLOATING, lacking, meaning_of, nearest

        catalog, image, name = self.catalog, self.row.image or "", self.name
        self._age()
        answers = catalog.answers
        if answers and answers.tags_of(catalog.target(image)) is not None:
            near = nearest(name, tag, image, catalog, newer=True)
            return because("no-such-tag", image=image, tag=tag, nearest=f"; nearest: {near}" * bool(near))
        near = nearest(name, tag, image, catalog)
        if not near:
            return because("image-unlisted", image=image, date=catalog.date)
        if not meaning_of(tag, catalog).version and not FLOATING.isdisjoint(tag.split("-")):
            return because("no-version", tag=self.shown or tag, name=name)
        if not catalog.word_family(name):
            words, versions = lacking(name, tag, image, catalog)
            if not versions:
                return because("versions-unlisted", image=image, tag=tag, provider=catalog.title, date=catalog.date)
            if words:
                given = {"provider": catalog.title, "date": catalog.date, "words": "-".join(words)}
                return because("word-unlisted", image=image, tag=tag, **given)
        return because("tag-unlisted", image=image, tag=tag, date=catalog.date, nearest=near)

    def _exact(self, choice: "Choice") -> "Choice":
        """Return the choice with the patch version that is written, if the registry has that tag too: lists of tags
        often have the newest patch version of a line alone."""
        answers, version = self.catalog.answers, self.reference.words[0].text if self.reference.words else ""
        line, dash, rest = choice.tag.partition("-")
        if not choice.line or not answers or not version.startswith(f"{line}."):
            return choice
        tag = f"{version}{dash}{rest}"
        available = answers.status(f"{self.catalog.target(self.row.image or '')}:{tag}") == "available"
        return choice._replace(tag=tag, line=False, behind="") if available else choice

    def _tag(self) -> list[Change] | Reason:
        """Return the changes to the tag, or the reason why no tag remains."""
        words = self.reference.words
        if not words:
            self._undivided()
            return []
        catalog, name = self.catalog, self.name
        changes, functions = list[Change](), list[str]()
        versioned, family = is_version(words[0].text), None
        line = next((one for one in lines(words[0].text) if one in self.row.words), None) if versioned else None
        if line:
            return self._in_the_name(line)
        if self.row.own and self.row.words.issuperset(self._texts()):
            return [(self.reference.name_end, words[-1].end, "")]  # the row of a user takes the place of the whole tag
        for word in words[1:] if versioned else words:
            text = word.text
            if is_open(text):
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
            return because("no-version", tag=self.reference.tag or "", name=self.name)
        self._leaves_out()
        if family is None:
            self._undivided()
        return changes

    def _texts(self) -> list[str]:
        return [word.text for word in self.reference.words]

    def _in_the_name(self, line: str) -> list[Change]:
        """Return the changes if the provider's image name includes the version: the tag is removed."""
        first, *rest = self._texts()
        if first != line:
            self.unsafe_reasons.append(because("drops-version", version=first, image=self.row.image or "", line=line))
        for text in [one for one in rest if one not in self.row.words]:
            self._dropped(text, self.catalog.word_family(text))
        self._leaves_out()
        end = self.reference.name_end
        return [(end, end + 1 + len(self.reference.tag or ""), "")]

    def _leaves_out(self) -> None:
        if self.unpublished:
            words = f"-{'-'.join(self.unpublished)}"
            self.unsafe_reasons.append(because("drops-words", words=words, provider=self.catalog.title))

    def _without(self, word: TagWord) -> tuple[int, int, str]:
        """Return the change that removes a word from the tag, with the dash before it (after it for the first word)."""
        first = word.start == self.reference.name_end + 1
        return (word.start, word.end + 1, "") if first else (word.start - 1, word.end, "")

    def _dropped(self, text: str, family: str | None) -> None:
        if family and self.catalog.family and family != self.catalog.family:
            self.unsafe_reasons.append(
                because("no-variant", provider=self.catalog.title, **family_change(family, self.catalog.family))
            )
        else:
            self.unpublished.append(text)

    def line_is_seen(self) -> bool:
        """Return whether there is public evidence of the release line in the tag."""
        words = self.reference.words
        named = lines(words[0].text) if words else ["latest"]
        return any(f"{self.row.image}:{line}" in self.catalog.seen for line in named)

    def _age(self) -> None:
        """Add a reason if the version reached end of life, or was last published before the provider began."""
        name, catalog = self.name, self.catalog
        first = next(iter(self._texts()), "")
        version = (name == "debian" and catalog.release_number(first)) or first
        if not version or not is_version(version) or is_open(version) or self.row.own:
            return
        if f"{self.row.image}:{version}" in catalog.seen:
            return
        end = end_of_line(name, version, self.today) if self.today else None
        if end and not end.until and not self.line_is_seen():
            date = f" on {end.date}" if end.date else ""
            far = numbers(end.line)[:1] != numbers(end.follower)[:1]  # within one, each reads what the last has written
            how = ", step by step" if self.over_data and far and end.title in BY_STEPS else ""
            self.unsafe_reasons.append(
                because("ended", line=end.shown, date=date, follower=end.follower or "a newer one", how=how)
            )
        elif is_early(version):
            self.unsafe_reasons.append(because("pre-release", version=version))
        elif catalog.since and not any(published_since(name, one) for one in self._spellings(version)):
            if any(is_superseded(name, one) for one in self._spellings(version)):
                self.unsafe_reasons.append(because("unpublished", version=version, since=catalog.since))
            else:
                self.unsafe_reasons.append(because("version-unknown", version=version, date=last_known()))

    def _spellings(self, version: str) -> list[str]:
        """Return a version as upstream may write it: others who build its image add a last zero."""
        upstream = self.catalog.upstream(self.reference)
        return [version, version.removesuffix(".0")] if upstream and upstream.doubt else [version]

    def _undivided(self) -> None:
        """Add a reason if a tag has no distribution word and there is no evidence that the family stays the same."""
        if not (self.row.seen and (self.catalog.drop_in or self.row.own)):
            self._family(None, self.catalog.family)

    def _family(self, word: str | None, target: str | None) -> None:
        """Add a reason if the distribution family changes, or is not known; ``word`` is that of the tag, if any."""
        words = self._texts()
        upstream = self.catalog.upstream(self.reference)
        if not word and upstream and upstream.likely:
            return  # someone else's build, which is not on what upstream's is on: that it is a guess says enough
        known = word or self.catalog.facts.family_of(self.name, words[0] if words else "", words)
        if known is None:
            self.unsafe_reasons.append(because("family-unknown", name=self.name))
        elif known != target:
            self.unsafe_reasons.append(because("family", **family_change(known, target or "another")))


_TITLES = {
    "azure": "Azure Linux",
    "none": "no distribution (scratch)",
    "redhat": "Red Hat",
    "suse": "SUSE",
    "another": "an unknown distribution",
}


def family_change(before: str, after: str) -> dict[str, str]:
    """Return the change of a distribution family as parameters of a reason."""
    libc = " (musl to glibc)" if before == "alpine" and after != "another" else ""
    return {"before": _title(before), "after": _title(after), "libc": libc}


def _title(family: str) -> str:
    return _TITLES.get(family, family.title())
