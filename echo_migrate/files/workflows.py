"""Workflows of GitHub, Gitea and Forgejo, and where one is run: in a folder at the top of its repository."""

import os

from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.tree import repository

_EVENTS = lazy_regex(r"(?m)^(?:on|[\"']on[\"']|true)[ \t]*:")
_JOBS = lazy_regex(r"(?m)^[\"']?jobs[\"']?[ \t]*:")
_RUN = lazy_regex(r"(?:\.(?:depot|forgejo|gitea|github)/workflows|\.?(?:ci|workflows))/[^/]+")
"""Where workflows are run: by a forge, by Depot CI, or by act, which is given a file of any folder (``act -W ci``)."""

_OF_A_FORGE = lazy_regex(r"(?:.*/)?\.(?:forgejo|gitea|github)/workflows/[^/]+")
_COPIED = lazy_regex(
    r"(?i)(?:.*[/._-])?(?:blueprint|boilerplate|cookiecutter|copier|scaffold|scaffolding|skeleton|starter|template)s?"
    r"[/._-].*"
)
"""The path of a workflow that is to be copied into other repositories, by a word of its name or of a folder's."""


def is_workflow(text: str) -> bool:
    """Return whether a text has the keys of a workflow."""
    return bool(_EVENTS.search(text) and _JOBS.search(text))


def is_foreign(path: str, text: str) -> bool:
    """Return whether a file, by its absolute path, is a workflow where its repository runs none: that of another one,
    an example, or what a program reads. Files that are in no repository may be those of several."""
    root = repository(os.path.dirname(path))
    if root is None or not is_workflow(text):
        return False
    below = path[len(root.rstrip("/")) + 1 :]
    if _RUN.fullmatch(below) or "{" in below:  # what is filled in is a template
        return False
    return bool(_OF_A_FORGE.fullmatch(below)) or not _COPIED.fullmatch(below)
