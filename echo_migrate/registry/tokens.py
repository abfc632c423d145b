"""Authorization at registries: Basic, or tokens, each asked for once per scope and used until it expires.

Follows docs/spec/auth of distribution (token.md, oauth.md). Credentials go to the registry itself, and to token servers
by the rule of ``challenges.is_trusted``; never elsewhere.
"""

import re
import threading
import time
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

from echo_migrate.images.reference import HUB
from echo_migrate.registry.challenges import Challenge, is_trusted, scopes
from echo_migrate.registry.content import parsed_json
from echo_migrate.registry.errors import Denied, Malformed, Throttled, Unreachable
from echo_migrate.registry.logins import Login
from echo_migrate.registry.names import hostname

_TOKEN = re.compile(r"[!-~]{1,32000}")
_EARLY = 5.0
"""Seconds before its end at which a token is no longer used."""

_CLIENT = "echo-migrate"

Ask = Callable[[str, str, dict[str, str], bytes | None], tuple[int, bytes, str]]
"""Asks a token server: method, URL, headers, body -> status, body, Retry-After. No redirect is followed."""


class _Token(NamedTuple):
    value: str
    born: float
    until: float


class Authority:
    """What opens one registry to one login, or to none: its challenge, once it is known, and tokens. Safe for threads.

    ``origin`` is the URL at which the registry answers.
    """

    def __init__(
        self, host: str, origin: str, login: Login | None, challenge: Challenge | None, ask: Ask, most_refusals: int
    ) -> None:
        self.host, self.login = host, login
        self._origin, self._challenge, self._ask = origin, challenge, ask
        self._refusals, self._most_refusals = 0, most_refusals
        self._tokens: dict[str, _Token] = {}
        self._wider: dict[str, str] = {}
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}

    def __repr__(self) -> str:
        return f"Authority({self.host!r})"

    def header(self, scope: str) -> str:
        """Return the Authorization header for a scope, "" if none is known to be needed.

        Raises ``Denied``, ``Unreachable``, ``Throttled`` and ``Malformed`` for the token server.
        """
        challenge = self._challenge
        if challenge is None:
            return ""
        if self._refusals >= self._most_refusals:  # more of them may lock the account
            raise refused_login(self.host, 401)
        if challenge.basic:
            return self.login.basic if self.login and (self.login.username or self.login.password) else ""
        wanted = self._wider.get(scope, scope)
        with self._lock:
            lock = self._locks.setdefault(wanted, threading.Lock())
        with lock:  # threads that want the same token wait for the first
            token = self._tokens.get(wanted)
            if token is None or token.until <= time.monotonic():
                token = self._tokens[wanted] = self._fetched(challenge, wanted)
            return f"Bearer {token.value}"

    def challenged(self, challenge: Challenge | None, scope: str, sent: str, since: float) -> bool:
        """Take in a refusal of a request with the header ``sent``, with its challenge if it has one; return whether
        another attempt may succeed. It may not with a token of the same scope that is newer than ``since``."""
        with self._lock:
            challenge = self._challenge = challenge or self._challenge
            if challenge is None:
                return False
            if challenge.basic:
                return bool(self.login) and not sent.startswith("Basic ")
            before = self._wider.get(scope, scope)
            wanted = self._wider[scope] = scopes(challenge.scope, before)
            token = self._tokens.get(before)
            if token and sent == f"Bearer {token.value}":
                del self._tokens[before]
                return token.born < since or wanted != before
        return True

    def denied(self, what: str, status: int, sent: str) -> Denied:
        """Return the error for a refusal of a request with the header ``sent``."""
        challenge = self._challenge
        if sent.startswith("Basic ") and status == 401:
            self._refusals += 1
            return refused_login(self.host, status)
        logged_in = bool(self.login and sent and challenge and self._trusts(challenge))
        if logged_in:
            remedy = f"check at {self.host} what this account may pull"
            return Denied(f"{what}: this login has no access, or there is no such image", remedy, True, False, status)
        remedy = docker_login(self.host)
        if self.login and challenge and not self._trusts(challenge):
            server = hostname(urlsplit(challenge.realm).netloc)
            remedy = f"the login is not sent to {server}, which is not known to belong to {self.host}"
        return Denied(f"{what}: access is denied without a login", remedy, status=status)

    def _trusts(self, challenge: Challenge) -> bool:
        return challenge.basic or is_trusted(challenge.realm, self._origin, self.host)

    def _fetched(self, challenge: Challenge, scope: str) -> _Token:
        trusted = self._trusts(challenge)
        if not trusted and urlsplit(challenge.realm).scheme != "https":
            raise Malformed(f"{self.host} names a token server without TLS", "tell its operators")
        login = self.login if trusted else None
        fields = [("service", challenge.service), ("scope", scope)] if challenge.service else [("scope", scope)]
        if login and login.identity_token:
            form = [("grant_type", "refresh_token"), ("refresh_token", login.identity_token), ("client_id", _CLIENT)]
            content = urlencode([*form, *fields]).encode()
            kind = {"Content-Type": "application/x-www-form-urlencoded"}
            answer = self._ask("POST", challenge.realm, kind, content)
        else:
            fields += [("account", login.username)] if login else []
            join = "&" if urlsplit(challenge.realm).query else "?"
            headers = {"Authorization": login.basic} if login else {}
            answer = self._ask("GET", f"{challenge.realm}{join}{urlencode(fields)}", headers, None)
        return self._read(*answer, login)

    def _read(self, status: int, body: bytes, retry_after: str, login: Login | None) -> _Token:
        if login and (status == 401 or (status == 400 and login.identity_token)):
            self._refusals += 1
            raise refused_login(self.host, status)
        if status in (401, 403):
            raise self.denied(self.host, status, "token" if login else "")
        if status == 429:
            raise Throttled(
                f"{self.host}: rate limit of its token server reached", "try again later", seconds(retry_after)
            )
        if status != 200:
            raise Unreachable(f"{self.host}: its token server answers with status {status}")
        self._refusals = 0
        data = parsed_json(body, f"{self.host}: the answer of its token server")
        token = data.get("token") or data.get("access_token")
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise Malformed(f"{self.host}: its token server gives no valid token")
        lasts = data.get("expires_in")
        lasts = float(lasts) if isinstance(lasts, int | float) and 0 < lasts < 1e9 else 60.0
        now = time.monotonic()
        return _Token(token, now, now + max(lasts - _EARLY, lasts / 2))


def refused_login(host: str, status: int) -> Denied:
    """Return the error for credentials that a registry does not take."""
    return Denied(f"{host}: the login is refused", docker_login(host), True, True, status)


def docker_login(host: str) -> str:
    """Return the command that logs in to a registry."""
    return "docker login" if host == HUB else f"docker login {host}"


def seconds(retry_after: str) -> float | None:
    """Return the seconds that a Retry-After header asks for, None if it is absent or not valid."""
    text = retry_after.strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return float(text)
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, parsedate_to_datetime(text[:60]).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None
