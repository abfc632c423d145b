"""Registries that are slow, wrong or malicious: each ends in one clear error, soon, and shows no credential."""

import base64
import contextlib
import gzip
import hashlib
import json
import os
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from echo_migrate.registry import content
from echo_migrate.registry.cache import Cache
from echo_migrate.registry.challenges import is_trusted, parsed, scopes
from echo_migrate.registry.client import Client
from echo_migrate.registry.content import DOCKER_LIST, OCI_INDEX, OCI_MANIFEST
from echo_migrate.registry.errors import Denied, Malformed, NotFound, RegistryError, Throttled, Unreachable
from echo_migrate.registry.limits import Limits
from echo_migrate.registry.logins import Logins
from echo_migrate.registry.names import DIGEST as DIGEST_FORM
from echo_migrate.registry.tokens import seconds
from echo_migrate.registry.transport import proxy_of
from tests import registries
from tests.registries import PASSWORD, USER, Reply, Request, StandIn

pytestmark = pytest.mark.usefixtures("no_logins")
LIMITS = Limits(backoff=0.0, stall=5.0, connect=5.0, request=20.0)
MANIFEST = json.dumps({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "layers": []}).encode()
DIGEST = f"sha256:{hashlib.sha256(MANIFEST).hexdigest()}"
GOOD = Reply(200, MANIFEST, {"Content-Type": OCI_MANIFEST, "Docker-Content-Digest": DIGEST})
ENDLESS = 1_000_000

Ask = Callable[[Client, str], object]


def head(client: Client, host: str) -> object:
    return client.head(f"{host}/echo/x", "1")


def manifest(client: Client, host: str) -> object:
    return client.manifest(f"{host}/echo/x", "1")


def by_digest(client: Client, host: str) -> object:
    return client.manifest(f"{host}/echo/x", DIGEST)


def blob(client: Client, host: str) -> object:
    return client.blob(f"{host}/echo/x", DIGEST, 1000)


def stream(client: Client, host: str) -> object:
    with client.stream(f"{host}/echo/x", DIGEST, 1000) as pieces:
        return b"".join(pieces)


def tags(client: Client, host: str) -> object:
    return client.tags(f"{host}/echo/x")


def referrers(client: Client, host: str) -> object:
    return client.referrers(f"{host}/echo/x", DIGEST)


def log_in(home: Path, host: str) -> None:
    (home / ".docker").mkdir(exist_ok=True)
    auth = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    (home / ".docker" / "config.json").write_text(json.dumps({"auths": {host: {"auth": auth}}}))


def always(reply: Reply) -> Callable[[Request], Reply]:
    return lambda request: Reply() if request.path == "/v2/" else reply


def in_turn(*replies: Reply) -> Callable[[Request], Reply]:
    """The replies one after the other, the last of them from then on."""
    left = list(replies)
    return lambda request: Reply() if request.path == "/v2/" else left.pop(0) if len(left) > 1 else left[0]


def endless(piece: bytes = b" " * 65536) -> Iterator[bytes]:
    for _ in range(ENDLESS):
        yield piece


def typed(data: Any, kind: str = OCI_MANIFEST) -> Reply:
    return Reply(200, data if isinstance(data, bytes) else json.dumps(data).encode(), {"Content-Type": kind})


def moved(where: str, status: int = 307) -> Reply:
    return Reply(status, b"", {"Location": where})


