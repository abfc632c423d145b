"""One check of a text: the findings of the rules, and the migration of each image in it."""

import os
from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from echo_migrate.dockerfile.container import Container
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.engine.ignores import Ignores
from echo_migrate.engine.logins import with_login
from echo_migrate.engine.neighbours import of_template, with_neighbours, with_own_uses, with_uses, without_shadowed
from echo_migrate.engine.selection import UNEDITED, blocking_rules, default_of_users, requested, selected
from echo_migrate.files.source import Source
from echo_migrate.formats import Format, Request, building, kind, recognised
from echo_migrate.formats._builds_nearby import folders_of
from echo_migrate.images.facts import NOTHING_KNOWN
from echo_migrate.images.migration import assess
from echo_migrate.images.moved import swap
from echo_migrate.images.reference import parsed
from echo_migrate.images.settlement import settle
from echo_migrate.model import LEVELS, Finding, Ignore, Image, Migration, Variant
from echo_migrate.model.reasons import Reason, because
from echo_migrate.rules import reporting
from echo_migrate.rules._causes import one_per_cause
from echo_migrate.rules._readiness import (
    EffectiveBase,
    EffectiveBases,
    effective_bases,
    other_blockers,
    root_of,
    started,
)
from echo_migrate.rules._rule import ByKind, Context, Rule, Settings, in_short

if TYPE_CHECKING:
    from echo_migrate.files.unedited import Unedited


def _request(path: str, settings: Settings) -> Request:
    """Return what a run needs from a file: the node types of its rules, and the targets that other files build."""
    return Request(selected(settings.rules).kinds, settings.targets.get(os.path.normpath(path), frozenset()))


_Content = tuple[dict[type, list[Any]], list[Image], "Unedited | None"]
"""What a text has for every provider: nodes by type, the images in their order, and why nobody edits the file."""

Match = tuple[Rule, Any, Finding]
_Settled = tuple[list[Migration], Context, list[Match], Ignores]
"""What becomes of the images of a file, and what the findings about them are made of."""


def examine(source: Source, format: Format, settings: Settings) -> tuple[list[Finding], list[Migration]]:
    """Return the findings in a text, and the migration of each image in it.

    Each image is first assessed on its own. Then the rules that block check the effective bases that the safe
    migrations would give. Then the migrations are settled together, and the other rules run.
    """
    content = _content(source, format, settings)
    moves, context, blocking, ignores = _settled(content, source, format, settings)
    nodes, _, unedited = content
    if unedited:
        return [], moves
    nodes = dict(nodes)
    chosen = selected(settings.rules)
    comments = {Ignore: nodes.pop(Ignore, [])}
    found = [entry for entry in blocking if entry[0].id in chosen.ids] + check(chosen.others, nodes, context)
    loud = [match for match in found if not ignores.silence(match[0], match[2].start)]
    context = context._replace(used=ignores.used())
    found = check(chosen.others, comments, context)  # last, when the used comments are known
    loud += [match for match in found if not ignores.silence(match[0], match[2].start)]
    reported = [(node, at_its_level(one, settings)) for _, node, one in loud if settings.reports(one)]
    findings = sorted(
        dict.fromkeys(
            one_per_cause(reported, source, settings)
        ),  # a stage has the findings of a stage that it is based on too
        key=lambda finding: (finding.start, -LEVELS.index(finding.level or "note"), finding.rule),
    )
    return findings, moves


def migrations(source: Source, format: Format, several: Iterable[Settings]) -> list[list[Migration]]:
    """Return the migration of each image in a text by each of several settings, of the same rules."""
    several = list(several)
    content = _content(source, format, several[0])
    if not content[1]:
        return [[] for _ in several]
    return [_settled(content, source, format, settings, findings=False)[0] for settings in several]


def _content(source: Source, format: Format, settings: Settings) -> _Content:
    """Return what a text has, with the login of each image."""
    nodes = list(format.parse(source, _request(source.path, settings)))
    found = [node for node in nodes if isinstance(node, Image)]
    wanted = dict(with_login(found, kind(format), source, settings.logins))
    if any(image is not one for one, image in wanted.items()):
        nodes = [_of(node, wanted) for node in nodes]
    grouped = _grouped(nodes)
    images = sorted(grouped.get(Image, []), key=lambda image: image.start)
    why = settings.unedited(source)
    if why == "fixture" and any(not settings.unedited(other) for other, _ in building(format, source)):
        why = None  # what the tree builds is no input of a test alone
    return grouped, images, why


