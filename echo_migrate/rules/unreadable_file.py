"""A file that cannot be parsed as the type that its name indicates."""

from collections.abc import Iterator

from echo_migrate.dockerfile.images import IS_A_TEMPLATE
from echo_migrate.model import Finding, Problem
from echo_migrate.rules._rule import Context, rule


@rule(on=Problem, level="warning", also=("DL1000",))
def unreadable_file(problem: Problem, context: Context) -> Iterator[Finding]:
    message = f"{problem.what} {problem.reason}; it is not rewritten"
    idle = problem.reason == IS_A_TEMPLATE and not any(move.upstream for move in context.moves.values())
    yield Finding(problem.start, problem.end, message, level=problem.level, quiet=idle)  # nothing in it could move