WRONG: dict[str, tuple[Ask, Reply, type[RegistryError], str]] = {
    "longer than any": (manifest, Reply(200, b"", {"Content-Length": "1000000000000"}), Malformed, "larger than"),
    "a blob longer than allowed": (blob, Reply(200, b"x" * 1001), Malformed, "larger than 1,000 bytes"),
    "a layer longer than allowed": (stream, Reply(200, b"x" * 1001), Malformed, "larger than 1,000 bytes"),
    "compressed": (
        manifest,
        Reply(200, gzip.compress(b" " * 10**6), {"Content-Encoding": "gzip"}),
        Malformed,
        "compressed",
    ),
    "deep": (manifest, typed(b'{"a":' * 60 + b"1" + b"}" * 60), Malformed, "nested more than"),
    "very deep": (manifest, typed(b"[" * 10**6), Malformed, "nested more than"),
    "no JSON": (manifest, typed(b"<html>"), Malformed, "not valid JSON"),
    "a number that is none": (manifest, typed(b'{"a":NaN}'), Malformed, "not valid JSON"),
    "a number of many digits": (manifest, typed(b'{"a":' + b"9" * 10**5 + b"}"), Malformed, "not valid JSON"),
    "no object": (manifest, typed([1]), Malformed, "not a JSON object"),
    "no image": (manifest, typed({"a": 1}, "application/json"), Malformed, "neither an image nor an index"),
    "two types": (manifest, typed({"mediaType": OCI_INDEX, "manifests": []}), Malformed, "claims to be both"),
    "two contents": (manifest, typed({"manifests": [], "layers": []}), Malformed, "claims to be both"),
    "another digest stated": (
        manifest,
        Reply(200, MANIFEST + b" ", {"Content-Type": OCI_MANIFEST, "Docker-Content-Digest": DIGEST}),
        Malformed,
        "does not have the digest",
    ),
    "other content for a digest": (by_digest, typed(MANIFEST + b" "), Malformed, "does not have the digest"),
    "another blob": (blob, Reply(200, b"x"), Malformed, "does not have this digest"),
    "another layer": (stream, Reply(200, b"x"), Malformed, "does not have this digest"),
    "a shorter answer than stated": (
        manifest,
        Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}"),
        Unreachable,
        "closed too early",
    ),
    "a longer answer than stated": (
        manifest,
        Reply(
            raw=b"HTTP/1.1 200 OK\r\nContent-Type: "
            + OCI_MANIFEST.encode()
            + b"\r\nContent-Length: 3\r\n\r\n"
            + MANIFEST
        ),
        Malformed,
        "not valid JSON",
    ),
    "two lengths": (
        manifest,
        Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}x"),
        Malformed,
        "not valid HTTP",
    ),
    "a length that is none": (manifest, Reply(200, b"", {"Content-Length": "-1"}), Malformed, "not valid HTTP"),
    "no HTTP": (manifest, Reply(raw=b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), Malformed, "not valid HTTP"),
    "long header": (manifest, Reply(raw=b"HTTP/1.1 200 OK\r\nX: " + b"x" * 10**6), Malformed, "not valid HTTP"),
    "control characters in a header": (
        manifest,
        Reply(raw=b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n"),
        Malformed,
        "not valid HTTP",
    ),
    "nothing": (manifest, Reply(raw=b""), Unreachable, "closed too early"),
    "redirects for ever": (manifest, moved("/v2/echo/x/manifests/1"), Malformed, "more than 5 redirects"),
    "a redirect to a file": (manifest, moved("file:///etc/passwd"), Malformed, "not followed|invalid address"),
    "a redirect without TLS": (manifest, moved("http://registry.example/x"), Malformed, "not followed"),
    "a redirect with a login": (manifest, moved("https://a:b@registry.example/x"), Malformed, "invalid address"),
    "a redirect with spaces": (manifest, moved("/a b"), Malformed, "invalid address"),
    "a redirect to a wrong port": (manifest, moved("https://a:99999/"), Malformed, "invalid address"),
    "a redirect to nowhere": (manifest, Reply(302), Malformed, "invalid address"),
    "an error of its own": (manifest, Reply(503), Unreachable, "status 503"),
    "another status": (manifest, Reply(418), Malformed, "status 418"),
    "a long error": (manifest, Reply(404, b"x" * 10**6), Malformed, "larger than"),
    "no list of tags": (tags, typed({"tags": {"a": 1}}), Malformed, "is no list"),
    "tags without end": (
        tags,
        Reply(200, b'{"tags":["1"]}', {"Link": '</v2/echo/x/tags/list?n=1000>; rel="next"'}),
        Malformed,
        "do not end",
    ),
    "a link that is none": (tags, Reply(200, b"{}", {"Link": '<http://[/?a=b>; rel="next"'}), Malformed, "link"),
    "no index of referrers": (referrers, typed({"manifests": None}, OCI_INDEX), Malformed, "not an index"),
    "descriptors that are none": (referrers, typed({"manifests": [1]}, OCI_INDEX), Malformed, "invalid descriptor"),
    "a descriptor with a path": (
        referrers,
        typed({"manifests": [{"digest": "sha256:../../x", "mediaType": "x", "size": 1}]}, OCI_INDEX),
        Malformed,
        "invalid descriptor",
    ),
    "a descriptor without a size": (
        referrers,
        typed({"manifests": [{"digest": DIGEST, "mediaType": "x", "size": -1}]}, OCI_INDEX),
        Malformed,
        "without a size",
    ),
    "a token server that is a file": (
        manifest,
        Reply(401, b"", {"WWW-Authenticate": 'Bearer realm="file:///etc/passwd"'}),
        Malformed,
        "token server whose address is not valid",
    ),
    "a token server with a login": (
        manifest,
        Reply(401, b"", {"WWW-Authenticate": 'Bearer realm="https://a:b@c/"'}),
        Malformed,
        "token server whose address is not valid",
    ),
    "a token server with a new line": (
        manifest,
        Reply(401, b"", {"WWW-Authenticate": 'Bearer realm="https://a/\tX: y"'}),
        Malformed,
        "token server whose address is not valid",
    ),
    "a token server without TLS": (
        manifest,
        Reply(401, b"", {"WWW-Authenticate": 'Bearer realm="http://tokens.example/"'}),
        Malformed,
        "without TLS",
    ),
    "a refusal without a word": (manifest, Reply(401), Denied, "access is denied"),
    "a refusal for good": (manifest, Reply(403), Denied, "access is denied|no access"),
    "a wish for fewer requests": (manifest, Reply(429, b"", {"Retry-After": "3600"}), Throttled, "rate limit"),
}


