"""Other occurrences in a script of the names of the images that it runs or pulls."""

import re
from bisect import bisect_right
from collections import defaultdict
from functools import lru_cache
from itertools import dropwhile, takewhile

from echo_migrate.model import Image
from echo_migrate.model.reasons import Reason, because
from echo_migrate.shell import container_commands
from echo_migrate.shell.commands import Command, Script, Word
from echo_migrate.shell.container_commands import Invocation

_OF_CLUSTERS = frozenset(("helm", "kubectl", "oc"))
"""Programs whose bare words are names of resources, of releases and of containers: images stand in options."""

_BOUND = r"[\w./:@-]"
_WHOLE = re.compile(rf"{_BOUND}+")


def parts_of(command: Command) -> list[tuple[str, Word]]:
    """Return all words of a command, each with its kind: "", the name of a variable, or the operator of a redirect."""
    return [
        *(("", word) for word in command.words),
        *command.assignments,
        *((one.operator, one.target) for one in command.redirects),
    ]


@lru_cache(maxsize=2)
def _offsets(bare: str) -> dict[str, list[int]]:
    """Return the offsets of each whole name in a text."""
    found: dict[str, list[int]] = defaultdict(list)
    for match in _WHOLE.finditer(bare):
        found[match[0]].append(match.start())
    return found


class Elsewhere:
    """Other occurrences in a script of the names of images that it runs or pulls."""

    def __init__(
        self, bare: str, script: Script, called: list[tuple[Command, Invocation]], pulled: list[tuple[int, int]]
    ) -> None:
        silent = container_commands.data()["silent"]
        behind = {word.start for _, one in called for word in one.behind}
        started = [command.words for command, one in called if one.places and command.name in _OF_CLUSTERS]
        behind |= {word.start for words in started for word in dropwhile(lambda word: word.value != "--", words)}
        self.text = bare
        fine = [(command.start, command.end) for command in script.commands if command.name in silent]
        fine += [(place.word.start, place.word.end) for _, one in called if not one.inspected for place in one.places]
        fine += [
            (word.start, word.end)
            for command in script.commands
            if command.name in _OF_CLUSTERS
            for word in takewhile(lambda word: word.value != "--", command.words)
            if not {"/", ":"} & set(word.value)
        ]
        fine += pulled
        self.fine: list[tuple[int, int]] = []
        for start, end in sorted(fine):
            last = self.fine[-1][1] if self.fine else 0
            self.fine.append((start, max(end, last)))
        self.words: dict[str, list[int]] = defaultdict(list)
        for command in script.commands:
            for _, word in parts_of(command):
                if word.text.spans and word.start not in behind:
                    self.words[word.value].append(word.text.start)
        self.known: dict[str, bool] = {}

    def says(self, image: Image) -> Reason | None:
        """Return why an image must not be changed alone, or None if it may."""
        value = image.ref.value
        if value not in self.known:
            self.known[value] = not all(self._fine(place) for place in self._places(value))
        return because("same-name") if self.known[value] else None

    def _places(self, value: str) -> list[int]:
        """Return the offsets of a name: in the whole text, or only as a separate word if it has neither ``:`` nor
        ``/`` and so may name anything."""
        if ":" not in value and "/" not in value:
            return self.words.get(value, [])
        if _WHOLE.fullmatch(value):
            return _offsets(self.text).get(value, [])
        whole = rf"(?<!{_BOUND}){re.escape(value)}(?!{_BOUND})"
        return [match.start() for match in re.finditer(whole, self.text)]

    def _fine(self, place: int) -> bool:
        """Return whether an occurrence is in a known image, an argument to a container, or printed output."""
        at = bisect_right(self.fine, (place, len(self.text))) - 1
        return at >= 0 and place < self.fine[at][1]
