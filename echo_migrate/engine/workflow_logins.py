"""The steps of GitHub jobs that pull images of the provider without a login before them, or may."""

import os
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from echo_migrate.engine.login_places import Names, Place, Wanted
from echo_migrate.files.source import Edit, Source, Traced
from echo_migrate.files.tree import real, top
from echo_migrate.files.yaml import YamlNode, effective, is_scalar, is_sequence, items, sequence
from echo_migrate.files.yaml_insert import Value, item_before
from echo_migrate.formats._github_builds import dockerfiles, replaces
from echo_migrate.formats._heredocs import written
from echo_migrate.model import Level
from echo_migrate.shell import container_commands
from echo_migrate.shell.parser import read
from echo_migrate.shell.registry_logins import FILLED_IN, account_in
from echo_migrate.shell.wrappers import Account

_PULLS = re.compile(
    r"(?m)\b(?:docker|podman|nerdctl|buildah)\s+(?:pull|run)\b"
    r"(?!(?>[ \t]*)(?>(?:-\S+[ \t]+)*)(?>(?:(?:\{\}|'\{\}'|\"\{\}\")[ \t]*)?)\r?(?:$|[|;&]))"
)
"""A command that pulls an image that is written behind it: what ``xargs`` hands over tells nothing."""

STEP = re.compile(r"jobs\.[^.]+\.steps\.\d+\.")
_BUILDS = re.compile(
    r"\b(?:docker|podman|nerdctl|buildah)\s+(?:buildx\s+)?(?:build|bake)\b|\bdocker(?:-|\s+)compose\b[^\n]{0,1000}?"
    r"\b(?:build|pull|run|up)\b"
)
_OTHERS = re.compile(r"COMPOSE_FILE|COMPOSE_ENV_FILES|BUILDX_BAKE_FILE")
"""Variables that name the files that Compose and bake read."""

_REMARK = re.compile(r"(?m)^((?:[^#'\"\n]*[ \t;])?)#[^\n]*")
"""A comment of a script; one behind a quote may be in a text, and stays."""

_MOVES = re.compile(r"(?<![\w-])(?:cd|pushd)(?![\w-])")

_ACTIONS = ("docker/bake-action@", "docker/build-push-action@")
_LOGIN_ACTIONS = re.compile(r"^(?:docker/login-action|redhat-actions/podman-login|azure/docker-login)@")
_COMMAND = re.compile(r"(?:[^\n\\;|&]|\\\r?\n|\\[^\n])*[\n;|&]?")
"""A command of a script, with the lines that continue it."""

_LOGINS: dict[Account, str] = {
    "root": "add sudo docker login {host} before it",
    "unsure": "pull as the user who is logged in, without sudo -E and sudo -u",
}
_NOBODYS: frozenset[Account] = frozenset(("unsure",))
"""What to do about pulls of other users, and whose logins serve none."""

_OUTPUT = re.compile(r"\$\{\{[ \t]*(?:needs|steps)\.[^{}]*\}\}")
_MADE = "$made"
"""What a job or a step has put out, which names what the workflow makes; the variable that stands for it."""


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


def jobs(source: Source, root: YamlNode | None, asked: Asked, names: Names) -> Iterator[Place]:
    """Yield the first step of each job without a login that pulls images from the host, or may: at a note, if no step
    of the job is known to."""
    wanted: dict[str, list[_Pull]] = {}
    for image, pulls in asked.wanted:
        if place := STEP.match(image.where):
            wanted.setdefault(place[0], []).append((image.account, pulls))
    for id, job in items(effective(root).get("jobs")):
        steps = effective(job).get("steps")
        elsewhere = any("defaults" in effective(one) for one in (root, job)) or _OTHERS.search(source.text)
        here = asked._replace(built=asked.built._replace(without=frozenset())) if elsewhere else asked
        found = list(_before_login(source, f"jobs.{id}.steps", steps, wanted, here, names))
        first = next((one for one in found if not one[1].level), None) or next(iter(found), None)
        if first:
            node, pulled, _ = first
            edits = _login_step(source.text, steps, node, names) if pulled.title and not pulled.level else ()
            known = any(certain for _, _, certain in found)
            yield pulled._replace(edits=edits, level=None if known else "note")


_Pull = tuple[Account, bool]
"""Whose logins pull an image, and whether it is one of the registry now."""