def _alone(source: Source, settings: Settings) -> list[Migration] | None:
    """Return the migration of each image in another file, whatever it pulls for others, without edits in one that
    is excluded; None if it has no format."""
    format = recognised(source.path, source.text)
    if not format:
        return None
    settings = settings.within(source.path)
    moves = _settled(_content(source, format, settings), source, format, settings, findings=False, alone=True)[0]
    return [move._replace(edits=()) for move in moves] if settings.excludes(source.path) else moves


def _settled(
    content: _Content, source: Source, format: Format, settings: Settings, findings: bool = True, alone: bool = False
) -> _Settled:
    """Return what becomes of the images of a file; without ``findings``, of the rules that block only what is asked of
    targets; ``alone``, whatever it pulls for other files."""
    grouped, images, left = content
    ignores = Ignores(grouped.get(Ignore, []))
    ids = selected(settings.rules).ids

    def commented(move: Migration) -> Reason | None:
        if move.state in ("no-replacement", "first-party"):
            return None
        places = dict.fromkeys((move.image.start, *(edit.start for edit in move.edits)))
        silent = sum(ignores.silence(reporting(move), place) for place in places)
        return because("comment") if silent else None

    def skip_reason(move: Migration) -> Reason | None:
        reason = UNEDITED[left] if left else commented(move) or default_of_users(move, source, settings)
        if reason or move.upstream is None or move.state == "no-replacement":
            return reason
        if reporting(move).id not in ids:
            return because("not-selected", rule=reporting(move).id)
        if move.image.ref.value in settings.left_out:
            return because("unticked")
        return because("not-requested") if settings.images and not requested(move, settings) else None

    builders = _builders(images, grouped.get(Stage, []), settings)
    assessed = [_assess(image, settings, source.text, "dev" if image in builders else "runtime") for image in images]
    deployed = kind(format) in _DEPLOYED
    assessed = without_shadowed(assessed, source) if kind(format) in _BUILT else assessed
    assessed = of_template(assessed, source, deployed) if deployed or kind(format) in _BUILT else assessed
    assessed = with_neighbours(assessed, source, deployed)
    assessed = assessed if alone else with_uses(assessed, source, partial(_alone, settings=settings))
    asked = Context(source, settings, {})
    if settings.variant == "auto" and settings.catalog.tags == "listed":
        assessed = _with_variants(assessed, grouped, asked, ignores)
    assessed = _with_all_reasons(assessed, grouped, asked, ignores, format)
    effective = _standings(images, settle(assessed, commented), grouped.get(Container, []), settings)
    context = Context(source, settings, {}, effective_bases=effective, folders=folders_of)
    context = context._replace(containers=partial(_containers, format, source), kind=kind(format))
    asked_for = findings or any(one.target for one in effective.values())
    blocking = check(blocking_rules(), grouped, context) if asked_for else []
    blockers = _bonds(blocking, grouped, context, ignores, format)
    moves = with_own_uses(settle(assessed, skip_reason, blockers), source)
    copying = [stage for stage in grouped.get(Stage, []) if any(copy.origin for copy in stage.copies)]
    if copying:
        from echo_migrate.engine.copied_stages import together  # as many files copy from no stage

        moves = together(moves, copying, context.effective_bases, settings.catalog, source)
    swaps = _swaps(moves, source, kind(format), settings)
    context = context._replace(moves=dict(zip(images, moves, strict=True)), swaps=swaps)
    return moves, context, blocking, ignores


def _of(node: Any, images: Mapping[Image, Image]) -> Any:
    """Return a node with the login of its image."""
    if isinstance(node, Image):
        return images[node]
    if isinstance(node, Container) and node.image:
        return node._replace(image=images.get(node.image, node.image))
    return node


Error = tuple[Rule, int, Finding]
"""An error-level finding, with its rule and line."""


_BUILT = ("bake", "compose", "devcontainer", "dockerfile")
"""Kinds of files whose images are pulled by a build, which can have named contexts."""


_DEPLOYED = ("helm", "kubernetes", "kustomize")
"""Kinds of files that programs of a cluster apply, and whose images they may look for."""


def _swaps(moves: list[Migration], source: Source, kind: str, settings: Settings) -> dict[Image, Migration]:
    """Return, for images that do not move safely, what they become where all of their tags are elsewhere too."""
    found = []
    for move in moves:
        reference = parsed(move.image.ref.value) if move.state in ("no-replacement", "needs-person") else None
        found.append(swap(move.image, reference, settings.catalog.path(reference)) if reference else None)
    if not any(other and other.edits for other in found):
        return {}
    swapped = [other or move._replace(edits=()) for move, other in zip(moves, found, strict=True)]
    settled = settle(with_neighbours(swapped, source, kind in _DEPLOYED))
    return {move.image: move for move in settled if move.edits}


