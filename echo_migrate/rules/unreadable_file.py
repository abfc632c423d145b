"""A file that cannot be parsed as the type that its name indicates."""

import os
from collections.abc import Iterator

from echo_migrate.dockerfile.images import HAS_NO_FROM, IS_A_TEMPLATE
from echo_migrate.dockerfile.parser import VERBS, read
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.source import Source
from echo_migrate.files.tree import absolute, top
from echo_migrate.model import Finding, Problem
from echo_migrate.rules._rule import Context, rule

_TEMPLATE = lazy_regex(r"(?i)\.(?:erb|hbs|in|j2|jinja2?|mustache|te?mpl|template|tpl)$")
"""The names of files that another program fills in."""
_WORKFLOW = lazy_regex(r"(?:^|[\\/])\.github[\\/]workflows[\\/][^\\/]+$", needs=("workflows",))
_BEGINNINGS = ("{{", "{%", "{#", "<%")
"""How a template may begin, and no Dockerfile."""


@rule(on=Problem, level="warning", also=("DL1000",))
def unreadable_file(problem: Problem, context: Context) -> Iterator[Finding]:
    if problem.reason == HAS_NO_FROM and not read(context.source.text).instructions:
        return  # nothing but comments
    message = f"{problem.what} {problem.reason}; it is not rewritten"
    template = problem.reason == IS_A_TEMPLATE or bool(context.kind and _TEMPLATE.search(context.source.path))
    partial = template or (problem.reason == HAS_NO_FROM and _is_a_fragment(context.source))
    idle = partial and not any(move.upstream for move in context.moves.values())
    idle = idle or _is_read_by_nobody(context.source.path)
    level = "note" if template else problem.level
    yield Finding(problem.start, problem.end, message, level=level, quiet=idle)  # nothing in it could move


def _is_read_by_nobody(path: str) -> bool:
    """Return whether a file is a workflow in another folder than that of its repository, where GitHub reads none."""
    if not _WORKFLOW.search(path):
        return False
    root = top(path)
    return os.path.dirname(os.path.relpath(absolute(path), root)) != os.path.join(".github", "workflows")


def _is_a_fragment(source: Source) -> bool:
    """Return whether a Dockerfile without a FROM is one that others include: by its name, which is not that of what is
    built, and as it has nothing but instructions, or begins as a template."""
    name = os.path.basename(source.path).lower()
    if name in ("dockerfile", "containerfile") or name.endswith(".dockerfile"):
        return False
    if source.text.lstrip()[:2] in _BEGINNINGS:
        return True
    return VERBS.issuperset(one.verb for one in read(source.text).instructions)
