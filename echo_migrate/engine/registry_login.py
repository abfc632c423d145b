"""Logins that are missing: each place of a file that pulls images of the provider without one, as a finding, and with
``fix --add-logins`` the edit that adds it.

A place is a pod, a container or a job of a workflow, an image or a pipeline of another CI system, or dependabot.yml.
"""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress

from echo_migrate.engine.check import at_its_level, check, examine
from echo_migrate.engine.ignores import Ignores
from echo_migrate.engine.login_places import Names, Place, Wanted, login_names, places
from echo_migrate.engine.workflow_logins import STEP, Asked, Built, jobs
from echo_migrate.files.budget import Spent, bounded
from echo_migrate.files.source import Edit, Source, Unreadable, contents
from echo_migrate.files.tree import absolute, names_in, real
from echo_migrate.files.workflows import is_foreign
from echo_migrate.files.yaml import YamlNode, effective, is_scalar, items, sequence
from echo_migrate.files.yaml_insert import only_inserted
from echo_migrate.formats import github, recognised
from echo_migrate.formats._ignores import in_yaml
from echo_migrate.formats._yaml import YamlFile
from echo_migrate.images.catalog import Catalog
from echo_migrate.images.reference import parsed
from echo_migrate.model import Finding, Fix, Image, Migration, Pipeline, Result
from echo_migrate.rules import RULES
from echo_migrate.rules._rule import Context, Settings, by_kind

_WORKFLOW = re.compile(r"(?:^|[\\/])\.github[\\/]workflows[\\/][^\\/]+\.ya?ml$")
_DEPENDABOT = re.compile(r"(?:^|[\\/])\.github[\\/]dependabot\.ya?ml$")
_READ = {
    "docker": re.compile(r"(?i)dockerfile|containerfile|^(?!.*compose)[^.].*\.ya?ml$"),
    "docker-compose": re.compile(r"(?i)compose.*\.ya?ml$"),
}
"""The files that Dependabot reads in a folder, by its ecosystem (dependabot-core, docker and docker_compose,
file_fetcher.rb): with ``docker`` also those of Kubernetes and Helm."""
_LIFTED = frozenset(
    (
        "login-beside",
        "login-credentials",
        "login-pod",
        "login-root",
        "login-runner",
        "login-secrets",
        "login-step",
        "login-unsure",
    )
)
"""Reasons that a login in the file takes away."""

_NOT_SETTLED = "the file with the login would not be read as before"


def is_pipeline(path: str) -> bool:
    """Return whether a file may pull images that other files name."""
    return bool(_WORKFLOW.search(path) or _DEPENDABOT.search(path))


def login_results(
    results: Iterable[Result],
    paths: Iterable[str],
    settings: Settings,
    in_use: bool,
    built: Built = Built(),  # noqa: B008 - immutable
) -> Iterator[Result]:
    """Yield a result for each file in which a login is missing: of the results of a run, and of the paths that are
    pipelines. ``in_use`` says that files of the run have images of the provider already, before the migration;
    ``built`` is what is known of its Dockerfiles, compose and bake files."""
    done = {result.source.path: result for result in results}
    if not any(Pipeline in rule.kinds for rule in settings.rules):
        return
    for path in dict.fromkeys((*filter(is_pipeline, paths), *done)):
        result = done.get(path) or _without_images(path)
        findings: list[Finding] = []
        if not result.unread:
            with suppress(Exception, Spent), bounded():  # as for any file, one never ends a run
                findings = missing_logins(result, settings, in_use, built)
        if findings:
            yield result._replace(findings=tuple(findings), outcomes=(), fixed=result.source, refused=None)


def missing_logins(
    result: Result,
    settings: Settings,
    in_use: bool,
    built: Built = Built(),  # noqa: B008 - immutable
) -> list[Finding]:
    """Return a finding for each place of a file that lacks a login, given its result, and what is known of what steps
    build."""
    asked = Asked(list(_pulled(result.outcomes, settings)), True, _by_step(result.source, result.outcomes), built)
    found = _sure(_found(result.source, result.kind, asked, settings))
    nodes = [_node(place._replace(edits=()), in_use) for place in found]
    return _findings(result.source, nodes, settings)


def with_logins(
    result: Result | None,
    path: str,
    settings: Settings,
    used: bool = False,
    in_use: bool = False,
    built: Built = Built(),  # noqa: B008 - immutable
) -> Result | None:
    """Return the result of a file with findings for the places that lack a login, each with an unsafe fix, which is
    applied if unsafe fixes are. ``used`` says that files of the run use images of the provider, or will after the
    migration, ``in_use`` that they do already; ``built`` is what is known of its Dockerfiles,
    compose and bake files."""
    if result is None and not is_pipeline(path):
        return None
    before = result or _without_images(path)
    if before.unread or before.refused or settings.unedited(before.source) or not settings.catalog.login:
        return result
    with suppress(Exception, Spent), bounded():
        return _with_logins(before, settings, used, in_use, built) or result
    return result


