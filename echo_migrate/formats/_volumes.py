"""The paths in a container that volumes and bind mounts cover."""

import re
from collections.abc import Iterator

from echo_migrate.files.yaml import YamlNode, effective, is_scalar, sequence
from echo_migrate.images.reference import VARIABLE

_PATH = re.compile(r"/[^:{}$]*")


_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


def mounts_of(volumes: YamlNode | None) -> Iterator[str]:
    """Yield the paths in the container that volumes and bind mounts cover; of a variable, those in its default."""
    for volume in sequence(volumes):
        if is_scalar(volume):
            target = target_of(volume.value)
        else:
            node = effective(volume).get("target")
            target = node.value if is_scalar(node) else ""
        for path in _PATH.findall(target) if "$" in target else (target,):
            if path.startswith("/"):
                yield path.rstrip("/") or "/"


def target_of(volume: str) -> str:
    """Return the container's part of ``source:target:mode``, where a source may hold a colon: a variable's or a
    drive's."""
    masked = VARIABLE.sub(lambda match: "x" * len(match.group()), volume)
    drive = _DRIVE.match(volume) and masked.find(":/", 2) > 0  # else a volume with a name of one letter
    first = masked.find(":", 2 if drive else 0)
    if first < 0:
        return volume
    second = masked.find(":", first + 1)
    return volume[first + 1 : len(volume) if second < 0 else second]