def _before_login(
    source: Source, way: str, steps: YamlNode | None, wanted: dict[str, list[_Pull]], asked: Asked, names: Names
) -> Iterator[tuple[YamlNode, Place, bool]]:
    """Yield the steps before a login that pull images of the provider, or may, and whether they are known to."""
    pulling, without = asked.built
    logged_in = set[Account]()
    made: set[str] = set()
    own = frozenset[str]()
    for index, node in enumerate(sequence(steps)):
        step, key = effective(node), f"{way}.{index}."
        logged_in |= _logs_in(step, names.host)
        if len(logged_in) > 1:
            return
        own = own - {"-"} | _own(source.path, step, names.host)
        if without and replaces(step, own):
            without = frozenset()
        built, whole = dockerfiles(source.path, step, own) if asked.used and (pulling or without) else ([], False)
        files = frozenset(map(real, built))
        used = asked.used and not (without and whole and files <= without)
        here = [(account, pulls) for account, pulls in wanted.get(key, ()) if account not in logged_in]
        place = _step(step, logged_in, here, asked.named.get(key, []), used, names, made)
        made |= _tags(step)
        if place:
            yield node, place, not place.level and bool(here or files & pulling)


def _own(path: str, step: dict[str, YamlNode], host: str) -> frozenset[str]:
    """Return the Dockerfiles that a step writes whole and reads, of which the repository has none at that place."""
    script = _script(step)
    found = () if "working-directory" in step or _MOVES.search(script) else written(script, host)
    return frozenset(one for one in found if not os.path.lexists(os.path.join(top(path), one)))


def _step(
    step: dict[str, YamlNode],
    logged_in: set[Account],
    wanted: list[_Pull],
    named: list[str],
    used: bool,
    names: Names,
    made: set[str],
) -> Place | None:
    """Return the place of a step that pulls images of the provider without a login, or may: at a note, if only a
    variable tells; ``made`` are the names of what earlier steps have built.
    There is no fix for what another user pulls: no action logs in as one."""
    uses = "" if "" in logged_in else _text(step.get("uses"))
    lines = [(account_in(line), line) for line in _COMMAND.findall(_script(step))]
    run = "".join(line for account, line in lines if account not in logged_in)
    node = step.get("uses") if uses else step.get("run")
    builds = used and bool(uses.startswith(_ACTIONS) or _BUILDS.search(run))
    may = used and bool(_PULLS.search(run)) and all(_may_be_of(names.host, image) for image in named)
    may = may and not _pulls_own(run, made)
    if node is None or not (builds or wanted or may):
        return None
    start = node.start_mark.index
    end = min(node.end_mark.index, start + len(uses or _text(node).partition("\n")[0]) + 2)
    waits = bool(wanted) and not any(pulls for _, pulls in wanted) and not builds
    missing = {account for account, line in lines if _BUILDS.search(line) or _PULLS.search(line)} - logged_in
    other = next((remedy for account, remedy in _LOGINS.items() if account in missing and not uses), "")
    what = "this step pulls" if wanted else "this step may pull"
    remedy = other.format(host=names.host) or "add a docker/login-action step before it"
    level: Level | None = None if builds or wanted else "note"
    title = "" if other else f"log in to {names.host}"
    return Place(start, end, what, remedy, title, True, waits, level=level)


def _tags(step: dict[str, YamlNode]) -> set[str]:
    """Return the names that a step of an action gives to what it builds, as written."""
    if not _text(step.get("uses")).startswith(_ACTIONS):
        return set()
    tags = _text(effective(step.get("with")).get("tags"))
    return {tag for line in re.split(r"[\n,]", tags) if (tag := line.strip())}


def _pulls_own(run: str, made: set[str]) -> bool:
    """Return whether all images that a script names are what the workflow has put out, or the job has built, before."""
    for tag in sorted(made, key=len, reverse=True):
        run = re.sub(rf"(?<![\w./:-]){re.escape(tag)}(?![\w./:-])", "${{ steps.own }}", run)
    if not _OUTPUT.search(run):
        return False
    text = FILLED_IN.sub("$other", _OUTPUT.sub(_MADE, run))
    script = read(Traced.of(text, 0, len(text)))
    pulled = [container_commands.read(one, lambda _: "word").places for one in script.commands]
    words = [one.word.value for places in pulled for one in places]
    return script.certain and bool(words) and all(word.startswith(_MADE) for word in words)


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


def _logs_in(step: dict[str, YamlNode], host: str) -> set[Account]:
    """Return who is logged in by a step to a host, or to one that is only known at run time."""
    uses = _text(step.get("uses"))
    if _LOGIN_ACTIONS.match(uses):
        registry = _text(effective(step.get("with")).get("registry"))
        return {""} if "$" in registry or registry.removeprefix("https://").startswith(host) else set()
    if uses and not uses.startswith(("actions/", "docker/")):
        return {""} if "login" in uses or "auth" in uses else set()
    run = _script(step)
    lines = [line for line in _COMMAND.findall(run) if "login" in line]
    return {account_in(line) for line in lines} - _NOBODYS if host in run or "$" in run else set()


def _script(step: dict[str, YamlNode]) -> str:
    """Return what the shell of a step runs, without comments, "" if none does."""
    return _REMARK.sub(r"\1", _text(step.get("run")))


def _text(node: YamlNode | None) -> str:
    return node.value if is_scalar(node) else ""
