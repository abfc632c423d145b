"""Registries on loopback: Debian's ``docker-registry`` in each way to log in, images pushed to it by plain HTTP, and a
stand-in that answers whatever a test says, for what the other does not have or would not do."""

import base64
import gzip
import hashlib
import http.client
import io
import json
import shutil
import socket
import ssl
import subprocess
import tarfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import jwt

USER, PASSWORD = "ada", "correct-horse-battery"
_HTPASSWD = "ada:$2y$05$abcdefghijklmnopqrstuuSnF5tLPqPFqc0z9CY0HcSLFbSRlL67u\n"

OCI = "application/vnd.oci.image"
DOCKER = "application/vnd.docker"


class Authority(NamedTuple):
    """A certificate authority, and a certificate of it for this machine, made by openssl."""

    authority: Path
    certificate: Path
    key: Path


class Image(NamedTuple):
    """An image of one layer: its files, what its config says, and how it is stored."""

    files: Mapping[str, str | bytes] = {}
    config: Mapping[str, Any] = {}
    platform: str = "linux/amd64"
    compression: str = "gzip"
    docker: bool = False
    annotations: Mapping[str, str] = {}


class Descriptor(NamedTuple):
    """What was pushed, as an index or a test names it."""

    digest: str
    size: int
    media_type: str
    platform: str = ""

    @property
    def json(self) -> dict[str, Any]:
        os, _, rest = self.platform.partition("/")
        architecture, _, variant = rest.partition("/")
        where = {"os": os, "architecture": architecture} | ({"variant": variant} if variant else {})
        found = {"mediaType": self.media_type, "digest": self.digest, "size": self.size}
        return found | ({"platform": where} if self.platform else {})


