"""The bond between a swap and what stands on it: what each stage and service will stand on, and what of it says no.

Readiness is asked once: of the target of a move that would be safe without it, else of the image that stays.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from functools import cached_property
from posixpath import basename
from typing import Any, NamedTuple

from echo_migrate.dockerfile.container import Container
from echo_migrate.dockerfile.programs import FOLDERS, SHELL_PROGRAMS, may_provide
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.dockerfile.startup import StartCommand
from echo_migrate.images.catalog import Catalog
from echo_migrate.images.facts import ImageFacts, facts_of, is_root
from echo_migrate.images.state import state_in_volume
from echo_migrate.model import Image, Migration
from echo_migrate.reasons import Reason, because

_VERSION = "0123456789."


class EffectiveBase(NamedTuple):
    """What a stage or service stands on, or will once its reference has moved by a safe fix.

    ``before`` is what it stands on now, where ``base`` is that of a ``target``.
    """

    base: ImageFacts
    reference: str
    target: bool = False
    before: ImageFacts | None = None
    was: str = ""

    @property
    def short(self) -> bool:
        """Whether it would take a place without something that may be needed there."""
        return self.target and self.base.wants

    @property
    def shown(self) -> str:
        """What messages call it."""
        return f"{self.reference} (replacing {self.was})" if self.target else self.reference


class EffectiveBases(dict[Image, EffectiveBase]):
    """What each image of a file is to what stands on it."""

    @cached_property
    def _froms(self) -> list[Image]:
        return sorted((image for image in self if image.where == "FROM"), key=lambda image: image.start)

    @cached_property
    def _roots(self) -> dict[Stage, Image | None]:
        return {}

    def root(self, stage: Stage) -> Image | None:
        """Return the image that a stage, or the first of those it stands on, is FROM."""
        if stage not in self._roots:
            first = stage.lineage[0]
            place = bisect_left(self._froms, first.start, key=lambda image: image.start)
            found = self._froms[place] if place < len(self._froms) else None
            self._roots[stage] = found if found and found.start < first.end else None
        return self._roots[stage]


def effective_bases(images: Iterable[Image], moves: Iterable[Migration], catalog: Catalog) -> EffectiveBases:
    """Return what each image is to what stands on it. Local names other than ``scratch`` are left out."""
    found = EffectiveBases()
    for image, move in zip(images, moves, strict=True):
        if image.local and image.local != "scratch":
            continue
        base = facts_of(image.ref.value, catalog)
        if move.safe and move.target:
            found[image] = EffectiveBase(facts_of(move.target, catalog), move.target, True, base, image.shown)
        else:
            found[image] = EffectiveBase(base, image.shown)
    return found


def root_of(node: Any, effective_bases: EffectiveBases) -> Image | None:
    """Return the image that a stage (its first ancestor) or a service stands on."""
    if isinstance(node, Container):
        return node.image
    return effective_bases.root(node) if isinstance(node, Stage) else None


def other_blockers(
    nodes: Iterable[Stage | Container], effective_bases: EffectiveBases, catalog: Catalog
) -> dict[Image, list[Reason]]:
    """Return why moves are unsafe where no finding says it: the user that nodes leave to the image, and what was not
    read."""
    found: dict[Image, list[Reason]] = {}
    for node in nodes:
        image = root_of(node, effective_bases)
        effective = effective_bases.get(image) if image else None
        if image and effective and effective.target:
            reasons = [*_user_changes(node, effective), *_not_known(node, effective)]
            found.setdefault(image, []).extend([*reasons, *_state(node, image, effective, catalog)])
    for image, effective in effective_bases.items():
        if image not in found and effective.target:
            found[image] = _unread(image, effective.base, catalog)
    return {image: reasons for image, reasons in found.items() if reasons}


def _user_changes(node: Stage | Container, effective: EffectiveBase) -> list[Reason]:
    before, after = effective.before, effective.base
    own = node.user is not None if isinstance(node, Container) else node.user is not None or not node.top
    if own or before is None or not after.unprivileged or after.user == before.user:
        return []
    user = after.user or ""
    return [because("user", user=user, before=before.user) if before.user else because("user-unknown", user=user)]


def _not_known(node: Stage | Container, effective: EffectiveBase) -> Iterator[Reason]:
    """Yield what keeps a move from being safe where the target goes without something, and the need for it is not
    certain.

    A finding needs to be sure of what is missing; a safe move, of what is there.
    """
    base = effective.base
    if not effective.short:
        return
    if isinstance(node, Container):
        unread = node.open or any(one.words is None and not one.shell for one in node.start_commands)
        if unread or any(path.startswith("/docker-entrypoint") for path in node.mounts):
            yield because("start-unread")
    if base.shell is not False:
        return
    if isinstance(node, Stage):
        for run in (*node.runs, *node.triggers):
            if (
                not run.shell_form
                or may_provide(node, base, SHELL_PROGRAMS, run.instruction.start)
                or run in node.triggers
            ):
                yield because("run-unknown")
    for launch in _launches(node):
        name = (launch.words or ("",))[0]
        if launch.shell and may_provide(node, base, SHELL_PROGRAMS):
            yield because("shell-unknown")
        elif name and not _is_there(name, base):
            yield because("program-unknown", program=basename(name))


def _launches(node: Stage | Container) -> list[StartCommand]:
    """Return all that starts by a node: a CMD only where no ENTRYPOINT takes it for its arguments."""
    entrypoint = node.start_command("entrypoint")
    verbs = ("entrypoint", "healthcheck") if entrypoint and not entrypoint.empty else ("cmd", "healthcheck")
    return [launch for launch in map(node.start_command, verbs) if launch and not launch.empty]


def _is_there(word: str, base: ImageFacts) -> bool:
    """Return whether a program is known to be there, or is a file of the image's own that needs no shell."""
    folder, slash, name = word.rpartition("/")
    own = {basename(one[0]).rstrip(_VERSION) for one in (base.entrypoint, base.cmd) if one}
    if base.has(name) or name.rstrip(_VERSION) in own:
        return True
    return bool(slash) and not name.endswith(".sh") and folder not in FOLDERS


