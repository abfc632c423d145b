"""The way back: what moves safely to a vendor reads as before at upstream, or as a tag that the vendor writes alike."""

import re
from functools import cache
from itertools import permutations
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echo_migrate.engine.check import examine
from echo_migrate.engine.fix import fix_source
from echo_migrate.files.data import read_block
from echo_migrate.files.source import Source, Traced
from echo_migrate.formats import Format, recognised
from echo_migrate.images import catalog, providers
from echo_migrate.images.answers import Answer, Answers
from echo_migrate.images.facts import facts_of, listed
from echo_migrate.images.migration import assess
from echo_migrate.images.official_tags import may_have
from echo_migrate.images.reference import full_name, parse
from echo_migrate.images.tags import meaning_of
from echo_migrate.model import Image, Migration, Variant
from echo_migrate.model.reasons import because
from echo_migrate.rules import RULES
from echo_migrate.rules._rule import Settings
from tests.test_pages import CASES

UPSTREAM = catalog.load(providers.UPSTREAM)
VENDORS = providers.providers()
TAGS = ("", ":3", ":8.4", ":13-slim", ":21-jre-alpine", ":22-alpine3.22", ":18.6-trixie", ":8.4-fpm-alpine", ":latest")
TODAY = "2026-11-24"


def move(value: str, known: catalog.Catalog, variant: Variant = "runtime") -> Migration:
    return assess(Image(Traced.of(value, 0, len(value)), "FROM", 0, len(value)), known, today=TODAY, variant=variant)


SAME = {
    "amazoncorretto": {"jdk"},
    "docker": {"dind"},
    "eclipse-temurin": {"jdk"},
    "neo4j": {"community"},
    "php": {"cli"},
    "sonarqube": {"community"},
}
"""Words of tags that say what the tag without them is anyway: both name one image (docker-library/official-images)."""
RELEASES = {"bookworm": "12", "trixie": "13"}


def one_image(one: str, other: str) -> bool:
    """Whether two upstream references name one image, as far as their version and variant go: of their words only those
    of the distribution, and those that change nothing, may differ."""
    (name, first, words), (of, second, more) = _said(one), _said(other)
    differing = words ^ more
    return (name, first) == (of, second) and all(
        UPSTREAM.word_family(word) or word in SAME.get(name, ()) for word in differing
    )


def _said(value: str) -> tuple[str, str, set[str]]:
    reference = parse(value)
    name, (first, *words) = UPSTREAM.path(reference), (reference.tag or "latest").split("-")
    if name == "debian":
        return name, RELEASES.get(first, first), set(words)
    return name, first, set(words)


def variants_of(value: str) -> list[str]:
    """Upstream's other variants of an image: with slim or without, with a JRE or a JDK."""
    first, *words = value.split("-")
    others = [[word for word in words if word != "slim"], [*words, "slim"], ["slim", *words]]
    others += [[word.replace(a, b) for word in words] for a, b in (("jdk", "jre"), ("jre", "jdk"))]
    others += [[word for word in words if word != "jre"], [*words, "jre"]]
    return ["-".join((first, *one)) for one in others if one != words]


def is_shared(value: str, target: str, known: catalog.Catalog) -> bool:
    """Whether a vendor has the very target for another of upstream's variants too."""
    others = (one for one in variants_of(value) if not one_image(one, value))
    moves = [move(one, known, variant) for one in others for variant in get_args(Variant)]
    return any(one.target == target for one in moves)


def goes_back(value: str, vendor: str, variant: Variant) -> None:
    known = catalog.load(vendor)
    there = move(value, known, variant)
    if not there.safe or there.target is None:
        return
    if known.tags == "listed" and not may_have(parse(value).name, parse(value).tag or "latest"):
        return
    back = move(there.target, UPSTREAM)
    assert back.target is not None
    if not back.safe:
        assert [one.id for one in back.reasons] == ["several-origins"], (value, there.target, back.reasons)
        assert is_shared(value, there.target, known), (value, there.target)
        return
    assert back.target == value or one_image(back.target, value), (value, there.target, back.target)
    again = move(back.target, known, variant)
    assert (again.target, again.safe) == (there.target, True)


@cache
def moved_to(value: str, vendor: str, variant: Variant) -> Migration:
    """Move upstream's own to a vendor: asked once for each of the others."""
    return move(value, catalog.load(vendor), variant)


def crosses(value: str, vendor: str, to: str, variant: Variant) -> bool:
    """Check that what moved safely to a vendor is offered as the image of another that upstream's own is moved to, or
    not at all; return whether it is offered."""
    source, known = catalog.load(vendor), catalog.load(to)
    there = moved_to(value, vendor, variant)
    if not there.safe or there.target is None:
        return False
    across = move(there.target, known._replace(sources=source.facts.sources), variant)
    if not across.edits:
        return False
    directly = moved_to(value, to, variant)
    assert across.target is not None
    assert directly.target is not None
    ends = [(one.name, one.tag or "latest") for one in map(parse, (across.target, directly.target))]
    assert ends[0] == ends[1], (value, there.target, *ends)
    return True


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("variant", ["runtime", "dev"])
def test_each_safe_move_has_a_safe_way_back(vendor: str, variant: Variant) -> None:
    for name in sorted(UPSTREAM.facts.official):
        for tag in TAGS:
            goes_back(name + tag, vendor, variant)


