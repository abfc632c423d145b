"""What has changed in a fleet since somebody last looked: ends of life, catalogs, moved images, drift, advisories.

Both sides are results of the store, which never change: what is remembered of a look is their keys.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import Any, Literal, NamedTuple, get_args

from echo_migrate.fleet.advisories import Hit
from echo_migrate.fleet.store import NotRead, Store
from echo_migrate.reports.inventory.comparison import Compared, Reference, compare, listed

Kind = Literal["drift", "ended", "gone", "advisory", "unread", "offered", "hardened", "new", "removed"]
KINDS: tuple[Kind, ...] = get_args(Kind)
WORDS: dict[Kind, str] = {
    "drift": "back from a hardened image",
    "ended": "end of life",
    "gone": "its registry or image is gone",
    "advisory": "a new advisory",
    "unread": "could not be read any more",
    "offered": "can move now",
    "hardened": "moved to a hardened image",
    "new": "a new reference that can move",
    "removed": "a repository that is not in the list any more",
}
CALLS: frozenset[Kind] = frozenset(("drift", "ended", "gone", "advisory", "unread"))
"""The kinds that somebody should act on."""

_REASONS: tuple[tuple[str, Kind], ...] = (("ended", "ended"), ("gone", "gone"))
_UNKEPT = "unkept"
_Where = tuple[str, int, str, str]


class Change(NamedTuple):
    """A change: what it is about is a place in a repository, or an image. ``before`` and ``now`` are references."""

    kind: Kind
    repository: str = ""
    path: str = ""
    line: int = 0
    before: str = ""
    now: str = ""
    message: str = ""


class Looked(NamedTuple):
    """What is remembered of a look: the entries of the store, and the advisories that were told."""

    entries: list[dict[str, Any]]
    told: frozenset[str]


def changes(store: Store, before: Looked | None, now: list[dict[str, Any]], hits: Iterable[Hit]) -> Iterator[Change]:
    """Yield what has changed since a look, the first of which has nothing to be compared with but advisories. Raises
    ``NotRead``, also if the result of an entry is gone."""
    told = before.told if before else frozenset()
    for hit in hits:
        if mark(hit) not in told:
            what = f"{hit.id} in {hit.package} {hit.version}"
            yield Change("advisory", now=hit.image, message=what)
    if before is None:
        return
    old = {str(one.get("repository")): one for one in before.entries}
    for entry in now:
        former = old.pop(str(entry.get("repository")), None)
        yield from _of_one(store, former, entry)
    for name in old:
        yield Change("removed", name)


def changed(before: Looked | None, now: list[dict[str, Any]], told: Iterable[Change]) -> set[str]:
    """Return the repositories whose pull requests may be another since a look: those that have another commit, those
    of changes that are told, and those that are ``unkept``, as far as they could be read."""
    revisions = {str(one.get("repository")): one.get("revision") for one in before.entries} if before else {}
    read = {str(one.get("repository")): one.get("revision") for one in now if not one.get("error")}
    moved = {name for name, revision in read.items() if revisions.get(name, revision) != revision}
    return moved | ({*(one.repository for one in told), *unkept(before)} & read.keys())


def unkept(before: Looked | None) -> set[str]:
    """Return the repositories whose pull requests could not be kept at a look, and are due since."""
    return {str(one.get("repository")) for one in before.entries if one.get(_UNKEPT)} if before else set()


def remembered(
    before: Looked | None, now: list[dict[str, Any]], left: Collection[str] = frozenset()
) -> list[dict[str, Any]]:
    """Return what the next look compares with: of a repository that could not be read, the former result. Those that
    are ``left`` are marked: their pull requests are due at the next look, which tells their changes no more."""
    old = {str(one.get("repository")): one for one in before.entries} if before else {}
    marks = [{_UNKEPT: True} if str(one.get("repository")) in left else {} for one in now]
    return [
        _remembered(old.get(str(one.get("repository"))), one) | extra for one, extra in zip(now, marks, strict=True)
    ]


def _remembered(former: dict[str, Any] | None, one: dict[str, Any]) -> dict[str, Any]:
    return one | {name: (former or one).get(name) for name in ("key", "revision")} if one.get("error") else one


def mark(hit: Hit) -> str:
    """Return what a hit is remembered by."""
    return " ".join(hit)


def _of_one(store: Store, former: dict[str, Any] | None, entry: dict[str, Any]) -> Iterator[Change]:
    name = str(entry.get("repository"))
    if entry.get("error"):
        if not former or not former.get("error"):
            yield Change("unread", name, message=str(entry["error"]))
        return
    if not former or not former.get("key") or former["key"] == entry.get("key"):
        return
    was, found = _result(store, former), _result(store, entry)
    if found is None:
        raise NotRead(f"{name}: its result is not in the store any more: run fleet again")
    if was is None:
        yield Change("unread", name, message="the result of the last look is not in the store any more")
        return
    reasons_before, reasons_now = _reasons(was), _reasons(found)
    for one in compare(listed(was), listed(found)):
        kind, message = _kind(one, reasons_before, reasons_now)
        if kind:
            place = one.now or one.before
            assert place is not None
            texts = one.before.resolved if one.before else "", one.now.resolved if one.now else ""
            yield Change(kind, name, place.path, place.line, *texts, message)


def _result(store: Store, entry: dict[str, Any]) -> Any:
    found = store.get(str(entry["key"])) if entry.get("key") else None
    return found["inventory"] if found else None


def _kind(
    one: Compared, before: dict[_Where, dict[str, str]], now: dict[_Where, dict[str, str]]
) -> tuple[Kind | None, str]:
    """Return what kind of a change a reference has had, None for none that counts, and its message."""
    if one.now is None:
        return None, ""
    reasons = now.get(_where(one.now), {})
    had = before.get(_where(one.before), {}) if one.before else {}
    if one.change == "came-back":
        return "drift", ""
    if one.change == "moved":
        return "hardened", ""
    for id, kind in _REASONS:
        if id in reasons and id not in had and one.before is not None:
            return kind, reasons[id]
    if one.now.state != "migrate":
        return None, ""
    if one.before is None:
        return "new", f"to {one.now.target}"
    return ("offered", f"to {one.now.target}") if one.before.state != "migrate" else (None, "")


def _where(one: Reference) -> _Where:
    return one.path, one.line, one.context, one.resolved


def _reasons(found: Any) -> dict[_Where, dict[str, str]]:
    """Return the messages of the reasons of each reference, by their ids."""
    return {
        (row["path"], row["line"], row["context"], row["resolved"]): {
            reason["id"]: reason["message"] for reason in row.get("reasons") or ()
        }
        for row in found["references"]
    }