@pytest.mark.parametrize("name", WRONG)
def test_one_clear_error_without_a_credential(
    name: str, no_logins: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    ask, reply, kind, words = WRONG[name]
    with StandIn(always(reply)) as server:
        log_in(no_logins, server.host)
        cache = Cache(str(tmp_path / "cache"))
        with Client(cache, limits=LIMITS) as client:
            with pytest.raises(kind, match=words) as raised:
                ask(client, server.host)
            error = raised.value
            assert type(error) in (kind, *kind.__subclasses__())
            shows_nothing(error, tmp_path / "cache", repr(vars(client)), "".join(capfd.readouterr()))
    assert server.host in str(error)
    assert all(" " <= char <= "~" or char == "…" for char in f"{error.message}{error.remedy}")


def shows_nothing(error: RegistryError, folder: Path, *texts: str) -> None:
    """Neither the error with all that led to it, nor the cache, nor a text has a credential."""
    basic = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    chain: list[BaseException] = [error]
    while chain[-1].__cause__ or chain[-1].__context__:
        chain.append(chain[-1].__cause__ or chain[-1].__context__ or error)
    texts = (*texts, *map(repr, chain), *(repr(vars(one)) for one in chain), "".join(traceback.format_exception(error)))
    kept = [path.read_bytes().decode("latin-1") for path in folder.rglob("*") if path.is_file()]
    for text in (*texts, *kept):
        assert not any(secret in text for secret in (PASSWORD, basic, "token-that-opens")), text


def test_chunks_without_end_are_not_read_to_the_end() -> None:
    sent = 0

    def counted() -> Iterator[bytes]:
        nonlocal sent
        for piece in endless():
            sent += len(piece)
            yield piece

    for ask in (manifest, blob, tags, stream):
        with StandIn(lambda request: Reply() if request.path == "/v2/" else Reply(200, counted())) as server:
            limits = LIMITS._replace(page=10**6)
            with Client(limits=limits) as client, pytest.raises(Malformed, match="larger than"):
                ask(client, server.host)
    assert sent < 10**8


def test_a_slow_answer_ends_at_the_deadline() -> None:
    """A byte now and then: no single wait is long, and together they would last for ever."""

    def drop(server: StandIn, before: bytes) -> Callable[[Request], Reply]:
        def pieces() -> Iterator[bytes]:
            while not server.released.wait(0.02):
                yield b" "

        return lambda request: Reply() if request.path == "/v2/" else Reply(200, pieces())

    with StandIn(always(GOOD)) as server:
        server.answer = drop(server, b"")
        limits = LIMITS._replace(request=0.4, stream=0.4, stall=0.3)
        for ask in (manifest, blob, tags, stream):
            with Client(limits=limits) as client, pytest.raises(Unreachable, match="no answer in time"):
                ask(client, server.host)


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"])
def test_silence_ends_at_the_limit_of_a_stall(start: bytes) -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(20)
        taken: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    one, _ = listening.accept()
                    taken.append(one)
                    one.sendall(start)
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        limits = LIMITS._replace(stall=0.1, connect=0.1, failures=1)
        with Client(limits=limits) as client:
            for _ in range(3):
                with pytest.raises(Unreachable, match="no answer in time"):
                    head(client, f"127.0.0.1:{listening.getsockname()[1]}")
        assert len(taken) <= 3, "to greet it by https and by http, and to ask; then the host is not asked again"
        for one in taken:
            one.close()


def test_the_time_of_a_run_is_over() -> None:
    with StandIn(always(GOOD)) as server, Client(limits=LIMITS._replace(run=0.0)) as client:
        for _ in range(2):
            with pytest.raises(Unreachable, match="the time for all requests"):
                manifest(client, server.host)
        assert server.requests == []


def test_closing_ends_what_waits_in_another_thread() -> None:
    asked = threading.Event()

    def wait(request: Request) -> Reply:
        if request.path != "/v2/":
            asked.set()
            server.released.wait()
        return GOOD

    errors: list[Exception] = []

    def ask() -> None:
        try:
            manifest(client, server.host)
        except RegistryError as error:
            errors.append(error)

    with StandIn(wait) as server:
        client = Client(limits=LIMITS._replace(stall=3600.0, request=3600.0))
        thread = threading.Thread(target=ask)
        thread.start()
        assert asked.wait(60)
        client.close()
        thread.join(60)
        assert not thread.is_alive()
        assert isinstance(errors[0], Unreachable)
        with pytest.raises(Unreachable, match="the run has ended"):
            manifest(client, server.host)


def test_a_dropped_connection_is_tried_again() -> None:
    gone = Reply(raw=b"")
    with StandIn(in_turn(gone, gone, GOOD)) as server, Client(limits=LIMITS) as client:
        assert client.manifest(f"{server.host}/echo/x", "1").digest == DIGEST
        assert len(server.asked) == 3
    cut = Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}")
    with StandIn(in_turn(cut, GOOD)) as server, Client(limits=LIMITS) as client:
        assert client.manifest(f"{server.host}/echo/x", "1").digest == DIGEST
    with StandIn(always(gone)) as server, Client(limits=LIMITS) as client:
        with pytest.raises(Unreachable):
            manifest(client, server.host)
        assert len(server.asked) <= 2 * LIMITS.attempts


def test_a_registry_that_fails_is_tried_again_and_then_left() -> None:
    with StandIn(in_turn(Reply(502), Reply(503, b"", {"Retry-After": "0"}), GOOD)) as server:
        with Client(limits=LIMITS) as client:
            assert manifest(client, server.host)
        assert len(server.asked) == 3
    with StandIn(always(Reply(500))) as server, Client(limits=LIMITS) as client:
        for _ in range(20):
            with pytest.raises(Unreachable, match="status 500"):
                manifest(client, server.host)
        assert len(server.asked) == LIMITS.attempts * LIMITS.failures
        with StandIn(always(GOOD)) as other:
            assert manifest(client, other.host), "another registry is none the worse"


@pytest.mark.parametrize("retry", ["0", "Sun, 06 Nov 1994 08:49:37 GMT", "0 "])
def test_fewer_requests_are_waited_for(retry: str) -> None:
    throttled = Reply(429, b"", {"Retry-After": retry})
    with StandIn(in_turn(throttled, throttled, throttled, GOOD)) as server, Client(limits=LIMITS) as client:
        assert manifest(client, server.host)
        assert len(server.asked) == 4


def test_a_long_wait_ends_the_requests_to_that_registry() -> None:
    with StandIn(always(Reply(429, b"", {"Retry-After": "7200"}))) as server, Client(limits=LIMITS) as client:
        for ask in (manifest, head, tags):
            with pytest.raises(Throttled, match="rate limit") as raised:
                ask(client, server.host)
            assert raised.value.retry_after == 7200
            assert f"docker login {server.host}" in raised.value.remedy
        assert len(server.asked) == 1
    with StandIn(always(Reply(429))) as server, Client(limits=LIMITS) as client:
        for _ in range(3):
            with pytest.raises(Throttled):
                manifest(client, server.host)
        assert len(server.asked) == LIMITS.throttled