@pytest.mark.parametrize(("vendor", "to"), list(permutations(VENDORS, 2)))
def test_vendor_to_vendor_is_the_image_that_upstreams_own_is_moved_to(vendor: str, to: str) -> None:
    offered = 0
    for name in sorted(UPSTREAM.facts.official):
        for tag in ("", ":3-slim", ":3.13", ":3.13-slim", *TAGS):
            for variant in get_args(Variant):
                offered += crosses(name + tag, vendor, to, variant)
    assert (offered > 0) == ((vendor, to) in OFFERED)


OFFERED = [("docker", "distroless"), ("docker", "echo"), ("echo", "distroless"), ("echo", "docker")]
"""The pairs of vendors that share images of one family, in one version."""


@pytest.mark.parametrize(
    ("value", "origin", "other"),
    [
        ("dhi.io/python:3.13", "python:3.13-slim", "python:3.13"),
        ("dhi.io/node:22-dev", "node:22", "node:22-slim"),
        ("dhi.io/debian-base:trixie", "debian:trixie-slim", "debian:trixie"),
        ("dhi.io/tomcat:11-jdk21", "tomcat:11-jdk21", "tomcat:11-jre21"),
    ],
)
def test_a_vendors_image_for_several_of_upstreams_is_not_taken_for_one(value: str, origin: str, other: str) -> None:
    docker = catalog.load("docker")
    assert all(value in {move(one, docker, variant).target for variant in get_args(Variant)} for one in (origin, other))
    back = move(value, UPSTREAM)
    reason = because("several-origins", vendor="Docker Hardened Images", names=f"{origin}, {other}")
    assert (back.target, back.safe, reason in back.reasons) == (origin, False, True)
    across = move(value, catalog.load("echo")._replace(sources=docker.facts.sources))
    assert (across.edits, across.safe) == ((), False)


@pytest.mark.parametrize("tag", ["10.0-sdk-alpine", "10.0-alpine", "9.0"])
def test_the_tags_of_dotnet_are_known(tag: str) -> None:
    back = move(f"dhi.io/dotnet:{tag}", UPSTREAM)
    assert back.safe
    assert back.target is not None
    assert move(back.target, catalog.load("docker")).target == f"dhi.io/dotnet:{tag}"
    assert not may_have("dotnet/sdk", "8-alpine")
    assert may_have("dotnet/sdk", "10.0.3-alpine")


@pytest.mark.parametrize("name", ["bun:1", "valkey:8.1", "jenkins:2.578"])
def test_the_tag_of_an_image_that_is_no_official_one_is_to_be_confirmed(name: str) -> None:
    held = move(f"dhi.io/{name}", UPSTREAM)
    assert ([one.id for one in held.reasons], held.safe) == (["tags-unknown"], False)
    assert held.target is not None
    answers = Answers()
    answers.images[full_name(parse(held.target))] = Answer("available")
    found = move(f"dhi.io/{name}", UPSTREAM._replace(answers=answers))
    assert (found.target, found.safe) == (held.target, True)


def test_a_folder_is_a_part_of_the_name_at_some_vendors() -> None:
    at_suse = move("registry.suse.com/bci/node:22", catalog.load("echo"))
    back = move("registry.suse.com/bci/node:22", UPSTREAM)
    assert (at_suse.state, [reason.id for reason in at_suse.reasons]) == ("hardened", ["hardened"])
    assert (back.upstream, back.safe) == ("node", False)


