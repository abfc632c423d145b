"""HTTP as registries are asked by it: pooled connections, deadlines, proxies, private certificate authorities.

Uses httpcore, the transport of httpx, because all that httpx adds must not happen here: it follows redirects, decodes
bodies, keeps cookies, and has timeouts for single reads alone, which a server that sends a byte now and then never
reaches. Here a timeout is a *moment*: what httpcore passes to the network for each of its steps is the time at which
the whole request must be done (``time.monotonic``), and each wait is at most until then.

Proxies are those of HTTPS_PROXY, HTTP_PROXY (lower case only in a CGI script), ALL_PROXY and NO_PROXY, by the rules of
Go's ``httpproxy``, which Docker follows: this machine is never asked through one. Certificates are verified against the
system's, or those of SSL_CERT_FILE and SSL_CERT_DIR, plus REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE, plus Docker's and
Podman's ``certs.d/HOST/*.crt``, which may also have client certificates (``*.cert`` with ``*.key``).
"""

import contextlib
import ipaddress
import os
import socket
import ssl
import threading
import time
import weakref
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import httpcore

from echo_migrate.registry.errors import Malformed, RegistryError, Unreachable
from echo_migrate.registry.limits import Limits
from echo_migrate.registry.names import hostname, is_host, is_loopback, printable


class Response(NamedTuple):
    """The head of a response, and its body, streamed and undecoded."""

    status: int
    fields: list[tuple[str, str]]
    chunks: Iterator[bytes]

    def field(self, name: str) -> str:
        """Return the first header field of a name in lower case, or ""."""
        return next((value for key, value in self.fields if key == name), "")

    def read(self, most: int, what: str) -> bytes:
        """Return the body. Raises ``Malformed`` if it is longer than ``most`` bytes or encoded."""
        return b"".join(self.bounded(most, what))

    def skip(self, most: int) -> None:
        """Read a body that nobody needs, so that the connection can be used again; unless it is longer than ``most``
        bytes."""
        with contextlib.suppress(RegistryError):
            for chunk in self.chunks:
                most -= len(chunk)
                if most < 0:
                    return

    def bounded(self, most: int, what: str) -> Iterator[bytes]:
        """Yield the body. Raises ``Malformed`` if it is longer than ``most`` bytes or encoded."""
        if self.field("content-encoding").lower() not in ("", "identity"):
            raise Malformed(f"{what}: the answer is compressed, which was not asked for")
        length = self.field("content-length")
        left = most - (int(length) if length.isascii() and length.isdigit() and len(length) < 20 else 0)
        if left >= 0:
            left = most
            for chunk in self.chunks:
                left -= len(chunk)
                if left < 0:
                    break
                yield chunk
        if left < 0:
            raise Malformed(f"{what}: the answer is larger than {most:,} bytes")


_ERRORS = (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, httpcore.ProxyError)