@pytest.mark.parametrize(
    ("text", "found"),
    [("5", 5.0), ("", None), ("-1", None), ("1e9", None), ("9" * 30, None), ("soon", None), ("Mon, 99 Foo", None)],
)
def test_retry_after(text: str, found: float | None) -> None:
    assert seconds(text) == found


def test_100_000_tags_in_pages() -> None:
    """In lexical order; the links name another host, as behind a proxy."""
    every = sorted(f"1.{number}" for number in range(100_000))
    starts = {name: number for number, name in enumerate(every)}

    def answer(request: Request) -> Reply:
        if request.path == "/v2/":
            return Reply()
        size, last = int(request.query["n"][0]), request.query.get("last", [""])[0]
        start = starts[last] + 1 if last else 0
        page = every[start : start + size]
        link = f'<http://inside:5000/v2/x/tags/list?last={page[-1]}&n={size}>; rel="next"' if page else ""
        more = {"Link": link} if start + size < len(every) else {}
        return Reply(200, json.dumps({"name": "x", "tags": page}).encode(), more)

    with StandIn(answer) as server, Client(limits=LIMITS) as client:
        assert client.tags(f"{server.host}/echo/x") == every
        assert len(server.asked) == 101, "the last page is full"
        with pytest.raises(Malformed, match="more than 5,000 entries"):
            client.tags(f"{server.host}/echo/x", most=5000)
        assert len(server.asked) == 107


@pytest.mark.parametrize("heeds", [True, False])
def test_a_full_page_without_a_link(heeds: bool) -> None:
    every = [f"v{number:04}" for number in range(1500 if heeds else 1000)]

    def answer(request: Request) -> Reply:
        last = request.query.get("last", [""])[0] if heeds else ""
        page = [tag for tag in every if tag > last][:1000]
        return Reply(200, json.dumps({"tags": page}).encode())

    with StandIn(answer) as server, Client(limits=LIMITS) as client:
        assert client.tags(f"{server.host}/echo/x") == every
        assert len(server.asked) == 2


def test_pages_that_bring_nothing_new_end() -> None:
    count = 0

    def answer(request: Request) -> Reply:
        nonlocal count
        count += 1
        link = {"Link": f'</v2/echo/x/tags/list?last={count}>; rel="next"'}
        return Reply() if request.path == "/v2/" else Reply(200, b'{"tags":["1"]}', link)

    with StandIn(answer) as server, Client(limits=LIMITS) as client:
        with pytest.raises(Malformed, match="pages that repeat"):
            tags(client, server.host)
        assert len(server.asked) < 10


def test_pages_without_end_end() -> None:
    count = 0

    def answer(request: Request) -> Reply:
        nonlocal count
        count += 1
        link = {"Link": f'</v2/echo/x/tags/list?last={count}>; rel="next"'}
        return Reply() if request.path == "/v2/" else Reply(200, json.dumps({"tags": [f"1.{count}"]}).encode(), link)

    with StandIn(answer) as server, Client(limits=LIMITS._replace(pages=20)) as client:
        with pytest.raises(Malformed, match="do not end"):
            tags(client, server.host)
        assert len(server.asked) == 20


def test_names_that_are_none_are_left_out() -> None:
    strange = ["1.0", "", "../../x", "a b", "\u001b[31m", "x" * 129, "x\n", 7, None, ["y"], "latest"]
    with StandIn(always(Reply(200, json.dumps({"tags": strange}).encode()))) as server, Client() as client:
        assert tags(client, server.host) == ["1.0", "latest"]
    with StandIn(always(Reply(200, b'{"tags":null}'))) as server, Client() as client:
        assert tags(client, server.host) == []
    listed = Reply(200, json.dumps({"repositories": ["echo/x", "Echo", "../x", "a//b"]}).encode())
    with StandIn(always(listed)) as server, Client() as client:
        assert client.repositories(server.host) == ["echo/x"]


def test_referrers_by_their_list() -> None:
    one = {
        "mediaType": OCI_MANIFEST,
        "digest": DIGEST,
        "size": len(MANIFEST),
        "artifactType": "application/vnd.dev.cosign.artifact.sig.v1+json",
        "annotations": {"a": "b", "c": 1},
    }

    def answer(request: Request) -> Reply:
        if not request.path.startswith("/v2/echo/x/referrers/"):
            return Reply()
        more = {} if request.query else {"Link": f'<{request.path}?page=2>; rel="next"'}
        return Reply(
            200, json.dumps({"schemaVersion": 2, "manifests": [one]}).encode(), {"Content-Type": OCI_INDEX, **more}
        )

    with StandIn(answer) as server, Client() as client:
        found = client.referrers(f"{server.host}/echo/x", DIGEST)
        assert [(descriptor.artifact_type, dict(descriptor.annotations)) for descriptor in found] == [
            (one["artifactType"], {"a": "b"})
        ] * 2


@pytest.mark.parametrize("status", [404, 405, 400, 501])
def test_referrers_where_there_is_no_list(status: int) -> None:
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}

    def answer(request: Request) -> Reply:
        if "/referrers/" in request.path:
            return Reply(status)
        if request.path == f"/v2/echo/x/manifests/{DIGEST.replace(':', '-')}":
            return typed(index, OCI_INDEX)
        return Reply(404)

    with StandIn(answer) as server, Client(limits=LIMITS) as client:
        assert client.referrers(f"{server.host}/echo/x", DIGEST) == []
        index["manifests"] = [{"mediaType": OCI_MANIFEST, "digest": DIGEST, "size": 1}]
        assert [one.digest for one in client.referrers(f"{server.host}/echo/x", DIGEST)] == [DIGEST]


