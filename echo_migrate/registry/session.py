"""Requests to registries: logged in, redirected, tried again, and ended, whatever the registry does.

Redirects are followed by https only, or by http from a registry that is itself asked by http to this machine or a host
that is allowed by name; never from elsewhere to this machine. Only the registry's own origin gets an Authorization.
"""

import contextlib
import copy
import re
import threading
import time
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

from echo_migrate.registry import challenges, names
from echo_migrate.registry.challenges import Challenge
from echo_migrate.registry.errors import Malformed, RegistryError, Throttled, Unreachable
from echo_migrate.registry.limits import Limits
from echo_migrate.registry.logins import Login
from echo_migrate.registry.tokens import Authority, docker_login, seconds
from echo_migrate.registry.transport import CertificateRefused, Response, Transport

_REDIRECTS = (301, 302, 303, 307, 308)
_FAILED = (500, 502, 503, 504)
_AGENT = "echo-migrate"


class Answer(NamedTuple):
    """A whole answer that is neither a refusal nor a failure; what was not found is one."""

    status: int
    fields: list[tuple[str, str]]
    body: bytes

    def field(self, name: str) -> str:
        """Return the first header field of a name in lower case, or ""."""
        return next((value for key, value in self.fields if key == name), "")


class _Registry:
    """What is known of a registry in this run."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.lock = threading.Lock()
        self.origin = ""
        self.challenge: Challenge | None = None
        self.authorities: dict[Login | None, Authority] = {}
        self.failures = 0
        self.given_up: RegistryError | None = None

    def failed(self, error: RegistryError, most: int) -> None:
        """Count a request without an answer."""
        self.failures += 1
        if self.failures >= most:
            self.given_up = error

    def check(self) -> None:
        """Raise the error for which the registry is no longer asked."""
        if self.given_up:
            raise copy.copy(self.given_up)


class Session:
    """All requests of a run. Safe for threads; ``close`` ends those that still wait in others."""

    def __init__(self, limits: Limits, plain_http: tuple[str, ...] = ()) -> None:
        self._limits = limits
        self._plain = {names.canonical(host) for host in plain_http}
        self._transport = Transport(limits)
        self._registries: dict[str, _Registry] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._end = time.monotonic() + limits.run

    def close(self) -> None:
        self._closed.set()
        self._transport.close()

    def ask(
        self, method: str, host: str, login: Login | None, target: str, scope: str, headers: dict[str, str], most: int
    ) -> Answer:
        """Return the answer to a request for ``target``, the path and query below the registry's address.

        Raises ``Denied``, ``Throttled``, ``Unreachable`` and ``Malformed``, the last also for bodies of more than
        ``most`` bytes.
        """
        what = f"{host}{target.partition('?')[0].removeprefix('/v2')}"
        for last in (False, True):
            try:
                with self.opened(method, host, login, target, scope, headers, self._limits.request) as response:
                    if method == "HEAD":
                        response.skip(0)
                        return Answer(response.status, response.fields, b"")
                    limit = most if response.status == 200 else self._limits.error
                    return Answer(response.status, response.fields, response.read(limit, what))
            except Unreachable as error:
                if last or not error.broken:
                    raise
        raise AssertionError

    @contextlib.contextmanager
    def opened(
        self,
        method: str,
        host: str,
        login: Login | None,
        target: str,
        scope: str,
        headers: dict[str, str],
        duration: float,
    ) -> Iterator[Response]:
        """Yield the answer to a request before its body is read; the errors are those of ``ask``."""
        registry, authority = self._prepared(host, login)
        what = f"{host}{target.partition('?')[0].removeprefix('/v2')}"
        began, refusals, tries = time.monotonic(), 0, 0
        while True:
            registry.check()
            sent = self._header(registry, authority, scope)
            with contextlib.ExitStack() as stack:
                try:
                    response, here = self._followed(
                        stack, method, registry.origin + target, headers, sent, self._deadline(duration)
                    )
                except Unreachable as error:
                    tries += 1
                    if error.broken and tries < self._limits.attempts:
                        continue
                    registry.failed(error, self._limits.failures)
                    raise
                if not here and response.status in (401, 403, 429, *_FAILED):
                    raise Unreachable(f"{what}: the storage that it is kept in answers with {response.status}")
                if response.status in (401, 403, 429, *_FAILED):
                    response.skip(self._limits.error)
                if response.status == 401 and refusals < 2:
                    refusals += 1
                    challenge = challenges.parsed(_all(response, "www-authenticate"), host)
                    if authority.challenged(challenge, scope, sent, began):
                        continue
                if response.status in (401, 403):
                    raise authority.denied(what, response.status, sent)
                if response.status in (429, *_FAILED):
                    wait = self._patience(registry, response, tries)
                    tries += 1
                else:
                    registry.failures = 0
                    yield response
                    return
            self._closed.wait(wait)  # outside of the block, so that the connection is free meanwhile

    def _header(self, registry: _Registry, authority: Authority, scope: str) -> str:
        try:
            return authority.header(scope)
        except Unreachable as error:
            registry.failed(error, self._limits.failures)
            raise

    def _patience(self, registry: _Registry, response: Response, tries: int) -> float:
        """Return the seconds to wait before another attempt. Raises ``Throttled`` or ``Unreachable`` for none."""
        host, limits = registry.host, self._limits
        asked = seconds(response.field("retry-after"))
        wait = limits.backoff * 2**tries if asked is None else asked
        throttled = response.status == 429
        most = limits.throttled if throttled else limits.attempts
        if tries + 1 < most and wait <= limits.wait and time.monotonic() + wait < self._end:
            return wait
        if throttled:
            when = f"in {asked:.0f} seconds" if asked else "later"
            remedy = f"try again {when}; a login may have a higher limit: {docker_login(host)}"
            registry.given_up = Throttled(f"{host}: rate limit reached", remedy, asked)
        else:
            error = Unreachable(f"{host} answers with status {response.status}", "try again later")
            registry.failed(error, limits.failures)
            raise error
        registry.check()
        raise AssertionError

    def _prepared(self, host: str, login: Login | None) -> tuple[_Registry, Authority]:
        """Return a registry whose address and challenge are known, and what opens it to a login."""
        with self._lock:
            registry = self._registries.setdefault(host, _Registry(host))
        with registry.lock:  # the other threads wait for the first
            registry.check()
            if not registry.origin:
                try:
                    registry.origin, registry.challenge = self._greeted(host)
                except RegistryError as error:
                    registry.given_up = error
                    raise
            if login not in registry.authorities:
                registry.authorities[login] = Authority(
                    host, registry.origin, login, registry.challenge, self._ask_token_server, self._limits.failures
                )
            return registry, registry.authorities[login]

    def _greeted(self, host: str) -> tuple[str, Challenge | None]:
        """Return the origin at which a registry answers, and its challenge: what Docker asks first, too.

        A host that may be asked by http is asked by https first, without falling back if its certificate is refused.
        """
        address = names.address(host)
        schemes = ("https", "http") if self._may_be_plain(host) else ("https",)
        for scheme in schemes:
            for attempt in range(self._limits.attempts):
                try:
                    url = f"{scheme}://{address}"
                    deadline = self._deadline(self._limits.request)
                    with self._transport.exchange("GET", f"{url}/v2/", _headers({}, ""), deadline) as response:
                        found = _all(response, "www-authenticate") if response.status == 401 else []
                        response.skip(self._limits.error)
                        return url, challenges.parsed(found, host)
                except CertificateRefused:
                    raise
                except (Unreachable, Malformed) as error:
                    last = scheme == schemes[-1]
                    broken = isinstance(error, Unreachable) and error.broken
                    if last and broken and attempt + 1 < self._limits.attempts:
                        continue
                    if last or isinstance(error, Malformed):
                        raise
                    break
        raise AssertionError

    def _followed(
        self,
        stack: contextlib.ExitStack,
        method: str,
        url: str,
        headers: dict[str, str],
        authorization: str,
        deadline: float,
    ) -> tuple[Response, bool]:
        """Return the answer at the end of redirects, and whether it is the registry's own."""
        origin = _origin(url)
        for _ in range(self._limits.redirects + 1):
            own = _origin(url) == origin
            sent = _headers(headers, authorization if own else "")
            hop = contextlib.ExitStack()
            response = hop.enter_context(self._transport.exchange(method, url, sent, deadline))
            if response.status not in _REDIRECTS:
                stack.push(hop)
                return response, own
            with hop:
                response.skip(self._limits.error)
            url = self._target(url, response.field("location"))
        raise Malformed(f"{urlsplit(origin).netloc}: more than {self._limits.redirects} redirects")

    def _target(self, url: str, location: str) -> str:
        """Return where a redirect leads. Raises ``Malformed`` if it must not be followed."""
        try:
            target = urljoin(url, location)
            before, after = urlsplit(url), urlsplit(target)
            valid = re.fullmatch(r"[!-~]{1,8000}", target) and names.is_host(after.netloc)
        except ValueError:
            valid = False
        if not location or not valid:
            raise Malformed(f"{urlsplit(url).netloc}: a redirect to an invalid address")
        plain = after.scheme == "http" and before.scheme == "http" and self._may_be_plain(after.netloc)
        inwards = names.is_loopback(after.netloc) and not names.is_loopback(before.netloc)
        if (after.scheme != "https" and not plain) or inwards:
            raise Malformed(f"{before.netloc}: a redirect to {names.printable(after.netloc)} that is not followed")
        return target.partition("#")[0]

    def _may_be_plain(self, host: str) -> bool:
        return names.is_loopback(host) or names.canonical(host) in self._plain

    def _ask_token_server(
        self, method: str, url: str, headers: dict[str, str], content: bytes | None
    ) -> tuple[int, bytes, str]:
        deadline, host = self._deadline(self._limits.request), urlsplit(url).netloc
        for attempt in range(self._limits.attempts):
            try:
                with self._transport.exchange(method, url, _headers(headers, ""), deadline, content) as response:
                    body = response.read(self._limits.error, host)
                    return response.status, body, response.field("retry-after")
            except Unreachable as error:
                if not error.broken or attempt + 1 == self._limits.attempts:
                    raise
        raise AssertionError

    def _deadline(self, duration: float) -> float:
        now = time.monotonic()
        if now >= self._end:
            raise Unreachable(f"the time for all requests, {self._limits.run:.0f} seconds, is over", "run again")
        if self._closed.is_set():
            raise Unreachable("the run has ended")
        return min(now + duration, self._end)


def _headers(headers: dict[str, str], authorization: str) -> dict[str, str]:
    """Return the header fields of a request. Raises ``RegistryError`` for a login with what no field can have."""
    if not re.fullmatch(r"[ -~]*", authorization):
        raise RegistryError("the login has characters that cannot be sent")
    return {"User-Agent": _AGENT} | headers | ({"Authorization": authorization} if authorization else {})


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return (
        f"{parts.scheme}://{names.hostname(parts.netloc).lower()}:{parts.port or {'http': 80}.get(parts.scheme, 443)}"
    )


def _all(response: Response, name: str) -> list[str]:
    return [value for key, value in response.fields if key == name]
