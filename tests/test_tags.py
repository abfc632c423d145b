"""Which tags of a provider mean what upstream's tags mean."""

import pytest

from echo_migrate.files.source import Traced
from echo_migrate.images import catalog
from echo_migrate.images.end_of_life import published_since
from echo_migrate.images.facts import listed
from echo_migrate.images.migration import assess
from echo_migrate.images.tags import (
    BEFORE_RELEASE,
    BUILD,
    choose,
    meaning_of,
    nearest,
    without_revision,
    without_word,
)
from echo_migrate.model import Image

DOCKER = catalog.load("docker")
ECHO = catalog.load()

SAME = {
    "python:3.13-slim-trixie": "3.13-debian13",
    "python:3.13-slim-bookworm": "3.13-debian12",
    "python:3.13": "3.13",
    "node:22-bookworm-slim": "22-debian12",
    "node:22-alpine": "22-alpine",
    "golang:1.26-trixie": "1.26-debian13",
    "debian:trixie-slim": "trixie",
    "debian:12": "bookworm",
    "php:8.4-fpm-alpine": "8.4-alpine-fpm",
    "php:8.4-cli-alpine": "8.4-alpine",
    "traefik:v3": "3-alpine",
    "eclipse-temurin:21-jre": "21",
    "eclipse-temurin:21.0.12_8-jre-alpine": "21.0.12.8-alpine",
    "eclipse-temurin:25-jre-alpine-3.24": "25-alpine3.24",
    "docker:29-dind": "29-alpine",
    "docker:29-cli": "29-cli",
    "dotnet/sdk:8.0-alpine": "8.0-sdk-alpine",
    "dotnet/sdk:8.0-cbl-mariner2.0": "8.0-sdk",
    "dotnet/aspnet:10.0-azurelinux3.0-distroless": "10.0",
    "dotnet/runtime:10.0-noble-chiseled": "10.0",
    "dotnet/runtime:10.0-noble-chiseled-extra": "10.0",
    "dotnet/aspnet:10.0-azurelinux3.0-distroless-extra": "10.0",
    "amazoncorretto:21-al2023-headless": "21",
    "nats:2.14.5-scratch": "2.14.5",
    "tomcat:10-jdk21-temurin": "10-jdk21",
    "wordpress:6.9.7-php8.4-fpm-alpine": "6.9.7-alpine-php8.4-fpm",
}
BUILDERS = {
    "maven:3.9-eclipse-temurin-21": "3.9-jdk21-dev",
    "maven:3.9-eclipse-temurin-21-alpine": "3.9-jdk21-alpine-dev",
    "gradle:9-jdk21": "9-jdk21-dev",
    "eclipse-temurin:21": "21-jdk-dev",
    "eclipse-temurin:21-jre": "21-jdk-dev",
    "golang:1.26-alpine": "1.26-alpine-dev",
    "node:22-slim": "22-dev",
}
NONE = [
    "rabbitmq:4-management",
    "php:8.4-apache",
    "php:8.4-zts",
    "wordpress:6.9.7",
    "docker:29-git",
    "caddy:2-builder",
    "nginx:1.31-perl",
    "maven:3-amazoncorretto-21",
    "elixir:1.19-otp-26",
    "eclipse-temurin:21",
    "redis:7.2",
    "node:0.10.40",
    "debian:buster",
    "debian:11",
    "debian:sid",
    "debian:testing",
    "dotnet/aspnet:10.0-alpine-extra",
    "dotnet/aspnet:10.0-noble-chiseled-composite",
    "dotnet/sdk:10.0-noble-aot",
]


def _choose(reference: str, build: bool = False) -> object:
    name, _, tag = reference.partition(":")
    row = DOCKER.row(name, frozenset(tag.split("-")))
    assert row is not None
    assert row.image
    found = choose(name, tag, row.image, DOCKER, build)
    return found and found[:4]


@pytest.mark.parametrize("reference", SAME)
def test_the_same_in_other_words(reference: str) -> None:
    assert _choose(reference) == (SAME[reference], False, False, "")


@pytest.mark.parametrize("reference", BUILDERS)
def test_the_variant_for_building(reference: str) -> None:
    assert _choose(reference, build=True) == (BUILDERS[reference], False, False, "")


