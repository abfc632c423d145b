"""Whether an image can still read what a volume has kept of it, once it has moved."""

from collections.abc import Iterable

from echo_migrate.images.catalog import Catalog
from echo_migrate.images.facts import ImageFacts, facts_of
from echo_migrate.reasons import Reason, because

_NO_DATA = ("/docker-entrypoint", "/etc/", "/tmp", "/run/", "/var/run/", "/dev/", "/usr/")  # noqa: S108 - in a container
"""Where what is mounted into a container is scripts, settings or nothing that lasts."""


def state_in_volume(value: str, target: str, mounts: Iterable[str], catalog: Catalog) -> list[Reason]:
    """Return why an image with these mounts (paths in the container) may not read its state after a move; [] if it may.

    ``value`` is the reference now, and ``target`` what it would be.
    """
    kept = catalog.state_of(value)
    covered = [path for path in kept for mount in mounts if f"{path}/".startswith(f"{mount.rstrip('/')}/")]
    covered += [mount for path in kept for mount in mounts if mount.startswith(f"{path}/")]
    # where an image keeps its data can be said to it in many ways, so that any place of its own may be that
    covered += [mount for mount in mounts if kept and not mount.startswith(_NO_DATA)]
    if not covered or _same_owner(facts_of(value, catalog), facts_of(target, catalog)):
        return []
    return [because("volume", path=covered[0])]


def _same_owner(before: ImageFacts, after: ImageFacts) -> bool:
    """Return whether what is in a volume is known to be of the same user, written and read by the same distribution.

    Where an image starts as root, whom it then becomes is not known.
    """
    known = before.unprivileged and after.unprivileged and None not in (before.uid, before.family)
    return known and (before.uid, before.family) == (after.uid, after.family)
