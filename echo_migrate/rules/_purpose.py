"""What an image is for: a build or a container; to be shipped, or for development, tests or CI."""

import os
from collections.abc import Iterable
from functools import lru_cache, wraps
from typing import Any

from echo_migrate.dockerfile.stages import Graph, Stage
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.named import inside
from echo_migrate.files.source import Source
from echo_migrate.files.tree import absolute
from echo_migrate.model import Finding, Image
from echo_migrate.rules._rule import Check, Context

_WORDS = frozenset(
    ("ci", "cypress", "debug", "dev", "devcontainer", "devel", "develop", "development", "e2e", "gitpod", "lint")
    + ("linter", "local", "make", "playwright", "test", "tester", "testing", "testkit", "tests")
)
"""Words in the names of stages, files and folders."""

_WORKSPACES = frozenset(("workspace", "workspaces"))
"""Words in the names of stages and files, and at the end of that of a file's own folder: folders above, as npm's
workspaces, hold what is shipped."""

_BUILDERS = frozenset(("builder", "toolchain"))
_OF_BUILDERS = _BUILDERS | {"containerfile", "dockerfile"}
"""Words in the names of files of images in which something else is built: a folder may be a program that builds, and so
may an image whose name has more words, if it is started."""

_AGENTS = lazy_regex(
    r"(?:^|/)(?:(?:actions-runner|gitlab-runner|buildkite/agent|teamcity-agent|jenkins/(?:agent|inbound-agent|jnlp-agent|jnlp-slave"
    r"|slave|ssh-agent)|jenkinsci/(?:jnlp-|ssh-)?slave)(?:[:@]|$)|cimg/|devcontainers/|gitpod/workspace-)",
    needs=("actions-runner", "agent", "cimg/", "devcontainers/", "gitlab-runner", "gitpod/", "jenkins"),
)
"""Images in which builds of CI systems run, or people work: what is built on them is for that too."""

_MODES = ("APP_ENV", "NODE_ENV", "RACK_ENV", "RAILS_ENV")
_FOR_PEOPLE = frozenset(("dev", "development", "test"))
"""What makes a framework run for development or tests, in one of these variables."""

_SERVES = lazy_regex(r"\b(?:bun|npm|pnpm|yarn)[\"',\s]{1,8}(?:run[\"',\s]{1,8})?dev(?![\w/.])", needs=("dev",))
"""A command that serves a project while people work on it (``npm run dev``)."""

_FOLDERS = frozenset((".circleci", ".github"))
_BASE = frozenset(("base",))
"""Words in the names of files, folders and stages of an image that only others are built on, which decide what they
ship."""

_STARTING = ("compose", "devcontainer", "helm", "kubernetes", "python", "testcontainers")
"""Kinds of files that start containers; pipelines are in use whatever their names are."""
_OF_A_PIPELINE = ("sidecars.", "stepTemplate.", "steps.")
"""Keys of Tekton's tasks, which are pipelines among Kubernetes' manifests (tekton.dev/docs/pipelines/tasks)."""
_OF_PIPELINES = frozenset(("ci", "make"))
"""Words in the names of files and folders that tell nothing of containers."""

_BETWEEN = str.maketrans("._", "--")
"""What separates words, besides dashes."""

_OF_A_BUILD = ("FROM", "COPY --from", "RUN --mount from")

_OF_A_COMMAND = lazy_regex(r"(?:^| )(?:buildah|crane|docker|kubectl|nerdctl|oc|podman|skopeo) [a-z-]+")


def is_of_a_build(image: Image) -> bool:
    """Return whether an image is named by an instruction of a Dockerfile, in a file of its own or inline."""
    return f" {image.where}".endswith(tuple(f" {one}" for one in _OF_A_BUILD))


def is_of_a_command(image: Image) -> bool:
    """Return whether an image is named by a command, which runs once with whatever version there is."""
    return bool(_OF_A_COMMAND.search(image.where))


def of_shipped_images(check: Check) -> Check:
    """Return the check of a rule, without the findings in images for development, tests or CI."""

    @wraps(check)
    def only_shipped(node: Any, context: Context) -> Iterable[Finding]:
        return () if isinstance(node, Stage) and _is_for_people(node, context) else check(node, context)

    return only_shipped


def _is_for_people(stage: Stage, context: Context) -> bool:
    """Return whether an image is for development, tests or CI, or a base of others, judging by the names of its stage,
    file and folders; of a stage called a base, by the names of all that are built on it.

    Of the path, only what is below the folders that the user named counts.
    """
    kept = _of_file(context)
    key = stage.graph, stage.number
    if key not in kept.stages:
        told = kept.path_tells or _name_tells(stage) or _are_set_up_so(stage)
        told = told or (kept.builds and not stage.started)
        kept.stages[key] = told or _is_started_to_work_in(stage, context)
    return kept.stages[key]