def test_no_head_and_no_digest_stated() -> None:
    def answer(request: Request) -> Reply:
        return Reply(405) if request.method == "HEAD" else typed(MANIFEST)

    with StandIn(answer) as server, Client(limits=LIMITS) as client:
        assert client.head(f"{server.host}/echo/x", "1")[:3] == (DIGEST, OCI_MANIFEST, len(MANIFEST))
    with StandIn(always(typed(MANIFEST))) as server, Client(limits=LIMITS) as client:
        assert client.head(f"{server.host}/echo/x", "1").digest == DIGEST
    wrong = GOOD._replace(headers={**GOOD.headers, "Docker-Content-Digest": f"sha256:{'0' * 64}"})
    with StandIn(always(wrong)) as server, Client(limits=LIMITS) as client, pytest.raises(Malformed, match="digest"):
        client.head(f"{server.host}/echo/x", DIGEST)


def test_a_redirect_to_another_host_gets_no_login(no_logins: Path) -> None:
    """But one to the registry itself does."""
    with StandIn(always(Reply(200, MANIFEST))) as storage:

        def answer(request: Request) -> Reply:
            if not request.authorization:
                return Reply(401, b"", {"WWW-Authenticate": 'Basic realm="x"'})
            if request.path.endswith("/moved"):
                return moved(f"{storage.url}/bucket/{DIGEST}?signature=1")
            return moved(f"{request.path}/moved", 302)

        with StandIn(answer) as server:
            log_in(no_logins, server.host)
            with Client(limits=LIMITS) as client:
                assert client.blob(f"{server.host}/echo/x", DIGEST) == MANIFEST
        assert [request.authorization for request in storage.requests] == [""]
        assert [bool(request.authorization) for request in server.requests if request.path != "/v2/"] == [True, True]


def test_a_storage_that_refuses_is_not_the_registrys_refusal(no_logins: Path) -> None:
    with StandIn(always(Reply(403))) as storage, StandIn(always(moved(f"{storage.url}/x"))) as server:
        log_in(no_logins, server.host)
        with Client(limits=LIMITS) as client, pytest.raises(Unreachable, match="storage"):
            blob(client, server.host)


def test_a_connection_is_used_again(no_logins: Path) -> None:
    """After answers without a body, refusals, redirects and errors, too."""

    def answer(request: Request) -> Reply:
        if not request.authorization:
            return Reply(401, b"{}", {"WWW-Authenticate": "Basic"})
        last = request.path.rpartition("/")[2]
        others = {"1": GOOD, "2": Reply(404, b"{}"), "3": moved("/v2/echo/x/manifests/1"), DIGEST: GOOD}
        return others.get(last, Reply(200, b'{"tags":["1"]}'))

    with StandIn(answer) as server, Client(limits=LIMITS) as client:
        log_in(no_logins, server.host)
        name = f"{server.host}/echo/x"
        for _ in range(5):
            client.head(name, "1")
            client.manifest(name, "3")
            client.blob(name, DIGEST)
            with pytest.raises(NotFound):
                client.head(name, "2")
            with client.stream(name, DIGEST) as pieces:
                list(pieces)
        assert len(server.asked) > 25
        assert server.connections <= 2, "one by http, and before it one by https"


TOKENS: dict[str, tuple[Reply, type[RegistryError], str]] = {
    "new line": (Reply(200, b'{"token":"token-that-opens\\r\\nX: y"}'), Malformed, "no valid token"),
    "no token": (Reply(200, b"{}"), Malformed, "no valid token"),
    "no JSON": (Reply(200, b"token-that-opens"), Malformed, "not valid JSON"),
    "long": (Reply(200, b" " * 10**6), Malformed, "larger than"),
    "compressed": (Reply(200, b"", {"Content-Encoding": "br"}), Malformed, "compressed"),
    "a redirect": (moved("https://elsewhere.example/"), Unreachable, "status 307"),
    "refused": (Reply(401), Denied, "the login is refused"),
    "not allowed": (Reply(403), Denied, "no access"),
    "throttled": (Reply(429, b"", {"Retry-After": "9"}), Throttled, "rate limit"),
    "failed": (Reply(500), Unreachable, "status 500"),
    "gone": (Reply(raw=b""), Unreachable, "closed too early"),
    "no use": (Reply(200, b'{"token":"token-that-opens-nothing"}'), Denied, "no access"),
}


@pytest.mark.parametrize("name", TOKENS)
def test_token_servers(name: str, no_logins: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    reply, kind, words = TOKENS[name]

    def answer(request: Request) -> Reply:
        realm = f'Bearer realm="{server.url}/token",service="s",scope="repository:echo/x:push,pull,delete"'
        return reply if request.path == "/token" else Reply(401, b"", {"WWW-Authenticate": realm})

    with StandIn(answer) as server:
        log_in(no_logins, server.host)
        with Client(Cache(str(tmp_path / "cache")), limits=LIMITS) as client:
            for _ in range(6):
                with pytest.raises(kind, match=words) as raised:
                    manifest(client, server.host)
                shows_nothing(raised.value, tmp_path / "cache", "".join(capfd.readouterr()), repr(client))
        asked = [request for request in server.requests if request.path == "/token"]
        assert all(request.query["scope"] == ["repository:echo/x:pull"] for request in asked)
        if name == "refused":
            assert len(asked) == LIMITS.failures, "an account is not locked by us"


@pytest.fixture
def elsewhere(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, no_logins: Path
) -> registries.Authority:
    """Hosts in other domains that are all on this machine: names that lead here, and a certificate for all of them."""
    names = ("registry.acme.example", "tokens.acme.example", "tokens.other.example", "storage.other.example")
    looked_up = socket.getaddrinfo

    def look_up(host: str, *words: Any, **more: Any) -> Any:
        return looked_up("127.0.0.1" if host in names else host, *words, **more)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    made = registries.make_authority(tmp_path_factory.mktemp("elsewhere"), *names)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.authority))
    return made


