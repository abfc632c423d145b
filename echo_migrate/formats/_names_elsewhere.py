"""Other occurrences in a script of the names of the images that it runs or pulls."""

import re
from bisect import bisect_right
from collections import defaultdict
from functools import lru_cache
from itertools import dropwhile, pairwise, takewhile

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.model import Image
from echo_migrate.model.reasons import Reason, because
from echo_migrate.shell import container_commands
from echo_migrate.shell.commands import Command, Script, Word
from echo_migrate.shell.container_commands import Invocation

_OF_CLUSTERS = frozenset(("helm", "kubectl", "oc"))
"""Programs whose bare words are names of resources, of releases and of containers: images stand in options."""

_OTHER_VALUE = lazy_regex(r"(?i)(?:.*_)?(?:PG)?(?:DB|DATABASE|HOST(?:NAME)?|OWNER|ROLE|USER(?:NAME)?)")
"""Variables whose values are no images, as their names say."""

_ANCESTOR = "ancestor="
"""How a filter of ``docker ps`` begins that looks for the containers of an image."""

_ENGINES = frozenset(("docker", "nerdctl", "podman"))
_ON_CONTAINERS = frozenset(
    (
        "attach",
        "cp",
        "exec",
        "kill",
        "logs",
        "network",
        "pause",
        "port",
        "restart",
        "rm",
        "start",
        "stats",
        "stop",
        "top",
    )
    + ("unpause", "volume", "wait")
)
_NAMING = frozenset(("--hostname", "--name", "--net", "--network", "--network-alias", "-h"))
"""Commands on containers, and options of those that start some, whose words are names of containers, hosts and
networks."""

_BOUND = r"[\w./:@-]"
_WHOLE = re.compile(rf"{_BOUND}+")


def parts_of(command: Command) -> list[tuple[str, Word]]:
    """Return all words of a command, each with its kind: "", the name of a variable, or the operator of a redirect."""
    return [
        *(("", word) for word in command.words),
        *command.assignments,
        *((one.operator, one.target) for one in command.redirects),
    ]


def _may_be_images(command: Command) -> list[tuple[str, Word]]:
    """Return the words of a command that may be names of images, each with its kind, as ``parts_of``."""
    words = command.words
    named = set[int]()
    if command.name in _ENGINES:
        if next((word.value for word in words[1:3] if word.value != "container"), "") in _ON_CONTAINERS:
            named = {word.start for word in words}
        else:
            named = {value.start for option, value in pairwise(words) if option.value in _NAMING}
    return [
        (kind, word) for kind, word in parts_of(command) if word.start not in named and not _OTHER_VALUE.fullmatch(kind)
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
        apart = container_commands.data()["apart"]
        for command in script.commands:
            for _, word in [] if command.name in apart else _may_be_images(command):
                if word.text.spans and word.start not in behind:
                    self.words[word.value.rpartition(_ANCESTOR)[2]].append(word.text.start)
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
