"""Which earlier proofs still hold: for ``fix --proven``, and for what ``check`` tells of unsafe fixes."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from echo_migrate.formats import compose
from echo_migrate.model import Finding, Result
from echo_migrate.proof.context import ground
from echo_migrate.proof.prove import CHANGED, images_beside, images_of, stale
from echo_migrate.proof.records import Proof, Records, text_hash

Folders = Callable[[str], str]
"""The context that is given for a Dockerfile, by its path, "" for none."""

Ids = Callable[[str, str], str | None]
"""The id of an image on this machine, "" for none, by builder and name; None if there is no such builder."""


def believed(before: Result, after: Result, records: Records, folders: Folders, ids: Ids) -> tuple[Proof | None, str]:
    """Return the proof that holds for a change of a Dockerfile; without one, why there is none.

    Texts, context, siblings, and the images that all of them are from must be those of the proof.
    """
    source, fixed = before.source, after.fixed
    why = "not proven: run echo-migrate prove --unsafe-fixes"
    for proof in records.of(text_hash(source), text_hash(fixed), source.path):
        name = proof.builder.partition(" ")[0]
        beside = images_beside(compose.project_of(source.path))
        found = {image: ids(name, image) for image in sorted({*images_of(source), *images_of(fixed), *beside})}
        if None in found.values():
            why = f"its proof was made with {name}, which is not here to compare the images"
            continue
        now = proof._replace(
            context=ground(source.path, source.text, folders, records.folders),
            options="",
            images=tuple((image, id or "") for image, id in found.items()),
            date=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        )
        if reason := stale(proof, now):
            why = f"its proof of {proof.date[:10]} is stale: {reason}"
        elif not proof.passes:
            why = f"its proof of {proof.date[:10]} is {proof.verdict}: {proof.reason}"
        else:
            return proof, ""
    return None, why


def noted(result: Result, records: Records, folders: Folders) -> Result:
    """Return a result whose unsafe fixes say what was proven of them, as far as that is known without a builder."""
    if result.kind != "dockerfile" or not any(finding.fix and not finding.fix.safe for finding in result.findings):
        return result
    proofs = [one for one in records.about(text_hash(result.source), result.source.path) if one.unsafe]
    if not proofs:
        return result
    context = ground(result.source.path, result.source.text, folders, records.folders)
    return result._replace(findings=tuple(_noted(result, proofs, context)))


def proofs_of(result: Result, records: Records, folders: Folders) -> dict[int, tuple[Proof, bool]]:
    """Return the best proof of each move of a Dockerfile, by the start of the image, and whether it still holds, as far
    as that is known without a builder: the build context and the siblings must be those of the proof, and the image one
    that its change brings at that place. Of a move that is written, it is what was shown of this text, whose context
    the move itself has changed; what has changed since is not compared."""
    if result.kind != "dockerfile":
        return {}
    text = text_hash(result.source)
    context = ground(result.source.path, result.source.text, folders, records.folders)
    before, after = list(records.about(text, result.source.path)), list(records.leading_to(text, result.source.path))
    found: dict[int, tuple[Proof, bool]] = {}
    for one in result.outcomes:
        written = one.state == "hardened"
        name, proofs = (one.image.ref.value, after) if written else (one.target, before)
        about = [
            (proof, written or proof.context == context)
            for proof in proofs
            if name in proof.added and one.image.start in {pair[written] for pair in proof.places}
        ]
        if about:
            found[one.image.start] = max(about, key=lambda pair: (pair[1], pair[0].passes, pair[0].date))
    return found


def _noted(result: Result, proofs: list[Proof], context: str) -> Iterator[Finding]:
    targets = {(move.image.start, move.image.end): move.target for move in result.outcomes if move.target}
    for finding in result.findings:
        target = targets.get((finding.start, finding.end))
        about = [
            proof
            for proof in proofs
            if target in proof.added and finding.start in {before for before, _ in proof.places}
        ]
        if about and finding.fix and not finding.fix.safe:
            note = max((_note(proof, context) for proof in about), key=lambda one: one.startswith("proven"))
            finding = finding._replace(message=f"{finding.message} ({note})")
        yield finding


def _note(proof: Proof, context: str) -> str:
    if proof.context != context:
        return f"the proof of {proof.date[:10]} is stale: {CHANGED}"
    if not proof.passes:
        return f"proof of {proof.date[:10]}: {proof.verdict}"
    return f"proven on {proof.date[:10]} by {proof.by}"
