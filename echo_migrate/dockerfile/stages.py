"""The stages of a Dockerfile as a graph: the parent of each stage, what of it reaches the final image, and the state in
which its commands run (user, shell, working directory, environment).

Values that come from the base image (user, shell, environment) are not known here, and are None.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any, Literal, NamedTuple

from echo_migrate.dockerfile._drafts import Draft, drafts_of
from echo_migrate.dockerfile.copies import Copy
from echo_migrate.dockerfile.parser import Dockerfile, Instruction
from echo_migrate.dockerfile.run import Run
from echo_migrate.dockerfile.startup import StartCommand
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.images.reference import is_number

_LINE = lazy_regex(r"[^\n]+")

MOST = 2000
"""The maximum number of instructions, and of commands, in a Dockerfile whose stages are read; those below limit words
and script characters. Ten times what real files have."""
MOST_WORDS = 20_000
MOST_SCRIPT = 200_000
MOST_INHERITED = 20_000
"""The maximum number of instructions that stages inherit from their parents, in total, and of RUNs that depend on
others."""

Ships = Literal["", "layers", "files"]


class Order:
    """The RUNs that follow each RUN: those later in its stage, in its ONBUILDs, and in stages built on that stage.

    ``runs`` has the RUNs of each stage in order, ONBUILDs last; ``later`` the numbers of the stages built on each.
    """

    def __init__(self, runs: list[tuple[Run, ...]], later: list[frozenset[int]]) -> None:
        self.runs = runs
        self.later = later
        self._places = {run.instruction.start: i for stage in runs for i, run in enumerate(stage)}
        self._above = [sum(1 << other for other in numbers) for numbers in later]
        self._known: dict[object, tuple[list[int], int]] = {}

    def followed(self, run: Run, stage: "Stage", what: object, holds: Callable[[Run], bool]) -> bool:
        """Return whether ``holds`` is true of any RUN that follows a RUN of a stage.

        ``what`` is the cache key of the predicate, which is called once for each RUN of the file.
        """
        if what not in self._known:
            last = [max((i for i, one in enumerate(runs) if holds(one)), default=-1) for runs in self.runs]
            self._known[what] = (last, sum(1 << number for number, place in enumerate(last) if place >= 0))
        last, stages = self._known[what]
        return last[stage.number] > self._places[run.instruction.start] or bool(stages & self._above[stage.number])

    def built_on(self, number: int) -> list[Run]:
        """Return the RUNs of the stages built on a stage."""
        return [run for other in sorted(self.later[number]) for run in self.runs[other]]


class Graph:
    """The stages of a file, by number, the lowercase names of those that other files build, and the defaults of its
    global ARGs, which the ARGs of stages take over.

    A stage refers to the graph, and the graph to no stage but to what it is made of: all that was read of a file is
    given up with the last stage, and no cycle is left that must be searched for.
    """

    def __init__(self, arguments: Mapping[str, str], targets: frozenset[str]) -> None:
        self.targets = targets
        self.arguments = arguments
        self.settings: dict[int, tuple[tuple[int, str], ...]] = {}
        self._fields: list[tuple[Any, ...]] = []

    def __repr__(self) -> str:
        return f"<the {len(self._fields)} stages of a file>"

    def add(self, stage: "Stage") -> None:
        """Add the next stage."""
        self._fields.append(stage[1:])

    def stage(self, number: int) -> "Stage":
        """Return the stage with a number: an equal one each time, but not the same object."""
        return Stage._make((self, *self._fields[number]))

    def stages(self, first: int = 0, end: int | None = None) -> "list[Stage]":
        """Return the stages from a number on, in order, up to that before ``end``, or to the last one."""
        return [Stage._make((self, *fields)) for fields in self._fields[first:end]]

    @cached_property
    def numbers(self) -> dict[str, list[int]]:
        """The numbers of the stages of each name, in lower case."""
        found: dict[str, list[int]] = {}
        for stage in self.stages():
            found.setdefault(stage.name.lower(), []).append(stage.number)
        return found

    @cached_property
    def ends(self) -> dict[int, list[str]]:
        """The names of the stages that are images of their own (they start something, other files build them, or no
        other is built from them or copies from them) or are copied whole, by the number of each stage that they are
        built on, or are."""
        found: dict[int, list[str]] = {}
        for stage in self.stages():
            whole = not all(path.strip("/.") for path in stage.taken)
            if stage.leaf or stage.start_commands or whole or stage.name.lower() in self.targets:
                for one in stage.lineage:
                    found.setdefault(one.number, []).append(stage.name)
        return found


class Stage(NamedTuple):
    """One stage: its ``number`` in the ``graph`` of its file, and that of its ``parent``, the stage it is FROM, if any.

    ``ships`` tells how it reaches a final image: with its layers (it is final, or a parent of a final stage), with all
    its files (``COPY --from=stage /``), or not as a whole (""). ``certain`` is False if it ships only because a compose
    file names it as a target. ``used`` is true if a final image needs it, ``leaf`` if no stage is FROM it or copies
    from it, ``top`` if no stage is FROM it. ``order`` is that of the RUNs of the file, ``taken`` are the paths that
    other stages copy or mount from it. ``environment`` and ``user`` are those at its end, ``workdirs`` the user and
    folder of each WORKDIR, by its offset. ``triggers`` are the RUNs of its ONBUILDs, which run in its state at its end,
    in the images built on it. ``worked_in`` is true if people work in a container of it.
    """

    graph: Graph
    number: int
    name: str
    base: str
    parent: int | None
    start: int
    end: int
    instructions: tuple[Instruction, ...]
    runs: tuple[Run, ...]
    triggers: tuple[Run, ...]
    copies: tuple[Copy, ...]
    start_commands: tuple[StartCommand, ...]
    workdirs: Mapping[int, tuple[str | None, str]]
    order: Order
    taken: tuple[str, ...]
    ships: Ships
    certain: bool
    used: bool
    leaf: bool
    top: bool
    user: str | None
    environment: Mapping[str, str]
    worked_in: bool = False

    def __hash__(self) -> int:
        return hash((self.graph, self.number))

    @property
    def others(self) -> "list[Stage]":
        """The preceding stages of the file, in order."""
        return self.graph.stages(0, self.number)

    def preceding(self, origin: str) -> "Stage | None":
        """Return the preceding stage that a COPY or a mount names, the last of its name, or by its number; None if it
        names an image."""
        named = self.graph.numbers.get(origin.lower(), []) if origin else []
        number = named[place - 1] if (place := bisect_left(named, self.number)) else None
        if number is None and is_number(origin) and int(origin) < self.number:
            number = int(origin)
        return None if number is None else self.graph.stage(number)

    @property
    def lineage(self) -> "list[Stage]":
        """Its parent stages, outermost first, and itself."""
        if self.parent is None:  # as most, and it is often asked for
            return [self]
        stages = [self]
        while (parent := stages[-1].parent) is not None:
            stages.append(self.graph.stage(parent))
        return stages[::-1]

    @property
    def started(self) -> str:
        """The text of all ENTRYPOINTs and CMDs in its lineage."""
        verbs = ("cmd", "entrypoint")
        return "\n".join(one.args.value for stage in self.lineage for one in stage.start_commands if one.verb in verbs)

    def start_command(self, verb: str) -> StartCommand | None:
        """Return the effective CMD, ENTRYPOINT or HEALTHCHECK, or None if it is inherited from the base image.

        An ENTRYPOINT without a CMD in the same stage resets the CMD of parent stages (BuildKit,
        dockerfile2llb/convert.go, dispatchEntrypoint), and the result is None as well.
        """
        for stage in reversed(self.lineage):
            own = [one for one in stage.start_commands if one.verb == verb]
            if own:
                return own[-1]
            if verb == "cmd" and any(one.verb == "entrypoint" for one in stage.start_commands):
                return None
        return None

    @property
    def checks(self) -> list[StartCommand]:
        """The effective HEALTHCHECK, if any."""
        own = self.start_command("healthcheck")
        return [own] if own else []

    @property
    def settings(self) -> tuple[tuple[int, str], ...]:
        """All it runs, writes or sets that can be configuration, in order: the offset and lowercase text of each
        command (without its options), ENV and line of a heredoc; put together when it is first asked for."""
        if self.number not in self.graph.settings:
            self.graph.settings[self.number] = tuple([(start, text.lower()) for start, text in sorted(self._written())])
        return self.graph.settings[self.number]

    def _written(self) -> Iterator[tuple[int, str]]:
        for run in self.runs:
            yield from ((one.start, one.without_options) for one in run.commands)
        for run in self.triggers:
            yield from ((self.end, one.without_options) for one in run.commands)
        for instruction in self.instructions:
            for body in instruction.heredocs:
                lines = body.cuts(match.span() for match in _LINE.finditer(body.value))
                yield from ((line.start, line.value) for line in lines)
            if instruction.verb == "env":
                yield instruction.start, instruction.args.value

    @property
    def every_run(self) -> tuple[Run, ...]:
        """Its RUNs, and those of its ONBUILDs."""
        return (*self.runs, *self.triggers)

    def in_onbuild(self, offset: int) -> bool:
        """Return whether an offset of the file lies in the RUN of an ONBUILD of the stage."""
        above = bisect_right(self.triggers, offset, key=lambda run: run.instruction.start)
        return above > 0 and offset <= self.triggers[above - 1].instruction.end

    def place(self, offset: int) -> int:
        """Return the offset at which a command runs that stands at one: in an ONBUILD, the end of the stage."""
        return self.end if self.in_onbuild(offset) else offset

    @property
    def root(self) -> str:
        """The base image of its lineage."""
        return self.lineage[0].base

    @property
    def shown(self) -> str:
        """The name of the stage in messages."""
        return f"stage {self.name or self.number}"


def stages(text: str, file: Dockerfile, bases: list[str], targets: frozenset[str] = frozenset()) -> list[Stage]:
    """Return the stages of a Dockerfile; an empty list if it exceeds a limit (``MOST`` …).

    ``bases`` are the references of its FROMs with build arguments expanded, ``targets`` the lowercase names of stages
    that other files are known to build.
    """
    scripts = sum(step.end - step.start for step in file.instructions if (step.trigger or step).verb == "run")
    if len(file.instructions) > MOST or scripts > MOST_SCRIPT:
        return []
    drafts: list[Draft] = []
    inherited: list[int] = []
    total = 0
    for draft in drafts_of(text, file, bases):
        inherited.append(len(draft.instructions) + (0 if draft.parent is None else inherited[draft.parent]))
        total += inherited[-1]
        drafts.append(draft)
        if total > MOST_INHERITED:
            return []
    triggers = [tuple([draft.run(trigger, text) for trigger in draft.triggers]) for draft in drafts]
    every = [(*draft.runs, *own) for draft, own in zip(drafts, triggers, strict=True)]
    commands = [command for runs in every for run in runs for command in run.commands]
    if not drafts or len(commands) > MOST or sum(len(command.words) for command in commands) > MOST_WORDS:
        return []
    last = len(drafts) - 1
    final = {last} | {i for i, draft in enumerate(drafts) if draft.name.lower() in targets}
    used = _reached(final, drafts)
    taken = set().union(*(draft.needs for draft in drafts))
    parents = {draft.parent for draft in drafts}
    sure = _shipping({last}, drafts)
    ships = _shipping(final, drafts) | sure
    graph = Graph(drafts[0].defaults, targets)
    later: list[set[int]] = [set() for _ in drafts]
    taken_from: dict[int, list[str]] = {}
    for i, draft in reversed(list(enumerate(drafts))):
        for other in draft.whole if draft.parent is None else {draft.parent, *draft.whole}:
            later[other] |= {i, *later[i]}
        for other, path in draft.takes:
            taken_from.setdefault(other, []).append(path)
    order = Order(every, [frozenset(numbers) for numbers in later])
    if sum(len(order.runs[other]) for numbers in later for other in numbers) > MOST_INHERITED:
        return []
    found: list[Stage] = []
    for i, draft in enumerate(drafts):
        found.append(
            Stage(
                graph=graph,
                number=i,
                name=draft.name,
                base=bases[i],
                parent=draft.parent,
                start=draft.instructions[0].start,
                end=draft.instructions[-1].end,
                instructions=tuple(draft.instructions),
                runs=tuple(draft.runs),
                triggers=triggers[i],
                copies=tuple(draft.copies),
                start_commands=tuple(draft.start_commands),
                workdirs=draft.workdirs,
                order=order,
                taken=tuple(taken_from.get(i, ())),
                ships=ships.get(i, ""),
                certain=i in sure,
                used=i in used,
                leaf=i not in taken,
                top=i not in parents,
                user=draft.user,
                environment=draft.environment,
            )
        )
        graph.add(found[-1])
    return found


def _reached(start: set[int], drafts: "list[Draft]") -> set[int]:
    """Return the given stages and all that they need, directly or indirectly."""
    found: set[int] = set()
    waiting = list(start)
    while waiting:
        i = waiting.pop()
        if i not in found:
            found.add(i)
            waiting += drafts[i].needs
    return found


def _shipping(start: set[int], drafts: "list[Draft]") -> dict[int, Ships]:
    """Return how stages reach the images of the given ones: parents with layers, stages copied whole with files."""
    found: dict[int, Ships] = {}
    waiting: list[tuple[int, Ships]] = [(i, "layers") for i in sorted(start)]
    while waiting:
        i, how = waiting.pop()
        if found.get(i) in ("layers", how):
            continue
        found[i] = how
        draft = drafts[i]
        if draft.parent is not None:
            waiting.append((draft.parent, how))
        waiting += [(other, "files") for other in draft.whole]
    return found