@pytest.mark.parametrize(("server", "gets"), [("tokens.acme.example", True), ("tokens.other.example", False)])
def test_a_token_server_of_somebody_else_gets_no_login(
    server: str, gets: bool, elsewhere: registries.Authority, no_logins: Path
) -> None:
    """It is asked for a token as anyone; and if that is not enough, it is said why the login was not sent."""

    def tokens(request: Request) -> Reply:
        return Reply(200, b'{"token":"token-that-opens"}' if request.authorization else b'{"token":"anyone"}')

    with StandIn(tokens, elsewhere) as issuer:
        realm = f'Bearer realm="https://{server}:{issuer.port}/t",service="s"'

        def answer(request: Request) -> Reply:
            opened = request.authorization == "Bearer token-that-opens"
            return GOOD if opened else Reply(401, b"", {"WWW-Authenticate": realm})

        with StandIn(answer, elsewhere) as registry, Client(limits=LIMITS) as client:
            host = f"registry.acme.example:{registry.port}"
            log_in(no_logins, host)
            if gets:
                assert manifest(client, host)
            else:
                with pytest.raises(Denied, match="denied without a login") as raised:
                    manifest(client, host)
                assert f"the login is not sent to {server}" in raised.value.remedy
                assert not raised.value.logged_in
        assert [bool(request.authorization) for request in issuer.requests] == [gets]
        assert all(("account" in request.query) is gets for request in issuer.requests)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("https://storage.other.example:{port}/x", ""),
        ("http://storage.other.example:{port}/x", "a redirect to storage.other.example:{port} that is not followed"),
        ("https://127.0.0.1:{port}/x", "a redirect to 127.0.0.1:{port} that is not followed"),
        ("//localhost:{port}/x", "a redirect to localhost:{port} that is not followed"),
    ],
)
def test_where_a_redirect_may_lead(target: str, words: str, elsewhere: registries.Authority, no_logins: Path) -> None:
    """To another host by TLS, without the login; from a host elsewhere never to this machine."""
    with StandIn(always(Reply(200, MANIFEST)), elsewhere) as storage:
        where = moved(target.format(port=storage.port))

        def answer(request: Request) -> Reply:
            return where if request.authorization else Reply(401, b"", {"WWW-Authenticate": "Basic"})

        with StandIn(answer, elsewhere) as registry, Client(limits=LIMITS) as client:
            host = f"registry.acme.example:{registry.port}"
            log_in(no_logins, host)
            if words:
                with pytest.raises(Malformed, match=words.format(port=storage.port)):
                    blob(client, host)
                assert storage.requests == []
            else:
                assert blob(client, host) == MANIFEST
                assert [request.authorization for request in storage.requests] == [""]


@pytest.mark.parametrize(
    ("host", "origin", "realm", "trusted"),
    [
        ("docker.io", "https://registry-1.docker.io", "https://auth.docker.io/token", True),
        ("docker.io", "https://registry-1.docker.io", "https://auth.docker.io.evil.example/token", False),
        ("docker.io", "https://registry-1.docker.io", "https://auth.docker.io:8443/token", True),
        ("docker.io", "https://registry-1.docker.io", "http://auth.docker.io/token", False),
        ("registry.redhat.io", "https://registry.redhat.io", "https://sso.redhat.com/auth", True),
        ("registry.redhat.io", "https://registry.redhat.io", "https://sso.redhat.com:444/auth", False),
        ("registry.gitlab.com", "https://registry.gitlab.com", "https://gitlab.com/jwt/auth", True),
        ("registry.example.co.uk", "https://registry.example.co.uk", "https://git.example.co.uk/jwt", True),
        ("registry.example.co.uk", "https://registry.example.co.uk", "https://evil.co.uk/jwt", False),
        ("ghcr.io", "https://ghcr.io", "https://ghcr.io/token", True),
        ("ghcr.io", "https://ghcr.io", "https://evil.io/token", False),
        ("reg.echohq.com", "https://reg.echohq.com", "https://evil.com/token", False),
        ("10.0.0.1:5000", "https://10.0.0.1:5000", "https://20.0.0.1/token", False),
        ("intranet", "https://intranet", "https://other/token", False),
        ("127.0.0.1:5000", "http://127.0.0.1:5000", "http://127.0.0.1:5001/token", True),
        ("127.0.0.1:5000", "http://127.0.0.1:5000", "http://tokens.example/token", False),
        ("reg.local:5000", "http://reg.local:5000", "http://reg.local:5001/token", True),
        ("reg.local:5000", "https://reg.local:5000", "http://reg.local:5000/token", False),
        ("reg.local:5000", "https://reg.local:5000", "https://127.0.0.1/token", False),
    ],
)
def test_who_gets_a_login(host: str, origin: str, realm: str, trusted: bool) -> None:
    assert is_trusted(realm, origin, host) is trusted


def test_challenges() -> None:
    both = ['Basic realm="a, b", Bearer realm="https://r/t?x=1",service="s\\"x",scope="a:b:c"']
    assert parsed(both, "r") == ("https://r/t?x=1", 's"x', "a:b:c")
    assert parsed(["Negotiate abc==", "basic"], "r") == ("", "", "")
    assert parsed(["Bearer", "Digest realm=x", "", ",,,", "=" * 99, '"' * 99], "r") is None
    assert parsed(["bearer REALM=https://r/t"], "r") == ("https://r/t", "", "")
    assert parsed(["Bearer " + 'a="\\' * 2000], "r") is None