def keeps_state(effective: EffectiveBase, catalog: Catalog) -> bool:
    """Return whether an image that would move is one that keeps state in a volume."""
    return effective.target and bool(catalog.state_of(effective.was))


def _state(node: Stage | Container, image: Image, effective: EffectiveBase, catalog: Catalog) -> list[Reason]:
    """Return a service that builds on an image that keeps state, and mounts a volume over it."""
    if not isinstance(node, Container) or not node.stage:
        return []
    return state_in_volume(image.ref.value, effective.reference, node.mounts, catalog)


def _unread(image: Image, base: ImageFacts, catalog: Catalog) -> list[Reason]:
    """Of an image on which nothing stands that was read."""
    if not catalog.drop_in and not image.where.endswith(("FROM", ".image")):
        return [because("copied-paths", instruction=image.where)]
    taken = image.where.endswith(("COPY --from", "RUN --mount from"))
    return [because("base-unread")] if base.wants and not taken else []


def started(node: Stage | Container) -> list[StartCommand]:
    """Return what starts by a node: a service's own words, or what holds at the end of a stage on which no other
    stands.

    A stage that others take from, and that is not final, is taken to be started by nobody.
    """
    if isinstance(node, Container):
        return [launch for launch in node.start_commands if not launch.empty and not node.open]
    if not node.top or not (node.ships == "layers" or node.leaf):
        return []
    found = [node.start_command(verb) for verb in ("entrypoint", "cmd", "healthcheck")]
    return [launch for launch in found if launch and not launch.empty]


def as_root(user: str | None) -> bool:
    """Return whether a user, with or without a group, is root."""
    return user is not None and is_root(user)
