"""The bond between a swap and what stands on it: what each stage and service will stand on, and what of it says no.

Readiness is asked once: of the target of a move that would be safe without it, else of the image that stays.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from echo_migrate.bases import ROOT, Base, Standing, base_of
from echo_migrate.catalog import Catalog
from echo_migrate.launch import Launch, Service
from echo_migrate.migration import Move
from echo_migrate.model import Image
from echo_migrate.stages import Stage

Standings = Mapping[Image, Standing]


def standings(images: Iterable[Image], moves: Iterable[Move], catalog: Catalog) -> dict[Image, Standing]:
    """What each image is to what stands on it. Local names other than ``scratch`` are left out."""
    found = {}
    for image, move in zip(images, moves, strict=True):
        if image.local and image.local != "scratch":
            continue
        base = base_of(image.ref.value, catalog)
        if move.safe and move.target:
            found[image] = Standing(base_of(move.target, catalog), move.target, True, base, image.shown)
        else:
            found[image] = Standing(base, image.shown)
    return found


def root_of(node: Any, images: Iterable[Image]) -> Image | None:
    """The image that a stage (its first ancestor) or a service stands on."""
    if isinstance(node, Service):
        return node.image
    if not isinstance(node, Stage):
        return None
    first = node.lineage[0]
    return next((image for image in images if image.where == "FROM" and first.start <= image.start < first.end), None)


def unsaid(nodes: Iterable[Stage | Service], standings: Standings, catalog: Catalog) -> dict[Image, list[str]]:
    """Why moves are unsafe where no finding says it: the user that nodes leave to the image, and what was not read."""
    found: dict[Image, list[str]] = {}
    for node in nodes:
        image = root_of(node, standings)
        if image and standings[image].target:
            found.setdefault(image, []).extend(_user_changes(node, standings[image]))
    for image, standing in standings.items():
        if image not in found and standing.target:
            found[image] = _unread(image, standing.base, catalog)
    return {image: reasons for image, reasons in found.items() if reasons}


def _user_changes(node: Stage | Service, standing: Standing) -> list[str]:
    before, after = standing.before, standing.base
    own = node.user is not None if isinstance(node, Service) else node.user is not None or not node.top
    if own or before is None or not after.unprivileged or after.user == before.user:
        return []
    was = f"not as {before.user}" if before.user else "whom it ran as is not known"
    return [f"it would run as {after.user}, {was}: what it writes must belong to that user"]


def _unread(image: Image, base: Base, catalog: Catalog) -> list[str]:
    """Of an image on which nothing stands that was read."""
    if not catalog.drop_in and not image.where.endswith(("FROM", ".image")):
        return ["what is taken from it may lie elsewhere"]
    taken = image.where.endswith(("COPY --from", "RUN --mount from"))
    return ["what it needs of its base could not be read"] if base.wants and not taken else []


def stage_of(node: Stage | Service) -> Stage | None:
    """The stage that a node is, or that a service builds; None for a service that runs an image as it is."""
    return node if isinstance(node, Stage) else node.stage


def started(node: Stage | Service) -> list[Launch]:
    """What starts by a node: a service's own words, or what holds at the end of a stage on which no other stands.

    A stage that others take from, and that is not final, is taken to be started by nobody.
    """
    if isinstance(node, Service):
        return [launch for launch in node.launches if not launch.empty]
    if not node.top or not (node.ships == "layers" or node.leaf):
        return []
    found = [node.launched(verb) for verb in ("entrypoint", "cmd", "healthcheck")]
    return [launch for launch in found if launch and not launch.empty]


def as_root(user: str | None) -> bool:
    """Whether a user, with or without a group, is root."""
    return user is not None and user.partition(":")[0] in ROOT