def test_no_scope_that_writes_is_asked_for() -> None:
    wanted = "repository:a/b:pull"
    assert scopes("", wanted) == wanted
    assert scopes("repository:a/b:pull,push,delete,*", wanted) == wanted
    assert (
        scopes("repository:a/b:metadata_read repository:../x:pull", wanted) == f"{wanted} repository:a/b:metadata_read"
    )
    assert scopes("registry:catalog:* registry:other:*", "registry:catalog:*") == "registry:catalog:*"


def test_a_proxy_is_asked_in_place_of_the_registry(monkeypatch: pytest.MonkeyPatch, no_logins: Path) -> None:
    """The host is nowhere: only the proxy can have answered."""

    def answer(request: Request) -> Reply:
        assert request.headers["proxy-authorization"] == f"Basic {base64.b64encode(b'eve:a b').decode()}"
        return Reply(200, b"") if request.path == "/v2/" else GOOD

    with StandIn(answer) as proxy:
        for variable in ("HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(variable, f"http://eve:a%20b@{proxy.host}")
        with Client(plain_http=("registry.invalid",), limits=LIMITS) as client:
            assert client.manifest("registry.invalid/echo/x", "1").digest == DIGEST
        assert proxy.asked == [("GET", "/v2/echo/x/manifests/1")]
        monkeypatch.setenv("NO_PROXY", "example.com,.invalid")
        client = Client(plain_http=("registry.invalid",), limits=LIMITS)
        with client, pytest.raises(Unreachable, match="no such host"):
            client.manifest("registry.invalid/echo/x", "1")


@pytest.mark.parametrize(
    ("url", "environment", "proxy"),
    [
        ("https://a.example/", {"HTTPS_PROXY": "http://p:1", "HTTP_PROXY": "http://q"}, "http://p:1"),
        ("http://a.example/", {"HTTPS_PROXY": "http://p:1", "http_proxy": "q:2"}, "http://q:2"),
        ("http://a.example/", {"HTTP_PROXY": "http://q", "REQUEST_METHOD": "GET"}, ""),
        ("https://a.example/", {"ALL_PROXY": "socks5://p:1"}, "socks5://p:1"),
        ("https://a.example/", {"all_proxy": "http://p", "NO_PROXY": "b.example"}, "http://p"),
        ("https://a.example/", {"HTTPS_PROXY": "http://p", "NO_PROXY": "x, EXAMPLE"}, ""),
        ("https://a.example/", {"HTTPS_PROXY": "http://p", "NO_PROXY": ".a.example"}, "http://p"),
        ("https://a.example/", {"HTTPS_PROXY": "http://p", "NO_PROXY": "*.example"}, ""),
        ("https://a.example/", {"HTTPS_PROXY": "http://p", "no_proxy": "*"}, ""),
        ("https://a.example:8443/", {"HTTPS_PROXY": "http://p", "no_proxy": "a.example:8443"}, ""),
        ("https://10.1.2.3/", {"HTTPS_PROXY": "http://p", "NO_PROXY": "10.0.0.0/8"}, ""),
        ("https://11.1.2.3/", {"HTTPS_PROXY": "http://p", "NO_PROXY": "10.0.0.0/8,,junk/99"}, "http://p"),
        ("https://localhost:5000/", {"HTTPS_PROXY": "http://p"}, ""),
        ("https://127.3.2.1/", {"HTTPS_PROXY": "http://p"}, ""),
        ("https://[::1]:5000/", {"HTTPS_PROXY": "http://p"}, ""),
    ],
)
def test_proxies(url: str, environment: dict[str, str], proxy: str) -> None:
    assert proxy_of(url, environment) == proxy


@pytest.mark.parametrize(
    ("proxy", "words"),
    [
        ("ftp://secret@proxy.example", "proxies of the kind ftp are not supported"),
        ("socks5://secret@proxy.example", "proxies of the kind socks5 are not supported"),
        ("http://[", "address of the proxy is not valid"),
        ("http://secret@proxy.example:99999", "address of the proxy is not valid"),
        ("http://a b:secret@c d", "address of the proxy is not valid"),
        ("http:", "address of the proxy is not valid"),
        ("://", "not supported|not valid"),
    ],
)
def test_proxies_that_are_none(proxy: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with Client(limits=LIMITS) as client, pytest.raises(RegistryError, match=words) as raised:
        client.head("registry.invalid/x", "1")
    assert "secret" not in f"{raised.value!r}{vars(raised.value)}{raised.value.__cause__!r}"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | st.just(DIGEST),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(("mediaType", "manifests", "layers", "config", "digest", "size", "platform", "subject"))
            | st.sampled_from(("annotations", "artifactType", "os", "architecture", "auth", "username", "password"))
            | st.text(max_size=4),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(JSON, st.sampled_from((OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, "", "text/html; x=y")))
def test_any_manifest_is_read_or_malformed(data: Any, kind: str) -> None:
    raw = json.dumps(data).encode()
    with contextlib.suppress(Malformed):
        found = content.manifest(raw, kind, "1", "", "x")
        assert content.digest_of(raw) == found.digest
        for part in ("manifests", "layers", "config", "subject"):
            with contextlib.suppress(Malformed):
                value = getattr(found, part)
                for one in (
                    value if isinstance(value, tuple) and not hasattr(value, "digest") else filter(None, [value])
                ):
                    assert DIGEST_FORM.fullmatch(one.digest)
                    assert one.size >= 0


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60))
def test_any_bytes_are_json_or_malformed(raw: bytes) -> None:
    with contextlib.suppress(Malformed):
        assert isinstance(content.parsed_json(raw, "x"), dict)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(alphabet='bearer ASIC=",\\:/x?&realm\t\0é', max_size=80), max_size=3))
