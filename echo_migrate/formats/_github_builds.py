"""The builds of images in GitHub workflows and actions: which files each reads, and what it is given.

Inputs: github.com/docker/build-push-action (build-args, context, file, platforms, tags), docker/metadata-action
(images) and redhat-actions/buildah-build (image, tags).
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice, pairwise, product

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Source, Traced
from echo_migrate.files.tree import dockerfile_at, top
from echo_migrate.files.yaml import YamlNode, effective, is_scalar, is_sequence, is_text, items, sequence
from echo_migrate.formats import _built_together
from echo_migrate.formats._build_commands import is_local
from echo_migrate.formats._yaml import YamlFile
from echo_migrate.shell.commands import Command
from echo_migrate.shell.package_managers import does
from echo_migrate.shell.parser import read as read_script
from echo_migrate.shell.registry_logins import FILLED_IN

BUILDS = ("docker/build-push-action@",)
"""How the names of the actions begin that build."""


_NAMING = {
    "docker/build-push-action": (("tags", ""),),
    "docker/metadata-action": (("images", ":$"),),
    "redhat-actions/buildah-build": (("image", ":$"), ("tags", "")),
}
"""Inputs of actions that name results, and what is behind such a name."""

_OF_MATRIX = lazy_regex(r"\$\{\{[ \t]*matrix\.([\w-]+)[ \t]*\}\}", needs=("matrix",))
_MOST_JOBS = 256
"""A value of a job's matrix, and how many jobs one has at most (docs.github.com, "Running variations of jobs")."""

_LIST = lazy_regex(r"[\n,]")
_BUILDERS = frozenset(("buildah", "docker", "nerdctl", "podman"))
_PLAIN = frozenset(("[", "cat", "cp", "date", "echo", "exit", "export", "ls", "mkdir", "printf", "set", "test", "true"))
"""Commands that build and pull nothing."""
_OF_RESULTS = frozenset(("images", "info", "inspect", "login", "logout", "push", "save", "tag", "version"))
"""Commands of builders that pull nothing."""
_SHELLS = frozenset(("", "bash", "sh"))
_SEVERAL = lazy_regex(r"\b(?:docker|podman|nerdctl)\s+(?:run|pull|create)\b|\bbud\b")
"""Commands of which more than Dockerfiles tells what is pulled."""


_BUILD = lazy_regex(r"\bbuild\b")
_TARGET = lazy_regex(r"[ \t]--target[= \t][ \t]{0,20}[\"']?([\w.$-]{1,200})")


_TOGETHER = (
    (("docker", "compose"), _built_together.of_compose),
    (("docker-compose",), _built_together.of_compose),
    (("docker", "buildx", "bake"), _built_together.of_bake),
    (("docker", "bake"), _built_together.of_bake),
)
"""How the commands of Compose and bake begin, and what reads them."""

_BETWEEN = lazy_regex(r"[\s;|&()<>\"'=]+")
_WRITTEN = lazy_regex(r">[|>]?[ \t]*[\"']?([^\s\"'|&;()<>]+)")
_READ = lazy_regex(
    r"(?i)(?:.*[._-])?(?:docker|container)file(?:[._-].*)?|.*compose.*\.ya?ml|.*bake.*\.(?:hcl|json)|\.env"
)
"""The names of the files that say what is built and pulled."""

_LONGEST_NAME = 256
"""No file system has longer ones."""

_COPYING = frozenset(("cp", "install", "ln", "mv", "rsync"))
_WRITING = frozenset((*_COPYING, "curl", "patch", "perl", "sed", "tee", "wget", "yq"))
"""Commands that change the files that their words name, or some of them."""

_UNPACKING = frozenset(("gh", "make", "tar", "unzip"))
"""Commands that may bring any files."""

_OTHER_FILES = frozenset(("am", "apply", "checkout", "cherry-pick", "merge", "pull", "reset", "restore", "switch"))
"""Commands of git that bring other files in place."""