@pytest.mark.parametrize("reference", NONE)
def test_no_word_and_no_version_is_lost(reference: str) -> None:
    assert _choose(reference) is None


def test_a_tag_for_one_architecture() -> None:
    tags, words = listed("dotnet", "docker"), DOCKER.facts.common_architectures
    assert without_word("10.0-noble-amd64", tags, words) == ("10.0-noble", "amd64")
    assert without_word("10.0-arm32v7", tags, words) == ("10.0-arm32v7", "")  # none is built for it
    assert without_word("amd64", tags, words) == ("amd64", "")
    assert without_word("1-amd64", ["1-amd64", "1-arm64"], words) == ("1-amd64", "")


def test_a_tag_of_a_version_before_its_release() -> None:
    assert without_word("10.0-preview-alpine", listed("dotnet", "docker"), BEFORE_RELEASE) == ("10.0-alpine", "preview")
    image = Image(Traced.of("php:8.5-rc-fpm", 0, 14), "FROM", 0, 14)
    move = assess(image, DOCKER)
    assert (move.target, [one.id for one in move.reasons]) == ("dhi.io/php:8.5-fpm", ["pre-release"])
    image = Image(Traced.of("php:9.0-rc-fpm", 0, 14), "FROM", 0, 14)
    assert [one.id for one in assess(image, DOCKER).reasons] == ["tag-unlisted"]


def test_a_revision_of_the_image_is_no_release_of_its_distribution() -> None:
    assert without_revision("v1.19-debian-1", DOCKER) == ("v1.19-debian", "1")
    assert without_revision("v1.19.3-debian-1.0", DOCKER) == ("v1.19.3-debian", "1.0")
    assert without_revision("1-debian-2-x", DOCKER) == ("1-debian-x", "2")
    for tag in ("7.2-debian-12", "7.2-debian-7", "7.2-debian-12.5", "1-debian", "1-debian-12-r3", "1-alpine-3"):
        assert without_revision(tag, DOCKER) == (tag, "")
    image = Image(Traced.of("fluentd:v1.19-debian-1", 0, 22), "FROM", 0, 22)
    move = assess(image, DOCKER)
    assert move.target == "dhi.io/fluentd:1.19-debian"
    assert [one.id for one in move.reasons] == ["drops-words"]


@pytest.mark.parametrize("tag", ["bookworm-20240311-slim", "12.5", "12.5-slim"])
def test_the_version_that_is_dropped_is_named(tag: str) -> None:
    image = Image(Traced.of(f"debian:{tag}", 0, 7 + len(tag)), "FROM", 0, 7 + len(tag))
    (reason,) = assess(image, DOCKER).reasons
    assert dict(reason.values)["version"] in ("20240311", "12.5")


@pytest.mark.parametrize(
    ("tag", "version"), [("25.0.3_9-jre", "25.0.3_9"), ("8u302-b08-jre", "8u302.b08"), ("v25.0.3", "v25.0.3")]
)
def test_the_version_that_is_dropped_is_shown_as_written(tag: str, version: str) -> None:
    image = Image(Traced.of(f"eclipse-temurin:{tag}", 0, 16 + len(tag)), "FROM", 0, 16 + len(tag))
    shown = [dict(one.values)["version"] for one in assess(image, DOCKER).reasons if one.id == "drops-version"]
    assert shown == [version]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("jenkins/jenkins:lts", "no-version"),
        ("node:lts", "floating"),
        ("jenkins/jenkins:jdk21", "tag-unlisted"),
        ("jenkins/jenkins:2.568.1-lts", "tag-unlisted"),
    ],
)
def test_a_word_of_support_names_no_version(value: str, reason: str) -> None:
    move = assess(Image(Traced.of(value, 0, len(value)), "FROM", 0, len(value)), DOCKER)
    assert [one.id for one in move.reasons] == [reason]