def _with_logins(result: Result, settings: Settings, used: bool, in_use: bool, built: Built) -> Result | None:
    moves = _moves(result.fixed, settings)
    waiting = [(index, pulls) for index, move in enumerate(moves) if (pulls := _waits(move, settings)) is not None]
    steps = _by_step(result.fixed, moves)
    now = Asked([(moves[index].image, pulls) for index, pulls in waiting], used, steps, built)
    images = [move.image for move in moves]
    if len(result.outcomes) == len(moves):  # what is said of a file is said of it as it was
        images = [outcome.image for outcome in result.outcomes]
    was = Asked([(images[index], pulls) for index, pulls in waiting], used, steps, built)
    there = _found(result.fixed, result.kind, now, settings)
    here = _found(result.source, result.kind, was, settings)
    if len(here) != len(there):
        return None
    known = [(one, other) for one, other in zip(here, there, strict=True) if one.edits or one in _sure([one])]
    fixed, refused = result.fixed, None
    if settings.unsafe and any(other.edits for _, other in known):
        edits = tuple(dict.fromkeys(edit for _, other in known for edit in other.edits))
        fixed = result.fixed.apply(edits)
        refused = None if _kept(result, fixed, edits, moves, now, settings) else _NOT_SETTLED
    nodes = [_node(one, in_use) for one, _ in known]
    findings = [
        finding._replace(applied=settings.unsafe and not refused, refused=refused if settings.unsafe else None)
        if finding.fix
        else finding
        for finding in _findings(result.source, nodes, settings)
    ]
    if not findings:
        return None
    listed = sorted((*result.findings, *findings), key=lambda finding: finding.start)
    loud = fixed if not refused and any(finding.applied for finding in findings) else result.fixed
    return result._replace(findings=tuple(listed), fixed=loud)


def _kept(
    result: Result, fixed: Source, edits: tuple[Edit, ...], moves: list[Migration], asked: Asked, settings: Settings
) -> bool:
    """Return whether a text with logins is the one before and the logins, and no place lacks one that was given."""
    old, new = YamlFile(result.fixed), YamlFile(fixed)
    if len(old.problems) != len(new.problems) or not only_inserted(old.roots, new.roots, edits):
        return False
    after = _moves(fixed, settings)
    if [move.image.ref.value for move in after] != [move.image.ref.value for move in moves]:
        return False
    left = [(move.image, pulls) for move in after if (pulls := _waits(move, settings)) is not None]
    again = _found(fixed, result.kind, asked._replace(wanted=left, named=_by_step(fixed, after)), settings)
    return not any(place.edits for place in again)


def _moves(source: Source, settings: Settings) -> list[Migration]:
    """Return what becomes of the images of a text, whichever rules are selected."""
    format = recognised(source.path, source.text)
    return examine(source, format, settings._replace(rules=tuple(RULES.values())))[1] if format else []


def _waits(move: Migration, settings: Settings) -> bool | None:
    """Return whether an image without a login is pulled from the registry now, or would be but for the login; None for
    any other image."""
    image, catalog = move.image, settings.catalog
    if not image.needs_login or image.needs_login.id not in _LIFTED or catalog.logged_in(image.login):
        return None
    if move.at(catalog.registry):
        return True
    return False if move.edits and all(reason.id in _LIFTED for reason in move.reasons) else None


def _pulled(moves: Iterable[Migration], settings: Settings) -> Iterator[Wanted]:
    """Yield the images that are pulled from the registry without a login."""
    return ((move.image, True) for move in moves if _waits(move, settings))


def _by_step(source: Source, moves: Iterable[Migration]) -> dict[str, list[str]]:
    """Return the images that the steps of a workflow name, by key path of the step."""
    images = [move.image for move in moves]
    if not images and _WORKFLOW.search(source.path):
        images = [node for node in github.parse(source) if isinstance(node, Image)]
    found: dict[str, list[str]] = {}
    for image in images:
        if step := STEP.match(image.where):
            found.setdefault(step[0], []).append(image.ref.value)
    return found


def _found(source: Source, kind: str, asked: Asked, settings: Settings) -> list[Place]:
    """Return the places of a file that lack a login."""
    path, names = source.path, login_names(settings.catalog)
    if _WORKFLOW.search(path) and is_foreign(absolute(path), source.text):
        return []  # nobody runs it
    if _DEPENDABOT.search(path) and "github" not in settings.logins and asked.used:
        return [place for root in YamlFile(source).roots for place in _dependabot(root, path, names, asked, settings)]
    roots = YamlFile(source).roots
    found = places(source, kind, roots, asked.wanted, names)
    if _WORKFLOW.search(path) and "github" not in settings.logins:
        found += [place for root in roots for place in jobs(source, root, asked, names)]
    return found