def _is_started_to_work_in(stage: Stage, context: Context) -> bool:
    """Return whether a stage starts a server for development, and each container of it in other files, of which there
    are some, has a volume over the folder of the project."""
    if not _SERVES.search(stage.started):
        return False
    folders = {folder for above in stage.lineage for _, folder in above.workdirs.values()}
    containers = context.containers(stage)
    return bool(containers) and all(not folders.isdisjoint(one.mounts) for one in containers)


def _are_set_up_so(stage: Stage) -> bool:
    """Return whether a stage, and each that is built on it last, is set up for development or tests."""
    if not _is_set_up_so(stage):
        return False
    ends = [one for one in stage.graph.stages(stage.number + 1) if one.top]
    return all(_is_set_up_so(one) for one in ends if any(up.number == stage.number for up in one.lineage))


def _is_set_up_so(stage: Stage) -> bool:
    """Return whether the last ENV of a stage that sets the environment of its framework sets one for development or
    tests: an ARG is for the build, and may be given another value."""
    steps = [one for above in stage.lineage for one in above.instructions if one.verb == "env"]
    given = {name.value: value for one in steps for name, value in one.pairs()}
    return any(value.value.strip("\"'") in _FOR_PEOPLE for name in _MODES if (value := given.get(name)))


def _name_tells(stage: Stage) -> bool:
    if "CROSS_BASE_IMAGE" in stage.root:  # what cross compiles in (cross-rs, docs/custom_images.md)
        return True
    if _AGENTS.search(stage.root):
        return True
    ends = () if _BASE.isdisjoint(_words(stage.name)) else stage.graph.ends.get(stage.number, ())
    return _is_named(stage.name) or (bool(ends) and all(map(_is_named, ends)))


def _is_named(name: str) -> bool:
    """Return whether a stage or a file is named for development, tests or CI."""
    return _is_of_tests(name) or not _WORKSPACES.isdisjoint(_words(name))


def is_of_tests(names: Iterable[str]) -> bool:
    """Return whether one of the names of a stage, a file or its folders is one of development, tests or CI."""
    return any(map(_is_of_tests, names))


@lru_cache(maxsize=256)
def _is_of_tests(name: str) -> bool:
    return name.casefold() in _FOLDERS or not _WORDS.isdisjoint(_words(name))


@lru_cache(maxsize=256)
def _words(name: str) -> frozenset[str]:
    return frozenset(name.casefold().translate(_BETWEEN).split("-"))


def is_in_tests(image: Image, context: Context) -> bool:
    """Return whether an image is that of a container which a file for tests or development starts, by its name and its
    folders below those that the user named, or the base of what such a Dockerfile builds; not that of a pipeline."""
    path = context.source.path
    if context.kind == "dockerfile":
        return _of_file(context).for_people
    if context.kind not in _STARTING or image.where.startswith(_OF_A_PIPELINE):
        return False
    file, folders = _parts(path, context.settings.named)
    words = frozenset().union(*map(_words, (*folders, file)))
    return _FOLDERS.isdisjoint(path.split(os.sep)) and not (_WORDS - _OF_PIPELINES).isdisjoint(words)


class _OfFile:
    """What is known of a file, with the paths that the user named: whether the names of its path tell that its images
    are not shipped, or not unless they are started, and of which stages it is known that they are not, or are."""

    def __init__(self, source: Source, named: tuple[str, ...]) -> None:
        self.source, self.named = source, named
        self.for_people = _is_for_people_by_path(source.path, named)
        self.path_tells = self.for_people or _is_a_base(source.path, named)
        self.builds = _are_builders(os.path.basename(source.path))
        self.stages: dict[tuple[Graph, int], bool] = {}


class _Last:
    """The file asked about last: each rule asks for each stage of a file, and a user may have named thousands of
    paths."""

    kept: _OfFile | None = None


def _of_file(context: Context) -> _OfFile:
    source, named = context.source, context.settings.named
    kept = _Last.kept
    if kept is None or kept.source is not source or kept.named is not named:
        kept = _Last.kept = _OfFile(source, named)
    return kept


def _is_for_people_by_path(path: str, named: tuple[str, ...]) -> bool:
    file, folders = _parts(path, named)
    own = "".join(folders[-1:]).casefold().translate(_BETWEEN)
    if _are_builders(file) and _words(file) <= _OF_BUILDERS:
        return True
    return _is_named(file) or own.rpartition("-")[2] in _WORKSPACES or is_of_tests(folders)


def _are_builders(file: str) -> bool:
    return not _BUILDERS.isdisjoint(_words(file))


def _is_a_base(path: str, named: tuple[str, ...]) -> bool:
    file, folders = _parts(path, named)
    return not all(_BASE.isdisjoint(_words(name)) for name in (file, *folders))


def _parts(path: str, named: tuple[str, ...]) -> tuple[str, list[str]]:
    """Return the name of a file, and its folders below those that the user named."""
    return os.path.basename(path), inside(absolute(path), named).split(os.sep)[:-1]
