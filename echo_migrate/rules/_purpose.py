"""What an image is for: one for development, tests or CI needs what one that is shipped should not have."""

import os
from collections.abc import Iterable
from functools import wraps
from typing import Any

from echo_migrate.dockerfile.stages import Stage
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.unedited import inside
from echo_migrate.model import Finding
from echo_migrate.rules._rule import Check, Context

_WORDS = lazy_regex(
    r"(?i)(?:.*[._-])?(?:ci|debug|dev|devcontainer|devel|develop|development|e2e|gitpod|lint|linter|local|tests?|testing)"
    r"(?:[._-].*)?|\.(?:circleci|github)"
)
"""Names of stages, files and folders."""


def of_shipped_images(check: Check) -> Check:
    """Return the check of a rule, without the findings in images for development, tests or CI."""

    @wraps(check)
    def only_shipped(node: Any, context: Context) -> Iterable[Finding]:
        return () if isinstance(node, Stage) and _is_for_people(node, context) else check(node, context)

    return only_shipped


def _is_for_people(stage: Stage, context: Context) -> bool:
    """Return whether an image is for development, tests or CI, judging by the names of its stage, file and folders.

    Of the path, only what is below the folders that the user named counts.
    """
    path = inside(os.path.abspath(context.source.path), context.settings.named)
    names = (stage.name, os.path.basename(context.source.path), *path.split(os.sep))
    return any(_WORDS.fullmatch(name) for name in names)
