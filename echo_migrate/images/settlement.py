"""What becomes of the images of a file together: what is ignored, what blocks a move, and text that several share."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType

from echo_migrate.files.source import Edit
from echo_migrate.model import Image, Migration
from echo_migrate.model.reasons import Reason, because

MOST_SHARED = 100
"""Each fix of a group carries the edits of all, so that reports would grow with the square of a group's size."""

Refusal = Callable[[Migration], Reason | None]
Blockers = Mapping[Image, list[Reason]]
NO_BLOCKERS: Blockers = MappingProxyType({})

_LEFT_ALONE = ("migrate", "needs-person", "no-replacement", "first-party")
"""States of images that may be left alone for a reason that lies outside of them."""


def settle(
    assessed: Iterable[Migration],
    skip_reason: Refusal | None = None,
    blockers: Blockers = NO_BLOCKERS,
) -> list[Migration]:
    """Return the move of every image of a file, in order, with shared pieces of text settled between them.

    ``assessed`` is what each is when seen alone, in order. ``skip_reason`` gives the reason why an image that is not
    hardened is to be left alone (an ignore comment, another selection, a file that nobody edits), ``blockers`` why
    what stands on an image makes its move unsafe.
    """
    moves = []
    for move in assessed:
        reason = skip_reason(move) if skip_reason and move.state in _LEFT_ALONE else None
        if reason:
            move = move._replace(state="ignored", edits=(), reasons=(reason,))
        elif move.image in blockers and move.safe:
            reasons = tuple(dict.fromkeys(blockers[move.image]))
            fails = any(reason.id in ("blocked", "blocked-elsewhere") for reason in reasons)
            move = move._replace(state="needs-person", edits=() if fails else move.edits, reasons=reasons)
        moves.append(move)
    if any(_is_elsewhere(move.image) for move in moves):
        _settle_shared(moves)
    return moves


def _is_elsewhere(image: Image) -> bool:
    """Return whether some of what decides over a reference was written elsewhere than in its expression."""
    return bool(image.depends_on) or any(not image.start <= run[0] <= image.end for run in image.ref.spans)


def _settle_shared(moves: list[Migration]) -> None:
    """Let images that share text (a build argument) move together or not at all.

    An edit is possible only if every image that is read from the edited text asks for that very edit. The fix of each
    image then carries the edits of all that share one, and is as safe as the least safe of them.
    """
    owners: dict[Edit, list[int]] = {}
    for index, move in enumerate(moves):
        for edit in move.edits:
            owners.setdefault(edit, []).append(index)
    if not owners:
        return
    opposed = {edit: index for edit, index in _readers(moves, sorted(owners)) if index not in owners[edit]}
    groups = list(range(len(moves)))

    def group_of(index: int) -> int:
        while groups[index] != index:
            groups[index] = index = groups[groups[index]]
        return index

    for together in owners.values():
        for index in together[1:]:
            groups[group_of(index)] = group_of(together[0])
    members: dict[int, list[int]] = {}
    for index, move in enumerate(moves):
        if move.edits:
            members.setdefault(group_of(index), []).append(index)
    movable = frozenset(index for group in members.values() for index in group)
    for group in members.values():
        if len(group) > MOST_SHARED:
            for index in group:
                reason = because("shared-by-many", count=str(MOST_SHARED))
                moves[index] = moves[index]._replace(state="needs-person", edits=(), reasons=(reason,))
            continue
        edits = tuple(dict.fromkeys(edit for index in group for edit in moves[index].edits))
        opponent = next((opposed[edit] for edit in edits if edit in opposed), None)
        unsafe = next((index for index in group if not moves[index].safe), None)
        for index in group:
            move = moves[index]
            if opponent is not None:
                other = opponent if opponent != index else next(i for i in group if i != index)
                shown = _named(moves[other].image, move.image)
                reason = because("shared-differs" if other in movable else "shared-blocked", other=shown)
                own = () if move.safe else move.reasons
                moves[index] = move._replace(state="needs-person", edits=(), reasons=(reason, *own))
            elif unsafe is not None and move.safe:
                reason = because("shared-unsafe", other=_named(moves[unsafe].image, move.image))
                moves[index] = move._replace(state="needs-person", edits=edits, reasons=(reason,))
            else:
                moves[index] = move._replace(edits=edits)


def _named(other: Image, image: Image) -> str:
    """Return how the message about an image names another one that is read from the same text."""
    return other.shown if other.shown != image.shown else "another use of it"


def _readers(moves: list[Migration], edits: list[Edit]) -> Iterator[tuple[Edit, int]]:
    """Yield each edit with each image that is read from the text it changes."""
    starts = [edit.start for edit in edits]
    longest = max(edit.end - edit.start for edit in edits)
    for index, move in enumerate(moves):
        for start, end in (*move.image.ref.spans, *move.image.depends_on):
            for edit in edits[bisect_left(starts, start - longest) : bisect_right(starts, end)]:
                if start <= edit.end:
                    yield edit, index
