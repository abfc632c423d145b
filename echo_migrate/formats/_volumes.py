"""Container paths covered by volumes and bind mounts."""

import re
from collections.abc import Iterator

from echo_migrate.files.yaml import YamlNode, effective, is_scalar, sequence
from echo_migrate.images.reference import VARIABLE

_PATH = re.compile(r"/[^:{}$]*")


_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


def mounts_of(volumes: YamlNode | None) -> Iterator[str]:
    """Yield the container paths that volumes and bind mounts cover: for a variable, the paths in its default, and ``/``
    if it has none."""
    for volume in sequence(volumes):
        if is_scalar(volume):
            target = target_of(volume.value)
        else:
            node = effective(volume).get("target")
            target = node.value if is_scalar(node) else ""
        for path in (_PATH.findall(target) or ("/",)) if "$" in target else (target,):
            if path.startswith("/"):
                yield path.rstrip("/") or "/"


def target_of(volume: str) -> str:
    """Return the target of ``source:target:mode``, where the source may contain the colon of a variable or a drive."""
    masked = VARIABLE.sub(lambda match: "x" * len(match.group()), volume)
    drive = _DRIVE.match(volume) and masked.find(":/", 2) > 0  # otherwise a volume with a one-letter name
    first = masked.find(":", 2 if drive else 0)
    if first < 0:
        return volume
    second = masked.find(":", first + 1)
    return volume[first + 1 : len(volume) if second < 0 else second]
