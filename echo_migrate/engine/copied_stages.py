"""Stages of which one is copied into the other: they move together, or need review together.

A build on one release of a distribution may not run on an older one, and a tag mostly leaves open which one it is; only
that of an operating system's image names it. What Python installs names its interpreter by its path: a virtual
environment of one image is none in another that has Python elsewhere. What Go and Rust build names neither their
compiler nor another file of their image, so that the release is all that counts (go.dev/doc/install/source;
doc.rust-lang.org/reference, Linkage). A text is none of these. The libraries of a system and an interpreter run on what
they are copied onto, whatever image that is.
"""

from collections.abc import Iterable, Mapping

from echo_migrate.dockerfile.copies import Copy
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Source
from echo_migrate.images.catalog import Catalog
from echo_migrate.images.facts import ImageFacts, facts_of
from echo_migrate.images.reference import is_open, parsed
from echo_migrate.model import Image, Migration
from echo_migrate.model.reasons import Reason, because
from echo_migrate.rules._readiness import EffectiveBases, root_of

_COMPILERS = ("golang", "rust")
_PROGRAMS = lazy_regex(r"/usr/local/bin(?:/\*)?/?")
"""Where compilers may write what they make, which is no interpreter."""
_TEXT = lazy_regex(r"(?i)\.(?:crt|css|csv|html?|json|lock|md|pem|toml|txt|xml|ya?ml)$")
_PORTABLE = lazy_regex(r"(?i)(?:^|/)(?:assets|html|public|static|www)(?:/|$)|\.(?:[cm]?js|ear|jar|phar|php|py|rb|war)$")
"""What is made for no system: pages, scripts, and bytecode of Java."""
_PORTABLE_OF = {
    "eclipse-temurin": lazy_regex(r"(?:^|/)(?:application|dependencies|snapshot-dependencies|spring-boot-loader)/?$"),
    "node": lazy_regex(r"(?:^|/)(?:\.next|\.nuxt|\.output|build|dist|out)/?$"),
    "php": lazy_regex(r"(?:^|/)vendor/?$"),
}
"""The folders of such, by the image in which they are made: layers of Spring Boot, bundles, packages of Composer."""
_SYSTEM = lazy_regex(
    r"/(?:usr/?)?|/(?:usr/)?(?:lib(?:32|64)?|local(?:/(?:bin|lib))?)(?:/\*)?/?"
    r"|/(?:usr/)?lib(?:32|64)?/(?:[\w-]+-linux-gnu\w*|ld-[^/]*|(?:[\w-]+-linux-gnu\w*/)?(?:lib[^/]*\.so[^/]*|\*))/?"
    r"|/usr/(?:local/)?bin/(?:node|perl|php|python|ruby)[\d.*]*|/usr/local/lib/(?:python[\d.]+|lib[^/]*\.so[^/]*)/?"
)
"""Where an image has the libraries of its system, and an interpreter with what belongs to it."""


def together(
    moves: list[Migration], stages: list[Stage], bases: EffectiveBases, catalog: Catalog, source: Source
) -> list[Migration]:
    """Return the migrations of a file; that of a stage needs review if a stage that copies from it has the same image,
    of the same distribution, and needs review itself (unless both stay on one release), if it copies what was built in
    such a stage that needs review, if it would have Python in another place than a stage that copies from it, or that
    it copies from, and has it in the same place now, or if its libraries or interpreter are copied onto an image that
    stays."""
    known = {move.image for move in moves}
    pairs: dict[tuple[Image, Image], list[Copy]] = {}
    for stage, copy in [(one, copy) for one in stages for copy in one.copies if not _is_text(copy)]:
        other = stage.preceding(copy.origin)
        image, copied = root_of(stage, bases), root_of(other, bases) if other else None
        if image and copied and image != copied and image in known and copied in known:
            pairs.setdefault((image, copied), []).append(copy)
    now = {image: facts_of(image.ref.value, catalog) for pair in pairs for image in pair}
    while pairs and any(_moves(move) for move in moves):
        of = {move.image: move for move in moves}
        places = {image: _python(of[image], now[image].python, catalog) for image in now}
        held: dict[Image, Reason] = {}
        for image, copied in pairs:
            waits = of[copied].state == "needs-person" or (copied in held and _moves(of[copied]))
            place = _made_for_one(pairs[image, copied], of[copied].upstream or "") if waits else ""
            if place and _are_alike(image, copied, of, now, catalog):
                line = str(source.position(copied.start)[0])
                held.setdefault(image, because("copied-from", line=line, place=place))
        # a stage is copied into later ones: what holds one holds a chain of them
        for image, copied in reversed(pairs):
            line, of_copied = (str(source.position(one.start)[0]) for one in (image, copied))
            same = _are_alike(image, copied, of, now, catalog)
            if same and (of[image].state == "needs-person" or (image in held and _moves(of[image]))):
                held.setdefault(copied, because("copied-into", line=line))
            upstream = of[copied].upstream or ""
            if _stays(of[image], catalog) and any(_is_of_a_system(one, upstream) for one in pairs[image, copied]):
                held.setdefault(copied, because("copied-onto", line=line))
            there, here = places[image], places[copied]
            if there and here and there != here and now[image].python == now[copied].python:
                held.setdefault(image, because("other-python", line=of_copied, place=here))
                held.setdefault(copied, because("other-python", line=line, place=there))
        edits = {edit for image in held for edit in of[image].edits}
        found = [
            move._replace(state="needs-person", reasons=(held.get(move.image) or because("shared-unsafe", other="it"),))
            if _moves(move) and (move.image in held or not edits.isdisjoint(move.edits))
            else move
            for move in moves
        ]
        if found == moves:
            break
        moves = found
    return moves