def _assess(image: Image, settings: Settings, text: str | None, variant: Variant) -> Migration:
    return assess(image, settings.catalog, settings.seen_only, settings.today, variant, text)


def _builders(images: list[Image], stages: list[Stage], settings: Settings) -> frozenset[Image]:
    """Return the images that migrate to the dev variant, as requested, or those of stages that do not ship; one that no
    other stage uses, and that starts something, is a target of its own (staging)."""
    if settings.catalog.tags != "listed":
        return frozenset()  # the provider is not known to have variants
    if settings.variant != "auto":
        return frozenset(images if settings.variant == "dev" else ())
    bases = EffectiveBases((image, EffectiveBase(NOTHING_KNOWN, "")) for image in images)
    roots = [(root_of(stage, bases), bool(stage.ships) or bool(stage.leaf and started(stage))) for stage in stages]
    shipping = {image for image, ships in roots if ships}
    return frozenset(image for image, _ in roots if image and image not in shipping)


def _failures(
    moves: list[Migration], nodes: dict[type, list[Any]], context: Context, ignores: Ignores
) -> tuple[Context, dict[Image, list[Error]]]:
    """Return the errors that the targets of migrations would cause, by image, and the context that found them."""
    made = [move._replace(state="migrate", reasons=()) for move in moves]
    bases = effective_bases([move.image for move in made], made, context.settings.catalog)
    context = context._replace(effective_bases=bases)
    based = {kind: [one for one in group if root_of(one, bases) in bases] for kind, group in nodes.items()}
    return context, _errors(check(blocking_rules(), based, context), context, ignores)


def _with_variants(
    moves: list[Migration], nodes: dict[type, list[Any]], context: Context, ignores: Ignores
) -> list[Migration]:
    """Return the migrations. If a stage needs what its runtime variant lacks, it migrates to the dev variant instead;
    that is unsafe, because that variant ships."""
    others = {
        move.image: _assess(move.image, context.settings, context.source.text, "dev") for move in moves if move.edits
    }
    wanted = [move for move in moves if move.edits and others[move.image].target != move.target]
    if not wanted:
        return moves
    _, failing = _failures(wanted, nodes, context, ignores)
    _, still = _failures([others[move.image] for move in wanted if move.image in failing], nodes, context, ignores)
    found = []
    for move in moves:
        if move.image in failing and move.image not in still and others[move.image].edits:
            rule, line, _ = failing[move.image][0]
            other = others[move.image]
            reason = because("dev-variant", rule=rule.id, line=str(line))
            move = other._replace(state="needs-person", reasons=(reason, *other.reasons))
        found.append(move)
    return found


def _with_all_reasons(
    moves: list[Migration], nodes: dict[type, list[Any]], context: Context, ignores: Ignores, format: Format
) -> list[Migration]:
    """Return the migrations; unsafe ones have all further reasons that apply to their target, and those to a tag that
    is not listed what would fail with any.

    A migration whose target would certainly fail has no fix: in the file, or in one that builds it.
    """
    catalog = context.settings.catalog
    unsafe = [move for move in moves if move.edits and not move.safe]
    unlisted: list[Migration] = []
    if catalog.tags == "listed":
        from echo_migrate.images.vendor_tags import unlisted_builds  # most runs are for a provider without a list

        unlisted = unlisted_builds(moves, catalog)
    if not unsafe and not unlisted:
        return moves
    context, failures = _failures([*unsafe, *unlisted], nodes, context, ignores)
    failing = {
        image: [
            because(
                "fails", rule=rule.id, line=str(line), what=in_short(finding.message, context.effective_bases[image])
            )
            for rule, line, finding in found
        ]
        for image, found in failures.items()
    }
    for image, reasons in _blockers_elsewhere(format, context)[0].items():
        failing.setdefault(image, []).extend(reasons)
    readable = nodes.get(Stage, []) + nodes.get(Container, [])
    doubts = other_blockers(readable, context.effective_bases, catalog, context.source, folders_of)
    without_tag = {move.image for move in unlisted}
    found = []
    for move in moves:
        fails = failing.get(move.image, ())
        if move.edits and not move.safe:
            every = dict.fromkeys((*fails, *move.reasons, *doubts.get(move.image, ())))
            move = move._replace(edits=() if fails else move.edits, reasons=tuple(every))
        elif fails and move.image in without_tag:
            move = move._replace(reasons=tuple(dict.fromkeys((*move.reasons, *fails))))
        found.append(move)
    return found


