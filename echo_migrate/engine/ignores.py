"""The ignore comments of a file, and which of them suppress a finding."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import accumulate
from typing import Any

from echo_migrate.model import Ignore
from echo_migrate.rules._rule import Rule


class Ignores:
    """The ignore comments of a file, searchable by position."""

    def __init__(self, nodes: Iterable[Any]) -> None:
        self.nodes = sorted((node for node in nodes if isinstance(node, Ignore)), key=lambda node: node.first)
        self.comments: dict[tuple[str, bool], _Held] = {}

    def silence(self, rule: Rule, start: int, ours: bool = False) -> bool:
        """Return whether a comment (``ours``: in our own form) suppresses a rule at an offset, and record its use."""
        if not self.nodes:
            return False
        if (rule.id, ours) not in self.comments:
            names = {"*", *rule.names}
            of_it = [node for node in self.nodes if (node.ours or not ours) and not names.isdisjoint(node.rules)]
            self.comments[rule.id, ours] = _Held(of_it)
        held = self.comments[rule.id, ours]
        place = bisect_right(held.begins, start)
        silent = place > 0 and held.reach[place - 1] >= start
        held.silenced.extend([start] if silent else [])
        return silent

    def used(self) -> set[Ignore]:
        """Return the comments that have suppressed a finding so far."""
        found: set[Ignore] = set()
        for held in self.comments.values():
            silenced = sorted(held.silenced)
            ends = [(bisect_left(silenced, node.first), bisect_right(silenced, node.last)) for node in held.nodes]
            found.update(node for node, (first, last) in zip(held.nodes, ends, strict=True) if first < last)
        return found


class _Held:
    """The comments for one rule, their starts, the furthest end up to each, and the offsets that they suppressed."""

    def __init__(self, nodes: list[Ignore]) -> None:
        self.nodes = nodes
        self.begins = [node.first for node in nodes]
        self.reach = list(accumulate((node.last for node in nodes), max))
        self.silenced: list[int] = []
