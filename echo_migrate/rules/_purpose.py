"""What an image is for: a build or a container; to be shipped, or for development, tests or CI."""

import os
from collections.abc import Iterable
from functools import lru_cache, wraps
from typing import Any

from echo_migrate.dockerfile.stages import Stage
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Source
from echo_migrate.files.unedited import inside
from echo_migrate.model import Finding, Image
from echo_migrate.rules._rule import Check, Context

_WORDS = lazy_regex(
    r"(?i)(?:.*[._-])?(?:ci|cypress|debug|dev|devcontainer|devel|develop|development|e2e|gitpod|lint|linter|local|make|playwright"
    r"|tests?|testing)(?:[._-].*)?|\.(?:circleci|github)"
)
"""Names of stages, files and folders."""

_BASE = lazy_regex(r"(?i)(?:.*[._-])?base(?:[._-].*)?")
"""Names of files and folders of an image that only others are built on, which decide what they ship."""

_OF_A_BUILD = lazy_regex(r"(?:^| )(?:FROM|COPY --from|RUN --mount from)$")

_OF_A_COMMAND = lazy_regex(r"(?:^| )(?:buildah|crane|docker|kubectl|nerdctl|oc|podman|skopeo) [a-z-]+")


def is_of_a_build(image: Image) -> bool:
    """Return whether an image is named by an instruction of a Dockerfile, in a file of its own or inline."""
    return bool(_OF_A_BUILD.search(image.where))


def is_of_a_command(image: Image) -> bool:
    """Return whether an image is named by a command, which runs once with whatever version there is."""
    return bool(_OF_A_COMMAND.search(image.where))


def of_shipped_images(check: Check) -> Check:
    """Return the check of a rule, without the findings in images for development, tests or CI."""

    @wraps(check)
    def only_shipped(node: Any, context: Context) -> Iterable[Finding]:
        return () if isinstance(node, Stage) and _is_for_people(node, context) else check(node, context)

    return only_shipped


class _Last:
    """The file that was asked about last, and the answer: each rule asks for each stage of a file."""

    source: Source | None = None
    named: tuple[str, ...] = ()
    tells = False


def _is_for_people(stage: Stage, context: Context) -> bool:
    """Return whether an image is for development, tests or CI, or a base of others, judging by the names of its stage,
    file and folders.

    Of the path, only what is below the folders that the user named counts.
    """
    source, named = context.source, context.settings.named
    if _Last.source is not source or _Last.named is not named:
        _Last.source, _Last.named, _Last.tells = source, named, _tells(source.path, named)
    return _Last.tells or _is_word(stage.name)


def is_of_tests(names: Iterable[str]) -> bool:
    """Return whether one of the names of a stage, a file or its folders is one of development, tests or CI."""
    return any(map(_is_word, names))


@lru_cache(maxsize=256)
def _is_word(name: str) -> bool:
    return bool(_WORDS.fullmatch(name))


def _tells(path: str, named: tuple[str, ...]) -> bool:
    """Return whether a file's name, or the folders of its path below those named, tell that its images are not
    shipped."""
    names = (os.path.basename(path), *inside(os.path.abspath(path), named).split(os.sep))
    return is_of_tests(names) or any(map(_BASE.fullmatch, names))
