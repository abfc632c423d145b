"""What a reference is for: an image that ships or runs, only a build, or development, tests and CI."""

import os
from collections.abc import Collection
from typing import Literal

from echo_migrate.dockerfile.container import root_image
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.files.budget import Spent, bounded
from echo_migrate.files.named import inside
from echo_migrate.formats import Request, dockerfile
from echo_migrate.model import Image, Result
from echo_migrate.rules._purpose import is_of_a_command, is_of_tests

Purpose = Literal["ships", "builds", "tests", "unknown"]

WORDS: dict[str, str] = {
    "ships": "ships or runs",
    "builds": "builds only",
    "tests": "development, tests, CI",
    "unknown": "not known",
}

_TESTS = frozenset(
    ("ci", "devcontainer", "github", "gitlab", "jenkins", "makefile", "precommit", "python", "script", "testcontainers")
)
"""Kinds of files that run an image for a while: in CI, for a test, by hand."""

_UNKNOWN = frozenset(("", "unread"))


def purposes(result: Result, named: Collection[str], targets: frozenset[str]) -> dict[int, Purpose]:
    """Return what each reference of a file is for, by its start. ``named`` are the paths that the user named, and
    ``targets`` the stages that other files build."""
    path = inside(os.path.abspath(result.source.path), named) or os.path.basename(result.source.path)
    if is_of_tests(path.split(os.sep)):
        return {one.image.start: "tests" for one in result.outcomes}
    if result.kind == "dockerfile":
        return _of_stages(result, targets)
    return {one.image.start: _of_kind(result.kind, one.image) for one in result.outcomes}


def _of_kind(kind: str, image: Image) -> Purpose:
    if kind in _UNKNOWN:
        return "unknown"
    return "tests" if kind in _TESTS or is_of_a_command(image) else "ships"


def _of_stages(result: Result, targets: frozenset[str]) -> dict[int, Purpose]:
    """Return what each reference of a Dockerfile is for: the base of a stage that ships; else of one of tests, by its
    name; else of a build. What a stage copies from or mounts is for what the stage is for; files of builds ship only
    with it."""
    images = [one.image for one in result.outcomes]
    try:
        with bounded():
            request = Request(frozenset((Stage,)), targets)
            nodes = list(dockerfile.parse(result.source, request))
    except (Spent, Exception):  # what cannot be read is said by the run itself
        return {image.start: "unknown" for image in images}
    stages = [node for node in nodes if isinstance(node, Stage)]
    found: dict[int, set[Purpose]] = {}
    for stage in stages:
        purpose: Purpose = "ships" if stage.ships else "tests" if is_of_tests((stage.name,)) else "builds"
        base = root_image(stage, images)
        inner = [image for image in images if stage.start <= image.start < stage.end and image.where != "FROM"]
        for image in [*([base] if base else []), *inner]:
            mounted = image.where.startswith("RUN")
            found.setdefault(image.start, set()).add("builds" if mounted and purpose == "ships" else purpose)
    order: tuple[Purpose, ...] = ("ships", "builds", "tests")
    return {
        image.start: next((one for one in order if one in found.get(image.start, ())), "unknown") for image in images
    }
