"""Logins that are missing: each place of a file that pulls images of the provider without one, as a finding, and with
``fix --add-logins`` the edit that adds it.

A place is a pod, a container or a job of a workflow, an image or a pipeline of another CI system, or dependabot.yml.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple

from echo_migrate.engine.check import at_its_level, check, examine
from echo_migrate.engine.ignores import Ignores
from echo_migrate.engine.login_places import Names, Place, Wanted, login_names, places
from echo_migrate.files.budget import Spent, bounded
from echo_migrate.files.source import Edit, Source, Unreadable
from echo_migrate.files.tree import real
from echo_migrate.files.yaml import YamlNode, effective, is_scalar, is_sequence, items, sequence
from echo_migrate.files.yaml_insert import Value, item_before, only_inserted
from echo_migrate.formats import github, recognised
from echo_migrate.formats._github_builds import dockerfiles, replaces
from echo_migrate.formats._ignores import in_yaml
from echo_migrate.formats._yaml import YamlFile
from echo_migrate.images.catalog import Catalog
from echo_migrate.images.reference import parsed
from echo_migrate.model import Finding, Fix, Image, Level, Migration, Pipeline, Result
from echo_migrate.rules import RULES
from echo_migrate.rules._rule import Context, Settings, by_kind

_WORKFLOW = re.compile(r"(?:^|[\\/])\.github[\\/]workflows[\\/][^\\/]+\.ya?ml$")
_DEPENDABOT = re.compile(r"(?:^|[\\/])\.github[\\/]dependabot\.ya?ml$")
_PULLS = re.compile(
    r"(?m)\b(?:docker|podman|nerdctl|buildah)\s+(?:pull|run)\b"
    r"(?!(?>[ \t]*)(?>(?:-\S+[ \t]+)*)(?>(?:(?:\{\}|'\{\}'|\"\{\}\")[ \t]*)?)\r?(?:$|[|;&]))"
)
"""A command that pulls an image that is written behind it: what ``xargs`` hands over tells nothing."""

_STEP = re.compile(r"jobs\.[^.]+\.steps\.\d+\.")
_BUILDS = re.compile(
    r"\b(?:docker|podman|nerdctl|buildah)\s+(?:buildx\s+)?(?:build|bake)\b|\bdocker(?:-|\s+)compose\b[^\n]{0,1000}?"
    r"\b(?:build|pull|run|up)\b"
)
_OTHERS = re.compile(r"COMPOSE_FILE|COMPOSE_ENV_FILES|BUILDX_BAKE_FILE")
"""Variables that name the files that Compose and bake read."""

_REMARK = re.compile(r"(?m)^((?:[^#'\"\n]*[ \t;])?)#[^\n]*")
"""A comment of a script; one behind a quote may be in a text, and stays."""

_ACTIONS = ("docker/bake-action@", "docker/build-push-action@")
_LOGIN_ACTIONS = re.compile(r"^(?:docker/login-action|redhat-actions/podman-login|azure/docker-login)@")
_LIFTED = frozenset(("login-beside", "login-credentials", "login-pod", "login-runner", "login-step"))
"""Reasons that a login in the file takes away."""

_NOT_SETTLED = "the file with the login would not be read as before"


class Built(NamedTuple):
    """The real paths of the Dockerfiles, compose and bake files of a run that pull images of the provider, now or once
    they have moved, and of those that are known not to."""

    pulling: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset()

    @classmethod
    def of(cls, pulling: Iterable[str], without: Iterable[str]) -> "Built":
        """Return the files at some paths."""
        return cls(frozenset(map(real, pulling)), frozenset(map(real, without)))


class Asked(NamedTuple):
    """What is asked of one file: its images without a login, whether files of the run use images of the provider, the
    images that each step of a workflow names, by key path, and what is known of what the steps build."""

    wanted: list[Wanted]
    used: bool = True
    named: dict[str, list[str]] = {}  # noqa: RUF012 - never changed in place
    built: Built = Built()


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
        if step := _STEP.match(image.where):
            found.setdefault(step[0], []).append(image.ref.value)
    return found


def _found(source: Source, kind: str, asked: Asked, settings: Settings) -> list[Place]:
    """Return the places of a file that lack a login."""
    path, names = source.path, login_names(settings.catalog)
    if _DEPENDABOT.search(path) and "github" not in settings.logins and asked.used:
        return [place for root in YamlFile(source).roots for place in _dependabot(root, names, settings.catalog)]
    roots = YamlFile(source).roots
    found = places(source, kind, roots, asked.wanted, names)
    if _WORKFLOW.search(path) and "github" not in settings.logins:
        found += [place for root in roots for place in _jobs(source, root, asked, names)]
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


def _jobs(source: Source, root: YamlNode | None, asked: Asked, names: Names) -> Iterator[Place]:
    """Yield the first step of each job without a login that pulls images from the host, or may: at a note, if no step
    of the job is known to."""
    wanted: dict[str, list[bool]] = {}
    for image, pulls in asked.wanted:
        if place := _STEP.match(image.where):
            wanted.setdefault(place[0], []).append(pulls)
    for id, job in items(effective(root).get("jobs")):
        steps = effective(job).get("steps")
        elsewhere = any("defaults" in effective(one) for one in (root, job)) or _OTHERS.search(source.text)
        here = asked._replace(built=asked.built._replace(without=frozenset())) if elsewhere else asked
        found = list(_before_login(source, f"jobs.{id}.steps", steps, wanted, here, names))
        first = next((one for one in found if not one[1].level), None) or next(iter(found), None)
        if first:
            node, pulled, _ = first
            edits = _login_step(source.text, steps, node, names) if not pulled.level else ()
            known = any(certain for _, _, certain in found)
            yield pulled._replace(edits=edits, level=None if known else "note")


def _before_login(
    source: Source, way: str, steps: YamlNode | None, wanted: dict[str, list[bool]], asked: Asked, names: Names
) -> Iterator[tuple[YamlNode, Place, bool]]:
    """Yield the steps before a login that pull images of the provider, or may, and whether they are known to."""
    pulling, without = asked.built
    for index, node in enumerate(sequence(steps)):
        step, key = effective(node), f"{way}.{index}."
        if _logs_in(step, names.host):
            return
        if without and replaces(step):
            without = frozenset()
        built, whole = dockerfiles(source.path, step) if asked.used and (pulling or without) else ([], False)
        files = frozenset(map(real, built))
        used = asked.used and not (without and whole and files <= without)
        place = _step(step, wanted.get(key, []), asked.named.get(key, []), used, names)
        if place:
            yield node, place, not place.level and bool(wanted.get(key) or files & pulling)


def _step(step: dict[str, YamlNode], wanted: list[bool], named: list[str], used: bool, names: Names) -> Place | None:
    """Return the place of a step that pulls images of the provider, or may: at a note, if only a variable tells."""
    uses, run = _text(step.get("uses")), _script(step)
    node = step.get("uses") if uses else step.get("run")
    builds = used and bool(uses.startswith(_ACTIONS) or _BUILDS.search(run))
    may = used and bool(_PULLS.search(run)) and all(_may_be_of(names.host, image) for image in named)
    if node is None or not (builds or wanted or may):
        return None
    start = node.start_mark.index
    end = min(node.end_mark.index, start + len(uses or _text(node).partition("\n")[0]) + 2)
    waits = bool(wanted) and not any(wanted) and not builds
    what = "this step pulls" if wanted else "this step may pull"
    remedy = "add a docker/login-action step before it"
    level: Level | None = None if builds or wanted else "note"
    return Place(start, end, what, remedy, f"log in to {names.host}", True, waits, level=level)


def _may_be_of(host: str, image: str) -> bool:
    """Return whether an image with a variable in it may be one of a registry: one that names another host is not."""
    first, slash, _ = image.partition("/")
    own = bool(slash) and "$" not in first and ("." in first or ":" in first)
    return "$" in image and (not own or first == host)


def _login_step(text: str, steps: YamlNode | None, before: YamlNode, names: Names) -> tuple[Edit, ...]:
    """Return the edit that puts a step that logs in in front of another one, if the steps are in block style."""
    secrets = {"username": names.username, "password": names.password}
    given: dict[str, Value] = {"registry": names.host}
    given |= {key: f"${{{{ secrets.{name} }}}}" for key, name in secrets.items()}
    if not is_sequence(steps):
        return ()
    edit = item_before(text, steps, before, {"uses": names.action, "with": given})
    return (edit,) if edit else ()


def _logs_in(step: dict[str, YamlNode], host: str) -> bool:
    """Return whether a step logs in to a host, or to one that is only known at run time."""
    uses = _text(step.get("uses"))
    if _LOGIN_ACTIONS.match(uses):
        registry = _text(effective(step.get("with")).get("registry"))
        return "$" in registry or registry.removeprefix("https://").startswith(host)
    if uses and not uses.startswith(("actions/", "docker/")):
        return "login" in uses or "auth" in uses
    run = _script(step)
    return "login" in run and (host in run or "$" in run)


def _dependabot(root: YamlNode | None, names: Names, catalog: Catalog) -> Iterator[Place]:
    """Yield the first update of images that may be the provider's, if the registry is not among those that are
    configured."""
    known = [_text(effective(node).get("url")) for _, node in items(effective(root).get("registries"))]
    if any(names.host in url for url in known):
        return
    for update in sequence(effective(root).get("updates")):
        keys = effective(update)
        ecosystem = keys.get("package-ecosystem")
        if is_scalar(ecosystem) and ecosystem.value in ("docker", "docker-compose") and _may_read(keys, catalog):
            remedy = "add a docker-registry entry for it under registries"
            start, end = ecosystem.start_mark.index, ecosystem.end_mark.index
            yield Place(start, end, "Dependabot reads tags", remedy, "", True)
            return


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


def _script(step: dict[str, YamlNode]) -> str:
    """Return what the shell of a step runs, without comments, "" if none does."""
    return _REMARK.sub(r"\1", _text(step.get("run")))


def _text(node: YamlNode | None) -> str:
    return node.value if is_scalar(node) else ""
