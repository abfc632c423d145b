"""What a run may ask of registries, and what it may take from the cache instead."""

import copy
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from echo_migrate.registry import names
from echo_migrate.registry.cache import Answer as Kept
from echo_migrate.registry.cache import Cache
from echo_migrate.registry.errors import RegistryError, Unreachable
from echo_migrate.registry.limits import Limits
from echo_migrate.registry.logins import Login, Logins
from echo_migrate.registry.names import Repository

if TYPE_CHECKING:
    from echo_migrate.registry.session import Answer, Session
    from echo_migrate.registry.transport import Response

_SILENT = "silent"


class Place(NamedTuple):
    """A repository, or a registry whose ``path`` is "", as one login sees it; ``account`` stands for that in keys."""

    repository: Repository
    login: Login | None
    account: str

    @property
    def name(self) -> str:
        return self.repository.name.rstrip("/")

    @property
    def pull(self) -> str:
        """The scope of a token that reads the repository."""
        return f"repository:{self.repository.path}:pull"

    def path(self, rest: str) -> str:
        """Return the path of something in the repository, below the registry's address."""
        return f"/v2/{self.repository.path}/{rest}" if self.repository.path else f"/v2/{rest}"

    def key(self, *more: str) -> tuple[str, ...]:
        """Return the key under which the cache has something of this place."""
        return (*self.repository, self.account, *more)


class Access:
    """The connections and the cache of a run. Safe for threads."""

    def __init__(
        self,
        cache: Cache | None,
        logins: Logins,
        refresh: bool,
        offline: bool,
        plain_http: tuple[str, ...],
        limits: Limits,
        age: float,
        silence: float,
    ) -> None:
        self.cache, self.limits = cache, limits
        self._logins, self._plain = logins, plain_http
        self._refresh, self._offline, self._age, self._silence = refresh, offline, age, silence
        self._session: Session | None = None
        self._ended = False
        self._lock = threading.Lock()
        self._fresh: set[tuple[str, ...]] = set()
        self._places: dict[Repository, Place] = {}
        self._silent: dict[str, Unreachable | None] = {}

    def close(self) -> None:
        """Close all connections, also those that another thread waits for, and keep the cache within its limits."""
        with self._lock:
            session, self._session, self._ended = self._session, None, True
        if session:
            session.close()
        if self.cache:
            self.cache.prune()

    def place(self, repository: Repository) -> Place:
        """Return a repository with the login for it. Raises ``RegistryError`` if that cannot be read."""
        found = self._places.get(repository)
        if found is None:
            login = self._logins.for_(repository.name.rstrip("/"))
            found = Place(repository, login, self.cache.account(repository.host, login) if self.cache else "")
            self._places[repository] = found
        return found

    def kept(self, key: tuple[str, ...], lasting: bool = False) -> Kept | None:
        """Return what the cache has under a key, if its age allows; what is ``lasting`` may have any."""
        kept = self.cache.answer(*key) if self.cache else None
        if kept and (lasting or self._offline or key in self._fresh or (kept.age <= self._age and not self._refresh)):
            return kept
        return None

    def keep(self, key: tuple[str, ...], value: Any, etag: str = "") -> None:
        """Keep an answer; a run that refreshes takes it from the cache afterwards, too."""
        if self.cache:
            self.cache.keep_answer(key, value, etag)
            self._fresh.add(key)

    def ask(
        self,
        method: str,
        place: Place,
        rest: str,
        scope: str = "",
        headers: dict[str, str] | None = None,
        most: int = 0,
    ) -> "Answer":
        """Return the answer to a request for something in a place, with a body of at most ``most`` bytes."""
        with self._connected(place) as session:
            host, target = place.repository.host, place.path(rest)
            return session.ask(method, host, place.login, target, scope or place.pull, headers or {}, most)

    @contextmanager
    def opened(self, place: Place, rest: str) -> "Iterator[Response]":
        """Yield the answer to a request for something in a place, before its body is read."""
        with self._connected(place) as session:
            host, target, limit = place.repository.host, place.path(rest), self.limits.stream
            with session.opened("GET", host, place.login, target, place.pull, {}, limit) as response:
                yield response

    def silent(self, host: str) -> Unreachable | None:
        """Return the error of a registry that did not answer at all a short while ago, None for any other."""
        if host not in self._silent:
            asked = self.cache and self._silence and not self._refresh and not names.is_loopback(host)
            kept = self.cache.answer(host, _SILENT) if self.cache and asked else None
            said = kept.value if kept and kept.age <= self._silence else None
            valid = isinstance(said, list) and len(said) == 2 and all(isinstance(one, str) for one in said)
            self._silent[host] = Unreachable(*said) if said and valid else None
        return self._silent[host]

    @contextmanager
    def _connected(self, place: Place) -> "Iterator[Session]":
        """Yield the session for a registry. One that turns out not to answer at all is not asked by the next runs for a
        short while, so that a machine without a way to it does not wait each time."""
        host = place.repository.host
        if self._offline:
            raise Unreachable(f"{place.name}: not in the cache, and the run is offline", "run once without --offline")
        if known := self.silent(host):
            raise copy.copy(known)
        session = self._opened_session(place)
        try:
            yield session
        except Unreachable as error:
            if self.cache and self._silence and error.silent and self._silent[host] is None:
                self._silent[host] = error
                remedy = f"{error.remedy}; it is asked again after {self._silence:.0f} s, or with --refresh".lstrip(
                    "; "
                )
                if not names.is_loopback(host):
                    self.cache.keep_answer((host, _SILENT), (error.message, remedy))
            raise

    def _opened_session(self, place: Place) -> "Session":
        """Return the session, made when it is first needed. Raises ``RegistryError`` if it cannot be."""
        with self._lock:
            if self._ended:
                raise Unreachable(f"{place.name}: the run has ended")
            if self._session is None:
                try:
                    from echo_migrate.registry.session import Session
                except ImportError:
                    raise RegistryError("registries need the extra: install echo-migrate[registry]") from None
                self._session = Session(self.limits, self._plain)
            return self._session


def place_of(access: Access, name: str) -> Place:
    """Return the place that a name means. Raises ``RegistryError``."""
    return access.place(names.repository(name))
