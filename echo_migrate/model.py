"""The values that formats, rules, engine and reports hand to each other: immutable, printable, comparable."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from echo_migrate.lazy import lazy
from echo_migrate.reference import parse, shown
from echo_migrate.source import Edit, Source, Traced

if TYPE_CHECKING:
    from echo_migrate.examine import Context

LONGEST_SHOWN = 200
COMMON_PLATFORMS = ("", "linux/amd64", "linux/arm64", "linux/arm64/v8")
"""Platforms that images are offered for as a matter of course; none asked for is one."""

LEVELS = ("note", "warning", "error")
Level = Literal["note", "warning", "error"]
State = Literal["migrate", "hardened", "no-replacement", "needs-person", "ignored", "local"]
STATES: tuple[State, ...] = ("migrate", "hardened", "no-replacement", "needs-person", "ignored", "local")
Basis = Literal["seen", "convention"]


_NUMBER = lazy(r"[-+.0-9][-+0-9_.:eExXoO]*")
"""What YAML may read as a number (YAML 1.1, tag:yaml.org,2002:int and :float)."""


class Parts(NamedTuple):
    """A reference whose pieces are written in places of their own, such as the keys of a chart's values.

    ``registry`` and ``tag`` are None where there is no place for them. ``bare`` says that the tag stands in YAML
    without quotes, so that one that reads as a number is given them: it was a text, and stays one.
    """

    repository: Traced
    registry: Traced | None = None
    tag: Traced | None = None
    bare: bool = False

    @property
    def places(self) -> tuple[tuple[int, int], ...]:
        """Where the pieces stand."""
        return tuple(run for piece in (self.registry, self.repository, self.tag) if piece for run in piece.runs)

    def spell(self, target: str) -> tuple[Edit, ...] | None:
        """The edits after which the pieces name a target; None where they cannot."""
        reference = parse(target)
        tag = target[len(reference.name) + 1 :]
        if self.bare and _NUMBER.fullmatch(tag):
            tag = f'"{tag}"'
        pieces = [(self.tag, tag)] if self.tag else []
        if self.registry is None:
            pieces.append((self.repository, reference.name))
        else:
            pieces += [(self.registry, reference.registry), (self.repository, reference.repository)]
        changed = [(piece, new) for piece, new in pieces if piece.value != new.strip('"')]
        if not all(piece.runs for piece, _ in changed) or (tag and not self.tag):
            return None
        return tuple(edit for piece, new in changed for edit in piece.replace(0, len(piece.value), new))


class Image(NamedTuple):
    """A place that names an image.

    ``ref`` is the reference with build arguments filled in, ``start`` and ``end`` the expression as written, ``where``
    its context ("FROM", "COPY --from", …). ``local`` says why nothing is pulled (a stage, scratch), ``locked`` why the
    place must not be edited. ``unsettled`` names the variables that only a build decides; ``leaks`` are spans whose
    text a build argument also carries elsewhere, with the words that say so. ``reads`` are places that
    decide over the reference without being part of it. ``resolved`` is the reference as far as
    another file settles it; ``mounts`` are the paths in the container that volumes cover. ``parts`` are set where
    its pieces stand in places of their own. ``filled`` says that variables are the way of its kind of file, where a
    cluster or a pipeline fills them in. ``doubts`` say why no move of it is safe, ``anonymous`` why one to a
    registry that wants a login is not, unless ``login``, the text of the login it is pulled with, is for that registry.
    """

    ref: Traced
    where: str
    start: int
    end: int
    local: str = ""
    locked: str = ""
    unsettled: tuple[str, ...] = ()
    platform: str = ""
    leaks: tuple[tuple[int, int, str], ...] = ()
    reads: tuple[tuple[int, int], ...] = ()
    resolved: str = ""
    mounts: tuple[str, ...] = ()
    parts: Parts | None = None
    filled: bool = False
    doubts: tuple[str, ...] = ()
    anonymous: str = ""
    login: str = ""

    @property
    def shown(self) -> str:
        """The reference as a message shows it."""
        value = shown(self.ref.value)
        return value if len(value) <= LONGEST_SHOWN else value[:LONGEST_SHOWN] + "…"


class Problem(NamedTuple):
    """Why a file, or a part of it, could not be read as what it is taken for."""

    start: int
    end: int
    reason: str
    level: Level = "warning"
    what: str = "this file"


class Pipeline(NamedTuple):
    """A place that pulls or builds, and the login that is not there. ``remedy`` is what to write."""

    start: int
    end: int
    what: str
    remedy: str


class Ignore(NamedTuple):
    """A comment that silences ``rules`` (``*`` for all) for findings that begin within ``first`` to ``last``.

    ``ours`` tells our form from those that other tools' users already have.
    """

    rules: frozenset[str]
    start: int
    end: int
    first: int
    last: int
    ours: bool = False


class Fix(NamedTuple):
    """Edits that are applied whole or not at all; an unsafe one only when asked for."""

    edits: tuple[Edit, ...]
    title: str
    safe: bool = True


class Finding(NamedTuple):
    """What a rule says of a span. ``level`` None stands for the rule's own until the engine fills it in; of a
    ``private`` one no report shows the line, as a credential stands there."""

    rule: str
    start: int
    end: int
    message: str
    fix: Fix | None = None
    level: Level | None = None
    basis: Basis | None = None
    applied: bool = False
    refused: str | None = None
    private: bool = False


class Outcome(NamedTuple):
    """One image reference with what becomes of it: what the summary counts and the inventory lists."""

    image: Image
    upstream: str | None
    target: str | None
    state: State
    reason: str
    basis: Basis | None = None

    def at(self, registry: str) -> bool:
        """Whether it is pulled from a registry, now or once it has moved."""
        name = self.target if self.state == "migrate" else self.image.ref.value if self.state == "hardened" else None
        return name is not None and name.startswith(f"{registry}/")


class Result(NamedTuple):
    """All that is known of one file. ``fixed`` is ``source`` itself where nothing changes or a change was refused;
    ``kind`` is the format's name, "" where none was found."""

    source: Source
    findings: tuple[Finding, ...]
    outcomes: tuple[Outcome, ...]
    fixed: Source
    refused: str | None = None
    kind: str = ""


Check = Callable[[Any, "Context"], Iterable[Finding]]


class Rule(NamedTuple):
    """A check of one type of node (``on`` can be a union of them). ``also`` holds the names of other linters for it."""

    id: str
    on: Any
    check: Check
    level: Level
    also: tuple[str, ...]
    summary: str
    fixable: bool
    default: bool
    blocks: bool = False

    @property
    def kinds(self) -> tuple[type, ...]:
        """The types of nodes that it is asked about."""
        return getattr(self.on, "__args__", (self.on,))


def rule(
    on: Any,
    level: Level,
    also: tuple[str, ...] = (),
    fixable: bool = False,
    default: bool = True,
    blocks: bool = False,
) -> Callable[[Check], Rule]:
    """Make a generator of findings a rule: its id is its file's name, its summary the file's docstring.

    ``on`` is the type of node, or a union of several. The errors of a rule that ``blocks`` make the move of the image
    that the node stands on unsafe, whatever was selected.
    """

    def register(check: Check) -> Rule:
        import sys

        module = check.__module__
        summary = (sys.modules[module].__doc__ or "").strip().partition("\n")[0]
        id = module.rpartition(".")[2].replace("_", "-")
        return Rule(id, on, check, level, also, summary, fixable, default, blocks)

    return register
