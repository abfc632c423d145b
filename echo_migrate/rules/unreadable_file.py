"""A file that cannot be parsed as the type that its name indicates."""

from collections.abc import Iterator

from echo_migrate.dockerfile.images import HAS_NO_FROM, IS_A_TEMPLATE
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.model import Finding, Problem
from echo_migrate.rules._rule import Context, rule

_TEMPLATE = lazy_regex(r"(?i)\.(?:erb|hbs|in|j2|jinja2?|mustache|te?mpl|template|tpl)$")
"""The names of files that another program fills in."""


@rule(on=Problem, level="warning", also=("DL1000",))
def unreadable_file(problem: Problem, context: Context) -> Iterator[Finding]:
    message = f"{problem.what} {problem.reason}; it is not rewritten"
    partial = problem.reason in (HAS_NO_FROM, IS_A_TEMPLATE) or bool(_TEMPLATE.search(context.source.path))
    idle = partial and not any(move.upstream for move in context.moves.values())
    level = "note" if partial else problem.level
    yield Finding(problem.start, problem.end, message, level=level, quiet=idle)  # nothing in it could move
