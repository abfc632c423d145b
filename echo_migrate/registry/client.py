"""The client of a run for all registries: what a tag is, manifests, blobs, lists, and what is attached to an image.

Names are ``host[:port]/repository`` (``docker.io/library/python``); references are tags or digests. All methods may be
called from several threads at once, and raise the errors of ``errors.py``, whose texts are for a person.
"""

import contextlib
import hashlib
import re
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from echo_migrate.registry import content, names
from echo_migrate.registry.cache import Answer as Kept
from echo_migrate.registry.cache import Cache
from echo_migrate.registry.content import ACCEPTED, Descriptor, Manifest
from echo_migrate.registry.errors import Malformed, NotFound, RegistryError, Unreachable
from echo_migrate.registry.limits import Limits
from echo_migrate.registry.logins import Login, Logins
from echo_migrate.registry.names import Repository

if TYPE_CHECKING:
    from echo_migrate.registry.session import Answer, Session

AGE = 3600.0
"""Seconds for which it is good from the cache what a tag is, which tags there are, and what is attached."""

_PAGE = 1000
_NO_REFERRERS = (400, 404, 405, 406, 415, 501)
"""How registries say that they do not know the list of referrers; the specification has 404."""

_LINK = re.compile(r'<([^<>]{1,8000})>\s*;[^,]*?\brel\s*=\s*"?next\b', re.IGNORECASE)
_UNKNOWN = ("NAME_UNKNOWN", "NAME_INVALID", "REPOSITORY_NOT_FOUND", "PROJECT_NOT_FOUND")


