"""Registries as they are: Debian's docker-registry, open, with passwords, with tokens, with a private authority."""

import base64
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from echo_migrate.registry import content
from echo_migrate.registry.cache import Cache
from echo_migrate.registry.client import Client
from echo_migrate.registry.errors import Denied, NotFound, RegistryError, Unreachable
from tests import registries
from tests.registries import PASSWORD, USER, Image, Registry, TokenServer

pytestmark = pytest.mark.usefixtures("no_logins")
PYTHON = Image({"etc/os-release": "ID=debian\n"}, {"User": "nonroot", "Entrypoint": ["/usr/bin/python"]})


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> registries.Authority:
    return registries.make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry with a password, and one image."""
    with registries.docker_registry(tmp_path_factory.mktemp("locked"), htpasswd=True) as running:
        running.push("echo/node", "22", PYTHON)
        yield running


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TokenServer]:
    with TokenServer(tmp_path_factory.mktemp("tokens")) as server:
        yield server


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, tokens: TokenServer) -> Iterator[Registry]:
    """A registry with tokens: everyone may pull what is below ``public/``, its user the rest."""
    with registries.docker_registry(tmp_path_factory.mktemp("guarded"), tokens=tokens) as running:
        running.push("public/go", "1", PYTHON)
        running.push("private/go", "1", PYTHON)
        running.push("private/java", "21", PYTHON)
        yield running


def log_in(home: Path, host: str, password: str = PASSWORD, **more: str) -> None:
    folder = home / ".docker"
    folder.mkdir(exist_ok=True)
    entry = more or {"auth": base64.b64encode(f"{USER}:{password}".encode()).decode()}
    (folder / "config.json").write_text(json.dumps({"auths": {host: entry}}))


@pytest.mark.parametrize("docker", [False, True])
def test_an_index_of_two_platforms(registry: Registry, docker: bool) -> None:
    images = [
        PYTHON._replace(docker=docker, platform="linux/amd64"),
        PYTHON._replace(docker=docker, platform="linux/arm64/v8", compression="gzip" if docker else "zstd"),
    ]
    repository = "echo/docker-list" if docker else "echo/oci-index"
    pushed = registry.push_index(repository, "3.12", *images, docker=docker)
    name = registry.name(repository)
    with Client() as client:
        head = client.head(name, "3.12")
        assert (head.digest, head.size, head.media_type) == pushed[:3]
        assert head.is_index
        index = client.manifest(name, "3.12")
        assert content.digest_of(index.content) == index.digest == pushed.digest
        assert [one.platform for one in index.manifests] == ["linux/amd64", "linux/arm64/v8"]
        assert index.config is None
        assert index.layers == ()
        for entry, image in zip(index.manifests, images, strict=True):
            manifest = client.manifest(name, entry.digest)
            assert not manifest.is_index
            assert manifest.config
            config = json.loads(client.blob(name, manifest.config.digest))
            assert config["config"] == dict(image.config)
            (layer,) = manifest.layers
            with client.stream(name, layer.digest) as pieces:
                assert len(b"".join(pieces)) == layer.size


def test_a_plain_manifest_and_its_lists(registry: Registry) -> None:
    pushed = registry.push("echo/plain/deep", "1.0-alpine", PYTHON._replace(docker=True, compression="gzip"))
    registry.push("echo/plain/deep", "1.1", PYTHON)
    with Client() as client:
        name = registry.name("echo/plain/deep")
        assert client.head(name, "1.0-alpine").digest == pushed.digest
        assert client.head(name, pushed.digest).digest == pushed.digest
        assert sorted(client.tags(name)) == ["1.0-alpine", "1.1"]
        assert "echo/plain/deep" in client.repositories(registry.host)


def test_what_is_not_there(registry: Registry) -> None:
    registry.push("echo/there", "1", PYTHON)
    nothing = f"sha256:{'0' * 64}"
    with Client() as client:
        name = registry.name("echo/there")
        for reference in ("2", nothing):
            with pytest.raises(NotFound) as raised:
                client.head(name, reference)
            assert not raised.value.name_unknown
            with pytest.raises(NotFound) as raised:
                client.manifest(name, reference)
            assert not raised.value.name_unknown
        for reference in ("1", nothing):
            with pytest.raises(NotFound, match="no such image") as raised:
                client.head(registry.name("echo/absent"), reference)
            assert raised.value.name_unknown
        with pytest.raises(NotFound, match="no such image"):
            client.tags(registry.name("echo/absent"))
        with pytest.raises(NotFound, match="no such content"):
            client.blob(name, nothing)
        with pytest.raises(NotFound, match="no such content"), client.stream(name, nothing) as pieces:
            list(pieces)


def test_referrers_by_the_tag_that_stands_in(registry: Registry) -> None:
    """This docker-registry has no list of referrers."""
    name = registry.name("echo/attached")
    image = registry.push("echo/attached", "1", PYTHON)
    with Client() as client:
        assert client.referrers(name, image.digest) == []
    attached = {
        **registry.push("echo/attached", "", Image({"provenance": "{}"})).json,
        "artifactType": "application/vnd.in-toto+json",
        "annotations": {"in-toto.io/predicate-type": "https://slsa.dev/provenance/v1"},
    }
    index = {"schemaVersion": 2, "mediaType": content.OCI_INDEX, "manifests": [attached]}
    registry.push_manifest("echo/attached", image.digest.replace(":", "-"), index)
    with Client() as client:
        (found,) = client.referrers(name, image.digest)
        assert found.artifact_type == "application/vnd.in-toto+json"
        assert found.annotations["in-toto.io/predicate-type"] == "https://slsa.dev/provenance/v1"
        assert client.referrers(name, found.digest) == []


def test_a_password(locked: Registry, no_logins: Path) -> None:
    name = locked.name("echo/node")
    with Client() as client, pytest.raises(Denied) as raised:
        client.head(name, "22")
    assert (raised.value.logged_in, raised.value.login_refused) == (False, False)
    assert raised.value.remedy == f"docker login {locked.host}"
    log_in(no_logins, locked.host, "wrong")
    with Client() as client:
        for _ in range(5):
            with pytest.raises(Denied, match="the login is refused") as raised:
                client.head(name, "22")
            assert (raised.value.logged_in, raised.value.login_refused) == (True, True)
    log_in(no_logins, locked.host)
    with Client() as client:
        assert client.tags(name) == ["22"]
        assert client.repositories(locked.host) == ["echo/node"]
        with pytest.raises(NotFound):
            client.head(name, "23")


def test_tokens(guarded: Registry, tokens: TokenServer, no_logins: Path) -> None:
    with Client() as client:
        assert client.tags(guarded.name("public/go")) == ["1"]
        with pytest.raises(Denied) as raised:
            client.head(guarded.name("private/go"), "1")
        assert (raised.value.logged_in, raised.value.login_refused) == (False, False)
    log_in(no_logins, guarded.host, "wrong")
    with Client() as client, pytest.raises(Denied) as raised:
        client.head(guarded.name("private/go"), "1")
    assert raised.value.login_refused
    log_in(no_logins, guarded.host)
    before = len(tokens.standin.requests)
    with Client() as client, ThreadPoolExecutor(8) as pool:
        names = [guarded.name(f"private/{name}") for name in ("go", "java")] * 20
        found = [*pool.map(client.tags, names), *pool.map(client.tags, names)]
    assert {*map(tuple, found)} == {("1",), ("21",)}
    assert len(tokens.standin.requests) - before == 2, "a token serves all requests of its scope"


def test_an_identity_token(guarded: Registry, tokens: TokenServer, no_logins: Path) -> None:
    log_in(no_logins, guarded.host, identitytoken=tokens.identity)
    with Client() as client:
        assert client.manifest(guarded.name("private/java"), "21").layers
    assert tokens.standin.requests[-1].method == "POST"
    log_in(no_logins, guarded.host, identitytoken="an-older-one")
    with Client() as client, pytest.raises(Denied, match="the login is refused"):
        client.manifest(guarded.name("private/java"), "21")


def test_a_token_that_has_ended_is_replaced(
    guarded: Registry, tokens: TokenServer, no_logins: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in(no_logins, guarded.host)
    monkeypatch.setattr(tokens, "lasts", 1e-9)
    before = len(tokens.standin.requests)
    with Client() as client:
        for _ in range(3):
            assert client.head(guarded.name("private/go"), "1").digest
    assert len(tokens.standin.requests) - before == 3


def test_a_private_authority(
    tmp_path: Path, authority: registries.Authority, monkeypatch: pytest.MonkeyPatch, no_logins: Path
) -> None:
    with registries.docker_registry(tmp_path, htpasswd=True, authority=authority) as running:
        running.push("echo/ruby", "3", PYTHON)
        name = running.name("echo/ruby")
        log_in(no_logins, running.host)
        with Client() as client, pytest.raises(Unreachable, match="certificate is not accepted") as raised:
            client.head(name, "3")
        assert "SSL_CERT_FILE" in raised.value.remedy
        for variable in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            with monkeypatch.context() as patch, Client() as client:
                patch.setenv(variable, str(authority.authority))
                assert client.tags(name) == ["3"]
        folder = no_logins / ".config" / "containers" / "certs.d" / running.host
        folder.mkdir(parents=True)
        (folder / "ca.crt").write_bytes(authority.authority.read_bytes())
        with Client() as client:
            assert client.tags(name) == ["3"]
        (folder / "ca.crt").write_text("no certificate")
        with Client() as client, pytest.raises(RegistryError, match="cannot be read as certificates"):
            client.tags(name)


def test_many_references_are_asked_for_on_few_connections_and_once(registry: Registry, tmp_path: Path) -> None:
    name = registry.name("echo/many")
    image = registry.push("echo/many", "0", PYTHON)
    manifest = Client().manifest(name, "0")
    for number in range(1, 50):
        registry.push_manifest("echo/many", str(number), manifest.data)
    folder = str(tmp_path / "cache")
    tags = [str(number) for number in range(50)]
    with Client(Cache(folder)) as client, ThreadPoolExecutor(8) as pool:
        assert {one.digest for one in pool.map(lambda tag: client.head(name, tag), tags)} == {image.digest}
    with Client(Cache(folder), offline=True) as client:
        assert {client.head(name, tag).digest for tag in tags} == {image.digest}
