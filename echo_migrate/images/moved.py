"""Images that are gone, frozen or elsewhere: ``mappings/moved.yaml``."""

from functools import lru_cache
from typing import NamedTuple

from echo_migrate.files.data import blocks, read_block
from echo_migrate.files.source import Edit, apply
from echo_migrate.images.parts import spell
from echo_migrate.images.reference import Reference, is_open, name_change
from echo_migrate.images.upstream import numbers
from echo_migrate.model import Image, Migration

_SAID = {
    "gone": "was removed",
    "frozen": "has had no new tags",
    "moved": "moved",
    "renamed": "was renamed",
    "ended": "has had no releases",
    "gated": "needs a token",
    "announced": "will be removed",
    "retired": "is deprecated",
}
_PLURAL = {"has": "have", "is": "are", "needs": "need", "was": "were"}


class Moved(NamedTuple):
    """What became of an image: ``name`` is that of the row, with ``/*`` for all images of a folder; ``since`` is a day,
    a month or a year, "" if not known; ``to`` is what takes the image's place, "" if nothing is known to. ``same`` says
    that each tag and digest is there too, ``free`` is the last version that needs no login, ``kept`` what is still
    there, ``first`` the first version that is in what takes its place, and ``also`` what became of its registry."""

    name: str
    state: str
    since: str
    to: str
    same: bool = False
    free: str = ""
    kept: str = ""
    first: str = ""
    also: str = ""

    @property
    def message(self) -> str:
        """What became of it, and what to do."""
        name = self.name.removesuffix("/*")
        verb, _, rest = _SAID[self.state].partition(" ")
        if name != self.name and "." not in name:  # the name of a publisher on Docker Hub, who is not gone with them
            name, verb = f"images of {name}", _PLURAL.get(verb, verb)
        said = f"{name} {verb} {rest}".rstrip()
        if self.since and self.state == "retired":
            said = f"{self.name} has been deprecated since {self.since}"
        elif self.since:
            preposition = "on" if len(self.since) > 7 else "in"
            past = self.state in ("gone", "moved", "renamed", "announced")
            said += f" {preposition} {self.since}" if past else f" since {self.since}"
        if self.free:
            said += f" (up to {self.free} it does not)"
        if self.kept:
            said += f", except {self.kept}"
        if self.first:
            return f"{said}: newer versions, from {self.first}, are at {self.to}"
        if self.also:
            return f"{said}; {self.also}"
        return f"{said}: use {self.to}" if self.to else said


def moved(path: str, tag: str | None) -> Moved | None:
    """Return what became of an image, given its name in the shortest spelling; None for one that is where it was."""
    found = _row(f"{path}:{tag or 'latest'}") or _row(path) or _row_of_folder(path)
    folder = _row_of_folder(path) if found and _stays(found) else None
    if found and folder and folder.same:
        found = found._replace(also=f"{folder.name.removesuffix('/*')} is {folder.state}: use {folder.to}")
    if not found or found.state == "alive" or (found.free and not _is_later(tag or "latest", found.free)):
        return None
    return found if tag in (None, "latest") else found._replace(kept="")


@lru_cache(maxsize=4096)
def elsewhere(path: str) -> str:
    """Return the name under which every tag of an image is too, and its digest, or ""."""
    own = _row(path)
    found = _row_of_folder(path) if not own or _stays(own) else own
    return found.to if found and found.same else ""


def _stays(row: Moved) -> bool:
    """Return whether an image has no other place than that of its registry: it ended, and nothing replaces it."""
    return row.state == "ended" and not row.to


def successor(path: str) -> str:
    """Return the name that takes the place of an image whose whole registry has moved, or ""."""
    found = _row_of_folder(path)
    return found.to if found and "." in found.name.partition("/")[0] and found.name.count("/") == 1 else ""


def swap(image: Image, reference: Reference, path: str) -> Migration | None:
    """Return the migration of an image to where every tag of it is too, given its reference and its shortest spelling;
    None where there is no such place, or it cannot be written."""
    name = elsewhere(path)
    if not name or image.local or image.not_editable or is_open(reference.name):
        return None
    change = name_change(reference.name, name)
    target = apply(image.ref.value, [Edit(*change)])
    if image.parts:
        edits = spell(image.parts, target)
    else:
        edits = image.ref.replace(*change) if image.ref.spans else None
    if not edits or (not image.parts and (len(edits) > 1 or any(map(image.ref.repeats, edits)))):
        return None
    reasons = tuple(dict.fromkeys((*image.unsafe_reasons, *image.shared_by(edits))))
    return Migration(image, "needs-person" if reasons else "migrate", None, target, edits, reasons, "seen")


@lru_cache
def _names() -> frozenset[str]:
    return frozenset(blocks("moved.yaml"))


@lru_cache(maxsize=4096)
def _row(name: str) -> Moved | None:
    if name not in _names():
        return None
    row = read_block("moved.yaml", name)
    more = (row.get("same", False), row.get("free", ""), row.get("kept", ""), row.get("first", ""))
    return Moved(name, row["state"], row["since"], row["to"], *more)


def _row_of_folder(path: str) -> Moved | None:
    """Return the row of the nearest folder of an image, with the image's own name in what takes its place."""
    parts = path.split("/")
    for count in range(len(parts) - 1, 0, -1):
        found = _row(f"{'/'.join(parts[:count])}/*")
        if found:
            return found._replace(to=found.to.replace("*", "/".join(parts[count:])))
    return None


def _is_later(tag: str, free: str) -> bool:
    """Return whether a tag is that of a later version, or of the newest."""
    version = tag.partition("-")[0].removeprefix("v")
    if not version.replace(".", "").isdigit():
        return tag == "latest"
    return numbers(version) > numbers(free)