_NAMING_OPTIONS = ("-t", "--build-arg", "--cache-from", "--cache-to", "--label", "--platform", "--tag", "--target")
"""Options of a build whose values, whatever they are, change neither its Dockerfile nor its context."""


def dockerfile_of(path: str, keys: dict[str, YamlNode]) -> str | None:
    """Return the path of the Dockerfile that a step of a workflow at ``path`` builds, given its inputs."""
    context, file = (node.value if is_text(node) else "" for node in map(keys.get, ("context", "file")))
    here = os.path.join(top(path), "_")
    return dockerfile_at(here, "." if file else context or ".", file or "Dockerfile")


def platforms(source: Source) -> Iterator[tuple[str | None, int, int]]:
    """Yield where the platforms of builds are, each with the Dockerfile, None if that is not in the tree."""
    for keys in map(_inputs_of, _all_steps(source)):
        listed = keys.get("platforms")
        if listed is not None:
            yield dockerfile_of(source.path, keys), listed.start_mark.index, listed.end_mark.index


def results(source: Source) -> Iterator[str]:
    """Yield the names that steps give to what they build; with any tag, the name that tags are made of. What a job's
    matrix lists in the file is filled in."""
    for job, step in _steps_of_jobs(source):
        uses = step.get("uses")
        if is_text(uses) and uses.value.partition("@")[0] in _NAMING:
            inputs = effective(step.get("with"))
            for key, end in _NAMING[uses.value.partition("@")[0]]:
                node = inputs.get(key)
                values = _LIST.split(node.value) if is_text(node) else []
                named = (f"{one.strip()}{end}" for one in values if one.strip())
                yield from (name for one in named for name in _filled_in(one, job))


def _filled_in(name: str, job: YamlNode | None) -> Iterable[str]:
    """Return the names that a name stands for with the values of its job's matrix, itself if the file lists none."""
    used = dict.fromkeys(_OF_MATRIX.findall(name))
    matrix = effective(effective(effective(job).get("strategy")).get("matrix")) if used else {}
    more = matrix.get("include")
    entries = [effective(one) for one in sequence(more)[:_MOST_JOBS]]
    values: dict[str, list[str]] = {}
    for key in used:
        own = matrix.get(key)
        listed = [*sequence(own)[:_MOST_JOBS], *(one[key] for one in entries if key in one)]
        known = [one.value for one in listed if is_scalar(one) and "$" not in one.value]
        if known and len(known) == len(listed) and all(one is None or is_sequence(one) for one in (own, more)):
            values[key] = known
    filled = (dict(zip(values, each, strict=True)) for each in islice(product(*values.values()), _MOST_JOBS))
    return [_OF_MATRIX.sub(partial(_value, one), name) for one in filled]


def _value(values: dict[str, str], match: re.Match[str]) -> str:
    return values.get(match[1], match[0])


def inputs_of_builds(source: Source) -> Iterator[tuple[str, int, int]]:
    """Yield the Dockerfile of each build whose context and file are written whole, and the span of the arguments that
    it is given; nothing if a step checks out another repository, or into a folder."""
    steps = list(_all_steps(source))
    if any(_placed(step) for step in steps):
        return
    for keys in map(_inputs_of, steps):
        given, *paths = map(keys.get, ("build-args", "context", "file"))
        path = dockerfile_of(source.path, keys) if all(is_text(one) and is_local(one.value) for one in paths) else None
        if path and given is not None:
            yield path, given.start_mark.index, given.end_mark.index


def folders(source: Source) -> Iterator[tuple[str, str | None]]:
    """Yield the Dockerfile of each build, and the folder that it is built from, None if that is not known; that of a
    build without one is the repository."""
    for keys in filter(None, map(_inputs_of, _all_steps(source))):
        path, context = dockerfile_of(source.path, keys), keys.get("context")
        if path:
            folder = os.path.join(top(source.path), context.value if is_text(context) else "")
            known = context is None or (is_text(context) and is_local(context.value))
            yield path, folder if known and os.path.isdir(folder) else None