class Transport:
    """Connections to all hosts of a run. Safe for threads; ``close`` ends what still waits in others."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._network = _Network(limits)
        self._pools: dict[tuple[str, str], httpcore.ConnectionPool] = {}
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def exchange(
        self, method: str, url: str, headers: dict[str, str], deadline: float, content: bytes | None = None
    ) -> Iterator[Response]:
        """Send a request and yield its answer; no redirect is followed. Raises ``Unreachable`` and ``Malformed``."""
        host = urlsplit(url).netloc
        moments = dict.fromkeys(("connect", "read", "write"), deadline)
        moments["pool"] = max(0.0, deadline - time.monotonic())
        fields = [("Host", host), ("Accept-Encoding", "identity"), *headers.items()]
        try:
            with self._pool(url, host).stream(
                method, url, headers=fields, content=content, extensions={"timeout": moments}
            ) as response:
                decoded = [(key.decode("latin-1").lower(), value.decode("latin-1")) for key, value in response.headers]
                yield Response(response.status, decoded, _translating(response.iter_stream(), host))
        except _ERRORS as error:
            raise _translated(error, host) from None
        except (httpcore.UnsupportedProtocol, httpcore.ConnectionNotAvailable):
            raise Unreachable(f"{host}: the request cannot be sent") from None

    def close(self) -> None:
        """End all connections, also those that another thread waits for."""
        self._network.stop()
        with self._lock:
            for pool in self._pools.values():
                with contextlib.suppress(RuntimeError, OSError):
                    pool.close()
            self._pools.clear()

    def _pool(self, url: str, host: str) -> httpcore.ConnectionPool:
        proxy, folder = proxy_of(url, os.environ), _certificates(host)
        with self._lock:
            if (proxy, folder) not in self._pools:
                self._pools[proxy, folder] = self._made(proxy, self._context(folder))
            return self._pools[proxy, folder]

    def _made(self, proxy: str, context: ssl.SSLContext) -> httpcore.ConnectionPool:
        common: dict[str, Any] = {
            "ssl_context": context,
            "max_connections": self._limits.connections,
            "keepalive_expiry": 30.0,
            "network_backend": self._network,
        }
        if not proxy:
            return httpcore.ConnectionPool(**common)
        kind = proxy.partition(":")[0]
        try:
            parts = urlsplit(proxy)
            login = (_decoded(parts.username), _decoded(parts.password or "")) if parts.username else None
            address = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
            if not is_host(parts.netloc.rpartition("@")[2]):
                raise ValueError
            if parts.scheme in ("socks5", "socks5h"):
                return httpcore.SOCKSProxy(address, proxy_auth=login, **common)
            if parts.scheme in ("http", "https"):
                own: dict[str, Any] = {"proxy_ssl_context": context} if parts.scheme == "https" else {}
                return httpcore.HTTPProxy(address, proxy_auth=login, **own, **common)
        except (RuntimeError, ImportError):
            pass
        except ValueError:
            raise RegistryError("the address of the proxy is not valid", "check HTTPS_PROXY and HTTP_PROXY") from None
        raise RegistryError(f"proxies of the kind {printable(kind, 20)} are not supported", "use an HTTP proxy")

    def _context(self, folder: str) -> ssl.SSLContext:
        if folder not in self._contexts:
            self._contexts[folder] = tls_context(folder)
        return self._contexts[folder]


def _decoded(text: str) -> bytes:
    return unquote(text).encode()


def tls_context(folder: str) -> ssl.SSLContext:
    """Return the certificates to trust and to show, with those of a folder of ``certs.d`` unless it is "".

    Raises ``RegistryError`` if the environment or the folder names a file that has none.
    """
    context = ssl.create_default_context()
    names = [os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or ""]
    given = any(os.environ.get(name) for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"))
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        if os.environ.get(name) and not os.path.exists(os.environ[name].split(os.pathsep)[0]):
            raise RegistryError(f"{name} names {printable(os.environ[name], 1000)}, which does not exist")
    if not given and not context.get_ca_certs() and not _has_hashed(ssl.get_default_verify_paths().capath):
        import certifi

        names.append(certifi.where())
    files = sorted(os.listdir(folder)) if folder else []
    names += [os.path.join(folder, name) for name in files if name.endswith(".crt")]
    try:
        for path in filter(None, names):
            context.load_verify_locations(**{"capath" if os.path.isdir(path) else "cafile": path})
        for name in files:
            key = f"{name.removesuffix('.cert')}.key"
            if name.endswith(".cert") and key in files:
                path = os.path.join(folder, name)
                context.load_cert_chain(path, os.path.join(folder, key), password=lambda: "")
    except (OSError, ssl.SSLError):
        raise RegistryError(f"{printable(path, 1000)} cannot be read as certificates") from None
    return context


def _has_hashed(folder: str | None) -> bool:
    """Return whether a folder has certificates that OpenSSL looks up when it needs them."""
    try:
        return bool(folder and os.listdir(folder))
    except OSError:
        return False


def _certificates(host: str) -> str:
    """Return the folder in which Docker or Podman look for certificates of a host, "" if there is none."""
    home = os.path.expanduser("~")
    for above in (f"{home}/.config/containers", "/etc/containers", "/etc/docker"):
        folder = os.path.join(above, "certs.d", host)
        if os.path.isdir(folder):
            return folder
    return ""


def proxy_of(url: str, environment: "os._Environ[str] | dict[str, str]") -> str:
    """Return the URL of the proxy for a URL, "" for none."""
    parts = urlsplit(url)
    names = ["HTTPS_PROXY", "https_proxy"] if parts.scheme == "https" else ["HTTP_PROXY", "http_proxy"]
    if "REQUEST_METHOD" in environment and "HTTP_PROXY" in names:
        names.remove("HTTP_PROXY")  # in a CGI script it is a header of a request (httpoxy)
    proxy = next((environment[name] for name in (*names, "ALL_PROXY", "all_proxy") if environment.get(name)), "")
    if not proxy or is_loopback(parts.netloc) or _bypassed(parts.netloc, environment):
        return ""
    return proxy if "://" in proxy else f"http://{proxy}"


def _bypassed(netloc: str, environment: "os._Environ[str] | dict[str, str]") -> bool:
    """Return whether NO_PROXY has a host: ``*``, a name and all below it, ``.below``, ``host:port``, an address or a
    network."""
    host = hostname(netloc).lower()
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        address = None
    for entry in (environment.get("NO_PROXY") or environment.get("no_proxy") or "").lower().split(","):
        entry = entry.strip()
        name = entry.removeprefix("*").lstrip(".")
        if entry == "*" or (entry and entry == netloc.lower()):
            return True
        if name and (host.endswith(f".{name}") or (host == name and not entry.startswith((".", "*")))):
            return True
        if address and entry:
            with contextlib.suppress(ValueError):
                if address in ipaddress.ip_network(entry, strict=False):
                    return True
    return False


class _Network(httpcore.NetworkBackend):
    """The network, with timeouts that are moments."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._inner = httpcore.SyncBackend()
        self._open: weakref.WeakSet[_Stream] = weakref.WeakSet()
        self._stopped = False
        self._lock = threading.Lock()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of a host that answers."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError("no address") from error
        addresses = list(dict.fromkeys(str(one[4][0]) for one in found))[: self._limits.addresses]
        failure: Exception = httpcore.ConnectError("no address")
        for address in addresses:
            left = self.left(timeout, self._limits.connect, httpcore.ConnectTimeout)
            try:
                inner = self._inner.connect_tcp(address, port, left, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
                continue
            return self.kept(inner)
        raise failure

    def kept(self, inner: httpcore.NetworkStream) -> "_Stream":
        """Return a stream that ``stop`` ends."""
        stream = _Stream(inner, self)
        with self._lock:
            self._open.add(stream)
        if self._stopped:
            stream.stop()
        return stream

    def left(self, moment: float | None, most: float, expired: type[Exception]) -> float:
        """Return the seconds that may be waited, at most ``most``. Raises ``expired`` if there are none."""
        seconds = most if moment is None else min(most, moment - time.monotonic())
        if seconds <= 0 or self._stopped:
            raise expired("the time is over")
        return seconds

    @property
    def limits(self) -> Limits:
        return self._limits

    def stop(self) -> None:
        """End all connections, and let none be made."""
        self._stopped = True
        with self._lock:
            streams = list(self._open)
        for stream in streams:
            stream.stop()


class _Stream(httpcore.NetworkStream):
    """A connection of ``_Network``."""

    def __init__(self, inner: httpcore.NetworkStream, network: _Network) -> None:
        self._inner, self._network = inner, network

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._left(timeout, httpcore.WriteTimeout))

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = self._network.left(timeout, self._network.limits.connect, httpcore.ConnectTimeout)
        return self._network.kept(self._inner.start_tls(ssl_context, server_hostname, left))

    def close(self) -> None:
        self._inner.close()

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)

    def stop(self) -> None:
        """Wake up a thread that waits for this connection: unlike ``close``, a shutdown ends its wait."""
        with contextlib.suppress(OSError, AttributeError):
            socket.socket.shutdown(self._inner.get_extra_info("socket"), socket.SHUT_RDWR)

    def _left(self, moment: float | None, expired: type[Exception]) -> float:
        return self._network.left(moment, self._network.limits.stall, expired)