class Registry:
    """A registry that runs: ``host`` is how it is named in references. Pushes log in as the owner."""

    def __init__(
        self, port: int, authority: Authority | None = None, token: Callable[[str], str] | None = None
    ) -> None:
        self.host = f"localhost:{port}" if authority else f"127.0.0.1:{port}"
        self.port, self._authority, self._token = port, authority, token
        self._basic = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

    def name(self, repository: str) -> str:
        return f"{self.host}/{repository}"

    def push(self, repository: str, tag: str, image: Image) -> Descriptor:
        """Push an image, and return what its manifest is."""
        layer = _compressed(_archive(image.files), image.compression)
        system, _, rest = image.platform.partition("/")
        architecture, _, variant = rest.partition("/")
        config = {"os": system, "architecture": architecture, "config": dict(image.config)}
        config |= {"variant": variant} if variant else {}
        config["rootfs"] = {"type": "layers", "diff_ids": [_digest(_archive(image.files))]}
        family = f"{DOCKER}.container.image.v1+json" if image.docker else f"{OCI}.config.v1+json"
        suffix = f"+{image.compression}" if image.compression else ""
        kind = f"{DOCKER}.image.rootfs.diff.tar.gzip" if image.docker else f"{OCI}.layer.v1.tar{suffix}"
        manifest: dict[str, Any] = {
            "schemaVersion": 2,
            "mediaType": f"{DOCKER}.distribution.manifest.v2+json" if image.docker else f"{OCI}.manifest.v1+json",
            "config": self.push_blob(repository, json.dumps(config).encode(), family).json,
            "layers": [self.push_blob(repository, layer, kind).json],
        }
        manifest |= {"annotations": dict(image.annotations)} if image.annotations else {}
        return self.push_manifest(repository, tag, manifest)._replace(platform=image.platform)

    def push_index(self, repository: str, tag: str, *images: Image, docker: bool = False) -> Descriptor:
        """Push images and the index, or Docker's manifest list, that names them."""
        pushed = [self.push(repository, "", image) for image in images]
        kind = f"{DOCKER}.distribution.manifest.list.v2+json" if docker else f"{OCI}.index.v1+json"
        index = {"schemaVersion": 2, "mediaType": kind, "manifests": [one.json for one in pushed]}
        return self.push_manifest(repository, tag, index)

    def push_blob(self, repository: str, content: bytes, kind: str) -> Descriptor:
        found = Descriptor(_digest(content), len(content), kind)
        status, headers = self.request("POST", f"/v2/{repository}/blobs/uploads/", repository)
        assert status == 202, status
        target = urlsplit(headers["Location"])
        query = f"{target.query}&" if target.query else ""
        status, _ = self.request("PUT", f"{target.path}?{query}digest={found.digest}", repository, content)
        assert status == 201, status
        return found

    def push_manifest(self, repository: str, tag: str, manifest: Mapping[str, Any]) -> Descriptor:
        """Push a manifest under a tag, or under its digest alone if that is ""."""
        content = json.dumps(manifest).encode()
        digest, kind = _digest(content), str(manifest["mediaType"])
        path = f"/v2/{repository}/manifests/{tag or digest}"
        status, _ = self.request("PUT", path, repository, content, {"Content-Type": kind})
        assert status == 201, status
        return Descriptor(digest, len(content), kind)

    def request(
        self, method: str, target: str, repository: str, body: bytes = b"", headers: Mapping[str, str] = {}
    ) -> tuple[int, Mapping[str, str]]:
        """Make a request as the owner of the registry."""
        login = f"Bearer {self._token(repository)}" if self._token else f"Basic {self._basic}"
        connection = self._connection()
        try:
            connection.request(method, target, body, {"Authorization": login, **headers})
            answer = connection.getresponse()
            answer.read()
            return answer.status, {key.title(): value for key, value in answer.getheaders()}
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        if self._authority is None:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        context = ssl.create_default_context(cafile=str(self._authority.authority))
        return http.client.HTTPSConnection("localhost", self.port, timeout=60, context=context)


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _archive(files: Mapping[str, str | bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, text in files.items():
            content = text.encode() if isinstance(text, str) else text
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            entry.mode = 0o755 if name.startswith("bin/") else 0o644
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def _compressed(content: bytes, compression: str) -> bytes:
    if compression == "gzip":
        return gzip.compress(content, mtime=0)
    if compression == "zstd":
        return subprocess.run(["zstd", "-q", "-c"], input=content, capture_output=True, check=True).stdout
    return content


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def docker_registry(
    folder: Path, htpasswd: bool = False, authority: Authority | None = None, tokens: "TokenServer | None" = None
) -> Iterator[Registry]:
    """Run a registry that keeps its data in a folder: open, with a password, with tokens, with TLS."""
    port = free_port()
    host = "localhost" if authority else "127.0.0.1"
    settings: dict[str, Any] = {
        "version": "0.1",
        "log": {"level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}, "delete": {"enabled": True}},
        "http": {"addr": f"{host}:{port}"},
    }
    if authority:
        settings["http"]["tls"] = {"certificate": str(authority.certificate), "key": str(authority.key)}
    if htpasswd:
        (folder / "htpasswd").write_text(_HTPASSWD)
        settings["auth"] = {"htpasswd": {"realm": "test", "path": str(folder / "htpasswd")}}
    if tokens:
        settings["auth"] = {"token": tokens.settings}
    (folder / "config.yml").write_text(json.dumps(settings))  # JSON is YAML
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(["docker-registry", "serve", str(folder / "config.yml")], stdout=log, stderr=log)
    try:
        _await(host, port, process)
        yield Registry(port, authority, tokens.owner if tokens else None)
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder / "data", ignore_errors=True)


def _await(host: str, port: int, process: "subprocess.Popen[bytes]") -> None:
    """Wait until something answers at a port."""
    while process.poll() is None:
        try:
            socket.create_connection((host, port)).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError("docker-registry has ended")


def make_authority(folder: Path, *names: str) -> Authority:
    """Make an authority, and a certificate for ``localhost``, ``127.0.0.1`` and other names."""
    made = Authority(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30")
    usage = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")  # which Python wants from 3.13 on
    subject = ("-subj", "/CN=test authority")
    _openssl("req", "-x509", *key, *usage, *subject, "-keyout", f"{folder}/ca.key", "-out", made.authority)
    every = ",".join(["subjectAltName=IP:127.0.0.1", *(f"DNS:{name}" for name in ("localhost", *names))])
    signed = (
        "-CA",
        made.authority,
        "-CAkey",
        f"{folder}/ca.key",
        "-addext",
        every,
        "-addext",
        "basicConstraints=CA:FALSE",
    )
    _openssl("req", "-x509", *key, *signed, "-subj", "/CN=localhost", "-keyout", made.key, "-out", made.certificate)
    return made


def _openssl(*words: str | Path) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


class Request(NamedTuple):
    """A request that a stand-in got."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: Mapping[str, str]
    body: bytes

    @property
    def authorization(self) -> str:
        return self.headers.get("authorization", "")


class Reply(NamedTuple):
    """An answer of a stand-in. A body in pieces is sent in chunks; ``raw`` is sent as it is, and nothing else."""

    status: int = 200
    body: bytes | Iterator[bytes] = b""
    headers: Mapping[str, str] = {}
    raw: bytes | None = None


Answer = Callable[[Request], Reply]


class StandIn:
    """A server on loopback that answers by a function, and keeps the requests it got."""

    def __init__(self, answer: Answer, authority: Authority | None = None, clients: bool = False) -> None:
        self.answer = answer
        self.requests: list[Request] = []
        self.connections = 0
        self.released = threading.Event()
        """Set at the end, for answers that wait."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        if authority:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(authority.certificate, authority.key)
            if clients:  # must have a certificate of the authority, too
                context.load_verify_locations(authority.authority)
                context.verify_mode = ssl.CERT_REQUIRED
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_port
        self.host = f"{'localhost' if authority else '127.0.0.1'}:{self._server.server_port}"
        self.url = f"{'https' if authority else 'http'}://{self.host}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def __enter__(self) -> "StandIn":
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def asked(self) -> list[tuple[str, str]]:
        """Method and path of each request but the greeting."""
        return [(one.method, one.path) for one in self.requests if one.path != "/v2/"]


def _handler(standin: StandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            super().setup()
            standin.connections += 1

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except (OSError, ValueError):  # the client has gone, or spoke TLS
                self.close_connection = True

        def _serve(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {key.lower(): value for key, value in self.headers.items()}
            request = Request(self.command, parts.path, parse_qs(parts.query), headers, body)
            standin.requests.append(request)
            reply = standin.answer(request)
            if reply.raw is not None:
                self.wfile.write(reply.raw)
                self.close_connection = True
                return
            self.send_response(reply.status)
            for key, value in reply.headers.items():
                self.send_header(key, value)
            pieces = reply.body if not isinstance(reply.body, bytes) else None
            if pieces is not None:
                self.send_header("Transfer-Encoding", "chunked")
            elif "Content-Length" not in reply.headers:
                self.send_header("Content-Length", str(len(reply.body)))  # type: ignore[arg-type]
            self.end_headers()
            if self.command != "HEAD":
                for piece in pieces if pieces is not None else ():
                    self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
                self.wfile.write(b"0\r\n\r\n" if pieces is not None else reply.body)  # type: ignore[arg-type]

        do_GET = do_HEAD = do_POST = do_PUT = _serve  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    return Handler


class TokenServer:
    """A token server for a ``docker-registry``: its tokens are signed by a certificate that the registry is given.

    It logs in USER, and who comes without a login: for repositories below ``public/`` alone. Refresh tokens are taken
    as identity tokens.
    """

    identity = "identity-token-of-ada"

    def __init__(self, folder: Path) -> None:
        self._key, self._certificate = folder / "token.key", folder / "token.pem"
        key = ("-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=tokens")
        _openssl("req", "-x509", *key, "-keyout", self._key, "-out", self._certificate)
        self.lasts = 300
        self.standin = StandIn(self._answer)

    def __enter__(self) -> "TokenServer":
        return self

    def __exit__(self, *words: object) -> None:
        self.standin.__exit__(*words)

    @property
    def settings(self) -> dict[str, str]:
        bundle = str(self._certificate)
        realm = f"{self.standin.url}/token"
        return {"realm": realm, "service": "tests", "issuer": "tests", "rootcertbundle": bundle}

    def owner(self, repository: str) -> str:
        return self._token(USER, [{"type": "repository", "name": repository, "actions": ["pull", "push"]}])

    def _answer(self, request: Request) -> Reply:
        fields = parse_qs(request.body.decode()) if request.method == "POST" else request.query
        basic = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        known = request.authorization == f"Basic {basic}" or fields.get("refresh_token") == [self.identity]
        if not known and (request.authorization or request.method == "POST"):
            return Reply(401, b'{"errors":[{"code":"UNAUTHORIZED"}]}')
        access = []
        for scope in " ".join(fields.get("scope", [])).split():
            kind, name, actions = scope.split(":")
            if known or name.startswith("public/"):
                access.append({"type": kind, "name": name, "actions": actions.split(",")})
        token = self._token(USER if known else "", access)
        return Reply(200, json.dumps({"token": token, "expires_in": self.lasts}).encode())

    def _token(self, subject: str, access: list[dict[str, Any]]) -> str:
        now = int(time.time())
        claims = {"iss": "tests", "aud": "tests", "sub": subject, "iat": now, "nbf": now - 60, "exp": now + 300}
        certificate = ssl.PEM_cert_to_DER_cert(self._certificate.read_text())
        headers = {"x5c": [base64.b64encode(certificate).decode()]}
        return jwt.encode({**claims, "access": access}, self._key.read_text(), "RS256", headers=headers)
