"""Rewriting a reference whose parts are written separately."""

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Edit
from echo_migrate.images.reference import parse
from echo_migrate.model import Parts

_NUMBER = lazy_regex(r"[-+.0-9][-+0-9_.:eExXoO]*")
"""A text that YAML may read as a number (YAML 1.1, tag:yaml.org,2002:int and :float)."""


def tagged(parts: Parts | None, target: str) -> str:
    """Return a target with a tag where the parts have a key for one: emptied, it would be the chart's or the
    manifest's own."""
    written = parts and parts.tag and parts.tag.value
    if not written or parse(target).tag is not None:
        return target
    name, at, digest = target.partition("@")
    return f"{name}:latest{at}{digest}"


def spell(parts: Parts, target: str) -> tuple[Edit, ...] | None:
    """Return the edits that make the parts name a target, or None if that is not possible."""
    if worded(parts, target):
        return None
    reference = parse(target)
    tag = reference.tag or ""
    if parts.bare and _NUMBER.fullmatch(tag):
        tag = f'"{tag}"'
    pieces = [(parts.tag, tag)] if parts.tag else []
    if parts.registry is None:
        pieces.append((parts.repository, reference.name))
    else:
        pieces += [(parts.registry, reference.registry), (parts.repository, reference.repository)]
    if parts.digest:
        digest = reference.digest or ""
        pieces.append((parts.digest, digest if ":" in parts.digest.value else digest.partition(":")[2]))
    changed = [(piece, new) for piece, new in pieces if piece.value != new.strip('"')]
    if (
        not all(piece.spans for piece, _ in changed)
        or (tag and not parts.tag)
        or (reference.digest and not parts.digest)
    ):
        return None
    return tuple(edit for piece, new in changed for edit in piece.replace(0, len(piece.value), new))


def worded(parts: Parts, target: str) -> bool:
    """Return whether a number, which a tag without quotes can be, would become another or a text."""
    return parts.number and parts.tag is not None and parts.tag.value != parse(target).tag
