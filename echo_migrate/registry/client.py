"""The client of a run for all registries: what a tag is, manifests, blobs, lists, and what is attached to an image.

Names are ``host[:port]/repository`` (``docker.io/library/python``); references are tags or digests. All methods may be
called from several threads at once, and raise the errors of ``errors.py``, whose texts are shown to the user.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from echo_migrate.files.threads import at_once
from echo_migrate.registry import content, lists, names
from echo_migrate.registry.access import Access, Place, place_of
from echo_migrate.registry.cache import Cache
from echo_migrate.registry.content import ACCEPTED, Descriptor, Manifest
from echo_migrate.registry.errors import Malformed, NotFound, RegistryError
from echo_migrate.registry.limits import Limits
from echo_migrate.registry.logins import Logins
from echo_migrate.registry.names import Repository

if TYPE_CHECKING:
    from echo_migrate.registry.session import Answer

AGE = 3600.0
"""Seconds for which it is good from the cache what a tag is, which tags there are, and what is attached."""

_ACCEPT = {"Accept": ", ".join(ACCEPTED)}
_UNKNOWN = (b"NAME_UNKNOWN", b"NAME_INVALID", b"REPOSITORY_NOT_FOUND", b"PROJECT_NOT_FOUND")
_NO_HEAD = (400, 405, 501)
_Item = TypeVar("_Item")
_Found = TypeVar("_Found")


class Client:
    """Asks registries, once for each thing: use it as a context manager, one for a run.

    ``refresh`` takes nothing of the cache whose meaning may have changed since; ``offline`` takes all of it, whatever
    its age, and opens no connection. ``plain_http`` are hosts that may be asked without TLS, besides this machine.
    ``silence`` are the seconds for which a registry is not asked again after no connection to it could be made.
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
        silence: float = 0.0,
    ) -> None:
        self._access = Access(cache, logins or Logins(), refresh, offline, plain_http, limits, age, silence)
        self._limits = limits
        self._unknown: dict[Repository, bool] = {}

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections, also those that another thread waits for, and keep the cache within its limits."""
        self._access.close()

    def at_once(self, ask: Callable[[_Item], _Found], items: Iterable[_Item], most: int = 16) -> list[_Found]:
        """Return what a function that asks this client returns for each item; ``most`` are asked for at a time."""
        return at_once(ask, items, most, self.close)  # its end waits for the threads, and these for a registry

    def silent(self, host: str) -> RegistryError | None:
        """Return why a registry is not asked: no connection to it could be made. None for any other."""
        return self._access.silent(host)

    def noted(self, name: str, kind: str, reference: str) -> Any:
        """Return what ``note`` kept of a tag or digest of a repository, None if there is nothing, or it is too old."""
        place = place_of(self._access, name)
        kept = self._access.kept(place.key(kind, reference), lasting=":" in reference)
        return kept.value if kept else None

    def note(self, name: str, kind: str, reference: str, value: Any) -> None:
        """Keep in the cache, as JSON, what was found out of a tag or digest: that of a digest never changes."""
        self._access.keep(place_of(self._access, name).key(kind, reference), value)

    def account(self, name: str) -> str:
        """Return what stands for the login to a repository in keys of the cache; no login can be learned from it."""
        return place_of(self._access, name).account

    def head(self, name: str, reference: str) -> Descriptor:
        """Return the digest, media type and size of a tag's or digest's manifest.

        Raises ``NotFound`` and the other errors. The digest is the registry's statement, unless it makes none: then the
        manifest is loaded, and the digest computed.
        """
        place = place_of(self._access, name)
        kept = self._access.kept(place.key("head", names.reference(reference)))
        known = content.remembered(kept.value) if kept else None
        if known:
            return known
        answer = self._access.ask("HEAD", place, f"manifests/{reference}", headers=_ACCEPT)
        if answer.status not in _NO_HEAD:
            self._check(answer, place, reference)
        digest, length = answer.field("docker-content-digest").strip(), answer.field("content-length")
        kind = content.media_type(answer.field("content-type"))
        if answer.status != 200 or not names.DIGEST.fullmatch(digest) or kind not in ACCEPTED:
            found = self._loaded(place, reference)
            return Descriptor(found.digest, found.media_type, len(found.content))
        asked = names.DIGEST.fullmatch(reference) and names.algorithm(reference) == names.algorithm(digest)
        if asked and digest != reference:
            raise Malformed(f"{place.name}@{reference}: the registry answers with the digest {digest}")
        size = int(length) if length.isascii() and length.isdigit() and len(length) < 16 else None
        self._access.keep(place.key("head", reference), (digest, kind, size))
        return Descriptor(digest, kind, size)

    def manifest(self, name: str, reference: str) -> Manifest:
        """Return a tag's or digest's manifest or index; its content has its digest. Raises ``NotFound`` and others."""
        place, digest = place_of(self._access, name), self._known_digest(name, reference)
        return (self._known(place, digest) if digest else None) or self._loaded(place, digest or reference)

    def _known_digest(self, name: str, reference: str) -> str:
        """Return the digest of a tag by the cache, "" if it has none that is good; of a digest itself."""
        if names.DIGEST.fullmatch(names.reference(reference)):
            return reference
        kept = self._access.kept(place_of(self._access, name).key("head", reference))
        known = content.remembered(kept.value) if kept else None
        return known.digest if known else ""

    def blob(self, name: str, digest: str, most: int | None = None) -> bytes:
        """Return a blob, such as the config of an image, of at most ``most`` bytes. Raises ``NotFound`` and others."""
        place, cache = place_of(self._access, name), self._access.cache
        most = self._limits.blob if most is None else most
        key = place.key("blob", names.digest(digest))
        if cache and self._access.kept(key, lasting=True):
            found = cache.content(digest)
            if found is not None and len(found) <= most:
                return found
        answer = self._access.ask("GET", place, f"blobs/{digest}", most=most)
        self._check(answer, place, digest)
        if content.digest_of(answer.body, digest) != digest:
            raise Malformed(f"{place.name}@{digest}: the content does not have this digest")
        if cache:
            cache.keep_content(digest, answer.body)
            self._access.keep(key, True)
        return answer.body

    @contextlib.contextmanager
    def stream(self, name: str, digest: str, most: int | None = None) -> Iterator[Iterator[bytes]]:
        """Yield the pieces of a blob, such as a layer, as they arrive. Nothing of it is kept.

        At its end, ``Malformed`` is raised if the content does not have the digest: until then, nothing of what was
        read may be relied on. Whoever stops early has read something unverified.
        """
        place = place_of(self._access, name)
        what = f"{place.name}@{names.digest(digest)}"
        with self._access.opened(place, f"blobs/{digest}") as response:
            if response.status != 200:
                raise NotFound(f"{what}: no such content")
            most = self._limits.layer if most is None else most
            yield content.verified(response.bounded(most, what), digest, what)

    def tags(self, name: str, most: int | None = None) -> list[str]:
        """Return all tags of a repository. Raises ``NotFound`` for no such repository, ``Malformed`` for more than
        ``most``, and others."""
        place = place_of(self._access, name)
        found = self._listed(place, "tags/list", "tags", place.pull, most)
        return [tag for tag in found if names.TAG.fullmatch(tag)]

    def repositories(self, host: str, most: int | None = None) -> list[str]:
        """Return the paths of all repositories that a registry lists for this login. Raises as ``tags``."""
        place = self._access.place(Repository(names.registry(host), ""))
        found = self._listed(place, "_catalog", "repositories", "registry:catalog:*", most)
        return [path for path in found if names.PATH.fullmatch(path)]

    def referrers(self, name: str, digest: str) -> list[Descriptor]:
        """Return what is attached to a manifest: by the list of referrers, else by the tag that stands in for it.

        Descriptors have their artifact type and annotations. Cosign's own tags (``sha256-….sig``) are not among them.
        """
        place = place_of(self._access, name)
        key = place.key("referrers", names.digest(digest))
        kept = self._access.kept(key)
        kept = kept if kept and isinstance(kept.value, list) else None
        data: Any = kept.value if kept else lists.referrers(self._access, place, digest)
        if data is None:
            try:
                data = self._loaded(place, digest.replace(":", "-", 1)).data.get("manifests")
            except NotFound:
                data = []
        found = content.descriptors(data, f"{place.name}@{digest}: the list of referrers")
        self._access.keep(key, data) if kept is None else None
        return list(found)

    def _known(self, place: Place, digest: str) -> Manifest | None:
        """Return a manifest that this repository has given to this login before."""
        kept = self._access.kept(place.key("manifest", digest), lasting=True)
        found = self._access.cache.content(digest) if self._access.cache and kept and kept.value in ACCEPTED else None
        if kept is None or found is None:
            return None
        return Manifest(digest, kept.value, found, content.parsed_json(found, f"{place.name}@{digest}"))

    def _loaded(self, place: Place, reference: str) -> Manifest:
        """Ask for a manifest; for a tag whose manifest is known, on the condition that it is another one by now."""
        key, cache = place.key("head", reference), self._access.cache
        kept = self._access.kept(key, lasting=True)
        before = content.remembered(kept.value) if kept else None
        known = self._known(place, before.digest) if before and before.digest != reference else None
        headers = _ACCEPT | ({"If-None-Match": f'"{known.digest}"'} if known else {})
        answer = self._access.ask("GET", place, f"manifests/{reference}", headers=headers, most=self._limits.manifest)
        if answer.status == 304 and known:
            found = known
        else:
            self._check(answer, place, reference)
            kind, stated = answer.field("content-type"), answer.field("docker-content-digest").strip()
            found = content.manifest(answer.body, kind, reference, stated, _shown(place, reference))
        if cache:
            cache.keep_content(found.digest, found.content)
            self._access.keep(place.key("manifest", found.digest), found.media_type)
            self._access.keep(key, (found.digest, found.media_type, len(found.content)))
        return found

    def _listed(self, place: Place, rest: str, field: str, scope: str, most: int | None) -> list[str]:
        found = lists.listed(self._access, place, rest, field, scope, self._limits.names if most is None else most)
        if isinstance(found, list):
            return found
        self._check(found, place, "")
        raise AssertionError

    def _check(self, answer: "Answer", place: Place, reference: str) -> None:
        """Raise ``NotFound`` or ``Malformed`` unless an answer is a success."""
        if answer.status == 200:
            return
        what = _shown(place, reference) if reference else place.name
        if answer.status != 404:
            raise Malformed(f"{what}: the registry answers with status {answer.status}")
        if not place.repository.path:
            raise NotFound(f"{what} has no list of its repositories", "name the repositories", True)
        if not reference or self._is_unknown(answer, place):
            raise NotFound(f"{place.name}: no such image", f"check the name at {place.repository.host}", True)
        kind = "content" if names.DIGEST.fullmatch(reference) else "tag"
        raise NotFound(f"{what}: no such {kind}", f"check the tags of {place.name}")

    def _is_unknown(self, answer: "Answer", place: Place) -> bool:
        """Return whether a repository does not exist: the answer says so, or there is no list of its tags."""
        if any(code in answer.body for code in _UNKNOWN):
            return True
        if place.repository not in self._unknown:
            try:
                listed = self._access.ask("GET", place, "tags/list?n=1", most=self._limits.page)
            except RegistryError:
                return False
            self._unknown[place.repository] = listed.status == 404
        return self._unknown[place.repository]


def _shown(place: Place, reference: str) -> str:
    """Return a reference as people write it."""
    return f"{place.name}{'@' if names.DIGEST.fullmatch(reference) else ':'}{reference}"
