"""Stages of which one is copied into the other: they move together, or need review together.

A build on one release of a distribution may not run on an older one, and a tag mostly leaves open which one it is. What
Python installs names its interpreter by its path: a virtual environment
of one image is none in another that has Python elsewhere.
"""

from collections.abc import Iterator

from echo_migrate.dockerfile.stages import Stage
from echo_migrate.files.source import Source
from echo_migrate.images.catalog import Catalog
from echo_migrate.images.facts import facts_of
from echo_migrate.images.reference import is_number
from echo_migrate.model import Image, Migration
from echo_migrate.reasons import Reason, because
from echo_migrate.rules._readiness import EffectiveBases, root_of


def together(
    moves: list[Migration], stages: list[Stage], bases: EffectiveBases, catalog: Catalog, source: Source
) -> list[Migration]:
    """Return the migrations of a file; that of a stage needs review if a stage that copies from it has the same image,
    of the same distribution, and needs review itself."""
    of = {move.image: move for move in moves}
    parts: dict[Image, Image] = {}
    for stage in stages:
        image = root_of(stage, bases)
        if image is None or image not in of or of[image].state != "needs-person":
            continue
        for built_on in (root_of(copied, bases) for copied in _copied(stage)):
            if built_on and built_on != image and built_on in of and of[built_on].upstream == of[image].upstream:
                first, last = (facts_of(one.ref.value, catalog).family for one in (built_on, image))
                if first == last:
                    parts[built_on] = image
    return [
        move._replace(
            state="needs-person",
            reasons=(because("copied-into", line=str(source.position(parts[move.image].start)[0])),),
        )
        if move.safe and move.edits and move.image in parts and _alone(move)
        else move
        for move in moves
    ]


def of_one_python(
    moves: list[Migration], stages: list[Stage], bases: EffectiveBases, catalog: Catalog, source: Source
) -> list[Migration]:
    """Return the migrations of a file; that of a stage needs review if it would have Python in another place than a
    stage that copies from it, or that it copies from, and has it in the same place now."""
    pairs = [
        (image, other)
        for stage in stages
        if (image := root_of(stage, bases))
        for other in (root_of(copied, bases) for copied in _copied(stage))
        if other and other != image
    ]
    while True:
        of = {move.image: move for move in moves}
        held: dict[Image, Reason] = {}
        for pair in pairs if any(move.safe and move.edits for move in moves) else ():
            places = [_python(of[image], catalog) if image in of else "" for image in pair]
            now = {facts_of(image.ref.value, catalog).python for image in pair}
            if all(places) and places[0] != places[1] and len(now) == 1:  # else they share no Python now
                for image, there, other in zip(pair, reversed(places), reversed(pair), strict=True):
                    line = str(source.position(other.start)[0])
                    held[image] = because("other-python", line=line, place=there)
        edits = {edit for image in held for edit in of[image].edits}
        found = [
            move._replace(state="needs-person", reasons=(held.get(move.image) or because("shared-unsafe", other="it"),))
            if move.safe and move.edits and (move.image in held or not edits.isdisjoint(move.edits))
            else move
            for move in moves
        ]
        if found == moves:
            return moves
        moves = found


def _python(move: Migration, catalog: Catalog) -> str:
    """Return the folder of Python in an image as a safe fix leaves it, "" if it is not known."""
    moved = move.safe and move.edits and move.target
    return facts_of(move.target if moved and move.target else move.image.ref.value, catalog).python


def _copied(stage: Stage) -> Iterator[Stage]:
    """Yield the stages that a stage copies from."""
    for copy in stage.copies:
        for other in stage.others:
            number = is_number(copy.origin) and int(copy.origin) == other.number
            if number or (other.name and other.name.lower() == copy.origin.lower()):
                yield other


def _alone(move: Migration) -> bool:
    """Return whether the edits of a move are within its own expression, and so no other's too."""
    return all(move.image.start <= edit.start and edit.end <= move.image.end for edit in move.edits)
