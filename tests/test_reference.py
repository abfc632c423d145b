"""References: their parts, what is none, and the smallest change of a name."""

import pytest

from echo_migrate.images import catalog
from echo_migrate.images.catalog import Upstream
from echo_migrate.images.reference import Reference, name_change, parse

DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("python", ("", "python", None, None)),
        ("python:3.12", ("", "python", "3.12", None)),
        ("library/python", ("", "library/python", None, None)),
        ("localhost/python", ("localhost", "python", None, None)),
        ("localhost:5000/team/python:3.12", ("localhost:5000", "team/python", "3.12", None)),
        ("[::1]:5000/a", ("[::1]:5000", "a", None, None)),
        ("ghcr.io/a/b__c/d-e.f:v1@" + DIGEST, ("ghcr.io", "a/b__c/d-e.f", "v1", DIGEST)),
        ("python@" + DIGEST, ("", "python", None, DIGEST)),
        ("node:${V}", ("", "node", "${V}", None)),
        ("node:${V:-a/b:c}-slim", ("", "node", "${V:-a/b:c}-slim", None)),
        ("$REGISTRY/node:1", ("", "$REGISTRY/node", "1", None)),
    ],
)
def test_parts(text: str, parts: tuple[str, str, str | None, str | None]) -> None:
    reference = parse(text)
    assert reference[:4] == parts
    assert text[: reference.name_end] == reference.name


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "a:",
        "a b",
        "A",
        "a/B",
        "a//b",
        "a:b:c/",
        "a@sha256:12",
        "a:ü",
        "-a",
        "a/-b",
        "x" + ":" + "t" * 129,
        "{{ a }}",
        "a..b",
        "/a",
    ],
)
def test_what_is_no_reference(text: str) -> None:
    with pytest.raises(ValueError, match="not"):
        parse(text)


def test_words_of_a_tag_know_where_they_stand() -> None:
    text = "eclipse-temurin:17.0.9_9-jre-${X:-a-b}-focal"
    words = parse(text).words
    assert [word.text for word in words] == ["17.0.9_9", "jre", "${X:-a-b}", "focal"]
    assert [text[word.start : word.end] for word in words] == [word.text for word in words]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("python", "reg.example/python"),
        ("docker.io/library/python", "reg.example/python"),
        ("library/python", "python"),
        ("python", "python"),
        ("curlimages/curl", "reg.example/a/curl"),
        ("eclipse-temurin", "reg.example/eclipse-temurin-jre"),
        ("python", "reg.example/mypython"),
    ],
)
def test_a_name_change_makes_one_name_of_the_other(old: str, new: str) -> None:
    start, end, text = name_change(old, new)
    assert old[:start] + text + old[end:] == new
    assert "/" not in text or end == 0 or old[end : end + 1] in ("", "/")


@pytest.mark.parametrize(
    "spelling",
    [
        "python",
        "library/python",
        "docker.io/python",
        "docker.io/library/python",
        "index.docker.io/library/python",
        "registry-1.docker.io/library/python",
        "registry.hub.docker.com/library/python",
        "public.ecr.aws/docker/library/python",
        "mirror.gcr.io/library/python",
    ],
)
def test_every_spelling_of_one_image_is_that_image(spelling: str) -> None:
    assert catalog.load().upstream(parse(spelling)) == Upstream("python")


@pytest.mark.parametrize(
    ("name", "upstream", "likely"),
    [
        ("arm64v8/python", "python", False),
        ("docker.io/amd64/python", "python", False),
        ("curlimages/curl", "curl", False),
        ("prom/prometheus", "prometheus", False),
        ("oliver006/redis_exporter", "redis-exporter", False),
        ("mcr.microsoft.com/dotnet/sdk", "dotnet/sdk", False),
        ("java", "java", False),
        ("bitnami/redis", "redis", True),
        ("bitnami/redis-exporter", "redis-exporter", True),
        ("bitnamilegacy/postgresql", "postgres", True),
        ("confluentinc/cp-kafka", "kafka", True),
        ("harbor.acme.example/dockerhub/library/python", "python", True),
        ("harbor.acme.example/proxy/prom/prometheus", "prometheus", True),
        ("registry.acme.example/nginx", "nginx", True),
        ("pyhton", "python", True),
        ("python3", "python", True),
        ("node-alpine", "node", True),
        ("k8s.gcr.io/pause", "pause", False),
        ("metabase/metabase", "metabase", False),
        ("curl/curl", "curl/curl", False),
        ("rancher/curl", "rancher/curl", False),
        ("registry.corp.example/curl/curl", None, False),
        ("debezium/postgres", "debezium/postgres", False),
        ("ghcr.io/openzipkin/java", "openzipkin/java", True),
        ("grafana/vault", "grafana/vault", False),
        ("ghcr.io/kubeflow/model-registry/storage-initializer", "model-registry/storage-initializer", False),
        ("kindest/node", None, False),
        ("cimg/postgres", None, False),
        ("vulhub/nginx", None, False),
        ("mcr.microsoft.com/devcontainers/python", None, False),
        ("public.ecr.aws/lambda/python", None, False),
        ("gcr.io/google-samples/redis", None, False),
        ("registry.acme.example/team/python", None, False),
        ("ghcr.io/acme/redis", None, False),
        ("arm64v8/acme", None, False),
        ("library/acme", None, False),
        ("my-build", None, False),
        ("bats-jenkins", None, False),
        ("proxyv2", None, False),
    ],
)
def test_names_are_known_likely_or_not(name: str, upstream: str | None, likely: bool) -> None:
    found = catalog.load().upstream(parse(name))
    assert (found and found.name) == upstream
    assert found is None or found.likely == likely


def test_a_hardened_registry_is_known_by_whole_parts_of_its_path() -> None:
    known = catalog.load()
    hardened = {
        name: known.hardened(parse(name))
        for name in (
            "reg.echohq.com/a:1",
            "cgr.dev/x/y",
            "gcr.io/distroless/cc",
            "gcr.io/distroless2/cc",
            "reg.echohq.com.evil.example/a",
            "rapidfort/nginx",
        )
    }
    assert list(hardened.values()) == ["Echo", "Chainguard", "distroless", None, None, "RapidFort"]
    mirror = catalog.load(registry="harbor.example/echo")
    assert mirror.hardened(Reference("harbor.example", "echo/python", None, None, 0)) == "Echo"
    assert mirror.hardened(Reference("harbor.example", "echoes/python", None, None, 0)) is None