def _are_alike(
    image: Image,
    copied: Image,
    of: Mapping[Image, Migration],
    now: Mapping[Image, ImageFacts],
    catalog: Catalog,
) -> bool:
    """Return whether two images are one upstream's, of one distribution, whose release may change with only one of
    them."""
    same = of[image].upstream == of[copied].upstream and now[image].family == now[copied].family
    return same and not _of_one_release(of[image], of[copied], catalog)


def _of_one_release(into: Migration, copied: Migration, catalog: Catalog) -> bool:
    """Return whether two migrations are of an operating system's image, or of one of Go or Rust, and both references
    and the target of the one that is copied name one release of it. A point release of Debian only has fixes of
    security and grave bugs (wiki.debian.org, "Point Releases")."""
    if not copied.target or not copied.upstream:
        return False
    is_system = bool(catalog.word_family(copied.upstream))
    if not is_system and copied.upstream not in _COMPILERS:
        return False
    from echo_migrate.images.tags import meaning_of  # few files copy between such stages

    references = map(parsed, (into.image.ref.value, copied.image.ref.value, copied.target))
    meanings = [meaning_of(one.tag, catalog) for one in references if one and one.tag and not is_open(one.tag)]
    releases = [one.release or (one.version if is_system else "") for one in meanings]
    if copied.upstream == "debian":
        releases = [release.partition(".")[0] for release in releases]
    return len(releases) == 3 and len(set(releases)) == 1 and bool(releases[0])


def _made_for_one(copies: Iterable[Copy], upstream: str) -> str:
    """Return the first of what is copied that may be made for the release of its stage, "" if there is none."""
    portable = [_PORTABLE, _TEXT, *filter(None, [_PORTABLE_OF.get(upstream)])]
    sources = [source.value for copy in copies for source in copy.sources]
    return next((one for one in sources if not any(known.search(one) for known in portable)), "")


def _is_of_a_system(copy: Copy, upstream: str) -> bool:
    sources = [f"/{source.value.lstrip('/')}" for source in copy.sources]
    if upstream in _COMPILERS:
        sources = [one for one in sources if not _PROGRAMS.fullmatch(one)]
    return any(map(_SYSTEM.fullmatch, sources))


def _stays(move: Migration, catalog: Catalog) -> bool:
    """Return whether an image stays that is not the provider's."""
    reference = parsed(move.image.ref.value)
    place = catalog.place(reference) if reference else None
    return not _moves(move) and (place is None or place[0] != catalog.vendor)


def _is_text(copy: Copy) -> bool:
    """Return whether a COPY brings nothing but texts, by their names."""
    return bool(copy.sources) and all(_TEXT.search(source.value) for source in copy.sources)


def _moves(move: Migration) -> bool:
    return move.safe and bool(move.edits)


def _python(move: Migration, now: str, catalog: Catalog) -> str:
    """Return the folder of Python in an image as a safe fix leaves it, "" if it is not known."""
    return facts_of(move.target, catalog).python if _moves(move) and move.target else now
