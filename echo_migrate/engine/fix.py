"""The fixing of one source: check it, apply fixes, verify the new text."""

from collections import Counter
from collections.abc import Iterator

from echo_migrate.engine.check import examine, migrations
from echo_migrate.files.source import Edit, Source, compatible
from echo_migrate.formats import Format, kind
from echo_migrate.images.catalog import Catalog
from echo_migrate.images.moved import swap
from echo_migrate.images.reference import parsed
from echo_migrate.model import Finding, Migration, Result
from echo_migrate.model.reasons import because
from echo_migrate.rules._rule import Settings

ROUNDS = 10
MOST_TRIED = 200
"""The maximum number of findings for fixes to be tried one by one after all together are refused: each costs a parse of
the file."""


def fix_source(source: Source, format: Format, settings: Settings) -> Result:
    """Check a text and, if ``settings.apply`` is set, fix it until nothing more applies.

    If verification fails, the fixes that fail it on their own are refused, else those of one rule, else all of them.
    """
    if settings.compared:
        found = migrations(source, format, [settings._replace(catalog=one) for one in settings.compared])
        return Result(source, (), (), source, kind=kind(format), compared=tuple(map(tuple, found)))
    findings, outcomes = examine(source, format, settings)
    if not settings.apply:
        return Result(source, tuple(findings), tuple(outcomes), source, kind=kind(format))
    result = _fixed(source, format, settings, findings, outcomes, {})
    if result.refused and len(findings) <= MOST_TRIED:
        doubtful = {
            (found.rule, found.message): reason
            for found in findings
            if (edits := _edits(found, settings.unsafe))
            and (reason := format.verify(source, source.apply(edits), edits))
        }
        fixing = dict.fromkeys(found.rule for found in findings if _edits(found, settings.unsafe))
        attempts = [doubtful] if doubtful else []
        attempts += [
            {(found.rule, found.message): result.refused for found in findings if found.rule == rule} for rule in fixing
        ]
        for left in attempts:
            again = _fixed(source, format, settings, findings, outcomes, left)
            if not again.refused and again.fixed is not source:
                return again
    return result


def _fixed(
    source: Source,
    format: Format,
    settings: Settings,
    findings: list[Finding],
    outcomes: list[Migration],
    doubtful: dict[tuple[str, str], str],
) -> Result:
    """Return the result with all fixes except the doubtful ones applied, or a refused result."""
    fixed, left, after, refused = source, findings, outcomes, None
    for _ in range(ROUNDS):
        wanted = [_edits(found, settings.unsafe) for found in left if (found.rule, found.message) not in doubtful]
        fixes = [edits for edits in wanted if edits]
        if not fixes or refused:
            break
        fits = compatible(fixes)
        groups = {id(fix): fix for fix, fit in zip(fixes, fits, strict=True) if fit}
        edits = list(dict.fromkeys(edit for group in groups.values() for edit in group))
        before, fixed = fixed, fixed.apply(edits)
        left, after = examine(fixed, format, settings)
        refused = format.verify(before, fixed, edits)
    else:
        refused = refused or f"its fixes do not settle in {ROUNDS} rounds"
    refused = refused or _astray(outcomes, after, settings.catalog)
    if refused:
        left = []
    marked = [
        found._replace(applied=False, refused=doubtful[found.rule, found.message])
        if (found.rule, found.message) in doubtful
        else found
        for found in _applied(findings, left, settings.unsafe)
    ]
    result = Result(source, tuple(marked), tuple(outcomes), source, kind=kind(format))
    if refused:
        return refuse(result, refused)
    return result._replace(
        outcomes=tuple(_moved(outcomes, after)), fixed=fixed if fixed.text != source.text else source
    )


def _edits(found: Finding, unsafe: bool) -> tuple[Edit, ...]:
    """Return the edits of a finding's fix, if it has one that is safe or if unsafe fixes are requested."""
    return found.fix.edits if found.fix and (found.fix.safe or unsafe) else ()


def _applied(findings: list[Finding], left: list[Finding], unsafe: bool) -> Iterator[Finding]:
    """Yield the findings, with ``applied`` set if the fix was requested and the finding is not among the remaining
    ones."""
    remaining = Counter((found.rule, found.message) for found in left if _edits(found, unsafe))
    for found in findings:
        if _edits(found, unsafe):
            key = (found.rule, found.message)
            remaining[key] -= 1
            found = found._replace(applied=remaining[key] < 0)
        yield found


def _astray(before: list[Migration], after: list[Migration], catalog: Catalog) -> str | None:
    """Return why the new text must be refused, or None: each reference must be unchanged, its target or its own name
    elsewhere, and none may be added, removed or left to migrate."""
    if len(before) != len(after):
        return "a reference would appear or vanish"
    for old, new in zip(before, after, strict=True):
        if new.image.local and not old.image.local:
            return f"{new.image.shown} would be {new.image.local}"
        if new.image.ref.value not in (old.image.ref.value, old.target, _swapped(old, catalog)):
            return f"{old.image.shown} would become {new.image.shown}"
        if new.state == "migrate":
            return f"{new.image.shown} would be left behind"
    return None


def _swapped(move: Migration, catalog: Catalog) -> str | None:
    """Return the reference to where every tag of an image is too, or None."""
    reference = parsed(move.image.ref.value)
    other = swap(move.image, reference, catalog.path(reference)) if reference else None
    return other.target if other else None


def _moved(before: list[Migration], after: list[Migration]) -> Iterator[Migration]:
    for old, new in zip(before, after, strict=True):
        if old.state != "hardened" and new.state == "hardened":
            yield old._replace(state="migrate")
        elif old.state == "migrate":
            yield old._replace(state="needs-person", reasons=(because("not-applied"),))
        else:
            yield old


def refuse(result: Result, reason: str) -> Result:
    """Return the result with its changes reverted: applied fixes become refused, and their references
    ``needs-person``."""
    findings = [
        finding._replace(applied=False, refused=reason) if finding.applied else finding for finding in result.findings
    ]
    outcomes = [
        old._replace(state="needs-person", reasons=(because("refused", problem=reason),))
        if old.state == "migrate"
        else old
        for old in result.outcomes
    ]
    return result._replace(findings=tuple(findings), outcomes=tuple(outcomes), fixed=result.source, refused=reason)


def undone(result: Result) -> Result:
    """Return the result of a run that writes nothing: no fix is marked as applied."""
    return result._replace(findings=tuple(finding._replace(applied=False) for finding in result.findings))
