"""Files that pull or build images and need a registry login first: workflows, manifests, dependabot.yml.

They are read here only to find out whether they log in to the registry.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress

from echo_migrate.engine.check import Ignores, at_its_level, check
from echo_migrate.files.budget import Spent, bounded
from echo_migrate.files.source import Source
from echo_migrate.files.yaml import YamlNode, documents, effective, is_mapping, is_scalar, items, sequence
from echo_migrate.formats import github
from echo_migrate.formats._ignores import in_yaml
from echo_migrate.model import Image, Level, Pipeline, Result
from echo_migrate.rules._rule import Context, Settings

_PATH = re.compile(r"(?:^|[\\/])\.github[\\/](?:workflows[\\/][^\\/]+|dependabot)\.ya?ml$|(?i:\.ya?ml)$")
_PULLS = re.compile(r"\b(?:docker|podman|nerdctl|buildah)\s+(?:pull|run)\b")
_STEP = re.compile(r"jobs\.[^.]+\.steps\.\d+\.run ")
_BUILDS = re.compile(
    r"\b(?:docker|podman|nerdctl|buildah)\s+(?:buildx\s+)?(?:build|bake)\b|\bdocker(?:-|\s+)compose\b[^\n]{0,1000}?"
    r"\b(?:build|pull|run|up)\b"
)
_ACTIONS = ("docker/bake-action@", "docker/build-push-action@")
_LOGIN_ACTIONS = re.compile(r"^(?:docker/login-action|redhat-actions/podman-login|azure/docker-login)@")
_PODS = frozenset(("CronJob", "DaemonSet", "Deployment", "Job", "Pod", "ReplicaSet", "StatefulSet"))


def login_results(paths: Iterable[str], settings: Settings, now: bool = False) -> Iterator[Result]:
    """Yield a result for each file in which the rules on ``Pipeline`` find something; ``now`` is true if a file has an
    image of the registry already, before the migration."""
    wanted = any(Pipeline in rule.kinds for rule in settings.rules)
    host = settings.catalog.registry.partition("/")[0]
    for path in paths if wanted else ():
        if not _PATH.search(path):
            continue
        source, nodes = Source(path, ""), list[Pipeline]()
        with suppress(Exception, Spent), bounded():  # errors are reported where its images are read
            source = Source.read(path)
            nodes = [node._replace(now=now or node.now) for node in pipelines(source, host)]
        ignores = Ignores(in_yaml(source.text) if nodes else ())
        found = check(settings.within(path).rules, {Pipeline: nodes}, Context(source, settings, {}))
        findings = [
            at_its_level(finding, settings) for rule, _, finding in found if not ignores.silence(rule, finding.start)
        ]
        if findings:
            yield Result(source, tuple(findings), (), source)


def pipelines(source: Source, host: str) -> Iterator[Pipeline]:
    """Yield the places in a file that pull or build without a login to ``host``, as after the migration unless the file
    names an image of that host. Raises ``NotYaml``."""
    path, text = source.path.replace("\\", "/"), source.text
    if "/.github/workflows/" in f"/{path}":
        if _BUILDS.search(text) or _PULLS.search(text) or any(action in text for action in _ACTIONS):
            named = _named(source)
            for root in documents(text):
                yield from _workflow(root, host, named)
    elif re.search(r"/\.github/dependabot\.ya?ml$", f"/{path}"):
        for root in documents(text):
            yield from _dependabot(root, host)
    elif f"{host}/" in text and "apiVersion" in text:
        roots = documents(text)
        accounts = [root for root in roots if _kind(root) == "ServiceAccount"]
        if not any("imagePullSecrets" in effective(root) for root in accounts):
            for root in roots:
                if _kind(root) in _PODS:
                    yield from _manifest(root, host)


def _kind(root: YamlNode | None) -> str:
    node = effective(root).get("kind")
    return node.value if is_scalar(node) else ""


def _named(source: Source) -> dict[str, list[str]]:
    """Return the images in the commands of a workflow, by key path of the step."""
    found: dict[str, list[str]] = {}
    for image in github.parse(source):
        step = _STEP.match(image.where) if isinstance(image, Image) else None
        if step and isinstance(image, Image):
            found.setdefault(step[0], []).append(image.ref.value)
    return found


def _workflow(root: YamlNode | None, host: str, named: dict[str, list[str]]) -> Iterator[Pipeline]:
    """Yield the first step of each job without a login that pulls images from the host, or may."""
    for id, job in items(effective(root).get("jobs")):
        noted: Pipeline | None = None
        for index, step in enumerate(map(effective, sequence(effective(job).get("steps")))):
            if _logs_in(step, host):
                break
            uses, run = _text(step.get("uses")), _text(step.get("run"))
            node = step.get("uses") if uses else step.get("run")
            builds = uses.startswith(_ACTIONS) or _BUILDS.search(run)
            images = named.get(f"jobs.{id}.steps.{index}.run ", [])
            pulls = any(image.startswith(f"{host}/") for image in images)
            if node is not None and (builds or pulls or (_PULLS.search(run) and all("$" in image for image in images))):
                start = node.start_mark.index
                end = min(node.end_mark.index, start + len(uses or run.partition("\n")[0]) + 2)
                remedy = "add a docker/login-action step before it"
                level: Level | None = None if builds or pulls else "note"
                noted = noted or Pipeline(start, end, "this step may pull", remedy, level, now=False)
                if not level:
                    noted = Pipeline(start, end, f"this step {'pulls' if pulls else 'may pull'}", remedy, level, pulls)
                    break
        if noted:
            yield noted


def _logs_in(step: dict[str, YamlNode], host: str) -> bool:
    """Return whether a step logs in to a host, or to one that is only known at run time."""
    uses = _text(step.get("uses"))
    if _LOGIN_ACTIONS.match(uses):
        registry = _text(effective(step.get("with")).get("registry"))
        return "$" in registry or registry.removeprefix("https://").startswith(host)
    if uses and not uses.startswith(("actions/", "docker/")):
        return "login" in uses or "auth" in uses
    run = _text(step.get("run"))
    return "login" in run and (host in run or "$" in run)


def _dependabot(root: YamlNode | None, host: str) -> Iterator[Pipeline]:
    known = [_text(effective(node).get("url")) for _, node in items(effective(root).get("registries"))]
    if any(host in url for url in known):
        return
    for update in sequence(effective(root).get("updates")):
        ecosystem = effective(update).get("package-ecosystem")
        if is_scalar(ecosystem) and ecosystem.value in ("docker", "docker-compose"):
            remedy, what = "add a docker-registry entry for it under registries", "Dependabot reads tags"
            yield Pipeline(ecosystem.start_mark.index, ecosystem.end_mark.index, what, remedy, now=False)
            return


def _manifest(root: YamlNode | None, host: str) -> Iterator[Pipeline]:
    """Yield the first image from the host in a pod without a pull secret or service account."""
    waiting, seen = [root], set[int]()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        keys = effective(node) if is_mapping(node) else {}
        for container in [*sequence(keys.get("initContainers")), *sequence(keys.get("containers"))]:
            image = effective(container).get("image")
            if not is_scalar(image) or not image.value.startswith(f"{host}/"):
                continue
            if not {"imagePullSecrets", "serviceAccountName"} & set(keys):
                remedy = "add imagePullSecrets, here or on the service account"
                yield Pipeline(image.start_mark.index, image.end_mark.index, "this pod pulls", remedy)
                return
        waiting += [child for child in [*keys.values(), *sequence(node)] if not is_scalar(child)]


def _text(node: YamlNode | None) -> str:
    return node.value if is_scalar(node) else ""