def test_a_tag_that_upstream_never_had_is_not_written() -> None:
    docker, safe = catalog.load("docker"), 0
    for name in (
        "alpine",
        "amazoncorretto",
        "debian",
        "eclipse-temurin",
        "golang",
        "nginx",
        "php",
        "postgres",
        "python",
    ):
        rows = {
            (one, behind)
            for row in read_block("tags/official.yaml", name)
            for one in row["tags"].split()
            for behind in row["behind"]
        }
        for image in {row.image for row in docker.rows[name] if row.image}:
            tags = [one for one in listed(image, "docker") if one.partition("-")[0].count(".") < 2]
            for tag in tags[:: max(1, len(tags) // 30)]:
                back = move(f"dhi.io/{image}:{tag}", UPSTREAM)
                if back.safe and back.target and back.upstream == name:
                    first, _, behind = (parse(back.target).tag or "latest").partition("-")
                    assert (first, behind) in rows, (image, tag, back.target)
                    safe += 1
    assert safe > 50
    assert move("reg.echohq.com/python:3.13.3-slim", UPSTREAM).safe
    assert not may_have("nginx", "1.31-bookworm")
    assert may_have("nginx", "1.31.99-trixie")
    assert may_have("nginx", "9.9")
    assert not may_have("python", "3.13-windows")
    assert may_have("ghost", "5-anything")


OFTEN = ("debian", "eclipse-temurin", "golang", "nginx", "node", "php", "postgres", "python", "ruby", "tomcat")
WORDS = (
    "alpine",
    "alpine3.22",
    "bookworm",
    "cli",
    "dev",
    "fpm",
    "jdk",
    "jre",
    "jre21",
    "noble",
    "slim",
    "trixie",
    "zts",
)


@given(
    name=st.sampled_from(OFTEN),
    version=st.sampled_from(("", "3.13", "3.13.2", "8.4", "11", "13", "18", "21", "22", "1.26", "lts")),
    words=st.lists(st.sampled_from(WORDS), max_size=3, unique=True),
    vendor=st.sampled_from(VENDORS),
    variant=st.sampled_from(("runtime", "dev")),
)
def test_any_tag_has_a_way_back(name: str, version: str, words: list[str], vendor: str, variant: Variant) -> None:
    tag = "-".join(filter(None, (version, *words)))
    value = f"{name}:{tag}" if tag else name
    goes_back(value, vendor, variant)
    for to in VENDORS:
        if to != vendor:
            crosses(value, vendor, to, variant)


@given(
    name=st.sampled_from(OFTEN),
    version=st.sampled_from(("3.13", "8.4", "13", "18", "21", "22", "1.26", "latest")),
    words=st.lists(st.sampled_from((*WORDS, "debian13", "debian", "compat")), max_size=3, unique=True),
    vendor=st.sampled_from(VENDORS),
    to=st.sampled_from(VENDORS),
)
def test_vendor_to_vendor_keeps_version_and_distribution(
    name: str, version: str, words: list[str], vendor: str, to: str
) -> None:
    source, known = catalog.load(vendor), catalog.load(to)
    known = known._replace(sources=source.facts.sources)
    row = source.row(name, frozenset(words))
    if vendor == to or not row or not row.image:
        return
    value = f"{source.target(row.image)}:{'-'.join((version, *words))}"
    there = move(value, known)
    if not there.edits:
        return
    assert there.target is not None
    assert Source("f", value).apply(there.edits).text == there.target
    before, after = (parse(one).tag or "latest" for one in (value, there.target))
    told = meaning_of(before, source).version
    in_its_name = re.match(r"[a-z]+([\d.]*)", there.target.rpartition(":")[0].rpartition("/")[2])
    if meaning_of(after, known).version or not in_its_name or not in_its_name[1]:
        assert meaning_of(after, known).version == told
    else:  # as nodejs22-debian13, which has no versions among its tags
        assert f"{told}.".startswith(f"{in_its_name[1]}.")
    assert facts_of(there.target, known).family == facts_of(value, known).family


DOCKERFILES = [case for case in CASES if case.path == "Dockerfile" and "provider" not in "".join(case.options)]


@pytest.mark.parametrize("vendor", ["docker", "echo"])
def test_files_read_as_before(vendor: str) -> None:
    rules = (RULES["unhardened-image"],)
    moved = 0
    for case in DOCKERFILES:
        source = Source("Dockerfile", case.text)
        format = recognised(source.path, source.text)
        assert format is not None
        there = fix_source(source, format, Settings(catalog.load(vendor), rules, apply=True, today=TODAY))
        if there.fixed is there.source:
            continue
        back = fix_source(there.fixed, format, Settings(UPSTREAM, rules, apply=True, today=TODAY))
        if back.fixed.text == source.text:
            continue
        moved += 1
        for old, new in zip(there.outcomes, back.outcomes, strict=True):
            if old.state == "migrate" and new.state == "migrate":
                assert new.target is not None
                assert one_image(old.image.ref.value, new.target), case.name
            elif old.state == "migrate":
                assert new.reasons, case.name
    assert 0 < moved < len(DOCKERFILES) / 4


def test_the_c_library_is_seen_behind_a_move() -> None:
    known, rules = catalog.load("docker"), (RULES["libc-mismatch"],)
    seen = 0
    for case in CASES:
        if case.rule != "libc-mismatch" or case.path != "Dockerfile":
            continue
        format = recognised(case.path, case.text)
        assert format is not None
        lines = [_moved(line, known) for line in case.text.splitlines()]
        texts = (case.text, "\n".join(lines) + "\n")
        places = [_places(Source(case.path, text), format, Settings(known, rules, today=TODAY)) for text in texts]
        assert places[0] <= places[1], case.name
        seen += len(places[0]) if texts[0] != texts[1] else 0
    assert seen > 15


def _moved(line: str, known: catalog.Catalog) -> str:
    """A line with the image of its FROM at the vendor, whatever a move would break."""
    word, _, rest = line.partition(" ")
    value, space, name = rest.partition(" ")
    if word != "FROM" or "$" in value or value.startswith("--"):
        return line
    there = move(value, known, "dev" if name else "runtime")
    return f"FROM {there.target}{space}{name}" if there.edits else line


def _places(source: Source, format: Format, asked: Settings) -> set[int]:
    found, _ = examine(source, format, asked)
    return {source.position(one.start)[0] for one in found}
