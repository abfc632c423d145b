"""Whether an image can still read its data in a volume after a migration."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from posixpath import splitext

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.images.catalog import Catalog
from echo_migrate.images.facts import ImageFacts, facts_of
from echo_migrate.images.reference import parsed
from echo_migrate.images.upstream import numbers
from echo_migrate.model import Image
from echo_migrate.model.reasons import Reason, because

_LEFT = {"postgres": ("/var/lib/postgresql/data", 18)}
"""The folder in which an image kept its data before a version, which does not start with a volume there, unless told
that its data is there (github.com/docker-library/postgres, docker-entrypoint.sh, ``docker_error_old_databases``)."""

_NEWEST = ("alpine", "bookworm", "latest", "trixie")
"""Tags that are the newest version of such an image, which is past the one it left its folder with."""

_NO_DATA = ("/docker-entrypoint", "/etc/", "/tmp", "/run/", "/var/run/", "/dev/", "/usr/")  # noqa: S108 - in a container
"""Paths at which mounts contain scripts, settings or temporary files."""

_SETTINGS = ("/etc/", "/usr/")
_INIT = "/docker-entrypoint"
_FILE_OF_SETTINGS = lazy_regex(r".*\.(?:cnf|conf|config|ini|json|toml|xml|ya?ml)")
_SCRIPT = lazy_regex(r".*\.(?:env|js|properties|py|sh)")
"""A single file that may say where data is, unless it is one of those that fill new data."""
_OTHER_FILE = lazy_regex(r".*\.(?:cer|crt|csv|html|key|md|pem|sql|sql\.gz|sql\.xz|sql\.zst|txt)")
"""A single file that an image reads, and that names no folder of data."""
_CALLED_DATA = lazy_regex(r"(?i)data|db|sql|mongo|redis|rabbit|state|stor|/var/lib|\$")
"""A path whose name says that data is there, or that a variable decides."""

_VARIABLES_ELSEWHERE = lazy_regex(r"\benv_?file\b|\benv-file\b|\benvFrom\b|\bEnvironmentFile\b")


def state_in_volume(
    value: str,
    target: str,
    mounts: Iterable[str],
    catalog: Catalog,
    text: str | None = None,
    given: tuple[str, ...] = (),
) -> list[Reason]:
    """Return why an image with the given mounts (container paths) may be unable to read its state after a migration.

    ``value`` is the current reference, ``target`` the new one, and ``text`` the file, None if it is not known, and
    ``given`` the variables of the image, none if they were not read. The list is empty if there is no such reason.
    """
    mounts = list(mounts)
    kept = catalog.state_of(value) if mounts else []
    if not kept:
        return []
    covered = [path for path in kept for mount in mounts if f"{path}/".startswith(f"{mount.rstrip('/')}/")]
    folders = [mount for mount in mounts if not _is_file(mount, text)]
    below = [mount for path in kept for mount in folders if mount.startswith(f"{path}/")]
    covered += [*below, *_configured(mounts, text)]
    if not covered:
        return []
    own = given if given and "*" not in given else text or ""  # another service of the file may have the variable
    since = _left_since(value, covered[0], catalog) if text is not None else ""
    if text is not None and since and "PGDATA" not in own and not _has_more(text):
        return [because("volume-left", since=since, path=covered[0], kept=kept[0])]
    before, after = facts_of(value, catalog), facts_of(target, catalog)
    if _same_owner(before, after):
        return []
    place = covered[0]
    other = place not in (*kept, *below) and (text is None or _mentions(place, text) < 2)  # it may hold other files
    uncertain = other or (place in below and not _version(value))  # where data lies may change: since 18 of postgres
    owner = None if uncertain else owner_of(value, before, catalog)
    owners = _owners(owner, before, owner_of(target, after, catalog), after)
    return [because("volume", keeps="may keep" if other else "keeps", path=covered[0], owners=owners)]


def keeps_data(image: Image, catalog: Catalog) -> bool:
    """Return whether a volume lies over a folder in which an image keeps its state, or in it."""
    mounts = [f"{mount.rstrip('/')}/" for mount in image.mounts or ()]
    kept = [f"{path}/" for path in catalog.state_of(image.ref.value)] if mounts else []
    return any(path.startswith(mount) or mount.startswith(path) for path in kept for mount in mounts)


def _owners(owner: int | None, before: ImageFacts, heir: int | None, after: ImageFacts) -> str:
    """Return whose the data is, or as whom the current image starts (root may switch to another user), and as whom the
    new one uses it; ``owner`` and ``heir`` are the uids that their data belongs to, None if that is not known."""
    if (owner, before.uid, heir, after.uid) == (None, None, None, None):
        return " (owned and then used by unknown users)"
    if owner is not None:
        now = f"owned by {_user(owner)}"
    else:
        now = "owner unknown" if before.uid is None else f"owner unknown, starts as {_user(before.uid)}"
    then = after.uid if heir is None else heir
    return f" ({now}; new user unknown)" if then is None else f" ({now}, then as {_user(then)})"


def _user(uid: int | None) -> str:
    return {None: "an unknown user", 0: "root"}.get(uid, f"uid {uid}")


def _left_since(value: str, place: str, catalog: Catalog) -> str:
    """Return since when, in words, a path is not the folder any more in which an image keeps its data, "" if it is."""
    reference = parsed(value)
    path, first = _LEFT.get(catalog.name_of(reference) if reference else "", ("", 0))
    if place != path or reference is None:
        return ""
    if (reference.tag or ("" if reference.digest else "latest")) in _NEWEST:
        return f"since {first} it"
    return "this version" if numbers(_version(value).partition("-")[0])[:1] >= (first,) else ""


def _version(value: str) -> str:
    """Return the version in the tag of a reference, "" if none says which one is meant."""
    tag = getattr(parsed(value), "tag", None) or "latest"
    return tag if tag[:1].isdigit() else ""


def owner_of(value: str, facts: ImageFacts, catalog: Catalog) -> int | None:
    """Return the uid that the data of an image belongs to, None if that is not known: of a vendor's image its user."""
    reference = parsed(value)
    if reference is None or facts.unprivileged:
        return facts.uid
    if catalog.place(reference):
        return None
    uids = catalog.facts.owners.get(catalog.name_of(reference), {})
    if reference.digest is not None and reference.tag is None and len(set(uids.values())) > 1:
        return None  # the bytes may be those of any of its distributions
    return uids.get(facts.family or "", uids.get(""))