def _placed(step: dict[str, YamlNode]) -> bool:
    """Return whether a step checks out a repository that is not the workflow's own, or not at the top."""
    uses = step.get("uses")
    return (
        is_text(uses)
        and "checkout" in uses.value
        and not {"path", "repository"}.isdisjoint(effective(step.get("with")))
    )


def replaces(step: dict[str, YamlNode], own: frozenset[str] = frozenset()) -> bool:
    """Return whether a step may put another file where builds read one of the repository: it checks out another
    repository, or into a folder, or a command of it writes, copies or edits what has the name of such a file. ``own``
    are files that the repository does not have."""
    run = step.get("run")
    if _placed(step) or not is_text(run):
        return _placed(step) or _brings(step.get("uses"))
    text = FILLED_IN.sub("$_", run.value)
    script = read_script(Traced.of(text, 0, len(text)))
    read = script.certain and _is_plain_shell(step)
    named = _WRITTEN.findall(text) if read else _BETWEEN.split(text)
    return _names_one([one for one in named if one.removeprefix("./") not in own]) or any(map(_writes, script.commands))


def _brings(uses: YamlNode | None) -> bool:
    """Return whether an action may bring other files: artifacts of another job, or one of the repository's own."""
    return is_text(uses) and ("download-artifact" in uses.value or uses.value.startswith("./"))


def _is_plain_shell(step: dict[str, YamlNode]) -> bool:
    shell = step.get("shell")
    return shell is None or (is_text(shell) and shell.value in _SHELLS)


def _writes(command: Command) -> bool:
    words = [word.value for word in command.words]
    if not words:  # only an assignment
        return False
    if command.name == "git" and not _OTHER_FILES.isdisjoint(words):
        return True
    if command.name in _UNPACKING or "/" in words[0] or (does(command, "interpret") and len(words) > 1):
        return True
    here = os.path.normpath(words[-1]) == "."
    several = any(one.endswith(("/", "/.", "*")) or (here and one[:1] in ("-", "$")) for one in words[1:-1])
    return (command.name in _COPYING and several) or (command.name in _WRITING and _names_one(words))


def _names_one(words: list[str]) -> bool:
    names = (word.rpartition("/")[2] for word in words)
    return any(len(name) < _LONGEST_NAME and _READ.fullmatch(name) for name in names)


def _inputs_of(step: dict[str, YamlNode]) -> dict[str, YamlNode]:
    """Return the inputs of a step that builds an image, nothing of any other."""
    uses = step.get("uses")
    return effective(step.get("with")) if is_text(uses) and uses.value.startswith(BUILDS) else {}


def _all_steps(source: Source) -> Iterator[dict[str, YamlNode]]:
    """Yield the steps of jobs and of actions."""
    return (step for _, step in _steps_of_jobs(source))


def _steps_of_jobs(source: Source) -> Iterator[tuple[YamlNode | None, dict[str, YamlNode]]]:
    """Yield the steps of jobs and of actions, each with the job or the action."""
    for keys in map(effective, YamlFile(source).roots):
        for job in (*dict(items(keys.get("jobs"))).values(), keys.get("runs")):
            yield from ((job, step) for step in map(effective, sequence(effective(job).get("steps"))))


def dockerfiles(path: str, step: dict[str, YamlNode], own: frozenset[str] = frozenset()) -> tuple[list[str], bool]:
    """Return the Dockerfiles that a step of a workflow at ``path`` builds, and the files of Compose and bake that it
    reads, and whether these are certainly all, besides its ``own``, which the repository does not have."""
    keys, uses = _inputs_of(step), step.get("uses")
    if is_text(uses) and uses.value.startswith("docker/bake-action@"):
        files = _built_together.of_bake_action(path, effective(step.get("with")))
        return files or [], files is not None
    if is_text(uses) and uses.value.startswith(BUILDS):
        context, file = map(keys.get, ("context", "file"))
        plain = all(one is None or (is_text(one) and is_local(one.value)) for one in (context, file))
        found = dockerfile_of(path, keys) if plain else None
        return ([found] if found else []), plain  # what is not there pulls nothing
    run, folder = map(step.get, ("run", "working-directory"))
    if not _is_plain_shell(step) or not is_text(run) or (folder is not None and not is_text(folder)):
        return [], False
    built, whole = _built_by_commands(path, run.value, folder.value if is_text(folder) else "", own)
    return built, whole and not _SEVERAL.search(run.value)