@pytest.mark.parametrize(
    ("value", "version"),
    [
        ("adoptopenjdk/openjdk11:alpine-jre", "11"),
        ("adoptopenjdk/openjdk11:jre-11.0.9_11-alpine", "11"),
        ("adoptopenjdk/openjdk16", "16"),
        ("adoptopenjdk/openjdk8:latest", "8"),
        ("golang1.16", "1.16"),
        ("golang1.16:latest", "1.16"),
        ("golang1.16:1.16.3", None),
        ("python38:1.2", "38"),
        ("python38:3.8-slim", None),
        ("bitnami/python", None),
    ],
)
def test_a_version_in_the_name_of_a_repository_is_not_lost(value: str, version: str | None) -> None:
    move = assess(Image(Traced.of(value, 0, len(value)), "FROM", 0, len(value)), ECHO)
    said = [dict(one.values)["version"] for one in move.reasons if one.id == "version-in-name"]
    assert said == ([version] if version else [])
    assert not (version and move.edits)
    assert "no-version" not in {one.id for one in move.reasons}


@pytest.mark.parametrize(
    ("provider", "value", "reason", "words"),
    [
        ("docker", "php:8.5-apache", "word-unlisted", "apache"),
        ("docker", "php:5.4-apache", "word-unlisted", "apache"),
        ("docker", "grafana/k6:2.2.0-with-browser", "word-unlisted", "with-browser"),
        ("docker", "maven:3-jdk-11", "tag-unlisted", None),
        ("docker", "maven:4.0.0-rc-5-eclipse-temurin-17", "tag-unlisted", None),
        ("docker", "python:3.7-alpine", "tag-unlisted", None),
        ("docker", "debian:buster", "tag-unlisted", None),
        ("docker", "alpine:edge", "tag-unlisted", None),
        ("chainguard", "php:8.5-apache", "versions-unlisted", None),
        ("chainguard", "eclipse-temurin:25-jdk-alpine", "versions-unlisted", None),
        ("chainguard", "mcr.microsoft.com/dotnet/sdk:10.0", "versions-unlisted", None),
        ("chainguard", "apache/nifi:2.5.0", "image-unlisted", None),
    ],
)
def test_what_a_list_lacks(provider: str, value: str, reason: str, words: str | None) -> None:
    move = assess(Image(Traced.of(value, 0, len(value)), "FROM", 0, len(value)), catalog.load(provider))
    first = move.reasons[0]
    assert (first.id, dict(first.values).get("words"), move.edits) == (reason, words, ())


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("REPLACE-ME", "template"),
        ("TO_BE_REPLACED:1", "template"),
        ("NGINX", "not-a-reference"),
        ("%s/app:%s", "template"),
        ("quay.io/a/%s", "template"),
        ("a:%dx", "not-a-reference"),
    ],
)
def test_words_in_capitals_are_filled_in(value: str, reason: str) -> None:
    move = assess(Image(Traced.of(value, 0, len(value)), "FROM", 0, len(value)), DOCKER)
    assert [one.id for one in move.reasons] == [reason]


@pytest.mark.parametrize("tag", ["8u502-b07-jre", "8u502-b99", "8u302-b08-jre", "8u502-x07"])
def test_no_build_of_java_8_is_known_to_be_there(tag: str) -> None:
    written = f"eclipse-temurin:{tag}"
    move = assess(Image(Traced.of(written, 0, len(written)), "FROM", 0, len(written)), catalog.load("echo"))
    assert move.edits == ()
    assert "no-such-word" in [one.id for one in move.reasons]


def test_the_client_of_docker_is_no_daemon() -> None:
    for tag in ("29-cli", "cli", "29-git", "git"):
        move = assess(
            Image(Traced.of(f"docker:{tag}", 0, 7 + len(tag)), "FROM", 0, 7 + len(tag)), catalog.load("chainguard")
        )
        assert (move.state, move.target) == ("no-replacement", None)


def test_a_line_whose_end_the_vendor_states_and_which_is_its_newest() -> None:
    """DHI dates all its RabbitMQ to 2026-07-30, and has newer lines of CloudNativePG than 1.27, which ended."""
    for value, day, reason in (
        ("rabbitmq:4.3", "2026-11-01", "ended-there"),
        ("rabbitmq:4.3", "2026-07-01", ""),
        ("ghcr.io/cloudnative-pg/cloudnative-pg:1.27", "2026-07-01", "ended"),
    ):
        move = assess(Image(Traced.of(value, 0, len(value)), "FROM", 0, len(value)), DOCKER, today=day)
        assert [one.id for one in move.reasons if one.id.startswith("ended")] == [reason] * bool(reason), value


