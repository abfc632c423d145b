"""Advisories of feeds, matched to the packages that bills of materials know of images, as ``report`` does it.

A document of OpenVEX (github:openvex/spec) among the feeds takes advisories away.
"""

import os
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from echo_migrate.files.json_file import read_json
from echo_migrate.files.source import Unreadable
from echo_migrate.files.spelling import few
from echo_migrate.reports.migration.scans import MOST_TOLD, feeds_of, read_sbom, read_vex
from echo_migrate.reports.migration.scans.feeds import missing_of, vulnerabilities
from echo_migrate.reports.migration.scans.vex import excluded


class Hit(NamedTuple):
    """A vulnerability in a package of an image."""

    id: str
    image: str
    package: str
    version: str


def hits(words: Iterable[str], paths: Sequence[str]) -> tuple[list[Hit], list[str]]:
    """Return the vulnerabilities in the packages of bills of materials, each ``[IMAGE=]FILE``, by the feeds at paths,
    without those that a statement takes away; and notes on what could not be matched. Raises ``ScanError``."""
    sboms = [read_sbom(word) for word in words]
    said = [path for path in paths if _is_openvex(path)]
    statements = [one for path in said for one in read_vex(path)]
    feeds = feeds_of(sboms, [path for path in paths if path not in said])
    found: set[Hit] = set()
    notes: list[str] = []
    for sbom in sboms:
        image = min([*sbom.image.names, *sbom.image.digests])
        known, unclear = vulnerabilities(sbom, feeds)
        why = excluded(statements, sbom.image)
        for one in known:
            if not why(one.id, one.package, one.version):
                found.add(Hit(one.id, image, one.package, one.version))
        lacking = missing_of(sbom, feeds) if feeds.ecosystems else ()
        notes += [f"{image}: not matched for lack of advisories: {few(lacking, MOST_TOLD)}"] if lacking else []
        notes += [f"{image}: versions that cannot be compared: {few(sorted(unclear), MOST_TOLD)}"] if unclear else []
    return sorted(found), notes


def _is_openvex(path: str) -> bool:
    """Return whether a path is a document of OpenVEX; one that cannot be read is told as a feed."""
    if os.path.isdir(path) or path.lower().endswith(".zip"):
        return False
    try:
        data = read_json(path)
    except Unreadable:
        return False
    return isinstance(data, dict) and isinstance(data.get("statements"), list)