def target_of(step: dict[str, YamlNode]) -> str:
    """Return the target that all builds of a step name, "" if they do not, or it is not written out."""
    named, run = _inputs_of(step).get("target"), step.get("run")
    targets = [named.value] if is_text(named) else []
    if is_text(run):
        targets = _TARGET.findall(run.value)
        if len(targets) != len(_BUILD.findall(run.value)):
            return ""
    return targets[0] if len(set(targets)) == 1 and "$" not in targets[0] else ""


def _built_by_commands(path: str, text: str, folder: str, own: frozenset[str]) -> tuple[list[str], bool]:
    """Return what ``dockerfiles`` does for a script that runs in a folder of the tree. What GitHub fills in (``${{ …
    }}``) counts as a variable of the shell."""
    text = FILLED_IN.sub("$_", text)
    script = read_script(Traced.of(text, 0, len(text)))
    built: list[str] = []
    whole, any_of_its_own = script.certain, False
    for command in [one for one in script.commands if one.words] if script.certain else ():
        words = [word.value for word in command.words]
        plain = command.always and command.via in ((), ("sudo",)) and not command.inside and command.words[-1].known
        if words[0].startswith("$"):
            whole = False
        elif command.name in ("cd", "pushd", "popd"):
            if not plain or command.name != "cd" or len(words) != 2 or not is_local(words[1]):
                return built, False
            folder = os.path.join(folder, words[1])
        elif together := _together(command.name, words):
            files = together[0](path, folder, together[1])
            whole = whole and files is not None
            built += files or ()
        elif "build" in words[1:3] and command.name in _BUILDERS:
            if plain and _reads_one_of(own, words):
                any_of_its_own = True
                continue
            found = _built_by(path, folder, words, plain)
            whole = whole and found is not None
            built += [found] if found else []
        elif command.name not in _PLAIN and not (command.name in _BUILDERS and words[1:2] and words[1] in _OF_RESULTS):
            whole = False
    return built, whole and (bool(built) or any_of_its_own)


def _reads_one_of(own: frozenset[str], words: list[str]) -> bool:
    """Return whether a build command reads a Dockerfile of a script's own."""
    files = list(_files(words))
    without = words[-1] == "build" or words[-2] in _NAMING_OPTIONS  # the grammar leaves out a dash before a heredoc
    return (files or ["-" if without else words[-1]])[0].removeprefix("./") in own and len(files) < 2


def _built_by(path: str, folder: str, words: list[str], plain: bool) -> str | None:
    """Return the Dockerfile that a build command builds in a folder, None if it is not known."""
    if any(one.startswith("$") and option not in _NAMING_OPTIONS for option, one in pairwise(words)):
        return None
    files = [value for value in _files(words) if value]
    context = words[-1] if len(files) < 2 and plain else "-"
    named = os.path.join(folder, *(files or (context, "Dockerfile")))
    return dockerfile_at(os.path.join(top(path), "_"), ".", named) if is_local(context) else None


def _together(
    name: str, words: list[str]
) -> tuple[Callable[[str, str, list[str]], list[str] | None], list[str]] | None:
    """Return what reads a command of Compose or bake, and the words behind that name; None for any other."""
    for begin, reader in _TOGETHER:
        if (name, *words[1 : len(begin)]) == begin:
            return reader, words[len(begin) :]
    return None


def _files(words: list[str]) -> Iterator[str]:
    """Yield the Dockerfiles that a build command names."""
    for word, value in zip(words, [*words[1:], ""], strict=True):
        if word in ("-f", "--file"):
            yield value
        elif word.startswith("--file=") or (word.startswith("-f") and len(word) > 2):
            yield word.removeprefix("--file").removeprefix("-f").removeprefix("=")
