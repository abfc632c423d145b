"""An ignore comment of ours that silences nothing."""

from collections.abc import Iterator

from echo_migrate.engine import Context
from echo_migrate.model import Finding, Ignore, rule


@rule(on=Ignore, level="note")
def unused_ignore(ignore: Ignore, context: Context) -> Iterator[Finding]:
    asked = {rule.id for rule in context.settings.rules}
    if ignore.ours and ignore not in context.used and ignore.rules <= asked:
        names = ", ".join(sorted(ignore.rules))
        yield Finding("unused-ignore", ignore.start, ignore.end, f"there is nothing here to ignore of {names}")
