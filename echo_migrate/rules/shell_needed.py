"""A command in shell form on a base image without a shell."""

from collections.abc import Iterator

from echo_migrate.dockerfile.container import Container
from echo_migrate.dockerfile.stages import Stage
from echo_migrate.model import Finding
from echo_migrate.rules._rule import Context, rule


@rule(on=Stage | Container, level="error", blocks=True)
def shell_needed(node: Stage | Container, context: Context) -> Iterator[Finding]:
    effective = context.effective(node)
    if effective is not None and (effective.base.shell is False or effective.base.shell_at):
        from echo_migrate.rules._without_shell import calls_of_a_shell  # most images have one, in /bin

        yield from calls_of_a_shell(node, effective, context.source.path)
