"""Container paths covered by volumes and bind mounts."""

import re
from collections.abc import Iterator

from echo_migrate.files.yaml import YamlNode, effective, is_scalar, is_set, is_text, sequence
from echo_migrate.images.reference import VARIABLE

_PATH = re.compile(r"/[^:{}$]*")


_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


def mounts_of(volumes: YamlNode | None, written: bool = False) -> Iterator[str]:
    """Yield the container paths that volumes and bind mounts cover, or only those that keep what is ``written`` there:
    for a variable, the paths in its default, and ``/`` if it has none."""
    for volume in sequence(volumes):
        if written and not _keeps(volume):
            continue
        if is_scalar(volume):
            target = target_of(volume.value)
        else:
            node = effective(volume).get("target")
            target = node.value if is_scalar(node) else ""
        for path in (_PATH.findall(target) or ("/",)) if "$" in target else (target,):
            if path.startswith("/"):
                yield path.rstrip("/") or "/"


def _keeps(volume: YamlNode) -> bool:
    """Return whether a volume may keep what a container writes: it is not read-only, nor in memory (docs.docker.com,
    "Compose file reference", volumes)."""
    if is_scalar(volume):
        return "ro" not in _cut(volume.value)[1].split(",")
    keys = effective(volume)
    return not is_set(keys.get("read_only")) and not (is_text(kind := keys.get("type")) and kind.value == "tmpfs")


def target_of(volume: str) -> str:
    """Return the target of ``source:target:mode``, where the source may contain the colon of a variable or a drive."""
    return _cut(volume)[0]


def _cut(volume: str) -> tuple[str, str]:
    """Return the target and the mode of a volume."""
    masked = VARIABLE.sub(lambda match: "x" * len(match.group()), _without_braces(volume))
    drive = _DRIVE.match(volume) and masked.find(":/", 2) > 0  # otherwise a volume with a one-letter name
    first = masked.find(":", 2 if drive else 0)
    if first < 0:
        return volume, ""
    second = masked.find(":", first + 1) % (len(volume) + 1)
    return volume[first + 1 : second], volume[second + 1 :]


def _without_braces(volume: str) -> str:
    """Return a volume of the same length without what stands in the braces of variables, in each other or not."""
    found, depth = [], 0
    for before, character in zip(f" {volume}", volume, strict=False):
        opens = character == "{" and (before == "$" or depth > 0)
        depth += opens
        found.append("x" if depth else character)
        depth -= character == "}" and depth > 0
    return "".join(found)