def test_any_challenge_is_read_or_malformed(headers: list[str]) -> None:
    with contextlib.suppress(Malformed):
        found = parsed(headers, "r")
        assert (
            found is None or found.basic or is_trusted(found.realm, "https://r.example", "r.example") in (True, False)
        )


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(JSON)
def test_any_configuration_has_logins_or_an_error(data: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_AUTH_CONFIG", json.dumps({"auths": data, "credHelpers": data}))
        for name in ("docker.io/library/x", "r.example"):
            with contextlib.suppress(RegistryError):
                login = Logins().for_(name)
                assert login is None or login.password or login.identity_token


def test_plain_http_is_for_this_machine_and_what_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with StandIn(always(GOOD)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        with Client(limits=LIMITS, plain_http=("other.invalid",)) as client, pytest.raises(Unreachable):
            client.head("registry.invalid/echo/x", "1")
        assert proxy.requests == []


@pytest.mark.parametrize(
    "name",
    [
        "python",
        "library/python",
        "a.b:99999/c",
        "a.b:0/c",
        f"a.b/{'c' * 300}",
        "a.b/c:1",
        "a.b/C",
        "a.b/",
        "a.b//c",
        "a b.c/d",
        "a.b/../c",
        "https://a.b/c",
        "",
    ],
)
def test_names_that_are_none(name: str) -> None:
    with Client() as client, pytest.raises(RegistryError, match="not the name of a repository"):
        client.head(name, "1")


@pytest.mark.parametrize("reference", ["", "a b", "../x", "-x", "sha256:1", f"sha256:{'A' * 64}", "x\n", "x" * 129])
def test_references_that_are_none(reference: str) -> None:
    with Client() as client, pytest.raises(RegistryError, match="neither a tag nor a digest"):
        client.head("127.0.0.1:1/x", reference)


def test_what_is_no_digest_and_no_host() -> None:
    with Client() as client:
        for digest in ("1", "sha256:x", f"md5:{'0' * 32}"):
            with pytest.raises(RegistryError, match="is not a digest"):
                client.blob("127.0.0.1:1/x", digest)
        for host in ("", "a b", "a/b", "a.b:0", "https://a.b", "a.b:65536"):
            with pytest.raises(RegistryError, match="is not the host of a registry"):
                client.repositories(host)


def test_a_registry_without_a_catalog() -> None:
    with StandIn(always(Reply(404))) as server, Client(limits=LIMITS) as client:
        with pytest.raises(NotFound, match=f"{server.host} has no list of its repositories") as raised:
            client.repositories(server.host)
        assert raised.value.name_unknown


def test_a_client_certificate(elsewhere: registries.Authority, no_logins: Path) -> None:
    """As Docker and Podman have them for a host."""
    with StandIn(always(GOOD), elsewhere, clients=True) as server, Client(limits=LIMITS) as client:
        host = f"registry.acme.example:{server.port}"
        with pytest.raises(Unreachable):
            manifest(client, host)
        folder = no_logins / ".config" / "containers" / "certs.d" / host
        folder.mkdir(parents=True)
        (folder / "client.cert").write_bytes(elsewhere.certificate.read_bytes())
        (folder / "client.key").write_bytes(elsewhere.key.read_bytes())
        with Client(limits=LIMITS) as other:
            assert manifest(other, host)


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"])
def test_certificates_that_are_not_there(variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, str(tmp_path / "absent"))
    with Client(limits=LIMITS) as client, pytest.raises(RegistryError, match="absent") as raised:
        client.head("registry.invalid/x", "1")
    assert type(raised.value) is RegistryError


def test_docker_lists_are_indexes() -> None:
    with StandIn(always(typed({"mediaType": DOCKER_LIST, "manifests": []}, DOCKER_LIST))) as server, Client() as client:
        assert client.manifest(f"{server.host}/x", "1").is_index


def test_a_port_without_anyone() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with Client(limits=LIMITS) as client, pytest.raises(Unreachable, match="no connection can be made"):
            head(client, f"127.0.0.1:{taken.getsockname()[1]}")


def test_missing_repositories_are_told_from_missing_tags() -> None:
    def answer(request: Request) -> Reply:
        if request.path == "/v2/echo/old/manifests/1":
            return Reply(404, b'{"errors":[{"code":"NAME_UNKNOWN"}]}')
        return Reply(200, b'{"tags":["2"]}') if request.path == "/v2/echo/x/tags/list" else Reply(404)

    with StandIn(answer) as server, Client(limits=LIMITS) as client:
        for name, unknown in (("echo/x", False), ("echo/old", True), ("echo/none", True)):
            for ask in (client.manifest, client.head):
                with pytest.raises(NotFound) as raised:
                    ask(f"{server.host}/{name}", "1")
                assert raised.value.name_unknown is unknown
        assert server.asked.count(("GET", "/v2/echo/x/tags/list")) == 1


def test_a_link_of_the_system_is_left_alone(tmp_path: Path) -> None:
    """The folder of the cache is a link to another user's, or is open to all: nothing is kept there."""
    folder = tmp_path / "cache"
    (folder / "registry-1").mkdir(parents=True)
    os.chmod(folder / "registry-1", 0o777)
    with StandIn(always(GOOD)) as server, Client(Cache(str(folder)), limits=LIMITS) as client:
        assert manifest(client, server.host)
        assert manifest(client, server.host)
        assert len(server.asked) == 2
