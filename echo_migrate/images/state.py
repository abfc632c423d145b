"""Whether an image can still read its data in a volume after a migration."""

from collections.abc import Iterable

from echo_migrate.images.catalog import Catalog
from echo_migrate.images.facts import ImageFacts, facts_of
from echo_migrate.reasons import Reason, because

_NO_DATA = ("/docker-entrypoint", "/etc/", "/tmp", "/run/", "/var/run/", "/dev/", "/usr/")  # noqa: S108 - in a container
"""Paths at which mounts contain scripts, settings or temporary files."""


def state_in_volume(value: str, target: str, mounts: Iterable[str], catalog: Catalog) -> list[Reason]:
    """Return why an image with the given mounts (container paths) may be unable to read its state after a migration.

    ``value`` is the current reference, and ``target`` the new one. The list is empty if there is no such reason.
    """
    kept = catalog.state_of(value)
    covered = [path for path in kept for mount in mounts if f"{path}/".startswith(f"{mount.rstrip('/')}/")]
    covered += [mount for path in kept for mount in mounts if mount.startswith(f"{path}/")]
    # the data folder of an image can be configured in many ways, so any other mount may be it
    covered += [mount for mount in mounts if kept and not mount.startswith(_NO_DATA)]
    before, after = facts_of(value, catalog), facts_of(target, catalog)
    if not covered or _same_owner(before, after):
        return []
    return [because("volume", path=covered[0], owners=_owners(before, after))]


def _owners(before: ImageFacts, after: ImageFacts) -> str:
    """Return as whom both images start: root may switch to another user; "" if nothing is known of either."""
    if before.uid is None and after.uid is None:
        return ""
    users = {None: "an unknown user", 0: "root"}
    now, then = (users.get(one.uid, f"uid {one.uid}") for one in (before, after))
    return f" (starts as {now}, then as {then})"


def _same_owner(before: ImageFacts, after: ImageFacts) -> bool:
    """Return whether the data in a volume is known to have the same user ID and distribution family before and after.

    If an image starts as root, the user that it switches to is not known.
    """
    known = before.unprivileged and after.unprivileged and None not in (before.uid, before.family)
    return known and (before.uid, before.family) == (after.uid, after.family)