def _configured(mounts: list[str], text: str | None) -> Iterator[str]:
    """Yield the mounts that may be the data folder because the image is configured so: their name says so, the file
    names them elsewhere too, or settings may that are not in it."""
    folders = [mount for mount in mounts if not mount.startswith(_NO_DATA) and not _is_file(mount, text)]
    settings = any(mount.startswith(_SETTINGS) or _FILE_OF_SETTINGS.fullmatch(mount) for mount in mounts)
    settings = settings or any(_SCRIPT.fullmatch(mount) and not mount.startswith(_INIT) for mount in mounts)
    for mount in folders:
        if settings or text is None or _CALLED_DATA.search(mount) or text.count(mount) != 1 or _has_more(text):
            yield mount


def _is_file(mount: str, text: str | None) -> bool:
    """Return whether a mount is a single file by its ending: a bind mount whose source has the same one, or one that
    the file names nowhere else, where the name may be that of the data folder."""
    if _FILE_OF_SETTINGS.fullmatch(mount):
        return True
    if text is None or not any(one.fullmatch(mount) for one in (_SCRIPT, _OTHER_FILE)):
        return False
    path, ending = re.escape(mount), re.escape(splitext(mount)[1])
    if re.search(rf"(?<![^\s\"'=,\[])[.~/$][^\s:\"',]{{0,200}}{ending}:{path}(?![^\s:\"',\]])", text):
        return True
    return _mentions(mount, text) <= 1 and not _has_more(text)


def _mentions(path: str, text: str) -> int:
    """Return how often a file names a path, besides as the end of another one."""
    return len(re.findall(rf"(?<![\w.}}/-]){re.escape(path)}(?![\w.-])", text))


@lru_cache(maxsize=2)
def _has_more(text: str) -> bool:
    """Return whether a file takes variables from other files."""
    return bool(_VARIABLES_ELSEWHERE.search(text))


def _same_owner(before: ImageFacts, after: ImageFacts) -> bool:
    """Return whether the data in a volume is known to have the same user ID and distribution family before and after.

    If an image starts as root, the user that it switches to is not known.
    """
    known = before.unprivileged and after.unprivileged and None not in (before.uid, before.family)
    return known and (before.uid, before.family) == (after.uid, after.family)
