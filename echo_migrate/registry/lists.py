"""Lists that registries give in pages: tags, repositories, referrers."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from echo_migrate.registry import content
from echo_migrate.registry.access import Access, Place
from echo_migrate.registry.cache import Answer as Kept
from echo_migrate.registry.errors import Malformed

if TYPE_CHECKING:
    from echo_migrate.registry.session import Answer

_Names = TypeVar("_Names", list[str], dict[str, None])
_PAGE = 1000
_IDLE = 3
"""Pages in a row that may have nothing new."""

_LONGEST = 255
_NO_REFERRERS = (400, 404, 405, 406, 415, 501)
"""How registries say that they do not know the list of referrers; the specification has 404."""

_LINK = re.compile(r'<([^<>]{1,8000})>\s*;[^,]*?\brel\s*=\s*"?next\b', re.IGNORECASE)


def listed(access: Access, place: Place, rest: str, field: str, scope: str, most: int) -> "list[str] | Answer":
    """Return the names in all pages of a list, or the answer that is no list.

    Raises ``Malformed`` for more than ``most`` names, and for pages that repeat or do not end.
    """
    what, key = f"{place.name}: the list of {field}", place.key(field)
    kept = _remembered(access.kept(key))
    if kept:
        return _within(kept[0], most, what)
    names, etag = _remembered(access.kept(key, lasting=True)) or ([], "")
    found: dict[str, None] = {}
    idle = 0
    for number, answer in enumerate(_pages(access, place, rest, scope, etag, field)):
        if number == 0 and answer.status == 304 and etag:
            found = dict.fromkeys(names)
            break
        if answer.status != 200:
            return answer
        before = len(found)
        found |= dict.fromkeys(_names(answer, field, what))
        idle = idle + 1 if len(found) == before else 0
        if idle > _IDLE:
            raise Malformed(f"{what} has pages that repeat")
        _within(found, most, what)
        etag = answer.field("etag") if number == 0 else ""
    access.keep(key, list(found), etag)
    return list(found)


def _remembered(kept: Kept | None) -> tuple[list[str], str] | None:
    """Return the names and the ETag that the cache has; None for anything else."""
    if kept is None or not isinstance(kept.value, list) or not all(isinstance(one, str) for one in kept.value):
        return None
    return kept.value, kept.etag


def _within(found: _Names, most: int, what: str) -> _Names:
    if len(found) > most:
        raise Malformed(f"{what} has more than {most:,} entries")
    return found


def _names(answer: "Answer", field: str, what: str) -> list[str]:
    names = content.parsed_json(answer.body, what).get(field)
    if not isinstance(names, list | None):
        raise Malformed(f"{what} is no list")
    return [name for name in names or [] if isinstance(name, str) and 0 < len(name) <= _LONGEST]


def _pages(access: Access, place: Place, rest: str, scope: str, etag: str, field: str) -> "Iterator[Answer]":
    """Yield the answers to requests for a list and its further pages.

    Of a link to the next page only the query is taken: its host and path are often those behind a proxy. A full page
    without a link is followed by what comes after its last name, which registries that give no links understand.
    Raises ``Malformed`` for pages that repeat or do not end.
    """
    query, seen = f"?n={_PAGE}" if field else "", set[str]()
    while query not in seen and len(seen) < access.limits.pages:
        seen.add(query)
        headers = {"If-None-Match": etag} if etag and len(seen) == 1 else {}
        answer = access.ask("GET", place, rest + query, scope, headers, access.limits.page)
        yield answer
        following = _next(answer, place) if answer.status == 200 else ""
        if not following and answer.status == 200 and field:
            page = _names(answer, field, place.name)
            following = urlencode([("n", _PAGE), ("last", page[-1])], quote_via=quote) if len(page) == _PAGE else ""
            if f"?{following}" in seen:
                return  # it takes no notice of what comes last
        if not following:
            return
        query = f"?{following}"
    raise Malformed(f"{place.name}: the pages of the list of {field or 'referrers'} do not end")


def _next(answer: "Answer", place: Place) -> str:
    """Return the query of the next page of a list, "" if there is none."""
    links = (_LINK.search(value[:9000]) for key, value in answer.fields if key == "link")
    link = next((match[1] for match in links if match), "")
    try:
        query = parse_qsl(urlsplit(link).query, max_num_fields=50)
    except ValueError:
        raise Malformed(f"{place.name}: the link to the next page of a list is not valid") from None
    return urlencode(query, quote_via=quote)


def referrers(access: Access, place: Place, digest: str) -> list[Any] | None:
    """Return the entries of the list of referrers, None if the registry knows no such list. Raises ``Malformed``."""
    what = f"{place.name}@{digest}: the list of referrers"
    found: list[Any] = []
    for answer in _pages(access, place, f"referrers/{digest}", place.pull, "", ""):
        if answer.status in _NO_REFERRERS and not found:
            return None
        data = content.parsed_json(answer.body, what) if answer.status == 200 else {}
        if not isinstance(data.get("manifests"), list):
            raise Malformed(f"{what} is not an index")
        found += data["manifests"]
        if len(found) > access.limits.referrers:
            raise Malformed(f"{what} has more than {access.limits.referrers:,} entries")
    return found
