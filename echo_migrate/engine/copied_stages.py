"""Stages of which one is copied into the other: they move together, or need review together.

A build on one release of a distribution may not run on an older one, and a tag mostly leaves open which one it is. What
Python installs names its interpreter by its path: a virtual environment of one image is none in another that has Python
elsewhere.
"""

from echo_migrate.dockerfile.stages import Stage
from echo_migrate.files.source import Source
from echo_migrate.images.catalog import Catalog
from echo_migrate.images.facts import facts_of
from echo_migrate.model import Image, Migration
from echo_migrate.reasons import Reason, because
from echo_migrate.rules._readiness import EffectiveBases, root_of


def together(
    moves: list[Migration], stages: list[Stage], bases: EffectiveBases, catalog: Catalog, source: Source
) -> list[Migration]:
    """Return the migrations of a file; that of a stage needs review if a stage that copies from it has the same image,
    of the same distribution, and needs review itself, or if it would have Python in another place than a stage that
    copies from it, or that it copies from, and has it in the same place now."""
    copied_from = ((stage, stage.preceding(copy.origin)) for stage in stages for copy in stage.copies)
    roots = [(root_of(stage, bases), root_of(other, bases)) for stage, other in copied_from if other]
    known = {move.image for move in moves}
    pairs = [
        (image, copied)
        for image, copied in dict.fromkeys(roots)
        if image and copied and image != copied and image in known and copied in known
    ]
    now = {image: facts_of(image.ref.value, catalog) for pair in pairs for image in pair}
    while pairs and any(_moves(move) for move in moves):
        of = {move.image: move for move in moves}
        places = {image: _python(of[image], now[image].python, catalog) for image in now}
        held: dict[Image, Reason] = {}
        for image, copied in reversed(pairs):  # a stage is copied into later ones: what holds one holds a chain of them
            line, of_copied = (str(source.position(one.start)[0]) for one in (image, copied))
            same = of[image].upstream == of[copied].upstream and now[image].family == now[copied].family
            if same and (of[image].state == "needs-person" or (image in held and _moves(of[image]))):
                held.setdefault(copied, because("copied-into", line=line))
            there, here = places[image], places[copied]
            if there and here and there != here and now[image].python == now[copied].python:
                held.setdefault(image, because("other-python", line=of_copied, place=here))
                held.setdefault(copied, because("other-python", line=line, place=there))
        edits = {edit for image in held for edit in of[image].edits}
        found = [
            move._replace(state="needs-person", reasons=(held.get(move.image) or because("shared-unsafe", other="it"),))
            if _moves(move) and (move.image in held or not edits.isdisjoint(move.edits))
            else move
            for move in moves
        ]
        if found == moves:
            break
        moves = found
    return moves


def _moves(move: Migration) -> bool:
    return move.safe and bool(move.edits)


def _python(move: Migration, now: str, catalog: Catalog) -> str:
    """Return the folder of Python in an image as a safe fix leaves it, "" if it is not known."""
    return facts_of(move.target, catalog).python if _moves(move) and move.target else now
