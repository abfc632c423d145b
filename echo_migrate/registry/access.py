"""What a run may ask of registries, and what it may take from the cache instead."""

import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from echo_migrate.registry import names
from echo_migrate.registry.cache import Answer as Kept
from echo_migrate.registry.cache import Cache
from echo_migrate.registry.errors import RegistryError, Unreachable
from echo_migrate.registry.limits import Limits
from echo_migrate.registry.logins import Login, Logins
from echo_migrate.registry.names import Repository

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from echo_migrate.registry.session import Answer, Session
    from echo_migrate.registry.transport import Response


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
    ) -> None:
        self.cache, self.limits = cache, limits
        self._logins, self._plain = logins, plain_http
        self._refresh, self._offline, self._age = refresh, offline, age
        self._session: Session | None = None
        self._ended = False
        self._lock = threading.Lock()
        self._fresh: set[tuple[str, ...]] = set()

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
        login = self._logins.for_(repository.name.rstrip("/"))
        return Place(repository, login, self.cache.account(repository.host, login) if self.cache else "")

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
        session = self._connected(place)
        target = place.path(rest)
        return session.ask(method, place.repository.host, place.login, target, scope or place.pull, headers or {}, most)

    def opened(self, place: Place, rest: str) -> "AbstractContextManager[Response]":
        """Return a context with the answer to a request for something in a place, before its body is read."""
        host, target = place.repository.host, place.path(rest)
        return self._connected(place).opened("GET", host, place.login, target, place.pull, {}, self.limits.stream)

    def _connected(self, place: Place) -> "Session":
        """Return the session, made when it is first needed. Raises ``RegistryError`` if it must not or cannot be."""
        if self._offline:
            raise Unreachable(f"{place.name}: not in the cache, and the run is offline", "run once without --offline")
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