def _translating(chunks: Iterable[bytes], host: str) -> Iterator[bytes]:
    try:
        yield from chunks
    except _ERRORS as error:
        raise _translated(error, host) from None


def _translated(error: Exception, host: str) -> RegistryError:
    """Return what an error of the network means. Its own text is not shown: it may have parts of the request."""
    cause = error.__cause__ or error.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        reason = printable(cause.verify_message or "not valid")
        return CertificateRefused(
            f"{host}: its TLS certificate is not accepted: {reason}", "name your authority's file in SSL_CERT_FILE"
        )
    if isinstance(cause, ssl.SSLError):
        return NoTls(f"{host}: no TLS connection can be made")
    if isinstance(cause, socket.gaierror | UnicodeError):
        return Unreachable(f"{host}: no such host", "check the name, the network, and HTTPS_PROXY", silent=True)
    if isinstance(error, httpcore.PoolTimeout | httpcore.ReadTimeout | httpcore.WriteTimeout | httpcore.ConnectTimeout):
        return Unreachable(f"{host}: no answer in time", silent=isinstance(error, httpcore.ConnectTimeout))
    if isinstance(error, httpcore.ProxyError):
        return Unreachable(f"{host}: the proxy refuses the connection", "check HTTPS_PROXY and NO_PROXY", silent=True)
    if isinstance(error, httpcore.ConnectError):
        return Unreachable(
            f"{host}: no connection can be made", "check the name, the network, and HTTPS_PROXY", silent=True
        )
    if isinstance(error, httpcore.LocalProtocolError):
        return Malformed(f"{host}: the request cannot be sent")
    ended = isinstance(error, httpcore.NetworkError) or any(words in str(error) for words in _ENDED)
    return (
        Unreachable(f"{host}: the connection was closed too early", broken=True)
        if ended
        else Malformed(f"{host}: the answer is not valid HTTP")
    )


_ENDED = ("disconnected", "closed")
"""In the messages of h11 and httpcore for a connection that ends in an answer or before it."""


class CertificateRefused(Unreachable):
    """The host shows a certificate that is not trusted."""


class NoTls(Unreachable):
    """The host does not speak TLS."""
