"""The one flow, from a path to its result: read, parse, ask the rules, leave out what is ignored, apply, verify."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from echo_migrate.catalog import Catalog
from echo_migrate.formats import Format, named, recognised
from echo_migrate.migration import Move, outcome, plan
from echo_migrate.model import Finding, Ignore, Image, Outcome, Problem, Result, Rule
from echo_migrate.source import Source, Unreadable, compatible

ROUNDS = 10
MANY = 200
"""From how many files on the work is shared between processes (below, starting them costs more than it saves)."""


class Settings(NamedTuple):
    """What a run was asked for. ``images`` limits the moves to these upstream names; ``unsafe`` implies ``apply``."""

    catalog: Catalog
    rules: tuple[Rule, ...]
    images: frozenset[str] = frozenset()
    seen_only: bool = False
    apply: bool = False
    unsafe: bool = False


class Context(NamedTuple):
    """What a rule may ask beside its node. ``used`` are the ignore comments that silenced something (known to rules on
    ``Ignore``, which are asked last)."""

    source: Source
    settings: Settings
    moves: dict[Image, Move]
    used: set[Ignore]


def examine(source: Source, format: Format, settings: Settings) -> tuple[list[Finding], list[Outcome]]:
    """The findings on a text, and what becomes of each image it names."""
    nodes = list(format.parse(source))
    ignores = [node for node in nodes if isinstance(node, Ignore)]
    images = sorted((node for node in nodes if isinstance(node, Image)), key=lambda image: image.start)
    rules = {rule.id: rule for rule in settings.rules}
    used: set[Ignore] = set()

    def ignored(rule: Rule, start: int) -> bool:
        names = {"*", rule.id, *rule.also}
        found = [node for node in ignores if node.first <= start <= node.last and not names.isdisjoint(node.rules)]
        used.update(found)
        return bool(found)

    def spared(image: Image, move: Move) -> str | None:
        id = "unresolved-image" if not move.upstream else "likely-image" if move.likely else "mapped-image"
        if id in rules and ignored(rules[id], image.start):
            return "a comment ignores it"
        if not move.upstream:
            return None
        if id not in rules:
            return f"{id} is not selected"
        return "not among the images asked for" if settings.images and move.upstream not in settings.images else None

    moves = plan(images, settings.catalog, settings.seen_only, spared)
    context = Context(source, settings, dict(zip(images, moves, strict=True)), used)
    findings = [
        finding._replace(level=finding.level or rule.level)
        for node in [*(node for node in nodes if not isinstance(node, Ignore)), *ignores]
        for rule in settings.rules
        if isinstance(node, rule.on)
        for finding in rule.check(node, context)
        if not ignores or not ignored(rule, finding.start)
    ]
    findings.sort(key=lambda finding: (finding.start, finding.rule))
    return findings, [outcome(image, move) for image, move in zip(images, moves, strict=True)]


def treat(source: Source, format: Format, settings: Settings) -> Result:
    """Examine a text and, if asked for, fix it until nothing more applies; a doubtful result is refused whole."""
    findings, outcomes = examine(source, format, settings)
    if not settings.apply:
        return Result(source, tuple(findings), tuple(outcomes), source)
    fixed, left, after, done, refused = source, findings, outcomes, set[int](), None
    for _ in range(ROUNDS):
        wanted = [finding for finding in left if finding.fix and (finding.fix.safe or settings.unsafe)]
        if not wanted:
            break
        fits = compatible([finding.fix.edits for finding in wanted if finding.fix])
        chosen = [finding for finding, fit in zip(wanted, fits, strict=True) if fit]
        done |= set(_places(chosen, findings, done))
        groups = {id(finding.fix.edits): finding.fix.edits for finding in chosen if finding.fix}
        fixed = fixed.apply(edit for edits in groups.values() for edit in edits)
        left, after = examine(fixed, format, settings)
    else:
        refused = f"its fixes do not settle in {ROUNDS} rounds"
    if fixed.text != source.text:
        refused = refused or _astray(outcomes, after) or format.verify(source, fixed)
    findings = [finding._replace(applied=index in done) for index, finding in enumerate(findings)]
    result = Result(source, tuple(findings), tuple(outcomes), source)
    if refused:
        return refuse(result, refused)
    return result._replace(
        outcomes=tuple(_moved(outcomes, after)), fixed=fixed if fixed.text != source.text else source
    )


def refuse(result: Result, reason: str) -> Result:
    """The result with its changes taken back: what was applied is refused, and its references need a person."""
    findings = [
        finding._replace(applied=False, refused=reason) if finding.applied else finding for finding in result.findings
    ]
    outcomes = [
        old._replace(state="needs-person", reason=reason) if old.state == "migrate" else old for old in result.outcomes
    ]
    return result._replace(findings=tuple(findings), outcomes=tuple(outcomes), fixed=result.source, refused=reason)


def _places(chosen: list[Finding], findings: list[Finding], done: set[int]) -> Iterator[int]:
    """The original findings that the chosen ones are: themselves, or in a later round the next of the same fix."""
    places = {id(finding): index for index, finding in enumerate(findings)}
    waiting: dict[tuple[str, str], list[int]] = {}
    for index in range(len(findings) - 1, -1, -1):
        finding = findings[index]
        if finding.fix and index not in done:
            waiting.setdefault((finding.rule, finding.fix.title), []).append(index)
    for finding in chosen:
        if id(finding) in places:
            yield places[id(finding)]
        elif finding.fix and waiting.get((finding.rule, finding.fix.title)):
            yield waiting[finding.rule, finding.fix.title].pop()


def _astray(before: list[Outcome], after: list[Outcome]) -> str | None:
    """Why the new text must be refused: each reference stays as it is or reads as its target, and none is new."""
    if len(before) != len(after):
        return "a reference would appear or vanish"
    for old, new in zip(before, after, strict=True):
        if new.image.ref.value not in (old.image.ref.value, old.target):
            return f"{old.image.ref.value} would become {new.image.ref.value}"
        if new.state == "migrate":
            return f"{new.image.ref.value} would be left behind"
    return None


def _moved(before: list[Outcome], after: list[Outcome]) -> Iterator[Outcome]:
    for old, new in zip(before, after, strict=True):
        if old.state != "hardened" and new.state == "hardened":
            yield old._replace(state="migrate")
        elif old.state == "migrate":
            yield old._replace(state="needs-person", reason="its fix could not be applied")
        else:
            yield old


def unreadable(path: str, reason: str, settings: Settings) -> Result:
    """The result for a file without a text."""
    source = Source(path, "")
    context = Context(source, settings, {}, set())
    problem = Problem(0, 0, reason)
    findings = [
        finding._replace(level=finding.level or rule.level)
        for rule in settings.rules
        if rule.on is Problem
        for finding in rule.check(problem, context)
    ]
    return Result(source, tuple(findings), (), source)


def treat_path(path: str, settings: Settings) -> Result | None:
    """The result for a file on disk, whatever it holds; None if it turns out to be of no kind that is read."""
    try:
        source = Source.read(path)
        format = recognised(path, source.text)
        return treat(source, format, settings) if format else None
    except Unreadable as error:
        return unreadable(path, str(error), settings) if named(path) else None
    except Exception as error:  # one file must not end the run, whatever is wrong with us
        return unreadable(path, f"ran into a fault of echo-migrate ({type(error).__name__}: {error})", settings)


def run(paths: list[str], settings: Settings, jobs: int = 0) -> Iterable[Result | None]:
    """What ``treat_path`` says of each path, in their order; of some hundred paths in several processes.

    ``jobs`` is how many processes, 0 for one a processor.
    """
    import os

    jobs = jobs or (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    if jobs == 1 or len(paths) < MANY:
        return (treat_path(path, settings) for path in paths)
    from echo_migrate.processes import shared

    return shared(paths, settings, jobs)