def check(rules: ByKind, nodes: Mapping[Any, list[Any]], context: Context) -> list[Match]:
    """Return the findings of rules, each with its rule and node."""
    return [
        (rule, node, finding._replace(rule=rule.id, level=finding.level or rule.level))
        for kind, group in nodes.items()
        for rule in rules.get(kind, ())
        for node in group
        for finding in rule.check(node, context)
    ]


def at_its_level(finding: Finding, settings: Settings) -> Finding:
    """Return a finding at the level that the user set for its rule, if any. Blocking uses the rule's own level."""
    return finding._replace(level=settings.levels[finding.rule]) if finding.rule in settings.levels else finding


def _standings(
    images: list[Image], moves: list[Migration], services: list[Container], settings: Settings
) -> EffectiveBases:
    """Return the effective bases of a file's images, and of the images in Dockerfiles that its services build."""
    found = effective_bases(images, moves, settings.catalog)
    for around in {id(service.around): service.around for service in services}.values():
        there = settle([_assess(image, settings, None, "runtime") for image in around])
        found.update(effective_bases(around, there, settings.catalog))
    return found


def _bonds(
    found: list[Match], nodes: dict[type, list[Any]], context: Context, ignores: Ignores, format: Format
) -> dict[Image, list[Reason]]:
    """Return why migrations are unsafe, by image: blockers in the file, and in the files that build it."""
    blockers = _blockers(found, context, ignores)
    nodes = dict(nodes)
    if any(effective.target for effective in context.effective_bases.values()):
        elsewhere, containers = _blockers_elsewhere(format, context)
        for image, reasons in elsewhere.items():
            blockers.setdefault(image, []).extend(reasons)
        nodes[Container] = [*nodes.get(Container, []), *containers]
    readable = nodes.get(Stage, []) + nodes.get(Container, [])
    doubts = other_blockers(readable, context.effective_bases, context.settings.catalog, context.source, folders_of)
    for image, reasons in doubts.items():
        blockers.setdefault(image, []).extend(reasons)
    return blockers


def _blockers_elsewhere(format: Format, context: Context) -> tuple[dict[Image, list[Reason]], list[Container]]:
    """Return why migrations would break the files that build the text, by image, and the containers in these files."""
    blockers: dict[Image, list[Reason]] = {}
    containers: list[Container] = []
    for other, there in building(format, context.source):
        within = context._replace(source=other)
        errors = _blockers(check(blocking_rules(), _grouped(there), within), within, Ignores(there))
        where = os.path.relpath(other.path)
        for image, reasons in errors.items():
            blockers.setdefault(image, []).extend(_elsewhere(reason, where) for reason in reasons)
        containers += [node for node in there if isinstance(node, Container)]
    return blockers, containers


def _containers(format: Format, source: Source, stage: Stage) -> list[Container]:
    """Return the containers of the files that build a stage which start it."""
    nodes = (node for _, there in building(format, source) for node in there if isinstance(node, Container))
    return [node for node in nodes if node.stage and node.stage.number == stage.number]


def _elsewhere(reason: Reason, path: str) -> Reason:
    """Return a blocker as one in another file."""
    return because("blocked-elsewhere", **dict(reason.values), path=path)


def _blockers(found: list[Match], context: Context, ignores: Ignores) -> dict[Image, list[Reason]]:
    """Return why migrations are unsafe, by image: errors in the stages and services based on the image."""
    return {
        image: [because("blocked", rule=rule.id, line=str(line)) for rule, line, _ in errors]
        for image, errors in _errors(found, context, ignores).items()
    }


def _errors(found: list[Match], context: Context, ignores: Ignores) -> dict[Image, list[Error]]:
    """Return the errors in stages and services whose base would change, by image, except those that an ignore comment
    in our own form suppresses."""
    errors: dict[Image, list[Error]] = {}
    for rule, node, finding in found:
        image = root_of(node, context.effective_bases) if finding.level == "error" else None
        effective = context.effective_bases.get(image) if image else None
        if image and effective and effective.target and not ignores.silence(rule, finding.start, ours=True):
            line, _ = context.source.position(finding.start)
            errors.setdefault(image, []).append((rule, line, finding))
    return errors


def _grouped(nodes: Iterable[Any]) -> dict[type, list[Any]]:
    grouped: dict[type, list[Any]] = {}
    for node in nodes:
        grouped.setdefault(type(node), []).append(node)
    return grouped
