"""The one flow, from a path to its result: read, parse, ask the rules, apply, verify."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator

from echo_migrate.budget import Spent, bounded
from echo_migrate.examine import Context, Settings, check, examine
from echo_migrate.formats import Format, kind, named, recognised, targets
from echo_migrate.lazy import lazy
from echo_migrate.model import Finding, Image, Outcome, Problem, Result
from echo_migrate.source import Edit, Inaccessible, Source, TooMuch, Traced, Unreadable, compatible
from echo_migrate.stages import Stage

ROUNDS = 10
MOST_TRIED = 200
"""How many fixes are tried one by one when all together are refused: each costs a reading of the file."""

_STAGE = lazy(r"(?im)^[ \t]*FROM[ \t][^\n]*[ \t]AS[ \t]+(\S+)")
_REFERENCE = lazy(
    r"(?im)^[ \t]*(?:-[ \t]+)?(?:FROM[ \t]+(?:--\S+[ \t]+)?|[\"']?image[\"']?[ \t]*[:=][ \t]*)[\"']?([^\s\"'#,}]+)"
)
"""What a line may name an image with, in a file that is not read."""

MANY = 200
"""From how many files on the work is shared between processes; below, starting them costs more than it saves."""


def treat(source: Source, format: Format, settings: Settings) -> Result:
    """Examine a text and, if asked for, fix it until nothing more applies.

    A doubtful result is refused: the fixes that are doubtful alone, or the whole of it where it is none alone.
    """
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
        again = _fixed(source, format, settings, findings, outcomes, doubtful) if doubtful else result
        return result if again.refused or again.fixed is source else again
    return result


def _fixed(
    source: Source,
    format: Format,
    settings: Settings,
    findings: list[Finding],
    outcomes: list[Outcome],
    doubtful: dict[tuple[str, str], str],
) -> Result:
    """The result with all fixes but the doubtful ones, or refused."""
    fixed, left, after, refused = source, findings, outcomes, None
    for _ in range(ROUNDS):
        asked = [_edits(found, settings.unsafe) for found in left if (found.rule, found.message) not in doubtful]
        fixes = [edits for edits in asked if edits]
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
    refused = refused or _astray(outcomes, after)
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
    """The edits of a finding, if it has a fix that was asked for."""
    return found.fix.edits if found.fix and (found.fix.safe or unsafe) else ()


def _applied(findings: list[Finding], left: list[Finding], unsafe: bool) -> Iterator[Finding]:
    """The findings, those marked whose fix was asked for and does not stand among what is left."""
    remaining = Counter((found.rule, found.message) for found in left if _edits(found, unsafe))
    for found in findings:
        if _edits(found, unsafe):
            key = (found.rule, found.message)
            remaining[key] -= 1
            found = found._replace(applied=remaining[key] < 0)
        yield found


def _astray(before: list[Outcome], after: list[Outcome]) -> str | None:
    """Why the new text must be refused: each reference stays as it is or reads as its target, and none is new."""
    if len(before) != len(after):
        return "a reference would appear or vanish"
    for old, new in zip(before, after, strict=True):
        if new.image.local and not old.image.local:
            return f"{new.image.shown} would be {new.image.local}"
        if new.image.ref.value not in (old.image.ref.value, old.target):
            return f"{old.image.shown} would become {new.image.shown}"
        if new.state == "migrate":
            return f"{new.image.shown} would be left behind"
    return None


def _moved(before: list[Outcome], after: list[Outcome]) -> Iterator[Outcome]:
    for old, new in zip(before, after, strict=True):
        if old.state != "hardened" and new.state == "hardened":
            yield old._replace(state="migrate")
        elif old.state == "migrate":
            yield old._replace(state="needs-person", reason="its fix could not be applied")
        else:
            yield old


def refuse(result: Result, reason: str) -> Result:
    """The result with its changes taken back: what was applied is refused, and its references need a person."""
    findings = [
        finding._replace(applied=False, refused=reason) if finding.applied else finding for finding in result.findings
    ]
    outcomes = [
        old._replace(state="needs-person", reason=reason) if old.state == "migrate" else old for old in result.outcomes
    ]
    return result._replace(findings=tuple(findings), outcomes=tuple(outcomes), fixed=result.source, refused=reason)


def undone(result: Result) -> Result:
    """The result of a run that writes nothing: what would be applied is not."""
    return result._replace(findings=tuple(finding._replace(applied=False) for finding in result.findings))


def unreadable(path: str, reason: str, settings: Settings) -> Result:
    """The result for a file without a text."""
    source = Source(path, "")
    context = Context(source, settings, {})
    found = check(settings.rules, {Problem: [Problem(0, 0, reason)]}, context)
    return Result(source, tuple(finding for _, _, finding in found), (), source)


def unread(source: Source, reason: str) -> Result:
    """The result for what should have been read and was not: said whatever rules are selected.

    The references that the lines of its text name need a person.
    """
    finding = Finding("unreadable-file", 0, 0, reason, level="error")
    local = {"scratch", *(match[1].lower() for match in _STAGE.finditer(source.text))}
    images = [
        Image(Traced.of(source.text, *match.span(1)), "unread", *match.span(1))
        for match in _REFERENCE.finditer(source.text)
        if match[1].lower() not in local
    ]
    outcomes = tuple(Outcome(image, None, None, "needs-person", "the file was left unread") for image in images)
    return Result(source, (finding,), outcomes, source, kind="unread")


def treat_path(path: str, settings: Settings) -> Result | None:
    """The result for a file on disk, whatever it holds; None if it turns out to be of no kind that is read."""
    try:
        source = Source.read(path)
    except Inaccessible as error:
        return unread(Source(path, ""), f"this file {error}")
    except Unreadable as error:
        return unreadable(path, str(error), settings) if named(path) else None
    return guarded(source, settings)


def guarded(source: Source, settings: Settings, otherwise: Format | None = None) -> Result | None:
    """What ``treat`` says; None for what is of no kind, unless another is to be taken then.

    What a file may use is bounded, and a fault of ours is a finding, so that one file never ends a run.
    """
    try:
        with bounded():
            format = recognised(source.path, source.text) or otherwise
            return treat(source, format, settings) if format else None
    except (Spent, TooMuch) as error:
        return unread(source, f"this file was left unread: {error}")
    except RecursionError:
        return unread(source, "this file was left unread: it is nested too deep")
    except MemoryError:
        return unread(source, "this file was left unread: it needs more memory than there is")
    except Exception as error:
        return unread(source, f"this file ran into a fault of echo-migrate ({type(error).__name__}: {error})")


def run(paths: list[str], settings: Settings, jobs: int = 0) -> Iterable[Result | None]:
    """What ``treat_path`` says of each path, in their order; of ``MANY`` paths and more in several processes.

    ``jobs`` is how many processes, 0 for one a processor.
    """
    wanted = any(Stage in rule.kinds for rule in settings.rules)
    settings = settings._replace(targets=targets(paths) if wanted else {})
    jobs = jobs or (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    if jobs == 1 or len(paths) < MANY:
        return (treat_path(path, settings) for path in paths)
    from echo_migrate.processes import shared

    return shared(paths, settings, jobs)