def _sure(found: Iterable[Place]) -> list[Place]:
    """Return the places that lack a login now, and for which none is set up elsewhere."""
    return [place for place in found if place.sure and not place.waits]


def _node(place: Place, in_use: bool) -> Pipeline:
    fix = Fix(place.edits, place.title, safe=False) if place.edits else None
    now = in_use and not place.waits
    return Pipeline(place.start, place.end, place.what, place.remedy, place.level, now, fix)


def _findings(source: Source, nodes: list[Pipeline], settings: Settings) -> list[Finding]:
    ignores = Ignores(in_yaml(source.text) if nodes else ())
    found = check(by_kind(settings.within(source.path).rules), {Pipeline: nodes}, Context(source, settings, {}))
    return [at_its_level(finding, settings) for rule, _, finding in found if not ignores.silence(rule, finding.start)]


def _without_images(path: str) -> Result:
    """Return the result of a file in which no format is recognised, empty if it cannot be read."""
    source = Source(path, "")
    with suppress(Unreadable):
        source = Source.read(path)
    return Result(source, (), (), source)


def _dependabot(root: YamlNode | None, path: str, names: Names, asked: Asked, settings: Settings) -> Iterator[Place]:
    """Yield the first update of images that may be the provider's, if the registry is not among those that are
    configured."""
    known = [_text(effective(node).get("url")) for _, node in items(effective(root).get("registries"))]
    if any(names.host in url for url in known):
        return
    for update in sequence(effective(root).get("updates")):
        keys = effective(update)
        ecosystem = keys.get("package-ecosystem")
        kind = ecosystem.value if is_scalar(ecosystem) else ""
        if not is_scalar(ecosystem) or kind not in _READ or not _may_read(keys, settings.catalog):
            continue
        if _has_files(keys, os.path.dirname(os.path.dirname(absolute(path))), _READ[kind], asked.built):
            remedy = "add a docker-registry entry for it under registries"
            start, end = ecosystem.start_mark.index, ecosystem.end_mark.index
            yield Place(start, end, "Dependabot reads tags", remedy, "", True)
            return


def _has_files(update: dict[str, YamlNode], root: str, read: re.Pattern[str], built: Built) -> bool:
    """Return whether a folder of an update has a file that it reads, and that pulls images of the provider as far as
    that is known; true where no file of the run is known, or its folders are a pattern."""
    written = [_text(one) for one in (update.get("directory"), *sequence(update.get("directories")))]
    folders = [one for one in written if one]
    if not folders or any("*" in one for one in folders) or not (built.pulling or built.without):
        return True
    for folder in [os.path.normpath(os.path.join(root, one.strip("/"))) for one in folders]:
        files = [os.path.join(folder, name) for name in names_in(folder) if read.search(name)]
        if any(real(file) not in built.without and _is_read(file) for file in files):
            return True
    return False


def _is_read(file: str) -> bool:
    """Return whether Dependabot reads a file: of YAML, a compose file, values of a chart, or a manifest."""
    name = os.path.basename(file).lower()
    if not name.endswith((".yaml", ".yml")) or "compose" in name or "values" in name:
        return True
    try:
        return b"apiVersion" in contents(file)
    except Unreadable:
        return False


def _may_read(update: dict[str, YamlNode], catalog: Catalog) -> bool:
    """Return whether an update of Dependabot may be of images that the provider offers: it allows one of them, or no
    list of names, and ignores not all (docs.github.com, "Dependabot options reference", allow and ignore)."""
    for one in map(effective, sequence(update.get("ignore"))):
        if _text(one.get("dependency-name")) == "*" and len(one) == 1:
            return False
    allowed = [_text(effective(one).get("dependency-name")) for one in sequence(update.get("allow"))]
    return not allowed or any(_may_be_offered(name, catalog) for name in allowed)


def _may_be_offered(name: str, catalog: Catalog) -> bool:
    """Return whether a name, which Dependabot has without its registry, may be that of an image of the provider, or of
    one that it offers in its own form."""
    reference = parsed(name) if "*" not in name else None
    if reference is None or catalog.hardened(reference):
        return True
    rows = catalog.rows.get(catalog.name_of(reference), ())
    targets = (row.image for listed in catalog.rows.values() for row in listed)
    return any(row.image for row in rows) or name in targets


def _text(node: YamlNode | None) -> str:
    return node.value if is_scalar(node) else ""
