"""The values that formats, rules, engine and reports hand to each other: immutable, printable, comparable."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from operator import itemgetter
from typing import Literal, NamedTuple

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Edit, Source, Traced
from echo_migrate.files.spelling import shown
from echo_migrate.model.reasons import Reason, because

LONGEST_SHOWN = 200
_DIGEST = lazy_regex(r"(@\w{1,20}:[0-9a-f]{6})[0-9a-f]+", needs=("@",), of_files=True)
COMMON_PLATFORMS = ("", "linux/amd64", "linux/arm64", "linux/arm64/v8")
"""Platforms that images are offered for as a matter of course; none asked for is one."""

WINDOWS = "windows/amd64"
"""The platform of Windows containers."""

LEVELS = ("note", "warning", "error")
Level = Literal["note", "warning", "error"]
State = Literal["migrate", "hardened", "no-replacement", "first-party", "needs-person", "ignored", "local"]
STATES: tuple[State, ...] = ("migrate", "hardened", "no-replacement", "first-party", "needs-person", "ignored", "local")
Variant = Literal["runtime", "dev"]
Status = Literal["available", "not-entitled", "no-such-tag", "no-such-image", "unconfirmed"]
STATUSES: tuple[Status, ...] = ("available", "not-entitled", "no-such-tag", "no-such-image", "unconfirmed")
"""The answers of a registry about an image: it is there for this account; this account may not pull it; the image is
there without that tag; there is no such image; none."""

Basis = Literal["seen", "offered", "inferred"]


class Parts(NamedTuple):
    """A reference whose pieces are written in places of their own, such as the keys of a chart's values.

    ``registry`` and ``tag`` are None where there is no place for them. ``bare`` says that the tag stands in YAML
    without quotes, so that one that reads as a number is given them: it was a text, and stays one. ``number`` says that
    it is a number there, as it is written. ``digest`` pins the image, with or without the name of its algorithm.
    """

    repository: Traced
    registry: Traced | None = None
    tag: Traced | None = None
    bare: bool = False
    number: bool = False
    digest: Traced | None = None

    @property
    def places(self) -> tuple[tuple[int, int], ...]:
        """Where the pieces stand."""
        pieces = (self.registry, self.repository, self.tag, self.digest)
        return tuple(run for piece in pieces if piece for run in piece.spans)


class Image(NamedTuple):
    """A place that names an image.

    ``ref`` is the reference with build arguments filled in, ``start`` and ``end`` the expression as written, ``where``
    its context ("FROM", "COPY --from", …). ``local`` says why nothing is pulled (a stage, scratch), ``not_editable``
    why the place must not be edited. ``unsettled`` names the variables that only a build decides; ``shared_spans`` are
    spans whose text a build argument also carries elsewhere, with that as a reason. ``depends_on`` are places that
    decide over the reference without being part of it. ``resolved`` is the reference as far as another file settles it;
    ``mounts`` are the paths in the container that volumes cover, ``variables`` the names of the environment variables
    that it is given, with ``*`` for those that were not read. ``parts`` are set where its pieces stand in places of
    their own. ``templated`` says that variables are the way of its kind of file, where a cluster or a pipeline fills
    them in. ``unsafe_reasons`` say why no move of it is safe, ``needs_login`` why one to a registry that wants a login
    is not, unless ``login``, the text of the login it is pulled with, is for that registry; ``account`` says with
    whose logins it is pulled. ``choices`` are the values of its variables where the file lists them
    all, each choice by the variable as written.
    """

    ref: Traced
    where: str
    start: int
    end: int
    local: str = ""
    not_editable: Reason | None = None
    unsettled: tuple[str, ...] = ()
    platform: str = ""
    shared_spans: tuple[tuple[int, int, Reason], ...] = ()
    depends_on: tuple[tuple[int, int], ...] = ()
    resolved: str = ""
    mounts: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    parts: Parts | None = None
    templated: bool = False
    unsafe_reasons: tuple[Reason, ...] = ()
    needs_login: Reason | None = None
    login: str = ""
    account: Literal["", "root", "unsure"] = ""
    choices: tuple[tuple[tuple[str, str], ...], ...] = ()

    @property
    def without_login(self) -> Reason:
        """Why a step moves it to a registry that wants a login only after one, by whose logins it reads."""
        if self.account == "root":
            return because("login-root")
        return because("login-unsure" if self.account else "login-step")

    @property
    def shown(self) -> str:
        """The reference as a message shows it: of a digest only its beginning."""
        value = _DIGEST.sub(r"\1…", shown(self.ref.value))
        return value if len(value) <= LONGEST_SHOWN else value[:LONGEST_SHOWN] + "…"

    @property
    def settled(self) -> "Image":
        """The image as another file settles it."""
        return self._replace(ref=Traced(self.resolved, ()), resolved="", unsettled=()) if self.resolved else self

    def shared_by(self, edits: Iterable[Edit]) -> list[Reason]:
        """Return the reasons of the shared spans that edits touch, each once."""
        touched = list(edits)
        return list(
            dict.fromkeys(
                reason
                for start, end, reason in self.shared_spans
                if any(edit.start <= end and start <= edit.end for edit in touched)
            )
        )


class SharedSpans:
    """Spans whose text serves more than images, each with that as a reason, searchable by position."""

    def __init__(self, spans: Iterable[tuple[int, int, Reason]]) -> None:
        self.spans = sorted(spans, key=itemgetter(0, 1))
        self.starts = [start for start, _, _ in self.spans]
        self.longest = max((end - start for start, end, _ in self.spans), default=0)

    def of(self, image: Image) -> Image:
        """Return the image with those that touch its reference, besides its own."""
        found = [
            span
            for start, end in (image.ref.spans if self.spans else ())
            for span in self.spans[bisect_left(self.starts, start - self.longest) : bisect_right(self.starts, end)]
            if span[1] >= start
        ]
        return image._replace(shared_spans=tuple(dict.fromkeys((*image.shared_spans, *found)))) if found else image


class Problem(NamedTuple):
    """Why a file, or a part of it, could not be read as what it is taken for."""

    start: int
    end: int
    reason: str
    level: Level = "warning"
    what: str = "this file"


class Fix(NamedTuple):
    """Edits that are applied whole or not at all; an unsafe one only when asked for."""

    edits: tuple[Edit, ...]
    title: str
    safe: bool = True


class Pipeline(NamedTuple):
    """A place that pulls or builds, and the login that is not there. ``remedy`` is what to write; ``level`` is "note"
    where it is not known whether an image of that registry is among what it pulls. ``now`` is false where it pulls
    from the registry only after the migration."""

    start: int
    end: int
    what: str
    remedy: str
    level: Level | None = None
    now: bool = True
    fix: Fix | None = None


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


class Finding(NamedTuple):
    """What a rule reports on a span. ``level`` None is the rule's own until the engine fills it in; no report shows the
    line of a ``private`` one, which has a credential. ``reasons`` are why its fix is not safe, or why it has none.
    ``also`` are the other places of the same cause, which are not findings of their own, and ``told`` the rules whose
    findings at its place are merged into it. A ``quiet`` one is reported only if the user names its rule."""

    start: int
    end: int
    message: str
    fix: Fix | None = None
    level: Level | None = None
    basis: Basis | None = None
    applied: bool = False
    refused: str | None = None
    private: bool = False
    rule: str = ""
    reasons: tuple[Reason, ...] = ()
    also: tuple[tuple[int, int], ...] = ()
    quiet: bool = False
    told: tuple[str, ...] = ()

    @property
    def places(self) -> tuple[tuple[int, int], ...]:
        """The start and end of all its places, its own first."""
        return ((self.start, self.end), *self.also)


class Migration(NamedTuple):
    """What becomes of one image reference: what the summary counts and the inventory lists.

    ``edits`` are empty where no fix is possible. ``likely`` says that the upstream is a guess. ``reasons`` say why the
    fix is not safe or why there is none. ``status`` is the registry's answer about the target, None if not asked.
    """

    image: Image
    state: State
    upstream: str | None = None
    target: str | None = None
    edits: tuple[Edit, ...] = ()
    reasons: tuple[Reason, ...] = ()
    basis: Basis | None = None
    likely: bool = False
    status: Status | None = None

    @property
    def safe(self) -> bool:
        """Whether the fix may be applied without being asked for."""
        return self.state == "migrate"

    @property
    def reason(self) -> str:
        """The reasons as one text."""
        return self.image.local or "; ".join(reason.message for reason in self.reasons)

    @property
    def hardened(self) -> bool:
        """Whether it is a vendor's image already: not where an upstream one is what is wanted."""
        return self.state == "hardened" and not any(reason.id == "at-upstream" for reason in self.reasons)

    def at(self, registry: str) -> bool:
        """Return whether it is pulled from a registry, now or once it has moved."""
        name = self.target if self.state == "migrate" else self.image.ref.value if self.state == "hardened" else None
        return name is not None and name.startswith(f"{registry}/")


class Result(NamedTuple):
    """All that is known of one file. ``fixed`` is ``source`` itself where nothing changes or a change was refused;
    ``kind`` is the format's name, "" where none was found. ``not_read`` is the kind of a file that names images and has
    no reader. ``compared`` are the outcomes by each of several catalogs."""

    source: Source
    findings: tuple[Finding, ...]
    outcomes: tuple[Migration, ...]
    fixed: Source
    refused: str | None = None
    kind: str = ""
    not_read: str = ""
    compared: tuple[tuple[Migration, ...], ...] = ()

    @property
    def unread(self) -> bool:
        """Whether a file or a folder should have been read and was not."""
        return self.kind == "unread"