class Client:
    """Asks registries, once for each thing: use it as a context manager, one for a run.

    ``refresh`` takes nothing of the cache whose meaning may have changed since; ``offline`` takes all of it, whatever
    its age, and opens no connection. ``plain_http`` are hosts that may be asked without TLS, besides this machine.
    """

    def __init__(
        self,
        cache: Cache | None = None,
        logins: Logins | None = None,
        refresh: bool = False,
        offline: bool = False,
        plain_http: tuple[str, ...] = (),
        limits: Limits = Limits(),  # noqa: B008 - immutable
        age: float = AGE,
    ) -> None:
        self._cache = cache
        self._logins = logins or Logins()
        self._refresh, self._offline, self._age = refresh, offline, age
        self._plain = plain_http
        self._limits = limits
        self._session: Session | None = None
        self._ended = False
        self._lock = threading.Lock()
        self._fresh: set[tuple[str, ...]] = set()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections, also those that another thread waits for, and keep the cache within its limits."""
        with self._lock:
            session, self._session, self._ended = self._session, None, True
        if session:
            session.close()
        if self._cache:
            self._cache.prune()

    def account(self, name: str) -> str:
        """Return what stands for the login to a repository in keys of the cache; no login can be learned from it."""
        repository = names.repository(name)
        login = self._logins.for_(repository.name)
        return self._cache.account(repository.host, login) if self._cache else ""

    def head(self, name: str, reference: str) -> Descriptor:
        """Return the digest, media type and size of a tag's or digest's manifest.

        Raises ``NotFound`` and the other errors. The digest is the registry's statement, unless it makes none: then the
        manifest is loaded, and the digest computed.
        """
        repository, login = self._at(name)
        key = self._key(repository, login, "head", _reference(reference))
        kept = self._kept(key)
        if kept and _is_head(kept.value):
            return Descriptor(*kept.value)
        answer = self._ask("HEAD", repository, login, f"manifests/{reference}", {"Accept": ", ".join(ACCEPTED)})
        self._check(answer, repository, login, reference)
        digest, length = answer.field("docker-content-digest").strip(), answer.field("content-length")
        kind = content.media_type(answer.field("content-type"))
        if not names.DIGEST.fullmatch(digest) or kind not in ACCEPTED:
            found = self._loaded(repository, login, reference)
            return Descriptor(found.digest, found.media_type, len(found.content))
        if names.DIGEST.fullmatch(reference) and _algorithm(reference) == _algorithm(digest) and digest != reference:
            raise Malformed(f"{repository.name}@{reference}: the registry answers with the digest {digest}")
        size = int(length) if length.isascii() and length.isdigit() and len(length) < 16 else None
        self._keep(key, (digest, kind, size))
        return Descriptor(digest, kind, size)

    def manifest(self, name: str, reference: str) -> Manifest:
        """Return a tag's or digest's manifest or index; its content has its digest. Raises ``NotFound`` and others."""
        repository, login = self._at(name)
        digest = _reference(reference)
        if not names.DIGEST.fullmatch(reference):
            kept = self._kept(self._key(repository, login, "head", reference))
            digest = kept.value[0] if kept and _is_head(kept.value) else ""
        if digest:
            found = self._known(repository, login, digest)
            if found:
                return found
        return self._loaded(repository, login, digest or reference, "" if digest == reference else reference)

    def blob(self, name: str, digest: str, most: int | None = None) -> bytes:
        """Return a blob, such as the config of an image, of at most ``most`` bytes. Raises ``NotFound`` and others."""
        repository, login = self._at(name)
        most = self._limits.blob if most is None else most
        key = self._key(repository, login, "blob", _digest(digest))
        if self._cache and self._cache.answer(*key):
            found = self._cache.content(digest)
            if found is not None and len(found) <= most:
                return found
        answer = self._ask("GET", repository, login, f"blobs/{digest}", {}, most)
        self._check(answer, repository, login, digest)
        if content.digest_of(answer.body, digest) != digest:
            raise Malformed(f"{repository.name}@{digest}: the content does not have this digest")
        if self._cache:
            self._cache.keep_content(digest, answer.body)
            self._keep(key, True)
        return answer.body

    @contextlib.contextmanager
    def stream(self, name: str, digest: str, most: int | None = None) -> Iterator[Iterator[bytes]]:
        """Yield the pieces of a blob, such as a layer, as they arrive. Nothing of it is kept.

        At its end, ``Malformed`` is raised if the content does not have the digest: until then, nothing of what was
        read may be relied on. Whoever stops early has read something unverified.
        """
        repository, login = self._at(name)
        target, what = f"/v2/{repository.path}/blobs/{_digest(digest)}", f"{repository.name}@{digest}"
        opened = self._connected().opened(
            "GET", repository.host, login, target, _pull(repository), {}, self._limits.stream
        )
        with opened as response:
            if response.status != 200:
                raise NotFound(f"{what}: no such content")
            most = self._limits.layer if most is None else most
            yield _verified(response.bounded(most, what), digest, what)

    def tags(self, name: str, most: int | None = None) -> list[str]:
        """Return all tags of a repository. Raises ``NotFound`` for no such repository, ``Malformed`` for more than
        ``most``, and others."""
        repository, login = self._at(name)
        key = self._key(repository, login, "tags")
        found = self._listed(key, repository, login, f"{repository.path}/tags/list", "tags", _pull(repository), most)
        return [tag for tag in found if names.TAG.fullmatch(tag)]

    def repositories(self, host: str, most: int | None = None) -> list[str]:
        """Return the paths of all repositories that a registry lists for this login. Raises as ``tags``."""
        repository = Repository(names.registry(host), "")
        login = self._logins.for_(repository.host)
        key = self._key(repository, login, "repositories")
        found = self._listed(key, repository, login, "_catalog", "repositories", "registry:catalog:*", most)
        return [path for path in found if names.PATH.fullmatch(path)]

    def referrers(self, name: str, digest: str) -> list[Descriptor]:
        """Return what is attached to a manifest: by the list of referrers, else by the tag that stands in for it.

        Descriptors have their artifact type and annotations. Cosign's own tags (``sha256-….sig``) are not among them.
        """
        repository, login = self._at(name)
        key = self._key(repository, login, "referrers", _digest(digest))
        kept = self._kept(key)
        data = kept.value if kept else self._attached(key, repository, login, digest)
        return list(content.descriptors(data, f"{repository.name}@{digest}: the list of referrers"))

    def _attached(self, key: tuple[str, ...], repository: Repository, login: Login | None, digest: str) -> list[Any]:
        what = f"{repository.name}@{digest}: the list of referrers"
        found: list[Any] = []
        for answer in self._pages(repository, login, f"{repository.path}/referrers/{digest}", _pull(repository), {}):
            if answer.status in _NO_REFERRERS and not found:
                return self._attached_by_tag(key, repository, login, digest)
            data = content.parsed_json(answer.body, what) if answer.status == 200 else {}
            if not isinstance(data.get("manifests"), list):
                raise Malformed(f"{what} is not an index")
            found += data["manifests"]
            if len(found) > self._limits.referrers:
                raise Malformed(f"{what} has more than {self._limits.referrers:,} entries")
        self._keep(key, found)
        return found

    def _attached_by_tag(
        self, key: tuple[str, ...], repository: Repository, login: Login | None, digest: str
    ) -> list[Any]:
        try:
            index = self._loaded(repository, login, digest.replace(":", "-", 1))
        except NotFound:
            found: list[Any] = []
        else:
            found = index.data["manifests"] if index.is_index and isinstance(index.data["manifests"], list) else []
        self._keep(key, found)
        return found

    def _known(self, repository: Repository, login: Login | None, digest: str) -> Manifest | None:
        """Return a manifest that this repository has given to this login before."""
        kept = self._cache.answer(*self._key(repository, login, "manifest", digest)) if self._cache else None
        found = self._cache.content(digest) if self._cache and kept and kept.value in ACCEPTED else None
        if kept is None or found is None:
            return None
        return Manifest(digest, kept.value, found, content.parsed_json(found, f"{repository.name}@{digest}"))

    def _loaded(self, repository: Repository, login: Login | None, reference: str, tag: str = "") -> Manifest:
        """Load a manifest, and keep what ``tag`` is, if that led to the digest."""
        headers = {"Accept": ", ".join(ACCEPTED)}
        answer = self._ask("GET", repository, login, f"manifests/{reference}", headers, self._limits.manifest)
        self._check(answer, repository, login, reference)
        kind, stated = answer.field("content-type"), answer.field("docker-content-digest").strip()
        found = content.manifest(answer.body, kind, reference, stated, f"{repository.name}:{reference}")
        if self._cache:
            self._cache.keep_content(found.digest, found.content)
            self._keep(self._key(repository, login, "manifest", found.digest), found.media_type)
        self._keep(
            self._key(repository, login, "head", tag or reference), (found.digest, found.media_type, len(found.content))
        )
        return found

    def _listed(
        self,
        key: tuple[str, ...],
        repository: Repository,
        login: Login | None,
        target: str,
        field: str,
        scope: str,
        most: int | None,
    ) -> list[str]:
        """Return the names in all pages of a list."""
        most, what = self._limits.names if most is None else most, f"{repository.host}/{target}"
        kept = self._kept(key)
        old = None if kept or self._cache is None else self._cache.answer(*key)
        etag = old.etag if old else ""
        if kept is None:
            found: dict[str, None] = {}
            pages = 0
            for answer in self._pages(repository, login, target, scope, {"If-None-Match": etag} if etag else {}):
                pages += 1
                if answer.status == 304 and old and pages == 1:
                    found = dict.fromkeys(old.value)
                    break
                self._check(answer, repository, login, "")
                data = content.parsed_json(answer.body, what).get(field)
                found |= dict.fromkeys(one for one in data or [] if isinstance(one, str) and 0 < len(one) <= 255)
                if len(found) > most:
                    raise Malformed(f"{what} has more than {most:,} entries")
            etag = answer.field("etag") or etag if pages == 1 else ""
            self._keep(key, list(found), etag)
            return list(found)
        if len(kept.value) > most:
            raise Malformed(f"{what} has more than {most:,} entries")
        return [str(one) for one in kept.value]

    def _pages(
        self, repository: Repository, login: Login | None, target: str, scope: str, headers: dict[str, str]
    ) -> Iterator["Answer"]:
        """Yield the answers to requests for a list and its further pages.

        Of a link to the next page only the query is taken: its host and path are often those behind a proxy. Raises
        ``Malformed`` for pages that repeat or do not end.
        """
        query, seen = f"n={_PAGE}", set[str]()
        while query not in seen:
            seen.add(query)
            if len(seen) > self._limits.pages:
                break
            answer = self._session_ask(
                "GET", repository.host, login, f"/v2/{target}?{query}", scope, headers, self._limits.page
            )
            yield answer
            headers = {}
            following = _next(answer) if answer.status == 200 else ""
            if not following:
                return
            query = following
        raise Malformed(f"{repository.host}/{target}: the pages of the list do not end")

    def _check(self, answer: "Answer", repository: Repository, login: Login | None, reference: str) -> None:
        """Raise ``NotFound`` or ``Malformed`` unless an answer is a success."""
        if answer.status == 200:
            return
        join = "@" if names.DIGEST.fullmatch(reference) else ":"
        name = repository.name if repository.path else repository.host
        what = f"{name}{join}{reference}" if reference else name
        if answer.status != 404:
            raise Malformed(f"{what}: the registry answers with status {answer.status}")
        if not repository.path:
            raise NotFound(f"{name} has no list of its repositories", "name them", True)
        if not reference or self._is_unknown(answer, repository, login):
            raise NotFound(f"{name}: no such image", f"check the name at {repository.host}", True)
        raise NotFound(f"{what}: no such tag" if join == ":" else f"{what}: no such content")

    def _is_unknown(self, answer: "Answer", repository: Repository, login: Login | None) -> bool:
        """Return whether a repository does not exist: the answer says so, or there is no list of its tags."""
        if any(code in answer.body.decode("latin-1") for code in _UNKNOWN):
            return True
        try:
            target = f"/v2/{repository.path}/tags/list?n=1"
            listed = self._session_ask("GET", repository.host, login, target, _pull(repository), {}, self._limits.page)
        except RegistryError:
            return False
        return listed.status == 404

    def _at(self, name: str) -> tuple[Repository, Login | None]:
        repository = names.repository(name)
        return repository, self._logins.for_(repository.name)

    def _key(self, repository: Repository, login: Login | None, *more: str) -> tuple[str, ...]:
        account = self._cache.account(repository.host, login) if self._cache else ""
        return (repository.host, repository.path, account, *more)

    def _kept(self, key: tuple[str, ...]) -> Kept | None:
        """Return what the cache has under a key, if its age allows."""
        kept = self._cache.answer(*key) if self._cache else None
        if kept and (self._offline or key in self._fresh or (kept.age <= self._age and not self._refresh)):
            return kept
        return None

    def _keep(self, key: tuple[str, ...], value: Any, etag: str = "") -> None:
        if self._cache:
            self._cache.keep_answer(key, value, etag)
            self._fresh.add(key)  # also by a run that refreshes, it is asked once

    def _ask(
        self,
        method: str,
        repository: Repository,
        login: Login | None,
        target: str,
        headers: dict[str, str],
        most: int = 0,
    ) -> "Answer":
        path = f"/v2/{repository.path}/{target}"
        return self._session_ask(method, repository.host, login, path, _pull(repository), headers, most)

    def _session_ask(
        self, method: str, host: str, login: Login | None, target: str, scope: str, headers: dict[str, str], most: int
    ) -> "Answer":
        return self._connected().ask(method, host, login, target, scope, headers, most)

    def _connected(self) -> "Session":
        """Return the session, made when it is first needed. Raises ``RegistryError`` if it must not or cannot be."""
        if self._offline:
            raise Unreachable("not in the cache, and the run is offline", "run once without --offline")
        with self._lock:
            if self._ended:
                raise Unreachable("the run has ended")
            if self._session is None:
                try:
                    from echo_migrate.registry.session import Session
                except ImportError:
                    raise RegistryError("registries need the extra: install echo-migrate[registry]") from None
                self._session = Session(self._limits, self._plain)
            return self._session


def _verified(chunks: Iterator[bytes], digest: str, what: str) -> Iterator[bytes]:
    hashed = hashlib.new(_algorithm(digest))
    for chunk in chunks:
        hashed.update(chunk)
        yield chunk
    if hashed.hexdigest() != digest.partition(":")[2]:
        raise Malformed(f"{what}: the content does not have this digest")


def _next(answer: "Answer") -> str:
    """Return the query of the next page of a list, "" if there is none."""
    link = next(
        (match[1] for key, value in answer.fields if key == "link" and (match := _LINK.search(value[:9000]))), ""
    )
    try:
        query = parse_qsl(urlsplit(link).query, max_num_fields=50)
    except ValueError:
        raise Malformed("a link to the next page of a list is not valid") from None
    return urlencode(query, quote_via=quote)


def _pull(repository: Repository) -> str:
    return f"repository:{repository.path}:pull"


def _algorithm(digest: str) -> str:
    return digest.partition(":")[0]


def _reference(reference: str) -> str:
    """Return a tag or digest. Raises ``RegistryError`` if it is none."""
    if not names.DIGEST.fullmatch(reference) and not names.TAG.fullmatch(reference):
        raise RegistryError(f"{names.printable(reference)} is neither a tag nor a digest")
    return reference


def _digest(digest: str) -> str:
    if not names.DIGEST.fullmatch(digest):
        raise RegistryError(f"{names.printable(digest)} is not a digest")
    return digest


def _is_head(value: Any) -> bool:
    """Return whether a value from the cache is the beginning of a descriptor."""
    if not isinstance(value, list) or len(value) != 3 or not all(isinstance(one, str) for one in value[:2]):
        return False
    return bool(names.DIGEST.fullmatch(value[0])) and (value[2] is None or isinstance(value[2], int))
