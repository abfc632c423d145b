"""The rows of the report: one for each image reference, with all that the report counts by."""

from collections.abc import Mapping
from typing import NamedTuple

from echo_migrate.files.spelling import shown, unsigned
from echo_migrate.images.end_of_life import ends
from echo_migrate.images.reference import full_name, parsed, untagged
from echo_migrate.model import Migration, Result
from echo_migrate.model.reasons import Reason
from echo_migrate.registry.lock import Lock
from echo_migrate.reports import visible
from echo_migrate.reports.migration.purpose import purposes
from echo_migrate.reports.migration.services import services
from echo_migrate.reports.migration.trees import Trees
from echo_migrate.rules import reporting
from echo_migrate.rules._rule import Settings

NO_OWNER = "(no owner)"
NO_IMAGE = "(not known)"


Proofs = Mapping[tuple[str, int], tuple[str, str]]
"""What was proven of a move, by the path and the start of its image: a state, and when and by whom."""


class Ended(NamedTuple):
    """A line that has reached its end of life: when ("" if not known), and the oldest newer one that is supported."""

    line: str
    date: str
    follower: str


class ReportRow(NamedTuple):
    """One reference. ``target`` is the new image, ``fix`` whether ``fix`` writes it: ``safe``, ``unsafe`` or "", with
    ``edit`` where: its ``own`` place alone, or ``elsewhere``; ``changed`` are the lines.

    ``evidence`` tells what the new image's name rests on, ``verified`` what of it the lock file has as verified,
    ``proof`` what building and starting it has shown, and ``proven`` when and by whom; "" for what is not known.
    ``rule`` is the one that reports the reference, ``link`` the address of its line at the forge.
    """

    path: str
    line: int
    column: int
    context: str
    kind: str
    service: str
    owners: tuple[str, ...]
    purpose: str
    state: str
    upstream: str
    reference: str
    target: str
    fix: str
    edit: str
    changed: tuple[int, ...]
    evidence: str
    verified: tuple[str, ...]
    proof: str
    proven: str
    reasons: tuple[Reason, ...]
    ended: tuple[Ended, ...]
    rule: str
    link: str

    @property
    def step(self) -> str:
        """What comes next for it, as a key of ``STEPS``; "" where nothing does."""
        if self.state == "needs-person":
            return self.lifts if self.lifts in ("online", "login") else "review" if self.fix else "edit"
        return {"migrate": "fix", "no-replacement": "match"}.get(self.state, "")

    @property
    def lifts(self) -> str:
        """What takes all of its reasons away, as words; "" where nothing needs to or nothing can."""
        lifts = sorted({reason.lift for reason in self.reasons})
        return ", ".join(lifts) if all(lifts) else ""

    def values(self) -> dict[str, tuple[str, ...]]:
        """Return what the report counts by: the values of the row for each dimension."""
        kinds = tuple(dict.fromkeys(visible(reason.kind) for reason in self.reasons))
        return {
            "state": (self.state,),
            "reason": kinds,
            "alone": kinds if len(kinds) == 1 else (),
            "step": (self.step,) if self.step else (),
            "upstream": (self.upstream,),
            "kind": (self.kind,),
            "service": (self.service,),
            "owner": self.owners,
            "purpose": (self.purpose,),
            "ended": tuple(one.line for one in self.ended),
            "edit": (self.edit,) if self.edit else (),
            "evidence": (self.evidence,) if self.evidence else (),
            "verified": self.verified,
            "proof": (self.proof,) if self.proof else (),
            "image": (self.reference,),
            "target": (self.target,) if self.target else (),
        }


def rows(
    results: list[Result],
    settings: Settings,
    lock: Lock | None,
    targets: Mapping[str, frozenset[str]],
    trees: Trees,
    proofs: Proofs,
) -> list[ReportRow]:
    """Return a row for each reference that counts (none for stages, scratch and results of builds), by place.

    ``lock`` is what a lock file has, None if it was not asked for; ``targets`` the stages that other files build,
    ``trees`` the trees that files lie in, and ``proofs`` what was proven.
    """
    places = {result.source.path: trees.of(result.source.path) for result in results}
    of_service = services(results, {path: below for path, (_, below) in places.items()})
    found = []
    for result in results:
        path = result.source.path
        tree, below = places[path]
        owners = tree.owners.of(below) if tree.owners else ()
        counted = [one for one in result.outcomes if one.state != "local"]
        purpose = purposes(result, settings.named, targets.get(path, frozenset())) if counted else {}
        for one in counted:
            line, column = result.source.position(one.image.start)
            resolved = unsigned(one.image.resolved or one.image.ref.value)
            target = shown(one.target) if one.target else ""
            proof, proven = proofs.get((path, one.image.start), ("", ""))
            found.append(
                ReportRow(
                    visible(path),
                    line,
                    column,
                    visible(one.image.where),
                    result.kind,
                    visible(of_service[path, one.image.start]),
                    tuple(map(visible, owners)) or (NO_OWNER,),
                    purpose.get(one.image.start, "unknown"),
                    one.state,
                    visible(shown(one.upstream or untagged(resolved))) or NO_IMAGE,
                    visible(shown(resolved)),
                    visible(target),
                    {"migrate": "safe", "needs-person": "unsafe"}.get(one.state, "") if one.edits else "",
                    _edit(one),
                    tuple(sorted({result.source.position(edit.start)[0] for edit in one.edits})),
                    _evidence(one),
                    _verified(one, lock) if lock is not None else (),
                    proof,
                    visible(proven),
                    one.reasons,
                    _ended(one, settings),
                    reporting(one).id,
                    tree.link_to(below, line),
                )
            )
    return sorted(found, key=lambda row: (row.path, row.line, row.column, row.context))


def _edit(one: Migration) -> str:
    """Return where a fix edits: the place of the reference itself, or (also) elsewhere."""
    if not one.edits:
        return ""
    own = all(one.image.start <= edit.start and edit.end <= one.image.end for edit in one.edits)
    return "own" if own else "elsewhere"


def _evidence(one: Migration) -> str:
    """Return what the name of a new image rests on: the registry's answer, else the basis of its row."""
    moves = one.state in ("migrate", "needs-person") and one.target
    return (one.status or one.basis or "") if moves else ""


def _verified(one: Migration, lock: Lock) -> tuple[str, ...]:
    """Return what the lock file has of the image in use after the move, or now."""
    reference = parsed(one.target if one.state == "migrate" and one.target else one.image.ref.value)
    entry = lock.get(full_name(reference)) if reference and one.state in ("migrate", "hardened") else None
    if entry is None:
        return ()
    return entry.answer.verified or ("locked, nothing verified",)


def _ended(one: Migration, settings: Settings) -> tuple[Ended, ...]:
    if one.state == "hardened" or not settings.today:
        return ()
    found = ends(one.image, None if one.likely else one.upstream, settings.catalog, settings.today)
    return tuple(Ended(end.shown, end.date, end.follower) for end in found if not end.until)