def test_a_provider_whose_distribution_is_not_known_switches_to_none() -> None:
    image = Image(Traced.of("mongo:7-jammy", 0, 13), "FROM", 0, 13)
    found = [one.id for one in assess(image, catalog.load("ironbank")).reasons]
    assert "drops-words" in found
    assert "no-variant" not in found


def test_what_is_not_kept_is_said() -> None:
    assert _choose("python:3.12.4-slim") == ("3.12", False, True, "")
    assert _choose("node:22.4.1") == ("22", False, True, "")
    assert _choose("debian:bookworm-20240311-slim") == ("bookworm", False, True, "")
    assert _choose("node:22-alpine3.19") == ("22-alpine", False, False, "alpine 3.19")
    assert _choose("ruby:3.4-bookworm") == ("3.4", False, False, "debian 12")
    assert _choose("eclipse-temurin:8u302-b08-jre-alpine") == ("8-alpine", False, True, "")
    assert _choose("eclipse-temurin:8u502-b07-jre-alpine3.22") == ("8u502.b07-alpine3.22", False, False, "")
    assert _choose("python:latest") == ("3.14", True, False, "")
    assert _choose("node:lts-alpine") == ("24.19-alpine", True, False, "")
    assert _choose("nginx:stable") == ("1.30", True, False, "")
    assert _choose("debian:stable-slim") == ("trixie", True, False, "")
    assert _choose("tomcat:10") == ("10-jdk25", True, False, "")
    assert _choose("alpine:3") == ("3.24", True, False, ""), "the newest of what is left open"
    assert _choose("uv:latest") == ("0.12", True, False, ""), "it is not known which version latest is"


def test_nothing_older_stands_for_the_latest() -> None:
    assert _choose("mysql:latest") is None
    assert _choose("jenkins:2.580") is None, "the list's 2 is 2.568, the line of long-term support"
    assert _choose("jenkins:2.568.1") == ("2.568", False, True, "")


def test_a_line_that_stands_at_an_older_band_is_said() -> None:
    """The list has 10.0.110 of the SDK for Alpine 3.23, and 10.0.400 for Debian."""
    alpine, debian, runtime = (
        choose(name, tag, "dotnet", DOCKER)
        for name, tag in (
            ("dotnet/sdk", "10.0-alpine3.23"),
            ("dotnet/sdk", "10.0"),
            ("dotnet/runtime", "10.0-alpine3.23"),
        )
    )
    assert alpine
    assert debian
    assert runtime
    assert (alpine.behind, debian.behind, runtime.behind) == ("10.0.110", "", "")


def test_another_family_only_stands_for_one_that_the_image_does_not_have() -> None:
    assert _choose("httpd:2.4-alpine") == ("2.4", False, False, "")
    assert _choose("memcached:1.6-alpine", build=True) is None, "it has -alpine, but none for building"
    assert _choose("golang:1.27") is None, "of that version it has -alpine alone"


def test_the_nearest_is_of_the_same_function_and_distribution() -> None:
    assert nearest("php", "7.4-fpm-alpine", "php", DOCKER) == "8.2-alpine-fpm", "the next version"
    assert nearest("redis", "7.2", "redis", DOCKER) == "7.4"
    assert nearest("node", "20", "node", DOCKER) == "22", "a line, as written"
    assert nearest("ruby", "2.7", "ruby", DOCKER) == "3.3", "3 is the newest 3.x"
    assert nearest("node", "9999", "node", DOCKER).startswith("26"), "the newest, where none is newer"
    assert nearest("maven", "3.9-amazoncorretto-21", "maven", DOCKER) == "3.9-jdk21-dev", "of the same Java"
    assert nearest("eclipse-temurin", "8-x-jdk", "eclipse-temurin", DOCKER).startswith("8")
    assert nearest("node", "1", "no-such-image", DOCKER) == ""


