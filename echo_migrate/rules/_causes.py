"""One cause, one finding: which findings say the same as another one, and are merged into it.

A merge removes no fix and lowers no level: the finding that stays is at least as severe. Findings of rules that block,
and of ``shell-form-command``, are never merged: each decides over a migration, or over the signals of a container.
"""

from collections.abc import Iterable
from typing import Any

from echo_migrate.files.source import Source
from echo_migrate.model import LEVELS, Finding, Image
from echo_migrate.rules._rule import Settings

AT_ITS_PLACE = {
    "floating-tag": ("retired-image",),
    "renamed-image": ("retired-image",),
    "unverified-download": ("piped-install",),
}
"""Rules whose findings are merged into one of these rules at the same place."""

TOLD_THERE = {"end-of-life-base": "unhardened-image"}
"""Rules whose findings are merged into one of another rule at the same place, if its message has theirs: what has
ended, and which line to use instead. Its message is gone once it is fixed, so that nothing is merged into what a run
fixes."""

IN_ITS_STAGE = {
    "large-base": ("build-tools-in-final-image", "single-stage-build"),
    "root-at-runtime": ("user-never-used",),
    "shell-tools-in-final-image": ("build-tools-in-final-image",),
    "single-stage-build": ("build-tools-in-final-image",),
}
"""Rules whose findings are merged into one of these rules in the same stage."""

REPEATED = {
    "layer-left-behind": ": ",
    "libc-mismatch": " is ",
    "package-cache-left": ": ",
    "recommended-packages": ": ",
    "unverified-download": ": ",
}
"""Rules with one finding for all places in a stage with the same cause and remedy, which stand in a message behind this
text, except those with a safe fix, each of which is applied by itself."""

IN_FILE = {"floating-tag": "", "root-at-runtime": " runs as root: use the uid "}
"""Rules with one finding for all places of a file with the same message, or with the same behind this text: that name
the same image, or have a user of root's."""

BY_ARGUMENT = frozenset(("end-of-life-base",))
"""Rules with one finding for all places of a file that take a part of an image from one argument."""

_MOST_LINES = 6
"""The number of lines that a message lists."""


def one_per_cause(found: Iterable[tuple[Any, Finding]], source: Source, settings: Settings) -> list[Finding]:
    """Return the findings in a text, given with their nodes, with those of one cause merged into one."""
    found = list(found)
    told: dict[int, str] = {}
    at_place = {(one.rule, one.start): one for _, one in found}
    in_stage = {(one.rule, id(node)): one for node, one in found}
    causes: dict[object, list[Finding]] = {}
    for number, (node, one) in enumerate(found, 1):
        same = [at_place.get((rule, one.start)) for rule in AT_ITS_PLACE.get(one.rule, ())]
        same += [in_stage.get((rule, id(node))) for rule in IN_ITS_STAGE.get(one.rule, ())]
        there = at_place.get((TOLD_THERE.get(one.rule, ""), one.start))
        if there and one.fix is None and _as_severe(there, one) and _tells(there, one) and not _fixed(there, settings):
            told[id(there)] = one.rule
            continue
        if one.fix is None and any(other and _as_severe(other, one) for other in same):
            continue
        causes.setdefault(_cause(node, one) or number, []).append(one)
    merged = [_together(same, source) if len(same) > 1 else same[0] for same in causes.values()]
    return [one._replace(told=(told[id(one)],)) if id(one) in told else one for one in merged]


def _fixed(one: Finding, settings: Settings) -> bool:
    """Return whether a run fixes a finding."""
    return settings.apply and one.fix is not None and (one.fix.safe or settings.unsafe)


def _cause(node: Any, one: Finding) -> object:
    """Return what findings of one cause have in common, None if each place is one of its own."""
    if one.rule in IN_FILE and one.fix is None and IN_FILE[one.rule] in one.message:
        return (one.rule, one.level, one.quiet, one.message.rpartition(IN_FILE[one.rule] or "\0")[2])
    if one.rule in BY_ARGUMENT and (given := [span for span in node.ref.spans if not _within(span, node)]):
        return (one.rule, one.level, one.message, *given)
    if one.rule in REPEATED and not (one.fix and one.fix.safe):
        remedy = one.message.partition(REPEATED[one.rule])[2]
        return (one.rule, one.level, remedy, id(node), one.fix is None)
    return None


def _within(span: tuple[int, int], image: Image) -> bool:
    return image.start <= span[0] and span[1] <= image.end


def _as_severe(other: Finding, one: Finding) -> bool:
    return LEVELS.index(other.level or "note") >= LEVELS.index(one.level or "note")


def _tells(other: Finding, one: Finding) -> bool:
    """Return whether the message of a finding has what another one's says, and what to do about it if that does."""
    said, _, remedy = one.message.partition(": ")
    _, found, behind = other.message.partition(f": {said}")
    return bool(found) and (not remedy or behind.startswith(": "))


def _together(same: list[Finding], source: Source) -> Finding:
    """Return the first of several findings, with the places and the edits of all."""
    first, *others = sorted(same, key=lambda one: one.start)
    edits = [edit for one in (first, *others) if one.fix for edit in one.fix.edits]
    fix = first.fix and first.fix._replace(edits=tuple(dict.fromkeys(edits)))
    own = source.position(first.start)[0]
    lines = [line for line in dict.fromkeys(source.position(one.start)[0] for one in others) if line != own]
    shown = ", ".join(map(str, lines[:_MOST_LINES])) + (", …" if len(lines) > _MOST_LINES else "")
    also = f" (also on line{'s' if len(lines) > 1 else ''} {shown})" if lines else ""
    return first._replace(message=f"{first.message}{also}", fix=fix, also=tuple((one.start, one.end) for one in others))
