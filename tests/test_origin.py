"""The way back: what moves safely to a vendor reads as before at upstream, or as a tag that the vendor writes alike."""

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
from echo_migrate.images.answers import Answer, Answers, full_name
from echo_migrate.images.facts import facts_of, listed
from echo_migrate.images.migration import assess
from echo_migrate.images.official_tags import may_have
from echo_migrate.images.reference import parse
from echo_migrate.images.tags import meaning_of
from echo_migrate.model import Image, Migration, Variant
from echo_migrate.rules import RULES
from echo_migrate.rules._rule import Settings
from tests.test_pages import CASES

UPSTREAM = catalog.load(providers.UPSTREAM)
VENDORS = providers.providers()
TAGS = ("", ":3", ":8.4", ":13-slim", ":21-jre-alpine", ":22-alpine3.22", ":18.6-trixie", ":8.4-fpm-alpine", ":latest")
TODAY = "2026-11-24"


def move(value: str, known: catalog.Catalog, variant: Variant = "runtime") -> Migration:
    return assess(Image(Traced.of(value, 0, len(value)), "FROM", 0, len(value)), known, today=TODAY, variant=variant)


def alike(one: str, other: str, vendor: str) -> bool:
    """Whether a vendor has one image for both upstream references, in one of its variants."""
    known, variants = catalog.load(vendor), get_args(Variant)
    targets = [{move(value, known, variant).target for variant in variants} for value in (one, other)]
    return targets[0] == targets[1]


def goes_back(value: str, vendor: str, variant: Variant) -> None:
    known = catalog.load(vendor)
    there = move(value, known, variant)
    if not there.safe or there.target is None:
        return
    if known.tags == "listed" and not may_have(parse(value).name, parse(value).tag or "latest"):
        return
    back = move(there.target, UPSTREAM)
    assert back.safe, (value, there.target, back.reasons)
    assert back.target is not None
    assert back.target == value or alike(back.target, value, vendor), (value, there.target, back.target)
    again = move(back.target, known, variant)
    assert (again.target, again.safe) == (there.target, True)


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("variant", ["runtime", "dev"])
def test_each_safe_move_has_a_safe_way_back(vendor: str, variant: Variant) -> None:
    for name in sorted(UPSTREAM.facts.official):
        for tag in TAGS:
            goes_back(name + tag, vendor, variant)


@pytest.mark.parametrize("name", ["aspnetcore:8.0", "valkey:8.1", "jenkins:2.578"])
def test_the_tag_of_an_image_that_is_no_official_one_is_to_be_confirmed(name: str) -> None:
    held = move(f"dhi.io/{name}", UPSTREAM)
    assert ([one.id for one in held.reasons], held.safe) == (["tags-unknown"], False)
    assert held.target is not None
    answers = Answers()
    answers.images[full_name(parse(held.target))] = Answer("available")
    found = move(f"dhi.io/{name}", UPSTREAM._replace(answers=answers))
    assert (found.target, found.safe) == (held.target, True)


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
    goes_back(f"{name}:{tag}" if tag else name, vendor, variant)


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
    assert meaning_of(after, known).version == meaning_of(before, source).version
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
        back = fix_source(there.fixed, format, Settings(UPSTREAM, rules, apply=True, today=TODAY))
        if back.fixed.text == source.text or there.fixed is there.source:
            continue
        moved += 1
        for old, new in zip(there.outcomes, back.outcomes, strict=True):
            if old.state == "migrate" and new.state == "migrate":
                assert new.target is not None
                assert alike(old.image.ref.value, new.target, vendor), case.name
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
    assert seen > 20


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