@pytest.mark.parametrize("provider", ["chainguard", "docker"])
def test_each_listed_tag_means_itself(provider: str) -> None:
    """Law: a tag that both sides have is kept, word by word, as long as it says no more than its words."""
    known = catalog.load(provider)
    for name in ("node", "nginx", "redis", "golang", "python"):
        for row in known.rows[name]:
            for tag in listed(row.image or "", provider):
                meaning = meaning_of(tag, known)
                if BUILD in meaning.words or not meaning.version:
                    continue
                found = choose(name, tag, row.image or "", known)
                assert found is not None
                assert meaning_of(found.tag, known) == meaning, tag
                assert not found.floating | found.line
                assert not found.release


@pytest.mark.parametrize(
    ("upstream", "tags"),
    [
        ("debian", {"12.16": True, "14": True, "12.2025": False}),
        ("eclipse-temurin", {"8u512": True, "17.0.21_9": True, "17.2.1": False, "17.99": False, "8.999": False}),
        ("node", {"24.20.1": True, "27": True, "22.2024": False, "22.x.100": False, "2024": False}),
        ("postgres", {"16.16": True, "16.15.99": False, "16.40.1": False, "16.99": False, "16.016": False}),
        ("python", {"3.12.15": True, "3.16": True, "3.12.20250101": False, "3.12.15.1": False}),
        ("redis", {"7.4.12": True, "7.4.5678": False, "99": False}),
    ],
)
def test_only_the_next_versions_may_be_published_since(upstream: str, tags: dict[str, bool]) -> None:
    assert {version: published_since(upstream, version) for version in tags} == tags


@pytest.mark.parametrize(
    ("provider", "value", "reasons"),
    [
        ("distroless", "eclipse-temurin:21", ["distroless is not known to offer eclipse-temurin:21"]),
        (
            "distroless",
            "eclipse-temurin:21-jdk",
            ["distroless is not known to offer a -jdk variant of eclipse-temurin"],
        ),
        ("distroless", "eclipse-temurin:21-jre-noble", ["distroless has no Ubuntu variant: this switches to Debian"]),
    ],
)
def test_the_java_of_distroless_is_a_jre(provider: str, value: str, reasons: list[str]) -> None:
    move = assess(Image(Traced.of(value, 0, len(value)), "FROM", 0, len(value)), catalog.load(provider))
    assert [one.message for one in move.reasons if one.id != "tags-unknown"] == reasons


@pytest.mark.parametrize(
    ("provider", "value", "target", "message"),
    [
        (
            "docker",
            "mcr.microsoft.com/dotnet/sdk",
            "dhi.io/dotnet:10.0-sdk",
            "the distribution of upstream's dotnet/sdk image is unknown",
        ),
        ("docker", "mcr.microsoft.com/dotnet/sdk:10.0", "dhi.io/dotnet:10.0-sdk", "switches from Ubuntu to Debian"),
        (
            "chainguard",
            "alpine:3.23",
            "cgr.dev/chainguard/wolfi-base:latest",
            "drops 3.23: no such Chainguard tag is known",
        ),
        ("chainguard", "mcr.microsoft.com/dotnet/sdk:latest", "cgr.dev/chainguard/dotnet-sdk:latest", None),
        ("chainguard", "busybox", "cgr.dev/chainguard/busybox", None),
        ("chainguard", "minio/minio", "cgr.dev/chainguard/minio", None),
        ("suse", "python:3", "registry.suse.com/bci/python:3.13", "3 leaves the version open; this sets 3.13"),
        ("ironbank", "quay.io/coreos/etcd:v3.6.0", "registry1.dso.mil/ironbank/opensource/etcd/etcd:v3.6.0", None),
        (
            "ironbank",
            "registry.k8s.io/coredns/coredns:v1.12.1",
            "registry1.dso.mil/ironbank/opensource/coredns/coredns:v1.12.1",
            None,
        ),
    ],
)
def test_what_is_said_of_a_move(provider: str, value: str, target: str, message: str | None) -> None:
    move = assess(Image(Traced.of(value, 0, len(value)), "FROM", 0, len(value)), catalog.load(provider))
    assert move.target == target
    assert not move.safe
    assert message is None or message in [reason.message for reason in move.reasons]
