"""The steps of GitHub jobs that pull images of the provider without a login before them, or may."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from echo_migrate.engine.login_places import Names, Place, Wanted
from echo_migrate.files.source import Edit, Source, Traced
from echo_migrate.files.tree import real, top
from echo_migrate.files.yaml import YamlNode, effective, is_scalar, is_sequence, items, sequence
from echo_migrate.files.yaml_insert import Value, item_before
from echo_migrate.formats._github_builds import dockerfiles, replaces, target_of
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
_VALUE = r"(?:\"[^\"\n]{0,300}\"|'[^'\n]{0,300}'|\$\{\{[^}\n]{0,300}\}\}|[^\s-]\S*)"
_GAP = r"(?:[ \t]|\\\r?\n)+"
_FILLED = r"[\"']?\$(?:\{\{[^}\n]{0,300}\}\}|\S)\S*"
_BUILDS = re.compile(
    r"\b(?:docker|podman|nerdctl|buildah)\s+(?:buildx\s+)?(?:build|bake)\b|\bdocker(?:-|\s+)compose"
    rf"(?:{_GAP}(?:-[^\s=]+(?:(?:=|[ \t]+){_VALUE})?|{_FILLED})){{0,20}}{_GAP}(?:build|pull|run|up)\b"
)
"""A command that builds or pulls, behind the options of Compose itself: of another one, it may be a word (``exec``)."""

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

_OUTPUT = re.compile(r"\$\{\{[ \t]*(?:(?:needs|steps)\.[^{}]*|github\.repository[ \t]*)\}\}")
_MADE = "$made"
"""What a job or a step has put out, or the repository, which name what workflows make; what stands for it."""

_OF_ENV = re.compile(r"\$\{\{[ \t]*env\.(\w{1,200})[ \t]*\}\}")


class Built(NamedTuple):
    """The real paths of the Dockerfiles, compose and bake files of a run that pull images of the provider, now or once
    they have moved, and of those that are known not to; ``staged`` has the Dockerfiles of which only some images may,
    each with its text and where these are in it."""

    pulling: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset()
    staged: Mapping[str, tuple[str, frozenset[int]]] = {}

    @classmethod
    def of(
        cls, pulling: Iterable[str], without: Iterable[str], staged: Mapping[str, tuple[str, frozenset[int]]]
    ) -> "Built":
        """Return the files at some paths."""
        by_path = {real(path): one for path, one in staged.items()}
        return cls(frozenset(map(real, pulling)), frozenset(map(real, without)), by_path)

    def unknown(self) -> "Built":
        """Return the same where builds may read other files: none is known to pull nothing."""
        return self._replace(without=frozenset(), staged={})

    def pulls_nothing(self, files: Iterable[str], target: str) -> bool:
        """Return whether a build of files, of a target if it names one, is known to pull nothing of the provider."""
        return all(file in self.without or (target and self._is_free(file, target)) for file in files)

    def _is_free(self, file: str, target: str) -> bool:
        if file not in self.staged:
            return False
        text, may = self.staged[file]
        reached = _reached(file, text, target)
        return bool(reached) and not any(start <= one < end for one in may for start, end in reached)


def _reached(path: str, text: str, target: str) -> list[tuple[int, int]]:
    """Return where the stages are that a target of a Dockerfile needs, itself too; nothing if it is not there."""
    from echo_migrate.dockerfile.stages import Stage  # few steps build a target
    from echo_migrate.formats import Request, dockerfile

    def read(part: str) -> list[Stage]:
        found = dockerfile.parse(Source(path, part), Request(frozenset([Stage])))
        return [one for one in found if isinstance(one, Stage)]

    end = next((one.end for one in reversed(read(text)) if one.name.lower() == target.lower()), 0)
    return [(one.start, one.end) for one in read(text[:end]) if one.used]  # what is below is not built


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
        here = asked._replace(built=asked.built.unknown()) if elsewhere else asked
        found = list(
            _before_login(
                source, f"jobs.{id}.steps", steps, wanted, here, names, _env(effective(root)) | _env(effective(job))
            )
        )
        first = next((one for one in found if not one[1].level), None) or next(iter(found), None)
        if first:
            node, pulled, _ = first
            edits = _login_step(source.text, steps, node, names) if pulled.title and not pulled.level else ()
            known = any(certain for _, _, certain in found)
            yield pulled._replace(edits=edits, level=None if known else "note")


_Pull = tuple[Account, bool]
"""Whose logins pull an image, and whether it is one of the registry now."""


def _before_login(
    source: Source,
    way: str,
    steps: YamlNode | None,
    wanted: dict[str, list[_Pull]],
    asked: Asked,
    names: Names,
    variables: dict[str, str],
) -> Iterator[tuple[YamlNode, Place, bool]]:
    """Yield the steps before a login that pull images of the provider, or may, and whether they are known to."""
    known = asked.built
    logged_in = set[Account]()
    made: set[str] = set()
    own = frozenset[str]()
    for index, node in enumerate(sequence(steps)):
        step, key = effective(node), f"{way}.{index}."
        logged_in |= _logs_in(step, names.host)
        if len(logged_in) > 1:
            return
        own = own - {"-"} | _own(source.path, step, names.host)
        if (known.without or known.staged) and replaces(step, own):
            known = known.unknown()
        read = asked.used and (known.pulling or known.without or known.staged)
        built, whole = dockerfiles(source.path, step, own) if read else ([], False)
        files = frozenset(map(real, built))
        target = target_of(step)
        free = bool(known.without or known.staged) and whole and known.pulls_nothing(files, target)
        used = asked.used and not free
        here = [(account, pulls) for account, pulls in wanted.get(key, ()) if account not in logged_in]
        env = variables | _env(step)
        place = _step(step, logged_in, here, asked.named.get(key, []), used, names, made, env)
        made |= {_filled_in(tag, env) for tag in _tags(step)}
        if place:
            pulls = bool(files & known.pulling) and not asked.built.pulls_nothing(files, target)  # as it is written
            yield node, place, not place.level and (bool(here) or pulls)


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
    env: dict[str, str],
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
    may = may and not _pulls_others(_filled_in(run, env), made, names.host)
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


def _env(keys: dict[str, YamlNode]) -> dict[str, str]:
    """Return the variables that a workflow, a job or a step sets for what is in it."""
    return {name: _text(node) for name, node in items(keys.get("env")) if is_scalar(node)}


def _filled_in(text: str, env: dict[str, str]) -> str:
    return _OF_ENV.sub(lambda match: env.get(match[1], match[0]), text)


def _tags(step: dict[str, YamlNode]) -> set[str]:
    """Return the names that a step of an action gives to what it builds, as written."""
    if not _text(step.get("uses")).startswith(_ACTIONS):
        return set()
    tags = _text(effective(step.get("with")).get("tags"))
    return {tag for line in re.split(r"[\n,]", tags) if (tag := line.strip())}


def _pulls_others(run: str, made: set[str], host: str) -> bool:
    """Return whether all images that a script names are those of another registry, or what the workflow has put out,
    the job has built before, or has the name of the repository."""
    for tag in sorted(made, key=len, reverse=True):
        run = re.sub(rf"(?<![\w./:-]){re.escape(tag)}(?![\w./:-])", "${{ steps.own }}", run)
    text = FILLED_IN.sub("$other", _OUTPUT.sub(_MADE, run))
    script = read(Traced.of(text, 0, len(text)))
    pulled = [container_commands.read(one, lambda _: "word").places for one in script.commands]
    words = [one.word.value for places in pulled for one in places]
    return script.certain and bool(words) and all(_is_other(word, host) for word in words)


def _is_other(image: str, host: str) -> bool:
    first, _, path = image.partition("/")
    return image.startswith(_MADE) or not _may_be_of(host, image) or (first != host and path.startswith(_MADE))


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
